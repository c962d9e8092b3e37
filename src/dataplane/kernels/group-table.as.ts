/**
 * Group table: a bounded table from keys to accumulators, for aggregates that are passed on before they are complete.
 *
 * Flow:    operators/group-aggregate/local-group-aggregate: groupsUpsert → generated accumulate → groupsKeys, groupsViews
 *          → groupsClear, again and again.
 * Table:   one struct of u32. Entries lie one after the other: u64 hash, the key (fixed, or a view of its bytes in the
 *          table's own text area), the accumulator, which is zero when the entry is made. 2^k slots of u32: number + 1.
 * Limits:  `most` entries and `textBytes` of variable keys: the caller asks groupsHaveRoom before it adds a batch.
 */
import { arenaAlloc } from "./arena.as";
import { copyBytes, equalBytes } from "./copy.as";
import { FAILURE_MEMORY, fail, pageAllocate, pageFree } from "./memory.as";

const KEY_BYTES: usize = 0;
const VALUE_BYTES: usize = 4;
const WIDTH: usize = 8;
const COUNT: usize = 12;
const MOST: usize = 16;
const SLOTS: usize = 20;
const MASK: usize = 24;
const ENTRIES: usize = 28;
const TEXTS: usize = 32;
const TEXT_USED: usize = 36;
const TEXT_ROOM: usize = 40;
const PAGES: usize = 44;

const ENTRY_KEY: usize = 8;

/** `table`: 64 bytes of zeros. `most`: a power of two. */
export function groupsInit(table: usize, keyBytes: i32, valueBytes: u32, most: u32, textBytes: u32): void {
  const keySpace: u32 = keyBytes < 0 ? 8 : <u32>keyBytes;
  const width = <u32>ENTRY_KEY + keySpace + valueBytes;
  const slotBytes = most << 3;
  const texts: u32 = keyBytes < 0 ? textBytes : 0;
  const pages = (slotBytes + most * width + texts + 4095) >>> 12;
  const at = pageAllocate(pages);
  if (at == 0) fail(FAILURE_MEMORY);
  store<i32>(table, keyBytes, KEY_BYTES);
  store<u32>(table, valueBytes, VALUE_BYTES);
  store<u32>(table, width, WIDTH);
  store<u32>(table, most, MOST);
  store<u32>(table, <u32>at, SLOTS);
  store<u32>(table, (most << 1) - 1, MASK);
  store<u32>(table, <u32>at + slotBytes, ENTRIES);
  store<u32>(table, <u32>at + slotBytes + most * width, TEXTS);
  store<u32>(table, texts, TEXT_ROOM);
  store<u32>(table, pages, PAGES);
  groupsClear(table);
}

export function groupsFree(table: usize): void {
  const pages = load<u32>(table, PAGES);
  if (pages != 0) pageFree(load<u32>(table, SLOTS), pages);
  store<u32>(table, 0, PAGES);
}

export function groupsClear(table: usize): void {
  memory.fill(load<u32>(table, SLOTS), 0, <usize>load<u32>(table, MOST) << 3);
  store<u32>(table, 0, COUNT);
  store<u32>(table, 0, TEXT_USED);
}

export function groupsCount(table: usize): u32 {
  return load<u32>(table, COUNT);
}

/** Whether n more keys have room, whatever they are. */
export function groupsHaveRoom(table: usize, n: u32, keys: usize): bool {
  if (load<u32>(table, COUNT) + n > load<u32>(table, MOST)) return false;
  if (load<i32>(table, KEY_BYTES) >= 0) return true;
  let bytes = load<u32>(table, TEXT_USED);
  for (let i: u32 = 0; i < n; i++) bytes += load<u32>(keys + (<usize>i << 3), 4);
  return bytes <= load<u32>(table, TEXT_ROOM);
}

@inline
function keyMatches(entry: usize, keyBytes: i32, keys: usize, i: u32): bool {
  if (keyBytes == 8) return load<u64>(entry, ENTRY_KEY) == load<u64>(keys + (<usize>i << 3));
  if (keyBytes == 16) {
    const at = keys + (<usize>i << 4);
    return (
      ((load<u64>(entry, ENTRY_KEY) ^ load<u64>(at)) | (load<u64>(entry, ENTRY_KEY + 8) ^ load<u64>(at, 8))) ==
      0
    );
  }
  if (keyBytes >= 0) return equalBytes(entry + ENTRY_KEY, keys + i * keyBytes, keyBytes);
  const length = load<u32>(keys + (<usize>i << 3), 4);
  if (load<u32>(entry, ENTRY_KEY + 4) != length) return false;
  return equalBytes(<usize>load<u32>(entry, ENTRY_KEY), <usize>load<u32>(keys + (<usize>i << 3)), length);
}

function insert(table: usize, hash: u64, keys: usize, i: u32): usize {
  const number = load<u32>(table, COUNT);
  store<u32>(table, number + 1, COUNT);
  const width = load<u32>(table, WIDTH);
  const keyBytes = load<i32>(table, KEY_BYTES);
  const entry = <usize>load<u32>(table, ENTRIES) + number * width;
  store<u64>(entry, hash);
  let value = entry + ENTRY_KEY + 8;
  if (keyBytes >= 0) {
    copyBytes(entry + ENTRY_KEY, keys + i * keyBytes, keyBytes);
    value = entry + ENTRY_KEY + keyBytes;
  } else {
    const length = load<u32>(keys + (<usize>i << 3), 4);
    const used = load<u32>(table, TEXT_USED);
    const at = <usize>load<u32>(table, TEXTS) + used;
    copyBytes(at, <usize>load<u32>(keys + (<usize>i << 3)), length);
    store<u32>(table, used + length, TEXT_USED);
    store<u32>(entry, <u32>at, ENTRY_KEY);
    store<u32>(entry, length, ENTRY_KEY + 4);
  }
  memory.fill(value, 0, load<u32>(table, VALUE_BYTES));
  return entry;
}

/** out u32[n]: addresses of the keys' accumulators. There must be room. */
export function groupsUpsert(table: usize, n: u32, hashes: usize, keys: usize, out: usize): void {
  const keyBytes = load<i32>(table, KEY_BYTES);
  const width = load<u32>(table, WIDTH);
  const slots = <usize>load<u32>(table, SLOTS);
  const entries = <usize>load<u32>(table, ENTRIES);
  const mask = load<u32>(table, MASK);
  const distance = ENTRY_KEY + <usize>(keyBytes < 0 ? 8 : keyBytes);
  for (let i: u32 = 0; i < n; i++) {
    const hash = load<u64>(hashes + (<usize>i << 3));
    let slot = <u32>hash & mask;
    let entry: usize = 0;
    while (true) {
      const number = load<u32>(slots + (<usize>slot << 2));
      if (number == 0) {
        entry = insert(table, hash, keys, i);
        store<u32>(slots + (<usize>slot << 2), load<u32>(table, COUNT));
        break;
      }
      entry = entries + (number - 1) * width;
      if (load<u64>(entry) == hash && keyMatches(entry, keyBytes, keys, i)) break;
      slot = (slot + 1) & mask;
    }
    store<u32>(out + (<usize>i << 2), <u32>(entry + distance));
  }
}

/** Keys of entries from, from + 1 …: packed fixed ones, or views. */
export function groupsKeys(table: usize, from: u32, n: u32): usize {
  const keyBytes = load<i32>(table, KEY_BYTES);
  const width = load<u32>(table, WIDTH);
  const space: u32 = keyBytes < 0 ? 8 : <u32>keyBytes;
  const out = arenaAlloc(n * space);
  let entry = <usize>load<u32>(table, ENTRIES) + from * width + ENTRY_KEY;
  for (let i: u32 = 0; i < n; i++, entry += width) copyBytes(out + i * space, entry, space);
  return out;
}

/** Views of the accumulators of entries from, from + 1 …. */
export function groupsViews(table: usize, from: u32, n: u32): usize {
  const keyBytes = load<i32>(table, KEY_BYTES);
  const width = load<u32>(table, WIDTH);
  const valueBytes = load<u32>(table, VALUE_BYTES);
  const distance = ENTRY_KEY + <usize>(keyBytes < 0 ? 8 : keyBytes);
  return strideViews(<usize>load<u32>(table, ENTRIES) + from * width + distance, width, valueBytes, n);
}

/** u64[n] views of `length` bytes at first, first + width …. */
export function strideViews(first: usize, width: u32, length: u32, n: u32): usize {
  const out = arenaAlloc(n << 3);
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(out + (<usize>i << 3), <u32>first + i * width);
    store<u32>(out + (<usize>i << 3), length, 4);
  }
  return out;
}

/** n accumulators of zeros in the arena, one after the other. */
export function zeroedValues(n: u32, width: u32): usize {
  const at = arenaAlloc(n * width);
  memory.fill(at, 0, <usize>n * width);
  return at;
}
