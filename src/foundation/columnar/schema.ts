/**
 * Schema: the named, typed columns of a batch, and their flattening into physical columns.
 *
 * A ROW takes one physical column (validity only, no values) followed by those of its fields, depth first; so a field
 * access is a choice of column, never a pointer chase. Children of a NULL row are NULL themselves.
 * Example: (a INT, b ROW<x BIGINT, y STRING>) → physical columns [a: i32, b: row, b.x: i64, b.y: view].
 */
import { assert } from "../base/errors.ts";
import { type LogicalType, type Physical, type RowField, physicalOf } from "./logical-type.ts";

export interface Schema {
  readonly fields: readonly RowField[];
}

/** One physical column of a schema. */
export interface PhysicalColumn {
  /** Field names from the root, for example ["b", "x"]. */
  readonly path: readonly string[];
  readonly type: LogicalType;
  readonly physical: Physical;
  /** True when the column or one of the rows around it may be NULL. */
  readonly nullable: boolean;
}

const cache = new WeakMap<Schema, readonly PhysicalColumn[]>();

/** All physical columns, in batch order. */
export function physicalColumns(schema: Schema): readonly PhysicalColumn[] {
  let columns = cache.get(schema);
  if (columns === undefined) {
    const out: PhysicalColumn[] = [];
    for (const field of schema.fields) flatten(field, [], false, out);
    columns = out;
    cache.set(schema, columns);
  }
  return columns;
}

/** The index of the first physical column of field `index`. */
export function physicalIndex(schema: Schema, index: number): number {
  assert(index >= 0 && index < schema.fields.length, `field ${index} of ${schema.fields.length}`);
  let physical = 0;
  for (let i = 0; i < index; i++) physical += physicalCount(schema.fields[i]!.type);
  return physical;
}

/** How many physical columns a type takes. */
export function physicalCount(type: LogicalType): number {
  if (type.kind !== "ROW" && type.kind !== "STRUCTURED") return 1;
  return type.fields.reduce((sum, field) => sum + physicalCount(field.type), 1);
}

function flatten(
  field: RowField,
  parents: readonly string[],
  nullableParent: boolean,
  out: PhysicalColumn[],
): void {
  const path = [...parents, field.name];
  const nullable = nullableParent || field.type.nullable;
  out.push({ path, type: field.type, physical: physicalOf(field.type), nullable });
  if (field.type.kind !== "ROW" && field.type.kind !== "STRUCTURED") return;
  for (const child of field.type.fields) flatten(child, path, nullable, out);
}
