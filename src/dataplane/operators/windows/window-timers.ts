/**
 * WindowTimers: which keys have something waiting for which moment, in state, so that a moment finds its keys without a
 * look at the others.
 *
 * State:   map "timers" (kernels/windows.as.ts): moment → list of the keys.
 * Cache:   the moments that wait, as a heap in JavaScript: one number per distinct moment, rebuilt from the map by the
 *          constructor; no row data.
 */
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { forEachEntry } from "../rows/state-entries.ts";

/** In place of the offset of a flag: every row is registered. */
export const NO_FLAG = 0xffffffff;

export interface TimerKeys {
  readonly n: number;
  /** u64[n]. */
  readonly hashes: number;
  /** As mapFindBatch takes them. */
  readonly keys: number;
}

export class WindowTimers {
  readonly #context: OperatorContext;
  readonly #keyBytes: number;
  readonly #map: KeyedMap;
  readonly #heap: number[] = [];
  readonly #waiting = new Set<number>();

  constructor(context: OperatorContext, name: string, keyBytes: number) {
    this.#context = context;
    this.#keyBytes = keyBytes;
    this.#map = context.state.map({
      name,
      keyBytes: 8,
      valueBytes: 16,
      keyFields: [{ name: "time", offset: 0, type: "counter" }],
      valueFields: [
        { name: "first", offset: 0, type: "handle" },
        { name: "last", offset: 4, type: "counter" },
        { name: "keys", offset: 8, type: "counter" },
      ],
      // Keys, no rows of an input.
      rows: [],
      ttlMs: 0,
    });
    const { memory } = context.runtime;
    forEachEntry(context, this.#map, (entry) => {
      this.#wait(Number(new DataView(memory.buffer).getBigInt64(entry - 8, true)));
    });
  }

  /** The earliest moment that waits. */
  get first(): number | undefined {
    return this.#heap[0];
  }

  get waiting(): Iterable<number> {
    return this.#waiting;
  }

  /** Registers rows' keys with their moments (i64[n]), each entry once when it has a flag byte in its value. */
  register(
    n: number,
    { hashes, keys }: { readonly hashes: number; readonly keys: number },
    entries: number,
    moments: number,
    flag: number,
  ): void {
    const { kernels, memory } = this.#context.runtime;
    const fresh = kernels.arenaAlloc(n * 8) >>> 0;
    const { ptr } = this.#map;
    const count = kernels.windowRegister(
      ptr,
      n,
      hashes,
      keys,
      this.#keyBytes,
      entries,
      flag,
      moments,
      fresh,
    );
    const data = new DataView(memory.buffer);
    for (let i = 0; i < count; i++) this.#wait(Number(data.getBigInt64(fresh + i * 8, true)));
  }

  keysOf(moment: number): TimerKeys {
    const { kernels, memory } = this.#context.runtime;
    const out = kernels.arenaAlloc(8) >>> 0;
    const n = kernels.windowKeys(this.#map.ptr, BigInt(moment), this.#keyBytes, out) >>> 0;
    const data = new DataView(memory.buffer);
    return { n, hashes: data.getUint32(out, true), keys: data.getUint32(out + 4, true) };
  }

  /** Forgets the earliest moment and its keys. */
  removeFirst(): void {
    const moment = popSmallest(this.#heap);
    if (moment === undefined) return;
    this.#waiting.delete(moment);
    this.#context.runtime.kernels.windowRemove(this.#map.ptr, BigInt(moment));
  }

  #wait(moment: number): void {
    if (this.#waiting.has(moment)) return;
    this.#waiting.add(moment);
    push(this.#heap, moment);
  }
}

function push(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const up = (at - 1) >> 1;
    if (heap[up]! <= value) break;
    heap[at] = heap[up]!;
    at = up;
  }
  heap[at] = value;
}

function popSmallest(heap: number[]): number | undefined {
  const smallest = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return smallest;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= last) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return smallest;
}
