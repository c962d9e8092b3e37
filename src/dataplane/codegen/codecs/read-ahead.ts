/**
 * ReadAhead: code that reads the texts of the next rows of a batch before they are copied (kernel warmViews), so that the
 * misses of rows that are far apart overlap.
 *
 * Flow:    row-codec.ts, row-writer.ts: at the top of their loops over rows.
 * Limits:  ROWS_AHEAD rows at once: with texts of some hundred bytes they stay within the second-level cache.
 */
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import type { BatchColumns } from "../batch-columns.ts";
import type { FunctionBuilder, FunctionRef, Local } from "../emitter/function-builder.ts";
import type { ModuleBuilder } from "../emitter/module-builder.ts";
import type { RowLayout } from "./row-layout.ts";

const ROWS_AHEAD = 64;

export class ReadAhead {
  readonly #f: FunctionBuilder;
  readonly #source: BatchColumns;
  readonly #views: readonly number[];
  readonly #row: Local;
  readonly #end: Local;
  readonly #next: Local;
  readonly #warmViews: FunctionRef | undefined;

  constructor(
    builder: ModuleBuilder,
    options: {
      readonly f: FunctionBuilder;
      readonly source: BatchColumns;
      readonly layout: RowLayout;
      readonly row: Local;
      readonly end: Local;
    },
  ) {
    const { f, source, layout, row, end } = options;
    this.#f = f;
    this.#source = source;
    this.#views = layout.views.filter((index) => source.columns[index]!.type.kind !== "NULL");
    this.#row = row;
    this.#end = end;
    this.#next = f.local("i32", "ahead");
    this.#warmViews =
      this.#views.length === 0
        ? undefined
        : builder.importFunction("k", "warmViews", KERNEL_SIGNATURES.warmViews);
  }

  /** Code at the top of the loop: rows are read ahead when those read last have been reached. */
  code(): void {
    const f = this.#f;
    const call = this.#warmViews;
    if (call === undefined) return;
    const pointers = this.#views.map((index) => ({
      values: this.#source.valuesPtr(index),
      validity: this.#source.columns[index]!.nullable ? this.#source.validityPtr(index) : undefined,
    }));
    f.get(this.#row).get(this.#next).op("i32.ge_u");
    f.if(() => {
      const until = f.local("i32");
      f.get(this.#row).i32(ROWS_AHEAD).op("i32.add").tee(this.#next).get(this.#end);
      f.get(this.#next).get(this.#end).op("i32.lt_u").op("select").set(until);
      for (const { values, validity } of pointers) {
        f.get(values);
        if (validity === undefined) f.i32(0);
        else f.get(validity);
        f.get(this.#row).get(until).call(call);
      }
    });
  }
}
