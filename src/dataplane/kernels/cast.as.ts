/**
 * Casts that run per row: text → numbers, dates, times; numbers, dates, times → text; floats ↔ DECIMAL; lengths; zones.
 *
 * Flow:    codegen/expressions/cast-*.ts → here → text-parse.as.ts, text-print.as.ts.
 * Failure: with safe = 1 (TRY_CAST) the result is NULL, else setError(CAST_FAILED, the text); see cast-status.as.ts.
 * Text:    surrounding characters up to U+0020 are skipped, as Java's trim. Results are in the arena.
 * Source:  Flink BinaryStringDataUtil (toInt, toLong, toDecimal, toBoolean …), DateTimeUtils, DecimalDataUtils.
 */
import { arenaAlloc } from "./arena.as";
import { setError, setNull, setResult } from "./cast-status.as";
import {
  printDate,
  printDecimal,
  printF32,
  printF64,
  printI64,
  printPadded,
  printTime,
} from "./text-print.as";
import {
  dHigh,
  dLow,
  daysFromCivil,
  pow10U64,
  scanNumber,
  scannedDecimal,
  scannedF32,
  scannedF64,
  trimEnd,
  trimStart,
} from "./text-parse.as";

/** codegen/errors.ts, EXPRESSION_ERRORS.castFailed. */
const CAST_FAILED: u32 = 2;
const DAY_MS: i64 = 86400000;
/** Texts of numbers up to this are copied to static memory, to have a terminator behind them. */
const SCRATCH_BYTES: u32 = 256;
const SCRATCH: usize = memory.data(264, 8);

function failed(view: u64, safe: i32): void {
  if (safe) setNull();
  else setError(CAST_FAILED, view);
}

// @ts-ignore: decorator
@inline
function viewOf(start: usize, end: usize): u64 {
  return (<u64>(end - start) << 32) | <u64>start;
}

// @ts-ignore: decorator
@inline
function startOf(view: u64): usize {
  return <usize>(view & 0xffffffff);
}

// @ts-ignore: decorator
@inline
function endOf(view: u64): usize {
  return startOf(view) + <usize>(view >> 32);
}

// ---- numbers → text

export function castI64ToText(value: i64): u64 {
  const out = arenaAlloc(20);
  return viewOf(out, printI64(out, value));
}

export function castF64ToText(value: f64): u64 {
  const out = arenaAlloc(26);
  return viewOf(out, printF64(out, value));
}

export function castF32ToText(value: f32): u64 {
  const out = arenaAlloc(26);
  return viewOf(out, printF32(out, value));
}

export function castDecimalToText(lo: u64, hi: u64, scale: i32): u64 {
  const out = arenaAlloc(48);
  return viewOf(out, printDecimal(out, lo, hi, scale));
}

export function castDateToText(days: i32): u64 {
  const out = arenaAlloc(16);
  return viewOf(out, printDate(out, days));
}

export function castTimeToText(millis: i32, precision: i32): u64 {
  const out = arenaAlloc(24);
  return viewOf(out, printTime(out, <u32>millis, 0, precision));
}

/** yyyy-MM-dd HH:mm:ss and at least `precision` digits; further digits only when they are not zeros. */
export function castTimestampToText(millis: i64, nanos: i64, precision: i32): u64 {
  const out = arenaAlloc(48);
  let days = millis / DAY_MS;
  if (days * DAY_MS > millis) days--;
  let end = printDate(out, <i32>days);
  store<u8>(end, 32);
  end = printTime(end + 1, <u32>(millis - days * DAY_MS), <u32>nanos, 9);
  let least = end - (9 - precision);
  if (precision == 0) least--;
  while (end > least && load<u8>(end - 1) == 48) end--;
  if (load<u8>(end - 1) == 46) end--;
  return viewOf(out, end);
}

/** +years-months */
export function castMonthsToText(months: i64): u64 {
  const out = arenaAlloc(40);
  const negative = months < 0;
  const magnitude = <u64>(negative ? -months : months);
  store<u8>(out, negative ? 45 : 43);
  let end = printI64(out + 1, magnitude / 12);
  store<u8>(end, 45);
  end = printPadded(end + 1, magnitude % 12, 2);
  return viewOf(out, end);
}

/** +days hours:minutes:seconds.millis */
export function castIntervalToText(millis: i64): u64 {
  const out = arenaAlloc(48);
  const negative = millis < 0;
  const magnitude = <u64>(negative ? -millis : millis);
  store<u8>(out, negative ? 45 : 43);
  let end = printI64(out + 1, magnitude / <u64>DAY_MS);
  store<u8>(end, 32);
  end = printTime(end + 1, <u32>(magnitude % <u64>DAY_MS), 0, 3);
  return viewOf(out, end);
}

// ---- lengths

/** Bytes of the first n characters; all of them when there are fewer. `count` gets how many there are. */
let count: i32 = 0;
function prefixBytes(view: u64, n: i32): u32 {
  let p = startOf(view);
  const end = endOf(view);
  count = 0;
  while (p < end && count < n) {
    const c = <u32>load<u8>(p);
    p += c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    count++;
  }
  return <u32>((p < end ? p : end) - startOf(view));
}

/** VARCHAR(n): at most n characters. */
export function castTruncate(view: u64, n: i32): u64 {
  if (<i64>(view >> 32) <= n) return view;
  return ((<u64>prefixBytes(view, n)) << 32) | (view & 0xffffffff);
}

/** CHAR(n): exactly n characters, with blanks behind. */
export function castPad(view: u64, n: i32): u64 {
  const bytes = prefixBytes(view, n);
  if (count == n) return (<u64>bytes << 32) | (view & 0xffffffff);
  const out = arenaAlloc(bytes + <u32>(n - count));
  memory.copy(out, startOf(view), bytes);
  memory.fill(out + bytes, 32, <usize>(n - count));
  return viewOf(out, out + bytes + <usize>(n - count));
}

export function castTruncateBytes(view: u64, n: i32): u64 {
  if (<i64>(view >> 32) <= n) return view;
  return (<u64>(<u32>n) << 32) | (view & 0xffffffff);
}

export function castPadBytes(view: u64, n: i32): u64 {
  const length = <u32>(view >> 32);
  if (length >= <u32>n) return (<u64>(<u32>n) << 32) | (view & 0xffffffff);
  const out = arenaAlloc(<u32>n);
  memory.copy(out, startOf(view), length);
  memory.fill(out + length, 0, <u32>n - length);
  return viewOf(out, out + <usize>n);
}

/** Bytes as text: what is no UTF-8 becomes U+FFFD, one for each maximal part, as Java's decoder. */
export function castBytesToText(view: u64): u64 {
  let p = startOf(view);
  const end = endOf(view);
  while (p < end) {
    const size = sequence(p, end);
    if (size <= 0) return repaired(view);
    p += <usize>size;
  }
  return view;
}

/** Length of the UTF-8 sequence at p; minus the length of the part to replace when it is none. */
function sequence(p: usize, end: usize): i32 {
  const c = <u32>load<u8>(p);
  if (c < 0x80) return 1;
  if (c < 0xc2 || c > 0xf4) return -1;
  const size = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  for (let i = 1; i < size; i++) {
    if (p + <usize>i >= end) return -i;
    const d = <u32>load<u8>(p + <usize>i);
    let low: u32 = 0x80;
    let high: u32 = 0xbf;
    if (i == 1) {
      if (c == 0xe0) low = 0xa0;
      else if (c == 0xed) high = 0x9f;
      else if (c == 0xf0) low = 0x90;
      else if (c == 0xf4) high = 0x8f;
    }
    if (d < low || d > high) return -i;
  }
  return size;
}

function repaired(view: u64): u64 {
  const out = arenaAlloc(<u32>(view >> 32) * 3);
  let to = out;
  let p = startOf(view);
  const end = endOf(view);
  while (p < end) {
    const size = sequence(p, end);
    if (size > 0) {
      memory.copy(to, p, <usize>size);
      to += <usize>size;
      p += <usize>size;
    } else {
      store<u8>(to, 0xef);
      store<u8>(to, 0xbf, 1);
      store<u8>(to, 0xbd, 2);
      to += 3;
      p += <usize>-size;
    }
  }
  return viewOf(out, to);
}

// ---- text → numbers

/** Digits, then perhaps a point and more digits that are dropped; out of range is a failure. */
export function castTextToInteger(view: u64, safe: i32, bits: i32): i64 {
  const end = trimEnd(startOf(view), endOf(view));
  let p = trimStart(startOf(view), end);
  if (p == end) {
    failed(view, safe);
    return 0;
  }
  const negative = load<u8>(p) == 45;
  if (negative || load<u8>(p) == 43) {
    p++;
    if (p == end) {
      failed(view, safe);
      return 0;
    }
  }
  const limit: u64 = (<u64>1 << (bits - 1)) - (negative ? 0 : 1);
  let value: u64 = 0;
  let valid = true;
  while (p < end) {
    const c = <u32>load<u8>(p);
    p++;
    if (c == 46) break;
    const digit = c - 48;
    if (digit > 9 || value > limit / 10 || value * 10 > limit - digit) {
      valid = false;
      break;
    }
    value = value * 10 + digit;
  }
  while (valid && p < end) {
    if (<u32>load<u8>(p) - 48 > 9) valid = false;
    p++;
  }
  if (!valid) {
    failed(view, safe);
    return 0;
  }
  return negative ? -(<i64>value) : <i64>value;
}

/** A copy of the trimmed text with a terminator: scanNumber reads one byte beyond. */
let textStart: usize = 0;
let textEnd: usize = 0;
function terminated(view: u64): void {
  const end = trimEnd(startOf(view), endOf(view));
  const start = trimStart(startOf(view), end);
  const length = <u32>(end - start);
  const to = length <= SCRATCH_BYTES ? SCRATCH : arenaAlloc(length + 1);
  memory.copy(to, start, length);
  store<u8>(to + length, 0);
  textStart = to;
  textEnd = to + length;
}

const NAN: usize = memory.data<u8>([78, 97, 78]);
const INFINITY: usize = memory.data<u8>([73, 110, 102, 105, 110, 105, 116, 121]);

function isWord(p: usize, end: usize, word: usize, length: usize): bool {
  return end - p == length && memory.compare(p, word, length) == 0;
}

/** 0 = no number, 1 = scanned, 2 = special value in `special`. */
let special: f64 = 0;
function scanFloat(view: u64): i32 {
  terminated(view);
  let p = textStart;
  let end = textEnd;
  if (p == end) return 0;
  const sign = load<u8>(p);
  const word = sign == 45 || sign == 43 ? p + 1 : p;
  if (isWord(word, end, NAN, 3)) {
    special = NaN;
    return 2;
  }
  if (isWord(word, end, INFINITY, 8)) {
    special = sign == 45 ? -Infinity : Infinity;
    return 2;
  }
  const last = <u32>load<u8>(end - 1) | 32;
  // Java's suffixes f and d.
  if ((last == 102 || last == 100) && end - p > 1) {
    end--;
    store<u8>(end, 0);
  }
  return scanNumber(p, false) == end ? 1 : 0;
}

export function castTextToF64(view: u64, safe: i32): f64 {
  const scanned = scanFloat(view);
  if (scanned == 1) return scannedF64();
  if (scanned == 2) return special;
  failed(view, safe);
  return 0;
}

export function castTextToF32(view: u64, safe: i32): f32 {
  const scanned = scanFloat(view);
  if (scanned == 1) return scannedF32();
  if (scanned == 2) return <f32>special;
  failed(view, safe);
  return 0;
}

/**
 * What does not fit is a failure too. Short texts for short decimals follow Flink's BinaryStringDataUtil.toDecimalFromBytes to the
 * letter: the one character that ends the digits is passed over, and zeros in front count as digits.
 */
export function castTextToDecimal(view: u64, safe: i32, precision: i32, scale: i32): void {
  if (precision <= 18 && endOf(view) - startOf(view) <= 18) {
    if (!shortDecimal(startOf(view), endOf(view), precision, scale)) failed(view, safe);
    return;
  }
  terminated(view);
  if (textStart == textEnd || scanNumber(textStart, false) != textEnd || !scannedDecimal(precision, scale)) {
    failed(view, safe);
    return;
  }
  setResult(dLow, dHigh);
}

// @ts-ignore: decorator
@inline
function isBlank(c: u32): bool {
  return c == 32 || c == 10 || c == 9;
}

/** Sets the result; false when the text is no number or does not fit. */
function shortDecimal(from: usize, end: usize, precision: i32, scale: i32): bool {
  let p = from;
  while (p < end && isBlank(load<u8>(p))) p++;
  if (p == end) return false;
  let c: u32 = load<u8>(p);
  const negative = c == 45;
  if (negative || c == 43) {
    if (++p == end) return false;
  }
  let value: u64 = 0;
  let digits = 0;
  let point = -1;
  while (p < end) {
    c = load<u8>(p++);
    if (c - 48 <= 9) {
      value = value * 10 + (c - 48);
      digits++;
    } else if (c == 46) {
      if (point >= 0) return false;
      point = digits;
    } else break;
  }
  if (point < 0) point = digits;
  let exponent = 0;
  if ((c | 32) == 101 && p < end) {
    c = load<u8>(p);
    const below = c == 45;
    if (below || c == 43) {
      if (++p == end) return false;
    }
    while (p < end) {
      c = load<u8>(p++);
      if (c - 48 > 9) break;
      if (exponent < 1000) exponent = exponent * 10 + <i32>(c - 48);
    }
    if (below) exponent = -exponent;
  }
  while (p < end) if (!isBlank(load<u8>(p++))) return false;
  const shift = exponent - (digits - point) + scale;
  if (digits + shift > precision) return false;
  if (shift >= 0) value *= pow10U64(shift);
  else if (shift < -18) value = 0;
  else value = (value + 5 * pow10U64(-shift - 1)) / pow10U64(-shift);
  if (value >= pow10U64(precision)) return false;
  const signed = negative ? -(<i64>value) : <i64>value;
  setResult(<u64>signed, <u64>(signed >> 63));
  return true;
}

/** By the shortest digits of the double (BigDecimal.valueOf), HALF_UP; NULL when it does not fit. */
export function castF64ToDecimal(value: f64, precision: i32, scale: i32, safe: i32): void {
  const end = printF64(SCRATCH, value);
  store<u8>(end, 0);
  if (value - value != 0) {
    const copy = arenaAlloc(<u32>(end - SCRATCH));
    memory.copy(copy, SCRATCH, end - SCRATCH);
    failed(viewOf(copy, copy + (end - SCRATCH)), safe);
    return;
  }
  scanNumber(SCRATCH, false);
  if (!scannedDecimal(precision, scale)) setNull();
  else setResult(dLow, dHigh);
}

/** The double nearest to the DECIMAL. */
export function decimalToF64(lo: u64, hi: u64, scale: i32): f64 {
  const end = printDecimal(SCRATCH, lo, hi, scale);
  store<u8>(end, 0);
  scanNumber(SCRATCH, false);
  return scannedF64();
}

/** Java's % on doubles. */
export function f64Remainder(a: f64, b: f64): f64 {
  return a % b;
}

// ---- text → BOOLEAN, DATE, TIME, TIMESTAMP

/** t, true, y, yes, 1 and f, false, n, no, 0 in any case. */
export function castTextToBoolean(view: u64, safe: i32): i32 {
  const end = trimEnd(startOf(view), endOf(view));
  const p = trimStart(startOf(view), end);
  const length = <u32>(end - p);
  let word: u64 = 0;
  if (length > 0 && length <= 5) {
    for (let i: u32 = 0; i < length; i++) {
      const c = <u64>load<u8>(p + i);
      word = (word << 8) | (c >= 65 && c <= 90 ? c | 32 : c);
    }
    if (word == 0x74 || word == 0x74727565 || word == 0x79 || word == 0x796573 || word == 0x31) return 1;
    if (word == 0x66 || word == 0x66616c7365 || word == 0x6e || word == 0x6e6f || word == 0x30) return 0;
  }
  failed(view, safe);
  return 0;
}

/** Digits in [p, end), blanks around them skipped; −1 when there is anything else or nothing. */
function number(p: usize, end: usize): i32 {
  while (p < end && load<u8>(p) <= 32) p++;
  while (end > p && load<u8>(end - 1) <= 32) end--;
  if (p == end || end - p > 9) return -1;
  let value = 0;
  for (; p < end; p++) {
    const digit = <u32>load<u8>(p) - 48;
    if (digit > 9) return -1;
    value = value * 10 + <i32>digit;
  }
  return value;
}

function indexOf(p: usize, end: usize, c: u8): usize {
  while (p < end && load<u8>(p) != c) p++;
  return p;
}

function monthLength(year: i32, month: i32): i32 {
  if (month == 2) return (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

let days: i32 = 0;
/** y[-m[-d]], all of [p, end); result in `days`. */
function readDate(p: usize, end: usize): bool {
  const first = indexOf(p, end, 45);
  const year = number(p, first);
  let month = 1;
  let day = 1;
  if (first < end) {
    const second = indexOf(first + 1, end, 45);
    month = number(first + 1, second);
    if (second < end) day = number(second + 1, end);
  }
  if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1 || day > monthLength(year, month))
    return false;
  days = daysFromCivil(year, month, day);
  return true;
}

/** What follows a blank is not looked at: a timestamp's date is taken. */
export function castTextToDate(view: u64, safe: i32): i32 {
  const p = startOf(view);
  const end = endOf(view);
  const blank = indexOf(p, end, 32);
  const dateEnd = blank > p ? blank : end;
  if (readDate(trimStart(p, dateEnd), trimEnd(p, dateEnd))) return days;
  failed(view, safe);
  return 0;
}

let millis: i64 = 0;
let nanos: i32 = 0;
/** H[H][:m[m][:s[s][.f…]]], all of [p, end); results in `millis` of the day and `nanos` within the millisecond. */
function readTime(p: usize, end: usize): bool {
  const first = indexOf(p, end, 58);
  const hour = number(p, first);
  let minute = 0;
  let second = 0;
  nanos = 0;
  let fraction = 0;
  if (first < end) {
    const next = indexOf(first + 1, end, 58);
    minute = number(first + 1, next);
    if (next < end) {
      const point = indexOf(next + 1, end, 46);
      second = number(next + 1, point);
      if (point < end) {
        let digits = 0;
        for (let q = point + 1; q < end; q++) {
          const digit = <u32>load<u8>(q) - 48;
          if (digit > 9) return false;
          if (digits < 9) {
            fraction = fraction * 10 + <i32>digit;
            digits++;
          }
        }
        for (; digits < 9; digits++) fraction *= 10;
      }
    }
  }
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  millis = <i64>((hour * 60 + minute) * 60 + second) * 1000 + fraction / 1000000;
  nanos = fraction % 1000000;
  return true;
}

export function castTextToTime(view: u64, safe: i32, precision: i32): i32 {
  const end = trimEnd(startOf(view), endOf(view));
  if (!readTime(trimStart(startOf(view), end), end)) {
    failed(view, safe);
    return 0;
  }
  if (precision < 3) {
    const unit = precision == 0 ? 1000 : precision == 1 ? 100 : 10;
    millis -= millis % unit;
  }
  return <i32>millis;
}

/** Date, then perhaps a blank or T and a time; the fraction is cut to `precision` digits. Local time → RESULT. */
export function castTextToTimestamp(view: u64, safe: i32, precision: i32): void {
  const end = trimEnd(startOf(view), endOf(view));
  const p = trimStart(startOf(view), end);
  let split = p;
  while (split < end && load<u8>(split) != 32 && load<u8>(split) != 84) split++;
  // A timestamp needs its three parts of a date; a date alone may leave them away, but not here.
  const hyphen = indexOf(p, split, 45);
  const complete = hyphen < split && indexOf(hyphen + 1, split, 45) < split;
  millis = 0;
  nanos = 0;
  if (!complete || !readDate(p, split) || (split < end && !readTime(trimStart(split + 1, end), end))) {
    failed(view, safe);
    return;
  }
  let unit: i32 = 1;
  if (precision < 3) {
    for (let i = precision; i < 3; i++) unit *= 10;
    millis -= millis % unit;
    nanos = 0;
  } else if (precision == 3) {
    nanos = 0;
  } else {
    for (let i = precision; i < 9; i++) unit *= 10;
    nanos -= nanos % unit;
  }
  setResult(<u64>(<i64>days * DAY_MS + millis), <u64>nanos);
}

// ---- months

function floorDivide(a: i64, b: i64): i64 {
  const quotient = a / b;
  return a % b < 0 ? quotient - 1 : quotient;
}

let civilYear: i64 = 0;
let civilMonth: i32 = 0;
let civilDay: i32 = 0;
function civil(day: i64): void {
  const z = day + 719468;
  const era = floorDivide(z, 146097);
  const dayOfEra = <i32>(z - era * 146097);
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const shifted = (5 * dayOfYear + 2) / 153;
  civilDay = dayOfYear - (153 * shifted + 2) / 5 + 1;
  civilMonth = shifted < 10 ? shifted + 3 : shifted - 9;
  civilYear = era * 400 + yearOfEra + (civilMonth <= 2 ? 1 : 0);
}

/** Moves local milliseconds by whole months; the day becomes the month's last when the month is too short. */
export function addMonths(value: i64, months: i64): i64 {
  const day = floorDivide(value, DAY_MS);
  const rest = value - day * DAY_MS;
  civil(day);
  const total = civilYear * 12 + civilMonth - 1 + months;
  const year = <i32>floorDivide(total, 12);
  const month = <i32>(total - <i64>year * 12) + 1;
  const last = monthLength(year, month);
  return <i64>daysFromCivil(year, month, civilDay < last ? civilDay : last) * DAY_MS + rest;
}

/** Whole months from b to a, cut toward zero (Flink DateTimeUtils.subtractMonths). */
export function monthsBetween(a: i64, b: i64): i64 {
  const dayA = floorDivide(a, DAY_MS);
  const dayB = floorDivide(b, DAY_MS);
  const months = dayA < dayB ? -monthsBetweenDays(dayB, dayA) : monthsBetweenDays(dayA, dayB);
  const same = addMonths(dayB * DAY_MS, months) == dayA * DAY_MS;
  return same && a - dayA * DAY_MS < b - dayB * DAY_MS ? months - 1 : months;
}

/** Whole months from day b to day a, b not behind a. */
function monthsBetweenDays(a: i64, b: i64): i64 {
  civil(a);
  const year = civilYear;
  const month = civilMonth;
  civil(b);
  let months = (year - civilYear) * 12 + (month - civilMonth);
  while (addMonths(b * DAY_MS, months) > a * DAY_MS) months--;
  return months;
}

// ---- zones; the table is described in codegen/expressions/time-zone.ts

// @ts-ignore: decorator
@inline
function transition(table: usize, i: u32): i64 {
  return load<i64>(table + 8 + (<usize>i << 4));
}

// @ts-ignore: decorator
@inline
function offsetFrom(table: usize, i: u32): i64 {
  return load<i64>(table + 16 + (<usize>i << 4));
}

/** The last entry that begins at or before `utc`. */
function zoneEntry(utc: i64, table: usize): u32 {
  let from: u32 = 0;
  let to = load<u32>(table);
  while (to - from > 1) {
    const middle = (from + to) >>> 1;
    if (transition(table, middle) <= utc) from = middle;
    else to = middle;
  }
  return from;
}

export function zoneUtcToLocal(utc: i64, table: usize): i64 {
  return utc + offsetFrom(table, zoneEntry(utc, table));
}

/** In a gap the offset before it holds (the time moves forward); in an overlap the earlier offset. */
export function zoneLocalToUtc(local: i64, table: usize): i64 {
  let i = zoneEntry(local - offsetFrom(table, 0), table);
  // The guess may be off by one transition on either side.
  if (i > 0) i--;
  const n = load<u32>(table);
  while (i + 1 < n && local - offsetFrom(table, i) >= transition(table, i + 1)) {
    const next = transition(table, i + 1);
    // Within the gap neither offset gives a time of its own period: the earlier offset is taken.
    if (local - offsetFrom(table, i + 1) < next) break;
    i++;
  }
  return local - offsetFrom(table, i);
}

