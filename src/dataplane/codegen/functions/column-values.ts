/** Values of columns as value-reader.ts has them, nested ones decoded, for functions over collections. */
import { decodeNested, encodeNested, isNested } from "../../../foundation/columnar/binary-value.ts";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type {
  DecimalValue,
  TimestampValue,
  Value,
} from "../../../foundation/columnar/value-reader.ts";
import type { ColumnReader, ColumnWriter } from "../column-access.ts";

export function readValue(reader: ColumnReader, row: number): Value {
  if (reader.isNull(row)) return null;
  const { type } = reader;
  switch (type.kind) {
    case "BOOLEAN":
      return reader.boolean(row);
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "DATE":
    case "TIME":
    case "FLOAT":
    case "DOUBLE":
      return reader.number(row);
    case "DECIMAL":
      return { unscaled: reader.bigint(row), scale: type.scale };
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return { millis: reader.millis(row), nanos: reader.nanos(row) };
    case "CHAR":
    case "VARCHAR":
      return reader.string(row);
    case "NULL":
      return null;
    case "ROW":
    case "STRUCTURED":
      return reader.fields.map((field) => readValue(field, row));
    case "BIGINT":
    case "INTERVAL_YEAR_MONTH":
    case "INTERVAL_DAY_TIME":
      return reader.bigint(row);
    default:
      return isNested(type) ? decodeNested(reader.bytes(row), type) : reader.bytes(row).slice();
  }
}

export function writeValue(out: ColumnWriter, row: number, value: Value): void {
  if (value === null) return out.setNull(row);
  const { type } = out;
  if (typeof value === "boolean") return out.setBoolean(row, value);
  if (typeof value === "number") return out.setNumber(row, value);
  if (typeof value === "bigint") return out.setBigint(row, value);
  if (typeof value === "string") return out.setString(row, value);
  if (value instanceof Uint8Array) return out.setBytes(row, value);
  if (isNested(type)) return out.setBytes(row, encodeNested(value as readonly Value[], type));
  if (type.kind === "ROW" || type.kind === "STRUCTURED") {
    for (const [i, field] of out.fields.entries())
      writeValue(field, row, (value as readonly Value[])[i] ?? null);
    return out.setPresent(row);
  }
  if (type.kind === "DECIMAL") return out.setBigint(row, (value as DecimalValue).unscaled);
  const { millis, nanos } = value as TimestampValue;
  out.setTimestamp(row, millis, nanos);
}

/** A key by which values of one type are the same. */
export function identity(value: Value): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`;
    if (part instanceof Uint8Array) return [...part];
    return part;
  });
}

/** Order of Flink's comparable types; NULLs are the caller's. */
export function compareValues(a: Value, b: Value, type: LogicalType): number {
  if (type.kind === "DECIMAL")
    return order((a as DecimalValue).unscaled, (b as DecimalValue).unscaled);
  if (type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ") {
    const [x, y] = [a as TimestampValue, b as TimestampValue];
    return x.millis - y.millis || x.nanos - y.nanos;
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
    return a.length - b.length;
  }
  return order(a as number, b as number);
}

function order<T extends number | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
