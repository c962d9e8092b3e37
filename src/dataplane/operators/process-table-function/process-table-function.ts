/** ProcessTableFunction: the operator of what the node names. */
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import type { Operator, OperatorContext, OperatorFactory } from "../../contract/operator.ts";
import type { ProcessFunctionLookup } from "../../contract/process-function.ts";
import { operatorErrors } from "../errors.ts";
import { FromChangelogOperator } from "./from-changelog.ts";
import { ToChangelogOperator } from "./to-changelog.ts";
import { UserProcessOperator } from "./user-process.ts";

/** `lookup` finds the functions of the user. */
export function processTableFunctions(
  lookup: ProcessFunctionLookup,
): OperatorFactory<ProcessTableFunctionNode> {
  return (node: ProcessTableFunctionNode, context: OperatorContext): Operator => {
    const { implementation } = node;
    switch (implementation.kind) {
      case "to-changelog":
        return new ToChangelogOperator(node, implementation, context);
      case "from-changelog":
        return new FromChangelogOperator(node, implementation, context);
      case "user": {
        const own = lookup(implementation.className);
        if (own !== undefined) return new UserProcessOperator(node, implementation, own, context);
        throw operatorErrors.PROCESS_MISSING({ name: implementation.className });
      }
    }
  };
}
