/**
 * ValueList: value-set entries of a bundle one behind another, each row its own: what a ScratchMap holds folded.
 *
 * Memory:  regions outside the arena: keys (of texts their bytes, and u32 offset, u32 length of each), and counts.
 */
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { Region } from "../rows/region.ts";
import type { ScratchEntries } from "./scratch-map.ts";

const VIEW_BYTES = 8;

export class ValueList {
  readonly #runtime: WorkerRuntime;
  /** -1: views. */
  readonly #keyBytes: number;
  readonly #valueBytes: number;
  readonly #keys: Region;
  readonly #views: Region;
  readonly #values: Region;
  #count = 0;

  constructor(runtime: WorkerRuntime, keyBytes: number, valueBytes: number) {
    this.#runtime = runtime;
    this.#keyBytes = keyBytes;
    this.#valueBytes = valueBytes;
    this.#keys = new Region(runtime);
    this.#views = new Region(runtime);
    this.#values = new Region(runtime);
  }

  get rows(): number {
    return this.#count;
  }

  /** Address of the u32 list of entries, valid until the next append. `keys`: as the key codec gives them. */
  append(n: number, keys: number): number {
    const { kernels, memory } = this.#runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    if (this.#keyBytes < 0) this.#appendViews(n, keys);
    else {
      const to = this.#keys.grow(n * this.#keyBytes);
      new Uint8Array(memory.buffer).copyWithin(to, keys, keys + n * this.#keyBytes);
    }
    const first = this.#values.grow(n * this.#valueBytes);
    new Uint8Array(memory.buffer, first, n * this.#valueBytes).fill(0);
    const list = new Uint32Array(memory.buffer, entries, n);
    for (let i = 0; i < n; i++) list[i] = first + i * this.#valueBytes;
    this.#count += n;
    return entries;
  }

  /** In pieces of at most MAX_BATCH_ROWS. */
  *pieces(): Generator<ScratchEntries> {
    const { kernels, memory } = this.#runtime;
    for (let from = 0; from < this.#count; from += MAX_BATCH_ROWS) {
      const n = Math.min(MAX_BATCH_ROWS, this.#count - from);
      const entries = kernels.arenaAlloc(n * 4) >>> 0;
      const first = this.#values.address + from * this.#valueBytes;
      const list = new Uint32Array(memory.buffer, entries, n);
      for (let i = 0; i < n; i++) list[i] = first + i * this.#valueBytes;
      const keys =
        this.#keyBytes < 0 ? this.#viewsOf(from, n) : this.#keys.address + from * this.#keyBytes;
      yield { n, keys, entries };
    }
  }

  clear(): void {
    for (const region of [this.#keys, this.#views, this.#values]) region.empty();
    this.#count = 0;
  }

  close(): void {
    for (const region of [this.#keys, this.#views, this.#values]) region.free();
    this.#count = 0;
  }

  #appendViews(n: number, views: number): void {
    const { kernels, memory } = this.#runtime;
    const to = this.#keys.grow(kernels.bundleBytes(n, views) >>> 0);
    const at = this.#views.grow(n * VIEW_BYTES);
    const offsets = kernels.arenaAlloc(n * 4) >>> 0;
    const used = to - this.#keys.address;
    kernels.bundleCopy(n, views, this.#keys.address, used, offsets);
    const own = new Uint32Array(memory.buffer, offsets, n);
    const from = new Uint32Array(memory.buffer, views, n * 2);
    const kept = new Uint32Array(memory.buffer, at, n * 2);
    for (let i = 0; i < n; i++) {
      kept[i * 2] = own[i]!;
      kept[i * 2 + 1] = from[i * 2 + 1]!;
    }
  }

  #viewsOf(from: number, n: number): number {
    const { kernels, memory } = this.#runtime;
    const views = kernels.arenaAlloc(n * VIEW_BYTES) >>> 0;
    const kept = new Uint32Array(memory.buffer, this.#views.address + from * VIEW_BYTES, n * 2);
    const out = new Uint32Array(memory.buffer, views, n * 2);
    const bytes = this.#keys.address;
    for (let i = 0; i < n; i++) {
      out[i * 2] = bytes + kept[i * 2]!;
      out[i * 2 + 1] = kept[i * 2 + 1]!;
    }
    return views;
  }
}
