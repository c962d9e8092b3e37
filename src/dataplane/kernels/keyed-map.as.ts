/**
 * Keyed maps: key → fixed-width value at a stable address; the contract is
 * dataplane/contract/keyed-state.ts.
 *
 * Flow:    operators (one call per batch) and generated code → here → pages of state, log (variable
 *          keys).
 * Index:   per key group, buckets of 64 bytes: u32[8] upper hash halves, then u32[8] EntryPtrs; what
 *          is taken comes first, EntryPtr 0 is free. Home of a hash: the fraction of hash ·
 *          maxParallelism / 2^32 (what the key group leaves of the hash) scaled to the number of
 *          buckets, so buckets lie in hash order and growth streams from old to new. A key whose home
 *          is full lies in the next bucket that is not, cyclically: a bucket that is not full ends
 *          every search. A bucket is one cache line and compared whole. Load at most 0.8; 1, 2, 4 …
 *          64 buckets, then half as many pages again: 10 to 15 bytes a key. One group grows at a
 *          time: no pause is longer than one group's rehash, and that reads no entry.
 * Entries: slabs of one page; a page that was emptied is given back by mapTrim, never during an
 *          operator's call, so entries may be removed while iterating. Free entries are zero, their
 *          hash field links them.
 * Batches: blocks of 128 rows in passes (buckets, keys, comparison). What misses the cache is read in
 *          loops of a few instructions that wait for nothing, so that many misses are under way at once.
 * Spilled: the slots of entries whose page is spilled hold (its number << 1 | 1), and still do when it was read back: most
 *          such pages go again after one look at one of their entries, which is then found by its hash on the page. After
 *          SPARSE_LOOKS of them the slots get the addresses.
 * TTL:     the low 31 bits of meta are the second of the last write modulo 2^31; an expired entry
 *          is absent to find, starts from zero on upsert, and is swept by mapSweep. What its
 *          handles point to is freed with it.
 */
import { copyBytes, equalBytes } from "./copy.as";
import {
  FAILURE_LENGTH,
  INFO_BUMP,
  INFO_FREE,
  INFO_KIND,
  INFO_LIVE,
  INFO_LOGICAL,
  INFO_NEXT,
  INFO_PREVIOUS,
  INFO_SPARSE,
  blockAllocate,
  blockFree,
  fail,
  infoOf,
  resetPages,
  seenTable,
} from "./memory.as";
import { resetArena } from "./arena.as";
import { LOG_HEADS_BYTES, allocate, freeChainIn, freeIn, logPtrIn } from "./log.as";
import {
  GROUP_BUCKETS,
  GROUP_COUNT,
  GROUP_DIRECTORY,
  GROUP_DIRECTORY_SIZE,
  GROUP_DIRECTORY_USED,
  GROUP_INDEX,
  GROUP_KEY_GROUP,
  GROUP_LIMIT,
  GROUP_LOG,
  GROUP_MAP,
  GROUP_PARTIAL,
  GROUP_SHIFT,
  GROUP_UNINDEXED,
  KIND_ENTRIES,
  KIND_RUN,
  MAP_BYTES,
  MAP_COLD,
  MAP_DOMAIN,
  MAP_EMPTY_PAGES,
  MAP_ENTRY_BYTES,
  MAP_FIRST_GROUP,
  MAP_GROUPS,
  MAP_GROUP_COUNT,
  MAP_HANDLES,
  MAP_HANDLE_COUNT,
  MAP_ID,
  MAP_KEY_BYTES,
  MAP_KEY_KIND,
  MAP_MAX_PARALLELISM,
  MAP_NEXT,
  MAP_PAGES,
  MAP_PER_PAGE,
  MAP_PREVIOUS,
  MAP_SIZE,
  MAP_SWEEP_CURSOR,
  MAP_SWEEP_GROUP,
  MAP_TTL_SECONDS,
  MAP_UNINDEXED,
  MAP_VALUE_BYTES,
  addressOfNumber,
  allocateStatePages,
  freeStatePages,
  groupOf,
  runPages,
  touchPage,
} from "./keyed-map-pages.as";
import { indexGroup, indexMap } from "./restore.as";
import { DOMAIN_MAPS, DOMAIN_NEXT_ID, resetSnapshots } from "./snapshot.as";
import { NEVER, forgetNumber, isLogCold, loadPagesOf, loadRequested, numberWithRoom, oldestOf, request, resetSpill } from "./spill.as";

/** About as many as make up for two passes over the slots of a page. */
export const SPARSE_LOOKS: u8 = 16;

const LIVE: u32 = 0x80000000;
const TIME: u32 = 0x7fffffff;
const KEY_FIXED: u32 = 0;
const KEY_8: u32 = 1;
const KEY_16: u32 = 2;
const KEY_VARIABLE: u32 = 3;
const BLOCK: u32 = 128;

/** Slots of a bucket, where its EntryPtrs begin, and its last one: 0 unless the bucket is full. */
const WAYS: u32 = 8;
const BUCKET_BYTES: usize = 64;
const BUCKET_SHIFT: u32 = 6;
const BUCKET_ENTRIES: usize = 32;
const BUCKET_LAST: usize = 60;
const BUCKETS_PER_PAGE: u32 = 64;

const emptyIndex: usize = memory.data(64, 16);
const homes: usize = memory.data(4 * 128, 16);
const candidates: usize = memory.data(4 * 128, 16);
/** Of the entries of one page: at most 4096 / 8. */
const pageHomes: usize = memory.data(4 * 512, 16);
const candidateKeys: usize = memory.data(8 * 128, 16);
const readAhead: usize = memory.data(4, 16);

let now: u32 = 0;

/** The second that counts as now for TTL: epoch seconds. Set before each batch. */
export function stateSetTime(seconds: u32): void {
  now = seconds & TIME;
}

/**
 * Forgets all state and the arena: the worker's memory is as after its start (contents are not
 * cleared).
 */
export function memoryReset(): void {
  resetArena();
  resetPages();
  resetSpill();
  resetSnapshots();
  now = 0;
}

/**
 * keyBytes: multiple of 8, or -1 for variable keys. Owns the key groups [firstGroup, firstGroup +
 * groupCount). ttlSeconds 0 = never. `domain`: maps that are snapshotted together, see
 * snapshot.as.ts.
 */
export function mapCreate(
  domain: usize,
  maxParallelism: u32,
  firstGroup: u32,
  groupCount: u32,
  keyBytes: i32,
  valueBytes: u32,
  ttlSeconds: u32,
): usize {
  const stored: u32 = keyBytes < 0 ? 8 : keyBytes;
  const entryBytes = 8 + stored + valueBytes;
  if (((stored | valueBytes) & 7) != 0 || entryBytes > 4096 || entryBytes < 8) fail(FAILURE_LENGTH);
  const map = blockAllocate(MAP_BYTES);
  const groups = blockAllocate(groupCount << GROUP_SHIFT);
  store<u32>(map, <u32>groups, MAP_GROUPS);
  store<u32>(map, maxParallelism, MAP_MAX_PARALLELISM);
  store<u32>(map, firstGroup, MAP_FIRST_GROUP);
  store<u32>(map, groupCount, MAP_GROUP_COUNT);
  store<u32>(map, stored, MAP_KEY_BYTES);
  store<u32>(map, valueBytes, MAP_VALUE_BYTES);
  store<u32>(map, entryBytes, MAP_ENTRY_BYTES);
  let kind = KEY_FIXED;
  if (keyBytes < 0) kind = KEY_VARIABLE;
  else if (keyBytes == 8) kind = KEY_8;
  else if (keyBytes == 16) kind = KEY_16;
  store<u32>(map, kind, MAP_KEY_KIND);
  store<u32>(map, ttlSeconds, MAP_TTL_SECONDS);
  store<u32>(map, 4096 / entryBytes, MAP_PER_PAGE);
  for (let i: u32 = 0; i < groupCount; i++) {
    const group = groups + (i << GROUP_SHIFT);
    store<u32>(group, <u32>emptyIndex, GROUP_INDEX);
    store<u32>(group, 1, GROUP_BUCKETS);
    store<u32>(group, <u32>map, GROUP_MAP);
    store<u32>(group, firstGroup + i, GROUP_KEY_GROUP);
  }
  const id = load<u32>(domain, DOMAIN_NEXT_ID);
  store<u32>(domain, id + 1, DOMAIN_NEXT_ID);
  store<u32>(map, id, MAP_ID);
  store<u32>(map, <u32>domain, MAP_DOMAIN);
  const next = load<u32>(domain, DOMAIN_MAPS);
  store<u32>(map, next, MAP_NEXT);
  if (next != 0) store<u32>(<usize>next, <u32>map, MAP_PREVIOUS);
  store<u32>(domain, <u32>map, DOMAIN_MAPS);
  return map;
}

/** Another TTL from now on; 0 = never. */
export function mapSetTtl(map: usize, seconds: u32): void {
  store<u32>(map, seconds, MAP_TTL_SECONDS);
}

/**
 * Offsets within the value of handles whose chains are freed when an entry expires. offsets:
 * u32[count].
 */
export function mapSetHandles(map: usize, offsets: usize, count: u32): void {
  const old = load<u32>(map, MAP_HANDLE_COUNT);
  if (old != 0) blockFree(load<u32>(map, MAP_HANDLES), old << 2);
  store<u32>(map, count, MAP_HANDLE_COUNT);
  if (count == 0) return;
  const copy = blockAllocate(count << 2);
  memory.copy(copy, offsets, count << 2);
  store<u32>(map, <u32>copy, MAP_HANDLES);
}

/** Number of the map within its domain, as it stands in snapshot records. */
export function mapId(map: usize): u32 {
  return load<u32>(map, MAP_ID);
}

/** Frees the map with all its pages. */
export function mapDestroy(map: usize): void {
  const count = load<u32>(map, MAP_GROUP_COUNT);
  const groups = <usize>load<u32>(map, MAP_GROUPS);
  for (let i: u32 = 0; i < count; i++) destroyGroup(groups + (i << GROUP_SHIFT));
  blockFree(groups, count << GROUP_SHIFT);
  const next = load<u32>(map, MAP_NEXT);
  const previous = load<u32>(map, MAP_PREVIOUS);
  if (next != 0) store<u32>(<usize>next, previous, MAP_PREVIOUS);
  if (previous != 0) store<u32>(<usize>previous, next, MAP_NEXT);
  else store<u32>(<usize>load<u32>(map, MAP_DOMAIN), next, DOMAIN_MAPS);
  mapSetHandles(map, 0, 0);
  blockFree(map, MAP_BYTES);
}

function destroyGroup(group: usize): void {
  const used = load<u32>(group, GROUP_DIRECTORY_USED);
  for (let number: u32 = 1; number < used; number++) {
    if (forgetNumber(group, number)) continue;
    const address = addressOfNumber(group, number);
    if (address == 0) continue;
    const kind = load<u8>(infoOf(<u32>(address >>> 12)), INFO_KIND);
    freeStatePages(group, address, kind == KIND_RUN ? runPages(address) : 1);
  }
  freeIndex(group);
  const directory = <usize>load<u32>(group, GROUP_DIRECTORY);
  if (directory != 0) blockFree(directory, load<u32>(group, GROUP_DIRECTORY_SIZE) << 2);
  const log = <usize>load<u32>(group, GROUP_LOG);
  if (log != 0) blockFree(log, LOG_HEADS_BYTES);
}

/** Entries; builds what is left to build of a restored map's index. */
export function mapSize(map: usize): u32 {
  if (load<u32>(map, MAP_UNINDEXED) != 0) indexMap(map);
  return load<u32>(map, MAP_SIZE);
}

/** Entries, as far as is known without reading anything. */
export function mapEntries(map: usize): u32 {
  return load<u32>(map, MAP_SIZE);
}

/** Pages of state that the map holds, entries and log; its index is not counted. */
export function mapPages(map: usize): u32 {
  return load<u32>(map, MAP_PAGES);
}

/** Of them those that are not in memory. */
export function mapSpilledPages(map: usize): u32 {
  return load<u32>(map, MAP_COLD);
}

/** Find or insert each of n keys; entries: u32[n]. Their pages are touched. hashes: u64[n]. */
export function mapUpsertBatch(
  map: usize,
  n: u32,
  hashes: usize,
  keys: usize,
  entries: usize,
): void {
  if (load<u32>(map, MAP_COLD) != 0) prefetch(map, n, hashes);
  const kind = load<u32>(map, MAP_KEY_KIND);
  if (kind == KEY_8) upsertBlocks(KEY_8, map, n, hashes, keys, entries);
  else if (kind == KEY_16) upsertBlocks(KEY_16, map, n, hashes, keys, entries);
  else if (kind == KEY_VARIABLE) upsertBlocks(KEY_VARIABLE, map, n, hashes, keys, entries);
  else upsertBlocks(KEY_FIXED, map, n, hashes, keys, entries);
}

/** Find each of n keys; 0 where absent or expired; nothing is touched. */
export function mapFindBatch(
  map: usize,
  n: u32,
  hashes: usize,
  keys: usize,
  entries: usize,
): void {
  if (load<u32>(map, MAP_COLD) != 0) prefetch(map, n, hashes);
  const kind = load<u32>(map, MAP_KEY_KIND);
  if (kind == KEY_8) findBlocks(KEY_8, map, n, hashes, keys, entries);
  else if (kind == KEY_16) findBlocks(KEY_16, map, n, hashes, keys, entries);
  else if (kind == KEY_VARIABLE) findBlocks(KEY_VARIABLE, map, n, hashes, keys, entries);
  else findBlocks(KEY_FIXED, map, n, hashes, keys, entries);
}

@inline
function upsertBlocks(
  kind: u32,
  map: usize,
  n: u32,
  hashes: usize,
  keys: usize,
  entries: usize,
): void {
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const ttl = load<u32>(map, MAP_TTL_SECONDS);
  for (let base: u32 = 0; base < n; base += BLOCK) {
    const count = min<u32>(n - base, BLOCK);
    const blockHashes = hashes + (base << 3);
    const blockEntries = entries + (base << 2);
    locate(kind, map, count, blockHashes, keyBytes);
    for (let i: u32 = 0; i < count; i++) {
      const row = base + i;
      let entry = <usize>load<u32>(candidates + (i << 2));
      const hash = load<u32>(blockHashes + (i << 3), 4);
      if (kind == KEY_VARIABLE) {
        const view = keys + (row << 3);
        const bytes = <usize>load<u32>(view);
        const length = load<u32>(view, 4);
        if (entry == 0 || !variableEqual(entry, i, bytes, length)) {
          entry = upsertOne(map, hash, bytes, length);
        }
      } else if (kind == KEY_8) {
        if (entry == 0 || load<u64>(candidateKeys + (i << 3)) != load<u64>(keys + (row << 3))) {
          entry = upsertOne(map, hash, keys + (row << 3), 8);
        }
      } else if (kind == KEY_16) {
        const key = keys + (row << 4);
        if (entry == 0 || !pairEqual(entry, key)) entry = upsertOne(map, hash, key, 16);
      } else {
        const key = keys + row * keyBytes;
        if (entry == 0 || !fixedEqual(entry, key, keyBytes)) {
          entry = upsertOne(map, hash, key, keyBytes);
        }
      }
      touchPage(entry);
      if (ttl != 0) refresh(map, entry, hash, keyBytes, ttl);
      store<u32>(blockEntries + (i << 2), <u32>entry);
    }
  }
}

@inline
function findBlocks(
  kind: u32,
  map: usize,
  n: u32,
  hashes: usize,
  keys: usize,
  entries: usize,
): void {
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const ttl = load<u32>(map, MAP_TTL_SECONDS);
  for (let base: u32 = 0; base < n; base += BLOCK) {
    const count = min<u32>(n - base, BLOCK);
    const blockHashes = hashes + (base << 3);
    const blockEntries = entries + (base << 2);
    locate(kind, map, count, blockHashes, keyBytes);
    for (let i: u32 = 0; i < count; i++) {
      const row = base + i;
      let entry = <usize>load<u32>(candidates + (i << 2));
      if (entry != 0) {
        const hash = load<u32>(blockHashes + (i << 3), 4);
        if (kind == KEY_VARIABLE) {
          const view = keys + (row << 3);
          const bytes = <usize>load<u32>(view);
          const length = load<u32>(view, 4);
          if (!variableEqual(entry, i, bytes, length)) {
            entry = findOne(map, hash, bytes, length);
          }
        } else if (kind == KEY_8) {
          if (load<u64>(candidateKeys + (i << 3)) != load<u64>(keys + (row << 3))) {
            entry = findOne(map, hash, keys + (row << 3), 8);
          }
        } else if (kind == KEY_16) {
          const key = keys + (row << 4);
          if (!pairEqual(entry, key)) entry = findOne(map, hash, key, 16);
        } else {
          const key = keys + row * keyBytes;
          if (!fixedEqual(entry, key, keyBytes)) entry = findOne(map, hash, key, keyBytes);
        }
        if (ttl != 0 && entry != 0 && expired(entry, keyBytes, ttl)) entry = 0;
      }
      store<u32>(blockEntries + (i << 2), <u32>entry);
    }
  }
}

/**
 * Fills `candidates` with the first entry of the same 32 hash bits, or 0, and `candidateKeys` with
 * the first bytes of their keys. Every loop whose reads miss the cache is short, so that the misses
 * of many rows are under way at once: buckets in the second, entries in the last.
 */
@inline
function locate(kind: u32, map: usize, count: u32, hashes: usize, keyBytes: u32): void {
  const maxParallelism = <u64>load<u32>(map, MAP_MAX_PARALLELISM);
  const firstGroup = load<u32>(map, MAP_FIRST_GROUP);
  const groupCount = load<u32>(map, MAP_GROUP_COUNT);
  const groups = <usize>load<u32>(map, MAP_GROUPS);
  for (let i: u32 = 0; i < count; i++) {
    const hash = load<u32>(hashes + (i << 3), 4);
    const product = <u64>hash * maxParallelism;
    const index = <u32>(product >>> 32) - firstGroup;
    if (index >= groupCount) fail(2);
    const group = groups + (index << GROUP_SHIFT);
    const home =
      load<u32>(group, GROUP_INDEX) +
      (<u32>((<u64>(<u32>product) * <u64>load<u32>(group, GROUP_BUCKETS)) >>> 32) << BUCKET_SHIFT);
    store<u32>(homes + (i << 2), home);
  }
  let seen: u32 = 0;
  for (let i: u32 = 0; i < count; i++) seen ^= load<u32>(<usize>load<u32>(homes + (i << 2)));
  for (let i: u32 = 0; i < count; i++) {
    const home = <usize>load<u32>(homes + (i << 2));
    const hash = load<u32>(hashes + (i << 3), 4);
    const match = matchesIn(home, hash);
    // Without a match ctz is 32: masked, and the bucket tells whether the search goes on.
    let entry = load<u32>(home + ((ctz<u32>(match) & (WAYS - 1)) << 2), BUCKET_ENTRIES);
    if (match == 0) {
      entry = 0;
      if (load<u32>(home, BUCKET_LAST) != 0) entry = locateBeyond(map, home, hash);
    }
    if (entry & 1) entry = loadCandidate(map, load<u32>(hashes + (i << 3), 4), entry);
    store<u32>(candidates + (i << 2), entry);
  }
  // An accumulator often ends in the next cache line. Address 0 is memory too.
  const ahead = kind == KEY_8 ? 8 : keyBytes + 8;
  const behind = max<u32>(load<u32>(map, MAP_VALUE_BYTES), 8) - 8;
  for (let i: u32 = 0; i < count; i++) {
    const entry = load<u32>(candidates + (i << 2));
    store<u64>(candidateKeys + (i << 3), load<u64>(<usize>(max<u32>(entry, ahead) - ahead)));
    seen ^= load<u32>(<usize>(entry + behind));
  }
  // Stored, so that no compiler leaves the reads out.
  store<u32>(readAhead, seen);
  if (kind == KEY_VARIABLE) locateBytes(map, count, hashes);
}

/** Fills `homes` with the addresses of the candidates' keys, whose first bytes are read; 0 = none. */
function locateBytes(map: usize, count: u32, hashes: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const entry = <usize>load<u32>(candidates + (i << 2));
    const handle: u32 = entry == 0 ? 0 : load<u32>(entry - 8);
    let at: usize = 0;
    if (handle != 0) at = logPtrIn(groupOf(map, load<u32>(hashes + (i << 3), 4)), handle);
    store<u32>(homes + (i << 2), <u32>at);
    store<u64>(candidateKeys + (i << 3), load<u64>(at));
  }
}

/** The slots of a bucket with a hash, one bit each; a free slot looks like hash 0. */
@inline
function matchesIn(bucket: usize, hash: u32): u32 {
  const wanted = i32x4.splat(<i32>hash);
  const low = i32x4.bitmask(i32x4.eq(v128.load(bucket), wanted));
  return <u32>(low | (i32x4.bitmask(i32x4.eq(v128.load(bucket, 16), wanted)) << 4));
}

/** The first entry of the same 32 hash bits behind a full home bucket without one, or 0. */
function locateBeyond(map: usize, home: usize, hash: u32): u32 {
  const group = groupOf(map, hash);
  let bucket = home;
  while (load<u32>(bucket, BUCKET_LAST) != 0) {
    bucket = nextBucket(group, bucket);
    const match = matchesIn(bucket, hash);
    if (match != 0) return load<u32>(bucket + (ctz<u32>(match) << 2), BUCKET_ENTRIES);
  }
  return 0;
}

/**
 * Reads back every page that a batch's keys may be on, in one round, and then those of their variable
 * keys and of what their values' handles point to. Marks what is there already as used.
 */
function prefetch(map: usize, n: u32, hashes: usize): void {
  if (load<u32>(map, MAP_UNINDEXED) != 0) {
    for (let i: u32 = 0; i < n; i++) {
      const group = groupOf(map, load<u32>(hashes + (i << 3), 4));
      if (load<u32>(group, GROUP_UNINDEXED) != 0) indexGroup(map, group);
    }
  }
  for (let i: u32 = 0; i < n; i++) prefetchRow(map, load<u32>(hashes + (i << 3), 4), 0);
  loadRequested();
  const variable = load<u32>(map, MAP_KEY_KIND) == KEY_VARIABLE;
  if (!variable && load<u32>(map, MAP_HANDLE_COUNT) == 0) return;
  for (let i: u32 = 0; i < n; i++) {
    const hash = load<u32>(hashes + (i << 3), 4);
    if (variable) prefetchRow(map, hash, 1);
    prefetchRow(map, hash, 2);
  }
  loadRequested();
}

/** Of the entries with a hash: 0 their pages, 1 the pages of their keys, 2 of their handles. */
@inline
function prefetchRow(map: usize, hash: u32, what: u32): void {
  const group = groupOf(map, hash);
  let bucket = homeOf(group, load<u32>(map, MAP_MAX_PARALLELISM), hash);
  while (true) {
    for (let match = matchesIn(bucket, hash); match != 0; match &= match - 1) {
      const entry = load<u32>(bucket + (ctz<u32>(match) << 2), BUCKET_ENTRIES);
      if (entry == 0) continue;
      if (what == 0) {
        if (entry & 1) request(group, entry >>> 1);
        else store<u8>(seenTable + (entry >>> 12), 1);
      } else if (entry & 1) {
        prefetchSparse(map, group, hash, entry >>> 1, what);
      } else {
        prefetchEntry(map, group, entry, what);
      }
    }
    if (load<u32>(bucket, BUCKET_LAST) == 0) return;
    bucket = nextBucket(group, bucket);
  }
}

@inline
function prefetchEntry(map: usize, group: usize, entry: usize, what: u32): void {
  if (what == 1) request(group, load<u32>(entry - 8) >>> 9);
  else prefetchHandles(map, group, entry);
}

/** As prefetchEntry, of the entries with a hash on a page that is known by its number. */
function prefetchSparse(map: usize, group: usize, hash: u32, number: u32, what: u32): void {
  const page = addressOfNumber(group, number);
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const end = page + (<usize>load<u16>(infoOf(<u32>(page >>> 12)), INFO_BUMP) << 3);
  for (let at = page; at < end; at += entryBytes) {
    if (load<u32>(at) != hash || (load<u32>(at, 4) & LIVE) == 0) continue;
    prefetchEntry(map, group, at + 8 + keyBytes, what);
  }
}

function prefetchHandles(map: usize, group: usize, entry: usize): void {
  const count = load<u32>(map, MAP_HANDLE_COUNT);
  const offsets = <usize>load<u32>(map, MAP_HANDLES);
  for (let i: u32 = 0; i < count; i++) {
    request(group, load<u32>(entry + load<u32>(offsets + (i << 2))) >>> 9);
  }
}

/** The first entry with a hash on a page that is read back; `marker` is what its slot holds. */
function loadCandidate(map: usize, hash: u32, marker: u32): u32 {
  const group = groupOf(map, hash);
  const page = addressOfNumber(group, marker >>> 1);
  lookedAt(map, group, page);
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  const end = page + (<usize>load<u16>(infoOf(<u32>(page >>> 12)), INFO_BUMP) << 3);
  for (let entry = page; entry < end; entry += entryBytes) {
    if (load<u32>(entry) == hash && load<u32>(entry, 4) & LIVE) {
      return <u32>entry + 8 + load<u32>(map, MAP_KEY_BYTES);
    }
  }
  return 0;
}

/** One more look at a page whose slots hold its number: enough of them, and they hold addresses. */
function lookedAt(map: usize, group: usize, address: usize): void {
  const page = <u32>(address >>> 12);
  const info = infoOf(page);
  const left = load<u8>(info, INFO_SPARSE);
  if (left == 0) return;
  store<u8>(info, left - 1, INFO_SPARSE);
  if (left == 1) swapSlots(map, group, page, (load<u32>(info, INFO_LOGICAL) << 1) | 1, false);
}

/** What the slot of an entry holds. */
@inline
function slotValue(entry: usize): u32 {
  const info = infoOf(<u32>(entry >>> 12));
  return load<u8>(info, INFO_SPARSE) == 0 ? <u32>entry : (load<u32>(info, INFO_LOGICAL) << 1) | 1;
}

/**
 * The slots of a page's entries hold `marker` from now on (out), or the entries' addresses (in). The
 * buckets are read in a loop of their own first, so that their cache misses overlap.
 */
export function swapSlots(map: usize, group: usize, page: u32, marker: u32, out: bool): void {
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const maxParallelism = load<u32>(map, MAP_MAX_PARALLELISM);
  const begin = <usize>page << 12;
  const end = begin + (<usize>load<u16>(infoOf(page), INFO_BUMP) << 3);
  let count: u32 = 0;
  for (let at = begin; at < end; at += entryBytes, count++) {
    store<u32>(pageHomes + (count << 2), <u32>homeOf(group, maxParallelism, load<u32>(at)));
  }
  let seen: u32 = 0;
  for (let i: u32 = 0; i < count; i++) seen ^= load<u32>(<usize>load<u32>(pageHomes + (i << 2)));
  store<u32>(readAhead, seen);
  for (let at = begin, i: u32 = 0; at < end; at += entryBytes, i++) {
    if ((load<u32>(at, 4) & LIVE) == 0) continue;
    const hash = load<u32>(at);
    const entry = <u32>at + 8 + keyBytes;
    let bucket = <usize>load<u32>(pageHomes + (i << 2));
    while (!swapIn(bucket, hash, out ? entry : marker, out ? marker : entry)) {
      if (load<u32>(bucket, BUCKET_LAST) == 0) fail(4);
      bucket = nextBucket(group, bucket);
    }
  }
}

@inline
function swapIn(bucket: usize, hash: u32, from: u32, to: u32): bool {
  const wanted = i32x4.splat(<i32>from);
  const low = i32x4.bitmask(i32x4.eq(v128.load(bucket, BUCKET_ENTRIES), wanted));
  const high = i32x4.bitmask(i32x4.eq(v128.load(bucket, BUCKET_ENTRIES + 16), wanted));
  const match = matchesIn(bucket, hash) & <u32>(low | (high << 4));
  if (match == 0) return false;
  store<u32>(bucket + (ctz<u32>(match) << 2), to, BUCKET_ENTRIES);
  return true;
}

/** The second of the last write of a page's entry that is the oldest, as it stands in meta. */
export function oldestEntry(map: usize, page: u32, time: u32): u32 {
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  const end = (<usize>page << 12) + (<usize>load<u16>(infoOf(page), INFO_BUMP) << 3);
  let age: u32 = 0;
  for (let begin = <usize>page << 12; begin < end; begin += entryBytes) {
    const meta = load<u32>(begin, 4);
    if ((meta & LIVE) == 0) continue;
    const older = (time - meta) & TIME;
    if (older < 0x40000000) age = max<u32>(age, older);
  }
  return (time - age) & TIME;
}

export function stateTime(): u32 {
  return now;
}

@inline
function nextBucket(group: usize, bucket: usize): usize {
  const index = <usize>load<u32>(group, GROUP_INDEX);
  const next = bucket + BUCKET_BYTES;
  return next == index + (load<u32>(group, GROUP_BUCKETS) << BUCKET_SHIFT) ? index : next;
}

@inline
function pairEqual(entry: usize, key: usize): bool {
  return (
    ((load<u64>(entry - 16) ^ load<u64>(key)) | (load<u64>(entry - 8) ^ load<u64>(key, 8))) == 0
  );
}

@inline
function fixedEqual(entry: usize, key: usize, keyBytes: u32): bool {
  const stored = entry - keyBytes;
  for (let i: u32 = 0; i < keyBytes; i += 8) {
    if (load<u64>(stored + i) != load<u64>(key + i)) return false;
  }
  return true;
}

/** `row`: of the block, whose candidate's key locate has looked up. */
@inline
function variableEqual(entry: usize, row: u32, bytes: usize, length: u32): bool {
  if (load<u32>(entry - 4) != length) return false;
  return equalBytes(<usize>load<u32>(homes + (row << 2)), bytes, length);
}

function variableEqualIn(group: usize, entry: usize, bytes: usize, length: u32): bool {
  if (load<u32>(entry - 4) != length) return false;
  if (length == 0) return true;
  return equalBytes(logPtrIn(group, load<u32>(entry - 8)), bytes, length);
}

@inline
function keyEqual(map: usize, group: usize, entry: usize, key: usize, length: u32): bool {
  if (load<u32>(map, MAP_KEY_KIND) == KEY_VARIABLE) {
    return variableEqualIn(group, entry, key, length);
  }
  return fixedEqual(entry, key, length);
}

@inline
function homeOf(group: usize, maxParallelism: u32, hash: u32): usize {
  const fraction = <u64>(<u32>(hash * maxParallelism));
  return (
    <usize>load<u32>(group, GROUP_INDEX) +
    (<usize>(<u32>((fraction * <u64>load<u32>(group, GROUP_BUCKETS)) >>> 32)) << BUCKET_SHIFT)
  );
}

/** hash: of the key, 64 bits. keyLength counts for variable keys only. The page is touched. */
export function mapUpsert(map: usize, hash: u64, key: usize, keyLength: u32): usize {
  const upper = <u32>(hash >>> 32);
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const variable = load<u32>(map, MAP_KEY_KIND) == KEY_VARIABLE;
  const entry = upsertOne(map, upper, key, variable ? keyLength : keyBytes);
  touchPage(entry);
  const ttl = load<u32>(map, MAP_TTL_SECONDS);
  if (ttl != 0) refresh(map, entry, upper, keyBytes, ttl);
  return entry;
}

/** 0 when absent or expired. */
export function mapFind(map: usize, hash: u64, key: usize, keyLength: u32): usize {
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const variable = load<u32>(map, MAP_KEY_KIND) == KEY_VARIABLE;
  const entry = findOne(map, <u32>(hash >>> 32), key, variable ? keyLength : keyBytes);
  const ttl = load<u32>(map, MAP_TTL_SECONDS);
  return entry != 0 && ttl != 0 && expired(entry, keyBytes, ttl) ? 0 : entry;
}

function findOne(map: usize, hash: u32, key: usize, length: u32): usize {
  const group = groupOf(map, hash);
  if (load<u32>(group, GROUP_UNINDEXED) != 0) indexGroup(map, group);
  let bucket = homeOf(group, load<u32>(map, MAP_MAX_PARALLELISM), hash);
  while (true) {
    for (let match = matchesIn(bucket, hash); match != 0; match &= match - 1) {
      const slot = bucket + (ctz<u32>(match) << 2);
      let entry = load<u32>(slot, BUCKET_ENTRIES);
      if (entry & 1) entry = findOnPage(map, group, entry >>> 1, hash, key, length);
      else if (entry != 0 && !keyEqual(map, group, entry, key, length)) entry = 0;
      if (entry != 0) return entry;
    }
    if (load<u32>(bucket, BUCKET_LAST) == 0) return 0;
    bucket = nextBucket(group, bucket);
  }
  return 0;
}

/** The entry of a key on a page, which is read back if it is spilled; 0 when it has none. */
function findOnPage(
  map: usize,
  group: usize,
  number: u32,
  hash: u32,
  key: usize,
  length: u32,
): u32 {
  const page = addressOfNumber(group, number);
  lookedAt(map, group, page);
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const end = page + (<usize>load<u16>(infoOf(<u32>(page >>> 12)), INFO_BUMP) << 3);
  for (let at = page; at < end; at += entryBytes) {
    if (load<u32>(at) != hash || (load<u32>(at, 4) & LIVE) == 0) continue;
    const entry = at + 8 + keyBytes;
    if (keyEqual(map, group, entry, key, length)) return <u32>entry;
  }
  return 0;
}

function upsertOne(map: usize, hash: u32, key: usize, length: u32): usize {
  const found = findOne(map, hash, key, length);
  if (found != 0) return found;
  const group = groupOf(map, hash);
  const count = load<u32>(group, GROUP_COUNT);
  if (count >= load<u32>(group, GROUP_LIMIT)) resizeIndex(map, group, largerIndex(group));
  let handle: u32 = 0;
  const variable = load<u32>(map, MAP_KEY_KIND) == KEY_VARIABLE;
  if (variable && length != 0) {
    handle = allocate(group, length, 0);
    copyBytes(logPtrIn(group, handle), key, length);
  }
  const entry = allocateEntry(map, group);
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  store<u32>(entry - keyBytes - 8, hash);
  store<u32>(entry - keyBytes - 4, LIVE | now);
  if (variable) {
    store<u32>(entry - 8, handle);
    store<u32>(entry - 4, length);
  } else {
    copyBytes(entry - keyBytes, key, keyBytes);
  }
  insertSlot(group, load<u32>(map, MAP_MAX_PARALLELISM), hash, slotValue(entry));
  store<u32>(group, count + 1, GROUP_COUNT);
  store<u32>(map, load<u32>(map, MAP_SIZE) + 1, MAP_SIZE);
  return entry;
}

@inline
function insertSlot(group: usize, maxParallelism: u32, hash: u32, entry: usize): void {
  let bucket = homeOf(group, maxParallelism, hash);
  while (load<u32>(bucket, BUCKET_LAST) != 0) bucket = nextBucket(group, bucket);
  const slot = bucket + (taken(bucket) << 2);
  store<u32>(slot, hash);
  store<u32>(slot, <u32>entry, BUCKET_ENTRIES);
}

/** Slots of a bucket that are taken. */
@inline
function taken(bucket: usize): u32 {
  const free = i32x4.splat(0);
  const low = i32x4.bitmask(i32x4.eq(v128.load(bucket, BUCKET_ENTRIES), free));
  const high = i32x4.bitmask(i32x4.eq(v128.load(bucket, BUCKET_ENTRIES + 16), free));
  return ctz<u32>(<u32>(low | (high << 4)) | 0x100);
}

/** Buckets of the next larger index. */
function largerIndex(group: usize): u32 {
  if (load<u32>(group, GROUP_LIMIT) == 0) return 1;
  const size = load<u32>(group, GROUP_BUCKETS);
  if (size < BUCKETS_PER_PAGE) return size * 2;
  const pages = size / BUCKETS_PER_PAGE;
  return (pages + ((pages + 1) >>> 1)) * BUCKETS_PER_PAGE;
}

export function resizeIndex(map: usize, group: usize, buckets: u32): void {
  const index = blockAllocate(buckets << BUCKET_SHIFT);
  const old = <usize>load<u32>(group, GROUP_INDEX);
  const oldBuckets: u32 = load<u32>(group, GROUP_LIMIT) == 0 ? 0 : load<u32>(group, GROUP_BUCKETS);
  store<u32>(group, <u32>index, GROUP_INDEX);
  store<u32>(group, buckets, GROUP_BUCKETS);
  // A single bucket is never full: there is none behind it.
  store<u32>(group, buckets == 1 ? WAYS - 1 : (buckets * WAYS * 4) / 5, GROUP_LIMIT);
  const maxParallelism = load<u32>(map, MAP_MAX_PARALLELISM);
  const end = old + (oldBuckets << BUCKET_SHIFT);
  for (let bucket = old; bucket < end; bucket += BUCKET_BYTES) {
    for (let slot = bucket; slot < bucket + BUCKET_ENTRIES; slot += 4) {
      const entry = load<u32>(slot, BUCKET_ENTRIES);
      if (entry == 0) break;
      insertSlot(group, maxParallelism, load<u32>(slot), entry);
    }
  }
  if (oldBuckets != 0) blockFree(old, oldBuckets << BUCKET_SHIFT);
}

function freeIndex(group: usize): void {
  if (load<u32>(group, GROUP_LIMIT) == 0) return;
  blockFree(load<u32>(group, GROUP_INDEX), load<u32>(group, GROUP_BUCKETS) << BUCKET_SHIFT);
  store<u32>(group, <u32>emptyIndex, GROUP_INDEX);
  store<u32>(group, 1, GROUP_BUCKETS);
  store<u32>(group, 0, GROUP_LIMIT);
}

/** A zeroed entry of a touched page; returns the address of its value. */
function allocateEntry(map: usize, group: usize): usize {
  let page = load<u32>(group, GROUP_PARTIAL);
  if (page == 0) {
    const number = numberWithRoom(group);
    if (number != 0) page = <u32>(addressOfNumber(group, number) >>> 12);
  }
  if (page == 0) {
    page = <u32>(allocateStatePages(group, 1, KIND_ENTRIES) >>> 12);
    store<u32>(group, page, GROUP_PARTIAL);
  }
  const begin = <usize>page << 12;
  touchPage(begin);
  const info = infoOf(page);
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  let entry: usize;
  const free = <u32>load<u16>(info, INFO_FREE);
  if (free != 0) {
    entry = begin + ((free - 1) << 3);
    store<u16>(info, <u16>load<u32>(entry), INFO_FREE);
    store<u32>(entry, 0);
  } else {
    const bump = <u32>load<u16>(info, INFO_BUMP);
    entry = begin + (bump << 3);
    store<u16>(info, <u16>(bump + (entryBytes >>> 3)), INFO_BUMP);
  }
  const live = load<u16>(info, INFO_LIVE);
  if (live == 0 && free != 0) addEmptyPages(map, -1);
  store<u16>(info, live + 1, INFO_LIVE);
  if (<u32>live + 1 == load<u32>(map, MAP_PER_PAGE)) unlinkPartial(group, page);
  return entry + 8 + load<u32>(map, MAP_KEY_BYTES);
}

@inline
function addEmptyPages(map: usize, change: i32): void {
  store<u32>(map, load<u32>(map, MAP_EMPTY_PAGES) + change, MAP_EMPTY_PAGES);
}

export function linkPartial(group: usize, page: u32): void {
  const head = load<u32>(group, GROUP_PARTIAL);
  const info = infoOf(page);
  store<u32>(info, head, INFO_NEXT);
  store<u32>(info, 0, INFO_PREVIOUS);
  if (head != 0) store<u32>(infoOf(head), page, INFO_PREVIOUS);
  store<u32>(group, page, GROUP_PARTIAL);
}

export function unlinkPartial(group: usize, page: u32): void {
  const info = infoOf(page);
  const next = load<u32>(info, INFO_NEXT);
  const previous = load<u32>(info, INFO_PREVIOUS);
  if (previous == 0) store<u32>(group, next, GROUP_PARTIAL);
  else store<u32>(infoOf(previous), next, INFO_NEXT);
  if (next != 0) store<u32>(infoOf(next), previous, INFO_PREVIOUS);
  store<u32>(info, 0, INFO_NEXT);
  store<u32>(info, 0, INFO_PREVIOUS);
}

/** Frees the entry and its variable key; log rows that its value refers to are the caller's. */
export function mapRemove(map: usize, entry: usize): void {
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const group = groupOf(map, load<u32>(entry - keyBytes - 8));
  if (load<u32>(map, MAP_KEY_KIND) == KEY_VARIABLE) {
    const handle = load<u32>(entry - 8);
    if (handle != 0) freeIn(group, handle);
  }
  removeIn(map, group, entry, keyBytes);
}

function removeIn(map: usize, group: usize, entry: usize, keyBytes: u32): void {
  const begin = entry - keyBytes - 8;
  if ((load<u32>(begin, 4) & LIVE) == 0) fail(4);
  deleteSlot(group, load<u32>(map, MAP_MAX_PARALLELISM), load<u32>(begin), slotValue(entry));
  touchPage(begin);
  memory.fill(begin, 0, load<u32>(map, MAP_ENTRY_BYTES));
  const page = <u32>(begin >>> 12);
  const info = infoOf(page);
  store<u32>(begin, <u32>load<u16>(info, INFO_FREE));
  store<u16>(info, <u16>(((begin & 4095) >>> 3) + 1), INFO_FREE);
  const live = <u32>load<u16>(info, INFO_LIVE);
  store<u16>(info, <u16>(live - 1), INFO_LIVE);
  if (live == load<u32>(map, MAP_PER_PAGE)) linkPartial(group, page);
  if (live == 1) addEmptyPages(map, 1);
  store<u32>(group, load<u32>(group, GROUP_COUNT) - 1, GROUP_COUNT);
  store<u32>(map, load<u32>(map, MAP_SIZE) - 1, MAP_SIZE);
}

/**
 * No tombstones: the last slot of the bucket fills the hole, and a bucket that was full takes back
 * a key that had to pass it, so searches stay as short as the load makes them.
 */
function deleteSlot(group: usize, maxParallelism: u32, hash: u32, value: u32): void {
  let bucket = homeOf(group, maxParallelism, hash);
  let slot = slotOf(bucket, hash, value);
  while (slot == 0) {
    if (load<u32>(bucket, BUCKET_LAST) == 0) fail(4);
    bucket = nextBucket(group, bucket);
    slot = slotOf(bucket, hash, value);
  }
  const index = <usize>load<u32>(group, GROUP_INDEX);
  const bytes = <usize>load<u32>(group, GROUP_BUCKETS) << BUCKET_SHIFT;
  let full = load<u32>(bucket, BUCKET_LAST) != 0;
  removeSlot(bucket, slot);
  let next = bucket;
  while (full) {
    next = nextBucket(group, next);
    const nextFull = load<u32>(next, BUCKET_LAST) != 0;
    const passed = next > bucket ? next - bucket : next + bytes - bucket;
    const moved = passedBy(group, maxParallelism, index, bytes, next, passed);
    if (moved != 0) {
      store<u32>(bucket, load<u32>(moved), BUCKET_ENTRIES - 4);
      store<u32>(bucket, load<u32>(moved, BUCKET_ENTRIES), BUCKET_LAST);
      removeSlot(next, moved);
      bucket = next;
    }
    full = nextFull;
  }
}

/** Address of the slot with a hash and a value (slotValue) within a bucket, 0 when it is not there. */
@inline
function slotOf(bucket: usize, hash: u32, value: u32): usize {
  const wanted = i32x4.splat(<i32>value);
  const low = i32x4.bitmask(i32x4.eq(v128.load(bucket, BUCKET_ENTRIES), wanted));
  const high = i32x4.bitmask(i32x4.eq(v128.load(bucket, BUCKET_ENTRIES + 16), wanted));
  const mask = <u32>(low | (high << 4)) & matchesIn(bucket, hash);
  return mask == 0 ? 0 : bucket + (ctz<u32>(mask) << 2);
}

/** The last slot that is taken moves into `slot`. */
function removeSlot(bucket: usize, slot: usize): void {
  const last = bucket + ((taken(bucket) - 1) << 2);
  store<u32>(slot, load<u32>(last));
  store<u32>(slot, load<u32>(last, BUCKET_ENTRIES), BUCKET_ENTRIES);
  store<u32>(last, 0);
  store<u32>(last, 0, BUCKET_ENTRIES);
}

/** A slot of a bucket whose key is at least `passed` bytes of index away from its home, or 0. */
function passedBy(
  group: usize,
  maxParallelism: u32,
  index: usize,
  bytes: usize,
  bucket: usize,
  passed: usize,
): usize {
  for (let slot = bucket; slot < bucket + BUCKET_ENTRIES; slot += 4) {
    if (load<u32>(slot, BUCKET_ENTRIES) == 0) return 0;
    const home = homeOf(group, maxParallelism, load<u32>(slot));
    if ((bucket >= home ? bucket - home : bucket + bytes - home) >= passed) return slot;
  }
  return 0;
}

/** Before writing into an entry that was only found; counts as a write for TTL. */
export function mapTouch(map: usize, entry: usize): void {
  touchPage(entry - 8);
  touchPage(entry);
  if (load<u32>(map, MAP_TTL_SECONDS) != 0) {
    store<u32>(entry - load<u32>(map, MAP_KEY_BYTES) - 4, LIVE | now);
  }
}

@inline
function expired(entry: usize, keyBytes: u32, ttl: u32): bool {
  const age = (now - load<u32>(entry - keyBytes - 4)) & TIME;
  // An age of more than half the range is a clock that went back: not expired.
  return age > ttl && age < 0x40000000;
}

/** The page is touched: an expired entry starts anew, and the time of the last write is now. */
@inline
function refresh(map: usize, entry: usize, hash: u32, keyBytes: u32, ttl: u32): void {
  if (expired(entry, keyBytes, ttl)) resetEntry(map, groupOf(map, hash), entry);
  store<u32>(entry - keyBytes - 4, LIVE | now);
}

function resetEntry(map: usize, group: usize, entry: usize): void {
  freeHandles(map, group, entry);
  touchPage(entry);
  memory.fill(entry, 0, load<u32>(map, MAP_VALUE_BYTES));
}

function freeHandles(map: usize, group: usize, entry: usize): void {
  const count = load<u32>(map, MAP_HANDLE_COUNT);
  const offsets = <usize>load<u32>(map, MAP_HANDLES);
  for (let i: u32 = 0; i < count; i++) {
    const handle = load<u32>(entry + load<u32>(offsets + (i << 2)));
    if (handle != 0) freeChainIn(group, handle);
  }
}

/**
 * The next live entry of a key group after `cursor` (an EntryPtr; 0 = the first), 0 at the end.
 * Entries may be removed while iterating; entries inserted meanwhile may or may not be seen.
 */
export function mapIterate(map: usize, keyGroup: u32, cursor: u32): usize {
  const index = keyGroup - load<u32>(map, MAP_FIRST_GROUP);
  if (index >= load<u32>(map, MAP_GROUP_COUNT)) fail(2);
  const group = <usize>load<u32>(map, MAP_GROUPS) + (index << GROUP_SHIFT);
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const ttl = load<u32>(map, MAP_TTL_SECONDS);
  let number: u32 = 1;
  let offset: u32 = 0;
  if (cursor != 0) {
    const begin = <usize>cursor - keyBytes - 8;
    number = load<u32>(infoOf(<u32>(begin >>> 12)), INFO_LOGICAL);
    offset = <u32>(begin & 4095) + load<u32>(map, MAP_ENTRY_BYTES);
  }
  while (true) {
    const entry = nextEntry(map, group, number, offset, false);
    if (entry == 0) return 0;
    if (ttl == 0 || !expired(entry, keyBytes, ttl)) return entry;
    const begin = entry - keyBytes - 8;
    number = load<u32>(infoOf(<u32>(begin >>> 12)), INFO_LOGICAL);
    offset = <u32>(begin & 4095) + load<u32>(map, MAP_ENTRY_BYTES);
  }
  return 0;
}

/** `sweeping`: spilled pages on which nothing can have expired are passed over. */
function nextEntry(map: usize, group: usize, number: u32, offset: u32, sweeping: bool): usize {
  if (load<u32>(group, GROUP_UNINDEXED) != 0) indexGroup(map, group);
  const used = load<u32>(group, GROUP_DIRECTORY_USED);
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  for (; number < used; number++, offset = 0) {
    if (load<u32>(map, MAP_COLD) != 0) {
      if (sweeping) {
        const oldest = oldestOf(group, number);
        if (oldest != NEVER && ((now - oldest) & TIME) <= load<u32>(map, MAP_TTL_SECONDS)) continue;
        if (oldest == NEVER && isLogCold(group, number)) continue;
      } else {
        loadPagesOf(group, number, used);
        if (isLogCold(group, number)) continue;
      }
    }
    const page = addressOfNumber(group, number);
    if (page == 0) continue;
    const info = infoOf(<u32>(page >>> 12));
    if (load<u8>(info, INFO_KIND) != KIND_ENTRIES) continue;
    const end = <u32>load<u16>(info, INFO_BUMP) << 3;
    for (; offset < end; offset += entryBytes) {
      if (load<u32>(page + offset, 4) & LIVE) {
        return page + offset + 8 + load<u32>(map, MAP_KEY_BYTES);
      }
    }
  }
  return 0;
}

/**
 * Looks at up to `budget` live entries where the last sweep stopped, removes the expired; returns
 * how many.
 */
export function mapSweep(map: usize, budget: u32): u32 {
  const ttl = load<u32>(map, MAP_TTL_SECONDS);
  if (ttl == 0 || load<u32>(map, MAP_SIZE) == 0) return 0;
  const keyBytes = load<u32>(map, MAP_KEY_BYTES);
  const groupCount = load<u32>(map, MAP_GROUP_COUNT);
  const groups = <usize>load<u32>(map, MAP_GROUPS);
  let index = load<u32>(map, MAP_SWEEP_GROUP);
  let cursor = load<u32>(map, MAP_SWEEP_CURSOR);
  let removed: u32 = 0;
  let ends: u32 = 0;
  while (budget > 0 && ends <= groupCount) {
    const group = groups + (index << GROUP_SHIFT);
    // The cursor is a page number << 12 | offset: it outlives the page.
    const entry = nextEntry(map, group, max<u32>(cursor >>> 12, 1), cursor & 4095, true);
    if (entry == 0) {
      index = index + 1 == groupCount ? 0 : index + 1;
      cursor = 0;
      ends++;
      continue;
    }
    const begin = entry - keyBytes - 8;
    const after = <u32>(begin & 4095) + load<u32>(map, MAP_ENTRY_BYTES);
    const number = load<u32>(infoOf(<u32>(begin >>> 12)), INFO_LOGICAL);
    cursor = after < 4096 ? (number << 12) | after : (number + 1) << 12;
    budget--;
    if (!expired(entry, keyBytes, ttl)) continue;
    freeHandles(map, group, entry);
    mapRemove(map, entry);
    removed++;
  }
  store<u32>(map, index, MAP_SWEEP_GROUP);
  store<u32>(map, cursor, MAP_SWEEP_CURSOR);
  return removed;
}

/**
 * Gives empty entry pages and oversized indexes back. Between operators' calls only: cursors of
 * mapIterate end here.
 */
export function mapTrim(map: usize): void {
  if (load<u32>(map, MAP_EMPTY_PAGES) == 0) return;
  const groupCount = load<u32>(map, MAP_GROUP_COUNT);
  const groups = <usize>load<u32>(map, MAP_GROUPS);
  for (let i: u32 = 0; i < groupCount; i++) {
    const group = groups + (i << GROUP_SHIFT);
    let page = load<u32>(group, GROUP_PARTIAL);
    while (page != 0) {
      const info = infoOf(page);
      const next = load<u32>(info, INFO_NEXT);
      if (load<u16>(info, INFO_LIVE) == 0) {
        unlinkPartial(group, page);
        freeStatePages(group, <usize>page << 12, 1);
      }
      page = next;
    }
    trimIndex(map, group);
  }
  store<u32>(map, 0, MAP_EMPTY_PAGES);
}

function trimIndex(map: usize, group: usize): void {
  const count = load<u32>(group, GROUP_COUNT);
  const buckets = load<u32>(group, GROUP_BUCKETS);
  if (count == 0) freeIndex(group);
  else if (buckets > 8 && count < buckets) resizeIndex(map, group, indexFor(count));
}

/** Buckets of an index for `count` keys with room to grow. */
export function indexFor(count: u32): u32 {
  const wanted = (count + (count >>> 1) + WAYS - 1) / WAYS;
  if (wanted > BUCKETS_PER_PAGE) {
    return ((wanted + BUCKETS_PER_PAGE - 1) / BUCKETS_PER_PAGE) * BUCKETS_PER_PAGE;
  }
  let size: u32 = 1;
  while (size < wanted) size <<= 1;
  return size;
}

/**
 * A stored page is read: its counts and free entries. Returns the live entries, or
 * -1 if damaged.
 */
export function rebuildEntryPage(map: usize, group: usize, page: u32): i32 {
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  const maxParallelism = load<u32>(map, MAP_MAX_PARALLELISM);
  const perPage = load<u32>(map, MAP_PER_PAGE);
  const keyGroup = load<u32>(group, GROUP_KEY_GROUP);
  const info = infoOf(page);
  const begin = <usize>page << 12;
  let live: u32 = 0;
  let bump: u32 = 0;
  for (let i: u32 = 0; i < perPage; i++) {
    const entry = begin + i * entryBytes;
    if ((load<u32>(entry, 4) & LIVE) == 0) continue;
    if (<u32>((<u64>load<u32>(entry) * <u64>maxParallelism) >>> 32) != keyGroup) return -1;
    live++;
    bump = i + 1;
  }
  let free: u32 = 0;
  for (let i: u32 = bump; i > 0; i--) {
    const entry = begin + (i - 1) * entryBytes;
    if (load<u32>(entry, 4) & LIVE) continue;
    store<u32>(entry, free);
    free = (((i - 1) * entryBytes) >>> 3) + 1;
  }
  // Beyond the last live entry only links of free entries can stand.
  if (bump < perPage) {
    memory.fill(begin + bump * entryBytes, 0, 4096 - bump * entryBytes);
  }
  store<u16>(info, <u16>free, INFO_FREE);
  store<u16>(info, <u16>((bump * entryBytes) >>> 3), INFO_BUMP);
  store<u16>(info, <u16>live, INFO_LIVE);
  return live;
}

/** Live entries of a stored page, -1 if it is damaged; see scannedOldest(). */
export function scanPage(map: usize, group: usize, page: usize): i32 {
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  const maxParallelism = load<u32>(map, MAP_MAX_PARALLELISM);
  const keyGroup = load<u32>(group, GROUP_KEY_GROUP);
  const end = page + load<u32>(map, MAP_PER_PAGE) * entryBytes;
  let live: i32 = 0;
  let age: u32 = 0;
  for (let entry = page; entry < end; entry += entryBytes) {
    const meta = load<u32>(entry, 4);
    if ((meta & LIVE) == 0) continue;
    if (<u32>((<u64>load<u32>(entry) * <u64>maxParallelism) >>> 32) != keyGroup) return -1;
    const older = (now - meta) & TIME;
    if (older < 0x40000000) age = max<u32>(age, older);
    live++;
  }
  oldest = (now - age) & TIME;
  return live;
}

let oldest: u32 = 0;

/** The second of the oldest entry of the page that was scanned last. */
export function scannedOldest(): u32 {
  return oldest;
}

/** Puts the `live` entries of a stored page into the index, all as `marker`. */
export function insertPage(map: usize, group: usize, page: usize, live: u32, marker: u32): void {
  const entryBytes = load<u32>(map, MAP_ENTRY_BYTES);
  const maxParallelism = load<u32>(map, MAP_MAX_PARALLELISM);
  const count = load<u32>(group, GROUP_COUNT) + live;
  while (count > load<u32>(group, GROUP_LIMIT)) resizeIndex(map, group, largerIndex(group));
  store<u32>(group, count, GROUP_COUNT);
  const end = page + load<u32>(map, MAP_PER_PAGE) * entryBytes;
  let seen: u32 = 0;
  for (let entry = page; entry < end; entry += entryBytes) {
    seen ^= load<u32>(homeOf(group, maxParallelism, load<u32>(entry)));
  }
  store<u32>(readAhead, seen);
  for (let entry = page; entry < end; entry += entryBytes) {
    if (load<u32>(entry, 4) & LIVE) insertSlot(group, maxParallelism, load<u32>(entry), marker);
  }
}
