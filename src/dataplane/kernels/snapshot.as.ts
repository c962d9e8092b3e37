/**
 * Snapshots of keyed state: which pages changed since the last one, and their contents as they were
 * at the barrier.
 *
 * Flow:    state/ calls snapshotBegin at the barrier (the pause), snapshotNext between batches
 *          until nothing is left, snapshotEnd. The way back is restore.as.ts.
 * Domain:  the maps of one task, which are snapshotted together; tasks of one worker take their
 *          snapshots at different moments. One snapshot per domain at a time.
 * Frozen:  snapshotBegin lists the dirty pages and marks them frozen. A frozen page that is about
 *          to be written or freed is copied to a side page first (touchPage → saveFrozen). If no
 *          side page can be had, the snapshot fails, the job does not.
 * Quiet:   pages that are dirty again without having been written: they may have a copy in the spill file, which the next
 *          write has to drop (DIRTY would say that it has been).
 * Record:  per page of a snapshot, 24 B: u32 address (its page, or side page | 1, or its cold
 *          record << 2 | 2 when it lies in the spill file (spill.as.ts); 0 = done), u32
 *          map id, u32 key group, u32 number, u32 part, u32 pages of the run << 8 | kind.
 * Order:   of the key groups: a reader of some of them reads one piece of a segment.
 * Stored:  what snapshotNext writes per page into the index, 40 B:
 *          u32 map id, u32 key group, u32 number, u32 part, u32 pages << 8 | kind, u32 length, u64
 *          XXH64 of the bytes, u64 0 (the caller's: offset). Trailing zeros of a page are not
 *          stored.
 * Live:    snapshotBegin also writes, for every key group with pages, which numbers exist:
 *          u32 map id, u32 key group, u32 words, then u32[words], bit n % 32 of word n / 32 for
 *          number n. So a page freed since an earlier segment never comes back.
 */
import {
  CLEAN,
  DIRTY,
  FROZEN,
  INFO_GROUP,
  INFO_KIND,
  INFO_LOGICAL,
  INFO_RECORD,
  INFO_SEGMENT,
  QUIET,
  blockAllocate,
  blockFree,
  dirtyTable,
  fail,
  infoOf,
  pageAllocate,
  pageCount,
  pageFree,
} from "./memory.as";
import { hashBytes } from "./hash.as";
import {
  GROUP_DIRECTORY,
  GROUP_DIRECTORY_USED,
  GROUP_KEY_GROUP,
  GROUP_MAP,
  GROUP_PAGES,
  GROUP_SHIFT,
  KIND_RUN,
  MAP_DOMAIN,
  MAP_GROUPS,
  MAP_GROUP_COUNT,
  MAP_ID,
  MAP_NEXT,
  addressOfNumber,
  runPages,
} from "./keyed-map-pages.as";


import {
  COLD_GROUP,
  COLD_KIND,
  COLD_NUMBER,
  COLD_PART,
  COLD_RECORD,
  COLD_RUN,
  COLD_SEGMENT,
  coldFlag,
  coldFlagged,
  coldOf,
  endCopy,
  keepCopy,
  nextCold,
  readCold,
  setColdFlag,
} from "./spill.as";

export const DOMAIN_MAPS: usize = 0;
export const DOMAIN_NEXT_ID: usize = 4;
const DOMAIN_SNAPSHOT: usize = 8;
/** u32[SEGMENTS]: clean pages by the number of the segment that holds their last version. */
const DOMAIN_COUNTS: usize = 12;
/** Cold records below this were looked at by restoreNext. */
export const DOMAIN_RESTORED: usize = 16;
const DOMAIN_BYTES: u32 = 64;
/** Segment numbers are below this. */
const SEGMENTS: u32 = 1024;

const SNAPSHOT_DOMAIN: usize = 0;
const SNAPSHOT_RECORDS: usize = 4;
const SNAPSHOT_COUNT: usize = 8;
const SNAPSHOT_RECORD_PAGES: usize = 12;
const SNAPSHOT_LIVE: usize = 16;
const SNAPSHOT_LIVE_BYTES: usize = 20;
const SNAPSHOT_NEXT: usize = 24;
const SNAPSHOT_SEGMENT: usize = 28;
const SNAPSHOT_FULL: usize = 32;
const SNAPSHOT_FAILED: usize = 36;
const SNAPSHOT_SIDE_PAGES: usize = 40;
const SNAPSHOT_INDEX_BYTES: usize = 44;
const SNAPSHOT_SORTED: usize = 48;
const SNAPSHOT_BYTES: u32 = 64;

const RECORD: u32 = 24;
const STORED: u32 = 40;
/** In a record's last word: the page was dirty when a full snapshot froze it. */
const WAS_DIRTY: u32 = 0x80;

let pinned: u32 = 0;

/** The memory was forgotten, snapshots with it. */
export function resetSnapshots(): void {
  pinned = 0;
}

export function domainCreate(): usize {
  const domain = blockAllocate(DOMAIN_BYTES);
  store<u32>(domain, <u32>blockAllocate(SEGMENTS << 2), DOMAIN_COUNTS);
  return domain;
}

/** The domain's maps are destroyed already, no snapshot is active. */
export function domainDestroy(domain: usize): void {
  if (load<u32>(domain, DOMAIN_MAPS) != 0 || load<u32>(domain, DOMAIN_SNAPSHOT) != 0) fail(3);
  blockFree(load<u32>(domain, DOMAIN_COUNTS), SEGMENTS << 2);
  blockFree(domain, DOMAIN_BYTES);
}

/**
 * Address of u32[1024]: by segment number, the pages whose last version it holds and that have not
 * changed since.
 */
export function domainSegments(domain: usize): usize {
  return <usize>load<u32>(domain, DOMAIN_COUNTS);
}

/** A page becomes clean (1) with its segment, or stops to be (-1). */
export function countSegment(page: u32, change: i32): void {
  const info = infoOf(page);
  const segment = load<u32>(info, INFO_SEGMENT);
  if (segment == 0) return;
  const domain = domainOf(<usize>load<u32>(info, INFO_GROUP));
  const at = <usize>load<u32>(domain, DOMAIN_COUNTS) + (segment << 2);
  store<u32>(at, load<u32>(at) + change);
}

@inline
export function domainOf(group: usize): usize {
  return <usize>load<u32>(<usize>load<u32>(group, GROUP_MAP), MAP_DOMAIN);
}

/**
 * Freezes the dirty pages (full: all pages) of a domain; 0 when there is no memory for the list or
 * a snapshot is active already. `segment` is a number from 1 to 1,023 that the written pages are
 * marked with. A full snapshot stands for itself: pages that were dirty are dirty again when it
 * ends.
 */
export function snapshotBegin(domain: usize, segment: u32, full: bool): usize {
  if (load<u32>(domain, DOMAIN_SNAPSHOT) != 0) return 0;
  const pages = pageCount();
  const most = countFlagged(pages, full) + coldFlagged(full);
  const recordPages = (SNAPSHOT_BYTES + most * RECORD + 4095) >>> 12;
  const snapshot = pageAllocate(recordPages);
  if (snapshot == 0) return 0;
  const records = snapshot + SNAPSHOT_BYTES;
  const liveBytes = measureLive(domain);
  const livePages = (liveBytes + 4096) >>> 12;
  const live = pageAllocate(livePages);
  if (live == 0) {
    pageFree(snapshot, recordPages);
    return 0;
  }
  pinned += recordPages + livePages;
  memory.fill(snapshot, 0, SNAPSHOT_BYTES);
  store<u32>(snapshot, <u32>domain, SNAPSHOT_DOMAIN);
  store<u32>(snapshot, <u32>records, SNAPSHOT_RECORDS);
  store<u32>(snapshot, recordPages, SNAPSHOT_RECORD_PAGES);
  store<u32>(snapshot, <u32>live, SNAPSHOT_LIVE);
  store<u32>(snapshot, liveBytes, SNAPSHOT_LIVE_BYTES);
  store<u32>(snapshot, segment, SNAPSHOT_SEGMENT);
  store<u32>(snapshot, full ? 1 : 0, SNAPSHOT_FULL);
  writeLive(domain, live);
  const count = freeze(domain, pages, full, records);
  store<u32>(snapshot, freezeCold(domain, full, records, count), SNAPSHOT_COUNT);
  store<u32>(domain, <u32>snapshot, DOMAIN_SNAPSHOT);
  return snapshot;
}

/** At least as many as pages will be frozen: dirty pages of all domains, or all pages. */
function countFlagged(pages: u32, full: bool): u32 {
  if (full) return pages;
  let count: u32 = 0;
  let page: u32 = 0;
  for (; page + 16 <= pages; page += 16) {
    count += popcnt<i32>(i8x16.bitmask(i8x16.shl(v128.load(dirtyTable + page), 7)));
  }
  for (; page < pages; page++) count += <u32>load<u8>(dirtyTable + page) & 1;
  return count;
}

function countPages(domain: usize, pages: u32): u32 {
  let count: u32 = 0;
  for (let page = nextPage(0, pages, false); page < pages; page = nextPage(page + 1, pages, false)) {
    const group = <usize>load<u32>(infoOf(page), INFO_GROUP);
    if (group != 0 && domainOf(group) == domain) count++;
  }
  return count;
}

/** The next page at or after `page` that is dirty (full: any). */
@inline
function nextPage(page: u32, pages: u32, full: bool): u32 {
  if (full) return page;
  while (page < pages) {
    if ((page & 15) == 0) {
      while (page + 16 <= pages && !v128.any_true(v128.load(dirtyTable + page))) page += 16;
      if (page >= pages) break;
    }
    if (load<u8>(dirtyTable + page) & 1) break;
    page++;
  }
  return page;
}

function freeze(domain: usize, pages: u32, full: bool, records: usize): u32 {
  let index: u32 = 0;
  let lastMap: usize = 0;
  let mapNumber: u32 = 0;
  let ours = false;
  for (let page = nextPage(0, pages, full); page < pages; page = nextPage(page + 1, pages, full)) {
    const info = infoOf(page);
    const group = <usize>load<u32>(info, INFO_GROUP);
    if (group == 0) continue;
    const map = <usize>load<u32>(group, GROUP_MAP);
    if (map != lastMap) {
      lastMap = map;
      ours = <usize>load<u32>(map, MAP_DOMAIN) == domain;
      mapNumber = load<u32>(map, MAP_ID);
    }
    if (!ours) continue;
    const number = load<u32>(info, INFO_LOGICAL);
    const kind = load<u8>(info, INFO_KIND);
    const record = records + index * RECORD;
    store<u32>(record, page << 12);
    store<u32>(record, mapNumber, 4);
    store<u32>(record, load<u32>(group, GROUP_KEY_GROUP), 8);
    store<u32>(record, number, 12);
    let part: u32 = 0;
    let run: u32 = 1;
    if (kind == KIND_RUN) {
      const first = addressOfNumber(group, number);
      part = page - <u32>(first >>> 12);
      run = runPages(first);
    }
    store<u32>(record, part, 16);
    const wasDirty = load<u8>(dirtyTable + page) & 1 ? WAS_DIRTY : 0;
    store<u32>(record, (run << 8) | wasDirty | <u32>kind, 20);
    store<u8>(dirtyTable + page, FROZEN);
    store<u32>(info, index, INFO_RECORD);
    index++;
  }
  return index;
}

/** As freeze, for pages in the spill file; returns the records there are then. */
function freezeCold(domain: usize, full: bool, records: usize, index: u32): u32 {
  for (let d = nextCold(1, full); d != 0; d = nextCold(d + 1, full)) {
    const cold = coldOf(d);
    const group = <usize>load<u32>(cold, COLD_GROUP);
    if (group == 0 || domainOf(group) != domain) continue;
    const record = records + index * RECORD;
    const wasDirty = coldFlag(d) & 1 ? WAS_DIRTY : 0;
    store<u32>(record, (d << 2) | 2);
    store<u32>(record, load<u32>(<usize>load<u32>(group, GROUP_MAP), MAP_ID), 4);
    store<u32>(record, load<u32>(group, GROUP_KEY_GROUP), 8);
    store<u32>(record, load<u32>(cold, COLD_NUMBER), 12);
    store<u32>(record, load<u32>(cold, COLD_PART), 16);
    const kind = <u32>load<u8>(cold, COLD_KIND);
    store<u32>(record, (load<u32>(cold, COLD_RUN) << 8) | wasDirty | kind, 20);
    setColdFlag(d, FROZEN);
    store<u32>(cold, index, COLD_RECORD);
    index++;
  }
  return index;
}

/** A frozen page moves between memory and the spill file: where its record finds it. */
export function moveFrozen(group: usize, record: u32, source: u32): void {
  const snapshot = <usize>load<u32>(domainOf(group), DOMAIN_SNAPSHOT);
  store<u32>(<usize>load<u32>(snapshot, SNAPSHOT_RECORDS) + record * RECORD, source);
}

/**
 * The records in order of their key groups, so that a reader of some key groups reads one piece of
 * the segment. Not at the barrier: the pages are frozen, only their records move.
 */
function sortRecords(snapshot: usize): void {
  store<u32>(snapshot, 1, SNAPSHOT_SORTED);
  const count = load<u32>(snapshot, SNAPSHOT_COUNT);
  const records = <usize>load<u32>(snapshot, SNAPSHOT_RECORDS);
  let most: u32 = 0;
  let sorted = true;
  for (let i: u32 = 0, last: u32 = 0; i < count; i++) {
    const keyGroup = load<u32>(records + i * RECORD, 8);
    if (keyGroup < last) sorted = false;
    last = keyGroup;
    most = max<u32>(most, keyGroup);
  }
  if (sorted) return;
  const startPages = ((most + 2) * 4 + 4095) >>> 12;
  const pages = startPages + ((count * RECORD + 4095) >>> 12);
  const starts = pageAllocate(pages);
  // In another order it is a snapshot all the same.
  if (starts == 0) return;
  memory.fill(starts, 0, startPages << 12);
  for (let i: u32 = 0; i < count; i++) {
    const at = starts + ((load<u32>(records + i * RECORD, 8) + 1) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  for (let g: u32 = 1; g <= most; g++) {
    const at = starts + (g << 2);
    store<u32>(at, load<u32>(at) + load<u32>(at - 4));
  }
  const copy = starts + (startPages << 12);
  memory.copy(copy, records, count * RECORD);
  for (let i: u32 = 0; i < count; i++) {
    const from = copy + i * RECORD;
    const at = starts + (load<u32>(from, 8) << 2);
    const index = load<u32>(at);
    store<u32>(at, index + 1);
    memory.copy(records + index * RECORD, from, RECORD);
    const source = load<u32>(from);
    // (A copy of the snapshot's own has no use for it.)
    if (source & 2) store<u32>(coldOf(source >>> 2), index, COLD_RECORD);
    else if ((source & 1) == 0) store<u32>(infoOf(source >>> 12), index, INFO_RECORD);
  }
  pageFree(starts, pages);
}

function measureLive(domain: usize): u32 {
  let bytes: u32 = 0;
  for (let map = <usize>load<u32>(domain, DOMAIN_MAPS); map != 0; map = <usize>load<u32>(map, MAP_NEXT)) {
    const count = load<u32>(map, MAP_GROUP_COUNT);
    const groups = <usize>load<u32>(map, MAP_GROUPS);
    for (let i: u32 = 0; i < count; i++) {
      const group = groups + (i << GROUP_SHIFT);
      if (load<u32>(group, GROUP_PAGES) == 0) continue;
      bytes += 12 + (((load<u32>(group, GROUP_DIRECTORY_USED) + 31) >>> 5) << 2);
    }
  }
  return bytes;
}

function writeLive(domain: usize, target: usize): void {
  for (let map = <usize>load<u32>(domain, DOMAIN_MAPS); map != 0; map = <usize>load<u32>(map, MAP_NEXT)) {
    const count = load<u32>(map, MAP_GROUP_COUNT);
    const groups = <usize>load<u32>(map, MAP_GROUPS);
    for (let i: u32 = 0; i < count; i++) {
      const group = groups + (i << GROUP_SHIFT);
      if (load<u32>(group, GROUP_PAGES) == 0) continue;
      const used = load<u32>(group, GROUP_DIRECTORY_USED);
      const words = (used + 31) >>> 5;
      store<u32>(target, load<u32>(map, MAP_ID));
      store<u32>(target, load<u32>(group, GROUP_KEY_GROUP), 4);
      store<u32>(target, words, 8);
      target += 12;
      const directory = <usize>load<u32>(group, GROUP_DIRECTORY);
      for (let word: u32 = 0; word < words; word++, target += 4) {
        const end = min<u32>(used - (word << 5), 32);
        let bits: u32 = 0;
        for (let bit: u32 = word == 0 ? 1 : 0; bit < end; bit++) {
          const free = load<u32>(directory + (((word << 5) + bit) << 2)) & 1;
          bits |= (free ^ 1) << bit;
        }
        store<u32>(target, bits);
      }
    }
  }
}

/** Called before a frozen page is written or freed. */
export function saveFrozen(page: u32): void {
  const info = infoOf(page);
  const snapshot = <usize>load<u32>(domainOf(<usize>load<u32>(info, INFO_GROUP)), DOMAIN_SNAPSHOT);
  const record =
    <usize>load<u32>(snapshot, SNAPSHOT_RECORDS) + load<u32>(info, INFO_RECORD) * RECORD;
  if ((load<u32>(record, 20) & WAS_DIRTY) == 0) countSegment(page, -1);
  if (load<u32>(snapshot, SNAPSHOT_FAILED) != 0) return;
  store<u32>(snapshot, load<u32>(snapshot, SNAPSHOT_SIDE_PAGES) + 1, SNAPSHOT_SIDE_PAGES);
  const copy = keepCopy(page);
  if (copy != 0) {
    store<u32>(record, (copy << 2) | 2);
    return;
  }
  const side = pageAllocate(1);
  if (side == 0) {
    store<u32>(snapshot, 1, SNAPSHOT_FAILED);
    return;
  }
  pinned++;
  memory.copy(side, <usize>page << 12, 4096);
  store<u32>(record, <u32>side | 1);
}

/** Pages in the snapshot. */
export function snapshotPages(snapshot: usize): u32 {
  return load<u32>(snapshot, SNAPSHOT_COUNT);
}

/** Pages not handed out yet. */
export function snapshotLeft(snapshot: usize): u32 {
  return load<u32>(snapshot, SNAPSHOT_COUNT) - load<u32>(snapshot, SNAPSHOT_NEXT);
}

/** Pages that had to be copied because they were written while frozen. */
export function snapshotSidePages(snapshot: usize): u32 {
  return load<u32>(snapshot, SNAPSHOT_SIDE_PAGES);
}

/** Pages that the snapshots of all domains hold until they are written. */
export function snapshotPinnedPages(): u32 {
  return pinned;
}

/** 1 when the memory was exhausted while a frozen page had to be saved: the snapshot is lost. */
export function snapshotFailed(snapshot: usize): u32 {
  return load<u32>(snapshot, SNAPSHOT_FAILED);
}

/** Address of the list of numbers that exist; see Live above. */
export function snapshotLive(snapshot: usize): usize {
  return <usize>load<u32>(snapshot, SNAPSHOT_LIVE);
}

export function snapshotLiveBytes(snapshot: usize): u32 {
  return load<u32>(snapshot, SNAPSHOT_LIVE_BYTES);
}

/**
 * Copies the next pages to target, one after another, and writes what they are into index (40 bytes
 * each), while another page fits into maxBytes and maxRecords. Returns the bytes; snapshotCopied()
 * says how many pages they are.
 */
export function snapshotNext(
  snapshot: usize,
  target: usize,
  maxBytes: u32,
  index: usize,
  maxRecords: u32,
): u32 {
  if (load<u32>(snapshot, SNAPSHOT_SORTED) == 0) sortRecords(snapshot);
  const count = load<u32>(snapshot, SNAPSHOT_COUNT);
  const records = <usize>load<u32>(snapshot, SNAPSHOT_RECORDS);
  const segment = load<u32>(snapshot, SNAPSHOT_SEGMENT);
  const full = load<u32>(snapshot, SNAPSHOT_FULL) != 0;
  let next = load<u32>(snapshot, SNAPSHOT_NEXT);
  let bytes: u32 = 0;
  copied = 0;
  while (next < count && bytes + 4096 <= maxBytes && copied < maxRecords) {
    const record = records + next * RECORD;
    const source = load<u32>(record);
    const address = source & 2 ? target + bytes : <usize>(source & 0xfffffffe);
    if (source & 2) readCold(source >>> 2, address);
    const length = usedBytes(address);
    if (address != target + bytes) memory.copy(target + bytes, address, length);
    memory.copy(index, record + 4, 16);
    const word = load<u32>(record, 20);
    store<u32>(index, word & ~WAS_DIRTY, 16);
    store<u32>(index, length, 20);
    store<u64>(index, hashBytes(target + bytes, length), 24);
    store<u64>(index, 0, 32);
    release(record, source, full, segment);
    bytes += length;
    index += STORED;
    copied++;
    next++;
  }
  store<u32>(snapshot, next, SNAPSHOT_NEXT);
  return bytes;
}

let copied: u32 = 0;

/** Pages that the last snapshotNext copied. */
export function snapshotCopied(): u32 {
  return copied;
}

/** The page of a record is written (or given up): it is no longer frozen. */
@inline
function release(record: usize, source: u32, full: bool, segment: u32): void {
  if (source & 1) {
    pageFree(source & 0xfffffffe, 1);
    pinned--;
  } else if (source & 2) {
    const d = source >>> 2;
    if (load<u32>(coldOf(d), COLD_GROUP) == 0) {
      endCopy(d);
    } else if (full) {
      setColdFlag(d, load<u32>(record, 20) & WAS_DIRTY ? DIRTY : CLEAN);
    } else {
      setColdFlag(d, CLEAN);
      store<u32>(coldOf(d), segment, COLD_SEGMENT);
      countCold(d, 1);
    }
  } else {
    const page = source >>> 12;
    if (full) {
      store<u8>(dirtyTable + page, load<u32>(record, 20) & WAS_DIRTY ? QUIET : CLEAN);
    } else {
      store<u8>(dirtyTable + page, CLEAN);
      store<u32>(infoOf(page), segment, INFO_SEGMENT);
      countSegment(page, 1);
    }
  }
  store<u32>(record, 0);
}

/** Length without trailing zeros, a multiple of 16. */
@inline
function usedBytes(address: usize): u32 {
  let end = address + 4096;
  while (end > address && !v128.any_true(v128.load(end - 16))) end -= 16;
  return <u32>(end - address);
}

/**
 * Ends a snapshot. success = false: pages not written yet are dirty again, and so is what was
 * written (its segment will not be kept).
 */
export function snapshotEnd(snapshot: usize, success: bool): void {
  const domain = <usize>load<u32>(snapshot, SNAPSHOT_DOMAIN);
  const records = <usize>load<u32>(snapshot, SNAPSHOT_RECORDS);
  const count = load<u32>(snapshot, SNAPSHOT_COUNT);
  const full = load<u32>(snapshot, SNAPSHOT_FULL) != 0;
  for (let i: u32 = load<u32>(snapshot, SNAPSHOT_NEXT); i < count; i++) {
    const record = records + i * RECORD;
    const source = load<u32>(record);
    if (source & 1) {
      pageFree(source & 0xfffffffe, 1);
      pinned--;
    } else if (source & 2) {
      if (load<u32>(coldOf(source >>> 2), COLD_GROUP) == 0) endCopy(source >>> 2);
      else setColdFlag(source >>> 2, !full || load<u32>(record, 20) & WAS_DIRTY ? DIRTY : CLEAN);
    } else if (load<u8>(dirtyTable + (source >>> 12)) == FROZEN) {
      const dirty = !full || (load<u32>(record, 20) & WAS_DIRTY) != 0;
      store<u8>(dirtyTable + (source >>> 12), dirty ? QUIET : CLEAN);
    }
  }
  if (!success && !full) snapshotEvict(domain, load<u32>(snapshot, SNAPSHOT_SEGMENT), u32.MAX_VALUE);
  const livePages = (load<u32>(snapshot, SNAPSHOT_LIVE_BYTES) + 4096) >>> 12;
  const recordPages = load<u32>(snapshot, SNAPSHOT_RECORD_PAGES);
  pageFree(load<u32>(snapshot, SNAPSHOT_LIVE), livePages);
  pageFree(snapshot, recordPages);
  pinned -= recordPages + livePages;
  store<u32>(domain, 0, DOMAIN_SNAPSHOT);
}

/**
 * Marks pages whose last version is in `segment` dirty, `most` of them at the most: when it was all, the next snapshot
 * needs the segment no more. Returns how many.
 */
export function snapshotEvict(domain: usize, segment: u32, most: u32): u32 {
  const pages = pageCount();
  let count: u32 = 0;
  for (let page: u32 = 0; page < pages && count < most; page++) {
    const info = infoOf(page);
    const group = <usize>load<u32>(info, INFO_GROUP);
    if (group == 0 || load<u32>(info, INFO_SEGMENT) != segment || domainOf(group) != domain) continue;
    const flag = load<u8>(dirtyTable + page);
    if (flag == CLEAN) {
      countSegment(page, -1);
      store<u8>(dirtyTable + page, QUIET);
      count++;
    } else if (flag == FROZEN) {
      // A full snapshot will leave it as it found it: dirty, from now on.
      const snapshot = <usize>load<u32>(domain, DOMAIN_SNAPSHOT);
      const record =
        <usize>load<u32>(snapshot, SNAPSHOT_RECORDS) + load<u32>(info, INFO_RECORD) * RECORD;
      const word = load<u32>(record, 20);
      if ((word & WAS_DIRTY) == 0) {
        countSegment(page, -1);
        store<u32>(record, word | WAS_DIRTY, 20);
        count++;
      }
    }
  }
  return count + evictCold(domain, segment, most - count);
}

function evictCold(domain: usize, segment: u32, most: u32): u32 {
  let count: u32 = 0;
  for (let d = nextCold(1, true); d != 0 && count < most; d = nextCold(d + 1, true)) {
    const cold = coldOf(d);
    const group = <usize>load<u32>(cold, COLD_GROUP);
    if (group == 0 || load<u32>(cold, COLD_SEGMENT) != segment || domainOf(group) != domain) continue;
    if (coldFlag(d) == CLEAN) {
      countCold(d, -1);
      setColdFlag(d, DIRTY);
      count++;
    } else if (coldFlag(d) == FROZEN) {
      const snapshot = <usize>load<u32>(domain, DOMAIN_SNAPSHOT);
      const record =
        <usize>load<u32>(snapshot, SNAPSHOT_RECORDS) + load<u32>(cold, COLD_RECORD) * RECORD;
      const word = load<u32>(record, 20);
      if ((word & WAS_DIRTY) == 0) {
        countCold(d, -1);
        store<u32>(record, word | WAS_DIRTY, 20);
        count++;
      }
    }
  }
  return count;
}

/** As countSegment, of a page in the spill file. */
export function countCold(d: u32, change: i32): void {
  const cold = coldOf(d);
  const segment = load<u32>(cold, COLD_SEGMENT);
  if (segment == 0) return;
  const domain = domainOf(<usize>load<u32>(cold, COLD_GROUP));
  const at = <usize>load<u32>(domain, DOMAIN_COUNTS) + (segment << 2);
  store<u32>(at, load<u32>(at) + change);
}

/** Pages of a domain that the next snapshot would write. */
export function snapshotDirtyPages(domain: usize): u32 {
  let count = countPages(domain, pageCount());
  for (let d = nextCold(1, false); d != 0; d = nextCold(d + 1, false)) {
    const group = <usize>load<u32>(coldOf(d), COLD_GROUP);
    if (group != 0 && domainOf(group) == domain) count++;
  }
  return count;
}
