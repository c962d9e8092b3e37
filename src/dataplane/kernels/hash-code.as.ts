/**
 * HASH_CODE of a text: Java's String.hashCode(), over the UTF-16 units of what is kept as UTF-8.
 *
 * Flow:    codegen/functions/format-functions.ts → here, once per row. Bytes that are no UTF-8 count as U+FFFD, one each.
 */

// @ts-ignore: decorator
@inline
function add(hash: u32, unit: u32): u32 {
  return hash * 31 + unit;
}

export function textHashCode(view: u64): i32 {
  let at = <usize>(view & 0xffffffff);
  const end = at + <usize>(view >> 32);
  let hash: u32 = 0;
  while (at < end) {
    const first = <u32>load<u8>(at);
    if (first < 0x80) {
      hash = add(hash, first);
      at++;
      continue;
    }
    const size: u32 = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || at + size > end) {
      hash = add(hash, 0xfffd);
      at++;
      continue;
    }
    let point = first & (0xff >> (size + 1));
    for (let i: u32 = 1; i < size; i++) point = (point << 6) | (<u32>load<u8>(at + i) & 0x3f);
    if (point < 0x10000) hash = add(hash, point);
    else {
      hash = add(hash, 0xd800 + ((point - 0x10000) >> 10));
      hash = add(hash, 0xdc00 + ((point - 0x10000) & 0x3ff));
    }
    at += size;
  }
  return <i32>hash;
}
