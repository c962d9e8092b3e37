/**
 * Renders one row of a batch as JSON-safe values, for previews: BOOLEAN and numbers up to INTEGER
 * as they are, ROW as an array, everything else as SQL text (BIGINT and DECIMAL digits, timestamps,
 * x'…').
 */
import type { BatchPtr, BatchView } from "../../../foundation/columnar/batch.ts";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { readRow, type Value } from "../../../foundation/columnar/value-reader.ts";
import { formatValue } from "../../../foundation/columnar/value-text.ts";

/** A changelog row: RowKind byte and the values of the schema's fields. */
export interface RenderedRow {
  readonly kind: number;
  readonly values: readonly unknown[];
}

export function renderRow(
  view: BatchView,
  batch: BatchPtr,
  schema: Schema,
  row: number,
  timeZone: string,
): RenderedRow {
  const values = readRow(view, schema, batch, row);
  return { kind: view.kind(batch, row), values: jsonSafeRow(values, schema, timeZone) };
}

/** One row's values, JSON-safe. */
export function jsonSafeRow(
  values: readonly Value[],
  schema: Schema,
  timeZone: string,
): readonly unknown[] {
  return values.map((value, i) => jsonSafe(value, schema.fields[i]!.type, timeZone));
}

function jsonSafe(value: Value, type: LogicalType, timeZone: string): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case "BOOLEAN":
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
      return value;
    case "FLOAT":
    case "DOUBLE":
      return Number.isFinite(value) ? value : String(value);
    case "ROW":
    case "STRUCTURED":
      return (value as readonly Value[]).map((child, i) =>
        jsonSafe(child, type.fields[i]!.type, timeZone),
      );
    default:
      return formatValue(value, type, { style: "sql", timeZone });
  }
}
