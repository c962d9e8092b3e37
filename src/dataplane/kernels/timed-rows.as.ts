/**
 * Timed rows: the rows of two inputs by key, each side a row set (row-set.as.ts) ordered by time or by arrival, for joins
 * bounded by time.
 *
 * Flow:    operators/interval-join: intervalCollect → (condition, generated) → intervalApply; intervalExpire on timers.
 *          operators/temporal-join: temporalAdd; on timers temporalCollect → (condition) → temporalApply.
 * Value:   16 bytes row set of the left side, 16 bytes of the right, then SETS_REST bytes for the operator.
 * Block:   of a row set; its identity is the row's time (i64), its associations: interval join 1 = has matched, temporal
 *          join the kind of the row.
 * Call:    the struct of join.as.ts up to word 68 (joinPairRows reads it), then what is named below.
 * Limits:  at most PAIRS pairs a call; the call's cursor goes on.
 * Source:  Flink TimeIntervalJoin, TemporalRowTimeJoinOperator.
 */
import { arenaAlloc } from "./arena.as";
import { groupOf, touchPage } from "./keyed-map-pages.as";
import { mapRemove, mapTouch } from "./keyed-map.as";
import { freeIn, logAllocateLinked, logPtrIn } from "./log.as";
import { changesBegin, freeLater, pushChange } from "./rows.as";
import {
  BLOCK_ASSOCIATIONS,
  BLOCK_HEADER,
  BLOCK_IDENTITY,
  BLOCK_NEXT,
  BLOCK_PREVIOUS,
  SET_FIRST,
  SET_INDEX,
  SET_LAST,
  SET_ROWS,
  rowBytesOfBlock,
  rowOfBlock,
  setUnlink,
  viewAddress,
  viewLength,
} from "./row-set.as";

const CALL_MAP: usize = 0;
const CALL_ROWS: usize = 8;
/** u8[n], 0 = all +I (temporal join). */
const CALL_KINDS: usize = 12;
const CALL_HASHES: usize = 16;
/** u32[n]: the row's entry; 0 = it is not kept. intervalApply sets those that were not kept to 0. */
const CALL_OWN_ENTRIES: usize = 20;
/** u32[n]: the entry whose other side is looked at; 0 = none. */
const CALL_OTHER_ENTRIES: usize = 24;
const CALL_VIEWS: usize = 28;
/** Offset of the own side's set in the value. */
const CALL_OWN_SET: usize = 32;
const CALL_FLAGS: usize = 36;
const CALL_COLLECT_ROW: usize = 40;
const CALL_COLLECT_HANDLE: usize = 44;
const CALL_APPLY_ROW: usize = 48;
const CALL_MATCHED: usize = 52;
const CALL_PAIRS: usize = 60;
const CALL_PAIR_ROWS: usize = 64;
const CALL_PAIR_BLOCKS: usize = 68;
/** i64[n]. */
const CALL_TIMES: usize = 72;
const CALL_GONE: usize = 76;
const CALL_GONE_COUNT: usize = 80;
const CALL_GONE_ROOM: usize = 84;
/** i64 each: other time ≥ own time + lower, ≤ own time + upper; other rows up to `expired` are over; the clock. */
const CALL_LOWER: usize = 88;
const CALL_UPPER: usize = 96;
const CALL_EXPIRED: usize = 104;
const CALL_NOW: usize = 112;

const OWN_OUTER: u32 = 1;
const OTHER_OUTER: u32 = 2;
const INPUT_LEFT: u32 = 4;

const PAIRS: u32 = 4096;
const INSERT: u32 = 0;
const NO_ROW: u32 = 0;
const RIGHT_SET: usize = 16;
const TIME_BYTES: u32 = 8;
const GONE_BYTES: u32 = 12;

@inline
function timeOf(block: usize): i64 {
  return load<i64>(block + BLOCK_HEADER);
}

/** Links a new row in behind `at` (0 = first). The entry's page is touched. */
function insertAfter(map: usize, hash: u32, set: usize, at: u32, time: i64, row: u64, associations: u32): void {
  const bytes = viewLength(row);
  const handle = logAllocateLinked(map, hash, <u32>BLOCK_HEADER + TIME_BYTES + bytes);
  const group = groupOf(map, hash);
  const block = logPtrIn(group, handle);
  store<u32>(block, associations, BLOCK_ASSOCIATIONS);
  store<u32>(block, TIME_BYTES, BLOCK_IDENTITY);
  store<i64>(block + BLOCK_HEADER, time);
  memory.copy(block + BLOCK_HEADER + TIME_BYTES, viewAddress(row), bytes);
  const next = at == 0 ? load<u32>(set, SET_FIRST) : load<u32>(logPtrIn(group, at), BLOCK_NEXT);
  store<u32>(block, at, BLOCK_PREVIOUS);
  store<u32>(block, next, BLOCK_NEXT);
  if (at == 0) {
    store<u32>(set, handle, SET_FIRST);
  } else {
    const before = logPtrIn(group, at);
    touchPage(before);
    store<u32>(before, handle, BLOCK_NEXT);
  }
  if (next == 0) {
    store<u32>(set, handle, SET_LAST);
  } else {
    const after = logPtrIn(group, next);
    touchPage(after);
    store<u32>(after, handle, BLOCK_PREVIOUS);
  }
  store<u32>(set, load<u32>(set, SET_ROWS) + 1, SET_ROWS);
}

/** Adds a row behind those of its time or before; `replace`: in place of one of the same time. */
function addByTime(map: usize, hash: u32, set: usize, time: i64, row: u64, associations: u32, replace: bool): void {
  const group = groupOf(map, hash);
  let at = load<u32>(set, SET_LAST);
  while (at != 0) {
    const block = logPtrIn(group, at);
    if (timeOf(block) <= time) break;
    at = load<u32>(block, BLOCK_PREVIOUS);
  }
  if (replace && at != 0 && timeOf(logPtrIn(group, at)) == time) {
    const old = at;
    at = load<u32>(logPtrIn(group, old), BLOCK_PREVIOUS);
    setUnlink(map, hash, set, old);
    freeIn(group, old);
  }
  insertAfter(map, hash, set, at, time, row, associations);
}

@inline
function hashOf(call: usize, row: u32): u32 {
  return load<u32>(<usize>load<u32>(call, CALL_HASHES) + (row << 3), 4);
}

/** Notes a block that was taken out of its set on behalf of a row: u32 row, block, handle. */
function noteGone(call: usize, row: u32, block: usize, handle: u32): void {
  const count = load<u32>(call, CALL_GONE_COUNT);
  const room = load<u32>(call, CALL_GONE_ROOM);
  if (count == room) {
    const more = room == 0 ? 64 : room << 1;
    const to = arenaAlloc(more * GONE_BYTES);
    memory.copy(to, <usize>load<u32>(call, CALL_GONE), count * GONE_BYTES);
    store<u32>(call, <u32>to, CALL_GONE);
    store<u32>(call, more, CALL_GONE_ROOM);
  }
  const at = <usize>load<u32>(call, CALL_GONE) + count * GONE_BYTES;
  store<u32>(at, row);
  store<u32>(at, <u32>block, 4);
  store<u32>(at, handle, 8);
  store<u32>(call, count + 1, CALL_GONE_COUNT);
}

@inline
function beginPairs(call: usize): void {
  store<u32>(call, <u32>arenaAlloc(PAIRS << 2), CALL_PAIR_ROWS);
  store<u32>(call, <u32>arenaAlloc(PAIRS << 2), CALL_PAIR_BLOCKS);
  store<u32>(call, 0, CALL_GONE_COUNT);
  store<u32>(call, 0, CALL_GONE_ROOM);
}

/** Lists the next pairs of rows within the bounds and takes out what is over. True when all rows have been looked at. */
export function intervalCollect(call: usize): bool {
  const n = load<u32>(call, CALL_ROWS);
  const map = <usize>load<u32>(call, CALL_MAP);
  const entries = <usize>load<u32>(call, CALL_OTHER_ENTRIES);
  const times = <usize>load<u32>(call, CALL_TIMES);
  const otherSet: usize = RIGHT_SET - <usize>load<u32>(call, CALL_OWN_SET);
  const lower = load<i64>(call, CALL_LOWER);
  const upper = load<i64>(call, CALL_UPPER);
  const expired = load<i64>(call, CALL_EXPIRED);
  beginPairs(call);
  const pairRows = <usize>load<u32>(call, CALL_PAIR_ROWS);
  const pairBlocks = <usize>load<u32>(call, CALL_PAIR_BLOCKS);
  let row = load<u32>(call, CALL_COLLECT_ROW);
  let handle = load<u32>(call, CALL_COLLECT_HANDLE);
  let count: u32 = 0;
  for (; row < n; row++) {
    const entry = <usize>load<u32>(entries + (row << 2));
    const time = load<i64>(times + (row << 3));
    if (entry == 0 || expired >= time + upper) continue;
    const set = entry + otherSet;
    const hash = hashOf(call, row);
    const group = groupOf(map, hash);
    if (handle == 0) handle = load<u32>(set, SET_LAST);
    while (handle != 0) {
      const block = logPtrIn(group, handle);
      const other = timeOf(block);
      if (other < time + lower) break;
      if (other <= time + upper) {
        if (count == PAIRS) {
          store<u32>(call, row, CALL_COLLECT_ROW);
          store<u32>(call, handle, CALL_COLLECT_HANDLE);
          store<u32>(call, count, CALL_PAIRS);
          return false;
        }
        store<u32>(pairRows + (count << 2), row);
        store<u32>(pairBlocks + (count << 2), <u32>block);
        count++;
      }
      handle = load<u32>(block, BLOCK_PREVIOUS);
    }
    handle = 0;
    takeExpired(call, map, hash, set, row, expired);
  }
  store<u32>(call, n, CALL_COLLECT_ROW);
  store<u32>(call, 0, CALL_COLLECT_HANDLE);
  store<u32>(call, count, CALL_PAIRS);
  return true;
}

function takeExpired(call: usize, map: usize, hash: u32, set: usize, row: u32, expired: i64): void {
  const group = groupOf(map, hash);
  let first = load<u32>(set, SET_FIRST);
  while (first != 0) {
    const block = logPtrIn(group, first);
    if (timeOf(block) > expired) return;
    setUnlink(map, hash, set, first);
    noteGone(call, row, block, first);
    first = load<u32>(set, SET_FIRST);
  }
}

@inline
function emitPair(left: bool, kind: u32, own: usize, other: usize): void {
  if (left) pushChange(kind, own, other, 0);
  else pushChange(kind, other, own, 0);
}

/** The changes of the collected pairs; values and validity: of the condition by pair, 0 = none. */
export function intervalApply(call: usize, values: usize, validity: usize): void {
  const n = load<u32>(call, CALL_ROWS);
  const views = <usize>load<u32>(call, CALL_VIEWS);
  const flags = load<u32>(call, CALL_FLAGS);
  const until = load<u32>(call, CALL_COLLECT_ROW);
  const pairs = load<u32>(call, CALL_PAIRS);
  const pairRows = <usize>load<u32>(call, CALL_PAIR_ROWS);
  const pairBlocks = <usize>load<u32>(call, CALL_PAIR_BLOCKS);
  const left = (flags & INPUT_LEFT) != 0;
  changesBegin(max<u32>(pairs + n, 64));
  let row = load<u32>(call, CALL_APPLY_ROW);
  let matched = load<u32>(call, CALL_MATCHED);
  let pair: u32 = 0;
  let gone: u32 = 0;
  while (row < n) {
    const own = <usize>load<u32>(views + (row << 3));
    while (pair < pairs && load<u32>(pairRows + (pair << 2)) == row) {
      if (values == 0 || (load<u8>(values + pair) != 0 && (validity == 0 || load<u8>(validity + pair) != 0))) {
        const block = <usize>load<u32>(pairBlocks + (pair << 2));
        emitPair(left, INSERT, own, rowOfBlock(block));
        if (flags & OTHER_OUTER && load<u32>(block, BLOCK_ASSOCIATIONS) == 0) {
          touchPage(block + BLOCK_ASSOCIATIONS);
          store<u32>(block, 1, BLOCK_ASSOCIATIONS);
        }
        matched = 1;
      }
      pair++;
    }
    if (row == until) break;
    gone = applyGone(call, flags, row, gone);
    keepOwn(call, flags, row, own, matched);
    matched = 0;
    row++;
  }
  store<u32>(call, row, CALL_APPLY_ROW);
  store<u32>(call, matched, CALL_MATCHED);
}

/** What is over on the other side shows up unmatched, if it may, and goes. */
function applyGone(call: usize, flags: u32, row: u32, from: u32): u32 {
  const count = load<u32>(call, CALL_GONE_COUNT);
  const list = <usize>load<u32>(call, CALL_GONE);
  let next = from;
  for (; next < count; next++) {
    const at = list + next * GONE_BYTES;
    if (load<u32>(at) != row) break;
    const block = <usize>load<u32>(at, 4);
    if (flags & OTHER_OUTER && load<u32>(block, BLOCK_ASSOCIATIONS) == 0) {
      emitPair((flags & INPUT_LEFT) != 0, INSERT, NO_ROW, rowOfBlock(block));
    }
    freeLater(hashOf(call, row), load<u32>(at, 8));
  }
  return next;
}

/** A row that rows of the other side may still meet is kept; else it shows up unmatched, if it may. */
function keepOwn(call: usize, flags: u32, row: u32, own: usize, matched: u32): void {
  const slot = <usize>load<u32>(call, CALL_OWN_ENTRIES) + (row << 2);
  const time = load<i64>(<usize>load<u32>(call, CALL_TIMES) + (row << 3));
  const entry = <usize>load<u32>(slot);
  if (entry != 0 && load<i64>(call, CALL_NOW) < time + load<i64>(call, CALL_UPPER)) {
    const set = entry + <usize>load<u32>(call, CALL_OWN_SET);
    const view = load<u64>(<usize>load<u32>(call, CALL_VIEWS) + (row << 3));
    addByTime(<usize>load<u32>(call, CALL_MAP), hashOf(call, row), set, time, view, matched, false);
    return;
  }
  store<u32>(slot, 0);
  if (matched == 0 && flags & OWN_OUTER) emitPair((flags & INPUT_LEFT) != 0, INSERT, own, NO_ROW);
}

/**
 * Timers of one side: rows up to `expired` go, unmatched ones show up when `outer`. Entries that hold nothing any more and
 * have no flag (two bytes at `flagsAt`) are removed by entriesRemove: they stay in `entries`, others become 0. again: u32[n]
 * keys whose first row waits on, moments: i64[n] its time + delta; returns how many.
 */
export function intervalExpire(
  map: usize,
  n: u32,
  hashes: usize,
  entries: usize,
  set: u32,
  outer: bool,
  flagsAt: u32,
  expired: i64,
  delta: i64,
  again: usize,
  moments: usize,
): u32 {
  changesBegin(256);
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    const hash = load<u32>(hashes + (i << 3), 4);
    const group = groupOf(map, hash);
    mapTouch(map, entry);
    const own = entry + <usize>set;
    let first = load<u32>(own, SET_FIRST);
    while (first != 0) {
      const block = logPtrIn(group, first);
      if (timeOf(block) > expired) break;
      setUnlink(map, hash, own, first);
      if (outer && load<u32>(block, BLOCK_ASSOCIATIONS) == 0) emitPair(set == 0, INSERT, rowOfBlock(block), NO_ROW);
      freeLater(hash, first);
      first = load<u32>(own, SET_FIRST);
    }
    store<u8>(entry + flagsAt + (set >>> 4), 0);
    if (first != 0) {
      store<i64>(moments + (count << 3), timeOf(logPtrIn(group, first)) + delta);
      store<u32>(again + (count << 2), i);
      count++;
    }
    const rows = load<u32>(entry, SET_ROWS) + load<u32>(entry + RIGHT_SET, SET_ROWS);
    if (first != 0 || rows != 0 || load<u16>(entry + flagsAt) != 0) store<u32>(entries + (i << 2), 0);
  }
  return count;
}

/** Removes the entries without a row and without a flag; each may be listed several times. */
export function pairsCleanup(map: usize, n: u32, entries: usize, flagsAt: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    // An index is never built here: its word marks what is listed already.
    const used = load<u32>(entry, SET_ROWS) | load<u32>(entry + RIGHT_SET, SET_ROWS) | load<u32>(entry + flagsAt);
    if (used != 0 || load<u32>(entry, SET_INDEX) != 0) store<u32>(entries + (i << 2), 0);
    else store<u32>(entry, 1, SET_INDEX);
  }
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    store<u32>(entry, 0, SET_INDEX);
    mapRemove(map, entry);
  }
}

/**
 * Lookup join: the changes of the pairs that joinCollect has listed; a row keeps its kind, with OWN_OUTER one without a pair
 * comes out alone.
 */
export function lookupApply(call: usize, values: usize, validity: usize): void {
  const n = load<u32>(call, CALL_ROWS);
  const kinds = <usize>load<u32>(call, CALL_KINDS);
  const views = <usize>load<u32>(call, CALL_VIEWS);
  const outer = (load<u32>(call, CALL_FLAGS) & OWN_OUTER) != 0;
  const until = load<u32>(call, CALL_COLLECT_ROW);
  const pairs = load<u32>(call, CALL_PAIRS);
  const pairRows = <usize>load<u32>(call, CALL_PAIR_ROWS);
  const pairBlocks = <usize>load<u32>(call, CALL_PAIR_BLOCKS);
  changesBegin(max<u32>(pairs + n, 64));
  let row = load<u32>(call, CALL_APPLY_ROW);
  let matched = load<u32>(call, CALL_MATCHED);
  let pair: u32 = 0;
  while (row < n) {
    const kind: u32 = kinds == 0 ? INSERT : load<u8>(kinds + row);
    const own = <usize>load<u32>(views + (row << 3));
    while (pair < pairs && load<u32>(pairRows + (pair << 2)) == row) {
      if (values == 0 || (load<u8>(values + pair) != 0 && (validity == 0 || load<u8>(validity + pair) != 0))) {
        pushChange(kind, own, rowOfBlock(<usize>load<u32>(pairBlocks + (pair << 2))), 0);
        matched = 1;
      }
      pair++;
    }
    if (row == until) break;
    if (matched == 0 && outer) pushChange(kind, own, NO_ROW, 0);
    matched = 0;
    row++;
  }
  store<u32>(call, row, CALL_APPLY_ROW);
  store<u32>(call, matched, CALL_MATCHED);
}

// ------------------------------------------------------------------------------------------- temporal join

/** Behind the two sets: u32 1 = a timer is registered, u32 unused, i64 its time. */
const TIMER_SET: usize = 32;
const TIMER_TIME: usize = 40;

/**
 * Keeps a batch: left rows in order of arrival, right ones one a time, the last that came. rows: u32[n], those whose time
 * is the earliest of their key, for which a timer must be registered; returns how many.
 */
export function temporalAdd(call: usize, rows: usize): u32 {
  const n = load<u32>(call, CALL_ROWS);
  const map = <usize>load<u32>(call, CALL_MAP);
  const kinds = <usize>load<u32>(call, CALL_KINDS);
  const views = <usize>load<u32>(call, CALL_VIEWS);
  const entries = <usize>load<u32>(call, CALL_OWN_ENTRIES);
  const times = <usize>load<u32>(call, CALL_TIMES);
  const left = (load<u32>(call, CALL_FLAGS) & INPUT_LEFT) != 0;
  let count: u32 = 0;
  for (let row: u32 = 0; row < n; row++) {
    const entry = <usize>load<u32>(entries + (row << 2));
    if (entry == 0) continue;
    const kind: u32 = kinds == 0 ? INSERT : load<u8>(kinds + row);
    const time = load<i64>(times + (row << 3));
    const view = load<u64>(views + (row << 3));
    const hash = hashOf(call, row);
    if (left) insertAfter(map, hash, entry, load<u32>(entry, SET_LAST), time, view, kind);
    else addByTime(map, hash, entry + RIGHT_SET, time, view, kind, true);
    if (load<u32>(entry, TIMER_SET) != 0 && load<i64>(entry, TIMER_TIME) <= time) continue;
    store<u32>(entry, 1, TIMER_SET);
    store<i64>(entry, time, TIMER_TIME);
    store<u32>(rows + (count << 2), row);
    count++;
  }
  return count;
}

const FIRE_KEY: usize = 40;
const FIRE_HANDLE: usize = 44;
/** Due rows: u32 address, u32 right row's address or 0, u32 kind, u32 number of the pair + 1 or 0. */
const FIRE_DUE: usize = 48;
const FIRE_DUE_COUNT: usize = 52;
const FIRE_AGAIN: usize = 72;
const FIRE_MOMENTS: usize = 76;
const FIRE_AGAIN_COUNT: usize = 56;
const FIRE_MOMENT: usize = 88;
const FIRE_WATERMARK: usize = 96;

/**
 * The keys of a moment's timer (entries u32[n], 0 = gone): lists left rows that the watermark has reached, each with the
 * right row of its time, and forgets versions that nothing can ask for. True when all keys are done. Entries to remove stay
 * in CALL_OWN_ENTRIES.
 */
export function temporalCollect(call: usize): bool {
  const n = load<u32>(call, CALL_ROWS);
  const map = <usize>load<u32>(call, CALL_MAP);
  const entries = <usize>load<u32>(call, CALL_OWN_ENTRIES);
  const moment = load<i64>(call, FIRE_MOMENT);
  changesBegin(PAIRS);
  beginPairs(call);
  store<u32>(call, <u32>arenaAlloc(PAIRS << 4), FIRE_DUE);
  store<u32>(call, <u32>arenaAlloc(PAIRS << 3), CALL_VIEWS);
  store<u32>(call, 0, FIRE_DUE_COUNT);
  store<u32>(call, 0, CALL_PAIRS);
  for (let key = load<u32>(call, FIRE_KEY); key < n; key++) {
    const slot = entries + (key << 2);
    const entry = <usize>load<u32>(slot);
    if (entry == 0) continue;
    if (load<u32>(entry, TIMER_SET) == 0 || load<i64>(entry, TIMER_TIME) != moment) {
      store<u32>(slot, 0);
      continue;
    }
    mapTouch(map, entry);
    store<u32>(call, key, FIRE_KEY);
    if (!collectDue(call, map, entry, hashOf(call, key))) return false;
    finishKey(call, map, entry, key);
  }
  store<u32>(call, n, FIRE_KEY);
  return true;
}

/** False when there is no room for more: goes on at the cursor. */
function collectDue(call: usize, map: usize, entry: usize, hash: u32): bool {
  const group = groupOf(map, hash);
  const watermark = load<i64>(call, FIRE_WATERMARK);
  const due = <usize>load<u32>(call, FIRE_DUE);
  const views = <usize>load<u32>(call, CALL_VIEWS);
  let count = load<u32>(call, FIRE_DUE_COUNT);
  let pairs = load<u32>(call, CALL_PAIRS);
  let version = load<u32>(entry + RIGHT_SET, SET_LAST);
  let handle = load<u32>(call, FIRE_HANDLE);
  if (handle == 0) handle = load<u32>(entry, SET_FIRST);
  store<u32>(call, 0, FIRE_HANDLE);
  while (handle != 0) {
    const block = logPtrIn(group, handle);
    const next = load<u32>(block, BLOCK_NEXT);
    const time = timeOf(block);
    if (time > watermark) {
      handle = next;
      continue;
    }
    if (count == PAIRS) {
      store<u32>(call, handle, FIRE_HANDLE);
      break;
    }
    version = versionAt(group, version, load<u32>(entry + RIGHT_SET, SET_FIRST), time);
    const right: usize = version == 0 ? 0 : logPtrIn(group, version);
    const found = right != 0 && timeOf(right) <= time && (load<u32>(right, BLOCK_ASSOCIATIONS) & 1) == 0;
    const at = due + (count << 4);
    const row = rowOfBlock(block);
    store<u32>(at, <u32>row);
    store<u32>(at, found ? <u32>rowOfBlock(right) : 0, 4);
    store<u32>(at, load<u32>(block, BLOCK_ASSOCIATIONS), 8);
    store<u32>(at, 0, 12);
    store<u64>(views + (count << 3), <u64>row | (<u64>rowBytesOfBlock(block) << 32));
    if (found) {
      store<u32>(<usize>load<u32>(call, CALL_PAIR_ROWS) + (pairs << 2), count);
      store<u32>(<usize>load<u32>(call, CALL_PAIR_BLOCKS) + (pairs << 2), <u32>right);
      pairs++;
      store<u32>(at, pairs, 12);
    }
    count++;
    setUnlink(map, hash, entry, handle);
    freeLater(hash, handle);
    handle = next;
  }
  store<u32>(call, count, FIRE_DUE_COUNT);
  store<u32>(call, pairs, CALL_PAIRS);
  return load<u32>(call, FIRE_HANDLE) == 0;
}

/** The last version up to `time`, starting from a neighbour; the first one when all are later. */
function versionAt(group: usize, from: u32, first: u32, time: i64): u32 {
  let at = from == 0 ? first : from;
  if (at == 0) return 0;
  while (timeOf(logPtrIn(group, at)) > time) {
    const before = load<u32>(logPtrIn(group, at), BLOCK_PREVIOUS);
    if (before == 0) return at;
    at = before;
  }
  while (true) {
    const next = load<u32>(logPtrIn(group, at), BLOCK_NEXT);
    if (next == 0 || timeOf(logPtrIn(group, next)) > time) return at;
    at = next;
  }
}

/** All due rows of the key are listed: old versions go, the timer moves on. */
function finishKey(call: usize, map: usize, entry: usize, key: u32): void {
  const hash = hashOf(call, key);
  const group = groupOf(map, hash);
  const watermark = load<i64>(call, FIRE_WATERMARK);
  const versions = entry + RIGHT_SET;
  let first = load<u32>(versions, SET_FIRST);
  while (first != 0) {
    const next = load<u32>(logPtrIn(group, first), BLOCK_NEXT);
    if (next == 0 || timeOf(logPtrIn(group, next)) > watermark) break;
    setUnlink(map, hash, versions, first);
    freeLater(hash, first);
    first = next;
  }
  let waits = false;
  let earliest: i64 = i64.MAX_VALUE;
  for (let handle = load<u32>(entry, SET_FIRST); handle != 0; ) {
    const block = logPtrIn(group, handle);
    if (timeOf(block) < earliest) earliest = timeOf(block);
    waits = true;
    handle = load<u32>(block, BLOCK_NEXT);
  }
  store<u32>(entry, waits ? 1 : 0, TIMER_SET);
  store<i64>(entry, earliest, TIMER_TIME);
  if (waits) {
    const count = load<u32>(call, FIRE_AGAIN_COUNT);
    store<u32>(<usize>load<u32>(call, FIRE_AGAIN) + (count << 2), key);
    store<i64>(<usize>load<u32>(call, FIRE_MOMENTS) + (count << 3), earliest);
    store<u32>(call, count + 1, FIRE_AGAIN_COUNT);
  }
  if (waits || load<u32>(versions, SET_ROWS) != 0) {
    store<u32>(<usize>load<u32>(call, CALL_OWN_ENTRIES) + (key << 2), 0);
  }
}

/** The changes of the due rows; values and validity: of the condition by pair, 0 = none; outer: LEFT. */
export function temporalApply(call: usize, values: usize, validity: usize, outer: bool): void {
  const count = load<u32>(call, FIRE_DUE_COUNT);
  const due = <usize>load<u32>(call, FIRE_DUE);
  for (let i: u32 = 0; i < count; i++) {
    const at = due + (i << 4);
    const kind = load<u32>(at, 8);
    const number = load<u32>(at, 12);
    let matches = number != 0;
    if (matches && values != 0) {
      const pair = number - 1;
      matches = load<u8>(values + pair) != 0 && (validity == 0 || load<u8>(validity + pair) != 0);
    }
    if (matches) pushChange(kind, <usize>load<u32>(at), <usize>load<u32>(at, 4), 0);
    else if (outer) pushChange(kind, <usize>load<u32>(at), 0, 0);
  }
}
