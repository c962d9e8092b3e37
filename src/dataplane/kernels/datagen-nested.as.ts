/**
 * Random ARRAY, MAP, MULTISET, and ROW within them, for the datagen connector: values are written as they are kept.
 *
 * Flow:    datagen.as.ts → datagenNested() once per value. Descriptors and kinds: see there; layout of the bytes: see
 *          foundation/columnar/binary-value.ts.
 * Random:  a value is a function of its column's seed and the number z of what it is within.
 */
import { arenaAlloc, arenaMark, arenaRelease } from "./arena.as";
import { isNull, mix, putBytes, putValue } from "./datagen.as";

const GAMMA: u64 = 0x9e3779b97f4a7c15;
const COLUMN: usize = 80;
/** A key of a map: 0 u32 address · 4 u32 length · 8 u32 1 = NULL · 12 u32 place among those generated. */
const KEY: usize = 16;

// @ts-ignore: decorator
@inline
function seeded(column: usize, z: u64): u64 {
  return mix(load<u64>(column, 48) + (z + 1) * GAMMA);
}

// @ts-ignore: decorator
@inline
function nullAt(column: usize, z: u64): bool {
  return isNull(load<u64>(column, 48), load<f64>(column, 56), z);
}

/** 10 text, 11 bytes, 18 ROW, 19 ARRAY, 20 MAP: what has a length of its own. */
function isVariable(kind: u32): bool {
  return kind == 10 || kind == 11 || kind >= 18;
}

/** Writes an ARRAY or a MAP; returns its end. */
export function datagenNested(column: usize, out: usize, z: u64, nowMs: i64): usize {
  const child = <usize>load<u32>(column, 8);
  const length = load<u32>(column, 64);
  if (load<u32>(column) == 19) return putArray(child, out, length, z, nowMs);
  return putMap(column, out, z, nowMs);
}

/** The bytes of one value of any kind; returns their end. */
function putElement(column: usize, out: usize, z: u64, nowMs: i64): usize {
  const kind = load<u32>(column);
  if (kind == 10 || kind == 11) {
    return putBytes(kind, load<u32>(column, 64), load<u32>(column, 68) != 0, out, z);
  }
  if (kind == 18) return putRow(column, out, z, nowMs);
  if (kind >= 19) return datagenNested(column, out, z, nowMs);
  putValue(column, kind, out, 0, 0, z, nowMs);
  return out + load<u32>(column, 4);
}

function putRow(column: usize, out: usize, z: u64, nowMs: i64): usize {
  let child = <usize>load<u32>(column, 8);
  const end = child + <usize>load<u32>(column, 12) * COLUMN;
  for (; child < end; child += COLUMN) {
    const own = seeded(child, z);
    const missing = nullAt(child, own);
    store<u8>(out, missing ? 0 : 1);
    out++;
    if (missing) continue;
    if (!isVariable(load<u32>(child))) out = putElement(child, out, own, nowMs);
    else {
      const start = out + 4;
      out = putElement(child, start, own, nowMs);
      store<u32>(start - 4, <u32>(out - start));
    }
  }
  return out;
}

function putArray(child: usize, out: usize, count: u32, z: u64, nowMs: i64): usize {
  const kind = load<u32>(child);
  const present = out + 4;
  store<u32>(out, count);
  out = present + count;
  const lengths = out;
  if (isVariable(kind)) out += <usize>count << 2;
  for (let i: u32 = 0; i < count; i++) {
    const own = seeded(child, z + i);
    const missing = nullAt(child, own);
    // What is written behind a text's end would spoil nothing: everything else comes later.
    store<u8>(present + i, missing ? 0 : 1);
    const start = out;
    if (!missing) out = putElement(child, out, own, nowMs);
    else if (!isVariable(kind)) {
      const width = load<u32>(child, 4);
      memory.fill(out, 0, width);
      out += width;
    }
    if (isVariable(kind)) store<u32>(lengths + (<usize>i << 2), <u32>(out - start));
  }
  return out;
}

/** The column's 16 i64: bytes of its largest key. */
function putMap(column: usize, out: usize, z: u64, nowMs: i64): usize {
  const keyColumn = <usize>load<u32>(column, 8);
  const valueColumn = keyColumn + COLUMN;
  const length = load<u32>(column, 64);
  const mark = arenaMark();
  const keys = arenaAlloc(length * <u32>KEY + 16);
  const merged = arenaAlloc(length * <u32>KEY + 16);
  let bytes = arenaAlloc(length * <u32>load<i64>(column, 16) + 16);
  for (let i: u32 = 0; i < length; i++) {
    const own = seeded(keyColumn, z + i);
    const missing = nullAt(keyColumn, own);
    const end = missing ? bytes : putElement(keyColumn, bytes, own, nowMs);
    const key = keys + <usize>i * KEY;
    store<u32>(key, <u32>bytes);
    store<u32>(key, <u32>(end - bytes), 4);
    store<u32>(key, missing ? 1 : 0, 8);
    store<u32>(key, i, 12);
    bytes = end;
  }
  sortKeys(keyColumn, keys, merged, length);
  const count = lastOfEqual(keyColumn, keys, length);
  const start = out + 4;
  out = putKeys(keyColumn, keys, count, start);
  store<u32>(start - 4, <u32>(out - start));
  out = putMapValues(valueColumn, keys, count, out, z, nowMs);
  arenaRelease(mark);
  return out;
}

/** Keeps the last of those that are equal; returns how many are left. Sorting has kept their order. */
function lastOfEqual(column: usize, keys: usize, length: u32): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const key = keys + <usize>i * KEY;
    if (count > 0 && compareKeys(column, keys + <usize>(count - 1) * KEY, key) == 0) count--;
    memory.copy(keys + <usize>count * KEY, key, KEY);
    count++;
  }
  return count;
}

function putKeys(column: usize, keys: usize, count: u32, out: usize): usize {
  const variable = isVariable(load<u32>(column));
  const width = load<u32>(column, 4);
  store<u32>(out, count);
  out += 4;
  for (let i: u32 = 0; i < count; i++) store<u8>(out + i, load<u32>(keys + <usize>i * KEY, 8) == 0 ? 1 : 0);
  out += count;
  if (variable) {
    for (let i: u32 = 0; i < count; i++) {
      store<u32>(out, load<u32>(keys + <usize>i * KEY, 4));
      out += 4;
    }
  }
  for (let i: u32 = 0; i < count; i++) {
    const key = keys + <usize>i * KEY;
    const size = load<u32>(key, 4);
    memory.copy(out, <usize>load<u32>(key), size);
    out += size;
    if (!variable && size == 0) {
      memory.fill(out, 0, width);
      out += width;
    }
  }
  return out;
}

/** As putArray(), of the values that belong to the keys that are left. */
function putMapValues(column: usize, keys: usize, count: u32, out: usize, z: u64, nowMs: i64): usize {
  const variable = isVariable(load<u32>(column));
  const width = load<u32>(column, 4);
  const present = out + 4;
  store<u32>(out, count);
  out = present + count;
  const lengths = out;
  if (variable) out += <usize>count << 2;
  for (let i: u32 = 0; i < count; i++) {
    const own = seeded(column, z + load<u32>(keys + <usize>i * KEY, 12));
    const missing = nullAt(column, own);
    store<u8>(present + i, missing ? 0 : 1);
    const start = out;
    if (!missing) out = putElement(column, out, own, nowMs);
    else if (!variable) {
      memory.fill(out, 0, width);
      out += width;
    }
    if (variable) store<u32>(lengths + (<usize>i << 2), <u32>(out - start));
  }
  return out;
}

/** Merge sort, from the bottom: equal keys stay in their order. */
function sortKeys(column: usize, keys: usize, spare: usize, length: u32): void {
  for (let run: u32 = 1; run < length; run <<= 1) {
    for (let from: u32 = 0; from < length; from += run << 1) {
      const middle = min(from + run, length);
      const end = min(middle + run, length);
      let a = from;
      let b = middle;
      for (let to = from; to < end; to++) {
        const takeA =
          a < middle &&
          (b >= end || compareKeys(column, keys + <usize>a * KEY, keys + <usize>b * KEY) <= 0);
        memory.copy(spare + <usize>to * KEY, keys + <usize>(takeA ? a++ : b++) * KEY, KEY);
      }
    }
    memory.copy(keys, spare, <usize>length * KEY);
  }
}

/** NULL first; numbers and times by value, everything else by bytes. */
function compareKeys(column: usize, a: usize, b: usize): i32 {
  const nulls = <i32>load<u32>(b, 8) - <i32>load<u32>(a, 8);
  if (nulls != 0 || load<u32>(a, 8) != 0) return nulls;
  const x = <usize>load<u32>(a);
  const y = <usize>load<u32>(b);
  switch (load<u32>(column)) {
    case 2:
      return order<i32>(load<i8>(x), load<i8>(y));
    case 3:
      return order<i32>(load<i16>(x), load<i16>(y));
    case 4:
    case 12:
    case 13:
      return order<i32>(load<i32>(x), load<i32>(y));
    case 5:
    case 8:
    case 14:
    case 16:
      return order<i64>(load<i64>(x), load<i64>(y));
    case 6:
      return order<f32>(load<f32>(x), load<f32>(y));
    case 7:
      return order<f64>(load<f64>(x), load<f64>(y));
    case 9: {
      const high = order<i64>(load<i64>(x, 8), load<i64>(y, 8));
      return high != 0 ? high : order<u64>(load<u64>(x), load<u64>(y));
    }
    case 15:
    case 17: {
      const millis = order<i64>(load<i64>(x), load<i64>(y));
      return millis != 0 ? millis : order<i64>(load<i64>(x, 8), load<i64>(y, 8));
    }
    default:
      return compareBytes(x, load<u32>(a, 4), y, load<u32>(b, 4));
  }
}

// @ts-ignore: decorator
@inline
function order<T>(a: T, b: T): i32 {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareBytes(a: usize, aLength: u32, b: usize, bLength: u32): i32 {
  const shorter = min(aLength, bLength);
  for (let i: u32 = 0; i < shorter; i++) {
    const difference = <i32>load<u8>(a + i) - <i32>load<u8>(b + i);
    if (difference != 0) return difference;
  }
  return order<u32>(aLength, bLength);
}
