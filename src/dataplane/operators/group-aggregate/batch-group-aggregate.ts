/**
 * BatchGroupAggregate: GroupAggregate over bounded input: one +I per key at its end.
 *
 * State:   accumulators.ts. Order: by key group, then as inserted. Spill: group-spill.ts, unless there is DISTINCT.
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
import { DRAIN, GroupSpill } from "./group-spill.ts";

export class BatchGroupAggregateOperator extends BaseOperator {
  readonly #node: GroupAggregateNode;
  #accumulators: Accumulators | undefined;
  /** Absent where groups cannot be taken apart. */
  #spill: GroupSpill | undefined;
  /** What is left to do at the end of input, piece by piece. */
  #pieces: Generator<void> | undefined;

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
    const { aggregates, grouping, description: operator } = this.#node;
    if (grouping.length === 0 || aggregates.some(({ distinct }) => distinct)) return;
    const { context } = this;
    const { keys } = this.#accumulators;
    this.#spill = new GroupSpill({ context, schema: context.inputs[0]!, keys, operator });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const own =
      this.#spill === undefined ? batch : this.#spill.admit(batch, this.#accumulators!.map.ptr);
    if (own !== undefined) this.#fold(own);
  }

  override endInput(): void {
    this.#pieces = this.#finish();
  }

  emitPiece(): boolean {
    return this.#pieces?.next().done === false;
  }

  override close(): void {
    this.#spill?.close();
    this.#spill = undefined;
    this.#pieces = undefined;
  }

  *#finish(): Generator<void> {
    yield* this.#drain();
    for (const step of this.#spill?.replay() ?? []) {
      if (step === DRAIN) yield* this.#drain();
      else {
        this.processBatch(0, step);
        yield;
      }
    }
  }

  /** Emits all groups; when rows were spilled, the groups go, so that there is room for theirs. */
  *#drain(): Generator<void> {
    const { map, keys } = this.#accumulators!;
    const cursor = new GroupCursor(this.context, map.ptr, keys.keyBytes);
    const removes = this.#spill?.hasSpilled === true;
    for (let piece = cursor.next(); piece !== undefined; piece = cursor.next()) {
      this.#emit(piece.n, piece.keys, piece.hashes, piece.entries);
      if (removes) {
        this.#drop(piece.n, piece.entries);
        cursor.removed();
      }
      yield;
    }
    if (removes) this.context.runtime.kernels.mapTrim(map.ptr);
    if (cursor.emitted === 0 && this.#node.grouping.length === 0) this.#emitEmpty();
  }

  #fold(batch: BatchPtr): void {
    this.#accumulators!.accumulate(batch);
  }

  #drop(n: number, entries: number): void {
    this.#accumulators!.drop(n, entries);
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
