/**
 * CSV → columns and back, driven by a list of the table's fields.
 *
 * Flow:    formats/csv/ compiles the list → csvDecode(), csvEncode() once per batch.
 * Speed:   64 bytes at a time: a bit for each delimiter and line end; fields go from bit to bit. Quoted fields, and all
 *          with an escape character, are read 16 bytes at a time. Whole numbers of at most 16 digits and decimals written
 *          with the column's scale are read 8 digits at a time; any other form goes the long way.
 * Record:  a line, or several when a quoted field holds line ends. Blank lines and (if allowed) # lines are left out.
 * Errors:  bad records are entered into the plan's list, as in json.as.ts.
 * Source:  Flink CsvToRowDataConverters and RowDataToCsvConverters over Jackson (quotes only where Jackson sets them).
 *
 * Plan (u32 words): 4 columns · 8 *columns · 12 outputs · 16 *outputs · 20 flags · 24 *fields · 28 fields · 32 maximum rows
 *   36 rows · 40 consumed · 44 lines · 48 bad records · 52 *list · 56 capacity · 60 batch (results as in json.as.ts)
 *   64 delimiter · 68 quote (0 none) · 72 escape (0 none) · 76 *null literal · 80 its bytes (−1 none)
 * Field (32 bytes): 0 kind (0: not wanted) · 4 *values · 8 *validity · 12 column or −1 · 16 precision · 20 scale · 24 id
 */
import { arenaAlloc } from "./arena.as";
import { allocateColumns, copyWithLineEnd, finishBatch, lastLineEnd } from "./json.as";
import { setEncoded, viewBytes } from "./json-encode.as";
import {
  dHigh,
  dLow,
  decodeBase64,
  nInteger,
  parseBoolean,
  parseDate,
  parseSpecialFloat,
  parseTime,
  parseTimestamp,
  scanNumber,
  scannedDecimal,
  scannedF32,
  scannedF64,
  scannedI64,
  tDays,
  tMillis,
  tNanos,
  trimEnd,
  trimStart,
  truncateTimestamp,
  validUtf8,
} from "./text-parse.as";
import {
  printBase64,
  printDate,
  printF32,
  printF64,
  printI64,
  printStrippedDecimal,
  printTime,
  printTimestamp,
} from "./text-print.as";

const FIELD: usize = 32;

const FLAG_FIELD_ERRORS_NULL: u32 = 1;
const FLAG_SKIP_BAD: u32 = 2;
const FLAG_COMMENTS: u32 = 4;
/** The next record is a header: left out. The kernel clears it. */
const FLAG_SKIP_FIRST: u32 = 8;
const FLAG_PLAIN_DECIMAL: u32 = 16;
/** A blank line is a record (the raw format). */
const FLAG_KEEP_BLANK: u32 = 32;

const BAD_UTF8: u32 = 9;
const BAD_TYPE: u32 = 13;
const BAD_RANGE: u32 = 14;
const BAD_TEXT: u32 = 15;
const BAD_COUNT: u32 = 17;
const BAD_QUOTE: u32 = 18;
const BAD_AFTER_QUOTE: u32 = 19;

let delimiter: u32 = 44;
let quote: u32 = 34;
let escape: u32 = 0;
let limit: usize = 0;
let scratch: usize = 0;
let high: i32 = 0;

/** The field that readField() found. */
let fStart: usize = 0;
let fEnd: usize = 0;
let errorCode: u32 = 0;
let errorAt: usize = 0;
/** True when the record goes on beyond the bytes given. */
let unfinished: bool = false;
/** Line ends within the quoted fields of the record. */
let innerLines: u32 = 0;

function fail(code: u32, at: usize): usize {
  errorCode = code;
  errorAt = at;
  return 0;
}

/** Reads the field at p; returns the address of the delimiter or line end behind it, 0 when it is bad or unfinished. */
function readField(p: usize): usize {
  if (quote != 0 && load<u8>(p) == quote) return readQuoted(p + 1);
  const d = i8x16.splat(<i8>delimiter);
  const e = i8x16.splat(<i8>(escape != 0 ? escape : 10));
  const start = p;
  while (true) {
    const v = v128.load(p);
    const stop = v128.bitmask<i8>(
      v128.or(
        v128.or(v128.eq<i8>(v, d), v128.eq<i8>(v, i8x16.splat(10))),
        v128.eq<i8>(v, e),
      ),
    );
    if (stop == 0) {
      high |= v128.bitmask<i8>(v);
      p += 16;
      continue;
    }
    const at = ctz(stop);
    high |= v128.bitmask<i8>(v) & ((1 << at) - 1);
    p += at;
    if (escape != 0 && load<u8>(p) == escape) return readEscaped(start, p);
    fStart = start;
    fEnd = p;
    if (load<u8>(p) == 10 && p > start && load<u8>(p - 1) == 13) fEnd--;
    return p;
  }
}

/** An unquoted field with escapes, the first at p. */
function readEscaped(start: usize, p: usize): usize {
  const text = scratch;
  memory.copy(text, start, p - start);
  let out = text + (p - start);
  while (true) {
    let c: u32 = load<u8>(p);
    if (c == delimiter || c == 10) break;
    if (c == escape) {
      c = load<u8>(++p);
      if (c == 10) break;
    }
    if (c >= 128) high = 1;
    store<u8>(out++, c);
    p++;
  }
  if (load<u8>(p) == 10 && out > text && load<u8>(out - 1) == 13) out--;
  return endScratch(text, out, p);
}

function endScratch(text: usize, out: usize, p: usize): usize {
  store<u8>(out, 0);
  fStart = text;
  fEnd = out;
  scratch = out + 1;
  return p;
}

function readQuoted(p: usize): usize {
  const start = p;
  const q = i8x16.splat(<i8>quote);
  const e = i8x16.splat(<i8>(escape != 0 ? escape : quote));
  let text: usize = 0;
  let out: usize = 0;
  while (true) {
    if (p >= limit) {
      unfinished = true;
      return fail(BAD_QUOTE, start - 1);
    }
    const v = v128.load(p);
    if (out != 0) v128.store(out, v);
    const stop = v128.bitmask<i8>(v128.or(v128.eq<i8>(v, q), v128.eq<i8>(v, e)));
    const at = stop == 0 ? 16 : ctz(stop);
    const below = (1 << at) - 1;
    high |= v128.bitmask<i8>(v) & below;
    innerLines += popcnt<i32>(v128.bitmask<i8>(v128.eq<i8>(v, i8x16.splat(10))) & below);
    p += at;
    if (out != 0) out += at;
    if (stop == 0) continue;
    if (p >= limit) {
      unfinished = true;
      return fail(BAD_QUOTE, start - 1);
    }
    const c: u32 = load<u8>(p);
    if (c == quote && (escape == quote || load<u8>(p, 1) != quote)) {
      const next: u32 = load<u8>(p, 1);
      if (next == delimiter || next == 10 || (next == 13 && load<u8>(p, 2) == 10)) {
        const end = next == 13 ? p + 2 : p + 1;
        if (out != 0) return endScratch(text, out, end);
        fStart = start;
        fEnd = p;
        return end;
      }
      return fail(BAD_AFTER_QUOTE, p + 1);
    }
    // A doubled quote or an escaped character: from here on the text is copied.
    if (out == 0) {
      text = scratch;
      const length = p - start;
      for (let i: usize = 0; i < length; i += 16) v128.store(text + i, v128.load(start + i));
      out = text + length;
    }
    const taken: u32 = load<u8>(p, 1);
    if (taken == 10) innerLines++;
    if (taken >= 128) high = 1;
    store<u8>(out++, taken);
    p += 2;
  }
}

/** Converts [a, b) for a field; 0, or the code of what is wrong. NULL is left when `nulled` becomes true. */
let nulled: bool = false;

function convert(field: usize, kind: u32, start: usize, stop: usize, row: u32): u32 {
  const values = <usize>load<u32>(field, 4);
  if (kind == 10) {
    store<u64>(values + (<usize>row << 3), (<u64>(stop - start) << 32) | <u64>start);
    return 0;
  }
  const a = trimStart(start, stop);
  const b = trimEnd(a, stop);
  switch (kind) {
    case 1:
      store<u8>(values + row, parseBoolean(a, b) ? 1 : 0);
      return 0;
    case 2:
    case 3:
    case 4:
    case 5: {
      if (a == b || scanNumber(a, false) != b || !nInteger) return BAD_TEXT;
      if (!scannedI64()) return BAD_RANGE;
      const value = tMillis;
      if (kind == 5) store<i64>(values + (<usize>row << 3), value);
      else if (kind == 4) {
        if (value != <i64>(<i32>value)) return BAD_RANGE;
        store<i32>(values + (<usize>row << 2), <i32>value);
      } else if (kind == 3) {
        if (value != <i64>(<i16>value)) return BAD_RANGE;
        store<i16>(values + (<usize>row << 1), <i16>value);
      } else {
        if (value != <i64>(<i8>value)) return BAD_RANGE;
        store<i8>(values + row, <i8>value);
      }
      return 0;
    }
    case 6:
    case 7: {
      let value: f64 = 0;
      let narrow: f32 = 0;
      if (a != b && scanNumber(a, false) == b) {
        if (kind == 7) value = scannedF64();
        else narrow = scannedF32();
      } else {
        value = parseSpecialFloat(a, b);
        if (value == 0) return BAD_TEXT;
        narrow = <f32>value;
      }
      if (kind == 7) store<f64>(values + (<usize>row << 3), value);
      else store<f32>(values + (<usize>row << 2), narrow);
      return 0;
    }
    case 8:
    case 9:
      if (a == b || scanNumber(a, false) != b) return BAD_TEXT;
      if (!scannedDecimal(load<u32>(field, 16), load<u32>(field, 20))) {
        nulled = true;
        return 0;
      }
      if (kind == 8) store<u64>(values + (<usize>row << 3), dLow);
      else {
        store<u64>(values + (<usize>row << 4), dLow);
        store<u64>(values + (<usize>row << 4), dHigh, 8);
      }
      return 0;
    case 11: {
      const length = decodeBase64(a, b, scratch);
      if (length < 0) return BAD_TEXT;
      store<u64>(values + (<usize>row << 3), (<u64>length << 32) | <u64>scratch);
      scratch += length;
      return 0;
    }
    case 12:
      if (a == b || parseDate(a, b, true) != b) return BAD_TEXT;
      store<i32>(values + (<usize>row << 2), tDays);
      return 0;
    case 13: {
      if (a == b || parseTime(a, b, true) != b) return BAD_TEXT;
      truncateTimestamp(load<u32>(field, 16));
      store<i32>(values + (<usize>row << 2), <i32>tMillis);
      return 0;
    }
    default: {
      let end = b;
      if (kind >= 16 && end > a && load<u8>(end - 1) == 90) end--;
      if (a == end || parseTimestamp(a, end, 0, true, true) != end) return BAD_TEXT;
      truncateTimestamp(load<u32>(field, 16));
      const wide = (kind & 1) != 0;
      const at = values + (wide ? <usize>row << 4 : <usize>row << 3);
      store<i64>(at, tMillis);
      if (wide) store<i64>(at, tNanos, 8);
      return 0;
    }
  }
}

/** The 64 bytes that lookAt() has seen last: a bit for each delimiter or line feed not yet taken, and non-ASCII bytes. */
let block: usize = 0;
let stops: u64 = 0;
let highs: u64 = 0;

/** Fields go on at p, to which no bit has led. */
@inline
function restartAt(p: usize): void {
  block = p - 64;
  stops = 0;
}

/** Looks at the 64 bytes at `block`. */
function lookAt(at: usize): void {
  block = at;
  const d = i8x16.splat(<i8>delimiter);
  const e = i8x16.splat(10);
  const a = v128.load(block);
  const b = v128.load(block, 16);
  const c = v128.load(block, 32);
  const f = v128.load(block, 48);
  stops =
    <u64>(<u32>v128.bitmask<i8>(v128.or(v128.eq<i8>(a, d), v128.eq<i8>(a, e)))) |
    (<u64>(<u32>v128.bitmask<i8>(v128.or(v128.eq<i8>(b, d), v128.eq<i8>(b, e)))) << 16) |
    (<u64>(<u32>v128.bitmask<i8>(v128.or(v128.eq<i8>(c, d), v128.eq<i8>(c, e)))) << 32) |
    (<u64>(<u32>v128.bitmask<i8>(v128.or(v128.eq<i8>(f, d), v128.eq<i8>(f, e)))) << 48);
  const any = v128.or(v128.or(a, b), v128.or(c, f));
  highs =
    v128.bitmask<i8>(any) == 0
      ? 0
      : <u64>(<u32>v128.bitmask<i8>(a)) |
        (<u64>(<u32>v128.bitmask<i8>(b)) << 16) |
        (<u64>(<u32>v128.bitmask<i8>(c)) << 32) |
        (<u64>(<u32>v128.bitmask<i8>(f)) << 48);
}

const ASCII_ZEROS: u64 = 0x3030303030303030;

/** The number that the 1 to 8 bytes at a spell; above 10^8 when one is no digit. Up to 7 bytes behind them are read. */
@inline
function digits8(a: usize, length: u32): u64 {
  let x = (load<u64>(a) ^ ASCII_ZEROS) << <u64>(64 - (length << 3));
  if ((((x + 0x7676767676767676) | x) & 0x8080808080808080) != 0) return u64.MAX_VALUE;
  x = (x * 2561) >> 8;
  x = ((x & 0x00ff00ff00ff00ff) * 6553601) >> 16;
  return ((x & 0x0000ffff0000ffff) * 42949672960001) >> 32;
}

/** As digits8, for 1 to 16 bytes; u64.MAX_VALUE when one is no digit. */
@inline
function digits16(a: usize, length: u32): u64 {
  if (length <= 8) return digits8(a, length);
  const high = digits8(a, length - 8);
  const low = digits8(a + length - 8, 8);
  if (high == u64.MAX_VALUE || low == u64.MAX_VALUE) return u64.MAX_VALUE;
  return high * 100000000 + low;
}

/** Whole numbers and 64-bit decimals in their usual form; false: they are to be read the long way. */
@inline
function convertQuickly(field: usize, kind: u32, start: usize, stop: usize, row: u32): bool {
  const negative = load<u8>(start) == 45;
  const a = negative ? start + 1 : start;
  const length = <u32>(stop - a);
  const values = <usize>load<u32>(field, 4);
  if (kind == 8) {
    const scale = load<u32>(field, 20);
    const whole = length - scale - 1;
    // Not for numbers without digits before the point, or with as many as the precision might not hold.
    if (scale == 0 || scale > 8 || length < scale + 2 || whole > 16) return false;
    if (whole + scale > load<u32>(field, 16) || load<u8>(a + whole) != 46) return false;
    const units = digits16(a, whole);
    const rest = digits8(a + whole + 1, scale);
    if (units == u64.MAX_VALUE || rest == u64.MAX_VALUE) return false;
    const value = <i64>(units * load<u64>(POWERS + (scale << 3)) + rest);
    store<i64>(values + (<usize>row << 3), negative ? -value : value);
    return true;
  }
  if (length == 0 || length > 16) return false;
  if (kind == 4 && length > 9) return false;
  const number = digits16(a, length);
  if (number == u64.MAX_VALUE) return false;
  const value = negative ? -<i64>number : <i64>number;
  if (kind == 5) store<i64>(values + (<usize>row << 3), value);
  else store<i32>(values + (<usize>row << 2), <i32>value);
  return true;
}

/** 10^0 … 10^8. */
const POWERS: usize = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
]);

let badField: u32 = 0;

/** Reads the record at p into `row`; returns the address behind it, 0 when it is bad. */
function readRecord(plan: usize, p: usize, row: u32, flags: u32): usize {
  const count = load<u32>(plan, 28);
  const fields = <usize>load<u32>(plan, 24);
  const nullText = <usize>load<u32>(plan, 76);
  const nullBytes = load<i32>(plan, 80);
  const lenient = (flags & FLAG_FIELD_ERRORS_NULL) != 0;
  badField = 0;
  // No byte is 256: without quotes, or with escapes (which are all read the long way).
  const opening: u32 = quote == 0 ? 256 : quote;
  const plain = escape == 0;
  let field = fields;
  let index: u32 = 0;
  let base = block;
  let bits = stops;
  while (true) {
    const at = p;
    let start = p;
    let stop = p;
    let foreign = false;
    if (plain && load<u8>(p) != opening) {
      foreign = highs != 0 && p - base < 64 && highs >> <u64>(p - base) != 0;
      while (bits == 0) {
        base += 64;
        lookAt(base);
        bits = stops;
        foreign = foreign || highs != 0;
      }
      p = base + <usize>ctz(bits);
      bits &= bits - 1;
      stop = p;
      if (load<u8>(p) == 10 && p > at && load<u8>(p - 1) == 13) stop--;
    } else {
      high = 0;
      p = readField(p);
      if (p == 0) return 0;
      start = fStart;
      stop = fEnd;
      foreign = high != 0;
      base = p - 63;
      bits = 0;
    }
    if (index < count) {
      if (foreign && !validUtf8(start, stop)) return fail(BAD_UTF8, at);
      const kind = load<u32>(field);
      if (kind != 0) {
        const isNull =
          nullBytes >= 0 &&
          stop - start == <usize>nullBytes &&
          memory.compare(start, nullText, nullBytes) == 0;
        if (isNull) {
          // Validity is 0 already.
        } else if (kind == 10) {
          const values = <usize>load<u32>(field, 4);
          store<u64>(values + (<usize>row << 3), (<u64>(stop - start) << 32) | <u64>start);
          store<u8>(<usize>load<u32>(field, 8) + row, 1);
        } else if (
          (kind == 5 || kind == 8 || kind == 4) &&
          convertQuickly(field, kind, start, stop, row)
        ) {
          store<u8>(<usize>load<u32>(field, 8) + row, 1);
        } else {
          nulled = false;
          const code = convert(field, kind, start, stop, row);
          if (code == 0) {
            if (!nulled) store<u8>(<usize>load<u32>(field, 8) + row, 1);
          } else if (!lenient) {
            badField = load<u32>(field, 24) + 1;
            return fail(code, at);
          }
        }
      }
      field += FIELD;
    }
    index++;
    if (load<u8>(p) == 10) break;
    p++;
  }
  block = base;
  stops = bits;
  if (index != count && !lenient) return fail(BAD_COUNT, p);
  return p + 1;
}

export function csvDecode(plan: usize, input: usize, length: u32, last: u32): usize {
  const inputEnd = input + length;
  store<u32>(plan, 0, 36);
  store<u32>(plan, 0, 40);
  store<u32>(plan, 0, 44);
  store<u32>(plan, 0, 48);
  store<u32>(plan, 0, 60);
  if (length == 0) return 0;
  let p = input;
  let end = lastLineEnd(input, inputEnd);
  // Addresses of a copy that may be read beyond its end are `shift` higher than those of the input.
  let shift: usize = 0;
  if (last != 0 && end < inputEnd) {
    p = copyWithLineEnd(input, inputEnd);
    shift = p - input;
    end = p + length + 1;
  } else if (end + 64 > <usize>memory.size() << 16) {
    p = copyWithLineEnd(input, end);
    shift = p - input;
    end += shift;
  }
  if (end == p) return 0;
  const columns = <usize>load<u32>(plan, 8);
  const columnCount = load<u32>(plan, 4);
  const capacity = min(load<u32>(plan, 32), length / 2 + 1);
  allocateColumns(columns, columnCount, capacity);
  bindColumns(plan, columns);
  delimiter = load<u32>(plan, 64);
  quote = load<u32>(plan, 68);
  escape = load<u32>(plan, 72);
  limit = end;
  scratch = arenaAlloc(length + 128);
  restartAt(p);
  let flags = load<u32>(plan, 20);
  let row: u32 = 0;
  let lines: u32 = 0;
  let consumed: u32 = 0;
  while (p < end && row < capacity && load<u32>(plan, 48) < load<u32>(plan, 56)) {
    const record = p;
    const c: u32 = load<u8>(p);
    unfinished = false;
    innerLines = 0;
    if (
      (flags & FLAG_KEEP_BLANK) == 0 &&
      (c == 10 || (c == 13 && load<u8>(p, 1) == 10))
    )
      restartAt((p += c == 10 ? 1 : 2));
    else if (c == 35 && (flags & FLAG_COMMENTS) != 0) restartAt((p = lineEnd(p) + 1));
    else if ((flags & FLAG_SKIP_FIRST) != 0) {
      p = skipRecord(p);
      if (p == 0 && last == 0) break;
      if (p == 0) p = end;
      restartAt(p);
      flags &= ~FLAG_SKIP_FIRST;
      store<u32>(plan, flags, 20);
    } else {
      p = readRecord(plan, p, row, flags);
      if (p != 0) row++;
      else {
        if (unfinished && last == 0) break;
        clearRow(columns, columnCount, row);
        // Bad quoting says nothing about where the record ends: its line does.
        p = lineEnd(record);
        innerLines = 0;
        enterBad(plan, <u32>(record - shift - input), <u32>(p - record), lines, record);
        if ((flags & FLAG_SKIP_BAD) == 0) break;
        restartAt(++p);
      }
    }
    lines += 1 + innerLines;
    consumed = <u32>(min(p - shift, inputEnd) - input);
  }
  if (unfinished) clearRow(columns, columnCount, row);
  store<u32>(plan, row, 36);
  store<u32>(plan, consumed, 40);
  store<u32>(plan, lines, 44);
  if (row == 0) return 0;
  const batch = finishBatch(columns, columnCount, load<u32>(plan, 16), load<u32>(plan, 12), row);
  store<u32>(plan, <u32>batch, 60);
  return batch;
}

function lineEnd(p: usize): usize {
  while (load<u8>(p) != 10) p++;
  return p;
}

/** Past a record whose fields do not matter; 0 when it is unfinished. */
function skipRecord(p: usize): usize {
  while (true) {
    p = readField(p);
    if (p == 0) return 0;
    if (load<u8>(p) == 10) return p + 1;
    p++;
  }
}

function clearRow(columns: usize, count: u32, row: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const validity = <usize>load<u32>(columns + i * 16, 8);
    store<u8>(validity + row, 0);
  }
}

function enterBad(plan: usize, offset: u32, length: u32, line: u32, record: usize): void {
  const count = load<u32>(plan, 48);
  const entry = <usize>load<u32>(plan, 52) + count * 32;
  store<u32>(entry, offset);
  store<u32>(entry, length, 4);
  store<u32>(entry, line, 8);
  store<u32>(entry, <u32>(errorAt - record) + 1, 12);
  store<u32>(entry, errorCode, 16);
  store<u32>(entry, errorCode == BAD_COUNT ? 0 : badField, 20);
  store<u32>(entry, 0, 24);
  store<u32>(plan, count + 1, 48);
}

function bindColumns(plan: usize, columns: usize): void {
  const count = load<u32>(plan, 28);
  let field = <usize>load<u32>(plan, 24);
  for (let i: u32 = 0; i < count; i++) {
    const column = load<i32>(field, 12);
    if (column >= 0) {
      store<u32>(field, load<u32>(columns + column * 16, 4), 4);
      store<u32>(field, load<u32>(columns + column * 16, 8), 8);
    }
    field += FIELD;
  }
}

/** Jackson looks for what needs quotes in no longer texts; those it quotes. */
const MAX_UNQUOTED: u32 = 24;

/** Fields as for csvDecode: 0 kind, 12 column, 20 scale; the plan's delimiter, quote, escape and null literal. */
export function csvEncode(plan: usize, batch: usize): u32 {
  const rows = load<u32>(batch);
  const count = load<u32>(plan, 28);
  const fields = <usize>load<u32>(plan, 24);
  const nullBytes = max<i32>(0, load<i32>(plan, 80));
  delimiter = load<u32>(plan, 64);
  quote = load<u32>(plan, 68);
  escape = load<u32>(plan, 72);
  const plain = (load<u32>(plan, 20) & FLAG_PLAIN_DECIMAL) != 0;
  // Below this a character may need quotes.
  const safe = max<u32>(max<u32>(delimiter, quote), max<u32>(escape, 13)) + 1;
  let variable: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const kind = load<u32>(fields + <usize>i * FIELD);
    if (kind == 10 || kind == 11)
      variable += 2 * viewBytes(load<u32>(batch + 16 + i * 8), load<u32>(batch + 16 + i * 8, 4), rows);
  }
  const start = arenaAlloc((count * (56 + <u32>nullBytes) + 2) * rows + variable + 64);
  let out = start;
  for (let row: u32 = 0; row < rows; row++) {
    for (let i: u32 = 0; i < count; i++) {
      const field = fields + <usize>i * FIELD;
      if (i > 0) store<u8>(out++, delimiter);
      const validity = <usize>load<u32>(batch + 16 + i * 8);
      if (validity != 0 && load<u8>(validity + row) == 0) {
        memory.copy(out, load<u32>(plan, 76), nullBytes);
        out += nullBytes;
        continue;
      }
      const values = <usize>load<u32>(batch + 16 + i * 8, 4);
      out = printField(field, load<u32>(field), values, row, out, plain, safe);
    }
    store<u8>(out++, 10);
  }
  setEncoded(start);
  return <u32>(out - start);
}

function printField(
  field: usize,
  kind: u32,
  values: usize,
  row: u32,
  out: usize,
  plain: bool,
  safe: u32,
): usize {
  switch (kind) {
    case 1:
      if (load<u8>(values + row) != 0) {
        store<u32>(out, 0x65757274);
        return out + 4;
      }
      store<u32>(out, 0x736c6166);
      store<u8>(out, 101, 4);
      return out + 5;
    case 2:
      return printI64(out, load<i8>(values + row));
    case 3:
      return printI64(out, load<i16>(values + (row << 1)));
    case 4:
      return printI64(out, load<i32>(values + (row << 2)));
    case 5:
      return printI64(out, load<i64>(values + (row << 3)));
    case 6:
      return printF32(out, load<f32>(values + (row << 2)));
    case 7:
      return printF64(out, load<f64>(values + (row << 3)));
    case 8: {
      const value = load<i64>(values + (row << 3));
      return printStrippedDecimal(out, <u64>value, <u64>(value >> 63), load<u32>(field, 20), plain);
    }
    case 9: {
      const at = values + (row << 4);
      return printStrippedDecimal(out, load<u64>(at), load<u64>(at, 8), load<u32>(field, 20), plain);
    }
    case 10: {
      const at = values + (row << 3);
      return printQuoted(out, load<u32>(at), load<u32>(at, 4), safe);
    }
  }
  // Texts of our own making: built behind a quote, which goes when none is needed.
  const from = out + 1;
  let to = from;
  if (kind == 11) {
    const at = values + (row << 3);
    to = printBase64(from, load<u32>(at), load<u32>(at, 4));
  } else if (kind == 12) to = printDate(from, load<i32>(values + (row << 2)));
  else if (kind == 13) to = printTime(from, load<u32>(values + (row << 2)), 0, -1);
  else {
    const wide = (kind & 1) != 0;
    const at = values + (wide ? row << 4 : row << 3);
    to = printTimestamp(from, load<i64>(at), wide ? load<u32>(at, 8) : 0, 32, -1);
    if (kind >= 16) store<u8>(to++, 90);
  }
  if (quote != 0 && needsQuotes(from, <u32>(to - from), safe)) {
    store<u8>(out, quote);
    store<u8>(to, quote);
    return to + 1;
  }
  memory.copy(out, from, to - from);
  return to - 1;
}

function needsQuotes(p: usize, length: u32, safe: u32): bool {
  let characters: u32 = 0;
  for (let i: usize = 0; i < length; i++) {
    const c: u32 = load<u8>(p + i);
    if (c < safe) return true;
    if ((c & 0xc0) != 0x80) characters += c >= 0xf0 ? 2 : 1;
  }
  return characters > MAX_UNQUOTED;
}

function printQuoted(out: usize, p: usize, length: u32, safe: u32): usize {
  if (quote == 0 || !needsQuotes(p, length, safe)) {
    memory.copy(out, p, length);
    return out + length;
  }
  store<u8>(out++, quote);
  for (let i: usize = 0; i < length; i++) {
    const c: u32 = load<u8>(p + i);
    if (c == quote || (escape != 0 && c == escape)) store<u8>(out++, escape != 0 ? escape : quote);
    store<u8>(out++, c);
  }
  store<u8>(out++, quote);
  return out;
}

/** Of csvRecordEnd: u32 1 within a quoted field, 2 behind a quote in one; u32 the byte before. */
const SCAN_STATE: usize = 0;
const SCAN_BEFORE: usize = 4;
const SCAN_INSIDE: u32 = 1;
const SCAN_BEHIND_QUOTE: u32 = 2;

/** The first address in [p, end) that holds one of two bytes, or end. */
function findEither(p: usize, end: usize, a: u32, b: u32): usize {
  const x = i8x16.splat(<i8>a);
  const y = i8x16.splat(<i8>b);
  while (p + 64 <= end) {
    const v0 = v128.load(p);
    const v1 = v128.load(p, 16);
    const v2 = v128.load(p, 32);
    const v3 = v128.load(p, 48);
    const any = v128.or(
      v128.or(
        v128.or(v128.eq<i8>(v0, x), v128.eq<i8>(v0, y)),
        v128.or(v128.eq<i8>(v1, x), v128.eq<i8>(v1, y)),
      ),
      v128.or(
        v128.or(v128.eq<i8>(v2, x), v128.eq<i8>(v2, y)),
        v128.or(v128.eq<i8>(v3, x), v128.eq<i8>(v3, y)),
      ),
    );
    if (v128.any_true(any)) break;
    p += 64;
  }
  while (p < end && load<u8>(p) != a && load<u8>(p) != b) p++;
  return p;
}

/**
 * The first record end at or behind `from` in the `length` bytes at `input`, as an offset; −1 when there is none. `scan`: 8 bytes
 * that carry on from one part of a file to the next; before the first: 0 and a line feed. A quote opens a field at its first byte
 * alone and is closed by one that is not doubled: line feeds between them end no record. Not for escape characters and comments.
 */
export function csvRecordEnd(
  scan: usize,
  input: usize,
  length: u32,
  from: u32,
  fieldDelimiter: u32,
  quoteByte: u32,
): i32 {
  const end = input + length;
  const wanted = input + min<u32>(from, length);
  let p = input;
  let state = load<u32>(scan, SCAN_STATE);
  let found: i32 = -1;
  while (p < end) {
    if (state == SCAN_BEHIND_QUOTE) {
      // Doubled: the field goes on.
      if (load<u8>(p) == quoteByte) {
        state = SCAN_INSIDE;
        p++;
      } else state = 0;
      continue;
    }
    if (state == SCAN_INSIDE) {
      p = findEither(p, end, quoteByte, quoteByte);
      if (p < end) {
        state = SCAN_BEHIND_QUOTE;
        p++;
      }
      continue;
    }
    if (p < wanted) {
      p = findEither(p, wanted, quoteByte, quoteByte);
      if (p == wanted) continue;
    } else {
      p = findEither(p, end, quoteByte, 10);
      if (p == end) break;
      if (load<u8>(p) == 10) {
        found = <i32>(p - input);
        break;
      }
    }
    const before: u32 = p > input ? load<u8>(p - 1) : load<u32>(scan, SCAN_BEFORE);
    if (before == fieldDelimiter || before == 10) state = SCAN_INSIDE;
    p++;
  }
  store<u32>(scan, state, SCAN_STATE);
  if (length > 0) store<u32>(scan, load<u8>(end - 1), SCAN_BEFORE);
  return found;
}
