/**
 * Top-N kernels: the rows of a partition in order, and the changes that a new, updated or retracted row causes.
 *
 * Flow:    operators/rank, sort-limit, limit → rankProcess; operators/over-aggregate → order…; sorting.as.ts makes the sort keys.
 * State:   a row set whose index field holds the order instead: handles of the blocks, best first. A block's identity is
 *          u32 length of the sort key, the sort key, then (update strategy) the unique key.
 * Cost:    a partition of m rows: log2(m) comparisons and a move of at most 4·m bytes per row; m ≤ N unless rows can be
 *          retracted. The update strategy looks for the unique key among the N rows one by one.
 * Source:  Flink AppendOnlyTopNFunction, FastTop1Function, UpdatableTopNFunction, RetractableTopNFunction. Deviation:
 *          an update that breaks the promised order without leaving its rank emits +U after its -U (Flink: only -U).
 */
import { compareBytes, copyBytes, equalBytes } from "./copy.as";
import { groupOf, touchRange } from "./keyed-map-pages.as";
import { freeIn, logAllocate, logCapacity, logPtrIn, logSetLength, residentPtrIn } from "./log.as";
import { changesBegin, changesCount, freeLater, pushChange } from "./rows.as";
import {
  BLOCK_HEADER,
  SET_INDEX,
  SET_ROWS,
  rowBytesOfBlock,
  rowOfBlock,
  setPlace,
  setUnlink,
  viewAddress,
  viewLength,
} from "./row-set.as";

const CALL_MAP: usize = 0;
const CALL_ROWS: usize = 4;
const CALL_KINDS: usize = 8;
const CALL_HASHES: usize = 12;
const CALL_ENTRIES: usize = 16;
/** u64[n] views of the rows; with CALL_TARGETS u32[n]: their sizes. */
const CALL_VIEWS: usize = 20;
/** u64[n]: views of u32 sortKeyBytes, sort key, unique key. */
const CALL_IDENTITIES: usize = 24;
const CALL_FLAGS: usize = 28;
const CALL_START: usize = 32;
const CALL_END: usize = 36;
/** u32[n] zeros, 0 = rows are encoded: where the caller has to write the rows that were added, before it emits. */
const CALL_TARGETS: usize = 40;

/** Changes show ranks (a rank column, or rows before rankStart are left out). */
const NUMBERED: u32 = 1;
const UPDATE_BEFORE: u32 = 2;
/** First and last rank are 1 and rows are never retracted. */
const TOP1: u32 = 4;
const STRATEGY_UPDATE: u32 = 8;
const STRATEGY_RETRACT: u32 = 16;
/** Only keep the state; rankFinal emits at the end of input. */
const SILENT: u32 = 32;

/** A call returns after this many changes, and is made again for the rest. */
const MOST_CHANGES: u32 = 65536;
const INSERT: u32 = 0;
const BEFORE: u32 = 1;
const AFTER: u32 = 2;
const DELETE: u32 = 3;

let map: usize = 0;
let group: usize = 0;
let hash: u32 = 0;
let entry: usize = 0;
let flags: u32 = 0;
let start: u32 = 0;
let end: u32 = 0;
let targets: usize = 0;
let current: u32 = 0;

const AHEAD: u32 = 128;
const ahead: usize = memory.data(4 * 128, 16);
const readAhead: usize = memory.data(4, 16);

/**
 * Reads what rows [from, to) will ask for first: the worst row of each partition. Each loop's reads wait for nothing, so
 * that many misses are under way at once.
 */
function warm(hashes: usize, entries: usize, from: u32, to: u32): void {
  let seen: u32 = 0;
  for (let i = from; i < to; i++) {
    const at = <usize>load<u32>(entries + (i << 2));
    const handle = load<u32>(at, SET_INDEX);
    const rows = load<u32>(at, SET_ROWS);
    const its = groupOf(map, load<u32>(hashes + (i << 3), 4));
    const order: usize = rows == 0 || handle == 0 ? 0 : residentPtrIn(its, handle);
    store<u32>(ahead + ((i - from) << 2), order == 0 ? 0 : <u32>order + ((rows - 1) << 2));
  }
  for (let i = from; i < to; i++) {
    const slot = <usize>load<u32>(ahead + ((i - from) << 2));
    const its = groupOf(map, load<u32>(hashes + (i << 3), 4));
    store<u32>(ahead + ((i - from) << 2), slot == 0 ? 0 : <u32>residentPtrIn(its, load<u32>(slot)));
  }
  for (let i = from; i < to; i++) {
    const block = <usize>load<u32>(ahead + ((i - from) << 2));
    if (block != 0) seen ^= load<u32>(block, BLOCK_HEADER);
  }
  store<u32>(readAhead, seen);
}

/** Processes rows from `from` on; returns the first row that is not done yet. */
export function rankProcess(call: usize, from: u32): u32 {
  const n = load<u32>(call, CALL_ROWS);
  const kinds = <usize>load<u32>(call, CALL_KINDS);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  const entries = <usize>load<u32>(call, CALL_ENTRIES);
  const views = <usize>load<u32>(call, CALL_VIEWS);
  const identities = <usize>load<u32>(call, CALL_IDENTITIES);
  map = <usize>load<u32>(call, CALL_MAP);
  flags = load<u32>(call, CALL_FLAGS);
  start = load<u32>(call, CALL_START);
  end = load<u32>(call, CALL_END);
  targets = <usize>load<u32>(call, CALL_TARGETS);
  changesBegin(max<u32>(256, n - from));
  let row = from;
  for (; row < n && changesCount() < MOST_CHANGES; row++) {
    if (((row - from) & (AHEAD - 1)) == 0) warm(hashes, entries, row, min<u32>(n, row + AHEAD));
    current = row;
    hash = load<u32>(hashes + (row << 3), 4);
    group = groupOf(map, hash);
    entry = <usize>load<u32>(entries + (row << 2));
    const view = targets != 0 ? <u64>load<u32>(views + (row << 2)) << 32 : load<u64>(views + (row << 3));
    const identity = load<u64>(identities + (row << 3));
    const kind: u32 = kinds == 0 ? INSERT : load<u8>(kinds + row);
    if (flags & TOP1) top1(view, identity);
    else if (flags & STRATEGY_RETRACT) {
      if (kind & 1) retract(view, identity);
      else addRetractable(view, identity);
    } else if (kind & 1) {
      // Append and update inputs hold no retractions; one that does is the planner's mistake and changes nothing.
      continue;
    } else if (flags & STRATEGY_UPDATE) update(view, identity);
    else append(view, identity);
  }
  return row;
}

@inline
function change(kind: u32, row: usize, rank: u32): void {
  if (flags & SILENT) return;
  if (kind == BEFORE && !(flags & UPDATE_BEFORE)) return;
  if (rank < start || rank > end) return;
  pushChange(kind, row, 0, rank);
}

@inline
function orderPtr(): usize {
  const handle = load<u32>(entry, SET_INDEX);
  return handle == 0 ? 0 : logPtrIn(group, handle);
}

@inline
function blockAt(order: usize, index: u32): usize {
  return logPtrIn(group, load<u32>(order + (index << 2)));
}

@inline
function rowAt(order: usize, index: u32): usize {
  return rowOfBlock(blockAt(order, index));
}

/** Order of two identities by their sort keys: < 0, 0, > 0. */
@inline
function compareKeys(a: usize, b: usize): i32 {
  const la = load<u32>(a);
  const lb = load<u32>(b);
  const order = compareBytes(a + 4, b + 4, min<u32>(la, lb));
  return order != 0 ? order : la < lb ? -1 : la > lb ? 1 : 0;
}

/** The first index whose key is greater than (`after` true) or not less than the given one. */
function search(order: usize, count: u32, identity: usize, after: bool): u32 {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const compared = compareKeys(blockAt(order, middle) + BLOCK_HEADER, identity);
    if (compared < 0 || (after && compared == 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds a row's block and puts it at `index` of the order. Returns where the row is, or will be once it is written. */
function insertAt(index: u32, view: u64, identity: u64): usize {
  const count = load<u32>(entry, SET_ROWS);
  let handle = load<u32>(entry, SET_INDEX);
  const bytes = (count + 1) << 2;
  if (handle == 0) {
    handle = logAllocate(map, hash, max<u32>(bytes, 24));
    store<u32>(entry, handle, SET_INDEX);
  } else {
    const order = logPtrIn(group, handle);
    if (bytes > logCapacity(order)) {
      const bigger = logAllocate(map, hash, bytes + (bytes >>> 1));
      memory.copy(logPtrIn(group, bigger), logPtrIn(group, handle), count << 2);
      freeIn(group, handle);
      handle = bigger;
      store<u32>(entry, handle, SET_INDEX);
    } else if (bytes > load<u32>(order - 4)) {
      logSetLength(order, bytes);
    }
  }
  const order = logPtrIn(group, handle);
  const block = setPlace(map, hash, entry, identity, viewLength(view), 0, 0);
  const at = order + (index << 2);
  touchRange(at, bytes - (index << 2));
  for (let to = order + (count << 2); to > at; to -= 4) store<u32>(to, load<u32>(to - 4));
  store<u32>(at, block);
  const row = rowOfBlock(logPtrIn(group, block));
  if (targets != 0) store<u32>(targets + (current << 2), <u32>row);
  else copyBytes(row, viewAddress(view), viewLength(view));
  return row;
}

/** Takes the row at `index` out; its block is freed when the changes are out. */
function removeAt(index: u32): void {
  const block = load<u32>(orderPtr() + (index << 2));
  unlinkAt(index);
  freeLater(hash, block);
}

function unlinkAt(index: u32): void {
  const handleOfOrder = load<u32>(entry, SET_INDEX);
  const order = logPtrIn(group, handleOfOrder);
  const count = load<u32>(entry, SET_ROWS);
  const at = order + (index << 2);
  const block = load<u32>(at);
  touchRange(at, (count - index) << 2);
  memory.copy(at, at + 4, (count - index - 1) << 2);
  store<u32>(entry, 0, SET_INDEX);
  setUnlink(map, hash, entry, block);
  if (count == 1) freeIn(group, handleOfOrder);
  else store<u32>(entry, handleOfOrder, SET_INDEX);
}

function top1(view: u64, identity: u64): void {
  const order = orderPtr();
  if (order == 0) {
    change(INSERT, insertAt(0, view, identity), 1);
    return;
  }
  const block = blockAt(order, 0);
  if (compareKeys(viewAddress(identity), block + BLOCK_HEADER) >= 0) return;
  change(BEFORE, rowOfBlock(block), 1);
  removeAt(0);
  change(AFTER, insertAt(0, view, identity), 1);
}

/** The rows from `index` on move down one rank; `count` rows are in order now, the new one among them at `index`. */
function emitShift(order: usize, index: u32, count: u32, row: usize): void {
  let rank = index + 1;
  let current = row;
  for (; rank <= end && rank < count; rank++) {
    const previous = rowAt(order, rank);
    change(BEFORE, previous, rank);
    change(AFTER, current, rank);
    current = previous;
  }
  if (rank <= end) change(INSERT, current, rank);
}

function append(view: u64, identity: u64): void {
  const order = orderPtr();
  const count = load<u32>(entry, SET_ROWS);
  const key = viewAddress(identity);
  if (count >= end && compareKeys(key, blockAt(order, count - 1) + BLOCK_HEADER) >= 0) return;
  const index = search(order, count, key, true);
  const row = insertAt(index, view, identity);
  const now = count + 1;
  const inserted = orderPtr();
  if (flags & NUMBERED) {
    emitShift(inserted, index, now, row);
  } else {
    if (now > end) change(DELETE, rowAt(inserted, now - 1), start);
    change(INSERT, row, start);
  }
  if (now > end) removeAt(now - 1);
}

function uniqueEqual(a: usize, aLength: u32, b: usize, bLength: u32): bool {
  const skipA = 4 + load<u32>(a);
  const skipB = 4 + load<u32>(b);
  const length = aLength - skipA;
  return length == bLength - skipB && equalBytes(a + skipA, b + skipB, length);
}

function findUnique(order: usize, count: u32, identity: u64): i32 {
  const key = viewAddress(identity);
  const length = viewLength(identity);
  for (let i: u32 = 0; i < count; i++) {
    const block = blockAt(order, i);
    if (uniqueEqual(block + BLOCK_HEADER, load<u32>(block, 12), key, length)) return <i32>i;
  }
  return -1;
}

function update(view: u64, identity: u64): void {
  const order = orderPtr();
  const count = load<u32>(entry, SET_ROWS);
  const found = count == 0 ? -1 : findUnique(order, count, identity);
  if (found < 0) {
    append(view, identity);
    return;
  }
  const old = <u32>found;
  const oldBlock = blockAt(order, old);
  const oldRow = rowOfBlock(oldBlock);
  const compared = compareKeys(viewAddress(identity), oldBlock + BLOCK_HEADER);
  removeAt(old);
  const rest = count - 1;
  const index: u32 = compared == 0 ? old : rest == 0 ? 0 : search(orderPtr(), rest, viewAddress(identity), true);
  const row = insertAt(index, view, identity);
  if (!(flags & NUMBERED)) {
    change(BEFORE, oldRow, start);
    change(AFTER, row, start);
    return;
  }
  if (index <= old) emitRise(orderPtr(), index, old, row, oldRow);
  else emitFall(orderPtr(), index, old, row, oldRow);
}

/** From index `old` up to `index`: the rows between move down one rank. */
function emitRise(order: usize, index: u32, old: u32, row: usize, oldRow: usize): void {
  const oldRank = old + 1;
  let rank = index + 1;
  let current = row;
  let retracted = false;
  for (; rank < oldRank; rank++) {
    const previous = rowAt(order, rank);
    change(BEFORE, previous, rank);
    if (!retracted) {
      change(BEFORE, oldRow, oldRank);
      retracted = true;
    }
    change(AFTER, current, rank);
    current = previous;
  }
  if (!retracted) change(BEFORE, oldRow, oldRank);
  change(AFTER, current, oldRank);
}

/** From index `old` down to `index`, against the promised order. */
function emitFall(order: usize, index: u32, old: u32, row: usize, oldRow: usize): void {
  change(BEFORE, oldRow, old + 1);
  for (let rank = old + 2; rank <= index + 1; rank++) {
    const previous = rowAt(order, rank - 2);
    change(BEFORE, previous, rank);
    change(AFTER, previous, rank - 1);
  }
  change(AFTER, row, index + 1);
}

function addRetractable(view: u64, identity: u64): void {
  const count = load<u32>(entry, SET_ROWS);
  const index: u32 = count == 0 ? 0 : search(orderPtr(), count, viewAddress(identity), true);
  const row = insertAt(index, view, identity);
  const order = orderPtr();
  if (flags & NUMBERED) {
    emitShift(order, index, count + 1, row);
    return;
  }
  if (index >= end) return;
  if (count + 1 > end) change(DELETE, rowAt(order, end), start);
  change(INSERT, row, start);
}

/** The first index with this sort key and these bytes, or -1. */
function find(order: usize, count: u32, view: u64, identity: u64): i32 {
  const key = viewAddress(identity);
  for (let index = search(order, count, key, false); index < count; index++) {
    const block = blockAt(order, index);
    if (compareKeys(block + BLOCK_HEADER, key) != 0) return -1;
    const bytes = rowBytesOfBlock(block);
    if (bytes == viewLength(view) && equalBytes(rowOfBlock(block), viewAddress(view), bytes)) return <i32>index;
  }
  return -1;
}

function retract(view: u64, identity: u64): void {
  const order = orderPtr();
  const count = load<u32>(entry, SET_ROWS);
  if (count == 0) return;
  const found = find(order, count, view, identity);
  if (found < 0) return;
  const index = <u32>found;
  let rank = index + 1;
  if (flags & NUMBERED) {
    let previous = rowAt(order, index);
    for (; rank <= end && rank < count; rank++) {
      const next = rowAt(order, rank);
      change(BEFORE, previous, rank);
      change(AFTER, next, rank);
      previous = next;
    }
    if (rank <= end) change(DELETE, previous, rank);
  } else if (rank <= end) {
    change(DELETE, rowAt(order, index), start);
    if (count > end) change(INSERT, rowAt(order, end), start);
  }
  removeAt(index);
}

/** Emits the ranked rows of an entry as +I, at the end of bounded input. */
export function rankFinal(call: usize, at: usize, keyBytes: u32): void {
  map = <usize>load<u32>(call, CALL_MAP);
  flags = load<u32>(call, CALL_FLAGS) & ~SILENT;
  start = load<u32>(call, CALL_START);
  end = load<u32>(call, CALL_END);
  entry = at;
  hash = load<u32>(entry - keyBytes - 8);
  group = groupOf(map, hash);
  const count = load<u32>(entry, SET_ROWS);
  const order = orderPtr();
  changesBegin(256);
  for (let rank = start; rank <= end && rank <= count; rank++) change(INSERT, rowAt(order, rank - 1), rank);
}

/** Emits the ranked rows of entries (0 = none) as +I, one after the other: a window that is over. */
export function rankFinals(call: usize, n: u32, hashes: usize, entries: usize): void {
  map = <usize>load<u32>(call, CALL_MAP);
  flags = load<u32>(call, CALL_FLAGS) & ~SILENT;
  start = load<u32>(call, CALL_START);
  end = load<u32>(call, CALL_END);
  changesBegin(max<u32>(n, 64));
  for (let i: u32 = 0; i < n; i++) {
    entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    hash = load<u32>(hashes + (i << 3), 4);
    group = groupOf(map, hash);
    const count = load<u32>(entry, SET_ROWS);
    const order = orderPtr();
    for (let rank = start; rank <= end && rank <= count; rank++) change(INSERT, rowAt(order, rank - 1), rank);
  }
}

/**
 * One key's rows in order and nothing else, for OVER windows by values: the functions below act on the key opened last.
 * False when it holds rows without an order: rows that were kept before there was one.
 */
export function orderOpen(ownMap: usize, hashes: usize, at: usize): bool {
  map = ownMap;
  hash = load<u32>(hashes, 4);
  group = groupOf(map, hash);
  entry = at;
  targets = 0;
  return load<u32>(entry, SET_INDEX) != 0 || load<u32>(entry, SET_ROWS) == 0;
}

export function orderCount(): u32 {
  return load<u32>(entry, SET_ROWS);
}

/** Adds the row behind its equals; `view` and `identity` are addresses of views. Returns its place. */
export function orderAdd(view: usize, identity: usize): u32 {
  const count = load<u32>(entry, SET_ROWS);
  const sortKey = load<u64>(identity);
  const index: u32 = count == 0 ? 0 : search(orderPtr(), count, viewAddress(sortKey), true);
  insertAt(index, load<u64>(view), sortKey);
  return index;
}

/** The place of the first row with these bytes, or -1. */
export function orderFind(view: usize, identity: usize): i32 {
  const count = load<u32>(entry, SET_ROWS);
  return count == 0 ? -1 : find(orderPtr(), count, load<u64>(view), load<u64>(identity));
}

/** Takes the row at a place out; its bytes stay until the caller frees the handle that is returned. */
export function orderTake(index: u32): u32 {
  const handle = load<u32>(orderPtr() + (index << 2));
  unlinkAt(index);
  return handle;
}

/** The addresses (u32[to − from]) of the rows at places [from, to). */
export function orderRows(from: u32, to: u32, out: usize): void {
  const order = orderPtr();
  for (let i = from; i < to; i++) store<u32>(out + ((i - from) << 2), <u32>rowAt(order, i));
}

/** The first place from which on rows have the sort key of the row at `index`. */
export function orderFirstPeer(index: u32): u32 {
  const order = orderPtr();
  return search(order, index, blockAt(order, index) + BLOCK_HEADER, false);
}

/** The place behind the last row with the sort key of the row at `index`. */
export function orderBehindPeers(index: u32): u32 {
  const order = orderPtr();
  return search(order, load<u32>(entry, SET_ROWS), blockAt(order, index) + BLOCK_HEADER, true);
}
