/** The keys of a join's sides: encoded alike on both, and the columns whose NULLs keep a row from matching. */
import { withNullable } from "../../../foundation/columnar/logical-type.ts";
import { physicalCount, physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";

/** The schema with its key fields as nullable as said. */
export function withNullableFields(
  schema: Schema,
  keys: readonly number[],
  nullable: readonly boolean[],
): Schema {
  const fields = schema.fields.slice();
  keys.forEach((field, index) => {
    const { type, ...rest } = fields[field]!;
    fields[field] = { ...rest, type: withNullable(type, nullable[index]!) };
  });
  return { fields };
}

/** Physical columns of the keys that may be NULL where NULL matches nothing (`filterNulls`, by key). */
export function filteringColumns(
  schema: Schema,
  keys: readonly number[],
  filterNulls: readonly boolean[],
): number[] {
  return keys.flatMap((field, index) => {
    const { type } = schema.fields[field]!;
    if (filterNulls[index] === false || !type.nullable) return [];
    return physicalCount(type) > 0 ? [physicalIndex(schema, field)] : [];
  });
}
