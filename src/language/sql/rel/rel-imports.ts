/** Names of the plan contract that the logical plan shares. */
export type {
  Call,
  Expression,
  Literal,
  LiteralValue,
  SortField,
} from "../../../foundation/plan/expression.ts";
export type { JoinType as JoinTypeName } from "../../../foundation/plan/exec-node.ts";
