/**
 * Filter push-down: conditions go as near to the sources as they may.
 *
 * Through projections (deterministic ones), joins (by side; conditions that reject NULLs turn outer joins into inner),
 * unions, aggregates (on grouping keys), windows (on other columns), Top-N and OVER (on partition keys), sorts
 * without a limit. A filter of an inner join that names both sides becomes its condition.
 */
import { type Expression, inputRefs } from "../../../foundation/plan/expression.ts";
import { withNullable } from "../../../foundation/columnar/logical-type.ts";
import {
  and,
  conjuncts,
  isCall,
  isDeterministic,
  refsWithin,
  remapRefs,
  shiftRefs,
  size,
  sizeWithin,
  substitute,
  transform,
} from "../rel/expressions.ts";
import { filter, join as makeJoin } from "../rel/rel-builder.ts";
import { type JoinRel, type RelNode, relInputs, withInputs } from "../rel/rel-node.ts";
import { simplifyCondition } from "./simplify.ts";

/** Nodes that a condition may gain on its way through one projection: `a + a` in each of many would double it every time. */
const MAX_GROWTH = 1000;

export function pushFilters(rel: RelNode): RelNode {
  return push(rel, []);
}

/** `rel` under a filter of `conditions`. */
function push(rel: RelNode, conditions: readonly Expression[]): RelNode {
  switch (rel.kind) {
    case "filter": {
      const simple = conjuncts(simplifyCondition(and([rel.condition, ...conditions])));
      return push(rel.input, simple);
    }
    case "project": {
      const inner: Expression[] = [];
      const here: Expression[] = [];
      for (const condition of conditions) {
        const refs = [...inputRefs(condition)];
        const safe = refs.every((index) => isDeterministic(rel.expressions[index]!));
        const moved = safe ? substitute(condition, rel.expressions) : condition;
        const fits = safe && sizeWithin(moved, size(condition) + MAX_GROWTH);
        (fits ? inner : here).push(fits ? moved : condition);
      }
      return filter({ ...rel, input: push(rel.input, inner) }, and(here));
    }
    case "join":
      return pushJoin(rel, conditions);
    case "setop":
      return withInputs(
        rel,
        rel.inputs.map((input) => push(input, conditions.filter(isDeterministic))),
      ) as RelNode;
    case "aggregate": {
      const { below, above } = split(conditions, (index) => index < rel.grouping.length);
      const mapped = below.map((c) => remapRefs(c, (index) => rel.grouping[index]!));
      const pushed = rel.grouping.length > 0 ? mapped : [];
      const rest = rel.grouping.length > 0 ? above : conditions;
      return filter({ ...rel, input: push(rel.input, pushed) }, and(rest));
    }
    case "windowTvf": {
      const width = rel.input.schema.fields.length;
      const keys = rel.window.partitionKeys ?? [];
      const passes = (index: number) =>
        rel.window.kind === "SESSION" ? keys.includes(index) : index < width;
      return through(rel, conditions, passes);
    }
    case "over":
    case "rank":
      return through(rel, conditions, (index) => rel.partition.includes(index));
    case "correlate": {
      const width = rel.input.schema.fields.length;
      return through(rel, conditions, (index) => index < width);
    }
    case "sort":
      if (rel.fetch < 0 && rel.offset === 0) return through(rel, conditions, () => true);
      return through(rel, conditions, () => false);
    default:
      return filter(
        withInputs(
          rel,
          relInputs(rel).map((input) => push(input, [])),
        ),
        and(conditions),
      );
  }
}

function split(
  conditions: readonly Expression[],
  passes: (index: number) => boolean,
): { below: Expression[]; above: Expression[] } {
  const below: Expression[] = [];
  const above: Expression[] = [];
  for (const condition of conditions) {
    const fits = isDeterministic(condition) && refsWithin(condition, passes);
    (fits && inputRefs(condition).size > 0 ? below : above).push(condition);
  }
  return { below, above };
}

function through(
  rel: Extract<RelNode, { input: RelNode }>,
  conditions: readonly Expression[],
  passes: (index: number) => boolean,
): RelNode {
  const { below, above } = split(conditions, passes);
  return filter(withInputs(rel, [push(rel.input, below)]), and(above));
}

// ------------------------------------------------------------------------------------------------- joins

function pushJoin(original: JoinRel, conditions: readonly Expression[]): RelNode {
  const rel = innerWhereNullsAreRejected(original, conditions);
  const width = rel.left.schema.fields.length;
  const isLeft = (index: number) => index < width;
  const isRight = (index: number) => index >= width;
  const toLeft: Expression[] = [];
  const toRight: Expression[] = [];
  const above: Expression[] = [];
  const on: Expression[] = [];
  const leftKept = rel.type !== "RIGHT" && rel.type !== "FULL";
  const rightKept = rel.type === "INNER" || rel.type === "RIGHT";
  const semi = rel.type === "SEMI" || rel.type === "ANTI";
  for (const condition of conditions) {
    const plain = isDeterministic(condition) && inputRefs(condition).size > 0;
    if (plain && refsWithin(condition, isLeft) && leftKept) toLeft.push(condition);
    else if (plain && !semi && refsWithin(condition, isRight) && rightKept && !rel.temporal)
      toRight.push(shiftRefs(condition, -width));
    else if (rel.type === "INNER" && isDeterministic(condition) && !rel.temporal)
      on.push(retype(condition, rel));
    else above.push(condition);
  }
  const kept: Expression[] = [];
  for (const part of [...conjuncts(rel.condition), ...on]) {
    const plain = isDeterministic(part) && inputRefs(part).size > 0 && !rel.temporal;
    const leftOnly = plain && refsWithin(part, isLeft);
    const rightOnly = plain && refsWithin(part, isRight);
    if (leftOnly && (rel.type === "INNER" || rel.type === "RIGHT" || rel.type === "SEMI"))
      toLeft.push(part);
    else if (rightOnly && (rel.type === "INNER" || rel.type === "LEFT" || semi))
      toRight.push(shiftRefs(part, -width));
    else kept.push(part);
  }
  const left = push(rel.left, toLeft);
  const right = push(rel.right, toRight);
  const joined = makeJoin(left, right, rel.type, and(kept), {
    hints: rel.hints,
    ...(rel.temporal === undefined ? {} : { temporal: rel.temporal }),
  });
  return filter({ ...original, ...joined, schema: rel.schema }, and(above));
}

/** References of a condition from above an outer join that has become an inner one. */
function retype(condition: Expression, rel: JoinRel): Expression {
  const fields = rel.schema.fields;
  return transform(condition, (e) =>
    e.kind === "input" ? { ...e, type: fields[e.index]!.type } : e,
  );
}

/** A condition that no row with NULLs on the outer side passes makes the join inner on that side. */
function innerWhereNullsAreRejected(rel: JoinRel, conditions: readonly Expression[]): JoinRel {
  if (!["LEFT", "RIGHT", "FULL"].includes(rel.type) || rel.temporal !== undefined) return rel;
  const width = rel.left.schema.fields.length;
  const rejectsLeft = conditions.some((c) => rejectsNull(c, (index) => index < width));
  const rejectsRight = conditions.some((c) => rejectsNull(c, (index) => index >= width));
  let { type } = rel;
  if (type === "FULL" && rejectsLeft && rejectsRight) type = "INNER";
  else if (type === "FULL" && rejectsLeft) type = "LEFT";
  else if (type === "FULL" && rejectsRight) type = "RIGHT";
  else if (type === "LEFT" && rejectsRight) type = "INNER";
  else if (type === "RIGHT" && rejectsLeft) type = "INNER";
  if (type === rel.type) return rel;
  const nullableLeft = type === "RIGHT";
  const nullableRight = type === "LEFT";
  const lefts = rel.left.schema.fields;
  const rights = rel.right.schema.fields;
  const fields = rel.schema.fields.map((field, i) => {
    const own = i < width ? lefts[i]! : rights[i - width]!;
    const outer = i < width ? nullableLeft : nullableRight;
    return { name: field.name, type: withNullable(own.type, outer || own.type.nullable) };
  });
  return { ...rel, type, schema: { fields } };
}

const STRICT = new Set([
  "EQUALS",
  "NOT_EQUALS",
  "LESS_THAN",
  "LESS_THAN_OR_EQUAL",
  "GREATER_THAN",
  "GREATER_THAN_OR_EQUAL",
  "LIKE",
  "IS_NOT_NULL",
  "IN",
]);
const STRICT_INSIDE = new Set([
  "PLUS",
  "MINUS",
  "TIMES",
  "DIVIDE",
  "MOD",
  "CAST",
  "UPPER",
  "LOWER",
]);

function rejectsNull(condition: Expression, side: (index: number) => boolean): boolean {
  if (isCall(condition, "OR")) return condition.args.every((arg) => rejectsNull(arg, side));
  if (isCall(condition, "AND")) return condition.args.some((arg) => rejectsNull(arg, side));
  if (condition.kind !== "call" || !STRICT.has(condition.function)) return false;
  return condition.args.some((arg) => nullWhenNull(arg, side));
}

function nullWhenNull(e: Expression, side: (index: number) => boolean): boolean {
  if (e.kind === "input") return side(e.index);
  if (e.kind === "field") return nullWhenNull(e.input, side);
  if (e.kind !== "call" || !STRICT_INSIDE.has(e.function)) return false;
  return e.args.some((arg) => nullWhenNull(arg, side));
}
