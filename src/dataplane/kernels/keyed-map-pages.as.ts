/**
 * Pages of keyed state: which page belongs to which key group, and what has to happen before one is
 * written.
 *
 * Layout:  map header, key group descriptors (one per key group of the subtask, 64 B each) and page
 *          directories are blocks that are never snapshotted: they are derived. A directory maps
 *          logical page numbers (from 1) to addresses; a number that is free holds (next free
 *          number << 1 | 1). A run of pages (a log block beyond 4 KiB) has one number; the parts of
 *          a run are told apart by their distance to its first page.
 *          A number whose page lies in the spill file holds (cold record << 2 | 2), see spill.as.ts.
 * Touch:   every write to a page of state is preceded by touchPage: it marks the page dirty and, if
 *          a snapshot has frozen it, saves the old contents first.
 */
import {
  CLEAN,
  DIRTY,
  FAILURE_KEY_GROUP,
  FAILURE_MEMORY,
  FROZEN,
  INFO_BUMP,
  INFO_FREE,
  INFO_GROUP,
  INFO_KIND,
  INFO_LIVE,
  INFO_LOGICAL,
  INFO_NEXT,
  INFO_PREVIOUS,
  INFO_SEGMENT,
  INFO_SPARSE,
  blockAllocate,
  blockFree,
  copyTable,
  dirtyTable,
  fail,
  infoOf,
  pageAllocateZeroed,
  pageFree,
} from "./memory.as";
import { countSegment, saveFrozen } from "./snapshot.as";
import { dropCopy, loadNumber } from "./spill.as";

export const KIND_ENTRIES: u8 = 1;
export const KIND_LOG: u8 = 2;
/** Any page of a run that holds one log block. */
export const KIND_RUN: u8 = 3;

export const MAP_GROUPS: usize = 0;
export const MAP_MAX_PARALLELISM: usize = 4;
export const MAP_FIRST_GROUP: usize = 8;
export const MAP_GROUP_COUNT: usize = 12;
/** Bytes of the key within the entry: 8 for variable keys. */
export const MAP_KEY_BYTES: usize = 16;
export const MAP_VALUE_BYTES: usize = 20;
export const MAP_ENTRY_BYTES: usize = 24;
export const MAP_KEY_KIND: usize = 28;
export const MAP_SIZE: usize = 32;
/** 0 = entries never expire. */
export const MAP_TTL_SECONDS: usize = 36;
export const MAP_DOMAIN: usize = 40;
export const MAP_ID: usize = 44;
export const MAP_PER_PAGE: usize = 48;
export const MAP_SWEEP_GROUP: usize = 52;
export const MAP_SWEEP_CURSOR: usize = 56;
/**
 * u32[MAP_HANDLE_COUNT]: offsets of log handles within the value, freed with an entry that expires.
 */
export const MAP_HANDLES: usize = 60;
export const MAP_HANDLE_COUNT: usize = 64;
export const MAP_EMPTY_PAGES: usize = 68;
export const MAP_PAGES: usize = 72;
export const MAP_NEXT: usize = 76;
export const MAP_PREVIOUS: usize = 80;
/** Pages of the map that are in the spill file. */
export const MAP_COLD: usize = 84;
/** Groups that are restored and have no index yet. */
export const MAP_UNINDEXED: usize = 92;
export const MAP_BYTES: u32 = 128;

export const GROUP_INDEX: usize = 0;
export const GROUP_BUCKETS: usize = 4;
export const GROUP_COUNT: usize = 8;
export const GROUP_LIMIT: usize = 12;
/** First of the entry pages with room (linked through their infos); 0 = none. */
export const GROUP_PARTIAL: usize = 16;
export const GROUP_DIRECTORY: usize = 20;
export const GROUP_DIRECTORY_SIZE: usize = 24;
/** Numbers below this have been given out at some time; 0 counts as given out. */
export const GROUP_DIRECTORY_USED: usize = 28;
export const GROUP_FREE_NUMBER: usize = 32;
export const GROUP_LOG: usize = 36;
export const GROUP_LOG_PAGE: usize = 40;
export const GROUP_MAP: usize = 44;
export const GROUP_KEY_GROUP: usize = 48;
export const GROUP_PAGES: usize = 52;
/** Cold record of the first spilled page of entries that has room; 0 = none (spill.as.ts). */
export const GROUP_ROOM: usize = 56;
/** 1 from a restore until the group's index is built (restore.as.ts). */
export const GROUP_UNINDEXED: usize = 60;
export const GROUP_BYTES: u32 = 64;
export const GROUP_SHIFT: u32 = 6;

/**
 * Must precede every write to the page. May save the page elsewhere, for which memory and its tables
 * may move: what infoOf gave before is void after it, as after every allocation.
 */
@inline
export function touchPage(address: usize): void {
  const flag = dirtyTable + (address >>> 12);
  if (load<u8>(flag) != DIRTY) touchSlow(flag, <u32>(address >>> 12));
}

function touchSlow(flag: usize, page: u32): void {
  const state = load<u8>(flag);
  if (state == FROZEN) saveFrozen(page);
  else if (state == CLEAN) countSegment(page, -1);
  if (load<u32>(copyTable + (page << 2)) != 0) dropCopy(page);
  store<u8>(dirtyTable + page, DIRTY);
}

/** Touches every page of [address, address + length). */
export function touchRange(address: usize, length: u32): void {
  if (length == 0) return;
  const last = (address + length - 1) >>> 12;
  for (let page = address >>> 12; page <= last; page++) touchPage(page << 12);
}

/**
 * The descriptor of the key group of `hash` (upper half of the key's hash); traps when it is not
 * this subtask's.
 */
@inline
export function groupOf(map: usize, hash: u32): usize {
  const group =
    <u32>((<u64>hash * <u64>load<u32>(map, MAP_MAX_PARALLELISM)) >>> 32) -
    load<u32>(map, MAP_FIRST_GROUP);
  if (group >= load<u32>(map, MAP_GROUP_COUNT)) fail(FAILURE_KEY_GROUP);
  return <usize>load<u32>(map, MAP_GROUPS) + (group << GROUP_SHIFT);
}

/** A new run of `pages` zeroed, dirty pages of the group. */
export function allocateStatePages(group: usize, pages: u32, kind: u8): usize {
  return placeStatePages(group, takeNumber(group), pages, kind);
}

function takeNumber(group: usize): u32 {
  const free = load<u32>(group, GROUP_FREE_NUMBER);
  if (free != 0) {
    const slot = <usize>load<u32>(group, GROUP_DIRECTORY) + (free << 2);
    store<u32>(group, load<u32>(slot) >>> 1, GROUP_FREE_NUMBER);
    return free;
  }
  return max<u32>(load<u32>(group, GROUP_DIRECTORY_USED), 1);
}

/** The run with a given number; the number must be free, and not on the list of free numbers. */
export function placeStatePages(group: usize, number: u32, pages: u32, kind: u8): usize {
  ensureDirectory(group, number);
  const address = pageAllocateZeroed(pages);
  if (address == 0) fail(FAILURE_MEMORY);
  const first = <u32>(address >>> 12);
  for (let page = first; page < first + pages; page++) {
    const info = infoOf(page);
    store<u32>(info, <u32>group, INFO_GROUP);
    store<u32>(info, number, INFO_LOGICAL);
    store<u16>(info, 0, INFO_LIVE);
    store<u16>(info, 0, INFO_BUMP);
    store<u16>(info, 0, INFO_FREE);
    store<u8>(info, kind, INFO_KIND);
    store<u8>(info, 0, INFO_SPARSE);
    store<u32>(info, kind == KIND_RUN ? pages : 0, INFO_NEXT);
    store<u32>(info, 0, INFO_PREVIOUS);
    store<u32>(info, 0, INFO_SEGMENT);
    store<u8>(dirtyTable + page, DIRTY);
  }
  store<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2), <u32>address);
  store<u32>(group, load<u32>(group, GROUP_PAGES) + pages, GROUP_PAGES);
  const map = <usize>load<u32>(group, GROUP_MAP);
  store<u32>(map, load<u32>(map, MAP_PAGES) + pages, MAP_PAGES);
  return address;
}

export function ensureDirectory(group: usize, number: u32): void {
  const size = load<u32>(group, GROUP_DIRECTORY_SIZE);
  if (number >= size) {
    let bigger: u32 = max<u32>(16, size);
    while (number >= bigger) bigger <<= 1;
    const directory = blockAllocate(bigger << 2);
    const old = <usize>load<u32>(group, GROUP_DIRECTORY);
    if (old != 0) {
      memory.copy(directory, old, size << 2);
      blockFree(old, size << 2);
    }
    store<u32>(group, <u32>directory, GROUP_DIRECTORY);
    store<u32>(group, bigger, GROUP_DIRECTORY_SIZE);
  }
  if (number >= load<u32>(group, GROUP_DIRECTORY_USED)) {
    store<u32>(group, number + 1, GROUP_DIRECTORY_USED);
  }
}

/** Gives a run back; frozen contents are saved first. */
export function freeStatePages(group: usize, address: usize, pages: u32): void {
  const first = <u32>(address >>> 12);
  const number = load<u32>(infoOf(first), INFO_LOGICAL);
  for (let page = first; page < first + pages; page++) {
    const flag = load<u8>(dirtyTable + page);
    if (flag == FROZEN) saveFrozen(page);
    else if (flag == CLEAN) countSegment(page, -1);
    if (load<u32>(copyTable + (page << 2)) != 0) dropCopy(page);
    store<u8>(dirtyTable + page, CLEAN);
    store<u32>(infoOf(page), 0, INFO_GROUP);
  }
  const slot = <usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2);
  store<u32>(slot, (load<u32>(group, GROUP_FREE_NUMBER) << 1) | 1);
  store<u32>(group, number, GROUP_FREE_NUMBER);
  store<u32>(group, load<u32>(group, GROUP_PAGES) - pages, GROUP_PAGES);
  const map = <usize>load<u32>(group, GROUP_MAP);
  store<u32>(map, load<u32>(map, MAP_PAGES) - pages, MAP_PAGES);
  pageFree(address, pages);
}

/**
 * The pages of the run (KIND_RUN) that begins at `address`: kept where entry pages keep their
 * links.
 */
@inline
export function runPages(address: usize): u32 {
  return load<u32>(infoOf(<u32>(address >>> 12)), INFO_NEXT);
}

/** Address of the run or page with a number, read back if it was spilled; 0 when the number is free or was never given out. */
export function addressOfNumber(group: usize, number: u32): usize {
  if (number == 0 || number >= load<u32>(group, GROUP_DIRECTORY_USED)) return 0;
  const address = load<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2));
  if (address & 1) return 0;
  return address & 2 ? loadNumber(group, number) : <usize>address;
}
