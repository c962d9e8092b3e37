/**
 * What each column of a datagen table holds, from its type and its options.
 *
 * Flow:    the table's options → here → datagen-layout.ts → kernels/datagen.as.ts.
 * Limits:  MAX_VALUE_BYTES a value of a collection.
 * Errors:  MR3011 a type that is not generated (VARIANT, RAW …), MR1001 an option that the column's type has not, MR1002 start
 *          or end of a sequence, MR1003 values.
 * Source:  Flink RandomGeneratorVisitor, SequenceGeneratorVisitor.
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  physicalOf,
  type RowField,
  typeToString,
} from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { OptionReader, type TableOption, type TableOptions } from "../../contract/table-option.ts";
import { connectorErrors } from "../errors.ts";
import { canCount, DATAGEN_OPTIONS, fieldOptions, partsOf } from "./datagen-options.ts";

export interface GeneratedColumn {
  readonly kind: number;
  readonly width: number;
  readonly low: bigint;
  readonly high: bigint;
  readonly lowNumber: number;
  readonly highNumber: number;
  readonly nullRate: number;
  readonly length: number;
  readonly varies: boolean;
  /** Of text and collections: the largest value. */
  readonly sizeBytes: number;
  /** Of a sequence: how many values it has. */
  readonly rows: bigint | undefined;
}

export interface GeneratedField {
  /** Column names from the root, joined by points: the name in the options. */
  readonly path: string;
  readonly column: GeneratedColumn;
  readonly children: readonly GeneratedField[];
}

const SEQUENCE = 32;
/** A batch of one row must fit into the worker's arena. */
const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** A MULTISET holds each element so many times at most. */
const MOST_TIMES = 10n;
const INTEGERS: Readonly<Record<string, readonly [kind: number, bits: bigint]>> = {
  TINYINT: [2, 8n],
  SMALLINT: [3, 16n],
  INTEGER: [4, 32n],
  BIGINT: [5, 64n],
  INTERVAL_YEAR_MONTH: [5, 32n],
  INTERVAL_DAY_TIME: [5, 64n],
};

/** All options that a table of these columns has. */
export function datagenCatalogue(schema: Schema): readonly TableOption[] {
  const ofFields = schema.fields.flatMap(({ name, type }) => fieldOptions(name, type));
  return [...DATAGEN_OPTIONS, ...ofFields];
}

export function generatedFields(schema: Schema, options: TableOptions): GeneratedField[] {
  const reader = new OptionReader("connector datagen", datagenCatalogue(schema), options);
  const make = ({ name, type }: RowField, prefix: string, within: boolean): GeneratedField => {
    const path = prefix + name;
    const inner = within || type.kind !== "ROW";
    const children = partsOf(type).map((part) => make(part, `${path}.`, inner));
    const parts = type.kind === "MULTISET" ? [...children, timesOf(path)] : children;
    const column = makeColumn({ path, type, within, parts }, reader);
    return { path, column, children: parts };
  };
  return schema.fields.map((field) => make(field, "", false));
}

/** How often an element is in a MULTISET, as Flink draws it. */
function timesOf(path: string): GeneratedField {
  const column = { ...EMPTY, kind: 4, width: 4, high: MOST_TIMES };
  return { path: `${path}.count`, column, children: [] };
}

interface Described {
  readonly path: string;
  readonly type: LogicalType;
  readonly within: boolean;
  readonly parts: readonly GeneratedField[];
}

const EMPTY: GeneratedColumn = {
  kind: 0,
  width: 0,
  low: 0n,
  high: 0n,
  lowNumber: 0,
  highNumber: 0,
  nullRate: 0,
  length: 0,
  varies: false,
  sizeBytes: 0,
  rows: undefined,
};

function makeColumn(field: Described, reader: OptionReader): GeneratedColumn {
  const { path, type, within } = field;
  const option = (name: string) => `fields.${path}.${name}`;
  const base = {
    ...EMPTY,
    width: PHYSICAL_WIDTH[physicalOf(type)],
    nullRate: reader.number(option("null-rate")),
  };
  if (base.nullRate > 0 && !type.nullable)
    throw baseErrors.OPTION_INVALID({
      key: option("null-rate"),
      value: String(base.nullRate),
      expected: "0 for a NOT NULL column",
    });
  if (within || !canCount(type)) return random(field, reader, base);
  if (reader.choice(option("kind")) === "sequence") return sequence(path, type, reader, base);
  for (const name of ["start", "end"])
    if (reader.has(option(name)))
      throw connectorErrors.OPTION_NEEDS({
        key: option(name),
        owner: "connector datagen",
        needs: `'${option("kind")}' = 'sequence'`,
      });
  return random(field, reader, base);
}

type Base = Omit<GeneratedColumn, "kind">;

function sequence(
  path: string,
  type: LogicalType,
  reader: OptionReader,
  base: Base,
): GeneratedColumn {
  const start = reader.number(`fields.${path}.start`);
  const end = reader.number(`fields.${path}.end`);
  const [integerKind, bits] = INTEGERS[type.kind] ?? [0, 64n];
  const kinds: Readonly<Record<string, number>> = { FLOAT: 6, DOUBLE: 7, VARCHAR: 10, CHAR: 10 };
  const decimal = type.kind === "DECIMAL" && type.precision <= 18;
  const kind = decimal ? 8 : integerKind || kinds[type.kind];
  if (kind === undefined) throw refused(path, type, "count");
  const limit = 1n << (bits - 1n);
  if (end < start || BigInt(end) >= limit || BigInt(start) < -limit)
    throw baseErrors.OPTION_INVALID({
      key: `fields.${path}.end`,
      value: String(end),
      expected: "a value of the column's type, not below start",
    });
  return {
    ...base,
    kind: SEQUENCE + kind,
    low: BigInt(start),
    high: type.kind === "DECIMAL" ? 10n ** BigInt(type.scale) : 0n,
    rows: BigInt(end) - BigInt(start) + 1n,
  };
}

function random(field: Described, reader: OptionReader, base: Base): GeneratedColumn {
  const { path, type } = field;
  const integer = INTEGERS[type.kind];
  if (integer !== undefined) {
    const [kind, bits] = integer;
    const limit = 1n << (bits - 1n);
    return { ...base, kind, ...integerRange(path, reader, -limit, limit - 1n) };
  }
  switch (type.kind) {
    case "BOOLEAN":
      return { ...base, kind: 1 };
    case "FLOAT":
      return { ...base, kind: 6, ...numberRange(path, reader, 3.4028234663852886e38) };
    case "DOUBLE":
      return { ...base, kind: 7, ...numberRange(path, reader, Number.MAX_VALUE) };
    case "DECIMAL":
      return decimal(path, type.precision, type.scale, reader, base);
    case "CHAR":
    case "BINARY":
    case "VARCHAR":
    case "VARBINARY": {
      const fixed = type.kind === "CHAR" || type.kind === "BINARY";
      const length = fixed ? type.length : reader.number(`fields.${path}.length`);
      if (length > MAX_VALUE_BYTES) throw refused(path, type, "generate");
      const varies = !fixed && reader.boolean(`fields.${path}.var-len`);
      const kind = type.kind === "CHAR" || type.kind === "VARCHAR" ? 10 : 11;
      return { ...base, kind, length, varies, sizeBytes: length };
    }
    case "DATE":
      return { ...base, kind: 12, high: pastMs(path, reader) };
    case "TIME":
      return { ...base, kind: 13 };
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return { ...base, kind: type.precision <= 3 ? 14 : 15, high: pastMs(path, reader) };
    case "ROW":
      return { ...base, kind: 18, sizeBytes: rowBytes(field.parts) };
    case "ARRAY":
    case "MAP":
    case "MULTISET":
      return collection(field, reader, base);
    default:
      throw refused(path, type, "generate");
  }
}

/** Sizes are those of foundation/columnar/binary-value.ts, with each part at its largest. */
function collection(field: Described, reader: OptionReader, base: Base): GeneratedColumn {
  const { path, type, parts } = field;
  const key = `fields.${path}.length`;
  const length = reader.number(key);
  const arrays = parts.map((part) => 4 + length * (1 + 4 + partBytes(part)));
  const isArray = type.kind === "ARRAY";
  const sizeBytes = arrays.reduce((sum, size) => sum + size, isArray ? 0 : 4);
  if (sizeBytes > MAX_VALUE_BYTES)
    throw baseErrors.OPTION_INVALID({
      key,
      value: String(length),
      expected: `fewer entries: a value of ${sizeBytes} bytes is larger than ${MAX_VALUE_BYTES}`,
    });
  const low = isArray ? 0n : BigInt(partBytes(parts[0]!));
  return { ...base, kind: isArray ? 19 : 20, length, low, high: BigInt(sizeBytes), sizeBytes };
}

function rowBytes(parts: readonly GeneratedField[]): number {
  return parts.reduce((sum, part) => sum + 1 + 4 + partBytes(part), 0);
}

/** Text is written eight bytes at a time. */
function partBytes({ column }: GeneratedField): number {
  return Math.max(column.width, column.sizeBytes) + 8;
}

function pastMs(path: string, reader: OptionReader): bigint {
  return BigInt(reader.durationMs(`fields.${path}.max-past`));
}

function integerRange(path: string, reader: OptionReader, low: bigint, high: bigint) {
  const read = (key: string, fallback: bigint): bigint => {
    const text = reader.text(key)?.trim();
    if (text === undefined) return fallback;
    const value = /^-?\d{1,20}$/.test(text) ? BigInt(text) : undefined;
    if (value === undefined || value < low || value > high)
      throw baseErrors.OPTION_INVALID({
        key,
        value: text,
        expected: "an integer of the column's type",
      });
    return value;
  };
  const range = { low: read(`fields.${path}.min`, low), high: read(`fields.${path}.max`, high) };
  if (range.low > range.high) throw emptyRange(path, String(range.high));
  return range;
}

function numberRange(path: string, reader: OptionReader, largest: number) {
  const low = reader.has(`fields.${path}.min`) ? reader.number(`fields.${path}.min`) : 0;
  const high = reader.has(`fields.${path}.max`) ? reader.number(`fields.${path}.max`) : largest;
  if (low > high) throw emptyRange(path, String(high));
  return { lowNumber: low, highNumber: high };
}

function decimal(
  path: string,
  precision: number,
  scale: number,
  reader: OptionReader,
  base: Base,
): GeneratedColumn {
  const limit = 10 ** (precision - scale);
  const { lowNumber, highNumber } = numberRange(path, reader, limit);
  const unit = 10 ** scale;
  if (precision > 18) {
    const low = Math.max(lowNumber, -limit) * unit;
    // The largest double below 10^precision, so that no value has a digit too many.
    const high = Math.min(highNumber * unit, 10 ** precision * (1 - 2 ** -52));
    return { ...base, kind: 9, lowNumber: low, highNumber: high };
  }
  const most = 10n ** BigInt(precision) - 1n;
  const clamp = (value: number): bigint => {
    const unscaled = BigInt(Math.trunc(Math.min(Math.max(value, -limit), limit) * unit));
    return unscaled > most ? most : unscaled < -most ? -most : unscaled;
  };
  return { ...base, kind: 8, low: clamp(lowNumber), high: clamp(highNumber) };
}

function emptyRange(path: string, value: string) {
  return baseErrors.OPTION_INVALID({ key: `fields.${path}.max`, value, expected: "at least min" });
}

function refused(path: string, type: LogicalType, action: string) {
  return connectorErrors.COLUMN_TYPE({
    identifier: "datagen",
    action,
    column: path,
    type: typeToString(type),
    remedy: "Leave the column out, or make its values with an expression in the query.",
  });
}
