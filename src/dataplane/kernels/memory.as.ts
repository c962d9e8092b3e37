/**
 * Memory of a worker: pages of 4 KiB handed out in runs, and small blocks below a page for what is
 * never snapshotted.
 *
 * Flow:    under arena, keyed maps and snapshots; nobody else grows the memory.
 * Layout:  static data | tables | pages. The tables have one row per page and move to a place twice
 *          as big when the memory outgrows them:
 *            tags   u32   free run: FREE | pages, on its first and last page; allocated run: pages,
 *                   on both
 *            copies u32   slot + 1 of an identical copy in the spill file; 0 = none (spill.as.ts)
 *            dirty  u8    0 clean, 1 written since the last snapshot, 2 frozen by a snapshot and
 *                   not yet copied, 3 as 1, but not written lately (bit 0: the next snapshot has it)
 *            seen   u8    1 used lately, 2 about to be spilled
 *            infos  32 B  what a page is to state (see INFO_…); the links of a free run
 * Limits:  65,535 WebAssembly pages (4 GiB less 64 KiB: no address range ends at 2^32), or less by
 *          memoryLimit().
 * Errors:  pageAllocate returns 0 when the memory is exhausted. Whoever cannot go on calls fail(),
 *          which leaves a code for kernelFailure() and traps: no half-done call ever returns.
 *          FAILURE_… are explained in instantiate.ts.
 */
export const PAGE_BYTES: u32 = 4096;

export const FAILURE_MEMORY: u32 = 1;
export const FAILURE_KEY_GROUP: u32 = 2;
export const FAILURE_FREE: u32 = 3;
export const FAILURE_HANDLE: u32 = 4;
export const FAILURE_LENGTH: u32 = 5;
export const FAILURE_SPILL: u32 = 6;

export const CLEAN: u8 = 0;
export const DIRTY: u8 = 1;
export const FROZEN: u8 = 2;
/** Dirty, but not written since the spill's clock came by: the next write takes note. */
export const QUIET: u8 = 3;

/** Address of the key group descriptor that owns the page; 0 = no page of state. */
export const INFO_GROUP: usize = 0;
/** Number of the page (or of the run that it is part of) within its key group. */
export const INFO_LOGICAL: usize = 4;
/** Live entries or log blocks, u16. */
export const INFO_LIVE: usize = 8;
/** First byte never used, in 8-byte units, u16. */
export const INFO_BUMP: usize = 10;
/** First free entry, in 8-byte units + 1, u16; 0 = none. */
export const INFO_FREE: usize = 12;
/** KIND_…, u8. */
export const INFO_KIND: usize = 14;
/**
 * Of a page of entries that was read back, u8: the index slots of its entries still hold its number, and will hold addresses
 * when so many more of them were looked up; 0 = they do (keyed-map.as.ts).
 */
export const INFO_SPARSE: usize = 15;
export const INFO_NEXT: usize = 16;
export const INFO_PREVIOUS: usize = 20;
/** Number of the segment that holds the page's last written version; 0 = none. */
export const INFO_SEGMENT: usize = 24;
/** Index of the page's record while it is frozen. */
export const INFO_RECORD: usize = 28;
export const INFO_SHIFT: u32 = 5;

const FREE: u32 = 0x80000000;
const BINS: u32 = 21;
/**
 * Runs looked at in the first bin before a larger bin is cut: bounds the search, not the memory.
 */
const BIN_SEARCH: u32 = 16;
const FIRST_TABLE_PAGES: u32 = 1024;
const MOST_PAGES: u32 = 65535 * 16;
/**
 * The memory grows fourfold, by at least 16 MiB and at most 1 GiB at a time. What is not touched costs
 * nothing, but every growth makes the host collect its garbage.
 */
const LEAST_GROWTH: u32 = 4096;
const MOST_GROWTH: u32 = 262144;
const SMALL_CLASSES: u32 = 6;

const bins: usize = memory.data(4 * 21, 16);
const smallFreeLists: usize = memory.data(4 * 6, 16);

let tags: usize = 0;
export let copyTable: usize = 0;
export let seenTable: usize = 0;
export let dirtyTable: usize = 0;
export let infoTable: usize = 0;
let tableCapacity: u32 = 0;
let knownPages: u32 = 0;
let limitPages: u32 = MOST_PAGES;
/** From this page on no page was ever handed out: their bytes are 0. */
let freshPage: u32 = 0;
let usedPages: u32 = 0;
let peakPages: u32 = 0;
let failure: u32 = 0;
let resets: u32 = 0;

/** The code of the last failure, and 0 from then on; see instantiate.ts. */
export function kernelFailure(): u32 {
  const code = failure;
  failure = 0;
  return code;
}

/** Ends the call with a trap; kernelFailure() then says why. */
export function fail(code: u32): void {
  failure = code;
  unreachable();
}

/** Where the memory after the module's static data begins, 16-byte aligned. */
export function heapBase(): usize {
  return __heap_base;
}

/** Forgets everything: all pages become free. Contents are not cleared, except for the tables. */
export function resetPages(): void {
  memory.fill(bins, 0, 4 * BINS);
  memory.fill(smallFreeLists, 0, 4 * SMALL_CLASSES);
  usedPages = 0;
  peakPages = 0;
  resets++;
  const total = <u32>min<u32>(<u32>memory.size() * 16, MOST_PAGES);
  let capacity = FIRST_TABLE_PAGES;
  while (capacity < total) capacity <<= 1;
  const first = (<u32>__heap_base + PAGE_BYTES - 1) >>> 12;
  const needed = tablePagesFor(capacity);
  if (first + needed > total) {
    if (memory.grow((first + needed - total + 15) >>> 4) == -1) fail(FAILURE_MEMORY);
  }
  placeTables(first << 12, capacity);
  memory.fill(infoTable, 0, needed << 12);
  knownPages = <u32>min<u32>(<u32>memory.size() * 16, MOST_PAGES);
  // The memory may have been used before.
  freshPage = knownPages;
  // Guard: the page before the first never joins a free run.
  store<u32>(tags + (first << 2), 0);
  const begin = first + needed;
  for (let p: u32 = 0; p < begin; p++) store<u32>(tags + (p << 2), 1);
  if (knownPages > begin) addFree(begin, knownPages - begin);
}

@inline
function tablePagesFor(capacity: u32): u32 {
  return (capacity * (4 + 4 + 1 + 1 + 32) + PAGE_BYTES - 1) >>> 12;
}

/** The tables at `address`, where every byte is 0 already, as in memory that is new. */
function placeTables(address: usize, capacity: u32): void {
  infoTable = address;
  tags = address + (capacity << INFO_SHIFT);
  copyTable = tags + (capacity << 2);
  dirtyTable = copyTable + (capacity << 2);
  seenTable = dirtyTable + capacity;
  tableCapacity = capacity;
}

/** At most `wasmPages` pages of 64 KiB from now on; what is beyond already stays. */
export function memoryLimit(wasmPages: u32): void {
  limitPages = min<u32>(wasmPages, 65535) * 16;
}

/** Bytes handed out. */
export function memoryUsedBytes(): f64 {
  return <f64>usedPages * <f64>PAGE_BYTES;
}

export function memoryPeakBytes(): f64 {
  return <f64>peakPages * <f64>PAGE_BYTES;
}

/** Pages that the tables describe: numbers below this are valid. */
export function pageCount(): u32 {
  return knownPages;
}

@inline
export function infoOf(page: u32): usize {
  return infoTable + (<usize>page << INFO_SHIFT);
}

/** A run of `pages` pages, contents unspecified; 0 when the memory is exhausted. */
export function pageAllocate(pages: u32): usize {
  if (tableCapacity == 0) resetPages();
  if (pages == 0 || pages > MOST_PAGES) return 0;
  let run = takeFree(pages);
  if (run == 0) {
    if (!growBy(pages)) return 0;
    run = takeFree(pages);
    if (run == 0) return 0;
  }
  usedPages += pages;
  if (usedPages > peakPages) peakPages = usedPages;
  if (run + pages > freshPage) freshPage = run + pages;
  return <usize>run << 12;
}

/** As pageAllocate, with contents of 0. */
export function pageAllocateZeroed(pages: u32): usize {
  const fresh = freshPage;
  const address = pageAllocate(pages);
  if (address != 0 && <u32>(address >>> 12) < fresh) memory.fill(address, 0, <usize>pages << 12);
  return address;
}

/** Gives back a whole run, as it was allocated. */
export function pageFree(address: usize, pages: u32): void {
  const run = <u32>(address >>> 12);
  if (
    (address & 4095) != 0 ||
    run >= knownPages ||
    load<u32>(tags + (run << 2)) != pages ||
    load<u32>(tags + ((run + pages - 1) << 2)) != pages
  ) {
    fail(FAILURE_FREE);
  }
  usedPages -= pages;
  addFree(run, pages);
}

@inline
function binOf(pages: u32): u32 {
  return 31 - clz<u32>(pages);
}

function takeFree(pages: u32): u32 {
  const bin = binOf(pages);
  let run = load<u32>(bins + (bin << 2));
  for (let i: u32 = 0; run != 0 && i < BIN_SEARCH; i++) {
    if ((load<u32>(tags + (run << 2)) ^ FREE) >= pages) return cut(run, pages);
    run = load<u32>(infoOf(run), INFO_NEXT);
  }
  for (let b = bin + 1; b < BINS; b++) {
    run = load<u32>(bins + (b << 2));
    if (run != 0) return cut(run, pages);
  }
  // Rare: the rest of the first bin, before the memory grows.
  run = load<u32>(bins + (bin << 2));
  while (run != 0) {
    if ((load<u32>(tags + (run << 2)) ^ FREE) >= pages) return cut(run, pages);
    run = load<u32>(infoOf(run), INFO_NEXT);
  }
  return 0;
}

function cut(run: u32, pages: u32): u32 {
  const length = load<u32>(tags + (run << 2)) ^ FREE;
  unlinkFree(run, length);
  if (length > pages) linkFree(run + pages, length - pages);
  store<u32>(tags + (run << 2), pages);
  store<u32>(tags + ((run + pages - 1) << 2), pages);
  return run;
}

/** Makes a run free and joins it with free neighbours. */
function addFree(run: u32, pages: u32): void {
  const before = load<u32>(tags + ((run - 1) << 2));
  if (before & FREE) {
    const length = before ^ FREE;
    unlinkFree(run - length, length);
    run -= length;
    pages += length;
  }
  const next = run + pages;
  if (next < knownPages) {
    const after = load<u32>(tags + (next << 2));
    if (after & FREE) {
      unlinkFree(next, after ^ FREE);
      pages += after ^ FREE;
    }
  }
  linkFree(run, pages);
}

function linkFree(run: u32, pages: u32): void {
  const bin = bins + (binOf(pages) << 2);
  const head = load<u32>(bin);
  const info = infoOf(run);
  store<u32>(info, 0, INFO_GROUP);
  store<u32>(info, head, INFO_NEXT);
  store<u32>(info, 0, INFO_PREVIOUS);
  if (head != 0) store<u32>(infoOf(head), run, INFO_PREVIOUS);
  store<u32>(bin, run);
  store<u32>(tags + (run << 2), pages | FREE);
  store<u32>(tags + ((run + pages - 1) << 2), pages | FREE);
}

function unlinkFree(run: u32, pages: u32): void {
  const info = infoOf(run);
  const next = load<u32>(info, INFO_NEXT);
  const previous = load<u32>(info, INFO_PREVIOUS);
  if (previous == 0) store<u32>(bins + (binOf(pages) << 2), next);
  else store<u32>(infoOf(previous), next, INFO_NEXT);
  if (next != 0) store<u32>(infoOf(next), previous, INFO_PREVIOUS);
}

/** Grows the memory so that a run of `pages` pages is free; false when that is not possible. */
function growBy(pages: u32): bool {
  const have = <u32>memory.size() * 16;
  let tablePages: u32 = 0;
  let capacity = tableCapacity;
  let step = max<u32>(max<u32>(pages, LEAST_GROWTH), min<u32>(3 * have, MOST_GROWTH));
  if (have + step > capacity) {
    while (have + step + tablePages > capacity) {
      capacity <<= 1;
      tablePages = tablePagesFor(capacity);
    }
    step += tablePages;
  }
  let needed = pages + tablePages;
  if (have >= limitPages || needed > limitPages - have) return false;
  step = (min<u32>(step, limitPages - have) + 15) >>> 4;
  if (memory.grow(step) == -1) {
    step = (needed + 15) >>> 4;
    if (memory.grow(step) == -1) return false;
  }
  const total = have + step * 16;
  let begin = have;
  if (tablePages > 0) {
    const oldTables = infoTable;
    const oldTags = tags;
    const oldDirty = dirtyTable;
    const oldCopies = copyTable;
    const oldSeen = seenTable;
    const oldCapacity = tableCapacity;
    placeTables(<usize>have << 12, capacity);
    memory.copy(infoTable, oldTables, oldCapacity << INFO_SHIFT);
    memory.copy(tags, oldTags, oldCapacity << 2);
    memory.copy(dirtyTable, oldDirty, oldCapacity);
    memory.copy(copyTable, oldCopies, oldCapacity << 2);
    memory.copy(seenTable, oldSeen, oldCapacity);
    begin = have + tablePages;
    // The tables are not handed out, but they are freed when they move again.
    freshPage = max<u32>(freshPage, begin);
    store<u32>(tags + (have << 2), tablePages);
    store<u32>(tags + ((begin - 1) << 2), tablePages);
    knownPages = have;
    addFree(<u32>(oldTables >>> 12), tablePagesFor(oldCapacity));
  }
  knownPages = total;
  if (total > begin) addFree(begin, total - begin);
  return true;
}

/**
 * Zeroed block of 64 to 2,048 bytes (rounded up to a power of two), or whole pages beyond; traps
 * when exhausted.
 */
export function blockAllocate(bytes: u32): usize {
  if (bytes > 2048) {
    const pages = (bytes + PAGE_BYTES - 1) >>> 12;
    const run = pageAllocate(pages);
    if (run == 0) fail(FAILURE_MEMORY);
    memory.fill(run, 0, <usize>pages << 12);
    return run;
  }
  const index = smallClass(bytes);
  const list = smallFreeLists + (index << 2);
  let block = <usize>load<u32>(list);
  if (block == 0) {
    const page = pageAllocate(1);
    if (page == 0) fail(FAILURE_MEMORY);
    const size: u32 = <u32>64 << index;
    for (let at: u32 = size; at < PAGE_BYTES; at += size) {
      store<u32>(page + at, at + size < PAGE_BYTES ? <u32>page + at + size : 0);
    }
    store<u32>(list, <u32>page + size);
    memory.fill(page, 0, size);
    return page;
  }
  store<u32>(list, load<u32>(block));
  memory.fill(block, 0, <u32>64 << index);
  return block;
}

/** `bytes` as given to blockAllocate. */
export function blockFree(block: usize, bytes: u32): void {
  if (bytes > 2048) {
    pageFree(block, (bytes + PAGE_BYTES - 1) >>> 12);
    return;
  }
  const list = smallFreeLists + (smallClass(bytes) << 2);
  store<u32>(block, load<u32>(list));
  store<u32>(list, <u32>block);
}

@inline
function smallClass(bytes: u32): u32 {
  return bytes <= 64 ? 0 : 26 - clz<u32>(bytes - 1);
}
