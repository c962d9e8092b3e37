/**
 * WaitingRows: rows that wait for their moment, of the watermark or of the clock, and then come out moment by moment.
 *
 * In:      rows with "$time" last (RowTimes). Those that are late are dropped and counted in numLateRecordsDropped.
 * State:   a map of the key (with "$time" in it) → row set, and WindowTimers beside it.
 * Clock:   rows that wait for it are out once it has passed their millisecond; the timer for that is set here.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { RowComparator } from "../../codegen/codecs/row-comparator.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { WindowTimers } from "../windows/window-timers.ts";
import { BatchRows } from "./batch-rows.ts";
import { compileGroupedKeys } from "./grouped-keys.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, type RowFormat } from "./row-format.ts";
import { stateRows } from "./state-rows.ts";
import { LateRecords } from "./late-records.ts";

export interface WaitingRowsOptions {
  readonly context: OperatorContext;
  /** Of the maps in state. */
  readonly names: { readonly rows: string; readonly timers: string };
  /** Of rows that are added: "$time" last. */
  readonly schema: Schema;
  /** The fields of `schema` that rows wait under, the time among them; `groupFields` decide the key group. */
  readonly fields: readonly number[];
  readonly groupFields: readonly number[];
  /** How rows are kept, and its schema: that of the rows, or without the time. */
  readonly format: RowFormat;
  readonly stored: Schema;
  /** The clock decides, not the watermark. */
  readonly byClock: boolean;
  readonly operator: string;
}

/** Rows of one moment. */
export interface DueRows {
  readonly moment: number;
  readonly count: number;
  /** As the kernels take encoded rows. */
  readonly views: number;
  /** u32[count]: their addresses, key by key as they came. */
  readonly addresses: number;
}

export class WaitingRows {
  readonly #context: OperatorContext;
  /** Rows are never late for the clock. */
  readonly #late: LateRecords | undefined;
  readonly #byClock: boolean;
  readonly #format: RowFormat;
  readonly #timeColumn: number;
  readonly #rows: BatchRows;
  readonly #keys: KeyCodec;
  readonly #map: KeyedMap;
  readonly #timers: WindowTimers;

  constructor({ context, names, schema, format, stored, byClock, ...keys }: WaitingRowsOptions) {
    this.#context = context;
    this.#late = byClock ? undefined : new LateRecords(context);
    this.#byClock = byClock;
    this.#format = format;
    this.#timeColumn = physicalColumns(schema).length - 1;
    this.#rows = new BatchRows(context.runtime, schema);
    this.#keys = compileGroupedKeys({ context, schema, ...keys });
    this.#map = context.state.map({
      name: names.rows,
      keyBytes: this.#keys.keyBytes,
      valueBytes: ROW_SET_BYTES + 8,
      keyFields: this.#keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      rows: [stateRows(stored, "set")],
      ttlMs: 0,
    });
    this.#timers = new WindowTimers(context, names.timers, this.#keys.keyBytes);
    if (byClock)
      for (const moment of this.#timers.waiting) context.registerProcessingTimer(moment + 1);
  }

  /** `inTime` lists (u32) the rows that are not late by their times (i64) and returns how many; without, none is late. */
  add(batch: BatchPtr, inTime?: (rows: number, times: number, list: number) => number): void {
    const { runtime } = this.#context;
    const { kernels, memory } = runtime;
    const all = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    let n = all;
    let rows = batch;
    if (inTime !== undefined) {
      const list = kernels.arenaAlloc(all * 4) >>> 0;
      n = inTime(all, this.#timesOf(batch), list);
      if (n < all) {
        this.#late?.drop(all - n);
        if (n === 0) return;
        rows = this.#rows.gather(batch, list, n);
      }
    }
    const encoded = this.#keys.encode(rows);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const { ptr } = this.#map;
    kernels.mapUpsertBatch(ptr, n, encoded.hashes, encoded.keys, entries);
    kernels.setsAppend(ptr, n, encoded.hashes, entries, this.#format.encode(rows));
    this.#timers.register(n, encoded, entries, this.#timesOf(rows), ROW_SET_BYTES);
    this.#awaitClock();
  }

  /** Rows whose moment is at most `until`, moment by moment; they are gone when `take` returns. */
  release(until: number, take: (due: DueRows) => void): void {
    const { kernels } = this.#context.runtime;
    const timers = this.#timers;
    for (let moment = timers.first; moment !== undefined; moment = timers.first) {
      if (moment > until) break;
      const mark = kernels.arenaMark();
      this.#release(moment, take);
      timers.removeFirst();
      kernels.arenaRelease(mark);
    }
    this.#awaitClock();
  }

  /** As release(); rows of one moment sorted, in batches of at most MAX_BATCH_ROWS. */
  releaseBatches(
    until: number,
    comparator: RowComparator | undefined,
    take: (batch: BatchPtr, rows: number, moment: number) => void,
  ): void {
    const { kernels } = this.#context.runtime;
    this.release(until, ({ moment, count, addresses }) => {
      comparator?.sortEncoded(addresses, count);
      for (let from = 0; from < count; from += MAX_BATCH_ROWS) {
        const rows = Math.min(MAX_BATCH_ROWS, count - from);
        const batch = kernels.batchCreate(rows, this.#format.columns, 0) >>> 0;
        this.#format.decode(addresses + from * 4, rows, batch, 0);
        take(batch, rows, moment);
      }
    });
  }

  #release(moment: number, take: (due: DueRows) => void): void {
    const { kernels, memory } = this.#context.runtime;
    const { n, hashes, keys } = this.#timers.keysOf(moment);
    const { ptr } = this.#map;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys, entries);
    const out = kernels.arenaAlloc(8) >>> 0;
    const count = kernels.setsRows(ptr, n, hashes, entries, out) >>> 0;
    const views = new DataView(memory.buffer).getUint32(out, true);
    take({ moment, count, views, addresses: kernels.viewAddresses(count, views) >>> 0 });
    kernels.setsRemove(ptr, n, hashes, entries);
  }

  #awaitClock(): void {
    const { first } = this.#timers;
    if (this.#byClock && first !== undefined) this.#context.registerProcessingTimer(first + 1);
  }

  #timesOf(rows: BatchPtr): number {
    const at = columnPtr(rows, this.#timeColumn) + COLUMN_VALUES;
    return new DataView(this.#context.runtime.memory.buffer).getUint32(at, true);
  }
}
