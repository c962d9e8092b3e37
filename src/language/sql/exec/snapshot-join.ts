/**
 * LateralSnapshotJoin: a join whose right side is SNAPSHOT(table), in streaming mode.
 *
 * Errors:  MR2203 a join that it cannot be, MR2202 a probe side that takes rows back.
 * Source:  Flink StreamPhysicalLateralSnapshotJoin.
 */
import { planErrors } from "../errors.ts";
import { isTrue } from "../rel/expressions.ts";
import { joinSchema, withoutAttributes } from "../rel/rel-builder.ts";
import type { JoinRel, SnapshotSpec } from "../rel/rel-node.ts";
import type { JoinKeys } from "./join-planner.ts";
import { INSERT, type PhysNode, hashBy } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import { joinSide } from "./upsert-keys.ts";

export function planSnapshotJoin(
  planner: PhysicalPlanner,
  rel: JoinRel,
  keys: JoinKeys,
  { loadUntilMs, idleTimeoutMs, stateTtlMs }: SnapshotSpec,
): PhysNode {
  if (rel.type !== "INNER" && rel.type !== "LEFT")
    throw planErrors.JOIN_CONDITION({
      message: `LATERAL SNAPSHOT join only supports INNER and LEFT JOIN, but not ${rel.type}`,
      remedy: "Turn the join round.",
    });
  if (keys.leftKeys.length === 0)
    throw planErrors.JOIN_CONDITION({
      message: "LATERAL SNAPSHOT join requires at least one equality condition",
      remedy: "Join on a column of the snapshot.",
    });
  const left = planner.plan(keys.left);
  const right = planner.plan(keys.right);
  planner.requireInsertOnly(left, "StreamPhysicalLateralSnapshotJoin");
  return planner.factory.make(
    {
      type: "LateralSnapshotJoin",
      joinType: rel.type,
      leftKeys: keys.leftKeys,
      rightKeys: keys.rightKeys,
      filterNulls: keys.filterNulls,
      right: {
        ...joinSide(right.upsertKeys, keys.rightKeys),
        ...(stateTtlMs === undefined ? {} : { stateTtlMs }),
      },
      ...(isTrue(keys.condition) ? {} : { condition: keys.condition }),
      ...(loadUntilMs === undefined ? {} : { loadUntilMs }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    },
    [
      { node: left, distribution: hashBy(keys.leftKeys) },
      { node: right, distribution: hashBy(keys.rightKeys) },
    ],
    joinSchema(left.schema, withoutAttributes(right.schema), rel.type),
    { kinds: INSERT },
  );
}
