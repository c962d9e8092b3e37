/** VECTOR_SEARCH as a physical node: the table must be one that is read to its end. */
import { withNullable } from "../../../foundation/columnar/logical-type.ts";
import { identifierText, sourceColumns } from "../catalog/catalog-objects.ts";
import { planErrors } from "../errors.ts";
import type { CorrelateRel, VectorSearch } from "../rel/rel-node.ts";
import { isTrue } from "../rel/expressions.ts";
import { type PhysNode, forward } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import { tableSpec } from "./scan-planner.ts";

export function planVectorSearch(
  planner: PhysicalPlanner,
  rel: CorrelateRel,
  { table, column, topK }: VectorSearch,
): PhysNode {
  const { bounded, lookup = false } = planner.options.source(table);
  const searches = bounded || lookup || table.options["enable-vector-search"] === "true";
  if (!searches)
    throw planErrors.WINDOW_PLAN({
      message: `Require a vector search table, but '${identifierText(table.identifier)}' cannot be searched: it does not end.`,
      remedy: "Search a table of files, or one that its connector reads to an end.",
    });
  const condition = rel.condition && isTrue(rel.condition) ? undefined : rel.condition;
  if (condition !== undefined && rel.type === "LEFT")
    throw planErrors.JOIN_CONDITION({
      message: "LEFT JOIN of VECTOR_SEARCH with a condition is not possible",
      remedy: "Join ON TRUE, and filter behind.",
    });
  const input = planner.plan(rel.input);
  const query = rel.call.kind === "call" ? rel.call.args[0]! : rel.call;
  const width = input.schema.fields.length;
  const own = rel.schema.fields.slice(width).map((field) => ({
    ...field,
    type: withNullable(field.type, rel.type === "LEFT" || field.type.nullable),
  }));
  const schema = { fields: [...input.schema.fields, ...own] };
  const node = planner.factory.make(
    {
      type: "VectorSearchTableFunction",
      joinType: rel.type,
      table: tableSpec(table, sourceColumns(table)),
      column,
      query,
      topK,
    },
    [{ node: input, distribution: forward }],
    schema,
    { kinds: input.kinds },
  );
  if (condition === undefined) return node;
  const all = schema.fields.map(({ type }, index) => ({ kind: "input", index, type }) as const);
  return planner.calc(node, all, condition, schema);
}
