/**
 * NOT IN with NULLs, as an anti join by key: `x NOT IN (SELECT y FROM s)` is planned as an anti join on
 * `x = y OR x IS NULL OR y IS NULL`, which compares each row with each. The same rows come from
 *
 *   left ⋈ (SELECT COUNT(*) AS n, COUNT(y) AS filled FROM s) WHERE n = 0 OR (n = filled AND x IS NOT NULL) ▷ s ON x = y
 *
 * for: nothing is in an empty set; NULL, or a set that holds NULL, makes NOT IN unknown.
 *
 * Flow:    optimizer, batch, before filters are pushed down. The subquery is read once: equal sub-plans are shared.
 * Limits:  a subquery that does not depend on the outer query: the condition is that comparison alone.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import {
  type Expression,
  call,
  inputRefs,
  input as inputRef,
  literal,
} from "../../../foundation/plan/expression.ts";
import {
  and,
  disjuncts,
  equalsCall,
  isCall,
  or,
  refsWithin,
  shiftRefs,
} from "../rel/expressions.ts";
import { aggregate, extend, filter, join, select } from "../rel/rel-builder.ts";
import { type JoinRel, type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";

export function splitNotIn(root: RelNode): RelNode {
  const done = new Map<RelNode, RelNode>();
  const visit = (rel: RelNode): RelNode => {
    let result = done.get(rel);
    if (result === undefined) {
      const node = withInputs(rel, relInputs(rel).map(visit));
      result = (node.kind === "join" && node.type === "ANTI" && split(node)) || node;
      done.set(rel, result);
    }
    return result;
  };
  return visit(root);
}

function split(rel: JoinRel): RelNode | undefined {
  const sides = comparedSides(rel);
  if (sides === undefined) return undefined;
  const { left, right } = rel;
  const width = left.schema.fields.length;
  const x = sides.left;
  const y = shiftRefs(sides.right, -width);
  const valued = extend(right, [y], ["$value"]);
  const value = inputRef(right.schema.fields.length, y.type);
  const counted = aggregate(
    select(valued, [value.index]),
    [],
    [
      { ...COUNT, args: [], name: "$rows" },
      { ...COUNT, args: [0], name: "$filled" },
    ],
  );
  const both = join(left, counted, "INNER", undefined);
  const rows = inputRef(width, COUNT.type);
  const filled = inputRef(width + 1, COUNT.type);
  const boolean = types.boolean(false);
  const allowed = or([
    equalsCall(rows, literal("0", COUNT.type)),
    and([equalsCall(rows, filled), call("IS_NOT_NULL", [x], boolean)]),
  ]);
  const kept = select(
    filter(both, allowed),
    left.schema.fields.map((_, i) => i),
  );
  const anti = join(kept, right, "ANTI", equalsCall(x, sides.right), { hints: rel.hints });
  return { ...anti, schema: rel.schema };
}

const COUNT = {
  function: "COUNT",
  filter: -1,
  distinct: false,
  type: types.bigint(false),
} as const;

/** `x = y OR x IS NULL OR y IS NULL`: what is compared; without the tests for NULL an anti join has its key already. */
function comparedSides(
  rel: JoinRel,
): { readonly left: Expression; readonly right: Expression } | undefined {
  if (rel.condition === undefined || !isCall(rel.condition, "OR")) return undefined;
  const parts = disjuncts(rel.condition);
  const equality = parts.find((part) => isCall(part, "EQUALS"));
  if (equality?.kind !== "call") return undefined;
  const [a, b] = equality.args as [Expression, Expression];
  const width = rel.left.schema.fields.length;
  const isLeft = (e: Expression) => inputRefs(e).size > 0 && refsWithin(e, (i) => i < width);
  const isRight = (e: Expression) => inputRefs(e).size > 0 && refsWithin(e, (i) => i >= width);
  const [left, right] = isLeft(a) ? [a, b] : [b, a];
  if (!isLeft(left) || !isRight(right)) return undefined;
  const nullable = [left, right].filter((e) => e.type.nullable);
  const tests = parts.filter((part) => part !== equality);
  const fits = (e: Expression) =>
    tests.some((test) => isCall(test, "IS_NULL") && sameColumn(test.args[0]!, e));
  if (tests.length !== nullable.length || !nullable.every(fits)) return undefined;
  return { left, right };
}

/** The test may be of the column, the comparison of the column cast to the other's type. */
function sameColumn(tested: Expression, compared: Expression): boolean {
  if (compared.kind === "call" && compared.function === "CAST")
    return sameColumn(tested, compared.args[0]!);
  return tested.kind === "input" && compared.kind === "input" && tested.index === compared.index;
}
