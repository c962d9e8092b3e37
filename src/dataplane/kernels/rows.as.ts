/**
 * Rows: from self-contained bytes to the columns of a batch, whole batches re-arranged, and the list of changes that an
 * operator's kernel produces.
 *
 * Flow:    codegen's row codec encodes → state → here; operators/rows in TypeScript fills the layouts; join.as.ts,
 *          rank.as.ts and keep-row.as.ts push changes.
 * Layout:  what codegen's RowLayout says, as numbers: u32 columns, 12 bytes unused, then 16 bytes per column: u32 offset of
 *          the byte with its NULL bit (all ones = never NULL), u32 width (0 = ROW: NULL flag only), u32 offset of its slot,
 *          u32 bit 0: view, bits 8…: number of its NULL bit within the byte.
 * Changes: kind, left and right row address (0 = none, all NULL) and a rank; grows in the arena, so read its addresses
 *          right after the kernel that filled it. Frees are noted beside it and done when the changes have been emitted.
 */
import { copyBytes, equalBytes } from "./copy.as";
import { arenaAlloc } from "./arena.as";
import { blockAllocate, blockFree } from "./memory.as";
import { groupOf } from "./keyed-map-pages.as";
import { freeIn } from "./log.as";

const HEADER: usize = 16;
const BATCH_HEADER: usize = 16;
const NEVER_NULL: u32 = 0xffffffff;
/** Generated code reads absent validity as so many ones (MAX_BATCH_ROWS): decoded lists may be longer. */
const ONES_ROWS: u32 = 8192;

/** Zeroed memory for an operator's life: layouts, call structs, lists of widths. */
export function operatorAllocate(bytes: u32): usize {
  return blockAllocate(bytes);
}

/** `bytes` as given to operatorAllocate. */
export function operatorFree(address: usize, bytes: u32): void {
  blockFree(address, bytes);
}

@inline
function columnOf(batch: usize, index: u32): usize {
  return batch + BATCH_HEADER + (<usize>index << 3);
}

/** out u8[n]: 1 where one of the columns (u32[count]) is NULL; returns whether any is. */
export function rowsAnyNull(batch: usize, columns: usize, count: u32, out: usize): bool {
  const n = load<u32>(batch);
  memory.fill(out, 0, n);
  let found = false;
  for (let k: u32 = 0; k < count; k++) {
    const validity = <usize>load<u32>(columnOf(batch, load<u32>(columns + (k << 2))));
    if (validity == 0) continue;
    for (let i: u32 = 0; i < n; i++) {
      if (load<u8>(validity + i) == 0) {
        store<u8>(out + i, 1);
        found = true;
      }
    }
  }
  return found;
}

/** Width of a column of views, among those of fixed ones. */
const VIEW_WIDTH: u32 = 255;

/** out u8[n]: 1 where a row has the values of the row before it in all columns (u32[count]; widths u8[count], 255: views). */
export function rowsLikeBefore(batch: usize, columns: usize, widths: usize, count: u32, out: usize): void {
  const n = load<u32>(batch);
  memory.fill(out, 1, n);
  if (n != 0) store<u8>(out, 0);
  for (let k: u32 = 0; k < count; k++) {
    const column = columnOf(batch, load<u32>(columns + (k << 2)));
    const validity = <usize>load<u32>(column);
    const values = <usize>load<u32>(column, 4);
    const width = <u32>load<u8>(widths + k);
    const step = width == VIEW_WIDTH ? 8 : width;
    for (let i: u32 = 1; i < n; i++) {
      if (load<u8>(out + i) == 0) continue;
      let same = true;
      if (validity != 0) {
        const valid = load<u8>(validity + i) != 0;
        same = valid == (load<u8>(validity + i - 1) != 0);
        if (same && !valid) continue;
      }
      if (same) {
        const at = values + i * step;
        if (width == VIEW_WIDTH) {
          const length = load<u32>(at, 4);
          same =
            length == load<u32>(at - 4) &&
            equalBytes(<usize>load<u32>(at), <usize>load<u32>(at - 8), length);
        } else same = equalBytes(at, at - step, step);
      }
      if (!same) store<u8>(out + i, 0);
    }
  }
}

/** Entries of marked rows become 0. */
export function clearMarked(n: u32, marks: usize, entries: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    if (load<u8>(marks + i) != 0) store<u32>(entries + (i << 2), 0);
  }
}

/** The listed elements of arrays of u64 (width 8) or of `width` bytes, a multiple of 8. */
export function gatherWide(from: usize, width: u32, n: u32, rows: usize): usize {
  const to = arenaAlloc(n * width);
  if (width == 8) {
    for (let i: u32 = 0; i < n; i++) store<u64>(to + (i << 3), load<u64>(from + (load<u32>(rows + (i << 2)) << 3)));
  } else {
    for (let i: u32 = 0; i < n; i++) copyBytes(to + i * width, from + load<u32>(rows + (i << 2)) * width, width);
  }
  return to;
}

@inline
function collect<T>(values: usize, validity: usize, rows: usize, n: u32, offset: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    if (load<u8>(validity + i) != 0) {
      store<T>(values + <usize>i * sizeof<T>(), load<T>(<usize>load<u32>(rows + (i << 2)) + offset));
    } else {
      store<T>(values + <usize>i * sizeof<T>(), 0);
    }
  }
}

/**
 * Decodes n rows (u32[n] addresses; 0 = all NULL) into the columns first, first + 1 … of `batch`. Views point into the
 * rows. `wanted`: u8[columns], 0 = leave the column out; 0 = all.
 */
export function rowsDecode(layout: usize, n: u32, rows: usize, batch: usize, first: u32, wanted: usize): void {
  const count = load<u32>(layout);
  for (let k: u32 = 0; k < count; k++) {
    if (wanted != 0 && load<u8>(wanted + k) == 0) continue;
    const item = layout + HEADER + (k << 4);
    const column = columnOf(batch, first + k);
    const width = load<u32>(item, 4);
    const offset = <usize>load<u32>(item, 8);
    const validity = arenaAlloc(n);
    const nullByte = load<u32>(item);
    const kind = load<u32>(item, 12);
    const shift = kind >>> 8;
    let nulls: u32 = 0;
    for (let i: u32 = 0; i < n; i++) {
      const row = <usize>load<u32>(rows + (i << 2));
      let valid: u32 = 0;
      if (row != 0) valid = nullByte == NEVER_NULL ? 1 : ((<u32>load<u8>(row + nullByte) >>> shift) & 1) ^ 1;
      store<u8>(validity + i, <u8>valid);
      nulls |= valid ^ 1;
    }
    store<u32>(column, nulls != 0 || n > ONES_ROWS ? <u32>validity : 0);
    if (width == 0) {
      store<u32>(column, 0, 4);
      continue;
    }
    const values = arenaAlloc(n * width);
    store<u32>(column, <u32>values, 4);
    if (kind & 1) {
      for (let i: u32 = 0; i < n; i++) {
        if (load<u8>(validity + i) == 0) {
          store<u64>(values + (i << 3), 0);
          continue;
        }
        const row = <usize>load<u32>(rows + (i << 2));
        store<u32>(values + (i << 3), <u32>row + load<u32>(row + offset));
        store<u32>(values + (i << 3), load<u32>(row + offset, 4), 4);
      }
    } else if (width == 8) collect<u64>(values, validity, rows, n, offset);
    else if (width == 4) collect<u32>(values, validity, rows, n, offset);
    else if (width == 1) collect<u8>(values, validity, rows, n, offset);
    else if (width == 2) collect<u16>(values, validity, rows, n, offset);
    else if (width == 16) {
      for (let i: u32 = 0; i < n; i++) {
        const row = <usize>load<u32>(rows + (i << 2));
        const valid = load<u8>(validity + i) != 0;
        store<u64>(values + (i << 4), valid ? load<u64>(row + offset) : 0);
        store<u64>(values + (i << 4), valid ? load<u64>(row + offset, 8) : 0, 8);
      }
    }
  }
}

/** A batch of `columns` columns with n rows, whose descriptors are zero. */
export function batchCreate(n: u32, columns: u32, kinds: usize): usize {
  const batch = arenaAlloc(<u32>BATCH_HEADER + (columns << 3));
  memory.fill(batch, 0, BATCH_HEADER + (<usize>columns << 3));
  store<u32>(batch, n);
  store<u32>(batch, <u32>kinds, 4);
  store<u32>(batch, columns, 8);
  return batch;
}

/** The same columns, shared, with room for `extra` more behind them. */
export function batchExtend(batch: usize, extra: u32): usize {
  const columns = load<u32>(batch, 8);
  const out = batchCreate(load<u32>(batch), columns + extra, <usize>load<u32>(batch, 4));
  memory.copy(out + BATCH_HEADER, batch + BATCH_HEADER, <usize>columns << 3);
  return out;
}

@inline
function gather<T>(from: usize, rows: usize, n: u32): usize {
  const to = arenaAlloc(n * <u32>sizeof<T>());
  for (let i: u32 = 0; i < n; i++) {
    store<T>(to + <usize>i * sizeof<T>(), load<T>(from + <usize>load<u32>(rows + (i << 2)) * sizeof<T>()));
  }
  return to;
}

/** The listed rows (u32[n], any order, repeats allowed) as a new batch with room for `extra` columns. widths: u8[columns]. */
export function batchGather(batch: usize, widths: usize, n: u32, rows: usize, extra: u32): usize {
  const columns = load<u32>(batch, 8);
  const kinds = <usize>load<u32>(batch, 4);
  const out = batchCreate(n, columns + extra, kinds == 0 ? 0 : gather<u8>(kinds, rows, n));
  for (let k: u32 = 0; k < columns; k++) {
    const from = columnOf(batch, k);
    const to = columnOf(out, k);
    const validity = <usize>load<u32>(from);
    const values = <usize>load<u32>(from, 4);
    if (validity != 0) store<u32>(to, <u32>gather<u8>(validity, rows, n));
    if (values == 0) continue;
    const width = load<u8>(widths + k);
    let copied: usize = 0;
    if (width == 8) copied = gather<u64>(values, rows, n);
    else if (width == 4) copied = gather<u32>(values, rows, n);
    else if (width == 1) copied = gather<u8>(values, rows, n);
    else if (width == 2) copied = gather<u16>(values, rows, n);
    else if (width == 16) {
      copied = arenaAlloc(n << 4);
      for (let i: u32 = 0; i < n; i++) {
        const source = values + (<usize>load<u32>(rows + (i << 2)) << 4);
        store<u64>(copied + (i << 4), load<u64>(source));
        store<u64>(copied + (i << 4), load<u64>(source, 8), 8);
      }
    }
    store<u32>(to, <u32>copied, 4);
  }
  return out;
}

/** Lists the rows whose kind is in `mask` (bit = kind); rows: u32[n]. */
export function rowsOfKinds(batch: usize, mask: u32, rows: usize): u32 {
  const n = load<u32>(batch);
  const kinds = <usize>load<u32>(batch, 4);
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const kind: u32 = kinds == 0 ? 0 : load<u8>(kinds + i);
    store<u32>(rows + (count << 2), i);
    count += (mask >>> kind) & 1;
  }
  return count;
}

/** The greatest i64 of a column (its first 8 bytes: milliseconds), and through `nulls` the first NULL row + 1 or 0. */
export function columnMax64(batch: usize, column: u32, width: u32, nulls: usize): i64 {
  const n = load<u32>(batch);
  const descriptor = columnOf(batch, column);
  const validity = <usize>load<u32>(descriptor);
  const values = <usize>load<u32>(descriptor, 4);
  let most: i64 = i64.MIN_VALUE;
  store<u32>(nulls, 0);
  for (let i: u32 = 0; i < n; i++) {
    if (validity != 0 && load<u8>(validity + i) == 0) {
      if (load<u32>(nulls) == 0) store<u32>(nulls, i + 1);
      continue;
    }
    const value = load<i64>(values + <usize>(i * width));
    if (value > most) most = value;
  }
  return most;
}

// The list of changes.
let kinds: usize = 0;
let lefts: usize = 0;
let rights: usize = 0;
let ranks: usize = 0;
let count: u32 = 0;
let capacity: u32 = 0;
let frees: usize = 0;
let freeCount: u32 = 0;
let freeCapacity: u32 = 0;

/** Empties both lists; the first thing that a kernel which uses them does. */
export function changesBegin(room: u32): void {
  capacity = room;
  count = 0;
  kinds = arenaAlloc(room);
  lefts = arenaAlloc(room << 2);
  rights = arenaAlloc(room << 2);
  ranks = arenaAlloc(room << 2);
  freeCount = 0;
  freeCapacity = 0;
  frees = 0;
}

@inline
export function pushChange(kind: u32, left: usize, right: usize, rank: u32): void {
  if (count == capacity) growChanges();
  store<u8>(kinds + count, <u8>kind);
  store<u32>(lefts + (count << 2), <u32>left);
  store<u32>(rights + (count << 2), <u32>right);
  store<u32>(ranks + (count << 2), rank);
  count++;
}

function moved(from: usize, bytes: u32, room: u32): usize {
  const to = arenaAlloc(room);
  memory.copy(to, from, bytes);
  return to;
}

function growChanges(): void {
  const room = capacity << 1;
  kinds = moved(kinds, count, room);
  lefts = moved(lefts, count << 2, room << 2);
  rights = moved(rights, count << 2, room << 2);
  ranks = moved(ranks, count << 2, room << 2);
  capacity = room;
}

/** Notes a log block of the key group of `hash` that is freed after the changes have been emitted. */
export function freeLater(hash: u32, handle: u32): void {
  if (freeCount == freeCapacity) {
    freeCapacity = freeCapacity == 0 ? 64 : freeCapacity << 1;
    frees = moved(frees, freeCount << 3, freeCapacity << 3);
  }
  store<u32>(frees + (freeCount << 3), hash);
  store<u32>(frees + (freeCount << 3), handle, 4);
  freeCount++;
}

export function changesCount(): u32 {
  return count;
}
export function changesKinds(): usize {
  return kinds;
}
export function changesLefts(): usize {
  return lefts;
}
export function changesRights(): usize {
  return rights;
}
export function changesRanks(): usize {
  return ranks;
}
export function changesFrees(): usize {
  return frees;
}
export function changesFreeCount(): u32 {
  return freeCount;
}

/** Frees what freeLater has noted. */
export function freeNoted(map: usize, list: usize, n: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    freeIn(groupOf(map, load<u32>(list + (i << 3))), load<u32>(list + (i << 3), 4));
  }
}

/** u32[n] → a BIGINT column's values. */
export function widen(from: usize, n: u32): usize {
  const to = arenaAlloc(n << 3);
  for (let i: u32 = 0; i < n; i++) store<u64>(to + (i << 3), <u64>load<u32>(from + (i << 2)));
  return to;
}

/** Bytes that are all the same. */
export function bytesEqual(a: usize, b: usize, length: u32): bool {
  return equalBytes(a, b, length);
}
