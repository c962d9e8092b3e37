/**
 * Session windows: which session a row belongs to, merging of sessions, and the sessions that are over.
 *
 * State:   per key u32 records (handle of a block), u32 count, i64 timer (the moment that is registered, 0 = none). A record
 *          is i64 start, i64 end, i64 fragment. Records with equal bounds are fragments of one session: accumulators are
 *          never merged in state; a row that joins two sessions gives their fragments one pair of bounds.
 *          The fragment's number is the time of its first row, unique among the records of a key.
 * Timers:  one moment per key at a time, the earliest end when it was registered; a moment at which nothing is over yet is
 *          registered anew. So a session that grows with every row costs no timer per row.
 * Source:  Flink SessionWindowAssigner, MergingWindowSet: windows that touch are one.
 */
import { arenaAlloc } from "./arena.as";
import { groupOf, touchRange } from "./keyed-map-pages.as";
import { mapRemove, mapTouch } from "./keyed-map.as";
import { freeIn, logAllocate, logCapacity, logPtrIn, logSetLength } from "./log.as";

const RECORDS: usize = 0;
const COUNT: usize = 4;
const TIMER: usize = 8;
const RECORD: u32 = 24;
/** A count: the entry is listed already as one to be removed. */
const LEAVES: u32 = 0xffffffff;

/**
 * Puts n rows into the sessions of their entries. Rows whose session is over (end ≤ overUntil) are late and left out.
 * out → u32 count, u32 rows (u32[]), u32 fragments (i64[]), u32 late, u32 timer count, u32 timer rows (u32[]), u32 moments.
 */
export function sessionAdd(
  map: usize,
  n: u32,
  hashes: usize,
  entries: usize,
  times: usize,
  width: u32,
  validity: usize,
  gap: i64,
  overUntil: i64,
  out: usize,
): void {
  const rows = arenaAlloc(n << 2);
  const fragments = arenaAlloc(n << 3);
  const timerRows = arenaAlloc(n << 2);
  const moments = arenaAlloc(n << 3);
  let count: u32 = 0;
  let late: u32 = 0;
  let timers: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    if (validity != 0 && load<u8>(validity + i) == 0) continue;
    const entry = <usize>load<u32>(entries + (i << 2));
    const hash = load<u32>(hashes + (i << 3), 4);
    const time = load<i64>(times + <usize>(i * width));
    let start = time;
    let end = time + gap;
    const records = load<u32>(entry, COUNT);
    const group = groupOf(map, hash);
    const block: usize = records == 0 ? 0 : logPtrIn(group, load<u32>(entry, RECORDS));
    let found: usize = 0;
    // Bounds that grow may reach further sessions: until nothing changes.
    for (let grown = true; grown; ) {
      grown = false;
      for (let r: u32 = 0; r < records; r++) {
        const record = block + <usize>(r * RECORD);
        const s = load<i64>(record);
        const e = load<i64>(record, 8);
        if (s > end || e < start) continue;
        if (found == 0) found = record;
        if (s < start || e > end) {
          start = min<i64>(s, start);
          end = max<i64>(e, end);
          grown = true;
        }
      }
    }
    if (end <= overUntil) {
      late++;
      continue;
    }
    let fragment = time;
    if (found != 0) {
      fragment = load<i64>(found, 16);
      for (let r: u32 = 0; r < records; r++) {
        const record = block + <usize>(r * RECORD);
        if (load<i64>(record) > end || load<i64>(record, 8) < start) continue;
        if (load<i64>(record) == start && load<i64>(record, 8) == end) continue;
        touchRange(record, RECORD);
        store<i64>(record, start);
        store<i64>(record, end, 8);
      }
    } else {
      addRecord(map, group, hash, entry, records, start, end, fragment);
    }
    store<u32>(rows + (count << 2), i);
    store<i64>(fragments + (count << 3), fragment);
    count++;
    const timer = load<i64>(entry, TIMER);
    if (timer == 0 || end < timer) {
      store<i64>(entry, end, TIMER);
      store<u32>(timerRows + (timers << 2), i);
      store<i64>(moments + (timers << 3), end);
      timers++;
    }
  }
  if (count < n) removeEmpty(map, n, entries);
  store<u32>(out, count);
  store<u32>(out, <u32>rows, 4);
  store<u32>(out, <u32>fragments, 8);
  store<u32>(out, late, 12);
  store<u32>(out, timers, 16);
  store<u32>(out, <u32>timerRows, 20);
  store<u32>(out, <u32>moments, 24);
}

/** Keys that have had no row but late ones stay without an entry. */
function removeEmpty(map: usize, n: u32, entries: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (load<u32>(entry, COUNT) == 0) store<u32>(entry, LEAVES, COUNT);
    else store<u32>(entries + (i << 2), 0);
  }
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry != 0) mapRemove(map, entry);
  }
}

function addRecord(
  map: usize,
  group: usize,
  hash: u32,
  entry: usize,
  records: u32,
  start: i64,
  end: i64,
  fragment: i64,
): void {
  const bytes = (records + 1) * RECORD;
  let handle = load<u32>(entry, RECORDS);
  if (handle == 0) {
    handle = logAllocate(map, hash, bytes);
    store<u32>(entry, handle, RECORDS);
  } else {
    const block = logPtrIn(group, handle);
    if (bytes > logCapacity(block)) {
      const bigger = logAllocate(map, hash, bytes << 1);
      memory.copy(logPtrIn(group, bigger), logPtrIn(group, handle), records * RECORD);
      freeIn(group, handle);
      handle = bigger;
      store<u32>(entry, handle, RECORDS);
    } else if (bytes > load<u32>(block - 4)) {
      logSetLength(block, bytes);
    }
  }
  const record = logPtrIn(group, handle) + <usize>(records * RECORD);
  touchRange(record, RECORD);
  store<i64>(record, start);
  store<i64>(record, end, 8);
  store<i64>(record, fragment, 16);
  store<u32>(entry, records + 1, COUNT);
}

/**
 * Takes the sessions that end at `moment` or before out of n found entries (0 = none).
 * out → u32 sessions, u32 keys (u32[]: index of the entry), u32 starts (i64[]), u32 ends (i64[]),
 *       u32 fragments, u32 fragment sessions (u32[]), u32 fragment keys (u32[]), u32 fragment numbers (i64[]),
 *       u32 timers, u32 timer keys (u32[]), u32 moments (i64[]).
 * Entries that hold further sessions become 0 in the list: what is left in it is to be removed.
 */
export function sessionTake(map: usize, n: u32, hashes: usize, entries: usize, moment: i64, out: usize): void {
  let total: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry != 0) total += load<u32>(entry, COUNT);
  }
  const keys = arenaAlloc(total << 2);
  const starts = arenaAlloc(total << 3);
  const ends = arenaAlloc(total << 3);
  const ofSessions = arenaAlloc(total << 2);
  const ofKeys = arenaAlloc(total << 2);
  const numbers = arenaAlloc(total << 3);
  const timerKeys = arenaAlloc(n << 2);
  const moments = arenaAlloc(n << 3);
  let sessions: u32 = 0;
  let fragments: u32 = 0;
  let timers: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    // A key may be registered twice for one moment: a timer that was moved forward has come back to it.
    if (load<u32>(entry, COUNT) == LEAVES) {
      store<u32>(entries + (i << 2), 0);
      continue;
    }
    mapTouch(map, entry);
    const hash = load<u32>(hashes + (i << 3), 4);
    const group = groupOf(map, hash);
    const records = load<u32>(entry, COUNT);
    const block: usize = records == 0 ? 0 : logPtrIn(group, load<u32>(entry, RECORDS));
    if (records != 0) touchRange(block, records * RECORD);
    const firstSession = sessions;
    let kept: u32 = 0;
    let earliest: i64 = i64.MAX_VALUE;
    for (let r: u32 = 0; r < records; r++) {
      const record = block + <usize>(r * RECORD);
      const start = load<i64>(record);
      const end = load<i64>(record, 8);
      if (end > moment) {
        const to = block + <usize>(kept * RECORD);
        if (to != record) memory.copy(to, record, RECORD);
        kept++;
        earliest = min<i64>(earliest, end);
        continue;
      }
      let session = firstSession;
      while (session < sessions && load<i64>(starts + (session << 3)) != start) session++;
      if (session == sessions) {
        store<u32>(keys + (session << 2), i);
        store<i64>(starts + (session << 3), start);
        store<i64>(ends + (session << 3), end);
        sessions++;
      }
      store<u32>(ofSessions + (fragments << 2), session);
      store<u32>(ofKeys + (fragments << 2), i);
      store<i64>(numbers + (fragments << 3), load<i64>(record, 16));
      fragments++;
    }
    store<u32>(entry, kept, COUNT);
    if (kept == 0) {
      const handle = load<u32>(entry, RECORDS);
      if (handle != 0) freeIn(group, handle);
      store<u32>(entry, 0, RECORDS);
      store<u32>(entry, LEAVES, COUNT);
      continue;
    }
    store<u32>(entries + (i << 2), 0);
    const timer = load<i64>(entry, TIMER);
    // A stale moment of a key whose timer is later already needs no other one.
    if (timer > moment) continue;
    store<i64>(entry, earliest, TIMER);
    store<u32>(timerKeys + (timers << 2), i);
    store<i64>(moments + (timers << 3), earliest);
    timers++;
  }
  store<u32>(out, sessions);
  store<u32>(out, <u32>keys, 4);
  store<u32>(out, <u32>starts, 8);
  store<u32>(out, <u32>ends, 12);
  store<u32>(out, fragments, 16);
  store<u32>(out, <u32>ofSessions, 20);
  store<u32>(out, <u32>ofKeys, 24);
  store<u32>(out, <u32>numbers, 28);
  store<u32>(out, timers, 32);
  store<u32>(out, <u32>timerKeys, 36);
  store<u32>(out, <u32>moments, 40);
}

/** Addresses base + index · width, for indexes u32[n]. */
export function elementsAt(base: usize, width: u32, n: u32, indexes: usize): usize {
  const out = arenaAlloc(n << 2);
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(out + (i << 2), <u32>base + load<u32>(indexes + (i << 2)) * width);
  }
  return out;
}
