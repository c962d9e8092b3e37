/**
 * BatchGroupAggregate: GroupAggregate over bounded input: one +I per key at its end.
 *
 * State:   accumulators.ts. Order: by key group, then as inserted.
 * Empty:   without grouping there is one row even when there was no input.
 * Errors:  MR4105 for aggregates that cannot be compiled.
 * Source:  Flink BatchExecHashAggregate.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { Accumulators } from "./accumulators.ts";
import { GroupCursor } from "./group-cursor.ts";

export class BatchGroupAggregateOperator extends BaseOperator {
  readonly #node: GroupAggregateNode;
  #accumulators: Accumulators | undefined;
  #cursor: GroupCursor | undefined;

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
    const { map, keys } = this.#accumulators!;
    this.#cursor = new GroupCursor(this.context, map.ptr, keys.keyBytes);
  }

  emitPiece(): boolean {
    const cursor = this.#cursor;
    if (cursor === undefined) return false;
    const piece = cursor.next();
    if (piece !== undefined) {
      this.#emit(piece.n, piece.keys, piece.hashes, piece.entries);
      return true;
    }
    this.#cursor = undefined;
    if (cursor.emitted === 0 && this.#node.grouping.length === 0) this.#emitEmpty();
    return false;
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
