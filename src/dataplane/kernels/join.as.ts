/**
 * Join kernels: candidates of a batch in the other side's state, then the changes that the matching ones cause.
 *
 * Flow:    operators/join, operators/window-join: joinCollect → (condition over the pairs, generated) → joinApply, until
 *          all rows are done → joinCleanup.
 * Call:    one struct, u32 fields (see CALL_…), filled by TypeScript; cursors in it carry on between calls.
 * Limits:  at most PAIRS candidates a call, so a row with a million matches is answered in pieces.
 * Source:  Flink StreamingJoinOperator and StreamingSemiAntiJoinOperator: number of associations on outer sides.
 */
import { arenaAlloc } from "./arena.as";
import { groupOf, touchPage } from "./keyed-map-pages.as";
import { mapIterate, mapRemove, mapTouch } from "./keyed-map.as";
import { freeIn, logPtrIn } from "./log.as";
import { changesBegin, pushChange } from "./rows.as";
import {
  BLOCK_NEXT,
  SET_FIRST,
  SET_INDEX,
  SET_LAST,
  SET_ROWS,
  associationsOf,
  isRowExpired,
  refreshRow,
  rowBytesOfBlock,
  rowOfBlock,
  setAdd,
  setFind,
  setLink,
  setReserve,
  setUnlink,
  storeAssociations,
  viewAddress,
  viewLength,
} from "./row-set.as";

const CALL_OWN_MAP: usize = 0;
const CALL_OTHER_MAP: usize = 4;
const CALL_ROWS: usize = 8;
/** u8[n], 0 = all +I. */
const CALL_KINDS: usize = 12;
const CALL_HASHES: usize = 16;
/** u32[n]; 0 = the row is not kept (a NULL in its key, or a join without state of its own). */
const CALL_OWN_ENTRIES: usize = 20;
const CALL_OTHER_ENTRIES: usize = 24;
/** u64[n] views of the encoded rows, and of their identities (0 = the rows themselves). */
const CALL_VIEWS: usize = 28;
const CALL_IDENTITIES: usize = 32;
const CALL_FLAGS: usize = 36;
const CALL_COLLECT_ROW: usize = 40;
const CALL_COLLECT_HANDLE: usize = 44;
const CALL_APPLY_ROW: usize = 48;
const CALL_MATCHED: usize = 52;
const CALL_ADDITIONAL: usize = 56;
const CALL_PAIRS: usize = 60;
const CALL_PAIR_ROWS: usize = 64;
const CALL_PAIR_BLOCKS: usize = 68;
/** Rows expire one by one: the second that is now (0 = they do not), and the sides' TTLs in seconds (0 = never). */
const CALL_NOW: usize = 72;
const CALL_OWN_TTL: usize = 76;
const CALL_OTHER_TTL: usize = 80;
/** u32[n]: blocks that joinPlace has reserved for the rows, 0 = none; 0 = rows are copied when they are kept. */
const CALL_HANDLES: usize = 84;

const OWN_OUTER: u32 = 1;
const OTHER_OUTER: u32 = 2;
const INPUT_LEFT: u32 = 4;
/** Rows of this side are unique by their identity: a second one replaces the first. */
const OWN_UNIQUE: u32 = 8;
const SEMI: u32 = 16;
const ANTI: u32 = 32;
/** Rows without a match, and rows of SEMI and ANTI, are emitted at the end of input by joinFinal. */
const LATER: u32 = 64;
/** Nothing was emitted for the other side's rows yet, so nothing is taken back. */
const KEEP_OTHER: u32 = 128;

const PAIRS: u32 = 4096;
const INSERT: u32 = 0;
const DELETE: u32 = 3;

/** Lists the next candidates; CALL_PAIRS of them. True when all rows have been looked at. */
export function joinCollect(call: usize): bool {
  const n = load<u32>(call, CALL_ROWS);
  const map = <usize>load<u32>(call, CALL_OTHER_MAP);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  const entries = <usize>load<u32>(call, CALL_OTHER_ENTRIES);
  const pairRows = arenaAlloc(PAIRS << 2);
  const pairBlocks = arenaAlloc(PAIRS << 2);
  store<u32>(call, <u32>pairRows, CALL_PAIR_ROWS);
  store<u32>(call, <u32>pairBlocks, CALL_PAIR_BLOCKS);
  let row = load<u32>(call, CALL_COLLECT_ROW);
  let handle = load<u32>(call, CALL_COLLECT_HANDLE);
  const ttl = load<u32>(call, CALL_OTHER_TTL);
  const now = load<u32>(call, CALL_NOW);
  let count: u32 = 0;
  for (; row < n; row++) {
    const entry = <usize>load<u32>(entries + (row << 2));
    if (entry == 0) continue;
    const group = groupOf(map, load<u32>(hashes + (row << 3), 4));
    if (handle == 0) handle = load<u32>(entry, SET_FIRST);
    while (handle != 0) {
      if (count == PAIRS) {
        store<u32>(call, row, CALL_COLLECT_ROW);
        store<u32>(call, handle, CALL_COLLECT_HANDLE);
        store<u32>(call, count, CALL_PAIRS);
        return false;
      }
      const block = logPtrIn(group, handle);
      handle = load<u32>(block, BLOCK_NEXT);
      if (ttl != 0 && isRowExpired(block, now, ttl)) continue;
      store<u32>(pairRows + (count << 2), row);
      store<u32>(pairBlocks + (count << 2), <u32>block);
      count++;
    }
  }
  store<u32>(call, n, CALL_COLLECT_ROW);
  store<u32>(call, 0, CALL_COLLECT_HANDLE);
  store<u32>(call, count, CALL_PAIRS);
  return true;
}

/**
 * Where the rows from … to - 1 go, of `sizes` bytes (u32[n]) each: rows that will be kept straight to a block of the state,
 * the others into the arena. So do all where a row of the batch may take out another one: its block would be free, and
 * written over, while the changes that show it are still to come. Fills CALL_VIEWS, CALL_HANDLES and `targets` (u32[n] addresses), for the row writer.
 */
export function joinPlace(call: usize, sizes: usize, targets: usize, from: u32, to: u32): void {
  const map = <usize>load<u32>(call, CALL_OWN_MAP);
  const kinds = <usize>load<u32>(call, CALL_KINDS);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  const entries = <usize>load<u32>(call, CALL_OWN_ENTRIES);
  const views = <usize>load<u32>(call, CALL_VIEWS);
  const handles = <usize>load<u32>(call, CALL_HANDLES);
  const single = load<u32>(call, CALL_IDENTITIES) == 1;
  const written: u32 = load<u32>(call, CALL_OWN_TTL) == 0 ? 0 : load<u32>(call, CALL_NOW);
  const flags = load<u32>(call, CALL_FLAGS);
  const stays = kinds == 0 && (flags & OWN_UNIQUE) == 0;
  const counted = countsOwn(flags);
  for (let row = from; row < to; row++) {
    const bytes = load<u32>(sizes + (row << 2));
    let handle: u32 = 0;
    let address: usize;
    if (stays && load<u32>(entries + (row << 2)) != 0) {
      const group = groupOf(map, load<u32>(hashes + (row << 3), 4));
      handle = setReserve(group, single ? 0 : identityOf(call, row), bytes, written, counted);
      address = rowOfBlock(logPtrIn(group, handle));
    } else {
      address = arenaAlloc(bytes);
    }
    store<u32>(handles + (row << 2), handle);
    store<u32>(targets + (row << 2), <u32>address);
    store<u64>(views + (row << 3), <u64>address | (<u64>bytes << 32));
  }
}

/** Whether rows of this side know how many of the other side they match. */
@inline
function countsOwn(flags: u32): bool {
  return (flags & OWN_OUTER) != 0 || ((flags & (SEMI | ANTI)) != 0 && (flags & INPUT_LEFT) != 0);
}

/** Both sides of the candidates as row addresses (u32[pairs] each), for the condition. */
export function joinPairRows(call: usize, lefts: usize, rights: usize): void {
  const count = load<u32>(call, CALL_PAIRS);
  const rows = <usize>load<u32>(call, CALL_PAIR_ROWS);
  const blocks = <usize>load<u32>(call, CALL_PAIR_BLOCKS);
  const views = <usize>load<u32>(call, CALL_VIEWS);
  const left = (load<u32>(call, CALL_FLAGS) & INPUT_LEFT) != 0;
  for (let i: u32 = 0; i < count; i++) {
    const own = load<u32>(views + (<usize>load<u32>(rows + (i << 2)) << 3));
    const other = <u32>rowOfBlock(<usize>load<u32>(blocks + (i << 2)));
    store<u32>(lefts + (i << 2), left ? own : other);
    store<u32>(rights + (i << 2), left ? other : own);
  }
}

@inline
function emit(left: bool, kind: u32, own: usize, other: usize): void {
  if (left) pushChange(kind, own, other, 0);
  else pushChange(kind, other, own, 0);
}

@inline
function countAssociation(call: usize, row: u32, block: usize, associations: u32): void {
  storeAssociations(block, associations);
  if (load<u32>(call, CALL_OTHER_TTL) == 0) return;
  const entries = <usize>load<u32>(call, CALL_OTHER_ENTRIES);
  mapTouch(<usize>load<u32>(call, CALL_OTHER_MAP), <usize>load<u32>(entries + (row << 2)));
  refreshRow(block, load<u32>(call, CALL_NOW));
}

/** Applies the collected candidates; values and validity: of the condition by pair, 0 = none. Fills the change list. */
export function joinApply(call: usize, values: usize, validity: usize): void {
  const n = load<u32>(call, CALL_ROWS);
  const kinds = <usize>load<u32>(call, CALL_KINDS);
  const views = <usize>load<u32>(call, CALL_VIEWS);
  const flags = load<u32>(call, CALL_FLAGS);
  const until = load<u32>(call, CALL_COLLECT_ROW);
  const pairs = load<u32>(call, CALL_PAIRS);
  const pairRows = <usize>load<u32>(call, CALL_PAIR_ROWS);
  const pairBlocks = <usize>load<u32>(call, CALL_PAIR_BLOCKS);
  const conditional = values != 0;
  changesBegin(max<u32>(pairs + n, 64));
  let row = load<u32>(call, CALL_APPLY_ROW);
  let matched = load<u32>(call, CALL_MATCHED);
  let pair: u32 = 0;
  while (row < n) {
    const kind: u32 = kinds == 0 ? INSERT : load<u8>(kinds + row);
    const own = <usize>load<u32>(views + (row << 3));
    while (pair < pairs && load<u32>(pairRows + (pair << 2)) == row) {
      if (!conditional || (load<u8>(values + pair) != 0 && (validity == 0 || load<u8>(validity + pair) != 0))) {
        applyPair(call, flags, kind, row, own, <usize>load<u32>(pairBlocks + (pair << 2)));
        matched++;
      }
      pair++;
    }
    if (row == until) break;
    finishRow(call, flags, kind, row, own, matched);
    store<u32>(call, 0, CALL_ADDITIONAL);
    matched = 0;
    row++;
  }
  store<u32>(call, row, CALL_APPLY_ROW);
  store<u32>(call, matched, CALL_MATCHED);
}

/** Whether the row is a new match for the other side's rows: not when it replaces one with the same identity. */
function isAdditional(call: usize, flags: u32, row: u32): bool {
  if ((flags & OWN_UNIQUE) == 0) return true;
  let known = load<u32>(call, CALL_ADDITIONAL);
  if (known == 0) {
    known = findOwn(call, row) == 0 ? 1 : 2;
    store<u32>(call, known, CALL_ADDITIONAL);
  }
  return known == 1;
}

function applyPair(call: usize, flags: u32, kind: u32, row: u32, own: usize, block: usize): void {
  const left = (flags & INPUT_LEFT) != 0;
  const accumulate = (kind & 1) == 0;
  const other = rowOfBlock(block);
  if (flags & (SEMI | ANTI)) {
    if (left) return;
    applySemiAnti(call, flags, kind, row, other, block);
    return;
  }
  const associations: u32 = flags & OTHER_OUTER ? associationsOf(block) : 0;
  if (accumulate) {
    if (flags & OTHER_OUTER) {
      if (associations == 0 && !(flags & KEEP_OTHER)) emit(left, DELETE, 0, other);
      if (associations == 0 || isAdditional(call, flags, row)) countAssociation(call, row, block, associations + 1);
    }
    emit(left, flags & (OWN_OUTER | OTHER_OUTER) ? INSERT : kind, own, other);
    return;
  }
  emit(left, flags & OWN_OUTER ? DELETE : kind, own, other);
  if (flags & OTHER_OUTER) {
    if (associations == 1 && !(flags & KEEP_OTHER)) emit(left, INSERT, 0, other);
    if (associations != 0) countAssociation(call, row, block, associations - 1);
  }
}

/** A row of the right side: left rows appear with their first match and go with their last. */
function applySemiAnti(call: usize, flags: u32, kind: u32, row: u32, other: usize, block: usize): void {
  const associations = associationsOf(block);
  const anti = (flags & ANTI) != 0;
  const now = (flags & LATER) == 0;
  if ((kind & 1) == 0) {
    if (associations == 0 && now) pushChange(anti ? DELETE : kind, other, 0, 0);
    if (associations == 0 || isAdditional(call, flags, row)) countAssociation(call, row, block, associations + 1);
    return;
  }
  if (associations == 1 && now) pushChange(anti ? INSERT : kind, other, 0, 0);
  if (associations != 0) countAssociation(call, row, block, associations - 1);
}

function finishRow(call: usize, flags: u32, kind: u32, row: u32, own: usize, matched: u32): void {
  const left = (flags & INPUT_LEFT) != 0;
  const accumulate = (kind & 1) == 0;
  if (!(flags & LATER)) {
    if (flags & (SEMI | ANTI)) {
      if (left && (matched != 0) == ((flags & SEMI) != 0)) pushChange(kind, own, 0, 0);
    } else if (matched == 0 && flags & OWN_OUTER) {
      emit(left, accumulate ? INSERT : DELETE, own, 0);
    }
  }
  const entries = <usize>load<u32>(call, CALL_OWN_ENTRIES);
  const entry: usize = entries == 0 ? 0 : <usize>load<u32>(entries + (row << 2));
  if (entry != 0) updateOwn(call, flags, accumulate, row, entry, matched);
}

@inline
function identityOf(call: usize, row: u32): u64 {
  const identities = <usize>load<u32>(call, CALL_IDENTITIES);
  return identities == 0 ? 0 : load<u64>(identities + (row << 3));
}

function findOwn(call: usize, row: u32): u32 {
  const entries = <usize>load<u32>(call, CALL_OWN_ENTRIES);
  const entry: usize = entries == 0 ? 0 : <usize>load<u32>(entries + (row << 2));
  if (entry == 0) return 0;
  const found = findIn(call, row, entry);
  const ttl = load<u32>(call, CALL_OWN_TTL);
  if (found == 0 || ttl == 0) return found;
  const map = <usize>load<u32>(call, CALL_OWN_MAP);
  const hash = load<u32>(<usize>load<u32>(call, CALL_HASHES) + (row << 3), 4);
  return isRowExpired(logPtrIn(groupOf(map, hash), found), load<u32>(call, CALL_NOW), ttl) ? 0 : found;
}

function findIn(call: usize, row: u32, entry: usize): u32 {
  const map = <usize>load<u32>(call, CALL_OWN_MAP);
  const hash = load<u32>(<usize>load<u32>(call, CALL_HASHES) + (row << 3), 4);
  const identities = load<u32>(call, CALL_IDENTITIES);
  // One row a key at most: whatever is there is it.
  if (identities == 1) return load<u32>(entry, SET_FIRST);
  const view = identities == 0 ? load<u64>(<usize>load<u32>(call, CALL_VIEWS) + (row << 3)) : identityOf(call, row);
  return setFind(map, hash, entry, viewAddress(view), viewLength(view));
}

function updateOwn(call: usize, flags: u32, accumulate: bool, row: u32, entry: usize, matched: u32): void {
  const map = <usize>load<u32>(call, CALL_OWN_MAP);
  const hash = load<u32>(<usize>load<u32>(call, CALL_HASHES) + (row << 3), 4);
  if (!accumulate || flags & OWN_UNIQUE) {
    const found = findIn(call, row, entry);
    if (found != 0) {
      setUnlink(map, hash, entry, found);
      freeIn(groupOf(map, hash), found);
    }
    if (!accumulate) return;
  }
  const identity: u64 = load<u32>(call, CALL_IDENTITIES) == 1 ? 0 : identityOf(call, row);
  const ttl = load<u32>(call, CALL_OWN_TTL);
  const now: u32 = ttl == 0 ? 0 : load<u32>(call, CALL_NOW);
  if (ttl != 0) dropExpired(map, hash, entry, now, ttl);
  const handles = <usize>load<u32>(call, CALL_HANDLES);
  const reserved: u32 = handles == 0 ? 0 : load<u32>(handles + (row << 2));
  if (reserved != 0) setLink(map, hash, entry, reserved, matched);
  else setAdd(map, hash, entry, identity, load<u64>(<usize>load<u32>(call, CALL_VIEWS) + (row << 3)), matched, now, countsOwn(flags));
}

/** Whether the key of a row has one that has not expired. */
function anyLive(call: usize, row: u32, entry: usize): bool {
  let handle = load<u32>(entry, SET_FIRST);
  const ttl = load<u32>(call, CALL_OWN_TTL);
  if (handle == 0 || ttl == 0) return handle != 0;
  const now = load<u32>(call, CALL_NOW);
  const hash = load<u32>(<usize>load<u32>(call, CALL_HASHES) + (row << 3), 4);
  const group = groupOf(<usize>load<u32>(call, CALL_OWN_MAP), hash);
  while (handle != 0) {
    const block = logPtrIn(group, handle);
    if (!isRowExpired(block, now, ttl)) return true;
    handle = load<u32>(block, BLOCK_NEXT);
  }
  return false;
}

/**
 * The rows `list` (u32[n] numbers of rows) into their side's state, or out of it, one after another, whatever they match.
 * `alone` (u8 by row, 0 = not asked for): 1 where an insertion found its key empty, or where a deletion has left it so.
 */
export function joinKeep(call: usize, n: u32, list: usize, alone: usize): void {
  const kinds = <usize>load<u32>(call, CALL_KINDS);
  const entries = <usize>load<u32>(call, CALL_OWN_ENTRIES);
  const flags = load<u32>(call, CALL_FLAGS);
  for (let i: u32 = 0; i < n; i++) {
    const row = load<u32>(list + (i << 2));
    const entry = <usize>load<u32>(entries + (row << 2));
    if (entry == 0) continue;
    const accumulate: bool = kinds == 0 || (load<u8>(kinds + row) & 1) == 0;
    let asked = alone != 0;
    if (asked && accumulate) {
      store<u8>(alone + row, anyLive(call, row, entry) ? 0 : 1);
      asked = false;
    }
    if (asked) asked = findOwn(call, row) != 0;
    updateOwn(call, flags, accumulate, row, entry, 0);
    if (asked && !anyLive(call, row, entry)) store<u8>(alone + row, 1);
  }
}

/** u32 by row: the rows in state that the deletions of `list` take out, by address; 0 = none, or an insertion. */
export function joinTaken(call: usize, n: u32, list: usize, out: usize): void {
  const kinds = <usize>load<u32>(call, CALL_KINDS);
  const map = <usize>load<u32>(call, CALL_OWN_MAP);
  const hashes = <usize>load<u32>(call, CALL_HASHES);
  for (let i: u32 = 0; i < n; i++) {
    const row = load<u32>(list + (i << 2));
    if (kinds == 0 || (load<u8>(kinds + row) & 1) == 0) continue;
    const found = findOwn(call, row);
    if (found == 0) continue;
    const group = groupOf(map, load<u32>(hashes + (row << 3), 4));
    store<u32>(out + (row << 2), <u32>rowOfBlock(logPtrIn(group, found)));
  }
}

/** Rows lie in the order in which they came: those that have expired come first, but for refreshed ones. */
function dropExpired(map: usize, hash: u32, entry: usize, now: u32, ttl: u32): void {
  const group = groupOf(map, hash);
  let first = load<u32>(entry, SET_FIRST);
  while (first != 0 && isRowExpired(logPtrIn(group, first), now, ttl)) {
    setUnlink(map, hash, entry, first);
    freeIn(group, first);
    first = load<u32>(entry, SET_FIRST);
  }
}

/** Removes the entries that hold no row any more; each entry may be listed several times. */
export function setsCleanup(map: usize, n: u32, entries: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    if (load<u32>(entry, SET_ROWS) != 0 || load<u32>(entry, SET_LAST) != 0) {
      store<u32>(entries + (i << 2), 0);
    } else {
      store<u32>(entry, 1, SET_LAST);
    }
  }
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry != 0) mapRemove(map, entry);
  }
}

let finalGroup: u32 = 0;
let finalCursor: u32 = 0;
let finalHandle: u32 = 0;

/** Where joinFinal goes on: at first (first key group, 0, 0), then what the functions below have said after it. */
export function joinFinalBegin(group: u32, entry: u32, handle: u32): void {
  finalGroup = group;
  finalCursor = entry;
  finalHandle = handle;
}

export function joinFinalGroup(): u32 {
  return finalGroup;
}
export function joinFinalEntry(): u32 {
  return finalCursor;
}
export function joinFinalHandle(): u32 {
  return finalHandle;
}

/**
 * At the end of bounded input: the rows of one side that have no match (`matched` 0) or some (1), as +I, up to PAIRS a
 * call. True when there are no more. keyBytes: 8 for variable keys.
 */
export function joinFinal(map: usize, keyBytes: u32, lastGroup: u32, left: bool, matched: bool): bool {
  changesBegin(PAIRS);
  let count: u32 = 0;
  while (finalGroup <= lastGroup) {
    if (finalHandle == 0) {
      finalCursor = <u32>mapIterate(map, finalGroup, finalCursor);
      if (finalCursor == 0) {
        finalGroup++;
        continue;
      }
      finalHandle = load<u32>(<usize>finalCursor, SET_FIRST);
    }
    const group = groupOf(map, load<u32>(<usize>finalCursor - keyBytes - 8));
    while (finalHandle != 0) {
      if (count == PAIRS) return false;
      const block = logPtrIn(group, finalHandle);
      if ((associationsOf(block) != 0) == matched) {
        emit(left, INSERT, rowOfBlock(block), 0);
        count++;
      }
      finalHandle = load<u32>(block, BLOCK_NEXT);
    }
  }
  return true;
}

/** Lists the rows of `entries` (0 = none) as views, with the number of the entry that each belongs to; returns how many. */
export function setsRows(map: usize, n: u32, hashes: usize, entries: usize, out: usize): u32 {
  let total: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry != 0) total += load<u32>(entry, SET_ROWS);
  }
  const views = arenaAlloc(total << 3);
  const owners = arenaAlloc(total << 2);
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    const group = groupOf(map, load<u32>(hashes + (i << 3), 4));
    let handle = load<u32>(entry, SET_FIRST);
    while (handle != 0) {
      const block = logPtrIn(group, handle);
      const row = rowOfBlock(block);
      const length = rowBytesOfBlock(block);
      store<u64>(views + (count << 3), <u64>row | (<u64>length << 32));
      store<u32>(owners + (count << 2), i);
      count++;
      handle = load<u32>(block, BLOCK_NEXT);
    }
  }
  store<u32>(out, <u32>views);
  store<u32>(out, <u32>owners, 4);
  return total;
}

/** Lists the rows of `entries` whose associations are 0 as changes +I of the right side (rows that matched nothing). */
export function setsUnmatched(map: usize, n: u32, hashes: usize, entries: usize): void {
  changesBegin(256);
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    const group = groupOf(map, load<u32>(hashes + (i << 3), 4));
    let handle = load<u32>(entry, SET_FIRST);
    while (handle != 0) {
      const block = logPtrIn(group, handle);
      if (associationsOf(block) == 0) pushChange(INSERT, 0, rowOfBlock(block), 0);
      handle = load<u32>(block, BLOCK_NEXT);
    }
  }
}

/** Frees all rows of the entries, their index or order, and removes them; each entry is listed once. */
export function setsRemove(map: usize, n: u32, hashes: usize, entries: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry == 0) continue;
    const group = groupOf(map, load<u32>(hashes + (i << 3), 4));
    let handle = load<u32>(entry, SET_FIRST);
    while (handle != 0) {
      const next = load<u32>(logPtrIn(group, handle), BLOCK_NEXT);
      freeIn(group, handle);
      handle = next;
    }
    const index = load<u32>(entry, SET_INDEX);
    if (index != 0) freeIn(group, index);
    mapRemove(map, entry);
  }
}

/** Appends each row to the set of its entry (0 = the row is not kept). */
export function setsAppend(map: usize, n: u32, hashes: usize, entries: usize, views: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    if (entry != 0) setAdd(map, load<u32>(hashes + (i << 3), 4), entry, 0, load<u64>(views + (i << 3)), 0);
  }
}

/** The addresses (u32[n]) of views. */
export function viewAddresses(n: u32, views: usize): usize {
  const out = arenaAlloc(n << 2);
  for (let i: u32 = 0; i < n; i++) store<u32>(out + (i << 2), load<u32>(views + (i << 3)));
  return out;
}
