/**
 * What aggregates make of the blocks that aggregate-extremes.as.ts keeps of a group: arrays, multisets, JSON arrays,
 * percentiles; and blocks put together when window slices are merged.
 *
 * Blocks:  views: of a log block, or (merged slices) of one in the arena. View 0 = no block.
 *          list      u32 bytes in use, u32 elements, then per element u32 word, the bytes, padding to 4;
 *                    word = length, or 0x80000000 for NULL
 *          numbers   u32 elements, u32 0, then per element, ascending: i64 high, u64 low, i64 count
 *          views     u32 bytes in use, u32 elements, then per element, ascending: i64 count, u32 length, bytes, padding to 8
 * Results: canonical encodings (foundation/columnar/binary-value.ts), in the arena.
 * Forms:   how a number lies in an array: 1, 2, 4, 8 integers of so many bytes, 16 DECIMAL, 17 timestamp with nanoseconds,
 *          20 FLOAT, 24 DOUBLE.
 * Errors:  TOO_MANY and PERCENTAGE through the status struct (codegen/errors.ts).
 */
import { arenaAlloc } from "./arena.as";
import { setError, setNull } from "./cast-status.as";
import { compareViews } from "./strings.as";
import { printF64 } from "./text-print.as";

const HEADER: u32 = 8;
const ELEMENT: u32 = 24;
const NULL_WORD: u32 = 0x80000000;
const LENGTH: u32 = 0x7fffffff;
const TOO_MANY: u32 = 6;
const PERCENTAGE: u32 = 7;

// @ts-ignore: decorator
@inline
function addressOf(view: u64): usize {
  return <usize>(view & 0xffffffff);
}

// @ts-ignore: decorator
@inline
function viewOf(address: usize, length: u32): u64 {
  return ((<u64>length) << 32) | <u64>address;
}

// @ts-ignore: decorator
@inline
function listBytes(word: u32): u32 {
  return (4 + (word & LENGTH) + 3) & ~3;
}

// @ts-ignore: decorator
@inline
function viewBytes(length: u32): u32 {
  return (12 + length + 7) & ~7;
}

/** The elements as an ARRAY; `width` 0 = of variable size. NULL when there are none. */
export function listArray(block: u64, width: u32): u64 {
  const list = addressOf(block);
  const n: u32 = list == 0 ? 0 : load<u32>(list, 4);
  if (n == 0) {
    setNull();
    return 0;
  }
  const used = load<u32>(list);
  const size: u32 = width > 0 ? 4 + n + n * width : 4 + n + n * 4 + used;
  const out: usize = arenaAlloc(size);
  store<u32>(out, n);
  const present = out + 4;
  let to: usize = present + n + (width > 0 ? 0 : n * 4);
  let element = list + HEADER;
  for (let i: u32 = 0; i < n; i++) {
    const word = load<u32>(element);
    const length = word & LENGTH;
    store<u8>(present + i, word == NULL_WORD ? 0 : 1);
    if (width > 0) {
      if (length == 0) memory.fill(to, 0, width);
      else memory.copy(to, element + 4, width);
      to += width;
    } else {
      store<u32>(present + n + i * 4, length);
      memory.copy(to, element + 4, length);
      to += length;
    }
    element += listBytes(word);
  }
  return viewOf(out, <u32>(to - out));
}

/** The only element; NULL when there is none or it is NULL; an error when there are several. */
export function listSingle(block: u64): u64 {
  const list = addressOf(block);
  const n: u32 = list == 0 ? 0 : load<u32>(list, 4);
  if (n > 1) setError(TOO_MANY, 0);
  const word = n == 0 ? NULL_WORD : load<u32>(list, HEADER);
  if (n > 1 || word == NULL_WORD) {
    setNull();
    return 0;
  }
  return viewOf(list + HEADER + 4, word);
}

/** Texts that are JSON already, as a JSON array. */
export function listJson(block: u64): u64 {
  const list = addressOf(block);
  const n: u32 = list == 0 ? 0 : load<u32>(list, 4);
  const used: u32 = n == 0 ? 0 : load<u32>(list);
  const out: usize = arenaAlloc(2 + used + n * 5);
  let to = out;
  store<u8>(to++, 0x5b);
  let element = list + HEADER;
  for (let i: u32 = 0; i < n; i++) {
    if (i > 0) store<u8>(to++, 0x2c);
    const word = load<u32>(element);
    if (word == NULL_WORD) {
      store<u32>(to, 0x6c6c756e);
      to += 4;
    } else {
      memory.copy(to, element + 4, word);
      to += word;
    }
    element += listBytes(word);
  }
  store<u8>(to++, 0x5d);
  return viewOf(out, <u32>(to - out));
}

/** u32 length of the first, the first, u32 word of the second, the second. */
export function pairView(first: u64, second: u64, secondNull: i32): u64 {
  const length = <u32>(first >> 32);
  const rest: u32 = secondNull ? 0 : <u32>(second >> 32);
  const out: usize = arenaAlloc(8 + length + rest);
  store<u32>(out, length);
  memory.copy(out + 4, addressOf(first), length);
  store<u32>(out + 4 + length, secondNull ? NULL_WORD : rest);
  memory.copy(out + 8 + length, addressOf(second), rest);
  return viewOf(out, 8 + length + rest);
}

/** Two texts with a separator between them. */
export function viewsJoin(first: u64, separator: u64, second: u64): u64 {
  const x = <u32>(first >> 32);
  const y = <u32>(separator >> 32);
  const z = <u32>(second >> 32);
  const out: usize = arenaAlloc(x + y + z);
  memory.copy(out, addressOf(first), x);
  memory.copy(out + x, addressOf(separator), y);
  memory.copy(out + x + y, addressOf(second), z);
  return viewOf(out, x + y + z);
}

/** One list behind the other. */
export function listConcat(a: u64, b: u64): u64 {
  if (a == 0) return b;
  if (b == 0) return a;
  const first = addressOf(a);
  const second = addressOf(b);
  const x = load<u32>(first);
  const y = load<u32>(second);
  const out: usize = arenaAlloc(HEADER + x + y);
  store<u32>(out, x + y);
  store<u32>(out, load<u32>(first, 4) + load<u32>(second, 4), 4);
  memory.copy(out + HEADER, first + HEADER, x);
  memory.copy(out + HEADER + x, second + HEADER, y);
  return viewOf(out, HEADER + x + y);
}

/** Two multisets of numbers as one. */
export function numbersMerge(a: u64, b: u64): u64 {
  if (a == 0) return b;
  if (b == 0) return a;
  let x = addressOf(a);
  let y = addressOf(b);
  const xEnd = x + HEADER + load<u32>(x) * ELEMENT;
  const yEnd = y + HEADER + load<u32>(y) * ELEMENT;
  const out: usize = arenaAlloc(<u32>(xEnd - x + (yEnd - y)));
  let to = out + HEADER;
  x += HEADER;
  y += HEADER;
  while (x < xEnd || y < yEnd) {
    let order = x == xEnd ? 1 : y == yEnd ? -1 : 0;
    if (x < xEnd && y < yEnd) {
      const p = load<i64>(x);
      const q = load<i64>(y);
      const s = load<u64>(x, 8);
      const t = load<u64>(y, 8);
      order = p != q ? (p < q ? -1 : 1) : s < t ? -1 : s > t ? 1 : 0;
    }
    memory.copy(to, order > 0 ? y : x, ELEMENT);
    if (order == 0) store<i64>(to, load<i64>(x, 16) + load<i64>(y, 16), 16);
    if (order <= 0) x += ELEMENT;
    if (order >= 0) y += ELEMENT;
    if (load<i64>(to, 16) != 0) to += ELEMENT;
  }
  store<u32>(out, <u32>(to - out - HEADER) / ELEMENT);
  store<u32>(out, 0, 4);
  return viewOf(out, <u32>(to - out));
}

/** Two multisets of views as one. */
export function viewsMerge(a: u64, b: u64): u64 {
  if (a == 0) return b;
  if (b == 0) return a;
  let x = addressOf(a);
  let y = addressOf(b);
  const xEnd = x + HEADER + load<u32>(x);
  const yEnd = y + HEADER + load<u32>(y);
  const out: usize = arenaAlloc(<u32>(xEnd - x + (yEnd - y)));
  let to = out + HEADER;
  let n: u32 = 0;
  x += HEADER;
  y += HEADER;
  while (x < xEnd || y < yEnd) {
    let order = x == xEnd ? 1 : -1;
    if (x < xEnd && y < yEnd)
      order = compareViews(viewOf(x + 12, load<u32>(x, 8)), viewOf(y + 12, load<u32>(y, 8)));
    const from = order > 0 ? y : x;
    const bytes = viewBytes(load<u32>(from, 8));
    memory.copy(to, from, bytes);
    if (order == 0) store<i64>(to, load<i64>(x) + load<i64>(y));
    if (order <= 0) x += bytes;
    if (order >= 0) y += bytes;
    if (load<i64>(to) == 0) continue;
    to += bytes;
    n++;
  }
  store<u32>(out, <u32>(to - out - HEADER));
  store<u32>(out, n, 4);
  return viewOf(out, <u32>(to - out));
}

function storeForm(to: usize, form: u32, high: i64, low: u64): usize {
  switch (form) {
    case 1:
      store<u8>(to, <u8>high);
      return to + 1;
    case 2:
      store<u16>(to, <u16>high);
      return to + 2;
    case 4:
      store<u32>(to, <u32>high);
      return to + 4;
    case 16:
      store<u64>(to, low);
      store<i64>(to, high, 8);
      return to + 16;
    case 17:
      store<i64>(to, high);
      store<u64>(to, low, 8);
      return to + 16;
    case 20:
      store<f32>(to, <f32>orderedDouble(high));
      return to + 4;
    case 24:
      store<f64>(to, orderedDouble(high));
      return to + 8;
    default:
      store<i64>(to, high);
      return to + 8;
  }
}

/** The double whose order-preserving bits these are (codegen/aggregates/sortable.ts). */
// @ts-ignore: decorator
@inline
function orderedDouble(bits: i64): f64 {
  return reinterpret<f64>(bits ^ <i64>((<u64>(bits >> 63)) >> 1));
}

function storeCounts(to: usize, n: u32): usize {
  store<u32>(to, n);
  memory.fill(to + 4, 1, n);
  return to + 4 + n;
}

// @ts-ignore: decorator
@inline
function countOf(count: i64): i32 {
  return <i32>min<i64>(count, i32.MAX_VALUE);
}

/** Numbers with positive counts, as a MULTISET. */
export function numbersMultiset(block: u64, form: u32): u64 {
  const from = addressOf(block);
  const all: u32 = from == 0 ? 0 : load<u32>(from);
  let n: u32 = 0;
  for (let i: u32 = 0; i < all; i++)
    if (load<i64>(from + HEADER + i * ELEMENT, 16) > 0) n++;
  const out: usize = arenaAlloc(12 + n * 22);
  store<u32>(out + 4, n);
  memory.fill(out + 8, 1, n);
  let to: usize = out + 8 + n;
  for (let i: u32 = 0; i < all; i++) {
    const element = from + HEADER + i * ELEMENT;
    if (load<i64>(element, 16) > 0) to = storeForm(to, form, load<i64>(element), load<u64>(element, 8));
  }
  store<u32>(out, <u32>(to - out - 4));
  to = storeCounts(to, n);
  for (let i: u32 = 0; i < all; i++) {
    const count = load<i64>(from + HEADER + i * ELEMENT, 16);
    if (count <= 0) continue;
    store<i32>(to, countOf(count));
    to += 4;
  }
  return viewOf(out, <u32>(to - out));
}

/** Views with positive counts, as a MULTISET. */
export function viewsMultiset(block: u64): u64 {
  const from = addressOf(block);
  const end: usize = from == 0 ? 0 : from + HEADER + load<u32>(from);
  let n: u32 = 0;
  let bytes: u32 = 0;
  const first = from + HEADER;
  for (let at = first; at < end; at += viewBytes(load<u32>(at, 8))) {
    if (load<i64>(at) <= 0) continue;
    n++;
    bytes += load<u32>(at, 8);
  }
  const out: usize = arenaAlloc(12 + n * 10 + bytes);
  store<u32>(out, 4 + n * 5 + bytes);
  store<u32>(out, n, 4);
  memory.fill(out + 8, 1, n);
  let lengths: usize = out + 8 + n;
  let to: usize = lengths + n * 4;
  for (let at = first; at < end; at += viewBytes(load<u32>(at, 8))) {
    if (load<i64>(at) <= 0) continue;
    const length = load<u32>(at, 8);
    store<u32>(lengths, length);
    lengths += 4;
    memory.copy(to, at + 12, length);
    to += length;
  }
  to = storeCounts(to, n);
  for (let at = first; at < end; at += viewBytes(load<u32>(at, 8))) {
    if (load<i64>(at) <= 0) continue;
    store<i32>(to, countOf(load<i64>(at)));
    to += 4;
  }
  return viewOf(out, <u32>(to - out));
}

/** How many values have a positive count. */
export function numbersCount(block: u64): i64 {
  const from = addressOf(block);
  const all: u32 = from == 0 ? 0 : load<u32>(from);
  let n: i64 = 0;
  for (let i: u32 = 0; i < all; i++)
    if (load<i64>(from + HEADER + i * ELEMENT, 16) > 0) n++;
  return n;
}

/** Reports a percentage that is none. */
export function checkPercentage(value: f64): void {
  if (value >= 0 && value <= 1) return;
  const text: usize = arenaAlloc(32);
  setError(PERCENTAGE, viewOf(text, <u32>(printF64(text, value) - text)));
}

export function checkPercentages(array: u64): void {
  const at = addressOf(array);
  const n = load<u32>(at);
  for (let i: u32 = 0; i < n; i++) checkPercentage(load<f64>(at + 4 + n + i * 8));
}

function totalOf(block: usize): i64 {
  let total: i64 = 0;
  for (let i: u32 = 0, n = load<u32>(block); i < n; i++)
    total += max<i64>(0, load<i64>(block + HEADER + i * ELEMENT, 16));
  return total;
}

/** The value at place `position` of the values in order. */
function valueAt(block: usize, position: i64): f64 {
  let left = position;
  const n = load<u32>(block);
  let found: usize = block + HEADER;
  for (let i: u32 = 0; i < n; i++) {
    const element = block + HEADER + i * ELEMENT;
    const count = load<i64>(element, 16);
    if (count <= 0) continue;
    found = element;
    if (left < count) break;
    left -= count;
  }
  return orderedDouble(load<i64>(found));
}

/** Places count from 1: with 0 the last digit of the result would differ from Flink's. */
function percentileOf(block: usize, total: i64, percentage: f64): f64 {
  const position = percentage * <f64>(total - 1) + 1;
  const lower = <i64>Math.floor(position);
  const higher = <i64>Math.ceil(position);
  const low = valueAt(block, lower - 1);
  if (lower == higher) return low;
  const high = valueAt(block, higher - 1);
  if (low == high) return low;
  return (<f64>higher - position) * low + (position - <f64>lower) * high;
}

/** NULL without values. */
export function percentile(block: u64, percentage: f64): f64 {
  const from = addressOf(block);
  const total: i64 = from == 0 ? 0 : totalOf(from);
  if (total <= 0) {
    setNull();
    return 0;
  }
  return percentileOf(from, total, percentage);
}

/** One for each element of an ARRAY of doubles, as an ARRAY; NULL without values or without elements. */
export function percentiles(block: u64, percentages: u64): u64 {
  const from = addressOf(block);
  const total: i64 = from == 0 ? 0 : totalOf(from);
  const array = addressOf(percentages);
  const n: u32 = array == 0 ? 0 : load<u32>(array);
  if (total <= 0 || n == 0) {
    setNull();
    return 0;
  }
  const out: usize = arenaAlloc(4 + n * 9);
  const values = storeCounts(out, n);
  for (let i: u32 = 0; i < n; i++)
    store<f64>(values + i * 8, percentileOf(from, total, load<f64>(array + 4 + n + i * 8)));
  return viewOf(out, 4 + n * 9);
}
