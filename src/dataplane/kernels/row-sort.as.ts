/**
 * Sorting of whole inputs: the records of a hash join's table (hash-join.as.ts, keys of variable size) in the order of their keys.
 *
 * Flow:    operators/rows/row-sorter.ts: sortPrefixes → hashTableAdd (the prefix in place of the hash) → recordsSort (a list of
 *          records) → recordRows, or recordsPack (into a run on disk) … → runsMerge.
 * Key:     bytes whose order under memcmp is the order of rows (sorting.as.ts). Prefix: its first bytes as a number in the
 *          same order: most comparisons end there, and touch no record.
 * Order:   stable: rows with equal keys stay as they came, and runs that were written earlier come first.
 */
import { arenaAlloc } from "./arena.as";
import { compareBytes, equalBytes } from "./copy.as";
import { chunkEnd, reserve, rowOfRecord } from "./hash-join.as";
import { FAILURE_MEMORY, fail, pageAllocate, pageFree } from "./memory.as";

const TABLE_ROWS: usize = 4;
const TABLE_FIRST: usize = 8;
const CHUNK_HEADER: u32 = 16;
const RECORD_KEY: usize = 8;
const RECORD_PREFIX: usize = 16;
const RECORD_BYTES: usize = 24;
const SIZE: u32 = 0x3fffffff;
/** u64 prefix, u32 record, u32 unused. */
const ENTRY: u32 = 16;

/** Of views u64[n] of identities (sorting.as.ts): views of their keys alone, and the prefixes (u64[n]). */
export function sortPrefixes(n: u32, identities: usize, keys: usize, prefixes: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>load<u32>(identities + (<usize>i << 3));
    const length = load<u32>(at);
    store<u64>(keys + (<usize>i << 3), <u64>(at + 4) | (<u64>length << 32));
    store<u64>(prefixes + (<usize>i << 3), prefixOf(at + 4, length));
  }
}

/** The first byte says where NULLs go: 1 stands before a value, whose bytes then tell more than it does. */
function prefixOf(key: usize, length: u32): u64 {
  if (length == 0) return 0;
  const mark = load<u8>(key);
  if (mark == 0) return 0;
  if (mark == 2) return u64.MAX_VALUE;
  let prefix: u64 = 0;
  if (length >= 9) prefix = bswap<u64>(load<u64>(key + 1));
  else {
    for (let i: u32 = 1; i < length; i++) prefix |= <u64>load<u8>(key + i) << (<u64>(8 - i) << 3);
  }
  return min<u64>(max<u64>(prefix, 1), u64.MAX_VALUE - 1);
}

/** Order of two records with one prefix. */
function compareKeys(a: usize, b: usize): i32 {
  const la = load<u32>(a, RECORD_KEY);
  const lb = load<u32>(b, RECORD_KEY);
  const order = compareBytes(a + RECORD_BYTES, b + RECORD_BYTES, min<u32>(la, lb));
  return order != 0 ? order : la < lb ? -1 : la > lb ? 1 : 0;
}

/** Order of two records. */
export function compareRecords(a: usize, b: usize): i32 {
  const x = load<u64>(a, RECORD_PREFIX);
  const y = load<u64>(b, RECORD_PREFIX);
  return x != y ? (x < y ? -1 : 1) : compareKeys(a, b);
}

@inline
function pagesOf(bytes: u64): u32 {
  return <u32>((bytes + 4095) >>> 12);
}

function pagesFor(bytes: u64): usize {
  const address = pageAllocate(pagesOf(bytes));
  if (address == 0) fail(FAILURE_MEMORY);
  return address;
}

/** A table's records in order, u32[rows] in pages of their own: pageFree(list, ⌈rows / 1024⌉). 0 when there are none. */
export function recordsSort(table: usize): usize {
  const n = load<u32>(table, TABLE_ROWS);
  if (n == 0) return 0;
  const bytes = <u64>n * ENTRY;
  const entries = pagesFor(bytes);
  let count: u32 = 0;
  for (let chunk = <usize>load<u32>(table, TABLE_FIRST); chunk != 0; chunk = <usize>load<u32>(chunk)) {
    const end = chunkEnd(table, chunk);
    for (let record = chunk + CHUNK_HEADER; record < end; record += load<u32>(record, 4) & SIZE) {
      const entry = entries + <usize>count * ENTRY;
      store<u64>(entry, load<u64>(record, RECORD_PREFIX));
      store<u32>(entry, <u32>record, 8);
      count++;
    }
  }
  const scratch = pagesFor(bytes);
  const sorted = sortEntries(entries, scratch, n);
  const list = pagesFor(<u64>n << 2);
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(list + (<usize>i << 2), load<u32>(sorted + <usize>i * ENTRY, 8));
  }
  pageFree(entries, pagesOf(bytes));
  pageFree(scratch, pagesOf(bytes));
  return list;
}

/** Merges runs of growing length; returns which of the two lists has the result. */
function sortEntries(entries: usize, scratch: usize, n: u32): usize {
  let from = entries;
  let to = scratch;
  for (let width: u32 = 1; width < n; width <<= 1) {
    for (let low: u32 = 0; low < n; ) {
      const middle = n - low > width ? low + width : n;
      const high = n - middle > width ? middle + width : n;
      mergeEntries(from, to, low, middle, high);
      low = high;
    }
    const swap = from;
    from = to;
    to = swap;
  }
  return from;
}

@inline
function comesAfter(a: usize, b: usize): bool {
  const x = load<u64>(a);
  const y = load<u64>(b);
  if (x != y) return x > y;
  return compareKeys(<usize>load<u32>(a, 8), <usize>load<u32>(b, 8)) > 0;
}

function mergeEntries(from: usize, to: usize, low: u32, middle: u32, high: u32): void {
  let a = from + <usize>low * ENTRY;
  const aEnd = from + <usize>middle * ENTRY;
  let b = aEnd;
  const bEnd = from + <usize>high * ENTRY;
  let at = to + <usize>low * ENTRY;
  if (b == bEnd || !comesAfter(aEnd - ENTRY, b)) {
    memory.copy(at, a, bEnd - a);
    return;
  }
  while (a < aEnd && b < bEnd) {
    const after = comesAfter(a, b);
    const source = after ? b : a;
    store<u64>(at, load<u64>(source));
    store<u64>(at, load<u64>(source, 8), 8);
    if (after) b += ENTRY;
    else a += ENTRY;
    at += ENTRY;
  }
  if (a < aEnd) memory.copy(at, a, aEnd - a);
  else memory.copy(at, b, bEnd - b);
}

/** Records (u32[n]) as their rows, in place. */
export function recordRows(n: u32, records: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = records + (<usize>i << 2);
    store<u32>(at, <u32>rowOfRecord(<usize>load<u32>(at), -1));
  }
}

/** Bytes of a record. */
export function recordBytes(record: usize): u32 {
  return load<u32>(record, 4) & SIZE;
}

/** Adds copies of records (u32[n]) to another table; the list then names the copies. */
export function recordsCopy(n: u32, records: usize, table: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const record = <usize>load<u32>(records + (<usize>i << 2));
    const bytes = recordBytes(record);
    const copy = reserve(table, bytes);
    memory.copy(copy, record, bytes);
    store<u32>(records + (<usize>i << 2), <u32>copy);
  }
  store<u32>(table, load<u32>(table, TABLE_ROWS) + n, TABLE_ROWS);
}

/** Copies whole records (u32[n]) one behind the other, as many as there is room for; returns how many. `written`: u32 bytes. */
export function recordsPack(n: u32, records: usize, to: usize, room: u32, written: usize): u32 {
  let used: u32 = 0;
  let i: u32 = 0;
  for (; i < n; i++) {
    const record = <usize>load<u32>(records + (<usize>i << 2));
    const bytes = recordBytes(record);
    if (bytes > room - used) break;
    memory.copy(to + used, record, bytes);
    used += bytes;
  }
  store<u32>(written, used);
  return i;
}

/**
 * The next records of `k` sorted runs in order, u32[≤ room] to `out`. Cursors: u32 at, u32 end of each run's records in memory; a
 * run whose cursor stands at its end has none. Stops behind the last record of a cursor, so that more can be read.
 */
export function runsMerge(k: u32, cursors: usize, out: usize, room: u32): u32 {
  let count: u32 = 0;
  while (count < room) {
    let best: usize = 0;
    let least: usize = 0;
    for (let i: u32 = 0; i < k; i++) {
      const cursor = cursors + (<usize>i << 3);
      const record = <usize>load<u32>(cursor);
      if (record == <usize>load<u32>(cursor, 4)) continue;
      if (best != 0) {
        const x = load<u64>(least, RECORD_PREFIX);
        const y = load<u64>(record, RECORD_PREFIX);
        if (x < y || (x == y && compareKeys(least, record) <= 0)) continue;
      }
      best = cursor;
      least = record;
    }
    if (best == 0) break;
    store<u32>(out + (<usize>count << 2), <u32>least);
    count++;
    const next = least + recordBytes(least);
    store<u32>(best, <u32>next);
    if (next == <usize>load<u32>(best, 4)) break;
  }
  return count;
}

/** Bytes of the first column of a key, which is of variable size and not NULL: 1, the bytes with 0 as 0 255, 0 0. */
function firstColumnBytes(record: usize): u32 {
  const key = record + RECORD_BYTES;
  let at: u32 = 1;
  while (load<u16>(key + at) != 0) at += load<u8>(key + at) == 0 ? 2 : 1;
  return at + 2;
}

/**
 * out u8[n]: 1 where the first column of a record's key is not that of the record before. `last`: the first column of the record
 * before the first one, of `lastBytes`; 0: there is none.
 */
export function recordsParted(n: u32, records: usize, last: usize, lastBytes: u32, out: usize): void {
  let before = last;
  let beforeBytes = lastBytes;
  for (let i: u32 = 0; i < n; i++) {
    const record = <usize>load<u32>(records + (<usize>i << 2));
    const key = record + RECORD_BYTES;
    const bytes = firstColumnBytes(record);
    const same = bytes == beforeBytes && equalBytes(before, key, bytes);
    store<u8>(out + i, same ? 0 : 1);
    before = key;
    beforeBytes = bytes;
  }
}

/** The first column of a record's key as a view. */
export function recordPart(record: usize): u64 {
  return <u64>(record + RECORD_BYTES) | (<u64>firstColumnBytes(record) << 32);
}

/** Packed keys of `width` bytes as views, u64[n]. */
export function viewsOfFixed(n: u32, keys: usize, width: u32): usize {
  const views = arenaAlloc(n << 3);
  for (let i: u32 = 0; i < n; i++) {
    store<u64>(views + (<usize>i << 3), <u64>(keys + <usize>(i * width)) | (<u64>width << 32));
  }
  return views;
}
