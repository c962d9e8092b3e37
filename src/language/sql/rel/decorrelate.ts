/**
 * Decorrelation: pulls conditions on an outer query out of a subquery's tree, to become a join's condition.
 *
 * Works through filters, projections, inner joins, sorts, and by key through aggregates, OVER and ORDER BY … LIMIT
 * (decorrelate-by-key.ts): there the columns that an outer value is compared with become grouping or partition keys. An
 * aggregate below any other comparison is computed for each of the outer query's distinct values. What remains correlated
 * is refused (MR2207).
 */
import { type Expression, call, input, inputRefs } from "../../../foundation/plan/expression.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { planErrors } from "../errors.ts";
import { correlationKeys, limitByKey, pullOver } from "./decorrelate-by-key.ts";
import {
  and,
  conjuncts,
  digest,
  disjuncts,
  hasOuterRef,
  isCall,
  or,
  remapRefs,
  shiftRefs,
  transform,
} from "./expressions.ts";
import { aggregate, filter, join, select } from "./rel-builder.ts";
import { OUTER_REF, type RelNode, relInputs } from "./rel-node.ts";

export interface Decorrelated {
  readonly rel: RelNode;
  /** Over left's fields, then rel's; undefined when the subquery does not depend on the outer query. */
  readonly condition: Expression | undefined;
}

export function decorrelate(rel: RelNode, scopeId: number, left: RelNode): Decorrelated {
  if (!correlated(rel)) return { rel, condition: undefined };
  const pulled = pull(rel, { scopeId, left });
  const width = left.schema.fields.length;
  const parts = pulled.conditions.map((condition) => {
    const shifted = shiftRefs(condition, width);
    return transform(shifted, (e) => {
      if (!isOuterOf(e, scopeId)) return e;
      const index = numberOf(e.args[1]);
      return input(index, left.schema.fields[index]!.type);
    });
  });
  return { rel: pulled.rel, condition: and(parts) };
}

/** The query around the subquery. */
interface Outer {
  readonly scopeId: number;
  readonly left: RelNode;
}

export interface Pulled {
  readonly rel: RelNode;
  /** Over rel's fields and outer references. */
  readonly conditions: readonly Expression[];
}

const numberOf = (e: Expression | undefined): number => Number((e as { value: unknown }).value);

function isOuterOf(e: Expression, scopeId: number): e is Extract<Expression, { kind: "call" }> {
  return isCall(e, OUTER_REF) && numberOf(e.args[0]) === scopeId;
}

function correlated(rel: RelNode): boolean {
  const known = correlations.get(rel);
  if (known !== undefined) return known;
  const found = ownExpressions(rel).some(hasOuterRef) || relInputs(rel).some(correlated);
  correlations.set(rel, found);
  return found;
}
/** What WITH names is one node with many readers. */
const correlations = new WeakMap<RelNode, boolean>();

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

function pull(rel: RelNode, outer: Outer): Pulled {
  if (!correlated(rel)) return { rel, conditions: [] };
  switch (rel.kind) {
    case "filter": {
      const inner = pull(rel.input, outer);
      const parts = conjuncts(rel.condition).flatMap((part) => conjuncts(factored(part)));
      return {
        rel: filter(inner.rel, and(parts.filter((part) => !hasOuterRef(part)))),
        conditions: [...inner.conditions, ...parts.filter(hasOuterRef)],
      };
    }
    case "project":
      return pullProject(rel, outer);
    case "aggregate":
      return pullAggregate(rel, outer);
    case "join":
      return pullJoin(rel, outer);
    case "over":
      return pullOver(rel, pull(rel.input, outer)) ?? refused("OVER below other than equality");
    case "sort": {
      const inner = pull(rel.input, outer);
      if (rel.fetch < 0 && rel.offset === 0) return inner;
      return (
        limitByKey(rel, inner) ?? refused("LIMIT below other than equality, or without ORDER BY")
      );
    }
    default:
      throw refuse(`${rel.kind} in a correlated subquery`);
  }
}

/** (a AND x) OR (a AND y) → a AND (x OR y). */
function factored(condition: Expression): Expression {
  if (!isCall(condition, "OR") || !hasOuterRef(condition)) return condition;
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

function refuse(message: string): Error {
  return planErrors.CORRELATION({ message });
}

function refused(message: string): never {
  throw refuse(`${message} in a correlated subquery`);
}

function pullProject(rel: Extract<RelNode, { kind: "project" }>, outer: Outer): Pulled {
  if (rel.expressions.some(hasOuterRef))
    throw refuse("a column of the outer query in the SELECT list of a subquery");
  const inner = pull(rel.input, outer);
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

type AggregateNode = Extract<RelNode, { kind: "aggregate" }>;

function pullAggregate(rel: AggregateNode, outer: Outer): Pulled {
  const inner = pull(rel.input, outer);
  const found = correlationKeys(inner);
  if (found === undefined) return aggregatePerOuterValue(rel, inner, outer);
  const keys = found.keys.filter((index) => !rel.grouping.includes(index));
  const grouping = [...rel.grouping, ...keys];
  const ordered = ownColumnsFirst(rel, aggregate(found.rel, grouping, rel.calls), 0, keys.length);
  const own = rel.grouping.length + rel.calls.length;
  const place = (index: number): number => {
    const old = rel.grouping.indexOf(index);
    return old >= 0 ? old : own + keys.indexOf(index);
  };
  return { rel: ordered, conditions: found.conditions.map((c) => remapRefs(c, place)) };
}

/** Grouped by `before` columns, the aggregate's own grouping, then `behind`: its own columns come first. */
function ownColumnsFirst(
  rel: AggregateNode,
  grouped: RelNode,
  before: number,
  behind: number,
): RelNode {
  const own = rel.grouping.map((_, i) => before + i);
  const first = before + own.length + behind;
  const calls = rel.calls.map((_, i) => first + i);
  const added = Array.from({ length: before + behind }, (_, i) =>
    i < before ? i : own.length + i,
  );
  return select(grouped, [...own, ...calls, ...added]);
}

/**
 * The aggregate for each of the distinct values that the outer query compares with:
 * (SELECT DISTINCT o FROM outer) JOIN inner ON conditions, grouped by o too.
 */
function aggregatePerOuterValue(rel: AggregateNode, inner: Pulled, outer: Outer): Pulled {
  const { scopeId, left } = outer;
  const references = new Map<number, Expression>();
  for (const condition of inner.conditions)
    transform(condition, (e) => {
      if (!isCall(e, OUTER_REF)) return e;
      if (!isOuterOf(e, scopeId)) throw refuse("a comparison with a query two levels up");
      references.set(numberOf(e.args[1]), e);
      return e;
    });
  if (correlated(left)) throw refuse("a comparison other than equality within a correlated query");
  const columns = [...references.keys()].sort((a, b) => a - b);
  const all = columns.map((_, i) => i);
  const values = aggregate(select(left, columns), all, []);
  const width = columns.length;
  const on = inner.conditions.map((condition) =>
    transform(shiftRefs(condition, width), (e) => {
      if (!isOuterOf(e, scopeId)) return e;
      const at = columns.indexOf(numberOf(e.args[1]));
      return input(at, values.schema.fields[at]!.type);
    }),
  );
  const calls = rel.calls.map((each) => ({
    ...each,
    args: each.args.map((index) => index + width),
    filter: each.filter < 0 ? each.filter : each.filter + width,
  }));
  const joined = join(values, inner.rel, "INNER", and(on));
  const grouping = [...all, ...rel.grouping.map((index) => index + width)];
  const ordered = ownColumnsFirst(rel, aggregate(joined, grouping, calls), width, 0);
  const own = rel.grouping.length + rel.calls.length;
  const conditions = columns.map((column, i) => {
    const value = input(own + i, values.schema.fields[i]!.type);
    return call("IS_NOT_DISTINCT_FROM", [references.get(column)!, value], types.boolean(false));
  });
  return { rel: ordered, conditions };
}

function pullJoin(rel: Extract<RelNode, { kind: "join" }>, outer: Outer): Pulled {
  if (rel.type !== "INNER" && (rel.type !== "LEFT" || correlated(rel.right)))
    throw refuse(`a ${rel.type} join in a correlated subquery`);
  const left = pull(rel.left, outer);
  const right = pull(rel.right, outer);
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
