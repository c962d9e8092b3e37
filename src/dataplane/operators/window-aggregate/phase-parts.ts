/**
 * PhaseParts: what a LocalWindowAggregate gives on, by kind: rows as they came, accumulators, values of each DISTINCT set.
 *
 * Layout:  the grouping fields, the window's bounds, the accumulator as bytes, the fields that aggregates refer to. A row as it
 *          came has an accumulator of no bytes; a DISTINCT value one of one byte, the number of its set; where there is an
 *          accumulator the other fields hold nothing.
 * Source:  the accumulators of Flink's local aggregates hold the distinct values as map views.
 */
import { type BatchPtr, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import { physicalIndex } from "../../../foundation/columnar/schema.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BatchRows } from "../rows/batch-rows.ts";

/** Of the kernels: not the number of a set. */
export const ROWS = -2;
export const ACCUMULATORS = -1;

export interface PhasePart {
  /** ROWS, ACCUMULATORS or the number of a DISTINCT set. */
  readonly kind: number;
  readonly batch: BatchPtr;
}

export class PhaseParts {
  readonly #context: OperatorContext;
  readonly #rows: BatchRows;
  readonly #column: number;
  readonly #sets: number;

  /** `field`: that of the accumulators; undefined: the input holds rows alone. */
  constructor(context: OperatorContext, field: number | undefined, sets: number) {
    const input = context.inputs[0]!;
    this.#context = context;
    this.#rows = new BatchRows(context.runtime, input);
    this.#column = field === undefined ? -1 : physicalIndex(input, field);
    this.#sets = sets;
  }

  split(batch: BatchPtr): readonly PhasePart[] {
    if (this.#column < 0) return [{ kind: ROWS, batch }];
    const { kernels } = this.#context.runtime;
    const n = this.#rows.rows(batch);
    const views = this.#views(batch);
    const parts: PhasePart[] = [];
    let left = n;
    for (let kind = ROWS; kind < this.#sets && left > 0; kind++) {
      const list = kernels.arenaAlloc(n * 4) >>> 0;
      const count = kernels.rowsOfPhase(n, views, kind, list) >>> 0;
      if (count === n) return [{ kind, batch }];
      if (count > 0) parts.push({ kind, batch: this.#rows.gather(batch, list, count) });
      left -= count;
    }
    return parts;
  }

  /** How many rows of the stream a part's rows stand for, or those of them in `list` (u32[n]). */
  rowsOf({ kind, batch }: PhasePart, list = 0, n = this.#rows.rows(batch)): number {
    if (kind === ROWS) return n;
    if (kind !== ACCUMULATORS) return 0;
    return Number(this.#context.runtime.kernels.accumulatedRows(n, this.#views(batch), list));
  }

  #views(batch: BatchPtr): number {
    const { memory } = this.#context.runtime;
    const at = columnPtr(batch, this.#column) + COLUMN_VALUES;
    return new DataView(memory.buffer).getUint32(at, true);
  }
}
