/** Finds the physical column behind an input or field access, or the expression when its ROW is computed. */
import { assert } from "../../../foundation/base/errors.ts";
import { physicalCount, physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { Expression, FieldAccess, InputRef } from "../../../foundation/plan/expression.ts";
import { rowField } from "./row-parts.ts";

export type ColumnPath = { readonly column: number } | { readonly expression: Expression };

export function columnPath(schema: Schema, expression: InputRef | FieldAccess): ColumnPath {
  if (expression.kind === "input") return { column: physicalIndex(schema, expression.index) };
  const { input, index } = expression;
  if (input.kind === "input" || input.kind === "field") {
    const parent = columnPath(schema, input);
    if ("expression" in parent) return { expression: rowField(parent.expression, index) };
    const { type } = input;
    assert(type.kind === "ROW" || type.kind === "STRUCTURED", "a field of what is no ROW");
    const before = type.fields.slice(0, index);
    const skipped = before.reduce((sum, field) => sum + physicalCount(field.type), 0);
    return { column: parent.column + 1 + skipped };
  }
  return { expression: rowField(input, index) };
}
