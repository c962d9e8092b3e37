/**
 * LocalWindowAggregate: the first half of a window aggregation in two phases: rows of a key are folded by slice before they are
 * moved to the key's subtask.
 *
 * Out:     the grouping fields, the slice's end in wall-clock milliseconds (of attached windows their start and end), then the
 *          accumulator as bytes (codegen/aggregates); merged by window-aggregate.ts and slice-aggregate.ts.
 * Memory:  at most MOST_GROUPS pairs of key and slice; a full table goes out and is begun anew.
 * Flushed: also by a watermark behind the end of a slice, before it is passed on, so that no row gets late here; at a barrier
 *          and at the end of input, so that there is no state.
 * Adapts:  where a table of at least FEWEST_FOLDED rows had less than FEWEST_ROWS rows a pair, folding saves too little: the
 *          next PASSED_ROWS rows go out as accumulators of their own, then it is tried again.
 * Late:    nothing is dropped here: the second half knows which windows are over.
 * Source:  Flink LocalSlicingWindowAggOperator, RecordsWindowBuffer.LocalFactory.
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { type CompiledAccumulate, compileAccumulate } from "../../codegen/aggregates/accumulate.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { ProjectedRows } from "../rows/projected-rows.ts";
import { WindowTimes, wallClockAfter } from "../windows/window-times.ts";
import { WindowSlices } from "./window-slices.ts";

const TABLE_BYTES = 64;
/** A power of two; with accumulators of 100 bytes the table is about as big as a core's caches. */
const MOST_GROUPS = 16_384;
const TEXT_BYTES = 2 * 1024 * 1024;
const FEWEST_ROWS = 2;
const FEWEST_FOLDED = 4_096;
const PASSED_ROWS = 1_000_000;

export class LocalWindowAggregateOperator extends BaseOperator {
  readonly #node: WindowAggregateNode;
  readonly #slices: WindowSlices;
  readonly #zone: string;
  #rows: BatchRows | undefined;
  #times: WindowTimes | undefined;
  #keys: KeyCodec | undefined;
  #keyBuilder: BatchBuilder | undefined;
  #compiled: CompiledAccumulate | undefined;
  #projected: ProjectedRows | undefined;
  #inputColumns = 0;
  #keyColumns = 0;
  #table = 0;
  /** Folded into the table since it was empty. */
  #folded = 0;
  /** Still to be passed on one by one. */
  #passing = 0;
  /** Number of the slice that the watermark is in. */
  #slice = Number.NEGATIVE_INFINITY;

  constructor(node: WindowAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#slices = new WindowSlices(node.window);
    this.#zone = node.window.time.type.kind === "TIMESTAMP_LTZ" ? context.timeZone : "UTC";
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { grouping, aggregates, attached, window, description: operator } = this.#node;
    const input = context.inputs[0]!;
    const end = { name: "$slice_end", type: types.bigint(false) };
    const schema = attached === undefined ? { fields: [...input.fields, end] } : input;
    const bounds = attached === undefined ? [input.fields.length] : [attached.start, attached.end];
    const fields = [...grouping, ...bounds];
    if (attached === undefined) {
      const slice = { ...window, kind: "TUMBLE" as const, sizeMs: this.#slices.sizeMs };
      this.#times = new WindowTimes(context, slice);
    }
    this.#rows = new BatchRows(runtime, input);
    this.#inputColumns = physicalColumns(input).length;
    this.#projected = new ProjectedRows(runtime, schema, fields);
    this.#keys = compileKeyCodec({ schema, fields, runtime, operator });
    this.#keyBuilder = compileBatchBuilder({ output: this.#keys.schema, runtime, operator });
    this.#keyColumns = physicalColumns(this.#keys.schema).length;
    const { keyBytes } = this.#keys;
    this.#compiled = compileAccumulate(
      { input, aggregates, hashDistance: hashDistance(keyBytes) },
      { runtime, environment: functionEnvironment(context), operator },
    );
    const { valueBytes } = this.#compiled;
    this.#table = runtime.kernels.operatorAllocate(TABLE_BYTES) >>> 0;
    runtime.kernels.groupsInit(this.#table, keyBytes, valueBytes, MOST_GROUPS, TEXT_BYTES);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const sliced = this.#times === undefined ? batch : this.#withSlices(batch, this.#times);
    if (sliced === 0) return;
    const n = new DataView(memory.buffer).getUint32(sliced + BATCH_ROWS, true);
    if (this.#passing > 0) {
      this.#pass(sliced, n);
      return;
    }
    const { keys, hashes } = this.#keys!.encode(sliced);
    if (kernels.groupsHaveRoom(this.#table, n, keys) === 0) this.#flush();
    if (this.#passing > 0 || kernels.groupsHaveRoom(this.#table, n, keys) === 0) {
      this.#pass(sliced, n);
      return;
    }
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.groupsUpsert(this.#table, n, hashes, keys, entries);
    this.#compiled!.accumulate(sliced, entries, 0);
    this.#folded += n;
  }

  override processWatermark(watermark: number): void {
    const after = wallClockAfter(watermark, this.#zone);
    const slice = Math.floor((after - this.#node.window.offsetMs) / this.#slices.sizeMs);
    if (slice !== this.#slice) this.#flush();
    this.#slice = slice;
    this.context.output.emitWatermark(watermark);
  }

  override prepareSnapshot(): void {
    this.#flush();
  }

  override endInput(): void {
    this.#flush();
  }

  override close(): void {
    if (this.#table === 0) return;
    const { kernels } = this.context.runtime;
    kernels.groupsFree(this.#table);
    kernels.operatorFree(this.#table, TABLE_BYTES);
    this.#table = 0;
  }

  /** The rows that have a time, with the end of their slice behind; 0 when there is none. */
  #withSlices(batch: BatchPtr, times: WindowTimes): BatchPtr {
    const { runtime } = this.context;
    const slices = times.assign(batch);
    if (slices.count === 0) return 0;
    const all = slices.count === this.#rows!.rows(batch);
    const rows = all ? batch : this.#rows!.gather(batch, slices.rows, slices.count);
    const columns = columnsOf(rows, 0, this.#inputColumns);
    return assembleBatch(runtime, slices.count, [...columns, { values: slices.ends }]);
  }

  #flush(): void {
    const { kernels } = this.context.runtime;
    const count = kernels.groupsCount(this.#table);
    if (count === 0) return;
    for (let from = 0; from < count; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, count - from);
      const out = this.#keyBuilder!.begin(n);
      this.#keys!.decode(kernels.groupsKeys(this.#table, from, n) >>> 0, n, out, 0, 0);
      const keyBatch = this.#keyBuilder!.finish(n, { insertOnly: true });
      this.#emit(n, keyBatch, kernels.groupsViews(this.#table, from, n) >>> 0);
      kernels.arenaRelease(mark);
    }
    if (this.#folded >= FEWEST_FOLDED && this.#folded < count * FEWEST_ROWS)
      this.#passing = PASSED_ROWS;
    kernels.groupsClear(this.#table);
    this.#folded = 0;
  }

  /** Each row with an accumulator of its own. */
  #pass(batch: BatchPtr, n: number): void {
    const { kernels } = this.context.runtime;
    const { valueBytes } = this.#compiled!;
    const values = kernels.zeroedValues(n, valueBytes) >>> 0;
    const views = kernels.strideViews(values, valueBytes, valueBytes, n) >>> 0;
    this.#compiled!.accumulate(batch, kernels.narrow(n, views) >>> 0, 0);
    this.#emit(n, this.#projected!.project(batch), views);
    this.#passing = Math.max(0, this.#passing - n);
  }

  #emit(n: number, keys: BatchPtr, views: number): void {
    const columns = [...columnsOf(keys, 0, this.#keyColumns), { values: views }];
    this.context.output.emit(assembleBatch(this.context.runtime, n, columns));
  }
}
