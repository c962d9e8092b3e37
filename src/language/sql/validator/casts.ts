/**
 * Puts conversions into expressions: explicit CAST, and the implicit ones that operators, functions and sinks need.
 *
 * Literals convert at once where the result is exact, so that plans read as they were written.
 */
import {
  type LogicalType,
  typeEquals,
  withNullable,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import {
  type Expression,
  type LiteralValue,
  call,
  literal,
} from "../../../foundation/plan/expression.ts";
import { parseDate, parseTimestamp } from "./literals.ts";
import { isCharacter, isInteger, isNull } from "./type-system.ts";

/** `expression` as `type` (nullability stays the expression's); nothing happens when it already is. */
export function castTo(expression: Expression, type: LogicalType): Expression {
  const target = withNullable(withoutTimeAttribute(type), expression.type.nullable);
  if (typeEquals(expression.type, target, { ignoreNullability: true })) return expression;
  if (expression.kind === "literal") {
    const folded = castLiteral(expression.value, expression.type, target);
    if (folded !== undefined) return folded;
  }
  return call("CAST", [expression], target);
}

function castLiteral(value: unknown, from: LogicalType, to: LogicalType): Expression | undefined {
  if (value === null) return literal(null, withNullable(to, true));
  if (isNull(from)) return undefined;
  if (isCharacter(from) && to.kind === "VARCHAR" && [...String(value)].length <= to.length)
    return literal(String(value), to);
  if (isInteger(from)) return integerLiteral(BigInt(value as number | string), to);
  if (from.kind === "TIMESTAMP" && to.kind === "TIMESTAMP" && to.precision >= from.precision)
    return literal(value as LiteralValue, to);
  if (isCharacter(from)) return timeLiteral(String(value), to);
  if (from.kind === "DECIMAL" && to.kind === "DECIMAL") return decimalLiteral(String(value), to);
  if (from.kind === "DECIMAL" && to.kind === "DOUBLE") return literal(Number(value), to);
  return undefined;
}

/** Texts of the full form only; what else CAST accepts is its own affair at run time. */
function timeLiteral(text: string, to: LogicalType): Expression | undefined {
  if (to.kind === "DATE") {
    const days = /^\d{4}-\d\d-\d\d$/.test(text) ? parseDate(text) : undefined;
    return days === undefined ? undefined : literal(days, to);
  }
  if (to.kind !== "TIMESTAMP" || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.test(text)) return undefined;
  const parsed = parseTimestamp(text);
  if (parsed === undefined || parsed.digits > to.precision) return undefined;
  return literal({ millis: parsed.millis, nanos: parsed.nanos }, to);
}

function integerLiteral(value: bigint, to: LogicalType): Expression | undefined {
  const bits = { TINYINT: 8, SMALLINT: 16, INTEGER: 32, BIGINT: 64 }[to.kind as "BIGINT"];
  if (bits !== undefined) {
    if (BigInt.asIntN(bits, value) !== value) return undefined;
    return literal(to.kind === "BIGINT" ? value.toString() : Number(value), to);
  }
  if (to.kind === "DOUBLE") return literal(Number(value), to);
  if (to.kind === "DECIMAL") return decimalLiteral(value.toString(), to);
  return undefined;
}

function decimalLiteral(
  text: string,
  to: Extract<LogicalType, { kind: "DECIMAL" }>,
): Expression | undefined {
  const [whole = "0", fraction = ""] = text.replace("-", "").split(".");
  if (fraction.length > to.scale || whole.replace(/^0+/, "").length > to.precision - to.scale)
    return undefined;
  const padded = to.scale === 0 ? whole : `${whole}.${fraction.padEnd(to.scale, "0")}`;
  return literal(`${text.startsWith("-") ? "-" : ""}${padded}`, to);
}

/** A reference to a time attribute as an ordinary timestamp. */
export function withoutAttribute(expression: Expression): Expression {
  const type = withoutTimeAttribute(expression.type);
  return type === expression.type ? expression : { ...expression, type };
}
