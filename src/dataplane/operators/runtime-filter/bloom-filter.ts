/**
 * BloomFilter: the bits of a runtime filter in the worker's memory, and the row (rows BIGINT, filter BYTES) they travel as.
 *
 * Size:    a byte for each expected key, rounded to a power of two, between 4 KiB and 8 MiB, and not above a share of the budget
 *          of memory. All subtasks of a plan's filter expect the same number, so that theirs have one size.
 */
import { COLUMN_VALIDITY, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext, WorkerRuntime } from "../../contract/operator.ts";
import { withNullableFields } from "../join/join-keys.ts";

const LEAST_BYTES = 4096;
const MOST_BYTES = 8 * 1024 * 1024;
const BUDGET_SHARE = 1 / 32;

/** Of a filter for so many keys. */
export function filterBytes({ spill }: OperatorContext, rows: number): number {
  const most = Math.min(MOST_BYTES, (spill?.budgetBytes ?? MOST_BYTES * 32) * BUDGET_SHARE);
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(LEAST_BYTES, rows)));
  return Math.min(wanted, 2 ** Math.floor(Math.log2(most)));
}

/** Keys of either side, encoded alike: both count as nullable, whatever their fields are. */
export function filterKeys(keys: Parameters<typeof compileKeyCodec>[0]): KeyCodec {
  const nullable = keys.fields.map(() => true);
  return compileKeyCodec({
    ...keys,
    schema: withNullableFields(keys.schema, keys.fields, nullable),
  });
}

export class BloomFilter {
  readonly #runtime: WorkerRuntime;
  readonly #bytes: number;
  #address: number;

  /** `bytes`: a power of two. */
  constructor(runtime: WorkerRuntime, bytes: number) {
    this.#runtime = runtime;
    this.#bytes = bytes;
    this.#address = runtime.kernels.operatorAllocate(bytes) >>> 0;
    new Uint8Array(runtime.memory.buffer, this.#address, bytes).fill(0);
  }

  /** hashes: u64[n] of encoded keys. */
  add(n: number, hashes: number): void {
    this.#runtime.kernels.bloomAdd(this.#address, this.#bytes >>> 3, n, hashes);
  }

  /** out: u8[n], 0 = the key was never added. */
  test(n: number, hashes: number, out: number): void {
    this.#runtime.kernels.bloomTest(this.#address, this.#bytes >>> 3, n, hashes, out);
  }

  /** Takes over what a filter of the same size holds. */
  merge(address: number): void {
    this.#runtime.kernels.bloomMerge(this.#address, this.#bytes >>> 3, address);
  }

  /** A batch of one row; it points to this filter's own bytes. */
  row(rows: number): BatchPtr {
    return filterRow(this.#runtime, rows, { address: this.#address, bytes: this.#bytes });
  }

  close(): void {
    if (this.#address !== 0) this.#runtime.kernels.operatorFree(this.#address, this.#bytes);
    this.#address = 0;
  }
}

interface FilterBytes {
  readonly address: number;
  readonly bytes: number;
}

/** One row; without bytes: there is no filter, everything passes. */
export function filterRow(
  { kernels, memory }: WorkerRuntime,
  rows: number,
  filter: FilterBytes | undefined,
): BatchPtr {
  const batch = kernels.batchCreate(1, 2, 0) >>> 0;
  const count = kernels.arenaAlloc(8) >>> 0;
  const view = kernels.arenaAlloc(8) >>> 0;
  const validity = kernels.arenaAlloc(1) >>> 0;
  const data = new DataView(memory.buffer);
  data.setBigInt64(count, BigInt(rows), true);
  data.setUint32(view, filter?.address ?? 0, true);
  data.setUint32(view + 4, filter?.bytes ?? 0, true);
  data.setUint8(validity, filter === undefined ? 0 : 1);
  data.setUint32(columnPtr(batch, 0) + COLUMN_VALIDITY, 0, true);
  data.setUint32(columnPtr(batch, 0) + COLUMN_VALUES, count, true);
  data.setUint32(columnPtr(batch, 1) + COLUMN_VALIDITY, validity, true);
  data.setUint32(columnPtr(batch, 1) + COLUMN_VALUES, view, true);
  return batch;
}

/** Row `index` of a batch of filters. */
export function readFilterRow(
  { memory }: WorkerRuntime,
  batch: BatchPtr,
  index: number,
): { readonly rows: number; readonly filter: FilterBytes | undefined } {
  const data = new DataView(memory.buffer);
  const counts = data.getUint32(columnPtr(batch, 0) + COLUMN_VALUES, true);
  const validity = data.getUint32(columnPtr(batch, 1) + COLUMN_VALIDITY, true);
  const view = data.getUint32(columnPtr(batch, 1) + COLUMN_VALUES, true) + index * 8;
  const isThere = validity === 0 || data.getUint8(validity + index) !== 0;
  return {
    rows: Number(data.getBigInt64(counts + index * 8, true)),
    filter: isThere
      ? { address: data.getUint32(view, true), bytes: data.getUint32(view + 4, true) }
      : undefined,
  };
}
