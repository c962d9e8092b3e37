/** The physical columns behind some fields of a schema, in the order of the fields. */
import {
  type PhysicalColumn,
  physicalColumns,
  physicalCount,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";

export interface FieldColumns {
  /** Physical index within the schema, one for each column. */
  readonly indexes: readonly number[];
  readonly columns: readonly PhysicalColumn[];
  /** The fields as a schema of their own. */
  readonly schema: Schema;
}

export function fieldColumns(schema: Schema, fields: readonly number[]): FieldColumns {
  const all = physicalColumns(schema);
  const indexes = fields.flatMap((field) => {
    const first = physicalIndex(schema, field);
    return Array.from({ length: physicalCount(schema.fields[field]!.type) }, (_, i) => first + i);
  });
  return {
    indexes,
    columns: indexes.map((index) => all[index]!),
    schema: { fields: fields.map((field) => schema.fields[field]!) },
  };
}
