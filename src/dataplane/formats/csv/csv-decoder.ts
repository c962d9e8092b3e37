/**
 * CsvDecoder: CSV records → batches, one kernel call per batch.
 *
 * Flow:    connector's buffer → here → kernels/csv.as.ts → task. Fields are taken by position.
 * Header:  with csv.header the first record of every file is left out (startAt(0)).
 * Errors:  MR3101 a bad record (record-decoder.ts), MR3102 a column of a type that CSV does not carry.
 */
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import {
  type LogicalType,
  typeToString,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import type { DecodeResult, Decoder, DecoderContext } from "../../contract/format.ts";
import { buildFieldTree, type FieldTree } from "../field-tree.ts";
import { MemoryWriter } from "../memory-writer.ts";
import { RecordDecoder } from "../record-decoder.ts";
import type { CsvOptions } from "./csv-options.ts";
import { CSV_FLAGS, checkCsvType, PLAN_FLAGS, writeCsvPlan } from "./csv-plan.ts";

export class CsvDecoder implements Decoder {
  readonly #context: DecoderContext;
  readonly #plan: number;
  readonly #memory: MemoryWriter;
  readonly #records: RecordDecoder;
  readonly #header: boolean;

  /** `extraFlags`: CSV_FLAGS that a format of lines adds. */
  constructor(context: DecoderContext, options: CsvOptions, format = "csv", extraFlags = 0) {
    const tree: FieldTree = buildFieldTree(context.table, context.projection, context.output);
    for (const { name, type } of tree.roots) checkCsvType(name, type, format);
    const skip = options.errors !== "fail" || options.ignoreParseErrors;
    const flags =
      (options.ignoreParseErrors ? CSV_FLAGS.fieldErrorsNull : 0) |
      (skip ? CSV_FLAGS.skipBad : 0) |
      (options.allowComments ? CSV_FLAGS.comments : 0);
    this.#context = context;
    this.#header = options.header;
    this.#memory = new MemoryWriter(context.runtime.memory);
    this.#plan = writeCsvPlan(context.runtime, {
      fields: tree.roots.map(({ type, column }) => ({ type, column })),
      widths: tree.columns.map(({ width }) => width),
      outputs: tree.outputs,
      flags: flags | extraFlags,
      maxRows: MAX_BATCH_ROWS,
      options,
    });
    this.#records = new RecordDecoder(context, {
      format,
      plan: this.#plan,
      skip,
      reason: (code, fieldId) => csvReason(code, tree.nodes[fieldId], tree.roots.length),
    });
    this.startAt(0);
  }

  startAt(offset: number): void {
    const at = this.#plan + PLAN_FLAGS;
    const flags = this.#memory.read(at) & ~CSV_FLAGS.skipFirst;
    this.#memory.u32(at, flags | (this.#header && offset === 0 ? CSV_FLAGS.skipFirst : 0));
  }

  decode(address: number, length: number, last: boolean): DecodeResult {
    const { kernels } = this.#context.runtime;
    return this.#records.finish(kernels.csvDecode(this.#plan, address, length, last ? 1 : 0));
  }
}

function csvReason(
  code: number,
  field: { readonly name: string; readonly type: LogicalType } | undefined,
  count: number,
): string {
  if (code === 9) return "the field is not valid UTF-8";
  if (code === 17) return `the record has not the ${count} fields of the table`;
  if (code === 18) return "the quote is never closed";
  if (code === 19) return "something follows the closing quote";
  if (field === undefined) return `unknown reason ${code}`;
  const type = typeToString(withNullable(field.type, true));
  if (code === 14) return `field "${field.name}": the value is out of the range of ${type}`;
  return `field "${field.name}": the value is no ${type}`;
}
