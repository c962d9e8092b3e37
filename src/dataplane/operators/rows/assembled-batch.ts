/** assembleBatch: a batch whose columns are those of other batches; nothing is copied but their descriptors. */
import {
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

/** A physical column: of another batch, or values without NULLs. */
export type ColumnFrom =
  | { readonly batch: BatchPtr; readonly column: number }
  | { readonly values: number };

export function assembleBatch(
  { kernels, memory }: WorkerRuntime,
  rows: number,
  columns: readonly ColumnFrom[],
  kinds = 0,
): BatchPtr {
  const batch = kernels.batchCreate(rows, columns.length, kinds) >>> 0;
  const data = new DataView(memory.buffer);
  columns.forEach((from, index) => {
    const to = columnPtr(batch, index);
    const source = "batch" in from ? columnPtr(from.batch, from.column) : 0;
    const validity = source === 0 ? 0 : data.getUint32(source + COLUMN_VALIDITY, true);
    const values = "values" in from ? from.values : data.getUint32(source + COLUMN_VALUES, true);
    data.setUint32(to + COLUMN_VALIDITY, validity, true);
    data.setUint32(to + COLUMN_VALUES, values, true);
  });
  return batch;
}

/** Columns first … first + count - 1 of a batch. */
export function columnsOf(batch: BatchPtr, first: number, count: number): ColumnFrom[] {
  return Array.from({ length: count }, (_, index) => ({ batch, column: first + index }));
}
