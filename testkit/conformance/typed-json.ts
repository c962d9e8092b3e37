/**
 * Values in JSON with their type where JSON has none: {"$decimal": "1.20"}, {"$timestamp": "2020-01-01T00:00"} …, made into the
 * values of value-reader.ts for a given LogicalType. Literal types are looser than the schema (5 for a DOUBLE, a text for a
 * DATE): the schema decides.
 */
import { baseErrors } from "../../src/foundation/base/errors.ts";
import { bitmapOf, encodeBitmap } from "../../src/foundation/columnar/bitmap-value.ts";
import type { NestedType } from "../../src/foundation/columnar/binary-value.ts";
import {
  encodeVariant,
  parseVariant,
  type Variant,
} from "../../src/foundation/columnar/variant-value.ts";
import {
  type LogicalType,
  typeToString,
  types,
} from "../../src/foundation/columnar/logical-type.ts";
import type {
  DecimalValue,
  TimestampValue,
  Value,
} from "../../src/foundation/columnar/value-reader.ts";

export type TypedJson =
  | null
  | boolean
  | number
  | string
  | readonly TypedJson[]
  | { readonly [tag: string]: TypedJson };

export function jsonToValue(json: TypedJson, type: LogicalType): Value {
  if (json === null) return null;
  const plain = untagged(json);
  if (plain === null || (typeof plain === "string" && plain.startsWith("lit(null"))) return null;
  switch (type.kind) {
    case "BOOLEAN":
      return typeof plain === "string" ? plain.toLowerCase() === "true" : Boolean(plain);
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
      return Number(plain);
    case "BIGINT":
      return BigInt(plain as string | number);
    case "FLOAT":
      return Math.fround(Number(plain));
    case "DOUBLE":
      return Number(plain);
    case "DECIMAL":
      return decimal(String(plain), type.scale);
    case "CHAR":
    case "VARCHAR":
      return String(plain);
    case "BINARY":
    case "VARBINARY":
      return bytes(plain);
    case "DATE":
      return typeof plain === "number" ? plain : days(String(plain));
    case "TIME":
      return typeof plain === "number" ? plain : timeMillis(String(plain));
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return timestamp(plain, type.precision);
    case "INTERVAL_YEAR_MONTH":
      return isoMonths(String(plain)) ?? BigInt(plain as number);
    case "INTERVAL_DAY_TIME":
      return intervalMillis(json, plain);
    case "ROW":
    case "STRUCTURED":
      return (plain as readonly TypedJson[]).map((field, i) =>
        jsonToValue(field, type.fields[i]!.type),
      );
    case "NULL":
      return null;
    case "VARIANT":
      return encodeVariant(variantOf(plain as TypedJson));
    case "BITMAP":
      return encodeBitmap(bitmapOf(bitmapNumbers(plain)));
    case "ARRAY":
    case "MAP":
    case "MULTISET":
      return nestedValue(json, type);
    default:
      throw unsupportedJson(type);
  }
}

/** An array of elements, or of [key, value] pairs. */
export function nestedValue(json: TypedJson, type: NestedType): readonly Value[] {
  const plain = untagged(json) as readonly TypedJson[];
  if (type.kind === "ARRAY") return plain.map((value) => jsonToValue(value, type.element));
  const [keyType, valueType] =
    type.kind === "MAP" ? [type.key, type.value] : [type.element, types.int(false)];
  const pairs = Array.isArray(plain) ? plain : Object.entries(plain as object);
  return (pairs as (readonly TypedJson[])[]).map(([key, value]) => [
    jsonToValue(key!, keyType),
    jsonToValue(value!, valueType),
  ]);
}

/** A list of numbers, or `{1,2}`. */
function bitmapNumbers(plain: TypedJson): readonly number[] {
  if (typeof plain !== "string") return plain as readonly number[];
  return [...plain.matchAll(/\d+/g)].map(([digits]) => Number(digits));
}

/** Records have objects as {"$map": [[key, value], …]} and doubles as {"$double": "3.14"}. */
export function variantOf(json: TypedJson): Variant {
  if (json === null || typeof json === "boolean" || typeof json === "string") return json;
  if (typeof json === "number") return parseVariant(String(json));
  if (Array.isArray(json)) return json.map((part: TypedJson) => variantOf(part));
  const [[tag, content] = ["", null]] = Object.entries(json);
  if (tag === "$map") {
    const pairs = content as readonly (readonly [string, TypedJson])[];
    return new Map(pairs.map(([key, part]) => [key, variantOf(part)]));
  }
  return tag === "$double" ? Number(content) : variantOf(content);
}

/** The content of {"$tag": content}; anything else as it is. */
export function untagged(json: TypedJson): TypedJson {
  if (json === null || typeof json !== "object" || Array.isArray(json)) return json;
  const entries = Object.entries(json as { readonly [tag: string]: TypedJson });
  return entries.length >= 1 && /^\$|^row$/.test(entries[0]![0]) ? entries[0]![1] : json;
}

/** Period.toString: P1Y6M. */
export function isoMonths(text: string): bigint | undefined {
  const match = /^(-?)P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?$/.exec(text);
  if (match === null) return undefined;
  const months = Number(match[2] ?? 0) * 12 + Number(match[3] ?? 0);
  return BigInt(match[1] === "-" ? -months : months);
}

/** Duration.toString: PT36H12.5S. */
export function isoMillis(text: string): bigint | undefined {
  const match = /^(-?)P(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+(?:\.\d+)?)S)?)?$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [days, hours, minutes, seconds] = match.slice(2).map((part) => Number(part ?? 0));
  const millis = Math.round((((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * 1000);
  return BigInt(match[1] === "-" ? -millis : millis);
}

function intervalMillis(json: TypedJson, plain: TypedJson): bigint {
  const iso = isoMillis(String(plain));
  if (iso !== undefined) return iso;
  const isMillis = typeof json === "object" && json !== null && "$interval_ms" in json;
  const factor = isMillis || typeof json === "number" ? 1 : 1000;
  return BigInt(Math.round(Number(plain) * factor));
}

function bytes(plain: TypedJson): Uint8Array {
  if (Array.isArray(plain)) return Uint8Array.from(plain as number[]);
  return Uint8Array.from(Buffer.from(String(plain), "hex"));
}

/** HALF_UP to the scale. */
export function decimal(text: string, scale: number): DecimalValue {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text.trim());
  if (match === null)
    throw baseErrors.INTERNAL({ message: `'${text}' in the test data is no decimal` });
  const fraction = match[3] ?? "";
  const exponent = Number(match[4] ?? 0);
  let unscaled = BigInt((match[2] ?? "") + fraction || "0");
  const shift = scale - fraction.length + exponent;
  if (shift >= 0) unscaled *= 10n ** BigInt(shift);
  else {
    const divisor = 10n ** BigInt(-shift);
    unscaled = (unscaled + divisor / 2n) / divisor;
  }
  return { unscaled: match[1] === "-" ? -unscaled : unscaled, scale };
}

const DAY_MS = 86_400_000;

function days(text: string): number {
  return Math.floor(dateMillis(text) / DAY_MS);
}

function dateMillis(text: string): number {
  const match = /^([+-]?\d+)-(\d+)-(\d+)/.exec(text);
  if (match === null)
    throw baseErrors.INTERNAL({ message: `'${text}' in the test data is no date` });
  const date = new Date(0);
  date.setUTCFullYear(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  return date.getTime();
}

function clockParts(text: string): { millis: number; nanos: number } {
  const match = /(\d+):(\d+)(?::(\d+)(?:\.(\d+))?)?/.exec(text);
  if (match === null) return { millis: 0, nanos: 0 };
  const fraction = Number((match[4] ?? "").padEnd(9, "0").slice(0, 9));
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3] ?? 0);
  return {
    millis: seconds * 1000 + Math.floor(fraction / 1_000_000),
    nanos: fraction % 1_000_000,
  };
}

function timeMillis(text: string): number {
  return clockParts(text).millis;
}

function timestamp(plain: TypedJson, precision: number): TimestampValue {
  if (typeof plain === "number") return { millis: plain, nanos: 0 };
  const text = String(plain);
  const zone = /([+-]\d\d):?(\d\d)$/.exec(text.slice(10));
  const clock = clockParts(text.slice(text.search(/\d[T ]/) + 2));
  const offset = zone === null ? 0 : offsetMs(zone[1]!, zone[2]!);
  const millis = dateMillis(text) + clock.millis - offset;
  if (precision >= 9) return { millis, nanos: clock.nanos };
  const unit = 10 ** Math.max(0, 9 - precision);
  if (unit > 1_000_000) {
    const step = unit / 1_000_000;
    return { millis: Math.floor(millis / step) * step, nanos: 0 };
  }
  return { millis, nanos: Math.floor(clock.nanos / unit) * unit };
}

function offsetMs(hours: string, minutes: string): number {
  const sign = hours.startsWith("-") ? -1 : 1;
  return sign * (Math.abs(Number(hours)) * 60 + Number(minutes)) * 60_000;
}

function unsupportedJson(type: LogicalType) {
  return baseErrors.UNSUPPORTED({
    what: `an expected value of type ${typeToString(type)}`,
    remedy: "Leave the column out.",
  });
}
