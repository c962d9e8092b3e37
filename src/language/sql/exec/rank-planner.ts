/**
 * Top-N: Deduplicate when the first or last row by a time attribute is kept, Rank otherwise.
 *
 * Source: Flink StreamPhysicalRankRule, RankUtil.canConvertToDeduplicate, RankProcessStrategy.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import { literal } from "../../../foundation/plan/expression.ts";
import { TRUE, fieldRefs } from "../rel/expressions.ts";
import type { RankRel } from "../rel/rel-node.ts";
import { windowProperties } from "../rel/window-properties.ts";
import { ALL, INSERT, type PhysNode, hashBy, isInsertOnly } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import { hasMiniBatches } from "./mini-batch.ts";
import { updateKey } from "./monotonicity.ts";
import { attributeAt, timeColumn } from "./time-joins.ts";
import { canEmitAfter } from "./changelog.ts";
import { exchangeKeys } from "./upsert-keys.ts";

export function planRank(planner: PhysicalPlanner, rel: RankRel): PhysNode {
  const windowed = planWindowRank(planner, rel);
  if (windowed !== undefined) return windowed;
  const node = planner.plan(rel.input);
  const deduplicate = planDeduplicate(planner, rel, node);
  if (deduplicate !== undefined) return deduplicate;
  const rankField = { name: rel.schema.fields.at(-1)!.name, type: types.bigint(false) };
  const fields = rel.outputRankNumber ? [...node.schema.fields, rankField] : node.schema.fields;
  // One rank alone is a constant: Flink's ConstantRankNumberColumnRemoveRule.
  if (rel.outputRankNumber && rel.start === rel.end) {
    const bare = { ...rel, outputRankNumber: false };
    return withNumber(planner, rel, planRank(planner, bare));
  }
  // Without -U a row that a filter drops would stay.
  const primaryKey = canEmitAfter(node) ? updateKey(node, rel.partition, rel.sort) : undefined;
  // Told rank by rank a row takes its new rank before it leaves the old one: its own key is there twice meanwhile.
  const movesByRank = rel.outputRankNumber || rel.start > 1;
  const keys = movesByRank ? [] : [...exchangeKeys(node.upsertKeys, rel.partition)];
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
      strategy: isInsertOnly(node)
        ? { kind: "append" }
        : primaryKey === undefined
          ? { kind: "retract" }
          : { kind: "update", primaryKey },
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

/** A partition that holds a window's start and end: each window is ranked by itself, once. */
function planWindowRank(planner: PhysicalPlanner, rel: RankRel): PhysNode | undefined {
  const properties = windowProperties(rel.input);
  if (properties === undefined || planner.options.mode === "batch") return undefined;
  const start = rel.partition.find((index) => properties.starts.includes(index));
  const end = rel.partition.find((index) => properties.ends.includes(index));
  if (start === undefined || end === undefined) return undefined;
  const node = planner.plan(rel.input);
  const times = [...properties.starts, ...properties.ends, ...properties.times];
  const keys = rel.partition.filter((index) => !times.includes(index));
  const attached = { start, end };
  const time = properties.times[0] ?? end;
  const window = {
    ...properties.window,
    time: { ...properties.window.time, index: time, type: node.schema.fields[time]!.type },
  };
  const [sort] = rel.sort;
  const attribute = sort && attributeAt(node.schema, sort.index);
  const single = rel.start === 1 && rel.end === 1 && rel.sort.length === 1;
  const deduplicate = single && attribute === "ROWTIME" && sort !== undefined;
  const type = deduplicate ? "WindowDeduplicate" : "WindowRank";
  if (!planner.options.hasNode(type)) return undefined;
  planner.requireInsertOnly(node, `StreamPhysical${type}`);
  const edge = [{ node, distribution: hashBy(keys) }];
  if (deduplicate) {
    const result = planner.factory.make(
      {
        type: "WindowDeduplicate",
        window,
        attached,
        keys,
        keepLast: sort.descending,
        time: timeColumn(node.schema, sort.index),
      },
      edge,
      node.schema,
      { kinds: INSERT },
    );
    return rel.outputRankNumber ? withNumber(planner, rel, result) : result;
  }
  const extra = rel.outputRankNumber
    ? [{ name: rel.schema.fields.at(-1)!.name, type: types.bigint(false) }]
    : [];
  return planner.factory.make(
    {
      type: "WindowRank",
      window,
      attached,
      partitionKeys: keys,
      sort: rel.sort,
      rankStart: rel.start,
      rankEnd: rel.end,
      outputRankNumber: rel.outputRankNumber,
    },
    edge,
    { fields: [...node.schema.fields, ...extra] },
    { kinds: INSERT },
  );
}

function withNumber(planner: PhysicalPlanner, rel: RankRel, node: PhysNode): PhysNode {
  const expressions = [...fieldRefs(node.schema), literal(String(rel.end), types.bigint(false))];
  return planner.calc(node, expressions, TRUE, rel.schema);
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
  const outputInsertOnly = !keepLast && !hasMiniBatches(planner.options);
  const batch = planner.options.mode === "batch";
  const result = planner.factory.make(
    {
      type: "Deduplicate",
      keys: rel.partition,
      keepLast,
      time: { attribute, index: sort.index, type },
      outputInsertOnly,
      generateUpdateBefore: false,
    },
    [{ node, distribution: hashBy(rel.partition) }],
    node.schema,
    { kinds: outputInsertOnly || batch ? INSERT : ALL, upsertKeys: [rel.partition] },
  );
  return rel.outputRankNumber ? withNumber(planner, rel, result) : result;
}
