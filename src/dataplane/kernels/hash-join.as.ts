/**
 * Hash join of bounded inputs: the rows of one side in a table, the other side's rows looked up in it.
 *
 * Flow:    operators/hash-join: hashTableAdd (build) → hashTableIndex → hashTableProbe … (pairs) → condition over the
 *          pairs, generated → hashPairsFilter → hashPairsMark → rows of the pairs to columns. hashTableScan lists rows.
 * Memory:  chunks of pages that only this table owns; nothing here is part of a snapshot: batch jobs take none.
 * Table:   one struct of TABLE_BYTES. A record: u32 next in its chain, u32 flags and bytes, the key, the row. A fixed key
 *          lies there as it is, of a variable one u32 length, u32 unused, u64 hash, its bytes up to a multiple of 8.
 * Index:   2^k slots of u64, at least one a row: address of the first record (low half), and in the high half a bit for
 *          each hash of the chain: most rows without a match end at the slot.
 */
import { arenaAlloc } from "./arena.as";
import { copyBytes, equalBytes } from "./copy.as";
import { hash64, hashFixed } from "./hash.as";
import { FAILURE_MEMORY, fail, pageAllocate, pageFree } from "./memory.as";

/** Bytes of a fixed key, −1 variable, 0 none: rows that are only kept. */
const TABLE_KEY_BYTES: usize = 0;
const TABLE_ROWS: usize = 4;
const TABLE_FIRST: usize = 8;
const TABLE_LAST: usize = 12;
const TABLE_NEXT: usize = 16;
const TABLE_END: usize = 20;
const TABLE_SLOTS: usize = 24;
const TABLE_MASK: usize = 28;
const TABLE_SLOT_PAGES: usize = 32;
/** Pages of chunks and slots. */
const TABLE_PAGES: usize = 36;
/** Where hashTableScan stands: chunk and record. */
const TABLE_SCAN_CHUNK: usize = 40;
const TABLE_SCAN_RECORD: usize = 44;

/** Chunk: u32 next, u32 end of its records, u32 pages, u32 unused. */
const CHUNK_HEADER: u32 = 16;
const CHUNK_PAGES: u32 = 64;
const FIRST_PAGES: u32 = 4;

const RECORD_KEY: usize = 8;
const MATCHED: u32 = 0x80000000;
/** A NULL in its key: not in the index. */
const ALONE: u32 = 0x40000000;
const SIZE: u32 = 0x3fffffff;

const CALL_TABLE: usize = 0;
const CALL_ROWS: usize = 4;
const CALL_HASHES: usize = 8;
const CALL_KEYS: usize = 12;
/** u8[n], 1 = the row matches nothing; 0 = there is none. */
const CALL_MARKS: usize = 16;
const CALL_ROW: usize = 20;
const CALL_RECORD: usize = 24;
const CALL_PAIRS: usize = 28;
const CALL_PAIR_ROWS: usize = 32;
const CALL_PAIR_RECORDS: usize = 36;
/** u32[n] first records, set by the first hashTableProbe of a batch. */
const CALL_HEADS: usize = 40;
/** Of no meaning: keeps the loads that bring records into the cache. */
const CALL_SEEN: usize = 44;

const PAIRS: u32 = 4096;

/** `table`: TABLE_BYTES of zeros. */
export function hashTableInit(table: usize, keyBytes: i32): void {
  store<i32>(table, keyBytes, TABLE_KEY_BYTES);
}

export function hashTableRows(table: usize): u32 {
  return load<u32>(table, TABLE_ROWS);
}

export function hashTablePages(table: usize): u32 {
  return load<u32>(table, TABLE_PAGES);
}

@inline
function keySpace(keyBytes: i32, length: u32): u32 {
  return keyBytes >= 0 ? <u32>keyBytes : 16 + ((length + 7) & ~7);
}

@inline
export function rowOfRecord(record: usize, keyBytes: i32): usize {
  if (keyBytes >= 0) return record + RECORD_KEY + keyBytes;
  return record + RECORD_KEY + keySpace(-1, load<u32>(record, RECORD_KEY));
}

@inline
function hashOfRecord(record: usize, keyBytes: i32): u64 {
  if (keyBytes == 8) return hash64(load<u64>(record, RECORD_KEY));
  if (keyBytes < 0) return load<u64>(record, RECORD_KEY + 8);
  return hashFixed(record + RECORD_KEY, keyBytes);
}

export function reserve(table: usize, bytes: u32): usize {
  const next = <usize>load<u32>(table, TABLE_NEXT);
  if (next != 0 && bytes <= load<u32>(table, TABLE_END) - <u32>next) {
    store<u32>(table, <u32>next + bytes, TABLE_NEXT);
    return next;
  }
  // Chunks grow with the table: few pages for a small one, at most 4 MiB for a big one.
  const known = load<u32>(table, TABLE_PAGES);
  const growth = known < CHUNK_PAGES ? max<u32>(FIRST_PAGES, known) : min<u32>(1024, max<u32>(CHUNK_PAGES, known >>> 3));
  const pages = max<u32>(growth, (bytes + CHUNK_HEADER + 4095) >>> 12);
  const chunk = pageAllocate(pages);
  if (chunk == 0) fail(FAILURE_MEMORY);
  const last = <usize>load<u32>(table, TABLE_LAST);
  if (last == 0) store<u32>(table, <u32>chunk, TABLE_FIRST);
  else {
    store<u32>(last, <u32>chunk);
    store<u32>(last, <u32>next, 4);
  }
  store<u32>(chunk, 0);
  store<u32>(chunk, <u32>chunk + CHUNK_HEADER, 4);
  store<u32>(chunk, pages, 8);
  store<u32>(table, <u32>chunk, TABLE_LAST);
  store<u32>(table, load<u32>(table, TABLE_PAGES) + pages, TABLE_PAGES);
  const at = chunk + CHUNK_HEADER;
  store<u32>(table, <u32>at + bytes, TABLE_NEXT);
  store<u32>(table, <u32>chunk + (pages << 12), TABLE_END);
  return at;
}

/**
 * Adds the rows of views (u64[n]) with their keys: packed fixed ones, or views with hashes (u64[n]). `marks` (u8[n], or 0):
 * 1 = a row with a NULL in its key, kept outside of the index when `keepMarked`, else left out.
 */
export function hashTableAdd(
  table: usize,
  n: u32,
  hashes: usize,
  keys: usize,
  views: usize,
  marks: usize,
  keepMarked: bool,
): void {
  const keyBytes = load<i32>(table, TABLE_KEY_BYTES);
  let added: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const alone = marks != 0 && load<u8>(marks + i) != 0;
    if (alone && !keepMarked) continue;
    const row = <usize>load<u32>(views + (<usize>i << 3));
    const rowBytes = load<u32>(views + (<usize>i << 3), 4);
    let keyAt: usize = 0;
    let keyLength: u32 = 0;
    if (keyBytes < 0) {
      keyAt = <usize>load<u32>(keys + (<usize>i << 3));
      keyLength = load<u32>(keys + (<usize>i << 3), 4);
    }
    const space = keySpace(keyBytes, keyLength);
    const bytes = (<u32>RECORD_KEY + space + rowBytes + 7) & ~7;
    const record = reserve(table, bytes);
    store<u32>(record, 0);
    store<u32>(record, alone ? bytes | ALONE : bytes, 4);
    if (keyBytes == 8) store<u64>(record, load<u64>(keys + (<usize>i << 3)), RECORD_KEY);
    else if (keyBytes > 0) copyBytes(record + RECORD_KEY, keys + i * keyBytes, keyBytes);
    else if (keyBytes < 0) {
      store<u32>(record, keyLength, RECORD_KEY);
      store<u64>(record, load<u64>(hashes + (<usize>i << 3)), RECORD_KEY + 8);
      copyBytes(record + RECORD_KEY + 16, keyAt, keyLength);
    }
    copyBytes(record + RECORD_KEY + space, row, rowBytes);
    added++;
  }
  store<u32>(table, load<u32>(table, TABLE_ROWS) + added, TABLE_ROWS);
}

@inline
export function chunkEnd(table: usize, chunk: usize): usize {
  return chunk == <usize>load<u32>(table, TABLE_LAST)
    ? <usize>load<u32>(table, TABLE_NEXT)
    : <usize>load<u32>(chunk, 4);
}

/** Builds the index over all records; nothing is added from then on. */
export function hashTableIndex(table: usize): void {
  const rows = load<u32>(table, TABLE_ROWS);
  const keyBytes = load<i32>(table, TABLE_KEY_BYTES);
  let slots: u32 = 512;
  while (slots < rows) slots <<= 1;
  const pages = slots >>> 9;
  const index = pageAllocate(pages);
  if (index == 0) fail(FAILURE_MEMORY);
  memory.fill(index, 0, <usize>pages << 12);
  store<u32>(table, <u32>index, TABLE_SLOTS);
  store<u32>(table, slots - 1, TABLE_MASK);
  store<u32>(table, pages, TABLE_SLOT_PAGES);
  store<u32>(table, load<u32>(table, TABLE_PAGES) + pages, TABLE_PAGES);
  const mask = slots - 1;
  let chunk = <usize>load<u32>(table, TABLE_FIRST);
  while (chunk != 0) {
    const end = chunkEnd(table, chunk);
    let record = chunk + CHUNK_HEADER;
    while (record < end) {
      const meta = load<u32>(record, 4);
      if ((meta & ALONE) == 0) {
        const hash = hashOfRecord(record, keyBytes);
        const slot = index + ((<usize>(<u32>hash & mask)) << 3);
        store<u32>(record, load<u32>(slot));
        store<u32>(slot, <u32>record);
        store<u32>(slot, load<u32>(slot, 4) | tagOf(hash), 4);
      }
      record += meta & SIZE;
    }
    chunk = <usize>load<u32>(chunk);
  }
}

@inline
function tagOf(hash: u64): u32 {
  return <u32>1 << (<u32>(hash >>> 32) & 31);
}

/**
 * First records that may match, for all rows; then a look at each: independent loads, whose cache misses overlap, which
 * those of a walk from record to record do not.
 */
function findHeads(call: usize, table: usize, n: u32): void {
  const heads = arenaAlloc(n << 2);
  store<u32>(call, <u32>heads, CALL_HEADS);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  const marks = <usize>load<u32>(call, CALL_MARKS);
  const index = <usize>load<u32>(table, TABLE_SLOTS);
  const mask = load<u32>(table, TABLE_MASK);
  for (let i: u32 = 0; i < n; i++) {
    const hash = load<u64>(hashes + (<usize>i << 3));
    const slot = load<u64>(index + ((<usize>(<u32>hash & mask)) << 3));
    const hit = (<u32>(slot >>> 32) & tagOf(hash)) != 0;
    store<u32>(heads + (<usize>i << 2), hit ? <u32>slot : 0);
  }
  if (marks != 0) {
    for (let i: u32 = 0; i < n; i++) {
      if (load<u8>(marks + i) != 0) store<u32>(heads + (<usize>i << 2), 0);
    }
  }
  let seen: u32 = 0;
  for (let i: u32 = 0; i < n; i++) seen |= load<u32>(<usize>load<u32>(heads + (<usize>i << 2)), 4);
  store<u32>(call, seen, CALL_SEEN);
}

@inline
function keyMatches(record: usize, keyBytes: i32, key: usize, i: u32, hash: u64): bool {
  if (keyBytes == 8) return load<u64>(record, RECORD_KEY) == load<u64>(key + (<usize>i << 3));
  if (keyBytes == 16) {
    const at = key + (<usize>i << 4);
    return (
      ((load<u64>(record, RECORD_KEY) ^ load<u64>(at)) |
        (load<u64>(record, RECORD_KEY + 8) ^ load<u64>(at, 8))) ==
      0
    );
  }
  if (keyBytes >= 0) return equalBytes(record + RECORD_KEY, key + i * keyBytes, keyBytes);
  if (load<u64>(record, RECORD_KEY + 8) != hash) return false;
  const length = load<u32>(key + (<usize>i << 3), 4);
  if (load<u32>(record, RECORD_KEY) != length) return false;
  return equalBytes(record + RECORD_KEY + 16, <usize>load<u32>(key + (<usize>i << 3)), length);
}

/**
 * Lists the next pairs of rows and records with equal keys, at most 4,096; true when all rows have been looked up. The
 * lists are in the arena. The call's cursor is 0 before the first call for a batch.
 */
export function hashTableProbe(call: usize): bool {
  const table = <usize>load<u32>(call, CALL_TABLE);
  const n = load<u32>(call, CALL_ROWS);
  let row = load<u32>(call, CALL_ROW);
  let record = <usize>load<u32>(call, CALL_RECORD);
  if (row == 0 && record == 0) findHeads(call, table, n);
  const heads = <usize>load<u32>(call, CALL_HEADS);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  const keys = <usize>load<u32>(call, CALL_KEYS);
  const keyBytes = load<i32>(table, TABLE_KEY_BYTES);
  const rows = arenaAlloc(PAIRS << 2);
  const records = arenaAlloc(PAIRS << 2);
  store<u32>(call, <u32>rows, CALL_PAIR_ROWS);
  store<u32>(call, <u32>records, CALL_PAIR_RECORDS);
  let count: u32 = 0;
  for (; row < n; row++) {
    if (record == 0) record = <usize>load<u32>(heads + (<usize>row << 2));
    if (record == 0) continue;
    const hash = load<u64>(hashes + (<usize>row << 3));
    while (record != 0) {
      if (count == PAIRS) {
        store<u32>(call, row, CALL_ROW);
        store<u32>(call, <u32>record, CALL_RECORD);
        store<u32>(call, count, CALL_PAIRS);
        return false;
      }
      if (keyMatches(record, keyBytes, keys, row, hash)) {
        store<u32>(rows + (<usize>count << 2), row);
        store<u32>(records + (<usize>count << 2), <u32>record);
        count++;
      }
      record = <usize>load<u32>(record);
    }
  }
  store<u32>(call, 0, CALL_ROW);
  store<u32>(call, 0, CALL_RECORD);
  store<u32>(call, count, CALL_PAIRS);
  return true;
}

/** out u8[n]: 1 where the table has a record with the row's key. */
export function hashTableContains(call: usize, out: usize): void {
  const table = <usize>load<u32>(call, CALL_TABLE);
  const n = load<u32>(call, CALL_ROWS);
  findHeads(call, table, n);
  const heads = <usize>load<u32>(call, CALL_HEADS);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  const keys = <usize>load<u32>(call, CALL_KEYS);
  const keyBytes = load<i32>(table, TABLE_KEY_BYTES);
  for (let row: u32 = 0; row < n; row++) {
    let record = <usize>load<u32>(heads + (<usize>row << 2));
    if (record != 0) {
      const hash = load<u64>(hashes + (<usize>row << 3));
      while (record != 0 && !keyMatches(record, keyBytes, keys, row, hash)) record = <usize>load<u32>(record);
    }
    store<u8>(out + row, record != 0 ? 1 : 0);
  }
}

/** Marks the records of each row's key without listing them: for a join that only asks whether there was a match. */
export function hashTableMarkAll(call: usize): void {
  const table = <usize>load<u32>(call, CALL_TABLE);
  const n = load<u32>(call, CALL_ROWS);
  findHeads(call, table, n);
  const heads = <usize>load<u32>(call, CALL_HEADS);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  const keys = <usize>load<u32>(call, CALL_KEYS);
  const keyBytes = load<i32>(table, TABLE_KEY_BYTES);
  for (let row: u32 = 0; row < n; row++) {
    let record = <usize>load<u32>(heads + (<usize>row << 2));
    if (record == 0) continue;
    const hash = load<u64>(hashes + (<usize>row << 3));
    while (record != 0) {
      if (keyMatches(record, keyBytes, keys, row, hash)) {
        const meta = load<u32>(record, 4);
        // All records of a key are marked together.
        if ((meta & MATCHED) != 0) break;
        store<u32>(record, meta | MATCHED, 4);
      }
      record = <usize>load<u32>(record);
    }
  }
}

/** Keeps the pairs whose condition holds (u8 values and validity, 0 = never NULL). */
export function hashPairsFilter(call: usize, values: usize, validity: usize): void {
  const count = load<u32>(call, CALL_PAIRS);
  const rows = <usize>load<u32>(call, CALL_PAIR_ROWS);
  const records = <usize>load<u32>(call, CALL_PAIR_RECORDS);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(rows + (<usize>kept << 2), load<u32>(rows + (<usize>i << 2)));
    store<u32>(records + (<usize>kept << 2), load<u32>(records + (<usize>i << 2)));
    const valid: u32 = validity == 0 ? 1 : load<u8>(validity + i);
    kept += valid & load<u8>(values + i);
  }
  store<u32>(call, kept, CALL_PAIRS);
}

/** Notes that the pairs' rows (u8[n], 0 = nobody asks) and, if `build`, their records have matched. */
export function hashPairsMark(call: usize, matched: usize, build: bool): void {
  const count = load<u32>(call, CALL_PAIRS);
  const rows = <usize>load<u32>(call, CALL_PAIR_ROWS);
  const records = <usize>load<u32>(call, CALL_PAIR_RECORDS);
  if (matched != 0) {
    for (let i: u32 = 0; i < count; i++) store<u8>(matched + load<u32>(rows + (<usize>i << 2)), 1);
  }
  if (!build) return;
  for (let i: u32 = 0; i < count; i++) {
    const record = <usize>load<u32>(records + (<usize>i << 2));
    store<u32>(record, load<u32>(record, 4) | MATCHED, 4);
  }
}

/** u32[pairs] addresses of the pairs' build rows, in place of their records. */
export function hashPairsRows(call: usize): usize {
  const keyBytes = load<i32>(<usize>load<u32>(call, CALL_TABLE), TABLE_KEY_BYTES);
  const count = load<u32>(call, CALL_PAIRS);
  const records = <usize>load<u32>(call, CALL_PAIR_RECORDS);
  const out = arenaAlloc(count << 2);
  for (let i: u32 = 0; i < count; i++) {
    const record = <usize>load<u32>(records + (<usize>i << 2));
    store<u32>(out + (<usize>i << 2), <u32>rowOfRecord(record, keyBytes));
  }
  return out;
}

export function hashTableScanBegin(table: usize): void {
  store<u32>(table, load<u32>(table, TABLE_FIRST), TABLE_SCAN_CHUNK);
  store<u32>(table, 0, TABLE_SCAN_RECORD);
}

/** Lists up to `room` rows from where the scan stands. which: 0 not matched, 1 matched, 2 all. Less than `room`: the end. */
export function hashTableScan(table: usize, which: u32, out: usize, room: u32): u32 {
  const keyBytes = load<i32>(table, TABLE_KEY_BYTES);
  let chunk = <usize>load<u32>(table, TABLE_SCAN_CHUNK);
  let record = <usize>load<u32>(table, TABLE_SCAN_RECORD);
  let count: u32 = 0;
  while (chunk != 0) {
    const end = chunkEnd(table, chunk);
    if (record == 0) record = chunk + CHUNK_HEADER;
    while (record < end) {
      if (count == room) {
        store<u32>(table, <u32>chunk, TABLE_SCAN_CHUNK);
        store<u32>(table, <u32>record, TABLE_SCAN_RECORD);
        return count;
      }
      const meta = load<u32>(record, 4);
      if (which == 2 || (meta & MATCHED) >>> 31 == which) {
        store<u32>(out + (<usize>count << 2), <u32>rowOfRecord(record, keyBytes));
        count++;
      }
      record += meta & SIZE;
    }
    record = 0;
    chunk = <usize>load<u32>(chunk);
  }
  store<u32>(table, 0, TABLE_SCAN_CHUNK);
  store<u32>(table, 0, TABLE_SCAN_RECORD);
  return count;
}

/** Of a table without keys: lists the rows of the records in [from, end), which may lie anywhere; u32[count]. */
export function hashRecordsList(from: usize, end: usize, out: usize): u32 {
  let count: u32 = 0;
  for (let record = from; record < end; record += load<u32>(record, 4) & SIZE) {
    store<u32>(out + (<usize>count << 2), <u32>(record + RECORD_KEY));
    count++;
  }
  return count;
}

/** Rows (u32[n]) whose hash has `part` in the four bits from `shift` on; returns how many. */
export function rowsOfPart(n: u32, hashes: usize, shift: u32, part: u32, out: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(out + (<usize>count << 2), i);
    const own = <u32>(load<u64>(hashes + (<usize>i << 3)) >>> <u64>shift) & 15;
    count += own == part ? 1 : 0;
  }
  return count;
}

/** Gives all memory back; the table is empty again. */
export function hashTableFree(table: usize): void {
  let chunk = <usize>load<u32>(table, TABLE_FIRST);
  while (chunk != 0) {
    const next = <usize>load<u32>(chunk);
    pageFree(chunk, load<u32>(chunk, 8));
    chunk = next;
  }
  const slots = <usize>load<u32>(table, TABLE_SLOTS);
  if (slots != 0) pageFree(slots, load<u32>(table, TABLE_SLOT_PAGES));
  const keyBytes = load<i32>(table, TABLE_KEY_BYTES);
  memory.fill(table, 0, 48);
  store<i32>(table, keyBytes, TABLE_KEY_BYTES);
}

/** Rows (u8[n]) whose byte is `wanted`, as u32[n]; returns how many. */
export function rowsWithByte(n: u32, bytes: usize, wanted: u32, out: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(out + (<usize>count << 2), i);
    count += load<u8>(bytes + i) == wanted ? 1 : 0;
  }
  return count;
}
