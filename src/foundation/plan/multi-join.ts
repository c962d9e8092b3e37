/** INNER and LEFT joins of several inputs in one node, without rows in between. */
import type { JoinSideSpec } from "./exec-node.ts";
import type { Expression } from "./expression.ts";

export interface MultiJoinSpec {
  /** Of the second input on: with all before it. */
  readonly joinTypes: readonly ("INNER" | "LEFT")[];
  /** By input its fields of the common key, which the conditions equate field by field; NULL matches nothing. */
  readonly keys: readonly (readonly number[])[];
  /** Of the second input on: the whole condition, over the output's fields up to those of that input. */
  readonly conditions: readonly Expression[];
  readonly sides: readonly JoinSideSpec[];
}
