/**
 * What aggregates keep of a group in one log block: a sorted multiset for retractable MIN and MAX, the values in order of
 * arrival for retractable FIRST_VALUE, LAST_VALUE, LISTAGG, one text; and hashes for entries that belong to a group, such as
 * the values of a DISTINCT aggregate.
 *
 * Slot:    u32 handle, u32 VIEW_OF_HANDLE, in the accumulator; handle 0 = empty.
 * Numbers: block = u32 elements, u32 0, then per element, ascending: i64 high, u64 low, i64 count. Whoever calls turns the
 *          value into (high, low) whose order is the value's order. Found by bisection.
 * Views:   block = u32 bytes in use, u32 elements, then per element, ascending by bytes: i64 count, u32 length, the bytes,
 *          padding to 8. Found by scanning.
 * Counts:  may be negative for a while when a retraction overtakes its row (Flink keeps such counts too); such elements
 *          are no extremes. An element whose count becomes 0 is dropped.
 * Limits:  one insertion moves all larger elements: fit for groups up to some ten thousand different values.
 */
import { arenaAlloc } from "./arena.as";
import { setNull, setResult } from "./cast-status.as";
import { logAllocate, logCapacity, logFree, logPtr, logTouch } from "./log.as";
import { compareViews } from "./strings.as";

const ELEMENT: u32 = 24;
const HEADER: u32 = 8;
const FIRST_ELEMENTS: u32 = 4;
const FIRST_BYTES: u32 = 96;
/** Upper half of a view slot that holds a handle; see codegen/aggregates/accumulator-layout.ts. */
const VIEW_OF_HANDLE: u32 = 0xffffffff;

// @ts-ignore: decorator
@inline
function setHandle(slot: usize, handle: u32): void {
  store<u32>(slot, handle);
  store<u32>(slot, VIEW_OF_HANDLE, 4);
}

function compareNumbers(element: usize, high: i64, low: u64): i32 {
  const h = load<i64>(element);
  if (h != high) return h < high ? -1 : 1;
  const l = load<u64>(element, 8);
  return l < low ? -1 : l > low ? 1 : 0;
}

/** Adds `delta` to the count of a value; `slot` is the address of the accumulator's slot. */
export function extremeAdd(map: usize, hash: u32, slot: usize, high: i64, low: u64, delta: i64): void {
  let handle = load<u32>(slot);
  if (handle == 0) {
    handle = logAllocate(map, hash, HEADER + FIRST_ELEMENTS * ELEMENT);
    setHandle(slot, handle);
  }
  let block = logPtr(map, hash, handle);
  const n = load<u32>(block);
  let from: u32 = 0;
  let to = n;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (compareNumbers(block + HEADER + middle * ELEMENT, high, low) < 0) from = middle + 1;
    else to = middle;
  }
  let at = block + HEADER + from * ELEMENT;
  if (from < n && compareNumbers(at, high, low) == 0) {
    const count = load<i64>(at, 16) + delta;
    if (count != 0) {
      logTouch(at, ELEMENT);
      store<i64>(at, count, 16);
      return;
    }
    const end = block + HEADER + n * ELEMENT;
    logTouch(block, <u32>(end - block));
    memory.copy(at, at + ELEMENT, end - at - ELEMENT);
    store<u32>(block, n - 1);
    return;
  }
  if (HEADER + (n + 1) * ELEMENT > logCapacity(block)) {
    const larger = logAllocate(map, hash, HEADER + n * 2 * ELEMENT);
    // Pages may have moved nothing, but the allocation may have grown the memory: look the old block up again.
    const old = logPtr(map, hash, handle);
    block = logPtr(map, hash, larger);
    memory.copy(block, old, HEADER + n * ELEMENT);
    logFree(map, hash, handle);
    setHandle(slot, larger);
    at = block + HEADER + from * ELEMENT;
  } else {
    logTouch(block, <u32>(HEADER + (n + 1) * ELEMENT));
  }
  memory.copy(at + ELEMENT, at, (n - from) * ELEMENT);
  store<i64>(at, high);
  store<u64>(at, low, 8);
  store<i64>(at, delta, 16);
  store<u32>(block, n + 1);
}

/** The least or greatest value → RESULT (low, high); NULL when there is none. */
export function extremeGet(map: usize, hash: u32, slot: usize, greatest: i32): void {
  const handle = load<u32>(slot);
  if (handle != 0) {
    const block = logPtr(map, hash, handle);
    const n = load<u32>(block);
    for (let i: u32 = 0; i < n; i++) {
      const at = block + HEADER + (greatest ? n - 1 - i : i) * ELEMENT;
      if (load<i64>(at, 16) > 0) {
        setResult(load<u64>(at, 8), load<u64>(at));
        return;
      }
    }
  }
  setNull();
}

// @ts-ignore: decorator
@inline
function elementBytes(length: u32): u32 {
  return (12 + length + 7) & ~7;
}

export function extremeAddView(map: usize, hash: u32, slot: usize, view: u64, delta: i64): void {
  const length = <u32>(view >> 32);
  let handle = load<u32>(slot);
  if (handle == 0) {
    handle = logAllocate(map, hash, max<u32>(FIRST_BYTES, HEADER + elementBytes(length)));
    setHandle(slot, handle);
  }
  let block = logPtr(map, hash, handle);
  const used = load<u32>(block);
  const n = load<u32>(block, 4);
  let at: u32 = 0;
  let order = 1;
  while (at < used) {
    const element = block + HEADER + at;
    const size = load<u32>(element, 8);
    order = compareViews((<u64>size << 32) | <u64>(element + 12), view);
    if (order >= 0) break;
    at += elementBytes(size);
  }
  if (at < used && order == 0) {
    const element = block + HEADER + at;
    const count = load<i64>(element) + delta;
    if (count != 0) {
      logTouch(element, 8);
      store<i64>(element, count);
      return;
    }
    const bytes = elementBytes(length);
    logTouch(block, HEADER + used);
    memory.copy(element, element + bytes, used - at - bytes);
    store<u32>(block, used - bytes);
    store<u32>(block, n - 1, 4);
    return;
  }
  const bytes = elementBytes(length);
  if (HEADER + used + bytes > logCapacity(block)) {
    const larger = logAllocate(map, hash, HEADER + (used + bytes) * 2);
    const old = logPtr(map, hash, handle);
    block = logPtr(map, hash, larger);
    memory.copy(block, old, HEADER + used);
    logFree(map, hash, handle);
    setHandle(slot, larger);
  } else {
    logTouch(block, HEADER + used + bytes);
  }
  const element = block + HEADER + at;
  memory.copy(element + bytes, element, used - at);
  memory.fill(element, 0, bytes);
  store<i64>(element, delta);
  store<u32>(element, length, 8);
  memory.copy(element + 12, <usize>(view & 0xffffffff), length);
  store<u32>(block, used + bytes);
  store<u32>(block, n + 1, 4);
}

/** The least or greatest view; NULL when there is none. It points into the log. */
export function extremeGetView(map: usize, hash: u32, slot: usize, greatest: i32): u64 {
  const handle = load<u32>(slot);
  let found: u64 = 0;
  let any = false;
  if (handle != 0) {
    const block = logPtr(map, hash, handle);
    const used = load<u32>(block);
    let at: u32 = 0;
    while (at < used) {
      const element = block + HEADER + at;
      const size = load<u32>(element, 8);
      if (load<i64>(element) > 0) {
        found = (<u64>size << 32) | <u64>(element + 12);
        any = true;
        if (!greatest) return found;
      }
      at += elementBytes(size);
    }
  }
  if (!any) setNull();
  return found;
}

/** The bytes behind a view slot: of a handle, or (in a temporary accumulator) of the view itself. */
export function slotView(map: usize, hash: u32, slot: usize): u64 {
  if (load<u32>(slot, 4) != VIEW_OF_HANDLE) return load<u64>(slot);
  const address = logPtr(map, hash, load<u32>(slot));
  return ((<u64>load<u32>(address - 4)) << 32) | <u64>address;
}

/** Replaces what a view slot keeps by a copy of `view` in the log. */
export function slotSetView(map: usize, hash: u32, slot: usize, view: u64): void {
  const old = load<u32>(slot);
  const length = <u32>(view >> 32);
  const handle = logAllocate(map, hash, length);
  memory.copy(logPtr(map, hash, handle), <usize>(view & 0xffffffff), length);
  if (old != 0) logFree(map, hash, old);
  setHandle(slot, handle);
}

/** Frees what a view slot keeps. */
export function slotFree(map: usize, hash: u32, slot: usize): void {
  const handle = load<u32>(slot);
  if (handle != 0) logFree(map, hash, handle);
  store<u64>(slot, 0);
}

/** A copy of a view's bytes in the arena. */
export function copyToArena(view: u64): u64 {
  const length = <u32>(view >> 32);
  const to = arenaAlloc(length);
  memory.copy(to, <usize>(view & 0xffffffff), length);
  return (<u64>length << 32) | <u64>to;
}

/**
 * hashes[i] := a hash in the key group of groupHashes[i] that depends on both: for entries that must live where their group
 * does. Exact for any maxParallelism: the group's range of upper halves is [⌈g·2^32/m⌉, ⌈(g+1)·2^32/m⌉).
 */
export function hashWithinGroups(n: u32, groupHashes: usize, hashes: usize, maxParallelism: u32): void {
  const m = <u64>maxParallelism;
  for (let i: u32 = 0; i < n; i++) {
    const upper = load<u64>(groupHashes + (<usize>i << 3)) >> 32;
    const at = hashes + (<usize>i << 3);
    const own = load<u64>(at);
    const group = (upper * m) >> 32;
    const first = ((group << 32) + m - 1) / m;
    const end = (((group + 1) << 32) + m - 1) / m;
    const spread = first + (((own >> 32) * (end - first)) >> 32);
    store<u64>(at, (spread << 32) | (own & 0xffffffff));
  }
}

/** What a view slot keeps := it, `separator`, `view`; or only `view` when it keeps nothing (LISTAGG). */
export function slotAppendView(map: usize, hash: u32, slot: usize, separator: u64, view: u64): void {
  const old = load<u32>(slot);
  if (old == 0) {
    slotSetView(map, hash, slot, view);
    return;
  }
  const oldLength = load<u32>(logPtr(map, hash, old) - 4);
  const middle = <u32>(separator >> 32);
  const length = <u32>(view >> 32);
  const handle = logAllocate(map, hash, oldLength + middle + length);
  const to = logPtr(map, hash, handle);
  memory.copy(to, logPtr(map, hash, old), oldLength);
  memory.copy(to + oldLength, <usize>(separator & 0xffffffff), middle);
  memory.copy(to + oldLength + middle, <usize>(view & 0xffffffff), length);
  logFree(map, hash, old);
  setHandle(slot, handle);
}

// ---- values of a group in order of arrival: FIRST_VALUE, LAST_VALUE, LISTAGG with retraction
// Block: u32 bytes in use, u32 elements, then per element u32 length, the bytes, padding to 4. NULL is the length
// 0x80000000, and as a view that length with address 0.

// @ts-ignore: decorator
@inline
function listElementBytes(length: u32): u32 {
  return (4 + (length & 0x7fffffff) + 3) & ~3;
}

/** Appends a copy of the value's bytes. */
export function listAdd(map: usize, hash: u32, slot: usize, view: u64): void {
  const length = <u32>(view >> 32);
  const bytes = listElementBytes(length);
  let handle = load<u32>(slot);
  if (handle == 0) {
    handle = logAllocate(map, hash, max<u32>(FIRST_BYTES, HEADER + bytes));
    setHandle(slot, handle);
  }
  let block = logPtr(map, hash, handle);
  const used = load<u32>(block);
  if (HEADER + used + bytes > logCapacity(block)) {
    const larger = logAllocate(map, hash, HEADER + (used + bytes) * 2);
    const old = logPtr(map, hash, handle);
    block = logPtr(map, hash, larger);
    memory.copy(block, old, HEADER + used);
    logFree(map, hash, handle);
    setHandle(slot, larger);
  } else {
    logTouch(block, 8);
    logTouch(block + HEADER + used, bytes);
  }
  const element = block + HEADER + used;
  store<u32>(element + bytes - 4, 0);
  store<u32>(element, length);
  memory.copy(element + 4, <usize>(view & 0xffffffff), length & 0x7fffffff);
  store<u32>(block, used + bytes);
  store<u32>(block, load<u32>(block, 4) + 1, 4);
}

/** Removes the first element with these bytes, if there is one. */
export function listRemove(map: usize, hash: u32, slot: usize, view: u64): void {
  const handle = load<u32>(slot);
  if (handle == 0) return;
  const block = logPtr(map, hash, handle);
  const used = load<u32>(block);
  const length = <u32>(view >> 32);
  let at: u32 = 0;
  while (at < used) {
    const element = block + HEADER + at;
    const size = load<u32>(element);
    const bytes = listElementBytes(size);
    const equal =
      size == length &&
      memory.compare(element + 4, <usize>(view & 0xffffffff), length & 0x7fffffff) == 0;
    if (equal) {
      logTouch(block, HEADER + used);
      memory.copy(element, element + bytes, used - at - bytes);
      store<u32>(block, used - bytes);
      store<u32>(block, load<u32>(block, 4) - 1, 4);
      return;
    }
    at += bytes;
  }
}

/** The first or last element; NULL when there is none. It points into the log. */
export function listEnd(map: usize, hash: u32, slot: usize, last: i32): u64 {
  const handle = load<u32>(slot);
  const block: usize = handle == 0 ? 0 : logPtr(map, hash, handle);
  if (block == 0 || load<u32>(block, 4) == 0) {
    setNull();
    return 0;
  }
  const used = load<u32>(block);
  let element = block + HEADER;
  if (last) {
    let next = element;
    while (next < block + HEADER + <usize>used) {
      element = next;
      next += listElementBytes(load<u32>(element));
    }
  }
  return (<u64>load<u32>(element) << 32) | <u64>(element + 4);
}

/** All elements joined, in the arena; NULL when there are none. The separator is kept in a view slot of its own. */
export function listJoin(map: usize, hash: u32, slot: usize, separatorSlot: usize): u64 {
  const handle = load<u32>(slot);
  const block: usize = handle == 0 ? 0 : logPtr(map, hash, handle);
  if (block == 0 || load<u32>(block, 4) == 0) {
    setNull();
    return 0;
  }
  const separator = slotView(map, hash, separatorSlot);
  const middle = <u32>(separator >> 32);
  const used = load<u32>(block);
  const out: usize = arenaAlloc(used + load<u32>(block, 4) * middle);
  let to = out;
  let at: u32 = 0;
  while (at < used) {
    const element = block + HEADER + at;
    const size = load<u32>(element);
    if (at > 0) {
      memory.copy(to, <usize>(separator & 0xffffffff), middle);
      to += middle;
    }
    memory.copy(to, element + 4, size);
    to += size;
    at += listElementBytes(size);
  }
  return (<u64>(to - out) << 32) | <u64>out;
}
