/**
 * SortLimit: ORDER BY … LIMIT over the whole stream: a Top-N whose partition is everything.
 *
 * In/out:  `retract` false: insert-only; true: any changelog. Out: the changes of ranks offset + 1 … offset + limit, without
 *          ranks; in batch mode the final rows in order.
 * Sort:    without LIMIT all rows are kept and emitted in order as +I when the input ends, in a stream too.
 * Source:  Flink StreamExecSortLimit (AppendOnlyTopNFunction or RetractableTopNFunction, never the Top-1 short cut),
 *          StreamExecSort (StreamSortOperator).
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { SortLimitNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { RankEngine } from "../rank/rank-engine.ts";

/** Ranks are 32-bit numbers in the kernels. */
const MAX_RANK = 0xffffffff;

export class SortLimitOperator extends BaseOperator {
  readonly #node: SortLimitNode;
  #engine: RankEngine | undefined;

  constructor(node: SortLimitNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { sort, offset, limit, retract, generateUpdateBefore, output, description } = this.#node;
    this.#engine = new RankEngine(
      {
        input: this.context.inputs[0]!,
        output,
        partitionKeys: [],
        sort,
        rankStart: offset + 1,
        rankEnd: limit < 0 ? MAX_RANK : Math.min(offset + limit, MAX_RANK),
        outputRankNumber: false,
        strategy: retract ? "retract" : "append",
        generateUpdateBefore,
        fastTop1: false,
        atEnd: limit < 0,
        ttlMs: limit < 0 ? 0 : (this.#node.stateTtlMs ?? 0),
        operator: description,
      },
      this.context,
    );
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#node.limit !== 0) this.#engine!.process(batch);
  }

  override endInput(): void {
    this.#engine!.finish();
  }

  override close(): void {
    this.#engine?.close();
    this.#engine = undefined;
  }
}
