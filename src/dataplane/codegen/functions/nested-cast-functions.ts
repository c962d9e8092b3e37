/**
 * CAST and TRY_CAST from and to ARRAY, MAP, MULTISET, ROW and BITMAP, value by value, as column
 * functions. Casts of single values that need none of this are compiled (expressions/cast.ts).
 *
 * Failure: CAST reports CAST_FAILED for text that is no value of the target; TRY_CAST makes the
 *          whole result NULL.
 * Errors:  CAST_UNSUPPORTED, when the query is compiled, for pairs that are not covered.
 * VARIANT: a number to every number, as Java narrows it; TRUE and FALSE to BOOLEAN; arrays and objects to ARRAY, MAP
 *          and ROW by name; its NULL is NULL; to text its text without
 *          quotes, the rest as JSON. Anything else fails.
 * Limits:  elements: numbers among each other, text to numbers and BOOLEAN, everything to text but
 *          RAW, times of one kind, DATE and TIMESTAMP; not Flink's legacy behaviour.
 * Source:  Flink's CastRules ArrayToArray, MapToMap, RowToRow, VariantTo…, …ToString.
 */
import { isNested } from "../../../foundation/columnar/binary-value.ts";
import {
  type LogicalType,
  MAX_LENGTH,
  type StringType,
  types,
  typeToString,
} from "../../../foundation/columnar/logical-type.ts";
import type {
  DecimalValue,
  TimestampValue,
  Value,
} from "../../../foundation/columnar/value-reader.ts";
import { formatValue } from "../../../foundation/columnar/value-text.ts";
import {
  decodeVariant,
  encodeVariant,
  type Variant,
  variantText,
} from "../../../foundation/columnar/variant-value.ts";
import { codegenErrors } from "../errors.ts";
import { everyRow } from "./column-rows.ts";
import { readValue, writeValue } from "./column-values.ts";
import type { ColumnFunction, FunctionTable } from "./registry.ts";

type Cast = (value: Exclude<Value, null>) => Value;

/** Text that is no value of the target type. */
class UnreadableText extends Error {}

const isRow = (type: LogicalType) => type.kind === "ROW" || type.kind === "STRUCTURED";
const isCharacters = (type: LogicalType): type is StringType =>
  type.kind === "CHAR" || type.kind === "VARCHAR";

/** Whether a cast takes or gives collections, so that it is not compiled. */
export function castsNested(from: LogicalType, to: LogicalType): boolean {
  if (sameForm(from, to)) return false;
  const apart = ["BITMAP", "VARIANT"];
  if (isNested(from) || isNested(to)) return true;
  if (apart.includes(from.kind) || apart.includes(to.kind)) return true;
  if (!isRow(from)) return false;
  if (isCharacters(to)) return true;
  const [own, wanted] = [fieldTypes(from), fieldTypes(to)];
  return own.some((type, i) => wanted[i] !== undefined && castsNested(type, wanted[i]));
}

function nestedCast(safe: boolean): ColumnFunction {
  return {
    kind: "column",
    accepts: ({ args, type }) => args[0]!.type.kind !== "NULL" && castsNested(args[0]!.type, type),
    prepare: (call, { timeZone }) => {
      const from = call.args[0]!.type;
      const cast = castOf(from, call.type, timeZone);
      if (cast === undefined)
        throw codegenErrors.CAST_UNSUPPORTED({
          from: typeToString(from),
          to: typeToString(call.type),
        });
      return everyRow(({ args, out }, row) => {
        const value = readValue(args[0]!, row);
        try {
          writeValue(out, row, value === null ? null : cast(value));
        } catch (error) {
          if (!(error instanceof UnreadableText)) throw error;
          if (!safe)
            throw codegenErrors.CAST_FAILED(
              { function: `CAST AS ${typeToString(call.type)}`, where: "a row" },
              { value: error.message },
            );
          out.setNull(row);
        }
      });
    },
  };
}

function sameForm(from: LogicalType, to: LogicalType): boolean {
  const form = (type: LogicalType) => typeToString(type).replaceAll(" NOT NULL", "");
  return form(from) === form(to);
}

function fieldTypes(type: LogicalType): readonly LogicalType[] {
  return type.kind === "ROW" || type.kind === "STRUCTURED"
    ? type.fields.map((field) => field.type)
    : [];
}

function castOf(from: LogicalType, to: LogicalType, timeZone: string): Cast | undefined {
  if (from.kind === "NULL") return () => null;
  if (sameForm(from, to)) return (value) => value;
  // A bitmap is its bytes already.
  if (from.kind === "BITMAP" && to.kind === "VARBINARY") return (value) => value;
  if (from.kind === "VARIANT") return variantCast(to, timeZone);
  if (isCharacters(to)) return toText(from, to, timeZone);
  if (isCharacters(from)) return fromText(to);
  if (from.kind === "ARRAY" && to.kind === "ARRAY") {
    const element = optional(castOf(from.element, to.element, timeZone));
    return element && ((value) => (value as readonly Value[]).map(element));
  }
  if (from.kind === "MAP" && to.kind === "MAP")
    return entriesCast([from.key, from.value], [to.key, to.value], timeZone);
  if (from.kind === "MULTISET" && to.kind === "MULTISET")
    return entriesCast([from.element, types.int()], [to.element, types.int()], timeZone);
  if (isRow(from) && isRow(to)) return rowCast(fieldTypes(from), fieldTypes(to), timeZone);
  if (isNumber(from) && isNumber(to)) return numericCast(to);
  return timeCast(from, to);
}

function optional(cast: Cast | undefined): ((value: Value) => Value) | undefined {
  return cast && ((value) => (value === null ? null : cast(value)));
}

function entriesCast(
  from: readonly [LogicalType, LogicalType],
  to: readonly [LogicalType, LogicalType],
  timeZone: string,
): Cast | undefined {
  const key = optional(castOf(from[0], to[0], timeZone));
  const value = optional(castOf(from[1], to[1], timeZone));
  if (key === undefined || value === undefined) return undefined;
  return (map) =>
    (map as readonly (readonly [Value, Value])[]).map((entry) => [key(entry[0]), value(entry[1])]);
}

function rowCast(
  from: readonly LogicalType[],
  to: readonly LogicalType[],
  timeZone: string,
): Cast | undefined {
  if (from.length !== to.length) return undefined;
  const casts = from.map((type, i) => optional(castOf(type, to[i]!, timeZone)));
  if (casts.includes(undefined)) return undefined;
  return (row) => casts.map((cast, i) => cast!((row as readonly Value[])[i] ?? null));
}

const UNPRINTABLE = new Set(["RAW", "DESCRIPTOR"]);

function prints(type: LogicalType): boolean {
  if (type.kind === "ARRAY" || type.kind === "MULTISET") return prints(type.element);
  if (type.kind === "MAP") return prints(type.key) && prints(type.value);
  if (isRow(type)) return fieldTypes(type).every(prints);
  return !UNPRINTABLE.has(type.kind);
}

function toText(from: LogicalType, to: StringType, timeZone: string): Cast | undefined {
  if (!prints(from)) return undefined;
  return (value) => {
    const isBytes = from.kind === "BINARY" || from.kind === "VARBINARY";
    const text = isBytes
      ? new TextDecoder().decode(value as Uint8Array)
      : formatValue(value, from, { style: "sql", timeZone });
    return fitLength(text, to);
  };
}

function fitLength(text: string, to: StringType): string {
  if (to.length === MAX_LENGTH) return text;
  const characters = [...text];
  const cut = characters.slice(0, to.length).join("");
  return to.kind === "CHAR" ? cut + " ".repeat(to.length - [...cut].length) : cut;
}

const INTEGERS: Readonly<Record<string, number>> = {
  TINYINT: 8,
  SMALLINT: 16,
  INTEGER: 32,
  BIGINT: 64,
};

const isNumber = (type: LogicalType) =>
  type.kind in INTEGERS ||
  type.kind === "FLOAT" ||
  type.kind === "DOUBLE" ||
  type.kind === "DECIMAL";

function fromText(to: LogicalType): Cast | undefined {
  const bits = INTEGERS[to.kind];
  const read = (value: Value, form: RegExp): string => {
    const text = String(value).trim();
    if (!form.test(text)) throw new UnreadableText(String(value));
    return text;
  };
  if (bits !== undefined)
    return (value) => {
      const number = BigInt(read(value, /^[+-]?\d+(\.\d*)?$/).replace(/^\+|\..*$/g, ""));
      if (BigInt.asIntN(bits, number) !== number) throw new UnreadableText(String(value));
      return bits === 64 ? number : Number(number);
    };
  if (to.kind === "FLOAT" || to.kind === "DOUBLE")
    return (value) => {
      const number = Number(
        read(value, /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|Infinity|NaN)$/),
      );
      return to.kind === "FLOAT" ? Math.fround(number) : number;
    };
  if (to.kind === "DECIMAL")
    return (value) => toDecimal(decimalOf(read(value, /^[+-]?(\d+\.?\d*|\.\d+)$/)), to);
  if (to.kind === "BOOLEAN")
    return (value) =>
      /^(t|true|y|yes|on|1)$/i.test(read(value, /^(t|true|f|false|y|yes|n|no|1|0)$/i));
  return undefined;
}

/** Java's narrowing: integers wrap, floating numbers stop at the ends of INT or BIGINT first. */
function numericCast(to: LogicalType): Cast {
  const bits = INTEGERS[to.kind];
  if (bits !== undefined)
    return (value) => {
      const whole = wholeOf(value, bits);
      const wrapped = BigInt.asIntN(bits, whole);
      if (typeof value === "object" && wrapped !== whole) return null;
      return bits === 64 ? wrapped : Number(wrapped);
    };
  if (to.kind === "DECIMAL") return (value) => toDecimal(decimalOf(value), to);
  return (value) => {
    const number = typeof value === "object" ? numberOf(value as DecimalValue) : Number(value);
    return to.kind === "FLOAT" ? Math.fround(number) : number;
  };
}

function wholeOf(value: Exclude<Value, null>, bits: number): bigint {
  if (typeof value === "object") {
    const { unscaled, scale } = value as DecimalValue;
    return unscaled / 10n ** BigInt(scale);
  }
  if (typeof value === "bigint" || Number.isInteger(value)) {
    const whole = BigInt(value as number | bigint);
    return typeof value === "bigint" || Number.isSafeInteger(value) ? whole : clamp(whole, bits);
  }
  const number = Number(value);
  if (Number.isNaN(number)) return 0n;
  const end = 2 ** (Math.max(bits, 32) - 1);
  if (number >= end) return BigInt(end) - 1n;
  return number <= -end ? BigInt(-end) : BigInt(Math.trunc(number));
}

function clamp(whole: bigint, bits: number): bigint {
  const end = 1n << BigInt(Math.max(bits, 32) - 1);
  if (whole >= end) return end - 1n;
  return whole < -end ? -end : whole;
}

function numberOf({ unscaled, scale }: DecimalValue): number {
  return Number(`${unscaled}e-${scale}`);
}

function decimalOf(value: Value): DecimalValue {
  if (typeof value === "object" && value !== null) return value as DecimalValue;
  const match = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/.exec(String(value));
  if (match === null) throw new UnreadableText(String(value));
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const shift = Number(exponent) - fraction.length;
  const digits = BigInt(`${sign}${whole}${fraction}`);
  return shift > 0
    ? { unscaled: digits * 10n ** BigInt(shift), scale: 0 }
    : { unscaled: digits, scale: -shift };
}

/** The kinds that variants hold; a DECIMAL that does not fit is no value of the type. */
function variantCast(to: LogicalType, timeZone: string): Cast | undefined {
  const part = readVariant(to, timeZone);
  return part && ((bytes) => part(decodeVariant(bytes as Uint8Array)));
}

type FromVariant = (variant: Variant) => Value;

function readVariant(to: LogicalType, timeZone: string): FromVariant | undefined {
  const reads = (test: (variant: Variant) => boolean, read: FromVariant): FromVariant => {
    return (variant) => {
      if (variant === null) return null;
      if (!test(variant)) throw new UnreadableText(variantText(variant));
      return read(variant);
    };
  };
  if (to.kind === "BOOLEAN")
    return reads(
      (v) => typeof v === "boolean",
      (v) => v as boolean,
    );
  if (to.kind === "VARIANT") return encodeVariant;
  if (isCharacters(to)) return (v) => (v === null ? null : fitLength(scalarText(v), to));
  if (isNumber(to)) {
    const cast = numericCast(to);
    return reads(isVariantNumber, (variant) => {
      const value = cast(variant as Exclude<Value, null>);
      if (value === null) throw new UnreadableText(variantText(variant));
      return value;
    });
  }
  if (to.kind === "ARRAY") {
    const element = readVariant(to.element, timeZone);
    return element && reads(Array.isArray, (v) => (v as readonly Variant[]).map(element));
  }
  if (to.kind === "MAP") {
    const value = readVariant(to.value, timeZone);
    if (value === undefined || !isCharacters(to.key)) return undefined;
    return reads(isObject, (v) => [...(v as VariantObject)].map(([k, part]) => [k, value(part)]));
  }
  if (!isRow(to)) return undefined;
  const fields = (to as Extract<LogicalType, { kind: "ROW" }>).fields;
  const parts = fields.map(({ type }) => readVariant(type, timeZone));
  if (parts.includes(undefined)) return undefined;
  return reads(isObject, (v) =>
    fields.map(({ name }, i) => parts[i]!((v as VariantObject).get(name) ?? null)),
  );
}

/** A text as it is, BOOLEAN as SQL has it, all else as JSON. */
function scalarText(variant: Variant): string {
  if (typeof variant === "string") return variant;
  return typeof variant === "boolean" ? String(variant).toUpperCase() : variantText(variant);
}

type VariantObject = ReadonlyMap<string, Variant>;
const isObject = (variant: Variant) => variant instanceof Map;

function isVariantNumber(variant: Variant): boolean {
  if (typeof variant === "bigint" || typeof variant === "number") return true;
  return typeof variant === "object" && variant !== null && "unscaled" in variant;
}

/** HALF_UP; NULL when it does not fit. */
function toDecimal(
  { unscaled, scale }: DecimalValue,
  to: Extract<LogicalType, { kind: "DECIMAL" }>,
): Value {
  const shift = BigInt(Math.abs(to.scale - scale));
  const unit = 10n ** shift;
  const half = unscaled < 0n ? -unit / 2n : unit / 2n;
  const rounded = to.scale >= scale ? unscaled * unit : (unscaled + half) / unit;
  const size = rounded < 0n ? -rounded : rounded;
  return size < 10n ** BigInt(to.precision) ? { unscaled: rounded, scale: to.scale } : null;
}

const DAY_MS = 86_400_000;

function timeCast(from: LogicalType, to: LogicalType): Cast | undefined {
  const isMoment = to.kind === "TIMESTAMP" || to.kind === "TIMESTAMP_LTZ";
  if (isMoment && from.kind === to.kind)
    return (value) => atPrecision(value as TimestampValue, to.precision);
  if (from.kind === "DATE" && to.kind === "TIMESTAMP")
    return (value) => ({ millis: (value as number) * DAY_MS, nanos: 0 });
  if (from.kind === "TIMESTAMP" && to.kind === "DATE")
    return (value) => Math.floor((value as TimestampValue).millis / DAY_MS);
  if (from.kind === "TIME" && to.kind === "TIME") {
    const unit = 10 ** Math.max(0, 3 - to.precision);
    return (value) => Math.floor((value as number) / unit) * unit;
  }
  return undefined;
}

function atPrecision({ millis, nanos }: TimestampValue, precision: number): TimestampValue {
  if (precision <= 3) {
    const unit = 10 ** (3 - precision);
    return { millis: Math.floor(millis / unit) * unit, nanos: 0 };
  }
  const unit = 10 ** (9 - precision);
  return { millis, nanos: Math.floor(nanos / unit) * unit };
}

export const nestedCastFunctions: FunctionTable = {
  CAST: nestedCast(false),
  TRY_CAST: nestedCast(true),
};
