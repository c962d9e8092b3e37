/**
 * PLUS and MINUS of dates, times, timestamps and intervals; intervals times numbers.
 *
 * Months:  the day of the month is kept, or the last one of the month when it has fewer (Flink DateTimeUtils.addMonths).
 * DATE and TIME: an interval of days and less moves a DATE by whole days (floor) and turns TIME round the clock.
 * Differences: DATE − DATE, TIMESTAMP − TIMESTAMP as milliseconds or whole months, by the result's type.
 */
import type { LogicalType, TimestampType } from "../../../foundation/columnar/logical-type.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { CompiledFunction } from "../functions/registry.ts";
import type { Value } from "../value.ts";
import { pushFloorDivide, pushFloorModulo } from "./cast-time.ts";
import { pushI64 } from "./decimal.ts";

const DAY_MS = 86_400_000n;
const isInterval = (type: LogicalType | undefined) =>
  type?.kind === "INTERVAL_YEAR_MONTH" || type?.kind === "INTERVAL_DAY_TIME";
const isMoment = (type: LogicalType | undefined) =>
  type?.kind === "DATE" ||
  type?.kind === "TIME" ||
  type?.kind === "TIMESTAMP" ||
  type?.kind === "TIMESTAMP_LTZ";

export const datetimePlus: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args: [a, b] }) =>
    (isMoment(a?.type) && isInterval(b?.type)) ||
    (isInterval(a?.type) && isMoment(b?.type)) ||
    (isInterval(a?.type) && a?.type.kind === b?.type.kind),
  emit: (context, call) => {
    const [a, b] = call.args.map((arg) => context.compile(arg)) as [Value, Value];
    if (isInterval(a.type) && isInterval(b.type)) return intervalSum(context, call, a, b, "add");
    const [moment, interval] = isMoment(a.type) ? [a, b] : [b, a];
    return shifted(context, call, moment, interval, "add");
  },
};

export const datetimeMinus: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args: [a, b] }) =>
    (isMoment(a?.type) && (isInterval(b?.type) || isMoment(b?.type))) ||
    (isInterval(a?.type) && a?.type.kind === b?.type.kind),
  emit: (context, call) => {
    const [a, b] = call.args.map((arg) => context.compile(arg)) as [Value, Value];
    if (isInterval(a.type)) return intervalSum(context, call, a, b, "sub");
    if (isInterval(b.type)) return shifted(context, call, a, b, "sub");
    return context.strict(call.type, [a, b], { guard: true }, () => {
      pushMillis(context, a);
      pushMillis(context, b);
      if (call.type.kind === "INTERVAL_YEAR_MONTH") context.f.call(context.kernel("monthsBetween"));
      else context.f.op("i64.sub");
    });
  },
};

function intervalSum(
  context: ExpressionContext,
  call: Call,
  a: Value,
  b: Value,
  operation: "add" | "sub",
): Value {
  return context.strict(call.type, [a, b], { guard: false }, () => {
    context.push(a);
    context.push(b).op(`i64.${operation}`);
  });
}

/** moment ± interval, as a value of the call's type. */
function shifted(
  context: ExpressionContext,
  call: Call,
  moment: Value,
  interval: Value,
  operation: "add" | "sub",
): Value {
  const { f } = context;
  const months = interval.type.kind === "INTERVAL_YEAR_MONTH";
  return context.strict(call.type, [moment, interval], { guard: months }, () => {
    pushMillis(context, moment);
    if (months && operation === "sub") {
      f.i64(0);
      context.push(interval).op("i64.sub");
    } else context.push(interval);
    if (months) f.call(context.kernel("addMonths"));
    else f.op(`i64.${operation}`);
    pushMoment(context, moment, call.type);
  });
}

/** Milliseconds since the epoch, or of the day for TIME. */
function pushMillis(context: ExpressionContext, moment: Value): void {
  if (moment.type.kind === "DATE") {
    context.push(moment).op("i64.extend_i32_s").i64(DAY_MS).op("i64.mul");
  } else if (moment.type.kind === "TIME") context.push(moment).op("i64.extend_i32_s");
  else context.push(moment);
}

/** Milliseconds on the stack → the parts of `to`. */
function pushMoment(context: ExpressionContext, moment: Value, to: LogicalType): void {
  const { f } = context;
  switch (to.kind) {
    case "DATE":
      pushFloorDivide(context, DAY_MS);
      f.op("i32.wrap_i64");
      return;
    case "TIME":
      pushFloorModulo(context, DAY_MS);
      f.op("i32.wrap_i64");
      return;
    default:
      if ((to as TimestampType).precision <= 3) return;
      if (moment.physical === "ts128") context.push(moment, 1);
      else f.i64(0);
  }
}

const INTEGERS = new Set(["TINYINT", "SMALLINT", "INTEGER", "BIGINT"]);

/** interval · integer. */
export const intervalTimes: CompiledFunction = {
  kind: "compiled",
  accepts: ({ type, args }) =>
    isInterval(type) &&
    args.every((arg) => isInterval(arg.type) || INTEGERS.has(arg.type.kind)) &&
    args.filter((arg) => isInterval(arg.type)).length === 1,
  emit: (context, call) => {
    const [a, b] = call.args.map((arg) => context.compile(arg)) as [Value, Value];
    return context.strict(call.type, [a, b], { guard: false }, () => {
      pushI64(context, a);
      pushI64(context, b);
      context.f.op("i64.mul");
    });
  },
};

export const intervalNegation: CompiledFunction = {
  kind: "compiled",
  accepts: ({ type, args: [a] }) => isInterval(type) && isInterval(a?.type),
  emit: (context, call) => {
    const value = context.compile(call.args[0]!);
    return context.strict(call.type, [value], { guard: false }, () => {
      context.f.i64(0);
      context.push(value).op("i64.sub");
    });
  },
};
