/**
 * Decimal text → numbers, dates, times: what JSON, CSV and other text formats share.
 *
 * Flow:    json.as.ts, csv.as.ts (and whoever casts strings) → here. Results that are more than one word are left in
 *          the exported globals n…, d…, t….
 * Limits:  texts are ASCII bytes in [p, end); reads never pass `end`, except where a function says that a terminator
 *          (any byte that is no digit) follows. Years 0000 to 9999.
 * Exact:   DOUBLE and FLOAT by Eisel and Lemire's method (significand · power of ten, 128 bits); texts of more than 19
 *          digits that it cannot decide are compared with the half-way point in big integers.
 * Source:  Java's parseLong, parseDouble, BigDecimal (HALF_UP), ISO_LOCAL_DATE, ISO_LOCAL_TIME, as Flink's formats use them.
 */
import { POWERS, POWER_MIN } from "./text-parse-powers.as";

/** Result of scanNumber(): value = (−1)^nNegative · nMantissa · 10^nExponent, nMore when digits were dropped. */
export let nNegative: bool = false;
export let nMantissa: u64 = 0;
export let nExponent: i32 = 0;
export let nMore: bool = false;
/** Neither point nor exponent. */
export let nInteger: bool = true;
/** Digits and point of the number, without sign and exponent. */
export let nStart: usize = 0;
export let nEnd: usize = 0;
/** The written exponent. */
export let nWritten: i32 = 0;

/** Result of parseDecimal128: magnitude with sign applied, two's complement. */
export let dLow: u64 = 0;
export let dHigh: u64 = 0;

/** Results of the temporal parsers. */
export let tDays: i32 = 0;
export let tMillis: i64 = 0;
/** Nanoseconds within the millisecond. */
export let tNanos: i32 = 0;

export function mulHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const p00 = a0 * b0;
  const p01 = a0 * b1;
  const p10 = a1 * b0;
  const middle = (p00 >> 32) + (p01 & 0xffffffff) + (p10 & 0xffffffff);
  return a1 * b1 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
}

/**
 * Scans a number that starts at p and is followed by a terminator; returns its end, 0 when there is none.
 * strict: JSON's grammar. Otherwise also a leading +, leading zeros, and a missing side of the point.
 */
export function scanNumber(p: usize, strict: bool): usize {
  let c: u32 = load<u8>(p);
  const negative = c == 45;
  if (negative || (!strict && c == 43)) {
    p++;
    c = load<u8>(p);
  }
  const start = p;
  let mantissa: u64 = 0;
  let d = c - 48;
  while (d < 10) {
    mantissa = mantissa * 10 + d;
    p++;
    d = <u32>load<u8>(p) - 48;
  }
  const integerDigits = <i32>(p - start);
  if (strict) {
    if (integerDigits == 0) return 0;
    if (integerDigits > 1 && load<u8>(start) == 48) return 0;
  }
  let digits = integerDigits;
  let exponent: i32 = 0;
  let integer = true;
  c = load<u8>(p);
  if (c == 46) {
    integer = false;
    p++;
    const fraction = p;
    d = <u32>load<u8>(p) - 48;
    while (d < 10) {
      mantissa = mantissa * 10 + d;
      p++;
      d = <u32>load<u8>(p) - 48;
    }
    exponent = -(<i32>(p - fraction));
    if (strict && exponent == 0) return 0;
    digits -= exponent;
    c = load<u8>(p);
  }
  if (digits == 0) return 0;
  const end = p;
  let written: i32 = 0;
  if ((c | 32) == 101) {
    integer = false;
    p++;
    c = load<u8>(p);
    const minus = c == 45;
    if (minus || c == 43) p++;
    const first = p;
    d = <u32>load<u8>(p) - 48;
    while (d < 10) {
      if (written < 100000) written = written * 10 + <i32>d;
      p++;
      d = <u32>load<u8>(p) - 48;
    }
    if (p == first) return 0;
    if (minus) written = -written;
  }
  nNegative = negative;
  nInteger = integer;
  nMore = false;
  nStart = start;
  nEnd = end;
  nWritten = written;
  if (digits > 19) {
    rescan(start, end, integerDigits);
    nExponent += written;
  } else {
    nMantissa = mantissa;
    nExponent = exponent + written;
  }
  return p;
}

/** The first 19 significant digits of a long number. */
function rescan(start: usize, end: usize, integerDigits: i32): void {
  let mantissa: u64 = 0;
  let taken = 0;
  let exponent: i32 = 0;
  let more = false;
  let fraction = false;
  for (let p = start; p < end; p++) {
    const c: u32 = load<u8>(p);
    if (c == 46) {
      fraction = true;
      continue;
    }
    if (taken < 19) {
      mantissa = mantissa * 10 + (c - 48);
      if (mantissa != 0) taken++;
      if (fraction) exponent--;
    } else {
      if (c != 48) more = true;
      if (!fraction) exponent++;
    }
  }
  nMantissa = mantissa;
  nExponent = exponent;
  nMore = more;
}

/** The DOUBLE of the number last scanned. */
export function scannedF64(): f64 {
  let bits: u64;
  const mantissa = nMantissa;
  const exponent = nExponent;
  if (mantissa == 0) bits = 0;
  else if (!nMore && mantissa <= 9007199254740992 && exponent >= -22 && exponent <= 22) {
    let value = <f64>mantissa;
    if (exponent < 0) value /= pow10Exact(-exponent);
    else value *= pow10Exact(exponent);
    return nNegative ? -value : value;
  } else {
    bits = eiselLemire(mantissa, exponent, 52, -1023, 0x7ff, -4, 23);
    if (nMore && bits != eiselLemire(mantissa + 1, exponent, 52, -1023, 0x7ff, -4, 23))
      bits = decideHalfway(bits, 52, -1023);
  }
  if (nNegative) bits |= 0x8000000000000000;
  return reinterpret<f64>(bits);
}

/** The FLOAT of the number last scanned. */
export function scannedF32(): f32 {
  let bits: u64 = 0;
  if (nMantissa != 0) {
    bits = eiselLemire(nMantissa, nExponent, 23, -127, 0xff, -17, 10);
    if (nMore && bits != eiselLemire(nMantissa + 1, nExponent, 23, -127, 0xff, -17, 10))
      bits = decideHalfway(bits, 23, -127);
  }
  if (nNegative) bits |= 0x80000000;
  return reinterpret<f32>(<u32>bits);
}

// prettier-ignore
const EXACT: usize = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
]);

function pow10Exact(exponent: i32): f64 {
  return load<f64>(EXACT + (<usize>exponent << 3));
}

/** Bits of the float nearest to w · 10^q (w ≠ 0), ties to even. */
function eiselLemire(
  w: u64,
  q: i32,
  mantissaBits: i32,
  minimumExponent: i32,
  infinitePower: i32,
  roundMin: i32,
  roundMax: i32,
): u64 {
  if (q < -342) return 0;
  if (q > 308) return <u64>infinitePower << mantissaBits;
  const zeros = <i32>clz(w);
  w <<= zeros;
  const entry = POWERS + (<usize>(q - POWER_MIN) << 4);
  const high10 = load<u64>(entry);
  let low = w * high10;
  let high = mulHigh(w, high10);
  const mask: u64 = 0xffffffffffffffff >> (mantissaBits + 3);
  if ((high & mask) == mask) {
    const second = mulHigh(w, load<u64>(entry, 8));
    low += second;
    if (second > low) high++;
  }
  const upper = <i32>(high >> 63);
  const shift = upper + 64 - mantissaBits - 3;
  let mantissa = high >> shift;
  let power = ((217706 * q) >> 16) + 63 + upper - zeros - minimumExponent;
  const hidden: u64 = <u64>1 << mantissaBits;
  if (power <= 0) {
    if (-power + 1 >= 64) return 0;
    mantissa >>= -power + 1;
    mantissa += mantissa & 1;
    mantissa >>= 1;
    return mantissa < hidden ? mantissa : hidden | (mantissa & (hidden - 1));
  }
  if (low <= 1 && q >= roundMin && q <= roundMax && (mantissa & 3) == 1) {
    if (mantissa << shift == high) mantissa &= ~(<u64>1);
  }
  mantissa += mantissa & 1;
  mantissa >>= 1;
  if (mantissa >= hidden << 1) {
    mantissa = hidden;
    power++;
  }
  if (power >= infinitePower) return <u64>infinitePower << mantissaBits;
  return (mantissa & (hidden - 1)) | (<u64>power << mantissaBits);
}

/** Big integers for decideHalfway: 32-bit limbs, little-endian. 800 digits and 10^1100 take under 6,400 bits. */
const LIMBS: i32 = 256;
const BIG_A: usize = memory.data(LIMBS * 4, 8);
const BIG_B: usize = memory.data(LIMBS * 4, 8);

function bigMulAdd(big: usize, factor: u64, add: u64): void {
  let carry: u64 = add;
  for (let i: usize = 0; i < <usize>LIMBS; i++) {
    const v = <u64>load<u32>(big + (i << 2)) * factor + carry;
    store<u32>(big + (i << 2), <u32>v);
    carry = v >> 32;
  }
}

function bigShiftLeft(big: usize, bits: i32): void {
  while (bits >= 31) {
    bigMulAdd(big, 0x80000000, 0);
    bits -= 31;
  }
  if (bits > 0) bigMulAdd(big, <u64>1 << bits, 0);
}

function bigPow10(big: usize, exponent: i32): void {
  while (exponent >= 9) {
    bigMulAdd(big, 1000000000, 0);
    exponent -= 9;
  }
  while (exponent-- > 0) bigMulAdd(big, 10, 0);
}

function bigCompare(a: usize, b: usize): i32 {
  for (let i = LIMBS - 1; i >= 0; i--) {
    const x = load<u32>(a + (<usize>i << 2));
    const y = load<u32>(b + (<usize>i << 2));
    if (x != y) return x > y ? 1 : -1;
  }
  return 0;
}

/** `bits` is the float of the first 19 digits; says whether all digits round to it or to its successor. */
function decideHalfway(bits: u64, mantissaBits: i32, minimumExponent: i32): u64 {
  memory.fill(BIG_A, 0, LIMBS * 4);
  memory.fill(BIG_B, 0, LIMBS * 4);
  let exponent = nWritten;
  let fraction = false;
  let taken = 0;
  let sticky = false;
  for (let p = nStart; p < nEnd; p++) {
    const c: u32 = load<u8>(p);
    if (c == 46) {
      fraction = true;
      continue;
    }
    if (taken < 800) {
      if (taken > 0 || c != 48) {
        bigMulAdd(BIG_A, 10, c - 48);
        taken++;
      }
      if (fraction) exponent--;
    } else {
      if (c != 48) sticky = true;
      if (!fraction) exponent++;
    }
  }
  if (sticky) {
    bigMulAdd(BIG_A, 10, 1);
    exponent--;
  }
  const power = <i32>(bits >> mantissaBits);
  const hidden: u64 = <u64>1 << mantissaBits;
  const mantissa = (bits & (hidden - 1)) | (power == 0 ? 0 : hidden);
  // The half-way point is (2·mantissa + 1) · 2^binary.
  const binary = (power == 0 ? 1 : power) + minimumExponent - mantissaBits - 1;
  bigMulAdd(BIG_B, 0, 2 * mantissa + 1);
  if (exponent >= 0) bigPow10(BIG_A, exponent);
  else bigPow10(BIG_B, -exponent);
  if (binary >= 0) bigShiftLeft(BIG_B, binary);
  else bigShiftLeft(BIG_A, -binary);
  const order = bigCompare(BIG_A, BIG_B);
  if (order > 0 || (order == 0 && (mantissa & 1) == 1)) return bits + 1;
  return bits;
}

/** 10^0 … 10^19. */
// prettier-ignore
const POW10: usize = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
  10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
  10000000000000000000,
]);

export function pow10U64(exponent: i32): u64 {
  return load<u64>(POW10 + (<usize>exponent << 3));
}

/**
 * The number last scanned as a DECIMAL(precision, scale), rounded half up, in dLow and dHigh; false when it does not fit.
 */
export function scannedDecimal(precision: i32, scale: i32): bool {
  if (!nMore && precision <= 18) {
    const shift = nExponent + scale;
    let value = nMantissa;
    if (value == 0) {
    } else if (shift >= 0) {
      if (shift > 18 || value >= pow10U64(precision)) return false;
      if (mulHigh(value, pow10U64(shift)) != 0) return false;
      value *= pow10U64(shift);
    } else if (shift < -19) value = 0;
    else {
      const divisor = pow10U64(-shift);
      const rest = value % divisor;
      value /= divisor;
      if (rest >= divisor - rest) value++;
    }
    if (value >= pow10U64(precision)) return false;
    const signed = nNegative ? -(<i64>value) : <i64>value;
    dLow = <u64>signed;
    dHigh = <u64>(signed >> 63);
    return true;
  }
  return decimalOfDigits(precision, scale);
}

function decimalOfDigits(precision: i32, scale: i32): bool {
  // How many digits (leading zeros included) of the text lie before the rounding position.
  let point: i32 = 0;
  let p = nStart;
  while (p < nEnd && load<u8>(p) != 46) {
    p++;
    point++;
  }
  const wanted = <i64>point + <i64>nWritten + <i64>scale;
  let low: u64 = 0;
  let high: u64 = 0;
  let count: i64 = 0;
  let significant = 0;
  let roundUp = false;
  for (p = nStart; p < nEnd; p++) {
    const c: u32 = load<u8>(p);
    if (c == 46) continue;
    if (count >= wanted) {
      roundUp = count == wanted && c >= 53;
      break;
    }
    count++;
    if (significant == 0 && c == 48) continue;
    if (++significant > 38) return false;
    const carry = mulHigh(low, 10);
    low = low * 10;
    high = high * 10 + carry;
    low += c - 48;
    if (low < c - 48) high++;
  }
  if (significant > 0) {
    while (count < wanted) {
      count++;
      if (++significant > 38) return false;
      const carry = mulHigh(low, 10);
      low = low * 10;
      high = high * 10 + carry;
    }
  }
  if (roundUp) {
    low++;
    if (low == 0) high++;
  }
  // Below 10^precision?
  let limitLow: u64 = 1;
  let limitHigh: u64 = 0;
  for (let i = 0; i < precision; i++) {
    const carry = mulHigh(limitLow, 10);
    limitLow *= 10;
    limitHigh = limitHigh * 10 + carry;
  }
  if (high > limitHigh || (high == limitHigh && low >= limitLow)) return false;
  if (nNegative) {
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  dLow = low;
  dHigh = high;
  return true;
}

/** The number last scanned as BIGINT in tMillis; false when it is no integer or does not fit. */
export function scannedI64(): bool {
  if (!nInteger) return false;
  const m = nMantissa;
  if (nMore || nExponent > 1) return false;
  let value = m;
  if (nExponent == 1) {
    // 20 digits, the last is 0: at least 10^18 · 10.
    return false;
  }
  if (nNegative) {
    if (value > 0x8000000000000000) return false;
    tMillis = <i64>(0 - value);
  } else {
    if (value > 0x7fffffffffffffff) return false;
    tMillis = <i64>value;
  }
  return true;
}

/** Start of the text without leading characters ≤ U+0020. */
export function trimStart(p: usize, end: usize): usize {
  while (p < end && load<u8>(p) <= 32) p++;
  return p;
}

export function trimEnd(p: usize, end: usize): usize {
  while (end > p && load<u8>(end - 1) <= 32) end--;
  return end;
}

/** True when [p, end) is, but for case, the ASCII word of `length` lower-case letters at `word`. */
export function equalsIgnoreCase(p: usize, end: usize, word: usize, length: usize): bool {
  if (end - p != length) return false;
  for (let i: usize = 0; i < length; i++) {
    if ((load<u8>(p + i) | 32) != load<u8>(word + i)) return false;
  }
  return true;
}

const WORD_TRUE: usize = memory.data<u8>([116, 114, 117, 101]);

/** Java's Boolean.parseBoolean. */
export function parseBoolean(p: usize, end: usize): bool {
  return equalsIgnoreCase(p, end, WORD_TRUE, 4);
}

export function daysFromCivil(year: i32, month: i32, day: i32): i32 {
  const y = month <= 2 ? year - 1 : year;
  const era = (y >= 0 ? y : y - 399) / 400;
  const yearOfEra = y - era * 400;
  const shifted = month > 2 ? month - 3 : month + 9;
  const dayOfYear = (153 * shifted + 2) / 5 + day - 1;
  const dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

function daysInMonth(year: i32, month: i32): i32 {
  if (month == 2) return (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** Two digits at p as a number; ≥ 100 when they are none. */
function twoDigits(p: usize): u32 {
  const a = <u32>load<u8>(p) - 48;
  const b = <u32>load<u8>(p, 1) - 48;
  return a < 10 && b < 10 ? a * 10 + b : 100;
}

/** yyyy-MM-dd, and with `lenient` one-digit months and days; tDays. Returns the end, 0 when it is none. */
export function parseDate(p: usize, end: usize, lenient: bool): usize {
  if (p + 8 > end) return 0;
  const century = twoDigits(p);
  const rest = twoDigits(p + 2);
  if (century >= 100 || rest >= 100 || load<u8>(p, 4) != 45) return 0;
  const year = <i32>(century * 100 + rest);
  p += 5;
  let month = twoDigits(p);
  if (month >= 100) {
    if (!lenient) return 0;
    month = <u32>load<u8>(p) - 48;
    if (month >= 10) return 0;
    p++;
  } else p += 2;
  if (p + 2 > end || load<u8>(p) != 45) return 0;
  p++;
  let day: u32 = p + 2 <= end ? twoDigits(p) : 100;
  if (day >= 100) {
    if (!lenient) return 0;
    day = <u32>load<u8>(p) - 48;
    if (day >= 10) return 0;
    p++;
  } else p += 2;
  if (month < 1 || month > 12 || day < 1 || <i32>day > daysInMonth(year, <i32>month)) return 0;
  tDays = daysFromCivil(year, <i32>month, <i32>day);
  return p;
}

/**
 * HH:mm:ss[.f…] (1 to 9 digits; the point alone is allowed as Java allows it); seconds may be missing with `short`.
 * tMillis of the day and tNanos. Returns the end, 0 when it is none.
 */
export function parseTime(p: usize, end: usize, short: bool): usize {
  if (p + 5 > end) return 0;
  const hour = twoDigits(p);
  const minute = twoDigits(p + 3);
  if (hour > 23 || minute > 59 || load<u8>(p, 2) != 58) return 0;
  p += 5;
  let second: u32 = 0;
  let nanos: u32 = 0;
  if (p + 3 <= end && load<u8>(p) == 58) {
    second = twoDigits(p + 1);
    if (second > 59) return 0;
    p += 3;
    if (p < end && load<u8>(p) == 46) {
      p++;
      let scale: u32 = 1000000000;
      while (p < end) {
        const d = <u32>load<u8>(p) - 48;
        if (d >= 10) break;
        if (scale == 1) return 0;
        nanos = nanos * 10 + d;
        scale /= 10;
        p++;
      }
      nanos *= scale;
    }
  } else if (!short) return 0;
  tMillis = <i64>((hour * 60 + minute) * 60 + second) * 1000 + <i64>(nanos / 1000000);
  tNanos = nanos % 1000000;
  return p;
}

/**
 * date, one byte `separator` (0: blank or T), time; tMillis since the epoch (UTC) and tNanos. Returns the end, 0 if none.
 */
export function parseTimestamp(p: usize, end: usize, separator: u32, short: bool, lenient: bool): usize {
  p = parseDate(p, end, lenient);
  if (p == 0 || p >= end) return 0;
  const c: u32 = load<u8>(p);
  if (separator == 0 ? c != 32 && c != 84 : c != separator) return 0;
  const days = tDays;
  p = parseTime(p + 1, end, short);
  if (p == 0) return 0;
  tMillis += <i64>days * 86400000;
  return p;
}

/** Cuts tMillis and tNanos to a precision of 0 to 9 digits after the second (toward the past). */
export function truncateTimestamp(precision: i32): void {
  if (precision < 3) {
    const unit = <i64>pow10U64(3 - precision);
    let rest = tMillis % unit;
    if (rest < 0) rest += unit;
    tMillis -= rest;
    tNanos = 0;
  } else if (precision == 3) tNanos = 0;
  else if (precision < 9) tNanos -= tNanos % <i32>pow10U64(9 - precision);
}

/** Decodes base64 (standard alphabet, padding optional) to `out`; returns the number of bytes, -1 when it is invalid. */
export function decodeBase64(p: usize, end: usize, out: usize): i32 {
  const start = out;
  while (end > p && load<u8>(end - 1) == 61) end--;
  let bits: u32 = 0;
  let count = 0;
  for (; p < end; p++) {
    const v = base64Value(load<u8>(p));
    if (v < 0) return -1;
    bits = (bits << 6) | <u32>v;
    if (++count == 4) {
      store<u8>(out, bits >> 16);
      store<u8>(out, bits >> 8, 1);
      store<u8>(out, bits, 2);
      out += 3;
      bits = 0;
      count = 0;
    }
  }
  if (count == 1) return -1;
  if (count == 2) {
    store<u8>(out, bits >> 4);
    out++;
  } else if (count == 3) {
    store<u8>(out, bits >> 10);
    store<u8>(out, bits >> 2, 1);
    out += 2;
  }
  return <i32>(out - start);
}

function base64Value(c: u32): i32 {
  if (c - 65 < 26) return c - 65;
  if (c - 97 < 26) return c - 71;
  if (c - 48 < 10) return c + 4;
  if (c == 43) return 62;
  if (c == 47) return 63;
  return -1;
}

/** True when [p, end) is well-formed UTF-8. */
export function validUtf8(p: usize, end: usize): bool {
  while (p < end) {
    const a: u32 = load<u8>(p);
    if (a < 0x80) {
      p++;
      continue;
    }
    if (a < 0xe0) {
      if (a < 0xc2 || p + 2 > end || (load<u8>(p, 1) & 0xc0) != 0x80) return false;
      p += 2;
    } else if (a < 0xf0) {
      if (p + 3 > end) return false;
      const b: u32 = load<u8>(p, 1);
      if ((b & 0xc0) != 0x80 || (load<u8>(p, 2) & 0xc0) != 0x80) return false;
      if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f)) return false;
      p += 3;
    } else {
      if (a > 0xf4 || p + 4 > end) return false;
      const b: u32 = load<u8>(p, 1);
      if ((b & 0xc0) != 0x80 || (load<u8>(p, 2) & 0xc0) != 0x80) return false;
      if ((load<u8>(p, 3) & 0xc0) != 0x80) return false;
      if ((a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f)) return false;
      p += 4;
    }
  }
  return true;
}

const WORD_NAN: usize = memory.data<u8>([78, 97, 78]);
const WORD_INFINITY: usize = memory.data<u8>([73, 110, 102, 105, 110, 105, 116, 121]);

/** NaN, Infinity, +Infinity, -Infinity as Java writes them; 0 for any other text. */
export function parseSpecialFloat(p: usize, end: usize): f64 {
  const c: u32 = p < end ? load<u8>(p) : 0;
  const sign = c == 43 || c == 45;
  const start = sign ? p + 1 : p;
  if (end - start == 3 && memory.compare(start, WORD_NAN, 3) == 0) return NaN;
  if (end - start == 8 && memory.compare(start, WORD_INFINITY, 8) == 0)
    return c == 45 ? -Infinity : Infinity;
  return 0;
}
