/**
 * BatchGroupAggregate: GroupAggregate over bounded input: one +I per key at its end.
 *
 * State:   accumulators.ts. Order: by key group, then as inserted.
 * Empty:   without grouping there is one row even when there was no input.
 * Errors:  MR4105 for aggregates that cannot be compiled.
 * Source:  Flink BatchExecHashAggregate.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { ownKeyGroups } from "../rows/state-entries.ts";
import { Accumulators } from "./accumulators.ts";

export class BatchGroupAggregateOperator extends BaseOperator {
  readonly #node: GroupAggregateNode;
  #accumulators: Accumulators | undefined;

  constructor(node: GroupAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    this.#accumulators = new Accumulators({
      context: this.context,
      schema: this.context.inputs[0]!,
      keys: this.#node.grouping,
      aggregates: this.#node.aggregates,
      operator: this.#node.description,
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    this.#accumulators!.accumulate(batch);
  }

  override endInput(): void {
    const { kernels, memory } = this.context.runtime;
    const { start, end } = ownKeyGroups(this.context);
    const { map, keys } = this.#accumulators!;
    const width = keys.keyBytes < 0 ? 8 : keys.keyBytes;
    let emitted = 0;
    for (let group = start; group <= end; group++) {
      for (let cursor = 0, more = true; more; ) {
        const mark = kernels.arenaMark();
        const entries = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
        const hashes = kernels.arenaAlloc(MAX_BATCH_ROWS * 8) >>> 0;
        const list = kernels.arenaAlloc(MAX_BATCH_ROWS * width) >>> 0;
        const n = kernels.entriesCollect(
          map.ptr,
          group,
          cursor,
          MAX_BATCH_ROWS,
          entries,
          hashes,
          list,
        );
        more = n === MAX_BATCH_ROWS;
        if (n > 0) {
          cursor = new DataView(memory.buffer).getUint32(entries + (n - 1) * 4, true);
          this.#emit(n, list, hashes, entries);
        }
        emitted += n;
        kernels.arenaRelease(mark);
      }
    }
    if (emitted === 0 && this.#node.grouping.length === 0) this.#emitEmpty();
  }

  #emitEmpty(): void {
    const { kernels, memory } = this.context.runtime;
    const zeros = kernels.arenaAlloc(16) >>> 0;
    new Uint8Array(memory.buffer, zeros, 16).fill(0);
    const hashes = kernels.arenaAlloc(8) >>> 0;
    kernels.hashFixedBatch(1, zeros, 8, hashes);
    this.#emit(1, zeros, hashes, zeros + 8);
  }

  #emit(n: number, keys: number, hashes: number, entries: number): void {
    const accumulators = this.#accumulators!;
    const results = accumulators.results(n, { keys, hashes }, entries);
    const keyBatch = accumulators.keyColumns(n, keys);
    const keyCount = physicalColumns(accumulators.keys.schema).length;
    const columns = [
      ...columnsOf(keyBatch, 0, keyCount),
      ...columnsOf(results, 0, this.#node.aggregates.length),
    ];
    this.context.output.emit(assembleBatch(this.context.runtime, n, columns));
  }
}
