/**
 * DECIMAL arithmetic to 38 digits: two's complement i128 as (lo, hi), exact through 256-bit magnitudes.
 *
 * Flow:    generated code (codegen/expressions/decimal.ts) and casts → here. Results in RESULT; NULL on overflow.
 * Method:  sign and magnitude in limbs of 32 bits (A and B: 8 limbs, Q: quotient, R: remainder), schoolbook product, and
 *          Knuth's algorithm D for division; 64-bit operands take a short path.
 * Rounds:  HALF_UP, as Flink's DecimalDataUtils (BigDecimal.setScale(s, HALF_UP)).
 */
import { RESULT, setNull, setResult } from "./cast-status.as";
import { mulHigh } from "./text-parse.as";

const LIMBS: i32 = 8;
/** 10^0 … 10^38 as (lo, hi). */
const POW10: usize = memory.data(39 * 16, 16);
/** The three operands have room for a carry limb and the normalisation of algorithm D. */
const A: usize = memory.data(4 * 20, 16);
const B: usize = memory.data(4 * 20, 16);
const Q: usize = memory.data(4 * 20, 16);
const P: usize = memory.data(4 * 20, 16);
const V: usize = memory.data(4 * 20, 16);

function fillPowers(): void {
  let lo: u64 = 1;
  let hi: u64 = 0;
  for (let i = 0; i < 39; i++) {
    store<u64>(POW10 + (<usize>i << 4), lo);
    store<u64>(POW10 + (<usize>i << 4), hi, 8);
    hi = hi * 10 + mulHigh(lo, 10);
    lo = lo * 10;
  }
}
fillPowers();

// @ts-ignore: decorator
@inline
function pow10Lo(k: i32): u64 {
  return load<u64>(POW10 + (<usize>k << 4));
}
// @ts-ignore: decorator
@inline
function pow10Hi(k: i32): u64 {
  return load<u64>(POW10 + (<usize>k << 4), 8);
}

/** Sign of the last value taken apart by loadMagnitude. */
let negative: bool = false;

/** Writes |value| into the limbs at p and zeroes the rest; sets `negative`. */
function loadMagnitude(p: usize, lo: u64, hi: u64): void {
  negative = <i64>hi < 0;
  if (negative) {
    lo = ~lo + 1;
    hi = ~hi + (lo == 0 ? 1 : 0);
  }
  store<u64>(p, lo);
  store<u64>(p, hi, 8);
  store<u64>(p, 0, 16);
  store<u64>(p, 0, 24);
  store<u64>(p, 0, 32);
}

function used(p: usize, limbs: i32): i32 {
  while (limbs > 0 && load<u32>(p + (<usize>(limbs - 1) << 2)) == 0) limbs--;
  return limbs;
}

/** P := the limbs at a · the limbs at b; false when it needs more than 256 bits. */
function multiply(a: usize, b: usize): bool {
  const n = used(a, LIMBS);
  const m = used(b, LIMBS);
  if (n + m > LIMBS + 1) return false;
  memory.fill(P, 0, 80);
  for (let i = 0; i < n; i++) {
    const x = <u64>load<u32>(a + (<usize>i << 2));
    let carry: u64 = 0;
    for (let j = 0; j < m; j++) {
      const at = P + (<usize>(i + j) << 2);
      const t = x * <u64>load<u32>(b + (<usize>j << 2)) + <u64>load<u32>(at) + carry;
      store<u32>(at, <u32>t);
      carry = t >> 32;
    }
    store<u32>(P + (<usize>(i + m) << 2), <u32>carry);
  }
  return load<u32>(P, 32) == 0;
}

/**
 * Q := A / B, A := the remainder (unsigned). B is not 0. Algorithm D (Knuth, volume 2, 4.3.1), with the divisor
 * normalised in V.
 */
function divide(): void {
  const n = used(B, LIMBS);
  const m = used(A, LIMBS);
  memory.fill(Q, 0, 80);
  if (n == 1) {
    const d = <u64>load<u32>(B);
    let rest: u64 = 0;
    for (let i = m - 1; i >= 0; i--) {
      const t = (rest << 32) | <u64>load<u32>(A + (<usize>i << 2));
      store<u32>(Q + (<usize>i << 2), <u32>(t / d));
      rest = t % d;
    }
    memory.fill(A, 0, 80);
    store<u64>(A, rest);
    return;
  }
  if (m < n) return;
  const shift = clz<u32>(load<u32>(B + (<usize>(n - 1) << 2)));
  shiftLeft(V, B, n, shift);
  shiftLeft(P, A, m, shift);
  const v1 = <u64>load<u32>(V + (<usize>(n - 1) << 2));
  const v2 = <u64>load<u32>(V + (<usize>(n - 2) << 2));
  for (let j = m - n; j >= 0; j--) {
    const top = P + (<usize>(j + n) << 2);
    const head = (<u64>load<u32>(top) << 32) | <u64>load<u32>(top - 4);
    let digit = head / v1;
    let rest = head % v1;
    while (digit >= 0x100000000 || digit * v2 > ((rest << 32) | <u64>load<u32>(top - 8))) {
      digit--;
      rest += v1;
      if (rest >= 0x100000000) break;
    }
    let borrow: i64 = 0;
    let carry: u64 = 0;
    for (let i = 0; i < n; i++) {
      const at = P + (<usize>(i + j) << 2);
      const product = digit * <u64>load<u32>(V + (<usize>i << 2)) + carry;
      carry = product >> 32;
      const t = <i64>load<u32>(at) - borrow - <i64>(product & 0xffffffff);
      store<u32>(at, <u32>t);
      borrow = t < 0 ? 1 : 0;
    }
    const t = <i64>load<u32>(top) - borrow - <i64>carry;
    store<u32>(top, <u32>t);
    if (t < 0) {
      digit--;
      let sum: u64 = 0;
      for (let i = 0; i < n; i++) {
        const at = P + (<usize>(i + j) << 2);
        sum = <u64>load<u32>(at) + <u64>load<u32>(V + (<usize>i << 2)) + (sum >> 32);
        store<u32>(at, <u32>sum);
      }
      store<u32>(top, load<u32>(top) + <u32>(sum >> 32));
    }
    store<u32>(Q + (<usize>j << 2), <u32>digit);
  }
  memory.fill(A, 0, 80);
  for (let i = 0; i < n; i++) {
    const low = <u64>load<u32>(P + (<usize>i << 2)) >> shift;
    const high = shift == 0 ? 0 : <u64>load<u32>(P + (<usize>(i + 1) << 2)) << (32 - shift);
    store<u32>(A + (<usize>i << 2), <u32>(low | high));
  }
}

function shiftLeft(to: usize, from: usize, n: i32, shift: u32): void {
  let carry: u64 = 0;
  for (let i = 0; i < n; i++) {
    const t = (<u64>load<u32>(from + (<usize>i << 2)) << shift) | carry;
    store<u32>(to + (<usize>i << 2), <u32>t);
    carry = t >> 32;
  }
  store<u32>(to + (<usize>n << 2), <u32>carry);
}

/** Q += 1 when the remainder A is at least half of B. */
function roundHalfUp(): void {
  // 2·A ≥ B, compared from the top limb; A < B < 2^255, so doubling does not overflow its spare limb.
  let carry: u64 = 0;
  for (let i = 0; i < LIMBS; i++) {
    const t = (<u64>load<u32>(A + (<usize>i << 2)) << 1) | carry;
    store<u32>(A + (<usize>i << 2), <u32>t);
    carry = t >> 32;
  }
  store<u32>(A, <u32>carry, 32);
  if (carry == 0) {
    for (let i = LIMBS - 1; i >= 0; i--) {
      const a = load<u32>(A + (<usize>i << 2));
      const b = load<u32>(B + (<usize>i << 2));
      if (a > b) break;
      if (a < b) return;
    }
  }
  for (let i = 0; i < LIMBS; i++) {
    const t = load<u32>(Q + (<usize>i << 2)) + 1;
    store<u32>(Q + (<usize>i << 2), t);
    if (t != 0) return;
  }
}

/** Q := limbs at p, divided by 10^k with rounding; a negative k appends zeros (Q is too large for any type if that overflows). */
function dropDigits(p: usize, k: i32): void {
  if (k < 0) {
    const fits = scaleUp(p, -k);
    memory.copy(Q, P, 80);
    if (!fits) store<u32>(Q, 1, 32);
    return;
  }
  memory.copy(A, p, 80);
  if (k == 0) {
    memory.copy(Q, A, 80);
    return;
  }
  if (k > 38) {
    loadMagnitude(B, pow10Lo(k - 38), pow10Hi(k - 38));
    divide();
    memory.copy(A, Q, 80);
    k = 38;
  }
  const sign = negative;
  loadMagnitude(B, pow10Lo(k), pow10Hi(k));
  negative = sign;
  divide();
  roundHalfUp();
}

/** Q with a sign → RESULT, or NULL when it has more than `precision` digits. */
function finish(isNegative: bool, precision: i32): void {
  if (used(Q, 10) > 4) {
    setNull();
    return;
  }
  finish128(isNegative, load<u64>(Q), load<u64>(Q, 8), precision);
}

function finish128(isNegative: bool, lo: u64, hi: u64, precision: i32): void {
  const limitHi = pow10Hi(precision);
  if (hi > limitHi || (hi == limitHi && lo >= pow10Lo(precision))) {
    setNull();
    return;
  }
  if (isNegative) {
    lo = ~lo + 1;
    hi = ~hi + (lo == 0 ? 1 : 0);
  }
  setResult(lo, hi);
}

/** a · b, then `drop` digits off the end (negative: zeros appended). */
export function decimalMultiply(aLo: u64, aHi: u64, bLo: u64, bHi: u64, drop: i32, precision: i32): void {
  const aSmall = <i64>aHi == <i64>aLo >> 63;
  const bSmall = <i64>bHi == <i64>bLo >> 63;
  if (aSmall && bSmall) {
    const isNegative = <i64>(aLo ^ bLo) < 0;
    const a = <i64>aLo < 0 ? ~aLo + 1 : aLo;
    const b = <i64>bLo < 0 ? ~bLo + 1 : bLo;
    const hi = mulHigh(a, b);
    if (drop == 0) {
      finish128(isNegative, a * b, hi, precision);
      return;
    }
    if (hi == 0 && drop > 0 && drop < 19) {
      finish128(isNegative, divideHalfUp(a * b, pow10Lo(drop)), 0, precision);
      return;
    }
  }
  loadMagnitude(A, aLo, aHi);
  let sign = negative;
  loadMagnitude(B, bLo, bHi);
  sign = sign != negative;
  if (!multiply(A, B)) {
    setNull();
    return;
  }
  dropDigits(P, drop);
  finish(sign, precision);
}

// @ts-ignore: decorator
@inline
function divideHalfUp(value: u64, divisor: u64): u64 {
  const quotient = value / divisor;
  const rest = value - quotient * divisor;
  return quotient + (rest >= divisor - rest ? 1 : 0);
}

/**
 * a · 10^shift / b; b is not 0. A negative shift divides further. Rounded HALF_UP to 38 digits and then HALF_UP again, as
 * Flink does: the first rounding can make a half of slightly less.
 */
export function decimalDivide(aLo: u64, aHi: u64, bLo: u64, bHi: u64, shift: i32, precision: i32): void {
  const sign = <i64>(aHi ^ bHi) < 0;
  if (!quotient(aLo, aHi, bLo, bHi, shift)) {
    setNull();
    return;
  }
  if (nearHalf() && used(Q, 10) <= 4) {
    const more = MOST_DIGITS - digits128(load<u64>(Q), load<u64>(Q, 8));
    if (more > 0) {
      const fits = quotient(aLo, aHi, bLo, bHi, shift + more);
      if (fits) {
        roundHalfUp();
        memory.copy(P, Q, 80);
        dropDigits(P, more);
        finish(sign, precision);
        return;
      }
      quotient(aLo, aHi, bLo, bHi, shift);
    }
  }
  roundHalfUp();
  finish(sign, precision);
}

const MOST_DIGITS: i32 = 38;

/** Q := |a| · 10^shift / |b|, A := the remainder, B := the divisor; false when it needs more than 256 bits. */
function quotient(aLo: u64, aHi: u64, bLo: u64, bHi: u64, shift: i32): bool {
  loadMagnitude(A, aLo, aHi);
  loadMagnitude(B, bLo, bHi);
  if (shift >= 0) {
    if (!scaleUp(A, shift)) return false;
    memory.copy(A, P, 80);
    loadMagnitude(B, bLo, bHi);
  } else {
    if (!scaleUp(B, -shift)) return false;
    memory.copy(B, P, 80);
  }
  divide();
  return true;
}

/** Whether the remainder A is a little less than half of B: by their leading limbs. */
function nearHalf(): bool {
  const top = used(B, LIMBS) - 1;
  const rest = leading(A, top) / leading(B, top);
  return rest > 0.44 && rest < 0.5000001;
}

function leading(p: usize, top: i32): f64 {
  let value = <f64>load<u32>(p + (<usize>top << 2));
  for (let i = top - 1; i >= 0 && i > top - 3; i--)
    value += <f64>load<u32>(p + (<usize>i << 2)) / (i == top - 1 ? 4294967296.0 : 18446744073709551616.0);
  return value;
}

function digits128(lo: u64, hi: u64): i32 {
  let count = 0;
  while (count < 39 && !below(lo, hi, count)) count++;
  return count;
}

/** P := limbs at p · 10^k; uses V. */
function scaleUp(p: usize, k: i32): bool {
  memory.copy(P, p, 80);
  while (k > 0) {
    const step = k > 38 ? 38 : k;
    memory.copy(Q, P, 80);
    loadMagnitude(V, pow10Lo(step), pow10Hi(step));
    if (!multiply(Q, V)) return false;
    k -= step;
  }
  return true;
}

/**
 * a · 10^aShift ± b · 10^bShift, then `drop` digits off the end: addition at the larger of two scales, rounded to the
 * result's. `subtract` is 0 or 1.
 */
export function decimalAdd(
  aLo: u64, aHi: u64, aShift: i32, bLo: u64, bHi: u64, bShift: i32, subtract: i32, drop: i32, precision: i32,
): void {
  loadMagnitude(B, bLo, bHi);
  const bNegative = negative != (subtract != 0);
  let fits = scaleUp(B, bShift);
  memory.copy(B, P, 80);
  loadMagnitude(A, aLo, aHi);
  const aNegative = negative;
  fits = scaleUp(A, aShift) && fits;
  memory.copy(A, P, 80);
  if (!fits) {
    setNull();
    return;
  }
  let sign = aNegative;
  if (aNegative == bNegative) {
    let carry: u64 = 0;
    for (let i = 0; i <= LIMBS; i++) {
      const t = <u64>load<u32>(A + (<usize>i << 2)) + <u64>load<u32>(B + (<usize>i << 2)) + carry;
      store<u32>(P + (<usize>i << 2), <u32>t);
      carry = t >> 32;
    }
  } else {
    let larger = A;
    let smaller = B;
    for (let i = LIMBS; i >= 0; i--) {
      const x = load<u32>(A + (<usize>i << 2));
      const y = load<u32>(B + (<usize>i << 2));
      if (x == y) continue;
      if (x < y) {
        larger = B;
        smaller = A;
        sign = bNegative;
      }
      break;
    }
    let borrow: i64 = 0;
    for (let i = 0; i <= LIMBS; i++) {
      const t = <i64>load<u32>(larger + (<usize>i << 2)) - <i64>load<u32>(smaller + (<usize>i << 2)) - borrow;
      store<u32>(P + (<usize>i << 2), <u32>t);
      borrow = t < 0 ? 1 : 0;
    }
  }
  dropDigits(P, drop);
  finish(sign, precision);
}

/** The remainder of a · 10^aShift by b · 10^bShift, with the sign of a, then `drop` digits off; b is not 0. */
export function decimalRemainder(
  aLo: u64, aHi: u64, aShift: i32, bLo: u64, bHi: u64, bShift: i32, drop: i32, precision: i32,
): void {
  loadMagnitude(B, bLo, bHi);
  let fits = scaleUp(B, bShift);
  memory.copy(B, P, 80);
  loadMagnitude(A, aLo, aHi);
  const sign = negative;
  fits = scaleUp(A, aShift) && fits;
  memory.copy(A, P, 80);
  if (!fits) {
    setNull();
    return;
  }
  divide();
  memory.copy(P, A, 80);
  dropDigits(P, drop);
  finish(sign, precision);
}

/** The same number at another scale: shift > 0 appends zeros, shift < 0 drops digits HALF_UP. */
export function decimalRescale(lo: u64, hi: u64, shift: i32, precision: i32): void {
  loadMagnitude(A, lo, hi);
  const sign = negative;
  if (shift >= 0) {
    if (!scaleUp(A, shift)) {
      setNull();
      return;
    }
    memory.copy(Q, P, 80);
  } else {
    dropDigits(A, -shift);
  }
  finish(sign, precision);
}

/** Digits right of the point cut off: Java's BigDecimal.setScale(0, DOWN).longValue(), so it wraps. */
export function decimalToI64(lo: u64, hi: u64, scale: i32): i64 {
  loadMagnitude(A, lo, hi);
  const sign = negative;
  if (scale > 0) {
    loadMagnitude(B, pow10Lo(scale), pow10Hi(scale));
    divide();
    lo = load<u64>(Q);
  } else {
    lo = load<u64>(A);
  }
  return sign ? -(<i64>lo) : <i64>lo;
}

/**
 * For p ≤ 18 at a coarser scale: HALF_UP by a power of ten. Inlined arithmetic cannot do better than the division.
 */
export function decimalDrop64(value: i64, drop: i32): i64 {
  const magnitude = <u64>(value < 0 ? -value : value);
  const rounded = <i64>divideHalfUp(magnitude, pow10Lo(drop));
  return value < 0 ? -rounded : rounded;
}

/**
 * Decimal digits of |value| at `out` (room for 39), most significant first, at least `least` of them; returns how many.
 */
export function writeDigits128(lo: u64, hi: u64, out: usize, least: i32): i32 {
  // 39 digits as three groups of up to 13: 2^128 < 10^39.
  let count = 0;
  if (hi == 0) {
    count = digitCount(lo);
  } else {
    count = 20;
    while (count < 39 && !below(lo, hi, count)) count++;
  }
  if (count < least) count = least;
  let at = out + <usize>count;
  while (hi != 0) {
    loadMagnitude(A, lo, 0);
    store<u64>(A, hi, 8);
    loadMagnitude(B, 1000000000, 0);
    divide();
    let group = load<u32>(A);
    for (let i = 0; i < 9; i++) {
      at--;
      store<u8>(at, <u8>(48 + (group % 10)));
      group /= 10;
    }
    lo = load<u64>(Q);
    hi = load<u64>(Q, 8);
  }
  while (at > out) {
    at--;
    store<u8>(at, <u8>(48 + (lo % 10)));
    lo /= 10;
  }
  return count;
}

function below(lo: u64, hi: u64, k: i32): bool {
  const limit = pow10Hi(k);
  return hi < limit || (hi == limit && lo < pow10Lo(k));
}

export function digitCount(value: u64): i32 {
  let count = 1;
  while (count < 20 && value >= pow10Lo(count)) count++;
  return count;
}

/** Puts RESULT back together: for callers within the kernels. */
export function resultLo(): u64 {
  return load<u64>(RESULT);
}
export function resultHi(): u64 {
  return load<u64>(RESULT, 8);
}

export { finish128 as finishDecimal };
