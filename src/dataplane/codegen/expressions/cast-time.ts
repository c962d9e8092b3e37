/**
 * Casts among DATE, TIME, TIMESTAMP and TIMESTAMP_LTZ.
 *
 * Precision: fewer digits cut off, never round. TIMESTAMP ↔ TIMESTAMP_LTZ goes through the session's zone
 *            (kernels over the zone's table, time-zone.ts); DATE and TIME are taken from local time. A TIME becomes a
 *            moment of 1970-01-01, for TIMESTAMP_LTZ too without the zone (as Flink 2.3 answers).
 * Before 1970: DATE and TIME of a TIMESTAMP count towards 1970, as in Flink: a moment that is not midnight is of the next day,
 *            and a TIME of few digits is cut upwards. Those of a TIMESTAMP_LTZ are of the day they lie in.
 */
import type { LogicalType, TimestampType } from "../../../foundation/columnar/logical-type.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { Value } from "../value.ts";
import { pushLocalToUtc, pushUtcToLocal } from "./time-zone.ts";

const TIMES = new Set(["DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ"]);
const DAY_MS = 86_400_000n;

export const isTime = (type: LogicalType): boolean => TIMES.has(type.kind);

export function castTime(
  context: ExpressionContext,
  value: Value,
  to: LogicalType,
): Value | undefined {
  const from = value.type;
  if (from.kind === to.kind) return castPrecision(context, value, to);
  if (to.kind === "TIMESTAMP" || to.kind === "TIMESTAMP_LTZ") {
    if (from.kind === "TIME")
      return context.strict(to, [value], { guard: to.kind === "TIMESTAMP_LTZ" }, () => {
        context.push(value).op("i64.extend_i32_s");
        if (to.kind === "TIMESTAMP_LTZ") pushLocalToUtc(context);
        pushFraction(context, value, to);
      });
    if (from.kind === "DATE")
      return context.strict(to, [value], { guard: to.kind === "TIMESTAMP_LTZ" }, () => {
        context.push(value).op("i64.extend_i32_s").i64(DAY_MS).op("i64.mul");
        if (to.kind === "TIMESTAMP_LTZ") pushLocalToUtc(context);
        if (to.precision > 3) context.f.i64(0);
      });
    return context.strict(to, [value], { guard: true }, () => {
      context.push(value);
      if (to.kind === "TIMESTAMP") pushUtcToLocal(context);
      else pushLocalToUtc(context);
      pushFraction(context, value, to);
    });
  }
  if (from.kind !== "TIMESTAMP" && from.kind !== "TIMESTAMP_LTZ") return undefined;
  return context.strict(to, [value], { guard: from.kind === "TIMESTAMP_LTZ" }, () => {
    context.push(value);
    if (from.kind === "TIMESTAMP_LTZ") pushUtcToLocal(context);
    if (from.kind === "TIMESTAMP") pushTowards1970(context, to);
    else if (to.kind === "DATE") pushFloorDivide(context, DAY_MS);
    else pushFloorModulo(context, DAY_MS);
    context.f.op("i32.wrap_i64");
    if (to.kind !== "TIME") return;
    truncateMillis(context, to.precision);
    if (from.kind === "TIMESTAMP") pushDayOfNegative(context);
  });
}

function castPrecision(context: ExpressionContext, value: Value, to: LogicalType): Value {
  if (to.kind === "TIME")
    return context.strict(to, [value], { guard: false }, () => {
      context.push(value);
      truncateMillis(context, to.precision);
    });
  if (to.kind !== "TIMESTAMP" && to.kind !== "TIMESTAMP_LTZ") return { ...value, type: to };
  const from = value.type as TimestampType;
  if (to.precision >= from.precision && value.physical === (to.precision > 3 ? "ts128" : "i64"))
    return { ...value, type: to };
  return context.strict(to, [value], { guard: false }, () => {
    context.push(value);
    pushFraction(context, value, to);
  });
}

/** Epoch milliseconds on the stack → the parts of `to`, with value's nanoseconds and cut to the precision. */
export function pushFraction(context: ExpressionContext, value: Value, to: TimestampType): void {
  const { f } = context;
  const { precision } = to;
  if (precision < 3) {
    const unit = 10n ** BigInt(3 - precision);
    const millis = f.local("i64");
    f.tee(millis).get(millis);
    pushFloorModulo(context, unit);
    f.op("i64.sub");
  }
  if (precision <= 3) return;
  if (value.physical !== "ts128") {
    f.i64(0);
    return;
  }
  context.push(value, 1);
  if (precision < 9) {
    const unit = 10n ** BigInt(9 - precision);
    f.i64(unit).op("i64.div_s").i64(unit).op("i64.mul");
  }
}

/** i32 milliseconds of a day on the stack, cut to `precision` digits. */
function truncateMillis(context: ExpressionContext, precision: number): void {
  if (precision >= 3) return;
  const unit = 10 ** (3 - precision);
  context.f.i32(unit).op("i32.div_s").i32(unit).op("i32.mul");
}

function pushTowards1970({ f }: ExpressionContext, to: LogicalType): void {
  f.i64(DAY_MS).op(to.kind === "DATE" ? "i64.div_s" : "i64.rem_s");
}

/** i32 milliseconds on the stack; those below 0 count from the day's end. */
function pushDayOfNegative({ f }: ExpressionContext): void {
  const time = f.local("i32");
  f.tee(time);
  f.get(time).i32(31).op("i32.shr_s").i32(Number(DAY_MS)).op("i32.and").op("i32.add");
}

/** i64 on the stack → floor(value / unit). */
export function pushFloorDivide(context: ExpressionContext, unit: bigint): void {
  const { f } = context;
  const value = f.local("i64");
  f.set(value);
  f.get(value).i64(unit).op("i64.div_s");
  f.get(value).i64(unit).op("i64.rem_s").i64(63).op("i64.shr_s").op("i64.add");
}

/** i64 on the stack → value − floor(value / unit) · unit. */
export function pushFloorModulo(context: ExpressionContext, unit: bigint): void {
  const { f } = context;
  const rest = f.local("i64");
  f.i64(unit).op("i64.rem_s").tee(rest);
  f.get(rest).i64(63).op("i64.shr_s").i64(unit).op("i64.and").op("i64.add");
}
