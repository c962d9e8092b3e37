/**
 * Comparing DECIMALs whose common type would have more than 38 digits, and so would round one of them: whole parts first, then
 * fractions.
 *
 * Source:  a real Flink 2.3: < <= > >= BETWEEN, IS [NOT] DISTINCT FROM and IN compare exactly, = and <> round to the common type.
 */
import type { DecimalType, LogicalType } from "../../../foundation/columnar/logical-type.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { type Expression, call } from "../../../foundation/plan/expression.ts";
import { castTo } from "./casts.ts";
import { asDecimal, isDecimal, isInteger } from "./type-system.ts";

const MAX_PRECISION = 38;
const STRICT: Readonly<Record<string, string>> = {
  LESS_THAN: "LESS_THAN",
  LESS_THAN_OR_EQUAL: "LESS_THAN",
  GREATER_THAN: "GREATER_THAN",
  GREATER_THAN_OR_EQUAL: "GREATER_THAN",
};

/** Undefined where the common type holds both, or the operator rounds. */
export function exactComparison(
  name: string,
  left: Expression,
  right: Expression,
): Expression | undefined {
  if (!wouldRound(left.type, right.type)) return undefined;
  const [a, b] = [parts(left), parts(right)];
  const nullable = left.type.nullable || right.type.nullable;
  const compare = (operator: string, i: 0 | 1, canBeNull: boolean) =>
    call(operator, [a[i], b[i]], types.boolean(canBeNull));
  if (name === "EQUALS")
    return joined("AND", compare(name, 0, nullable), compare(name, 1, nullable));
  if (name === "IS_DISTINCT_FROM")
    return joined("OR", compare(name, 0, false), compare(name, 1, false));
  if (name === "IS_NOT_DISTINCT_FROM")
    return joined("AND", compare(name, 0, false), compare(name, 1, false));
  const strict = STRICT[name];
  if (strict === undefined) return undefined;
  const tie = joined("AND", compare("EQUALS", 0, nullable), compare(name, 1, nullable));
  return joined("OR", compare(strict, 0, nullable), tie);
}

function wouldRound(left: LogicalType, right: LogicalType): boolean {
  if (!isDecimal(left) && !isDecimal(right)) return false;
  const exact = (type: LogicalType) => isDecimal(type) || isInteger(type);
  if (!exact(left) || !exact(right)) return false;
  const [a, b] = [asDecimal(left), asDecimal(right)];
  const whole = Math.max(a.precision - a.scale, b.precision - b.scale);
  return whole + Math.max(a.scale, b.scale) > MAX_PRECISION;
}

/** The largest whole number not above it, and what is left, from 0 to below 1, both at the scales that the other side has too. */
function parts(value: Expression): readonly [Expression, Expression] {
  const { nullable } = value.type;
  const { precision, scale } = asDecimal(value.type);
  const whole = types.decimal(MAX_PRECISION, 0, nullable);
  const rest = types.decimal(MAX_PRECISION, MAX_PRECISION, nullable);
  if (scale === 0)
    return [castTo(value, whole), castTo(call("MINUS", [value, value], value.type), rest)];
  const digits = Math.min(MAX_PRECISION, precision - scale + 1);
  const floor = call("FLOOR", [value], types.decimal(digits, 0, nullable));
  const fraction = call(
    "MINUS",
    [value, floor],
    types.decimal(scale, scale, nullable) as DecimalType,
  );
  return [castTo(floor, whole), castTo(fraction, rest)];
}

const joined = (name: "AND" | "OR", a: Expression, b: Expression): Expression =>
  call(name, [a, b], types.boolean(a.type.nullable || b.type.nullable));
