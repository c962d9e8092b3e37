/**
 * The optimizer: logical plan → better logical plan, in a fixed order of passes.
 *
 *   simplify expressions → INTERSECT and EXCEPT as joins → aggregates by simpler ones → push filters down →
 *   recognise Top-N → prune columns
 *
 * Flow: validator → **here** → exec/physical-planner (which merges calcs, extracts join keys, recognises windows).
 */
import type { RelNode } from "../rel/rel-node.ts";
import { pruneColumns } from "./prune-columns.ts";
import { pushFilters } from "./push-filters.ts";
import { recognizeRanks } from "./recognize-ranks.ts";
import { reduceAggregates } from "./reduce-aggregates.ts";
import { rewriteSetOperations } from "./rewrite-set-operations.ts";
import { simplifyRel } from "./simplify.ts";

export function optimize(rel: RelNode): RelNode {
  let result = simplifyRel(rel);
  result = rewriteSetOperations(result);
  result = reduceAggregates(result);
  result = pushFilters(result);
  result = recognizeRanks(result);
  result = pushFilters(result);
  result = simplifyRel(result);
  return pruneColumns(result);
}
