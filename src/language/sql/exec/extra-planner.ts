/** What has no ExecNode yet: OVER aggregates, table functions, sorting a stream by time. */
import { planErrors } from "../errors.ts";
import type { CorrelateRel, OverRel, SortRel } from "../rel/rel-node.ts";
import type { PhysNode } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";

export function planOver(_planner: PhysicalPlanner, rel: OverRel): PhysNode {
  throw planErrors.NODE_MISSING({
    what: `${rel.calls.map((call) => call.function).join(", ")} OVER (…)`,
    remedy: "Filter ROW_NUMBER() to a Top-N, or aggregate by windows.",
  });
}

export function planCorrelate(_planner: PhysicalPlanner, rel: CorrelateRel): PhysNode {
  const name = rel.call.kind === "call" ? rel.call.function : "a table function";
  throw planErrors.NODE_MISSING({
    what: `${name} in FROM`,
    remedy: "Unnest the data before it reaches Millrace.",
  });
}

export function planTemporalSort(
  _planner: PhysicalPlanner,
  _rel: SortRel,
  _input: PhysNode,
): PhysNode {
  throw planErrors.SORT_UNBOUNDED({});
}
