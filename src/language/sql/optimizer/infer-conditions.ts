/**
 * Conditions that follow from others in a tree of inner joins, so that each input reads less:
 *
 *   a.x = b.x AND a.x > 5              ⟹ b.x > 5
 *   (a.x = 1 AND b.y = 2) OR (a.x = 3) ⟹ a.x = 1 OR a.x = 3
 *
 * Flow:    optimizer, batch → here (a filter on top of the joins) → push-filters.
 * Limits:  an OR of at most MAX_BRANCHES branches; conditions of one column for the first kind.
 * Source:  Flink's JoinPushTransitivePredicatesRule, JoinDependentConditionDerivationRule.
 */
import { typeEquals } from "../../../foundation/columnar/logical-type.ts";
import { type Expression, inputRefs } from "../../../foundation/plan/expression.ts";
import { and, conjuncts, digest, disjuncts, isCall, or, transform } from "../rel/expressions.ts";
import { filter } from "../rel/rel-builder.ts";
import { type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";
import { type JoinGraph, isPlainInner, joinGraph } from "./join-graph.ts";

const MAX_BRANCHES = 64;

export function inferConditions(root: RelNode): RelNode {
  const done = new Map<RelNode, RelNode>();
  /** `top`: no inner join is right above. */
  const visit = (rel: RelNode, top: boolean): RelNode => {
    const known = top ? done.get(rel) : undefined;
    if (known !== undefined) return known;
    const inner = isPlainInner(rel);
    const node = withInputs(
      rel,
      relInputs(rel).map((input) => visit(input, !inner)),
    );
    const result = inner && top ? inferred(node) : node;
    if (top) done.set(rel, result);
    return result;
  };
  return visit(root, true);
}

function inferred(rel: RelNode): RelNode {
  // Conditions on one input have been pushed into it: they count too.
  const graph = joinGraph(rel);
  if (graph === undefined) return rel;
  const all = [...graph.conditions.map((c) => c.expression), ...leafConditions(graph)];
  const known = new Set(all.map(digest));
  const found = [
    ...throughEqualities(graph, all),
    ...graph.conditions.flatMap((c) => ofBranches(graph, c.expression)),
  ];
  const fresh = found.filter((condition) => !known.has(digest(condition)));
  const places = new Map(graph.output.map((column, i) => [column, i]));
  const usable = fresh.filter((e) => [...inputRefs(e)].every((column) => places.has(column)));
  const moved = usable.map((condition) =>
    transform(condition, (e) => (e.kind === "input" ? { ...e, index: places.get(e.index)! } : e)),
  );
  return filter(rel, and(moved));
}

/** Over global columns: the filters right on the inputs. */
function leafConditions(graph: JoinGraph): Expression[] {
  return graph.leaves.flatMap(({ rel, offset }) => {
    if (rel.kind !== "filter") return [];
    return conjuncts(rel.condition).map((part) =>
      transform(part, (e) => (e.kind === "input" ? { ...e, index: e.index + offset } : e)),
    );
  });
}

/** A condition of one column holds for the columns that are equal to it. */
function throughEqualities(graph: JoinGraph, conditions: readonly Expression[]): Expression[] {
  return conditions.flatMap((condition) => {
    const refs = [...inputRefs(condition)];
    if (refs.length !== 1) return [];
    const members = graph.classes.find((each) =>
      each.some((m) => isColumn(m.expression, refs[0]!)),
    );
    if (members === undefined) return [];
    const own = members.find((m) => isColumn(m.expression, refs[0]!))!.expression;
    const others = members.filter(
      ({ expression: e }) =>
        e.kind === "input" &&
        e.index !== refs[0]! &&
        typeEquals(e.type, own.type, { ignoreNullability: true }),
    );
    return others.map(({ expression }) =>
      transform(condition, (e) => (e.kind === "input" ? expression : e)),
    );
  });
}

const isColumn = (e: Expression, index: number): boolean => e.kind === "input" && e.index === index;

/** For each input of which every branch says something: what it says, as an OR. */
function ofBranches(graph: JoinGraph, condition: Expression): Expression[] {
  if (!isCall(condition, "OR")) return [];
  const branches = disjuncts(condition).map((branch) => conjuncts(branch));
  if (branches.length > MAX_BRANCHES) return [];
  return graph.leaves.flatMap(({ rel, offset }) => {
    const end = offset + rel.schema.fields.length;
    const isOwn = (e: Expression) => {
      const refs = [...inputRefs(e)];
      return refs.length > 0 && refs.every((column) => column >= offset && column < end);
    };
    const own = branches.map((parts) => parts.filter(isOwn));
    if (own.some((parts) => parts.length === 0)) return [];
    return [or(own.map(and))];
  });
}
