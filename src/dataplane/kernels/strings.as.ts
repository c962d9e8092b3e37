/**
 * String kernels over views (address in the low half, length in bytes in the high half), UTF-8.
 *
 * Positions and lengths count code points, as Flink's BinaryStringData does; ASCII input takes byte-wise fast paths.
 * New bytes come from the arena and live as long as the batch. Source: Flink BinaryStringDataUtil, SqlFunctionUtils.
 */
import { arenaAlloc, arenaMark, arenaRelease } from "./arena.as";
import { setError, setNull } from "./cast-status.as";
import { compareBytes, equalBytes } from "./copy.as";
import { lowerCodePoint, upperCodePoint, upperExpansion } from "./case-mapping.as";

/** Codes of codegen/errors.ts, EXPRESSION_ERRORS. */
const VALUE_TOO_LARGE: u32 = 4;
const INVALID_ARGUMENT: u32 = 5;

// @ts-ignore: decorator
@inline
export function viewPtr(view: u64): u32 {
  return <u32>view;
}

// @ts-ignore: decorator
@inline
export function viewLength(view: u64): u32 {
  return <u32>(view >> 32);
}

// @ts-ignore: decorator
@inline
export function makeView(address: u32, length: u32): u64 {
  return (<u64>length << 32) | <u64>address;
}

/** True when no byte has its high bit set. */
export function isAscii(view: u64): bool {
  let p = viewPtr(view);
  const end = p + viewLength(view);
  while (p + 16 <= end) {
    if (i8x16.bitmask(v128.load(p)) != 0) return false;
    p += 16;
  }
  while (p < end) {
    if (load<u8>(p) >= 0x80) return false;
    p++;
  }
  return true;
}

/** Code points: bytes that are no continuation bytes. */
export function charLength(view: u64): i32 {
  let p = viewPtr(view);
  const end = p + viewLength(view);
  let count: i32 = 0;
  const limit = i8x16.splat(-65);
  while (p + 16 <= end) {
    count += popcnt<i32>(i8x16.bitmask(i8x16.gt_s(v128.load(p), limit)));
    p += 16;
  }
  if (p < end && readableBehind(end)) {
    const starts = <u32>i8x16.bitmask(i8x16.gt_s(v128.load(p), limit));
    return count + popcnt<i32>(starts & lowBits(end - p));
  }
  while (p < end) {
    if (<i32>load<i8>(p) > -65) count++;
    p++;
  }
  return count;
}

/** Bytes of the code point that starts with `lead`. */
// @ts-ignore: decorator
@inline
export function sequenceLength(lead: u32): u32 {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** Byte offset of code point `n` (0-based) from p, at most end. */
function advance(p: u32, end: u32, n: i32): u32 {
  while (n > 0 && p < end) {
    p += sequenceLength(load<u8>(p));
    n--;
  }
  return p < end ? p : end;
}

/** The code points [start, end) of a text of `chars` code points. */
function slice(view: u64, start: i32, end: i32): u64 {
  const p = viewPtr(view);
  const length = viewLength(view);
  if (start >= end) return makeView(p, 0);
  if (isAscii(view)) return makeView(p + start, end - start);
  const from = advance(p, p + length, start);
  const to = advance(from, p + length, end - start);
  return makeView(from, to - from);
}

export function substringFrom(view: u64, position: i32): u64 {
  return substring(view, position, i32.MAX_VALUE);
}

/** SUBSTRING: position from 1, negative from the end, 0 as 1; a negative length is NULL. */
export function substring(view: u64, position: i32, length: i32): u64 {
  if (length < 0) {
    setNull();
    return 0;
  }
  const chars = charLength(view);
  let start = 0;
  if (position > 0) {
    start = position - 1;
    if (start >= chars) return makeView(viewPtr(view), 0);
  } else if (position < 0) {
    start = chars + position;
    if (start < 0) return makeView(viewPtr(view), 0);
  }
  const end = chars - start < length ? chars : start + length;
  return slice(view, start, end);
}

export function left(view: u64, count: i32): u64 {
  const chars = charLength(view);
  return slice(view, 0, count <= 0 ? 0 : min(count, chars));
}

export function right(view: u64, count: i32): u64 {
  const chars = charLength(view);
  if (count <= 0) return makeView(viewPtr(view), 0);
  return slice(view, max(0, chars - count), chars);
}

/** Compares as unsigned bytes: the order of code points. */
export function compareViews(a: u64, b: u64): i32 {
  const n = min(viewLength(a), viewLength(b));
  const order = compareBytes(viewPtr(a), viewPtr(b), n);
  if (order != 0) return order < 0 ? -1 : 1;
  const lengthA = viewLength(a);
  const lengthB = viewLength(b);
  return lengthA < lengthB ? -1 : lengthA > lengthB ? 1 : 0;
}

export function equalViews(a: u64, b: u64): bool {
  const n = viewLength(a);
  return n == viewLength(b) && equalBytes(viewPtr(a), viewPtr(b), n);
}

function mapCase(view: u64, upper: bool): u64 {
  const length = viewLength(view);
  const p = viewPtr(view);
  if (readableBehind(p + length)) {
    const out = mapAsciiCase(p, length, upper ? 0x61 : 0x41);
    if (out != 0) return makeView(out, length);
  }
  const out = <u32>arenaAlloc(length * 3);
  let to = out;
  const end = p + length;
  for (let from = p; from < end; ) {
    const c = decodeCodePoint(from);
    from += sequenceLength(load<u8>(from));
    const expansion = upper ? upperExpansion(c) : 0;
    if (expansion != 0) {
      for (let rest = expansion; rest != 0; rest >>= 16) to = encodeCodePoint(to, <u32>(rest & 0xffff));
    } else to = encodeCodePoint(to, upper ? upperCodePoint(c) : lowerCodePoint(c));
  }
  return makeView(out, to - out);
}

/** The address of the mapped text, 0 when it is not ASCII; `first` is the first of the letters that change. */
function mapAsciiCase(p: u32, length: u32, first: u8): u32 {
  const mark = arenaMark();
  const out = <u32>arenaAlloc(length + 16);
  const lo = i8x16.splat(first);
  const hi = i8x16.splat(first + 25);
  const bit = i8x16.splat(0x20);
  for (let i: u32 = 0; i < length; i += 16) {
    const v = v128.load(p + i);
    if ((<u32>i8x16.bitmask(v) & lowBits(length - i)) != 0) {
      arenaRelease(mark);
      return 0;
    }
    const letters = v128.and(i8x16.ge_s(v, lo), i8x16.le_s(v, hi));
    v128.store(out + i, v128.xor(v, v128.and(letters, bit)));
  }
  return out;
}

export function decodeCodePoint(p: u32): u32 {
  const lead = <u32>load<u8>(p);
  if (lead < 0x80) return lead;
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | (load<u8>(p, 1) & 0x3f);
  if (lead < 0xf0) {
    return ((lead & 0x0f) << 12) | ((<u32>load<u8>(p, 1) & 0x3f) << 6) | (load<u8>(p, 2) & 0x3f);
  }
  return (
    ((lead & 0x07) << 18) |
    ((<u32>load<u8>(p, 1) & 0x3f) << 12) |
    ((<u32>load<u8>(p, 2) & 0x3f) << 6) |
    (load<u8>(p, 3) & 0x3f)
  );
}

/** Writes a code point; returns the address behind it. */
export function encodeCodePoint(p: u32, c: u32): u32 {
  if (c < 0x80) {
    store<u8>(p, c);
    return p + 1;
  }
  if (c < 0x800) {
    store<u8>(p, 0xc0 | (c >> 6));
    store<u8>(p, 0x80 | (c & 0x3f), 1);
    return p + 2;
  }
  if (c < 0x10000) {
    store<u8>(p, 0xe0 | (c >> 12));
    store<u8>(p, 0x80 | ((c >> 6) & 0x3f), 1);
    store<u8>(p, 0x80 | (c & 0x3f), 2);
    return p + 3;
  }
  store<u8>(p, 0xf0 | (c >> 18));
  store<u8>(p, 0x80 | ((c >> 12) & 0x3f), 1);
  store<u8>(p, 0x80 | ((c >> 6) & 0x3f), 2);
  store<u8>(p, 0x80 | (c & 0x3f), 3);
  return p + 4;
}

export function upper(view: u64): u64 {
  return mapCase(view, true);
}

export function lower(view: u64): u64 {
  return mapCase(view, false);
}

/** First letter or digit of each word in upper case, the rest in lower case; words are runs of the letters and digits of ASCII, as in Flink. */
export function initcap(view: u64): u64 {
  const length = viewLength(view);
  const out = <u32>arenaAlloc(length * 3);
  let to = out;
  let inWord = false;
  const end = viewPtr(view) + length;
  for (let from = viewPtr(view); from < end; ) {
    const c = decodeCodePoint(from);
    from += sequenceLength(load<u8>(from));
    const alphanumeric =
      (c >= 0x30 && c <= 0x39) ||
      (c >= 0x41 && c <= 0x5a) ||
      (c >= 0x61 && c <= 0x7a);
    if (alphanumeric) {
      to = encodeCodePoint(to, inWord ? lowerCodePoint(c) : upperCodePoint(c));
      inWord = true;
    } else {
      to = encodeCodePoint(to, c);
      inWord = false;
    }
  }
  return makeView(out, to - out);
}

/** True when 16 bytes may be read at every byte before `end`, and `end` itself. */
// @ts-ignore: decorator
@inline
function readableBehind(end: u32): bool {
  return <u64>end + 16 <= (<u64>memory.size()) << 16;
}

/** The lowest `count` bits, all 16 from 16 on. */
// @ts-ignore: decorator
@inline
function lowBits(count: u32): u32 {
  return count >= 16 ? 0xffff : (1 << count) - 1;
}

/**
 * Byte offset of `needle` in `view` from byte `from` on, or -1. Its first and its last byte are sought in 16 places at a time;
 * where both are, what lies between is compared.
 */
export function indexOfBytes(view: u64, needle: u64, from: u32): i32 {
  const n = viewLength(view);
  const m = viewLength(needle);
  if (m == 0) return from <= n ? <i32>from : -1;
  if (m > n) return -1;
  const base = viewPtr(view);
  const what = viewPtr(needle);
  const last = n - m;
  if (!readableBehind(base + n)) return indexOfBytesAtEnd(base, what, m, from, last);
  const firsts = i8x16.splat(load<u8>(what));
  const lasts = i8x16.splat(load<u8>(what + m - 1));
  for (let i = from; i <= last; i += 16) {
    let found = i8x16.eq(v128.load(base + i), firsts);
    if (m > 1) found = v128.and(found, i8x16.eq(v128.load(base + i + m - 1), lasts));
    let mask = <u32>i8x16.bitmask(found) & lowBits(last - i + 1);
    while (mask != 0) {
      const at = i + ctz(mask);
      if (m <= 2 || memory.compare(base + at + 1, what + 1, m - 2) == 0) return <i32>at;
      mask &= mask - 1;
    }
  }
  return -1;
}

/** indexOfBytes() for a text with which the memory ends. */
function indexOfBytesAtEnd(base: u32, what: u32, m: u32, from: u32, last: u32): i32 {
  for (let i = from; i <= last; i++) {
    if (memory.compare(base + i, what, m) == 0) return <i32>i;
  }
  return -1;
}

export function containsView(view: u64, needle: u64): bool {
  return indexOfBytes(view, needle, 0) >= 0;
}

export function startsWith(view: u64, prefix: u64): bool {
  const n = viewLength(prefix);
  return n <= viewLength(view) && equalBytes(viewPtr(view), viewPtr(prefix), n);
}

export function endsWith(view: u64, suffix: u64): bool {
  const n = viewLength(suffix);
  const length = viewLength(view);
  return n <= length && equalBytes(viewPtr(view) + length - n, viewPtr(suffix), n);
}

/** POSITION(needle IN view): from 1 in code points, 0 when absent. */
export function position(needle: u64, view: u64): i32 {
  return locateFrom(needle, view, 1);
}

/** LOCATE(needle, view, start): start from 1; a start below 1 finds nothing. */
export function locateFrom(needle: u64, view: u64, start: i32): i32 {
  if (start < 1) return 0;
  const p = viewPtr(view);
  const length = viewLength(view);
  if (start - 1 > charLength(view)) return 0;
  const from = advance(p, p + length, start - 1) - p;
  const at = indexOfBytes(view, needle, from);
  return at < 0 ? 0 : charLength(makeView(p, at)) + 1;
}

/** INSTR(view, needle, start, occurrence): a negative start searches backwards from the end. */
export function instr(view: u64, needle: u64, start: i32, occurrence: i32): i32 {
  if (start == 0 || occurrence <= 0) {
    if (occurrence <= 0) setError(INVALID_ARGUMENT, 0);
    return 0;
  }
  const chars = charLength(view);
  const wanted = charLength(needle);
  if (wanted == 0) return 0;
  let seen = 0;
  if (start > 0) {
    for (let at = start; at <= chars - wanted + 1; at++) {
      if (equalViews(slice(view, at - 1, at - 1 + wanted), needle) && ++seen == occurrence) return at;
    }
    return 0;
  }
  for (let at = chars + start + 1; at >= 1; at--) {
    if (at + wanted - 1 > chars) continue;
    if (equalViews(slice(view, at - 1, at - 1 + wanted), needle) && ++seen == occurrence) return at;
  }
  return 0;
}

export function concat2(a: u64, b: u64): u64 {
  const lengthA = viewLength(a);
  const lengthB = viewLength(b);
  if (lengthB == 0) return a;
  if (lengthA == 0) return b;
  const out = <u32>arenaAlloc(lengthA + lengthB);
  memory.copy(out, viewPtr(a), lengthA);
  memory.copy(out + lengthA, viewPtr(b), lengthB);
  return makeView(out, lengthA + lengthB);
}

/** One step of CONCAT_WS: `sum` is what there is so far, `has` whether anything is. */
export function concatSeparated(sum: u64, has: i32, separator: u64, next: u64): u64 {
  return has == 0 ? next : concat2(concat2(sum, separator), next);
}

/** REPLACE as Java's: an empty search text is found before every character and at the end. */
export function replace(view: u64, search: u64, replacement: u64): u64 {
  const n = viewLength(view);
  const m = viewLength(search);
  const r = viewLength(replacement);
  const base = viewPtr(view);
  if (m == 0) return replaceEmpty(view, replacement);
  let at = indexOfBytes(view, search, 0);
  if (at < 0) return view;
  let length = n;
  if (r > m) {
    for (let hit = at; hit >= 0; hit = indexOfBytes(view, search, hit + m)) length += r - m;
  }
  // Sixteen bytes beyond the end may be written, and are overwritten by what follows.
  const out = <u32>arenaAlloc(length + 16);
  const loose = readableBehind(base + n) && readableBehind(viewPtr(replacement) + r);
  let to = out;
  let from: u32 = 0;
  for (; at >= 0; at = indexOfBytes(view, search, at + m)) {
    to = append(to, base + from, at - from, loose);
    to = append(to, viewPtr(replacement), r, loose);
    from = at + m;
  }
  to = append(to, base + from, n - from, loose);
  return makeView(out, to - out);
}

/** Copies bytes; `loose`: up to 15 more may be read and written. Returns the address behind them. */
// @ts-ignore: decorator
@inline
function append(to: u32, from: u32, bytes: u32, loose: bool): u32 {
  if (loose) {
    for (let i: u32 = 0; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
  } else memory.copy(to, from, bytes);
  return to + bytes;
}

function replaceEmpty(view: u64, replacement: u64): u64 {
  const r = viewLength(replacement);
  const length = viewLength(view) + r * (charLength(view) + 1);
  const out = <u32>arenaAlloc(length);
  let to = out;
  const end = viewPtr(view) + viewLength(view);
  for (let from = viewPtr(view); from < end; ) {
    memory.copy(to, viewPtr(replacement), r);
    to += r;
    const bytes = sequenceLength(load<u8>(from));
    memory.copy(to, from, bytes);
    to += bytes;
    from += bytes;
  }
  memory.copy(to, viewPtr(replacement), r);
  return makeView(out, length);
}

/** True when code point at p (n bytes) occurs in the set. */
function inSet(p: u32, n: u32, set: u64): bool {
  const end = viewPtr(set) + viewLength(set);
  for (let s = viewPtr(set); s < end; ) {
    const m = sequenceLength(load<u8>(s));
    if (m == n && equalBytes(s, p, n)) return true;
    s += m;
  }
  return false;
}

/** TRIM: sides bit 0 = leading, bit 1 = trailing; `set` holds the characters to take off. */
export function trimSet(view: u64, set: u64, sides: i32): u64 {
  let p = viewPtr(view);
  let end = p + viewLength(view);
  if (sides & 1) {
    while (p < end) {
      const n = sequenceLength(load<u8>(p));
      if (!inSet(p, n, set)) break;
      p += n;
    }
  }
  if (sides & 2) {
    while (end > p) {
      let q = end - 1;
      while (q > p && (load<u8>(q) & 0xc0) == 0x80) q--;
      if (!inSet(q, end - q, set)) break;
      end = q;
    }
  }
  return makeView(p, end - p);
}

export function trimBlanks(view: u64, sides: i32): u64 {
  let p = viewPtr(view);
  let end = p + viewLength(view);
  if (sides & 1) while (p < end && load<u8>(p) == 0x20) p++;
  if (sides & 2) while (end > p && load<u8>(end - 1) == 0x20) end--;
  return makeView(p, end - p);
}

export function reverse(view: u64): u64 {
  const length = viewLength(view);
  const out = <u32>arenaAlloc(length);
  let to = out + length;
  const end = viewPtr(view) + length;
  for (let from = viewPtr(view); from < end; ) {
    const n = min(sequenceLength(load<u8>(from)), end - from);
    to -= n;
    memory.copy(to, from, n);
    from += n;
  }
  return makeView(out, length);
}

/** Longest text that REPEAT, LPAD and RPAD make; beyond it VALUE_TOO_LARGE. */
const MAX_TEXT: u64 = 1 << 30;

export function repeat(view: u64, times: i32): u64 {
  if (times <= 0) return makeView(viewPtr(view), 0);
  const n = viewLength(view);
  const length = <u64>n * <u64>times;
  if (length > MAX_TEXT) {
    setError(VALUE_TOO_LARGE, view);
    return 0;
  }
  const out = <u32>arenaAlloc(<u32>length);
  for (let i = 0; i < times; i++) memory.copy(out + <u32>i * n, viewPtr(view), n);
  return makeView(out, <u32>length);
}

/** LPAD (side 0) and RPAD (side 1): NULL for a negative length or an empty pad; a longer text is cut. */
export function pad(view: u64, length: i32, filler: u64, side: i32): u64 {
  const padChars = charLength(filler);
  if (length < 0 || padChars == 0) {
    setNull();
    return 0;
  }
  const chars = charLength(view);
  if (length <= chars) return slice(view, 0, length);
  const missing = length - chars;
  const whole = missing / padChars;
  const rest = slice(filler, 0, missing - whole * padChars);
  const padBytes = <u64>viewLength(filler) * <u64>whole + <u64>viewLength(rest);
  if (padBytes + <u64>viewLength(view) > MAX_TEXT) {
    setError(VALUE_TOO_LARGE, view);
    return 0;
  }
  const total = <u32>padBytes + viewLength(view);
  const out = <u32>arenaAlloc(total);
  let to = out;
  if (side == 1) {
    memory.copy(to, viewPtr(view), viewLength(view));
    to += viewLength(view);
  }
  for (let i = 0; i < whole; i++) {
    memory.copy(to, viewPtr(filler), viewLength(filler));
    to += viewLength(filler);
  }
  memory.copy(to, viewPtr(rest), viewLength(rest));
  to += viewLength(rest);
  if (side == 0) memory.copy(to, viewPtr(view), viewLength(view));
  return makeView(out, total);
}

/** OVERLAY(view PLACING replacement FROM start FOR length). As in Flink nothing follows the replacement where length is not above 0. */
export function overlay(view: u64, replacement: u64, start: i32, length: i32): u64 {
  const chars = charLength(view);
  if (start <= 0 || start > chars) return view;
  const until = length <= 0 || <i64>start - 1 + length > <i64>chars ? chars : start - 1 + length;
  const head = slice(view, 0, start - 1);
  const tail = slice(view, until, chars);
  return concat2(concat2(head, replacement), tail);
}

/** OVERLAY without FOR: as many characters as the replacement has. */
export function overlayAll(view: u64, replacement: u64, start: i32): u64 {
  return overlay(view, replacement, start, charLength(replacement));
}

/** SPLIT_INDEX(view, separator, index): every separator counts; NULL outside. */
export function splitIndex(view: u64, separator: u64, index: i32): u64 {
  const m = viewLength(separator);
  if (index < 0 || viewLength(view) == 0) {
    setNull();
    return 0;
  }
  const base = viewPtr(view);
  if (m == 1 && readableBehind(base + viewLength(view)))
    return partBetween(base, viewLength(view), load<u8>(viewPtr(separator)), index);
  let from: u32 = 0;
  for (let i = 0; ; i++) {
    const at = m == 0 ? -1 : indexOfBytes(view, separator, from);
    if (i == index) return makeView(base + from, (at < 0 ? viewLength(view) : <u32>at) - from);
    if (at < 0) break;
    from = at + m;
  }
  setNull();
  return 0;
}

/** SPLIT_INDEX for a separator of one byte: its places are found 16 bytes at a time and counted. */
function partBetween(base: u32, length: u32, separator: u8, index: i32): u64 {
  const wanted = i8x16.splat(separator);
  let start: u32 = 0;
  let before = index;
  for (let i: u32 = 0; i < length; i += 16) {
    let mask = <u32>i8x16.bitmask(i8x16.eq(v128.load(base + i), wanted)) & lowBits(length - i);
    if (before > 0) {
      const here = popcnt<i32>(mask);
      if (here < before) {
        before -= here;
        continue;
      }
      for (; before > 1; before--) mask &= mask - 1;
      before = 0;
      start = i + ctz(mask) + 1;
      mask &= mask - 1;
    }
    if (mask != 0) return makeView(base + start, i + ctz(mask) - start);
  }
  if (before > 0) {
    setNull();
    return 0;
  }
  return makeView(base + start, length - start);
}

export function ascii(view: u64): i32 {
  return viewLength(view) == 0 ? 0 : <i32>load<i8>(viewPtr(view));
}

/** CHR: the character of the lowest byte (Latin-1); nothing for a negative number. */
export function chr(code: i64): u64 {
  if (code < 0) return 0;
  const out = <u32>arenaAlloc(2);
  return makeView(out, encodeCodePoint(out, <u32>(code & 0xff)) - out);
}

/**
 * LIKE: `%` any characters, `_` one, `escape` (a code point, or 0 for none) takes the next literally. Matches greedily with
 * one point of return, so it is linear but for the last `%`. INVALID_ARGUMENT: the escape ends the pattern or escapes something else.
 */
export function like(view: u64, pattern: u64, escape: u32): bool {
  let s = viewPtr(view);
  const sEnd = s + viewLength(view);
  let p = viewPtr(pattern);
  const pEnd = p + viewLength(pattern);
  let returnP: u32 = 0;
  let returnS: u32 = 0;
  while (true) {
    if (p < pEnd) {
      const c = decodeCodePoint(p);
      const n = sequenceLength(load<u8>(p));
      if (c == 0x25 && c != escape) {
        p += n;
        returnP = p;
        returnS = s;
        continue;
      }
      if (s < sEnd) {
        let literal = c;
        let width = n;
        let any = false;
        if (escape != 0 && c == escape) {
          const next = p + n < pEnd ? decodeCodePoint(p + n) : 0;
          if (next != 0x25 && next != 0x5f && next != escape) {
            setError(INVALID_ARGUMENT, pattern);
            return false;
          }
          literal = next;
          width = n + sequenceLength(load<u8>(p + n));
        } else any = c == 0x5f;
        if (any || decodeCodePoint(s) == literal) {
          s += sequenceLength(load<u8>(s));
          p += width;
          continue;
        }
      }
    } else if (s >= sEnd) return true;
    if (returnP == 0 || returnS >= sEnd) return false;
    returnS += sequenceLength(load<u8>(returnS));
    s = returnS;
    p = returnP;
  }
}

/** TRANSLATE(view, from, to): each character of `from` becomes its partner in `to`, or goes when it has none. */
export function translate(view: u64, from: u64, to: u64): u64 {
  const out = <u32>arenaAlloc(viewLength(view) * 4);
  let w = out;
  const end = viewPtr(view) + viewLength(view);
  const fromEnd = viewPtr(from) + viewLength(from);
  const toEnd = viewPtr(to) + viewLength(to);
  for (let p = viewPtr(view); p < end; ) {
    const n = sequenceLength(load<u8>(p));
    let f = viewPtr(from);
    let t = viewPtr(to);
    let found = false;
    while (f < fromEnd) {
      const m = sequenceLength(load<u8>(f));
      if (m == n && equalBytes(f, p, n)) {
        found = true;
        break;
      }
      f += m;
      if (t < toEnd) t += sequenceLength(load<u8>(t));
    }
    if (!found) {
      memory.copy(w, p, n);
      w += n;
    } else if (t < toEnd) {
      const m = sequenceLength(load<u8>(t));
      memory.copy(w, t, m);
      w += m;
    }
    p += n;
  }
  return makeView(out, w - out);
}
