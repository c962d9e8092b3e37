/** INTERSECT and EXCEPT (distinct) as semi and anti joins on all columns, NULL being equal to NULL, then DISTINCT. */
import { types } from "../../../foundation/columnar/logical-type.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { and } from "../rel/expressions.ts";
import { aggregate, join } from "../rel/rel-builder.ts";
import { type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";

export function rewriteSetOperations(rel: RelNode): RelNode {
  const inputs = relInputs(rel).map(rewriteSetOperations);
  const node = withInputs(rel, inputs);
  if (node.kind !== "setop" || node.operator === "UNION" || node.all) return node;
  const [left, right] = node.inputs as [RelNode, RelNode];
  const width = left.schema.fields.length;
  const conditions = left.schema.fields.map((field, i) =>
    call(
      "IS_NOT_DISTINCT_FROM",
      [input(i, field.type), input(width + i, right.schema.fields[i]!.type)],
      types.boolean(false),
    ),
  );
  const type = node.operator === "INTERSECT" ? "SEMI" : "ANTI";
  const joined = join(left, right, type, and(conditions));
  return aggregate(
    joined,
    left.schema.fields.map((_, i) => i),
    [],
  );
}
