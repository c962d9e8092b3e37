/**
 * Batch: some rows of one schema, column by column, in a worker's WebAssembly memory.
 *
 * A batch is a descriptor; everyone passes its address (BatchPtr). All fields little-endian, addresses are bytes:
 *
 *      0  u32  rows                n, at most MAX_BATCH_ROWS
 *      4  u32  kinds               address of u8[n] (RowKind), 0 = every row is +I
 *      8  u32  columns             number of physical columns (schema.ts)
 *     12  u32  reserved            0
 *     16  per physical column, 8 bytes:
 *         +0  u32  validity        address of u8[n], 1 = value, 0 = NULL; 0 = no NULLs
 *         +4  u32  values          address of the values, PHYSICAL_WIDTH bytes each; 0 for `row` columns
 *
 * A `view` value is an i64: address in the low half, length in bytes in the high half. STRING holds UTF-8; ARRAY, MAP,
 * MULTISET, VARIANT, RAW and BITMAP hold their canonical encoding (binary-value.ts), so equal values are equal bytes.
 * Values under validity 0 are unspecified (decoders need not write them). Rows are dense: an operator that filters
 * compacts. Validity is a byte a row, not a bit: fused scalar loops write it without read-modify-write, and SIMD
 * combines 16 rows at once; state keeps bitmaps.
 *
 * Lifetime: a batch and all it points to live until the call that received it returns; whoever keeps a row copies it.
 * Memory comes from the worker's arena (kernels arenaAlloc), which the task releases after each batch.
 */
import { assert } from "../base/errors.ts";
import type { Physical } from "./logical-type.ts";

/** Address of a batch descriptor. */
export type BatchPtr = number;

/**
 * Rows in one batch, at most: 8,192 rows of 100 bytes stay within a core's second-level cache, and what a batch costs however
 * few rows it has weighs half as much as with 4,096 (kernels/cast-status.as.ts and rows.as.ts know the number too).
 */
export const MAX_BATCH_ROWS = 8192;

export const BATCH_ROWS = 0;
export const BATCH_KINDS = 4;
export const BATCH_COLUMNS = 8;
export const BATCH_HEADER_BYTES = 16;
export const COLUMN_BYTES = 8;
export const COLUMN_VALIDITY = 0;
export const COLUMN_VALUES = 4;

/** Physical forms as bytes, for kernels. */
export const PHYSICAL_CODE: Readonly<Record<Physical, number>> = {
  bool: 0,
  i8: 1,
  i16: 2,
  i32: 3,
  i64: 4,
  f32: 5,
  f64: 6,
  i128: 7,
  ts128: 8,
  view: 9,
  row: 10,
};

export function batchBytes(columns: number): number {
  return BATCH_HEADER_BYTES + columns * COLUMN_BYTES;
}

/** Address of column `index`'s descriptor within a batch. */
export function columnPtr(batch: BatchPtr, index: number): number {
  return batch + BATCH_HEADER_BYTES + index * COLUMN_BYTES;
}

/** The part of WebAssembly.Memory that this room needs (it knows no host). */
export interface LinearMemory {
  readonly buffer: ArrayBuffer;
}

/** Reads single values of batches, for sinks that print, tests and the console; not for hot paths. */
export class BatchView {
  readonly #memory: LinearMemory;
  #data: DataView;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
    this.#data = new DataView(memory.buffer);
  }

  /** The current view; growing the memory detaches the old one. */
  get data(): DataView {
    if (this.#data.buffer !== this.#memory.buffer) this.#data = new DataView(this.#memory.buffer);
    return this.#data;
  }

  rows(batch: BatchPtr): number {
    return this.data.getUint32(batch + BATCH_ROWS, true);
  }

  columns(batch: BatchPtr): number {
    return this.data.getUint32(batch + BATCH_COLUMNS, true);
  }

  kind(batch: BatchPtr, row: number): number {
    const kinds = this.data.getUint32(batch + BATCH_KINDS, true);
    return kinds === 0 ? 0 : this.data.getUint8(kinds + row);
  }

  isNull(batch: BatchPtr, column: number, row: number): boolean {
    const validity = this.data.getUint32(columnPtr(batch, column) + COLUMN_VALIDITY, true);
    return validity !== 0 && this.data.getUint8(validity + row) === 0;
  }

  /** Address of the value of `row` in a column whose values are `width` bytes wide. */
  valuePtr(batch: BatchPtr, column: number, row: number, width: number): number {
    const values = this.data.getUint32(columnPtr(batch, column) + COLUMN_VALUES, true);
    assert(values !== 0 || width === 0, `column ${column} has no values`);
    return values + row * width;
  }

  /** A copy of the bytes that a view value points to. */
  bytes(viewPtr: number): Uint8Array {
    const data = this.data;
    const address = data.getUint32(viewPtr, true);
    return new Uint8Array(data.buffer, address, data.getUint32(viewPtr + 4, true)).slice();
  }
}
