/**
 * LocalGroupAggregate: the first half of an aggregation in two phases: rows of a key are folded before they are moved.
 *
 * Out:     the grouping fields, then the accumulator as bytes (codegen/aggregates); merged by merging-group-aggregate.ts.
 * Memory:  at most MOST_GROUPS groups; a full table is emitted and begun anew. When a table that was full had seen less
 *          than FEWEST_ROWS rows a group, folding saves too little: from then on each row goes out as its own group.
 * Streams: with `size` (table.exec.mini-batch.size) a mini-batch of so many rows goes out, an accumulator a key; also at a
 *          watermark, a barrier and the end of input, so that there is no state. Folding is never given up.
 * Empty:   without rows nothing is emitted; the second half knows what an empty aggregate is.
 * Source:  Flink BatchExecHashAggregate (isMerge = false, isFinal = false), table.exec.local-hash-agg.adaptive;
 *          MiniBatchLocalGroupAggFunction.
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { takeInParts } from "../rows/batch-part.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { ProjectedRows } from "../rows/projected-rows.ts";
import { compilePartial, type PartialAccumulators } from "./partial-accumulators.ts";

const TABLE_BYTES = 64;
/** A power of two; with accumulators of 100 bytes the table is about as big as a core's caches. */
const MOST_GROUPS = 16_384;
const TEXT_BYTES = 2 * 1024 * 1024;
const FEWEST_ROWS = 2;

export class LocalGroupAggregateOperator extends BaseOperator {
  readonly #node: GroupAggregateNode;
  #parts: PartialAccumulators | undefined;
  #projected: ProjectedRows | undefined;
  #keyColumns = 0;
  #table = 0;
  /** Folded into the table since it was empty. */
  #rows = 0;
  #folds = true;
  readonly #size: number | undefined;
  #batchRows: BatchRows | undefined;
  /** Of the mini-batch, also those that went out before its end. */
  #bundled = 0;

  constructor(node: GroupAggregateNode, context: OperatorContext, size?: number) {
    super(context);
    this.#node = node;
    this.#size = size;
  }

  override open(): void {
    const { runtime, inputs } = this.context;
    const [input] = inputs as readonly [(typeof inputs)[0]];
    this.#parts = compilePartial(this.context, this.#node, input, input);
    this.#projected = new ProjectedRows(runtime, input, this.#node.grouping);
    this.#batchRows = new BatchRows(runtime, input);
    this.#keyColumns = physicalColumns(this.#parts.keys.schema).length;
    this.#table = runtime.kernels.operatorAllocate(TABLE_BYTES) >>> 0;
    const { keys, compiled } = this.#parts;
    const { valueBytes } = compiled;
    runtime.kernels.groupsInit(this.#table, keys.keyBytes, valueBytes, MOST_GROUPS, TEXT_BYTES);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { runtime } = this.context;
    const n = new DataView(runtime.memory.buffer).getUint32(batch + BATCH_ROWS, true);
    if (this.#size === undefined) {
      this.#fold(batch, n);
      return;
    }
    const size = this.#size;
    const room = () => size - this.#bundled;
    takeInParts(runtime, this.#batchRows!, batch, room, (part, count) => {
      this.#fold(part, count);
      this.#bundled += count;
      if (this.#bundled === size) this.#endMiniBatch();
    });
  }

  override processWatermark(watermark: number): void {
    if (this.#size !== undefined) this.#endMiniBatch();
    this.context.output.emitWatermark(watermark);
  }

  override prepareSnapshot(): void {
    this.#endMiniBatch();
  }

  #endMiniBatch(): void {
    this.#emitTable();
    this.#bundled = 0;
  }

  #fold(batch: BatchPtr, n: number): void {
    const { kernels } = this.context.runtime;
    const { keys: codec, compiled } = this.#parts!;
    if (!this.#folds) {
      this.#passRows(batch, n);
      return;
    }
    const { keys, hashes } = codec.encode(batch);
    if (kernels.groupsHaveRoom(this.#table, n, keys) === 0) this.#emitTable();
    if (!this.#folds || kernels.groupsHaveRoom(this.#table, n, keys) === 0) {
      this.#passRows(batch, n);
      return;
    }
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.groupsUpsert(this.#table, n, hashes, keys, entries);
    compiled.accumulate(batch, entries, 0);
    this.#rows += n;
  }

  override endInput(): void {
    this.#emitTable();
  }

  override close(): void {
    if (this.#table === 0) return;
    const { kernels } = this.context.runtime;
    kernels.groupsFree(this.#table);
    kernels.operatorFree(this.#table, TABLE_BYTES);
    this.#table = 0;
  }

  #emitTable(): void {
    const { kernels } = this.context.runtime;
    const count = kernels.groupsCount(this.#table);
    for (let from = 0; from < count; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, count - from);
      const { keys, keyBuilder } = this.#parts!;
      const out = keyBuilder.begin(n);
      keys.decode(kernels.groupsKeys(this.#table, from, n) >>> 0, n, out, 0, 0);
      const keyBatch = keyBuilder.finish(n, { insertOnly: true });
      this.#emit(n, keyBatch, kernels.groupsViews(this.#table, from, n) >>> 0);
      kernels.arenaRelease(mark);
    }
    const adapts = this.#size === undefined;
    if (adapts && this.#rows < count * FEWEST_ROWS && count > MOST_GROUPS / 2) this.#folds = false;
    kernels.groupsClear(this.#table);
    this.#rows = 0;
  }

  /** Each row with an accumulator of its own. */
  #passRows(batch: BatchPtr, n: number): void {
    const { kernels } = this.context.runtime;
    const { compiled } = this.#parts!;
    const { valueBytes } = compiled;
    const values = kernels.zeroedValues(n, valueBytes) >>> 0;
    const views = kernels.strideViews(values, valueBytes, valueBytes, n) >>> 0;
    compiled.accumulate(batch, kernels.narrow(n, views) >>> 0, 0);
    this.#emit(n, this.#projected!.project(batch), views);
  }

  #emit(n: number, keys: BatchPtr, views: number): void {
    const columns = [...columnsOf(keys, 0, this.#keyColumns), { values: views }];
    this.context.output.emit(assembleBatch(this.context.runtime, n, columns));
  }
}
