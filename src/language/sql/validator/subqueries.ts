/**
 * Subqueries in expressions → joins: EXISTS and IN as semi or anti joins, scalar ones as left joins.
 *
 * Flow:    converters leave SUBQUERY_REF placeholders with a SubqueryStage; a clause applies those of its expression.
 * Rules:   NOT IN compares as SQL does: a NULL on either side yields no row (the condition keeps the IS NULL cases).
 *          Correlated ones are decorrelated first (rel/decorrelate.ts). Scalar ones yield at most one row (SINGLE_VALUE).
 */
import { types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import { type Expression, call, input, literal } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import { decorrelate } from "../rel/decorrelate.ts";
import { TRUE, and, conjuncts, isCall, or, transform } from "../rel/expressions.ts";
import { withOuterFields } from "../rel/outer-fields.ts";
import { aggregate, extend, join, project, select } from "../rel/rel-builder.ts";
import type { RelNode } from "../rel/rel-node.ts";
import { SUBQUERY_REF, type SubqueryRequest } from "./collectors.ts";
import { comparison } from "./operators.ts";
import type { PlannerContext } from "./planner-context.ts";
import { type QueryEnvironment, convertQuery } from "./query-converter.ts";

interface Pending extends Omit<SubqueryRequest, "operands"> {
  rel: RelNode;
  operands: readonly Expression[];
}

export class SubqueryStage {
  readonly #context: PlannerContext;
  readonly #environment: QueryEnvironment;
  readonly #pending: Pending[] = [];

  constructor(context: PlannerContext, environment: QueryEnvironment) {
    this.#context = context;
    this.#environment = environment;
  }

  add(request: SubqueryRequest): { index: number; type: Expression["type"] } {
    const environment = { ...this.#environment, outer: request.scope };
    const converted = convertQuery(this.#context, request.query, environment);
    // What EXISTS selects does not matter.
    const exists = request.kind === "exists" && converted.kind === "project";
    const rel = exists ? converted.input : converted;
    const columns = rel.schema.fields.length;
    const wanted = request.kind === "in" ? request.operands.length : 1;
    if (request.kind !== "exists" && columns !== wanted)
      throw validateErrors.SUBQUERY_SHAPE(
        { message: `The subquery has ${columns} columns where ${wanted} are needed` },
        { at: request.node.span },
      );
    const index = this.#pending.push({ ...request, rel }) - 1;
    const type =
      request.kind === "scalar"
        ? withNullable(rel.schema.fields[0]!.type, true)
        : types.boolean(request.kind === "in");
    return { index, type };
  }

  /** After GROUP BY the operands, and what subqueries read of the query around them, refer to the aggregate. */
  mapOuter(map: (expression: Expression, at: Pending["node"]) => Expression): void {
    for (const pending of this.#pending) {
      if (this.#done.has(pending)) continue;
      const place = (field: Expression) => map(field, pending.node);
      pending.operands = pending.operands.map(place);
      pending.rel = withOuterFields(pending.rel, pending.scope.id, place);
    }
  }
  readonly #done = new Set<Pending>();
  /** Those for which unknown may count as FALSE. */
  readonly #positive = new Set<number>();

  /** Conjuncts that are subqueries filter by semi and anti joins; the rest of the condition is returned. */
  applyFilter(rel: RelNode, condition: Expression): { rel: RelNode; condition: Expression } {
    let result = rel;
    const rest: Expression[] = [];
    for (const part of conjuncts(condition)) {
      const negated = isCall(part, "NOT");
      const inner = negated ? part.args[0]! : part;
      const pending = isCall(inner, SUBQUERY_REF) ? this.#of(inner) : undefined;
      if (pending !== undefined && pending.kind !== "scalar")
        result = this.#semi(this.#withOperands(result, pending), pending, negated);
      else rest.push(part);
    }
    const whole = and(rest);
    for (const index of positive(whole)) this.#positive.add(index);
    const applied = this.apply(result, whole);
    return { rel: applied.rel, condition: applied.expression };
  }

  /** Subqueries within an expression become columns behind the input's. */
  apply(rel: RelNode, expression: Expression): { rel: RelNode; expression: Expression } {
    if (this.#pending.length === 0) return { rel, expression };
    let result = rel;
    const rewritten = transform(expression, (e) => {
      if (!isCall(e, SUBQUERY_REF)) return e;
      const pending = this.#of(e);
      result = this.#withOperands(result, pending);
      const joined =
        pending.kind === "scalar" ? this.#scalar(result, pending) : this.#marker(result, pending);
      result = joined.rel;
      return joined.value;
    });
    return { rel: result, expression: rewritten };
  }

  /** What is looked for in a subquery may hold subqueries itself: they come first. */
  #withOperands(rel: RelNode, pending: Pending): RelNode {
    let result = rel;
    pending.operands = pending.operands.map((operand) => {
      const applied = this.apply(result, operand);
      result = applied.rel;
      return applied.expression;
    });
    return result;
  }

  /** IN with NULLs is unknown where no row matches; a marker column cannot say so. */
  #refuseUnknown(pending: Pending, right: RelNode): void {
    const nullable = pending.operands.some(
      (operand, i) => operand.type.nullable || right.schema.fields[i]!.type.nullable,
    );
    if (!nullable || this.#positive.has(this.#pending.indexOf(pending))) return;
    throw validateErrors.NOT_SUPPORTED(
      {
        what: "IN (subquery) on nullable columns within NOT, OR NOT, CASE or the SELECT list",
        remedy: "Move it to a condition of its own in WHERE, or use EXISTS.",
      },
      { at: pending.node.span },
    );
  }

  #of(placeholder: Extract<Expression, { kind: "call" }>): Pending {
    const pending = this.#pending[Number((placeholder.args[0] as { value: unknown }).value)]!;
    this.#done.add(pending);
    return pending;
  }

  #semi(left: RelNode, pending: Pending, negated: boolean): RelNode {
    const { rel: right, condition } = decorrelate(pending.rel, pending.scope.id, left);
    const width = left.schema.fields.length;
    const parts = [condition ?? TRUE];
    pending.operands.forEach((operand, i) => {
      const field = input(width + i, right.schema.fields[i]!.type);
      const equal = comparison("=", operand, field, pending.node);
      parts.push(negated && equal.type.nullable ? nullAware(equal) : equal);
    });
    return join(left, right, negated ? "ANTI" : "SEMI", and(parts));
  }

  #scalar(left: RelNode, pending: Pending): { rel: RelNode; value: Expression } {
    const { rel: right, condition } = decorrelate(pending.rel, pending.scope.id, left);
    const single = condition === undefined ? singleRowOf(right) : uniquePerKey(pending.rel, right);
    const joined = join(left, single, "LEFT", condition ?? TRUE);
    const width = left.schema.fields.length;
    const type = withNullable(right.schema.fields[0]!.type, true);
    const value = input(width, type);
    if (condition !== undefined && countsRows(pending.rel)) {
      const zero = literal("0", types.bigint(false));
      return { rel: joined, value: call("COALESCE", [value, zero], types.bigint(false)) };
    }
    return { rel: joined, value };
  }

  /** EXISTS or IN within a larger expression: a left join with a column that is TRUE where a row matched. */
  #marker(left: RelNode, pending: Pending): { rel: RelNode; value: Expression } {
    const { rel: right, condition } = decorrelate(pending.rel, pending.scope.id, left);
    this.#refuseUnknown(pending, right);
    const width = left.schema.fields.length;
    const keep = new Set(pending.operands.map((_, i) => i));
    const used = condition === undefined ? [] : refsFrom(condition, width);
    for (const index of used) keep.add(index);
    const kept = [...keep].sort((a, b) => a - b);
    const unique = aggregate(
      select(right, kept),
      kept.map((_, i) => i),
      [],
    );
    // Without columns DISTINCT would be a global aggregate, which has a row even for no input.
    const marked =
      kept.length === 0
        ? aggregate(project(right, [TRUE], ["$marker"]), [0], [])
        : extend(unique, [TRUE], ["$marker"]);
    const moved = condition && moveRefs(condition, width, kept);
    const parts = [moved ?? TRUE];
    pending.operands.forEach((operand, i) => {
      const field = input(width + kept.indexOf(i), right.schema.fields[i]!.type);
      parts.push(comparison("=", operand, field, pending.node));
    });
    const joined = join(left, marked, "LEFT", and(parts));
    const marker = input(width + kept.length, types.boolean());
    const found = call("IS_NOT_NULL", [marker], types.boolean(false));
    return { rel: joined, value: found };
  }
}

/** Placeholders that only AND and OR stand above. */
function positive(condition: Expression): number[] {
  if (isCall(condition, "AND") || isCall(condition, "OR")) return condition.args.flatMap(positive);
  if (!isCall(condition, SUBQUERY_REF)) return [];
  return [Number((condition.args[0] as { value: unknown }).value)];
}

/** `a NOT IN (…)` lets a row through only when no comparison is TRUE or unknown. */
function nullAware(equal: Expression): Expression {
  if (equal.kind !== "call") return equal;
  const nulls = equal.args
    .filter((arg) => arg.type.nullable)
    .map((arg) => call("IS_NULL", [arg], types.boolean(false)));
  return or([equal, ...nulls]);
}

function refsFrom(condition: Expression, width: number): number[] {
  const found = new Set<number>();
  transform(condition, (e) => {
    if (e.kind === "input" && e.index >= width) found.add(e.index - width);
    return e;
  });
  return [...found];
}

function moveRefs(condition: Expression, width: number, kept: readonly number[]): Expression {
  return transform(condition, (e) =>
    e.kind === "input" && e.index >= width
      ? { ...e, index: width + kept.indexOf(e.index - width) }
      : e,
  );
}

/** At most one row: global aggregates and VALUES of one row are that already. */
function singleRowOf(rel: RelNode): RelNode {
  if (atMostOne(rel)) return rel;
  const field = rel.schema.fields[0]!;
  const type = withNullable(field.type, true);
  return aggregate(
    rel,
    [],
    [{ function: "SINGLE_VALUE", args: [0], filter: -1, distinct: false, type, name: field.name }],
  );
}

function atMostOne(rel: RelNode): boolean {
  if (rel.kind === "project" || rel.kind === "filter") return atMostOne(rel.input);
  if (rel.kind === "aggregate") return rel.grouping.length === 0;
  if (rel.kind === "sort") return rel.fetch >= 0 && rel.fetch <= 1;
  return rel.kind === "values" && rel.rows.length <= 1;
}

/** A correlated scalar: one row per correlation key. */
function uniquePerKey(original: RelNode, right: RelNode): RelNode {
  if (atMostOne(original)) return right;
  const keys = right.schema.fields.map((_, i) => i).slice(1);
  const field = right.schema.fields[0]!;
  const type = withNullable(field.type, true);
  const grouped = aggregate(right, keys, [
    { function: "SINGLE_VALUE", args: [0], filter: -1, distinct: false, type, name: field.name },
  ]);
  return select(grouped, [keys.length, ...keys.map((_, i) => i)]);
}

/** COUNT of nothing is 0, where the left join yields NULL. */
function countsRows(rel: RelNode): boolean {
  if (rel.kind === "aggregate")
    return rel.grouping.length === 0 && rel.calls[0]?.function === "COUNT";
  if (rel.kind !== "project") return false;
  const first = rel.expressions[0];
  return (
    first?.kind === "input" &&
    rel.input.kind === "aggregate" &&
    rel.input.calls[first.index - rel.input.grouping.length]?.function === "COUNT"
  );
}
