/**
 * Log: variable-size blocks of state, found by Handle (u32: number of the page << 9 | offset in
 * 8-byte units).
 *
 * Flow:    keyed maps keep variable keys here; operators keep rows and lists, with the handle in an
 *          entry's value.
 * Layout:  a block is 8-byte aligned:  u32 units | FREE | LINKED | MARKED, u32 length, then the bytes. units
 *          is its size in 8-byte units, header included. A free block holds the handles of the next
 *          and previous free block of its class in place of the bytes. Small blocks fill pages from
 *          their start (units 0 = nothing follows); a block beyond 4 KiB has a run of pages of its
 *          own.
 * Classes: up to 512 bytes every multiple of 8, then eight per doubling up to 4 KiB: at most an
 *          eighth is unused, and of short rows nothing. Freed blocks serve their class again, and the
 *          two below it; a page without live blocks is given back. Earlier versions had fewer
 *          classes, all of which are among these: their pages are read as they are.
 * Linked:  the bytes of a linked block begin with the Handle of the next block (0 = last):
 *          logFreeChain frees them all.
 * Marked:  what that means is up to whoever keeps the block (row-set.as.ts: a short header).
 * Errors:  traps with FAILURE_HANDLE for handles that cannot be, FAILURE_LENGTH beyond 1 GiB,
 *          FAILURE_MEMORY.
 */
import { copyBytes } from "./copy.as";
import {
  FAILURE_HANDLE,
  FAILURE_LENGTH,
  INFO_BUMP,
  INFO_KIND,
  INFO_LIVE,
  INFO_LOGICAL,
  blockAllocate,
  copyTable,
  fail,
  infoOf,
} from "./memory.as";
import {
  GROUP_DIRECTORY,
  GROUP_DIRECTORY_USED,
  GROUP_LOG,
  GROUP_LOG_PAGE,
  KIND_LOG,
  KIND_RUN,
  allocateStatePages,
  freeStatePages,
  groupOf,
  runPages,
  touchPage,
  touchRange,
} from "./keyed-map-pages.as";
import { dropCopy, loadNumber } from "./spill.as";

const FREE: u32 = 0x80000000;
const LINKED: u32 = 0x40000000;
const MARKED: u32 = 0x20000000;
const UNITS: u32 = 0x0fffffff;
const PAGE_UNITS: u32 = 512;
const MOST_BYTES: u32 = 0x40000000;
const CLASSES: u32 = 89;
const EXACT_UNITS: u32 = 64;
export const LOG_HEADS_BYTES: u32 = CLASSES << 2;
/** Classes above its own in which a block may be found. */
const LARGER_CLASSES: u32 = 2;

/** Address of the block's header; traps on a handle that was never given out. */
@inline
function blockOf(group: usize, handle: u32): usize {
  const number = handle >>> 9;
  if (number == 0 || number >= load<u32>(group, GROUP_DIRECTORY_USED)) fail(FAILURE_HANDLE);
  let page = load<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2));
  if (page & 2) page = <u32>loadNumber(group, number);
  return <usize>page + ((handle & 511) << 3);
}

/** Address of the bytes. */
export function logPtr(map: usize, hash: u32, handle: u32): usize {
  return blockOf(groupOf(map, hash), handle) + 8;
}

/** The bytes of a block of a group that is known already. */
@inline
export function logPtrIn(group: usize, handle: u32): usize {
  return blockOf(group, handle) + 8;
}

/** `address` as logPtr returns it. */
export function logLength(address: usize): u32 {
  return load<u32>(address - 4);
}

/** Bytes that fit into the block without a new allocation. */
export function logCapacity(address: usize): u32 {
  return ((load<u32>(address - 8) & UNITS) << 3) - 8;
}

/** Whether other bytes may take the place of a block's: they fit, and at most a third of it would be unused. */
export function fitsBlock(address: usize, length: u32): bool {
  const capacity = logCapacity(address);
  return length <= capacity && length + (length >>> 1) + 16 >= capacity;
}

/** Shorter or longer within logCapacity; touches the block. What is added is unspecified. */
export function logSetLength(address: usize, length: u32): void {
  if (length > logCapacity(address)) fail(FAILURE_LENGTH);
  touchPage(address - 8);
  store<u32>(address - 4, length);
}

/** Before bytes of a block are overwritten in place. */
export function logTouch(address: usize, length: u32): void {
  touchRange(address, length);
}

export function logAppend(map: usize, hash: u32, bytes: usize, length: u32): u32 {
  const group = groupOf(map, hash);
  const handle = allocate(group, length, 0);
  copyBytes(blockOf(group, handle) + 8, bytes, length);
  return handle;
}

/** Zeroed bytes, touched for writing. */
export function logAllocate(map: usize, hash: u32, length: u32): u32 {
  return allocateZeroed(groupOf(map, hash), length, 0);
}

/** As logAllocate; the bytes begin with the Handle of the next block, so length is at least 4. */
export function logAllocateLinked(map: usize, hash: u32, length: u32): u32 {
  if (length < 4) fail(FAILURE_LENGTH);
  return allocateZeroed(groupOf(map, hash), length, LINKED);
}

/** As allocate, for a linked block: its first word is the caller's to write. */
@inline
export function allocateLinked(group: usize, length: u32, marked: bool): u32 {
  return allocate(group, length, marked ? LINKED | MARKED : LINKED);
}

/** `address` as logPtr returns it. */
@inline
export function isMarked(address: usize): bool {
  return (load<u32>(address - 8) & MARKED) != 0;
}

/** The bytes of a block if its page is in memory, else 0: to be read ahead. */
@inline
export function residentPtrIn(group: usize, handle: u32): usize {
  const number = handle >>> 9;
  if (number == 0 || number >= load<u32>(group, GROUP_DIRECTORY_USED)) return 0;
  const page = load<u32>(<usize>load<u32>(group, GROUP_DIRECTORY) + (number << 2));
  return page & 3 ? 0 : <usize>page + ((handle & 511) << 3) + 8;
}

export function logFree(map: usize, hash: u32, handle: u32): void {
  freeIn(groupOf(map, hash), handle);
}

/** Frees a block and, as long as blocks are linked, those that follow. */
export function logFreeChain(map: usize, hash: u32, handle: u32): void {
  freeChainIn(groupOf(map, hash), handle);
}

export function freeChainIn(group: usize, handle: u32): void {
  while (handle != 0) {
    const block = blockOf(group, handle);
    const next = load<u32>(block) & LINKED ? load<u32>(block, 8) : 0;
    freeIn(group, handle);
    handle = next;
  }
}

function allocateZeroed(group: usize, length: u32, flags: u32): u32 {
  const handle = allocate(group, length, flags);
  memory.fill(blockOf(group, handle) + 8, 0, length);
  return handle;
}

/**
 * Class of the smallest blocks with at least `units`: exact up to 64 units, then 8 per doubling.
 */
@inline
function classOf(units: u32): u32 {
  if (units <= EXACT_UNITS) return units;
  const shift = 28 - clz<u32>(units - 1);
  return EXACT_UNITS + ((shift - 3) << 3) + (((units - 1) >>> shift) & 7) + 1;
}

/** Units of the blocks of a class. */
@inline
function unitsOf(index: u32): u32 {
  if (index <= EXACT_UNITS) return index;
  const step = index - EXACT_UNITS - 1;
  return (9 + (step & 7)) << ((step >>> 3) + 3);
}

/** The largest class whose blocks fit into `units`. */
@inline
function classWithin(units: u32): u32 {
  const index = classOf(units);
  return unitsOf(index) > units ? index - 1 : index;
}

function logHeads(group: usize): usize {
  let heads = <usize>load<u32>(group, GROUP_LOG);
  if (heads == 0) {
    heads = blockAllocate(LOG_HEADS_BYTES);
    store<u32>(group, <u32>heads, GROUP_LOG);
  }
  return heads;
}

/** A touched block with its length set, contents unspecified. */
export function allocate(group: usize, length: u32, flags: u32): u32 {
  if (length > MOST_BYTES) fail(FAILURE_LENGTH);
  const needed = max<u32>((length + 15) >>> 3, 2);
  if (needed > PAGE_UNITS) return allocateRun(group, needed, length, flags);
  const index = classOf(needed);
  const heads = logHeads(group);
  const last = min<u32>(index + LARGER_CLASSES, CLASSES - 1);
  for (let at = index; at <= last; at++) {
    if (load<u32>(heads + (at << 2)) != 0) return reuse(group, heads + (at << 2), length, flags);
  }
  return allocateFresh(group, unitsOf(index), length, flags);
}

/** The first free block of a class. */
function reuse(group: usize, head: usize, length: u32, flags: u32): u32 {
  const free = load<u32>(head);
  const block = blockOf(group, free);
  const next = load<u32>(block, 8);
  touchPage(block);
  store<u32>(head, next);
  if (next != 0) {
    const nextBlock = blockOf(group, next);
    touchPage(nextBlock);
    store<u32>(nextBlock, 0, 12);
  }
  return take(block, load<u32>(block) & UNITS, length, flags, free);
}

@inline
function take(block: usize, units: u32, length: u32, flags: u32, handle: u32): u32 {
  store<u32>(block, units | flags);
  store<u32>(block, length, 4);
  const info = infoOf(<u32>(block >>> 12));
  store<u16>(info, load<u16>(info, INFO_LIVE) + 1, INFO_LIVE);
  return handle;
}

function allocateFresh(group: usize, units: u32, length: u32, flags: u32): u32 {
  let page = load<u32>(group, GROUP_LOG_PAGE);
  if (page == 0 || <u32>load<u16>(infoOf(page), INFO_BUMP) + units > PAGE_UNITS) {
    if (page != 0) retire(group, page);
    page = <u32>(allocateStatePages(group, 1, KIND_LOG) >>> 12);
    store<u32>(group, page, GROUP_LOG_PAGE);
  }
  touchPage(<usize>page << 12);
  const info = infoOf(page);
  const at = <u32>load<u16>(info, INFO_BUMP);
  store<u16>(info, <u16>(at + units), INFO_BUMP);
  const block = (<usize>page << 12) + (at << 3);
  return take(block, units, length, flags, (load<u32>(info, INFO_LOGICAL) << 9) | at);
}

/** What is left at the end of a page becomes free blocks; a page without live blocks goes. */
export function retire(group: usize, page: u32): void {
  store<u32>(group, 0, GROUP_LOG_PAGE);
  const number = load<u32>(infoOf(page), INFO_LOGICAL) << 9;
  let at = <u32>load<u16>(infoOf(page), INFO_BUMP);
  if (PAGE_UNITS - at >= 2) touchPage(<usize>page << 12);
  while (PAGE_UNITS - at >= 2) {
    const units = unitsOf(classWithin(PAGE_UNITS - at));
    linkFree(group, (<usize>page << 12) + (at << 3), units, number | at);
    at += units;
  }
  const info = infoOf(page);
  store<u16>(info, <u16>at, INFO_BUMP);
  if (load<u16>(info, INFO_LIVE) == 0) releaseLogPage(group, page);
}

/** Puts a block (of a touched page) in front of its class's list. */
export function linkFree(group: usize, block: usize, units: u32, handle: u32): void {
  const head = logHeads(group) + (classOf(units) << 2);
  const next = load<u32>(head);
  store<u32>(block, units | FREE);
  store<u32>(block, 0, 4);
  store<u32>(block, next, 8);
  store<u32>(block, 0, 12);
  if (next != 0) {
    const nextBlock = blockOf(group, next);
    touchPage(nextBlock);
    store<u32>(nextBlock, handle, 12);
  }
  store<u32>(head, handle);
}

function unlinkFree(group: usize, block: usize): void {
  const next = load<u32>(block, 8);
  const previous = load<u32>(block, 12);
  if (previous == 0) {
    store<u32>(logHeads(group) + (classOf(load<u32>(block) & UNITS) << 2), next);
  } else {
    const previousBlock = blockOf(group, previous);
    touchPage(previousBlock);
    store<u32>(previousBlock, next, 8);
  }
  if (next != 0) {
    const nextBlock = blockOf(group, next);
    touchPage(nextBlock);
    store<u32>(nextBlock, previous, 12);
  }
}

export function freeIn(group: usize, handle: u32): void {
  const block = blockOf(group, handle);
  const page = <u32>(block >>> 12);
  const header = load<u32>(block);
  if (header & FREE || (header & UNITS) == 0) fail(FAILURE_HANDLE);
  if (load<u8>(infoOf(page), INFO_KIND) == KIND_RUN) {
    freeStatePages(group, block, runPages(block));
    return;
  }
  touchPage(block);
  linkFree(group, block, header & UNITS, handle);
  const info = infoOf(page);
  const live = load<u16>(info, INFO_LIVE) - 1;
  store<u16>(info, live, INFO_LIVE);
  if (live == 0) {
    if (load<u32>(group, GROUP_LOG_PAGE) == page) rewind(group, page);
    else releaseLogPage(group, page);
  }
}

/** The page in use has no live block: it is filled from its start again. */
function rewind(group: usize, page: u32): void {
  unlinkAll(group, page);
  memory.fill(<usize>page << 12, 0, 4096);
  store<u16>(infoOf(page), 0, INFO_BUMP);
}

function releaseLogPage(group: usize, page: u32): void {
  unlinkAll(group, page);
  freeStatePages(group, <usize>page << 12, 1);
}

function unlinkAll(group: usize, page: u32): void {
  const begin = <usize>page << 12;
  const end = begin + (<usize>load<u16>(infoOf(page), INFO_BUMP) << 3);
  let block = begin;
  while (end - block >= 16) {
    unlinkFree(group, block);
    block += (load<u32>(block) & UNITS) << 3;
  }
}

function allocateRun(group: usize, units: u32, length: u32, flags: u32): u32 {
  const block = allocateStatePages(group, (units + 511) >>> 9, KIND_RUN);
  store<u32>(block, units | flags);
  store<u32>(block, length, 4);
  const info = infoOf(<u32>(block >>> 12));
  store<u16>(info, 1, INFO_LIVE);
  return load<u32>(info, INFO_LOGICAL) << 9;
}

/**
 * A stored page is read: links its free blocks and what is left behind its last block. The links are
 * derived, so that neither it nor the pages of its neighbours in the lists count as written.
 */
export function restoreLogPage(group: usize, page: u32): bool {
  const begin = <usize>page << 12;
  const number = load<u32>(infoOf(page), INFO_LOGICAL) << 9;
  let at: u32 = 0;
  let live: u16 = 0;
  while (PAGE_UNITS - at >= 2) {
    const block = begin + (at << 3);
    const header = load<u32>(block);
    let units = header & UNITS;
    if (units == 0 && load<u32>(group, GROUP_LOG_PAGE) == 0) {
      // It is appended to again.
      store<u32>(group, page, GROUP_LOG_PAGE);
      break;
    }
    if (units == 0) units = unitsOf(classWithin(PAGE_UNITS - at));
    else if (units < 2 || units > PAGE_UNITS - at || unitsOf(classOf(units)) != units) return false;
    if (header == 0 || header & FREE) {
      linkQuietly(group, block, units, number | at);
    } else {
      if (load<u32>(block, 4) > (units << 3) - 8) return false;
      live++;
    }
    at += units;
  }
  store<u16>(infoOf(page), live, INFO_LIVE);
  store<u16>(infoOf(page), <u16>at, INFO_BUMP);
  return true;
}

function linkQuietly(group: usize, block: usize, units: u32, handle: u32): void {
  const head = logHeads(group) + (classOf(units) << 2);
  const next = load<u32>(head);
  const nextBlock: usize = next == 0 ? 0 : blockOf(group, next);
  store<u32>(block, units | FREE);
  store<u32>(block, 0, 4);
  store<u32>(block, next, 8);
  store<u32>(block, 0, 12);
  if (next != 0) {
    const page = <u32>(nextBlock >>> 12);
    if (load<u32>(copyTable + (page << 2)) != 0) dropCopy(page);
    store<u32>(nextBlock, handle, 12);
  }
  store<u32>(head, handle);
}
