/**
 * Sort keys: bytes whose order under memcmp is the order of ORDER BY, column by column.
 *
 * Form:    per column u8 0 or 2 for NULL by nullsFirst, else 1; then the value: integers big-endian with the sign bit
 *          flipped, floats as ordered integers (-0.0 before 0.0, NaN after all), views with 0 escaped as 0 255 and ended by
 *          0 0; all value bytes inverted when descending.
 * Spec:    u32 columns, then 16 bytes each: u32 column of the batch, u32 form (FORM_…), u32 descending, u32 nullsFirst.
 * Identity: u32 bytes of the sort key, the sort key, then the bytes of a unique key if views of them are given.
 */
import { arenaAlloc } from "./arena.as";
import { compareBytes } from "./copy.as";

const FORM_U8: u32 = 1;
const FORM_I8: u32 = 2;
const FORM_I16: u32 = 3;
const FORM_I32: u32 = 4;
const FORM_I64: u32 = 5;
const FORM_F32: u32 = 6;
const FORM_F64: u32 = 7;
const FORM_I128: u32 = 8;
const FORM_TS128: u32 = 9;
const FORM_VIEW: u32 = 10;

@inline
function widthOf(form: u32): u32 {
  if (form <= FORM_I8) return 1;
  if (form == FORM_I16) return 2;
  if (form == FORM_I32 || form == FORM_F32) return 4;
  if (form == FORM_I128 || form == FORM_TS128) return 16;
  return 8;
}

function viewBytes(view: usize): u32 {
  const address = <usize>load<u32>(view);
  const length = load<u32>(view, 4);
  let zeros: u32 = 0;
  for (let i: u32 = 0; i < length; i++) zeros += load<u8>(address + i) == 0 ? 1 : 0;
  return length + zeros + 2;
}

/** out: u64[n] views of the identities; unique: u64[n] views appended to the keys, 0 = none. */
export function sortIdentities(spec: usize, batch: usize, unique: usize, out: usize): void {
  const n = load<u32>(batch);
  const count = load<u32>(spec);
  let fixed: u32 = 4;
  for (let k: u32 = 0; k < count; k++) {
    const form = load<u32>(spec + 4 + (k << 4), 4);
    fixed += 1 + (form == FORM_VIEW ? 0 : widthOf(form));
  }
  for (let i: u32 = 0; i < n; i++) {
    let bytes = fixed + (unique == 0 ? 0 : load<u32>(unique + (i << 3), 4));
    for (let k: u32 = 0; k < count; k++) {
      const item = spec + 4 + (k << 4);
      if (load<u32>(item, 4) != FORM_VIEW) continue;
      const column = batch + 16 + (<usize>load<u32>(item) << 3);
      const validity = <usize>load<u32>(column);
      if (validity != 0 && load<u8>(validity + i) == 0) continue;
      bytes += viewBytes(<usize>load<u32>(column, 4) + (i << 3));
    }
    const to = arenaAlloc(bytes);
    let at = to + 4;
    for (let k: u32 = 0; k < count; k++) at = writeColumn(spec + 4 + (k << 4), batch, i, at);
    store<u32>(to, <u32>(at - to - 4));
    if (unique != 0) {
      const view = unique + (i << 3);
      memory.copy(at, <usize>load<u32>(view), load<u32>(view, 4));
      at += load<u32>(view, 4);
    }
    store<u64>(out + (i << 3), <u64>to | (<u64>(at - to) << 32));
  }
}

function writeColumn(item: usize, batch: usize, row: u32, at: usize): usize {
  const column = batch + 16 + (<usize>load<u32>(item) << 3);
  const validity = <usize>load<u32>(column);
  const form = load<u32>(item, 4);
  if (validity != 0 && load<u8>(validity + row) == 0) {
    store<u8>(at, load<u32>(item, 12) != 0 ? 0 : 2);
    // Slots of fixed width stay, so that the key's length does not depend on it.
    if (form == FORM_VIEW) return at + 1;
    memory.fill(at + 1, 0, widthOf(form));
    return at + 1 + widthOf(form);
  }
  store<u8>(at, 1);
  at++;
  const begin = at;
  const value = <usize>load<u32>(column, 4) + <usize>(row * widthOf(form));
  if (form == FORM_VIEW) {
    const address = <usize>load<u32>(value);
    const length = load<u32>(value, 4);
    for (let i: u32 = 0; i < length; i++) {
      const byte = load<u8>(address + i);
      store<u8>(at++, byte);
      if (byte == 0) store<u8>(at++, 255);
    }
    store<u8>(at, 0);
    store<u8>(at, 0, 1);
    at += 2;
  } else {
    writeValue(form, value, at);
    at += widthOf(form);
  }
  if (load<u32>(item, 8) != 0) {
    for (let p = begin; p < at; p++) store<u8>(p, ~load<u8>(p));
  }
  return at;
}

function writeValue(form: u32, value: usize, at: usize): void {
  if (form == FORM_U8) store<u8>(at, load<u8>(value));
  else if (form == FORM_I8) store<u8>(at, load<u8>(value) ^ 0x80);
  else if (form == FORM_I16) store<u16>(at, bswap<u16>(load<u16>(value) ^ 0x8000));
  else if (form == FORM_I32) store<u32>(at, bswap<u32>(load<u32>(value) ^ 0x80000000));
  else if (form == FORM_I64) store<u64>(at, bswap<u64>(load<u64>(value) ^ 0x8000000000000000));
  else if (form == FORM_F32) store<u32>(at, bswap<u32>(orderedF32(load<f32>(value))));
  else if (form == FORM_F64) store<u64>(at, bswap<u64>(orderedF64(load<f64>(value))));
  else if (form == FORM_I128) {
    store<u64>(at, bswap<u64>(load<u64>(value, 8) ^ 0x8000000000000000));
    store<u64>(at, bswap<u64>(load<u64>(value)), 8);
  } else {
    store<u64>(at, bswap<u64>(load<u64>(value) ^ 0x8000000000000000));
    store<u64>(at, bswap<u64>(load<u64>(value, 8)), 8);
  }
}

function orderedF32(value: f32): u32 {
  if (value != value) return 0xffffffff;
  const bits = reinterpret<u32>(value);
  return bits >>> 31 ? ~bits : bits | 0x80000000;
}

function orderedF64(value: f64): u64 {
  if (value != value) return 0xffffffffffffffff;
  const bits = reinterpret<u64>(value);
  return bits >>> 63 ? ~bits : bits | 0x8000000000000000;
}

/** Orders rows by their identities: rows u32[n] of row numbers, stable. `scratch` u32[n]. */
export function sortRows(n: u32, identities: usize, rows: usize): void {
  const scratch = arenaAlloc(n << 2);
  for (let i: u32 = 0; i < n; i++) store<u32>(rows + (i << 2), i);
  let from = rows;
  let to = scratch;
  for (let width: u32 = 1; width < n; width <<= 1) {
    for (let low: u32 = 0; low < n; low += width << 1) {
      mergeRuns(identities, from, to, low, min<u32>(low + width, n), min<u32>(low + (width << 1), n));
    }
    const swap = from;
    from = to;
    to = swap;
  }
  if (from != rows) memory.copy(rows, from, n << 2);
}

function mergeRuns(identities: usize, from: usize, to: usize, low: u32, middle: u32, high: u32): void {
  let a = low;
  let b = middle;
  for (let at = low; at < high; at++) {
    const takeA =
      a < middle &&
      (b >= high ||
        compareIdentities(identities, load<u32>(from + (a << 2)), load<u32>(from + (b << 2))) <= 0);
    store<u32>(to + (at << 2), load<u32>(from + ((takeA ? a : b) << 2)));
    if (takeA) a++;
    else b++;
  }
}

function compareIdentities(identities: usize, a: u32, b: u32): i32 {
  const left = <usize>load<u32>(identities + (a << 3));
  const right = <usize>load<u32>(identities + (b << 3));
  const la = load<u32>(left);
  const lb = load<u32>(right);
  const order = compareBytes(left + 4, right + 4, min<u32>(la, lb));
  return order != 0 ? order : la < lb ? -1 : la > lb ? 1 : 0;
}
