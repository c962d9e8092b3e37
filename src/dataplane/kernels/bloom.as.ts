/**
 * Bloom filter over hashes of keys: what a runtime filter knows of a join's build side.
 *
 * Flow:    operators/runtime-filter: bloomAdd (build rows) → bloomMerge (filters of subtasks) → bloomTest (probe rows).
 * Layout:  u64 words, a power of two of them. A hash has one word (bits 32 on) and three bits in it (bits 0…17): one load a row.
 * Errors:  none: a filter has no false negatives, whatever its size; with 8 bits a key about 5 of 100 others pass.
 */

@inline
function bitsOf(hash: u64): u64 {
  return (
    ((<u64>1) << (hash & 63)) | ((<u64>1) << ((hash >>> 6) & 63)) | ((<u64>1) << ((hash >>> 12) & 63))
  );
}

@inline
function wordOf(filter: usize, mask: u32, hash: u64): usize {
  return filter + (<usize>(<u32>(hash >>> 32) & mask) << 3);
}

/** `words`: a power of two; hashes: u64[n]. */
export function bloomAdd(filter: usize, words: u32, n: u32, hashes: usize): void {
  const mask = words - 1;
  for (let i: u32 = 0; i < n; i++) {
    const hash = load<u64>(hashes + (<usize>i << 3));
    const word = wordOf(filter, mask, hash);
    store<u64>(word, load<u64>(word) | bitsOf(hash));
  }
}

/** out u8[n]: 0 = the key was never added. */
export function bloomTest(filter: usize, words: u32, n: u32, hashes: usize, out: usize): void {
  const mask = words - 1;
  for (let i: u32 = 0; i < n; i++) {
    const hash = load<u64>(hashes + (<usize>i << 3));
    const bits = bitsOf(hash);
    store<u8>(out + i, (load<u64>(wordOf(filter, mask, hash)) & bits) == bits ? 1 : 0);
  }
}

/** Adds what another filter of the same size holds. */
export function bloomMerge(filter: usize, words: u32, other: usize): void {
  for (let i: u32 = 0; i < words; i++) {
    const at = <usize>i << 3;
    store<u64>(filter + at, load<u64>(filter + at) | load<u64>(other + at));
  }
}
