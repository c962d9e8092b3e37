/** ProcessTableFunction: the operator of what the node names. */
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import type { Operator, OperatorContext, OperatorFactory } from "../../contract/operator.ts";
import type { ProcessFunction, ProcessFunctionLookup } from "../../contract/process-function.ts";
import { parseReference } from "../../../foundation/plan/user-function.ts";
import { operatorErrors } from "../errors.ts";
import { FromChangelogOperator } from "./from-changelog.ts";
import { ToChangelogOperator } from "./to-changelog.ts";
import { UserProcessOperator } from "./user-process.ts";

/** Functions come out of the user's modules; before, `lookup` is asked. */
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
        const { className } = implementation;
        const own = lookup(className) ?? fromModule(className, context);
        if (own !== undefined) return new UserProcessOperator(node, implementation, own, context);
        throw operatorErrors.PROCESS_MISSING({ name: className });
      }
    }
  };
}

function fromModule(className: string, context: OperatorContext): ProcessFunction | undefined {
  const reference = parseReference(className);
  if (reference === undefined) return undefined;
  const found = context.userFunction?.(reference);
  return found?.kind === "process" ? (found as unknown as ProcessFunction) : undefined;
}
