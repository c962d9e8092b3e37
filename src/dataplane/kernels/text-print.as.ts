/**
 * Numbers, dates and times → text: what the encoders of JSON, CSV and other text formats share.
 *
 * Flow:    json-encode.as.ts, csv-encode.as.ts (and whoever casts to STRING) → here. Every function writes at `out` and
 *          returns the end; the caller has left room: integers 20 bytes, DOUBLE 26, DECIMAL 48, timestamps 40.
 * Exact:   DOUBLE and FLOAT are the shortest digits that read back as the same value, in Java's form (1.0E10, 0.001).
 * Source:  Giulietti, "The Schubfach way to render doubles" (2020), as Java 19's Double.toString does.
 */
import { mulHigh, pow10U64 } from "./text-parse.as";
import { POWERS, POWER_MIN } from "./text-parse-powers.as";

const PAIRS: usize = memory.data(200, 2);

function fillPairs(): void {
  for (let i = 0; i < 100; i++) {
    store<u8>(PAIRS + i * 2, 48 + i / 10);
    store<u8>(PAIRS + i * 2, 48 + (i % 10), 1);
  }
}
fillPairs();

// @ts-ignore: decorator
@inline
export function printPair(out: usize, value: u32): void {
  store<u16>(out, load<u16>(PAIRS + (<usize>value << 1)));
}

export function countDigits(value: u64): i32 {
  if (value < 10) return 1;
  // 1233 / 4096 is just above log10(2).
  const guess = ((64 - <i32>clz(value)) * 1233) >> 12;
  return guess + (guess < 20 && value >= pow10U64(guess) ? 1 : 0);
}

export function printU64(out: usize, value: u64): usize {
  const end = out + countDigits(value);
  let p = end;
  while (value >= 100) {
    const rest = <u32>(value % 100);
    value /= 100;
    p -= 2;
    printPair(p, rest);
  }
  if (value >= 10) printPair(p - 2, <u32>value);
  else store<u8>(p - 1, 48 + <u32>value);
  return end;
}

export function printI64(out: usize, value: i64): usize {
  if (value >= 0) return printU64(out, <u64>value);
  store<u8>(out, 45);
  return printU64(out + 1, 0 - <u64>value);
}

/** `value` with leading zeros to `digits` digits. */
export function printPadded(out: usize, value: u64, digits: i32): usize {
  const end = out + digits;
  for (let p = end; p > out; ) {
    store<u8>(--p, 48 + <u32>(value % 10));
    value /= 10;
  }
  return end;
}

/** The digits of an unsigned 128-bit number below 10^38. */
export function printU128(out: usize, low: u64, high: u64): usize {
  if (high == 0) return printU64(out, low);
  // In base 10^9, lowest first.
  let a = <u32>(high >> 32);
  let b = <u32>high;
  let c = <u32>(low >> 32);
  let d = <u32>low;
  const parts = PARTS;
  let count = 0;
  while ((a | b | c | d) != 0) {
    let r: u64 = a;
    a = <u32>(r / 1000000000);
    r = ((r % 1000000000) << 32) | b;
    b = <u32>(r / 1000000000);
    r = ((r % 1000000000) << 32) | c;
    c = <u32>(r / 1000000000);
    r = ((r % 1000000000) << 32) | d;
    d = <u32>(r / 1000000000);
    store<u32>(parts + count * 4, <u32>(r % 1000000000));
    count++;
  }
  out = printU64(out, load<u32>(parts + (count - 1) * 4));
  for (let i = count - 2; i >= 0; i--) out = printPadded(out, load<u32>(parts + i * 4), 9);
  return out;
}

const PARTS: usize = memory.data(32, 8);
const DIGITS: usize = memory.data(48, 8);

/** BigDecimal.toPlainString of the two's complement (low, high) · 10^−scale. */
export function printDecimal(out: usize, low: u64, high: u64, scale: i32): usize {
  if (<i64>high < 0) {
    store<u8>(out++, 45);
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  if (scale == 0) return printU128(out, low, high);
  const count = <i32>(printU128(DIGITS, low, high) - DIGITS);
  return printPoint(out, count, scale);
}

/** The `count` digits in DIGITS with the point `scale` digits from their end. */
function printPoint(out: usize, count: i32, scale: i32): usize {
  if (count <= scale) {
    store<u16>(out, 0x2e30);
    out += 2;
    for (let i = count; i < scale; i++) store<u8>(out++, 48);
    memory.copy(out, DIGITS, count);
    return out + count;
  }
  const whole = count - scale;
  memory.copy(out, DIGITS, whole);
  store<u8>(out + whole, 46);
  memory.copy(out + whole + 1, DIGITS + whole, scale);
  return out + count + 1;
}

/** BigDecimal.stripTrailingZeros().toString(): 1.1, 1E+2, 2.7E-8. */
export function printStrippedDecimal(out: usize, low: u64, high: u64, scale: i32, plain: bool): usize {
  if ((low | high) == 0) {
    store<u8>(out, 48);
    return out + 1;
  }
  if (<i64>high < 0) {
    store<u8>(out++, 45);
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  let count = <i32>(printU128(DIGITS, low, high) - DIGITS);
  while (count > 1 && load<u8>(DIGITS + count - 1) == 48) {
    count--;
    scale--;
  }
  const exponent = count - 1 - scale;
  if (scale >= 0 && (exponent >= -6 || plain)) {
    if (scale > 0) return printPoint(out, count, scale);
    memory.copy(out, DIGITS, count);
    return out + count;
  }
  if (plain) {
    memory.copy(out, DIGITS, count);
    out += count;
    for (; scale < 0; scale++) store<u8>(out++, 48);
    return out;
  }
  store<u8>(out++, load<u8>(DIGITS));
  if (count > 1) {
    store<u8>(out++, 46);
    memory.copy(out, DIGITS + 1, count - 1);
    out += count - 1;
  }
  store<u8>(out++, 69);
  store<u8>(out++, exponent < 0 ? 45 : 43);
  return printU64(out, <u64>(exponent < 0 ? -exponent : exponent));
}

const TEXT_NAN: usize = memory.data<u8>([78, 97, 78]);
const TEXT_INFINITY: usize = memory.data<u8>([73, 110, 102, 105, 110, 105, 116, 121]);

let sDigits: u64 = 0;
let sExponent: i32 = 0;

/** Double.toString. */
export function printF64(out: usize, value: f64): usize {
  const bits = reinterpret<u64>(value);
  const fraction = bits & 0xfffffffffffff;
  const exponent = <i32>((bits >> 52) & 0x7ff);
  if (exponent == 0x7ff) return printSpecial(out, fraction != 0, bits >> 63 != 0);
  if (bits >> 63 != 0) store<u8>(out++, 45);
  shortest(fraction, exponent, 52, -1074, 3);
  return printScientific(out);
}

/** Float.toString. */
export function printF32(out: usize, value: f32): usize {
  const bits = reinterpret<u32>(value);
  const fraction = bits & 0x7fffff;
  const exponent = <i32>((bits >> 23) & 0xff);
  if (exponent == 0xff) return printSpecial(out, fraction != 0, bits >> 31 != 0);
  if (bits >> 31 != 0) store<u8>(out++, 45);
  shortest(fraction, exponent, 23, -149, 8);
  return printScientific(out);
}

function printSpecial(out: usize, nan: bool, negative: bool): usize {
  if (nan) {
    memory.copy(out, TEXT_NAN, 3);
    return out + 3;
  }
  if (negative) store<u8>(out++, 45);
  memory.copy(out, TEXT_INFINITY, 8);
  return out + 8;
}

/** sDigits · 10^sExponent, the shortest decimal of a float. */
function shortest(fraction: u64, biased: i32, mantissaBits: i32, minimum: i32, tiny: u64): void {
  const hidden: u64 = <u64>1 << mantissaBits;
  if (biased == 0) {
    if (fraction == 0) {
      sDigits = 0;
      sExponent = 0;
    } else if (fraction < tiny) schubfach(minimum, 10 * fraction, -1, hidden, minimum);
    else schubfach(minimum, fraction, 0, hidden, minimum);
    return;
  }
  const c = hidden | fraction;
  const shift = -minimum + 1 - biased;
  if (shift >= 0 && shift <= mantissaBits) {
    const whole = c >> shift;
    if (whole << shift == c) {
      sDigits = whole;
      sExponent = 0;
      return;
    }
  }
  schubfach(-shift, c, 0, hidden, minimum);
}

function schubfach(q: i32, c: u64, dk: i32, hidden: u64, minimum: i32): void {
  const odd = c & 1;
  const cb = c << 2;
  const cbr = cb + 2;
  let cbl: u64;
  let k: i32;
  if (c != hidden || q == minimum) {
    cbl = cb - 2;
    k = <i32>((<i64>q * 661971961083) >> 41);
  } else {
    cbl = cb - 1;
    k = <i32>((<i64>q * 661971961083 - 274743187321) >> 41);
  }
  const h = q + <i32>((<i64>-k * 913124641741) >> 38) + 2;
  // g = floor(10^−k · 2^…) + 1 in 126 bits, cut into two of 63.
  const entry = POWERS + (<usize>(-k - POWER_MIN) << 4);
  let high = load<u64>(entry);
  let low = load<u64>(entry, 8);
  if (k > 0 && k <= 27) {
    if (low == 0) high--;
    low--;
  }
  let g0 = (low >> 2) | (high << 62);
  let g1 = high >> 2;
  g0++;
  if (g0 == 0) g1++;
  g1 = (g1 << 1) | (g0 >> 63);
  g0 &= 0x7fffffffffffffff;
  const vb = roundToOdd(g1, g0, cb << h);
  const vbl = roundToOdd(g1, g0, cbl << h);
  const vbr = roundToOdd(g1, g0, cbr << h);
  const s = vb >> 2;
  if (s >= 100) {
    const lower = s - (s % 10);
    const upper = lower + 10;
    const lowerIn = vbl + odd <= lower << 2;
    const upperIn = (upper << 2) + odd <= vbr;
    if (lowerIn != upperIn) {
      sDigits = lowerIn ? lower : upper;
      sExponent = k;
      return;
    }
  }
  const t = s + 1;
  const sIn = vbl + odd <= s << 2;
  const tIn = (t << 2) + odd <= vbr;
  sExponent = k + dk;
  if (sIn != tIn) sDigits = sIn ? s : t;
  else {
    const order = <i64>(vb - ((s + t) << 1));
    sDigits = order < 0 || (order == 0 && (s & 1) == 0) ? s : t;
  }
}

function roundToOdd(g1: u64, g0: u64, cp: u64): u64 {
  const x1 = mulHigh(g0, cp);
  const y0 = g1 * cp;
  const y1 = mulHigh(g1, cp);
  const z = (y0 >> 1) + x1;
  const w = y1 + (z >> 63);
  return w | (((z & 0x7fffffffffffffff) + 0x7fffffffffffffff) >> 63);
}

/** sDigits · 10^sExponent as Java prints floating point numbers. */
function printScientific(out: usize): usize {
  let digits = sDigits;
  let exponent = sExponent;
  if (digits == 0) {
    store<u16>(out, 0x2e30);
    store<u8>(out, 48, 2);
    return out + 3;
  }
  while (digits % 10 == 0) {
    digits /= 10;
    exponent++;
  }
  const count = <i32>(printU64(DIGITS, digits) - DIGITS);
  const point = count + exponent;
  if (point > 0 && point <= 7) {
    if (exponent >= 0) {
      memory.copy(out, DIGITS, count);
      out += count;
      for (let i = 0; i < exponent; i++) store<u8>(out++, 48);
      store<u16>(out, 0x302e);
      return out + 2;
    }
    return printPoint(out, count, -exponent);
  }
  if (point > -3 && point <= 0) return printPoint(out, count, -exponent);
  store<u8>(out++, load<u8>(DIGITS));
  store<u8>(out++, 46);
  if (count == 1) store<u8>(out++, 48);
  else {
    memory.copy(out, DIGITS + 1, count - 1);
    out += count - 1;
  }
  store<u8>(out++, 69);
  return printI64(out, point - 1);
}

/** yyyy-MM-dd; beyond four digits with a sign. */
export function printDate(out: usize, days: i32): usize {
  const z = <i64>days + 719468;
  const era = (z >= 0 ? z : z - 146096) / 146097;
  const dayOfEra = <i32>(z - era * 146097);
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const shifted = (5 * dayOfYear + 2) / 153;
  const day = dayOfYear - (153 * shifted + 2) / 5 + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  if (year < 0) {
    store<u8>(out++, 45);
    year = -year;
  } else if (year > 9999) store<u8>(out++, 43);
  out = printPadded(out, <u64>year, year > 9999 ? countDigits(<u64>year) : 4);
  store<u8>(out, 45);
  printPair(out + 1, <u32>month);
  store<u8>(out, 45, 3);
  printPair(out + 4, <u32>day);
  return out + 6;
}

/** HH:mm:ss and, when there is one, the fraction without trailing zeros; `digits` ≥ 0 writes exactly so many. */
export function printTime(out: usize, millisOfDay: u32, nanos: u32, digits: i32): usize {
  const seconds = millisOfDay / 1000;
  printPair(out, seconds / 3600);
  store<u8>(out, 58, 2);
  printPair(out + 3, (seconds / 60) % 60);
  store<u8>(out, 58, 5);
  printPair(out + 6, seconds % 60);
  out += 8;
  const fraction = (millisOfDay % 1000) * 1000000 + nanos;
  if (digits < 0) {
    if (fraction == 0) return out;
    store<u8>(out, 46);
    out = printPadded(out + 1, fraction, 9);
    while (load<u8>(out - 1) == 48) out--;
    return out;
  }
  if (digits == 0) return out;
  store<u8>(out, 46);
  return printPadded(out + 1, fraction / <u32>pow10U64(9 - digits), digits);
}

/** date, `separator`, time. */
export function printTimestamp(
  out: usize,
  millis: i64,
  nanos: u32,
  separator: u32,
  digits: i32,
): usize {
  let days = millis / 86400000;
  if (days * 86400000 > millis) days--;
  out = printDate(out, <i32>days);
  store<u8>(out, separator);
  return printTime(out + 1, <u32>(millis - days * 86400000), nanos, digits);
}

// prettier-ignore
const BASE64: usize = memory.data<u8>([
  65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 97, 98, 99,
  100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 48,
  49, 50, 51, 52, 53, 54, 55, 56, 57, 43, 47,
]);

export function printBase64(out: usize, p: usize, length: usize): usize {
  const end = p + length;
  for (; p + 3 <= end; p += 3) {
    const bits = (<u32>load<u8>(p) << 16) | (<u32>load<u8>(p, 1) << 8) | <u32>load<u8>(p, 2);
    store<u8>(out, load<u8>(BASE64 + (bits >> 18)));
    store<u8>(out, load<u8>(BASE64 + ((bits >> 12) & 63)), 1);
    store<u8>(out, load<u8>(BASE64 + ((bits >> 6) & 63)), 2);
    store<u8>(out, load<u8>(BASE64 + (bits & 63)), 3);
    out += 4;
  }
  if (p < end) {
    const two = p + 1 < end;
    const bits = (<u32>load<u8>(p) << 16) | (two ? <u32>load<u8>(p, 1) << 8 : 0);
    store<u8>(out, load<u8>(BASE64 + (bits >> 18)));
    store<u8>(out, load<u8>(BASE64 + ((bits >> 12) & 63)), 1);
    store<u8>(out, two ? load<u8>(BASE64 + ((bits >> 6) & 63)) : 61, 2);
    store<u8>(out, 61, 3);
    out += 4;
  }
  return out;
}

/** The text within JSON quotes: " \ and control characters escaped as Jackson does. Room: six bytes for each. */
export function printJsonText(out: usize, p: usize, length: usize): usize {
  const end = p + length;
  while (p + 16 <= end) {
    const v = v128.load(p);
    v128.store(out, v);
    const stop = escapeMask(v);
    if (stop == 0) {
      p += 16;
      out += 16;
      continue;
    }
    const at = ctz(stop);
    out = printEscape(out + at, load<u8>(p + at));
    p += at + 1;
  }
  for (; p < end; p++) {
    const c: u32 = load<u8>(p);
    if (c < 32 || c == 34 || c == 92) out = printEscape(out, c);
    else store<u8>(out++, c);
  }
  return out;
}

// @ts-ignore: decorator
@inline
function escapeMask(v: v128): i32 {
  return v128.bitmask<i8>(
    v128.or(
      v128.or(v128.eq<i8>(v, i8x16.splat(34)), v128.eq<i8>(v, i8x16.splat(92))),
      v128.lt<u8>(v, i8x16.splat(32)),
    ),
  );
}

function printEscape(out: usize, c: u32): usize {
  store<u8>(out, 92);
  let short: u32 = 0;
  if (c == 34 || c == 92) short = c;
  else if (c == 8) short = 98;
  else if (c == 9) short = 116;
  else if (c == 10) short = 110;
  else if (c == 12) short = 102;
  else if (c == 13) short = 114;
  if (short != 0) {
    store<u8>(out, short, 1);
    return out + 2;
  }
  store<u8>(out, 117, 1);
  store<u16>(out, 0x3030, 2);
  store<u8>(out, 48 + (c >> 4), 4);
  const d = c & 15;
  store<u8>(out, d < 10 ? 48 + d : 55 + d, 5);
  return out + 6;
}
