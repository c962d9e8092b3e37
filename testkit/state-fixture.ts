/**
 * Keyed state against a model: random writes to a map of a subtask's state, mirrored in a
 * JavaScript Map.
 *
 * Keys are numbers, written as fixed keys (the number in the first 8 bytes, its negative behind) or
 * as texts; a value is a counter, a stamp and the handle of a log block with a text.
 */
import assert from "node:assert/strict";
import type { KeyGroupRange } from "../src/foundation/columnar/key-group.ts";
import { types } from "../src/foundation/columnar/logical-type.ts";
import type { KeyedMap, KeyedMapSpec } from "../src/dataplane/contract/keyed-state.ts";
import type { WorkerRuntime } from "../src/dataplane/contract/operator.ts";

export const MODEL_VALUE_BYTES = 24;

export interface ModelValue {
  count: number;
  text: string | undefined;
}

export type Model = Map<number, ModelValue>;

export function modelSpec(name: string, keyBytes: number, ttlMs = 0): KeyedMapSpec {
  return {
    name,
    keyBytes,
    valueBytes: MODEL_VALUE_BYTES,
    keyFields: keyBytes > 0 ? [{ name: "id", offset: 0, type: types.bigint(false) }] : [],
    valueFields: [
      { name: "count", offset: 0, type: "counter" },
      { name: "text", offset: 16, type: "handle" },
    ],
    ttlMs,
  };
}

/** xorshift32: a small generator with a seed. */
export function seeded(seed: number): (below: number) => number {
  // Small seeds that lie close together are to begin far apart.
  let state = Math.imul(seed, 0x9e3779b1) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Reads and writes one map through the kernels, as operators do. */
export class MapDriver {
  readonly runtime: WorkerRuntime;
  readonly map: KeyedMap;

  constructor(runtime: WorkerRuntime, map: KeyedMap) {
    this.runtime = runtime;
    this.map = map;
  }

  /** Entries of the keys; absent ones are inserted, or 0 with `find`. */
  entries(ids: readonly number[], find = false): { entries: number[]; hashes: number[] } {
    const { kernels } = this.runtime;
    const { keyBytes } = this.map.spec;
    const n = ids.length;
    const mark = kernels.arenaMark();
    const texts = ids.map((id) => new TextEncoder().encode(keyText(id)));
    const hashes = kernels.arenaAlloc(n * 8) >>> 0;
    const keys = kernels.arenaAlloc(n * Math.max(8, keyBytes)) >>> 0;
    const found = kernels.arenaAlloc(n * 4) >>> 0;
    const bytes = kernels.arenaAlloc(texts.reduce((sum, text) => sum + text.length, 0)) >>> 0;
    const data = new DataView(this.runtime.memory.buffer);
    let at = bytes;
    for (const [i, id] of ids.entries()) {
      if (keyBytes < 0) {
        new Uint8Array(data.buffer).set(texts[i]!, at);
        data.setUint32(keys + i * 8, at, true);
        data.setUint32(keys + i * 8 + 4, texts[i]!.length, true);
        at += texts[i]!.length;
      } else {
        for (let o = 0; o < keyBytes; o += 8)
          data.setBigInt64(keys + i * keyBytes + o, BigInt(o === 0 ? id : -id), true);
      }
    }
    if (keyBytes < 0) kernels.hashViewBatch(n, keys, hashes);
    else kernels.hashFixedBatch(n, keys, keyBytes, hashes);
    if (find) kernels.mapFindBatch(this.map.ptr, n, hashes, keys, found);
    else kernels.mapUpsertBatch(this.map.ptr, n, hashes, keys, found);
    const after = new DataView(this.runtime.memory.buffer);
    const entries = ids.map((_, i) => after.getUint32(found + i * 4, true));
    const upper = ids.map((_, i) => after.getUint32(hashes + i * 8 + 4, true));
    kernels.arenaRelease(mark);
    return { entries, hashes: upper };
  }

  /** The value behind an entry. */
  read(entry: number, hash: number): ModelValue {
    const { kernels, memory } = this.runtime;
    const data = new DataView(memory.buffer);
    const count = Number(data.getBigUint64(entry, true));
    assert.equal(Number(data.getBigUint64(entry + 8, true)), (count * 7919) % 65536);
    const handle = data.getUint32(entry + 16, true);
    if (handle === 0) return { count, text: undefined };
    const address = kernels.logPtr(this.map.ptr, hash, handle) >>> 0;
    const bytes = new Uint8Array(memory.buffer, address, kernels.logLength(address));
    return { count, text: new TextDecoder().decode(bytes) };
  }

  /** Writes the value of a touched entry. */
  write(entry: number, hash: number, value: ModelValue): void {
    const { kernels, memory } = this.runtime;
    const { ptr } = this.map;
    let data = new DataView(memory.buffer);
    const old = data.getUint32(entry + 16, true);
    if (old !== 0) kernels.logFree(ptr, hash, old);
    let handle = 0;
    if (value.text !== undefined) {
      const text = new TextEncoder().encode(value.text);
      const mark = kernels.arenaMark();
      const bytes = kernels.arenaAlloc(text.length) >>> 0;
      new Uint8Array(memory.buffer).set(text, bytes);
      handle = kernels.logAppend(ptr, hash, bytes, text.length) >>> 0;
      kernels.arenaRelease(mark);
    }
    data = new DataView(memory.buffer);
    data.setBigUint64(entry, BigInt(value.count), true);
    data.setBigUint64(entry + 8, BigInt((value.count * 7919) % 65536), true);
    data.setUint32(entry + 16, handle, true);
  }

  remove(entry: number, hash: number): void {
    const { kernels, memory } = this.runtime;
    const handle = new DataView(memory.buffer).getUint32(entry + 16, true);
    if (handle !== 0) kernels.logFree(this.map.ptr, hash, handle);
    kernels.mapRemove(this.map.ptr, entry);
  }
}

/** `count` random writes and removals of keys below `keys` that `owns` accepts, in batches. */
export function mutate(
  driver: MapDriver,
  model: Model,
  random: (below: number) => number,
  options: {
    readonly count: number;
    readonly keys: number;
    readonly removePercent: number;
    readonly longest?: number;
    readonly owns?: (id: number) => boolean;
  },
): void {
  const { count, keys, removePercent, longest = 60, owns = () => true } = options;
  for (let done = 0; done < count; done += 100) {
    const wanted = Array.from({ length: 100 }, () => random(keys)).filter(owns);
    if (random(100) < removePercent) {
      const { entries, hashes } = driver.entries([...new Set(wanted)], true);
      for (const [i, id] of [...new Set(wanted)].entries()) {
        assert.equal(entries[i] !== 0, model.has(id), `key ${id} found`);
        if (entries[i] !== 0) driver.remove(entries[i]!, hashes[i]!);
        model.delete(id);
      }
      continue;
    }
    const { entries, hashes } = driver.entries(wanted);
    for (const [i, id] of wanted.entries()) {
      const before = model.get(id) ?? { count: 0, text: undefined };
      assert.deepEqual(driver.read(entries[i]!, hashes[i]!), before, `key ${id}`);
      // Now and then a text beyond a page, which gets pages of its own.
      const length = random(50) === 0 ? random(longest * 100) : random(longest);
      const text = random(3) === 0 ? undefined : String.fromCharCode(97 + (id % 26)).repeat(length);
      const value = { count: before.count + 1, text };
      driver.write(entries[i]!, hashes[i]!, value);
      model.set(id, value);
    }
  }
}

/** Everything in the map is in the model and the other way round. */
export function compare(
  driver: MapDriver,
  model: Model,
  keyGroups: KeyGroupRange,
  owns: (id: number) => boolean = () => true,
): void {
  const { kernels } = driver.runtime;
  const expected = [...model.keys()].filter(owns);
  let seen = 0;
  for (let group = keyGroups.start; group <= keyGroups.end; group++) {
    for (let entry = 0; ; seen++) {
      entry = kernels.mapIterate(driver.map.ptr, group, entry) >>> 0;
      if (entry === 0) break;
    }
  }
  assert.equal(seen, expected.length, "entries iterated");
  assert.equal(kernels.mapSize(driver.map.ptr), expected.length, "size");
  for (let from = 0; from < expected.length; from += 1000) {
    const ids = expected.slice(from, from + 1000);
    const { entries, hashes } = driver.entries(ids, true);
    for (const [i, id] of ids.entries()) {
      assert.ok(entries[i] !== 0, `key ${id} is missing`);
      assert.deepEqual(driver.read(entries[i]!, hashes[i]!), model.get(id), `key ${id}`);
    }
  }
}

/** The key group of a key. */
export function keyGroupOfId(runtime: WorkerRuntime, map: KeyedMap, id: number): number {
  const { kernels, memory } = runtime;
  const { keyBytes } = map.spec;
  const mark = kernels.arenaMark();
  const text = new TextEncoder().encode(keyText(id));
  const key = kernels.arenaAlloc(Math.max(text.length, keyBytes, 8)) >>> 0;
  const data = new DataView(memory.buffer);
  if (keyBytes < 0) new Uint8Array(memory.buffer).set(text, key);
  else
    for (let o = 0; o < keyBytes; o += 8)
      data.setBigInt64(key + o, BigInt(o === 0 ? id : -id), true);
  const hash =
    keyBytes < 0 ? kernels.hashBytes(key, text.length) : kernels.hashFixed(key, keyBytes);
  kernels.arenaRelease(mark);
  return Number(((BigInt.asUintN(64, hash) >> 32n) * 128n) >> 32n);
}

/** Lengths 0 to 39: texts of an id are distinct. */
function keyText(id: number): string {
  return id === 0 ? "" : `${id}${"-".repeat(id % 33)}`;
}
