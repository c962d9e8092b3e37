/** CsvEncoder: batches → CSV lines as Flink's csv format writes them, one kernel call per batch. */
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { Encoder, EncoderContext } from "../../contract/format.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { CsvOptions } from "./csv-options.ts";
import { CSV_FLAGS, checkCsvType, writeCsvPlan } from "./csv-plan.ts";

export class CsvEncoder implements Encoder {
  readonly header?: Uint8Array;
  readonly #runtime: WorkerRuntime;
  readonly #plan: number;

  constructor({ runtime, input }: EncoderContext, options: CsvOptions, format = "csv") {
    for (const { name, type } of input.fields) checkCsvType(name, type, format);
    this.#runtime = runtime;
    this.#plan = writeCsvPlan(runtime, {
      fields: physicalColumns(input).map(({ type }, column) => ({ type, column })),
      widths: [],
      outputs: [],
      flags: options.scientificDecimals ? 0 : CSV_FLAGS.plainDecimal,
      maxRows: 0,
      options,
    });
    if (options.header)
      this.header = headerLine(
        input.fields.map(({ name }) => name),
        options,
      );
  }

  encode(batch: number): { readonly address: number; readonly length: number } {
    const { kernels } = this.#runtime;
    const length = kernels.csvEncode(this.#plan, batch) >>> 0;
    return { address: kernels.encodedAddress() >>> 0, length };
  }
}

function headerLine(names: readonly string[], { delimiter, quote }: CsvOptions): Uint8Array {
  const separator = String.fromCharCode(delimiter);
  const mark = quote === 0 ? "" : String.fromCharCode(quote);
  const texts = names.map((name) =>
    /^\w+$/.test(name) ? name : mark + name.replaceAll(mark, mark + mark) + mark,
  );
  return new TextEncoder().encode(`${texts.join(separator)}\n`);
}
