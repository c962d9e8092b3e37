/**
 * Reads every byte of a batch into one word, for the blackhole connector.
 *
 * widths: one byte per physical column: bytes per value, 0 for rows (validity only), 255 for views.
 * Sum:    eight bytes at a time, xor and multiply; up to four lanes, so that the multiplications overlap.
 */
const VIEW: u32 = 255;
const FACTOR: u64 = 0x9e3779b97f4a7c15;

/** At 16 − n begin 16 bytes of which the first n are ones. */
// prettier-ignore
const MASKS: usize = memory.data<u8>([
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

function mix(p: usize, length: usize, sum: u64): u64 {
  if (length <= 16 && <u64>p + 16 <= (<u64>memory.size()) << 16) {
    const bytes = v128.and(v128.load(p), v128.load(MASKS + 16 - length));
    const low = (<u64>length ^ i64x2.extract_lane(bytes, 0)) * FACTOR;
    const high = (FACTOR ^ i64x2.extract_lane(bytes, 1)) * FACTOR;
    return rotl((sum ^ low ^ rotl(high, 29)) * FACTOR, 29);
  }
  if (length < 8) {
    let word: u64 = <u64>length;
    for (let i: usize = 0; i < length; i++) word = (word << 8) | <u64>load<u8>(p + i);
    return rotl((sum ^ word) * FACTOR, 29);
  }
  // The lanes start without the sum, so that values do not wait for each other.
  let a = <u64>length;
  let b = FACTOR;
  const end = p + length;
  if (length >= 64) {
    let c = a ^ FACTOR;
    let d = ~FACTOR;
    do {
      a = (a ^ load<u64>(p)) * FACTOR;
      b = (b ^ load<u64>(p, 8)) * FACTOR;
      c = (c ^ load<u64>(p, 16)) * FACTOR;
      d = (d ^ load<u64>(p, 24)) * FACTOR;
      p += 32;
    } while (p + 32 <= end);
    a ^= rotl(c, 17);
    b ^= rotl(d, 17);
  }
  while (p + 16 <= end) {
    a = (a ^ load<u64>(p)) * FACTOR;
    b = (b ^ load<u64>(p, 8)) * FACTOR;
    p += 16;
  }
  // The last eight bytes may be read twice.
  if (p + 8 < end) a = (a ^ load<u64>(p)) * FACTOR;
  if (p < end) b = (b ^ load<u64>(end - 8)) * FACTOR;
  return rotl((sum ^ a ^ rotl(b, 29)) * FACTOR, 29);
}

export function blackholeChecksum(batch: usize, widths: usize, sum: u64): u64 {
  const rows = <usize>load<u32>(batch);
  const kinds = <usize>load<u32>(batch, 4);
  const columns = load<u32>(batch, 8);
  if (kinds != 0) sum = mix(kinds, rows, sum);
  for (let i: u32 = 0; i < columns; i++) {
    const validity = <usize>load<u32>(batch + 16 + i * 8);
    const values = <usize>load<u32>(batch + 16 + i * 8, 4);
    const width: u32 = load<u8>(widths + i);
    if (validity != 0) sum = mix(validity, rows, sum);
    if (width == VIEW) {
      for (let row: usize = 0; row < rows; row++) {
        if (validity != 0 && load<u8>(validity + row) == 0) continue;
        sum = mix(load<u32>(values + (row << 3)), load<u32>(values + (row << 3), 4), sum);
      }
    } else if (width != 0) {
      if (validity == 0) sum = mix(values, rows * width, sum);
      else {
        for (let row: usize = 0; row < rows; row++) {
          if (load<u8>(validity + row) != 0) sum = mix(values + row * width, width, sum);
        }
      }
    }
  }
  return sum;
}
