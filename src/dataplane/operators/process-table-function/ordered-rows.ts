/**
 * OrderedRows: the rows of a table argument with ORDER BY: they wait for the watermark and come in order of time, then of
 * the further fields. Rows not after the watermark are late: dropped and counted in numLateRecordsDropped.
 *
 * State:   map "pending-<n>": partition key and time → rows; "pending-due-<n>": time → keys.
 * Source:  Flink AbstractProcessSetTableOperator's ordered inputs.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf, types } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { type ProcessTable, withKeys } from "../../../foundation/plan/process-table-function.ts";
import { compileRowComparator, type RowComparator } from "../../codegen/codecs/row-comparator.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { compileGroupedKeys } from "../rows/grouped-keys.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { WindowTimers } from "../windows/window-timers.ts";

export class OrderedRows {
  readonly #context: OperatorContext;
  readonly #schema: Schema;
  readonly #time: number;
  readonly #rows: BatchRows;
  readonly #keys: KeyCodec;
  readonly #format: RowFormat;
  readonly #comparator: RowComparator;
  readonly #pending: KeyedMap;
  readonly #timers: WindowTimers;

  constructor(
    context: OperatorContext,
    options: {
      readonly index: number;
      readonly schema: Schema;
      /** By place in PARTITION BY. */
      readonly nullable: readonly boolean[];
      readonly table: ProcessTable;
      readonly operator: string;
    },
  ) {
    const { schema, nullable, table, operator, index } = options;
    const { runtime } = context;
    this.#context = context;
    this.#schema = schema;
    this.#time = table.sort[0]!.index;
    const timed = { fields: [...schema.fields, { name: "$time", type: types.bigint(false) }] };
    this.#rows = new BatchRows(runtime, timed);
    this.#format = new RowFormat(runtime, schema, operator);
    this.#comparator = compileRowComparator({ schema, sort: table.sort, runtime, operator });
    this.#keys = compileGroupedKeys({
      context,
      schema: withKeys(timed, table.partitionKeys, nullable),
      fields: [...table.partitionKeys, schema.fields.length],
      groupFields: table.partitionKeys,
      operator,
    });
    this.#pending = context.state.map({
      name: `pending-${index}`,
      keyBytes: this.#keys.keyBytes,
      valueBytes: ROW_SET_BYTES + 8,
      keyFields: this.#keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      ttlMs: 0,
    });
    this.#timers = new WindowTimers(context, `pending-due-${index}`, this.#keys.keyBytes);
  }

  add(batch: BatchPtr, watermark: number): void {
    const { runtime, metrics } = this.#context;
    const { kernels, memory } = runtime;
    const all = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const width = physicalColumns(this.#schema).length;
    const columns = columnsOf(batch, 0, width);
    const times = this.#times(batch, all);
    let rows = assembleBatch(runtime, all, [...columns, { values: times }]);
    const list = kernels.arenaAlloc(all * 4) >>> 0;
    const n = kernels.rowsAbove(all, times, 8, 0, BigInt(watermark), list);
    if (n < all) {
      metrics.counter("numLateRecordsDropped").value += all - n;
      if (n === 0) return;
      rows = this.#rows.gather(rows, list, n);
    }
    const encoded = this.#keys.encode(rows);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const { ptr } = this.#pending;
    kernels.mapUpsertBatch(ptr, n, encoded.hashes, encoded.keys, entries);
    kernels.setsAppend(ptr, n, encoded.hashes, entries, this.#format.encode(rows));
    const at = columnPtr(rows, width) + COLUMN_VALUES;
    const moments = new DataView(memory.buffer).getUint32(at, true);
    this.#timers.register(n, encoded, entries, moments, ROW_SET_BYTES);
  }

  /** Hands out what the watermark has passed, as batches in order. */
  release(watermark: number, take: (batch: BatchPtr) => void): void {
    const { kernels } = this.#context.runtime;
    for (
      let moment = this.#timers.first;
      moment !== undefined && moment <= watermark;
      moment = this.#timers.first
    ) {
      const mark = kernels.arenaMark();
      this.#release(moment, take);
      this.#timers.removeFirst();
      kernels.arenaRelease(mark);
    }
  }

  close(): void {
    this.#format.close();
  }

  #release(moment: number, take: (batch: BatchPtr) => void): void {
    const { kernels, memory } = this.#context.runtime;
    const { n, hashes, keys } = this.#timers.keysOf(moment);
    const { ptr } = this.#pending;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys, entries);
    const out = kernels.arenaAlloc(8) >>> 0;
    const count = kernels.setsRows(ptr, n, hashes, entries, out) >>> 0;
    const views = new DataView(memory.buffer).getUint32(out, true);
    const list = kernels.viewAddresses(count, views) >>> 0;
    this.#comparator.sortEncoded(list, count);
    for (let from = 0; from < count; from += MAX_BATCH_ROWS) {
      const rows = Math.min(MAX_BATCH_ROWS, count - from);
      const batch = kernels.batchCreate(rows, this.#format.columns, 0) >>> 0;
      this.#format.decode(list + from * 4, rows, batch, 0);
      take(batch);
    }
    kernels.setsRemove(ptr, n, hashes, entries);
  }

  /** i64[n] epoch milliseconds. */
  #times(batch: BatchPtr, n: number): number {
    const { kernels, memory } = this.#context.runtime;
    const at = columnPtr(batch, physicalIndex(this.#schema, this.#time)) + COLUMN_VALUES;
    const values = new DataView(memory.buffer).getUint32(at, true);
    const { type } = this.#schema.fields[this.#time]!;
    return PHYSICAL_WIDTH[physicalOf(type)] === 8 ? values : kernels.millisOf(values, n) >>> 0;
  }
}
