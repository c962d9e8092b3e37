/**
 * MATCH_RECOGNIZE → Match: rows by partition, in the order of their time.
 *
 * Source: Flink StreamPhysicalMatchRule, StreamExecMatch. In batch mode any order will do.
 */
import { planErrors } from "../errors.ts";
import type { MatchRel } from "../rel/rel-node.ts";
import { INSERT, type PhysNode, hashBy } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import { attributeAt, timeColumn } from "./time-joins.ts";

export function planMatch(planner: PhysicalPlanner, rel: MatchRel): PhysNode {
  const input = planner.plan(rel.input);
  planner.requireInsertOnly(input, "Match Recognize");
  const { partition, sort, pattern, after, withinMs, define, measures } = rel;
  const first = sort[0]?.index ?? -1;
  const timed = attributeAt(input.schema, first) !== undefined;
  const refuse = (message: string) =>
    planErrors.WINDOW_PLAN({ message, remedy: "Write ORDER BY with the time attribute first." });
  if (planner.options.mode === "streaming") {
    if (!timed)
      throw refuse("You must specify either rowtime or proctime for order by as the first one.");
    if (sort[0]!.descending)
      throw refuse("Primary sort order of a streaming table must be ascending on time.");
  }
  return planner.factory.make(
    {
      type: "Match",
      partitionKeys: partition,
      sort,
      ...(timed ? { time: timeColumn(input.schema, first) } : {}),
      pattern,
      after,
      withinMs,
      define,
      measures,
    },
    [{ node: input, distribution: hashBy(partition) }],
    rel.schema,
    { kinds: INSERT },
  );
}
