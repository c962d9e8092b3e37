/**
 * The optimizer: logical plan → better logical plan, in a fixed order of passes.
 *
 *   simplify expressions → INTERSECT and EXCEPT as joins → aggregates by simpler ones → [batch: NOT IN by keys, common parts of
 *   OR] → push filters down → recognise Top-N → [batch: conditions that follow from others → order of joins; streams: DISTINCT in
 *   two steps, if asked for] → prune columns
 *
 * Flow: validator → **here** → exec/physical-planner (which merges calcs, extracts join keys, recognises windows).
 */
import type { PlanOptions } from "../exec/plan-options.ts";
import type { RelNode } from "../rel/rel-node.ts";
import { factorConditions } from "./factor-conditions.ts";
import { inferConditions } from "./infer-conditions.ts";
import { splitNotIn } from "./not-in.ts";
import { type JoinOrderOptions, orderJoins } from "./order-joins.ts";
import { pruneColumns } from "./prune-columns.ts";
import { pushFilters } from "./push-filters.ts";
import { recognizeRanks } from "./recognize-ranks.ts";
import { reduceAggregates } from "./reduce-aggregates.ts";
import { rewriteSetOperations } from "./rewrite-set-operations.ts";
import { simplifyRel } from "./simplify.ts";
import { splitDistinct } from "./split-distinct.ts";

/** Flink's default of table.optimizer.bushy-join-reorder-threshold. */
const BUSHY_THRESHOLD = 12;
/** More inputs would take longer to order than to join: 3^n steps. */
const MAX_BUSHY_THRESHOLD = 14;

export type OptimizerOptions = Pick<PlanOptions, "mode" | "option" | "statistics">;

export function optimize(rel: RelNode, options: OptimizerOptions): RelNode {
  const batch = options.mode === "batch";
  let result = simplifyRel(rel);
  result = rewriteSetOperations(result);
  result = reduceAggregates(result);
  if (batch) result = factorConditions(splitNotIn(result));
  result = pushFilters(result);
  result = recognizeRanks(result);
  result = pushFilters(result);
  if (batch) result = pushFilters(arrange(result, options));
  else result = reordered(result, options);
  result = pruneColumns(simplifyRel(result));
  return batch ? result : splitDistinct(result, options.option);
}

/** Streams keep the written order of joins unless they are told otherwise. */
function reordered(rel: RelNode, options: OptimizerOptions): RelNode {
  return reorders(options) ? pushFilters(orderJoins(rel, joinOptions(options))) : rel;
}

function arrange(rel: RelNode, options: OptimizerOptions): RelNode {
  return orderJoins(pushFilters(inferConditions(rel)), joinOptions(options));
}

const reorders = ({ option }: OptimizerOptions) =>
  option("table.optimizer.join-reorder-enabled")?.toLowerCase() === "true";

function joinOptions(options: OptimizerOptions): JoinOrderOptions {
  const { mode, option, statistics } = options;
  const threshold = Number(
    option("table.optimizer.bushy-join-reorder-threshold") ?? BUSHY_THRESHOLD,
  );
  return {
    reorder: reorders(options),
    streaming: mode !== "batch",
    bushyUpTo: Math.min(threshold, MAX_BUSHY_THRESHOLD),
    statistics: statistics ?? (() => undefined),
  };
}
