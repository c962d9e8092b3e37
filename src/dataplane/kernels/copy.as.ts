/**
 * Copies and comparisons of short texts and rows: memory.copy leaves WebAssembly for every call, which costs more than
 * moving some hundred bytes does. Nothing is read or written beyond the bytes; what is copied must not overlap.
 */
const LONG: u32 = 512;

// @ts-ignore: decorator
@inline
function piece(to: usize, from: usize, at: u32): void {
  v128.store(to + at, v128.load(from + at));
}

export function copyBytes(to: usize, from: usize, length: u32): void {
  if (length >= 16) {
    if (length > LONG) {
      memory.copy(to, from, length);
      return;
    }
    const last = length - 16;
    if (length <= 128) {
      // Without loops, whose ends would be foretold wrongly: some bytes are copied twice instead.
      piece(to, from, 0);
      piece(to, from, min<u32>(16, last));
      if (length > 32) {
        piece(to, from, min<u32>(32, last));
        if (length > 64) {
          piece(to, from, 48);
          piece(to, from, min<u32>(64, last));
          piece(to, from, min<u32>(80, last));
          piece(to, from, min<u32>(96, last));
        }
        piece(to, from, last);
      }
      return;
    }
    // The last 16 bytes may be copied twice.
    for (let at: u32 = 0; at < last; at += 16) v128.store(to + at, v128.load(from + at));
    v128.store(to + last, v128.load(from + last));
  } else if (length >= 4) {
    const last = length - 4;
    const second = min<u32>(4, last);
    const third = min<u32>(8, last);
    store<u32>(to, load<u32>(from));
    store<u32>(to + second, load<u32>(from + second));
    store<u32>(to + third, load<u32>(from + third));
    store<u32>(to + last, load<u32>(from + last));
  } else if (length != 0) {
    store<u8>(to, load<u8>(from));
    store<u8>(to + (length >>> 1), load<u8>(from + (length >>> 1)));
    store<u8>(to + length - 1, load<u8>(from + length - 1));
  }
}

// @ts-ignore: decorator
@inline
function difference(a: usize, b: usize, at: u32): v128 {
  return v128.xor(v128.load(a + at), v128.load(b + at));
}

/** Whether two ranges of the same length hold the same bytes. */
export function equalBytes(a: usize, b: usize, length: u32): bool {
  if (length >= 16) {
    const last = length - 16;
    if (length <= 64) {
      const differs = v128.or(
        v128.or(difference(a, b, 0), difference(a, b, min<u32>(16, last))),
        v128.or(difference(a, b, min<u32>(32, last)), difference(a, b, last)),
      );
      return !v128.any_true(differs);
    }
    for (let at: u32 = 0; at < last; at += 16) {
      if (v128.any_true(v128.xor(v128.load(a + at), v128.load(b + at)))) return false;
    }
    return !v128.any_true(v128.xor(v128.load(a + last), v128.load(b + last)));
  }
  if (length >= 8) {
    const last = length - 8;
    return ((load<u64>(a) ^ load<u64>(b)) | (load<u64>(a + last) ^ load<u64>(b + last))) == 0;
  }
  if (length >= 4) {
    const last = length - 4;
    return ((load<u32>(a) ^ load<u32>(b)) | (load<u32>(a + last) ^ load<u32>(b + last))) == 0;
  }
  for (let at: u32 = 0; at < length; at++) {
    if (load<u8>(a + at) != load<u8>(b + at)) return false;
  }
  return true;
}

/** Order of two ranges of the same length by their bytes: < 0, 0, > 0. */
export function compareBytes(a: usize, b: usize, length: u32): i32 {
  if (length < 8) {
    for (let at: u32 = 0; at < length; at++) {
      const order = <i32>load<u8>(a + at) - <i32>load<u8>(b + at);
      if (order != 0) return order;
    }
    return 0;
  }
  const last = length - 8;
  let at: u32 = 0;
  while (at < last && load<u64>(a + at) == load<u64>(b + at)) at += 8;
  at = min<u32>(at, last);
  const x = bswap<u64>(load<u64>(a + at));
  const y = bswap<u64>(load<u64>(b + at));
  return x < y ? -1 : x > y ? 1 : 0;
}

let warmth: u32 = 0;

/**
 * Reads a byte of every 64 of short texts ahead of their copying: the misses of rows that are far apart overlap, which they do
 * not between the branches of copyBytes. Views of rows [from, to) at `values`; `validity` 0 = no NULLs.
 */
export function warmViews(values: usize, validity: usize, from: u32, to: u32): void {
  warmRows(values, validity, 0, from, to);
}

/** The same of the rows listed at `rows`; 0 = all in order. */
// @ts-ignore: decorator
@inline
export function warmRows(values: usize, validity: usize, rows: usize, from: u32, to: u32): void {
  let sum: u32 = 0;
  for (let i = from; i < to; i++) {
    const row = rows == 0 ? i : load<u32>(rows + (i << 2));
    const view = load<u64>(values + (row << 3));
    const length = <u32>(view >>> 32);
    const used = length != 0 && (validity == 0 || load<u8>(validity + row) != 0);
    const at: usize = used ? <usize>(<u32>view) : 0;
    const last: u32 = used ? length - 1 : 0;
    sum += <u32>load<u8>(at) + <u32>load<u8>(at + min<u32>(64, last)) + <u32>load<u8>(at + last);
  }
  warmth = sum;
}
