/**
 * Row sets: the rows of one key in keyed state, as a doubly linked list of log blocks, with an index by identity once a
 * row must be found again and there are many. Everything hangs on one map entry, so it expires and moves with it.
 *
 * Value:   u32 first (handle), u32 last, u32 rows, u32 index (handle)  — SET_BYTES at the start of the map's value.
 * Block:   linked (log.as.ts): u32 next, u32 previous, u32 associations, u32 identityBytes, identity, row.
 *          identityBytes 0: the row is its own identity. Its bit 31: behind the row lie u32 unused, u32 the second in which
 *          it was written (TTL by row).
 * Short:   a marked block (log.as.ts) is u32 next, u32 previous, row: a row that is its own identity, has no time, and whose
 *          associations nobody counts. Both forms may stand in one set.
 * Index:   open addressing over (u32 hash of the identity, u32 handle), a power of two of slots, at most half full;
 *          built when a find meets more than LINEAR rows, so sets that only grow never pay for it.
 */
import { hashBytes } from "./hash.as";
import { copyBytes, equalBytes } from "./copy.as";
import { allocateLinked, freeIn, isMarked, logAllocate, logPtrIn } from "./log.as";
import { groupOf, touchPage } from "./keyed-map-pages.as";

export const SET_FIRST: usize = 0;
export const SET_LAST: usize = 4;
export const SET_ROWS: usize = 8;
export const SET_INDEX: usize = 12;

export const BLOCK_NEXT: usize = 0;
export const BLOCK_PREVIOUS: usize = 4;
export const BLOCK_ASSOCIATIONS: usize = 8;
export const BLOCK_IDENTITY: usize = 12;
export const BLOCK_HEADER: usize = 16;
const SHORT_HEADER: usize = 8;

const LINEAR: u32 = 16;
const WRITTEN: u32 = 0x80000000;
const WRITTEN_BYTES: u32 = 8;

@inline
export function rowOfBlock(block: usize): usize {
  if (isMarked(block)) return block + SHORT_HEADER;
  return block + BLOCK_HEADER + (load<u32>(block, BLOCK_IDENTITY) & ~WRITTEN);
}

/** Bytes of the row in a block. */
@inline
export function rowBytesOfBlock(block: usize): u32 {
  if (isMarked(block)) return load<u32>(block - 4) - <u32>SHORT_HEADER;
  return bytesOfBlock(block) - <u32>BLOCK_HEADER - (load<u32>(block, BLOCK_IDENTITY) & ~WRITTEN);
}

/** With a long header, without the time at its end. */
@inline
function bytesOfBlock(block: usize): u32 {
  return load<u32>(block - 4) - ((load<u32>(block, BLOCK_IDENTITY) >>> 31) * WRITTEN_BYTES);
}

/** Rows of the other side that match; 0 where nobody counts them. */
@inline
export function associationsOf(block: usize): u32 {
  return isMarked(block) ? 0 : load<u32>(block, BLOCK_ASSOCIATIONS);
}

/** Where they are counted; touches the block. */
@inline
export function storeAssociations(block: usize, associations: u32): void {
  if (isMarked(block)) return;
  touchPage(block + BLOCK_ASSOCIATIONS);
  store<u32>(block, associations, BLOCK_ASSOCIATIONS);
}

@inline
function isTimed(block: usize): bool {
  return !isMarked(block) && (load<u32>(block, BLOCK_IDENTITY) & WRITTEN) != 0;
}

/** Whether a row was written more than `ttl` seconds before `now`; rows without a time never are. */
@inline
export function isRowExpired(block: usize, now: u32, ttl: u32): bool {
  if (!isTimed(block)) return false;
  const written = load<u32>(block + load<u32>(block - 4) - 4);
  return now > written && now - written > ttl;
}

/** The row was written now. */
export function refreshRow(block: usize, now: u32): void {
  if (!isTimed(block)) return;
  const at = block + load<u32>(block - 4) - 4;
  touchPage(at);
  touchPage(at + 3);
  store<u32>(at, now);
}

@inline
function identityOfBlock(block: usize): usize {
  return block + (isMarked(block) ? SHORT_HEADER : BLOCK_HEADER);
}

@inline
function identityLength(block: usize): u32 {
  if (isMarked(block)) return load<u32>(block - 4) - <u32>SHORT_HEADER;
  const own = load<u32>(block, BLOCK_IDENTITY) & ~WRITTEN;
  return own != 0 ? own : bytesOfBlock(block) - <u32>BLOCK_HEADER;
}

@inline
function identityHash(address: usize, length: u32): u32 {
  return <u32>(hashBytes(address, length) >>> 32);
}

@inline
export function viewAddress(view: u64): usize {
  return <usize>(<u32>view);
}

@inline
export function viewLength(view: u64): u32 {
  return <u32>(view >>> 32);
}

/**
 * Appends a row; `identity` 0 = the row is its own; `written` 0 = it carries no time; `counted`: its associations may change.
 * The entry's page is touched already. Returns the block's handle.
 */
export function setAdd(
  map: usize,
  hash: u32,
  entry: usize,
  identity: u64,
  row: u64,
  associations: u32,
  written: u32 = 0,
  counted: bool = true,
): u32 {
  const handle = setPlace(map, hash, entry, identity, viewLength(row), associations, written, counted);
  const block = logPtrIn(groupOf(map, hash), handle);
  copyBytes(rowOfBlock(block), viewAddress(row), viewLength(row));
  if (load<u32>(entry, SET_INDEX) != 0) {
    const rows = load<u32>(entry, SET_ROWS);
    indexAdd(map, hash, entry, rows, identityHash(identityOfBlock(block), identityLength(block)), handle);
  }
  return handle;
}

/** setAdd without an index for a row of so many bytes, which the caller writes to rowOfBlock. */
export function setPlace(
  map: usize,
  hash: u32,
  entry: usize,
  identity: u64,
  rowBytes: u32,
  associations: u32,
  written: u32,
  counted: bool = true,
): u32 {
  const group = groupOf(map, hash);
  const handle = setReserve(group, identity, rowBytes, written, counted);
  link(group, entry, handle, associations);
  return handle;
}

/** A block for a row of so many bytes that is in no set yet: the caller writes the row to rowOfBlock, then setLink. */
export function setReserve(group: usize, identity: u64, rowBytes: u32, written: u32, counted: bool): u32 {
  const identityBytes = viewLength(identity);
  const timed = written != 0;
  if (!counted && !timed && identityBytes == 0) {
    const short = allocateLinked(group, <u32>SHORT_HEADER + rowBytes, true);
    store<u32>(logPtrIn(group, short), 0, BLOCK_NEXT);
    return short;
  }
  const bytes = <u32>BLOCK_HEADER + identityBytes + rowBytes;
  const handle = allocateLinked(group, timed ? bytes + WRITTEN_BYTES : bytes, false);
  const block = logPtrIn(group, handle);
  store<u32>(block, 0, BLOCK_NEXT);
  store<u32>(block, timed ? identityBytes | WRITTEN : identityBytes, BLOCK_IDENTITY);
  if (timed) {
    store<u32>(block + bytes, 0);
    store<u32>(block + bytes + 4, written);
  }
  if (identityBytes != 0) copyBytes(block + BLOCK_HEADER, viewAddress(identity), identityBytes);
  return handle;
}

/** Appends a reserved block, its row written, to a set. The entry's page is touched already. */
export function setLink(map: usize, hash: u32, entry: usize, handle: u32, associations: u32): void {
  const group = groupOf(map, hash);
  link(group, entry, handle, associations);
  if (load<u32>(entry, SET_INDEX) != 0) {
    const block = logPtrIn(group, handle);
    const rows = load<u32>(entry, SET_ROWS);
    indexAdd(map, hash, entry, rows, identityHash(identityOfBlock(block), identityLength(block)), handle);
  }
}

@inline
function link(group: usize, entry: usize, handle: u32, associations: u32): void {
  const block = logPtrIn(group, handle);
  const last = load<u32>(entry, SET_LAST);
  touchPage(block);
  store<u32>(block, last, BLOCK_PREVIOUS);
  if (!isMarked(block)) store<u32>(block, associations, BLOCK_ASSOCIATIONS);
  if (last == 0) {
    store<u32>(entry, handle, SET_FIRST);
  } else {
    const before = logPtrIn(group, last);
    touchPage(before);
    store<u32>(before, handle, BLOCK_NEXT);
  }
  store<u32>(entry, handle, SET_LAST);
  store<u32>(entry, load<u32>(entry, SET_ROWS) + 1, SET_ROWS);
}

function slotsOf(index: usize): u32 {
  return load<u32>(index - 4) >>> 3;
}

@inline
function put(index: usize, slots: u32, hash: u32, handle: u32): void {
  let at = hash & (slots - 1);
  while (load<u32>(index + (at << 3), 4) != 0) at = (at + 1) & (slots - 1);
  touchPage(index + (at << 3));
  store<u32>(index + (at << 3), hash);
  store<u32>(index + (at << 3), handle, 4);
}

function indexAdd(map: usize, keyHash: u32, entry: usize, rows: u32, hash: u32, handle: u32): void {
  const group = groupOf(map, keyHash);
  const old = load<u32>(entry, SET_INDEX);
  const index = logPtrIn(group, old);
  if (rows << 1 > slotsOf(index)) {
    freeIn(group, old);
    store<u32>(entry, 0, SET_INDEX);
    buildIndex(map, keyHash, entry);
    return;
  }
  put(index, slotsOf(index), hash, handle);
}

function buildIndex(map: usize, hash: u32, entry: usize): void {
  const rows = load<u32>(entry, SET_ROWS);
  let slots: u32 = 64;
  while (slots < rows << 2) slots <<= 1;
  const handle = logAllocate(map, hash, slots << 3);
  store<u32>(entry, handle, SET_INDEX);
  const group = groupOf(map, hash);
  const index = logPtrIn(group, handle);
  let next = load<u32>(entry, SET_FIRST);
  while (next != 0) {
    const block = logPtrIn(group, next);
    put(index, slots, identityHash(identityOfBlock(block), identityLength(block)), next);
    next = load<u32>(block, BLOCK_NEXT);
  }
}

/** The block whose identity is these bytes: its handle, or 0. The entry's page is touched already. */
export function setFind(map: usize, hash: u32, entry: usize, identity: usize, length: u32): u32 {
  const group = groupOf(map, hash);
  const rows = load<u32>(entry, SET_ROWS);
  if (rows > LINEAR) {
    if (load<u32>(entry, SET_INDEX) == 0) buildIndex(map, hash, entry);
    const index = logPtrIn(group, load<u32>(entry, SET_INDEX));
    const slots = slotsOf(index);
    const wanted = identityHash(identity, length);
    let at = wanted & (slots - 1);
    while (true) {
      const handle = load<u32>(index + (at << 3), 4);
      if (handle == 0) return 0;
      if (load<u32>(index + (at << 3)) == wanted) {
        const block = logPtrIn(group, handle);
        if (identityLength(block) == length && equalBytes(identityOfBlock(block), identity, length)) {
          return handle;
        }
      }
      at = (at + 1) & (slots - 1);
    }
  }
  let handle = load<u32>(entry, SET_FIRST);
  while (handle != 0) {
    const block = logPtrIn(group, handle);
    if (identityLength(block) == length && equalBytes(identityOfBlock(block), identity, length)) {
      return handle;
    }
    handle = load<u32>(block, BLOCK_NEXT);
  }
  return 0;
}

/** Takes a block out of its set; its bytes stay until the caller frees the handle. */
export function setUnlink(map: usize, hash: u32, entry: usize, handle: u32): void {
  const group = groupOf(map, hash);
  const block = logPtrIn(group, handle);
  const next = load<u32>(block, BLOCK_NEXT);
  const previous = load<u32>(block, BLOCK_PREVIOUS);
  if (previous == 0) {
    store<u32>(entry, next, SET_FIRST);
  } else {
    const before = logPtrIn(group, previous);
    touchPage(before);
    store<u32>(before, next, BLOCK_NEXT);
  }
  if (next == 0) {
    store<u32>(entry, previous, SET_LAST);
  } else {
    const after = logPtrIn(group, next);
    touchPage(after);
    store<u32>(after, previous, BLOCK_PREVIOUS);
  }
  store<u32>(entry, load<u32>(entry, SET_ROWS) - 1, SET_ROWS);
  // What is unlinked must not lead on: a chain is freed as a whole when its entry expires.
  touchPage(block);
  store<u32>(block, 0, BLOCK_NEXT);
  if (load<u32>(entry, SET_INDEX) != 0) indexRemove(group, entry, block, handle);
}

function indexRemove(group: usize, entry: usize, block: usize, handle: u32): void {
  const indexHandle = load<u32>(entry, SET_INDEX);
  if (load<u32>(entry, SET_ROWS) == 0) {
    freeIn(group, indexHandle);
    store<u32>(entry, 0, SET_INDEX);
    return;
  }
  const index = logPtrIn(group, indexHandle);
  const slots = slotsOf(index);
  const mask = slots - 1;
  let hole = identityHash(identityOfBlock(block), identityLength(block)) & mask;
  while (load<u32>(index + (hole << 3), 4) != handle) hole = (hole + 1) & mask;
  let at = hole;
  while (true) {
    at = (at + 1) & mask;
    if (load<u32>(index + (at << 3), 4) == 0) break;
    const home = load<u32>(index + (at << 3)) & mask;
    // It may move into the hole unless its home lies cyclically within (hole, at].
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    touchPage(index + (hole << 3));
    store<u64>(index + (hole << 3), load<u64>(index + (at << 3)));
    hole = at;
  }
  touchPage(index + (hole << 3));
  store<u64>(index + (hole << 3), 0);
}
