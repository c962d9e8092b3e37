/**
 * OVER windows of streams: rows of many keys put in order key by key, their frames, and the rows that are kept for later frames.
 *
 * Flow:    operators/over-aggregate/stream-over.ts. Owners are numbers of keys 0 … k − 1; the rows of owner o lie at
 *          starts[o] … starts[o + 1] − 1 of the combined list, those kept from before first.
 */
import { arenaAlloc } from "./arena.as";
import { groupOf } from "./keyed-map-pages.as";
import { mapRemove } from "./keyed-map.as";
import { freeIn, logPtrIn } from "./log.as";
import { SET_FIRST, SET_ROWS, rowOfBlock, setUnlink } from "./row-set.as";

const NONE: u32 = 0xffffffff;

/** Numbers equal words from 0 in order of appearance: owners u32[n], firsts u32[≤ n] the first row of each. Returns k. */
export function numberWords(n: u32, words: usize, owners: usize, firsts: usize): u32 {
  let slots: u32 = 16;
  while (slots < n << 1) slots <<= 1;
  const table = arenaAlloc(slots << 2);
  memory.fill(table, 0, slots << 2);
  let k: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const word = load<u32>(words + (i << 2));
    let at = (word * 0x9e3779b1) >>> 7;
    while (true) {
      at &= slots - 1;
      const number = load<u32>(table + (at << 2));
      if (number == 0) {
        store<u32>(firsts + (k << 2), i);
        store<u32>(owners + (i << 2), k);
        k++;
        store<u32>(table + (at << 2), k);
        break;
      }
      if (load<u32>(words + (load<u32>(firsts + ((number - 1) << 2)) << 2)) == word) {
        store<u32>(owners + (i << 2), number - 1);
        break;
      }
      at++;
    }
  }
  return k;
}

/**
 * Puts nh kept rows (u64 views, u32 owners) and n new ones into one list key by key: out → u32 addresses (u32[]), u32 starts
 * (u32[k + 1]), u32 places (u32[n]: of the new rows).
 */
export function overGroup(
  nh: u32,
  keptViews: usize,
  keptOwners: usize,
  n: u32,
  views: usize,
  owners: usize,
  k: u32,
  out: usize,
): void {
  const addresses = arenaAlloc((nh + n) << 2);
  const starts = arenaAlloc((k + 1) << 2);
  const places = arenaAlloc(n << 2);
  const next = arenaAlloc((k + 1) << 2);
  memory.fill(next, 0, (k + 1) << 2);
  for (let i: u32 = 0; i < nh; i++) count(next, load<u32>(keptOwners + (i << 2)));
  for (let i: u32 = 0; i < n; i++) count(next, load<u32>(owners + (i << 2)));
  let sum: u32 = 0;
  for (let o: u32 = 0; o <= k; o++) {
    const rows = load<u32>(next + (o << 2));
    store<u32>(starts + (o << 2), sum);
    store<u32>(next + (o << 2), sum);
    sum += rows;
  }
  for (let i: u32 = 0; i < nh; i++) {
    const at = count(next, load<u32>(keptOwners + (i << 2)));
    store<u32>(addresses + (at << 2), load<u32>(keptViews + (i << 3)));
  }
  for (let i: u32 = 0; i < n; i++) {
    const at = count(next, load<u32>(owners + (i << 2)));
    store<u32>(addresses + (at << 2), load<u32>(views + (i << 3)));
    store<u32>(places + (i << 2), at);
  }
  store<u32>(out, <u32>addresses);
  store<u32>(out, <u32>starts, 4);
  store<u32>(out, <u32>places, 8);
}

@inline
function count(counters: usize, owner: u32): u32 {
  const at = counters + (owner << 2);
  const value = load<u32>(at);
  store<u32>(at, value + 1);
  return value;
}

/**
 * Frames [froms, tos) of the new rows. times 0: the row and `back` rows before it. Else (i64[] of the combined list) the rows
 * not more than `back` before its time, and all of its key behind it: they are of one time.
 */
export function overFrames(
  n: u32,
  places: usize,
  owners: usize,
  starts: usize,
  times: usize,
  back: i64,
  froms: usize,
  tos: usize,
): void {
  for (let i: u32 = 0; i < n; i++) {
    const place = load<u32>(places + (i << 2));
    const owner = load<u32>(owners + (i << 2));
    const start = load<u32>(starts + (owner << 2));
    let from = start;
    let to = place + 1;
    if (times == 0) {
      if (<i64>(place - start) > back) from = place - <u32>back;
    } else {
      const least = load<i64>(times + (place << 3)) - back;
      let high = place;
      while (from < high) {
        const middle = (from + high) >>> 1;
        if (load<i64>(times + (middle << 3)) >= least) high = middle;
        else from = middle + 1;
      }
      to = load<u32>(starts + (owner << 2), 4);
    }
    store<u32>(froms + (i << 2), from);
    store<u32>(tos + (i << 2), to);
  }
}

/**
 * Which row of the combined list LAG (offset > 0) or LEAD (< 0) shows for each new row, all ones where there is none.
 * byPeer: counted from the last row of the key (all rows of one time are there before LAG is asked). validity: NULLs of the
 * argument, which are passed over; 0 = they count.
 */
export function overShift(
  n: u32,
  places: usize,
  owners: usize,
  starts: usize,
  offset: i32,
  byPeer: bool,
  validity: usize,
  rows: usize,
): void {
  const step: i32 = offset < 0 ? 1 : -1;
  for (let i: u32 = 0; i < n; i++) {
    const owner = load<u32>(owners + (i << 2));
    const start = <i32>load<u32>(starts + (owner << 2));
    const end = <i32>load<u32>(starts + (owner << 2), 4);
    let at: i32 = byPeer ? end - 1 : <i32>load<u32>(places + (i << 2));
    if (validity == 0) at -= offset;
    else {
      let left = offset < 0 ? -offset : offset;
      while (left > 0 && at >= start && at < end) {
        at += step;
        if (at >= start && at < end && load<u8>(validity + at) != 0) left--;
      }
    }
    store<u32>(rows + (i << 2), at >= start && at < end ? <u32>at : NONE);
  }
}

/** Row numbers where `rows` (u32[n]) has all ones, all ones elsewhere. */
export function missingRows(n: u32, rows: usize): usize {
  const out = arenaAlloc(n << 2);
  for (let i: u32 = 0; i < n; i++) store<u32>(out + (i << 2), load<u32>(rows + (i << 2)) == NONE ? i : NONE);
  return out;
}

/** previous i32[n]: the row before with the same number (u32 a row, k of them) within its segment, −1 = none. */
export function previousSame(n: u32, numbers: usize, k: u32, segments: u32, starts: usize, previous: usize): void {
  const last = arenaAlloc(k << 2);
  memory.fill(last, 0xff, k << 2);
  let row: u32 = 0;
  for (let s: u32 = 0; s < segments; s++) {
    const start = <i32>load<u32>(starts + (s << 2));
    const end = load<u32>(starts + (s << 2), 4);
    for (; row < end && row < n; row++) {
      const at = last + (load<u32>(numbers + (row << 2)) << 2);
      const before = load<i32>(at);
      store<i32>(previous + (row << 2), before < start ? -1 : before);
      store<i32>(at, <i32>row);
    }
  }
}

/**
 * Counts rows into their keys' progress (at entry + base: i64 last time, i64 rows, i64 times): ranks and dense i64[n]. each:
 * every row has a time of its own (processing time).
 */
export function overAdvance(
  n: u32,
  entries: usize,
  base: u32,
  moment: i64,
  each: bool,
  ranks: usize,
  dense: usize,
): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2)) + base;
    const rows = load<i64>(entry, 8) + 1;
    const times = load<i64>(entry, 16) + 1;
    store<i64>(ranks + (i << 3), rows);
    store<i64>(dense + (i << 3), times);
    if (!each) continue;
    store<i64>(entry, moment);
    store<i64>(entry, rows, 8);
    store<i64>(entry, times, 16);
  }
  if (each) return;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2)) + base;
    const times = load<i64>(entry, 16);
    if (times == 0 || load<i64>(entry) != moment) store<i64>(entry, times + 1, 16);
    store<i64>(entry, moment);
    store<i64>(entry, load<i64>(entry, 8) + 1, 8);
  }
}

/** Lists the rows (u32[n]) after the last time of their keys (i64 at the value's begin; entry 0 = after 0). */
export function rowsLater(n: u32, times: usize, entries: usize, rows: usize): u32 {
  let found: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    const last: i64 = entry == 0 ? 0 : load<i64>(entry);
    store<u32>(rows + (found << 2), i);
    found += load<i64>(times + (i << 3)) > last ? 1 : 0;
  }
  return found;
}

/** Rows of `marked` (i64 row numbers) become 1 in a u8[n] mask. */
export function rowMask(n: u32, count: u32, marked: usize): usize {
  const mask = arenaAlloc(n);
  memory.fill(mask, 0, n);
  for (let i: u32 = 0; i < count; i++) store<u8>(mask + <usize>load<i64>(marked + (i << 3)), 1);
  return mask;
}

/** 0, 1, … as i64[n]. */
export function rowNumbers(n: u32): usize {
  const out = arenaAlloc(n << 3);
  for (let i: u32 = 0; i < n; i++) store<i64>(out + (i << 3), <i64>i);
  return out;
}

/** u32[n]: the low words of i64 values. */
export function narrow(n: u32, values: usize): usize {
  const out = arenaAlloc(n << 2);
  for (let i: u32 = 0; i < n; i++) store<u32>(out + (i << 2), load<u32>(values + (i << 3)));
  return out;
}

/**
 * Drops the oldest rows of n sets: all but `keep` of them, or with a time slot (byte of an i64 in the row; all ones = none)
 * those before `least`. Sets that are empty then go.
 */
export function overTrim(
  map: usize,
  n: u32,
  hashes: usize,
  entries: usize,
  keep: u32,
  slot: u32,
  least: i64,
): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    const hash = load<u32>(hashes + (i << 3), 4);
    const group = groupOf(map, hash);
    while (load<u32>(entry, SET_ROWS) > 0) {
      const first = load<u32>(entry, SET_FIRST);
      if (slot == NONE) {
        if (load<u32>(entry, SET_ROWS) <= keep) break;
      } else if (load<i64>(rowOfBlock(logPtrIn(group, first)) + slot) >= least) break;
      setUnlink(map, hash, entry, first);
      freeIn(group, first);
    }
    if (load<u32>(entry, SET_ROWS) == 0) mapRemove(map, entry);
  }
}
