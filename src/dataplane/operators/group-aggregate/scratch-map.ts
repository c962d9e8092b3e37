/** ScratchMap: a keyed map outside state, with one key group: what an operator folds rows into until its mini-batch ends. */
import type { WorkerRuntime } from "../../contract/operator.ts";
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";

export interface ScratchEntries {
  readonly n: number;
  /** As the key codec gives them; in the arena. */
  readonly keys: number;
  /** u32[n] addresses of values. */
  readonly entries: number;
}

export class ScratchMap {
  readonly #runtime: WorkerRuntime;
  readonly #keyBytes: number;
  readonly #valueBytes: number;
  readonly #domain: number;
  #map = 0;

  constructor(runtime: WorkerRuntime, keyBytes: number, valueBytes: number) {
    this.#runtime = runtime;
    this.#keyBytes = keyBytes;
    this.#valueBytes = valueBytes;
    this.#domain = runtime.kernels.domainCreate() >>> 0;
  }

  /** Made when it is asked for. */
  get ptr(): number {
    if (this.#map !== 0) return this.#map;
    const { kernels } = this.#runtime;
    this.#map = kernels.mapCreate(this.#domain, 1, 0, 1, this.#keyBytes, this.#valueBytes, 0) >>> 0;
    return this.#map;
  }

  get count(): number {
    return this.#map === 0 ? 0 : this.#runtime.kernels.mapEntries(this.#map) >>> 0;
  }

  /** Its entries as they were inserted, in pieces of at most MAX_BATCH_ROWS. */
  *pieces(): Generator<ScratchEntries> {
    if (this.#map === 0) return;
    const { kernels, memory } = this.#runtime;
    const width = this.#keyBytes < 0 ? 8 : this.#keyBytes;
    for (let cursor = 0; ; ) {
      const entries = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
      const hashes = kernels.arenaAlloc(MAX_BATCH_ROWS * 8) >>> 0;
      const keys = kernels.arenaAlloc(MAX_BATCH_ROWS * width) >>> 0;
      const n =
        kernels.entriesCollect(this.#map, 0, cursor, MAX_BATCH_ROWS, entries, hashes, keys) >>> 0;
      if (n === 0) return;
      cursor = new DataView(memory.buffer).getUint32(entries + (n - 1) * 4, true);
      yield { n, keys, entries };
      if (n < MAX_BATCH_ROWS) return;
    }
  }

  clear(): void {
    if (this.#map !== 0) this.#runtime.kernels.mapDestroy(this.#map);
    this.#map = 0;
  }

  close(): void {
    this.clear();
    this.#runtime.kernels.domainDestroy(this.#domain);
  }
}
