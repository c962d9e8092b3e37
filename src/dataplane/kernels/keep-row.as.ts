/**
 * One row per key: the kernels of Deduplicate and ChangelogNormalize.
 *
 * State:   value u32 handle of the row (0 = none, or only known), u32 flags (1 = a row was seen), i64 rowtime.
 * Flow:    operators/deduplicate, operators/changelog-normalize → keepRows → changes → ChangeEmitter.
 * Modes:   see MODE_…; `sensitive` of Flink (table.exec.deduplicate.insert-update-after-sensitive-enabled) is always true.
 * Source:  Flink DeduplicateFunctionHelper, ProcTimeDeduplicateKeepFirstRowFunction, RowTimeDeduplicateFunction.
 */
import { equalBytes } from "./copy.as";
import { groupOf, touchRange } from "./keyed-map-pages.as";
import { mapRemove } from "./keyed-map.as";
import { allocate, fitsBlock, freeIn, logAppend, logPtrIn, logSetLength } from "./log.as";
import { changesBegin, freeLater, pushChange } from "./rows.as";
import { viewAddress, viewLength } from "./row-set.as";

const CALL_MAP: usize = 0;
const CALL_ROWS: usize = 4;
const CALL_KINDS: usize = 8;
const CALL_HASHES: usize = 12;
const CALL_ENTRIES: usize = 16;
const CALL_VIEWS: usize = 20;
/** i64[n] rowtimes, `times` of them CALL_TIME_WIDTH apart. */
const CALL_TIMES: usize = 24;
const CALL_TIME_WIDTH: usize = 28;
const CALL_MODE: usize = 32;
const CALL_FLAGS: usize = 36;
/** u8[n]: 0 = the row does not pass the condition and counts as deleted; and the condition's validity; 0 = none. */
const CALL_PASS: usize = 40;
const CALL_PASS_VALIDITY: usize = 44;
/** keepTimed: u32[n] where each row is to be written, and (without -U) what is shown: u32[n] rows, u8[n] kinds. */
const CALL_TARGETS: usize = 48;
const CALL_SHOWN: usize = 52;
const CALL_SHOWN_KINDS: usize = 56;

const MODE_LAST_PROCTIME: u32 = 1;
const MODE_LAST_ROWTIME: u32 = 2;
const MODE_FIRST_ROWTIME: u32 = 3;
const MODE_CHANGELOG: u32 = 4;

const UPDATE_BEFORE: u32 = 1;
/** Equal rows change nothing. Off with a TTL: readers behind must see that the key lives. */
const SKIP_EQUAL: u32 = 2;
/** Only keep the state; keepFinal emits at the end of input. */
const SILENT: u32 = 4;

const VALUE_HANDLE: usize = 0;
const VALUE_TIME: usize = 8;

const INSERT: u32 = 0;
const BEFORE: u32 = 1;
const AFTER: u32 = 2;
const DELETE: u32 = 3;

export function keepRows(call: usize): void {
  const n = load<u32>(call, CALL_ROWS);
  const map = <usize>load<u32>(call, CALL_MAP);
  const kinds = <usize>load<u32>(call, CALL_KINDS);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  const entries = <usize>load<u32>(call, CALL_ENTRIES);
  const views = <usize>load<u32>(call, CALL_VIEWS);
  const times = <usize>load<u32>(call, CALL_TIMES);
  const width = load<u32>(call, CALL_TIME_WIDTH);
  const mode = load<u32>(call, CALL_MODE);
  const flags = load<u32>(call, CALL_FLAGS);
  const pass = <usize>load<u32>(call, CALL_PASS);
  const passValidity = <usize>load<u32>(call, CALL_PASS_VALIDITY);
  const silent = (flags & SILENT) != 0;
  changesBegin(max<u32>(n << 1, 64));
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    const hash = load<u32>(hashes + (i << 3), 4);
    const group = groupOf(map, hash);
    const view = load<u64>(views + (i << 3));
    const old = load<u32>(entry, VALUE_HANDLE);
    const oldRow: usize = old == 0 ? 0 : logPtrIn(group, old);
    if (mode == MODE_CHANGELOG) {
      let kind: u32 = kinds == 0 ? INSERT : load<u8>(kinds + i);
      if (pass != 0 && (load<u8>(pass + i) == 0 || (passValidity != 0 && load<u8>(passValidity + i) == 0))) kind = DELETE;
      if (kind & 1) {
        if (old == 0) continue;
        if (!silent) pushChange(DELETE, oldRow, 0, 0);
        freeLater(hash, old);
        store<u32>(entry, 0, VALUE_HANDLE);
        continue;
      }
    } else if (mode != MODE_LAST_PROCTIME) {
      const time = load<i64>(times + <usize>(i * width));
      if (old != 0) {
        const before = load<i64>(entry, VALUE_TIME);
        if (mode == MODE_LAST_ROWTIME ? time < before : time >= before) continue;
      }
      store<i64>(entry, time, VALUE_TIME);
    }
    if (old == 0) {
      if (!silent) pushChange(INSERT, viewAddress(view), 0, 0);
    } else {
      if (flags & SKIP_EQUAL && mode != MODE_LAST_ROWTIME && mode != MODE_FIRST_ROWTIME) {
        const length = viewLength(view);
        if (load<u32>(oldRow - 4) == length && equalBytes(oldRow, viewAddress(view), length)) continue;
      }
      if (!silent) {
        if (flags & UPDATE_BEFORE) pushChange(BEFORE, oldRow, 0, 0);
        pushChange(AFTER, viewAddress(view), 0, 0);
      }
      freeLater(hash, old);
    }
    store<u32>(entry, logAppend(map, hash, viewAddress(view), viewLength(view)), VALUE_HANDLE);
  }
}

/**
 * keepRows by rowtime, for rows that are not encoded yet: CALL_VIEWS holds u32[n] sizes, and the caller writes the rows to
 * CALL_TARGETS (0 = the row is not kept), in order, before it emits and frees. Without -U a row takes the place of the one
 * before where it fits, and what is shown are rows of the batch: returns how many; with -U changes are pushed.
 */
export function keepTimed(call: usize): u32 {
  const n = load<u32>(call, CALL_ROWS);
  const map = <usize>load<u32>(call, CALL_MAP);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  const entries = <usize>load<u32>(call, CALL_ENTRIES);
  const sizes = <usize>load<u32>(call, CALL_VIEWS);
  const times = <usize>load<u32>(call, CALL_TIMES);
  const width = load<u32>(call, CALL_TIME_WIDTH);
  const last = load<u32>(call, CALL_MODE) == MODE_LAST_ROWTIME;
  const flags = load<u32>(call, CALL_FLAGS);
  const targets = <usize>load<u32>(call, CALL_TARGETS);
  const shown = <usize>load<u32>(call, CALL_SHOWN);
  const kinds = <usize>load<u32>(call, CALL_SHOWN_KINDS);
  const silent = (flags & SILENT) != 0;
  const before = !silent && (flags & UPDATE_BEFORE) != 0;
  let count: u32 = 0;
  changesBegin(before ? max<u32>(n << 1, 64) : 1);
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    const old = load<u32>(entry, VALUE_HANDLE);
    const time = load<i64>(times + <usize>(i * width));
    if (old != 0) {
      const held = load<i64>(entry, VALUE_TIME);
      if (last ? time < held : time >= held) {
        store<u32>(targets + (i << 2), 0);
        continue;
      }
    }
    store<i64>(entry, time, VALUE_TIME);
    const hash = load<u32>(hashes + (i << 3), 4);
    const group = groupOf(map, hash);
    const size = load<u32>(sizes + (i << 2));
    const oldRow: usize = old == 0 ? 0 : logPtrIn(group, old);
    let row: usize = 0;
    if (old != 0 && !before && fitsBlock(oldRow, size)) {
      row = oldRow;
      logSetLength(row, size);
      touchRange(row, size);
    } else {
      const handle = allocate(group, size, 0);
      row = logPtrIn(group, handle);
      store<u32>(entry, handle, VALUE_HANDLE);
      // An earlier row of this batch may be on its way to it.
      if (old != 0) freeLater(hash, old);
    }
    store<u32>(targets + (i << 2), <u32>row);
    if (before) {
      if (old != 0) pushChange(BEFORE, oldRow, 0, 0);
      pushChange(old == 0 ? INSERT : AFTER, row, 0, 0);
    } else if (!silent) {
      store<u32>(shown + (count << 2), i);
      store<u8>(kinds + count, <u8>(old == 0 ? INSERT : AFTER));
      count++;
    }
  }
  return count;
}

/** Removes the entries without a row; each may be listed several times. */
export function keepCleanup(map: usize, n: u32, entries: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (load<u32>(entry, VALUE_HANDLE) != 0 || load<u32>(entry, 4) != 0) {
      store<u32>(entries + (i << 2), 0);
    } else {
      store<u32>(entry, 1, 4);
    }
  }
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry != 0) mapRemove(map, entry);
  }
}

/** The row of an entry as one change +I. */
export function keepFinal(map: usize, entry: usize, keyBytes: u32): void {
  changesBegin(64);
  const handle = load<u32>(entry, VALUE_HANDLE);
  if (handle == 0) return;
  pushChange(INSERT, logPtrIn(groupOf(map, load<u32>(entry - keyBytes - 8)), handle), 0, 0);
}

/** The rows of entries (0 = none) as changes +I; their blocks are freed when those are out. */
export function keepFinals(map: usize, n: u32, hashes: usize, entries: usize): void {
  changesBegin(max<u32>(n, 64));
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    const handle = load<u32>(entry, VALUE_HANDLE);
    if (handle == 0) continue;
    const hash = load<u32>(hashes + (i << 3), 4);
    pushChange(INSERT, logPtrIn(groupOf(map, hash), handle), 0, 0);
    freeLater(hash, handle);
  }
}

/** Lists the rows whose entry was never seen, and marks it: rows u32[n]; returns how many. */
export function keepFirst(n: u32, entries: usize, rows: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (load<u32>(entry, 4) != 0) continue;
    store<u32>(entry, 1, 4);
    store<u32>(rows + (count << 2), i);
    count++;
  }
  return count;
}

/**
 * Keeps the earliest row per key that waits for the watermark. Rows before `watermark` are late; rows whose entry in
 * `emitted` exists are dropped. rows: u32[n] of those that are kept now; late: u32 count. Returns how many are kept.
 */
export function keepEarliest(
  map: usize,
  n: u32,
  hashes: usize,
  entries: usize,
  emitted: usize,
  views: usize,
  times: usize,
  width: u32,
  watermark: i64,
  rows: usize,
  late: usize,
): u32 {
  let count: u32 = 0;
  let lateRows: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const time = load<i64>(times + <usize>(i * width));
    if (time < watermark) {
      lateRows++;
      continue;
    }
    if (load<u32>(emitted + (i << 2)) != 0) continue;
    const entry = <usize>load<u32>(entries + (i << 2));
    const hash = load<u32>(hashes + (i << 3), 4);
    const old = load<u32>(entry, VALUE_HANDLE);
    if (old != 0) {
      if (time >= load<i64>(entry, VALUE_TIME)) continue;
      freeIn(groupOf(map, hash), old);
    }
    const view = load<u64>(views + (i << 3));
    store<u32>(entry, logAppend(map, hash, viewAddress(view), viewLength(view)), VALUE_HANDLE);
    store<i64>(entry, time, VALUE_TIME);
    store<u32>(rows + (count << 2), i);
    count++;
  }
  store<u32>(late, lateRows);
  return count;
}

/**
 * The rows of the entries (0 = none) that wait for exactly `time`, as changes +I; their entries stay listed, all others
 * become 0, so that the caller removes what was emitted.
 */
export function keepDue(map: usize, n: u32, hashes: usize, entries: usize, time: i64): void {
  changesBegin(max<u32>(n, 16));
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    const handle = load<u32>(entry, VALUE_HANDLE);
    if (handle == 0 || load<i64>(entry, VALUE_TIME) != time) {
      store<u32>(entries + (i << 2), 0);
      continue;
    }
    const hash = load<u32>(hashes + (i << 3), 4);
    pushChange(INSERT, logPtrIn(groupOf(map, hash), handle), 0, 0);
    freeLater(hash, handle);
  }
}
