/**
 * Joins that time bounds: interval joins (both sides' time attributes within a range) and temporal joins
 * (FOR SYSTEM_TIME AS OF). They have no ExecNode yet: an interval join of inserts runs as a regular join, which gives the
 * same rows and keeps more state; a temporal join is refused.
 */
import { planErrors } from "../errors.ts";
import type { JoinRel } from "../rel/rel-node.ts";
import type { JoinKeys } from "./join-planner.ts";
import type { PhysNode } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";

export function planIntervalJoin(
  _planner: PhysicalPlanner,
  _rel: JoinRel,
  _keys: JoinKeys,
  _left: PhysNode,
  _right: PhysNode,
): PhysNode | undefined {
  return undefined;
}

export function planTemporalJoin(
  _planner: PhysicalPlanner,
  _rel: JoinRel,
  _keys: JoinKeys,
): PhysNode {
  throw planErrors.NODE_MISSING({
    what: "A join with FOR SYSTEM_TIME AS OF",
    remedy: "Use a regular join, whose result follows changes of the right table.",
  });
}
