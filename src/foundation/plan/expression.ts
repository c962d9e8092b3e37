/**
 * Expression IR: what the planner hands to codegen. Frozen plain JSON; every node carries its type.
 *
 * Flow:   validator → optimizer → plan JSON → codegen.
 * Rules:  types agree exactly where a function's contract says so; the planner has inserted every CAST.
 *         - comparisons (EQUALS …): both arguments have one physical form (DECIMALs one scale, timestamps one precision)
 *         - PLUS MINUS TIMES DIVIDE MOD on integers, FLOAT, DOUBLE: arguments have the result's type
 *         - on DECIMAL: arguments keep their own precision and scale, the result's are given (Flink's rules)
 *         - CASE: [condition, result]*, otherwise; results, COALESCE, IF, NULLIF, GREATEST, LEAST: the result's physical form
 *         - AND, OR: n-ary, three-valued
 *         NULLs: a function yields NULL when an argument is NULL, unless its contract says otherwise (AND, OR, CASE, …).
 */
import type { LogicalType } from "../columnar/logical-type.ts";

/**
 * A constant by type: BOOLEAN boolean; TINYINT, SMALLINT, INTEGER, FLOAT, DOUBLE number; BIGINT and DECIMAL decimal text;
 * CHAR, VARCHAR text; BINARY, VARBINARY hex text; DATE epoch days; TIME milliseconds; TIMESTAMP, TIMESTAMP_LTZ
 * { millis, nanos } (nanos within the millisecond); intervals months or milliseconds; ROW, ARRAY an array; MAP an array
 * of [key, value]; null.
 */
export type LiteralValue =
  | null
  | boolean
  | number
  | string
  | { readonly millis: number; readonly nanos: number }
  | readonly LiteralValue[];

export interface InputRef {
  readonly kind: "input";
  /** Field index (not physical column index) in the input's schema; for joins, left fields come first. */
  readonly index: number;
  readonly type: LogicalType;
}

/** A field of a ROW. */
export interface FieldAccess {
  readonly kind: "field";
  readonly input: Expression;
  readonly index: number;
  readonly type: LogicalType;
}

export interface Literal {
  readonly kind: "literal";
  readonly value: LiteralValue;
  readonly type: LogicalType;
}

/**
 * A function by canonical name. Operators: PLUS MINUS TIMES DIVIDE MOD UNARY_MINUS EQUALS NOT_EQUALS LESS_THAN
 * LESS_THAN_OR_EQUAL GREATER_THAN GREATER_THAN_OR_EQUAL IS_DISTINCT_FROM IS_NOT_DISTINCT_FROM AND OR NOT IS_NULL
 * IS_NOT_NULL IS_TRUE IS_NOT_TRUE IS_FALSE IS_NOT_FALSE CASE CAST TRY_CAST REINTERPRET LIKE SIMILAR_TO CONCAT_OPERATOR
 * (`||`) ITEM (`a[i]`) ROW ARRAY MAP. IN lists become OR of EQUALS up to 3 entries, else IN(value, literal…).
 * Everything else: its SQL name in upper case (UPPER, CHAR_LENGTH, DATE_FORMAT, EXTRACT with the unit as a first
 * string literal, FLOOR and CEIL with an optional unit literal as second argument, TIMESTAMPADD(unit, n, t), …).
 */
export interface Call {
  readonly kind: "call";
  readonly function: string;
  readonly args: readonly Expression[];
  readonly type: LogicalType;
}

export type Expression = InputRef | FieldAccess | Literal | Call;

/** One aggregate over columns of the input; the planner has put argument expressions into a Calc before. */
export interface AggregateCall {
  /** COUNT (no argument: COUNT(*)), SUM, SUM0, AVG, MIN, MAX, FIRST_VALUE, LAST_VALUE, LISTAGG, … */
  readonly function: string;
  /** Field indexes of the input. */
  readonly args: readonly number[];
  /** Field index of a BOOLEAN column, or -1. */
  readonly filter: number;
  readonly distinct: boolean;
  /** True when the input may take rows back (-U, -D). */
  readonly retract: boolean;
  readonly type: LogicalType;
  readonly name: string;
  /** What it is of, over columns of tables: names its state, so that another plan of the query finds it. */
  readonly state?: AggregateLineage;
}

export interface AggregateLineage {
  /** `SUM(orders.amount) FILTER (…)`. */
  readonly name: string;
  readonly args: readonly string[];
  /** "" without a filter. */
  readonly filter: string;
}

export interface SortField {
  readonly index: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

export const input = (index: number, type: LogicalType): InputRef => ({
  kind: "input",
  index,
  type,
});
export const literal = (value: LiteralValue, type: LogicalType): Literal => ({
  kind: "literal",
  value,
  type,
});
export const call = (name: string, args: readonly Expression[], type: LogicalType): Call => ({
  kind: "call",
  function: name,
  args,
  type,
});

/** A table function of INTERSECT ALL and EXCEPT ALL: as many rows of its other arguments as the first one says. */
export const REPLICATE_ROWS = "$REPLICATE_ROWS$1";

/** Direct children of a node. */
export function children(expression: Expression): readonly Expression[] {
  if (expression.kind === "call") return expression.args;
  return expression.kind === "field" ? [expression.input] : [];
}

/** Indexes of all input fields that an expression reads. */
export function inputRefs(expression: Expression, into = new Set<number>()): Set<number> {
  const stack: Expression[] = [expression];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.kind === "input") into.add(next.index);
    else stack.push(...children(next));
  }
  return into;
}
