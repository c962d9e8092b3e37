/** A run of rows of a batch as a batch of its own, in the arena. */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { BatchRows } from "./batch-rows.ts";

export function batchPart(
  { kernels, memory }: WorkerRuntime,
  rows: BatchRows,
  batch: BatchPtr,
  { from, count }: { readonly from: number; readonly count: number },
): BatchPtr {
  if (from === 0 && count === rows.rows(batch)) return batch;
  const list = kernels.arenaAlloc(count * 4) >>> 0;
  const words = new Uint32Array(memory.buffer, list, count);
  for (let i = 0; i < count; i++) words[i] = from + i;
  return rows.gather(batch, list, count);
}
