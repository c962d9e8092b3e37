/**
 * Literals of the syntax tree → expression literals; and the calendar arithmetic that needs no host.
 *
 * Types: 'abc' CHAR(3) NOT NULL, 1 INT or BIGINT or DECIMAL(digits, 0), 1.50 DECIMAL(3, 2), 1e3 DOUBLE,
 *        TIMESTAMP '… .123' TIMESTAMP(3). Errors: MR2119 a text that is no such value.
 */
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import { type Literal, literal } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type { IntervalLiteralNode, LiteralNode } from "../parser/ast.ts";
import { intervalType } from "./data-type.ts";

const MILLIS_PER_DAY = 86_400_000;

export function convertLiteral(node: LiteralNode): Literal {
  switch (node.kind) {
    case "string": {
      const length = [...node.value].length;
      return literal(node.value, { kind: "CHAR", length, nullable: false });
    }
    case "binaryLiteral":
      return literal(node.value, {
        kind: "BINARY",
        length: node.value.length / 2,
        nullable: false,
      });
    case "exactNumber":
      return exactNumber(node.text, node);
    case "approximateNumber":
      return literal(Number(node.text), types.double(false));
    case "boolean":
      return node.value === undefined
        ? literal(null, types.boolean())
        : literal(node.value, types.boolean(false));
    case "null":
      return literal(null, types.null());
    case "dateTime":
      return dateTimeLiteral(node.type, node.text, node);
    default:
      return intervalLiteral(node);
  }
}

function exactNumber(text: string, node: LiteralNode): Literal {
  const [whole = "", fraction] = text.split(".");
  if (fraction === undefined) {
    const value = BigInt(whole);
    if (value <= 2147483647n) return literal(Number(value), types.int(false));
    if (value <= 9223372036854775807n) return literal(value.toString(), types.bigint(false));
  }
  const digits = whole.replace(/^0+/, "");
  const scale = fraction?.length ?? 0;
  const precision = Math.max(1, digits.length + scale, scale);
  if (precision > 38)
    throw validateErrors.LITERAL_INVALID(
      { type: "numeric", text, expected: "at most 38 digits" },
      { at: node.span },
    );
  const plain = `${digits === "" ? "0" : digits}${fraction ? `.${fraction}` : ""}`;
  return literal(plain, types.decimal(precision, scale, false));
}

function dateTimeLiteral(type: string, text: string, node: LiteralNode): Literal {
  const bad = (expected: string) =>
    validateErrors.LITERAL_INVALID({ type, text, expected }, { at: node.span });
  if (type === "DATE") {
    const days = parseDate(text);
    if (days === undefined) throw bad("yyyy-MM-dd");
    return literal(days, types.date(false));
  }
  if (type === "TIME") {
    const time = parseTime(text);
    if (time === undefined) throw bad("HH:mm:ss[.SSS]");
    return literal(time.millis, types.time(Math.min(time.digits, 3), false));
  }
  const parsed = parseTimestamp(text);
  if (parsed === undefined || type === "TIMESTAMP_TZ") throw bad("yyyy-MM-dd HH:mm:ss[.SSSSSSSSS]");
  const { millis, nanos, digits } = parsed;
  return literal(
    { millis, nanos },
    type === "TIMESTAMP" ? types.timestamp(digits, false) : types.timestampLtz(digits, false),
  );
}

/** Epoch days of `yyyy-MM-dd`. */
export function parseDate(text: string): number | undefined {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text.trim());
  if (match === null) return undefined;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  return epochDays(year, month, day);
}

export function parseTime(
  text: string,
): { millis: number; nanos: number; digits: number } | undefined {
  const match = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [hour, minute, second] = match.slice(1, 4).map(Number) as [number, number, number];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fraction = match[4] ?? "";
  const nanosOfSecond = Number(fraction.padEnd(9, "0"));
  const millis = ((hour * 60 + minute) * 60 + second) * 1000 + Math.floor(nanosOfSecond / 1e6);
  return { millis, nanos: nanosOfSecond % 1e6, digits: fraction.length };
}

export function parseTimestamp(
  text: string,
): { millis: number; nanos: number; digits: number } | undefined {
  const [dateText = "", timeText = ""] = text.trim().split(/[ T]/);
  const days = parseDate(dateText);
  const time = timeText === "" ? { millis: 0, nanos: 0, digits: 0 } : parseTime(timeText);
  if (days === undefined || time === undefined) return undefined;
  return { ...time, millis: days * MILLIS_PER_DAY + time.millis };
}

const daysInMonth = (year: number, month: number): number => {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
};

/** Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's days_from_civil). */
export function epochDays(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146097 + dayOfEra + dayOfYear - 719468;
}

export function dateText(days: number): string {
  return new Date(days * MILLIS_PER_DAY).toISOString().slice(0, 10);
}

export function timestampText(value: { millis: number; nanos: number }, precision: number): string {
  const iso = new Date(value.millis).toISOString();
  const base = `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
  const fraction = iso.slice(20, 23) + String(value.nanos).padStart(6, "0");
  return precision === 0 ? base : `${base}.${fraction.slice(0, precision)}`;
}

const UNIT_MILLIS: Readonly<Record<string, number>> = {
  WEEK: 604_800_000,
  DAY: 86_400_000,
  HOUR: 3_600_000,
  MINUTE: 60_000,
  SECOND: 1000,
};
const ORDER = ["DAY", "HOUR", "MINUTE", "SECOND"];

function intervalLiteral(node: IntervalLiteralNode): Literal {
  const type = intervalType(node.qualifier, false);
  const value = intervalValue(node, type);
  if (value === undefined)
    throw validateErrors.LITERAL_INVALID(
      { type: "interval", text: node.text, expected: `a value of ${node.qualifier.start}` },
      { at: node.span },
    );
  return literal(node.negative ? -value : value, type);
}

function intervalValue(node: IntervalLiteralNode, type: LogicalType): number | undefined {
  const text = node.text.trim();
  const negative = text.startsWith("-");
  const body = text.replace(/^[+-]/, "");
  const { start, end } = node.qualifier;
  const sign = negative ? -1 : 1;
  if (type.kind === "INTERVAL_YEAR_MONTH") {
    const factor = { YEAR: 12, QUARTER: 3, MONTH: 1 }[start as "YEAR"];
    if (end === undefined) return /^\d+$/.test(body) ? sign * Number(body) * factor : undefined;
    const match = /^(\d+)-(\d+)$/.exec(body);
    return match === null ? undefined : sign * (Number(match[1]) * 12 + Number(match[2]));
  }
  if (end === undefined) {
    const pattern = start === "SECOND" ? /^\d+(\.\d+)?$/ : /^\d+$/;
    return pattern.test(body) ? sign * Math.round(Number(body) * UNIT_MILLIS[start]!) : undefined;
  }
  const parts = body.split(/[ :]/);
  const units = ORDER.slice(ORDER.indexOf(start), ORDER.indexOf(end) + 1);
  if (parts.length !== units.length || parts.some((p) => !/^\d+(\.\d+)?$/.test(p)))
    return undefined;
  const total = parts.reduce((sum, p, i) => sum + Number(p) * UNIT_MILLIS[units[i]!]!, 0);
  return sign * Math.round(total);
}

/** Milliseconds of a day-time interval literal, if it is one. */
export function intervalMillis(value: { kind: string; value?: unknown; type: LogicalType }) {
  return value.kind === "literal" && value.type.kind === "INTERVAL_DAY_TIME"
    ? Number(value.value)
    : undefined;
}
