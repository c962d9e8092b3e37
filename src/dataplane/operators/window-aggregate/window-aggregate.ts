/**
 * WindowAggregate: aggregates per key and window, emitted once, when the window is over.
 *
 * In/out:  insert-only → insert-only: grouping fields, aggregates, window properties.
 * Merged:  the second half of two phases reads accumulators (local-window-aggregate.ts); its state is that of one phase.
 * Windows: of the time attribute (each row is folded into all its windows), or attached: columns of the input.
 * State:   accumulators.ts keyed by grouping, window start and end; timers by end: a window finds its keys without looking
 *          at others, and leaves nothing behind when it has fired.
 * Late:    a row all of whose windows are over is dropped and counted in numLateRecordsDropped.
 * Errors:  MR4151 and MR4152 for rows that take back, MR4105 for aggregates that cannot be compiled.
 * Source:  Flink StreamExecWindowAggregate, SlicingWindowOperator.
 */
import {
  type BatchPtr,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import type { WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { TOUCHED_OFFSET } from "../../codegen/aggregates/accumulator-layout.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { Accumulators } from "../group-aggregate/accumulators.ts";
import { callSets } from "../group-aggregate/call-sets.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { WindowClock } from "../windows/window-clock.ts";
import { type AssignedWindows, WindowTimes } from "../windows/window-times.ts";
import { WindowTimers } from "../windows/window-timers.ts";
import { type PhasePart, PhaseParts, ROWS } from "./phase-parts.ts";
import { SliceTimes } from "./slice-times.ts";
import { LateRecords } from "../rows/late-records.ts";

/** Byte of an accumulator that is unused here: set once its key is registered with its window. */
const REGISTERED = TOUCHED_OFFSET;
const INSERT_MASK = 1;

export class WindowAggregateOperator extends BaseOperator {
  readonly #node: WindowAggregateNode;
  #rows: BatchRows | undefined;
  #parts: PhaseParts | undefined;
  #times: WindowTimes | undefined;
  #accumulators: Accumulators | undefined;
  #timers: WindowTimers | undefined;
  #clock: WindowClock | undefined;
  #endColumn = 0;
  #late: LateRecords | undefined;

  constructor(node: WindowAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    this.#late = new LateRecords(context);
    const { attached, grouping, aggregates, window, description, accumulators } = this.#node;
    const input = context.inputs[0]!;
    const schema = attached === undefined ? withWindow(input) : input;
    const start = attached?.start ?? input.fields.length;
    const end = attached?.end ?? input.fields.length + 1;
    if (aggregates.some(({ retract }) => retract))
      throw operatorErrors.WINDOW_UNSUPPORTED({
        window: "a window over rows that are taken back",
        operator: description,
        remedy: "Aggregate with GROUP BY window_start, window_end without a window function.",
      });
    this.#rows = new BatchRows(context.runtime, input);
    this.#parts = new PhaseParts(context, accumulators, callSets(aggregates).length - 1);
    if (attached === undefined)
      this.#times =
        accumulators === undefined
          ? new WindowTimes(context, window)
          : new SliceTimes(context, window);
    this.#accumulators = new Accumulators({
      context,
      schema,
      keys: [...grouping, start, end],
      groupFields: grouping,
      aggregates,
      momentField: end,
      accumulators,
      operator: description,
    });
    this.#endColumn = physicalIndex(schema, end);
    this.#timers = new WindowTimers(context, "timers", this.#accumulators.keys.keyBytes);
    this.#clock = new WindowClock(context, this.#timers, window.time);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#rows!.ofKinds(batch, INSERT_MASK) !== batch)
      throw operatorErrors.RETRACTION_UNEXPECTED({
        operator: this.#node.description,
        kind: "-U, +U or -D",
      });
    for (const part of this.#parts!.split(batch))
      if (this.#times === undefined) this.#processAttached(part);
      else this.#processAssigned(part, this.#times);
    this.#clock!.registered();
  }

  override processWatermark(watermark: number): void {
    this.#clock!.watermark(watermark, (moment) => this.#fire(moment));
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    this.#clock!.processingTime(time, (moment) => this.#fire(moment));
  }

  override endInput(): void {
    if (this.context.mode === "batch") this.#clock!.end((moment) => this.#fire(moment));
  }

  #processAttached(part: PhasePart): void {
    const { batch } = part;
    const { kernels, memory } = this.context.runtime;
    const rows = this.#rows!.rows(batch);
    const at = columnPtr(batch, this.#endColumn);
    const ends = new DataView(memory.buffer).getUint32(at + COLUMN_VALUES, true);
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const kept = kernels.rowsAbove(rows, ends, 8, 0, this.#bound(), list);
    if (kept < rows) this.#countLate(part, rows, kept, list);
    if (kept > 0) this.#add(kept === rows ? batch : this.#rows!.gather(batch, list, kept), part);
  }

  #processAssigned(part: PhasePart, times: WindowTimes): void {
    const { batch } = part;
    const { kernels } = this.context.runtime;
    const windows = times.assign(batch);
    const list = kernels.arenaAlloc(windows.count * 4) >>> 0;
    const kept = kernels.rowsAbove(windows.count, windows.ends, 8, 0, this.#bound(), list) >>> 0;
    const rowOf = kernels.gatherWords(windows.rows, kept, list) >>> 0;
    const starts = kernels.gatherWide(windows.starts, 8, kept, list) >>> 0;
    const ends = kernels.gatherWide(windows.ends, 8, kept, list) >>> 0;
    if (kept < windows.count) this.#countLateWindows(part, windows, rowOf, kept);
    const columns = physicalColumns(this.context.inputs[0]!).length;
    for (let from = 0; from < kept; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, kept - from);
      const same = kept === windows.count && n === this.#rows!.rows(batch) && kept === n;
      const gathered =
        same && this.#node.window.kind === "TUMBLE"
          ? batch
          : this.#rows!.gather(batch, rowOf + from * 4, n);
      this.#add(
        assembleBatch(this.context.runtime, n, [
          ...columnsOf(gathered, 0, columns),
          { values: starts + from * 8 },
          { values: ends + from * 8 },
        ]),
        part,
      );
      kernels.arenaRelease(mark);
    }
  }

  /** Windows that end above this are not over. */
  #bound(): bigint {
    return BigInt(this.#clock!.overUntil);
  }

  /** Of `rows` rows those in `list` are kept. */
  #countLate(part: PhasePart, rows: number, kept: number, list: number): void {
    const late = this.#parts!.rowsOf(part, 0, rows) - this.#parts!.rowsOf(part, list, kept);
    this.#late!.drop(late);
  }

  /** A row is late when all its windows are over; its windows stand together. */
  #countLateWindows(part: PhasePart, all: AssignedWindows, rowOf: number, kept: number): void {
    const { kernels, memory } = this.context.runtime;
    const late = kernels.runsOf(all.count, all.rows) - kernels.runsOf(kept, rowOf);
    if (late === 0) return;
    const firsts = (list: number, n: number): number => {
      const own = [...new Set(new Uint32Array(memory.buffer, list, n))];
      const at = kernels.arenaAlloc(own.length * 4) >>> 0;
      new Uint32Array(memory.buffer, at, own.length).set(own);
      return this.#parts!.rowsOf(part, at, own.length);
    };
    const dropped = part.kind === ROWS ? late : firsts(all.rows, all.count) - firsts(rowOf, kept);
    this.#late!.drop(dropped);
  }

  #add(batch: BatchPtr, { kind }: PhasePart): void {
    const { memory } = this.context.runtime;
    const accumulators = this.#accumulators!;
    if (kind >= 0) {
      // The accumulators that came with the values register their windows.
      accumulators.addValues(batch, kind);
      return;
    }
    const { n, entries, keys, hashes } =
      kind === ROWS ? accumulators.accumulate(batch) : accumulators.mergeRows(batch);
    const at = columnPtr(batch, this.#endColumn);
    const ends = new DataView(memory.buffer).getUint32(at + COLUMN_VALUES, true);
    this.#timers!.register(n, { keys, hashes }, entries, ends, REGISTERED);
  }

  #fire(moment: number): void {
    const { kernels } = this.context.runtime;
    const accumulators = this.#accumulators!;
    const { n, keys, hashes } = this.#timers!.keysOf(moment);
    const width = accumulators.keys.keyBytes < 0 ? 8 : accumulators.keys.keyBytes;
    for (let from = 0; from < n; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const rows = Math.min(MAX_BATCH_ROWS, n - from);
      const part = { keys: keys + from * width, hashes: hashes + from * 8 };
      this.#emit(rows, part, moment);
      kernels.arenaRelease(mark);
    }
    accumulators.remove(n, { keys, hashes }, moment);
  }

  #emit(
    rows: number,
    part: { readonly keys: number; readonly hashes: number },
    moment: number,
  ): void {
    const { runtime } = this.context;
    const { kernels } = runtime;
    const accumulators = this.#accumulators!;
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapFindBatch(accumulators.map.ptr, rows, part.hashes, part.keys, entries);
    const results = accumulators.results(rows, part, entries);
    const keyBatch = accumulators.keyColumns(rows, part.keys);
    const grouping = physicalColumns(accumulators.keys.schema).length - 2;
    const properties = this.#node.properties.map((property): ColumnFrom => {
      if (property === "window_start") return { batch: keyBatch, column: grouping };
      if (property === "window_end") return { batch: keyBatch, column: grouping + 1 };
      const time = BigInt(this.#clock!.toEpoch(moment - 1));
      return { values: kernels.repeatTime(rows, time) >>> 0 };
    });
    const columns = [
      ...columnsOf(keyBatch, 0, grouping),
      ...columnsOf(results, 0, this.#node.aggregates.length),
      ...properties,
    ];
    this.context.output.emit(assembleBatch(runtime, rows, columns));
  }
}

function withWindow(schema: Schema): Schema {
  const time = types.bigint(false);
  return {
    fields: [
      ...schema.fields,
      { name: "$window_start", type: time },
      { name: "$window_end", type: time },
    ],
  };
}
