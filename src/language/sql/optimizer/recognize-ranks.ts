/**
 * Top-N: a filter on ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) between constants becomes a Rank.
 *
 * Source: Flink FlinkLogicalRankRule: `rn <= 10`, `rn = 1`, `rn >= 2 AND rn <= 5`, `rn < 11`; the rest of the condition
 *         stays a filter above. The rank column is kept only when something else reads it (prune-columns decides).
 */
import { placed, scriptPlace } from "../rel/rel-place.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { inputRefs } from "../../../foundation/plan/expression.ts";
import { conjuncts, isLiteral, substitute } from "../rel/expressions.ts";
import { and } from "../rel/expressions.ts";
import { filter } from "../rel/rel-builder.ts";
import {
  type OverRel,
  type RankRel,
  type RelNode,
  relInputs,
  withInputs,
} from "../rel/rel-node.ts";

export function recognizeRanks(rel: RelNode): RelNode {
  const node = withInputs(rel, relInputs(rel).map(recognizeRanks));
  if (node.kind !== "filter") return node;
  if (node.input.kind === "over") return rankOf(node.condition, node.input) ?? node;
  if (node.input.kind === "project" && node.input.input.kind === "over") {
    const { input: project } = node;
    const condition = substitute(node.condition, project.expressions);
    const ranked = rankOf(condition, node.input.input);
    if (ranked !== undefined) return { ...project, input: ranked };
  }
  return node;
}

function rankOf(condition: Expression, over: OverRel): RelNode | undefined {
  const [call] = over.calls;
  if (over.calls.length !== 1 || call === undefined || call.function !== "ROW_NUMBER")
    return undefined;
  const column = over.input.schema.fields.length;
  let start = 1;
  let end: number | undefined;
  const rest: Expression[] = [];
  for (const part of conjuncts(condition)) {
    const bound = boundOn(part, column);
    if (bound === undefined) {
      if (inputRefs(part).has(column)) return undefined;
      rest.push(part);
      continue;
    }
    if (bound.from !== undefined) start = Math.max(start, bound.from);
    if (bound.to !== undefined) end = Math.min(end ?? bound.to, bound.to);
  }
  if (end === undefined || end < start) return undefined;
  const partitioned = rest.every((part) =>
    [...inputRefs(part)].every((i) => over.partition.includes(i)),
  );
  const rank: RankRel = {
    kind: "rank",
    input: partitioned ? filter(over.input, and(rest)) : over.input,
    partition: over.partition,
    sort: over.sort,
    start,
    end,
    outputRankNumber: true,
    schema: over.schema,
  };
  const found = placed(rank, scriptPlace(over));
  return partitioned ? found : filter(found, and(rest));
}

interface Bound {
  readonly from?: number;
  readonly to?: number;
}

const FLIPPED: Readonly<Record<string, string>> = {
  LESS_THAN: "GREATER_THAN",
  LESS_THAN_OR_EQUAL: "GREATER_THAN_OR_EQUAL",
  GREATER_THAN: "LESS_THAN",
  GREATER_THAN_OR_EQUAL: "LESS_THAN_OR_EQUAL",
  EQUALS: "EQUALS",
};

function boundOn(part: Expression, column: number): Bound | undefined {
  if (part.kind !== "call" || part.args.length !== 2) return undefined;
  const [a, b] = part.args as [Expression, Expression];
  const isColumn = (e: Expression): boolean =>
    (e.kind === "input" && e.index === column) ||
    (e.kind === "call" && e.function === "CAST" && isColumn(e.args[0]!));
  const straight = isColumn(a) && isLiteral(b);
  const flipped = isColumn(b) && isLiteral(a);
  if (!straight && !flipped) return undefined;
  const name = straight ? part.function : FLIPPED[part.function];
  const value = Number((straight ? b : a).kind === "literal" ? literalOf(straight ? b : a) : 0);
  switch (name) {
    case "EQUALS":
      return { from: value, to: value };
    case "LESS_THAN":
      return { to: Math.ceil(value) - 1 };
    case "LESS_THAN_OR_EQUAL":
      return { to: Math.floor(value) };
    case "GREATER_THAN":
      return { from: Math.floor(value) + 1 };
    case "GREATER_THAN_OR_EQUAL":
      return { from: Math.ceil(value) };
    default:
      return undefined;
  }
}

function literalOf(e: Expression): unknown {
  return e.kind === "literal" ? e.value : undefined;
}
