/**
 * Multi-way join kernels: tuples of rows grow by one input after another, in the order of the inputs.
 *
 * Flow:    operators/multi-join, for a batch of one input: tuplesBegin → for each input tuplesCollect → (condition over the
 *          candidates, generated) → tuplesApply, for the batch's own input tuplesOwn → tuples with a row of every input.
 * Tuples:  u32 row of the batch, u8 kind, u32 address of a row by input so far (0 = padded with NULLs); by input side by side.
 * Call:    one struct an input, u32 fields (see AT_…); its cursors carry on between calls. What a call has allocated lies in
 *          the arena, below what the next inputs do with it.
 * Limits:  at most PAIRS candidates and tuples of a LEFT input a call, so that a row with a million matches is answered in
 *          pieces; its own input at most doubles the tuples.
 * Source:  Flink StreamingMultiJoinOperator, which goes through the inputs row by row.
 */
import { arenaAlloc } from "./arena.as";
import { groupOf } from "./keyed-map-pages.as";
import { logPtrIn } from "./log.as";
import { BLOCK_NEXT, SET_FIRST, isRowExpired, rowOfBlock } from "./row-set.as";

const AT_MAP: usize = 0;
const AT_HASHES: usize = 4;
/** u32 by row of the batch: its key's entry in the map, 0 = none. */
const AT_ENTRIES: usize = 8;
const AT_TTL: usize = 12;
const AT_NOW: usize = 16;
const AT_LEFT: usize = 20;
/** u32[…] inputs whose row must be there, and how many. */
const AT_NEEDS: usize = 24;
const AT_NEED_COUNT: usize = 28;
/** Which input it is: so many addresses has a tuple. */
const AT_INPUT: usize = 32;
const AT_COUNT: usize = 36;
const AT_ROWS: usize = 40;
const AT_KINDS: usize = 44;
const AT_ADDRESSES: usize = 48;
const AT_TUPLE: usize = 52;
const AT_HANDLE: usize = 56;
const AT_MATCHED: usize = 60;
const AT_APPLIED: usize = 64;
const AT_PAIRS: usize = 68;
const AT_PAIR_TUPLES: usize = 72;
const AT_PAIR_ROWS: usize = 76;
/** So many candidates and padded tuples a call, at most PAIRS. */
const AT_ROOM: usize = 80;

const PAIRS: u32 = 4096;
const INSERT: u8 = 0;
const DELETE: u8 = 3;

/** The tuples of the first input: one for each row of `list` (u32[n]) whose `required` maps (u32[count] addresses of entries) hold its key. */
export function tuplesBegin(call: usize, n: u32, list: usize, kinds: usize, required: usize, count: u32): void {
  const rows = arenaAlloc(n << 2);
  const kindsOf = arenaAlloc(n);
  let tuples: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const row = load<u32>(list + (i << 2));
    let all = true;
    for (let k: u32 = 0; all && k < count; k++) all = load<u32>(<usize>load<u32>(required + (k << 2)) + (row << 2)) != 0;
    if (!all) continue;
    store<u32>(rows + (tuples << 2), row);
    store<u8>(kindsOf + tuples, kinds == 0 ? INSERT : load<u8>(kinds + row));
    tuples++;
  }
  rewind(call, tuples, rows, kindsOf, 0);
}

function rewind(call: usize, count: u32, rows: usize, kinds: usize, addresses: usize): void {
  store<u32>(call, count, AT_COUNT);
  store<u32>(call, <u32>rows, AT_ROWS);
  store<u32>(call, <u32>kinds, AT_KINDS);
  store<u32>(call, <u32>addresses, AT_ADDRESSES);
  tuplesRewind(call);
}

/** Collects from the first tuple on. */
export function tuplesRewind(call: usize): void {
  store<u32>(call, 0, AT_TUPLE);
  store<u32>(call, 0, AT_HANDLE);
  store<u32>(call, 0, AT_MATCHED);
  store<u32>(call, 0, AT_APPLIED);
}

@inline
function addressOf(call: usize, input: u32, tuple: u32): u32 {
  const stride = load<u32>(call, AT_COUNT);
  return load<u32>(<usize>load<u32>(call, AT_ADDRESSES) + ((input * stride + tuple) << 2));
}

function isComplete(call: usize, tuple: u32): bool {
  const count = load<u32>(call, AT_NEED_COUNT);
  const needs = <usize>load<u32>(call, AT_NEEDS);
  for (let i: u32 = 0; i < count; i++) {
    if (addressOf(call, load<u32>(needs + (i << 2)), tuple) == 0) return false;
  }
  return true;
}

/** Lists the next candidates of the input for its tuples. True when all tuples have been looked at. */
export function tuplesCollect(call: usize): bool {
  const n = load<u32>(call, AT_COUNT);
  const map = <usize>load<u32>(call, AT_MAP);
  const hashes = <usize>load<u32>(call, AT_HASHES);
  const entries = <usize>load<u32>(call, AT_ENTRIES);
  const rows = <usize>load<u32>(call, AT_ROWS);
  const ttl = load<u32>(call, AT_TTL);
  const now = load<u32>(call, AT_NOW);
  const left = load<u32>(call, AT_LEFT);
  const pairTuples = arenaAlloc(PAIRS << 2);
  const pairRows = arenaAlloc(PAIRS << 2);
  store<u32>(call, <u32>pairTuples, AT_PAIR_TUPLES);
  store<u32>(call, <u32>pairRows, AT_PAIR_ROWS);
  let tuple = load<u32>(call, AT_TUPLE);
  let handle = load<u32>(call, AT_HANDLE);
  let pairs: u32 = 0;
  let room: u32 = load<u32>(call, AT_ROOM);
  for (; tuple < n; tuple++) {
    const row = load<u32>(rows + (tuple << 2));
    const entry = <usize>load<u32>(entries + (row << 2));
    if (handle == 0) {
      if (room == 0) break;
      room -= left;
      if (entry == 0 || !isComplete(call, tuple)) continue;
      handle = load<u32>(entry, SET_FIRST);
    }
    const group = groupOf(map, load<u32>(hashes + (row << 3), 4));
    while (handle != 0 && room != 0) {
      const block = logPtrIn(group, handle);
      handle = load<u32>(block, BLOCK_NEXT);
      if (ttl != 0 && isRowExpired(block, now, ttl)) continue;
      store<u32>(pairTuples + (pairs << 2), tuple);
      store<u32>(pairRows + (pairs << 2), <u32>rowOfBlock(block));
      pairs++;
      room--;
    }
    if (handle != 0) break;
  }
  store<u32>(call, tuple, AT_TUPLE);
  store<u32>(call, handle, AT_HANDLE);
  store<u32>(call, pairs, AT_PAIRS);
  return tuple == n;
}

export function tuplesPairs(call: usize): u32 {
  return load<u32>(call, AT_PAIRS);
}

export function tuplesCount(call: usize): u32 {
  return load<u32>(call, AT_COUNT);
}

export function tuplesKinds(call: usize): usize {
  return <usize>load<u32>(call, AT_KINDS);
}

/** u32[…] addresses of an input's rows, of the tuples. */
export function tuplesRows(call: usize, input: u32): usize {
  return <usize>load<u32>(call, AT_ADDRESSES) + ((input * load<u32>(call, AT_COUNT)) << 2);
}

/** The same of the candidates' tuples; of the candidates themselves for the input that is collected. */
export function tuplesPairRows(call: usize, input: u32): usize {
  if (input == load<u32>(call, AT_INPUT)) return <usize>load<u32>(call, AT_PAIR_ROWS);
  const pairs = load<u32>(call, AT_PAIRS);
  const tuples = <usize>load<u32>(call, AT_PAIR_TUPLES);
  const from = tuplesRows(call, input);
  const out = arenaAlloc(pairs << 2);
  for (let i: u32 = 0; i < pairs; i++) {
    store<u32>(out + (i << 2), load<u32>(from + (<usize>load<u32>(tuples + (i << 2)) << 2)));
  }
  return out;
}

/** The batch's own rows (`views` u64 by row) of the tuples. */
export function tuplesOwnRows(call: usize, views: usize): usize {
  const n = load<u32>(call, AT_COUNT);
  const rows = <usize>load<u32>(call, AT_ROWS);
  const out = arenaAlloc(n << 2);
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(out + (i << 2), load<u32>(views + (<usize>load<u32>(rows + (i << 2)) << 3)));
  }
  return out;
}

@inline
function holds(values: usize, validity: usize, at: u32): bool {
  return values == 0 || (load<u8>(values + at) != 0 && (validity == 0 || load<u8>(validity + at) != 0));
}

/** Room for the next input's tuples; those that come are fewer, and lie closer in the end. */
let nextRows: usize = 0;
let nextKinds: usize = 0;
/** u32[room] the tuple that is gone on from, and u32[room] the row that it got. */
let nextFrom: usize = 0;
let nextAdded: usize = 0;
let nextCount: u32 = 0;

function nextBegin(room: u32): void {
  nextRows = arenaAlloc(room << 2);
  nextKinds = arenaAlloc(room);
  nextFrom = arenaAlloc(room << 2);
  nextAdded = arenaAlloc(room << 2);
  nextCount = 0;
}

@inline
function nextAdd(call: usize, tuple: u32, kind: u8, address: u32): void {
  const at = nextCount++;
  store<u32>(nextRows + (at << 2), load<u32>(<usize>load<u32>(call, AT_ROWS) + (tuple << 2)));
  store<u8>(nextKinds + at, kind);
  store<u32>(nextFrom + (at << 2), tuple);
  store<u32>(nextAdded + (at << 2), address);
}

@inline
function kindOf(call: usize, tuple: u32): u8 {
  return load<u8>(<usize>load<u32>(call, AT_KINDS) + tuple);
}

function nextEnd(call: usize, to: usize): void {
  const count = nextCount;
  const input = load<u32>(call, AT_INPUT);
  const addresses = arenaAlloc(((input + 1) * count) << 2);
  for (let k: u32 = 0; k < input; k++) {
    const source = tuplesRows(call, k);
    const target = addresses + ((k * count) << 2);
    for (let i: u32 = 0; i < count; i++) {
      store<u32>(target + (i << 2), load<u32>(source + (<usize>load<u32>(nextFrom + (i << 2)) << 2)));
    }
  }
  memory.copy(addresses + ((input * count) << 2), nextAdded, count << 2);
  rewind(to, count, nextRows, nextKinds, addresses);
}

/** The tuples of the next input, `to`, from the collected candidates that match (values, validity: of the condition, 0 = all). */
export function tuplesApply(call: usize, values: usize, validity: usize, to: usize): void {
  const left = load<u32>(call, AT_LEFT) != 0;
  const pairs = load<u32>(call, AT_PAIRS);
  const tuples = <usize>load<u32>(call, AT_PAIR_TUPLES);
  const rows = <usize>load<u32>(call, AT_PAIR_ROWS);
  const until = load<u32>(call, AT_TUPLE);
  let tuple = load<u32>(call, AT_APPLIED);
  let matched = load<u32>(call, AT_MATCHED);
  nextBegin(pairs + (left ? until - tuple : 0));
  if (left) {
    let pair: u32 = 0;
    for (; tuple <= until; tuple++) {
      while (pair < pairs && load<u32>(tuples + (pair << 2)) == tuple) {
        if (holds(values, validity, pair)) {
          nextAdd(call, tuple, kindOf(call, tuple), load<u32>(rows + (pair << 2)));
          matched = 1;
        }
        pair++;
      }
      if (tuple == until) break;
      if (matched == 0) nextAdd(call, tuple, kindOf(call, tuple), 0);
      matched = 0;
    }
  } else {
    for (let pair: u32 = 0; pair < pairs; pair++) {
      if (!holds(values, validity, pair)) continue;
      const at = load<u32>(tuples + (pair << 2));
      nextAdd(call, at, kindOf(call, at), load<u32>(rows + (pair << 2)));
    }
  }
  store<u32>(call, until, AT_APPLIED);
  store<u32>(call, matched, AT_MATCHED);
  nextEnd(call, to);
}

/**
 * Marks tuples (u8 by tuple) of which a collected candidate of the batch's own input matches: another one than the row that a
 * deletion takes out (`taken`: u32 by row, its address). A deletion of what is not there has another one, so to speak.
 */
export function tuplesOthers(call: usize, values: usize, validity: usize, taken: usize, marks: usize): void {
  const pairs = load<u32>(call, AT_PAIRS);
  const tuples = <usize>load<u32>(call, AT_PAIR_TUPLES);
  const rows = <usize>load<u32>(call, AT_PAIR_ROWS);
  const rowsOf = <usize>load<u32>(call, AT_ROWS);
  for (let pair: u32 = 0; pair < pairs; pair++) {
    if (!holds(values, validity, pair)) continue;
    const tuple = load<u32>(tuples + (pair << 2));
    const row = load<u32>(rowsOf + (tuple << 2));
    if (load<u32>(taken + (row << 2)) != load<u32>(rows + (pair << 2))) store<u8>(marks + tuple, 1);
  }
}

/** Leaves out what is left of the candidates of a marked tuple. */
export function tuplesSkip(call: usize, marks: usize): void {
  const tuple = load<u32>(call, AT_TUPLE);
  if (load<u32>(call, AT_HANDLE) == 0 || load<u8>(marks + tuple) == 0) return;
  store<u32>(call, tuple + 1, AT_TUPLE);
  store<u32>(call, 0, AT_HANDLE);
}

/** `marks` of tuplesOthers to what tuplesOwn reads. */
export function tuplesAlone(call: usize, taken: usize, marks: usize): void {
  const n = load<u32>(call, AT_COUNT);
  const rows = <usize>load<u32>(call, AT_ROWS);
  for (let tuple: u32 = 0; tuple < n; tuple++) {
    const row = load<u32>(rows + (tuple << 2));
    const known = (kindOf(call, tuple) & 1) == 0 || load<u32>(taken + (row << 2)) != 0;
    store<u8>(marks + tuple, known && load<u8>(marks + tuple) == 0 ? 1 : 0);
  }
}

/**
 * The tuples of the next input from those that match the batch's own row. Of a LEFT input: where it stands alone (`alone`, u8
 * by tuple, or by row of the batch), what was padded with NULLs is taken back first, or comes again behind it.
 */
export function tuplesOwn(
  call: usize,
  own: usize,
  values: usize,
  validity: usize,
  alone: usize,
  byRow: bool,
  to: usize,
): void {
  const n = load<u32>(call, AT_COUNT);
  const rows = <usize>load<u32>(call, AT_ROWS);
  nextBegin(alone == 0 ? n : n << 1);
  for (let tuple: u32 = 0; tuple < n; tuple++) {
    if (!isComplete(call, tuple) || !holds(values, validity, tuple)) continue;
    const kind = kindOf(call, tuple);
    const address = load<u32>(own + (tuple << 2));
    const at = byRow ? load<u32>(rows + (tuple << 2)) : tuple;
    const pads = alone != 0 && load<u8>(alone + at) != 0;
    if (pads && (kind & 1) == 0) nextAdd(call, tuple, DELETE, 0);
    nextAdd(call, tuple, kind, address);
    if (pads && (kind & 1) != 0) nextAdd(call, tuple, INSERT, 0);
  }
  nextEnd(call, to);
}

/**
 * Rows of a batch in rounds, such that no two of one round have the same entry (u32 by row, 0 = no key, any round): `order`
 * (u32[n]) has them round by round, `ends` (u32[n]) where each round ends. Returns the number of rounds.
 */
export function entryRounds(n: u32, entries: usize, order: usize, ends: usize): u32 {
  let slots: u32 = 16;
  while (slots < n << 1) slots <<= 1;
  const table = arenaAlloc(slots << 3);
  memory.fill(table, 0, slots << 3);
  const roundOf = arenaAlloc(n << 2);
  let rounds: u32 = n == 0 ? 0 : 1;
  for (let row: u32 = 0; row < n; row++) {
    const entry = load<u32>(entries + (row << 2));
    let round: u32 = 0;
    if (entry != 0) {
      let slot = ((entry >>> 3) * 0x9e3779b1) & (slots - 1);
      while (load<u32>(table + (slot << 3)) != 0 && load<u32>(table + (slot << 3)) != entry) slot = (slot + 1) & (slots - 1);
      store<u32>(table + (slot << 3), entry);
      round = load<u32>(table + (slot << 3), 4);
      store<u32>(table + (slot << 3), round + 1, 4);
    }
    store<u32>(roundOf + (row << 2), round);
    rounds = max<u32>(rounds, round + 1);
  }
  memory.fill(ends, 0, rounds << 2);
  for (let row: u32 = 0; row < n; row++) {
    const at = ends + (<usize>load<u32>(roundOf + (row << 2)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let sum: u32 = 0;
  for (let round: u32 = 0; round < rounds; round++) {
    const at = ends + (round << 2);
    const size = load<u32>(at);
    store<u32>(at, sum);
    sum += size;
  }
  for (let row: u32 = 0; row < n; row++) {
    const at = ends + (<usize>load<u32>(roundOf + (row << 2)) << 2);
    const place = load<u32>(at);
    store<u32>(order + (place << 2), row);
    store<u32>(at, place + 1);
  }
  return rounds;
}
