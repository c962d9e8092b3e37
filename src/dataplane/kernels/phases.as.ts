/**
 * Phases: what a first half of an aggregation gives on, told apart by the length of a row's accumulator: 0 bytes = a row as it
 * came, 1 byte = a DISTINCT value of the set with that number, more = an accumulator.
 *
 * Flow:    operators/window-aggregate/phase-parts.ts → rowsOfPhase, accumulatedRows.
 */

import { slotView } from "./aggregate-extremes.as";
import { arenaAlloc } from "./arena.as";

/**
 * u64[n] views of accumulators with what they keep in the log behind them: a handle becomes the place within these bytes and
 * the length. entries u32[n]; `distance` back to their hash; handles u16[count]: offsets of view slots.
 */
export function accumulatorsPack(
  map: usize,
  n: u32,
  entries: usize,
  distance: u32,
  valueBytes: u32,
  handles: usize,
  count: u32,
): usize {
  const out = arenaAlloc(n << 3);
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (<usize>i << 2));
    const hash = load<u32>(entry - distance);
    let total = valueBytes;
    for (let h: u32 = 0; h < count; h++) {
      const slot = entry + load<u16>(handles + (h << 1));
      if (load<u64>(slot) != 0) total += <u32>(slotView(map, hash, slot) >> 32);
    }
    const at = arenaAlloc(total);
    memory.copy(at, entry, valueBytes);
    let used = valueBytes;
    for (let h: u32 = 0; h < count; h++) {
      const offset = load<u16>(handles + (h << 1));
      if (load<u64>(entry + offset) == 0) continue;
      const view = slotView(map, hash, entry + offset);
      const length = <u32>(view >> 32);
      memory.copy(at + used, <usize>(view & 0xffffffff), length);
      store<u32>(at + offset, used);
      store<u32>(at + offset, length, 4);
      used += length;
    }
    store<u32>(out + (<usize>i << 3), <u32>at);
    store<u32>(out + (<usize>i << 3), total, 4);
  }
  return out;
}

/** u32[n]: copies in the arena of packed accumulators, temporary ones whose slots hold views. */
export function accumulatorsUnpack(n: u32, views: usize, handles: usize, count: u32): usize {
  const out = arenaAlloc(n << 2);
  for (let i: u32 = 0; i < n; i++) {
    const view = views + (<usize>i << 3);
    const length = load<u32>(view, 4);
    const at = arenaAlloc(length);
    memory.copy(at, <usize>load<u32>(view), length);
    for (let h: u32 = 0; h < count; h++) {
      const slot = at + load<u16>(handles + (h << 1));
      if (load<u64>(slot) != 0) store<u32>(slot, load<u32>(slot) + <u32>at);
    }
    store<u32>(out + (<usize>i << 2), <u32>at);
  }
  return out;
}

/** Lists the rows of one kind (-2 rows, -1 accumulators, else values of that set); rows u32[n], views u64[n]. */
export function rowsOfPhase(n: u32, views: usize, part: i32, rows: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const view = views + (<usize>i << 3);
    const length = load<u32>(view, 4);
    let is = length > 1;
    if (part == -2) is = length == 0;
    else if (part >= 0) is = length == 1 && <i32>load<u8>(<usize>load<u32>(view)) == part;
    store<u32>(rows + (count << 2), i);
    count += is ? 1 : 0;
  }
  return count;
}

/** How many rows are folded into accumulators: their first counter; of all n, or of those in rows (u32[n]). */
export function accumulatedRows(n: u32, views: usize, rows: usize): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const row = rows == 0 ? i : load<u32>(rows + (i << 2));
    sum += load<u64>(<usize>load<u32>(views + (<usize>row << 3)));
  }
  return sum;
}
