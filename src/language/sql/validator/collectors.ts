/**
 * What expressions leave behind for their clause: aggregates, OVER calls and subqueries, each with a placeholder in the
 * expression (a call of AGGREGATE_REF, OVER_REF or SUBQUERY_REF with the request's number).
 *
 * Flow: expression-converter and calls add requests; select-converter, grouping, over-converter and subqueries answer.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import type {
  FunctionCallNode,
  NamedWindowNode,
  Node,
  QueryNode,
  WindowFrame,
} from "../parser/ast.ts";
import type { Scope } from "./scope.ts";

export const AGGREGATE_REF = "$AGGREGATE";
export const OVER_REF = "$OVER";
export const SUBQUERY_REF = "$SUBQUERY";

export interface AggregateRequest {
  readonly function: string;
  readonly args: readonly Expression[];
  readonly filter: Expression | undefined;
  readonly distinct: boolean;
  readonly type: LogicalType;
}
export interface OrderRequest {
  readonly expression: Expression;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}
export interface OverRequest {
  readonly function: string;
  readonly args: readonly Expression[];
  readonly distinct: boolean;
  readonly ignoreNulls: boolean;
  readonly partition: readonly Expression[];
  readonly order: readonly OrderRequest[];
  readonly frame: WindowFrame | undefined;
  readonly frameOffsets: readonly number[];
  readonly type: LogicalType;
  readonly at: Span | undefined;
}
export interface SubqueryRequest {
  readonly kind: "scalar" | "exists" | "in";
  readonly query: QueryNode;
  /** Operands of IN. */
  readonly operands: readonly Expression[];
  readonly scope: Scope;
  readonly node: Node;
}

export interface Collectors {
  /** For messages: "WHERE", "GROUP BY", … */
  readonly clause: string;
  readonly aggregates?: {
    /** No GROUP BY: results of an empty input are NULL. */
    readonly nullable: boolean;
    add(request: AggregateRequest): number;
  };
  readonly overs?: { add(request: OverRequest): number };
  readonly windows?: readonly NamedWindowNode[];
  /** Answers with the type of a scalar subquery, or BOOLEAN. */
  readonly subqueries?: { add(request: SubqueryRequest): { index: number; type: LogicalType } };
  /** Columns of the SELECT list by alias, where QUALIFY may name them. */
  readonly aliases?: (name: string) => Expression | undefined;
  /** Group functions such as TUMBLE_START and GROUPING; undefined = not one of them. */
  readonly groupFunction?: (name: string, node: FunctionCallNode) => Expression | undefined;
}
