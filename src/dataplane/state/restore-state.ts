/**
 * Restore: the pages of a range of key groups, out of the chains of all old subtasks, into the maps
 * of a new one.
 *
 * Flow:    handles → readSegmentEnd of every segment → kernels (restore.as.ts) know which pages exist
 *          and which segment has the newest version of each. No page is read: that happens when it is
 *          touched, through the worker's SpillStore.
 * Stores:  of a segment in an object store the pages of the reader's key groups and maps are fetched now, to a local file:
 *          several readers of a segment read it about once together.
 * Rules:   a segment counts for its own key groups, those of its handle and those of the reader.
 *          Within a handle the last segment says which pages exist.
 * Memory:  the segments' indexes (48 bytes a page) until all pages were read.
 * Errors:  MR4210 missing, MR4211 damaged (file and byte), MR4212 newer, MR4001 memory; for pages
 *          themselves when they are read.
 */
import type { KeyGroupRange } from "../../foundation/columnar/key-group.ts";
import type { Files, ReadableFile, ScratchFile } from "../../foundation/host/env.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { guarded, snapshotErrors } from "./errors.ts";
import type { LocalCopies } from "./local-copies.ts";
import {
  type HashBytes,
  INDEX_RECORD_BYTES,
  nameOf,
  type ReadRange,
  readSegmentEnd,
  SEGMENT_HEADER,
  type SegmentEnd,
} from "./segment-format.ts";
import type { PageSource, SpillStore } from "./spill-store.ts";
import { mapKey, type SegmentRef, type StateHandle } from "./state-handle.ts";

/** Of an index, given to the kernels at once. */
const RECORDS = 4096;
const FETCH_BYTES = 8 * 1024 * 1024;
/** Bytes nobody wants that are fetched along rather than asking once more. */
const FETCH_GAP_BYTES = 256 * 1024;
const REMOTE = /^(?!file:)[a-z][a-z0-9+.-]+:\/\//i;

export interface RestoreOptions {
  readonly runtime: WorkerRuntime;
  readonly files: Files;
  /** Where the pages are read from when they are touched. */
  readonly store: Pick<SpillStore, "addSource">;
  /** Where segments of an object store are kept meanwhile; without it, in memory. */
  readonly scratch?: () => ScratchFile;
  readonly hash: HashBytes;
  /** Where segments may be had without asking the store. */
  readonly copies?: LocalCopies | undefined;
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

/** Fills the maps with one old subtask's state. */
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
    const { runtime } = options;
    placeGroups(newest, options);
    // The newest version of a page wins; numbers ascend with the age of segments.
    const numbers = new Map(opened.map(({ ref }) => [ref, options.numberOf(ref)]));
    const placing = { ...options, numberOf: (ref: SegmentRef) => numbers.get(ref)! };
    const restored = opened.toReversed().map((segment) => placePages(segment, placing));
    for (const address of new Set([...newest.maps.values()].map((map) => map.address))) {
      const missing = guarded(runtime.kernels, () => runtime.kernels.restoreCheck(address)) >>> 0;
      if (missing !== 0)
        throw damaged(last, 0, `page ${missing} of a key group is in no segment, or not whole`);
    }
    return restored.reverse();
  } catch (error) {
    // Those that the store knows it closes itself.
    for (const { pages } of opened) await pages.close();
    throw error;
  }
}

interface OpenSegment {
  readonly ref: SegmentRef;
  readonly end: SegmentEnd;
  readonly pages: Pick<PageSource, "readSync" | "close">;
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
  const copy = await options.copies?.open(ref, options.hash);
  const { file, read } =
    copy === undefined
      ? await openBytes(ref, options.files)
      : { file: copy, read: reader(ref, copy) };
  try {
    const end = await readSegmentEnd(ref, read, options.hash);
    const offsets = pageOffsets(ref, end);
    const maps = new Map<number, { readonly key: string; readonly address: number }>();
    for (const { id, uid, name } of end.maps) {
      const address = options.mapOf(uid, name);
      if (address !== undefined) maps.set(id, { key: mapKey(uid, name), address });
    }
    const remote = copy === undefined && ref.file !== undefined && REMOTE.test(ref.file);
    const wanted = () => wantedParts(end, offsets, maps, range);
    const pages = remote ? await fetched(ref, read, file!, wanted(), options) : pagesOf(ref, file);
    return { ref, end, pages, offsets, maps, range };
  } catch (error) {
    await file?.close();
    throw error;
  }
}

/** Of a segment's bytes: [start, end). */
interface Part {
  readonly start: number;
  readonly end: number;
}

/** Where the pages lie that count here. Pages are in order of their key groups: mostly it is one part. */
function wantedParts(
  { index }: SegmentEnd,
  offsets: Float64Array,
  maps: OpenSegment["maps"],
  range: KeyGroupRange,
): readonly Part[] {
  const data = new DataView(index.buffer, index.byteOffset, index.length);
  const parts: { start: number; end: number }[] = [];
  for (let r = 0; r < offsets.length - 1; r++) {
    const at = r * INDEX_RECORD_BYTES;
    if (!maps.has(data.getUint32(at, true))) continue;
    if (!within(range, data.getUint32(at + 4, true))) continue;
    const last = parts.at(-1);
    if (last !== undefined && offsets[r]! - last.end <= FETCH_GAP_BYTES) last.end = offsets[r + 1]!;
    else parts.push({ start: offsets[r]!, end: offsets[r + 1]! });
  }
  return parts;
}

/** What is wanted of a segment of a store that cannot be read at once: fetched, to a local file if there may be one. */
async function fetched(
  ref: SegmentRef,
  read: ReadRange,
  file: ReadableFile,
  parts: readonly Part[],
  { scratch }: RestoreOptions,
): Promise<Pick<PageSource, "readSync" | "close">> {
  const local = scratch?.();
  const bytes = local === undefined ? new Uint8Array(ref.lengthBytes) : undefined;
  for (const { start, end } of parts)
    for (let at = start; at < end; at += FETCH_BYTES) {
      const part = await read(at, Math.min(FETCH_BYTES, end - at));
      local?.writeSync(part, at);
      bytes?.set(part, at);
    }
  await file.close();
  return {
    readSync: (target, position) => {
      if (local !== undefined) return local.readSync(target, position);
      const part = bytes!.subarray(position, position + target.length);
      target.set(part);
      return part.length;
    },
    close: async () => local?.close(),
  };
}

function pagesOf(
  ref: SegmentRef,
  file: ReadableFile | undefined,
): Pick<PageSource, "readSync" | "close"> {
  if (file !== undefined)
    return {
      readSync: (target, position) => file.readSync(target, position),
      close: () => file.close(),
    };
  const bytes = Buffer.from(ref.data!, "base64");
  return {
    readSync: (target, position) => {
      const part = bytes.subarray(position, position + target.length);
      target.set(part);
      return part.length;
    },
    close: async () => {},
  };
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
      : missing(ref, error);
  }
  return { file, read: reader(ref, file) };
}

function reader(ref: SegmentRef, file: ReadableFile): ReadRange {
  return async (position, length) => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = await file.read(bytes.subarray(done), position + done).catch((error) => {
        throw missing(ref, error);
      });
      if (count === 0) throw damaged(ref, position + done, "it ends too early");
      done += count;
    }
    return bytes;
  };
}

function missing(ref: SegmentRef, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return snapshotErrors.FILE_MISSING({ file: nameOf(ref), reason }, { cause });
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

/** From the newest segment's list: which pages of which key groups exist. */
function placeGroups(segment: OpenSegment, { runtime }: RestoreOptions): void {
  const { kernels, memory } = runtime;
  const { live } = segment.end;
  const data = new DataView(live.buffer, live.byteOffset, live.length);
  const mark = kernels.arenaMark();
  const most = live.length;
  const bits = guarded(kernels, () => kernels.arenaAlloc(most)) >>> 0;
  new Uint8Array(memory.buffer).set(live, bits);
  for (let at = 0; at < live.length; ) {
    const map = segment.maps.get(data.getUint32(at, true));
    const keyGroup = data.getUint32(at + 4, true);
    const words = data.getUint32(at + 8, true);
    const from = bits + at + 12;
    at += 12 + words * 4;
    if (map === undefined || !within(segment.range, keyGroup)) continue;
    if (guarded(kernels, () => kernels.restoreGroup(map.address, keyGroup, from, words)) === 0)
      throw snapshotErrors.HANDLE_INVALID({
        reason: `key group ${keyGroup} of a map stands in it twice`,
      });
  }
  kernels.arenaRelease(mark);
}

/** Tells the kernels where a segment's pages lie. Older segments come after newer ones. */
function placePages(segment: OpenSegment, options: RestoreOptions): RestoredSegment {
  const { ref, end, maps, offsets, range } = segment;
  const { runtime, store } = options;
  const { kernels, memory } = runtime;
  const number = options.numberOf(ref);
  const base = store.addSource({ name: nameOf(ref), index: end.index, offsets, ...segment.pages });
  const ids = Math.max(0, ...maps.keys()) + 1;
  const mark = kernels.arenaMark();
  const table = guarded(kernels, () => kernels.arenaAlloc(ids * 4)) >>> 0;
  const addresses = Uint32Array.from({ length: ids }, (_, id) => maps.get(id)?.address ?? 0);
  new Uint32Array(memory.buffer, table, ids).set(addresses);
  const buffer = guarded(kernels, () => kernels.arenaAlloc(RECORDS * INDEX_RECORD_BYTES)) >>> 0;
  const records = offsets.length - 1;
  let pages = 0;
  for (let first = 0; first < records; first += RECORDS) {
    const count = Math.min(RECORDS, records - first);
    const from = first * INDEX_RECORD_BYTES;
    const part = end.index.subarray(from, from + count * INDEX_RECORD_BYTES);
    new Uint8Array(memory.buffer).set(part, buffer);
    const { start, end: last } = range;
    const taken = guarded(kernels, () =>
      kernels.restoreRecords(table, ids, buffer, count, base + first, base, number, start, last),
    );
    if (taken < 0)
      throw damaged(
        ref,
        offsets[first - 1 - taken]!,
        "a page that cannot be, or stands there twice",
      );
    pages += taken;
  }
  kernels.arenaRelease(mark);
  return { ref, number, pages };
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
