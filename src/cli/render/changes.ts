/** Collected rows as printers take them: JSON-safe values and SQL text. */
import type { LogicalType } from "../../foundation/columnar/logical-type.ts";
import type { RowKind } from "../../foundation/columnar/row-kind.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { Value } from "../../foundation/columnar/value-reader.ts";
import { formatValue } from "../../foundation/columnar/value-text.ts";
import type { RowChange } from "./rows.ts";

/** Whole numbers that JSON readers keep exactly. */
const SAFE = 2n ** 53n;

export function toChange(
  kind: RowKind,
  row: readonly Value[],
  schema: Schema,
  timeZone: string,
): RowChange {
  const text = row.map((value, i) =>
    value === null ? null : formatValue(value, schema.fields[i]!.type, { style: "sql", timeZone }),
  );
  const values = row.map((value, i) => jsonValue(value, schema.fields[i]!.type, text[i] ?? null));
  return { kind, values, text };
}

/** Numbers as numbers where a double holds them, the rest as SQL text. */
function jsonValue(value: Value, type: LogicalType, text: string | null): unknown {
  if (value === null) return null;
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint") return value < SAFE && value > -SAFE ? Number(value) : text;
  if (typeof value === "number" && NUMBERS.has(type.kind)) {
    return Number.isFinite(value) ? value : text;
  }
  return text;
}

const NUMBERS: ReadonlySet<string> = new Set(["TINYINT", "SMALLINT", "INTEGER", "FLOAT", "DOUBLE"]);
