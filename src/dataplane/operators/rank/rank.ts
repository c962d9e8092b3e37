/**
 * Rank: Top-N per partition by ROW_NUMBER(), with or without the rank as a column.
 *
 * In/out:  strategy append: insert-only; update: upserts by primaryKey whose order only improves; retract: any changelog.
 *          Out: retract or upsert (generateUpdateBefore). With a rank column, rows that shift give -U/+U per rank; without,
 *          -D of the row that leaves, then +I of the one that enters.
 * State:   rank-engine.ts.
 * Source:  Flink StreamExecRank.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { RankNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { RankEngine } from "./rank-engine.ts";

export class RankOperator extends BaseOperator {
  readonly #node: RankNode;
  #engine: RankEngine | undefined;

  constructor(node: RankNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { strategy, ...node } = this.#node;
    this.#engine = new RankEngine(
      {
        input: this.context.inputs[0]!,
        output: node.output,
        partitionKeys: node.partitionKeys,
        sort: node.sort,
        rankStart: node.rankStart,
        rankEnd: node.rankEnd,
        outputRankNumber: node.outputRankNumber,
        strategy: strategy.kind,
        ...(strategy.kind === "update" ? { primaryKey: strategy.primaryKey } : {}),
        generateUpdateBefore: node.generateUpdateBefore,
        fastTop1: true,
        ttlMs: node.stateTtlMs ?? 0,
        operator: node.description,
      },
      this.context,
    );
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    this.#engine!.process(batch);
  }

  override endInput(): void {
    this.#engine!.finish();
  }

  override close(): void {
    this.#engine?.close();
    this.#engine = undefined;
  }
}
