/** ProcessTableFunction: the operator of what the node names. */
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import type { Operator, OperatorContext } from "../../contract/operator.ts";
import { FromChangelogOperator } from "./from-changelog.ts";
import { ToChangelogOperator } from "./to-changelog.ts";

export function createProcessTableFunction(
  node: ProcessTableFunctionNode,
  context: OperatorContext,
): Operator {
  const { implementation } = node;
  return implementation.kind === "to-changelog"
    ? new ToChangelogOperator(node, implementation, context)
    : new FromChangelogOperator(node, implementation, context);
}
