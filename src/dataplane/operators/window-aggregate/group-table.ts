/**
 * GroupTable: a bounded table from keys to small values in the worker's memory, emptied before every barrier (kernels/group-table).
 *
 * Limits:  MOST_GROUPS keys, and TEXT_BYTES of keys of variable size: hasRoom is asked before a batch is added.
 */
import { MAX_BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import {
  compileKeyCodec,
  type EncodedKeys,
  type KeyCodec,
} from "../../codegen/codecs/key-codec.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

const TABLE_BYTES = 64;
/** A power of two; with accumulators of 100 bytes the table is about as big as a core's caches. */
const MOST_GROUPS = 16_384;
const TEXT_BYTES = 2 * 1024 * 1024;

export interface GroupTableOptions {
  readonly runtime: WorkerRuntime;
  readonly schema: Schema;
  /** Of the key. */
  readonly fields: readonly number[];
  readonly operator: string;
}

/** Some of the table's entries: their keys as columns, and views of their values. */
export interface GroupTablePiece {
  readonly n: number;
  readonly keys: BatchPtr;
  readonly views: number;
}

export class GroupTable {
  readonly keys: KeyCodec;
  readonly #runtime: WorkerRuntime;
  readonly #builder: BatchBuilder;
  #table = 0;

  constructor({ runtime, schema, fields, operator }: GroupTableOptions) {
    this.#runtime = runtime;
    this.keys = compileKeyCodec({ schema, fields, runtime, operator });
    this.#builder = compileBatchBuilder({ output: this.keys.schema, runtime, operator });
  }

  open(valueBytes: number): void {
    const { kernels } = this.#runtime;
    this.#table = kernels.operatorAllocate(TABLE_BYTES) >>> 0;
    kernels.groupsInit(this.#table, this.keys.keyBytes, valueBytes, MOST_GROUPS, TEXT_BYTES);
  }

  hasRoom(n: number, { keys }: EncodedKeys): boolean {
    return Boolean(this.#runtime.kernels.groupsHaveRoom(this.#table, n, keys));
  }

  /** Addresses of the keys' values, u32[n]; a new one is zero. */
  upsert(n: number, { keys, hashes }: EncodedKeys): number {
    const { kernels } = this.#runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.groupsUpsert(this.#table, n, hashes, keys, entries);
    return entries;
  }

  /** Every entry, in order of coming, then none is left; how many there were. */
  drain(emit: (piece: GroupTablePiece) => void): number {
    const { kernels } = this.#runtime;
    const count = kernels.groupsCount(this.#table) >>> 0;
    for (let from = 0; from < count; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, count - from);
      const out = this.#builder.begin(n);
      this.keys.decode(kernels.groupsKeys(this.#table, from, n) >>> 0, n, out, 0, 0);
      const keys = this.#builder.finish(n, { insertOnly: true });
      emit({ n, keys, views: kernels.groupsViews(this.#table, from, n) >>> 0 });
      kernels.arenaRelease(mark);
    }
    if (count > 0) kernels.groupsClear(this.#table);
    return count;
  }

  close(): void {
    if (this.#table === 0) return;
    const { kernels } = this.#runtime;
    kernels.groupsFree(this.#table);
    kernels.operatorFree(this.#table, TABLE_BYTES);
    this.#table = 0;
  }
}
