/**
 * Rows that wait for the end of their window while others take them back.
 *
 * State:   row sets (row-set.as.ts); a block's associations field is 1 when the row takes back one that was not there.
 * Rule:    a row and an equal one that takes it back vanish together, whichever comes first; within one set at once, between
 *          the fragments of a session when it is over.
 */
import { arenaAlloc } from "./arena.as";
import { hashBytes } from "./hash.as";
import { groupOf } from "./keyed-map-pages.as";
import { freeIn, logPtrIn } from "./log.as";
import {
  BLOCK_ASSOCIATIONS,
  BLOCK_NEXT,
  SET_FIRST,
  SET_ROWS,
  rowBytesOfBlock,
  rowOfBlock,
  setAdd,
  setFind,
  setUnlink,
  viewAddress,
  viewLength,
} from "./row-set.as";

/** Puts rows into the sets of their entries; kinds u8[n] (0 = all +I): odd ones take back. */
export function setsToggle(map: usize, n: u32, hashes: usize, entries: usize, views: usize, kinds: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    const hash = load<u32>(hashes + (i << 3), 4);
    const view = load<u64>(views + (i << 3));
    const back: u32 = kinds == 0 ? 0 : <u32>load<u8>(kinds + i) & 1;
    const group = groupOf(map, hash);
    const found: u32 =
      load<u32>(entry, SET_ROWS) == 0 ? 0 : setFind(map, hash, entry, viewAddress(view), viewLength(view));
    if (found != 0 && load<u32>(logPtrIn(group, found), BLOCK_ASSOCIATIONS) != back) {
      setUnlink(map, hash, entry, found);
      freeIn(group, found);
    } else {
      setAdd(map, hash, entry, 0, view, back);
    }
  }
}

/**
 * The rows of n entries (0 = none) that are left: out → u32 addresses (u32[]), u32 owners (u32[]: owners[i], or i when it
 * is 0). Rows that were taken back in another entry of the same owner are left out. Returns how many.
 */
export function setsLeft(map: usize, n: u32, hashes: usize, entries: usize, owners: usize, out: usize): u32 {
  let total: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry != 0) total += load<u32>(entry, SET_ROWS);
  }
  const rows = arenaAlloc(total << 2);
  const ofRows = arenaAlloc(total << 2);
  const blocks = arenaAlloc(total << 2);
  let count: u32 = 0;
  let backs: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    const group = groupOf(map, load<u32>(hashes + (i << 3), 4));
    let handle = load<u32>(entry, SET_FIRST);
    while (handle != 0) {
      const block = logPtrIn(group, handle);
      store<u32>(rows + (count << 2), <u32>rowOfBlock(block));
      store<u32>(blocks + (count << 2), <u32>block);
      store<u32>(ofRows + (count << 2), owners == 0 ? i : load<u32>(owners + (i << 2)));
      backs += load<u32>(block, BLOCK_ASSOCIATIONS);
      count++;
      handle = load<u32>(block, BLOCK_NEXT);
    }
  }
  store<u32>(out, <u32>rows);
  store<u32>(out, <u32>ofRows, 4);
  return backs == 0 ? count : cancelled(count, rows, ofRows, blocks);
}

/** Takes rows that take back, and one equal row of the same owner for each, out of the lists. */
function cancelled(n: u32, rows: usize, owners: usize, blocks: usize): u32 {
  let slots: u32 = 16;
  while (slots < n << 1) slots <<= 1;
  const table = arenaAlloc(slots << 2);
  memory.fill(table, 0, slots << 2);
  const gone = arenaAlloc(n);
  memory.fill(gone, 0, n);
  // Row numbers + 1 of rows that wait for their opposite.
  for (let i: u32 = 0; i < n; i++) {
    const block = <usize>load<u32>(blocks + (i << 2));
    const row = rowOfBlock(block);
    const length = rowBytesOfBlock(block);
    const owner = load<u32>(owners + (i << 2));
    let at = (<u32>(hashBytes(row, length) >>> 32) ^ (owner * 0x9e3779b1)) & (slots - 1);
    let taken = false;
    while (true) {
      const other = load<u32>(table + (at << 2));
      if (other == 0) break;
      const j = other - 1;
      const otherBlock = <usize>load<u32>(blocks + (j << 2));
      if (
        load<u8>(gone + j) == 0 &&
        load<u32>(owners + (j << 2)) == owner &&
        load<u32>(otherBlock, BLOCK_ASSOCIATIONS) != load<u32>(block, BLOCK_ASSOCIATIONS) &&
        rowBytesOfBlock(otherBlock) == length &&
        memory.compare(rowOfBlock(otherBlock), row, length) == 0
      ) {
        store<u8>(gone + j, 1);
        store<u8>(gone + i, 1);
        taken = true;
        break;
      }
      at = (at + 1) & (slots - 1);
    }
    if (!taken) store<u32>(table + (at << 2), i + 1);
  }
  let left: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const back = load<u32>(<usize>load<u32>(blocks + (i << 2)), BLOCK_ASSOCIATIONS);
    if (load<u8>(gone + i) != 0 || back != 0) continue;
    store<u32>(rows + (left << 2), load<u32>(rows + (i << 2)));
    store<u32>(owners + (left << 2), load<u32>(owners + (i << 2)));
    left++;
  }
  return left;
}
