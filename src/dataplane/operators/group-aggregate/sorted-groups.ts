/**
 * SortedGroups: an aggregation whose rows come with those of a key one behind the other: groups go as soon as there are many.
 *
 * Flow:    batch-group-aggregate.ts, merging-group-aggregate.ts → take(batch): rows of the group that is still open are folded,
 *          then all groups are emitted and removed, then the rows of new ones are folded.
 * Memory:  MOST_GROUPS groups and those of one batch; a group may have any number of rows.
 * Source:  Flink BatchExecSortAggregate.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BatchRows } from "../rows/batch-rows.ts";

/** With accumulators of 100 bytes they are about as big as a core's caches. */
const MOST_GROUPS = 16_384;

export interface SortedGroupsOptions {
  readonly context: OperatorContext;
  /** Of the input. */
  readonly schema: Schema;
  readonly keys: KeyCodec;
  /** Of the groups. */
  readonly map: number;
  readonly fold: (batch: BatchPtr) => void;
  /** Emits and removes all groups. */
  readonly drain: () => Iterable<void>;
}

export class SortedGroups {
  readonly #options: SortedGroupsOptions;
  readonly #rows: BatchRows;

  constructor(options: SortedGroupsOptions) {
    this.#options = options;
    this.#rows = new BatchRows(options.context.runtime, options.schema);
  }

  take(batch: BatchPtr): void {
    const { context, map, fold, drain } = this.#options;
    const { kernels, memory } = context.runtime;
    if (kernels.mapEntries(map) >>> 0 < MOST_GROUPS) {
      fold(batch);
      return;
    }
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const open = this.#rowsOfOpenGroup(batch, n);
    if (open > 0) fold(this.#part(batch, 0, open));
    if (open === n) return;
    for (const _ of drain()) {
      // Piece by piece, but within this call: the rows behind it need the room.
    }
    fold(this.#part(batch, open, n));
  }

  /** How many rows at the batch's beginning have a group already: it can only be the last one. */
  #rowsOfOpenGroup(batch: BatchPtr, n: number): number {
    const { context, keys: codec, map } = this.#options;
    const { kernels, memory } = context.runtime;
    const { keys, hashes } = codec.encode(batch);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(map, n, hashes, keys, entries);
    const first = new Uint32Array(memory.buffer, entries, n).indexOf(0);
    return first < 0 ? n : first;
  }

  #part(batch: BatchPtr, from: number, to: number): BatchPtr {
    if (from === 0 && to === this.#rows.rows(batch)) return batch;
    const { kernels, memory } = this.#options.context.runtime;
    const list = kernels.arenaAlloc((to - from) * 4) >>> 0;
    const words = new Uint32Array(memory.buffer, list, to - from);
    for (let i = from; i < to; i++) words[i - from] = i;
    return this.#rows.gather(batch, list, to - from);
  }
}
