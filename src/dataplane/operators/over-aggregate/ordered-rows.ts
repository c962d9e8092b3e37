/**
 * OrderedRows: the rows of each partition in the order of an OVER window by values, each found and moved by its place.
 *
 * Flow:    non-time-over.ts → open(key), then add, find, take, rows … of that key (kernels/rank.as.ts order…).
 * State:   "rows": key → row set with an order. Sets that were saved before there was an order, or whose rows have been
 *          migrated, get it when they are opened.
 * Frees:   what take() takes out keeps its bytes until free().
 */
import type { OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, type RowFormat } from "../rows/row-format.ts";
import { SortKeys } from "../rows/sort-keys.ts";
import { stateRows } from "../rows/state-rows.ts";

export interface OrderedRowsOptions {
  readonly context: OperatorContext;
  readonly node: OverAggregateNode;
  readonly keys: KeyCodec;
  readonly format: RowFormat;
}

export class OrderedRows {
  readonly sortKeys: SortKeys;
  readonly #context: OperatorContext;
  readonly #format: RowFormat;
  readonly #map: KeyedMap;
  /** Where mapUpsertBatch writes the entry. */
  #entry: number;
  #hashes = 0;
  #frees: { readonly hash: number; readonly handle: number }[] = [];

  constructor({ context, node, keys, format }: OrderedRowsOptions) {
    const { runtime, state } = context;
    this.#context = context;
    this.#format = format;
    this.sortKeys = new SortKeys(runtime, format.schema, node.sort, node.description);
    this.#map = state.map({
      name: "rows",
      keyBytes: keys.keyBytes,
      valueBytes: ROW_SET_BYTES,
      keyFields: keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      rows: [stateRows(format.schema, "set", { whole: true })],
      ttlMs: node.stateTtlMs ?? 0,
    });
    this.#entry = runtime.kernels.operatorAllocate(4) >>> 0;
  }

  get ptr(): number {
    return this.#map.ptr;
  }

  /** Of the open key. */
  get count(): number {
    return this.#context.runtime.kernels.orderCount() >>> 0;
  }

  /** The key whose hash and bytes lie there; it is made when it is new. */
  open(hashes: number, key: number): void {
    const { kernels } = this.#context.runtime;
    this.#hashes = hashes;
    kernels.mapUpsertBatch(this.#map.ptr, 1, hashes, key, this.#entry);
    if (this.#openEntry()) return;
    const mark = kernels.arenaMark();
    this.#order(key);
    kernels.arenaRelease(mark);
  }

  /** Adds the row behind its equals; the arguments are addresses of views. Returns its place. */
  add(view: number, identity: number): number {
    return this.#context.runtime.kernels.orderAdd(view, identity);
  }

  /** The place of a row with these bytes, or -1. */
  find(view: number, identity: number): number {
    return this.#context.runtime.kernels.orderFind(view, identity);
  }

  /** Takes the row at a place out, and forgets the key with its last row. */
  take(at: number): void {
    const { kernels, memory } = this.#context.runtime;
    const handle = kernels.orderTake(at) >>> 0;
    const hash = new DataView(memory.buffer).getUint32(this.#hashes + 4, true);
    this.#frees.push({ hash, handle });
    this.forgetEmpty();
  }

  forgetEmpty(): void {
    if (this.count > 0) return;
    const { kernels } = this.#context.runtime;
    kernels.setsRemove(this.#map.ptr, 1, this.#hashes, this.#entry);
  }

  /** Addresses of the rows at places [from, to). */
  rows(from: number, to: number): number[] {
    const { kernels, memory } = this.#context.runtime;
    const mark = kernels.arenaMark();
    const list = kernels.arenaAlloc((to - from) * 4) >>> 0;
    kernels.orderRows(from, to, list);
    const rows = [...new Uint32Array(memory.buffer, list, to - from)];
    kernels.arenaRelease(mark);
    return rows;
  }

  firstPeer(at: number): number {
    return this.#context.runtime.kernels.orderFirstPeer(at) >>> 0;
  }

  behindPeers(at: number): number {
    return this.#context.runtime.kernels.orderBehindPeers(at) >>> 0;
  }

  /** Frees the rows that were taken out. */
  free(): void {
    if (this.#frees.length === 0) return;
    const { kernels, memory } = this.#context.runtime;
    const list = kernels.arenaAlloc(this.#frees.length * 8) >>> 0;
    const words = this.#frees.flatMap(({ hash, handle }) => [hash, handle]);
    new Uint32Array(memory.buffer, list, words.length).set(words);
    kernels.freeNoted(this.#map.ptr, list, this.#frees.length);
    this.#frees = [];
  }

  close(): void {
    if (this.#entry !== 0) this.#context.runtime.kernels.operatorFree(this.#entry, 4);
    this.#entry = 0;
  }

  #openEntry(): boolean {
    const { kernels, memory } = this.#context.runtime;
    const entry = new DataView(memory.buffer).getUint32(this.#entry, true);
    return kernels.orderOpen(this.#map.ptr, this.#hashes, entry) !== 0;
  }

  /** Rows without an order leave the log for the arena and are added again, as they came. */
  #order(key: number): void {
    const { kernels, memory } = this.#context.runtime;
    const out = kernels.arenaAlloc(8) >>> 0;
    const n = kernels.setsRows(this.#map.ptr, 1, this.#hashes, this.#entry, out) >>> 0;
    const views = new DataView(memory.buffer).getUint32(out, true);
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    for (let row = 0; row < n; row++) {
      const from = new DataView(memory.buffer).getUint32(views + row * 8, true);
      const length = new DataView(memory.buffer).getUint32(views + row * 8 + 4, true);
      const copy = kernels.arenaAlloc(length) >>> 0;
      new Uint8Array(memory.buffer).copyWithin(copy, from, from + length);
      new DataView(memory.buffer).setUint32(views + row * 8, copy, true);
      new DataView(memory.buffer).setUint32(list + row * 4, copy, true);
    }
    kernels.setsRemove(this.#map.ptr, 1, this.#hashes, this.#entry);
    const batch = kernels.batchCreate(n, this.#format.columns, 0) >>> 0;
    this.#format.decode(list, n, batch, 0);
    const identities = this.sortKeys.encode(batch, n);
    kernels.mapUpsertBatch(this.#map.ptr, 1, this.#hashes, key, this.#entry);
    this.#openEntry();
    for (let row = 0; row < n; row++) kernels.orderAdd(views + row * 8, identities + row * 8);
  }
}
