/**
 * readState: the entries of one map of a checkpoint or savepoint, typed by its layout, without its
 * operator.
 *
 * Flow:    manifest's handles → a memory of its own (one old subtask at a time) → entries, one
 *          after another.
 * Values:  integers up to 32 bits, FLOAT, DOUBLE: number; BIGINT, intervals, DECIMAL (unscaled),
 *          counters, flags: bigint;
 *          BOOLEAN: boolean; TIMESTAMP with more than 3 digits: [milliseconds, nanoseconds];
 *                   handle: the bytes of the log
 *          block, null for none; variable-size types within fixed fields: bytes. A variable key is
 *          its bytes, as "key".
 * Errors:  as restore-state.ts.
 */
import { physicalOf } from "../../foundation/columnar/logical-type.ts";
import type { Files } from "../../foundation/host/env.ts";
import type { StateField } from "../contract/keyed-state.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { guarded } from "./errors.ts";
import { restoreHandle } from "./restore-state.ts";
import { IN_MEMORY, spillStoreOf } from "./spill-store.ts";
import type { MapLayout, StateHandle } from "./state-handle.ts";

export type StateValue =
  | number
  | bigint
  | boolean
  | Uint8Array
  | readonly [milliseconds: bigint, nanoseconds: bigint]
  | null;

export interface StateEntry {
  readonly keyGroup: number;
  readonly key: Readonly<Record<string, StateValue>>;
  readonly value: Readonly<Record<string, StateValue>>;
}

export interface ReadStateOptions {
  /** A runtime of the reader's own: what it holds is freed at the end. */
  readonly runtime: WorkerRuntime;
  readonly files: Files;
  readonly handles: readonly StateHandle[];
  readonly uid: string;
  readonly map: string;
}

export async function* readState(options: ReadStateOptions): AsyncGenerator<StateEntry> {
  for (const handle of options.handles) {
    const layout = handle.maps.find(({ uid, name }) => uid === options.uid && name === options.map);
    if (layout !== undefined) yield* readHandle(handle, layout, options);
  }
}

async function* readHandle(
  handle: StateHandle,
  layout: MapLayout,
  { runtime, files }: ReadStateOptions,
): AsyncGenerator<StateEntry> {
  const { kernels, memory } = runtime;
  const { start, end } = handle.keyGroups;
  const map = await restoreMap(handle, layout, { runtime, files });
  try {
    const reader = new EntryReader(runtime, map.ptr, layout);
    for (let keyGroup = start; keyGroup <= end; keyGroup++) {
      for (let entry = 0; ; ) {
        entry = kernels.mapIterate(map.ptr, keyGroup, entry) >>> 0;
        if (entry === 0) break;
        yield { keyGroup, ...reader.read(new DataView(memory.buffer), entry) };
      }
    }
  } finally {
    map.close();
  }
}

/** One map of an old subtask in a memory of the reader's own; pages are read when they are touched. */
export interface ReadMap {
  readonly ptr: number;
  close(): void;
}

export async function restoreMap(
  handle: StateHandle,
  layout: MapLayout,
  { runtime, files }: Pick<ReadStateOptions, "runtime" | "files">,
): Promise<ReadMap> {
  const { kernels } = runtime;
  const { start, end } = handle.keyGroups;
  const { keyBytes, valueBytes } = layout;
  const domain = guarded(kernels, () => kernels.domainCreate());
  const groups = end - start + 1;
  const ptr = guarded(kernels, () =>
    kernels.mapCreate(domain, handle.maxParallelism, start, groups, keyBytes, valueBytes, 0),
  );
  // Without a budget nobody asks who keeps how much.
  const user = () => [];
  const store = spillStoreOf(runtime, IN_MEMORY, user);
  const close = () => {
    kernels.mapDestroy(ptr);
    kernels.domainDestroy(domain);
    store.release(user);
  };
  try {
    await restoreHandle(handle, {
      runtime,
      files,
      store,
      hash: (bytes) => hashOf(runtime, bytes),
      keyGroups: handle.keyGroups,
      mapOf: (uid, name) => (uid === layout.uid && name === layout.name ? ptr : undefined),
      numberOf: () => 0,
    });
  } catch (error) {
    close();
    throw error;
  }
  return { ptr, close };
}

class EntryReader {
  readonly #runtime: WorkerRuntime;
  readonly #map: number;
  readonly #layout: MapLayout;

  constructor(runtime: WorkerRuntime, map: number, layout: MapLayout) {
    this.#runtime = runtime;
    this.#map = map;
    this.#layout = layout;
  }

  read(data: DataView, entry: number): Pick<StateEntry, "key" | "value"> {
    const { keyBytes, keyFields, valueFields } = this.#layout;
    const stored = keyBytes < 0 ? 8 : keyBytes;
    const begin = entry - stored;
    const hash = data.getUint32(begin - 8, true);
    const key =
      keyBytes < 0
        ? { key: this.#block(data, hash, data.getUint32(begin, true)) ?? new Uint8Array(0) }
        : this.#fields(data, hash, begin, keyFields);
    return { key, value: this.#fields(data, hash, entry, valueFields) };
  }

  #fields(
    data: DataView,
    hash: number,
    at: number,
    fields: readonly StateField[],
  ): Record<string, StateValue> {
    return Object.fromEntries(
      fields.map((field) => [field.name, this.#field(data, hash, at + field.offset, field)]),
    );
  }

  #field(data: DataView, hash: number, at: number, { type }: StateField): StateValue {
    if (type === "handle") return this.#block(data, hash, data.getUint32(at, true));
    if (type === "counter") return data.getBigInt64(at, true);
    if (type === "flags") return data.getBigUint64(at, true);
    switch (physicalOf(type)) {
      case "bool":
        return data.getUint8(at) !== 0;
      case "i8":
        return data.getInt8(at);
      case "i16":
        return data.getInt16(at, true);
      case "i32":
        return data.getInt32(at, true);
      case "i64":
        return data.getBigInt64(at, true);
      case "f32":
        return data.getFloat32(at, true);
      case "f64":
        return data.getFloat64(at, true);
      case "i128":
        return (data.getBigInt64(at + 8, true) << 64n) | data.getBigUint64(at, true);
      case "ts128":
        return [data.getBigInt64(at, true), data.getBigInt64(at + 8, true)];
      case "view":
        return this.#block(data, hash, data.getUint32(at, true));
      case "row":
        return null;
    }
  }

  /** A copy of the bytes of a log block. */
  #block(data: DataView, hash: number, handle: number): Uint8Array | null {
    if (handle === 0) return null;
    const { kernels } = this.#runtime;
    const address = guarded(kernels, () => kernels.logPtr(this.#map, hash, handle) >>> 0);
    return new Uint8Array(data.buffer, address, kernels.logLength(address)).slice();
  }
}

/** XXH64 of bytes, through the scratch memory of a runtime. */
export function hashOf({ kernels, memory }: WorkerRuntime, bytes: Uint8Array): bigint {
  const mark = kernels.arenaMark();
  const address = guarded(kernels, () => kernels.arenaAlloc(bytes.length) >>> 0);
  new Uint8Array(memory.buffer).set(bytes, address);
  const digest = BigInt.asUintN(64, kernels.hashBytes(address, bytes.length));
  kernels.arenaRelease(mark);
  return digest;
}
