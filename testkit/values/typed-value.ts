/**
 * The typed JSON of the conformance records ({"$decimal": "1.20"}, …) as values of a column's type, in the form that
 * codegen's writeBatch takes.
 *
 * Looser than SQL, as the records are: numbers for text columns, epoch milliseconds for timestamps, text for numbers.
 * Errors:  MR1004 values whose type has no encoding; MR1003 what does not convert.
 */
import { baseErrors } from "../../src/foundation/base/errors.ts";
import { type LogicalType, typeToString } from "../../src/foundation/columnar/logical-type.ts";
import {
  isoMillis,
  isoMonths,
  nestedValue,
  type TypedJson,
  variantOf,
} from "../conformance/typed-json.ts";
import { encodeVariant } from "../../src/foundation/columnar/variant-value.ts";
import { bitmapOf, encodeBitmap } from "../../src/foundation/columnar/bitmap-value.ts";
import { encodeNested } from "../../src/foundation/columnar/binary-value.ts";
import type { TestValue } from "../../src/dataplane/codegen/test-batches.ts";

const DAY_MS = 86_400_000;

export function typedValue(json: unknown, type: LogicalType): TestValue {
  if (json === null || json === undefined) return null;
  const value = unwrap(json);
  switch (type.kind) {
    case "NULL":
      return null;
    case "BOOLEAN":
      return typeof value === "boolean" ? value : String(value).toLowerCase() === "true";
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
      return checked(Number(value), json, type);
    case "FLOAT":
    case "DOUBLE":
      return Number(value);
    case "BIGINT":
      return BigInt(typeof value === "number" ? Math.trunc(value) : String(value));
    case "INTERVAL_YEAR_MONTH":
      return isoMonths(String(value)) ?? BigInt(value as number);
    case "INTERVAL_DAY_TIME":
      return isoMillis(String(unwrapText(json))) ?? BigInt(Math.trunc(Number(value)));
    case "DECIMAL":
      return fitting(unscaled(String(value), type.scale), type.precision);
    case "CHAR":
    case "VARCHAR":
      return String(value);
    case "BINARY":
    case "VARBINARY": {
      const bytes = (String(value).match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
      return Uint8Array.from(bytes);
    }
    case "DATE":
      if (typeof value === "number") return value;
      return checked(Date.parse(`${String(value)}T00:00:00Z`) / DAY_MS, json, type);
    case "TIME":
      return timeOfDay(value, json, type);
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return timestamp(value, json, type, type.precision);
    case "ROW": {
      if (!Array.isArray(value)) throw invalid(json, type);
      return type.fields.map((field, i) => typedValue(value[i], field.type));
    }
    case "VARIANT":
      return encodeVariant(variantOf(value as TypedJson));
    case "BITMAP":
      return encodeBitmap(bitmapOf(value as readonly number[]));
    case "ARRAY":
    case "MAP":
    case "MULTISET":
      return encodeNested(nestedValue(json as TypedJson, type), type);
    default:
      throw baseErrors.UNSUPPORTED({
        what: `a test value of type ${typeToString(type)}`,
        remedy: "Use records without such columns.",
      });
  }
}

/** The content of {"$interval_seconds": "PT1S"}, not yet a number. */
function unwrapText(json: unknown): unknown {
  return typeof json === "object" && json !== null ? Object.values(json)[0] : json;
}

function unwrap(json: unknown): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const [entry] = Object.entries(json);
  if (entry === undefined || !/^\$|^row$/.test(entry[0])) return json;
  return entry[0] === "$interval_seconds" ? Number(entry[1]) * 1000 : entry[1];
}

function checked(value: number, json: unknown, type: LogicalType): number {
  if (!Number.isInteger(value)) throw invalid(json, type);
  return value;
}

/** What does not fit the precision is NULL, as in Flink's own conversion. */
function fitting(value: bigint, precision: number): bigint | null {
  const magnitude = value < 0n ? -value : value;
  return magnitude < 10n ** BigInt(precision) ? value : null;
}

function unscaled(text: string, scale: number): bigint {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null)
    throw baseErrors.OPTION_INVALID({ key: "row", value: text, expected: "a DECIMAL" });
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const shift = scale - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  const magnitude =
    shift >= 0 ? digits * 10n ** BigInt(shift) : halfUp(digits, 10n ** BigInt(-shift));
  return sign === "-" ? -magnitude : magnitude;
}

function halfUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor / 2n) / divisor;
}

function timeOfDay(value: unknown, json: unknown, type: LogicalType): number {
  if (typeof value === "number") return value;
  const match = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/.exec(String(value));
  if (match === null) throw invalid(json, type);
  const [, hour, minute, second = "0", fraction = ""] = match;
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  return seconds * 1000 + Number(fraction.padEnd(3, "0").slice(0, 3));
}

function timestamp(value: unknown, json: unknown, type: LogicalType, precision: number): TestValue {
  let millis: bigint;
  let nanos = 0;
  if (typeof value === "number") millis = BigInt(value);
  else {
    const match = /^(\S+?)[T ](\d{2}:\d{2})(:\d{2})?(?:\.(\d{1,9}))?Z?$/.exec(String(value));
    const ms =
      match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}${match[3] ?? ":00"}Z`);
    if (match === null || Number.isNaN(ms)) throw invalid(json, type);
    nanos = Number((match[4] ?? "").padEnd(9, "0"));
    millis = BigInt(ms) + BigInt(Math.floor(nanos / 1_000_000));
    nanos %= 1_000_000;
  }
  if (precision <= 3) return millis;
  const unit = 10 ** (9 - precision);
  return [millis, BigInt(nanos - (nanos % unit))];
}

function invalid(json: unknown, type: LogicalType) {
  return baseErrors.OPTION_INVALID({
    key: "row",
    value: JSON.stringify(json),
    expected: `a ${typeToString(type)}`,
  });
}
