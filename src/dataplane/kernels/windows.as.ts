/**
 * Windows: which windows or slices a time belongs to, late rows, and the timers of windows in keyed state.
 *
 * Timers:  a map with key i64 window end; value u32 first, u32 last (handles), u32 keys. The keys of one key group that
 *          have state for the window hang on it as linked blocks: u32 next, u32 used bytes, then u32 upper hash half,
 *          u32 length, key bytes (padded to 4). A window that fires finds its keys without looking at others.
 *          The hash of a timer lies in the key group of its keys, so timers move with them when parallelism changes.
 * Assign:  start of a window as Flink's TimeWindow.getWindowStartWithOffset. Times are wall-clock milliseconds.
 */
import { arenaAlloc } from "./arena.as";
import { hash64 } from "./hash.as";
import {
  MAP_FIRST_GROUP,
  MAP_GROUP_COUNT,
  MAP_KEY_BYTES,
  MAP_KEY_KIND,
  MAP_MAX_PARALLELISM,
  groupOf,
  touchPage,
} from "./keyed-map-pages.as";
import { mapFind, mapIterate, mapRemove, mapTouch, mapUpsert } from "./keyed-map.as";
import { freeChainIn, logAllocateLinked, logPtrIn } from "./log.as";

export const KIND_TUMBLE: u32 = 0;
export const KIND_HOP: u32 = 1;
export const KIND_CUMULATE: u32 = 2;

const TIMER_FIRST: usize = 0;
const TIMER_LAST: usize = 4;
const TIMER_KEYS: usize = 8;
const CHUNK_HEADER: u32 = 8;
/** MAP_KEY_KIND of maps with variable keys (keyed-map.as.ts). */
const KEY_VARIABLE: u32 = 3;
const NO_FLAG: u32 = 0xffffffff;
const FIRST_CHUNK: u32 = 64;
const MOST_CHUNK: u32 = 2048;

@inline
function startOf(time: i64, offset: i64, size: i64): i64 {
  const remainder = (time - offset) % size;
  return remainder < 0 ? time - (remainder + size) : time - remainder;
}

/** The most windows that a row can be in. */
@inline
function windowsPerRow(kind: u32, size: i64, step: i64): u32 {
  return kind == KIND_TUMBLE ? 1 : <u32>((size + step - 1) / step);
}

/**
 * The windows of each row: out → u32 rows (u32[]), u32 starts (i64[]), u32 ends (i64[]); returns how many. Rows without a
 * time are left out. times: `width` bytes apart.
 */
export function windowAssign(
  n: u32,
  times: usize,
  width: u32,
  validity: usize,
  kind: u32,
  size: i64,
  step: i64,
  offset: i64,
  out: usize,
): u32 {
  const room = n * windowsPerRow(kind, size, step);
  const rows = arenaAlloc(room << 2);
  const starts = arenaAlloc(room << 3);
  const ends = arenaAlloc(room << 3);
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    if (validity != 0 && load<u8>(validity + i) == 0) continue;
    const time = load<i64>(times + <usize>(i * width));
    if (kind == KIND_HOP) {
      for (let start = startOf(time, offset, step); start > time - size; start -= step) {
        store<u32>(rows + (count << 2), i);
        store<i64>(starts + (count << 3), start);
        store<i64>(ends + (count << 3), start + size);
        count++;
      }
    } else {
      const start = startOf(time, offset, size);
      let end = kind == KIND_TUMBLE ? start + size : startOf(time, offset, step) + step;
      for (; end <= start + size; end += kind == KIND_TUMBLE ? size : step) {
        store<u32>(rows + (count << 2), i);
        store<i64>(starts + (count << 3), start);
        store<i64>(ends + (count << 3), end);
        count++;
      }
    }
  }
  store<u32>(out, <u32>rows);
  store<u32>(out, <u32>starts, 4);
  store<u32>(out, <u32>ends, 8);
  return count;
}

/** values[i] + delta for the first n values of an i64 array, as a new array. */
export function shiftTimes(n: u32, values: usize, delta: i64): usize {
  const out = arenaAlloc(n << 3);
  for (let i: u32 = 0; i < n; i++) store<i64>(out + (i << 3), load<i64>(values + (i << 3)) + delta);
  return out;
}

/** Lists the rows (u32[n]) whose value is above `bound`; NULLs are left out. */
export function rowsAbove(n: u32, values: usize, width: u32, validity: usize, bound: i64, rows: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    if (validity != 0 && load<u8>(validity + i) == 0) continue;
    store<u32>(rows + (count << 2), i);
    count += load<i64>(values + <usize>(i * width)) > bound ? 1 : 0;
  }
  return count;
}

/** A hash in the key group of `upper`, spread by the window's end. */
@inline
function timerHash(map: usize, group: u32, end: i64): u64 {
  const parallelism = <u64>load<u32>(map, MAP_MAX_PARALLELISM);
  const begin = ((<u64>group << 32) + parallelism - 1) / parallelism;
  const next = ((<u64>(group + 1) << 32) + parallelism - 1) / parallelism;
  const spread = (hash64(<u64>end) >>> 32) * (next - begin);
  return (begin + (spread >>> 32)) << 32;
}

@inline
function groupNumber(map: usize, upper: u32): u32 {
  return <u32>((<u64>upper * <u64>load<u32>(map, MAP_MAX_PARALLELISM)) >>> 32);
}

const endKey: usize = memory.data(8, 8);

/**
 * Registers each key that has none yet (byte `flag` of its entry's value is 0) with the timer of its end, and sets the
 * flag; with NO_FLAG every row is registered. keys: packed keyBytes, or views when keyBytes is -1. fresh: i64[n], ends whose timer did not exist in the key
 * group; returns how many.
 */
export function windowRegister(
  timers: usize,
  n: u32,
  hashes: usize,
  keys: usize,
  keyBytes: i32,
  entries: usize,
  flag: u32,
  ends: usize,
  fresh: usize,
): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    if (flag != NO_FLAG) {
      if (load<u8>(entry + flag) != 0) continue;
      store<u8>(entry + flag, 1);
    }
    const upper = load<u32>(hashes + (i << 3), 4);
    const end = load<i64>(ends + (i << 3));
    store<i64>(endKey, end);
    const timer = mapUpsert(timers, timerHash(timers, groupNumber(timers, upper), end), endKey, 8);
    if (load<u32>(timer, TIMER_KEYS) == 0) {
      store<i64>(fresh + (count << 3), end);
      count++;
    }
    if (keyBytes < 0) {
      const view = keys + (i << 3);
      addKey(timers, timer, upper, <usize>load<u32>(view), load<u32>(view, 4));
    } else {
      addKey(timers, timer, upper, keys + <usize>(i * <u32>keyBytes), <u32>keyBytes);
    }
  }
  return count;
}

function addKey(timers: usize, timer: usize, upper: u32, key: usize, length: u32): void {
  const group = groupOf(timers, upper);
  const bytes = 8 + ((length + 3) & ~3);
  const keys = load<u32>(timer, TIMER_KEYS);
  let last = load<u32>(timer, TIMER_LAST);
  let chunk: usize = last == 0 ? 0 : logPtrIn(group, last);
  if (chunk == 0 || load<u32>(chunk, 4) + bytes > load<u32>(chunk - 4)) {
    const wanted = min<u32>(MOST_CHUNK, max<u32>(FIRST_CHUNK, keys * bytes));
    const handle = logAllocateLinked(timers, upper, max<u32>(wanted, CHUNK_HEADER + bytes));
    if (last == 0) {
      store<u32>(timer, handle, TIMER_FIRST);
    } else {
      touchPage(chunk);
      store<u32>(chunk, handle);
    }
    store<u32>(timer, handle, TIMER_LAST);
    chunk = logPtrIn(group, handle);
    store<u32>(chunk, CHUNK_HEADER, 4);
    last = handle;
  }
  const used = load<u32>(chunk, 4);
  const at = chunk + used;
  touchPage(chunk);
  touchPage(at);
  touchPage(at + bytes - 1);
  store<u32>(at, upper);
  store<u32>(at, length, 4);
  memory.copy(at + 8, key, length);
  store<u32>(chunk, used + bytes, 4);
  store<u32>(timer, keys + 1, TIMER_KEYS);
}

/**
 * The keys of the windows that end at `end`, over all key groups: out → u32 hashes (u64[n]), u32 keys (as mapFindBatch
 * takes them; views point into the timers' log, so take before remove). Returns n.
 */
export function windowKeys(timers: usize, end: i64, keyBytes: i32, out: usize): u32 {
  const first = load<u32>(timers, MAP_FIRST_GROUP);
  const groups = load<u32>(timers, MAP_GROUP_COUNT);
  store<i64>(endKey, end);
  let total: u32 = 0;
  for (let g = first; g < first + groups; g++) {
    const timer = mapFind(timers, timerHash(timers, g, end), endKey, 8);
    if (timer != 0) total += load<u32>(timer, TIMER_KEYS);
  }
  const hashes = arenaAlloc(total << 3);
  const keys = arenaAlloc(total * (keyBytes < 0 ? 8 : <u32>keyBytes));
  let count: u32 = 0;
  for (let g = first; g < first + groups; g++) {
    const hash = timerHash(timers, g, end);
    const timer = mapFind(timers, hash, endKey, 8);
    if (timer == 0) continue;
    const group = groupOf(timers, <u32>(hash >>> 32));
    let handle = load<u32>(timer, TIMER_FIRST);
    while (handle != 0) {
      const chunk = logPtrIn(group, handle);
      const stop = chunk + load<u32>(chunk, 4);
      for (let at = chunk + CHUNK_HEADER; at < stop; ) {
        const length = load<u32>(at, 4);
        store<u64>(hashes + (count << 3), <u64>load<u32>(at) << 32);
        if (keyBytes < 0) store<u64>(keys + (count << 3), <u64>(at + 8) | (<u64>length << 32));
        else memory.copy(keys + <usize>(count * <u32>keyBytes), at + 8, length);
        count++;
        at += 8 + ((length + 3) & ~3);
      }
      handle = load<u32>(chunk);
    }
  }
  store<u32>(out, <u32>hashes);
  store<u32>(out, <u32>keys, 4);
  return total;
}

/** Removes the timers of `end` in all key groups. */
export function windowRemove(timers: usize, end: i64): void {
  const first = load<u32>(timers, MAP_FIRST_GROUP);
  const groups = load<u32>(timers, MAP_GROUP_COUNT);
  store<i64>(endKey, end);
  for (let g = first; g < first + groups; g++) {
    const hash = timerHash(timers, g, end);
    const timer = mapFind(timers, hash, endKey, 8);
    if (timer == 0) continue;
    freeChainIn(groupOf(timers, <u32>(hash >>> 32)), load<u32>(timer, TIMER_FIRST));
    mapRemove(timers, timer);
  }
}

/** Removes the entries (0 = none); each is listed once. */
export function entriesRemove(map: usize, n: u32, entries: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry != 0) mapRemove(map, entry);
  }
}

/** Entries that are 0 become `fallback`. */
export function entriesOr(n: u32, entries: usize, fallback: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = entries + (i << 2);
    if (load<u32>(at) == 0) store<u32>(at, fallback);
  }
}

/** u32[n]: the listed elements of a u32 array. */
export function gatherWords(from: usize, n: u32, rows: usize): usize {
  const to = arenaAlloc(n << 2);
  for (let i: u32 = 0; i < n; i++) store<u32>(to + (i << 2), load<u32>(from + (load<u32>(rows + (i << 2)) << 2)));
  return to;
}

/** An i64 array with the same value n times. */
export function repeatTime(n: u32, value: i64): usize {
  const out = arenaAlloc(n << 3);
  for (let i: u32 = 0; i < n; i++) store<i64>(out + (i << 3), value);
  return out;
}

/** Lists the rows whose entry was not seen yet (u8 `flag` of its value is 0) and marks them; rows u32[n]. */
export function entriesFresh(n: u32, entries: usize, flag: u32, rows: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (load<u8>(entry + flag) != 0) continue;
    store<u8>(entry + flag, 1);
    store<u32>(rows + (count << 2), i);
    count++;
  }
  return count;
}

/** Pages of found entries before they are written. */
export function entriesTouch(map: usize, n: u32, entries: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry != 0) mapTouch(map, entry);
  }
}

/** The first 8 of every 16 bytes: the milliseconds of n ts128 values. */
export function millisOf(values: usize, n: u32): usize {
  const out = arenaAlloc(n << 3);
  for (let i: u32 = 0; i < n; i++) store<u64>(out + (i << 3), load<u64>(values + (i << 4)));
  return out;
}

/** Lists the rows (u32[n]) whose word is not 0. */
export function rowsNotZero(n: u32, words: usize, rows: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(rows + (count << 2), i);
    count += load<u32>(words + (i << 2)) != 0 ? 1 : 0;
  }
  return count;
}

/**
 * The next entries of a key group after `cursor` (0 = from the first): entries u32[max], hashes u64[max], and their keys as
 * mapFindBatch takes them (packed, or views into the log). Returns how many.
 */
export function entriesCollect(
  map: usize,
  keyGroup: u32,
  cursor: u32,
  max: u32,
  entries: usize,
  hashes: usize,
  keys: usize,
): u32 {
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const variable = load<u32>(map, MAP_KEY_KIND) == KEY_VARIABLE;
  let count: u32 = 0;
  let at = <usize>cursor;
  while (count < max) {
    at = mapIterate(map, keyGroup, <u32>at);
    if (at == 0) break;
    const upper = load<u32>(at - keyBytes - 8);
    store<u32>(entries + (count << 2), <u32>at);
    store<u64>(hashes + (count << 3), <u64>upper << 32);
    if (variable) {
      const handle = load<u32>(at - 8);
      const length = load<u32>(at - 4);
      const address: usize = handle == 0 ? 0 : logPtrIn(groupOf(map, upper), handle);
      store<u64>(keys + (count << 3), <u64>address | (<u64>length << 32));
    } else {
      memory.copy(keys + <usize>(count * keyBytes), at - keyBytes, keyBytes);
    }
    count++;
  }
  return count;
}

/** Copies column descriptors: list of u32 pairs (address of a descriptor, column of `batch`). */
export function batchColumns(batch: usize, n: u32, list: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const from = <usize>load<u32>(list + (i << 3));
    const to = batch + 16 + (<usize>load<u32>(list + (i << 3), 4) << 3);
    store<u64>(to, load<u64>(from));
  }
}

/** How often a list of words changes its value, the first one counted: the number of runs. */
export function runsOf(n: u32, words: usize): u32 {
  let runs: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    if (i == 0 || load<u32>(words + (i << 2)) != load<u32>(words + ((i - 1) << 2))) runs++;
  }
  return runs;
}

/** A copy of a u32 array. */
export function gatherAll(words: usize, n: u32): usize {
  const to = arenaAlloc(n << 2);
  memory.copy(to, words, n << 2);
  return to;
}

/**
 * Numbers the entries of a scratch map whose value's first word is 0 from `next` on: owners u32[n] gets each entry's number,
 * keys[number] its key (`width` bytes each), numbered[number] the entry. Returns the next number.
 */
export function numberEntries(
  n: u32,
  entries: usize,
  keys: usize,
  width: u32,
  next: u32,
  owners: usize,
  groupKeys: usize,
  numbered: usize,
): u32 {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    let number = load<u32>(entry);
    if (number == 0) {
      memory.copy(groupKeys + <usize>(next * width), keys + <usize>(i * width), width);
      store<u32>(numbered + (next << 2), <u32>entry);
      next++;
      number = next;
      store<u32>(entry, number);
    }
    store<u32>(owners + (i << 2), number - 1);
  }
  return next;
}

/**
 * Lists each row (u32) as often as its i64 says, at most `room` entries: rows whose number is NULL or below 1 are left out.
 * cursor: u32 row, u32 how often it was listed already; goes on there with the next call. Returns how many.
 */
export function rowsRepeated(n: u32, counts: usize, validity: usize, cursor: usize, rows: usize, room: u32): u32 {
  let row = load<u32>(cursor);
  let done = <i64>load<u32>(cursor, 4);
  let count: u32 = 0;
  for (; row < n; row++) {
    const wanted: i64 = validity != 0 && load<u8>(validity + row) == 0 ? 0 : load<i64>(counts + (row << 3));
    for (; done < wanted; done++) {
      if (count == room) {
        store<u32>(cursor, row);
        store<u32>(cursor, <u32>done, 4);
        return count;
      }
      store<u32>(rows + (count << 2), row);
      count++;
    }
    done = 0;
  }
  store<u32>(cursor, n);
  store<u32>(cursor, 0, 4);
  return count;
}
