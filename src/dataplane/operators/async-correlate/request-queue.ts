/**
 * RequestQueue: the rows whose answers are waited for, in state, so that they are asked again after a restore.
 *
 * State:   map "requests": (i64 number of the row) → handle of the row, its kind. All rows of a subtask lie in its first
 *          key group: they stay together, and in order, when the parallelism changes. Where there are groups, each lies in
 *          its own, beside what else is kept of its key.
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { RowFormat } from "../rows/row-format.ts";
import { ownKeyGroups } from "../rows/state-entries.ts";

const KEY_BYTES = 8;
const VALUE_BYTES = 8;
const KIND = 4;
/** Spreads consecutive numbers over the hashes of a key group (2^32 / golden ratio). */
const SPREAD = 2_654_435_769;

export interface QueuedRow {
  readonly group: number;
  readonly number: number;
  /** RowKind. */
  readonly kind: number;
}

export class RequestQueue {
  readonly #context: OperatorContext;
  readonly #format: RowFormat;
  readonly #map: KeyedMap;
  readonly #group: number;
  #next = 0;

  constructor(context: OperatorContext, input: Schema, operator: string) {
    this.#context = context;
    this.#format = new RowFormat(context.runtime, input, operator);
    this.#map = context.state.map({
      name: "requests",
      keyBytes: KEY_BYTES,
      valueBytes: VALUE_BYTES,
      keyFields: [{ name: "number", offset: 0, type: "counter" }],
      valueFields: [
        { name: "row", offset: 0, type: "handle" },
        { name: "kind", offset: KIND, type: "flags" },
      ],
      ttlMs: 0,
    });
    this.#group = ownKeyGroups(context).start;
  }

  get columns(): number {
    return this.#format.columns;
  }

  /** What a restore has brought back, in order. */
  restored(): QueuedRow[] {
    const { kernels, memory } = this.#context.runtime;
    const rows: QueuedRow[] = [];
    const { start, end } = ownKeyGroups(this.#context);
    for (let group = start; group <= end; group++) {
      let entry = kernels.mapIterate(this.#map.ptr, group, 0) >>> 0;
      while (entry !== 0) {
        const number = Number(new DataView(memory.buffer).getBigInt64(entry - KEY_BYTES, true));
        const kind = new DataView(memory.buffer).getUint32(entry + KIND, true);
        rows.push({ group, number, kind });
        this.#next = Math.max(this.#next, number + 1);
        entry = kernels.mapIterate(this.#map.ptr, group, entry) >>> 0;
      }
    }
    return rows.sort((a, b) => a.number - b.number || a.group - b.group);
  }

  /** `groups`: key group of each row. */
  append(batch: BatchPtr, groups?: readonly number[]): QueuedRow[] {
    const { kernels, memory } = this.#context.runtime;
    const data = () => new DataView(memory.buffer);
    const n = data().getUint32(batch + BATCH_ROWS, true);
    const views = this.#format.encode(batch);
    const kinds = data().getUint32(batch + BATCH_KINDS, true);
    return Array.from({ length: n }, (_, i) => {
      const kind = kinds === 0 ? 0 : data().getUint8(kinds + i);
      const row = { group: groups?.[i] ?? this.#group, number: this.#next++, kind };
      const entry = this.#entry(row, true);
      const address = data().getUint32(views + i * 8, true);
      const length = data().getUint32(views + i * 8 + 4, true);
      const handle = kernels.logAppend(this.#map.ptr, this.#upper(row), address, length) >>> 0;
      data().setUint32(entry, handle, true);
      data().setUint32(entry + KIND, kind, true);
      return row;
    });
  }

  /** The rows as columns, each as often as it is listed; `kinds`: u8 a row. */
  read(rows: readonly QueuedRow[]): { readonly batch: BatchPtr; readonly kinds: number } {
    const { kernels, memory } = this.#context.runtime;
    const n = rows.length;
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    const kinds = kernels.arenaAlloc(n) >>> 0;
    let address = 0;
    let kind = 0;
    rows.forEach((row, i) => {
      if (row !== rows[i - 1]) {
        const entry = this.#entry(row, false);
        const data = new DataView(memory.buffer);
        const handle = data.getUint32(entry, true);
        kind = data.getUint32(entry + KIND, true);
        address = kernels.logPtr(this.#map.ptr, this.#upper(row), handle) >>> 0;
      }
      const data = new DataView(memory.buffer);
      data.setUint32(list + i * 4, address, true);
      data.setUint8(kinds + i, kind);
    });
    const batch = kernels.batchCreate(n, this.columns, kinds) >>> 0;
    this.#format.decode(list, n, batch, 0);
    return { batch, kinds };
  }

  remove(row: QueuedRow): void {
    const { kernels, memory } = this.#context.runtime;
    const { ptr } = this.#map;
    const entry = this.#entry(row, false);
    kernels.mapTouch(ptr, entry);
    const handle = new DataView(memory.buffer).getUint32(entry, true);
    kernels.logFree(ptr, this.#upper(row), handle);
    new DataView(memory.buffer).setUint32(entry, 0, true);
    kernels.mapRemove(ptr, entry);
  }

  close(): void {
    this.#format.close();
  }

  #entry(row: QueuedRow, isNew: boolean): number {
    const { kernels, memory } = this.#context.runtime;
    const key = kernels.arenaAlloc(KEY_BYTES) >>> 0;
    new DataView(memory.buffer).setBigInt64(key, BigInt(row.number), true);
    const hash = BigInt.asIntN(64, BigInt(this.#upper(row)) << 32n);
    const { ptr } = this.#map;
    return isNew
      ? kernels.mapUpsert(ptr, hash, key, KEY_BYTES) >>> 0
      : kernels.mapFind(ptr, hash, key, KEY_BYTES) >>> 0;
  }

  /** The upper half of a hash in the row's key group. */
  #upper({ group, number }: QueuedRow): number {
    const all = this.#context.state.maxParallelism;
    const begin = Math.ceil((group * 2 ** 32) / all);
    const next = Math.ceil(((group + 1) * 2 ** 32) / all);
    const spread = (Math.imul(number & 0xffffffff, SPREAD) >>> 0) / 2 ** 32;
    return begin + Math.floor(spread * (next - begin));
  }
}
