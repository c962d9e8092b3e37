/**
 * The rows of one primary key that a sink may have to show, in the order in which they came: the
 * kernel of the sink's upsert materialiser. What the table shows is the last of them.
 *
 * State:   row set (row-set.as.ts) of the primary key; identity = the query's upsert key, or the
 *          row itself.
 * Flow:    operators/sink → materializeRows → changes → ChangeEmitter.
 * Rules:   a row that comes is added, or takes the place of the one with its identity, and is
 *          emitted: +I when it is the first, else +U. A row that goes is emitted as -D when it was
 *          the only one; when it was the last, the one before comes back as +U; one that is not
 *          there changes nothing.
 * Source:  Flink SinkUpsertMaterializer.
 */
import { groupOf, touchPage } from "./keyed-map-pages.as";
import { logPtrIn } from "./log.as";
import { changesBegin, freeLater, pushChange } from "./rows.as";
import {
  BLOCK_NEXT,
  BLOCK_PREVIOUS,
  SET_FIRST,
  SET_LAST,
  SET_ROWS,
  rowOfBlock,
  setAdd,
  setFind,
  setUnlink,
  viewAddress,
  viewLength,
} from "./row-set.as";

const INSERT: u32 = 0;
const AFTER: u32 = 2;
const DELETE: u32 = 3;

/**
 * kinds: u8[n], 0 = all +I. identities: u64[n] views, 0 = the rows are their own. Frees of unlinked
 * blocks are noted.
 */
export function materializeRows(
  map: usize,
  n: u32,
  kinds: usize,
  hashes: usize,
  entries: usize,
  views: usize,
  identities: usize,
): void {
  changesBegin(max<u32>(n, 64));
  for (let i: u32 = 0; i < n; i++) {
    const entry = <usize>load<u32>(entries + (i << 2));
    const hash = load<u32>(hashes + (i << 3), 4);
    const view = load<u64>(views + (i << 3));
    const identity = identities == 0 ? 0 : load<u64>(identities + (i << 3));
    const kind: u32 = kinds == 0 ? INSERT : load<u8>(kinds + i);
    if (kind & 1) takeBack(map, hash, entry, identity, view);
    else add(map, hash, entry, identity, view);
  }
}

function find(map: usize, hash: u32, entry: usize, identity: u64, view: u64): u32 {
  const wanted = identity == 0 ? view : identity;
  return setFind(map, hash, entry, viewAddress(wanted), viewLength(wanted));
}

function add(map: usize, hash: u32, entry: usize, identity: u64, view: u64): void {
  const isFirst = load<u32>(entry, SET_ROWS) == 0;
  // Without an upsert key equal rows are kept as often as they came.
  const old = identity == 0 ? 0 : find(map, hash, entry, identity, view);
  pushChange(isFirst ? INSERT : AFTER, viewAddress(view), 0, 0);
  if (old == 0) {
    setAdd(map, hash, entry, identity, view, 0);
    return;
  }
  const group = groupOf(map, hash);
  const block = logPtrIn(group, old);
  const previous = load<u32>(block, BLOCK_PREVIOUS);
  const next = load<u32>(block, BLOCK_NEXT);
  setUnlink(map, hash, entry, old);
  freeLater(hash, old);
  const handle = setAdd(map, hash, entry, identity, view, 0);
  if (next != 0) moveBetween(group, entry, handle, previous, next);
}

/** Takes the last block of the set to its place between two others (`previous` 0: to the front). */
function moveBetween(group: usize, entry: usize, handle: u32, previous: u32, next: u32): void {
  const block = logPtrIn(group, handle);
  const last = load<u32>(block, BLOCK_PREVIOUS);
  const lastBlock = logPtrIn(group, last);
  touchPage(lastBlock);
  store<u32>(lastBlock, 0, BLOCK_NEXT);
  store<u32>(entry, last, SET_LAST);
  touchPage(block);
  store<u32>(block, previous, BLOCK_PREVIOUS);
  store<u32>(block, next, BLOCK_NEXT);
  if (previous == 0) {
    store<u32>(entry, handle, SET_FIRST);
  } else {
    const before = logPtrIn(group, previous);
    touchPage(before);
    store<u32>(before, handle, BLOCK_NEXT);
  }
  const after = logPtrIn(group, next);
  touchPage(after);
  store<u32>(after, handle, BLOCK_PREVIOUS);
}

function takeBack(map: usize, hash: u32, entry: usize, identity: u64, view: u64): void {
  if (load<u32>(entry, SET_ROWS) == 0) return;
  const handle = find(map, hash, entry, identity, view);
  if (handle == 0) return;
  const wasLast = load<u32>(entry, SET_LAST) == handle;
  setUnlink(map, hash, entry, handle);
  freeLater(hash, handle);
  if (load<u32>(entry, SET_ROWS) == 0) {
    pushChange(DELETE, viewAddress(view), 0, 0);
  } else if (wasLast) {
    pushChange(AFTER, rowOfBlock(logPtrIn(groupOf(map, hash), load<u32>(entry, SET_LAST))), 0, 0);
  }
}
