/**
 * Rewriting and asking about expressions: substitution, shifting, conjunctions, determinism, equality.
 *
 * Flow: validator, optimizer and exec share these; all are pure and keep unchanged sub-trees as they are.
 */
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import {
  type Call,
  type Expression,
  type Literal,
  call,
  children,
  input,
  inputRefs,
  literal,
} from "../../../foundation/plan/expression.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { OUTER_REF } from "./rel-node.ts";

/** Rebuilds bottom-up; `visit` may answer with another node. */
export function transform(
  expression: Expression,
  visit: (expression: Expression) => Expression,
): Expression {
  if (expression.kind === "call") {
    let changed = false;
    const args = expression.args.map((arg) => {
      const next = transform(arg, visit);
      if (next !== arg) changed = true;
      return next;
    });
    return visit(changed ? { ...expression, args } : expression);
  }
  if (expression.kind === "field") {
    const inner = transform(expression.input, visit);
    return visit(inner === expression.input ? expression : { ...expression, input: inner });
  }
  return visit(expression);
}

export function shiftRefs(expression: Expression, by: number, from = 0): Expression {
  if (by === 0) return expression;
  return transform(expression, (e) =>
    e.kind === "input" && e.index >= from ? { ...e, index: e.index + by } : e,
  );
}

/** Replaces input i by mapping[i]; every index in use must have a new one. */
export function remapRefs(expression: Expression, mapping: (index: number) => number): Expression {
  return transform(expression, (e) =>
    e.kind === "input" && mapping(e.index) !== e.index ? { ...e, index: mapping(e.index) } : e,
  );
}

/** Replaces each input by an expression. */
export function substitute(
  expression: Expression,
  replacements: readonly Expression[],
): Expression {
  return transform(expression, (e) => {
    if (e.kind === "input") return replacements[e.index]!;
    if (e.kind === "field") return accessField(e.input, e.index, e.type);
    return e;
  });
}

/** Field access that sees through ROW constructors. */
export function accessField(row: Expression, index: number, type: LogicalType): Expression {
  if (row.kind === "call" && row.function === "ROW" && row.args[index] !== undefined)
    return row.args[index]!;
  return { kind: "field", input: row, index, type };
}

export function fieldRefs(schema: Schema): Expression[] {
  return schema.fields.map((field, index) => input(index, field.type));
}

export const TRUE: Literal = literal(true, types.boolean(false));
export const FALSE: Literal = literal(false, types.boolean(false));

export function isLiteral(e: Expression): e is Literal {
  return e.kind === "literal";
}
export function isNullLiteral(e: Expression): boolean {
  return e.kind === "literal" && e.value === null;
}
export const isTrue = (e: Expression): boolean => e.kind === "literal" && e.value === true;
export const isFalse = (e: Expression): boolean => e.kind === "literal" && e.value === false;
export const isCall = <N extends string>(
  e: Expression,
  name: N,
): e is Call & { readonly function: N } => e.kind === "call" && e.function === name;

export function conjuncts(expression: Expression | undefined): Expression[] {
  if (expression === undefined || isTrue(expression)) return [];
  if (isCall(expression, "AND")) return expression.args.flatMap(conjuncts);
  return [expression];
}
export function disjuncts(expression: Expression): Expression[] {
  return isCall(expression, "OR") ? expression.args.flatMap(disjuncts) : [expression];
}

export function and(parts: readonly Expression[]): Expression {
  const unique = dedupe(parts.flatMap(conjuncts));
  if (unique.length === 0) return TRUE;
  if (unique.length === 1) return unique[0]!;
  return call("AND", unique, types.boolean(unique.some((p) => p.type.nullable)));
}
export function or(parts: readonly Expression[]): Expression {
  const unique = dedupe(parts.flatMap(disjuncts));
  if (unique.length === 0) return FALSE;
  if (unique.length === 1) return unique[0]!;
  return call("OR", unique, types.boolean(unique.some((p) => p.type.nullable)));
}

function dedupe(parts: readonly Expression[]): Expression[] {
  const seen = new Set<string>();
  return parts.filter((part) => {
    const key = digest(part);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

const digests = new WeakMap<Expression, string>();

/** A text that is equal for equal expressions. */
export function digest(expression: Expression): string {
  let text = digests.get(expression);
  if (text === undefined) {
    text = computeDigest(expression);
    digests.set(expression, text);
  }
  return text;
}

function computeDigest(e: Expression): string {
  switch (e.kind) {
    case "input":
      return `$${e.index}`;
    case "field":
      return `${digest(e.input)}.${e.index}`;
    case "literal":
      return `${JSON.stringify(e.value)}:${typeKey(e.type)}`;
    default: {
      const cast = e.function === "CAST" || e.function === "TRY_CAST" || e.args.length === 0;
      return `${e.function}(${e.args.map(digest).join(",")})${cast ? `:${typeKey(e.type)}` : ""}`;
    }
  }
}

const typeKey = (type: LogicalType): string => JSON.stringify(type);

/** Functions whose value differs between calls: never duplicated, moved or folded. */
export const NON_DETERMINISTIC = new Set([
  "RAND",
  "RAND_INTEGER",
  "UUID",
  "PROCTIME",
  "CURRENT_ROW_TIMESTAMP",
  "CURRENT_WATERMARK",
  "NOW",
  "CURRENT_TIMESTAMP",
  "CURRENT_DATE",
  "CURRENT_TIME",
  "LOCALTIME",
  "LOCALTIMESTAMP",
  "UNIX_TIMESTAMP",
]);
const userNonDeterministic = new Set<string>();

/** A user-defined function that says it is not deterministic. */
export function declareNonDeterministic(name: string): void {
  userNonDeterministic.add(name);
}

export function isDeterministic(expression: Expression): boolean {
  if (expression.kind === "call") {
    const name = expression.function;
    if (name === "UNIX_TIMESTAMP" && expression.args.length > 0) return true;
    if (NON_DETERMINISTIC.has(name) || userNonDeterministic.has(name)) return false;
  }
  return children(expression).every(isDeterministic);
}

/** Number of nodes, to bound what merging may copy. */
export function size(expression: Expression): number {
  return 1 + children(expression).reduce((sum, child) => sum + size(child), 0);
}

/** Whether an expression has at most `limit` nodes; parts that it shares count each time, but no walk is longer than that. */
export function sizeWithin(expression: Expression, limit: number): boolean {
  let left = limit;
  const visit = (e: Expression): boolean => --left >= 0 && children(e).every(visit);
  return visit(expression);
}

export function hasOuterRef(expression: Expression): boolean {
  if (expression.kind === "call" && expression.function === OUTER_REF) return true;
  return children(expression).some(hasOuterRef);
}

/** True when all inputs in use satisfy `test`. */
export function refsWithin(expression: Expression, test: (index: number) => boolean): boolean {
  for (const index of inputRefs(expression)) if (!test(index)) return false;
  return true;
}

export function equalsCall(a: Expression, b: Expression): Expression {
  return call("EQUALS", [a, b], types.boolean(a.type.nullable || b.type.nullable));
}
