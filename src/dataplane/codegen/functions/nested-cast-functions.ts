/**
 * CAST and TRY_CAST from collections: to text as CAST prints values, and to collections of other element types.
 *
 * Elements: numbers among each other, everything to text, text to numbers; other pairs are refused when the query is
 *         compiled. An element that does not convert fails the CAST; TRY_CAST makes the whole collection NULL, as in Flink.
 */
import { isNested } from "../../../foundation/columnar/binary-value.ts";
import {
  type LogicalType,
  typeEquals,
  types,
  typeToString,
} from "../../../foundation/columnar/logical-type.ts";
import type { DecimalValue, Value } from "../../../foundation/columnar/value-reader.ts";
import { formatValue, plainDecimal } from "../../../foundation/columnar/value-text.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import { codegenErrors } from "../errors.ts";
import { isNumeric } from "../expressions/cast-numeric.ts";
import { isText } from "../expressions/cast-text.ts";
import { eachRow } from "./column-rows.ts";
import { readValue, writeValue } from "./column-values.ts";
import type { ColumnFunction, FunctionTable } from "./registry.ts";

/** Undefined: the value does not convert. */
type Convert = (value: Exclude<Value, null>) => Value | undefined;

function converter(from: LogicalType, to: LogicalType, timeZone: string): Convert | undefined {
  if (typeEquals(from, to, { ignoreNullability: true })) return (value) => value;
  if (isText(to))
    return (value) => fitted(formatValue(value, from, { style: "sql", timeZone }), to);
  if (isNumeric(to) && (isNumeric(from) || isText(from)))
    return (value) => numberValue(numberText(value), to);
  if (from.kind === "ARRAY" && to.kind === "ARRAY")
    return each(converter(from.element, to.element, timeZone));
  if (from.kind === "MAP" && to.kind === "MAP") {
    const key = converter(from.key, to.key, timeZone);
    const value = converter(from.value, to.value, timeZone);
    if (key === undefined || value === undefined) return undefined;
    return each((entry) => fields([key, value], entry as readonly Value[]));
  }
  if (from.kind !== "ROW" || to.kind !== "ROW" || from.fields.length !== to.fields.length)
    return undefined;
  const parts = from.fields.map((field, i) => converter(field.type, to.fields[i]!.type, timeZone));
  if (parts.includes(undefined)) return undefined;
  return (row) => fields(parts as Convert[], row as readonly Value[]);
}

function each(convert: Convert | undefined): Convert | undefined {
  if (convert === undefined) return undefined;
  return (values) => {
    const converted: Value[] = [];
    for (const value of values as readonly Value[]) {
      const result = value === null ? null : convert(value);
      if (result === undefined) return undefined;
      converted.push(result);
    }
    return converted;
  };
}

function fields(converters: readonly Convert[], values: readonly Value[]): Value | undefined {
  const converted: Value[] = [];
  for (const [i, convert] of converters.entries()) {
    const value = values[i] ?? null;
    const result = value === null ? null : convert(value);
    if (result === undefined) return undefined;
    converted.push(result);
  }
  return converted;
}

function fitted(text: string, to: LogicalType): string {
  if (to.kind !== "CHAR" && to.kind !== "VARCHAR") return text;
  const characters = [...text];
  if (characters.length > to.length) return characters.slice(0, to.length).join("");
  return to.kind === "CHAR" ? text + " ".repeat(to.length - characters.length) : text;
}

function numberText(value: Exclude<Value, null>): string {
  if (typeof value === "object" && "unscaled" in value) return plainDecimal(value as DecimalValue);
  return String(value).trim();
}

const LIMITS: Readonly<Record<string, number>> = { TINYINT: 8, SMALLINT: 16, INTEGER: 32 };

function numberValue(text: string, to: LogicalType): Value | undefined {
  const number = Number(text);
  if (text === "" || Number.isNaN(number)) return text === "NaN" ? number : undefined;
  if (to.kind === "FLOAT") return Math.fround(number);
  if (to.kind === "DOUBLE") return number;
  if (to.kind === "DECIMAL") return decimalOf(text, to.precision, to.scale);
  const whole = BigInt(/^[+-]?\d+/.exec(text)?.[0] ?? Math.trunc(number));
  const bits = LIMITS[to.kind] ?? 64;
  if (BigInt.asIntN(bits, whole) !== whole) return undefined;
  return to.kind === "BIGINT" ? whole : Number(whole);
}

/** HALF_UP to the scale; NULL when it does not fit. */
function decimalOf(text: string, precision: number, scale: number): Value | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const fraction = (match[3] ?? "").padEnd(scale + 1, "0");
  const digits = BigInt(`${match[2] ?? ""}${fraction.slice(0, scale)}` || "0");
  const unscaled = fraction.charAt(scale) >= "5" ? digits + 1n : digits;
  if (unscaled >= 10n ** BigInt(precision)) return null;
  return { unscaled: match[1] === "-" ? -unscaled : unscaled, scale };
}

function nestedCast(safe: boolean): ColumnFunction {
  return {
    kind: "column",
    accepts: ({ args, type }) =>
      args[0] !== undefined &&
      isNested(args[0].type) &&
      converter(args[0].type, type, "UTC") !== undefined,
    prepare: (call, { timeZone }) => {
      const from = call.args[0]?.type ?? types.null();
      const convert = converter(from, call.type, timeZone);
      return eachRow(({ args: [arg], out }, row) => {
        const value = readValue(arg!, row);
        const result = value === null ? null : convert?.(value);
        if (result === undefined && !safe) throw failure(call, value, from);
        writeValue(out, row, result ?? null);
      });
    },
  };
}

function failure(call: Call, value: Value, from: LogicalType) {
  return codegenErrors.CAST_FAILED({
    function: `CAST AS ${typeToString(call.type)}`,
    text: formatValue(value, from),
    where: "a row",
  });
}

export const nestedCastFunctions: FunctionTable = {
  CAST: nestedCast(false),
  TRY_CAST: nestedCast(true),
};
