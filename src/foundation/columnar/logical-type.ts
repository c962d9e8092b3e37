/**
 * LogicalType: Flink's SQL types as frozen plain data, and the physical form in which each one moves and is stored.
 *
 * Flow:    parser → validator → plan JSON → codegen; the same object everywhere.
 * Source:  Flink LogicalTypeRoot; names and defaults as in Flink's DDL.
 * Limits:  DECIMAL precision 1..38; TIME, TIMESTAMP precision 0..9; CHAR/BINARY length ≥ 1, 2147483647 = unbounded.
 */

/** Time attributes are ordinary TIMESTAMP / TIMESTAMP_LTZ columns that carry this mark. */
export type TimeAttribute = "ROWTIME" | "PROCTIME";

interface Nullable {
  readonly nullable: boolean;
}
export interface SimpleType extends Nullable {
  readonly kind:
    | "BOOLEAN"
    | "TINYINT"
    | "SMALLINT"
    | "INTEGER"
    | "BIGINT"
    | "FLOAT"
    | "DOUBLE"
    | "DATE"
    | "VARIANT"
    | "BITMAP"
    | "DESCRIPTOR"
    | "NULL";
}
export interface DecimalType extends Nullable {
  readonly kind: "DECIMAL";
  readonly precision: number;
  readonly scale: number;
}
export interface StringType extends Nullable {
  /** STRING is VARCHAR(2147483647), BYTES is VARBINARY(2147483647). */
  readonly kind: "CHAR" | "VARCHAR" | "BINARY" | "VARBINARY";
  readonly length: number;
}
export interface TimeType extends Nullable {
  readonly kind: "TIME";
  readonly precision: number;
}
export interface TimestampType extends Nullable {
  readonly kind: "TIMESTAMP" | "TIMESTAMP_LTZ";
  readonly precision: number;
  readonly timeAttribute?: TimeAttribute;
}
export interface IntervalType extends Nullable {
  /** Year-month intervals are counted in months, day-time intervals in milliseconds. */
  readonly kind: "INTERVAL_YEAR_MONTH" | "INTERVAL_DAY_TIME";
  /** As Flink prints it, for example "INTERVAL DAY(3) TO SECOND(3)"; the parts count for printing only. */
  readonly qualifier: string;
}
export interface ArrayType extends Nullable {
  readonly kind: "ARRAY" | "MULTISET";
  readonly element: LogicalType;
}
export interface MapType extends Nullable {
  readonly kind: "MAP";
  readonly key: LogicalType;
  readonly value: LogicalType;
}
export interface RowField {
  readonly name: string;
  readonly type: LogicalType;
  readonly description?: string;
}
export interface RowType extends Nullable {
  readonly kind: "ROW";
  readonly fields: readonly RowField[];
}
export interface StructuredType extends Nullable {
  readonly kind: "STRUCTURED";
  readonly className: string;
  readonly fields: readonly RowField[];
}
export interface RawType extends Nullable {
  readonly kind: "RAW";
  readonly className: string;
  readonly serializer: string;
}
export type LogicalType =
  | SimpleType
  | DecimalType
  | StringType
  | TimeType
  | TimestampType
  | IntervalType
  | ArrayType
  | MapType
  | RowType
  | StructuredType
  | RawType;

export type TypeKind = LogicalType["kind"];

export const MAX_LENGTH = 2147483647;

/** How one value lies in memory; see batch.ts. `row` has no values of its own, its children follow it. */
export type Physical =
  | "bool"
  | "i8"
  | "i16"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "i128"
  | "ts128"
  | "view"
  | "row";

/** Bytes per value in a column. */
export const PHYSICAL_WIDTH: Readonly<Record<Physical, number>> = {
  bool: 1,
  i8: 1,
  i16: 2,
  i32: 4,
  i64: 8,
  f32: 4,
  f64: 8,
  i128: 16,
  ts128: 16,
  view: 8,
  row: 0,
};

/**
 * The physical form of a type:
 * DECIMAL(p ≤ 18) unscaled i64, beyond that i128 (lo, hi); DATE days i32; TIME milliseconds i32; TIMESTAMP and
 * TIMESTAMP_LTZ(p ≤ 3) epoch milliseconds i64, beyond that ts128 (i64 milliseconds, i64 nanoseconds 0..999999 within it);
 * intervals i64; everything of variable size a view.
 */
export function physicalOf(type: LogicalType): Physical {
  switch (type.kind) {
    case "BOOLEAN":
      return "bool";
    case "TINYINT":
      return "i8";
    case "SMALLINT":
      return "i16";
    case "INTEGER":
    case "DATE":
    case "TIME":
      return "i32";
    case "BIGINT":
    case "INTERVAL_YEAR_MONTH":
    case "INTERVAL_DAY_TIME":
      return "i64";
    case "FLOAT":
      return "f32";
    case "DOUBLE":
      return "f64";
    case "DECIMAL":
      return type.precision <= 18 ? "i64" : "i128";
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return type.precision <= 3 ? "i64" : "ts128";
    case "ROW":
    case "STRUCTURED":
      return "row";
    case "NULL":
      return "bool";
    default:
      return "view";
  }
}

export const types = {
  boolean: (nullable = true): LogicalType => ({ kind: "BOOLEAN", nullable }),
  tinyint: (nullable = true): LogicalType => ({ kind: "TINYINT", nullable }),
  smallint: (nullable = true): LogicalType => ({ kind: "SMALLINT", nullable }),
  int: (nullable = true): LogicalType => ({ kind: "INTEGER", nullable }),
  bigint: (nullable = true): LogicalType => ({ kind: "BIGINT", nullable }),
  float: (nullable = true): LogicalType => ({ kind: "FLOAT", nullable }),
  double: (nullable = true): LogicalType => ({ kind: "DOUBLE", nullable }),
  decimal: (precision: number, scale: number, nullable = true): LogicalType => ({
    kind: "DECIMAL",
    precision,
    scale,
    nullable,
  }),
  char: (length: number, nullable = true): LogicalType => ({ kind: "CHAR", length, nullable }),
  varchar: (length: number, nullable = true): LogicalType => ({
    kind: "VARCHAR",
    length,
    nullable,
  }),
  string: (nullable = true): LogicalType => ({ kind: "VARCHAR", length: MAX_LENGTH, nullable }),
  bytes: (nullable = true): LogicalType => ({ kind: "VARBINARY", length: MAX_LENGTH, nullable }),
  date: (nullable = true): LogicalType => ({ kind: "DATE", nullable }),
  time: (precision = 0, nullable = true): LogicalType => ({ kind: "TIME", precision, nullable }),
  timestamp: (precision = 6, nullable = true): LogicalType => ({
    kind: "TIMESTAMP",
    precision,
    nullable,
  }),
  timestampLtz: (precision = 6, nullable = true): LogicalType => ({
    kind: "TIMESTAMP_LTZ",
    precision,
    nullable,
  }),
  array: (element: LogicalType, nullable = true): LogicalType => ({
    kind: "ARRAY",
    element,
    nullable,
  }),
  map: (key: LogicalType, value: LogicalType, nullable = true): LogicalType => ({
    kind: "MAP",
    key,
    value,
    nullable,
  }),
  row: (fields: readonly RowField[], nullable = true): LogicalType => ({
    kind: "ROW",
    fields,
    nullable,
  }),
  null: (): LogicalType => ({ kind: "NULL", nullable: true }),
} as const;

export function withNullable<T extends LogicalType>(type: T, nullable: boolean): T {
  return type.nullable === nullable ? type : { ...type, nullable };
}

/** The type as Flink prints it: `BIGINT NOT NULL`, `DECIMAL(10, 2)`, ``ROW<`a` INT>``. STRING prints as STRING. */
export function typeToString(type: LogicalType): string {
  return baseTypeToString(type) + (type.nullable || type.kind === "NULL" ? "" : " NOT NULL");
}

function baseTypeToString(type: LogicalType): string {
  switch (type.kind) {
    case "INTEGER":
      return "INT";
    case "DECIMAL":
      return `DECIMAL(${type.precision}, ${type.scale})`;
    case "VARCHAR":
      return type.length === MAX_LENGTH ? "STRING" : `VARCHAR(${type.length})`;
    case "VARBINARY":
      return type.length === MAX_LENGTH ? "BYTES" : `VARBINARY(${type.length})`;
    case "CHAR":
    case "BINARY":
      return `${type.kind}(${type.length})`;
    case "TIME":
      return `TIME(${type.precision})`;
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ": {
      const mark = type.timeAttribute === undefined ? "" : ` *${type.timeAttribute}*`;
      return `${type.kind}(${type.precision})${mark}`;
    }
    case "INTERVAL_YEAR_MONTH":
    case "INTERVAL_DAY_TIME":
      return type.qualifier;
    case "ARRAY":
    case "MULTISET":
      return `${type.kind}<${typeToString(type.element)}>`;
    case "MAP":
      return `MAP<${typeToString(type.key)}, ${typeToString(type.value)}>`;
    case "ROW":
      return `ROW<${type.fields.map(fieldToString).join(", ")}>`;
    case "STRUCTURED":
      return `STRUCTURED<'${type.className}', ${type.fields.map(fieldToString).join(", ")}>`;
    case "RAW":
      return `RAW('${type.className}', '${type.serializer}')`;
    default:
      return type.kind;
  }
}

function fieldToString(field: RowField): string {
  const description = field.description === undefined ? "" : ` '${field.description}'`;
  return `\`${field.name.replaceAll("`", "``")}\` ${typeToString(field.type)}${description}`;
}

/** Structural equality; time attributes and field descriptions are ignored, nullability only on request. */
export function typeEquals(
  a: LogicalType,
  b: LogicalType,
  options: { readonly ignoreNullability?: boolean } = {},
): boolean {
  const strip = (type: LogicalType) =>
    typeToString(
      withNullable(withoutTimeAttribute(type), options.ignoreNullability ? true : type.nullable),
    );
  return strip(a) === strip(b);
}

export function withoutTimeAttribute(type: LogicalType): LogicalType {
  if ((type.kind !== "TIMESTAMP" && type.kind !== "TIMESTAMP_LTZ") || !type.timeAttribute)
    return type;
  const { timeAttribute: _, ...rest } = type;
  return rest;
}
