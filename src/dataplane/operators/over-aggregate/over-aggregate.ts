/**
 * OverAggregate: aggregates over the rows before (in batch mode also after) each row of its partition.
 *
 * In/out:  insert-only → insert-only: each row once, its calls behind its fields.
 * Rowtime: rows wait for the watermark and are emitted in order of their times. Late rows are dropped and counted in
 *          numLateRecordsDropped: those not after the watermark, with bounded frames those not after the last time that
 *          its key has fired (0 at first), as in Flink.
 * Proctime: each row is emitted at once; RANGE with an offset one millisecond later, when the clock has moved on.
 * Batch:   all rows are kept, sorted by partition at the end of input and emitted.
 * State:   "pending": (time, key) → rows that wait, with "timers"; "history": key → emitted rows that frames still need;
 *          "progress": key → accumulators of frames without a lower bound, i64 last time fired. Batch: "rows": key → rows.
 * Errors:  MR4150 rowtime is NULL, MR4152 frames that are not supported in a stream.
 * Source:  Flink StreamExecOverAggregate, RowTime{Range,Rows}BoundedPrecedingFunction, AbstractRowTimeUnboundedPrecedingOver,
 *          ProcTime…, BatchExecOverAggregate.
 */
import {
  BATCH_KINDS,
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, physicalIndex } from "../../../foundation/columnar/schema.ts";
import type { OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { DistinctValues } from "../group-aggregate/distinct-values.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { compileGroupedKeys } from "../rows/grouped-keys.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS } from "../rows/row-format.ts";
import { forEachEntry } from "../rows/state-entries.ts";
import { WindowTimers } from "../windows/window-timers.ts";
import { type OverPartition, OverRows, rowsSchemaOf, timeColumnOf } from "./over-rows.ts";

const REGISTERED = ROW_SET_BYTES;
/** Behind the accumulators: i64 last time fired, i64 rows and i64 times so far. */
const PROGRESS_BYTES = 24;
/** Rows of history that may be out of date before it is written anew. */
const HISTORY_SLACK = 64;

export class OverAggregateOperator extends BaseOperator {
  readonly #node: OverAggregateNode;
  readonly #isRowtime: boolean;
  /** Frames begin with the partition: accumulators stay in state, rows do not. */
  readonly #isRunning: boolean;
  #rows: OverRows | undefined;
  #batchRows: BatchRows | undefined;
  #keys: KeyCodec | undefined;
  #pendingKeys: KeyCodec | undefined;
  #pending: KeyedMap | undefined;
  #timers: WindowTimers | undefined;
  #history: KeyedMap | undefined;
  #progress: KeyedMap | undefined;
  #watermark = MIN_WATERMARK;
  /** Bytes of the rows at hand, by address; emptied with each call. */
  readonly #lengths = new Map<number, number>();

  constructor(node: OverAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#isRowtime = node.time?.attribute === "ROWTIME";
    this.#isRunning = node.start.kind === "unboundedPreceding";
  }

  override open(): void {
    const { context } = this;
    const { runtime, state } = context;
    const { partitionKeys, description: operator, stateTtlMs = 0 } = this.#node;
    if (stateTtlMs > 0 && context.mode === "streaming")
      throw operatorErrors.WINDOW_UNSUPPORTED({
        window: "State that expires (table.exec.state.ttl)",
        operator,
        remedy: "Set table.exec.state.ttl to 0 for this query.",
      });
    const schema = rowsSchemaOf(context.inputs[0]!);
    const keys = compileKeyCodec({ schema, fields: partitionKeys, runtime, operator });
    this.#keys = keys;
    this.#batchRows = new BatchRows(runtime, schema);
    const distinct = this.#createDistinct(schema);
    this.#rows = new OverRows(this.#node, context, {
      hashDistance: hashDistance(keys.keyBytes),
      fresh: (place, batch) => distinct.get(place)!.fresh(batch),
    });
    this.#history = this.#rowMap("history", keys, ROW_SET_BYTES);
    const { valueBytes, handles } = this.#rows.calls;
    const accumulators = this.#isRunning ? valueBytes : 0;
    this.#progress = state.map({
      name: "progress",
      keyBytes: keys.keyBytes,
      valueBytes: accumulators + PROGRESS_BYTES,
      keyFields: keys.keyFields,
      valueFields: [
        ...(this.#isRunning ? handles : []).map((offset) => ({
          name: `text${offset}`,
          offset,
          type: "handle" as const,
        })),
        { name: "lastTime", offset: accumulators, type: "counter" },
        { name: "rows", offset: accumulators + 8, type: "counter" },
        { name: "times", offset: accumulators + 16, type: "counter" },
      ],
      ttlMs: 0,
    });
    if (!this.#waits) return;
    const timeField = schema.fields.length - 1;
    this.#pendingKeys = compileGroupedKeys({
      context,
      schema,
      fields: [timeField, ...partitionKeys],
      groupFields: partitionKeys,
      operator,
    });
    this.#pending = this.#rowMap("pending", this.#pendingKeys, ROW_SET_BYTES + 8);
    this.#timers = new WindowTimers(context, "timers", this.#pendingKeys.keyBytes);
    if (!this.#isRowtime)
      for (const moment of this.#timers.waiting) context.registerProcessingTimer(moment + 1);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const data = new DataView(this.context.runtime.memory.buffer);
    const n = data.getUint32(batch + BATCH_ROWS, true);
    if (data.getUint32(batch + BATCH_KINDS, true) !== 0)
      if (this.#batchRows!.ofKinds(batch, 1) !== batch)
        throw operatorErrors.RETRACTION_UNEXPECTED({
          operator: this.#node.description,
          kind: "-U, +U, -D",
        });
    const rows = this.#withTime(batch, n);
    if (this.context.mode === "batch") this.#keep(rows, n);
    else if (this.#waits) this.#wait(rows, n);
    else this.#processNow(rows, n);
  }

  override processWatermark(watermark: number): void {
    this.#watermark = watermark;
    if (this.#isRowtime) this.#fireUntil(watermark);
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    if (!this.#isRowtime) this.#fireUntil(time - 1);
  }

  override endInput(): void {
    if (this.context.mode !== "batch") return;
    const { kernels } = this.context.runtime;
    const map = this.#history!;
    forEachEntry(this.context, map, (entry) => {
      const mark = kernels.arenaMark();
      const hash = this.#hashOf(map, entry);
      const rows = this.#rows!.sorted(this.#rowsOf(map, [entry], [hash])[0]!);
      const { batch, emitted } = this.#rows!.evaluate([{ rows, history: 0, hash }], map.ptr);
      this.#rows!.emit(batch, emitted);
      this.#lengths.clear();
      kernels.arenaRelease(mark);
    });
  }

  override close(): void {
    this.#rows?.close();
    this.#rows = undefined;
  }

  /** Rows wait for a moment: of the watermark, or until the clock has moved on. */
  get #waits(): boolean {
    const { unit, start } = this.#node;
    if (this.context.mode === "batch") return false;
    return this.#isRowtime || (unit === "RANGE" && start.kind !== "unboundedPreceding");
  }

  #createDistinct(schema: ReturnType<typeof rowsSchemaOf>): Map<number, DistinctValues> {
    const { aggregates, partitionKeys: keys, description: operator } = this.#node;
    if (!this.#isRunning || this.context.mode === "batch") return new Map();
    const { context } = this;
    return new Map(
      aggregates.flatMap(({ distinct, args }, index) =>
        distinct
          ? [
              [
                index,
                new DistinctValues({ context, schema, keys, args, filter: -1, index, operator }),
              ],
            ]
          : [],
      ),
    );
  }

  #rowMap(name: string, keys: KeyCodec, valueBytes: number): KeyedMap {
    return this.context.state.map({
      name,
      keyBytes: keys.keyBytes,
      valueBytes,
      keyFields: keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      ttlMs: 0,
    });
  }

  #withTime(batch: BatchPtr, n: number): BatchPtr {
    const { runtime, clock, mode, inputs } = this.context;
    const { kernels, memory } = runtime;
    const schema = inputs[0]!;
    const { time } = this.#node;
    let values: number;
    if (mode === "streaming" && time !== undefined && this.#isRowtime) {
      const data = new DataView(memory.buffer);
      const at = columnPtr(batch, physicalIndex(schema, time.index));
      const validity = data.getUint32(at + COLUMN_VALIDITY, true);
      if (validity !== 0 && new Uint8Array(memory.buffer, validity, n).includes(0))
        throw operatorErrors.ROWTIME_NULL({
          column: schema.fields[time.index]!.name,
          operator: this.#node.description,
        });
      values = data.getUint32(at + COLUMN_VALUES, true);
      if (PHYSICAL_WIDTH[physicalOf(time.type)] !== 8) values = kernels.millisOf(values, n) >>> 0;
    } else values = kernels.repeatTime(n, BigInt(mode === "batch" ? 0 : clock.nowMs())) >>> 0;
    return assembleBatch(runtime, n, [
      ...columnsOf(batch, 0, physicalColumns(schema).length),
      { values },
    ]);
  }

  #keep(rows: BatchPtr, n: number): void {
    const { kernels } = this.context.runtime;
    const { keys, hashes } = this.#keys!.encode(rows);
    const views = this.#rows!.format.encode(rows);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#history!.ptr, n, hashes, keys, entries);
    kernels.setsAppend(this.#history!.ptr, n, hashes, entries, views);
  }

  #wait(all: BatchPtr, allRows: number): void {
    const { kernels } = this.context.runtime;
    const kept = this.#isRowtime ? this.#inTime(all, allRows) : undefined;
    const rows = kept === undefined ? all : kept.batch;
    const n = kept === undefined ? allRows : kept.rows;
    if (n === 0) return;
    const encoded = this.#pendingKeys!.encode(rows);
    const views = this.#rows!.format.encode(rows);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#pending!.ptr, n, encoded.hashes, encoded.keys, entries);
    kernels.setsAppend(this.#pending!.ptr, n, encoded.hashes, entries, views);
    this.#timers!.register(n, encoded, entries, this.#timesOf(rows), REGISTERED);
    const { first } = this.#timers!;
    if (!this.#isRowtime && first !== undefined) this.context.registerProcessingTimer(first + 1);
  }

  /** The rows that are not late. */
  #inTime(rows: BatchPtr, n: number): { readonly batch: BatchPtr; readonly rows: number } {
    const { kernels, memory } = this.context.runtime;
    let entries = 0;
    if (!this.#isRunning) {
      const { keys, hashes } = this.#keys!.encode(rows);
      entries = kernels.arenaAlloc(n * 4) >>> 0;
      kernels.mapFindBatch(this.#progress!.ptr, n, hashes, keys, entries);
    }
    const data = new DataView(memory.buffer);
    const times = this.#timesOf(rows);
    const list: number[] = [];
    for (let row = 0; row < n; row++) {
      const time = Number(data.getBigInt64(times + row * 8, true));
      let after = this.#watermark;
      if (!this.#isRunning) {
        const entry = data.getUint32(entries + row * 4, true);
        after = entry === 0 ? 0 : Number(data.getBigInt64(entry, true));
      }
      if (time > after) list.push(row);
    }
    if (list.length === n) return { batch: rows, rows: n };
    this.context.metrics.counter("numLateRecordsDropped").value += n - list.length;
    if (list.length === 0) return { batch: rows, rows: 0 };
    const picked = kernels.arenaAlloc(list.length * 4) >>> 0;
    new Uint32Array(memory.buffer, picked, list.length).set(list);
    return { batch: this.#batchRows!.gather(rows, picked, list.length), rows: list.length };
  }

  /** Processing time: rows are emitted as they come. */
  #processNow(batch: BatchPtr, n: number): void {
    const { kernels, memory } = this.context.runtime;
    const encoded = this.#keys!.encode(batch);
    const views = this.#rows!.format.encode(batch);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#progress!.ptr, n, encoded.hashes, encoded.keys, entries);
    const data = new DataView(memory.buffer);
    const numbers = new Map<number, number>();
    const firsts: number[] = [];
    const groups: number[][] = [];
    const order: number[][] = [];
    for (let row = 0; row < n; row++) {
      const entry = data.getUint32(entries + row * 4, true);
      let number = numbers.get(entry);
      if (number === undefined) {
        number = groups.length;
        numbers.set(entry, number);
        firsts.push(row);
        groups.push([]);
        order.push([]);
      }
      const address = data.getUint32(views + row * 8, true);
      this.#lengths.set(address, data.getUint32(views + row * 8 + 4, true));
      groups[number]!.push(address);
      order[number]!.push(row);
    }
    const list = kernels.arenaAlloc(firsts.length * 4) >>> 0;
    new Uint32Array(memory.buffer, list, firsts.length).set(firsts);
    const ofFirsts = this.#batchRows!.gather(batch, list, firsts.length);
    const { result, emitted } = this.#advance(ofFirsts, groups, 0);
    const arrival = order.flat();
    const inOrder: number[] = [];
    arrival.forEach((row, at) => {
      inOrder[row] = emitted[at]!;
    });
    this.#rows!.emit(result, inOrder);
  }

  #fireUntil(until: number): void {
    const { kernels } = this.context.runtime;
    const timers = this.#timers;
    if (timers === undefined) return;
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
    const map = this.#pending!.ptr;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(map, n, hashes, keys, entries);
    const own = [...new Uint32Array(memory.buffer, entries, n)];
    const groups = this.#rowsOf(
      this.#pending!,
      own,
      own.map((entry) => this.#hashOf(this.#pending!, entry)),
    );
    const firsts = kernels.arenaAlloc(n * 4) >>> 0;
    new Uint32Array(memory.buffer, firsts, n).set(groups.map((rows) => rows[0]!));
    const batch = kernels.batchCreate(n, this.#rows!.format.columns, 0) >>> 0;
    this.#rows!.format.decode(firsts, n, batch, 0);
    const { result, emitted } = this.#advance(batch, groups, moment);
    this.#rows!.emit(result, emitted);
    kernels.setsRemove(map, n, hashes, entries);
  }

  /** New rows of n keys, of which `firsts` holds one row each: their results; then history and progress are brought on. */
  #advance(firsts: BatchPtr, groups: readonly (readonly number[])[], moment: number) {
    const { kernels, memory } = this.context.runtime;
    const n = groups.length;
    const { keys, hashes } = this.#keys!.encode(firsts);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#progress!.ptr, n, hashes, keys, entries);
    const progress = [...new Uint32Array(memory.buffer, entries, n)];
    const kept = this.#keepsHistory;
    const histories = kernels.arenaAlloc(n * 4) >>> 0;
    if (kept > 0) kernels.mapFindBatch(this.#history!.ptr, n, hashes, keys, histories);
    else new Uint32Array(memory.buffer, histories, n).fill(0);
    const found = [...new Uint32Array(memory.buffer, histories, n)];
    const keyHashes = progress.map((entry) => this.#hashOf(this.#progress!, entry));
    const olds = this.#rowsOf(this.#history!, found, keyHashes);
    const offset = this.#isRunning ? this.#rows!.calls.valueBytes : 0;
    const partitions = groups.map((rows, index): OverPartition => {
      const old = olds[index]!;
      const base = { rows: [...old, ...rows], history: old.length, hash: keyHashes[index]! };
      if (!this.#isRunning) return base;
      const entry = progress[index]!;
      const data = new DataView(memory.buffer);
      // Rows that are kept count by themselves.
      const [all, times] = [8, 16].map((at) => Number(data.getBigInt64(entry + offset + at, true)));
      const before = { rows: all! - old.length, groups: old.length > 0 ? 0 : times! };
      return { ...base, entry, before };
    });
    const { batch, emitted } = this.#rows!.evaluate(partitions, this.#progress!.ptr);
    const byTime = this.#isRowtime || this.#waits;
    progress.forEach((entry, index) => {
      const data = new DataView(memory.buffer);
      const at = entry + offset;
      const count = groups[index]!.length;
      data.setBigInt64(at, BigInt(moment), true);
      data.setBigInt64(at + 8, data.getBigInt64(at + 8, true) + BigInt(count), true);
      const times = data.getBigInt64(at + 16, true) + BigInt(byTime ? 1 : count);
      data.setBigInt64(at + 16, times, true);
    });
    if (kept > 0) this.#remember(partitions, { keys, hashes }, histories, moment);
    this.#lengths.clear();
    return { result: batch, emitted };
  }

  /** Rows before the current one that may be needed again; Infinity when time decides. */
  get #keepsHistory(): number {
    const { unit, start, aggregates } = this.#node;
    const lag = aggregates.some((call) => call.function === "LAG" || call.function === "LEAD");
    if (lag) return Number.POSITIVE_INFINITY;
    if (start.kind !== "preceding") return 0;
    return unit === "ROWS" ? start.offset : Number.POSITIVE_INFINITY;
  }

  #remember(
    partitions: readonly OverPartition[],
    { keys, hashes }: { readonly keys: number; readonly hashes: number },
    histories: number,
    moment: number,
  ): void {
    const { kernels, memory } = this.context.runtime;
    const map = this.#history!.ptr;
    const width = this.#keys!.keyBytes < 0 ? 8 : this.#keys!.keyBytes;
    partitions.forEach(({ rows, history }, index) => {
      const stale = this.#stale(rows, moment);
      const rewrite = stale > HISTORY_SLACK + (rows.length - stale);
      const keep = rewrite ? rows.slice(stale) : rows.slice(history);
      const views = keep.map((address) => this.#copy(address));
      const hash = hashes + index * 8;
      const entry = histories + index * 4;
      if (rewrite) kernels.setsRemove(map, 1, hash, entry);
      const list = kernels.arenaAlloc(views.length * 8) >>> 0;
      const data = new DataView(memory.buffer);
      views.forEach(([address, length], at) => {
        data.setUint32(list + at * 8, address, true);
        data.setUint32(list + at * 8 + 4, length, true);
      });
      for (let at = 0; at < views.length; at++) {
        kernels.mapUpsertBatch(map, 1, hash, keys + index * width, entry);
        kernels.setsAppend(map, 1, hash, entry, list + at * 8);
      }
    });
  }

  /** How many of a partition's rows, oldest first, no later frame holds. */
  #stale(rows: readonly number[], moment: number): number {
    const { unit, start } = this.#node;
    const kept = this.#keepsHistory;
    if (kept !== Number.POSITIVE_INFINITY) return Math.max(0, rows.length - kept);
    if (unit !== "RANGE" || start.kind !== "preceding") return 0;
    let stale = 0;
    while (stale < rows.length && this.#timeOfRow(rows[stale]!) < moment - start.offset) stale++;
    return stale;
  }

  #timeOfRow(address: number): number {
    const { kernels, memory } = this.context.runtime;
    const mark = kernels.arenaMark();
    const list = kernels.arenaAlloc(4) >>> 0;
    new DataView(memory.buffer).setUint32(list, address, true);
    const batch = kernels.batchCreate(1, this.#rows!.format.columns, 0) >>> 0;
    this.#rows!.format.decode(list, 1, batch, 0);
    const at = this.#timesOf(batch);
    const time = Number(new DataView(memory.buffer).getBigInt64(at, true));
    kernels.arenaRelease(mark);
    return time;
  }

  /** A row's bytes in the arena: what is appended to the log must not lie in it. */
  #copy(address: number): readonly [address: number, length: number] {
    const { kernels, memory } = this.context.runtime;
    const length = this.#lengths.get(address)!;
    const to = kernels.arenaAlloc(length) >>> 0;
    new Uint8Array(memory.buffer).copyWithin(to, address, address + length);
    return [to, length];
  }

  #rowsOf(map: KeyedMap, entries: readonly number[], hashes: readonly number[]): number[][] {
    const { kernels, memory } = this.context.runtime;
    const n = entries.length;
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    new Uint32Array(memory.buffer, list, n).set(entries);
    const wide = kernels.arenaAlloc(n * 8) >>> 0;
    const data = new DataView(memory.buffer);
    hashes.forEach((hash, index) => {
      data.setUint32(wide + index * 8 + 4, hash, true);
    });
    const out = kernels.arenaAlloc(8) >>> 0;
    const count = kernels.setsRows(map.ptr, n, wide, list, out) >>> 0;
    const now = new DataView(memory.buffer);
    const views = now.getUint32(out, true);
    const owners = now.getUint32(out + 4, true);
    const groups: number[][] = entries.map(() => []);
    for (let i = 0; i < count; i++) {
      const address = now.getUint32(views + i * 8, true);
      groups[now.getUint32(owners + i * 4, true)]!.push(address);
      this.#lengths.set(address, now.getUint32(views + i * 8 + 4, true));
    }
    return groups;
  }

  #timesOf(rows: BatchPtr): number {
    const at = columnPtr(rows, timeColumnOf(this.#rows!.schema)) + COLUMN_VALUES;
    return new DataView(this.context.runtime.memory.buffer).getUint32(at, true);
  }

  /** Upper half of the hash of an entry's key. */
  #hashOf({ spec }: KeyedMap, entry: number): number {
    const { memory } = this.context.runtime;
    return new DataView(memory.buffer).getUint32(entry - hashDistance(spec.keyBytes), true);
  }
}
