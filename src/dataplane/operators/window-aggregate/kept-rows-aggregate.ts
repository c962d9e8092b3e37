/**
 * KeptRowsAggregate: WindowAggregate whose rows are kept until their window is over, then folded: over rows that are taken
 * back, and over sessions with DISTINCT aggregates (the fragments of one session may hold the same value).
 *
 * In/out:  any changelog → insert-only: grouping fields, aggregates, window properties. A window whose rows were all taken
 *          back shows nothing.
 * State:   map "kept": grouping and window (or session fragment) → row set; a row and the one that takes it back leave it
 *          together (kernels/window-rows.as.ts). Timers, or sessions (windows/session-state.ts). The maps of the
 *          accumulators are empty between two calls.
 * Cost:    a window costs its rows in memory, which accumulators would not.
 * Late:    rows of windows that are over are dropped and counted in numLateRecordsDropped.
 * Source:  Flink StreamExecWindowAggregate with retraction (AggsHandler with indexOfCountStar).
 */
import {
  BATCH_KINDS,
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
import type { EncodedKeys, KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { Accumulators } from "../group-aggregate/accumulators.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { compileGroupedKeys } from "../rows/grouped-keys.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { SessionState } from "../windows/session-state.ts";
import { WindowClock } from "../windows/window-clock.ts";
import { WindowTimers } from "../windows/window-timers.ts";
import { WindowTimes } from "../windows/window-times.ts";
import { LateRecords } from "../rows/late-records.ts";

/** Windows that are over: keys of their rows, and the bounds of each (i64 lists). */
interface OverWindows {
  readonly n: number;
  readonly groups: BatchPtr;
  readonly starts: number;
  readonly ends: number;
  /** Of the kept rows: keys, and (u32) the window each belongs to; 0 = one key a window. */
  readonly kept: EncodedKeys & { readonly n: number };
  readonly owners: number;
}

export class KeptRowsAggregateOperator extends BaseOperator {
  readonly #node: WindowAggregateNode;
  readonly #retracts: boolean;
  #rows: BatchRows | undefined;
  #format: RowFormat | undefined;
  #keys: KeyCodec | undefined;
  #keysAlone: KeyCodec | undefined;
  #map: KeyedMap | undefined;
  #accumulators: Accumulators | undefined;
  #sessions: SessionState | undefined;
  #times: WindowTimes | undefined;
  #timers: WindowTimers | undefined;
  #clock: WindowClock | undefined;
  #endColumn = 0;
  #late: LateRecords | undefined;

  constructor(node: WindowAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#retracts = node.retracts === true || node.aggregates.some(({ retract }) => retract);
  }

  override open(): void {
    const { context } = this;
    this.#late = new LateRecords(context);
    const { attached, grouping, window, description: operator } = this.#node;
    const input = context.inputs[0]!;
    const width = input.fields.length;
    const isSession = window.kind === "SESSION" && attached === undefined;
    this.#rows = new BatchRows(context.runtime, input);
    this.#format = new RowFormat(context.runtime, input, operator);
    if (isSession)
      this.#sessions = new SessionState({ context, window, partition: grouping, operator });
    else if (attached === undefined) this.#times = new WindowTimes(context, window);
    const schema = attached === undefined ? withNumbers(input) : input;
    const bounds = isSession ? [width] : [attached?.start ?? width, attached?.end ?? width + 1];
    const fields = [...grouping, ...bounds];
    this.#keys = compileGroupedKeys({ context, schema, fields, groupFields: grouping, operator });
    this.#keysAlone = compileGroupedKeys({
      context,
      schema: this.#keys.schema,
      fields: fields.map((_, index) => index),
      groupFields: grouping.map((_, index) => index),
      operator,
    });
    this.#map = context.state.map({
      name: "kept",
      keyBytes: this.#keys.keyBytes,
      valueBytes: ROW_SET_BYTES + 8,
      keyFields: this.#keys.keyFields,
      valueFields: ROW_SET_FIELDS,
      ttlMs: 0,
    });
    this.#accumulators = new Accumulators({
      context,
      schema: withNumbers(input),
      keys: [...grouping, width, width + 1],
      groupFields: grouping,
      aggregates: this.#node.aggregates.map((call) => ({ ...call, retract: false })),
      momentField: width + 1,
      operator,
    });
    if (isSession) return;
    this.#endColumn = physicalIndex(schema, bounds[1]!);
    this.#timers = new WindowTimers(context, "timers", this.#keys.keyBytes);
    this.#clock = new WindowClock(context, this.#timers, window.time);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#sessions !== undefined) this.#addToSessions(batch, this.#sessions);
    else if (this.#times !== undefined) this.#addAssigned(batch, this.#times);
    else this.#addAttached(batch);
    this.#clock?.registered();
  }

  override processWatermark(watermark: number): void {
    this.#whichClock.watermark(watermark, (moment) => this.#fire(moment));
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    this.#whichClock.processingTime(time, (moment) => this.#fire(moment));
  }

  override endInput(): void {
    if (this.context.mode === "batch") this.#whichClock.end((moment) => this.#fire(moment));
  }

  override close(): void {
    this.#format?.close();
    this.#format = undefined;
  }

  get #whichClock(): WindowClock {
    return this.#sessions?.clock ?? this.#clock!;
  }

  #addToSessions(batch: BatchPtr, sessions: SessionState): void {
    const { n, rows, fragments } = sessions.add(batch);
    if (n > 0) this.#keep(batch, rows, n, [{ values: fragments }]);
  }

  #addAttached(batch: BatchPtr): void {
    const { kernels } = this.context.runtime;
    const rows = this.#rows!.rows(batch);
    const list = kernels.arenaAlloc(rows * 4) >>> 0;
    const bound = BigInt(this.#clock!.overUntil);
    const kept = kernels.rowsAbove(rows, this.#ends(batch), 8, 0, bound, list);
    this.#countLate(rows - kept);
    if (kept > 0) this.#keep(batch, list, kept, []);
  }

  #addAssigned(batch: BatchPtr, times: WindowTimes): void {
    const { kernels } = this.context.runtime;
    const windows = times.assign(batch);
    const list = kernels.arenaAlloc(windows.count * 4) >>> 0;
    const bound = BigInt(this.#clock!.overUntil);
    const kept = kernels.rowsAbove(windows.count, windows.ends, 8, 0, bound, list) >>> 0;
    const rowOf = kernels.gatherWords(windows.rows, kept, list) >>> 0;
    const starts = kernels.gatherWide(windows.starts, 8, kept, list) >>> 0;
    const ends = kernels.gatherWide(windows.ends, 8, kept, list) >>> 0;
    this.#countLate(kernels.runsOf(windows.count, windows.rows) - kernels.runsOf(kept, rowOf));
    for (let from = 0; from < kept; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      this.#keep(batch, rowOf + from * 4, Math.min(MAX_BATCH_ROWS, kept - from), [
        { values: starts + from * 8 },
        { values: ends + from * 8 },
      ]);
      kernels.arenaRelease(mark);
    }
  }

  #countLate(rows: number): void {
    this.#late!.drop(rows);
  }

  #ends(batch: BatchPtr): number {
    const at = columnPtr(batch, this.#endColumn) + COLUMN_VALUES;
    return new DataView(this.context.runtime.memory.buffer).getUint32(at, true);
  }

  /** The listed rows with the columns of their windows. */
  #keep(batch: BatchPtr, list: number, n: number, windows: readonly ColumnFrom[]): void {
    const { runtime } = this.context;
    const { kernels, memory } = runtime;
    const gathered = this.#rows!.gather(batch, list, n);
    const kinds = new DataView(memory.buffer).getUint32(gathered + BATCH_KINDS, true);
    const columns = physicalColumns(this.context.inputs[0]!).length;
    const whole = assembleBatch(runtime, n, [...columnsOf(gathered, 0, columns), ...windows]);
    const encoded = this.#keys!.encode(whole);
    const views = this.#format!.encode(gathered);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const { ptr } = this.#map!;
    kernels.mapUpsertBatch(ptr, n, encoded.hashes, encoded.keys, entries);
    if (this.#retracts) kernels.setsToggle(ptr, n, encoded.hashes, entries, views, kinds);
    else kernels.setsAppend(ptr, n, encoded.hashes, entries, views);
    this.#timers?.register(n, encoded, entries, this.#ends(whole), ROW_SET_BYTES);
  }

  #fire(moment: number): void {
    const windows = this.#sessions === undefined ? this.#windows(moment) : this.#over(moment);
    if (windows === undefined) return;
    const { runtime } = this.context;
    const { kernels, memory } = runtime;
    const { n, hashes, keys } = windows.kept;
    const { ptr } = this.#map!;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(ptr, n, hashes, keys, entries);
    const out = kernels.arenaAlloc(8) >>> 0;
    const rows = kernels.setsLeft(ptr, n, hashes, entries, windows.owners, out) >>> 0;
    const data = new DataView(memory.buffer);
    const [addresses, owners] = [data.getUint32(out, true), data.getUint32(out + 4, true)];
    for (let from = 0; from < rows; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const count = Math.min(MAX_BATCH_ROWS, rows - from);
      this.#fold(windows, addresses + from * 4, owners + from * 4, count);
      kernels.arenaRelease(mark);
    }
    this.#emit(windows, moment);
    kernels.setsRemove(ptr, n, hashes, entries);
  }

  #windows(moment: number): OverWindows | undefined {
    const { kernels } = this.context.runtime;
    const kept = this.#timers!.keysOf(moment);
    const { n, keys } = kept;
    if (n === 0) return undefined;
    const groups = this.#accumulators!.keyColumns(n, keys);
    const at = columnPtr(groups, this.#groupColumns) + COLUMN_VALUES;
    const starts = new DataView(this.context.runtime.memory.buffer).getUint32(at, true);
    const ends = kernels.repeatTime(n, BigInt(moment)) >>> 0;
    return { n, groups, starts, ends, kept, owners: 0 };
  }

  #over(moment: number): OverWindows | undefined {
    const { runtime } = this.context;
    const state = this.#sessions!;
    const { sessions, fragments, keys } = state.take(moment);
    if (sessions.n === 0) return undefined;
    const columns = this.#groupColumns;
    const ofFragments = state.keyColumns(keys, fragments.n, fragments.keys);
    const encoded = this.#keysAlone!.encode(
      assembleBatch(runtime, fragments.n, [
        ...columnsOf(ofFragments, 0, columns),
        { values: fragments.numbers },
      ]),
    );
    return {
      n: sessions.n,
      groups: state.keyColumns(keys, sessions.n, sessions.keys),
      starts: sessions.starts,
      ends: sessions.ends,
      kept: { n: fragments.n, ...encoded },
      owners: fragments.sessions,
    };
  }

  get #groupColumns(): number {
    const { fields } = this.#keys!.schema;
    return physicalColumns({ fields: fields.slice(0, this.#node.grouping.length) }).length;
  }

  #fold({ starts, ends }: OverWindows, addresses: number, owners: number, n: number): void {
    const { runtime } = this.context;
    const { kernels } = runtime;
    const { columns } = this.#format!;
    const rows = kernels.batchCreate(n, columns, 0) >>> 0;
    this.#format!.decode(addresses, n, rows, 0);
    this.#accumulators!.accumulate(
      assembleBatch(runtime, n, [
        ...columnsOf(rows, 0, columns),
        { values: kernels.gatherWide(starts, 8, n, owners) >>> 0 },
        { values: kernels.gatherWide(ends, 8, n, owners) >>> 0 },
      ]),
    );
  }

  #emit(windows: OverWindows, moment: number): void {
    const { runtime } = this.context;
    const { kernels } = runtime;
    const { n, groups, starts, ends } = windows;
    const accumulators = this.#accumulators!;
    const columns = this.#groupColumns;
    const encoded = accumulators.encodeKeys(
      assembleBatch(runtime, n, [
        ...columnsOf(groups, 0, columns),
        { values: starts },
        { values: ends },
      ]),
    );
    const width = accumulators.keys.keyBytes < 0 ? 8 : accumulators.keys.keyBytes;
    for (let from = 0; from < n; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const count = Math.min(MAX_BATCH_ROWS, n - from);
      const keys = { keys: encoded.keys + from * width, hashes: encoded.hashes + from * 8 };
      this.#emitPart(count, keys);
      kernels.arenaRelease(mark);
    }
    accumulators.remove(n, encoded, moment);
  }

  /** Windows without rows have no accumulator. */
  #emitPart(n: number, all: EncodedKeys): void {
    const { runtime } = this.context;
    const { kernels } = runtime;
    const accumulators = this.#accumulators!;
    const width = accumulators.keys.keyBytes < 0 ? 8 : accumulators.keys.keyBytes;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(accumulators.map.ptr, n, all.hashes, all.keys, entries);
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    const count = kernels.rowsNotZero(n, entries, list);
    if (count === 0) return;
    const keys = {
      keys: kernels.gatherWide(all.keys, width, count, list) >>> 0,
      hashes: kernels.gatherWide(all.hashes, 8, count, list) >>> 0,
    };
    const found = kernels.gatherWords(entries, count, list) >>> 0;
    const results = accumulators.results(count, keys, found);
    const keyBatch = accumulators.keyColumns(count, keys.keys);
    const columns = this.#groupColumns;
    const resultColumns = physicalColumns({ fields: [...this.#node.aggregates] }).length;
    const properties = this.#node.properties.map((property): ColumnFrom => {
      if (property === "window_start") return { batch: keyBatch, column: columns };
      if (property === "window_end") return { batch: keyBatch, column: columns + 1 };
      return { values: this.#windowTimes(keyBatch, count) };
    });
    this.context.output.emit(
      assembleBatch(runtime, count, [
        ...columnsOf(keyBatch, 0, columns),
        ...columnsOf(results, 0, resultColumns),
        ...properties,
      ]),
    );
  }

  /** Ends − 1 ms as instants. */
  #windowTimes(keys: BatchPtr, n: number): number {
    const { kernels, memory } = this.context.runtime;
    const at = columnPtr(keys, this.#groupColumns + 1) + COLUMN_VALUES;
    const ends = new DataView(memory.buffer).getUint32(at, true);
    const values = kernels.shiftTimes(n, ends, -1n) >>> 0;
    const times = new BigInt64Array(memory.buffer, values, n);
    for (let i = 0; i < n; i++) times[i] = BigInt(this.#whichClock.toEpoch(Number(times[i]!)));
    return values;
  }
}

function withNumbers(schema: Schema): Schema {
  const time = types.bigint(false);
  return {
    fields: [
      ...schema.fields,
      { name: "$window_start", type: time },
      { name: "$window_end", type: time },
    ],
  };
}
