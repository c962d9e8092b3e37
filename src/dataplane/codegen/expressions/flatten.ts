/** Maps the fields of an output schema to what fills each physical column: a column of the input, or an expression. */
import { assert } from "../../../foundation/base/errors.ts";
import { type LogicalType, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalCount,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { columnPath } from "./column-path.ts";
import { isRow, rowField, rowFields } from "./row-parts.ts";

export type OutputSource =
  | { readonly kind: "column"; readonly column: number }
  | { readonly kind: "value"; readonly expression: Expression }
  /** Validity of a ROW. */
  | { readonly kind: "present"; readonly expression: Expression };

/** One source for each physical column of `output`, in order. */
export function flattenProjection(
  input: Schema,
  projection: readonly Expression[],
  output: Schema,
): readonly OutputSource[] {
  assert(projection.length === output.fields.length, "projection and output differ in length");
  const sources: OutputSource[] = [];
  projection.forEach((expression, index) => {
    flatten(input, expression, output.fields[index]!.type, sources);
  });
  assert(sources.length === physicalColumns(output).length, "flattened columns differ in number");
  return sources;
}

function flatten(
  input: Schema,
  expression: Expression,
  type: LogicalType,
  out: OutputSource[],
): void {
  if (expression.kind === "input" || expression.kind === "field") {
    const path = columnPath(input, expression);
    if ("expression" in path) {
      flatten(input, path.expression, type, out);
      return;
    }
    assert(physicalOf(expression.type) === physicalOf(type), "projected column changes its form");
    const count = physicalCount(type);
    for (let i = 0; i < count; i++) out.push({ kind: "column", column: path.column + i });
    return;
  }
  if (!isRow(type)) {
    out.push({ kind: "value", expression });
    return;
  }
  out.push({ kind: "present", expression });
  rowFields(type).forEach((field, index) => {
    flatten(input, rowField(expression, index), field.type, out);
  });
}
