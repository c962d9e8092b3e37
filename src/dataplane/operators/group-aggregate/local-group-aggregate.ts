/**
 * LocalGroupAggregate: the first half of an aggregation of bounded input: rows of a key are folded before they are moved.
 *
 * Out:     the grouping fields, then the accumulator as bytes (codegen/aggregates); merged by merging-group-aggregate.ts.
 * Memory:  at most MOST_GROUPS groups; a full table is emitted and begun anew. When a table that was full had seen less
 *          than FEWEST_ROWS rows a group, folding saves too little: from then on each row goes out as its own group.
 * Empty:   without rows nothing is emitted; the second half knows what an empty aggregate is.
 * Source:  Flink BatchExecHashAggregate (isMerge = false, isFinal = false), table.exec.local-hash-agg.adaptive.
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
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

  constructor(node: GroupAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { runtime, inputs } = this.context;
    const [input] = inputs as readonly [(typeof inputs)[0]];
    this.#parts = compilePartial(this.context, this.#node, input, input);
    this.#projected = new ProjectedRows(runtime, input, this.#node.grouping);
    this.#keyColumns = physicalColumns(this.#parts.keys.schema).length;
    this.#table = runtime.kernels.operatorAllocate(TABLE_BYTES) >>> 0;
    const { keys, compiled } = this.#parts;
    const { valueBytes } = compiled;
    runtime.kernels.groupsInit(this.#table, keys.keyBytes, valueBytes, MOST_GROUPS, TEXT_BYTES);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const { keys: codec, compiled } = this.#parts!;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
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
    if (this.#rows < count * FEWEST_ROWS && count > MOST_GROUPS / 2) this.#folds = false;
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
