/**
 * Hashes of 64 bits: of bytes, of fixed keys and of views; one by one and for a batch.
 *
 * Flow:    generated code → here → exchange (key group = top bits) and keyed maps (upper half is
 *          kept in the entry).
 * Stable:  hashes are part of the snapshot format ("hash": 1 in its manifest): a change needs a new
 *          number there.
 * Source:  hashBytes is XXH64 with seed 0 (specification: xxHash, doc/xxhash_spec.md). hash64 is
 *          the finalizer of MurmurHash3 over x + P4: two multiplications, every input bit reaches
 *          the top bits.
 */
const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;
const P3: u64 = 0x165667b19e3779f9;
const P4: u64 = 0x85ebca77c2b2ae63;
const P5: u64 = 0x27d4eb2f165667c5;

/** Hash of one 8-byte key. */
export function hash64(x: u64): u64 {
  return mix(x);
}

@inline
function mix(x: u64): u64 {
  let h = x + P4;
  h = (h ^ (h >>> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >>> 33)) * 0xc4ceb9fe1a85ec53;
  return h ^ (h >>> 33);
}

@inline
function avalanche(x: u64): u64 {
  let h = (x ^ (x >>> 33)) * P2;
  h = (h ^ (h >>> 29)) * P3;
  return h ^ (h >>> 32);
}

@inline
function round(accumulator: u64, lane: u64): u64 {
  return rotl<u64>(accumulator + lane * P2, 31) * P1;
}

@inline
function merge(accumulator: u64, lane: u64): u64 {
  return (accumulator ^ round(0, lane)) * P1 + P4;
}

/** XXH64 of `length` bytes at `address`, seed 0. */
export function hashBytes(address: usize, length: u32): u64 {
  let at = address;
  const end = address + length;
  let h: u64;
  if (length >= 32) {
    let a: u64 = P1 + P2;
    let b: u64 = P2;
    let c: u64 = 0;
    let d: u64 = 0 - P1;
    const last = end - 32;
    do {
      a = round(a, load<u64>(at));
      b = round(b, load<u64>(at, 8));
      c = round(c, load<u64>(at, 16));
      d = round(d, load<u64>(at, 24));
      at += 32;
    } while (at <= last);
    h = mergeLanes(a, b, c, d);
  } else {
    h = P5;
  }
  return length < 8 ? finish(h + <u64>length, at, end) : finishLong(h + <u64>length, at, end);
}

/** finish where at least 8 bytes end: the last ones come as one word and take no branches, which differ from text to text. */
@inline
function finishLong(h: u64, at: usize, end: usize): u64 {
  for (; end - at >= 8; at += 8) h = rotl<u64>(h ^ round(0, load<u64>(at)), 27) * P1 + P4;
  const rest = <u32>(end - at);
  let tail = load<u64>(end - 8) >> <u64>((8 - rest) << 3);
  const half = (rest & 4) != 0;
  h = select<u64>(rotl<u64>(h ^ ((tail & 0xffffffff) * P1), 23) * P2 + P3, h, half);
  tail = select<u64>(tail >> 32, tail, half);
  const bytes = rest & 3;
  h = select<u64>(rotl<u64>(h ^ ((tail & 255) * P5), 11) * P1, h, bytes > 0);
  h = select<u64>(rotl<u64>(h ^ (((tail >> 8) & 255) * P5), 11) * P1, h, bytes > 1);
  h = select<u64>(rotl<u64>(h ^ (((tail >> 16) & 255) * P5), 11) * P1, h, bytes > 2);
  return avalanche(h);
}

@inline
function mergeLanes(a: u64, b: u64, c: u64, d: u64): u64 {
  const h = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
  return merge(merge(merge(merge(h, a), b), c), d);
}

/** The last, less than 32, bytes. */
@inline
function finish(h: u64, at: usize, end: usize): u64 {
  while (end - at >= 8) {
    h = rotl<u64>(h ^ round(0, load<u64>(at)), 27) * P1 + P4;
    at += 8;
  }
  if (end - at >= 4) {
    h = rotl<u64>(h ^ (<u64>load<u32>(at) * P1), 23) * P2 + P3;
    at += 4;
  }
  while (at < end) {
    h = rotl<u64>(h ^ (<u64>load<u8>(at) * P5), 11) * P1;
    at++;
  }
  return avalanche(h);
}

/**
 * A stream of bytes that is hashed piece by piece, as hashBytes would hash the whole. Layout: u64[4]
 * lanes, u64 length, u64 bytes that wait, then these bytes (less than 32).
 */
const STREAM_LENGTH: usize = 32;
const STREAM_FILL: usize = 40;
const STREAM_WAITING: usize = 48;

/** stream: 80 bytes of the caller's. */
export function hashStreamBegin(stream: usize): void {
  store<u64>(stream, P1 + P2);
  store<u64>(stream, P2, 8);
  store<u64>(stream, 0, 16);
  store<u64>(stream, 0 - P1, 24);
  store<u64>(stream, 0, STREAM_LENGTH);
  store<u64>(stream, 0, STREAM_FILL);
}

export function hashStreamAdd(stream: usize, address: usize, length: u32): void {
  store<u64>(stream, load<u64>(stream, STREAM_LENGTH) + <u64>length, STREAM_LENGTH);
  const fill = <u32>load<u64>(stream, STREAM_FILL);
  const waiting = stream + STREAM_WAITING;
  const end = address + length;
  if (fill != 0) {
    const taken = min<u32>(32 - fill, length);
    memory.copy(waiting + fill, address, taken);
    address += taken;
    if (fill + taken == 32) addBlocks(stream, waiting, waiting + 32);
    store<u64>(stream, fill + taken == 32 ? 0 : <u64>(fill + taken), STREAM_FILL);
    if (fill + taken < 32) return;
  }
  const whole = address + ((end - address) & ~31);
  addBlocks(stream, address, whole);
  memory.copy(waiting, whole, end - whole);
  store<u64>(stream, <u64>(end - whole), STREAM_FILL);
}

function addBlocks(stream: usize, at: usize, end: usize): void {
  let a = load<u64>(stream);
  let b = load<u64>(stream, 8);
  let c = load<u64>(stream, 16);
  let d = load<u64>(stream, 24);
  for (; at < end; at += 32) {
    a = round(a, load<u64>(at));
    b = round(b, load<u64>(at, 8));
    c = round(c, load<u64>(at, 16));
    d = round(d, load<u64>(at, 24));
  }
  store<u64>(stream, a);
  store<u64>(stream, b, 8);
  store<u64>(stream, c, 16);
  store<u64>(stream, d, 24);
}

/** The hash of all that was added; the stream must be begun again before more is. */
export function hashStreamEnd(stream: usize): u64 {
  const length = load<u64>(stream, STREAM_LENGTH);
  const h =
    length < 32
      ? P5
      : mergeLanes(
          load<u64>(stream),
          load<u64>(stream, 8),
          load<u64>(stream, 16),
          load<u64>(stream, 24),
        );
  const waiting = stream + STREAM_WAITING;
  return finish(h + length, waiting, waiting + <usize>load<u64>(stream, STREAM_FILL));
}

@inline
function hashPair(low: u64, high: u64): u64 {
  return mix(mix(low) ^ (high * P1));
}

/**
 * Hash of a fixed key of `keyBytes` bytes (a multiple of 8): what hashFixedBatch computes for each
 * row.
 */
export function hashFixed(key: usize, keyBytes: u32): u64 {
  if (keyBytes == 8) return mix(load<u64>(key));
  if (keyBytes == 16) return hashPair(load<u64>(key), load<u64>(key, 8));
  return hashBytes(key, keyBytes);
}

/** keys: n · keyBytes bytes, keyBytes a multiple of 8. hashes: u64[n]. */
export function hashFixedBatch(n: u32, keys: usize, keyBytes: u32, hashes: usize): void {
  const end = hashes + (n << 3);
  if (keyBytes == 8) {
    for (let out = hashes; out < end; out += 8, keys += 8) store<u64>(out, mix(load<u64>(keys)));
  } else if (keyBytes == 16) {
    // The first word of a key that may be NULL is 0 unless it is.
    const zero = mix(0);
    for (let out = hashes; out < end; out += 8, keys += 16) {
      const low = load<u64>(keys);
      store<u64>(out, mix((low == 0 ? zero : mix(low)) ^ (load<u64>(keys, 8) * P1)));
    }
  } else {
    for (let out = hashes; out < end; out += 8, keys += keyBytes) {
      store<u64>(out, hashBytes(keys, keyBytes));
    }
  }
}

/**
 * hashes[i] := a hash of hashes[i]. For tables over all keys of one subtask: their hashes share the
 * bits that lead a row to the subtask, and would fill a part of such a table only.
 */
export function hashAgainBatch(n: u32, hashes: usize): void {
  const end = hashes + (n << 3);
  for (let at = hashes; at < end; at += 8) store<u64>(at, mix(load<u64>(at)));
}

/** views: u64[n], address in the low half, length in the high half. hashes: u64[n]. */
export function hashViewBatch(n: u32, views: usize, hashes: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const view = views + (i << 3);
    store<u64>(hashes + (i << 3), hashBytes(<usize>load<u32>(view), load<u32>(view, 4)));
  }
}
