/**
 * Restore: the pages of a range of key groups, out of the chains of all old subtasks, into the maps
 * of a new one.
 *
 * Flow:    handles → readSegmentEnd of every segment → plan (newest version of every page that
 *          exists) → read, check the hash of each page, copy into place → rebuild indexes and free
 *          lists (kernel restoreFinish).
 * Rules:   a segment counts for its own key groups, those of its handle and those of the reader.
 *          Within a handle the last segment says which pages exist.
 * Memory:  READ_BYTES at a time go through the worker's memory; plans hold about 100 bytes a page
 *          while restoring.
 * Errors:  MR4210 missing, MR4211 damaged (file and byte), MR4212 newer, MR4001 memory.
 */
import type { KeyGroupRange } from "../../foundation/columnar/key-group.ts";
import type { Files, ReadableFile } from "../../foundation/host/env.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { guarded, snapshotErrors, stateErrors } from "./errors.ts";
import {
  type HashBytes,
  INDEX_RECORD_BYTES,
  nameOf,
  type ReadRange,
  readSegmentEnd,
  SEGMENT_HEADER,
  type SegmentEnd,
} from "./segment-format.ts";
import type { SegmentRef, StateHandle } from "./state-handle.ts";

const READ_BYTES = 1024 * 1024;
const READ_PAGES = READ_BYTES / 4096;
/** Pages that are not wanted are read along when they are fewer bytes than this. */
const GAP_BYTES = 64 * 1024;
/** Parts of one run are below this: a log block has less than 1 GiB. */
const PARTS = 2 ** 19;

export interface RestoreOptions {
  readonly runtime: WorkerRuntime;
  readonly files: Files;
  readonly hash: HashBytes;
  readonly keyGroups: KeyGroupRange;
  /** Address of the map for a node's uid and a map's name; undefined = not wanted here. */
  readonly mapOf: (uid: string, name: string) => number | undefined;
  /**
   * A number for the kernels' page table under which the pages of a segment are kept; 0 = they
   * count as changed.
   */
  readonly numberOf: (ref: SegmentRef) => number;
}

export interface RestoredSegment {
  readonly ref: SegmentRef;
  readonly number: number;
  readonly pages: number;
}

/** Fills the maps with one old subtask's state; restoreFinish of the maps is the caller's. */
export async function restoreHandle(
  handle: StateHandle,
  options: RestoreOptions,
): Promise<readonly RestoredSegment[]> {
  const keyGroups = intersect(handle.keyGroups, options.keyGroups);
  if (keyGroups === undefined || handle.segments.length === 0) return [];
  const opened: OpenSegment[] = [];
  try {
    for (const ref of handle.segments) {
      const range = intersect(ref.keyGroups, keyGroups);
      if (range !== undefined) opened.push(await openSegment(ref, range, options));
    }
    const last = handle.segments.at(-1)!;
    const newest = opened.find(({ ref }) => ref === last);
    if (newest === undefined)
      throw damaged(last, 0, "it does not cover the key groups of its subtask");
    const pages = planPages(opened, readLive(newest));
    place(pages, options);
    const restored: RestoredSegment[] = [];
    for (const segment of opened) restored.push(await loadSegment(segment, pages, options));
    return restored;
  } finally {
    for (const { file } of opened) await file?.close();
  }
}

interface OpenSegment {
  readonly ref: SegmentRef;
  readonly end: SegmentEnd;
  readonly file: ReadableFile | undefined;
  readonly read: ReadRange;
  /** Where the pages of the index begin in the file, one more than there are pages. */
  readonly offsets: Float64Array;
  /** "uid/name" and address by the segment's map id. */
  readonly maps: ReadonlyMap<number, { readonly key: string; readonly address: number }>;
  readonly range: KeyGroupRange;
}

async function openSegment(
  ref: SegmentRef,
  range: KeyGroupRange,
  options: RestoreOptions,
): Promise<OpenSegment> {
  const { file, read } = await openBytes(ref, options.files);
  try {
    const end = await readSegmentEnd(ref, read, options.hash);
    const offsets = pageOffsets(ref, end);
    const maps = new Map<number, { readonly key: string; readonly address: number }>();
    for (const { id, uid, name } of end.maps) {
      const address = options.mapOf(uid, name);
      if (address !== undefined) maps.set(id, { key: JSON.stringify([uid, name]), address });
    }
    return { ref, end, file, read, offsets, maps, range };
  } catch (error) {
    await file?.close();
    throw error;
  }
}

export async function openBytes(
  ref: SegmentRef,
  files: Files,
): Promise<{ readonly file: ReadableFile | undefined; readonly read: ReadRange }> {
  if (ref.data !== undefined) {
    const bytes = Buffer.from(ref.data, "base64");
    if (bytes.length !== ref.lengthBytes) throw damaged(ref, bytes.length, "it has another length");
    return { file: undefined, read: async (at, length) => bytes.subarray(at, at + length) };
  }
  const path = ref.file!;
  const missing = (cause: unknown): Error => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return snapshotErrors.FILE_MISSING({ file: path, reason }, { cause });
  };
  let file: ReadableFile;
  try {
    const stat = await files.stat(path);
    if (stat !== undefined && stat.sizeBytes !== ref.lengthBytes) {
      const at = Math.min(stat.sizeBytes, ref.lengthBytes);
      throw damaged(ref, at, `it has ${stat.sizeBytes} bytes instead of ${ref.lengthBytes}`);
    }
    file = await files.open(path);
  } catch (error) {
    throw error instanceof Error && "code" in error && String(error.code).startsWith("MR")
      ? error
      : missing(error);
  }
  const read: ReadRange = async (position, length) => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = await file.read(bytes.subarray(done), position + done).catch((error) => {
        throw missing(error);
      });
      if (count === 0) throw damaged(ref, position + done, "it ends too early");
      done += count;
    }
    return bytes;
  };
  return { file, read };
}

export function pageOffsets(ref: SegmentRef, end: SegmentEnd): Float64Array {
  const { index, dataBytes } = end;
  const data = new DataView(index.buffer, index.byteOffset, index.length);
  const records = index.length / INDEX_RECORD_BYTES;
  const offsets = new Float64Array(records + 1);
  offsets[0] = SEGMENT_HEADER.length;
  for (let r = 0; r < records; r++)
    offsets[r + 1] = offsets[r]! + data.getUint32(r * INDEX_RECORD_BYTES + 20, true);
  if (offsets[records] !== SEGMENT_HEADER.length + dataBytes)
    throw damaged(ref, SEGMENT_HEADER.length + dataBytes, "its pages do not add up");
  return offsets;
}

/**
 * What of a key group of a map is wanted: numbers that exist, and for each the newest record of
 * every part.
 */
interface GroupPlan {
  readonly map: number;
  readonly keyGroup: number;
  readonly exists: (number: number) => boolean;
  /** pages << 8 | kind of each number. */
  readonly words: Map<number, number>;
  /** Segment of each part that was taken, by number · PARTS + part. */
  readonly taken: Map<number, OpenSegment>;
  readonly addresses: Map<number, number>;
}

type Plan = Map<string, GroupPlan>;

/** From the newest segment's list: a plan for every key group that has pages. */
function readLive(segment: OpenSegment): Plan {
  const { live } = segment.end;
  const data = new DataView(live.buffer, live.byteOffset, live.length);
  const plan: Plan = new Map();
  for (let at = 0; at < live.length; ) {
    const map = segment.maps.get(data.getUint32(at, true));
    const keyGroup = data.getUint32(at + 4, true);
    const words = data.getUint32(at + 8, true);
    const bits = at + 12;
    at = bits + words * 4;
    if (map === undefined || !within(segment.range, keyGroup)) continue;
    const exists = (number: number) =>
      number >>> 5 < words &&
      ((data.getUint32(bits + (number >>> 5) * 4, true) >>> (number & 31)) & 1) === 1;
    plan.set(`${keyGroup}/${map.key}`, {
      map: map.address,
      keyGroup,
      exists,
      words: new Map(),
      taken: new Map(),
      addresses: new Map(),
    });
    const group = plan.get(`${keyGroup}/${map.key}`)!;
    for (let number = 1; number < words * 32; number++)
      if (exists(number)) group.words.set(number, 0);
  }
  return plan;
}

function planPages(opened: readonly OpenSegment[], plan: Plan): Plan {
  for (const segment of opened.toReversed()) {
    for (const { record, group, number, part, word } of recordsOf(segment, plan)) {
      if (!group.exists(number)) continue;
      if (group.words.get(number) === 0) group.words.set(number, word);
      // Of a run that had more pages before its number was given out again, the rest is no longer.
      if (part >= group.words.get(number)! >>> 8) continue;
      const key = number * PARTS + part;
      if (!group.taken.has(key)) group.taken.set(key, segment);
      else if (group.taken.get(key) === segment)
        throw damaged(segment.ref, segment.offsets[record]!, "it holds a page twice");
    }
  }
  const newest = opened.at(-1)!.ref;
  for (const { words, taken } of plan.values()) {
    let wanted = 0;
    for (const [number, word] of words) {
      if (word === 0) throw damaged(newest, 0, `page ${number} of a key group is in no segment`);
      wanted += word >>> 8;
    }
    if (wanted !== taken.size) throw damaged(newest, 0, "a long value is not complete");
  }
  return plan;
}

interface PlannedRecord {
  readonly record: number;
  readonly group: GroupPlan;
  readonly number: number;
  readonly part: number;
  readonly word: number;
}

function* recordsOf(segment: OpenSegment, plan: Plan): Generator<PlannedRecord> {
  const { index } = segment.end;
  const data = new DataView(index.buffer, index.byteOffset, index.length);
  const records = segment.offsets.length - 1;
  const groups = new Map<number, GroupPlan | undefined>();
  for (let record = 0; record < records; record++) {
    const at = record * INDEX_RECORD_BYTES;
    const keyGroup = data.getUint32(at + 4, true);
    if (!within(segment.range, keyGroup)) continue;
    const id = data.getUint32(at, true);
    const key = id * 65536 + keyGroup;
    let group = groups.get(key);
    if (group === undefined && !groups.has(key)) {
      const map = segment.maps.get(id);
      group = map === undefined ? undefined : plan.get(`${keyGroup}/${map.key}`);
      groups.set(key, group);
    }
    if (group === undefined) continue;
    const number = data.getUint32(at + 8, true);
    const part = data.getUint32(at + 12, true);
    yield { record, group, number, part, word: data.getUint32(at + 16, true) };
  }
}

/** Makes room for everything in the plan. */
function place(plan: Plan, { runtime }: RestoreOptions): void {
  const { kernels } = runtime;
  for (const { map, keyGroup, words, addresses } of plan.values()) {
    for (const [number, word] of words) {
      const address = guarded(kernels, () => kernels.restorePage(map, keyGroup, number, word));
      if (address === 0)
        throw snapshotErrors.HANDLE_INVALID({
          reason: `page ${number} of key group ${keyGroup} cannot be placed`,
        });
      addresses.set(number, address >>> 0);
    }
  }
}

async function loadSegment(
  segment: OpenSegment,
  plan: Plan,
  options: RestoreOptions,
): Promise<RestoredSegment> {
  const { ref, offsets } = segment;
  const number = options.numberOf(ref);
  const wanted: { record: number; address: number }[] = [];
  for (const { record, group, number: page, part } of recordsOf(segment, plan))
    if (group.taken.get(page * PARTS + part) === segment)
      wanted.push({ record, address: group.addresses.get(page)! + part * 4096 });
  for (let first = 0; first < wanted.length; ) {
    const from = offsets[wanted[first]!.record]!;
    let next = first;
    let to = from;
    while (next < wanted.length) {
      const { record } = wanted[next]!;
      if (offsets[record]! - to > GAP_BYTES || offsets[record + 1]! - from > READ_BYTES) break;
      to = offsets[record + 1]!;
      next++;
    }
    const bytes = to > from ? await segment.read(from, to - from) : new Uint8Array(0);
    copyPages(segment, wanted.slice(first, next), bytes, from, number, options);
    first = next;
  }
  return { ref, number, pages: wanted.length };
}

function copyPages(
  segment: OpenSegment,
  pages: readonly { readonly record: number; readonly address: number }[],
  bytes: Uint8Array,
  from: number,
  number: number,
  { runtime }: RestoreOptions,
): void {
  const { kernels, memory } = runtime;
  const buffer = kernels.pageAllocate(READ_PAGES + 1) >>> 0;
  if (buffer === 0) throw stateErrors.MEMORY_EXHAUSTED({ usedBytes: kernels.memoryUsedBytes() });
  const all = new Uint8Array(memory.buffer);
  all.set(bytes, buffer);
  const recordAt = buffer + READ_BYTES;
  const { index } = segment.end;
  try {
    for (const { record, address } of pages) {
      const at = record * INDEX_RECORD_BYTES;
      all.set(index.subarray(at, at + INDEX_RECORD_BYTES), recordAt);
      const offset = segment.offsets[record]!;
      if (kernels.restoreCopy(address, buffer + offset - from, recordAt, number) === 0)
        throw damaged(segment.ref, offset, "the checksum of a page is wrong");
    }
  } finally {
    kernels.pageFree(buffer, READ_PAGES + 1);
  }
}

export function intersect(a: KeyGroupRange, b: KeyGroupRange): KeyGroupRange | undefined {
  const start = Math.max(a.start, b.start);
  const end = Math.min(a.end, b.end);
  return start <= end ? { start, end } : undefined;
}

function within(range: KeyGroupRange, keyGroup: number): boolean {
  return keyGroup >= range.start && keyGroup <= range.end;
}

function damaged(ref: SegmentRef, offset: number, reason: string): Error {
  return snapshotErrors.FILE_DAMAGED({ file: nameOf(ref), offset, reason });
}
