/**
 * Group numbers: a number for each entry of a map, never given twice within a key group: what other maps use in place of
 * the entry's key.
 *
 * Flow:    codegen/aggregates/group-numbers.ts → here.
 * State:   "group numbers": key → u64 number, 0 in a fresh entry; "last group number": one entry a key group, whose hash is
 *          the least of the key group's, → u64 the number given last.
 */
import { MAP_MAX_PARALLELISM } from "./keyed-map-pages.as";
import { mapUpsert } from "./keyed-map.as";

const zeroKey: usize = memory.data(8, 8);

/** numbers[i] := the number of entries[i] (u32[n], just upserted with these hashes, u64[n]); fresh ones are given the next. */
export function numberGroups(
  last: usize,
  n: u32,
  hashes: usize,
  entries: usize,
  numbers: usize,
): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (<usize>i << 2));
    let number = load<u64>(entry);
    if (number == 0) {
      number = nextNumber(last, load<u32>(hashes + (<usize>i << 3), 4));
      store<u64>(entry, number);
    }
    store<u64>(numbers + (<usize>i << 3), number);
  }
}

function nextNumber(last: usize, upper: u32): u64 {
  const m = <u64>load<u32>(last, MAP_MAX_PARALLELISM);
  const group = (<u64>upper * m) >> 32;
  const first = ((group << 32) + m - 1) / m;
  const entry = mapUpsert(last, first << 32, zeroKey, 8);
  const number = load<u64>(entry) + 1;
  store<u64>(entry, number);
  return number;
}
