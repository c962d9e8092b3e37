/**
 * SessionAggregate: WindowAggregate over SESSION windows: aggregates per key and run of rows without a gap.
 *
 * In/out:  insert-only → insert-only: grouping fields, aggregates, window properties; emitted when the session is over.
 * State:   map "sessions": key → bounds of its sessions and their fragments (kernels/sessions.as.ts); accumulators keyed by
 *          grouping and fragment; timers. A session's fragments are merged when it is emitted, never in state.
 * Late:    rows whose (merged) session is over are dropped and counted in numLateRecordsDropped.
 * Errors:  MR4151 rows that take back; MR4152 partition keys that are not the grouping; MR4105 DISTINCT (fragments of
 *          one session may hold the same value).
 * Source:  Flink StreamExecWindowAggregate with SessionWindowAssigner (UnslicingWindowOperator).
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { compileBatchBuilder, type BatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { Accumulators } from "../group-aggregate/accumulators.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { WindowClock } from "../windows/window-clock.ts";
import { WindowTimes } from "../windows/window-times.ts";
import { NO_FLAG, WindowTimers } from "../windows/window-timers.ts";

const OUT_BYTES = 64;
const INSERT_MASK = 1;

export class SessionAggregateOperator extends BaseOperator {
  readonly #node: WindowAggregateNode;
  #rows: BatchRows | undefined;
  #times: WindowTimes | undefined;
  #keys: KeyCodec | undefined;
  #keyBuilder: BatchBuilder | undefined;
  #sessions: KeyedMap | undefined;
  #accumulators: Accumulators | undefined;
  #timers: WindowTimers | undefined;
  #clock: WindowClock | undefined;

  constructor(node: WindowAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { grouping, aggregates, window, description: operator } = this.#node;
    this.#checkSupported();
    const input = context.inputs[0]!;
    const schema = withFragment(input);
    this.#rows = new BatchRows(runtime, input);
    this.#times = new WindowTimes(context, window);
    this.#keys = compileKeyCodec({ schema: input, fields: grouping, runtime, operator });
    this.#keyBuilder = compileBatchBuilder({ output: this.#keys.schema, runtime, operator });
    this.#sessions = context.state.map({
      name: "sessions",
      keyBytes: this.#keys.keyBytes,
      valueBytes: 16,
      keyFields: this.#keys.keyFields,
      valueFields: [
        { name: "records", offset: 0, type: "handle" },
        { name: "count", offset: 4, type: "counter" },
        { name: "timer", offset: 8, type: "counter" },
      ],
      ttlMs: 0,
    });
    this.#accumulators = new Accumulators({
      context,
      schema,
      keys: [...grouping, input.fields.length],
      groupFields: grouping,
      aggregates,
      operator,
    });
    this.#timers = new WindowTimers(context, "timers", this.#keys.keyBytes);
    this.#clock = new WindowClock(context, this.#timers, window.time);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#rows!.ofKinds(batch, INSERT_MASK) !== batch)
      throw operatorErrors.RETRACTION_UNEXPECTED({
        operator: this.#node.description,
        kind: "-U, +U or -D",
      });
    const { kernels, memory } = this.context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const encoded = this.#keys!.encode(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    const map = this.#sessions!.ptr;
    kernels.mapUpsertBatch(map, rows, encoded.hashes, encoded.keys, entries);
    const { values, width, validity } = this.#times!.times(batch);
    const out = kernels.arenaAlloc(OUT_BYTES) >>> 0;
    const gap = BigInt(this.#node.window.gapMs ?? 0);
    const over = BigInt(this.#clock!.overUntil);
    const { hashes } = encoded;
    kernels.sessionAdd(map, rows, hashes, entries, values, width, validity, gap, over, out);
    const data = new DataView(memory.buffer);
    const [count, list, fragments, late, timers, timerRows, moments] = Array.from(
      { length: 7 },
      (_, index) => data.getUint32(out + index * 4, true),
    ) as [number, number, number, number, number, number, number];
    if (late > 0) this.context.metrics.counter("numLateRecordsDropped").value += late;
    if (timers > 0) this.#register(timers, timerRows, encoded, moments);
    if (count === 0) return;
    const kept = count === rows ? batch : this.#rows!.gather(batch, list, count);
    const columns = physicalColumns(this.context.inputs[0]!).length;
    this.#accumulators!.accumulate(
      assembleBatch(this.context.runtime, count, [
        ...columnsOf(kept, 0, columns),
        { values: fragments },
      ]),
    );
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

  #checkSupported(): void {
    const { attached, grouping, window, aggregates, description } = this.#node;
    const { partitionKeys } = window;
    const sameKeys =
      partitionKeys === undefined ||
      (partitionKeys.length === grouping.length &&
        partitionKeys.every((key) => grouping.includes(key)));
    const problem = !sameKeys
      ? "SESSION with partition keys other than the grouping"
      : attached !== undefined
        ? "SESSION over attached windows"
        : aggregates.some(({ retract }) => retract)
          ? "SESSION over rows that are taken back"
          : aggregates.some(({ distinct }) => distinct)
            ? "SESSION with DISTINCT aggregates"
            : undefined;
    if (problem !== undefined)
      throw operatorErrors.WINDOW_UNSUPPORTED({
        window: problem,
        operator: description,
        remedy: "Rewrite the query, or run it on a Flink target.",
      });
  }

  #register(
    n: number,
    list: number,
    { keys, hashes }: { readonly keys: number; readonly hashes: number },
    moments: number,
  ): void {
    const { kernels } = this.context.runtime;
    const width = this.#keys!.keyBytes < 0 ? 8 : this.#keys!.keyBytes;
    const listed = {
      hashes: kernels.gatherWide(hashes, 8, n, list) >>> 0,
      keys: kernels.gatherWide(keys, width, n, list) >>> 0,
    };
    // Entries only say which rows to register: every one.
    const all = kernels.arenaAlloc(n * 4) >>> 0;
    new Uint32Array(this.context.runtime.memory.buffer, all, n).fill(1);
    this.#timers!.register(n, listed, all, moments, NO_FLAG);
  }

  #fire(moment: number): void {
    const { kernels, memory } = this.context.runtime;
    const map = this.#sessions!.ptr;
    const { n, keys, hashes } = this.#timers!.keysOf(moment);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(map, n, hashes, keys, entries);
    const out = kernels.arenaAlloc(OUT_BYTES) >>> 0;
    kernels.sessionTake(map, n, hashes, entries, BigInt(moment), out);
    const data = new DataView(memory.buffer);
    const word = (index: number) => data.getUint32(out + index * 4, true);
    const timers = { n: word(8), list: word(9), moments: word(10) };
    const sessions = { n: word(0), keys: word(1), starts: word(2), ends: word(3) };
    const fragments = { n: word(4), sessions: word(5), keys: word(6), numbers: word(7) };
    if (timers.n > 0) this.#register(timers.n, timers.list, { keys, hashes }, timers.moments);
    if (sessions.n > 0) this.#emitSessions(keys, sessions, fragments);
    kernels.entriesRemove(map, n, entries);
  }

  #emitSessions(
    keys: number,
    sessions: {
      readonly n: number;
      readonly keys: number;
      readonly starts: number;
      readonly ends: number;
    },
    fragments: {
      readonly n: number;
      readonly sessions: number;
      readonly keys: number;
      readonly numbers: number;
    },
  ): void {
    const { runtime } = this.context;
    const { kernels } = runtime;
    const accumulators = this.#accumulators!;
    const columns = physicalColumns(this.#keys!.schema).length;
    const sources = accumulators.encodeKeys(
      assembleBatch(runtime, fragments.n, [
        ...columnsOf(this.#keyColumns(keys, fragments.n, fragments.keys), 0, columns),
        { values: fragments.numbers },
      ]),
    );
    const list = { n: fragments.n, owners: fragments.sessions, ...sources };
    const targets = accumulators.mergeSlices(sessions.n, [list]);
    for (let from = 0; from < sessions.n; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const rows = Math.min(MAX_BATCH_ROWS, sessions.n - from);
      const results = accumulators.resultsOf(rows, targets + from * 4);
      const keyBatch = this.#keyColumns(keys, rows, sessions.keys + from * 4);
      const out = assembleBatch(runtime, rows, [
        ...columnsOf(keyBatch, 0, columns),
        ...columnsOf(results, 0, this.#node.aggregates.length),
        ...this.#properties(rows, sessions.starts + from * 8, sessions.ends + from * 8),
      ]);
      this.context.output.emit(out);
      kernels.arenaRelease(mark);
    }
    accumulators.remove(fragments.n, sources, 0);
  }

  #properties(rows: number, starts: number, ends: number): ColumnFrom[] {
    const { kernels, memory } = this.context.runtime;
    return this.#node.properties.map((property): ColumnFrom => {
      if (property === "window_start") return { values: starts };
      if (property === "window_end") return { values: ends };
      const values = kernels.shiftTimes(rows, ends, -1n) >>> 0;
      const times = new BigInt64Array(memory.buffer, values, rows);
      for (let i = 0; i < rows; i++) times[i] = BigInt(this.#clock!.toEpoch(Number(times[i]!)));
      return { values };
    });
  }

  /** Key fields of the listed keys. */
  #keyColumns(keys: number, n: number, list: number): BatchPtr {
    const { kernels } = this.context.runtime;
    const width = this.#keys!.keyBytes < 0 ? 8 : this.#keys!.keyBytes;
    const listed = kernels.gatherWide(keys, width, n, list) >>> 0;
    const out = this.#keyBuilder!.begin(n);
    this.#keys!.decode(listed, n, out, 0, 0);
    return this.#keyBuilder!.finish(n, { insertOnly: true });
  }
}

function withFragment(schema: Schema): Schema {
  return { fields: [...schema.fields, { name: "$fragment", type: types.bigint(false) }] };
}
