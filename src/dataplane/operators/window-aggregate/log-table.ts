/**
 * LogTable: a bounded table from keys to accumulators that keep texts or lists in a log: a keyed map outside state, emptied
 * before every barrier.
 *
 * Limits:  MOST_ROWS rows are folded, then hasRoom is false until it is drained.
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { CompiledAccumulate } from "../../codegen/aggregates/accumulate.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import {
  compileKeyCodec,
  type EncodedKeys,
  type KeyCodec,
} from "../../codegen/codecs/key-codec.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { GroupTableOptions, GroupTablePiece } from "./group-table.ts";

const MOST_ROWS = 65_536;

export class LogTable {
  readonly keys: KeyCodec;
  readonly #runtime: WorkerRuntime;
  readonly #builder: BatchBuilder;
  #compiled: CompiledAccumulate | undefined;
  #domain = 0;
  #map = 0;
  #rows = 0;

  constructor({ runtime, schema, fields, operator }: GroupTableOptions) {
    this.#runtime = runtime;
    this.keys = compileKeyCodec({ schema, fields, runtime, operator });
    this.#builder = compileBatchBuilder({ output: this.keys.schema, runtime, operator });
  }

  open(compiled: CompiledAccumulate): void {
    this.#compiled = compiled;
    this.#create();
  }

  hasRoom(n: number): boolean {
    return this.#rows + n <= MOST_ROWS;
  }

  fold(batch: BatchPtr, { keys, hashes }: EncodedKeys): void {
    const { kernels, memory } = this.#runtime;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map, n, hashes, keys, entries);
    this.#compiled!.accumulate(batch, entries, this.#map);
    this.#rows += n;
  }

  /** Every entry, then none is left; how many there were. */
  drain(emit: (piece: GroupTablePiece) => void): number {
    if (this.#rows === 0) return 0;
    let total = 0;
    for (let cursor = 0; ; ) {
      const mark = this.#runtime.kernels.arenaMark();
      const { n, last } = this.#piece(cursor, emit);
      this.#runtime.kernels.arenaRelease(mark);
      total += n;
      if (n < MAX_BATCH_ROWS) break;
      cursor = last;
    }
    this.#destroy();
    this.#create();
    this.#rows = 0;
    return total;
  }

  close(): void {
    this.#destroy();
  }

  #piece(cursor: number, emit: (piece: GroupTablePiece) => void): { n: number; last: number } {
    const { kernels, memory } = this.#runtime;
    const { keyBytes } = this.keys;
    const { valueBytes, handles } = this.#compiled!;
    const entries = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
    const hashes = kernels.arenaAlloc(MAX_BATCH_ROWS * 8) >>> 0;
    const keys = kernels.arenaAlloc(MAX_BATCH_ROWS * (keyBytes < 0 ? 8 : keyBytes)) >>> 0;
    const n =
      kernels.entriesCollect(this.#map, 0, cursor, MAX_BATCH_ROWS, entries, hashes, keys) >>> 0;
    if (n === 0) return { n, last: 0 };
    const last = new DataView(memory.buffer).getUint32(entries + (n - 1) * 4, true);
    const list = kernels.arenaAlloc(handles.length * 2) >>> 0;
    new Uint16Array(memory.buffer, list, handles.length).set(handles);
    const distance = hashDistance(keyBytes);
    const views =
      kernels.accumulatorsPack(
        this.#map,
        n,
        entries,
        distance,
        valueBytes,
        list,
        handles.length,
      ) >>> 0;
    const out = this.#builder.begin(n);
    this.keys.decode(keys, n, out, 0, 0);
    emit({ n, keys: this.#builder.finish(n, { insertOnly: true }), views });
    return { n, last };
  }

  #create(): void {
    const { kernels } = this.#runtime;
    this.#domain = kernels.domainCreate() >>> 0;
    const { valueBytes } = this.#compiled!;
    this.#map = kernels.mapCreate(this.#domain, 1, 0, 1, this.keys.keyBytes, valueBytes, 0) >>> 0;
  }

  #destroy(): void {
    if (this.#map === 0) return;
    this.#runtime.kernels.mapDestroy(this.#map);
    this.#runtime.kernels.domainDestroy(this.#domain);
    this.#map = 0;
  }
}
