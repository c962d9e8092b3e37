/**
 * Exchange: which subtask a row goes to, and batches as blocks that are copied with one memcpy.
 *
 * Flow:    hashes of the key columns → partitionRows → wireBytes, wireEncode for each target → ring
 *          → wireDecode.
 * Rule:    key group = (upper half of the hash · maxParallelism) >> 32; subtask = key group ·
 *          parallelism / maxParallelism.
 * Block:   a batch (columnar/batch.ts) whose addresses are offsets from its begin, all parts
 *          16-byte aligned:
 *            batch header and column descriptors, `reserved` = bytes of the block
 *            u8[columns]  physical kinds (PHYSICAL_CODE of columnar/batch.ts)
 *            kinds, then per column validity and values; bytes of views behind their column
 *          Absent kinds stay absent; a validity without NULLs becomes absent. Values under validity
 *          0 are zero. wireDecode turns offsets into addresses in place: no copy, and nothing is
 *          allocated.
 * Limits:  a block has less than 2 GiB: FAILURE_LENGTH traps.
 */
import { arenaAlloc } from "./arena.as";
import { copyBytes, warmRows } from "./copy.as";
import { FAILURE_LENGTH, fail } from "./memory.as";

const HEADER: u32 = 16;
const COLUMN: u32 = 8;
const RESERVED: usize = 12;
const VIEW: u8 = 9;
const ROW: u8 = 10;
/** Texts of so many rows are read ahead of their copying: within the first-level cache. */
const WARM_ROWS: u32 = 128;

/**
 * Bytes per value by physical kind: bool i8 i16 i32 i64 f32 f64 i128 ts128 view row, as a power of
 * two.
 */
@inline
function shiftOf(kind: u8): u32 {
  switch (kind) {
    case 0:
    case 1:
      return 0;
    case 2:
      return 1;
    case 3:
    case 5:
      return 2;
    case 7:
    case 8:
      return 4;
    default:
      return 3;
  }
}

@inline
function aligned(bytes: u32): u32 {
  return (bytes + 15) & ~15;
}

/**
 * Sorts row numbers by target subtask, stable: rows u32[n]; target t has rows[offsets[t] …
 * offsets[t + 1]). offsets: u32[parallelism + 1]. hashes: u64[n].
 */
export function partitionRows(
  n: u32,
  hashes: usize,
  maxParallelism: u32,
  parallelism: u32,
  offsets: usize,
  rows: usize,
): void {
  if (parallelism == 2) {
    halveRows(n, hashes, (maxParallelism + 1) >>> 1, maxParallelism, offsets, rows);
    return;
  }
  memory.fill(offsets, 0, (parallelism + 1) << 2);
  const targets = arenaAlloc(n << 1);
  for (let i: u32 = 0; i < n; i++) {
    const keyGroup = keyGroupOf(hashes + (i << 3), maxParallelism);
    const target = (keyGroup * parallelism) / maxParallelism;
    store<u16>(targets + (i << 1), <u16>target);
    const at = offsets + (target << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let sum: u32 = 0;
  for (let t: u32 = 0; t < parallelism; t++) {
    const at = offsets + (t << 2);
    const count = load<u32>(at);
    store<u32>(at, sum);
    sum += count;
  }
  for (let i: u32 = 0; i < n; i++) {
    const at = offsets + (<u32>load<u16>(targets + (i << 1)) << 2);
    const next = load<u32>(at);
    store<u32>(rows + (next << 2), i);
    store<u32>(at, next + 1);
  }
  // Each offset now is the next one's begin.
  for (let t = parallelism; t > 0; t--) {
    store<u32>(offsets + (t << 2), load<u32>(offsets + ((t - 1) << 2)));
  }
  store<u32>(offsets, 0);
}

/** Two targets, without branch: both lists are written, and one of them grows. */
function halveRows(
  n: u32,
  hashes: usize,
  firstOfSecond: u32,
  maxParallelism: u32,
  offsets: usize,
  rows: usize,
): void {
  const others = arenaAlloc(n << 2);
  let low: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(rows + (low << 2), i);
    store<u32>(others + ((i - low) << 2), i);
    low += <u32>(keyGroupOf(hashes + (i << 3), maxParallelism) < firstOfSecond);
  }
  memory.copy(rows + (low << 2), others, (n - low) << 2);
  store<u32>(offsets, 0);
  store<u32>(offsets, low, 4);
  store<u32>(offsets, n, 8);
}

@inline
function keyGroupOf(hash: usize, maxParallelism: u32): u32 {
  return <u32>((<u64>load<u32>(hash, 4) * <u64>maxParallelism) >>> 32);
}

/**
 * Bytes of the block for n rows of a batch; rows u32[n], 0 = the first n. physical: u8[columns].
 */
export function wireBytes(batch: usize, physical: usize, rows: usize, n: u32): u32 {
  const columns = load<u32>(batch, 8);
  let bytes: u64 = aligned(HEADER + columns * COLUMN) + aligned(columns);
  if (load<u32>(batch, 4) != 0) bytes += aligned(n);
  for (let c: u32 = 0; c < columns; c++) {
    const column = batch + HEADER + c * COLUMN;
    const kind = load<u8>(physical + c);
    const validity = <usize>load<u32>(column);
    if (validity != 0) bytes += aligned(n);
    if (kind == ROW) continue;
    bytes += aligned(n << shiftOf(kind));
    if (kind == VIEW) bytes += viewBytes(load<u32>(column, 4), validity, rows, n);
  }
  if (bytes >= 0x80000000) fail(FAILURE_LENGTH);
  return <u32>bytes;
}

function viewBytes(values: usize, validity: usize, rows: usize, n: u32): u64 {
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const row = rows == 0 ? i : load<u32>(rows + (i << 2));
    if (validity == 0 || load<u8>(validity + row) != 0) bytes += load<u32>(values + (row << 3), 4);
  }
  return (bytes + 15) & ~15;
}

/** Writes the block to target (16-byte aligned, wireBytes long); returns its bytes. */
export function wireEncode(
  batch: usize,
  physical: usize,
  rows: usize,
  n: u32,
  target: usize,
): u32 {
  const columns = load<u32>(batch, 8);
  const descriptors = aligned(HEADER + columns * COLUMN);
  store<u32>(target, n);
  store<u32>(target, 0, 4);
  store<u32>(target, columns, 8);
  memory.copy(target + descriptors, physical, columns);
  let at = descriptors + aligned(columns);
  const kinds = <usize>load<u32>(batch, 4);
  if (kinds != 0) {
    gather(kinds, 0, rows, n, target + at);
    store<u32>(target, at, 4);
    at += aligned(n);
  }
  for (let c: u32 = 0; c < columns; c++) {
    const column = batch + HEADER + c * COLUMN;
    const out = target + HEADER + c * COLUMN;
    const kind = load<u8>(physical + c);
    const validity = <usize>load<u32>(column);
    store<u64>(out, 0);
    let hasNulls = false;
    if (validity != 0) {
      hasNulls = gatherValidity(validity, rows, n, target + at);
      if (hasNulls) {
        store<u32>(out, at);
        at += aligned(n);
      }
    }
    if (kind == ROW) continue;
    const values = <usize>load<u32>(column, 4);
    store<u32>(out, at, 4);
    if (kind == VIEW) {
      at = gatherViews(values, hasNulls ? validity : 0, rows, n, target, at);
    } else {
      const shift = shiftOf(kind);
      gather(values, shift, rows, n, target + at);
      if (hasNulls) clearNulls(target + load<u32>(out), shift, n, target + at);
      at += aligned(n << shift);
    }
  }
  store<u32>(target, at, RESERVED);
  return at;
}

/** Makes a block at its final place (16-byte aligned) a batch; returns its address. */
export function wireDecode(address: usize): usize {
  const n = load<u32>(address);
  const columns = load<u32>(address, 8);
  const physical = address + aligned(HEADER + columns * COLUMN);
  store<u32>(address, 0, RESERVED);
  relocate(address + 4, address);
  for (let c: u32 = 0; c < columns; c++) {
    const column = address + HEADER + c * COLUMN;
    relocate(column, address);
    relocate(column + 4, address);
    if (load<u8>(physical + c) != VIEW) continue;
    let view = <usize>load<u32>(column, 4);
    for (const end = view + (n << 3); view < end; view += 8) {
      store<u32>(view, load<u32>(view) + <u32>address);
    }
  }
  return address;
}

@inline
function relocate(field: usize, address: usize): void {
  const offset = load<u32>(field);
  if (offset != 0) store<u32>(field, offset + <u32>address);
}

function gather(values: usize, shift: u32, rows: usize, n: u32, target: usize): void {
  if (rows == 0) {
    memory.copy(target, values, n << shift);
    return;
  }
  const end = rows + (n << 2);
  if (shift == 3) {
    for (; rows < end; rows += 4, target += 8) {
      store<u64>(target, load<u64>(values + (load<u32>(rows) << 3)));
    }
  } else if (shift == 2) {
    for (; rows < end; rows += 4, target += 4) {
      store<u32>(target, load<u32>(values + (load<u32>(rows) << 2)));
    }
  } else if (shift == 4) {
    for (; rows < end; rows += 4, target += 16) {
      v128.store(target, v128.load(values + (load<u32>(rows) << 4)));
    }
  } else if (shift == 0) {
    for (; rows < end; rows += 4, target++) store<u8>(target, load<u8>(values + load<u32>(rows)));
  } else {
    for (; rows < end; rows += 4, target += 2) {
      store<u16>(target, load<u16>(values + (load<u32>(rows) << 1)));
    }
  }
}

/** True when there is a NULL among the rows. */
function gatherValidity(validity: usize, rows: usize, n: u32, target: usize): bool {
  let all: u32 = 1;
  for (let i: u32 = 0; i < n; i++) {
    const valid = load<u8>(validity + (rows == 0 ? i : load<u32>(rows + (i << 2))));
    store<u8>(target + i, valid);
    all &= valid;
  }
  return all == 0;
}

/** Values under NULL are unspecified: as zeros they do not carry what lay in memory elsewhere. */
function clearNulls(validity: usize, shift: u32, n: u32, target: usize): void {
  const width = <usize>1 << shift;
  for (let i: u32 = 0; i < n; i++) {
    if (load<u8>(validity + i) == 0) memory.fill(target + (<usize>i << shift), 0, width);
  }
}

/** Views at `at`, their bytes behind them; returns the offset after both. */
function gatherViews(
  values: usize,
  validity: usize,
  rows: usize,
  n: u32,
  target: usize,
  at: u32,
): u32 {
  let bytesAt = at + aligned(n << 3);
  for (let i: u32 = 0; i < n; i++) {
    if ((i & (WARM_ROWS - 1)) == 0) warmRows(values, validity, rows, i, min<u32>(i + WARM_ROWS, n));
    const row = rows == 0 ? i : load<u32>(rows + (i << 2));
    const out = target + at + (i << 3);
    if (validity != 0 && load<u8>(validity + row) == 0) {
      store<u64>(out, 0);
      continue;
    }
    const view = values + (row << 3);
    const length = load<u32>(view, 4);
    store<u32>(out, bytesAt);
    store<u32>(out, length, 4);
    copyBytes(target + bytesAt, <usize>load<u32>(view), length);
    bytesAt += length;
  }
  return aligned(bytesAt);
}
