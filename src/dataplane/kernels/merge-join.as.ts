/**
 * Sort-merge join of bounded inputs: pairs of records with equal keys out of two sorted lists of records (row-sort.as.ts).
 *
 * Flow:    operators/sort-merge-join: a piece of each side → mergePairs … (pairs, 4,096 at a time) → condition, generated →
 *          hashPairsFilter → mergeMarkPairs → rows of the pairs to columns. Without a condition, where pairs are not wanted:
 *          mergeMark. mergeBitRows lists what was never matched.
 * Call:    one struct of 64 bytes. Pairs lie where hash-join.as.ts has them: indexes into the two lists, u32 each.
 */
import { arenaAlloc } from "./arena.as";
import { rowOfRecord } from "./hash-join.as";
import { compareRecords } from "./row-sort.as";

const CALL_LEFT: usize = 0;
const CALL_LEFT_COUNT: usize = 4;
const CALL_RIGHT: usize = 8;
const CALL_RIGHT_COUNT: usize = 12;
/** Where the next call goes on: left index, first of the right indexes with its key, right index. */
const CALL_I: usize = 16;
const CALL_FIRST: usize = 20;
const CALL_J: usize = 24;
const CALL_PAIRS: usize = 28;
const CALL_PAIR_LEFT: usize = 32;
const CALL_PAIR_RIGHT: usize = 36;

const PAIRS: u32 = 4096;

@inline
function at(list: usize, index: u32): usize {
  return <usize>load<u32>(list + (<usize>index << 2));
}

/** Lists the next pairs, at most 4,096, in the arena; true when there are no more. */
export function mergePairs(call: usize): bool {
  const left = <usize>load<u32>(call, CALL_LEFT);
  const right = <usize>load<u32>(call, CALL_RIGHT);
  const n = load<u32>(call, CALL_LEFT_COUNT);
  const m = load<u32>(call, CALL_RIGHT_COUNT);
  let i = load<u32>(call, CALL_I);
  let first = load<u32>(call, CALL_FIRST);
  let j = load<u32>(call, CALL_J);
  const lefts = arenaAlloc(PAIRS << 2);
  const rights = arenaAlloc(PAIRS << 2);
  store<u32>(call, <u32>lefts, CALL_PAIR_LEFT);
  store<u32>(call, <u32>rights, CALL_PAIR_RIGHT);
  let count: u32 = 0;
  while (i < n && first < m) {
    const record = at(left, i);
    if (j == first) {
      const order = compareRecords(record, at(right, first));
      if (order != 0) {
        if (order < 0) i++;
        else first++;
        j = first;
        continue;
      }
    }
    while (j < m && (j == first || compareRecords(record, at(right, j)) == 0)) {
      if (count == PAIRS) {
        store<u32>(call, i, CALL_I);
        store<u32>(call, first, CALL_FIRST);
        store<u32>(call, j, CALL_J);
        store<u32>(call, count, CALL_PAIRS);
        return false;
      }
      store<u32>(lefts + (<usize>count << 2), i);
      store<u32>(rights + (<usize>count << 2), j);
      count++;
      j++;
    }
    i++;
    j = first;
  }
  store<u32>(call, count, CALL_PAIRS);
  return true;
}

@inline
function setBit(bits: usize, index: u32): void {
  const byte = bits + (<usize>index >>> 3);
  store<u8>(byte, load<u8>(byte) | (<u8>1 << <u8>(index & 7)));
}

/** Marks what has a partner: left records in `matched` (u8), right ones in `bits` from bit `base` on; 0: nobody asks. */
export function mergeMark(call: usize, matched: usize, bits: usize, base: u32): void {
  const left = <usize>load<u32>(call, CALL_LEFT);
  const right = <usize>load<u32>(call, CALL_RIGHT);
  const n = load<u32>(call, CALL_LEFT_COUNT);
  const m = load<u32>(call, CALL_RIGHT_COUNT);
  let i = load<u32>(call, CALL_I);
  let first = load<u32>(call, CALL_FIRST);
  while (i < n && first < m) {
    const record = at(left, i);
    const order = compareRecords(record, at(right, first));
    if (order != 0) {
      if (order < 0) i++;
      else first++;
      continue;
    }
    const key = at(right, first);
    while (i < n && compareRecords(at(left, i), key) == 0) {
      if (matched != 0) store<u8>(matched + i, 1);
      i++;
    }
    while (first < m && compareRecords(record, at(right, first)) == 0) {
      if (bits != 0) setBit(bits, base + first);
      first++;
    }
  }
}

/** The same for the pairs that are listed. */
export function mergeMarkPairs(call: usize, matched: usize, bits: usize, base: u32): void {
  const count = load<u32>(call, CALL_PAIRS);
  const lefts = <usize>load<u32>(call, CALL_PAIR_LEFT);
  const rights = <usize>load<u32>(call, CALL_PAIR_RIGHT);
  for (let k: u32 = 0; k < count; k++) {
    if (matched != 0) store<u8>(matched + load<u32>(lefts + (<usize>k << 2)), 1);
    if (bits != 0) setBit(bits, base + load<u32>(rights + (<usize>k << 2)));
  }
}

/** Number of records of a sorted list (u32[n]) whose key is less than that of `record`. */
export function mergeLower(n: u32, list: usize, record: usize): u32 {
  let low: u32 = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareRecords(at(list, middle), record) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Order of the keys of two records. */
export function mergeCompare(a: usize, b: usize): i32 {
  return compareRecords(a, b);
}

/** Rows of the records of a list (u32) at these indexes (u32[n]; 0: 0 … n − 1); u32[n] in the arena. */
export function mergeRows(list: usize, n: u32, indexes: usize): usize {
  const rows = arenaAlloc(n << 2);
  for (let k: u32 = 0; k < n; k++) {
    const index = indexes == 0 ? k : load<u32>(indexes + (<usize>k << 2));
    store<u32>(rows + (<usize>k << 2), <u32>rowOfRecord(at(list, index), -1));
  }
  return rows;
}

/** Indexes from `from` to `to` − 1 whose bit, from bit `base` on, is `wanted`; returns how many. */
export function mergeBits(from: u32, to: u32, bits: usize, base: u32, wanted: u32, out: usize): u32 {
  let count: u32 = 0;
  for (let i = from; i < to; i++) {
    const bit = base + i;
    store<u32>(out + (<usize>count << 2), i);
    count += ((load<u8>(bits + (<usize>bit >>> 3)) >>> (bit & 7)) & 1) == wanted ? 1 : 0;
  }
  return count;
}

/** Lists the records in [from, end), which lie one behind the other; returns how many. */
export function mergeList(from: usize, end: usize, out: usize): u32 {
  let count: u32 = 0;
  for (let record = from; record < end; record += load<u32>(record, 4) & 0x3fffffff) {
    store<u32>(out + (<usize>count << 2), <u32>record);
    count++;
  }
  return count;
}
