/**
 * Copies of short texts and rows: memory.copy leaves WebAssembly for every call, which costs more than moving some hundred
 * bytes does. Nothing is read or written beyond the bytes; source and target must not overlap.
 */
const LONG: u32 = 512;

export function copyBytes(to: usize, from: usize, length: u32): void {
  if (length >= 16) {
    if (length > LONG) {
      memory.copy(to, from, length);
      return;
    }
    // The last 16 bytes may be copied twice.
    const last = length - 16;
    for (let at: u32 = 0; at < last; at += 16) v128.store(to + at, v128.load(from + at));
    v128.store(to + last, v128.load(from + last));
  } else if (length >= 8) {
    const last = length - 8;
    store<u64>(to, load<u64>(from));
    store<u64>(to + last, load<u64>(from + last));
  } else if (length >= 4) {
    const last = length - 4;
    store<u32>(to, load<u32>(from));
    store<u32>(to + last, load<u32>(from + last));
  } else if (length != 0) {
    store<u8>(to, load<u8>(from));
    store<u8>(to + (length >>> 1), load<u8>(from + (length >>> 1)));
    store<u8>(to + length - 1, load<u8>(from + length - 1));
  }
}
