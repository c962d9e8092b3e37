/**
 * Rows of a batch as JavaScript values, for what shows or compares rows: print, collect, console, tests. Not for hot paths.
 *
 * Flow:    batch → readRow() → value-text.ts, the SQL Gateway's JSON, the conformance runner.
 * Values:  BOOLEAN boolean · TINYINT, SMALLINT, INTEGER, FLOAT, DOUBLE number · BIGINT bigint · DECIMAL a DecimalValue
 *          CHAR, VARCHAR string · BINARY, VARBINARY Uint8Array · DATE epoch days · TIME milliseconds of the day
 *          TIMESTAMP, TIMESTAMP_LTZ a TimestampValue · intervals bigint (months or milliseconds) · ROW an array
 *          ARRAY, MAP, MULTISET, VARIANT and the like: Uint8Array of their canonical encoding · NULL null
 */
import { type BatchPtr, BatchView, type LinearMemory } from "./batch.ts";
import { type LogicalType, PHYSICAL_WIDTH, physicalOf } from "./logical-type.ts";
import { physicalCount, physicalIndex, type Schema } from "./schema.ts";

export interface TimestampValue {
  /** Milliseconds since the epoch; TIMESTAMP: of its wall clock, read as UTC. */
  readonly millis: number;
  /** 0 … 999,999 within the millisecond. */
  readonly nanos: number;
}

/** unscaled · 10^−scale */
export interface DecimalValue {
  readonly unscaled: bigint;
  readonly scale: number;
}

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | TimestampValue
  | DecimalValue
  | readonly Value[];

/** The fields of one row, in the order of the schema. */
export function readRow(view: BatchView, schema: Schema, batch: BatchPtr, row: number): Value[] {
  let column = 0;
  return schema.fields.map(({ type }) => {
    const value = readValue(view, type, batch, column, row);
    column += physicalCount(type);
    return value;
  });
}

/** One field of one row. */
export function readField(
  view: BatchView,
  schema: Schema,
  batch: BatchPtr,
  row: number,
  field: number,
): Value {
  const type = schema.fields[field]!.type;
  return readValue(view, type, batch, physicalIndex(schema, field), row);
}

/** Reads the batches of one schema. */
export class RowReader {
  readonly view: BatchView;
  readonly schema: Schema;

  constructor(memory: LinearMemory, schema: Schema) {
    this.view = new BatchView(memory);
    this.schema = schema;
  }

  rows(batch: BatchPtr): number {
    return this.view.rows(batch);
  }

  kind(batch: BatchPtr, row: number): number {
    return this.view.kind(batch, row);
  }

  read(batch: BatchPtr, row: number): Value[] {
    return readRow(this.view, this.schema, batch, row);
  }
}

function readValue(
  view: BatchView,
  type: LogicalType,
  batch: BatchPtr,
  column: number,
  row: number,
): Value {
  if (view.isNull(batch, column, row)) return null;
  const physical = physicalOf(type);
  if (physical === "row") return readNested(view, type, batch, column, row);
  const at = view.valuePtr(batch, column, row, PHYSICAL_WIDTH[physical]);
  const data = view.data;
  switch (physical) {
    case "bool":
      return type.kind === "NULL" ? null : data.getUint8(at) !== 0;
    case "i8":
      return data.getInt8(at);
    case "i16":
      return data.getInt16(at, true);
    case "i32":
      return data.getInt32(at, true);
    case "i64":
      return wideValue(type, data.getBigInt64(at, true));
    case "f32":
      return data.getFloat32(at, true);
    case "f64":
      return data.getFloat64(at, true);
    case "i128": {
      const high = data.getBigInt64(at + 8, true);
      const unscaled = (high << 64n) | data.getBigUint64(at, true);
      return { unscaled, scale: type.kind === "DECIMAL" ? type.scale : 0 };
    }
    case "ts128":
      return {
        millis: Number(data.getBigInt64(at, true)),
        nanos: Number(data.getBigInt64(at + 8, true)),
      };
    case "view": {
      const bytes = view.bytes(at);
      return type.kind === "CHAR" || type.kind === "VARCHAR" ? decoder.decode(bytes) : bytes;
    }
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function readNested(
  view: BatchView,
  type: LogicalType,
  batch: BatchPtr,
  column: number,
  row: number,
): Value[] {
  if (type.kind !== "ROW" && type.kind !== "STRUCTURED") return [];
  let child = column + 1;
  return type.fields.map((field) => {
    const value = readValue(view, field.type, batch, child, row);
    child += physicalCount(field.type);
    return value;
  });
}

function wideValue(type: LogicalType, value: bigint): Value {
  if (type.kind === "DECIMAL") return { unscaled: value, scale: type.scale };
  if (type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ")
    return { millis: Number(value), nanos: 0 };
  return value;
}
