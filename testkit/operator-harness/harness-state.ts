/**
 * HarnessState: keyed state for one operator under test, with snapshots in plain memory by the kernels that the state
 * backend uses. Snapshots are incremental, so an operator that writes a page without touching it fails its test.
 */
import { type KeyGroupRange, keyGroupRange } from "../../src/foundation/columnar/key-group.ts";
import type { KernelExports } from "../../src/dataplane/kernels/kernels.generated.ts";
import type {
  KeyedMap,
  KeyedMapSpec,
  KeyedStateBackend,
} from "../../src/dataplane/contract/keyed-state.ts";
import type { ScratchFile } from "../../src/foundation/host/env.ts";
import {
  type PageSource,
  type SpillStore,
  spillStoreOf,
} from "../../src/dataplane/state/spill-store.ts";
import type { WorkerRuntime } from "../../src/dataplane/contract/operator.ts";

/** Pages in a buffer in place of a file. */
const scratchInMemory = (): ScratchFile => {
  let bytes = new Uint8Array(0);
  return {
    readSync: (target, position) => {
      const found = bytes.subarray(position, position + target.length);
      target.set(found);
      return found.length;
    },
    writeSync: (source, position) => {
      if (position + source.length > bytes.length) {
        const grown = new Uint8Array((position + source.length) * 2);
        grown.set(bytes);
        bytes = grown;
      }
      bytes.set(source, position);
    },
    close: () => {},
  };
};

interface StoredPage {
  readonly record: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface StateSnapshot {
  /** By map name, then "keyGroup/number/part". */
  readonly pages: ReadonlyMap<string, ReadonlyMap<string, StoredPage>>;
  readonly values: ReadonlyMap<string, unknown>;
}

/** Which of how many subtasks. */
export interface HarnessSubtask {
  readonly index: number;
  readonly parallelism: number;
}

const WHOLE: HarnessSubtask = { index: 0, parallelism: 1 };
const STORED_BYTES = 40;
const PAGE_BYTES = 4096;

export class HarnessState implements KeyedStateBackend {
  readonly maxParallelism: number;
  readonly maps = new Map<string, KeyedMap>();
  readonly #runtime: WorkerRuntime;
  readonly #groups: KeyGroupRange;
  readonly #domain: number;
  readonly #restored: StateSnapshot | undefined;
  readonly #values = new Map<string, unknown>();
  readonly #pages = new Map<string, Map<string, StoredPage>>();
  #segment = 0;
  #spill: SpillStore | undefined;

  constructor(
    runtime: WorkerRuntime,
    { maxParallelism, subtask = WHOLE }: { maxParallelism: number; subtask?: HarnessSubtask },
    restored?: StateSnapshot,
  ) {
    this.#runtime = runtime;
    this.maxParallelism = maxParallelism;
    this.#groups = keyGroupRange(maxParallelism, subtask.parallelism, subtask.index);
    this.#restored = restored;
    this.#domain = runtime.kernels.domainCreate() >>> 0;
  }

  get #kernels(): KernelExports {
    return this.#runtime.kernels;
  }

  map(spec: KeyedMapSpec): KeyedMap {
    const { kernels } = this.#runtime;
    const seconds = Math.ceil(spec.ttlMs / 1000);
    const ptr =
      kernels.mapCreate(
        this.#domain,
        this.maxParallelism,
        this.#groups.start,
        this.#groups.end - this.#groups.start + 1,
        spec.keyBytes,
        spec.valueBytes,
        seconds,
      ) >>> 0;
    const handles = spec.valueFields.filter(({ type }) => type === "handle");
    if (handles.length > 0) {
      const list = kernels.pageAllocate(1) >>> 0;
      new Uint32Array(this.#runtime.memory.buffer, list).set(handles.map(({ offset }) => offset));
      kernels.mapSetHandles(ptr, list, handles.length);
    }
    const map = { spec, ptr };
    this.maps.set(spec.name, map);
    this.#restore(map);
    return map;
  }

  /** Every page of state leaves memory, and comes back when it is touched; addresses kept from before lead to rubbish. */
  spillAll(): void {
    const store = this.#store();
    while (true) {
      const count = store.spill(1024, true);
      if (count === 0) return;
      const { buffer } = this.#runtime.memory;
      const words = new Uint32Array(buffer, this.#kernels.spillList() >>> 0, count * 3);
      for (let i = 0; i < words.length; i += 3)
        new Uint8Array(buffer, words[i]!, PAGE_BYTES).fill(0xee);
    }
  }

  #store(): SpillStore {
    const options = { budgetBytes: 0, folder: "memory", scratch: scratchInMemory };
    this.#spill ??= spillStoreOf(this.#runtime, options, () => []);
    return this.#spill;
  }

  operatorValue(name: string) {
    const { values } = this.#restored ?? { values: new Map() };
    return {
      restored: values.has(name) ? [values.get(name)] : [],
      set: (value: unknown) => {
        this.#values.set(name, value);
      },
    };
  }

  snapshot(): StateSnapshot {
    const kernels = this.#kernels;
    const run = kernels.snapshotBegin(this.#domain, ++this.#segment, 0) >>> 0;
    const target = kernels.pageAllocate(1) >>> 0;
    const index = kernels.pageAllocate(1) >>> 0;
    const names = new Map([...this.maps].map(([name, map]) => [kernels.mapId(map.ptr), name]));
    const alive = this.#readAlive(run);
    while (kernels.snapshotLeft(run) > 0) {
      const length = kernels.snapshotNext(run, target, PAGE_BYTES, index, 1) >>> 0;
      const { buffer } = this.#runtime.memory;
      const record = new Uint8Array(buffer, index, STORED_BYTES).slice();
      const words = new Uint32Array(record.buffer);
      const name = names.get(words[0]!)!;
      const key = `${words[1]}/${words[2]}/${words[3]}`;
      this.#pagesOf(name).set(key, {
        record,
        bytes: new Uint8Array(buffer, target, length).slice(),
      });
    }
    kernels.snapshotEnd(run, 1);
    const pages = new Map<string, Map<string, StoredPage>>();
    for (const [id, name] of names) {
      const kept = [...this.#pagesOf(name)].filter(([key]) => isAlive(alive, id, key));
      pages.set(name, new Map(kept));
    }
    return { pages, values: new Map(this.#values) };
  }

  #pagesOf(name: string): Map<string, StoredPage> {
    let pages = this.#pages.get(name);
    if (pages === undefined) {
      pages = new Map();
      this.#pages.set(name, pages);
    }
    return pages;
  }

  /** "mapId/keyGroup" → bits of the page numbers that exist. */
  #readAlive(run: number): Map<string, Uint32Array> {
    const at = this.#kernels.snapshotLive(run) >>> 0;
    const words = new Uint32Array(
      this.#runtime.memory.buffer,
      at,
      (this.#kernels.snapshotLiveBytes(run) >>> 0) / 4,
    ).slice();
    const alive = new Map<string, Uint32Array>();
    for (let i = 0; i < words.length; ) {
      const count = words[i + 2]!;
      alive.set(`${words[i]}/${words[i + 1]}`, words.subarray(i + 3, i + 3 + count));
      i += 3 + count;
    }
    return alive;
  }

  #restore(map: KeyedMap): void {
    const kernels = this.#kernels;
    const { start, end } = this.#groups;
    const pages = [...(this.#restored?.pages.get(map.spec.name)?.values() ?? [])].filter(
      ({ record }) => groupIn(record) >= start && groupIn(record) <= end,
    );
    if (pages.length === 0) return;
    const source = sourceOf(pages);
    const base = this.#store().addSource(source);
    const bits = new Map<number, Uint32Array>();
    for (const { record } of pages) {
      const [, group, number] = new Uint32Array(record.buffer) as unknown as number[];
      const words = bits.get(group!) ?? new Uint32Array(1024);
      words[number! >>> 5]! |= 1 << (number! & 31);
      bits.set(group!, words);
    }
    const mark = kernels.arenaMark();
    const buffer = kernels.arenaAlloc(Math.max(4096, source.index.length)) >>> 0;
    for (const [group, words] of bits) {
      new Uint32Array(this.#runtime.memory.buffer, buffer, words.length).set(words);
      if (kernels.restoreGroup(map.ptr, group, buffer, words.length) === 0)
        throw new Error(`key group ${group} of ${map.spec.name} does not restore`);
    }
    const table = kernels.arenaAlloc(4) >>> 0;
    new Uint32Array(this.#runtime.memory.buffer, table, 1)[0] = map.ptr;
    new Uint8Array(this.#runtime.memory.buffer).set(source.index, buffer);
    const count = pages.length;
    const taken = kernels.restoreRecords(table, 1, buffer, count, base, base, 0, start, end);
    if (taken !== count || kernels.restoreCheck(map.ptr) !== 0)
      throw new Error(`map ${map.spec.name} does not restore`);
    kernels.arenaRelease(mark);
  }
}

/** Pages as a segment has them; all are of the map with the id 0. */
function sourceOf(pages: readonly StoredPage[]): PageSource {
  const index = new Uint8Array(pages.length * STORED_BYTES);
  const offsets = new Float64Array(pages.length + 1);
  for (const [i, { record, bytes }] of pages.entries()) {
    index.set(record, i * STORED_BYTES);
    index.fill(0, i * STORED_BYTES, i * STORED_BYTES + 4);
    offsets[i + 1] = offsets[i]! + bytes.length;
  }
  const all = Buffer.concat(pages.map(({ bytes }) => bytes));
  return {
    name: "memory",
    index,
    offsets,
    readSync: (target, position) => {
      target.set(all.subarray(position, position + target.length));
      return target.length;
    },
    close: async () => {},
  };
}

function groupIn(record: Uint8Array): number {
  return new Uint32Array(record.buffer)[1]!;
}

function isAlive(alive: ReadonlyMap<string, Uint32Array>, id: number, key: string): boolean {
  const [group, number] = key.split("/");
  const bits = alive.get(`${id}/${group}`);
  const n = Number(number);
  return bits !== undefined && ((bits[n >>> 5] ?? 0) & (1 << (n & 31))) !== 0;
}
