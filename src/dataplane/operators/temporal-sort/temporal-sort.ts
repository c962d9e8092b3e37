/**
 * TemporalSort: a stream in order of its time attribute, then of further fields.
 *
 * In/out:  insert-only → insert-only, one subtask.
 * Rowtime: rows wait for the watermark; rows not after the last time that has fired are late: dropped and counted
 *          in numLateRecordsDropped, as in Flink.
 * Proctime: rows pass as they come; with further fields those of one millisecond are sorted once the clock has moved on.
 * State:   "pending": time → rows; "timers"; value "lastTime".
 * Errors:  MR4150 rowtime is NULL.
 * Source:  Flink StreamExecTemporalSort, RowTimeSortOperator, ProcTimeSortOperator.
 */
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALIDITY,
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
import type { TemporalSortNode } from "../../../foundation/plan/exec-node.ts";
import { compileRowComparator, type RowComparator } from "../../codegen/codecs/row-comparator.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap, OperatorValue } from "../../contract/keyed-state.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { compileGroupedKeys } from "../rows/grouped-keys.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { stateRows } from "../rows/state-rows.ts";
import { WindowTimers } from "../windows/window-timers.ts";

export class TemporalSortOperator extends BaseOperator {
  readonly #node: TemporalSortNode;
  readonly #isRowtime: boolean;
  readonly #input: Schema;
  #rows: BatchRows | undefined;
  #keys: KeyCodec | undefined;
  #format: RowFormat | undefined;
  #comparator: RowComparator | undefined;
  #pending: KeyedMap | undefined;
  #timers: WindowTimers | undefined;
  #last: OperatorValue | undefined;
  /** The last time that has fired. */
  #lastTime = MIN_WATERMARK;

  constructor(node: TemporalSortNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#isRowtime = node.time.attribute === "ROWTIME";
    this.#input = context.inputs[0]!;
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const operator = this.#node.description;
    const input = this.#input;
    const schema = { fields: [...input.fields, { name: "$time", type: types.bigint(false) }] };
    this.#rows = new BatchRows(runtime, schema);
    this.#format = new RowFormat(runtime, input, operator);
    const sort = this.#isRowtime ? this.#node.sort : this.#node.sort.slice(1);
    this.#comparator = compileRowComparator({ schema: input, sort, runtime, operator });
    const fields = [input.fields.length];
    this.#keys = compileGroupedKeys({ context, schema, fields, groupFields: [], operator });
    this.#pending = context.state.map({
      name: "pending",
      keyBytes: this.#keys.keyBytes,
      valueBytes: ROW_SET_BYTES + 8,
      keyFields: this.#keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      rows: [stateRows(input, "set")],
      ttlMs: 0,
    });
    this.#last = context.state.operatorValue("lastTime");
    for (const time of this.#last.restored)
      if (typeof time === "number") this.#lastTime = Math.max(this.#lastTime, time);
    this.#last.set(this.#lastTime);
    this.#timers = new WindowTimers(context, "timers", this.#keys.keyBytes);
    if (!this.#isRowtime)
      for (const moment of this.#timers.waiting) context.registerProcessingTimer(moment + 1);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (!this.#isRowtime && this.#node.sort.length === 1) {
      this.context.output.emit(batch);
      return;
    }
    const { kernels, memory } = this.context.runtime;
    const all = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const columns = columnsOf(batch, 0, physicalColumns(this.#input).length);
    const times = this.#times(batch, all);
    let rows = assembleBatch(this.context.runtime, all, [...columns, { values: times }]);
    let n = all;
    if (this.#isRowtime) {
      const list = kernels.arenaAlloc(all * 4) >>> 0;
      n = kernels.rowsAbove(all, times, 8, 0, BigInt(this.#lastTime), list);
      if (n < all) {
        this.context.metrics.counter("numLateRecordsDropped").value += all - n;
        if (n === 0) return;
        rows = this.#rows!.gather(rows, list, n);
      }
    }
    const encoded = this.#keys!.encode(rows);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const { ptr } = this.#pending!;
    kernels.mapUpsertBatch(ptr, n, encoded.hashes, encoded.keys, entries);
    kernels.setsAppend(ptr, n, encoded.hashes, entries, this.#format!.encode(rows));
    const at = columnPtr(rows, physicalColumns(this.#input).length) + COLUMN_VALUES;
    const moments = new DataView(memory.buffer).getUint32(at, true);
    this.#timers!.register(n, encoded, entries, moments, ROW_SET_BYTES);
    const { first } = this.#timers!;
    if (!this.#isRowtime && first !== undefined) this.context.registerProcessingTimer(first + 1);
  }

  override processWatermark(watermark: number): void {
    if (this.#isRowtime) this.#fireUntil(watermark);
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    if (!this.#isRowtime) this.#fireUntil(time - 1);
  }

  override close(): void {
    this.#format?.close();
    this.#format = undefined;
  }

  /** i64[n] epoch milliseconds. */
  #times(batch: BatchPtr, n: number): number {
    const { kernels, memory } = this.context.runtime;
    if (!this.#isRowtime) return kernels.repeatTime(n, BigInt(this.context.clock.nowMs())) >>> 0;
    const { index, type } = this.#node.time;
    const data = new DataView(memory.buffer);
    const at = columnPtr(batch, physicalIndex(this.#input, index));
    const validity = data.getUint32(at + COLUMN_VALIDITY, true);
    if (validity !== 0 && new Uint8Array(memory.buffer, validity, n).includes(0))
      throw operatorErrors.ROWTIME_NULL({
        column: this.#input.fields[index]!.name,
        operator: this.#node.description,
      });
    const values = data.getUint32(at + COLUMN_VALUES, true);
    return PHYSICAL_WIDTH[physicalOf(type)] === 8 ? values : kernels.millisOf(values, n) >>> 0;
  }

  #fireUntil(until: number): void {
    const { kernels } = this.context.runtime;
    const timers = this.#timers!;
    for (let moment = timers.first; moment !== undefined; moment = timers.first) {
      if (moment > until) {
        if (!this.#isRowtime) this.context.registerProcessingTimer(moment + 1);
        return;
      }
      const mark = kernels.arenaMark();
      this.#fire(moment);
      timers.removeFirst();
      kernels.arenaRelease(mark);
    }
  }

  #fire(moment: number): void {
    const { kernels, memory } = this.context.runtime;
    const { n, hashes, keys } = this.#timers!.keysOf(moment);
    const { ptr } = this.#pending!;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys, entries);
    const out = kernels.arenaAlloc(8) >>> 0;
    const count = kernels.setsRows(ptr, n, hashes, entries, out) >>> 0;
    const views = new DataView(memory.buffer).getUint32(out, true);
    const list = kernels.viewAddresses(count, views) >>> 0;
    this.#comparator!.sortEncoded(list, count);
    for (let from = 0; from < count; from += MAX_BATCH_ROWS) {
      const rows = Math.min(MAX_BATCH_ROWS, count - from);
      const batch = kernels.batchCreate(rows, this.#format!.columns, 0) >>> 0;
      this.#format!.decode(list + from * 4, rows, batch, 0);
      this.context.output.emit(batch);
    }
    kernels.setsRemove(ptr, n, hashes, entries);
    this.#lastTime = moment;
    this.#last!.set(moment);
  }
}
