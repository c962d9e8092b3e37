/**
 * What an operator's state has in memory, and its share of it: pages of an operator above its share go to the file before
 * those of others, also while the worker is within its budget.
 *
 * Flow:   SubtaskState.maintain(), between batches → SpillStore.balance → here → SpillStore.spillMap.
 * Limits: pages only: indexes and what a batch has just touched stay until the batch is done.
 */
import type { KernelExports } from "../kernels/kernels.generated.ts";
import type { SpillStore } from "./spill-store.ts";

export interface OperatorMap {
  readonly uid: string;
  readonly ptr: number;
}

const PAGE_BYTES = 4096;
/** Down to this part of the share, so that not every batch spills. */
const LOW = 15 / 16;

/** Bytes of an operator's pages, spilled ones too, and of those in memory. */
export function operatorBytes(kernels: KernelExports, maps: Iterable<OperatorMap>, uid: string) {
  let pages = 0;
  let spilled = 0;
  for (const { ptr } of [...maps].filter((map) => map.uid === uid)) {
    pages += kernels.mapPages(ptr);
    spilled += kernels.mapSpilledPages(ptr);
  }
  return { stateBytes: pages * PAGE_BYTES, memoryBytes: (pages - spilled) * PAGE_BYTES };
}

/** Of each operator what is above its share; pages that were not used lately first. */
export function spillAboveShare(
  kernels: KernelExports,
  maps: readonly OperatorMap[],
  { store, shareBytes }: { readonly store: SpillStore; readonly shareBytes: number },
): void {
  const resident = new Map<string, number>();
  for (const { uid, ptr } of maps)
    resident.set(
      uid,
      (resident.get(uid) ?? 0) + kernels.mapPages(ptr) - kernels.mapSpilledPages(ptr),
    );
  for (const [uid, pages] of resident) {
    if (pages * PAGE_BYTES <= shareBytes) continue;
    let excess = Math.ceil(pages - (shareBytes * LOW) / PAGE_BYTES);
    const own = maps.filter((map) => map.uid === uid);
    for (const force of [false, true])
      for (const { ptr } of own) if (excess > 0) excess -= store.spillMap(ptr, excess, force);
  }
}
