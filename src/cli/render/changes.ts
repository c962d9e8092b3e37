/** Collected rows as printers take them: JSON-safe values and SQL text. */
import { decodeNested, type NestedType } from "../../foundation/columnar/binary-value.ts";
import { type LogicalType, types } from "../../foundation/columnar/logical-type.ts";
import type { RowKind } from "../../foundation/columnar/row-kind.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { Value } from "../../foundation/columnar/value-reader.ts";
import { formatValue, type TextStyle } from "../../foundation/columnar/value-text.ts";
import type { RowChange } from "./rows.ts";

/** Whole numbers that JSON readers keep exactly. */
const SAFE = 2n ** 53n;

export function toChange(
  kind: RowKind,
  row: readonly Value[],
  schema: Schema,
  timeZone: string,
): RowChange {
  const style = { style: "sql", timeZone } as const;
  const text = row.map((value, i) =>
    value === null ? null : formatValue(value, schema.fields[i]!.type, style),
  );
  const values = row.map((value, i) => jsonValue(value, schema.fields[i]!.type, style));
  return { kind, values, text };
}

/**
 * Numbers as numbers where a double holds them, ARRAY as an array, ROW as an object, MAP and MULTISET as objects whose keys are
 * SQL text, the rest as SQL text.
 *
 * @example jsonValue(3n, types.bigint(), { style: "sql", timeZone: "UTC" }) // 3
 */
export function jsonValue(value: Value, type: LogicalType, style: TextStyle): unknown {
  if (value === null) return null;
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint" && value < SAFE && value > -SAFE) return Number(value);
  if (typeof value === "number" && NUMBERS.has(type.kind) && Number.isFinite(value)) return value;
  switch (type.kind) {
    case "ROW":
    case "STRUCTURED":
      return Object.fromEntries(
        type.fields.map((field, i) => [
          field.name,
          jsonValue((value as readonly Value[])[i]!, field.type, style),
        ]),
      );
    case "ARRAY":
      return nested(value, type).map((element) => jsonValue(element, type.element, style));
    case "MAP":
    case "MULTISET": {
      const [keys, values] =
        type.kind === "MAP" ? [type.key, type.value] : [type.element, types.int(false)];
      const entries = nested(value, type) as readonly (readonly [Value, Value])[];
      return Object.fromEntries(
        entries.map(([key, held]) => [
          key === null ? "null" : formatValue(key, keys, style),
          jsonValue(held, values, style),
        ]),
      );
    }
    default:
      return formatValue(value, type, style);
  }
}

function nested(value: Value, type: NestedType): readonly Value[] {
  return value instanceof Uint8Array ? decodeNested(value, type) : (value as readonly Value[]);
}

const NUMBERS: ReadonlySet<string> = new Set(["TINYINT", "SMALLINT", "INTEGER", "FLOAT", "DOUBLE"]);
