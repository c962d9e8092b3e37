/**
 * Calendar kernels: proleptic Gregorian, as java.time; days count from 1970-01-01, milliseconds from its midnight.
 *
 * Units are numbers shared with codegen/functions/time-functions.ts:
 *   0 MILLENNIUM 1 CENTURY 2 DECADE 3 YEAR 4 QUARTER 5 MONTH 6 WEEK 7 DAY 8 HOUR 9 MINUTE 10 SECOND 11 MILLISECOND
 *   12 DOW (Sunday = 1) 13 DOY 14 EPOCH 15 ISODOW (Monday = 1) 16 ISOYEAR
 * Source: Flink DateTimeUtils (extractFromDate, timestampFloor, addMonths), algorithms by civil-from-days arithmetic.
 */
import { arenaAlloc } from "./arena.as";
import { setNull } from "./cast-status.as";
import { copyBytes, equalBytes } from "./copy.as";

const DAY_MS: i64 = 86400000;

// @ts-ignore: decorator
@inline
function floorDiv(a: i64, b: i64): i64 {
  const q = a / b;
  return a % b < 0 ? q - 1 : q;
}

// @ts-ignore: decorator
@inline
function floorMod(a: i64, b: i64): i64 {
  const r = a % b;
  return r < 0 ? r + b : r;
}

/** The day of a timestamp. */
export function daysOfTimestamp(millis: i64): i32 {
  return daysOfMillis(millis);
}

function daysOfMillis(millis: i64): i32 {
  return <i32>floorDiv(millis, DAY_MS);
}

/** The day as Flink counts it in EXTRACT, FLOOR, CEIL and CAST: towards 1970, so a moment before it that is not midnight is of the next day. */
function flinkDays(millis: i64): i32 {
  return <i32>(millis / DAY_MS);
}

function millisOfDay(millis: i64): i32 {
  return <i32>floorMod(millis, DAY_MS);
}

/** Year · 65536 + month · 256 + day of month. */
function civil(days: i64): i64 {
  const z = days + 719468;
  const era = floorDiv(z, 146097);
  const doe = z - era * 146097;
  const yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const mp = (5 * doy + 2) / 153;
  const day = doy - (153 * mp + 2) / 5 + 1;
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  return year * 65536 + month * 256 + day;
}

// @ts-ignore: decorator
@inline
function civilYear(packed: i64): i64 {
  return packed >> 16;
}
// @ts-ignore: decorator
@inline
function civilMonth(packed: i64): i64 {
  return (packed >> 8) & 0xff;
}
// @ts-ignore: decorator
@inline
function civilDay(packed: i64): i64 {
  return packed & 0xff;
}

function daysOfCivil(year: i64, month: i64, day: i64): i64 {
  const y = month <= 2 ? year - 1 : year;
  const era = floorDiv(y, 400);
  const yoe = y - era * 400;
  const doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

function isLeap(year: i64): bool {
  return (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0);
}

function daysInMonth(year: i64, month: i64): i64 {
  if (month == 2) return isLeap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** ISO week-based year · 256 + week. */
function isoWeek(days: i64): i64 {
  const weekday = floorMod(days + 3, 7);
  const thursday = days - weekday + 3;
  const year = civilYear(civil(thursday));
  const first = daysOfCivil(year, 1, 1);
  return year * 256 + (thursday - first) / 7 + 1;
}

export function extractFromDays(days: i32, unit: i32): i64 {
  const packed = civil(days);
  const year = civilYear(packed);
  switch (unit) {
    case 0:
      return year > 0 ? (year + 999) / 1000 : (year - 999) / 1000;
    case 1:
      return year > 0 ? (year + 99) / 100 : (year - 99) / 100;
    case 2:
      return year / 10;
    case 3:
      return year;
    case 4:
      return (civilMonth(packed) + 2) / 3;
    case 5:
      return civilMonth(packed);
    case 6:
      return isoWeek(days) & 0xff;
    case 7:
      return civilDay(packed);
    case 12:
      return floorMod(<i64>days + 4, 7) + 1;
    case 13:
      return <i64>days - daysOfCivil(year, 1, 1) + 1;
    case 14:
      return <i64>days * 86400;
    case 15:
      return floorMod(<i64>days + 3, 7) + 1;
    case 16:
      return isoWeek(days) >> 8;
    default:
      return 0;
  }
}

export function extractFromTime(time: i32, unit: i32): i64 {
  switch (unit) {
    case 8:
      return time / 3600000;
    case 9:
      return (time / 60000) % 60;
    case 10:
      return (time / 1000) % 60;
    case 11:
      return time % 60000;
    default:
      return 0;
  }
}

/** Before 1970 the parts of the time are 0 or negative, as in Flink. */
export function extractFromMillis(millis: i64, unit: i32): i64 {
  if (unit == 14) return millis / 1000;
  if (unit >= 8 && unit <= 11) return extractFromTime(<i32>(millis % DAY_MS), unit);
  return extractFromDays(flinkDays(millis), unit);
}

export function extractFromMonths(months: i64, unit: i32): i64 {
  return unit == 3 ? months / 12 : unit == 4 ? (months % 12) / 3 + 1 : unit == 5 ? months % 12 : 0;
}

export function extractFromInterval(millis: i64, unit: i32): i64 {
  switch (unit) {
    case 7:
      return millis / DAY_MS;
    case 8:
      return (millis / 3600000) % 24;
    case 9:
      return (millis / 60000) % 60;
    case 10:
      return (millis / 1000) % 60;
    case 11:
      return millis % 60000;
    case 14:
      return millis / 1000;
    default:
      return 0;
  }
}

/** 1582-10-15: before it Flink's FLOOR and CEIL take a day apart by the Julian calendar, and put it together by the Gregorian one. */
const GREGORIAN_DAYS: i64 = -141427;

function roundingCivil(days: i64): i64 {
  if (days >= GREGORIAN_DAYS) return civil(days);
  const c = days + 2440588 + 32082;
  const d = (4 * c + 3) / 1461;
  const e = c - (1461 * d) / 4;
  const m = (5 * e + 2) / 153;
  const day = e - (153 * m + 2) / 5 + 1;
  return (d - 4800 + m / 10) * 65536 + (m + 3 - 12 * (m / 10)) * 256 + day;
}

export function floorDays(days: i32, unit: i32): i32 {
  const packed = roundingCivil(days);
  const year = civilYear(packed);
  const month = civilMonth(packed);
  switch (unit) {
    case 0:
      return <i32>daysOfCivil(floorDiv(year - 1, 1000) * 1000 + 1, 1, 1);
    case 1:
      return <i32>daysOfCivil(floorDiv(year - 1, 100) * 100 + 1, 1, 1);
    case 2:
      return <i32>daysOfCivil(floorDiv(year, 10) * 10, 1, 1);
    case 3:
      return <i32>daysOfCivil(year, 1, 1);
    case 4:
      return <i32>daysOfCivil(year, ((month - 1) / 3) * 3 + 1, 1);
    case 5:
      return <i32>daysOfCivil(year, month, 1);
    case 6:
      return <i32>(daysOfCivil(year, month, civilDay(packed)) - floorMod(<i64>days + 4, 7));
    case 7:
      return <i32>daysOfCivil(year, month, civilDay(packed));
    default:
      return days;
  }
}

/** CEIL(date TO DAY) is the next day, as in Flink 2.3. */
export function ceilDays(days: i32, unit: i32): i32 {
  const floor = floorDays(days, unit);
  if (unit == 6) return floorMod(<i64>days + 4, 7) == 0 ? floor : floor + 7;
  if (unit >= 7) return unit == 7 ? floor + 1 : days;
  if (floor == floorDays(days, 7)) return floor;
  const packed = civil(floor);
  const year = civilYear(packed);
  switch (unit) {
    case 0:
      return <i32>daysOfCivil(year + 1000, 1, 1);
    case 1:
      return <i32>daysOfCivil(year + 100, 1, 1);
    case 2:
      return <i32>daysOfCivil(year + 10, 1, 1);
    default:
      return addMonthsToDays(floor, unit == 3 ? 12 : unit == 4 ? 3 : 1);
  }
}

function unitMillis(unit: i32): i64 {
  return unit == 8 ? 3600000 : unit == 9 ? 60000 : unit == 10 ? 1000 : unit == 11 ? 1 : DAY_MS;
}

export function floorMillis(millis: i64, unit: i32): i64 {
  if (unit < 7) return <i64>floorDays(flinkDays(millis), unit) * DAY_MS;
  return millis - floorMod(millis, unitMillis(unit));
}

/** Of units beyond the day the time of day is not looked at, as in Flink: CEIL(2018-01-01 21:00 TO YEAR) is 2018-01-01. */
export function ceilMillis(millis: i64, unit: i32): i64 {
  if (unit < 7) return <i64>ceilDays(flinkDays(millis), unit) * DAY_MS;
  const floor = floorMillis(millis, unit);
  if (floor == millis) return millis;
  return floor + unitMillis(unit);
}

export function floorTime(time: i32, unit: i32): i32 {
  return unit < 8 ? 0 : time - (time % <i32>unitMillis(unit));
}

export function ceilTime(time: i32, unit: i32): i32 {
  const floor = floorTime(time, unit);
  return floor == time || unit < 8 ? floor : floor + <i32>unitMillis(unit);
}

/** The day of month is cut to the length of the month that is reached. */
function addMonthsToDays(days: i32, months: i64): i32 {
  const packed = civil(days);
  const total = civilYear(packed) * 12 + civilMonth(packed) - 1 + months;
  const year = floorDiv(total, 12);
  const month = floorMod(total, 12) + 1;
  const day = civilDay(packed);
  const last = daysInMonth(year, month);
  return <i32>daysOfCivil(year, month, day < last ? day : last);
}

/**
 * A pattern's program, pairs of bytes: operation and argument.
 *   0 literal byte · 1 year (digits) · 2 month number (digits) · 3 day of month (digits) · 4 hour 0-23 · 5 minute · 6 second
 *   7 fraction (digits) · 8 hour 1-12 (digits) · 9 AM/PM · 10 month name (1 short, 2 long) · 11 weekday name (1, 2)
 *   12 day of year (digits) · 13 hour 1-24 (digits) · 14 hour 0-11 (digits) · 15 year of the era in two digits
 *   16 weekday number, Monday = 1 · 17 quarter
 */
export function formatTimestamp(millis: i64, nanos: i64, program: u64): u64 {
  const bytes = <u32>(program >> 32);
  if (bytes > MEMO_PROGRAM) return formatMoment(millis, nanos, program);
  const second = floorDiv(millis, 1000);
  const memo = MEMOS + ((<u32>program >>> 1) & (MEMO_COUNT - 1)) * MEMO_BYTES;
  if (
    load<i64>(memo) == second &&
    load<u32>(memo, MEMO_LENGTHS) == bytes &&
    equalBytes(memo + MEMO_HEADER, <usize>(<u32>program), bytes)
  ) {
    const length = load<u32>(memo, MEMO_TEXT);
    const to = arenaAlloc(32);
    v128.store(to, v128.load(memo + MEMO_HEADER + MEMO_PROGRAM));
    v128.store(to, v128.load(memo + MEMO_HEADER + MEMO_PROGRAM, 16), 16);
    return (<u64>length << 32) | <u64>to;
  }
  const view = formatMoment(millis, nanos, program);
  const length = <u32>(view >> 32);
  if (length > 32 || showsFraction(program)) return view;
  store<i64>(memo, second);
  store<u32>(memo, bytes, MEMO_LENGTHS);
  store<u32>(memo, length, MEMO_TEXT);
  copyBytes(memo + MEMO_HEADER, <usize>(<u32>program), bytes);
  copyBytes(memo + MEMO_HEADER + MEMO_PROGRAM, <usize>(<u32>view), length);
  return view;
}

/**
 * The last text of a few patterns: rows that follow each other are mostly of the same second. i64 second, u32 bytes of the
 * program (0 = none yet), u32 bytes of the text, the program (its address may serve another one later), the text.
 */
const MEMO_COUNT: u32 = 16;
const MEMO_LENGTHS: usize = 8;
const MEMO_TEXT: usize = 12;
const MEMO_HEADER: usize = 16;
const MEMO_PROGRAM: u32 = 32;
const MEMO_BYTES: u32 = 80;
const MEMOS: usize = memory.data(1280, 16);

function showsFraction(program: u64): bool {
  const end = <u32>program + <u32>(program >> 32);
  for (let p = <u32>program; p < end; p += 2) if (load<u8>(p) == 7) return true;
  return false;
}

function formatMoment(millis: i64, nanos: i64, program: u64): u64 {
  const out = <u32>arenaAlloc((<u32>(program >> 32) >> 1) * 12 + 16);
  let to = out;
  const packed = civil(floorDiv(millis, DAY_MS));
  const time = <i64>millisOfDay(millis);
  const end = <u32>program + <u32>(program >> 32);
  for (let p = <u32>program; p < end; p += 2) {
    const argument = load<u8>(p, 1);
    switch (load<u8>(p)) {
      case 0:
        store<u8>(to++, argument);
        break;
      case 1:
        to = digits(to, civilYear(packed), argument);
        break;
      case 2:
        to = digits(to, civilMonth(packed), argument);
        break;
      case 3:
        to = digits(to, civilDay(packed), argument);
        break;
      case 4:
        to = digits(to, time / 3600000, argument);
        break;
      case 5:
        to = digits(to, (time / 60000) % 60, argument);
        break;
      case 6:
        to = digits(to, (time / 1000) % 60, argument);
        break;
      case 7:
        to = fraction(to, (time % 1000) * 1000000 + nanos, argument);
        break;
      case 8: {
        const hour = (time / 3600000) % 12;
        to = digits(to, hour == 0 ? 12 : hour, argument);
        break;
      }
      case 9:
        store<u8>(to, time < 43200000 ? 0x41 : 0x50);
        store<u8>(to, 0x4d, 1);
        to += 2;
        break;
      case 10:
        to = name(to, MONTHS, civilMonth(packed) - 1, argument);
        break;
      case 11:
        to = name(to, WEEKDAYS, floorMod(floorDiv(millis, DAY_MS) + 3, 7), argument);
        break;
      case 12:
        to = digits(to, extractFromDays(daysOfMillis(millis), 13), argument);
        break;
      case 13: {
        const hour = time / 3600000;
        to = digits(to, hour == 0 ? 24 : hour, argument);
        break;
      }
      case 14:
        to = digits(to, (time / 3600000) % 12, argument);
        break;
      case 15:
        to = digits(to, floorMod(civilYear(packed), 100), 2);
        break;
      case 16:
        to = digits(to, extractFromDays(daysOfMillis(millis), 15), argument);
        break;
      default:
        to = digits(to, (civilMonth(packed) + 2) / 3, argument);
    }
  }
  return (<u64>(to - out) << 32) | <u64>out;
}

function digits(to: u32, value: i64, width: i64): u32 {
  if (value < 0) {
    store<u8>(to++, 0x2d);
    value = -value;
  }
  let count: i64 = 1;
  for (let rest = value / 10; rest > 0; rest /= 10) count++;
  const n = <u32>(count < width ? width : count);
  for (let i = n; i > 0; i--) {
    store<u8>(to + i - 1, <u8>(0x30 + (value % 10)));
    value /= 10;
  }
  return to + n;
}

/** The first `width` digits of nine. */
function fraction(to: u32, nanos: i64, width: u32): u32 {
  let divisor: i64 = 100000000;
  for (let i: u32 = 0; i < width; i++) {
    store<u8>(to++, divisor == 0 ? 0x30 : <u8>(0x30 + ((nanos / divisor) % 10)));
    divisor /= 10;
  }
  return to;
}

/** Names of 9 characters at most, padded with blanks. */
const MONTHS: usize = memory.data<u8>([
  0x4a, 0x61, 0x6e, 0x75, 0x61, 0x72, 0x79, 0x20, 0x20, 0x46, 0x65, 0x62, 0x72, 0x75, 0x61, 0x72,
  0x79, 0x20, 0x4d, 0x61, 0x72, 0x63, 0x68, 0x20, 0x20, 0x20, 0x20, 0x41, 0x70, 0x72, 0x69, 0x6c,
  0x20, 0x20, 0x20, 0x20, 0x4d, 0x61, 0x79, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x4a, 0x75, 0x6e,
  0x65, 0x20, 0x20, 0x20, 0x20, 0x20, 0x4a, 0x75, 0x6c, 0x79, 0x20, 0x20, 0x20, 0x20, 0x20, 0x41,
  0x75, 0x67, 0x75, 0x73, 0x74, 0x20, 0x20, 0x20, 0x53, 0x65, 0x70, 0x74, 0x65, 0x6d, 0x62, 0x65,
  0x72, 0x4f, 0x63, 0x74, 0x6f, 0x62, 0x65, 0x72, 0x20, 0x20, 0x4e, 0x6f, 0x76, 0x65, 0x6d, 0x62,
  0x65, 0x72, 0x20, 0x44, 0x65, 0x63, 0x65, 0x6d, 0x62, 0x65, 0x72, 0x20,
]);
const WEEKDAYS: usize = memory.data<u8>([
  0x4d, 0x6f, 0x6e, 0x64, 0x61, 0x79, 0x20, 0x20, 0x20, 0x54, 0x75, 0x65, 0x73, 0x64, 0x61, 0x79,
  0x20, 0x20, 0x57, 0x65, 0x64, 0x6e, 0x65, 0x73, 0x64, 0x61, 0x79, 0x54, 0x68, 0x75, 0x72, 0x73,
  0x64, 0x61, 0x79, 0x20, 0x46, 0x72, 0x69, 0x64, 0x61, 0x79, 0x20, 0x20, 0x20, 0x53, 0x61, 0x74,
  0x75, 0x72, 0x64, 0x61, 0x79, 0x20, 0x53, 0x75, 0x6e, 0x64, 0x61, 0x79, 0x20, 0x20, 0x20,
]);

function name(to: u32, table: usize, index: i64, form: u32): u32 {
  const from = table + <usize>index * 9;
  for (let i: u32 = 0; i < (form == 1 ? 3 : 9); i++) {
    const c = load<u8>(from + i);
    if (c == 0x20) break;
    store<u8>(to++, c);
  }
  return to;
}

/**
 * Reads a text by a pattern's program. Missing parts are those of 1970-01-01 00:00:00. Milliseconds; a text that does not match the whole pattern is NULL.
 */
export function parseTimestamp(text: u64, program: u64): i64 {
  let p = <u32>text;
  const end = p + <u32>(text >> 32);
  let year: i64 = 1970;
  let month: i64 = 1;
  let day: i64 = 1;
  let hour: i64 = 0;
  let minute: i64 = 0;
  let second: i64 = 0;
  let nanos: i64 = 0;
  let half: i64 = -1;
  const programEnd = <u32>program + <u32>(program >> 32);
  for (let q = <u32>program; q < programEnd; q += 2) {
    const operation = load<u8>(q);
    const argument = <u32>load<u8>(q, 1);
    if (operation == 0) {
      if (p >= end || load<u8>(p) != argument) return failed();
      p++;
      continue;
    }
    if (operation == 9) {
      if (p + 2 > end) return failed();
      const c = load<u8>(p) | 0x20;
      if ((c != 0x61 && c != 0x70) || (load<u8>(p, 1) | 0x20) != 0x6d) return failed();
      half = c == 0x70 ? 1 : 0;
      p += 2;
      continue;
    }
    if (operation == 10) {
      const found = findMonth(p, end, argument);
      if (found < 0) return failed();
      month = (found & 0xff) + 1;
      p += found >> 8;
      continue;
    }
    // A number: adjacent numbers take exactly their width, others at least it.
    const next = q + 2 < programEnd ? load<u8>(q + 2) : 0;
    const adjacent = next != 0 && next != 9 && next != 10;
    const least = operation == 7 ? argument : argument;
    const most: u32 = operation == 7 || adjacent ? argument : operation == 1 ? 9 : argument > 2 ? argument : 2;
    const start = p;
    let value: i64 = 0;
    while (p < end && p - start < most && load<u8>(p) - 0x30 <= 9) {
      value = value * 10 + <i64>(load<u8>(p) - 0x30);
      p++;
    }
    if (p - start < least || p == start) return failed();
    switch (operation) {
      case 1:
        year = value;
        break;
      case 2:
        month = value;
        break;
      case 3:
        day = value;
        break;
      case 4:
        hour = value;
        break;
      case 5:
        minute = value;
        break;
      case 6:
        second = value;
        break;
      case 7:
        for (let i = p - start; i < 9; i++) value *= 10;
        nanos = value;
        break;
      case 8:
      case 14:
        hour = value % 12;
        if (half < 0) half = 0;
        break;
      case 13:
        hour = value % 24;
        break;
      case 15:
        year = 2000 + value;
        break;
      default:
        return failed();
    }
  }
  if (p != end || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return failed();
  if (hour > 23 || minute > 59 || second > 59) return failed();
  if (half == 1) hour += 12;
  const time = hour * 3600000 + minute * 60000 + second * 1000 + nanos / 1000000;
  return daysOfCivil(year, month, day) * DAY_MS + time;
}

function failed(): i64 {
  setNull();
  return 0;
}

/** Month index | length << 8 of the name at p, or -1; case does not count. */
function findMonth(p: u32, end: u32, form: u32): i32 {
  for (let month = 0; month < 12; month++) {
    const from = MONTHS + <usize>month * 9;
    let length: u32 = 0;
    while (length < (form == 1 ? 3 : 9) && load<u8>(from + length) != 0x20) length++;
    if (p + length > end) continue;
    let same = true;
    for (let i: u32 = 0; i < length; i++) {
      if ((load<u8>(p + i) | 0x20) != (load<u8>(from + i) | 0x20)) {
        same = false;
        break;
      }
    }
    if (same) return month | (<i32>length << 8);
  }
  return -1;
}
