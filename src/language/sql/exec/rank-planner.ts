/**
 * Top-N: Deduplicate when the first or last row by a time attribute is kept, Rank otherwise.
 *
 * Source: Flink StreamPhysicalRankRule, RankUtil.canConvertToDeduplicate, RankProcessStrategy.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import { literal } from "../../../foundation/plan/expression.ts";
import { planErrors } from "../errors.ts";
import { TRUE, fieldRefs } from "../rel/expressions.ts";
import type { RankRel } from "../rel/rel-node.ts";
import { ALL, INSERT, type PhysNode, hashBy, isInsertOnly } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import { exchangeKeys } from "./upsert-keys.ts";

export function planRank(planner: PhysicalPlanner, rel: RankRel): PhysNode {
  if (rel.function !== "ROW_NUMBER")
    throw planErrors.NODE_MISSING({
      what: `${rel.function}() on streaming table`,
      remedy: "Use ROW_NUMBER().",
    });
  const node = planner.plan(rel.input);
  const deduplicate = planDeduplicate(planner, rel, node);
  if (deduplicate !== undefined) return deduplicate;
  const rankField = { name: rel.schema.fields.at(-1)!.name, type: types.bigint(false) };
  const fields = rel.outputRankNumber ? [...node.schema.fields, rankField] : node.schema.fields;
  const own = exchangeKeys(node.upsertKeys, rel.partition);
  const keys = [...own];
  if (rel.outputRankNumber) keys.push([...rel.partition, fields.length - 1]);
  if (rel.end === 1) keys.push(rel.partition);
  return planner.factory.make(
    {
      type: "Rank",
      partitionKeys: rel.partition,
      sort: rel.sort,
      rankType: "ROW_NUMBER",
      rankStart: rel.start,
      rankEnd: rel.end,
      outputRankNumber: rel.outputRankNumber,
      strategy: isInsertOnly(node) ? { kind: "append" } : { kind: "retract" },
      generateUpdateBefore: false,
    },
    [{ node, distribution: hashBy(rel.partition) }],
    { fields },
    {
      kinds: planner.options.mode === "batch" && isInsertOnly(node) ? INSERT : ALL,
      upsertKeys: keys,
    },
  );
}

function planDeduplicate(
  planner: PhysicalPlanner,
  rel: RankRel,
  node: PhysNode,
): PhysNode | undefined {
  const [sort] = rel.sort;
  if (rel.start !== 1 || rel.end !== 1 || rel.sort.length !== 1 || sort === undefined) return;
  if (!isInsertOnly(node)) return undefined;
  const { type } = node.schema.fields[sort.index]!;
  const attribute = "timeAttribute" in type ? type.timeAttribute : undefined;
  if (attribute === undefined) return undefined;
  const keepLast = sort.descending;
  const firstByProctime = !keepLast && attribute === "PROCTIME";
  const batch = planner.options.mode === "batch";
  const result = planner.factory.make(
    {
      type: "Deduplicate",
      keys: rel.partition,
      keepLast,
      time: { attribute, index: sort.index, type },
      generateUpdateBefore: false,
    },
    [{ node, distribution: hashBy(rel.partition) }],
    node.schema,
    { kinds: firstByProctime || batch ? INSERT : ALL, upsertKeys: [rel.partition] },
  );
  if (!rel.outputRankNumber) return result;
  const expressions = [...fieldRefs(result.schema), literal("1", types.bigint(false))];
  return planner.calc(result, expressions, TRUE, rel.schema);
}
