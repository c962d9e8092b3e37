/** Runs of rows of a batch as batches of their own, in the arena. */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { BatchRows } from "./batch-rows.ts";

/** A batch in runs of at most `room()` rows, one after another; what `take` allocates is released behind it. */
export function takeInParts(
  runtime: WorkerRuntime,
  rows: BatchRows,
  batch: BatchPtr,
  room: () => number,
  take: (part: BatchPtr, count: number) => void,
): void {
  const n = rows.rows(batch);
  for (let from = 0; from < n; ) {
    const mark = runtime.kernels.arenaMark();
    const count = Math.min(room(), n - from);
    take(batchPart(runtime, rows, batch, { from, count }), count);
    from += count;
    runtime.kernels.arenaRelease(mark);
  }
}

function batchPart(
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
