/**
 * Random and counted rows for the datagen connector.
 *
 * Flow:    connectors/datagen/ lays out the columns → datagenGenerate() once per batch → task.
 * Random:  a value is a function of the column's seed and the row's number (SplitMix64 over the counter), so that a restore
 *          needs nothing but the number, and any split of the rows among subtasks gives the same rows.
 * Column (80 bytes): 0 u32 kind · 4 u32 width · 8 u32 *children · 12 u32 number of children · 16 i64 minimum or start
 *   24 i64 maximum · 32 f64 minimum · 40 f64 maximum · 48 u64 seed · 56 f64 share of NULLs
 *   64 u32 length · 68 u32 1 = length varies from 1 · 72 u32 *rows around it · 76 u32 how many, each u64 seed, f64 share of NULLs
 * Kinds:   as in json.as.ts (1 BOOLEAN … 17 TIMESTAMP_LTZ), 18 ROW, 19 ARRAY (child: element), 20 MAP and MULTISET (children: key,
 *          value); 32 more for a sequence. Only what is within a 19 or 20 is a child: columns of a ROW stand beside it. Of a 19 or 20, 24 i64 is the largest
 *          size of a value in bytes, of a 20 16 i64 that of a key.
 * Nested:  written as foundation/columnar/binary-value.ts says. A key that comes twice counts once, with its last value, as in
 *          Flink's map, so that a map may be shorter than it was asked for.
 */
import { arenaAlloc } from "./arena.as";
import { datagenNested } from "./datagen-nested.as";
import { printI64 } from "./text-print.as";

const GAMMA: u64 = 0x9e3779b97f4a7c15;
const COLUMN: usize = 80;
const SEQUENCE: u32 = 32;

// @ts-ignore: decorator
@inline
export function mix(z: u64): u64 {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// @ts-ignore: decorator
@inline
export function unit(z: u64): f64 {
  return <f64>(z >> 11) * 1.1102230246251565e-16;
}

/** Uniform in [low, high], both inclusive. */
function between(z: u64, low: i64, high: i64): i64 {
  const range = <u64>high - <u64>low + 1;
  return range == 0 ? <i64>z : low + <i64>(z % range);
}

/** Rows `first`, first + stride, …; returns the batch. */
export function datagenGenerate(
  columns: usize,
  count: u32,
  rows: u32,
  first: i64,
  stride: i64,
  nowMs: i64,
): usize {
  const batch = arenaAlloc(16 + count * 8);
  store<u32>(batch, rows);
  store<u32>(batch, 0, 4);
  store<u32>(batch, count, 8);
  store<u32>(batch, 0, 12);
  for (let i: u32 = 0; i < count; i++) {
    const column = columns + <usize>i * COLUMN;
    const width = load<u32>(column, 4);
    const values: usize = width == 0 ? <usize>0 : arenaAlloc(width * rows + 16);
    const validity = fillValidity(column, rows, first, stride);
    store<u32>(batch + 16 + i * 8, <u32>validity);
    store<u32>(batch + 16 + i * 8, <u32>values, 4);
    const kind = load<u32>(column);
    if (width == 0) continue;
    if (kind == 19 || kind == 20) fillNested(column, values, rows, first, stride, nowMs);
    else if (kind == 10 || kind == 11 || kind == SEQUENCE + 10) fillViews(column, kind, values, rows, first, stride);
    else if (kind == SEQUENCE + 5) fillCounted(values, rows, load<i64>(column, 16) + first, stride);
    else if (kind == 5 || kind == 8) fillBetween(column, values, rows, first, stride);
    else {
      const seed = load<u64>(column, 48);
      for (let row: u32 = 0; row < rows; row++) {
        const number = first + <i64>row * stride;
        const z = mix(seed + <u64>(number + 1) * GAMMA);
        putValue(column, kind, values, row, number, z, nowMs);
      }
    }
  }
  return batch;
}

/** 0: no NULLs. A value within a ROW that is NULL is NULL. */
function fillValidity(column: usize, rows: u32, first: i64, stride: i64): usize {
  const nulls = load<f64>(column, 56);
  const around = <usize>load<u32>(column, 72);
  const end = around + <usize>load<u32>(column, 76) * 16;
  if (nulls == 0 && around == end) return 0;
  const validity = arenaAlloc(rows);
  for (let row: u32 = 0; row < rows; row++) {
    const number = <u64>(first + <i64>row * stride);
    let valid = !isNull(load<u64>(column, 48), nulls, number);
    for (let at = around; valid && at < end; at += 16) valid = !isNull(load<u64>(at), load<f64>(at, 8), number);
    store<u8>(validity + row, valid ? 1 : 0);
  }
  return validity;
}

// @ts-ignore: decorator
@inline
export function isNull(seed: u64, share: f64, number: u64): bool {
  if (share == 0) return false;
  return unit(mix((seed ^ 0x5851f42d4c957f2d) + (number + 1) * GAMMA)) < share;
}

function fillNested(
  column: usize,
  values: usize,
  rows: u32,
  first: i64,
  stride: i64,
  nowMs: i64,
): void {
  const seed = load<u64>(column, 48);
  let out = arenaAlloc(<u32>load<i64>(column, 24) * rows + 16);
  for (let row: u32 = 0; row < rows; row++) {
    const number = first + <i64>row * stride;
    const end = datagenNested(column, out, mix(seed + <u64>(number + 1) * GAMMA), nowMs);
    store<u64>(values + (<usize>row << 3), (<u64>(end - out) << 32) | <u64>out);
    out = end;
  }
}

/** The commonest kinds have loops of their own: a sequence of BIGINT, and BIGINT between two bounds. */
function fillCounted(values: usize, rows: u32, value: i64, stride: i64): void {
  const end = values + (<usize>rows << 3);
  let pair = i64x2.replace_lane(i64x2.splat(value), 1, value + stride);
  const step = i64x2.splat(stride * 2);
  for (; values + 16 <= end; values += 16) {
    v128.store(values, pair);
    pair = i64x2.add(pair, step);
  }
  if (values < end) store<i64>(values, i64x2.extract_lane(pair, 0));
}

function fillBetween(column: usize, values: usize, rows: u32, first: i64, stride: i64): void {
  const seed = load<u64>(column, 48);
  const low = load<i64>(column, 16);
  const range = <u64>load<i64>(column, 24) - <u64>low + 1;
  const step = <u64>stride * GAMMA;
  const end = values + (<usize>rows << 3);
  let counter = seed + <u64>(first + 1) * GAMMA;
  for (; values < end; values += 8, counter += step) {
    const z = mix(counter);
    store<i64>(values, range == 0 ? <i64>z : low + <i64>(z % range));
  }
}

function fillViews(
  column: usize,
  kind: u32,
  values: usize,
  rows: u32,
  first: i64,
  stride: i64,
): void {
  const length = load<u32>(column, 64);
  const varies = load<u32>(column, 68) != 0;
  const seed = load<u64>(column, 48);
  let out = arenaAlloc((kind == SEQUENCE + 10 ? 20 : length + 16) * rows + 16);
  for (let row: u32 = 0; row < rows; row++) {
    const number = first + <i64>row * stride;
    const start = out;
    if (kind == SEQUENCE + 10) out = printI64(out, load<i64>(column, 16) + number);
    else {
      out = putBytes(kind, length, varies, out, mix(seed + <u64>(number + 1) * GAMMA));
    }
    store<u64>(values + (<usize>row << 3), (<u64>(out - start) << 32) | <u64>start);
  }
}

/** Text or bytes; up to eight bytes behind its end are overwritten. */
export function putBytes(kind: u32, length: u32, varies: bool, out: usize, z: u64): usize {
  const size: u32 = varies && length > 0 ? 1 + <u32>(z % length) : length;
  for (let k: u32 = 0; k < size; k += 8) {
    z += GAMMA;
    let bits = mix(z);
    if (kind == 10) {
      // Eight hexadecimal digits.
      for (let j: usize = 0; j < 8; j++) {
        const digit = <u32>(bits & 15);
        bits >>= 4;
        store<u8>(out + k + j, digit < 10 ? 48 + digit : 87 + digit);
      }
    } else store<u64>(out + k, bits);
  }
  return out + size;
}

export function putValue(
  column: usize,
  kind: u32,
  values: usize,
  row: u32,
  number: i64,
  z: u64,
  nowMs: i64,
): void {
  const low = load<i64>(column, 16);
  const high = load<i64>(column, 24);
  const at = values + <usize>row * load<u32>(column, 4);
  switch (kind) {
    case 1:
      store<u8>(at, <u32>(z & 1));
      return;
    case 2:
      store<i8>(at, <i8>between(z, low, high));
      return;
    case 3:
      store<i16>(at, <i16>between(z, low, high));
      return;
    case 4:
      store<i32>(at, <i32>between(z, low, high));
      return;
    case 5:
      store<i64>(at, between(z, low, high));
      return;
    case 6:
      store<f32>(at, <f32>uniform(column, z));
      return;
    case 7:
      store<f64>(at, uniform(column, z));
      return;
    case 8:
      store<i64>(at, between(z, low, high));
      return;
    case 9:
      putWide(at, uniform(column, z));
      return;
    case 12:
      store<i32>(at, <i32>floorDiv(nowMs - between(z, 0, high), 86400000));
      return;
    case 13:
      store<i32>(at, <i32>(nowMs - floorDiv(nowMs, 86400000) * 86400000));
      return;
    case 14:
    case 16:
      store<i64>(at, nowMs - between(z, 0, high));
      return;
    case 15:
    case 17:
      store<i64>(at, nowMs - between(z, 0, high));
      store<i64>(at, 0, 8);
      return;
    case SEQUENCE + 2:
      store<i8>(at, <i8>(low + number));
      return;
    case SEQUENCE + 3:
      store<i16>(at, <i16>(low + number));
      return;
    case SEQUENCE + 4:
      store<i32>(at, <i32>(low + number));
      return;
    case SEQUENCE + 5:
      store<i64>(at, low + number);
      return;
    case SEQUENCE + 6:
      store<f32>(at, <f32>(low + number));
      return;
    case SEQUENCE + 7:
      store<f64>(at, <f64>(low + number));
      return;
    case SEQUENCE + 8:
      store<i64>(at, (low + number) * high);
      return;
  }
}

function uniform(column: usize, z: u64): f64 {
  const low = load<f64>(column, 32);
  const u = unit(z);
  return low * (1 - u) + load<f64>(column, 40) * u;
}

function floorDiv(a: i64, b: i64): i64 {
  const q = a / b;
  return q * b > a ? q - 1 : q;
}

/** trunc(value) as 128 bits. */
function putWide(at: usize, value: f64): void {
  const bits = reinterpret<u64>(Math.abs(value));
  const exponent = <i32>(bits >> 52) - 1075;
  const mantissa = (bits & 0xfffffffffffff) | 0x10000000000000;
  let low: u64 = 0;
  let high: u64 = 0;
  if (exponent <= -53) low = 0;
  else if (exponent <= 0) low = mantissa >> -exponent;
  else if (exponent < 64) {
    low = mantissa << exponent;
    high = mantissa >> (64 - exponent);
  } else high = mantissa << (exponent - 64);
  if (value < 0) {
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  store<u64>(at, low);
  store<u64>(at, high, 8);
}
