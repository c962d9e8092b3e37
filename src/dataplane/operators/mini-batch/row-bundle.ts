/**
 * RowBundle: rows that an operator holds back until its mini-batch is complete, with their kinds.
 *
 * Memory:  three regions outside the arena that double when they are full: rows as bytes, offsets, kinds. No state: what is
 *          held must be processed before a barrier is passed on.
 */
import { BATCH_KINDS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { Region } from "../rows/region.ts";
import { RowFormat } from "../rows/row-format.ts";

export class RowBundle {
  readonly #runtime: WorkerRuntime;
  readonly #format: RowFormat;
  readonly #rows: BatchRows;
  readonly #bytes: Region;
  readonly #offsets: Region;
  readonly #kinds: Region;
  #count = 0;
  #changes = false;

  constructor(runtime: WorkerRuntime, schema: Schema, operator: string) {
    this.#runtime = runtime;
    this.#format = new RowFormat(runtime, schema, operator);
    this.#rows = new BatchRows(runtime, schema);
    this.#bytes = new Region(runtime);
    this.#offsets = new Region(runtime);
    this.#kinds = new Region(runtime);
  }

  get rows(): number {
    return this.#count;
  }

  add(batch: BatchPtr): void {
    const { kernels, memory } = this.#runtime;
    const n = this.#rows.rows(batch);
    const views = this.#format.encode(batch);
    const bytes = kernels.bundleBytes(n, views) >>> 0;
    const to = this.#bytes.grow(bytes);
    const offsets = this.#offsets.grow(n * 4);
    const kinds = this.#kinds.grow(n);
    kernels.bundleCopy(n, views, this.#bytes.address, to - this.#bytes.address, offsets);
    const from = new DataView(memory.buffer).getUint32(batch + BATCH_KINDS, true);
    const all = new Uint8Array(memory.buffer);
    if (from === 0) all.fill(0, kinds, kinds + n);
    else all.copyWithin(kinds, from, from + n);
    this.#changes ||= from !== 0;
    this.#count += n;
  }

  /** All rows as one batch, which is valid until the next add(); the bundle is empty then. 0 when there is none. */
  take(): BatchPtr {
    const n = this.#count;
    if (n === 0) return 0;
    const { kernels, memory } = this.#runtime;
    const addresses = kernels.bundleAddresses(n, this.#bytes.address, this.#offsets.address) >>> 0;
    let kinds = 0;
    if (this.#changes) {
      kinds = kernels.arenaAlloc(n) >>> 0;
      const from = this.#kinds.address;
      new Uint8Array(memory.buffer).copyWithin(kinds, from, from + n);
    }
    const batch = kernels.batchCreate(n, this.#format.columns, kinds) >>> 0;
    this.#format.decode(addresses, n, batch, 0);
    for (const region of [this.#bytes, this.#offsets, this.#kinds]) region.empty();
    this.#count = 0;
    this.#changes = false;
    return batch;
  }

  close(): void {
    for (const region of [this.#bytes, this.#offsets, this.#kinds]) region.free();
    this.#format.close();
  }
}
