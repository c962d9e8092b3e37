import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";

/** Cuts a batch to its rows [from, to) by moving the addresses in its descriptor. */
export function sliceBatch(
  memory: WebAssembly.Memory,
  batch: BatchPtr,
  widths: readonly number[],
  from: number,
  to: number,
): void {
  const view = new DataView(memory.buffer);
  view.setUint32(batch + BATCH_ROWS, to - from, true);
  if (from === 0) return;
  widths.forEach((width, column) => {
    const at = columnPtr(batch, column);
    const validity = view.getUint32(at + COLUMN_VALIDITY, true);
    if (validity !== 0) view.setUint32(at + COLUMN_VALIDITY, validity + from, true);
    const values = view.getUint32(at + COLUMN_VALUES, true);
    if (values !== 0) view.setUint32(at + COLUMN_VALUES, values + from * width, true);
  });
}
