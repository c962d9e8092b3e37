/**
 * Reads every byte of a batch into one word, for the blackhole connector.
 *
 * widths: one byte per physical column: bytes per value, 0 for rows (validity only), 255 for views.
 * Sum:    sixteen bytes at a time, four lanes of xor and multiply; values start afresh, so that none waits for another.
 *         Up to 128 bytes there are no loops: their ends would be foretold wrongly; some bytes are read twice instead.
 */
const VIEW: u32 = 255;
const FACTOR: u64 = 0x9e3779b97f4a7c15;

/** At 16 − n begin 16 bytes of which the first n are ones. */
// prettier-ignore
const MASKS: usize = memory.data<u8>([
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

// @ts-ignore: decorator
@inline
function step(lanes: v128, p: usize): v128 {
  const product = i32x4.mul(v128.xor(lanes, v128.load(p)), i32x4.splat(0x85ebca6b));
  // Else the highest bit of a lane that is read twice would cancel itself.
  return v128.xor(product, i32x4.shr_u(product, 15));
}

// @ts-ignore: decorator
@inline
function folded(lanes: v128): u64 {
  return i64x2.extract_lane(lanes, 0) ^ rotl<u64>(i64x2.extract_lane(lanes, 1), 29);
}

// @ts-ignore: decorator
@inline
function start(length: usize): v128 {
  return i32x4.splat(<i32>length ^ 0x2545f491);
}

/** The 16 bytes before `end` and those before them, as far as they begin after `p`. */
// @ts-ignore: decorator
@inline
function at(p: usize, offset: usize, last: usize): usize {
  return p + min<usize>(offset, last);
}

/** `length` bytes at `p`, of which 16 can be read; without a branch but on the class of the length. */
// @ts-ignore: decorator
@inline
function valueSum(p: usize, length: usize): u64 {
  if (length <= 16) {
    const bytes = v128.and(v128.load(p), v128.load(MASKS + 16 - length));
    return folded(i32x4.mul(v128.xor(start(length), bytes), i32x4.splat(0x85ebca6b)));
  }
  const last = length - 16;
  if (length <= 128) {
    let a = step(start(length), p);
    let b = step(start(~length), at(p, 16, last));
    a = step(a, at(p, 32, last));
    b = step(b, at(p, 48, last));
    if (length > 64) {
      a = step(a, at(p, 64, last));
      b = step(b, at(p, 80, last));
      a = step(a, at(p, 96, last));
      b = step(b, p + last);
    }
    return folded(a) * FACTOR ^ folded(b);
  }
  return longSum(p, length);
}

function longSum(p: usize, length: usize): u64 {
  let a = start(length);
  let b = start(~length);
  let c = start(length * 3);
  let d = start(length * 5);
  const end = p + length;
  for (; p + 64 <= end; p += 64) {
    a = step(a, p);
    b = step(b, p + 16);
    c = step(c, p + 32);
    d = step(d, p + 48);
  }
  if (p + 32 < end) {
    a = step(a, p);
    b = step(b, p + 16);
  }
  c = step(c, end - 32);
  d = step(d, end - 16);
  return ((folded(a) * FACTOR ^ folded(b)) * FACTOR ^ folded(c)) * FACTOR ^ folded(d);
}

/** A value at the end of memory, where 16 bytes cannot be read. */
function edgeSum(p: usize, length: usize): u64 {
  let word: u64 = <u64>length;
  for (let i: usize = 0; i < length; i++) word = rotl((word ^ <u64>load<u8>(p + i)) * FACTOR, 29);
  return word;
}

// @ts-ignore: decorator
@inline
function add(sum: u64, value: u64): u64 {
  return rotl((sum ^ value) * FACTOR, 29);
}

function bytesSum(p: usize, length: usize): u64 {
  return length < 16 ? edgeSum(p, length) : valueSum(p, length);
}

function allValid(validity: usize, rows: usize): bool {
  let row: usize = 0;
  for (; row + 16 <= rows; row += 16) {
    if (!i8x16.all_true(v128.load(validity + row))) return false;
  }
  for (; row < rows; row++) if (load<u8>(validity + row) == 0) return false;
  return true;
}

export function blackholeChecksum(batch: usize, widths: usize, sum: u64): u64 {
  const rows = <usize>load<u32>(batch);
  const kinds = <usize>load<u32>(batch, 4);
  const columns = load<u32>(batch, 8);
  if (kinds != 0) sum = add(sum, bytesSum(kinds, rows));
  for (let i: u32 = 0; i < columns; i++) {
    let validity = <usize>load<u32>(batch + 16 + i * 8);
    const values = <usize>load<u32>(batch + 16 + i * 8, 4);
    const width: u32 = load<u8>(widths + i);
    if (validity != 0) {
      sum = add(sum, bytesSum(validity, rows));
      if (allValid(validity, rows)) validity = 0;
    }
    if (width == VIEW) sum = viewsSum(values, validity, rows, sum);
    else if (width != 0) {
      if (validity == 0) sum = add(sum, bytesSum(values, rows * width));
      else sum = fixedSum(values, validity, rows, width, sum);
    }
  }
  return sum;
}

function fixedSum(values: usize, validity: usize, rows: usize, width: u32, sum: u64): u64 {
  for (let row: usize = 0; row < rows; row++) {
    const p = values + row * width;
    let value: u64 = 0;
    if (width == 8) value = load<u64>(p);
    else if (width == 4) value = load<u32>(p);
    else value = edgeSum(p, width);
    sum = add(sum, value & -<u64>(load<u8>(validity + row) != 0));
  }
  return sum;
}

function viewsSum(values: usize, validity: usize, rows: usize, sum: u64): u64 {
  const edge = (<u64>memory.size() << 16) - 16;
  for (let row: usize = 0; row < rows; row++) {
    if (validity != 0 && load<u8>(validity + row) == 0) continue;
    const p = <usize>load<u32>(values + (row << 3));
    const length = <usize>load<u32>(values + (row << 3), 4);
    sum = add(sum, <u64>p > edge ? edgeSum(p, length) : valueSum(p, length));
  }
  return sum;
}
