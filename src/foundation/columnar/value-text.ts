/**
 * Values as Flink prints them, in its two manners: `java`, the toString() of a Row's Java objects (print connector, test
 * expectations), and `sql`, what CAST(… AS STRING) gives (SQL client, SQL Gateway's PLAIN_TEXT).
 *
 *              java                          sql
 *  BOOLEAN     true                          TRUE
 *  TIMESTAMP   2020-01-01T00:00, …:01.123    2020-01-01 00:00:00.123 (as many digits as the precision)
 *  LTZ         2020-01-01T00:00:00Z          2020-01-01 08:00:00.123 in the session's zone
 *  TIME        10:00, 10:00:01.5             10:00:00, with a precision its digits
 *  DECIMAL     2.7E-8                        0.000000027
 *  BYTES       [1, 2, -3]                    x'0102fd'
 *  ROW         +I[1, abc]                    (1, abc)
 *  NULL        null                          NULL
 *
 * Source:  Row.toString, java.time's and BigDecimal's toString, Double.toString, Flink's CastRules to CHARACTER_STRING.
 */
import { baseErrors } from "../base/errors.ts";
import { bitmapText, decodeBitmap } from "./bitmap-value.ts";
import { decodeNested, type NestedType } from "./binary-value.ts";
import { formatDouble, formatFloat } from "./double-text.ts";
import { type LogicalType, typeToString, types } from "./logical-type.ts";
import { ROW_KIND_TEXT } from "./row-kind.ts";
import type { Schema } from "./schema.ts";
import type { DecimalValue, TimestampValue, Value } from "./value-reader.ts";
import { decodeVariant, variantText } from "./variant-value.ts";

export interface TextStyle {
  readonly style: "java" | "sql";
  /** IANA zone for TIMESTAMP_LTZ in the manner of sql. */
  readonly timeZone?: string;
}

export const JAVA_STYLE: TextStyle = { style: "java" };

/** `+I[1, abc]`: a row with its kind. */
export function formatRow(
  kind: number,
  values: readonly Value[],
  schema: Schema,
  style: TextStyle = JAVA_STYLE,
): string {
  const texts = values.map((value, i) => formatValue(value, schema.fields[i]!.type, style));
  return `${ROW_KIND_TEXT[kind] ?? "+I"}[${texts.join(", ")}]`;
}

export function formatValue(
  value: Value,
  type: LogicalType,
  style: TextStyle = JAVA_STYLE,
): string {
  const java = style.style === "java";
  if (value === null) return java ? "null" : "NULL";
  switch (type.kind) {
    case "BOOLEAN":
      return java ? String(value) : String(value).toUpperCase();
    case "FLOAT":
      return formatFloat(value as number);
    case "DOUBLE":
      return formatDouble(value as number);
    case "DECIMAL":
      return java ? bigDecimalToString(value as DecimalValue) : plainDecimal(value as DecimalValue);
    case "CHAR":
    case "VARCHAR":
      return value as string;
    case "BINARY":
    case "VARBINARY":
      return formatBytes(value as Uint8Array, java);
    case "DATE":
      return formatDate(value as number);
    case "TIME":
      return java ? javaTime(value as number) : sqlTime(value as number, type.precision);
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return formatTimestamp(value as TimestampValue, type.kind, type.precision, style);
    case "INTERVAL_YEAR_MONTH":
      return java ? period(value as bigint) : sqlMonths(value as bigint);
    case "INTERVAL_DAY_TIME":
      return java ? duration(value as bigint) : sqlMillis(value as bigint);
    case "ROW":
    case "STRUCTURED": {
      const fields = value as readonly Value[];
      const texts = fields.map((field, i) => formatValue(field, type.fields[i]!.type, style));
      return java ? `+I[${texts.join(", ")}]` : `(${texts.join(", ")})`;
    }
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT":
      return String(value);
    case "BITMAP":
      return bitmapText(decodeBitmap(value as Uint8Array));
    case "VARIANT":
      return variantText(decodeVariant(value as Uint8Array));
    case "ARRAY":
    case "MAP":
    case "MULTISET":
      return formatNested(value as Uint8Array, type, style);
    default:
      throw baseErrors.UNSUPPORTED({
        what: `printing a value of type ${typeToString(type)}`,
        remedy: "Cast the column to STRING.",
      });
  }
}

/** `[1, 2]` and `{a=1}`; elements in the same manner. */
function formatNested(bytes: Uint8Array | readonly Value[], type: NestedType, style: TextStyle) {
  const values = bytes instanceof Uint8Array ? decodeNested(bytes, type) : bytes;
  if (type.kind === "ARRAY")
    return `[${values.map((value) => formatValue(value, type.element, style)).join(", ")}]`;
  const [keyType, valueType] =
    type.kind === "MAP" ? [type.key, type.value] : [type.element, types.int(false)];
  const entries = (values as readonly (readonly Value[])[]).map(
    ([key, value]) =>
      `${formatValue(key!, keyType, style)}=${formatValue(value!, valueType, style)}`,
  );
  return `{${entries.join(", ")}}`;
}

/** BigDecimal.toPlainString. */
export function plainDecimal({ unscaled, scale }: DecimalValue): string {
  const negative = unscaled < 0n;
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const text = scale === 0 ? whole : `${whole}.${digits.slice(digits.length - scale)}`;
  return negative ? `-${text}` : text;
}

/** BigDecimal.toString: scientific when the exponent is below −6. */
export function bigDecimalToString(value: DecimalValue): string {
  const digits = (value.unscaled < 0n ? -value.unscaled : value.unscaled).toString();
  const exponent = digits.length - 1 - value.scale;
  if (exponent >= -6) return plainDecimal(value);
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  return `${value.unscaled < 0n ? "-" : ""}${digits[0]}${fraction}E${exponent}`;
}

export function formatDate(days: number): string {
  return isoDate(days * 86_400_000);
}

function isoDate(millis: number): string {
  const text = new Date(millis).toISOString();
  const date = text.slice(0, text.indexOf("T"));
  // Years beyond four digits: Java writes as many as are needed.
  return date.replace(/^([+-])0*(\d{4,})/, (_, sign: string, year: string) => sign + year);
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function clock(millisOfDay: number): string {
  const seconds = Math.floor(millisOfDay / 1000);
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** LocalTime.toString: no seconds when they are zero, fractions in groups of three digits. */
function javaTime(millisOfDay: number, nanos = 0): string {
  const text = clock(millisOfDay);
  const fraction = groupedFraction(millisOfDay % 1000, nanos);
  return fraction === "" && text.endsWith(":00") ? text.slice(0, 5) : text + fraction;
}

function groupedFraction(millis: number, nanos: number): string {
  const digits = String(millis * 1_000_000 + nanos).padStart(9, "0");
  if (nanos % 1000 !== 0) return `.${digits}`;
  if (nanos !== 0) return `.${digits.slice(0, 6)}`;
  return millis === 0 ? "" : `.${digits.slice(0, 3)}`;
}

function sqlTime(millisOfDay: number, precision: number): string {
  const digits = String(millisOfDay % 1000)
    .padStart(3, "0")
    .padEnd(9, "0");
  return clock(millisOfDay) + (precision === 0 ? "" : `.${digits.slice(0, precision)}`);
}

function formatTimestamp(
  { millis, nanos }: TimestampValue,
  kind: "TIMESTAMP" | "TIMESTAMP_LTZ",
  precision: number,
  { style, timeZone = "UTC" }: TextStyle,
): string {
  const local =
    style === "sql" && kind === "TIMESTAMP_LTZ" ? millis + zoneOffsetMs(millis, timeZone) : millis;
  const ofDay = ((local % 86_400_000) + 86_400_000) % 86_400_000;
  const date = isoDate(local - ofDay);
  if (style === "sql") {
    const digits = String((ofDay % 1000) * 1_000_000 + nanos).padStart(9, "0");
    return `${date} ${clock(ofDay)}${precision === 0 ? "" : `.${digits.slice(0, precision)}`}`;
  }
  if (kind === "TIMESTAMP") return `${date}T${javaTime(ofDay, nanos)}`;
  return `${date}T${clock(ofDay)}${groupedFraction(ofDay % 1000, nanos)}Z`;
}

const zones = new Map<string, Intl.DateTimeFormat>();

/** Offset of a zone at an instant, milliseconds to add to get its wall clock. */
export function zoneOffsetMs(millis: number, timeZone: string): number {
  if (timeZone === "UTC" || timeZone === "GMT" || timeZone === "Z") return 0;
  let format = zones.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
      era: "short",
    });
    zones.set(timeZone, format);
  }
  const parts: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(millis)) parts[type] = value;
  const part = (name: string) => Number(parts[name]);
  const year = parts.era === "BC" ? 1 - part("year") : part("year");
  const wall = new Date(0);
  wall.setUTCFullYear(year, part("month") - 1, part("day"));
  wall.setUTCHours(part("hour"), part("minute"), part("second"), 0);
  return wall.getTime() - Math.floor(millis / 1000) * 1000;
}

function formatBytes(bytes: Uint8Array, java: boolean): string {
  const list = Array.from(bytes);
  if (java) return `[${list.map((byte) => (byte << 24) >> 24).join(", ")}]`;
  return `x'${list.map((byte) => byte.toString(16).padStart(2, "0")).join("")}'`;
}

/** Period.toString of months. */
function period(months: bigint): string {
  const years = months / 12n;
  const rest = months % 12n;
  if (months === 0n) return "P0D";
  return `P${years === 0n ? "" : `${years}Y`}${rest === 0n ? "" : `${rest}M`}`;
}

/** Duration.toString of milliseconds. */
function duration(millis: bigint): string {
  if (millis === 0n) return "PT0S";
  const seconds = millis / 1000n;
  const rest = millis % 1000n;
  const hours = seconds / 3600n;
  const minutes = (seconds % 3600n) / 60n;
  const last = seconds % 60n;
  const head = `PT${hours === 0n ? "" : `${hours}H`}${minutes === 0n ? "" : `${minutes}M`}`;
  if (last === 0n && rest === 0n) return head;
  const fraction = (rest < 0n ? -rest : rest).toString().padStart(3, "0").replace(/0+$/, "");
  const sign = last === 0n && rest < 0n ? "-" : "";
  return `${head}${sign}${last}${fraction === "" ? "" : `.${fraction}`}S`;
}

function sqlMonths(months: bigint): string {
  const size = months < 0n ? -months : months;
  return `${months < 0n ? "-" : "+"}${size / 12n}-${(size % 12n).toString().padStart(2, "0")}`;
}

function sqlMillis(millis: bigint): string {
  const size = millis < 0n ? -millis : millis;
  const ofDay = Number(size % 86_400_000n);
  const fraction = String(ofDay % 1000).padStart(3, "0");
  return `${millis < 0n ? "-" : "+"}${size / 86_400_000n} ${clock(ofDay)}.${fraction}`;
}
