/**
 * References of a subquery to the query around it, when that query's fields move: GROUP BY puts an aggregate between FROM, which the
 * subquery was written over, and the node that it is joined to.
 *
 * Flow: validator/subqueries.ts → here → decorrelate.ts.
 */
import { call, type Expression, input, literal } from "../../../foundation/plan/expression.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { isCall, transform } from "./expressions.ts";
import { OUTER_REF, type RelNode, relInputs, withInputs } from "./rel-node.ts";

/** `place` gives the field that a field of the scope has become; it may refuse it. */
export function withOuterFields(
  root: RelNode,
  scopeId: number,
  place: (field: Expression) => Expression,
): RelNode {
  const move = (expression: Expression): Expression =>
    transform(expression, (e) => {
      if (!isCall(e, OUTER_REF) || numberOf(e.args[0]) !== scopeId) return e;
      const field = place(input(numberOf(e.args[1]), e.type));
      if (field.kind !== "input") return e;
      const index = literal(field.index, types.int(false));
      return call(OUTER_REF, [e.args[0]!, index], field.type);
    });
  const done = new Map<RelNode, RelNode>();
  const visit = (rel: RelNode): RelNode => {
    const known = done.get(rel);
    if (known !== undefined) return known;
    const inputs = relInputs(rel);
    const moved = inputs.map(visit);
    const node = moved.every((child, i) => child === inputs[i]) ? rel : withInputs(rel, moved);
    const result = withOwn(node, move);
    done.set(rel, result);
    return result;
  };
  return visit(root);
}

/** Nodes that hold references to the query around. */
function withOwn(rel: RelNode, move: (expression: Expression) => Expression): RelNode {
  switch (rel.kind) {
    case "filter": {
      const condition = move(rel.condition);
      return condition === rel.condition ? rel : { ...rel, condition };
    }
    case "project": {
      const expressions = rel.expressions.map(move);
      return expressions.every((e, i) => e === rel.expressions[i]) ? rel : { ...rel, expressions };
    }
    case "join": {
      const condition = rel.condition && move(rel.condition);
      return condition === rel.condition ? rel : { ...rel, condition };
    }
    case "correlate": {
      const moved = move(rel.call);
      const condition = rel.condition && move(rel.condition);
      return moved === rel.call && condition === rel.condition
        ? rel
        : { ...rel, call: moved, condition };
    }
    default:
      return rel;
  }
}

const numberOf = (e: Expression | undefined): number => Number((e as { value: unknown }).value);
