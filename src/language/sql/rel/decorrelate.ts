/**
 * Decorrelation: pulls conditions on an outer query out of a subquery's tree, to become a join's condition.
 *
 * Works through filters, projections, inner joins, aggregates (equality only: the inner side becomes a grouping key)
 * and sorts without LIMIT. What remains correlated is refused (MR2207).
 */
import { type Expression, input } from "../../../foundation/plan/expression.ts";
import { planErrors } from "../errors.ts";
import {
  and,
  conjuncts,
  hasOuterRef,
  isCall,
  remapRefs,
  shiftRefs,
  transform,
} from "./expressions.ts";
import { aggregate, filter, join, select } from "./rel-builder.ts";
import { OUTER_REF, type RelNode, relInputs } from "./rel-node.ts";
import { inputRefs } from "../../../foundation/plan/expression.ts";

export interface Decorrelated {
  readonly rel: RelNode;
  /** Over left's fields, then rel's; undefined when the subquery does not depend on the outer query. */
  readonly condition: Expression | undefined;
}

export function decorrelate(rel: RelNode, scopeId: number, left: RelNode): Decorrelated {
  if (!correlated(rel)) return { rel, condition: undefined };
  const pulled = pull(rel);
  const width = left.schema.fields.length;
  const parts = pulled.conditions.map((condition) => {
    const shifted = shiftRefs(condition, width);
    return transform(shifted, (e) => {
      if (!isCall(e, OUTER_REF) || numberOf(e.args[0]) !== scopeId) return e;
      const index = numberOf(e.args[1]);
      return input(index, left.schema.fields[index]!.type);
    });
  });
  return { rel: pulled.rel, condition: and(parts) };
}

const numberOf = (e: Expression | undefined): number => Number((e as { value: unknown }).value);

function correlated(rel: RelNode): boolean {
  return ownExpressions(rel).some(hasOuterRef) || relInputs(rel).some(correlated);
}

function ownExpressions(rel: RelNode): readonly Expression[] {
  switch (rel.kind) {
    case "filter":
      return [rel.condition];
    case "project":
      return rel.expressions;
    case "join":
      return rel.condition === undefined ? [] : [rel.condition];
    case "correlate":
      return rel.condition === undefined ? [rel.call] : [rel.call, rel.condition];
    default:
      return [];
  }
}

interface Pulled {
  readonly rel: RelNode;
  /** Over rel's fields and outer references. */
  readonly conditions: readonly Expression[];
}

function pull(rel: RelNode): Pulled {
  if (!correlated(rel)) return { rel, conditions: [] };
  switch (rel.kind) {
    case "filter": {
      const inner = pull(rel.input);
      const parts = conjuncts(rel.condition);
      const outer = parts.filter(hasOuterRef);
      const own = parts.filter((part) => !hasOuterRef(part));
      return {
        rel: filter(inner.rel, and(own)),
        conditions: [...inner.conditions, ...outer],
      };
    }
    case "project":
      return pullProject(rel);
    case "aggregate":
      return pullAggregate(rel);
    case "join":
      return pullJoin(rel);
    case "sort":
      if (rel.fetch < 0 && rel.offset === 0) return pull(rel.input);
      throw refuse("LIMIT in a correlated subquery");
    default:
      throw refuse(`${rel.kind} in a correlated subquery`);
  }
}

function refuse(message: string): Error {
  return planErrors.CORRELATION({ message });
}

function pullProject(rel: Extract<RelNode, { kind: "project" }>): Pulled {
  if (rel.expressions.some(hasOuterRef))
    throw refuse("a column of the outer query in the SELECT list of a subquery");
  const inner = pull(rel.input);
  const position = new Map<number, number>();
  rel.expressions.forEach((expression, i) => {
    if (expression.kind === "input" && !position.has(expression.index))
      position.set(expression.index, i);
  });
  const added: number[] = [];
  for (const condition of inner.conditions)
    for (const index of inputRefs(condition))
      if (!position.has(index)) {
        position.set(index, rel.expressions.length + added.length);
        added.push(index);
      }
  const fields = inner.rel.schema.fields;
  const expressions = [...rel.expressions, ...added.map((i) => input(i, fields[i]!.type))];
  const names = [
    ...rel.schema.fields.map((field) => field.name),
    ...added.map((i) => fields[i]!.name),
  ];
  const schema = {
    fields: expressions.map((e, i) => ({ name: `${names[i]!}`, type: e.type })),
  };
  const projected: RelNode = { kind: "project", input: inner.rel, expressions, schema };
  const conditions = inner.conditions.map((c) => remapRefs(c, (i) => position.get(i)!));
  return { rel: projected, conditions };
}

function pullAggregate(rel: Extract<RelNode, { kind: "aggregate" }>): Pulled {
  const inner = pull(rel.input);
  const keys: number[] = [];
  for (const condition of inner.conditions) {
    if (!isCall(condition, "EQUALS"))
      throw refuse("only equality with the outer query is possible below an aggregate");
    for (const index of inputRefs(condition))
      if (!rel.grouping.includes(index) && !keys.includes(index)) keys.push(index);
  }
  const grouping = [...rel.grouping, ...keys];
  const grouped = aggregate(inner.rel, grouping, rel.calls);
  const calls = rel.calls.map((_, i) => grouping.length + i);
  const own = rel.grouping.map((_, i) => i);
  const added = keys.map((_, i) => rel.grouping.length + i);
  const ordered = select(grouped, [...own, ...calls, ...added]);
  const place = (index: number): number => {
    const old = rel.grouping.indexOf(index);
    return old >= 0 ? old : own.length + calls.length + keys.indexOf(index);
  };
  return { rel: ordered, conditions: inner.conditions.map((c) => remapRefs(c, place)) };
}

function pullJoin(rel: Extract<RelNode, { kind: "join" }>): Pulled {
  if (rel.type !== "INNER" && (rel.type !== "LEFT" || correlated(rel.right)))
    throw refuse(`a ${rel.type} join in a correlated subquery`);
  const left = pull(rel.left);
  const right = pull(rel.right);
  const oldLeft = rel.left.schema.fields.length;
  const newLeft = left.rel.schema.fields.length;
  const moved = (c: Expression) => shiftRefs(c, newLeft - oldLeft, oldLeft);
  const parts = conjuncts(rel.condition).map(moved);
  const joined = join(left.rel, right.rel, rel.type, and(parts.filter((p) => !hasOuterRef(p))));
  const oldRight = rel.right.schema.fields.length;
  const extra = left.rel.schema.fields.length - oldLeft;
  const conditions = [
    ...left.conditions,
    ...right.conditions.map((c) => shiftRefs(c, newLeft)),
    ...parts.filter(hasOuterRef),
  ];
  if (extra === 0) return { rel: joined, conditions };
  // Columns that the left side had to add move behind the right side's, where the parent does not count them.
  const order = [
    ...Array.from({ length: oldLeft }, (_, i) => i),
    ...Array.from({ length: oldRight }, (_, i) => newLeft + i),
    ...Array.from({ length: extra }, (_, i) => oldLeft + i),
    ...joined.schema.fields.map((_, i) => i).slice(newLeft + oldRight),
  ];
  return {
    rel: select(joined, order),
    conditions: conditions.map((c) => remapRefs(c, (i) => order.indexOf(i))),
  };
}
