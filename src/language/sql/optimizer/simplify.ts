/**
 * Simplifies expressions: Boolean algebra, comparisons of constants, conversions of literals, CASE with one outcome.
 *
 * Folds only what is exact in every engine: no floating point, no strings, nothing that could fail at run time.
 */
import { type LogicalType, typeEquals, types } from "../../../foundation/columnar/logical-type.ts";
import {
  type Call,
  type Expression,
  type Literal,
  call,
  literal,
} from "../../../foundation/plan/expression.ts";
import {
  FALSE,
  TRUE,
  and,
  conjuncts,
  digest,
  disjuncts,
  isCall,
  isDeterministic,
  isFalse,
  isLiteral,
  isNullLiteral,
  isTrue,
  or,
  transform,
} from "../rel/expressions.ts";
import { type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";
import { castTo } from "../validator/casts.ts";
import { isInteger } from "../validator/type-system.ts";

export function simplify(expression: Expression): Expression {
  return transform(expression, (e) => (e.kind === "call" ? simplifyCall(e) : e));
}

/** In a filter NULL counts as FALSE. */
export function simplifyCondition(condition: Expression): Expression {
  const simple = simplify(condition);
  const parts = conjuncts(simple).map((p) => (isCall(p, "IS_TRUE") ? p.args[0]! : p));
  if (parts.some((part) => isFalse(part) || isNullLiteral(part))) return FALSE;
  return and(parts);
}

export function simplifyRel(rel: RelNode): RelNode {
  const node = withInputs(rel, relInputs(rel).map(simplifyRel));
  switch (node.kind) {
    case "filter": {
      const condition = simplifyCondition(node.condition);
      if (isTrue(condition)) return node.input;
      return condition === node.condition ? node : { ...node, condition };
    }
    case "project": {
      const expressions = node.expressions.map(simplify);
      const changed = expressions.some((e, i) => e !== node.expressions[i]);
      return changed ? { ...node, expressions } : node;
    }
    case "join": {
      if (node.condition === undefined) return node;
      const condition = simplifyCondition(node.condition);
      return condition === node.condition ? node : { ...node, condition };
    }
    default:
      return node;
  }
}

const NEGATED: Readonly<Record<string, string>> = {
  EQUALS: "NOT_EQUALS",
  NOT_EQUALS: "EQUALS",
  LESS_THAN: "GREATER_THAN_OR_EQUAL",
  LESS_THAN_OR_EQUAL: "GREATER_THAN",
  GREATER_THAN: "LESS_THAN_OR_EQUAL",
  GREATER_THAN_OR_EQUAL: "LESS_THAN",
  IS_NULL: "IS_NOT_NULL",
  IS_NOT_NULL: "IS_NULL",
  IS_TRUE: "IS_NOT_TRUE",
  IS_NOT_TRUE: "IS_TRUE",
  IS_FALSE: "IS_NOT_FALSE",
  IS_NOT_FALSE: "IS_FALSE",
  IS_DISTINCT_FROM: "IS_NOT_DISTINCT_FROM",
  IS_NOT_DISTINCT_FROM: "IS_DISTINCT_FROM",
};

function simplifyCall(e: Call): Expression {
  switch (e.function) {
    case "AND":
      return simplifyAnd(e);
    case "OR":
      return simplifyOr(e);
    case "NOT":
      return simplifyNot(e);
    case "CAST":
      return simplifyCast(e);
    case "CASE":
      return simplifyCase(e);
    case "IS_NULL":
    case "IS_NOT_NULL":
      if (e.args[0]!.kind === "literal") return nullTest(e, e.args[0] as Literal);
      return e.args[0]!.type.nullable ? e : e.function === "IS_NULL" ? FALSE : TRUE;
    case "IS_TRUE":
      return e.args[0]!.type.nullable ? e : e.args[0]!;
    case "IS_NOT_FALSE":
      return e.args[0]!.type.nullable ? e : e.args[0]!;
    case "COALESCE":
      return simplifyCoalesce(e);
    case "FLOOR":
    case "CEIL":
      return rolledUp(e);
    default:
      return comparedToItself(e) ?? constantComparison(e);
  }
}

/** TRUE where neither side is NULL; the others are FALSE then. */
const REFLEXIVE: Readonly<Record<string, boolean>> = {
  EQUALS: true,
  LESS_THAN_OR_EQUAL: true,
  GREATER_THAN_OR_EQUAL: true,
  IS_NOT_DISTINCT_FROM: true,
  NOT_EQUALS: false,
  LESS_THAN: false,
  GREATER_THAN: false,
  IS_DISTINCT_FROM: false,
};

/** x = x is TRUE unless x is NULL, as Calcite has it: NaN tells the difference. */
function comparedToItself(e: Call): Expression | undefined {
  const [left, right] = e.args;
  const holds = REFLEXIVE[e.function];
  if (holds === undefined || left === undefined || right === undefined) return undefined;
  if (!isFloat(left.type) || !isDeterministic(left) || digest(left) !== digest(right))
    return undefined;
  const result = holds ? TRUE : FALSE;
  if (!left.type.nullable || e.function.startsWith("IS_")) return result;
  const unknown = literal(null, types.boolean());
  return call("CASE", [call("IS_NULL", [left], types.boolean(false)), unknown, result], e.type);
}

const isFloat = ({ kind }: LogicalType) => kind === "FLOAT" || kind === "DOUBLE";

const UNITS = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"];

/** FLOOR(FLOOR(t TO DAY) TO YEAR) is FLOOR(t TO YEAR), as Calcite has it: moments before 1970 tell the difference. */
function rolledUp(e: Call): Expression {
  const [inner, unit] = e.args;
  if (inner === undefined || unit === undefined || !isCall(inner, e.function)) return e;
  const [outerUnit, innerUnit] = [unitOf(unit), unitOf(inner.args[1])];
  const [outer, finer] = [UNITS.indexOf(outerUnit), UNITS.indexOf(innerUnit)];
  const rolls =
    outerUnit === "QUARTER"
      ? innerUnit === "QUARTER" || finer >= 1
      : innerUnit === "QUARTER"
        ? outerUnit === "YEAR"
        : outer >= 0 && outer <= finer;
  return rolls ? { ...e, args: [inner.args[0]!, unit] } : e;
}

function unitOf(argument: Expression | undefined): string {
  return argument?.kind === "literal" ? String(argument.value) : "";
}

function nullTest(e: Call, value: Literal): Expression {
  return (value.value === null) === (e.function === "IS_NULL") ? TRUE : FALSE;
}

function simplifyAnd(e: Call): Expression {
  const parts = conjuncts(e);
  if (parts.some(isFalse)) return FALSE;
  const kept = parts.filter((part) => !isTrue(part));
  const keys = new Set(kept.map(digest));
  for (const part of kept) {
    const opposite = part.kind === "call" && !part.type.nullable ? negation(part) : undefined;
    if (opposite !== undefined && keys.has(digest(opposite))) return FALSE;
  }
  return and(kept);
}

function simplifyOr(e: Call): Expression {
  const parts = disjuncts(e);
  if (parts.some(isTrue)) return TRUE;
  return or(parts.filter((part) => !isFalse(part)));
}

function negation(e: Call): Expression | undefined {
  const name = NEGATED[e.function];
  return name === undefined ? undefined : { ...e, function: name };
}

function simplifyNot(e: Call): Expression {
  const inner = e.args[0]!;
  if (isTrue(inner)) return FALSE;
  if (isFalse(inner)) return TRUE;
  if (inner.kind === "literal") return inner;
  if (isCall(inner, "NOT")) return inner.args[0]!;
  if (inner.kind !== "call") return e;
  if (inner.function === "OR")
    return and(
      inner.args.map((arg) => simplifyNot(call("NOT", [arg], types.boolean(arg.type.nullable)))),
    );
  if (inner.function === "AND")
    return or(
      inner.args.map((arg) => simplifyNot(call("NOT", [arg], types.boolean(arg.type.nullable)))),
    );
  return negation(inner) ?? e;
}

function simplifyCast(e: Call): Expression {
  const inner = e.args[0]!;
  if (typeEquals(inner.type, e.type)) return inner;
  if (inner.kind === "literal") {
    const folded = castTo(inner, e.type);
    if (folded.kind === "literal") return folded;
  }
  return e;
}

function simplifyCase(e: Call): Expression {
  const args: Expression[] = [];
  for (let i = 0; i + 1 < e.args.length; i += 2) {
    const condition = e.args[i]!;
    if (isFalse(condition) || isNullLiteral(condition)) continue;
    if (isTrue(condition)) {
      args.push(e.args[i + 1]!);
      return caseOf(args, e);
    }
    args.push(condition, e.args[i + 1]!);
  }
  args.push(e.args.at(-1)!);
  return caseOf(args, e);
}

function caseOf(args: readonly Expression[], e: Call): Expression {
  if (args.length > 1) return args.length === e.args.length ? e : { ...e, args };
  const only = args[0]!;
  return typeEquals(only.type, e.type, { ignoreNullability: true }) ? only : castTo(only, e.type);
}

function simplifyCoalesce(e: Call): Expression {
  const kept: Expression[] = [];
  for (const arg of e.args) {
    if (isNullLiteral(arg)) continue;
    kept.push(arg);
    if (!arg.type.nullable) break;
  }
  if (kept.length === 0) return literal(null, e.type);
  if (kept.length === 1) {
    const only = kept[0]!;
    return typeEquals(only.type, e.type, { ignoreNullability: true }) ? only : castTo(only, e.type);
  }
  return kept.length === e.args.length ? e : { ...e, args: kept };
}

const ORDERED: Readonly<Record<string, (sign: number) => boolean>> = {
  EQUALS: (sign) => sign === 0,
  NOT_EQUALS: (sign) => sign !== 0,
  LESS_THAN: (sign) => sign < 0,
  LESS_THAN_OR_EQUAL: (sign) => sign <= 0,
  GREATER_THAN: (sign) => sign > 0,
  GREATER_THAN_OR_EQUAL: (sign) => sign >= 0,
};

function constantComparison(e: Call): Expression {
  const test = ORDERED[e.function];
  if (test === undefined) return constantArithmetic(e);
  const [a, b] = e.args as [Expression, Expression];
  if (isNullLiteral(a) || isNullLiteral(b)) return literal(null, types.boolean());
  if (!isLiteral(a) || !isLiteral(b) || !isInteger(a.type) || !isInteger(b.type)) return e;
  const x = BigInt(a.value as string);
  const y = BigInt(b.value as string);
  return test(x < y ? -1 : x > y ? 1 : 0) ? TRUE : FALSE;
}

function constantArithmetic(e: Call): Expression {
  if (!["PLUS", "MINUS", "TIMES"].includes(e.function) || !isInteger(e.type)) return e;
  const [a, b] = e.args as [Expression, Expression];
  if (!isLiteral(a) || !isLiteral(b) || a.value === null || b.value === null) return e;
  const x = BigInt(a.value as string);
  const y = BigInt(b.value as string);
  const value = e.function === "PLUS" ? x + y : e.function === "MINUS" ? x - y : x * y;
  const bits = { TINYINT: 8, SMALLINT: 16, INTEGER: 32, BIGINT: 64 }[e.type.kind as "BIGINT"];
  const wrapped = BigInt.asIntN(bits, value);
  return literal(e.type.kind === "BIGINT" ? wrapped.toString() : Number(wrapped), e.type);
}
