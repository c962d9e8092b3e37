/**
 * SortMergeJoin: Join of bounded inputs that only insert: both sides are sorted by their keys, then read side by side.
 *
 * Flow:    batches of both inputs, in any order → merge-join.ts; when both have ended → its result, piece by piece.
 * In/out:  +I only. Errors: MR4172 the file cannot be written or read. Metrics: spilledBytes.
 * Memory:  in no checkpoint: batch jobs begin anew after a failure.
 * Source:  Flink BatchExecSortMergeJoin.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { JoinNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { JoinSides } from "../hash-join/join-sides.ts";
import { MergeJoin } from "./merge-join.ts";

export class SortMergeJoinOperator extends BaseOperator {
  readonly #node: JoinNode;
  #sides: JoinSides | undefined;
  #merge: MergeJoin | undefined;
  #ended = 0;
  #pieces: Generator<void> | undefined;

  constructor(node: JoinNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    this.#sides = new JoinSides(this.#node, this.context);
    this.#merge = new MergeJoin(this.context, this.#sides, this.#node.description);
    this.context.metrics.gauge("spilledBytes", () => this.#merge?.spilledBytes ?? 0);
  }

  override processBatch(input: number, batch: BatchPtr): void {
    this.#merge!.add(input, batch);
  }

  override endInput(): void {
    this.#ended++;
    if (this.#ended === 2) this.#pieces = this.#merge!.join();
  }

  emitPiece(): boolean {
    return this.#pieces?.next().done === false;
  }

  override close(): void {
    this.#pieces = undefined;
    this.#merge?.close();
    this.#merge = undefined;
    this.#sides?.close();
    this.#sides = undefined;
  }
}
