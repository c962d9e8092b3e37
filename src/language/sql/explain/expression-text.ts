/**
 * Expressions as Flink's EXPLAIN prints them: prefix in logical and physical plans, infix in execution plans.
 *
 *   physical:  AND(>(a, 10), =(b, 'x'))        execution:  ((a > 10) AND (b = 'x'))
 */
import { plainName } from "../../../foundation/plan/user-function.ts";
import { type LogicalType, typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { Expression, LiteralValue } from "../../../foundation/plan/expression.ts";
import { dateText, timestampText } from "../validator/literals.ts";

export type TextStyle = "prefix" | "infix";

const SYMBOLS: Readonly<Record<string, string>> = {
  PLUS: "+",
  MINUS: "-",
  TIMES: "*",
  DIVIDE: "/",
  EQUALS: "=",
  NOT_EQUALS: "<>",
  LESS_THAN: "<",
  LESS_THAN_OR_EQUAL: "<=",
  GREATER_THAN: ">",
  GREATER_THAN_OR_EQUAL: ">=",
  AND: "AND",
  OR: "OR",
  CONCAT_OPERATOR: "||",
  LIKE: "LIKE",
  IS_DISTINCT_FROM: "IS DISTINCT FROM",
  IS_NOT_DISTINCT_FROM: "IS NOT DISTINCT FROM",
  SIMILAR_TO: "SIMILAR TO",
};
const POSTFIX: Readonly<Record<string, string>> = {
  IS_NULL: "IS NULL",
  IS_NOT_NULL: "IS NOT NULL",
  IS_TRUE: "IS TRUE",
  IS_NOT_TRUE: "IS NOT TRUE",
  IS_FALSE: "IS FALSE",
  IS_NOT_FALSE: "IS NOT FALSE",
};

export function expressionText(
  expression: Expression,
  name: (index: number) => string,
  style: TextStyle,
): string {
  const text = (e: Expression): string => {
    switch (e.kind) {
      case "input":
        return name(e.index);
      case "field": {
        const row = e.input.type;
        const fields = row.kind === "ROW" || row.kind === "STRUCTURED" ? row.fields : [];
        return `${text(e.input)}.${fields[e.index]?.name ?? e.index}`;
      }
      case "literal":
        return literalText(e.value, e.type);
      default:
        return callText(e, text, style);
    }
  };
  return text(expression);
}

function callText(
  e: Extract<Expression, { kind: "call" }>,
  text: (e: Expression) => string,
  style: TextStyle,
): string {
  const args = e.args.map(text);
  const postfix = POSTFIX[e.function];
  const symbol = SYMBOLS[e.function];
  if (e.function === "CAST" || e.function === "TRY_CAST")
    return `${e.function}(${args[0]} AS ${plainType(e.type)})`;
  if (e.function === "EXTRACT" || e.function === "FLOOR" || e.function === "CEIL")
    return `${e.function}(${e.args.map((arg, i) => (isUnit(arg) ? `FLAG(${unquoted(arg)})` : args[i]!)).join(", ")})`;
  if (style === "infix") {
    if (postfix !== undefined) return `${args[0]} ${postfix}`;
    if (symbol !== undefined && args.length > 1) return `(${args.join(` ${symbol} `)})`;
    if (e.function === "ITEM") return `${args[0]}[${args[1]}]`;
    if (e.function === "IN") return `(${args[0]} IN (${args.slice(1).join(", ")}))`;
  }
  return `${postfix ?? symbol ?? (e.function === "UNARY_MINUS" ? "-" : plainName(e.function))}(${args.join(", ")})`;
}

const isUnit = (e: Expression): boolean =>
  e.kind === "literal" && typeof e.value === "string" && /^[A-Z]+$/.test(e.value);
const unquoted = (e: Expression): string => (e.kind === "literal" ? String(e.value) : "");

export function plainType(type: LogicalType): string {
  if (type.kind === "VARCHAR") return `VARCHAR(${type.length})`;
  if (type.kind === "VARBINARY") return `VARBINARY(${type.length})`;
  if (type.kind === "INTEGER") return "INTEGER";
  return typeToString({ ...type, nullable: true });
}

export function literalText(value: LiteralValue, type: LogicalType): string {
  if (value === null) return `null:${plainType(type)}`;
  switch (type.kind) {
    case "CHAR":
    case "VARCHAR":
      return `'${String(value).replaceAll("'", "''")}'`;
    case "BINARY":
    case "VARBINARY":
      return `X'${String(value)}'`;
    case "DATE":
      return dateText(Number(value));
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return timestampText(value as { millis: number; nanos: number }, type.precision);
    case "INTERVAL_DAY_TIME":
    case "INTERVAL_YEAR_MONTH":
      return `${String(value)}:${type.qualifier}`;
    default:
      return Array.isArray(value) ? JSON.stringify(value) : String(value);
  }
}
