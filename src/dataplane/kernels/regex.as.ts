/**
 * Runs regular expressions compiled by codegen/functions/regex/regex-program.ts over UTF-8.
 *
 * Method:  depth-first with an explicit stack, leftmost and first choice as Java. Programs without back references, look-around
 *          and the like remember which (instruction, position) has failed, so that a search is linear in the text; the others
 *          have a budget of steps, beyond which the row is an error.
 * Stack:   pairs (u32, u32): (instruction, position) to go back to, or (CAPTURE | slot, old value), (MARK | mark, old value).
 * Search:  begins where the text is that every match holds, when the program names one.
 * Captures: u32[2 · groups] byte offsets, NONE where a group did not take part.
 */
import { arenaAlloc, arenaMark, arenaRelease } from "./arena.as";
import { setError, setNull } from "./cast-status.as";
import { charLength, concat2, decodeCodePoint, indexOfBytes, makeView, sequenceLength, viewLength, viewPtr } from "./strings.as";

const HEADER: u32 = 64;
const INSTRUCTION: u32 = 12;
const NONE: u32 = 0xffffffff;
const CAPTURE: u32 = 0x80000000;
const MARK: u32 = 0x40000000;
const MAX_MARKS: u32 = 64;
const VALUE_TOO_LARGE: u32 = 4;
const STEP_BUDGET: u64 = 20000000;
const FIRST_STACK_BYTES: u32 = 16384;
const MAX_STACK_BYTES: u32 = 1 << 28;
const MAX_MEMO_BYTES: u64 = 1 << 28;

let stack: u32 = 0;
let stackTop: u32 = 0;
let stackEnd: u32 = 0;
let memo: u32 = 0;
let steps: u64 = 0;
let base: u32 = 0;
let limit: u32 = 0;
let program: u32 = 0;
let classes: u32 = 0;
let captures: u32 = 0;
let marks: u32 = 0;
let exhausted: bool = false;

function push(a: u32, b: u32): void {
  if (stackTop == stackEnd) {
    const size = stackEnd - stack;
    if (size >= MAX_STACK_BYTES) {
      exhausted = true;
      return;
    }
    const larger = <u32>arenaAlloc(size * 2);
    memory.copy(larger, stack, size);
    stack = larger;
    stackTop = larger + size;
    stackEnd = larger + size * 2;
  }
  store<u32>(stackTop, a);
  store<u32>(stackTop, b, 4);
  stackTop += 8;
}

function inClass(index: u32, c: u32): bool {
  const table = program + load<u32>(classes + (index << 2));
  if (c < 0x80) return ((load<u8>(table + 4 + (c >> 3)) >> <u8>(c & 7)) & 1) != 0;
  let low: i32 = 0;
  let high = <i32>load<u32>(table) - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = table + 20 + (<u32>middle << 3);
    if (c < load<u32>(range)) high = middle - 1;
    else if (c > load<u32>(range, 4)) low = middle + 1;
    else return true;
  }
  return false;
}

function isWordBefore(p: u32): bool {
  return p > base && isWordByte(load<u8>(p - 1));
}

function isWordByte(c: u32): bool {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || c == 0x5f || (c >= 0x61 && c <= 0x7a);
}

function holds(what: u32, p: u32): bool {
  switch (what) {
    case 0:
      return p == base;
    case 1:
      return p == limit;
    case 2:
      return p == limit || (p + 1 == limit && load<u8>(p) == 10) || (p + 2 == limit && load<u16>(p) == 0x0a0d);
    case 3:
      return p == base || (load<u8>(p - 1) == 10 && p < limit);
    case 4:
      return p == limit || load<u8>(p) == 10 || load<u8>(p) == 13;
    case 5:
      return isWordBefore(p) != (p < limit && isWordByte(load<u8>(p)));
    default:
      return isWordBefore(p) == (p < limit && isWordByte(load<u8>(p)));
  }
}

/** Runs from instruction pc at p; the end of the match, or 0. Inner programs (look-around) run within the same captures. */
function run(start: u32, at: u32, memoized: bool): u32 {
  const bottom = stackTop - stack;
  let pc = start;
  let p = at;
  const span = limit - base + 1;
  while (true) {
    const instruction = program + HEADER + pc * INSTRUCTION;
    const a = load<u32>(instruction, 4);
    let ok = true;
    switch (load<u32>(instruction)) {
      case 0:
        if (p < limit && load<u8>(p) == a) {
          p++;
          pc++;
        } else ok = false;
        break;
      case 1: {
        if (p < limit) {
          const lead = <u32>load<u8>(p);
          const c = lead < 0x80 ? lead : decodeCodePoint(p);
          if (inClass(a, c)) {
            p += sequenceLength(lead);
            pc++;
          } else ok = false;
        } else ok = false;
        break;
      }
      case 2: {
        if (memoized) {
          const bit = pc * span + (p - base);
          const byte = memo + (bit >> 3);
          const mask: u32 = (<u32>1) << (bit & 7);
          const seen = <u32>load<u8>(byte);
          if (seen & mask) {
            ok = false;
            break;
          }
          store<u8>(byte, <u8>(seen | mask));
        } else if (++steps > STEP_BUDGET) exhausted = true;
        push(load<u32>(instruction, 8), p);
        pc = a;
        break;
      }
      case 3:
        pc = a;
        break;
      case 4: {
        const slot = captures + (a << 2);
        push(CAPTURE | a, load<u32>(slot));
        store<u32>(slot, p - base);
        pc++;
        break;
      }
      case 5:
        if (holds(a, p)) pc++;
        else ok = false;
        break;
      case 6:
        return p;
      case 7: {
        const from = load<u32>(captures + (a << 3));
        const to = load<u32>(captures + (a << 3), 4);
        const n = to - from;
        if (from != NONE && to != NONE && p + n <= limit && memory.compare(p, base + from, n) == 0) {
          p += n;
          pc++;
        } else ok = false;
        break;
      }
      case 8: {
        const found = a & 2 ? lookBehind(pc + 1, p) : runInner(pc + 1, p) != 0;
        if (found != ((a & 1) != 0)) pc = load<u32>(instruction, 8);
        else ok = false;
        break;
      }
      case 9: {
        const end = runInner(pc + 1, p);
        if (end != 0) {
          p = end;
          pc = load<u32>(instruction, 8);
        } else ok = false;
        break;
      }
      case 10:
        if (load<u32>(marks + ((a % MAX_MARKS) << 2)) != p) pc++;
        else ok = false;
        break;
      default: {
        const slot = marks + ((a % MAX_MARKS) << 2);
        push(MARK | a, load<u32>(slot));
        store<u32>(slot, p);
        pc++;
      }
    }
    if (exhausted) return 0;
    if (ok) continue;
    let back = false;
    while (stackTop - stack > bottom) {
      stackTop -= 8;
      const what = load<u32>(stackTop);
      const value = load<u32>(stackTop, 4);
      if (what & CAPTURE) store<u32>(captures + ((what & ~CAPTURE) << 2), value);
      else if (what & MARK) store<u32>(marks + (((what & ~MARK) % MAX_MARKS) << 2), value);
      else {
        pc = what;
        p = value;
        back = true;
        break;
      }
    }
    if (!back) break;
  }
  return 0;
}

/** Runs an inner program and drops its choices, but keeps what restores captures when the outer one goes back. */
function runInner(pc: u32, p: u32): u32 {
  const bottom = stackTop - stack;
  const end = run(pc, p, false);
  if (end == 0) return 0;
  let to = stack + bottom;
  for (let from = to; from < stackTop; from += 8) {
    const what = load<u32>(from);
    if ((what & (CAPTURE | MARK)) == 0) continue;
    store<u32>(to, what);
    store<u32>(to, load<u32>(from, 4), 4);
    to += 8;
  }
  stackTop = to;
  return end;
}

function lookBehind(pc: u32, p: u32): bool {
  const end = limit;
  limit = p;
  let found = false;
  for (let q = p; q >= base; q--) {
    const bottom = stackTop - stack;
    if (run(pc, q, false) == p) found = true;
    stackTop = stack + bottom;
    if (found || q == base) break;
  }
  limit = end;
  return found;
}

function prepare(view: u64, code: u32): void {
  program = code;
  classes = code + load<u32>(code, 12);
  // An empty literal lies at address 0, which run() answers with where nothing matches.
  base = viewPtr(view) == 0 ? code : viewPtr(view);
  limit = base + viewLength(view);
  stack = <u32>arenaAlloc(FIRST_STACK_BYTES);
  stackTop = stack;
  stackEnd = stack + FIRST_STACK_BYTES;
  if (load<u32>(code, 8) & 4) {
    marks = <u32>arenaAlloc(MAX_MARKS * 4);
    memory.fill(marks, 0xff, MAX_MARKS * 4);
  }
  captures = <u32>arenaAlloc(load<u32>(code, 4) * 8);
  steps = 0;
  exhausted = false;
  memo = 0;
  if (load<u32>(code, 8) & 1) {
    const bits = <u64>load<u32>(code) * <u64>(limit - base + 1);
    if (bits >> 3 < MAX_MEMO_BYTES) {
      const bytes = <u32>(bits >> 3) + 1;
      memo = <u32>arenaAlloc(bytes);
      clearMemo(bytes);
    }
  }
}

/** The memo is allocated in units of 16 bytes. */
function clearMemo(bytes: u32): void {
  for (let i: u32 = 0; i < bytes; i += 16) v128.store(memo + i, i64x2.splat(0));
}

/** Where a match at or behind byte `from` can begin at the earliest; NONE when there is none. */
function earliest(view: u64, code: u32, from: u32): u32 {
  const text = load<u32>(code, 48);
  if (text == 0) return from;
  const at = <u32>indexOfBytes(view, makeView(code + text, load<u32>(code, 52)), from);
  if (at == NONE) return NONE;
  const before = load<u32>(code, 56);
  return at - from > before ? at - before : from;
}

/** The leftmost match at or behind byte `from`; true when there is one. prepare() comes first. */
function search(from: u32): bool {
  const memoized = memo != 0;
  const anchored = (load<u32>(program, 8) & 2) != 0;
  from = earliest(makeView(base, limit - base), program, from);
  if (from == NONE) return false;
  const slots = load<u32>(program, 4) * 2;
  for (let p = base + from; p <= limit; p++) {
    if (anchored && p != base) return false;
    if (p < limit) {
      const byte = <u32>load<u8>(p);
      if ((byte & 0xc0) == 0x80) continue;
      if (((load<u8>(program + 16 + (byte >> 3)) >> <u8>(byte & 7)) & 1) == 0) continue;
    } else if (load<u64>(program, 16) != u64.MAX_VALUE) return false;
    for (let i: u32 = 0; i < slots; i++) store<u32>(captures + (i << 2), NONE);
    stackTop = stack;
    if (run(0, p, memoized) != 0) return true;
    if (exhausted) {
      setError(VALUE_TOO_LARGE, makeView(base, limit - base));
      return false;
    }
  }
  return false;
}

/** A new search of the same text must not see the states of the last one. */
function forget(): void {
  if (memo != 0) clearMemo(<u32>((<u64>load<u32>(program) * <u64>(limit - base + 1)) >> 3) + 1);
}

/** True when the expression occurs in the text. */
export function regexFind(view: u64, code: u32): bool {
  if (earliest(view, code, 0) == NONE) return false;
  const mark = arenaMark();
  prepare(view, code);
  const found = search(0);
  arenaRelease(mark);
  return found;
}

/** The text of group `group` of the first match; NULL when there is none, or the group took no part or does not exist. */
export function regexExtract(view: u64, group: i32, code: u32): u64 {
  if (group < 0 || <u32>group >= load<u32>(code, 4)) {
    setNull();
    return 0;
  }
  if (earliest(view, code, 0) == NONE) {
    setNull();
    return 0;
  }
  const mark = arenaMark();
  prepare(view, code);
  const found = search(0);
  const from = load<u32>(captures + (<u32>group << 3));
  const to = load<u32>(captures + (<u32>group << 3), 4);
  arenaRelease(mark);
  if (!found || from == NONE || to == NONE) {
    setNull();
    return 0;
  }
  return makeView(base + from, to - from);
}

/** How many matches there are, one behind the other. */
export function regexCount(view: u64, code: u32): i32 {
  const mark = arenaMark();
  prepare(view, code);
  let count = 0;
  for (let from: u32 = 0; from <= limit - base && search(from); ) {
    count++;
    from = nextStart();
    forget();
  }
  arenaRelease(mark);
  return count;
}

/** Group `group` of every match as an ARRAY of texts; NULL when there is no such group. */
export function regexExtractAll(view: u64, group: i32, code: u32): u64 {
  if (group < 0 || <u32>group >= load<u32>(code, 4)) {
    setNull();
    return 0;
  }
  prepare(view, code);
  let count: u32 = 0;
  let capacity: u32 = 16;
  let list = <u32>arenaAlloc(capacity * 8);
  let bytes: u32 = 0;
  for (let from: u32 = 0; from <= limit - base && search(from); ) {
    if (count == capacity) {
      const larger = <u32>arenaAlloc(capacity * 16);
      memory.copy(larger, list, capacity * 8);
      list = larger;
      capacity *= 2;
    }
    const start = load<u32>(captures + (<u32>group << 3));
    const end = load<u32>(captures + (<u32>group << 3), 4);
    const taken = start != NONE && end != NONE;
    store<u32>(list + count * 8, taken ? start : NONE);
    store<u32>(list + count * 8, taken ? end - start : 0, 4);
    if (taken) bytes += end - start;
    count++;
    from = nextStart();
    forget();
  }
  const out = <u32>arenaAlloc(4 + count * 5 + bytes);
  store<u32>(out, count);
  let to = out + 4 + count * 5;
  for (let i: u32 = 0; i < count; i++) {
    const start = load<u32>(list + i * 8);
    const length = load<u32>(list + i * 8, 4);
    store<u8>(out + 4 + i, start == NONE ? 0 : 1);
    store<u32>(out + 4 + count + i * 4, length);
    if (start != NONE) memory.copy(to, base + start, length);
    to += length;
  }
  return makeView(out, to - out);
}

/** Where to go on behind a match: an empty one moves by a character. */
function nextStart(): u32 {
  const from = load<u32>(captures);
  const to = load<u32>(captures, 4);
  if (to > from) return to;
  return base + to < limit ? to + sequenceLength(load<u8>(base + to)) : to + 1;
}

/** Place of the first match, from 1 in characters; 0 when there is none. */
export function regexInstr(view: u64, code: u32): i32 {
  const mark = arenaMark();
  prepare(view, code);
  const found = search(0);
  const from = load<u32>(captures);
  arenaRelease(mark);
  return found ? charLength(makeView(viewPtr(view), from)) + 1 : 0;
}

/**
 * Replaces every match. The replacement is a list of pieces, compiled: u32 count, then (u32 group or NONE, u32 offset,
 * u32 length) each, offsets from the list's start.
 */
export function regexReplace(view: u64, code: u32, pieces: u32): u64 {
  prepare(view, code);
  let out: u64 = 0;
  let done: u32 = 0;
  let any = false;
  for (let from: u32 = 0; from <= limit - base && search(from); ) {
    any = true;
    const start = load<u32>(captures);
    out = concat2(out, makeView(base + done, start - done));
    const count = load<u32>(pieces);
    for (let i: u32 = 0; i < count; i++) {
      const piece = pieces + 4 + i * 12;
      const group = load<u32>(piece);
      if (group == NONE) {
        out = concat2(out, makeView(pieces + load<u32>(piece, 4), load<u32>(piece, 8)));
        continue;
      }
      const groupFrom = load<u32>(captures + (group << 3));
      const groupTo = load<u32>(captures + (group << 3), 4);
      if (groupFrom != NONE && groupTo != NONE) {
        out = concat2(out, makeView(base + groupFrom, groupTo - groupFrom));
      }
    }
    done = load<u32>(captures, 4);
    from = nextStart();
    forget();
  }
  return any ? concat2(out, makeView(base + done, limit - base - done)) : view;
}
