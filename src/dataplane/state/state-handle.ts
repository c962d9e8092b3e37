/**
 * StateHandle: the description of one subtask's state in a checkpoint. Plain data: it travels to
 * the job master, stands in
 * the manifest, and comes back to every subtask that restores.
 *
 * Flow:    snapshot of a subtask → report → manifest → restore.
 * Chain:   `segments`, oldest first: the newest version of a page wins; the last segment says which
 *          pages exist.
 * Paths:   absolute in memory; relative to the checkpoint folder in a manifest
 *          (checkpoint-store.ts).
 * Version: HANDLE_VERSION (2: rows of joins may have a short header, row-set.as.ts); HASH_VERSION
 *          changes with the hash functions of the kernels. Newer ones are refused (MR4212).
 * Errors:  MR4212, MR4215.
 */
import type { KeyGroupRange } from "../../foundation/columnar/key-group.ts";
import type { KeyedMapSpec } from "../contract/keyed-state.ts";
import { snapshotErrors } from "./errors.ts";

export const HANDLE_FORMAT = "millrace-state";
export const HANDLE_VERSION = 2;
export const HASH_VERSION = 1;

/** A part of a chain: a file, or for small parts the bytes themselves. */
export interface SegmentRef {
  /** Unique for ever: two references with one id are one segment. */
  readonly id: string;
  readonly file?: string;
  /** Base64 of the segment's bytes. */
  readonly data?: string;
  readonly lengthBytes: number;
  /** XXH64 of the segment's end, which holds the hashes of its pages: 16 hex digits. */
  readonly checksum: string;
  readonly pages: number;
  /**
   * Only what it holds of these key groups counts: after a change of parallelism subtasks share
   * segments.
   */
  readonly keyGroups: KeyGroupRange;
}

/** The layout of a map, so that state can be read without its operator. */
export interface MapLayout extends KeyedMapSpec {
  /** The node's. */
  readonly uid: string;
  readonly entries: number;
}

export interface StateHandle {
  readonly format: typeof HANDLE_FORMAT;
  readonly version: number;
  readonly hash: number;
  /** The subtask's, for messages: "task-subtask". */
  readonly name: string;
  readonly checkpointId: number;
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  readonly maps: readonly MapLayout[];
  /** Operator values by uid and name. */
  readonly values: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly segments: readonly SegmentRef[];
}

/** Tells the maps of all operators of a subtask apart. */
export function mapKey(uid: string, name: string): string {
  return JSON.stringify([uid, name]);
}

/** Checks what came out of a manifest. */
export function asStateHandle(value: unknown): StateHandle {
  const handle = value as Partial<StateHandle> | null;
  if (typeof handle !== "object" || handle === null || handle.format !== HANDLE_FORMAT)
    throw invalid("a subtask's part has another format");
  const { version, hash } = handle;
  if (typeof version !== "number" || typeof hash !== "number") throw invalid("no version");
  if (version > HANDLE_VERSION || hash > HASH_VERSION)
    throw snapshotErrors.VERSION_NEWER({
      file: "the checkpoint",
      found: `${version}.${hash}`,
      known: `${HANDLE_VERSION}.${HASH_VERSION}`,
    });
  const { keyGroups, maxParallelism, maps, values, segments, checkpointId, name } = handle;
  const whole =
    keyGroups !== undefined &&
    Number.isInteger(keyGroups.start) &&
    Number.isInteger(keyGroups.end) &&
    Number.isInteger(checkpointId) &&
    typeof name === "string" &&
    Number.isInteger(maxParallelism) &&
    Array.isArray(maps) &&
    maps.every(isMapLayout) &&
    typeof values === "object" &&
    values !== null &&
    Array.isArray(segments) &&
    segments.every(isSegmentRef);
  if (!whole) throw invalid("a subtask's part lacks fields");
  return handle as StateHandle;
}

/** Uids that have state in a checkpoint. */
export function uidsOf(handles: readonly unknown[]): readonly string[] {
  const uids = new Set<string>();
  for (const handle of handles.map(asStateHandle)) {
    for (const map of handle.maps) if (map.entries > 0) uids.add(map.uid);
    for (const [uid, values] of Object.entries(handle.values))
      if (Object.keys(values).length > 0) uids.add(uid);
  }
  return [...uids].sort();
}

/** State that no node of a plan claims: reported before a restore drops it. */
export function unclaimedUids(
  handles: readonly unknown[],
  planUids: ReadonlySet<string>,
): readonly string[] {
  return uidsOf(handles).filter((uid) => !planUids.has(uid));
}

function isMapLayout(value: unknown): boolean {
  const layout = value as Partial<MapLayout> | null;
  return (
    typeof layout === "object" &&
    layout !== null &&
    typeof layout.uid === "string" &&
    typeof layout.name === "string" &&
    Number.isInteger(layout.keyBytes) &&
    Number.isInteger(layout.valueBytes) &&
    Array.isArray(layout.keyFields) &&
    Array.isArray(layout.valueFields) &&
    typeof layout.ttlMs === "number" &&
    Number.isInteger(layout.entries)
  );
}

function isSegmentRef(value: unknown): boolean {
  const ref = value as Partial<SegmentRef> | null;
  return (
    typeof ref === "object" &&
    ref !== null &&
    typeof ref.id === "string" &&
    (typeof ref.file === "string") !== (typeof ref.data === "string") &&
    Number.isInteger(ref.lengthBytes) &&
    typeof ref.checksum === "string" &&
    Number.isInteger(ref.pages) &&
    Number.isInteger(ref.keyGroups?.start) &&
    Number.isInteger(ref.keyGroups?.end)
  );
}

function invalid(reason: string): Error {
  return snapshotErrors.HANDLE_INVALID({ reason });
}
