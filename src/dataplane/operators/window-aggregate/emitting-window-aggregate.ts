/**
 * EmittingWindowAggregate: a legacy group window (GROUP BY TUMBLE, HOP) that shows results before its end (early fire) and again
 * after it (late fire), and takes late rows until its lateness is over.
 *
 * In/out:  +I at a window's first firing, −U +U when a later one has another result; equal results show nothing. −D when a
 *          firing finds that all rows of a window that was shown were taken back.
 * Fires:   at the window's end, once. Early and late: on every row (delay 0), or every `delay` of processing time since the
 *          first row of that phase. Rows behind the end with a late delay of 0 fire at once.
 * State:   accumulators.ts keyed by grouping, window start and end; map "fired" with what the trigger knows of the key; map
 *          "row" with the result shown last; timers for ends, ends + lateness and processing times. All goes with the
 *          lateness. Rows that may be taken back wait in map "kept" (window-rows.ts), there are no accumulators then.
 * Limits:  a row that fires at once is folded in before the next of its key: as many rounds as rows of one key in a batch.
 * Source:  Flink StreamExecGroupWindowAggregate, AggregateWindowOperator, WindowEmitStrategy, EventTimeTriggers,
 *          ProcessingTimeTriggers.
 */
import {
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { WindowEmit } from "../../../foundation/plan/window-spec.ts";
import type { EncodedKeys } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { Accumulators } from "../group-aggregate/accumulators.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { KEEP_MODE, KeptRows } from "../rows/kept-rows.ts";
import { WindowClock } from "../windows/window-clock.ts";
import { WindowTimers } from "../windows/window-timers.ts";
import { WindowTimes } from "../windows/window-times.ts";
import { WindowRows } from "./window-rows.ts";
import { WindowTriggers } from "./window-triggers.ts";
import { LateRecords } from "../rows/late-records.ts";

const INSERT_MASK = 1;

type Keys = EncodedKeys & { readonly n: number };

export class EmittingWindowAggregateOperator extends BaseOperator {
  readonly #node: WindowAggregateNode;
  readonly #emit: WindowEmit;
  readonly #latenessMs: number;
  #rows: BatchRows | undefined;
  #whole: BatchRows | undefined;
  #times: WindowTimes | undefined;
  #accumulators: Accumulators | undefined;
  /** Where rows may be taken back. */
  #kept: WindowRows | undefined;
  #shown: KeptRows | undefined;
  #triggers: WindowTriggers | undefined;
  /** Ends of windows, when they are kept longer than that. */
  #ends: WindowClock | undefined;
  /** When windows go: ends + lateness. */
  #goes: WindowClock | undefined;
  #goesTimers: WindowTimers | undefined;
  #late: LateRecords | undefined;

  constructor(node: WindowAggregateNode, emit: WindowEmit, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#emit = emit;
    this.#latenessMs = node.window.time.attribute === "ROWTIME" ? emit.latenessMs : 0;
  }

  override open(): void {
    const { context } = this;
    this.#late = new LateRecords(context);
    const { grouping, aggregates, window, description: operator } = this.#node;
    const input = context.inputs[0]!;
    const schema = withWindow(input.fields);
    const width = input.fields.length;
    this.#rows = new BatchRows(context.runtime, input);
    this.#whole = new BatchRows(context.runtime, schema);
    this.#times = new WindowTimes(context, window);
    this.#accumulators = new Accumulators({
      context,
      schema,
      keys: [...grouping, width, width + 1],
      groupFields: grouping,
      aggregates: aggregates.map((call) => ({ ...call, retract: false })),
      momentField: width + 1,
      operator,
    });
    if (this.#node.retracts === true)
      this.#kept = new WindowRows(context, this.#accumulators, operator);
    const results = withWindow([...grouping.map((i) => input.fields[i]!), ...aggregates]);
    const groups = grouping.map((_, i) => i);
    const bounds = results.fields.length - 2;
    this.#shown = new KeptRows({
      context: {
        ...context,
        inputs: [results],
        output: {
          emit: (batch) => this.#pass(batch, results),
          emitWatermark: (watermark) => context.output.emitWatermark(watermark),
        },
      },
      output: results,
      keys: [...groups, bounds, bounds + 1],
      groupFields: groups,
      mode: KEEP_MODE.changelog,
      generateUpdateBefore: this.#node.generateUpdateBefore === true,
      ttlMs: 0,
      operator,
      emitsAtOnce: true,
    });
    this.#triggers = new WindowTriggers(context, this.#accumulators.keys, this.#emit);
    const { keyBytes } = this.#accumulators.keys;
    const goes = new WindowTimers(context, "timers", keyBytes);
    this.#goes = new WindowClock(context, goes, window.time);
    if (this.#latenessMs > 0)
      this.#ends = new WindowClock(context, this.#triggers.ends, window.time);
    this.#goesTimers = goes;
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#kept === undefined && this.#rows!.ofKinds(batch, INSERT_MASK) !== batch)
      throw operatorErrors.RETRACTION_UNEXPECTED({
        operator: this.#node.description,
        kind: "-U, +U or -D",
      });
    const { kernels } = this.context.runtime;
    const windows = this.#times!.assign(batch);
    const list = kernels.arenaAlloc(windows.count * 4) >>> 0;
    const bound = BigInt(this.#overUntil - this.#latenessMs);
    const kept = kernels.rowsAbove(windows.count, windows.ends, 8, 0, bound, list) >>> 0;
    const rowOf = kernels.gatherWords(windows.rows, kept, list) >>> 0;
    const starts = kernels.gatherWide(windows.starts, 8, kept, list) >>> 0;
    const ends = kernels.gatherWide(windows.ends, 8, kept, list) >>> 0;
    const late = kernels.runsOf(windows.count, windows.rows) - kernels.runsOf(kept, rowOf);
    this.#late!.drop(late);
    const columns = physicalColumns(this.context.inputs[0]!).length;
    for (let from = 0; from < kept; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, kept - from);
      const gathered = this.#rows!.gather(batch, rowOf + from * 4, n);
      const bounds = [{ values: starts + from * 8 }, { values: ends + from * 8 }];
      const all = [...columnsOf(gathered, 0, columns), ...bounds];
      const kinds = this.#kept === undefined ? 0 : this.#rows!.kinds(gathered);
      this.#add(n, assembleBatch(this.context.runtime, n, all, kinds));
      kernels.arenaRelease(mark);
    }
    this.#goes!.registered();
    this.#triggers!.ask();
  }

  override processWatermark(watermark: number): void {
    this.#ends?.watermark(watermark, (moment) => this.#fireAtEnd(moment));
    this.#goes!.watermark(watermark, (moment) => this.#go(moment));
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    this.#triggers!.due(time, (keys) => this.#fire(keys));
    this.#goes!.processingTime(time, (moment) => this.#go(moment));
  }

  override close(): void {
    this.#kept?.close();
    this.#kept = undefined;
    this.#shown?.close();
    this.#shown = undefined;
  }

  get #overUntil(): number {
    return this.#goes!.overUntil;
  }

  /** Rows with their windows: folded in, and fired where the trigger wants it at once. */
  #add(n: number, batch: BatchPtr): void {
    const { kernels } = this.context.runtime;
    const triggers = this.#triggers!;
    const ends = this.#column(batch, physicalColumns(this.context.inputs[0]!).length + 1);
    const encoded = this.#accumulators!.keys.encode(batch);
    const keys = { n, ...encoded };
    const now = this.context.clock.nowMs();
    const rounds = triggers.onRows(keys, ends, { overUntil: this.#overUntil, now });
    const moments =
      this.#latenessMs === 0 ? ends : kernels.shiftTimes(n, ends, BigInt(this.#latenessMs)) >>> 0;
    triggers.registerGoing(keys, moments, this.#goesTimers!);
    if (rounds === undefined) {
      this.#fold(batch);
      return;
    }
    for (const { list, count, fires } of rounds) {
      const mark = kernels.arenaMark();
      const part = this.#whole!.gather(batch, list, count);
      const { keys: own, hashes } = this.#fold(part);
      this.#fire(this.#picked({ n: count, keys: own, hashes }, fires));
      kernels.arenaRelease(mark);
    }
  }

  #fold(batch: BatchPtr): EncodedKeys {
    return this.#kept === undefined ? this.#accumulators!.accumulate(batch) : this.#kept.add(batch);
  }

  #picked(keys: Keys, fires: readonly number[]): Keys {
    if (fires.length === keys.n) return keys;
    const { kernels, memory } = this.context.runtime;
    const list = kernels.arenaAlloc(fires.length * 4) >>> 0;
    new Uint32Array(memory.buffer, list, fires.length).set(fires);
    return gatherKeys(this.context, keys, this.#accumulators!.keys.keyBytes, list, fires.length);
  }

  #fireAtEnd(moment: number): void {
    const keys = this.#triggers!.ends.keysOf(moment);
    this.#fire(keys);
    this.#triggers!.firedAtEnd(keys);
  }

  /** The window's lateness is over: what is not shown yet is, then all of it goes. */
  #go(moment: number): void {
    const keys = this.#goesTimers!.keysOf(moment);
    if (keys.n === 0) return;
    if (this.#latenessMs === 0) this.#fire(keys);
    if (this.#kept !== undefined) this.#kept.remove(keys);
    else this.#accumulators!.remove(keys.n, keys, moment - this.#latenessMs);
    this.#shown!.forget(keys);
    this.#triggers!.forget(keys);
  }

  #fire(all: Keys): void {
    const { runtime } = this.context;
    const { kernels } = runtime;
    const accumulators = this.#accumulators!;
    const width = accumulators.keys.keyBytes < 0 ? 8 : accumulators.keys.keyBytes;
    for (let from = 0; from < all.n; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, all.n - from);
      const part = { n, keys: all.keys + from * width, hashes: all.hashes + from * 8 };
      const keyBatch = accumulators.keyColumns(n, part.keys);
      const groups = this.#groupColumns;
      const kinds = this.#kept?.fold(part, keyBatch, groups) ?? 0;
      const entries = kernels.arenaAlloc(n * 4) >>> 0;
      kernels.mapFindBatch(accumulators.map.ptr, n, part.hashes, part.keys, entries);
      const results = accumulators.results(n, part, entries);
      const columns = [
        ...columnsOf(keyBatch, 0, groups),
        ...columnsOf(results, 0, this.#resultColumns),
        ...columnsOf(keyBatch, groups, 2),
      ];
      this.#shown!.process(assembleBatch(runtime, n, columns, kinds));
      if (this.#kept !== undefined) accumulators.remove(n, part, Number.MAX_SAFE_INTEGER);
      kernels.arenaRelease(mark);
    }
  }

  get #groupColumns(): number {
    return physicalColumns(this.#accumulators!.keys.schema).length - 2;
  }

  get #resultColumns(): number {
    return physicalColumns({ fields: [...this.#node.aggregates] }).length;
  }

  /** A change of results, with their windows' properties in place of the bounds. */
  #pass(batch: BatchPtr, results: Schema): boolean {
    const { runtime } = this.context;
    const n = this.#rows!.rows(batch);
    const start = physicalColumns(results).length - 2;
    const properties = this.#node.properties.map((property): ColumnFrom => {
      if (property === "window_start") return { batch, column: start };
      if (property === "window_end") return { batch, column: start + 1 };
      return { values: this.#windowTimes(this.#column(batch, start + 1), n) };
    });
    const columns = [...columnsOf(batch, 0, start), ...properties];
    const kinds = this.#rows!.kinds(batch);
    return this.context.output.emit(assembleBatch(runtime, n, columns, kinds));
  }

  /** Ends − 1 ms as instants. */
  #windowTimes(ends: number, n: number): number {
    const { kernels, memory } = this.context.runtime;
    const values = kernels.shiftTimes(n, ends, -1n) >>> 0;
    const times = new BigInt64Array(memory.buffer, values, n);
    for (let i = 0; i < n; i++) times[i] = BigInt(this.#goes!.toEpoch(Number(times[i]!)));
    return values;
  }

  #column(batch: BatchPtr, column: number): number {
    const at = columnPtr(batch, column) + COLUMN_VALUES;
    return new DataView(this.context.runtime.memory.buffer).getUint32(at, true);
  }
}

function gatherKeys(
  { runtime }: OperatorContext,
  { keys, hashes }: EncodedKeys,
  keyBytes: number,
  list: number,
  n: number,
): Keys {
  const { kernels } = runtime;
  return {
    n,
    keys: kernels.gatherWide(keys, keyBytes < 0 ? 8 : keyBytes, n, list) >>> 0,
    hashes: kernels.gatherWide(hashes, 8, n, list) >>> 0,
  };
}

function withWindow(fields: Schema["fields"]): Schema {
  const time = types.bigint(false);
  const plain = fields.map(({ name, type }) => ({ name, type }));
  return {
    fields: [...plain, { name: "$window_start", type: time }, { name: "$window_end", type: time }],
  };
}
