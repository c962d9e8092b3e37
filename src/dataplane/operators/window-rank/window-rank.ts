/**
 * WindowRank: Top-N of each window and partition: ranks rankStart … rankEnd in order, with or without the rank as a column.
 *
 * Flow:    windows/windowed-rows-operator.ts.
 * State:   rank-engine.ts by partition, window start and end, at most rankEnd rows each.
 * Source:  Flink StreamExecWindowRank, WindowRankProcessor.
 */
import type { WindowRankNode } from "../../../foundation/plan/exec-node.ts";
import { RankEngine } from "../rank/rank-engine.ts";
import { WindowedRowsOperator } from "../windows/windowed-rows-operator.ts";

export class WindowRankOperator extends WindowedRowsOperator<WindowRankNode> {
  protected override openRows(): RankEngine {
    const { context } = this;
    const { attached, partitionKeys, ...node } = this.node;
    return new RankEngine(
      {
        input: context.inputs[0]!,
        output: node.output,
        partitionKeys: [...partitionKeys, attached.start, attached.end],
        groupFields: partitionKeys,
        sort: node.sort,
        rankStart: node.rankStart,
        rankEnd: node.rankEnd,
        outputRankNumber: node.outputRankNumber,
        strategy: "append",
        generateUpdateBefore: false,
        fastTop1: true,
        ttlMs: 0,
        operator: node.description,
      },
      context,
    );
  }
}
