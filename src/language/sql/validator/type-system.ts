/**
 * Type arithmetic: decimal rules, least restrictive types, and which types convert to which.
 *
 * Source: Flink LogicalTypeMerging (decimal results), LogicalTypeCasts (implicit and explicit casts), FlinkTypeSystem,
 *         Calcite leastRestrictive. Limits: DECIMAL precision at most 38.
 */
import {
  type DecimalType,
  type LogicalType,
  MAX_LENGTH,
  type TimestampType,
  type TypeKind,
  typeEquals,
  types,
  withNullable,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";

export const MAX_DECIMAL_PRECISION = 38;

const INTEGERS: Readonly<Partial<Record<TypeKind, number>>> = {
  TINYINT: 3,
  SMALLINT: 5,
  INTEGER: 10,
  BIGINT: 19,
};

export const isInteger = (t: LogicalType): boolean => t.kind in INTEGERS;
export const isApproximate = (t: LogicalType): boolean => t.kind === "FLOAT" || t.kind === "DOUBLE";
export const isDecimal = (t: LogicalType): t is DecimalType => t.kind === "DECIMAL";
export const isExact = (t: LogicalType): boolean => isInteger(t) || isDecimal(t);
export const isNumeric = (t: LogicalType): boolean => isExact(t) || isApproximate(t);
export const isCharacter = (t: LogicalType): boolean => t.kind === "CHAR" || t.kind === "VARCHAR";
export const isBinary = (t: LogicalType): boolean => t.kind === "BINARY" || t.kind === "VARBINARY";
export const isTimestamp = (t: LogicalType): t is TimestampType =>
  t.kind === "TIMESTAMP" || t.kind === "TIMESTAMP_LTZ";
export const isDatetime = (t: LogicalType): boolean =>
  isTimestamp(t) || t.kind === "DATE" || t.kind === "TIME";
export const isInterval = (t: LogicalType): boolean =>
  t.kind === "INTERVAL_YEAR_MONTH" || t.kind === "INTERVAL_DAY_TIME";
export const isNull = (t: LogicalType): boolean => t.kind === "NULL";
export const isRow = (t: LogicalType): boolean => t.kind === "ROW" || t.kind === "STRUCTURED";

/** An integer type as the DECIMAL that holds it; a DECIMAL itself. */
export function asDecimal(type: LogicalType): { precision: number; scale: number } {
  if (type.kind === "DECIMAL") return type;
  return { precision: INTEGERS[type.kind] ?? 38, scale: 0 };
}

function adjust(precision: number, scale: number): { precision: number; scale: number } {
  if (precision <= MAX_DECIMAL_PRECISION) return { precision, scale };
  const digits = precision - scale;
  return {
    precision: MAX_DECIMAL_PRECISION,
    scale: Math.max(MAX_DECIMAL_PRECISION - digits, Math.min(scale, 6)),
  };
}

/** Result of an operator on two exact types, at least one of them a DECIMAL. */
export function decimalResult(
  operator: "PLUS" | "MINUS" | "TIMES" | "DIVIDE" | "MOD",
  left: LogicalType,
  right: LogicalType,
): LogicalType {
  const { precision: p1, scale: s1 } = asDecimal(left);
  const { precision: p2, scale: s2 } = asDecimal(right);
  const nullable = left.nullable || right.nullable;
  const make = (p: number, s: number) => {
    const { precision, scale } = adjust(p, s);
    return types.decimal(precision, scale, nullable);
  };
  switch (operator) {
    case "PLUS":
    case "MINUS": {
      const scale = Math.max(s1, s2);
      return make(Math.max(p1 - s1, p2 - s2) + scale + 1, scale);
    }
    case "TIMES":
      return make(p1 + p2 + 1, s1 + s2);
    case "DIVIDE": {
      const scale = Math.max(6, s1 + p2 + 1);
      return make(p1 - s1 + s2 + scale, scale);
    }
    default: {
      if (s1 === 0 && s2 === 0 && isInteger(right)) return withNullable(right, nullable);
      const scale = Math.max(s1, s2);
      return make(Math.min(p1 - s1, p2 - s2) + scale, scale);
    }
  }
}

/** SUM(DECIMAL(p, s)) is DECIMAL(38, s); AVG has at least six digits of scale. */
export const sumDecimal = (type: DecimalType, nullable: boolean): LogicalType =>
  types.decimal(MAX_DECIMAL_PRECISION, type.scale, nullable);
export const avgDecimal = (type: DecimalType, nullable: boolean): LogicalType =>
  types.decimal(MAX_DECIMAL_PRECISION, Math.max(6, type.scale), nullable);

const APPROXIMATE_RANK: readonly TypeKind[] = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT"];

/** The type both numbers widen to (not for decimal arithmetic). */
export function numericSuper(a: LogicalType, b: LogicalType): LogicalType {
  const nullable = a.nullable || b.nullable;
  if (isApproximate(a) || isApproximate(b)) {
    const wide = a.kind === "DOUBLE" || b.kind === "DOUBLE" || isDecimal(a) || isDecimal(b);
    return wide ? types.double(nullable) : types.float(nullable);
  }
  if (isDecimal(a) || isDecimal(b)) {
    const da = asDecimal(a);
    const db = asDecimal(b);
    const scale = Math.max(da.scale, db.scale);
    const digits = Math.max(da.precision - da.scale, db.precision - db.scale);
    const precision = Math.min(MAX_DECIMAL_PRECISION, digits + scale);
    return types.decimal(precision, Math.min(scale, Math.max(0, precision - digits)), nullable);
  }
  const rank = Math.max(APPROXIMATE_RANK.indexOf(a.kind), APPROXIMATE_RANK.indexOf(b.kind));
  return { kind: APPROXIMATE_RANK[rank] as "BIGINT", nullable };
}

/** Of FLOAT and DOUBLE: Calcite takes them for equally precise, and the first one counts; Flink's own functions take DOUBLE. */
export type ApproximateRule = "first" | "widest";

/**
 * The type that all convert to (CASE, UNION, VALUES, ARRAY: "first"; COALESCE, GREATEST and the like: "widest"), if there is one.
 */
export function leastRestrictive(
  all: readonly LogicalType[],
  rule: ApproximateRule = "widest",
): LogicalType | undefined {
  let result: LogicalType | undefined;
  let nullable = false;
  for (const type of all) {
    if (type.nullable) nullable = true;
    if (isNull(type)) continue;
    const merged = result === undefined ? type : merge(result, type, rule);
    if (merged === undefined) return undefined;
    result = merged;
  }
  return result === undefined ? types.null() : withNullable(result, nullable);
}

function merge(a: LogicalType, b: LogicalType, rule: ApproximateRule): LogicalType | undefined {
  const nullable = a.nullable || b.nullable;
  if (typeEquals(a, b, { ignoreNullability: true })) return mergeEqual(a, b, nullable, rule);
  if (rule === "first" && isApproximate(a) && isApproximate(b)) return withNullable(a, nullable);
  if (isNumeric(a) && isNumeric(b)) return numericSuper(a, b);
  if (isCharacter(a) && isCharacter(b)) return mergeStrings(a, b, nullable);
  if (isBinary(a) && isBinary(b)) return mergeStrings(a, b, nullable);
  if (isTimestamp(a) && isTimestamp(b)) {
    const kind = a.kind === b.kind ? a.kind : "TIMESTAMP_LTZ";
    return { kind, precision: Math.max(a.precision, b.precision), nullable };
  }
  if (a.kind === "DATE" && isTimestamp(b)) return withNullable(withoutTimeAttribute(b), nullable);
  if (isTimestamp(a) && b.kind === "DATE") return withNullable(withoutTimeAttribute(a), nullable);
  if (a.kind === "TIME" && b.kind === "TIME")
    return types.time(Math.max(a.precision, b.precision), nullable);
  if (isInterval(a) && a.kind === b.kind) return widerInterval(a, nullable);
  return mergeNested(a, b, nullable, rule);
}

function mergeEqual(
  a: LogicalType,
  b: LogicalType,
  nullable: boolean,
  rule: ApproximateRule,
): LogicalType {
  const attribute = (t: LogicalType) => (isTimestamp(t) ? t.timeAttribute : undefined);
  const kept = attribute(a) === attribute(b) ? a : withoutTimeAttribute(a);
  return mergeNested(kept, b, nullable, rule) ?? withNullable(kept, nullable);
}

function widerInterval(a: LogicalType, nullable: boolean): LogicalType {
  return a.kind === "INTERVAL_YEAR_MONTH"
    ? { kind: "INTERVAL_YEAR_MONTH", qualifier: "INTERVAL YEAR(4) TO MONTH", nullable }
    : { kind: "INTERVAL_DAY_TIME", qualifier: "INTERVAL DAY(2) TO SECOND(3)", nullable };
}

function mergeStrings(a: LogicalType, b: LogicalType, nullable: boolean): LogicalType {
  if (!("length" in a) || !("length" in b)) return withNullable(a, nullable);
  const length = Math.max(a.length, b.length);
  const kind = isCharacter(a) ? "VARCHAR" : "VARBINARY";
  if (a.kind === b.kind && a.length === b.length) return withNullable(a, nullable);
  return { kind, length, nullable };
}

function mergeNested(
  a: LogicalType,
  b: LogicalType,
  nullable: boolean,
  rule: ApproximateRule,
): LogicalType | undefined {
  if (a.kind === "ARRAY" || a.kind === "MULTISET") {
    if (b.kind !== a.kind) return undefined;
    const element = leastRestrictive([a.element, b.element], rule);
    return element && { kind: a.kind, element, nullable };
  }
  if (a.kind === "MAP" && b.kind === "MAP") {
    const key = leastRestrictive([a.key, b.key], rule);
    const value = leastRestrictive([a.value, b.value], rule);
    return key && value && { kind: "MAP", key, value, nullable };
  }
  if (a.kind === "ROW" && b.kind === "ROW" && a.fields.length === b.fields.length) {
    const fields = a.fields.map((field, i) => ({
      name: field.name,
      type: leastRestrictive([field.type, b.fields[i]!.type], rule),
    }));
    if (fields.some((field) => field.type === undefined)) return undefined;
    return {
      kind: "ROW",
      fields: fields.map((f) => ({ name: f.name, type: f.type as LogicalType })),
      nullable,
    };
  }
  return undefined;
}

/** Conversions without CAST where Flink makes them itself: arguments, sinks, set operations. */
export function canCastImplicitly(from: LogicalType, to: LogicalType): boolean {
  if (isNull(from)) return true;
  if (from.kind === to.kind && !isNestedKind(from)) return true;
  if (isNumeric(from) && isNumeric(to)) return implicitNumeric(from, to);
  if (isCharacter(from) && isCharacter(to)) return true;
  if (isBinary(from) && isBinary(to)) return true;
  if (isTimestamp(from) && isTimestamp(to)) return true;
  if (from.kind === "DATE" && isTimestamp(to)) return true;
  if (from.kind === "TIME" && isTimestamp(to)) return false;
  return isNestedKind(from) && nested(from, to, canCastImplicitly);
}

const isNestedKind = (t: LogicalType): boolean =>
  t.kind === "ARRAY" ||
  t.kind === "MULTISET" ||
  t.kind === "MAP" ||
  t.kind === "ROW" ||
  t.kind === "STRUCTURED" ||
  t.kind === "RAW";

const NUMERIC_ORDER: readonly TypeKind[] = [
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "DECIMAL",
  "FLOAT",
  "DOUBLE",
];

function implicitNumeric(from: LogicalType, to: LogicalType): boolean {
  return NUMERIC_ORDER.indexOf(from.kind) <= NUMERIC_ORDER.indexOf(to.kind);
}

function nested(
  from: LogicalType,
  to: LogicalType,
  check: (from: LogicalType, to: LogicalType) => boolean,
): boolean {
  if (from.kind === "ARRAY" || from.kind === "MULTISET")
    return to.kind === from.kind && check(from.element, to.element);
  if (from.kind === "MAP")
    return to.kind === "MAP" && check(from.key, to.key) && check(from.value, to.value);
  if (from.kind === "ROW" || from.kind === "STRUCTURED") {
    if (to.kind !== "ROW" && to.kind !== "STRUCTURED") return false;
    return (
      from.fields.length === to.fields.length &&
      from.fields.every((field, i) => check(field.type, to.fields[i]!.type))
    );
  }
  return from.kind === "RAW" && to.kind === "RAW" && from.className === to.className;
}

/** What CAST accepts. */
export function canCastExplicitly(from: LogicalType, to: LogicalType): boolean {
  if (isNull(from)) return true;
  if (isCharacter(to)) return from.kind !== "DESCRIPTOR";
  if (from.kind === "VARIANT") return castFromVariant(to);
  if (isCharacter(from))
    return !isInterval(to) && !isNestedKind(to) && to.kind !== "VARIANT" && to.kind !== "BITMAP";
  if (from.kind === to.kind && !isNestedKind(from)) return true;
  if (isNumeric(from)) {
    if (isNumeric(to)) return true;
    if (to.kind === "BOOLEAN") return isExact(from) || isApproximate(from);
    return isInterval(to) && isExact(from);
  }
  if (from.kind === "BOOLEAN") return isNumeric(to);
  if (isInterval(from)) return isExact(to) && !isDecimal(to) && singleField(from);
  if (isBinary(from)) return isBinary(to) || to.kind === "RAW" || to.kind === "BITMAP";
  if (from.kind === "BITMAP") return to.kind === "VARBINARY" && to.length === MAX_LENGTH;
  if (isTimestamp(from)) return isTimestamp(to) || to.kind === "DATE" || to.kind === "TIME";
  if (from.kind === "DATE") return isTimestamp(to);
  if (from.kind === "TIME") return isTimestamp(to);
  if (from.kind === "RAW" && isBinary(to)) return true;
  return nested(from, to, canCastExplicitly);
}

/** Only intervals of one unit are numbers. */
const singleField = (type: LogicalType): boolean =>
  "qualifier" in type && !type.qualifier.includes(" TO ");

function castFromVariant(to: LogicalType): boolean {
  if (to.kind === "VARIANT" || to.kind === "BOOLEAN" || to.kind === "DATE") return true;
  if (to.kind === "ARRAY") return castFromVariant(to.element) || isCharacter(to.element);
  if (to.kind === "MAP") return true;
  if (to.kind === "ROW") return true;
  return isNumeric(to) || isBinary(to) || isTimestamp(to);
}

/** The type both sides of a comparison take; undefined = not comparable. */
export function comparisonType(a: LogicalType, b: LogicalType): LogicalType | undefined {
  if (isNull(a)) return b;
  if (isNull(b)) return a;
  const merged = merge(a, b, "widest");
  if (merged !== undefined) return merged;
  const nullable = a.nullable || b.nullable;
  if (isCharacter(a) !== isCharacter(b)) {
    const other = isCharacter(a) ? b : a;
    if (isNumeric(other) || other.kind === "BOOLEAN" || isDatetime(other))
      return withNullable(withoutTimeAttribute(other), nullable);
    if (isInterval(other) || isBinary(other)) return undefined;
  }
  return undefined;
}

export const boundedString = (length: number, nullable: boolean): LogicalType =>
  length >= MAX_LENGTH ? types.string(nullable) : types.varchar(length, nullable);
