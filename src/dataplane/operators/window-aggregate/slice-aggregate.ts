/**
 * SliceAggregate: WindowAggregate over HOP and CUMULATE windows of a rowtime: each row is folded into one slice, and a window
 * is merged from its slices when it is over.
 *
 * In/out:  insert-only → insert-only: grouping fields, aggregates, window properties.
 * State:   accumulators keyed by grouping and slice; timers by slice end, by which a window finds the keys of its slices; the
 *          operator value "over" says up to where windows have fired, so that a restore fires none twice. A slice goes
 *          when its last window has fired.
 * Merged:  the second half of two phases reads accumulators of slices (local-window-aggregate.ts); its state is the same.
 * Scratch: a map from grouping key to a number, outside state, empty between calls.
 * Late:    a row whose slice is in no open window is dropped and counted in numLateRecordsDropped.
 * Errors:  MR4151 rows that take back. DISTINCT goes through window-aggregate.ts, which folds rows into each window.
 * Source:  Flink SlicingWindowOperator, SliceSharedWindowAggProcessor.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorValue } from "../../contract/keyed-state.ts";
import { MAX_WATERMARK, MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { TOUCHED_OFFSET } from "../../codegen/aggregates/accumulator-layout.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { Accumulators } from "../group-aggregate/accumulators.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { WindowClock } from "../windows/window-clock.ts";
import { WindowTimes } from "../windows/window-times.ts";
import { type TimerKeys, WindowTimers } from "../windows/window-timers.ts";
import { ACCUMULATORS, type PhasePart, PhaseParts } from "./phase-parts.ts";
import { SliceTimes } from "./slice-times.ts";
import { WindowSlices } from "./window-slices.ts";
import { LateRecords } from "../rows/late-records.ts";

const REGISTERED = TOUCHED_OFFSET;
const INSERT_MASK = 1;

interface SliceKeys extends TimerKeys {
  /** u32[n]: number of each key's group within the window. */
  readonly owners: number;
}

export class SliceAggregateOperator extends BaseOperator {
  readonly #node: WindowAggregateNode;
  readonly #slices: WindowSlices;
  #rows: BatchRows | undefined;
  #parts: PhaseParts | undefined;
  #times: WindowTimes | undefined;
  #accumulators: Accumulators | undefined;
  #timers: WindowTimers | undefined;
  #clock: WindowClock | undefined;
  #groupKeys: KeyCodec | undefined;
  #groupBuilder: BatchBuilder | undefined;
  #numbers = 0;
  #over = MIN_WATERMARK;
  #overValue: OperatorValue | undefined;
  #late: LateRecords | undefined;

  constructor(node: WindowAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#slices = new WindowSlices(node.window);
  }

  override open(): void {
    const { context } = this;
    this.#late = new LateRecords(context);
    const { runtime, state } = context;
    const { grouping, aggregates, window, description: operator, accumulators } = this.#node;
    const input = context.inputs[0]!;
    const time = types.bigint(false);
    const schema = { fields: [...input.fields, { name: "$slice_end", type: time }] };
    this.#rows = new BatchRows(runtime, input);
    this.#parts = new PhaseParts(context, accumulators, 0);
    const slice = { ...window, kind: "TUMBLE" as const, sizeMs: this.#slices.sizeMs };
    this.#times =
      accumulators === undefined ? new WindowTimes(context, slice) : new SliceTimes(context, slice);
    this.#accumulators = new Accumulators({
      context,
      schema,
      keys: [...grouping, input.fields.length],
      groupFields: grouping,
      aggregates,
      accumulators,
      operator,
    });
    const fields = grouping.map((_, index) => index);
    const ofKeys = { fields: this.#accumulators.keys.schema.fields };
    this.#groupKeys = compileKeyCodec({ schema: ofKeys, fields, runtime, operator });
    this.#groupBuilder = compileBatchBuilder({ output: this.#groupKeys.schema, runtime, operator });
    this.#timers = new WindowTimers(context, "timers", this.#accumulators.keys.keyBytes);
    this.#clock = new WindowClock(context, this.#timers, window.time);
    const { kernels } = runtime;
    const { keyBytes } = this.#groupKeys;
    this.#numbers = kernels.mapCreate(kernels.domainCreate(), 1, 0, 1, keyBytes, 8, 0) >>> 0;
    this.#overValue = state.operatorValue("over");
    for (const value of this.#overValue.restored)
      if (typeof value === "number") this.#over = Math.max(this.#over, value);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#rows!.ofKinds(batch, INSERT_MASK) !== batch)
      throw operatorErrors.RETRACTION_UNEXPECTED({
        operator: this.#node.description,
        kind: "-U, +U or -D",
      });
    for (const part of this.#parts!.split(batch)) this.#process(part);
  }

  #process(part: PhasePart): void {
    const { batch } = part;
    const { runtime } = this.context;
    const { kernels } = runtime;
    const slices = this.#times!.assign(batch);
    const list = kernels.arenaAlloc(slices.count * 4) >>> 0;
    const bound = BigInt(this.#slices.firstOpenSliceEnd(this.#over) - 1);
    const kept = kernels.rowsAbove(slices.count, slices.ends, 8, 0, bound, list) >>> 0;
    const all = kept === this.#rows!.rows(batch);
    if (kept < slices.count) {
      const left = kernels.gatherWords(slices.rows, kept, list) >>> 0;
      const late = this.#parts!.rowsOf(part, slices.rows, slices.count);
      const inTime = this.#parts!.rowsOf(part, left, kept);
      this.#late!.drop(late - inTime);
    }
    if (kept === 0) return;
    const ends = all ? slices.ends : kernels.gatherWide(slices.ends, 8, kept, list) >>> 0;
    const rowOf = all ? 0 : kernels.gatherWords(slices.rows, kept, list) >>> 0;
    const gathered = all ? batch : this.#rows!.gather(batch, rowOf, kept);
    const columns = physicalColumns(this.context.inputs[0]!).length;
    const extended = assembleBatch(runtime, kept, [
      ...columnsOf(gathered, 0, columns),
      { values: ends },
    ]);
    const { n, entries, keys, hashes } =
      part.kind === ACCUMULATORS
        ? this.#accumulators!.mergeRows(extended)
        : this.#accumulators!.accumulate(extended);
    this.#timers!.register(n, { keys, hashes }, entries, ends, REGISTERED);
  }

  override processWatermark(watermark: number): void {
    this.#fireUntil(watermark);
    this.context.output.emitWatermark(watermark);
  }

  override endInput(): void {
    if (this.context.mode === "batch") this.#fireUntil(MAX_WATERMARK);
  }

  override prepareSnapshot(): void {
    this.#overValue!.set(this.#over);
  }

  override close(): void {
    if (this.#numbers !== 0) this.context.runtime.kernels.mapDestroy(this.#numbers);
    this.#numbers = 0;
  }

  #fireUntil(watermark: number): void {
    const { kernels } = this.context.runtime;
    for (let end = this.#nextWindow(); end !== undefined; end = this.#nextWindow()) {
      if (watermark < MAX_WATERMARK && this.#clock!.toEpoch(end - 1) > watermark) break;
      const mark = kernels.arenaMark();
      this.#fire(end);
      this.#over = end;
      this.#removeOver();
      kernels.arenaRelease(mark);
    }
    this.#over = Math.max(this.#over, this.#clock!.wallClockAfter(watermark));
    this.#removeOver();
  }

  /** The end of the first window that holds rows and has not fired. */
  #nextWindow(): number | undefined {
    let first: number | undefined;
    for (const slice of this.#timers!.waiting) {
      const end = this.#slices.nextWindowEnd(slice, this.#over);
      if (end !== undefined && (first === undefined || end < first)) first = end;
    }
    return first;
  }

  #fire(end: number): void {
    const { kernels } = this.context.runtime;
    const start = this.#slices.windowStart(end);
    const slices = [...this.#timers!.waiting].filter((slice) => slice > start && slice <= end);
    slices.sort((a, b) => a - b);
    const ofSlices = slices.map((slice) => this.#timers!.keysOf(slice));
    const total = ofSlices.reduce((sum, { n }) => sum + n, 0);
    const width = this.#groupKeys!.keyBytes < 0 ? 8 : this.#groupKeys!.keyBytes;
    const groupKeys = kernels.arenaAlloc(total * width) >>> 0;
    const numbered = kernels.arenaAlloc(total * 4) >>> 0;
    let groups = 0;
    const owned = ofSlices.map((keys): SliceKeys => {
      const { n } = keys;
      const columns = this.#accumulators!.keyColumns(n, keys.keys);
      const own = this.#groupKeys!.encode(columns);
      const entries = kernels.arenaAlloc(n * 4) >>> 0;
      kernels.hashAgainBatch(n, own.hashes);
      kernels.mapUpsertBatch(this.#numbers, n, own.hashes, own.keys, entries);
      const owners = kernels.arenaAlloc(n * 4) >>> 0;
      groups =
        kernels.numberEntries(n, entries, own.keys, width, groups, owners, groupKeys, numbered) >>>
        0;
      return { ...keys, owners };
    });
    kernels.entriesRemove(this.#numbers, groups, numbered);
    const targets = this.#accumulators!.mergeSlices(groups, owned);
    for (let from = 0; from < groups; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, groups - from);
      this.#emit(n, groupKeys + from * width, targets + from * 4, start, end);
      kernels.arenaRelease(mark);
    }
  }

  #emit(n: number, keys: number, targets: number, start: number, end: number): void {
    const { runtime } = this.context;
    const out = this.#groupBuilder!.begin(n);
    this.#groupKeys!.decode(keys, n, out, 0, 0);
    const keyBatch = this.#groupBuilder!.finish(n, { insertOnly: true });
    const results = this.#accumulators!.resultsOf(n, targets);
    const repeated = (value: number): ColumnFrom => ({
      values: runtime.kernels.repeatTime(n, BigInt(value)) >>> 0,
    });
    const properties = this.#node.properties.map((property) => {
      if (property === "window_start") return repeated(start);
      return repeated(property === "window_end" ? end : this.#clock!.toEpoch(end - 1));
    });
    const batch = assembleBatch(runtime, n, [
      ...columnsOf(keyBatch, 0, physicalColumns(this.#groupKeys!.schema).length),
      ...columnsOf(results, 0, this.#node.aggregates.length),
      ...properties,
    ]);
    this.context.output.emit(batch);
  }

  /** Slices whose windows have all fired. */
  #removeOver(): void {
    const timers = this.#timers!;
    const { kernels } = this.context.runtime;
    for (let slice = timers.first; slice !== undefined; slice = timers.first) {
      if (this.#slices.nextWindowEnd(slice, this.#over) !== undefined) return;
      const mark = kernels.arenaMark();
      const { n, keys, hashes } = timers.keysOf(slice);
      this.#accumulators!.remove(n, { keys, hashes }, slice);
      timers.removeFirst();
      kernels.arenaRelease(mark);
    }
  }
}
