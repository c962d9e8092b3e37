/**
 * Restore: the way from stored pages back to maps, without reading them.
 *
 * Flow:    state/restore-state.ts: restoreGroup for every key group of the newest segment (which
 *          numbers exist), restoreRecords for every segment, the newest first (where each page lies),
 *          restoreCheck, mapClaim. From then on the maps can be used: a page is a cold record
 *          (spill.as.ts) whose slot is SOURCE | number, which the host reads from its segment.
 * Index:   of a key group, built when it is first touched: its pages of entries are read once, one
 *          after another, and not kept; the slots hold markers as those of spilled pages do.
 * Log:     free lists of log pages are rebuilt page by page, when one is read.
 * Rest:    restoreNext(), between batches, indexes the next group or reads the next pages, until all
 *          is there.
 * Errors:  the host has checked the bytes of a page against their hash. What cannot be traps with
 *          FAILURE_HANDLE: a defect or a forgery.
 */
import { CLEAN, DIRTY, FAILURE_HANDLE, FAILURE_MEMORY, fail, pageAllocate, pageFree } from "./memory.as";
import {
  GROUP_COUNT,
  GROUP_DIRECTORY,
  GROUP_DIRECTORY_USED,
  GROUP_FREE_NUMBER,
  GROUP_LIMIT,
  GROUP_PAGES,
  GROUP_SHIFT,
  GROUP_UNINDEXED,
  KIND_ENTRIES,
  KIND_RUN,
  MAP_COLD,
  MAP_FIRST_GROUP,
  MAP_GROUPS,
  MAP_GROUP_COUNT,
  MAP_NEXT,
  MAP_PAGES,
  MAP_PER_PAGE,
  MAP_SIZE,
  MAP_UNINDEXED,
  ensureDirectory,
} from "./keyed-map-pages.as";
import { indexFor, insertPage, resizeIndex, scanPage, scannedOldest } from "./keyed-map.as";
import { DOMAIN_MAPS, DOMAIN_RESTORED, countCold, domainOf } from "./snapshot.as";
import {
  COLD_GROUP,
  COLD_KIND,
  COLD_NUMBER,
  COLD_PART,
  COLD_RUN,
  COLD_SEGMENT,
  SOURCE,
  UNPLACED,
  coldLimit,
  coldOf,
  coldSlot,
  describeRun,
  isSource,
  loadRequested,
  readPages,
  request,
  setColdFlag,
  setColdSlot,
  setScanned,
} from "./spill.as";

/** In a directory: the number exists, and its page is not placed yet. */
const EXISTS: u32 = 2;
/** Pages that are read at once while a group is indexed. */
const SCAN: u32 = 64;

/**
 * The numbers of a key group that exist: bit n % 32 of word n / 32. False when the group is not the
 * map's, or was restored already.
 */
export function restoreGroup(map: usize, keyGroup: u32, bits: usize, words: u32): bool {
  const index = keyGroup - load<u32>(map, MAP_FIRST_GROUP);
  if (index >= load<u32>(map, MAP_GROUP_COUNT) || words > 0x40000) return false;
  const group = <usize>load<u32>(map, MAP_GROUPS) + (index << GROUP_SHIFT);
  if (load<u32>(group, GROUP_DIRECTORY_USED) != 0) return false;
  let used = words << 5;
  while (used > 1 && !exists(bits, used - 1)) used--;
  if (used <= 1) return true;
  ensureDirectory(group, used - 1);
  const directory = <usize>load<u32>(group, GROUP_DIRECTORY);
  let free: u32 = 0;
  for (let number = used - 1; number > 0; number--) {
    const slot = directory + (number << 2);
    if (exists(bits, number)) {
      store<u32>(slot, EXISTS);
    } else {
      store<u32>(slot, (free << 1) | 1);
      free = number;
    }
  }
  store<u32>(group, free, GROUP_FREE_NUMBER);
  store<u32>(group, 1, GROUP_UNINDEXED);
  store<u32>(map, load<u32>(map, MAP_UNINDEXED) + 1, MAP_UNINDEXED);
  return true;
}

@inline
function exists(bits: usize, number: u32): bool {
  return ((load<u32>(bits + ((number >>> 5) << 2)) >>> (number & 31)) & 1) != 0;
}

/**
 * Where pages lie: records as a segment's index has them, of which the first is number `source` to
 * the host. maps: u32[mapCount], the map of each of the segment's ids, 0 = not wanted. Only key groups
 * from first to last count. base: the segment's first source number. segment: as for snapshots; 0 =
 * pages count as changed. Returns the pages that were taken, -1 - i when record i cannot be.
 */
export function restoreRecords(
  maps: usize,
  mapCount: u32,
  records: usize,
  count: u32,
  source: u32,
  base: u32,
  segment: u32,
  first: u32,
  last: u32,
): i32 {
  let taken: i32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const record = records + i * 40;
    const id = load<u32>(record);
    const keyGroup = load<u32>(record, 4);
    if (id >= mapCount || keyGroup < first || keyGroup > last) continue;
    const map = <usize>load<u32>(maps + (id << 2));
    if (map == 0) continue;
    const index = keyGroup - load<u32>(map, MAP_FIRST_GROUP);
    if (index >= load<u32>(map, MAP_GROUP_COUNT)) continue;
    const group = <usize>load<u32>(map, MAP_GROUPS) + (index << GROUP_SHIFT);
    const placed = place(map, group, record, SOURCE | (source + i), SOURCE | base, segment);
    if (placed < 0) return -1 - <i32>i;
    taken += placed;
  }
  return taken;
}

/** 1 when the page is taken, 0 when a newer one is, or it is no longer; -1 when it cannot be. */
function place(map: usize, group: usize, record: usize, slot: u32, base: u32, segment: u32): i32 {
  const number = load<u32>(record, 8);
  const part = load<u32>(record, 12);
  const word = load<u32>(record, 16);
  const run = word >>> 8;
  const kind = <u8>(word & 0x7f);
  if (kind < KIND_ENTRIES || kind > KIND_RUN || run == 0 || (kind != KIND_RUN && run != 1)) return -1;
  if (number == 0 || number >= load<u32>(group, GROUP_DIRECTORY_USED)) return 0;
  const at = <usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2);
  if ((load<u32>(at) & 3) != 2) return 0;
  if (load<u32>(at) == EXISTS) {
    const head = describeRun(group, number, run, kind);
    if (head == 0) fail(FAILURE_MEMORY);
    store<u32>(at, (head << 2) | 2);
    store<u32>(map, load<u32>(map, MAP_COLD) + run, MAP_COLD);
    store<u32>(map, load<u32>(map, MAP_PAGES) + run, MAP_PAGES);
    store<u32>(group, load<u32>(group, GROUP_PAGES) + run, GROUP_PAGES);
  }
  const head = load<u32>(at) >>> 2;
  // Of a run that had more pages before its number was given out again, the rest is no longer.
  if (part >= load<u32>(coldOf(head), COLD_RUN)) return 0;
  const d = head + part;
  if (coldSlot(d) != UNPLACED) return coldSlot(d) >= base ? -1 : 0;
  setColdSlot(d, slot);
  store<u32>(coldOf(d), segment, COLD_SEGMENT);
  setColdFlag(d, segment == 0 ? DIRTY : CLEAN);
  if (segment != 0) countCold(d, 1);
  return 1;
}

/** After all segments: 0 when every page that exists is placed, else the number of one that is not. */
export function restoreCheck(map: usize): u32 {
  const count = load<u32>(map, MAP_GROUP_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const group = <usize>load<u32>(map, MAP_GROUPS) + (i << GROUP_SHIFT);
    const used = load<u32>(group, GROUP_DIRECTORY_USED);
    for (let number: u32 = 1; number < used; number++) {
      const word = load<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2));
      if ((word & 3) != 2) continue;
      const head = word >>> 2;
      if (head == 0) return number;
      const run = load<u32>(coldOf(head), COLD_RUN);
      for (let part: u32 = 0; part < run; part++) {
        if (coldSlot(head + part) == UNPLACED) return number;
      }
    }
  }
  return 0;
}

/** The entries that a map will turn out to have, as far as is known before its groups are indexed. */
export function mapClaim(map: usize, entries: u32): void {
  if (load<u32>(map, MAP_UNINDEXED) != 0) store<u32>(map, load<u32>(map, MAP_SIZE) + entries, MAP_SIZE);
}

/** Builds the index of a restored group. */
export function indexGroup(map: usize, group: usize): void {
  store<u32>(group, 0, GROUP_UNINDEXED);
  const directory = <usize>load<u32>(group, GROUP_DIRECTORY);
  const used = load<u32>(group, GROUP_DIRECTORY_USED);
  let pages: u32 = 0;
  for (let number: u32 = 1; number < used; number++) {
    if (isStoredEntries(load<u32>(directory + (number << 2)))) pages++;
  }
  if (pages != 0) {
    const scratch = pageAllocate(SCAN + 1);
    if (scratch == 0) fail(FAILURE_MEMORY);
    const batch = scratch + (SCAN << 12);
    let count: u32 = 0;
    for (let number: u32 = 1; number < used; number++) {
      const word = load<u32>(directory + (number << 2));
      if (!isStoredEntries(word)) continue;
      store<u32>(batch + (count++ << 2), word >>> 2);
      if (count == SCAN) {
        scan(map, group, batch, count, scratch, pages);
        count = 0;
      }
    }
    if (count != 0) scan(map, group, batch, count, scratch, pages);
    pageFree(scratch, SCAN + 1);
  }
  const left = load<u32>(map, MAP_UNINDEXED) - 1;
  store<u32>(map, left, MAP_UNINDEXED);
  if (left == 0) countEntries(map);
}

@inline
function isStoredEntries(word: u32): bool {
  return (word & 3) == 2 && load<u8>(coldOf(word >>> 2), COLD_KIND) == KIND_ENTRIES;
}

/** Indexes `count` of a group's `pages`: the first of them tell how many entries all of them have. */
function scan(map: usize, group: usize, batch: usize, count: u32, scratch: usize, pages: u32): void {
  readPages(batch, count, scratch);
  const lives = batch + (SCAN << 2);
  let entries: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const live = scanPage(map, group, scratch + (i << 12));
    if (live < 0) fail(FAILURE_HANDLE);
    setScanned(group, load<u32>(batch + (i << 2)), live, load<u32>(map, MAP_PER_PAGE), scannedOldest());
    store<u32>(lives + (i << 2), live);
    entries += live;
  }
  if (load<u32>(group, GROUP_LIMIT) == 0) {
    const all = (entries * pages) / count;
    resizeIndex(map, group, indexFor(<u32>(all + (all >>> 6) + 1)));
  }
  for (let i: u32 = 0; i < count; i++) {
    const number = load<u32>(coldOf(load<u32>(batch + (i << 2))), COLD_NUMBER);
    insertPage(map, group, scratch + (i << 12), load<u32>(lives + (i << 2)), (number << 1) | 1);
  }
}

/** What was claimed becomes what there is. */
function countEntries(map: usize): void {
  const count = load<u32>(map, MAP_GROUP_COUNT);
  let size: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    size += load<u32>(<usize>load<u32>(map, MAP_GROUPS) + (i << GROUP_SHIFT), GROUP_COUNT);
  }
  store<u32>(map, size, MAP_SIZE);
}

/** Indexes what is not indexed yet. */
export function indexMap(map: usize): void {
  const count = load<u32>(map, MAP_GROUP_COUNT);
  for (let i: u32 = 0; i < count && load<u32>(map, MAP_UNINDEXED) != 0; i++) {
    const group = <usize>load<u32>(map, MAP_GROUPS) + (i << GROUP_SHIFT);
    if (load<u32>(group, GROUP_UNINDEXED) != 0) indexGroup(map, group);
  }
}

/**
 * Between batches: indexes one more group of a domain's maps, or reads up to `count` of their pages
 * that still lie in segments. Returns 2 when it has indexed, 1 when pages are left, 0 when
 * nothing is.
 */
export function restoreNext(domain: usize, count: u32): u32 {
  for (let map = <usize>load<u32>(domain, DOMAIN_MAPS); map != 0; map = <usize>load<u32>(map, MAP_NEXT)) {
    if (load<u32>(map, MAP_UNINDEXED) == 0) continue;
    const groups = <usize>load<u32>(map, MAP_GROUPS);
    for (let i: u32 = 0; ; i++) {
      const group = groups + (i << GROUP_SHIFT);
      if (load<u32>(group, GROUP_UNINDEXED) == 0) continue;
      indexGroup(map, group);
      return 2;
    }
  }
  let asked: u32 = 0;
  const end = coldLimit();
  let d = max<u32>(load<u32>(domain, DOMAIN_RESTORED), 1);
  for (; d < end && asked < count; d++) {
    const group = <usize>load<u32>(coldOf(d), COLD_GROUP);
    if (group == 0 || !isSource(d) || load<u32>(coldOf(d), COLD_PART) != 0) continue;
    if (domainOf(group) != domain) continue;
    request(group, load<u32>(coldOf(d), COLD_NUMBER));
    asked++;
  }
  loadRequested();
  store<u32>(domain, d, DOMAIN_RESTORED);
  return d < end ? 1 : 0;
}
