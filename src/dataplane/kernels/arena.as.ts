/**
 * Arena: memory for one call of a task, by bump allocation; mark and release instead of free.
 *
 * Flow:    batches, strings and scratch of decoders, generated modules and operators. The task
 *          marks before and releases after each batch; whoever nests may do the same.
 * Layout:  chunks (runs of pages) in a list; each begins with 16 bytes: previous u32, next u32, end
 *          u32, pages u32. A mark is the next free address; it lies within its chunk, never at the
 *          chunk's begin.
 * Limits:  chunks of 256 KiB at first, then 1 MiB; larger single allocations get a chunk of their
 *          own. Of chunks not in use, what exceeds 64 MiB in total is given back at release.
 * Errors:  traps with FAILURE_MEMORY when the memory is exhausted: an allocation that returns is
 *          usable.
 */
import { FAILURE_MEMORY, PAGE_BYTES, fail, pageAllocate, pageFree } from "./memory.as";

const HEADER: u32 = 16;
const FIRST_PAGES: u32 = 64;
const CHUNK_PAGES: u32 = 256;
const KEEP_PAGES: u32 = 16384;

let first: usize = 0;
let current: usize = 0;
let next: usize = 0;
let end: usize = 0;
let pagesHeld: u32 = 0;

/** Forgets all chunks (the pages themselves are forgotten by resetPages). */
export function resetArena(): void {
  first = 0;
  current = 0;
  next = 0;
  end = 0;
  pagesHeld = 0;
}

/** 16-byte aligned, contents unspecified. 0 bytes give a valid address too. */
export function arenaAlloc(bytes: u32): usize {
  const size = (<usize>bytes + 15) & ~15;
  if (size >= bytes && size <= end - next) {
    const at = next;
    next = at + size;
    return at;
  }
  return allocateSlow(bytes);
}

function allocateSlow(bytes: u32): usize {
  if (bytes > 0xfff00000) fail(FAILURE_MEMORY);
  const size = (<usize>bytes + 15) & ~15;
  let following = current == 0 ? first : <usize>load<u32>(current, 4);
  while (following != 0 && <usize>load<u32>(following, 8) - following - HEADER < size) {
    following = <usize>load<u32>(following, 4);
  }
  if (following == 0) {
    following = addChunk(size);
  } else if (<usize>load<u32>(following) != current) {
    // A later chunk is big enough: it moves to the front of those not in use.
    unlink(following);
    insertAfterCurrent(following);
  }
  current = following;
  end = <usize>load<u32>(following, 8);
  next = following + HEADER + size;
  return following + HEADER;
}

function addChunk(size: usize): usize {
  const least = <u32>((size + HEADER + PAGE_BYTES - 1) >>> 12);
  const pages = max<u32>(least, pagesHeld == 0 ? FIRST_PAGES : CHUNK_PAGES);
  let chunk = pageAllocate(pages);
  let got = pages;
  if (chunk == 0) {
    chunk = pageAllocate(least);
    got = least;
    if (chunk == 0) fail(FAILURE_MEMORY);
  }
  store<u32>(chunk, <u32>chunk + (got << 12), 8);
  store<u32>(chunk, got, 12);
  pagesHeld += got;
  insertAfterCurrent(chunk);
  return chunk;
}

function insertAfterCurrent(chunk: usize): void {
  const following = current == 0 ? first : <usize>load<u32>(current, 4);
  store<u32>(chunk, <u32>current);
  store<u32>(chunk, <u32>following, 4);
  if (following != 0) store<u32>(following, <u32>chunk);
  if (current == 0) first = chunk;
  else store<u32>(current, <u32>chunk, 4);
}

function unlink(chunk: usize): void {
  const previous = <usize>load<u32>(chunk);
  const following = <usize>load<u32>(chunk, 4);
  if (previous == 0) first = following;
  else store<u32>(previous, <u32>following, 4);
  if (following != 0) store<u32>(following, <u32>previous);
}

/** Everything allocated after this is given back by arenaRelease(mark). */
export function arenaMark(): u32 {
  return <u32>next;
}

export function arenaRelease(mark: u32): void {
  if (mark == 0) {
    current = 0;
    next = 0;
    end = 0;
    if (pagesHeld > KEEP_PAGES) trim();
    return;
  }
  while (current != 0 && !(<usize>mark > current && <usize>mark <= end)) {
    current = <usize>load<u32>(current);
    end = current == 0 ? 0 : <usize>load<u32>(current, 8);
  }
  next = current == 0 ? 0 : mark;
  if (pagesHeld > KEEP_PAGES) trim();
}

/** Gives back chunks beyond the current one, until KEEP_PAGES are held. */
function trim(): void {
  let chunk = current == 0 ? first : <usize>load<u32>(current, 4);
  while (chunk != 0 && pagesHeld > KEEP_PAGES) {
    const following = <usize>load<u32>(chunk, 4);
    const pages = load<u32>(chunk, 12);
    unlink(chunk);
    pagesHeld -= pages;
    pageFree(chunk, pages);
    chunk = following;
  }
}

/** Bytes of pages that the arena holds, used or not. */
export function arenaHeldBytes(): f64 {
  return <f64>pagesHeld * <f64>PAGE_BYTES;
}
