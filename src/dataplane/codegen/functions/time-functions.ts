/**
 * Functions of dates and times: parts, rounding, arithmetic by unit, patterns, the clock.
 *
 * Zones:  TIMESTAMP_LTZ is taken apart in the session's zone. The clock is read once a batch.
 * Source: Flink DateTimeUtils, SqlDateTimeUtils.
 */
import {
  type LogicalType,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import {
  type Call,
  call as makeCall,
  type Expression,
  literal,
} from "../../../foundation/plan/expression.ts";
import type { KernelName } from "../../kernels/kernels.generated.ts";
import type { ExpressionContext } from "../expression-context.ts";
import { pushUtcToLocal } from "../expressions/time-zone.ts";
import type { Value } from "../value.ts";
import type { ColumnCall, CompiledFunction, FunctionTable, ScalarFunction } from "./registry.ts";
import { compileTimePattern } from "./time-pattern.ts";

/** Numbers of kernels/time.as.ts. */
const UNITS: Readonly<Record<string, number>> = {
  MILLENNIUM: 0,
  CENTURY: 1,
  DECADE: 2,
  YEAR: 3,
  QUARTER: 4,
  MONTH: 5,
  WEEK: 6,
  DAY: 7,
  HOUR: 8,
  MINUTE: 9,
  SECOND: 10,
  MILLISECOND: 11,
  DOW: 12,
  DAYOFWEEK: 12,
  DOY: 13,
  DAYOFYEAR: 13,
  DAYOFMONTH: 7,
  EPOCH: 14,
  ISODOW: 15,
  ISOYEAR: 16,
};
const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = {
  MILLISECOND: 1,
  SECOND: 1000,
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: DAY_MS,
  WEEK: 7 * DAY_MS,
};
const UNIT_MONTHS: Readonly<Record<string, number>> = { MONTH: 1, QUARTER: 3, YEAR: 12 };
const DEFAULT_PATTERN = "yyyy-MM-dd HH:mm:ss";

const isTime = (type: LogicalType | undefined) =>
  isTimestamp(type) || type?.kind === "DATE" || type?.kind === "TIME";
const isTimestamp = (type: LogicalType | undefined) =>
  type?.kind === "TIMESTAMP" || type?.kind === "TIMESTAMP_LTZ";

const isClock = (type: LogicalType | undefined) => isTimestamp(type) || type?.kind === "TIME";

/** EXTRACT(unit, value); parts of a second of times: moment-functions.ts. */
const extract: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args }) =>
    unitOf(args[0]) !== undefined && (textOf(args[0]) !== "MILLISECOND" || !isClock(args[1]?.type)),
  emit: (context, call) => emitExtract(context, call, unitOf(call.args[0])!, call.args[1]!),
};

const part = (unit: string): CompiledFunction => ({
  kind: "compiled",
  emit: (context, call) => emitExtract(context, call, UNITS[unit]!, call.args[0]!),
});

function emitExtract(
  context: ExpressionContext,
  call: Call,
  unit: number,
  from: Expression,
): Value {
  const value = context.compile(from);
  return context.strict(call.type, [value], { guard: true }, () => {
    const kernel = pushLocal(context, value, {
      date: "extractFromDays",
      time: "extractFromTime",
      timestamp: "extractFromMillis",
      months: "extractFromMonths",
      interval: "extractFromInterval",
    });
    context.f.i32(unit).call(context.kernel(kernel));
  });
}

interface Kernels {
  readonly date: KernelName;
  readonly time: KernelName;
  readonly timestamp: KernelName;
  readonly months?: KernelName;
  readonly interval?: KernelName;
}

/** Pushes days, milliseconds of the day, or local milliseconds, and names the kernel for them. */
function pushLocal(context: ExpressionContext, value: Value, kernels: Kernels): KernelName {
  context.push(value);
  switch (value.type.kind) {
    case "DATE":
      return kernels.date;
    case "TIME":
      return kernels.time;
    case "INTERVAL_YEAR_MONTH":
      return kernels.months ?? kernels.timestamp;
    case "INTERVAL_DAY_TIME":
      return kernels.interval ?? kernels.timestamp;
    case "TIMESTAMP_LTZ":
      pushUtcToLocal(context);
      return kernels.timestamp;
    default:
      return kernels.timestamp;
  }
}

const FINEST = "MILLISECOND";

/** FLOOR(value, unit) and CEIL(value, unit). */
const round = (date: KernelName, time: KernelName, timestamp: KernelName): CompiledFunction => ({
  kind: "compiled",
  accepts: ({ args }) =>
    args.length === 2 && isTime(args[0]?.type) && unitOf(args[1]) !== undefined,
  emit: (context, call) => {
    const value = context.compile(call.args[0]!);
    return context.strict(call.type, [value], { guard: true }, () => {
      const { f } = context;
      const kernel = pushLocal(context, value, { date, time, timestamp });
      // Flink goes back by the offset it came with, even over a change of summer time.
      const isZoned = value.type.kind === "TIMESTAMP_LTZ";
      const local = isZoned ? f.local("i64") : undefined;
      if (local !== undefined) f.tee(local);
      // Below the millisecond there is more to round up.
      if (kernel === "ceilMillis" && value.physical === "ts128" && textOf(call.args[1]) === FINEST)
        context.push(value, 1).i64(0).op("i64.gt_s").op("i64.extend_i32_u").op("i64.add");
      f.i32(unitOf(call.args[1])!).call(context.kernel(kernel));
      if (local !== undefined) {
        f.get(local).op("i64.sub");
        context.push(value).op("i64.add");
      }
      if (value.physical === "ts128") context.f.i64(0n);
    });
  },
});

/** TIMESTAMPADD(unit, n, value) is value + INTERVAL n unit. */
const timestampAdd: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args }) => unitFactor(args[0]) !== undefined,
  emit: (context, call) => {
    const { factor, months } = unitFactor(call.args[0])!;
    const [, amount, value] = call.args as [Expression, Expression, Expression];
    const long = types.bigint(amount.type.nullable);
    const interval: LogicalType = months
      ? { kind: "INTERVAL_YEAR_MONTH", qualifier: "INTERVAL MONTH", nullable: long.nullable }
      : { kind: "INTERVAL_DAY_TIME", qualifier: "INTERVAL SECOND(3)", nullable: long.nullable };
    const total = makeCall(
      "TIMES",
      [makeCall("CAST", [amount], long), literal(String(factor), types.bigint(false))],
      long,
    );
    const moment =
      value.type.kind === call.type.kind
        ? value
        : makeCall("CAST", [value], withNullable(call.type, value.type.nullable));
    const shift = makeCall("REINTERPRET", [total], interval);
    return context.compile(makeCall("PLUS", [moment, shift], call.type));
  },
};

/** TIMESTAMPDIFF(unit, from, to): whole units, truncated towards zero. */
const timestampDiff: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args }) => unitFactor(args[0]) !== undefined,
  emit: (context, call) => {
    const { factor, months } = unitFactor(call.args[0])!;
    const [, from, to] = call.args as [Expression, Expression, Expression];
    const nullable = call.type.nullable;
    const interval: LogicalType = months
      ? { kind: "INTERVAL_YEAR_MONTH", qualifier: "INTERVAL MONTH", nullable }
      : { kind: "INTERVAL_DAY_TIME", qualifier: "INTERVAL SECOND(3)", nullable };
    const [a, b] = sameKind(to, from);
    const long = types.bigint(nullable);
    const whole = (value: Expression, by: number, type: LogicalType) =>
      makeCall("CAST", [makeCall("DIVIDE", [value, literal(String(by), long)], long)], type);
    if (textOf(call.args[0])?.endsWith("WEEK")) {
      // Flink counts the seconds as an INT, which wraps after 68 years.
      const span = makeCall("REINTERPRET", [makeCall("MINUS", [a, b], interval)], long);
      const seconds = makeCall("CAST", [whole(span, 1000, call.type)], long);
      return context.compile(whole(seconds, factor / 1000, call.type));
    }
    const units = makeCall(
      "DIVIDE",
      [
        makeCall("REINTERPRET", [makeCall("MINUS", [a, b], interval)], long),
        literal(String(factor), types.bigint(false)),
      ],
      long,
    );
    return context.compile(makeCall("CAST", [units], call.type));
  },
};

/** Both as timestamps of one kind when one of them is. */
function sameKind(a: Expression, b: Expression): [Expression, Expression] {
  if (a.type.kind === b.type.kind) return [a, b];
  const target = isTimestamp(a.type) ? a.type : b.type;
  const convert = (from: Expression) =>
    from.type.kind === target.kind
      ? from
      : makeCall("CAST", [from], withNullable(types.timestamp(3), from.type.nullable));
  return [convert(a), convert(b)];
}

/** DATE_FORMAT(value, pattern) with a literal pattern. */
const dateFormat: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args }) => textOf(args[1]) !== undefined,
  emit: (context, call) => {
    const [value, pattern] = call.args as [Expression, Expression];
    const moment = isTimestamp(value.type)
      ? value
      : makeCall("TRY_CAST", [value], types.timestamp(3));
    return formatted(context, call, context.compile(moment), textOf(pattern)!);
  },
};

/** FROM_UNIXTIME(seconds[, pattern]) in the session's zone. */
const fromUnixtime: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args }) => args.length === 1 || textOf(args[1]) !== undefined,
  emit: (context, call) => {
    const [seconds, pattern] = call.args;
    const type = types.timestampLtz(3, seconds!.type.nullable);
    const millis = makeCall(
      "TIMES",
      [seconds!, literal("1000", types.bigint(false))],
      types.bigint(seconds!.type.nullable),
    );
    const moment = context.compile(makeCall("REINTERPRET", [millis], type));
    return formatted(context, call, moment, textOf(pattern) ?? DEFAULT_PATTERN);
  },
};

function formatted(context: ExpressionContext, call: Call, moment: Value, pattern: string): Value {
  const program = context.constantView(compileTimePattern(pattern, call.function));
  return context.strict(call.type, [moment], { guard: true }, () => {
    context.push(moment);
    if (moment.type.kind === "TIMESTAMP_LTZ") pushUtcToLocal(context);
    if (moment.physical === "ts128") context.push(moment, 1);
    else context.f.i64(0n);
    context.pushPart(program);
    context.f.call(context.kernel("formatTimestamp"));
  });
}

/** A text that does not fit the pattern is read as `2020-1-2 3:04:05.678` or `2020-1-2`, if it is that. */
const parsedOrPlain: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args }) => args.length === 2 && textOf(args[1]) !== undefined,
  emit: (context, call) => {
    const { args, type } = call;
    const nullable = withNullable(type, true);
    const plain = makeCall("TRY_CAST", [args[0]!], nullable);
    const fitting = makeCall(PARSE_BY_PATTERN, args, nullable);
    return context.compile(makeCall("COALESCE", [fitting, plain], nullable));
  },
};

const PARSE_BY_PATTERN = "$PARSE_BY_PATTERN";

/** TO_TIMESTAMP(text, pattern), TO_DATE(text, pattern): NULL for a text that does not fit. */
const parsed: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args }) => args.length === 2 && textOf(args[1]) !== undefined,
  emit: (context, call) => {
    const text = context.compile(call.args[0]!);
    const pattern = textOf(call.args[1])!;
    const program = context.constantView(compileTimePattern(pattern, call.function));
    const type = types.timestamp(3);
    const moment = context.strictNullable(type, [text], () => {
      context.push(text);
      context.pushPart(program);
      context.f.call(context.kernel("parseTimestamp"));
      context.pushKernelNull();
    });
    if (call.type.kind === "TIMESTAMP") return { ...moment, type: call.type };
    return context.strict(call.type, [moment], { guard: true }, () => {
      context.push(moment).call(context.kernel("daysOfTimestamp"));
    });
  },
};

/** One argument: as TRY_CAST. */
const lenient: CompiledFunction = {
  kind: "compiled",
  accepts: ({ args }) => args.length === 1,
  emit: (context, call) => context.compile(makeCall("TRY_CAST", call.args, call.type)),
};

/** The clock, once a batch: `millis` of the result from epoch milliseconds. */
const clock = (write: (columns: ColumnCall, row: number, now: number) => void): ScalarFunction => ({
  kind: "column",
  deterministic: false,
  accepts: ({ args }) => args.length === 0,
  prepare: (_call, environment) => (columns) => {
    const now = environment.now();
    if (columns.rows === 0) return;
    write(columns, 0, now);
    columns.out.repeatFirst(columns.rows);
  },
});

const instant = clock(({ out }, row, now) => out.setTimestamp(row, now, 0));

function unitOf(expression: Expression | undefined): number | undefined {
  return UNITS[textOf(expression) ?? ""];
}

function unitFactor(expression: Expression | undefined) {
  const unit = (textOf(expression) ?? "").replace(/^SQL_TSI_/, "");
  const months = UNIT_MONTHS[unit];
  if (months !== undefined) return { factor: months, months: true };
  const factor = UNIT_MS[unit];
  return factor === undefined ? undefined : { factor, months: false };
}

function textOf(expression: Expression | undefined): string | undefined {
  return expression?.kind === "literal" && typeof expression.value === "string"
    ? expression.value
    : undefined;
}

export const timeFunctions: FunctionTable = {
  EXTRACT: extract,
  YEAR: part("YEAR"),
  QUARTER: part("QUARTER"),
  MONTH: part("MONTH"),
  WEEK: part("WEEK"),
  DAYOFYEAR: part("DOY"),
  DAYOFMONTH: part("DAY"),
  DAYOFWEEK: part("DOW"),
  HOUR: part("HOUR"),
  MINUTE: part("MINUTE"),
  SECOND: part("SECOND"),
  FLOOR: round("floorDays", "floorTime", "floorMillis"),
  CEIL: round("ceilDays", "ceilTime", "ceilMillis"),
  TIMESTAMPADD: timestampAdd,
  TIMESTAMPDIFF: timestampDiff,
  DATE_FORMAT: dateFormat,
  FROM_UNIXTIME: fromUnixtime,
  TO_TIMESTAMP: [lenient, parsedOrPlain],
  [PARSE_BY_PATTERN]: parsed,
  TO_DATE: [lenient, parsed],
  PROCTIME: instant,
  NOW: instant,
  CURRENT_TIMESTAMP: instant,
  CURRENT_ROW_TIMESTAMP: instant,
};
