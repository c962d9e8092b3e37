/** Walks the entries of a map over the key groups of this subtask, in no order. Entries may be removed on the way. */
import { keyGroupRange } from "../../../foundation/columnar/key-group.ts";
import type { EntryPtr, KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";

export function ownKeyGroups({ state, parallelism, subtaskIndex }: OperatorContext) {
  return keyGroupRange(state.maxParallelism, parallelism, subtaskIndex);
}

export function forEachEntry(
  context: OperatorContext,
  map: KeyedMap,
  visit: (entry: EntryPtr) => void,
): void {
  const { kernels } = context.runtime;
  const { start, end } = ownKeyGroups(context);
  for (let group = start; group <= end; group++) {
    let entry = kernels.mapIterate(map.ptr, group, 0) >>> 0;
    while (entry !== 0) {
      const next = kernels.mapIterate(map.ptr, group, entry) >>> 0;
      visit(entry);
      entry = next;
    }
  }
}
