/**
 * BatchGroupAggregate: GroupAggregate over bounded input: one +I per key at its end.
 *
 * State:   accumulators.ts. Order: by key group, then as inserted. Spill: group-spill.ts.
 * Sorted:  rows that come in the order of their keys are emitted as they go (sorted-groups.ts): nothing is to be spilled.
 * Empty:   without grouping there is one row even when there was no input.
 * Errors:  MR4105 for aggregates that cannot be compiled.
 * Source:  Flink BatchExecHashAggregate, BatchExecSortAggregate.
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
import { SortedGroups } from "./sorted-groups.ts";

export class BatchGroupAggregateOperator extends BaseOperator {
  readonly #node: GroupAggregateNode;
  #accumulators: Accumulators | undefined;
  /** Absent where groups cannot be taken apart. */
  #spill: GroupSpill | undefined;
  /** Of rows that come sorted. */
  #sorted: SortedGroups | undefined;
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
    const { grouping, description: operator } = this.#node;
    if (grouping.length === 0) return;
    const { context } = this;
    const { keys, map } = this.#accumulators;
    const common = { context, schema: context.inputs[0]!, keys };
    if (this.#node.sorted === true) {
      const fold = (batch: BatchPtr) => this.#fold(batch);
      this.#sorted = new SortedGroups({
        ...common,
        map: map.ptr,
        fold,
        drain: () => this.#drain(),
      });
    } else this.#spill = new GroupSpill({ ...common, operator });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#sorted !== undefined) {
      this.#sorted.take(batch);
      return;
    }
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

  /** Emits all groups; when rows were spilled or come sorted, the groups go, so that there is room for others. */
  *#drain(): Generator<void> {
    const { map, keys } = this.#accumulators!;
    const cursor = new GroupCursor(this.context, map.ptr, keys.keyBytes);
    const removes = this.#sorted !== undefined || this.#spill?.hasSpilled === true;
    const isWhole = removes && this.#accumulators!.hasDistinct;
    for (let piece = cursor.next(); piece !== undefined; piece = cursor.next()) {
      this.#emit(piece.n, piece.keys, piece.hashes, piece.entries);
      if (removes && !isWhole) {
        this.#drop(piece.n, piece.entries);
        cursor.removed();
      }
      yield;
    }
    if (isWhole) this.#accumulators!.clear();
    else if (removes) this.context.runtime.kernels.mapTrim(map.ptr);
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
