/**
 * OuterMatches: LEFT JOIN UNNEST on a condition: the expanded rows that meet it, and each row of the batch that has none once,
 * with NULLs.
 *
 * Flow:    Correlate: Unnest with keepsEmpty → here, in pieces of MAX_BATCH_ROWS → output. Rows stay in their order.
 * Shapes:  met u8[rows of the expansion] in the arena: 1 = leaves. A row without a match leaves as its first expanded row, whose
 *          function's columns become NULL.
 * Source:  Flink's generated correlate collectors: what does not meet the condition was not collected.
 */
import {
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { call, type Expression } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, type CompileOptions, compileCalc } from "../../codegen/calc.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import type { ExpandedRows } from "./expanded-rows.ts";

const BOOLEAN = types.boolean(false);

export class OuterMatches {
  readonly #runtime: WorkerRuntime;
  readonly #test: CompiledCalc;
  readonly #rows: BatchRows;

  constructor(
    runtime: WorkerRuntime,
    joined: Schema,
    condition: Expression,
    options: CompileOptions,
  ) {
    this.#runtime = runtime;
    const projection = [call("IS_TRUE", [condition], BOOLEAN)];
    const output: Schema = { fields: [{ name: "met", type: BOOLEAN }] };
    this.#test = compileCalc({ input: joined, projection, output }, options);
    this.#rows = new BatchRows(runtime, joined);
  }

  /** `join` makes the batch of the expanded rows from one on. */
  emit(
    expanded: ExpandedRows,
    join: (from: number) => BatchPtr,
    emit: (batch: BatchPtr) => void,
  ): void {
    const { kernels } = this.#runtime;
    const { rows } = expanded;
    const met = kernels.arenaAlloc(Math.max(1, rows)) >>> 0;
    for (let from = 0; from < rows; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const tested = this.#test.process(join(from));
      const values = this.#data().getUint32(columnPtr(tested, 0) + COLUMN_VALUES, true);
      const n = Math.min(MAX_BATCH_ROWS, rows - from);
      this.#bytes().copyWithin(met + from, values, values + n);
      kernels.arenaRelease(mark);
    }
    this.#keepUnmatched(expanded, met);
    for (let from = 0; from < rows; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const list = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
      const joined = join(from);
      const n = this.#listMet(met + from, Math.min(MAX_BATCH_ROWS, rows - from), list);
      if (n > 0) emit(this.#rows.gather(joined, list, n));
      kernels.arenaRelease(mark);
    }
  }

  #keepUnmatched({ rows, list, columns }: ExpandedRows, met: number): void {
    const data = this.#data();
    const bytes = this.#bytes();
    const ownerOf = (row: number) => data.getUint32(list + row * 4, true);
    for (let first = 0; first < rows; ) {
      const owner = ownerOf(first);
      let any = 0;
      let end = first;
      for (; end < rows && ownerOf(end) === owner; end++) any |= bytes[met + end]!;
      if (any === 0) {
        bytes[met + first] = 1;
        for (const { validity } of columns) bytes[validity + first] = 0;
      }
      first = end;
    }
  }

  #listMet(met: number, rows: number, list: number): number {
    const data = this.#data();
    const bytes = this.#bytes();
    let n = 0;
    for (let row = 0; row < rows; row++) {
      if (bytes[met + row] !== 0) data.setUint32(list + n++ * 4, row, true);
    }
    return n;
  }

  #data(): DataView {
    return new DataView(this.#runtime.memory.buffer);
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.#runtime.memory.buffer);
  }
}
