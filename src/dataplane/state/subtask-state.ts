/**
 * SubtaskState: the keyed state and operator values of one subtask: its maps, its snapshots, its restore.
 *
 * Flow:    runtime creates it per subtask (restored or empty) → forOperator(node) for its operators
 *          → beginSnapshot at each barrier → checkpointCompleted. maintain() between batches keeps the time for TTL, sweeps and trims.
 * Memory:  one domain of the worker's kernels (kernels/snapshot.as.ts); pages are the unit of everything.
 * Sharing: after a restore the chain goes on where the files lie in this job's own folder; a savepoint elsewhere, or
 *          another job's files, are copied by the first checkpoint, which is full then.
 * Errors:  MR4005 … MR4008, MR42xx.
 */
import type { KeyGroupRange } from "../../foundation/columnar/key-group.ts";
import type { Env } from "../../foundation/host/env.ts";
import type { KeyedMap, KeyedMapSpec, KeyedStateBackend } from "../contract/keyed-state.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { guarded, snapshotErrors, stateErrors } from "./errors.ts";
import { LocalCopies, type LocalCopiesOptions } from "./local-copies.ts";
import {
  isNamedByRole,
  layoutDifference,
  type MapMoves,
  migrateMap,
  planMigration,
} from "./map-migration.ts";
import { operatorBytes } from "./operator-memory.ts";
import { OperatorValues } from "./operator-values.ts";
import { intersect, restoreHandle } from "./restore-state.ts";
import { type ChainSegment, SegmentChain } from "./segment-chain.ts";
import type { HashBytes } from "./segment-format.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { savepointFolder, sharedFolder } from "./snapshot-folders.ts";
import {
  asStateHandle,
  HANDLE_FORMAT,
  HANDLE_VERSION,
  HASH_VERSION,
  mapKey,
  type SegmentRef,
  type StateHandle,
} from "./state-handle.ts";
import {
  areLarge,
  IN_MEMORY,
  type PageSource,
  type SpillFigures,
  type SpillOptions,
  type SpillStore,
  spillStoreOf,
  stateHolders,
} from "./spill-store.ts";
import { StateSnapshot, type WrittenSegment } from "./state-snapshot.ts";

/** Entries looked at for TTL in one call of maintain(). */
const SWEEP_ENTRIES = 2000;
const MAINTAIN_MS = 100;
/** Pages read at once behind a restore, which takes one part in RESTORE_SHARE of the time. */
const RESTORE_PAGES = 256;
const RESTORE_SHARE = 5;
const MOST_VALUE_BYTES = 2048;
const MOST_ENTRY_BYTES = 4096;

export interface SubtaskStateOptions {
  readonly runtime: WorkerRuntime;
  readonly env: Env;
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  /** Unique in the job, for names of files: "task-subtask". */
  readonly name: string;
  /** Where snapshots go; undefined when the job takes none. */
  readonly checkpointDirectory: string | undefined;
  /** Handles of every subtask of the checkpoint that is restored. */
  readonly restored: readonly unknown[];
  /** Keeps memory within a budget; without it, all state stays in memory. */
  readonly spill?: Omit<SpillOptions, "scratch">;
  /** Segments on local disk besides those in checkpoint storage. */
  readonly localCopies?: LocalCopiesOptions;
  /** Uids of the nodes that this subtask runs; state of others is not loaded. Undefined = all. */
  readonly uids?: readonly string[];
  readonly operatorName?: (uid: string) => string;
}

/** What a snapshot is for; the runtime's Barrier fits. */
export interface SnapshotRequest {
  readonly checkpointId: number;
  readonly triggeredMs: number;
  readonly kind: "checkpoint" | "savepoint";
  readonly directory?: string;
  readonly anew?: boolean;
}

export interface SnapshotRun {
  step(budgetBytes: number): boolean;
  readonly done: Promise<{ readonly sizeBytes: number; readonly handle: StateHandle }>;
}

interface MapState {
  readonly uid: string;
  spec: KeyedMapSpec;
  readonly ptr: number;
  readonly id: number;
  /** An operator has asked for it; before that it only waits in case one does. */
  claimed: boolean;
}

/** Empty, or filled from the handles of an earlier snapshot. */
export async function createSubtaskState(options: SubtaskStateOptions): Promise<SubtaskState> {
  const state = new SubtaskState(options);
  try {
    await state.restore();
  } catch (error) {
    state.close();
    throw error;
  }
  return state;
}

export class SubtaskState {
  readonly #options: SubtaskStateOptions;
  readonly #domain: number;
  readonly #maps = new Map<string, MapState>();
  readonly #values = new OperatorValues();
  readonly #chain: SegmentChain;
  readonly #store: SpillStore;
  readonly #copies: LocalCopies | undefined;
  /** Pages are still in the segments that they were restored from. */
  #restoring = false;
  #sources: PageSource[] = [];
  #restoreNextMs = 0;
  #snapshot: StateSnapshot | undefined;
  #maintainedMs = Number.NEGATIVE_INFINITY;
  #sweepNext = 0;
  #closed = false;

  constructor(options: SubtaskStateOptions) {
    this.#options = options;
    const { runtime, env, spill } = options;
    const { kernels, memory } = runtime;
    const spilling = spill === undefined ? IN_MEMORY : { ...spill, scratch: env.scratch };
    this.#store = spillStoreOf(runtime, spilling, this.#holders);
    this.#domain = guarded(kernels, () => kernels.domainCreate());
    this.#chain = new SegmentChain(kernels, memory, this.#domain);
    this.#copies = options.localCopies && new LocalCopies(env.files, options.localCopies);
    this.maintain();
  }

  /** The state of one operator. */
  forOperator(node: { readonly uid: string }): KeyedStateBackend {
    const { uid } = node;
    return {
      maxParallelism: this.#options.maxParallelism,
      map: (spec) => this.#map(uid, spec),
      operatorValue: (name) => this.#values.value(uid, name),
    };
  }

  /**
   * Between batches: time for TTL, a few entries swept, empty pages given back. Cheap when called
   * too often.
   */
  maintain(): void {
    const { env, runtime } = this.#options;
    if (this.#restoring) this.#restoreMore();
    if (this.#options.spill !== undefined) this.#balance();
    const nowMs = env.clock.nowMs();
    if (Math.abs(nowMs - this.#maintainedMs) < MAINTAIN_MS) return;
    this.#maintainedMs = nowMs;
    const { kernels } = runtime;
    kernels.stateSetTime(Math.floor(nowMs / 1000) % 2 ** 31);
    const maps = [...this.#maps.values()];
    if (maps.length === 0) return;
    const next = maps[this.#sweepNext++ % maps.length]!;
    guarded(kernels, () => {
      kernels.mapSweep(next.ptr, SWEEP_ENTRIES);
      for (const { ptr } of maps) kernels.mapTrim(ptr);
    });
  }

  #balance(): void {
    guarded(this.#options.runtime.kernels, () => this.#store.balance([...this.#maps.values()]));
  }

  get isCold(): boolean {
    return this.#restoring && areLarge(this.#sources);
  }

  /** Some of what is still in segments, in a small part of the time. */
  #restoreMore(): void {
    const { env, runtime } = this.#options;
    const { kernels } = runtime;
    const startMs = env.clock.monotonicMs();
    if (startMs < this.#restoreNextMs) return;
    const pages = this.#store.hasRoom ? RESTORE_PAGES : 0;
    const left = guarded(kernels, () => kernels.restoreNext(this.#domain, pages));
    this.#restoreNextMs = startMs + (env.clock.monotonicMs() - startMs) * RESTORE_SHARE;
    if (left === 2) return;
    if (left === 0) this.#closeSources();
    // Without room the rest comes when it is touched.
    if (left === 0 || pages === 0) this.#restoring = false;
  }

  #closeSources(): void {
    for (const source of this.#sources) this.#store.removeSource(source);
    this.#sources = [];
  }

  /** Reads all that is still in segments: for those who want to know now whether it can be. */
  restoreRest(): void {
    const { kernels } = this.#options.runtime;
    while (guarded(kernels, () => kernels.restoreNext(this.#domain, RESTORE_PAGES)) !== 0);
    this.#restoring = false;
  }

  /** What is spilled, and how much was moved. */
  get spillFigures(): SpillFigures {
    return this.#store.figures;
  }

  /**
   * At the barrier: freezes what has changed. The snapshot before must have left step() with true.
   */
  beginSnapshot(request: SnapshotRequest): SnapshotRun {
    const { name, runtime, maxParallelism, keyGroups } = this.#options;
    if (this.#closed) throw stateErrors.STATE_CLOSED({ name });
    if (this.#snapshot?.step(0) === false) throw snapshotErrors.SNAPSHOT_ACTIVE({ name });
    const { checkpointId, anew = false } = request;
    const full = request.kind === "savepoint";
    const folder = this.#folderFor(request);
    if (folder === undefined) {
      const error = snapshotErrors.NO_DIRECTORY({ name: `the snapshot of subtask ${name}` });
      return { step: () => true, done: Promise.reject(error) };
    }
    const { kernels } = runtime;
    const unchanged = anew ? [] : this.#chain.confirmed;
    const { number: segment, base } = full
      ? { number: this.#chain.takeNumber(), base: [] }
      : this.#chain.begin(checkpointId, anew);
    const handle = {
      format: HANDLE_FORMAT,
      version: HANDLE_VERSION,
      hash: HASH_VERSION,
      name,
      checkpointId,
      maxParallelism,
      keyGroups,
      maps: [...this.#maps.values()].map(({ uid, spec: { former: _, ...spec }, ptr }) => ({
        uid,
        ...spec,
        entries: kernels.mapEntries(ptr) >>> 0,
      })),
      values: this.#values.snapshot(),
    } as const;
    const snapshot = guarded(kernels, () =>
      this.#beginSnapshot(checkpointId, segment, full, folder),
    );
    this.#snapshot = snapshot;
    const finish = ({ ref, live }: WrittenSegment) => {
      const chain = full
        ? [{ ref: ref!, number: segment }]
        : this.#chain.written(segment, ref === undefined ? unchanged : base, ref, live);
      const segments = chain.map((part) => part.ref);
      const sizeBytes = segments.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
      return { sizeBytes, handle: { ...handle, segments } };
    };
    return { step: (budgetBytes) => snapshot.step(budgetBytes), done: snapshot.done.then(finish) };
  }

  /** The checkpoint is complete: the next one builds upon it. */
  checkpointCompleted(checkpointId: number): void {
    if (this.#closed) return;
    this.#chain.completed(checkpointId);
    void this.#copies?.keepOnly(this.#chain.latest, checkpointId);
  }

  readonly #holders = () => stateHolders([...this.#maps.values()], this.#options);
  /** Bytes of live state of an operator, and of what is in memory; indexes left out. */
  operatorBytes(uid: string) {
    return operatorBytes(this.#options.runtime.kernels, this.#maps.values(), uid);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { kernels } = this.#options.runtime;
    this.#snapshot?.abort();
    guarded(kernels, () => {
      for (const { ptr } of this.#maps.values()) kernels.mapDestroy(ptr);
      kernels.domainDestroy(this.#domain);
    });
    this.#closeSources();
    this.#store.release(this.#holders);
    this.#maps.clear();
  }

  async restore(): Promise<void> {
    const { restored, keyGroups, runtime, env, maxParallelism } = this.#options;
    const handles = restored.filter((state) => state != null).map(asStateHandle);
    if (handles.length === 0) return;
    const other = handles.find((handle) => handle.maxParallelism !== maxParallelism);
    if (other !== undefined)
      throw snapshotErrors.PARALLELISM_CHANGED({
        found: other.maxParallelism,
        wanted: maxParallelism,
      });
    for (const handle of handles) {
      this.#values.restore(handle, (uid) => this.#runs(uid));
      if (intersect(handle.keyGroups, keyGroups) === undefined) continue;
      for (const { uid, entries: _, ...spec } of handle.maps)
        if (this.#runs(uid)) this.#restoredMap(uid, spec);
    }
    const chain: ChainSegment[] = [];
    const options = {
      runtime,
      files: env.files,
      store: {
        addSource: (source: PageSource) => {
          this.#sources.push(source);
          return this.#store.addSource(source);
        },
      },
      scratch: () => env.scratch(this.#options.spill?.folder ?? env.variables["TMPDIR"] ?? "/tmp"),
      hash: this.#hash,
      copies: this.#copies,
      keyGroups,
      mapOf: (uid: string, name: string) => this.#maps.get(mapKey(uid, name))?.ptr,
      numberOf: (ref: SegmentRef) => (this.#mayShare(ref) ? this.#chain.takeRestoredNumber() : 0),
    };
    for (const handle of handles) {
      if (!handle.maps.some(({ uid }) => this.#runs(uid))) continue;
      for (const { ref, number, pages } of await restoreHandle(handle, options)) {
        if (number === 0 || pages === 0) continue;
        const range = intersect(intersect(ref.keyGroups, handle.keyGroups)!, keyGroups)!;
        chain.push({ number, ref: { ...ref, keyGroups: range, pages } });
      }
    }
    for (const handle of handles) this.#claim(handle);
    this.#restoring = true;
    this.#chain.restored(chain);
  }

  /** How many entries the maps will have, as far as is known: a handle's, by its share of key groups. */
  #claim(handle: StateHandle): void {
    const { kernels } = this.#options.runtime;
    const shared = intersect(handle.keyGroups, this.#options.keyGroups);
    if (shared === undefined) return;
    const { start, end } = handle.keyGroups;
    const share = (shared.end - shared.start + 1) / (end - start + 1);
    for (const { uid, name, entries } of handle.maps) {
      const map = this.#maps.get(mapKey(uid, name));
      if (map !== undefined) kernels.mapClaim(map.ptr, Math.ceil(entries * share));
    }
  }

  #runs(uid: string): boolean {
    return this.#options.uids?.includes(uid) ?? true;
  }

  /** Files of this job's own folder, and what stands in the manifest, may be named again. */
  #mayShare(ref: SegmentRef): boolean {
    const { checkpointDirectory } = this.#options;
    if (checkpointDirectory === undefined) return false;
    return ref.file === undefined || ref.file.startsWith(sharedFolder(checkpointDirectory));
  }

  readonly #hash: HashBytes = (bytes) => {
    const { kernels, memory } = this.#options.runtime;
    const pages = Math.max(1, Math.ceil(bytes.length / 4096));
    const buffer = kernels.pageAllocate(pages) >>> 0;
    if (buffer === 0) throw stateErrors.MEMORY_EXHAUSTED({ usedBytes: kernels.memoryUsedBytes() });
    new Uint8Array(memory.buffer).set(bytes, buffer);
    const digest = BigInt.asUintN(64, kernels.hashBytes(buffer, bytes.length));
    kernels.pageFree(buffer, pages);
    return digest;
  };

  #folderFor({ kind, directory, checkpointId, triggeredMs }: SnapshotRequest): string | undefined {
    const { checkpointDirectory } = this.#options;
    if (kind === "checkpoint")
      return checkpointDirectory === undefined ? undefined : sharedFolder(checkpointDirectory);
    const parent = directory ?? checkpointDirectory;
    return parent === undefined ? undefined : savepointFolder(parent, checkpointId, triggeredMs);
  }

  #beginSnapshot(
    checkpointId: number,
    segment: number,
    full: boolean,
    folder: string,
  ): StateSnapshot {
    const { runtime, env, name, keyGroups } = this.#options;
    const { kernels } = runtime;
    for (const { ptr } of this.#maps.values()) kernels.mapTrim(ptr);
    const id = `${checkpointId}-${name}-${env.random.hex(8)}`;
    const file = `${folder}/${id}.seg`;
    const copies = full ? undefined : this.#copies;
    return new StateSnapshot({
      runtime,
      domain: this.#domain,
      name,
      checkpointId,
      segment,
      full,
      maps: [...this.#maps.values()].map((map) => ({
        id: map.id,
        uid: map.uid,
        name: map.spec.name,
      })),
      writer: new SegmentWriter({ files: env.files, id, folder, file, keyGroups, copies }),
      nowMs: () => env.clock.monotonicMs(),
      lastLive: full ? undefined : this.#chain.live,
    });
  }

  #map(uid: string, spec: KeyedMapSpec): KeyedMap {
    const { name, runtime } = this.#options;
    if (this.#closed) throw stateErrors.STATE_CLOSED({ name });
    const found = this.#maps.get(mapKey(uid, spec.name));
    if (found === undefined) {
      const { ptr } = this.#create(uid, spec, true);
      return { spec, ptr };
    }
    if (found.claimed) {
      if (layoutDifference(found.spec, spec) !== undefined)
        throw stateErrors.MAP_DUPLICATE({ map: spec.name, uid });
      return { spec, ptr: found.ptr };
    }
    const migration = planMigration(found.spec, spec, { keyNames: !isNamedByRole(uid) });
    if (migration.kind === "differs")
      throw stateErrors.LAYOUT_CHANGED({ map: spec.name, uid, difference: migration.reason });
    if (migration.kind === "migrates") return this.#migrated(found, spec, migration);
    if (migration.kind === "rekeyed") return this.#migrated(found, spec);
    found.claimed = true;
    found.spec = spec;
    runtime.kernels.mapSetTtl(found.ptr, ttlSeconds(spec));
    return { spec, ptr: found.ptr };
  }

  /** The entries of a restored map in a new one with the layout that is wanted now; without `how` its operator moves them. */
  #migrated(old: MapState, spec: KeyedMapSpec, how?: MapMoves): KeyedMap {
    const { runtime, keyGroups } = this.#options;
    const { uid, ptr: from } = old;
    this.#maps.delete(mapKey(uid, spec.name));
    const { ptr: to } = this.#create(uid, spec, true);
    const release = () => guarded(runtime.kernels, () => runtime.kernels.mapDestroy(from));
    if (how === undefined) return { spec, ptr: to, former: { ptr: from, release } };
    const maps = { runtime, from, to, keyBytes: spec.keyBytes, keyGroups };
    guarded(runtime.kernels, () => migrateMap({ ...maps, ...how }));
    release();
    return { spec, ptr: to };
  }

  #restoredMap(uid: string, spec: KeyedMapSpec): void {
    const found = this.#maps.get(mapKey(uid, spec.name));
    if (found === undefined) this.#create(uid, spec, false);
    else if (layoutDifference(found.spec, spec) !== undefined)
      throw snapshotErrors.HANDLE_INVALID({
        reason: `subtasks disagree about the layout of '${spec.name}' of ${uid}`,
      });
  }

  #create(uid: string, spec: KeyedMapSpec, claimed: boolean): MapState {
    const { runtime, maxParallelism, keyGroups } = this.#options;
    const { kernels } = runtime;
    const { name, keyBytes, valueBytes } = spec;
    const fits =
      (keyBytes === -1 || (keyBytes >= 0 && keyBytes % 8 === 0)) &&
      valueBytes >= 0 &&
      valueBytes % 8 === 0 &&
      valueBytes <= MOST_VALUE_BYTES &&
      8 + Math.max(keyBytes, keyBytes === -1 ? 8 : 0) + valueBytes <= MOST_ENTRY_BYTES;
    if (!fits) throw stateErrors.MAP_LAYOUT({ map: name, uid, keyBytes, valueBytes });
    const { start, end } = keyGroups;
    const ptr = guarded(kernels, () => {
      const map = kernels.mapCreate(
        this.#domain,
        maxParallelism,
        start,
        end - start + 1,
        keyBytes,
        valueBytes,
        ttlSeconds(spec),
      );
      const handles = spec.valueFields.filter(({ type }) => type === "handle");
      const mark = kernels.arenaMark();
      const offsets = kernels.arenaAlloc(Math.max(4, handles.length * 4)) >>> 0;
      new Uint32Array(runtime.memory.buffer, offsets, handles.length).set(
        handles.map(({ offset }) => offset),
      );
      kernels.mapSetHandles(map, offsets, handles.length);
      kernels.arenaRelease(mark);
      return map >>> 0;
    });
    const state = { uid, spec, ptr, id: kernels.mapId(ptr) >>> 0, claimed };
    this.#maps.set(mapKey(uid, name), state);
    return state;
  }
}

function ttlSeconds({ ttlMs }: KeyedMapSpec): number {
  return Math.min(Math.ceil(ttlMs / 1000), 2 ** 30 - 1);
}
