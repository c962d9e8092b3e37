/**
 * The columns of the nexmark table, and which of them a scan's output asks for.
 *
 * Slots:   numbers of the columns in kernels/nexmark.as.ts: 0 event_type, 1 person and its fields, 10 auction, 21 bid.
 * Errors:  MR3012 a column that the generator does not have, MR3011 one of another type.
 */
import {
  type LogicalType,
  typeToString,
  types,
} from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { connectorErrors } from "../errors.ts";

type Kind = "BIGINT" | "VARCHAR" | "TIMESTAMP";

const ROWS: Readonly<
  Record<string, { readonly slot: number; readonly fields: readonly (readonly [string, Kind])[] }>
> = {
  person: {
    slot: 1,
    fields: [
      ["id", "BIGINT"],
      ["name", "VARCHAR"],
      ["emailAddress", "VARCHAR"],
      ["creditCard", "VARCHAR"],
      ["city", "VARCHAR"],
      ["state", "VARCHAR"],
      ["dateTime", "TIMESTAMP"],
      ["extra", "VARCHAR"],
    ],
  },
  auction: {
    slot: 10,
    fields: [
      ["id", "BIGINT"],
      ["itemName", "VARCHAR"],
      ["description", "VARCHAR"],
      ["initialBid", "BIGINT"],
      ["reserve", "BIGINT"],
      ["dateTime", "TIMESTAMP"],
      ["expires", "TIMESTAMP"],
      ["seller", "BIGINT"],
      ["category", "BIGINT"],
      ["extra", "VARCHAR"],
    ],
  },
  bid: {
    slot: 21,
    fields: [
      ["auction", "BIGINT"],
      ["bidder", "BIGINT"],
      ["price", "BIGINT"],
      ["channel", "VARCHAR"],
      ["url", "VARCHAR"],
      ["dateTime", "TIMESTAMP"],
      ["extra", "VARCHAR"],
    ],
  },
};

/** The table as the benchmark declares it. */
export const NEXMARK_SCHEMA: Schema = {
  fields: [
    { name: "event_type", type: types.int() },
    ...Object.entries(ROWS).map(([name, { fields }]) => ({
      name,
      type: types.row(fields.map(([field, kind]) => ({ name: field, type: typeOf(kind) }))),
    })),
  ],
};

function typeOf(kind: Kind): LogicalType {
  if (kind === "BIGINT") return types.bigint();
  return kind === "VARCHAR" ? types.string() : types.timestamp(3);
}

export function checkNexmarkSchema(schema: Schema): void {
  for (let i = 0; i < schema.fields.length; i++) slotsOf(schema, [i]);
}

/** The slots of the physical columns of one projected field. */
export function slotsOf(schema: Schema, path: readonly number[]): number[] {
  const root = schema.fields[path[0]!]!;
  const row = ROWS[root.name];
  if (row === undefined) {
    if (root.name !== "event_type")
      throw unknownColumn(root.name, "event_type, person, auction, bid");
    if (root.type.kind !== "INTEGER") throw wrongType(root.name, root.type, "INT");
    return [0];
  }
  if (root.type.kind !== "ROW") throw wrongType(root.name, root.type, "a ROW");
  const inner = root.type.fields;
  const fieldSlot = (index: number): number => {
    const { name, type } = inner[index]!;
    const at = row.fields.findIndex(([known]) => known === name);
    const known = row.fields[at];
    const column = `${root.name}.${name}`;
    if (known === undefined)
      throw unknownColumn(column, row.fields.map(([field]) => `${root.name}.${field}`).join(", "));
    const fits = type.kind === known[1] && (type.kind !== "TIMESTAMP" || type.precision <= 3);
    if (!fits) throw wrongType(column, type, typeToString(typeOf(known[1])));
    return row.slot + 1 + at;
  };
  if (path.length > 1) return [fieldSlot(path[1]!)];
  return [row.slot, ...inner.map((_, index) => fieldSlot(index))];
}

function unknownColumn(column: string, expected: string) {
  return connectorErrors.COLUMNS_MISMATCH({
    identifier: "nexmark",
    column: `"${column}"`,
    expected,
  });
}

function wrongType(column: string, type: LogicalType, wanted: string) {
  return connectorErrors.COLUMN_TYPE({
    identifier: "nexmark",
    action: "make",
    column,
    type: typeToString(type),
    remedy: `Declare it as ${wanted}.`,
  });
}
