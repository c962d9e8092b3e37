/**
 * Spill: pages of state that are not in memory but in a local file, so that state may outgrow its
 * budget.
 *
 * Flow:    state/spill-store.ts, between batches: spillSelect lists pages that were not used lately
 *          → the host writes them → spillCommit forgets them. A batch's keys ask for their pages
 *          (keyed-map.as.ts, prefetch) and loadRequested reads them in one round; what nobody could
 *          foresee (the next block of a chain) is read when it is reached. Pages are never spilled
 *          while an operator runs: addresses stay good during its call.
 * Clock:   a hand goes round all pages. A page written since it last came by becomes QUIET, a page
 *          seen since loses its mark; what is found quiet and unseen goes. The write after that sets
 *          DIRTY again, so hot pages cost one slow touch a round.
 * Cold:    a record of 64 B per spilled page. The directory holds (record << 2 | 2) in place of the
 *          address (of a run: of its first page), the index slots of its entries (number << 1 | 1).
 *            u32 group, u32 number, u16 live, u16 bump, u16 free, u8 kind, u8 0, u32 part, u32 pages
 *            of the run, u32 segment, u32 index of the snapshot's record, u32 slot, u32 next part's
 *            record, u64 sum of the page (pageSum), u32 oldest entry's second, u32 address while it is read
 *          Its dirty flag lies in a dense table, as those of pages in memory do.
 * Slots:   4 KiB each in the host's file. A page that was read back keeps its slot until it is
 *          written, so that it need not be written out again.
 * Extents: 64 slots, lists of them by how many are free. Slots are taken from the extent with most, all it has, so that the
 *          host writes whole pieces of the file: one page at a time costs a file system ten times as much. The file grows
 *          by an extent as long as more than two thirds of it are in use.
 * Room:    a group without a page with room in memory takes back a spilled one that is at most three
 *          quarters full before it begins a new one.
 * Frozen:  a page that a snapshot has yet to write and that is about to change leaves its copy in the
 *          file to the snapshot, in a record without a group.
 * Pinned:  the log page a group appends to (unless by force), empty pages.
 * Runs:    go whole, and one of more than MOST_RUN pages goes and comes alone: the list grows to it.
 * Errors:  FAILURE_SPILL when what comes back is not what was written.
 */
import {
  CLEAN,
  DIRTY,
  FAILURE_HANDLE,
  FAILURE_MEMORY,
  FAILURE_SPILL,
  FROZEN,
  INFO_BUMP,
  INFO_FREE,
  INFO_GROUP,
  INFO_KIND,
  INFO_LIVE,
  INFO_LOGICAL,
  INFO_NEXT,
  INFO_PREVIOUS,
  INFO_RECORD,
  INFO_SEGMENT,
  INFO_SPARSE,
  QUIET,
  blockAllocate,
  blockFree,
  copyTable,
  dirtyTable,
  fail,
  infoOf,
  pageAllocate,
  pageCount,
  pageFree,
  seenTable,
} from "./memory.as";
import {
  GROUP_DIRECTORY,
  GROUP_DIRECTORY_USED,
  GROUP_FREE_NUMBER,
  GROUP_LOG_PAGE,
  GROUP_MAP,
  GROUP_PAGES,
  GROUP_ROOM,
  KIND_ENTRIES,
  KIND_LOG,
  KIND_RUN,
  MAP_COLD,
  MAP_PAGES,
  MAP_PER_PAGE,
} from "./keyed-map-pages.as";
import {
  SPARSE_LOOKS,
  linkPartial,
  oldestEntry,
  rebuildEntryPage,
  stateTime,
  swapSlots,
  unlinkPartial,
} from "./keyed-map.as";
import { restoreLogPage, retire } from "./log.as";
import { moveFrozen } from "./snapshot.as";

export const COLD_GROUP: usize = 0;
export const COLD_NUMBER: usize = 4;
const COLD_LIVE: usize = 8;
const COLD_BUMP: usize = 10;
const COLD_FREE: usize = 12;
export const COLD_KIND: usize = 14;
export const COLD_PART: usize = 16;
export const COLD_RUN: usize = 20;
export const COLD_SEGMENT: usize = 24;
export const COLD_RECORD: usize = 28;
const COLD_SLOT: usize = 32;
const COLD_NEXT: usize = 36;
const COLD_HASH: usize = 40;
const COLD_OLDEST: usize = 48;
/** Of the records on a group's list of pages with room: the next, and the one before. */
const COLD_AFTER: usize = 52;
const COLD_BEFORE: usize = 56;
const COLD_SHIFT: u32 = 6;

const NO_EXTENT: u32 = 0xffffffff;
const EXTENT_SHIFT: u32 = 6;
const EXTENT_SLOTS: u32 = 1 << EXTENT_SHIFT;
/** Of an extent's record. */
const EXTENT_NEXT: usize = 8;
const EXTENT_BEFORE: usize = 12;
const extentLists = memory.data((64 + 1) * 4, 8);

/** In a cold flag: its page is asked for. */
const REQUESTED: u8 = 0x80;
/** In a slot: the page lies in a segment, under this number of the host's (restore.as.ts). */
export const SOURCE: u32 = 0x80000000;
/** A slot that is not known yet. */
export const UNPLACED: u32 = 0x7fffffff;
/** No entry's second. */
export const NEVER: u32 = 0xffffffff;

/** Pages read in one round, and pages spilled in one; a longer run is a round of its own. */
const ROUND: u32 = 4096;
const HEADS_BYTES: u32 = ROUND * 12;
const MOST_RUN: u32 = 1024;
/** Of a selected page: u32 address, u32 slot, u32 1 = to be written. */
const SELECTED: u32 = 12;
const MARKED: u8 = 2;
/** Pages that a walk over all entries reads ahead. */
const AHEAD: u32 = 64;

let cold: usize = 0;
let coldFlags: usize = 0;
let coldCapacity: u32 = 0;
let coldUsed: u32 = 1;
let coldFree: u32 = 0;
let coldCount: u32 = 0;
/** {u64 free slots as bits, u32 next + 1, u32 before + 1}[]: extents; lists by how many are free, heads + 1 in extentLists. */
let extents: usize = 0;
let extentCapacity: u32 = 0;
let extentCount: u32 = 0;
let slotsUsed: u32 = 0;
/** Slots are taken from it; it is on no list. None: NO_EXTENT. */
let openExtent: u32 = NO_EXTENT;
let hand: u32 = 0;
let list: usize = 0;
let listCapacity: u32 = 0;
let onlyMap: usize = 0;
/** u32[ROUND] cold records asked for, then {u32 slot, u32 address}[ROUND]. */
let heads: usize = 0;
let headCount: u32 = 0;
/** u32[]: stored log pages that were read and whose free blocks are not linked yet. */
let raw: usize = 0;
let rawCapacity: u32 = 0;
let rawCount: u32 = 0;
/**
 * Their blocks are being linked, which may read the page of a list's first block (spilled since it was linked): that round
 * links no others, for the list is in the middle of a change.
 */
let linking: bool = false;

/** Reads `count` pages: requests are {u32 slot, u32 address}. All of them, or it throws. */
@external("env", "spillRead")
declare function spillRead(requests: usize, count: u32): void;

export function resetSpill(): void {
  cold = 0;
  coldFlags = 0;
  coldCapacity = 0;
  coldUsed = 1;
  coldFree = 0;
  coldCount = 0;
  extents = 0;
  extentCapacity = 0;
  extentCount = 0;
  slotsUsed = 0;
  openExtent = NO_EXTENT;
  memory.fill(extentLists, 0, (EXTENT_SLOTS + 1) * 4);
  hand = 0;
  list = 0;
  listCapacity = 0;
  onlyMap = 0;
  heads = 0;
  headCount = 0;
  raw = 0;
  rawCapacity = 0;
  rawCount = 0;
  linking = false;
}

/** Nothing is spilled any more: gives the tables back. */
export function spillEnd(): void {
  if (coldCount != 0) fail(FAILURE_SPILL);
  const pages = pageCount();
  for (let page: u32 = 0; page < pages; page++) store<u32>(copyTable + (page << 2), 0);
  if (coldCapacity != 0) {
    pageFree(cold, coldCapacity >>> (12 - COLD_SHIFT));
    pageFree(coldFlags, coldCapacity >>> 12);
  }
  if (extentCapacity != 0) pageFree(extents, extentCapacity >>> 8);
  if (list != 0) pageFree(list, (listCapacity * SELECTED + 4095) >>> 12);
  if (heads != 0) blockFree(heads, HEADS_BYTES);
  if (rawCapacity != 0) blockFree(raw, rawCapacity << 2);
  resetSpill();
}

/** Pages in the spill file that are not in memory. */
export function spilledPages(): u32 {
  return coldCount;
}

/** Slots of the file: its size in pages. */
export function spillSlots(): u32 {
  return extentCount << EXTENT_SHIFT;
}

@inline
export function coldOf(d: u32): usize {
  return cold + (<usize>d << COLD_SHIFT);
}

@inline
export function coldFlag(d: u32): u8 {
  return load<u8>(coldFlags + d);
}

@inline
export function setColdFlag(d: u32, flag: u8): void {
  store<u8>(coldFlags + d, flag);
}

/** At least as many as spilled pages will be frozen: dirty ones of all domains, or all. */
export function coldFlagged(full: bool): u32 {
  if (full) return coldCount;
  let count: u32 = 0;
  for (let d = nextCold(1, false); d != 0; d = nextCold(d + 1, false)) count++;
  return count;
}

/** The next record at or after `d` that is dirty (all: any, free ones too); 0 at the end. */
export function nextCold(d: u32, all: bool): u32 {
  if (all) return d < coldUsed ? d : 0;
  while (d < coldUsed) {
    if ((d & 15) == 0) {
      while (d + 16 <= coldUsed && !v128.any_true(v128.load(coldFlags + d))) d += 16;
      if (d >= coldUsed) return 0;
    }
    if (load<u8>(coldFlags + d) & 1) return d;
    d++;
  }
  return 0;
}

/**
 * Chooses up to `wanted` pages that may go; spillList() is where they are listed. force: used lately
 * or not. The pages stay as they are until spillCommit or spillAbort.
 */
export function spillSelect(wanted: u32, force: bool): u32 {
  if (!ensureList(ROUND)) return 0;
  wanted = min<u32>(wanted, ROUND);
  // It may read pages, and leave copies to a snapshot: what it takes is not of the reserve.
  if (force) retireLogPages();
  if (!reserve(wanted)) return 0;
  const pages = pageCount();
  let count: u32 = 0;
  for (let steps: u32 = 0, most: u32 = force ? pages : pages * 2; steps < most && count < wanted; steps++) {
    if (hand >= pages) hand = 0;
    const page = hand++;
    const run = mayGo(page, force);
    if (run == 0) continue;
    if (count + run > wanted) {
      if (count != 0) {
        // It has been found quiet: it is the first of the next.
        hand = page;
        break;
      }
      if (!reserve(run) || !ensureList(run)) break;
    }
    for (let p = page; p < page + run; p++, count++) select(p, count);
  }
  return count;
}

function ensureList(count: u32): bool {
  if (listCapacity >= count) return true;
  const bigger = pageAllocate((count * SELECTED + 4095) >>> 12);
  if (bigger == 0) return false;
  if (list != 0) pageFree(list, (listCapacity * SELECTED + 4095) >>> 12);
  list = bigger;
  listCapacity = count;
  return true;
}

/** So that they may go too: groups begin new pages to append to. */
function retireLogPages(): void {
  for (let page: u32 = 0; page < pageCount(); page++) {
    const group = <usize>load<u32>(infoOf(page), INFO_GROUP);
    if (group == 0 || load<u32>(group, GROUP_LOG_PAGE) != page || isOther(group)) continue;
    retire(group, page);
  }
}

/** {u32 address, u32 slot, u32 1 = to be written} of each page chosen. */
export function spillList(): usize {
  return list;
}

/** From now on pages of this map only are chosen; 0 = of all. */
export function spillOnly(map: usize): void {
  onlyMap = map;
}

@inline
function isOther(group: usize): bool {
  return onlyMap != 0 && <usize>load<u32>(group, GROUP_MAP) != onlyMap;
}

/** Pages of the run that begins here and may go, 0 when it may not. */
function mayGo(page: u32, force: bool): u32 {
  const info = infoOf(page);
  const group = <usize>load<u32>(info, INFO_GROUP);
  if (group == 0 || load<u8>(seenTable + page) == MARKED || isOther(group)) return 0;
  const kind = load<u8>(info, INFO_KIND);
  if (load<u16>(info, INFO_LIVE) == 0 && kind != KIND_RUN) return 0;
  if (kind == KIND_LOG && load<u32>(group, GROUP_LOG_PAGE) == page) return 0;
  let run: u32 = 1;
  if (kind == KIND_RUN) {
    const number = load<u32>(info, INFO_LOGICAL);
    const first = load<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2));
    run = load<u32>(info, INFO_NEXT);
    if (first != page << 12) return 0;
  }
  let recent = false;
  for (let p = page; p < page + run; p++) {
    if (load<u8>(dirtyTable + p) == DIRTY) {
      recent = true;
      store<u8>(dirtyTable + p, QUIET);
    }
    if (load<u8>(seenTable + p) != 0) {
      recent = true;
      store<u8>(seenTable + p, 0);
    }
  }
  return recent && !force ? 0 : run;
}

function select(page: u32, index: u32): void {
  const at = list + index * SELECTED;
  const copy = load<u32>(copyTable + (page << 2));
  store<u8>(seenTable + page, MARKED);
  store<u32>(at, page << 12);
  store<u32>(at, copy != 0 ? copy - 1 : takeSlot(), 4);
  store<u32>(at, copy != 0 ? 0 : 1, 8);
}

/** Room for `count` more records and slots, so that nothing is allocated later. */
function reserve(count: u32): bool {
  if (coldUsed + count >= coldCapacity) {
    let bigger = max<u32>(coldCapacity, 4096);
    while (coldUsed + count >= bigger) bigger <<= 1;
    const records = pageAllocate(bigger >>> (12 - COLD_SHIFT));
    const flags = pageAllocate(bigger >>> 12);
    if (records == 0 || flags == 0) {
      if (records != 0) pageFree(records, bigger >>> (12 - COLD_SHIFT));
      if (flags != 0) pageFree(flags, bigger >>> 12);
      return false;
    }
    memory.fill(flags, 0, bigger);
    if (coldCapacity != 0) {
      memory.copy(records, cold, coldUsed << COLD_SHIFT);
      memory.copy(flags, coldFlags, coldUsed);
      pageFree(cold, coldCapacity >>> (12 - COLD_SHIFT));
      pageFree(coldFlags, coldCapacity >>> 12);
    }
    cold = records;
    coldFlags = flags;
    coldCapacity = bigger;
  }
  const most = extentCount + (count >>> EXTENT_SHIFT) + 2;
  if (most > extentCapacity) {
    let bigger = max<u32>(extentCapacity, 256);
    while (most > bigger) bigger <<= 1;
    const records = pageAllocate(bigger >>> 8);
    if (records == 0) return false;
    if (extentCapacity != 0) {
      memory.copy(records, extents, extentCount << 4);
      pageFree(extents, extentCapacity >>> 8);
    }
    extents = records;
    extentCapacity = bigger;
  }
  return true;
}

function takeSlot(): u32 {
  if (openExtent == NO_EXTENT || load<u64>(extents + (openExtent << 4)) == 0) nextExtent();
  const record = extents + (openExtent << 4);
  const free = load<u64>(record);
  store<u64>(record, free & (free - 1));
  slotsUsed++;
  return (openExtent << EXTENT_SHIFT) + <u32>ctz<u64>(free);
}

/** Opens the extent with most free slots, or a new one: there is room for it. */
function nextExtent(): void {
  if (openExtent != NO_EXTENT) linkExtent(openExtent);
  let free = EXTENT_SLOTS;
  while (free > 0 && load<u32>(extentLists + (free << 2)) == 0) free--;
  const crowded = slotsUsed * 3 >= (extentCount << EXTENT_SHIFT) * 2;
  if (free == 0 || (free < EXTENT_SLOTS && crowded)) {
    openExtent = extentCount++;
    store<u64>(extents + (openExtent << 4), <u64>-1);
    return;
  }
  openExtent = load<u32>(extentLists + (free << 2)) - 1;
  unlinkExtent(openExtent);
}

function linkExtent(extent: u32): void {
  const record = extents + (extent << 4);
  const list = extentLists + (<usize>popcnt<u64>(load<u64>(record)) << 2);
  const head = load<u32>(list);
  store<u32>(record, head, EXTENT_NEXT);
  store<u32>(record, 0, EXTENT_BEFORE);
  if (head != 0) store<u32>(extents + ((head - 1) << 4), extent + 1, EXTENT_BEFORE);
  store<u32>(list, extent + 1);
}

function unlinkExtent(extent: u32): void {
  const record = extents + (extent << 4);
  const next = load<u32>(record, EXTENT_NEXT);
  const before = load<u32>(record, EXTENT_BEFORE);
  if (next != 0) store<u32>(extents + ((next - 1) << 4), before, EXTENT_BEFORE);
  if (before != 0) store<u32>(extents + ((before - 1) << 4), next, EXTENT_NEXT);
  else store<u32>(extentLists + (<usize>popcnt<u64>(load<u64>(record)) << 2), next);
}

function freeSlot(slot: u32): void {
  const extent = slot >>> EXTENT_SHIFT;
  const record = extents + (extent << 4);
  if (extent != openExtent) unlinkExtent(extent);
  store<u64>(record, load<u64>(record) | ((<u64>1) << (slot & (EXTENT_SLOTS - 1))));
  if (extent != openExtent) linkExtent(extent);
  slotsUsed--;
}

/** The page is about to be written, or goes: its copy in the file is no longer one. */
export function dropCopy(page: u32): void {
  const at = copyTable + (page << 2);
  freeSlot(load<u32>(at) - 1);
  store<u32>(at, 0);
}

/** What was chosen could not be written: it stays. */
export function spillAbort(count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const at = list + i * SELECTED;
    store<u8>(seenTable + (load<u32>(at) >>> 12), 0);
    if (load<u32>(at, 8) != 0) freeSlot(load<u32>(at, 4));
  }
}

/** What was chosen is in the file: its pages are free. */
export function spillCommit(count: u32): void {
  for (let i: u32 = 0; i < count; ) {
    const page = load<u32>(list + i * SELECTED) >>> 12;
    const info = infoOf(page);
    const run: u32 = load<u8>(info, INFO_KIND) == KIND_RUN ? load<u32>(info, INFO_NEXT) : 1;
    spillRun(page, run, i);
    i += run;
  }
}

function spillRun(first: u32, run: u32, index: u32): void {
  const info = infoOf(first);
  const group = <usize>load<u32>(info, INFO_GROUP);
  const map = <usize>load<u32>(group, GROUP_MAP);
  const number = load<u32>(info, INFO_LOGICAL);
  let head: u32 = 0;
  for (let part = run; part > 0; part--) {
    const page = first + part - 1;
    const slot = load<u32>(list + (index + part - 1) * SELECTED, 4);
    head = describe(page, group, part - 1, run, slot, head);
  }
  if (load<u8>(info, INFO_KIND) == KIND_ENTRIES) {
    store<u32>(coldOf(head), oldestEntry(map, first, stateTime()), COLD_OLDEST);
    const live = <u32>load<u16>(info, INFO_LIVE);
    const perPage = load<u32>(map, MAP_PER_PAGE);
    if (live < perPage) unlinkPartial(group, first);
    if (hasRoom(live, perPage)) linkRoom(group, head);
    if (load<u8>(info, INFO_SPARSE) == 0) swapSlots(map, group, first, (number << 1) | 1, true);
  }
  for (let page = first; page < first + run; page++) {
    store<u8>(dirtyTable + page, CLEAN);
    store<u8>(seenTable + page, 0);
    store<u32>(copyTable + (page << 2), 0);
    store<u32>(infoOf(page), 0, INFO_GROUP);
  }
  store<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2), (head << 2) | 2);
  store<u32>(map, load<u32>(map, MAP_COLD) + run, MAP_COLD);
  pageFree(<usize>first << 12, run);
}

function describe(page: u32, group: usize, part: u32, run: u32, slot: u32, next: u32): u32 {
  const d = takeCold();
  const record = coldOf(d);
  const info = infoOf(page);
  store<u32>(record, <u32>group, COLD_GROUP);
  store<u32>(record, load<u32>(info, INFO_LOGICAL), COLD_NUMBER);
  store<u16>(record, load<u16>(info, INFO_LIVE), COLD_LIVE);
  store<u16>(record, load<u16>(info, INFO_BUMP), COLD_BUMP);
  store<u16>(record, load<u16>(info, INFO_FREE), COLD_FREE);
  store<u8>(record, load<u8>(info, INFO_KIND), COLD_KIND);
  store<u32>(record, part, COLD_PART);
  store<u32>(record, run, COLD_RUN);
  store<u32>(record, load<u32>(info, INFO_SEGMENT), COLD_SEGMENT);
  store<u32>(record, load<u32>(info, INFO_RECORD), COLD_RECORD);
  store<u32>(record, slot, COLD_SLOT);
  store<u32>(record, next, COLD_NEXT);
  store<u64>(record, pageSum(<usize>page << 12), COLD_HASH);
  store<u32>(record, NEVER, COLD_OLDEST);
  const flag = load<u8>(dirtyTable + page);
  setColdFlag(d, flag == QUIET ? DIRTY : flag);
  if (flag == FROZEN) moveFrozen(group, load<u32>(info, INFO_RECORD), (d << 2) | 2);
  return d;
}

/** A page of the spill file for the snapshot, which leaves it there. */
export function readCold(d: u32, target: usize): void {
  ensureHeads();
  const requests = heads + (ROUND << 2);
  store<u32>(requests, load<u32>(coldOf(d), COLD_SLOT));
  store<u32>(requests, <u32>target, 4);
  spillRead(requests, 1);
  checkPage(d, target);
}

/**
 * Of a page that this process wrote and reads back: sixteen chains of u32, each word added and the sum multiplied by an odd
 * number, so that no change of one word goes unseen; a quarter of what XXH64 costs.
 */
function pageSum(address: usize): u64 {
  const factor = i32x4.splat(0x9e3779b1);
  let a = i32x4.splat(1);
  let b = i32x4.splat(2);
  let c = i32x4.splat(3);
  let d = i32x4.splat(4);
  for (let at = address, end = address + 4096; at < end; at += 64) {
    a = i32x4.mul(i32x4.add(a, v128.load(at)), factor);
    b = i32x4.mul(i32x4.add(b, v128.load(at, 16)), factor);
    c = i32x4.mul(i32x4.add(c, v128.load(at, 32)), factor);
    d = i32x4.mul(i32x4.add(d, v128.load(at, 48)), factor);
  }
  return mixSum(mixSum(mixSum(mixSum(0, a), b), c), d);
}

@inline
function mixSum(sum: u64, lanes: v128): u64 {
  sum = (sum ^ i64x2.extract_lane(lanes, 0)) * 0x9e3779b97f4a7c15;
  sum = rotl<u64>(sum, 29);
  sum = (sum ^ i64x2.extract_lane(lanes, 1)) * 0x9e3779b97f4a7c15;
  return rotl<u64>(sum, 29);
}

/** The host has checked what comes from a segment. */
@inline
function checkPage(d: u32, address: usize): void {
  if (isSource(d)) return;
  if (pageSum(address) != load<u64>(coldOf(d), COLD_HASH)) fail(FAILURE_SPILL);
}

/** Pages of records (u32[count], each of one page) into scratch memory, one after another. */
export function readPages(records: usize, count: u32, target: usize): void {
  if (count == 0) return;
  ensureHeads();
  const requests = heads + (ROUND << 2);
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(requests + (i << 3), coldSlot(load<u32>(records + (i << 2))));
    store<u32>(requests + (i << 3), <u32>target + (i << 12), 4);
  }
  spillRead(requests, count);
  for (let i: u32 = 0; i < count; i++) checkPage(load<u32>(records + (i << 2)), target + (i << 12));
}

@inline
export function isSource(d: u32): bool {
  return (coldSlot(d) & SOURCE) != 0;
}

@inline
export function coldSlot(d: u32): u32 {
  return load<u32>(coldOf(d), COLD_SLOT);
}

export function setColdSlot(d: u32, slot: u32): void {
  store<u32>(coldOf(d), slot, COLD_SLOT);
}

/** Records are below this. */
export function coldLimit(): u32 {
  return coldUsed;
}

/** Records for the parts of a stored run, one after another; the first, 0 without memory. */
export function describeRun(group: usize, number: u32, run: u32, kind: u8): u32 {
  if (!reserve(run)) return 0;
  const head = coldUsed;
  coldUsed += run;
  coldCount += run;
  for (let part: u32 = 0; part < run; part++) {
    const record = coldOf(head + part);
    memory.fill(record, 0, 1 << COLD_SHIFT);
    store<u32>(record, <u32>group, COLD_GROUP);
    store<u32>(record, number, COLD_NUMBER);
    store<u8>(record, kind, COLD_KIND);
    store<u32>(record, part, COLD_PART);
    store<u32>(record, run, COLD_RUN);
    store<u32>(record, UNPLACED, COLD_SLOT);
    store<u32>(record, part + 1 < run ? head + part + 1 : 0, COLD_NEXT);
    store<u32>(record, NEVER, COLD_OLDEST);
    setColdFlag(head + part, CLEAN);
  }
  return head;
}

/** What is known of a stored page of entries once it was read for the index. */
export function setScanned(group: usize, d: u32, live: u32, perPage: u32, oldest: u32): void {
  store<u16>(coldOf(d), <u16>live, COLD_LIVE);
  store<u32>(coldOf(d), oldest, COLD_OLDEST);
  if (hasRoom(live, perPage)) linkRoom(group, d);
}

function ensureHeads(): void {
  if (heads == 0) heads = blockAllocate(HEADS_BYTES);
}

/** Asks for the page with a number, if it is spilled; loadRequested reads it. */
export function request(group: usize, number: u32): void {
  if (number == 0 || number >= load<u32>(group, GROUP_DIRECTORY_USED)) return;
  const word = load<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2));
  if ((word & 3) != 2) {
    if ((word & 1) == 0 && word != 0) store<u8>(seenTable + (word >>> 12), 1);
    return;
  }
  const d = word >>> 2;
  if (coldFlag(d) & REQUESTED) return;
  const run = load<u32>(coldOf(d), COLD_RUN);
  if (run > MOST_RUN) {
    loadLongRun(d, run);
    return;
  }
  // A round has room for one long run more.
  if (headCount + run > ROUND - MOST_RUN) loadRequested();
  setColdFlag(d, coldFlag(d) | REQUESTED);
  ensureHeads();
  store<u32>(heads + (headCount << 2), d);
  headCount += run;
  for (let part: u32 = 1; part < run; part++) store<u32>(heads + ((headCount - part) << 2), 0);
}

/** A run that one round has no room for. */
function loadLongRun(head: u32, run: u32): void {
  loadRequested();
  ensureHeads();
  const address = pageAllocate(run);
  if (address == 0) fail(FAILURE_MEMORY);
  const requests = heads + (ROUND << 2);
  let d = head;
  for (let part: u32 = 0; part < run; ) {
    let count: u32 = 0;
    for (; part < run && count < ROUND; part++, count++) {
      store<u32>(requests + (count << 3), coldSlot(d));
      store<u32>(requests + (count << 3), <u32>address + (part << 12), 4);
      d = load<u32>(coldOf(d), COLD_NEXT);
    }
    spillRead(requests, count);
  }
  restoreRun(head, <u32>address);
}

/** Reads all pages that were asked for, in one round. */
export function loadRequested(): void {
  const count = headCount;
  if (count == 0) return;
  headCount = 0;
  const requests = heads + (ROUND << 2);
  for (let i: u32 = 0; i < count; ) {
    const run = load<u32>(coldOf(load<u32>(heads + (i << 2))), COLD_RUN);
    const address = pageAllocate(run);
    if (address == 0) fail(FAILURE_MEMORY);
    let d = load<u32>(heads + (i << 2));
    for (let part: u32 = 0; part < run; part++, i++) {
      store<u32>(requests + (i << 3), load<u32>(coldOf(d), COLD_SLOT));
      store<u32>(requests + (i << 3), <u32>address + (part << 12), 4);
      d = load<u32>(coldOf(d), COLD_NEXT);
    }
  }
  spillRead(requests, count);
  for (let i: u32 = 0; i < count; ) {
    const d = load<u32>(heads + (i << 2));
    const address = load<u32>(requests + (i << 3), 4);
    i += load<u32>(coldOf(d), COLD_RUN);
    setColdFlag(d, coldFlag(d) & ~REQUESTED);
    restoreRun(d, address);
  }
  if (linking) return;
  linking = true;
  while (rawCount > 0) {
    const page = load<u32>(raw + (--rawCount << 2));
    const group = <usize>load<u32>(infoOf(page), INFO_GROUP);
    if (!restoreLogPage(group, page)) fail(FAILURE_HANDLE);
  }
  linking = false;
}

/** The number of a spilled page of entries with room, 0 when the group has none. */
export function numberWithRoom(group: usize): u32 {
  const d = load<u32>(group, GROUP_ROOM);
  return d == 0 ? 0 : load<u32>(coldOf(d), COLD_NUMBER);
}

@inline
function hasRoom(live: u32, perPage: u32): bool {
  return live * 4 <= perPage * 3;
}

function linkRoom(group: usize, d: u32): void {
  const head = load<u32>(group, GROUP_ROOM);
  store<u32>(coldOf(d), head, COLD_AFTER);
  store<u32>(coldOf(d), 0, COLD_BEFORE);
  if (head != 0) store<u32>(coldOf(head), d, COLD_BEFORE);
  store<u32>(group, d, GROUP_ROOM);
}

function unlinkRoom(group: usize, d: u32): void {
  const next = load<u32>(coldOf(d), COLD_AFTER);
  const before = load<u32>(coldOf(d), COLD_BEFORE);
  if (before == 0) store<u32>(group, next, GROUP_ROOM);
  else store<u32>(coldOf(before), next, COLD_AFTER);
  if (next != 0) store<u32>(coldOf(next), before, COLD_BEFORE);
}

/**
 * A frozen page is about to be written and has a copy in the file: a record for the copy, which is
 * the snapshot's now; 0 when there is none.
 */
export function keepCopy(page: u32): u32 {
  const at = copyTable + (page << 2);
  const copy = load<u32>(at);
  if (copy == 0 || (coldFree == 0 && coldUsed >= coldCapacity)) return 0;
  const d = takeCold();
  store<u32>(coldOf(d), 0, COLD_GROUP);
  store<u32>(coldOf(d), copy - 1, COLD_SLOT);
  store<u64>(coldOf(d), pageSum(<usize>page << 12), COLD_HASH);
  setColdFlag(d, CLEAN);
  store<u32>(at, 0);
  return d;
}

/** The snapshot is done with a copy that keepCopy has left to it. */
export function endCopy(d: u32): void {
  freeSlot(load<u32>(coldOf(d), COLD_SLOT));
  freeCold(d);
}

function takeCold(): u32 {
  coldCount++;
  if (coldFree == 0) return coldUsed++;
  const d = coldFree;
  coldFree = load<u32>(coldOf(d), COLD_NEXT);
  return d;
}

/** The address of a spilled page or run, which is read now. */
export function loadNumber(group: usize, number: u32): usize {
  request(group, number);
  loadRequested();
  return <usize>load<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2));
}

/** The run of a record is in memory again. */
function restoreRun(head: u32, address: u32): void {
  const record = coldOf(head);
  const group = <usize>load<u32>(record, COLD_GROUP);
  const map = <usize>load<u32>(group, GROUP_MAP);
  const number = load<u32>(record, COLD_NUMBER);
  const run = load<u32>(record, COLD_RUN);
  const kind = load<u8>(record, COLD_KIND);
  if (kind == KIND_ENTRIES && hasRoom(load<u16>(record, COLD_LIVE), load<u32>(map, MAP_PER_PAGE))) {
    unlinkRoom(group, head);
  }
  const stored = isSource(head);
  for (let d = head, at = address; d != 0; at += 4096) d = restorePart(d, group, at);
  store<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2), address);
  store<u32>(map, load<u32>(map, MAP_COLD) - run, MAP_COLD);
  const page = address >>> 12;
  if (stored) complete(map, group, page, kind);
  if (kind == KIND_ENTRIES) {
    // A page of a segment may stay for good, also without a budget.
    if (stored) swapSlots(map, group, page, (number << 1) | 1, false);
    else store<u8>(infoOf(page), SPARSE_LOOKS, INFO_SPARSE);
    const live = <u32>load<u16>(infoOf(page), INFO_LIVE);
    if (live < load<u32>(map, MAP_PER_PAGE)) linkPartial(group, page);
  }
}

/** What a stored page leaves out: its counts and free places. */
function complete(map: usize, group: usize, page: u32, kind: u8): void {
  if (kind == KIND_ENTRIES) {
    if (rebuildEntryPage(map, group, page) < 0) fail(FAILURE_HANDLE);
  } else if (kind == KIND_LOG) {
    // Linking its free blocks may read other pages: when this round is over.
    ensureRaw();
    store<u32>(raw + (rawCount++ << 2), page);
  } else {
    const room = <u64>load<u32>(infoOf(page), INFO_NEXT) << 12;
    if (<u64>load<u32>(<usize>page << 12, 4) + 8 > room) fail(FAILURE_HANDLE);
    store<u16>(infoOf(page), 1, INFO_LIVE);
  }
}

function ensureRaw(): void {
  if (rawCount < rawCapacity) return;
  const bigger = max<u32>(1024, rawCapacity << 1);
  const pages = blockAllocate(bigger << 2);
  if (rawCapacity != 0) {
    memory.copy(pages, raw, rawCount << 2);
    blockFree(raw, rawCapacity << 2);
  }
  raw = pages;
  rawCapacity = bigger;
}

/** One page of it; returns the next part's record. */
function restorePart(d: u32, group: usize, address: u32): u32 {
  const record = coldOf(d);
  checkPage(d, address);
  const stored = isSource(d);
  const page = address >>> 12;
  const info = infoOf(page);
  const kind = load<u8>(record, COLD_KIND);
  store<u32>(info, <u32>group, INFO_GROUP);
  store<u32>(info, load<u32>(record, COLD_NUMBER), INFO_LOGICAL);
  store<u16>(info, load<u16>(record, COLD_LIVE), INFO_LIVE);
  store<u16>(info, load<u16>(record, COLD_BUMP), INFO_BUMP);
  store<u16>(info, load<u16>(record, COLD_FREE), INFO_FREE);
  store<u8>(info, kind, INFO_KIND);
  store<u8>(info, 0, INFO_SPARSE);
  store<u32>(info, kind == KIND_RUN ? load<u32>(record, COLD_RUN) : 0, INFO_NEXT);
  store<u32>(info, 0, INFO_PREVIOUS);
  store<u32>(info, load<u32>(record, COLD_SEGMENT), INFO_SEGMENT);
  store<u32>(info, load<u32>(record, COLD_RECORD), INFO_RECORD);
  store<u32>(copyTable + (page << 2), stored ? 0 : coldSlot(d) + 1);
  store<u8>(seenTable + page, 0);
  const flag = coldFlag(d);
  store<u8>(dirtyTable + page, flag == DIRTY ? QUIET : flag);
  if (flag == FROZEN) moveFrozen(group, load<u32>(record, COLD_RECORD), address);
  const next = load<u32>(record, COLD_NEXT);
  freeCold(d);
  return next;
}

function freeCold(d: u32): void {
  setColdFlag(d, CLEAN);
  store<u32>(coldOf(d), 0, COLD_GROUP);
  store<u32>(coldOf(d), coldFree, COLD_NEXT);
  coldFree = d;
  coldCount--;
}

/** The map goes with all its pages: a spilled number is free without being read. False when it is not spilled. */
export function forgetNumber(group: usize, number: u32): bool {
  const at = <usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2);
  const word = load<u32>(at);
  if ((word & 3) != 2) return false;
  const map = <usize>load<u32>(group, GROUP_MAP);
  store<u32>(group, 0, GROUP_ROOM);
  for (let d = word >>> 2; d != 0; ) {
    const next = load<u32>(coldOf(d), COLD_NEXT);
    if (coldSlot(d) < UNPLACED) freeSlot(coldSlot(d));
    freeCold(d);
    store<u32>(map, load<u32>(map, MAP_COLD) - 1, MAP_COLD);
    store<u32>(map, load<u32>(map, MAP_PAGES) - 1, MAP_PAGES);
    store<u32>(group, load<u32>(group, GROUP_PAGES) - 1, GROUP_PAGES);
    d = next;
  }
  store<u32>(at, (load<u32>(group, GROUP_FREE_NUMBER) << 1) | 1);
  store<u32>(group, number, GROUP_FREE_NUMBER);
  return true;
}

/** The second of the oldest entry of a spilled page of entries; NEVER for all others. */
export function oldestOf(group: usize, number: u32): u32 {
  const word = load<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2));
  return (word & 3) == 2 ? load<u32>(coldOf(word >>> 2), COLD_OLDEST) : NEVER;
}

/** A spilled page or run of the log. */
export function isLogCold(group: usize, number: u32): bool {
  const word = load<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2));
  return (word & 3) == 2 && load<u8>(coldOf(word >>> 2), COLD_KIND) != KIND_ENTRIES;
}

/** A walk over all entries has come to a number: it and spilled pages of entries behind it are read. */
export function loadPagesOf(group: usize, number: u32, end: u32): void {
  const directory = <usize>load<u32>(group, GROUP_DIRECTORY);
  if ((load<u32>(directory + (number << 2)) & 3) != 2 || isLogCold(group, number)) return;
  for (let n = number, count: u32 = 0; n < end && count < AHEAD; n++) {
    const word = load<u32>(directory + (n << 2));
    if ((word & 3) != 2 || isLogCold(group, n)) continue;
    request(group, n);
    count++;
  }
  loadRequested();
}
