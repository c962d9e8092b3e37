/**
 * StreamOver: OverAggregate of a stream by a time attribute: aggregates over the rows before each row of its partition.
 *
 * In/out:  insert-only → insert-only: each row once, its calls behind its fields.
 * Rowtime: rows wait for the watermark and are emitted in order of their times. Late rows are dropped and counted in
 *          numLateRecordsDropped: those not after the watermark, with bounded frames those not after the last time that
 *          its key has fired (0 at first), as in Flink.
 * Proctime: each row is emitted at once; RANGE with an offset one millisecond later, when the clock has moved on.
 * State:   "pending": (time, key) → WaitingRows, with "timers"; "history": key → emitted rows that frames or LAG still
 *          need, trimmed with each of the key; "progress": key → accumulators of frames without a lower bound, i64 last
 *          time, rows and times so far. TTL counts from the last row of the key, for all but rows that wait.
 * Cost:    stream-over-calls.ts; a time costs a look at its timers in each key group.
 * Errors:  MR4150 rowtime is NULL, MR4151 rows that take back.
 * Source:  Flink StreamExecOverAggregate, RowTime{Range,Rows}BoundedPrecedingFunction, AbstractRowTimeUnboundedPrecedingOver,
 *          ProcTime…
 */
import {
  BATCH_KINDS,
  BATCH_ROWS,
  type BatchPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { RowTimes } from "../rows/row-times.ts";
import { stateRows } from "../rows/state-rows.ts";
import { WaitingRows } from "../rows/waiting-rows.ts";
import { rowsSchemaOf, timeColumnOf } from "./over-rows.ts";
import { type OverInput, StreamOverCalls } from "./stream-over-calls.ts";

/** Behind the accumulators: i64 last time fired, i64 rows and i64 times so far. */
const PROGRESS_BYTES = 24;
const NO_SLOT = 0xffffffff;
const EVERYTHING = 0xffffffff;

export class StreamOverOperator extends BaseOperator {
  readonly #node: OverAggregateNode;
  readonly #isRowtime: boolean;
  /** Frames begin with the partition: accumulators stay in state, rows do not. */
  readonly #isRunning: boolean;
  /** Rows wait for a moment: of the watermark, or until the clock has moved on. */
  readonly #waits: boolean;
  #calls: StreamOverCalls | undefined;
  #format: RowFormat | undefined;
  #rows: BatchRows | undefined;
  #outputRows: BatchRows | undefined;
  #keys: KeyCodec | undefined;
  #times: RowTimes | undefined;
  #waiting: WaitingRows | undefined;
  #history: KeyedMap | undefined;
  #progress: KeyedMap | undefined;
  #watermark = MIN_WATERMARK;
  #inputColumns = 0;

  constructor(node: OverAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#isRowtime = node.time?.attribute === "ROWTIME";
    this.#isRunning = node.start.kind === "unboundedPreceding";
    this.#waits = this.#isRowtime || (node.unit === "RANGE" && !this.#isRunning);
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { partitionKeys: fields, description: operator, output } = this.#node;
    const input = context.inputs[0]!;
    this.#times = new RowTimes(context, {
      input,
      rowtime: this.#isRowtime ? this.#node.time : undefined,
      operator,
    });
    const { schema } = this.#times;
    this.#format = new RowFormat(runtime, schema, operator);
    this.#rows = new BatchRows(runtime, input);
    this.#inputColumns = physicalColumns(input).length;
    this.#outputRows = new BatchRows(runtime, output);
    this.#keys = compileKeyCodec({ schema, fields, runtime, operator });
    this.#calls = new StreamOverCalls({
      node: this.#node,
      context,
      schema,
      hashDistance: hashDistance(this.#keys.keyBytes),
      isRunning: this.#isRunning,
      byPeer: this.#waits && this.#node.unit === "RANGE",
    });
    this.#createMaps(this.#keys, this.#calls);
    if (!this.#waits) return;
    this.#waiting = new WaitingRows({
      context,
      names: { rows: "pending", timers: "timers" },
      schema,
      fields: [schema.fields.length - 1, ...fields],
      groupFields: fields,
      format: this.#format,
      stored: schema,
      byClock: !this.#isRowtime,
      operator,
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const data = new DataView(this.context.runtime.memory.buffer);
    const n = data.getUint32(batch + BATCH_ROWS, true);
    if (data.getUint32(batch + BATCH_KINDS, true) !== 0)
      if (this.#rows!.ofKinds(batch, 1) !== batch)
        throw operatorErrors.RETRACTION_UNEXPECTED({
          operator: this.#node.description,
          kind: "-U, +U, -D",
        });
    const rows = this.#times!.append(batch, n);
    const inTime = (all: number, times: number, list: number) =>
      this.#inTime(rows, all, times, list);
    if (this.#waiting !== undefined) this.#waiting.add(rows, this.#isRowtime ? inTime : undefined);
    else this.#advance(rows, n, this.#format!.encode(rows), this.context.clock.nowMs());
  }

  override processWatermark(watermark: number): void {
    this.#watermark = watermark;
    if (this.#isRowtime) this.#fireUntil(watermark);
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    if (!this.#isRowtime) this.#fireUntil(time - 1);
  }

  override close(): void {
    this.#format?.close();
    this.#calls?.close();
    this.#format = undefined;
    this.#calls = undefined;
  }

  #createMaps({ keyBytes, keyFields }: KeyCodec, calls: StreamOverCalls): void {
    const { state } = this.context;
    const ttlMs = this.#node.stateTtlMs ?? 0;
    const base = calls.valueBytes;
    this.#progress = state.map({
      name: "progress",
      keyBytes,
      valueBytes: base + PROGRESS_BYTES,
      keyFields,
      valueFields: [
        ...calls.valueFields,
        { name: "lastTime", offset: base, type: "counter" },
        { name: "rows", offset: base + 8, type: "counter" },
        { name: "times", offset: base + 16, type: "counter" },
      ],
      ttlMs,
    });
    this.#history = state.map({
      name: "history",
      keyBytes,
      valueBytes: ROW_SET_BYTES,
      keyFields,
      valueFields: ROW_SET_FIELDS,
      rows: [stateRows(rowsSchemaOf(this.context.inputs[0]!), "set")],
      ttlMs,
    });
  }

  /** Lists the rows that are not late. */
  #inTime(rows: BatchPtr, n: number, times: number, list: number): number {
    const { kernels } = this.context.runtime;
    if (this.#isRunning)
      return kernels.rowsAbove(n, times, 8, 0, BigInt(this.#watermark), list) >>> 0;
    const { keys, hashes } = this.#keys!.encode(rows);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(this.#progress!.ptr, n, hashes, keys, entries);
    return kernels.rowsLater(n, times, entries, list) >>> 0;
  }

  #fireUntil(until: number): void {
    this.#waiting?.release(until, ({ moment, count, views, addresses }) =>
      this.#advance(this.#decode(addresses, count), count, views, moment),
    );
  }

  #decode(addresses: number, n: number): BatchPtr {
    const { kernels } = this.context.runtime;
    const batch = kernels.batchCreate(n, this.#format!.columns, 0) >>> 0;
    this.#format!.decode(addresses, n, batch, 0);
    return batch;
  }

  /** New rows: their results; then history and progress are brought on. */
  #advance(batch: BatchPtr, n: number, views: number, moment: number): void {
    if (n === 0) return;
    const { kernels, memory } = this.context.runtime;
    const { keys, hashes } = this.#keys!.encode(batch);
    const progress = this.#progress!.ptr;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(progress, n, hashes, keys, entries);
    const [ranks, dense] = [kernels.arenaAlloc(n * 8) >>> 0, kernels.arenaAlloc(n * 8) >>> 0];
    const base = this.#calls!.valueBytes;
    const each = this.#waits ? 0 : 1;
    kernels.overAdvance(n, entries, base, BigInt(moment), each, ranks, dense);
    const owners = kernels.arenaAlloc(n * 4) >>> 0;
    const hash = new DataView(memory.buffer).getUint32(hashes + 4, true);
    const rows: OverInput = { batch, n, entries, owners, ranks, dense, hash };
    if (!this.#looksBack) {
      this.#emit(rows, progress);
      return;
    }
    const firsts = kernels.arenaAlloc(n * 4) >>> 0;
    const k = kernels.numberWords(n, entries, owners, firsts) >>> 0;
    const width = this.#keys!.keyBytes < 0 ? 8 : this.#keys!.keyBytes;
    const ofKeys = {
      n: k,
      hashes: kernels.gatherWide(hashes, 8, k, firsts) >>> 0,
      keys: kernels.gatherWide(keys, width, k, firsts) >>> 0,
    };
    this.#emit({ ...rows, whole: this.#whole(rows, views, ofKeys) }, progress);
    this.#remember(rows, hashes, views, ofKeys, moment);
  }

  /** Kept and new rows in one batch, key by key, with the frames of the new ones. */
  #whole(
    { n, owners }: OverInput,
    views: number,
    keys: { readonly n: number; readonly hashes: number; readonly keys: number },
  ): NonNullable<OverInput["whole"]> {
    const { kernels, memory } = this.context.runtime;
    const { unit, start } = this.#node;
    const history = this.#history!.ptr;
    const entries = kernels.arenaAlloc(keys.n * 4) >>> 0;
    kernels.mapFindBatch(history, keys.n, keys.hashes, keys.keys, entries);
    const out = kernels.arenaAlloc(12) >>> 0;
    const kept = kernels.setsRows(history, keys.n, keys.hashes, entries, out) >>> 0;
    const word = (at: number) => new DataView(memory.buffer).getUint32(out + at, true);
    const [keptViews, keptOwners] = [word(0), word(4)];
    kernels.overGroup(kept, keptViews, keptOwners, n, views, owners, keys.n, out);
    const [addresses, starts, places] = [word(0), word(4), word(8)];
    const batch = this.#decode(addresses, kept + n);
    const [froms, tos] = [kernels.arenaAlloc(n * 4) >>> 0, kernels.arenaAlloc(n * 4) >>> 0];
    const times = unit === "RANGE" ? this.#times!.values(batch) : 0;
    const back = BigInt("offset" in start ? start.offset : 0);
    if (!this.#isRunning) kernels.overFrames(n, places, owners, starts, times, back, froms, tos);
    return { batch, keys: keys.n, starts, places, froms, tos };
  }

  #remember(
    { n, owners }: OverInput,
    hashes: number,
    views: number,
    keys: { readonly n: number; readonly hashes: number; readonly keys: number },
    moment: number,
  ): void {
    const { kernels } = this.context.runtime;
    const { unit, start } = this.#node;
    const map = this.#history!.ptr;
    const keep = this.#rowsKept;
    const entries = kernels.arenaAlloc(keys.n * 4) >>> 0;
    kernels.mapUpsertBatch(map, keys.n, keys.hashes, keys.keys, entries);
    const ofRows = kernels.gatherWords(entries, n, owners) >>> 0;
    kernels.setsAppend(map, n, hashes, ofRows, views);
    if (keep !== undefined) {
      kernels.overTrim(map, keys.n, keys.hashes, entries, keep, NO_SLOT, 0n);
      return;
    }
    if (unit !== "RANGE" || start.kind !== "preceding" || this.#shift > 0) return;
    const slot = this.#format!.slotOf(timeColumnOf(this.#format!.schema));
    const least = BigInt(moment - start.offset);
    kernels.overTrim(map, keys.n, keys.hashes, entries, EVERYTHING, slot, least);
  }

  /** Results need rows that came before, one by one. */
  get #looksBack(): boolean {
    return !this.#isRunning || this.#shift > 0;
  }

  /** Rows back that LAG looks at the most; infinite when NULLs are passed over or the plan does not say. */
  get #shift(): number {
    return this.#node.aggregates.reduce((most, { function: name, args, ignoreNulls, offset }) => {
      if (name !== "LAG" && name !== "LEAD") return most;
      const known = args[1] === undefined ? 1 : offset;
      if (known === undefined || ignoreNulls) return Number.POSITIVE_INFINITY;
      return Math.max(most, known, 1);
    }, 0);
  }

  /** How many rows of a key later ones may look at; undefined when time decides, or all may. */
  get #rowsKept(): number | undefined {
    const { unit, start } = this.#node;
    const shift = this.#shift;
    if (shift === Number.POSITIVE_INFINITY) return undefined;
    if (unit === "RANGE" && start.kind === "preceding") return undefined;
    return Math.max(shift, start.kind === "preceding" ? start.offset : 0);
  }

  #emit(rows: OverInput, progress: number): void {
    const { runtime, output } = this.context;
    const { kernels, memory } = runtime;
    const columns = this.#calls!.evaluate(rows, progress);
    const { batch, n } = rows;
    const whole = assembleBatch(runtime, n, [
      ...columnsOf(batch, 0, this.#inputColumns),
      ...columns,
    ]);
    if (n <= MAX_BATCH_ROWS) {
      output.emit(whole);
      return;
    }
    for (let from = 0; from < n; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const count = Math.min(MAX_BATCH_ROWS, n - from);
      const list = kernels.arenaAlloc(count * 4) >>> 0;
      const words = new Uint32Array(memory.buffer, list, count);
      for (let i = 0; i < count; i++) words[i] = from + i;
      output.emit(this.#outputRows!.gather(whole, list, count));
      kernels.arenaRelease(mark);
    }
  }
}
