/**
 * Operators: result types and the conversions of their operands.
 *
 * Rules:   the expression IR's (foundation/plan/expression.ts): integer and floating arithmetic has operands of the
 *          result's type, DECIMAL operands keep theirs, comparisons have one type on both sides.
 * Source:  Flink's decimal rules (type-system.ts), Calcite's operator table. Errors: MR2108 types that do not fit.
 */
import {
  type LogicalType,
  physicalOf,
  typeEquals,
  typeToString,
  types,
  withNullable,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import { type Expression, call } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type { Node } from "../parser/ast.ts";
import { and, or } from "../rel/expressions.ts";
import { castTo } from "./casts.ts";
import { exactComparison } from "./decimal-order.ts";
import {
  asDecimal,
  comparisonType,
  decimalResult,
  isApproximate,
  isCharacter,
  isDatetime,
  isDecimal,
  isInterval,
  isNull,
  isNumeric,
  leastRestrictive,
  numericSuper,
} from "./type-system.ts";

const COMPARISONS: Readonly<Record<string, string>> = {
  "=": "EQUALS",
  "<>": "NOT_EQUALS",
  "<": "LESS_THAN",
  "<=": "LESS_THAN_OR_EQUAL",
  ">": "GREATER_THAN",
  ">=": "GREATER_THAN_OR_EQUAL",
  "IS DISTINCT FROM": "IS_DISTINCT_FROM",
  "IS NOT DISTINCT FROM": "IS_NOT_DISTINCT_FROM",
};
const ARITHMETIC = { "+": "PLUS", "-": "MINUS", "*": "TIMES", "/": "DIVIDE", "%": "MOD" } as const;

export function isComparison(operator: string): boolean {
  return operator in COMPARISONS;
}

export function bad(operator: string, args: readonly Expression[], node: Node, expected: string) {
  const plain = (type: LogicalType) => withNullable(withoutTimeAttribute(type), true);
  const given = argumentTexts(
    operator,
    args.map(({ type }) => `<${typeToString(plain(type))}>`),
  );
  return validateErrors.OPERATOR_ARGUMENTS({ operator, given, expected }, { at: node.span });
}

/** `<INT> + <DATE>`, `ITEM(<VARIANT>, <DATE>)`. */
function argumentTexts(operator: string, types: readonly string[]): string {
  const isInfix = types.length === 2 && !/^\w+$/.test(operator);
  return isInfix ? types.join(` ${operator} `) : `${operator}(${types.join(", ")})`;
}

export function comparison(
  operator: string,
  left: Expression,
  right: Expression,
  node: Node,
): Expression {
  const name = COMPARISONS[operator]!;
  if (isRowCall(left) && isRowCall(right) && left.args.length === right.args.length) {
    const pairs = left.args.map((arg, i) => comparison("=", arg, right.args[i]!, node));
    if (name === "EQUALS") return and(pairs);
    if (name === "NOT_EQUALS") return negate(and(pairs));
  }
  const type = comparisonType(left.type, right.type);
  if (type === undefined || !comparable(type, name))
    throw bad(operator, [left, right], node, `'<COMPARABLE_TYPE> ${operator} <COMPARABLE_TYPE>'`);
  const exact = name === "EQUALS" ? undefined : exactComparison(name, left, right);
  if (exact !== undefined) return exact;
  const distinct = name === "IS_DISTINCT_FROM" || name === "IS_NOT_DISTINCT_FROM";
  const args = [leniently(left, type), leniently(right, type)];
  const nullable = !distinct && args.some((arg) => arg.type.nullable);
  return call(name, args, types.boolean(nullable));
}

const isRowCall = (e: Expression): e is Extract<Expression, { kind: "call" }> =>
  e.kind === "call" && e.function === "ROW";

function comparable(type: LogicalType, operator: string): boolean {
  if (/EQUALS$|DISTINCT/.test(operator)) return type.kind !== "VARIANT" && type.kind !== "BITMAP";
  const kinds = ["MAP", "MULTISET", "ROW", "STRUCTURED", "VARIANT", "RAW", "BITMAP"];
  return !kinds.includes(type.kind);
}

/** A text from a column that is compared with a time and is none counts as NULL, as in Flink. */
function leniently(expression: Expression, type: LogicalType): Expression {
  const { type: own, kind } = expression;
  checkMoment(expression, type);
  if (kind === "literal" || !isCharacter(own) || !isDatetime(type))
    return alignTo(expression, type);
  return call("TRY_CAST", [expression], withNullable(withoutTimeAttribute(type), true));
}

/** A literal text that cannot be the time it is compared with. */
function checkMoment(expression: Expression, to: LogicalType): void {
  const { type } = expression;
  if (expression.kind !== "literal" || !isCharacter(type) || !isDatetime(to)) return;
  if (expression.value === null || /^\s*[+-]?\d/.test(String(expression.value))) return;
  const target = typeToString(withNullable(withoutTimeAttribute(to), true));
  throw validateErrors.TYPE_INVALID({
    message: `Error when casting ${typeToString(type)} to ${target}: the text is no time`,
  });
}

/** Converts only where the physical form or the scale differs. */
export function alignTo(expression: Expression, type: LogicalType): Expression {
  const own = expression.type;
  if (isCharacter(own) && isCharacter(type)) return expression;
  if (own.kind === type.kind && physicalOf(own) === "view" && !("element" in own))
    return expression;
  if (own.kind === "DECIMAL" && type.kind === "DECIMAL" && expression.kind !== "literal")
    if (own.scale === type.scale && physicalOf(own) === physicalOf(type)) return expression;
  return castTo(expression, type);
}

export function negate(expression: Expression): Expression {
  return call("NOT", [expression], types.boolean(expression.type.nullable));
}

export function arithmetic(
  operator: keyof typeof ARITHMETIC,
  left: Expression,
  right: Expression,
  node: Node,
): Expression {
  const name = ARITHMETIC[operator];
  const a = nullAs(left, right.type);
  const b = nullAs(right, left.type);
  if (isNumeric(a.type) && isNumeric(b.type)) return numeric(name, a, b);
  const temporal = temporalArithmetic(name, a, b);
  if (temporal !== undefined) return temporal;
  throw bad(operator, [left, right], node, `'<NUMERIC> ${operator} <NUMERIC>'`);
}

/** A bare NULL takes the other operand's type. */
function nullAs(expression: Expression, other: LogicalType): Expression {
  if (!isNull(expression.type)) return expression;
  return castTo(expression, isNull(other) ? types.int() : isDatetime(other) ? types.int() : other);
}

export function numeric(
  name: "PLUS" | "MINUS" | "TIMES" | "DIVIDE" | "MOD",
  left: Expression,
  right: Expression,
): Expression {
  const a = left.type;
  const b = right.type;
  const nullable = a.nullable || b.nullable;
  if (isApproximate(a) || isApproximate(b)) {
    // Calcite takes FLOAT and DOUBLE for equally precise: the first one counts.
    const first = isApproximate(a) && isApproximate(b) ? withNullable(a, nullable) : undefined;
    const type = name === "MOD" ? types.double(nullable) : (first ?? numericSuper(a, b));
    return call(name, [castTo(left, type), castTo(right, type)], type);
  }
  if (isDecimal(a) || isDecimal(b)) {
    const type = decimalResult(name, a, b);
    const args = [toDecimal(left), toDecimal(right)];
    if (isDecimal(type)) return call(name, args, type);
    const exact = types.decimal(Math.min(38, asDecimal(b).precision), 0, nullable);
    return castTo(call(name, args, exact), type);
  }
  const wide = numericSuper(a, b);
  const result = call(name, [castTo(left, wide), castTo(right, wide)], wide);
  return name === "MOD" ? castTo(result, withNullable(b, nullable)) : result;
}

function toDecimal(expression: Expression): Expression {
  if (isDecimal(expression.type)) return expression;
  const { precision, scale } = asDecimal(expression.type);
  return castTo(expression, types.decimal(precision, scale));
}

function temporalArithmetic(
  name: string,
  left: Expression,
  right: Expression,
): Expression | undefined {
  const a = left.type;
  const b = right.type;
  const nullable = a.nullable || b.nullable;
  if (name === "PLUS" && isInterval(a) && isDatetime(b))
    return call(name, [right, left], withNullable(withoutTimeAttribute(b), nullable));
  if ((name === "PLUS" || name === "MINUS") && isDatetime(a) && isInterval(b))
    return call(name, [left, right], withNullable(withoutTimeAttribute(a), nullable));
  if ((name === "PLUS" || name === "MINUS") && isInterval(a) && a.kind === b.kind) {
    const type = leastRestrictive([a, b]) as LogicalType;
    return call(name, [left, right], withNullable(type, nullable));
  }
  if (name === "TIMES" && isInterval(a) && isNumeric(b))
    return call(name, [left, right], withNullable(a, nullable));
  if (name === "TIMES" && isNumeric(a) && isInterval(b))
    return call(name, [right, left], withNullable(b, nullable));
  if (name === "DIVIDE" && isInterval(a) && isNumeric(b))
    return call(name, [left, right], withNullable(a, nullable));
  return undefined;
}

export function concatenation(left: Expression, right: Expression, node: Node): Expression {
  const a = isNull(left.type) ? castTo(left, types.string()) : left;
  const b = isNull(right.type) ? castTo(right, types.string()) : right;
  const nullable = a.type.nullable || b.type.nullable;
  if (a.type.kind === "ARRAY" && b.type.kind === "ARRAY") {
    const type = leastRestrictive([a.type, b.type]);
    if (type !== undefined) return call("ARRAY_CONCAT", [castTo(a, type), castTo(b, type)], type);
  }
  const binary = (t: LogicalType) => t.kind === "BINARY" || t.kind === "VARBINARY";
  const both = (isCharacter(a.type) && isCharacter(b.type)) || (binary(a.type) && binary(b.type));
  const text = isCharacter(a.type) || isCharacter(b.type);
  if (!both && !text) throw bad("||", [left, right], node, "'<STRING> || <STRING>'");
  const args = both
    ? [a, b]
    : [a, b].map((e) => (isCharacter(e.type) ? e : castTo(e, types.string())));
  return call("CONCAT_OPERATOR", args, concatType(args[0]!.type, args[1]!.type, nullable));
}

function concatType(a: LogicalType, b: LogicalType, nullable: boolean): LogicalType {
  const length = "length" in a && "length" in b ? a.length + b.length : 2147483647;
  const character = isCharacter(a);
  const fixed = a.kind === b.kind && (a.kind === "CHAR" || a.kind === "BINARY");
  const kind = character ? (fixed ? "CHAR" : "VARCHAR") : fixed ? "BINARY" : "VARBINARY";
  return { kind, length: Math.min(length, 2147483647), nullable };
}

/** Common type of CASE results, and of elements of arrays and maps; converts each of them. */
export function unify(
  expressions: readonly Expression[],
  what: string,
  node: Node,
): { type: LogicalType; expressions: Expression[] } {
  const type = leastRestrictive(
    expressions.map((e) => withAttributeOnly(e.type)),
    "first",
  );
  if (type === undefined) {
    const given = expressions.map((e) => typeToString(e.type)).join(", ");
    throw validateErrors.TYPE_INCOMPATIBLE({ what, types: given }, { at: node.span });
  }
  const plain = withoutTimeAttribute(type);
  const aligned = expressions.map((e) =>
    isNull(plain) || typeEquals(e.type, plain, { ignoreNullability: true }) ? e : castTo(e, plain),
  );
  return { type: plain, expressions: aligned };
}
const withAttributeOnly = (type: LogicalType): LogicalType => withoutTimeAttribute(type);

/** Constant patterns are checked at once: what an escape character must stand before, and that it is one character. */
export function checkLike(
  operator: "LIKE" | "SIMILAR TO",
  pattern: Expression,
  sign: Expression | undefined,
  node: Node,
): void {
  if (sign?.kind !== "literal" || typeof sign.value !== "string") return;
  const refuse = (what: string, text: string, expected: string) =>
    validateErrors.ESCAPE_INVALID({ what, text, expected }, { at: node.span });
  const escaping = [...sign.value];
  if (escaping.length !== 1 || sign.value === " " || sign.value === "\0")
    throw refuse("character", `'${sign.value}'`, "one character that is no blank");
  if (pattern.kind !== "literal" || typeof pattern.value !== "string") return;
  const characters = [...pattern.value];
  for (let i = 0; i < characters.length; i++) {
    if (characters[i] !== escaping[0]) continue;
    const next = characters[++i];
    const special = operator === "LIKE" ? "%_" : "%_|*+?{}()[]^$-:.";
    if (next === undefined || !(special.includes(next) || next === escaping[0]))
      throw refuse(
        "sequence",
        `'${pattern.value}', ${characters.slice(0, i - 1).join("").length}`,
        "the escape before a special character or itself",
      );
  }
}

/** `a IN (b, c)`: few entries or computed ones are comparisons, many constants are one IN. */
export function inList(
  operand: Expression,
  list: readonly Expression[],
  negated: boolean,
  node: Node,
): Expression {
  const MAX_COMPARISONS = 3;
  const literals = list.every((e) => e.kind === "literal");
  let result: Expression;
  if (literals && list.length > MAX_COMPARISONS && !isRowCall(operand)) {
    let type: LogicalType | undefined = operand.type;
    for (const entry of list) type = type && comparisonType(type, entry.type);
    if (type === undefined) throw bad("IN", [operand, ...list], node, "'<COMPARABLE> IN (…)'");
    const target = type;
    const args = [operand, ...list].map((e) => alignTo(e, target));
    const nullable = args.some((arg) => arg.type.nullable);
    result = call("IN", args, types.boolean(nullable));
  } else {
    const equals = (entry: Expression) =>
      exactComparison("EQUALS", operand, entry) ?? comparison("=", operand, entry, node);
    result = or(list.map(equals));
  }
  return negated ? negate(result) : result;
}
