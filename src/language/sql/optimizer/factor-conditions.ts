/**
 * What all branches of an OR have in common: (k AND a) OR (k AND b) → k AND (a OR b). A key within OR becomes a key of the join.
 *
 * Flow: optimizer, batch, before filters are pushed down. Source: Flink FlinkRexUtil.pullFactors.
 */
import type { Expression } from "../../../foundation/plan/expression.ts";
import { and, conjuncts, digest, disjuncts, isCall, or } from "../rel/expressions.ts";
import { type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";

export function factorConditions(root: RelNode): RelNode {
  const done = new Map<RelNode, RelNode>();
  const visit = (rel: RelNode): RelNode => {
    let result = done.get(rel);
    if (result === undefined) {
      result = factoredRel(withInputs(rel, relInputs(rel).map(visit)));
      done.set(rel, result);
    }
    return result;
  };
  return visit(root);
}

function factoredRel(rel: RelNode): RelNode {
  if (rel.kind !== "filter" && rel.kind !== "join") return rel;
  const { condition } = rel;
  if (condition === undefined) return rel;
  const parts = conjuncts(condition);
  if (!parts.some((part) => isCall(part, "OR"))) return rel;
  const changed = and(parts.map(factored));
  return digest(changed) === digest(condition) ? rel : { ...rel, condition: changed };
}

/** (a AND x) OR (a AND y) → a AND (x OR y). */
export function factored(condition: Expression): Expression {
  if (!isCall(condition, "OR")) return condition;
  const branches = disjuncts(condition).map((branch) => conjuncts(branch));
  const [first, ...others] = branches.map((parts) => new Set(parts.map(digest)));
  const isCommon = (part: Expression) =>
    first!.has(digest(part)) && others.every((set) => set.has(digest(part)));
  const common = branches[0]!.filter(isCommon);
  if (common.length === 0) return condition;
  const rest = branches.map((parts) => parts.filter((part) => !isCommon(part)));
  if (rest.some((parts) => parts.length === 0)) return and(common);
  return and([...common, or(rest.map(and))]);
}
