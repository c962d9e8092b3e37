/** RowTable: encoded rows in memory of their own, with or without an index by key (kernels/hash-join.as.ts). */
import type { WorkerRuntime } from "../../contract/operator.ts";

const TABLE_BYTES = 64;
const TABLE_FIRST = 8;
const TABLE_LAST = 12;
const TABLE_NEXT = 16;
const CHUNK_HEADER = 16;
const WHICH = { unmatched: 0, matched: 1, all: 2 } as const;

export interface EncodedRows {
  readonly keys: number;
  readonly hashes: number;
  /** u64[n] views of the rows. */
  readonly views: number;
  /** u8[n], 1 = a row with a NULL in its key; 0 = there is none. */
  readonly marks: number;
}

export class RowTable {
  readonly #runtime: WorkerRuntime;
  #ptr: number;

  /** `keyBytes`: of a fixed key, −1 variable, 0 no keys: rows are only kept. */
  constructor(runtime: WorkerRuntime, keyBytes: number) {
    this.#runtime = runtime;
    this.#ptr = runtime.kernels.operatorAllocate(TABLE_BYTES) >>> 0;
    runtime.kernels.hashTableInit(this.#ptr, keyBytes);
  }

  /** For the kernels. */
  get ptr(): number {
    return this.#ptr;
  }

  add(n: number, { keys, hashes, views, marks }: EncodedRows, keepMarked: boolean): void {
    const { kernels } = this.#runtime;
    kernels.hashTableAdd(this.#ptr, n, hashes, keys, views, marks, keepMarked ? 1 : 0);
  }

  /** Nothing is added from then on. */
  index(): void {
    this.#runtime.kernels.hashTableIndex(this.#ptr);
  }

  /** Begins to list rows. */
  scan(): void {
    this.#runtime.kernels.hashTableScanBegin(this.#ptr);
  }

  /** The next addresses of rows (u32[room]); fewer than `room` when that was the end. */
  next(which: keyof typeof WHICH, out: number, room: number): number {
    return this.#runtime.kernels.hashTableScan(this.#ptr, WHICH[which], out, room);
  }

  get rows(): number {
    return this.#runtime.kernels.hashTableRows(this.#ptr) >>> 0;
  }

  /** 4 KiB each. */
  get pages(): number {
    return this.#runtime.kernels.hashTablePages(this.#ptr);
  }

  /** Where its records lie. Layout: kernels/hash-join.as.ts. */
  chunks(): { readonly address: number; readonly bytes: number }[] {
    const data = new DataView(this.#runtime.memory.buffer);
    const last = data.getUint32(this.#ptr + TABLE_LAST, true);
    const found: { address: number; bytes: number }[] = [];
    for (let chunk = data.getUint32(this.#ptr + TABLE_FIRST, true); chunk !== 0; ) {
      const address = chunk + CHUNK_HEADER;
      const end = data.getUint32(chunk === last ? this.#ptr + TABLE_NEXT : chunk + 4, true);
      found.push({ address, bytes: end - address });
      chunk = data.getUint32(chunk, true);
    }
    return found;
  }

  /** Forgets all rows and gives their memory back. */
  clear(): void {
    this.#runtime.kernels.hashTableFree(this.#ptr);
  }

  close(): void {
    if (this.#ptr === 0) return;
    this.#runtime.kernels.hashTableFree(this.#ptr);
    this.#runtime.kernels.operatorFree(this.#ptr, TABLE_BYTES);
    this.#ptr = 0;
  }
}
