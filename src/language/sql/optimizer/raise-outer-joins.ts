/**
 * Inner joins that reduce their input go below the outer joins in front of them, where they are ordered with the others:
 *
 *   (a LEFT JOIN b ON p) JOIN c ON q  →  (a JOIN c ON q) LEFT JOIN b ON p     q reads a and c alone
 *
 * Flow:    order-joins.ts, with reordering on → here → join graphs.
 * When:    a ⋈ c is expected to have no more rows than a.
 */
import { type Expression, inputRefs } from "../../../foundation/plan/expression.ts";
import { remapRefs, shiftRefs } from "../rel/expressions.ts";
import { join } from "../rel/rel-builder.ts";
import { type JoinRel, type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";
import type { RelEstimator } from "../statistics/rel-estimates.ts";
import { isPlainInner } from "./join-graph.ts";

export function raiseOuterJoins(root: RelNode, estimator: RelEstimator): RelNode {
  const done = new Map<RelNode, RelNode>();
  const visit = (rel: RelNode): RelNode => {
    let result = done.get(rel);
    if (result === undefined) {
      result = raised(withInputs(rel, relInputs(rel).map(visit)), estimator);
      done.set(rel, result);
    }
    return result;
  };
  return visit(root);
}

function raised(rel: RelNode, estimator: RelEstimator): RelNode {
  if (!isPlainInner(rel)) return rel;
  const width = rel.left.schema.fields.length;
  const left = raisedOver(rel, estimator);
  if (left !== undefined) return left;
  const other = rel.right.schema.fields.length;
  const swapped = (index: number) => (index < width ? index + other : index - width);
  const condition = rel.condition && remapRefs(rel.condition, swapped);
  const right = raisedOver(join(rel.right, rel.left, "INNER", condition), estimator);
  if (right === undefined) return rel;
  return pick(
    right,
    rel,
    rel.schema.fields.map((_, i) => swapped(i)),
  );
}

/** Undefined when the left input is no outer join that may go up, or when it should not. */
function raisedOver(rel: JoinRel, estimator: RelEstimator): RelNode | undefined {
  const outer = leftJoinBelow(rel.left);
  if (outer === undefined) return undefined;
  const { join: below, columns } = outer;
  const width = columns.length;
  const kept = below.left.schema.fields.length;
  const added = rel.right.schema.fields.length;
  if (rel.condition === undefined) return undefined;
  const refs = [...inputRefs(rel.condition)];
  if (refs.some((index) => index < width && columns[index]! >= kept)) return undefined;
  const place = (index: number) => (index < width ? columns[index]! : index - width + kept);
  const inner = join(below.left, rel.right, "INNER", remapRefs(rel.condition, place));
  if (estimator.of(inner).rows > estimator.of(below.left).rows) return undefined;
  const condition = below.condition && shiftRefs(below.condition, added, kept);
  const above = join(raised(inner, estimator), below.right, "LEFT", condition);
  const order = rel.schema.fields.map((_, i) => {
    const at = place(i);
    return i < width && at >= kept ? at + added : at;
  });
  return pick(above, rel, order);
}

/** A LEFT join behind nothing but plain columns; for each field of `rel` the join's. */
function leftJoinBelow(
  rel: RelNode,
): { readonly join: JoinRel; readonly columns: readonly number[] } | undefined {
  if (rel.kind === "project") {
    const below = leftJoinBelow(rel.input);
    if (below === undefined || rel.expressions.some((e) => e.kind !== "input")) return undefined;
    const columns = rel.expressions.map((e) => below.columns[(e as { index: number }).index]!);
    return { join: below.join, columns };
  }
  if (rel.kind !== "join" || rel.type !== "LEFT" || rel.temporal !== undefined) return undefined;
  if (Object.values(rel.hints).some((hint) => hint !== undefined)) return undefined;
  return { join: rel, columns: rel.schema.fields.map((_, i) => i) };
}

/** The fields `order` under the schema of `as`. */
function pick(rel: RelNode, as: RelNode, order: readonly number[]): RelNode {
  const { fields } = rel.schema;
  const expressions = order.map(
    (index): Expression => ({ kind: "input", index, type: fields[index]!.type }),
  );
  return { kind: "project", input: rel, expressions, schema: as.schema };
}
