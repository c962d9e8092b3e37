/**
 * ChangeEmitter: turns the list of changes that a kernel has produced into batches and emits them.
 *
 * Flow:    rankProcess, joinApply, … → emit() → output; then frees the log blocks that the changes still pointed to.
 * Rules:   the list is read before the first batch goes out, because operators behind this one use the same kernels.
 * Limits:  MAX_BATCH_ROWS rows a batch.
 */
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import type { RowFormat } from "./row-format.ts";

export class ChangeEmitter {
  readonly #context: OperatorContext;
  readonly #left: RowFormat;
  readonly #right: RowFormat | undefined;
  readonly #ranked: boolean;
  readonly #columns: number;

  constructor(options: {
    readonly context: OperatorContext;
    readonly output: Schema;
    readonly left: RowFormat;
    /** Joins: the right side's fields follow the left's. */
    readonly right?: RowFormat;
    /** A BIGINT with the rank is the last column. */
    readonly ranked?: boolean;
  }) {
    this.#context = options.context;
    this.#left = options.left;
    this.#right = options.right;
    this.#ranked = options.ranked === true;
    this.#columns = physicalColumns(options.output).length;
  }

  /** Emits the list; `map` is the state that noted blocks belong to, 0 when there are none. */
  emit(map = 0): void {
    const { kernels } = this.#context.runtime;
    const count = kernels.changesCount();
    const kinds = kernels.changesKinds() >>> 0;
    const lefts = kernels.changesLefts() >>> 0;
    const rights = kernels.changesRights() >>> 0;
    const ranks = kernels.changesRanks() >>> 0;
    const frees = kernels.changesFrees() >>> 0;
    const freeCount = kernels.changesFreeCount();
    for (let from = 0; from < count; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, count - from);
      const batch = kernels.batchCreate(n, this.#columns, kinds + from) >>> 0;
      this.#left.decode(lefts + from * 4, n, batch, 0);
      this.#right?.decode(rights + from * 4, n, batch, this.#left.columns);
      if (this.#ranked) this.#writeRanks(batch, ranks + from * 4, n);
      this.#context.output.emit(batch);
      kernels.arenaRelease(mark);
    }
    if (freeCount > 0) kernels.freeNoted(map, frees, freeCount);
  }

  #writeRanks(batch: number, ranks: number, n: number): void {
    const { kernels, memory } = this.#context.runtime;
    const values = kernels.widen(ranks, n) >>> 0;
    const at = columnPtr(batch, this.#columns - 1) + COLUMN_VALUES;
    new DataView(memory.buffer).setUint32(at, values, true);
  }
}
