/**
 * INTERSECT and EXCEPT as joins and aggregates, NULL being equal to NULL.
 *
 *   distinct: semi and anti joins on all columns, then DISTINCT.
 *   ALL: both sides with markers in one UNION ALL, counted by row; what is left is repeated as often as it must come out:
 *   INTERSECT ALL the smaller of both counts, EXCEPT ALL the difference.
 *
 * Source: Flink ReplaceIntersectWithSemiJoinRule, ReplaceMinusWithAntiJoinRule, RewriteIntersectAllRule, RewriteMinusAllRule.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import {
  type Expression,
  REPLICATE_ROWS,
  call,
  input,
  literal,
} from "../../../foundation/plan/expression.ts";
import { and } from "../rel/expressions.ts";
import { aggregate, extend, filter, join, project, select, union } from "../rel/rel-builder.ts";
import { type RelAggregateCall, type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";

const BIGINT = types.bigint(false);
const BOOLEAN = types.boolean(false);

export function rewriteSetOperations(rel: RelNode): RelNode {
  const inputs = relInputs(rel).map(rewriteSetOperations);
  const node = withInputs(rel, inputs);
  if (node.kind !== "setop" || node.operator === "UNION") return node;
  // More than two inputs are taken from the left.
  return node.inputs.reduce((left, right) => {
    if (!node.all) return distinct(left, right, node.operator === "INTERSECT");
    return node.operator === "INTERSECT" ? intersectAll(left, right) : exceptAll(left, right);
  });
}

function distinct(left: RelNode, right: RelNode, intersects: boolean): RelNode {
  const width = left.schema.fields.length;
  const conditions = left.schema.fields.map((field, i) =>
    call(
      "IS_NOT_DISTINCT_FROM",
      [input(i, field.type), input(width + i, right.schema.fields[i]!.type)],
      BOOLEAN,
    ),
  );
  const joined = join(left, right, intersects ? "SEMI" : "ANTI", and(conditions));
  return aggregate(
    joined,
    left.schema.fields.map((_, i) => i),
    [],
  );
}

function intersectAll(left: RelNode, right: RelNode): RelNode {
  const flag = types.boolean();
  const yes = literal(true, flag);
  const none = literal(null, flag);
  const names = ["vcol_left_marker", "vcol_right_marker"];
  const both = union([extend(left, [yes, none], names), extend(right, [none, yes], names)], true);
  const width = left.schema.fields.length;
  const counted = byRow(both, width, [
    counting("COUNT", width, "vcol_left_cnt", BIGINT),
    counting("COUNT", width + 1, "vcol_right_cnt", BIGINT),
  ]);
  const [l, r] = [input(width, BIGINT), input(width + 1, BIGINT)];
  const one = literal("1", BIGINT);
  const kept = filter(counted, and([atLeast(l, one), atLeast(r, one)]));
  const fewer = call("IF", [call("GREATER_THAN", [l, r], BOOLEAN), r, l], BIGINT);
  return replicated(kept, fewer, "$f0", width);
}

function exceptAll(left: RelNode, right: RelNode): RelNode {
  const name = ["vcol_marker"];
  const marked = (rel: RelNode, value: string) => extend(rel, [literal(value, BIGINT)], name);
  const both = union([marked(left, "1"), marked(right, "-1")], true);
  const width = left.schema.fields.length;
  const sum = types.bigint();
  const counted = byRow(both, width, [counting("SUM", width, "sum_vcol_marker", sum)]);
  const count = input(width, sum);
  const zero = literal("0", BIGINT);
  const kept = filter(counted, call("GREATER_THAN", [count, zero], types.boolean()));
  return replicated(kept, count, "sum_vcol_marker", width);
}

const atLeast = (a: Expression, b: Expression): Expression =>
  call("GREATER_THAN_OR_EQUAL", [a, b], BOOLEAN);

function counting(name: string, field: number, alias: string, type: LogicalType): RelAggregateCall {
  return { function: name, args: [field], filter: -1, distinct: false, type, name: alias };
}

function byRow(rel: RelNode, width: number, calls: readonly RelAggregateCall[]): RelNode {
  return aggregate(
    rel,
    Array.from({ length: width }, (_, i) => i),
    calls,
  );
}

/** The first `width` columns of each row, as often as `count` says. */
function replicated(rel: RelNode, count: Expression, name: string, width: number): RelNode {
  const fields = rel.schema.fields.slice(0, width);
  const counted = project(
    rel,
    [count, ...fields.map((field, i) => input(i, field.type))],
    [name, ...fields.map((field) => field.name)],
  );
  const own = counted.schema.fields;
  const row: LogicalType = { kind: "ROW", fields, nullable: false };
  const all = [...own, ...fields.map((field) => ({ ...field, name: `${field.name}0` }))];
  const copies: RelNode = {
    kind: "correlate",
    input: counted,
    call: call(
      REPLICATE_ROWS,
      own.map((field, i) => input(i, field.type)),
      row,
    ),
    type: "INNER",
    condition: undefined,
    schema: { fields: all },
  };
  const last = select(
    copies,
    fields.map((_, i) => own.length + i),
  );
  const names = fields.map((field) => field.name);
  return {
    ...last,
    schema: { fields: last.schema.fields.map((f, i) => ({ ...f, name: names[i]! })) },
  };
}
