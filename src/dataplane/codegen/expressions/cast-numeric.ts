/**
 * Casts among BOOLEAN, integers, FLOAT, DOUBLE, DECIMAL and intervals.
 *
 * Integers: narrowing wraps, as Java's casts; floats to integers truncate and saturate (NaN → 0), to TINYINT and SMALLINT
 *           by way of INTEGER. DECIMAL to integers drops the fraction. To DECIMAL: HALF_UP, NULL when it does not fit.
 * Source:   Flink's cast rules with `table.exec.legacy-cast-behaviour` disabled.
 */
import type { DecimalType, LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { Value } from "../value.ts";
import { narrow } from "./arithmetic.ts";
import { decimalKernel, MAX_I64_DIGITS, pushDecimalResult, pushI128, pushI64 } from "./decimal.ts";

const NUMERIC = new Set([
  "BOOLEAN",
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "FLOAT",
  "DOUBLE",
  "DECIMAL",
  "INTERVAL_YEAR_MONTH",
  "INTERVAL_DAY_TIME",
]);

export const isNumeric = (type: LogicalType): boolean => NUMERIC.has(type.kind);

/** Both types are in NUMERIC. `call` is named when the cast fails at run time. */
export function castNumeric(
  context: ExpressionContext,
  value: Value,
  to: LogicalType,
  call: Call,
  safe: boolean,
): Value {
  if (to.kind === "DECIMAL") return toDecimal(context, value, to, call, safe);
  if (to.kind === "BOOLEAN") return toBoolean(context, value, to);
  return context.strict(to, [value], { guard: value.type.kind === "DECIMAL" }, () => {
    if (to.kind === "FLOAT" || to.kind === "DOUBLE") pushFloat(context, value, to.kind);
    else pushInteger(context, value, to);
  });
}

function toBoolean(context: ExpressionContext, value: Value, to: LogicalType): Value {
  return context.strict(to, [value], { guard: false }, () => {
    const { f } = context;
    context.push(value);
    switch (value.physical) {
      case "f32":
        f.f32(0).op("f32.ne");
        break;
      case "f64":
        f.f64(0).op("f64.ne");
        break;
      case "i64":
        f.i64(0).op("i64.ne");
        break;
      case "i128":
        context.push(value, 1).op("i64.or").i64(0).op("i64.ne");
        break;
      default:
        f.i32(0).op("i32.ne");
    }
  });
}

function pushFloat(context: ExpressionContext, value: Value, to: "FLOAT" | "DOUBLE"): void {
  const { f } = context;
  const word = to === "FLOAT" ? "f32" : "f64";
  if (value.type.kind === "DECIMAL") {
    // DecimalDataUtils.doubleValue: the unscaled long divided by a power of ten when it fits one.
    const { precision, scale } = value.type;
    if (precision <= MAX_I64_DIGITS) {
      context.push(value).op("f64.convert_i64_s");
      f.f64(10 ** scale).op("f64.div");
    } else {
      context.pushAll(value);
      f.i32(scale).call(context.kernel("decimalToF64"));
    }
    if (word === "f32") f.op("f32.demote_f64");
    return;
  }
  context.push(value);
  if (value.physical === word) return;
  if (value.physical === "f64") f.op("f32.demote_f64");
  else if (value.physical === "f32") f.op("f64.promote_f32");
  else f.op(`${word}.convert_${value.physical === "i64" ? "i64" : "i32"}_s`);
}

function pushInteger(context: ExpressionContext, value: Value, to: LogicalType): void {
  const { f } = context;
  const wide =
    to.kind === "BIGINT" || to.kind === "INTERVAL_YEAR_MONTH" || to.kind === "INTERVAL_DAY_TIME";
  if (value.type.kind === "DECIMAL") {
    pushI128(context, value);
    f.i32(value.type.scale).call(context.kernel("decimalToI64"));
    if (!wide) f.op("i32.wrap_i64");
  } else {
    context.push(value);
    if (value.physical === "f32" || value.physical === "f64")
      f.op(`${wide ? "i64" : "i32"}.trunc_sat_${value.physical}_s`);
    else if (value.physical === "i64") {
      if (!wide) f.op("i32.wrap_i64");
    } else if (wide) f.op("i64.extend_i32_s");
  }
  narrow(context, to);
}

function toDecimal(
  context: ExpressionContext,
  value: Value,
  to: DecimalType,
  call: Call,
  safe: boolean,
): Value {
  if (value.physical === "f32" || value.physical === "f64") {
    return context.strictNullable(to, [value], () => {
      context.push(value);
      if (value.physical === "f32") context.f.op("f64.promote_f32");
      context.f
        .i32(to.precision)
        .i32(to.scale)
        .i32(safe ? 1 : 0);
      context.f.call(context.kernel("castF64ToDecimal"));
      if (!safe) context.checkFailed(call);
      pushDecimalResult(context, to);
    });
  }
  const from =
    value.type.kind === "DECIMAL" ? value.type : { precision: integerDigits(value), scale: 0 };
  const shift = to.scale - from.scale;
  const digits = from.precision + shift;
  const small = value.physical !== "i128";
  if (small && shift >= 0 && digits <= to.precision && (shift === 0 || digits <= MAX_I64_DIGITS)) {
    const result = context.strict(to, [value], { guard: false }, () => {
      pushI64(context, value);
      if (shift > 0) context.f.i64(10n ** BigInt(shift)).op("i64.mul");
      if (to.precision <= MAX_I64_DIGITS) return;
      const low = context.f.local("i64");
      context.f.tee(low).get(low).i64(63).op("i64.shr_s");
    });
    return to.precision <= MAX_I64_DIGITS ? result : { ...result, narrow: true };
  }
  if (
    value.physical === "i128" &&
    to.precision > MAX_I64_DIGITS &&
    shift === 0 &&
    digits <= to.precision
  )
    return { ...value, type: to };
  return decimalKernel(context, to, [value], () => {
    pushI128(context, value);
    context.f.i32(shift).i32(to.precision).call(context.kernel("decimalRescale"));
  });
}

function integerDigits(value: Value): number {
  switch (value.physical) {
    case "bool":
      return 1;
    case "i8":
      return 3;
    case "i16":
      return 5;
    case "i32":
      return 10;
    default:
      return 19;
  }
}
