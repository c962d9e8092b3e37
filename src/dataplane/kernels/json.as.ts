/**
 * JSON lines → columns: one pass over the bytes, driven by a table of the fields, straight into a batch.
 *
 * Flow:    formats/json/json-decoder.ts compiles the table → jsonDecode() once per batch → task.
 * Checks:  everything of RFC 8259 in every record, wanted or not: structure, escapes, control characters, numbers, UTF-8.
 * Speed:   strings are searched 16 bytes at a time; the next key is guessed (the field that followed last time) and compared
 *          in one step with its quotes and colon; what has no escape stays where it is and becomes a view.
 * Record:  one line; its end (LF) is illegal inside every token, so no loop needs another bound. A last line without LF
 *          is copied and given one.
 * Limits:  nesting 1,000; rows per call as the plan says (at most 8,192); input below 2 GiB.
 * Errors:  no exceptions: a bad record is entered into the plan's list (offset, length, line, column, code, field, found).
 * Source:  Flink JsonParserToRowDataConverters: numbers in strings, strings from anything, BOOLEAN by parseBoolean.
 *
 * Plan (u32 words):       0 root object · 4 columns · 8 *columns · 12 outputs · 16 *outputs (column index each) · 20 flags
 *                         24 *fields · 28 fields · 32 maximum rows · 56 capacity of the list · 52 *list of bad records
 *   results:              36 rows · 40 consumed bytes · 44 lines · 48 bad records · 60 batch
 * Column (16 bytes):      0 width · 4 values · 8 validity (both set per call)
 * Object (8 bytes):       0 fields · 4 *first field (its fields are contiguous)
 * Field (96 bytes):       0 kind · 4 pattern bytes (0: never guess) · 8 *pattern (`"key":`) · 12 *next guess · 16 values
 *                         20 validity · 24 column or −1 · 28 precision or size · 32 scale · 36 *object · 40 *key · 44 key bytes
 *                         48 record last seen in · 52 id · 64 first 16 bytes of the pattern · 80 their mask
 * Bad record (32 bytes):  0 offset · 4 length · 8 line · 12 column · 16 code · 20 field id + 1 · 24 found type
 */
import { arenaAlloc } from "./arena.as";
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

const KIND_SKIP: u32 = 0;
const KIND_BOOL: u32 = 1;
const KIND_I8: u32 = 2;
const KIND_I16: u32 = 3;
const KIND_I32: u32 = 4;
const KIND_I64: u32 = 5;
const KIND_F32: u32 = 6;
const KIND_F64: u32 = 7;
const KIND_DECIMAL64: u32 = 8;
const KIND_DECIMAL128: u32 = 9;
const KIND_STRING: u32 = 10;
const KIND_BYTES: u32 = 11;
const KIND_DATE: u32 = 12;
const KIND_TIME: u32 = 13;
const KIND_TS64: u32 = 14;
const KIND_TS128: u32 = 15;
const KIND_LTZ64: u32 = 16;
const KIND_LTZ128: u32 = 17;
const KIND_ROW: u32 = 18;

const FLAG_FIELD_ERRORS_NULL: u32 = 1;
const FLAG_SKIP_BAD: u32 = 2;
const FLAG_FAIL_ON_MISSING: u32 = 4;
const FLAG_ISO: u32 = 8;

// Codes: formats/json/json-reasons.ts has their texts.
const BAD_VALUE: u32 = 1;
const BAD_KEY: u32 = 2;
const BAD_COLON: u32 = 3;
const BAD_SEPARATOR: u32 = 4;
const BAD_NUMBER: u32 = 5;
const BAD_LITERAL: u32 = 6;
const BAD_CONTROL: u32 = 7;
const BAD_ESCAPE: u32 = 8;
const BAD_UTF8: u32 = 9;
const BAD_TRAILING: u32 = 10;
const BAD_DEPTH: u32 = 11;
const BAD_ROOT: u32 = 12;
const BAD_TYPE: u32 = 13;
const BAD_RANGE: u32 = 14;
const BAD_TEXT: u32 = 15;
const BAD_MISSING: u32 = 16;

const FOUND_STRING: u32 = 1;
const FOUND_NUMBER: u32 = 2;
const FOUND_BOOLEAN: u32 = 3;
const FOUND_OBJECT: u32 = 4;
const FOUND_ARRAY: u32 = 5;

const MAX_DEPTH: u32 = 1000;
const STACK: usize = memory.data(1024, 16);

let flags: u32 = 0;
/** Identifies the record for `seen` marks; never 0. */
let stamp: u32 = 0;
let scratch: usize = 0;

let errorCode: u32 = 0;
let errorAt: usize = 0;
let errorField: usize = 0;
let errorFound: u32 = 0;

/** The string that parseString() found, unescaped. */
let sStart: usize = 0;
let sLength: usize = 0;

function fail(code: u32, at: usize): usize {
  errorCode = code;
  errorAt = at;
  errorField = 0;
  errorFound = 0;
  return 0;
}

/** A value that does not convert: the field becomes NULL when the table asks for that, else the record is bad. */
function refuse(field: usize, code: u32, found: u32, at: usize, end: usize): usize {
  if ((flags & FLAG_FIELD_ERRORS_NULL) != 0) return end;
  errorCode = code;
  errorAt = at;
  errorField = field;
  errorFound = found;
  return 0;
}

// @ts-ignore: decorator
@inline
function skipBlanks(p: usize): usize {
  let c: u32 = load<u8>(p);
  if (c > 32) return p;
  while (c == 32 || c == 9 || c == 13) c = load<u8>(++p);
  return p;
}

/** Address of the first byte that is no plain character: quote, backslash, control character, or beyond ASCII. */
// @ts-ignore: decorator
@inline
function firstSpecial(p: usize): usize {
  while (true) {
    const v = v128.load(p);
    // Bytes beyond ASCII are negative.
    const stop = v128.bitmask<i8>(
      v128.or(
        v128.or(v128.eq<i8>(v, i8x16.splat(34)), v128.eq<i8>(v, i8x16.splat(92))),
        v128.lt<i8>(v, i8x16.splat(32)),
      ),
    );
    if (stop != 0) return p + ctz(stop);
    p += 16;
  }
}

/** From behind the opening quote to behind the closing one; 0 when the string is bad. */
function parseString(p: usize, want: bool): usize {
  const at = firstSpecial(p);
  if (load<u8>(at) != 34) return parseStringFrom(p, at, want);
  sStart = p;
  sLength = at - p;
  return at + 1;
}

/** As parseString(start), for a string of which everything before p is plain. */
function parseStringFrom(start: usize, p: usize, want: bool): usize {
  let high: i32 = 0;
  while (true) {
    const v = v128.load(p);
    const stop = v128.bitmask<i8>(
      v128.or(
        v128.or(v128.eq<i8>(v, i8x16.splat(34)), v128.eq<i8>(v, i8x16.splat(92))),
        v128.lt<u8>(v, i8x16.splat(32)),
      ),
    );
    if (stop != 0) {
      const at = ctz(stop);
      high |= v128.bitmask<i8>(v) & ((1 << at) - 1);
      p += at;
      const c: u32 = load<u8>(p);
      if (c == 34) {
        if (high != 0 && !validUtf8(start, p)) return fail(BAD_UTF8, start);
        sStart = start;
        sLength = p - start;
        return p + 1;
      }
      if (c == 92) return unescapeString(start, p, want, high);
      return fail(BAD_CONTROL, p);
    }
    high |= v128.bitmask<i8>(v);
    p += 16;
  }
}

/** For each mask of eight bits the places of its ones; filled at first use. */
const PLACES: usize = memory.data(2048, 16);
let placesKnown = false;

function fillPlaces(): void {
  for (let mask: u32 = 0; mask < 256; mask++) {
    let to = PLACES + (mask << 3);
    for (let rest = mask; rest != 0; rest &= rest - 1) store<u8>(to++, ctz(rest));
  }
  placesKnown = true;
}

/** Writes the bytes of v that `keep` (8 bits) names from byte `from` on; returns the address behind them. */
// @ts-ignore: decorator
@inline
function pack(out: usize, v: v128, keep: u32, from: i8): usize {
  const places = v128.load64_zero(PLACES + (keep << 3));
  const packed = v128.swizzle(v, i8x16.add(places, i8x16.splat(from)));
  store<i64>(out, i64x2.extract_lane(packed, 0));
  return out + popcnt(keep);
}

/**
 * The rest of a string from its first backslash at p, when it is ASCII and all that is escaped stands for itself: then which
 * bytes stay follows from masks of 16 bytes, without a branch for each escape. 0 when the string is another one.
 */
function unescapeSimple(start: usize, p: usize, want: bool): usize {
  const text = scratch;
  let out = text;
  if (want) {
    if (!placesKnown) fillPlaces();
    for (let i: usize = 0; start + i < p; i += 16) v128.store(out + i, v128.load(start + i));
    out += p - start;
  }
  // 1 when a backslash before p escapes the byte at p.
  let first: u32 = 0;
  while (true) {
    const v = v128.load(p);
    const backslash = v128.eq<i8>(v, i8x16.splat(92));
    const quote = v128.eq<i8>(v, i8x16.splat(34));
    const selves = v128.or(v128.or(backslash, quote), v128.eq<i8>(v, i8x16.splat(47)));
    // Runs of backslashes: every second one is escaped, counted from the run's first.
    const slashes = <u32>v128.bitmask<i8>(backslash) & ~first;
    const follows = (slashes << 1) | first;
    const sum = slashes + (slashes & 0xaaaa & ~follows);
    const escaped = (0x5555 ^ (sum << 1)) & follows & 0xffff;
    const ends = <u32>v128.bitmask<i8>(quote) & ~escaped;
    const inside = ends == 0 ? <u32>0xffff : (ends & (0 - ends)) - 1;
    const other = escaped & ~(<u32>v128.bitmask<i8>(selves));
    const special = <u32>v128.bitmask<i8>(v128.lt<i8>(v, i8x16.splat(32)));
    if (((other | special) & inside) != 0) return 0;
    if (want) {
      const keep = inside & ~(slashes & ~escaped);
      out = pack(out, v, keep & 0xff, 0);
      out = pack(out, v, keep >> 8, 8);
    }
    if (ends != 0) {
      p += ctz(ends);
      break;
    }
    first = (sum >> 16) & 1;
    p += 16;
  }
  if (want) {
    // The zero ends numbers that are read from the text.
    store<u8>(out, 0);
    scratch = out + 1;
    sStart = text;
    sLength = out - text;
  }
  return p + 1;
}

/** The rest of a string from its first backslash at p. */
function unescapeString(start: usize, p: usize, want: bool, high: i32): usize {
  if (high == 0) {
    const end = unescapeSimple(start, p, want);
    if (end != 0) return end;
  }
  const text = scratch;
  let out = text;
  // Bytes beyond the end may add to it: then the string is checked for nothing.
  let seen = i64x2.splat(0);
  if (want) {
    const length = p - start;
    for (let i: usize = 0; i < length; i += 16) v128.store(out + i, v128.load(start + i));
    out += length;
  }
  while (true) {
    // p is at a backslash.
    const c: u32 = load<u8>(p, 1);
    let code: u32 = 0;
    if (c == 92 || c == 34 || c == 47) code = c;
    else if (c == 110) code = 10;
    else if (c == 116) code = 9;
    else if (c == 114) code = 13;
    else if (c == 98) code = 8;
    else if (c == 102) code = 12;
    else if (c == 117) {
      code = hex4(p + 2);
      if (code == 0xffffffff) return fail(BAD_ESCAPE, p);
      p += 4;
      if (code - 0xd800 < 0x400 && load<u16>(p, 2) == 0x755c) {
        const lower = hex4(p + 4);
        if (lower == 0xffffffff) return fail(BAD_ESCAPE, p + 2);
        if (lower - 0xdc00 < 0x400) {
          code = 0x10000 + ((code - 0xd800) << 10) + (lower - 0xdc00);
          p += 6;
        }
      }
      // A surrogate without its other half: as Java encodes it.
      if (code - 0xd800 < 0x800) code = 63;
    } else return fail(BAD_ESCAPE, p);
    p += 2;
    if (want) out = writeCodePoint(out, code);
    // Up to the next backslash or quote.
    while (true) {
      const v = v128.load(p);
      if (want) v128.store(out, v);
      const stop = v128.bitmask<i8>(
        v128.or(
          v128.or(v128.eq<i8>(v, i8x16.splat(34)), v128.eq<i8>(v, i8x16.splat(92))),
          v128.lt<u8>(v, i8x16.splat(32)),
        ),
      );
      seen = v128.or(seen, v);
      if (stop == 0) {
        p += 16;
        out += 16;
        continue;
      }
      const at = ctz(stop);
      p += at;
      out += at;
      break;
    }
    const d: u32 = load<u8>(p);
    if (d == 92) continue;
    if (d != 34) return fail(BAD_CONTROL, p);
    if ((high | v128.bitmask<i8>(seen)) != 0 && !validUtf8(start, p)) return fail(BAD_UTF8, start);
    if (want) {
      // The zero ends numbers that are read from the text.
      store<u8>(out, 0);
      scratch = out + 1;
      sStart = text;
      sLength = out - text;
    }
    return p + 1;
  }
}

function hex4(p: usize): u32 {
  let code: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const c: u32 = load<u8>(p + i);
    let d = c - 48;
    if (d > 9) {
      d = (c | 32) - 97;
      if (d > 5) return 0xffffffff;
      d += 10;
    }
    code = (code << 4) | d;
  }
  return code;
}

// @ts-ignore: decorator
@inline
function writeCodePoint(out: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(out, code);
    return out + 1;
  }
  if (code < 0x800) {
    store<u8>(out, 0xc0 | (code >> 6));
    store<u8>(out, 0x80 | (code & 63), 1);
    return out + 2;
  }
  if (code < 0x10000) {
    store<u8>(out, 0xe0 | (code >> 12));
    store<u8>(out, 0x80 | ((code >> 6) & 63), 1);
    store<u8>(out, 0x80 | (code & 63), 2);
    return out + 3;
  }
  store<u8>(out, 0xf0 | (code >> 18));
  store<u8>(out, 0x80 | ((code >> 12) & 63), 1);
  store<u8>(out, 0x80 | ((code >> 6) & 63), 2);
  store<u8>(out, 0x80 | (code & 63), 3);
  return out + 4;
}

/** true, false or null at p; returns its end. */
function parseLiteral(p: usize): usize {
  const word = load<u32>(p);
  if (word == 0x65757274 || word == 0x6c6c756e) return p + 4;
  if (word == 0x736c6166 && load<u8>(p, 4) == 101) return p + 5;
  return fail(BAD_LITERAL, p);
}

/** From a key's opening quote to behind the blanks after its colon. */
function skipKey(p: usize): usize {
  if (load<u8>(p) != 34) return fail(BAD_KEY, p);
  p = parseString(p + 1, false);
  if (p == 0) return 0;
  p = skipBlanks(p);
  if (load<u8>(p) != 58) return fail(BAD_COLON, p);
  return p + 1;
}

/** Checks any value; returns its end. */
function skipValue(p: usize): usize {
  let depth: u32 = 0;
  while (true) {
    p = skipBlanks(p);
    const c: u32 = load<u8>(p);
    if (c == 34) p = parseString(p + 1, false);
    else if (c == 123) {
      if (depth == MAX_DEPTH) return fail(BAD_DEPTH, p);
      p = skipBlanks(p + 1);
      if (load<u8>(p) == 125) p++;
      else {
        store<u8>(STACK + depth++, 1);
        p = skipKey(p);
        if (p == 0) return 0;
        continue;
      }
    } else if (c == 91) {
      if (depth == MAX_DEPTH) return fail(BAD_DEPTH, p);
      p = skipBlanks(p + 1);
      if (load<u8>(p) == 93) p++;
      else {
        store<u8>(STACK + depth++, 0);
        continue;
      }
    } else if (c == 45 || c - 48 < 10) {
      const end = scanNumber(p, true);
      if (end == 0) return fail(BAD_NUMBER, p);
      p = end;
    } else if (c == 116 || c == 102 || c == 110) p = parseLiteral(p);
    else return fail(BAD_VALUE, p);
    if (p == 0) return 0;
    while (true) {
      if (depth == 0) return p;
      p = skipBlanks(p);
      const d: u32 = load<u8>(p);
      const inObject = load<u8>(STACK + depth - 1);
      if (d == 44) {
        p++;
        if (inObject) {
          p = skipKey(skipBlanks(p));
          if (p == 0) return 0;
        }
        break;
      }
      if (d != (inObject ? 125 : 93)) return fail(BAD_SEPARATOR, p);
      p++;
      depth--;
    }
  }
}

/** As skipValue(), with a short way for strings and integers. */
// @ts-ignore: decorator
@inline
function skipScalar(p: usize): usize {
  const c: u32 = load<u8>(p);
  if (c == 34) {
    const at = firstSpecial(++p);
    return load<u8>(at) == 34 ? at + 1 : parseStringFrom(p, at, false);
  }
  if (c - 49 < 9) {
    let end = p;
    let digits: u32;
    do {
      digits = leadingDigits(load<u64>(end));
      end += digits;
    } while (digits == 8);
    const d: u32 = load<u8>(end);
    if (d != 46 && (d | 32) != 101) return end;
  }
  return skipValue(p);
}

/** The field of this name, 0 when the object has none. */
function findField(object: usize, key: usize, length: usize): usize {
  const count = load<u32>(object);
  let field = <usize>load<u32>(object, 4);
  for (let i: u32 = 0; i < count; i++) {
    if (
      load<u32>(field, 44) == <u32>length &&
      memory.compare(load<u32>(field, 40), key, length) == 0
    )
      return field;
    field += 96;
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function matchesPattern(field: usize, p: usize): bool {
  const length = load<u32>(field, 4);
  const difference = v128.and(
    v128.xor(v128.load(p), v128.load(field, 64)),
    v128.load(field, 80),
  );
  if (v128.any_true(difference)) return false;
  if (length <= 16) return length != 0;
  return memory.compare(p + 16, load<u32>(field, 8) + 16, length - 16) == 0;
}

/** From behind an object's brace to behind its end. */
function parseObject(object: usize, p: usize, row: u32): usize {
  let guess = <usize>load<u32>(object, 4);
  let previous: usize = 0;
  let first = true;
  while (true) {
    let field = guess;
    if (field != 0 && matchesPattern(field, p)) p += load<u32>(field, 4);
    else if (field != 0 && load<u8>(p) <= 32 && matchesPattern(field, skipBlanks(p)))
      p = skipBlanks(p) + load<u32>(field, 4);
    else {
      p = skipBlanks(p);
      const c: u32 = load<u8>(p);
      if (c == 125 && first) return finishObject(object, p);
      if (c != 34) return fail(BAD_KEY, p);
      const saved = scratch;
      p = parseString(p + 1, true);
      if (p == 0) return 0;
      field = findField(object, sStart, sLength);
      scratch = saved;
      p = skipBlanks(p);
      if (load<u8>(p) != 58) return fail(BAD_COLON, p);
      p++;
      if (field != 0 && previous != 0) store<u32>(previous, <u32>field, 12);
    }
    first = false;
    if (field == 0) p = skipScalar(p);
    else {
      previous = field;
      guess = <usize>load<u32>(field, 12);
      if (load<u32>(field, 48) == stamp) clearField(field, row);
      store<u32>(field, stamp, 48);
      p = load<u32>(field) == KIND_SKIP ? skipScalar(p) : parseField(field, p, row);
    }
    if (p == 0) return 0;
    let c: u32 = load<u8>(p);
    if (c != 44 && c != 125) {
      p = skipBlanks(p);
      c = load<u8>(p);
    }
    if (c == 44) p++;
    else if (c == 125) return finishObject(object, p);
    else return fail(BAD_SEPARATOR, p);
  }
}

// @ts-ignore: decorator
@inline
function finishObject(object: usize, p: usize): usize {
  if ((flags & FLAG_FAIL_ON_MISSING) != 0) {
    const count = load<u32>(object);
    let field = <usize>load<u32>(object, 4);
    for (let i: u32 = 0; i < count; i++) {
      if (load<u32>(field, 48) != stamp && load<u32>(field) != KIND_SKIP) {
        errorCode = BAD_MISSING;
        errorAt = p;
        errorField = field;
        errorFound = 0;
        return 0;
      }
      field += 96;
    }
  }
  return p + 1;
}

// @ts-ignore: decorator
@inline
function setValid(field: usize, row: u32): void {
  store<u8>(<usize>load<u32>(field, 20) + row, 1);
}

/** Takes back what an earlier key of the same name has set. */
function clearField(field: usize, row: u32): void {
  const validity = <usize>load<u32>(field, 20);
  if (validity != 0) store<u8>(validity + row, 0);
  if (load<u32>(field) != KIND_ROW) return;
  const object = <usize>load<u32>(field, 36);
  const count = load<u32>(object);
  let child = <usize>load<u32>(object, 4);
  for (let i: u32 = 0; i < count; i++) {
    clearField(child, row);
    child += 96;
  }
}

/** The value of a wanted field. */
function parseField(field: usize, p: usize, row: u32): usize {
  p = skipBlanks(p);
  const c: u32 = load<u8>(p);
  const kind = load<u32>(field);
  const validity = <usize>load<u32>(field, 20);
  if (c == 34) {
    if (kind == KIND_STRING) {
      const at = firstSpecial(++p);
      if (load<u8>(at) == 34) return storeText(field, p, at, row) + 1;
      const end = parseStringFrom(p, at, true);
      if (end != 0) storeText(field, sStart, sStart + sLength, row);
      return end;
    }
    if (kind == KIND_TS64 && (flags & FLAG_ISO) == 0) {
      const end = plainTimestamp(field, p + 1, row);
      if (end != 0) return end;
    }
    const end = parseString(p + 1, true);
    if (end == 0) return 0;
    return fromText(field, kind, p, end, row);
  }
  if (c - 48 < 10 || c == 45) {
    if (c > 48 && (kind == KIND_I64 || kind == KIND_I32)) {
      const end = plainInteger(field, kind, p, row);
      if (end != 0) return end;
    }
    const end = scanNumber(p, true);
    if (end == 0) return fail(BAD_NUMBER, p);
    return fromNumber(field, kind, p, end, row);
  }
  if (c == 123) {
    if (kind == KIND_ROW) {
      if (validity != 0) setValid(field, row);
      return parseObject(<usize>load<u32>(field, 36), p + 1, row);
    }
    return fromContainer(field, kind, p, FOUND_OBJECT, row);
  }
  if (c == 91) return fromContainer(field, kind, p, FOUND_ARRAY, row);
  if (c == 116 || c == 102 || c == 110) {
    const end = parseLiteral(p);
    if (end == 0 || c == 110) return end;
    if (kind == KIND_BOOL) {
      store<u8>(<usize>load<u32>(field, 16) + row, c == 116 ? 1 : 0);
      setValid(field, row);
      return end;
    }
    if (kind == KIND_STRING) return storeText(field, p, end, row);
    return refuse(field, BAD_TYPE, FOUND_BOOLEAN, p, end);
  }
  return fail(BAD_VALUE, p);
}

/** The bytes of w that are digits, from the first on: 8 when all are. */
// @ts-ignore: decorator
@inline
function leadingDigits(w: u64): u32 {
  const other =
    ((w & 0xf0f0f0f0f0f0f0f0) ^ 0x3030303030303030) |
    (((w + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) ^ 0x3030303030303030);
  return other == 0 ? 8 : <u32>(ctz(other) >> 3);
}

/** The number of eight digits, the first in the lowest byte; bytes of zero count as the digit 0. */
// @ts-ignore: decorator
@inline
function eightDigits(w: u64): u64 {
  w = (w & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
  w = (w & 0x00ff00ff00ff00ff) * 6553601 >> 16;
  return ((w & 0x0000ffff0000ffff) * 42949672960001) >> 32;
}

/**
 * A positive integer of at most 15 digits without leading zero, point or exponent; returns its end, 0 when it is not that.
 * The first byte is a digit.
 */
// @ts-ignore: decorator
@inline
function plainInteger(field: usize, kind: u32, p: usize, row: u32): usize {
  const w = load<u64>(p);
  let digits = leadingDigits(w);
  let value: u64;
  if (digits < 8) value = eightDigits(w << (64 - (digits << 3)));
  else {
    const v = load<u64>(p, 8);
    const more = leadingDigits(v);
    if (more == 8) return 0;
    value = eightDigits(w);
    if (more != 0)
      value = value * load<u64>(TENS + (<usize>more << 3)) + eightDigits(v << (64 - (more << 3)));
    digits += more;
  }
  const end = p + digits;
  const c: u32 = load<u8>(end);
  if (c == 46 || (c | 32) == 101) return 0;
  const values = <usize>load<u32>(field, 16);
  if (kind == KIND_I64) store<u64>(values + (<usize>row << 3), value);
  else {
    if (value > 0x7fffffff) return 0;
    store<u32>(values + (<usize>row << 2), <u32>value);
  }
  setValid(field, row);
  return end;
}

/** The last `yyyy-MM-dd HH:mm` that was read, and its milliseconds: the next one is mostly the same. */
// prettier-ignore
const MINUTE: usize = memory.data<u8>([
  49, 57, 55, 48, 45, 48, 49, 45, 48, 49, 32, 48, 48, 58, 48, 48,
]);
let minuteMillis: i64 = 0;

/**
 * `yyyy-MM-dd HH:mm:ss.SSS"`, the form most writers choose; p is behind the quote. Returns what follows the closing one,
 * 0 when it is another form or no time at all.
 */
function plainTimestamp(field: usize, p: usize, row: u32): usize {
  const rest = load<u64>(p, 16);
  // :ss.SSS"
  if ((rest & 0xff000000ff0000ff) != 0x220000002e00003a) return 0;
  const second = digitAt(rest, 8) * 10 + digitAt(rest, 16);
  if (digitAt(rest, 8) > 5 || digitAt(rest, 16) > 9) return 0;
  if (digitAt(rest, 32) > 9 || digitAt(rest, 40) > 9 || digitAt(rest, 48) > 9) return 0;
  const millis = digitAt(rest, 32) * 100 + digitAt(rest, 40) * 10 + digitAt(rest, 48);
  const head = v128.load(p);
  if (v128.any_true(v128.xor(head, v128.load(MINUTE)))) {
    if (load<u8>(p, 10) != 32) return 0;
    if (parseTimestamp(p, p + 16, 32, true, false) != p + 16) return 0;
    v128.store(MINUTE, head);
    minuteMillis = tMillis;
  }
  tMillis = minuteMillis + <i64>(second * 1000 + millis);
  tNanos = 0;
  const precision = load<u32>(field, 28);
  if (precision < 3) truncateTimestamp(precision);
  store<i64>(<usize>load<u32>(field, 16) + (<usize>row << 3), tMillis);
  setValid(field, row);
  return p + 24;
}

// @ts-ignore: decorator
@inline
function digitAt(word: u64, shift: u64): u32 {
  return (<u32>(word >> shift) & 0xff) - 48;
}

/** 10^0 … 10^7. */
const TENS: usize = memory.data<u64>([1, 10, 100, 1000, 10000, 100000, 1000000, 10000000]);

// @ts-ignore: decorator
@inline
function storeText(field: usize, start: usize, end: usize, row: u32): usize {
  store<u64>(
    <usize>load<u32>(field, 16) + (<usize>row << 3),
    (<u64>(end - start) << 32) | <u64>start,
  );
  setValid(field, row);
  return end;
}

/** An object or array where a value is wanted: its text for STRING. */
function fromContainer(field: usize, kind: u32, p: usize, found: u32, row: u32): usize {
  const end = skipValue(p);
  if (end == 0) return 0;
  if (kind != KIND_STRING) return refuse(field, BAD_TYPE, found, p, end);
  const text = scratch;
  let out = text;
  let inString = false;
  for (let q = p; q < end; q++) {
    const c: u32 = load<u8>(q);
    if (inString) {
      if (c == 92) {
        store<u8>(out++, c);
        store<u8>(out++, load<u8>(++q));
        continue;
      }
      if (c == 34) inString = false;
    } else if (c == 34) inString = true;
    else if (c <= 32) continue;
    store<u8>(out++, c);
  }
  scratch = out;
  storeText(field, text, out, row);
  return end;
}

/** A number token, just scanned. */
function fromNumber(field: usize, kind: u32, p: usize, end: usize, row: u32): usize {
  const values = <usize>load<u32>(field, 16);
  switch (kind) {
    case KIND_I64:
      if (scannedI64()) {
        store<i64>(values + (<usize>row << 3), tMillis);
        break;
      }
      if (nInteger) return refuse(field, BAD_RANGE, FOUND_NUMBER, p, end);
      {
        const value = scannedF64();
        if (!(value >= -9223372036854775808.0 && value <= 9223372036854775807.0))
          return refuse(field, BAD_RANGE, FOUND_NUMBER, p, end);
        store<i64>(values + (<usize>row << 3), <i64>value);
      }
      break;
    case KIND_I32:
      if (scannedI64()) {
        const value = tMillis;
        if (value != <i64>(<i32>value)) return refuse(field, BAD_RANGE, FOUND_NUMBER, p, end);
        store<i32>(values + (<usize>row << 2), <i32>value);
      } else {
        if (nInteger) return refuse(field, BAD_RANGE, FOUND_NUMBER, p, end);
        const value = scannedF64();
        if (!(value >= -2147483648.0 && value <= 2147483647.0))
          return refuse(field, BAD_RANGE, FOUND_NUMBER, p, end);
        store<i32>(values + (<usize>row << 2), <i32>value);
      }
      break;
    case KIND_I16:
    case KIND_I8: {
      if (!nInteger) return refuse(field, BAD_TEXT, FOUND_NUMBER, p, end);
      if (!storeSmall(values, kind, row)) return refuse(field, BAD_RANGE, FOUND_NUMBER, p, end);
      break;
    }
    case KIND_F64:
      store<f64>(values + (<usize>row << 3), scannedF64());
      break;
    case KIND_F32:
      store<f32>(values + (<usize>row << 2), scannedF32());
      break;
    case KIND_DECIMAL64:
    case KIND_DECIMAL128:
      if (!storeDecimal(field, values, kind, row)) return end;
      break;
    case KIND_STRING:
      return storeText(field, p, end, row);
    case KIND_BOOL:
      store<u8>(values + row, 0);
      break;
    default:
      return refuse(field, BAD_TYPE, FOUND_NUMBER, p, end);
  }
  setValid(field, row);
  return end;
}

/** A TINYINT or SMALLINT from the integer last scanned. */
function storeSmall(values: usize, kind: u32, row: u32): bool {
  if (!scannedI64()) return false;
  const value = tMillis;
  if (kind == KIND_I16) {
    if (value != <i64>(<i16>value)) return false;
    store<i16>(values + (<usize>row << 1), <i16>value);
  } else {
    if (value != <i64>(<i8>value)) return false;
    store<i8>(values + row, <i8>value);
  }
  return true;
}

/** False leaves NULL: Flink's DECIMAL of too many digits. */
function storeDecimal(field: usize, values: usize, kind: u32, row: u32): bool {
  if (!scannedDecimal(load<u32>(field, 28), load<u32>(field, 32))) return false;
  if (kind == KIND_DECIMAL64) store<u64>(values + (<usize>row << 3), dLow);
  else {
    store<u64>(values + (<usize>row << 4), dLow);
    store<u64>(values + (<usize>row << 4), dHigh, 8);
  }
  return true;
}

/** A string token whose text is in sStart and sLength, for a field that is no STRING. */
function fromText(field: usize, kind: u32, p: usize, end: usize, row: u32): usize {
  const values = <usize>load<u32>(field, 16);
  const start = sStart;
  const stop = start + sLength;
  const a = trimStart(start, stop);
  const b = trimEnd(a, stop);
  switch (kind) {
    case KIND_BOOL:
      store<u8>(values + row, parseBoolean(a, b) ? 1 : 0);
      break;
    case KIND_I8:
    case KIND_I16:
    case KIND_I32:
    case KIND_I64: {
      if (a == b || scanNumber(a, false) != b || !nInteger)
        return refuse(field, BAD_TEXT, FOUND_STRING, p, end);
      if (kind == KIND_I8 || kind == KIND_I16) {
        if (!storeSmall(values, kind, row)) return refuse(field, BAD_RANGE, FOUND_STRING, p, end);
        break;
      }
      if (!scannedI64()) return refuse(field, BAD_RANGE, FOUND_STRING, p, end);
      const value = tMillis;
      if (kind == KIND_I64) store<i64>(values + (<usize>row << 3), value);
      else {
        if (value != <i64>(<i32>value)) return refuse(field, BAD_RANGE, FOUND_STRING, p, end);
        store<i32>(values + (<usize>row << 2), <i32>value);
      }
      break;
    }
    case KIND_F32:
    case KIND_F64: {
      let value: f64 = 0;
      let narrow: f32 = 0;
      const stopNumber: usize = a == b ? <usize>0 : scanNumber(a, false);
      if (stopNumber == b || (stopNumber != 0 && stopNumber + 1 == b && isFloatSuffix(stopNumber))) {
        if (kind == KIND_F64) value = scannedF64();
        else narrow = scannedF32();
      } else {
        value = parseSpecialFloat(a, b);
        if (value == 0) return refuse(field, BAD_TEXT, FOUND_STRING, p, end);
        narrow = <f32>value;
      }
      if (kind == KIND_F64) store<f64>(values + (<usize>row << 3), value);
      else store<f32>(values + (<usize>row << 2), narrow);
      break;
    }
    case KIND_DECIMAL64:
    case KIND_DECIMAL128:
      if (a == b || scanNumber(a, false) != b) return refuse(field, BAD_TEXT, FOUND_STRING, p, end);
      if (!storeDecimal(field, values, kind, row)) return end;
      break;
    case KIND_BYTES: {
      const length = decodeBase64(start, stop, scratch);
      if (length < 0) return refuse(field, BAD_TEXT, FOUND_STRING, p, end);
      storeText(field, scratch, scratch + length, row);
      scratch += length;
      return end;
    }
    case KIND_DATE:
      if (parseDate(start, stop, false) != stop || sLength == 0)
        return refuse(field, BAD_TEXT, FOUND_STRING, p, end);
      store<i32>(values + (<usize>row << 2), tDays);
      break;
    case KIND_TIME:
      if (sLength == 0 || parseTime(start, stop, false) != stop)
        return refuse(field, BAD_TEXT, FOUND_STRING, p, end);
      store<i32>(values + (<usize>row << 2), <i32>tMillis);
      break;
    case KIND_TS64:
    case KIND_TS128:
    case KIND_LTZ64:
    case KIND_LTZ128: {
      let textEnd = stop;
      if (kind >= KIND_LTZ64) {
        if (sLength == 0 || load<u8>(stop - 1) != 90)
          return refuse(field, BAD_TEXT, FOUND_STRING, p, end);
        textEnd--;
      }
      const iso = (flags & FLAG_ISO) != 0;
      if (parseTimestamp(start, textEnd, iso ? 84 : 32, iso, false) != textEnd || textEnd == start)
        return refuse(field, BAD_TEXT, FOUND_STRING, p, end);
      truncateTimestamp(load<u32>(field, 28));
      if (kind == KIND_TS64 || kind == KIND_LTZ64)
        store<i64>(values + (<usize>row << 3), tMillis);
      else {
        store<i64>(values + (<usize>row << 4), tMillis);
        store<i64>(values + (<usize>row << 4), tNanos, 8);
      }
      break;
    }
    default:
      return refuse(field, BAD_TYPE, FOUND_STRING, p, end);
  }
  setValid(field, row);
  return end;
}

function isFloatSuffix(p: usize): bool {
  const c = load<u8>(p) | 32;
  return c == 100 || c == 102;
}

/** Address of the byte after the last LF in [p, end), p when there is none. */
export function lastLineEnd(p: usize, end: usize): usize {
  while (end >= p + 16) {
    const m = v128.bitmask<i8>(v128.eq<i8>(v128.load(end - 16), i8x16.splat(10)));
    if (m != 0) return end - 15 + (31 - clz(m));
    end -= 16;
  }
  while (end > p) {
    if (load<u8>(end - 1) == 10) return end;
    end--;
  }
  return p;
}

/** Address of the next LF at or after p; there is one. */
export function nextLineEnd(p: usize): usize {
  while (true) {
    const m = v128.bitmask<i8>(v128.eq<i8>(v128.load(p), i8x16.splat(10)));
    if (m != 0) return p + ctz(m);
    p += 16;
  }
}

/** A copy of [p, end) in the arena that ends with LF and may be read 64 bytes beyond. */
export function copyWithLineEnd(p: usize, end: usize): usize {
  const length = end - p;
  const copy = <usize>arenaAlloc(<u32>length + 80);
  memory.copy(copy, p, length);
  store<u8>(copy + length, 10);
  return copy;
}

/** Gives every column of a plan its values and (zeroed) validity for `capacity` rows. */
export function allocateColumns(columns: usize, count: u32, capacity: u32): void {
  const validityBytes = (capacity + 31) & ~15;
  let total: u32 = 64;
  for (let i: u32 = 0; i < count; i++)
    total += ((load<u32>(columns + i * 16) * capacity + 31) & ~15) + validityBytes;
  const block = (<usize>arenaAlloc(total) + 15) & ~15;
  memory.fill(block, 0, count * validityBytes);
  let values = block + count * validityBytes;
  for (let i: u32 = 0; i < count; i++) {
    const column = columns + i * 16;
    const width = load<u32>(column);
    store<u32>(column, width == 0 ? 0 : <u32>values, 4);
    store<u32>(column, <u32>(block + i * validityBytes), 8);
    values += (width * capacity + 31) & ~15;
  }
}

/** The batch descriptor over a plan's columns; validity of columns without NULL is left out. */
export function finishBatch(
  columns: usize,
  count: u32,
  outputs: usize,
  outputCount: u32,
  rows: u32,
): usize {
  for (let i: u32 = 0; i < count; i++) {
    const column = columns + i * 16;
    if (allSet(load<u32>(column, 8), rows)) store<u32>(column, 0, 8);
  }
  const batch = <usize>arenaAlloc(16 + outputCount * 8 + 16);
  store<u32>(batch, rows);
  store<u32>(batch, 0, 4);
  store<u32>(batch, outputCount, 8);
  store<u32>(batch, 0, 12);
  for (let i: u32 = 0; i < outputCount; i++) {
    const column = columns + load<u32>(outputs + i * 4) * 16;
    store<u32>(batch + 16 + i * 8, load<u32>(column, 8));
    store<u32>(batch + 16 + i * 8, load<u32>(column, 4), 4);
  }
  return batch;
}

function allSet(validity: usize, rows: u32): bool {
  let i: usize = 0;
  const n = <usize>rows;
  for (; i + 16 <= n; i += 16) {
    if (!v128.all_true<i8>(v128.load(validity + i))) return false;
  }
  for (; i < n; i++) if (load<u8>(validity + i) == 0) return false;
  return true;
}

function enterBad(plan: usize, offset: u32, length: u32, line: u32, record: usize): void {
  const count = load<u32>(plan, 48);
  const entry = <usize>load<u32>(plan, 52) + count * 32;
  store<u32>(entry, offset);
  store<u32>(entry, length, 4);
  store<u32>(entry, line, 8);
  store<u32>(entry, <u32>(errorAt - record) + 1, 12);
  store<u32>(entry, errorCode, 16);
  store<u32>(entry, errorField == 0 ? 0 : load<u32>(errorField, 52) + 1, 20);
  store<u32>(entry, errorFound, 24);
  store<u32>(plan, count + 1, 48);
}

/**
 * Decodes lines of [input, input + length): all whole ones up to the plan's rows, with `last` also an unterminated one.
 * Returns the batch, 0 when there are no rows.
 */
export function jsonDecode(plan: usize, input: usize, length: u32, last: u32): usize {
  const inputEnd = input + length;
  let end = lastLineEnd(input, inputEnd);
  let tail = last != 0 && end < inputEnd;
  store<u32>(plan, 0, 36);
  store<u32>(plan, 0, 40);
  store<u32>(plan, 0, 44);
  store<u32>(plan, 0, 48);
  store<u32>(plan, 0, 60);
  if (end == input && !tail) return 0;
  const columns = <usize>load<u32>(plan, 8);
  const columnCount = load<u32>(plan, 4);
  // The shortest record is `{}` and its LF.
  const capacity = min(load<u32>(plan, 32), length / 3 + 1);
  allocateColumns(columns, columnCount, capacity);
  bindFields(plan, columns);
  scratch = <usize>arenaAlloc(length + 128);
  flags = load<u32>(plan, 20);

  let p = input;
  // How far addresses are shifted against the input (the bytes were copied to be safely readable beyond their end).
  let shift: usize = 0;
  if (end > input && end + 64 > <usize>memory.size() << 16) {
    const copy = copyWithLineEnd(input, end);
    shift = copy - input;
    p = copy;
    end = copy + (end - input);
  }
  let row: u32 = 0;
  let lines: u32 = 0;
  let consumed: u32 = 0;
  while (true) {
    if (p == end) {
      if (!tail) break;
      tail = false;
      const start = p - shift;
      p = copyWithLineEnd(start, inputEnd);
      shift = p - start;
      end = p + (inputEnd - start) + 1;
    }
    if (row == capacity || load<u32>(plan, 48) == load<u32>(plan, 56)) break;
    const record = p;
    if (++stamp == 0) stamp = 1;
    p = skipBlanks(p);
    let c: u32 = load<u8>(p);
    let ok = true;
    if (c == 123) {
      p = parseObject(load<u32>(plan), p + 1, row);
      if (p != 0) {
        p = skipBlanks(p);
        if (load<u8>(p) != 10) {
          fail(BAD_TRAILING, p);
          ok = false;
        } else row++;
      } else ok = false;
    } else if (c != 10) {
      p = skipValue(p);
      if (p != 0) {
        p = skipBlanks(p);
        if (load<u8>(p) != 10) fail(BAD_TRAILING, p);
        else if (c != 110) fail(BAD_ROOT, record);
        else c = 10;
      }
      ok = c == 10;
    }
    if (!ok) {
      p = nextLineEnd(max(record, errorAt));
      for (let i: u32 = 0; i < columnCount; i++)
        store<u8>(<usize>load<u32>(columns + i * 16, 8) + row, 0);
      enterBad(plan, <u32>(record - shift - input), <u32>(p - record), lines, record);
      if ((flags & FLAG_SKIP_BAD) == 0) break;
    }
    p++;
    lines++;
    consumed = <u32>(min(p - shift, inputEnd) - input);
  }
  store<u32>(plan, row, 36);
  store<u32>(plan, consumed, 40);
  store<u32>(plan, lines, 44);
  if (row == 0) return 0;
  const batch = finishBatch(columns, columnCount, load<u32>(plan, 16), load<u32>(plan, 12), row);
  store<u32>(plan, <u32>batch, 60);
  return batch;
}

/** Puts the columns' addresses of this call into the fields. */
function bindFields(plan: usize, columns: usize): void {
  const count = load<u32>(plan, 28);
  let field = <usize>load<u32>(plan, 24);
  for (let i: u32 = 0; i < count; i++) {
    const column = load<i32>(field, 24);
    if (column >= 0) {
      store<u32>(field, load<u32>(columns + column * 16, 4), 16);
      store<u32>(field, load<u32>(columns + column * 16, 8), 20);
    }
    field += 96;
  }
}
