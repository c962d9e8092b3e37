/**
 * Joins that time bounds: interval joins (both sides' time attributes within a range) and temporal joins
 * (FOR SYSTEM_TIME AS OF).
 *
 * Source: Flink IntervalJoinUtil, StreamPhysicalTemporalJoinRule, CommonPhysicalLookupJoin.
 * Errors: MR2201 no such node, MR2206 what a temporal join needs and has not.
 */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { TimeColumn } from "../../../foundation/plan/exec-node.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { planErrors } from "../errors.ts";
import { and, conjuncts, isTrue } from "../rel/expressions.ts";
import { joinSchema } from "../rel/rel-builder.ts";
import type { JoinRel } from "../rel/rel-node.ts";
import { intervalMillis } from "../validator/literals.ts";
import type { JoinKeys } from "./join-planner.ts";
import { planLookupJoin } from "./lookup-join.ts";
import { INSERT, type PhysNode, hashBy, isInsertOnly } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";

interface Bounds {
  lower: number | undefined;
  upper: number | undefined;
  leftTime: number;
  rightTime: number;
  rest: Expression[];
}

export function planIntervalJoin(
  planner: PhysicalPlanner,
  rel: JoinRel,
  keys: JoinKeys,
  left: PhysNode,
  right: PhysNode,
): PhysNode | undefined {
  if (!planner.options.hasNode("IntervalJoin") || planner.options.mode === "batch")
    return undefined;
  if (rel.type === "SEMI" || rel.type === "ANTI") return undefined;
  const bounds = boundsOf(keys.condition, left.schema, right.schema);
  if (bounds?.lower === undefined || bounds.upper === undefined) return undefined;
  if (!isInsertOnly(left) || !isInsertOnly(right)) return undefined;
  const condition = and(bounds.rest);
  return planner.factory.make(
    {
      type: "IntervalJoin",
      joinType: rel.type,
      leftKeys: keys.leftKeys,
      rightKeys: keys.rightKeys,
      filterNulls: keys.filterNulls,
      lowerBoundMs: bounds.lower,
      upperBoundMs: bounds.upper,
      leftTime: timeColumn(left.schema, bounds.leftTime),
      rightTime: timeColumn(right.schema, bounds.rightTime),
      ...(isTrue(condition) ? {} : { condition }),
    },
    [
      { node: left, distribution: hashBy(keys.leftKeys) },
      { node: right, distribution: hashBy(keys.rightKeys) },
    ],
    joinSchema(left.schema, right.schema, rel.type),
    { kinds: INSERT },
  );
}

export function attributeAt(schema: Schema, index: number): "ROWTIME" | "PROCTIME" | undefined {
  const type = schema.fields[index]?.type;
  return type !== undefined && "timeAttribute" in type ? type.timeAttribute : undefined;
}

export function timeColumn(schema: Schema, index: number): TimeColumn {
  const attribute = attributeAt(schema, index) ?? "ROWTIME";
  return { attribute, index, type: schema.fields[index]!.type };
}

/** `time + constant`, if the expression is that. */
function linear(e: Expression): { index: number; offset: number } | undefined {
  if (e.kind === "input") return { index: e.index, offset: 0 };
  if (e.kind !== "call") return undefined;
  if (e.function === "CAST") return linear(e.args[0]!);
  if (e.function !== "PLUS" && e.function !== "MINUS") return undefined;
  const base = linear(e.args[0]!);
  const millis = intervalMillis(e.args[1]!);
  if (base === undefined || millis === undefined) return undefined;
  return { index: base.index, offset: base.offset + (e.function === "PLUS" ? millis : -millis) };
}

function boundsOf(condition: Expression, left: Schema, right: Schema): Bounds | undefined {
  const width = left.fields.length;
  const result: Bounds = {
    lower: undefined,
    upper: undefined,
    leftTime: -1,
    rightTime: -1,
    rest: [],
  };
  for (const part of conjuncts(condition)) {
    const bound =
      part.kind === "call" && part.args.length === 2 ? compared(part, width) : undefined;
    const fits =
      bound !== undefined &&
      attributeAt(left, bound.left) !== undefined &&
      attributeAt(left, bound.left) === attributeAt(right, bound.right) &&
      (result.leftTime < 0 || (result.leftTime === bound.left && result.rightTime === bound.right));
    if (!fits) {
      result.rest.push(part);
      continue;
    }
    result.leftTime = bound.left;
    result.rightTime = bound.right;
    if (bound.lower !== undefined)
      result.lower = Math.max(result.lower ?? bound.lower, bound.lower);
    if (bound.upper !== undefined)
      result.upper = Math.min(result.upper ?? bound.upper, bound.upper);
  }
  return result.leftTime < 0 ? undefined : result;
}

/** What `a op b` says of left time − right time. */
function compared(
  part: Extract<Expression, { kind: "call" }>,
  width: number,
): { left: number; right: number; lower?: number; upper?: number } | undefined {
  const a = linear(part.args[0]!);
  const b = linear(part.args[1]!);
  if (a === undefined || b === undefined || a.index < width === b.index < width) return undefined;
  const straight = a.index < width;
  const left = straight ? a.index : b.index;
  const right = (straight ? b.index : a.index) - width;
  // straight: L + a ∘ R + b, so L − R ∘ b − a; otherwise R + a ∘ L + b, so L − R is compared the other way round.
  const difference = straight ? b.offset - a.offset : a.offset - b.offset;
  const sides = { left, right };
  const less = straight ? "upper" : "lower";
  const more = straight ? "lower" : "upper";
  const step = straight ? 1 : -1;
  switch (part.function) {
    case "EQUALS":
      return { ...sides, lower: difference, upper: difference };
    case "LESS_THAN":
      return { ...sides, [less]: difference - step };
    case "LESS_THAN_OR_EQUAL":
      return { ...sides, [less]: difference };
    case "GREATER_THAN":
      return { ...sides, [more]: difference + step };
    case "GREATER_THAN_OR_EQUAL":
      return { ...sides, [more]: difference };
    default:
      return undefined;
  }
}

// -------------------------------------------------------------------------------------------- temporal joins

export function planTemporalJoin(planner: PhysicalPlanner, rel: JoinRel, keys: JoinKeys): PhysNode {
  if (rel.type !== "INNER" && rel.type !== "LEFT")
    throw planErrors.JOIN_CONDITION({
      message: `Temporal table join only supports INNER and LEFT JOIN, but not ${rel.type}`,
      remedy: "Turn the join round.",
    });
  const lookup = planLookupJoin(planner, rel, keys);
  if (lookup !== undefined) return lookup;
  if (keys.leftKeys.length === 0)
    throw planErrors.JOIN_CONDITION({
      message: "Temporal table join requires an equality condition on fields of the temporal table",
      remedy: "Join on the right table's primary key.",
    });
  if (!planner.options.hasNode("TemporalJoin"))
    throw planErrors.NODE_MISSING({
      what: "A join with FOR SYSTEM_TIME AS OF",
      remedy: "Use a regular join, whose result follows changes of the right table.",
    });
  return versionedJoin(planner, rel, keys);
}

function versionedJoin(planner: PhysicalPlanner, rel: JoinRel, keys: JoinKeys): PhysNode {
  const left = planner.plan(keys.left);
  const right = planner.plan(keys.right);
  const { temporal } = rel;
  const time = temporal?.kind === "input" ? temporal.index : -1;
  const attribute = attributeAt(left.schema, time);
  if (attribute === undefined)
    throw planErrors.JOIN_CONDITION({
      message:
        "Temporal table join currently only supports 'FOR SYSTEM_TIME AS OF' left table's time attribute field",
      remedy: "Name the left table's rowtime or processing time column.",
    });
  if (attribute === "PROCTIME")
    throw planErrors.JOIN_CONDITION({
      message: "Processing-time temporal join is not supported yet.",
      remedy:
        "Join a table whose connector answers by key, use FOR SYSTEM_TIME AS OF an event time, or JOIN LATERAL TABLE(SNAPSHOT(…)).",
    });
  const unique = right.upsertKeys.find((key) => key.every((i) => keys.rightKeys.includes(i)));
  const rightTime = right.schema.fields.findIndex(
    (_, i) => attributeAt(right.schema, i) === "ROWTIME",
  );
  if (unique === undefined || rightTime < 0)
    throw planErrors.JOIN_CONDITION({
      message: `Event-Time Temporal Table Join requires both primary key and row time attribute in versioned table, but no ${unique === undefined ? "primary key" : "row time attribute"} can be found.`,
      remedy: "Give the right table a PRIMARY KEY and a WATERMARK, and join on the key.",
    });
  return planner.factory.make(
    {
      type: "TemporalJoin",
      joinType: rel.type === "LEFT" ? "LEFT" : "INNER",
      leftKeys: keys.leftKeys,
      rightKeys: keys.rightKeys,
      filterNulls: keys.filterNulls,
      leftTime: timeColumn(left.schema, time),
      rightTime: timeColumn(right.schema, rightTime),
      rightUniqueKey: unique,
      ...(isTrue(keys.condition) ? {} : { condition: keys.condition }),
    },
    [
      { node: left, distribution: hashBy(keys.leftKeys) },
      { node: right, distribution: hashBy(keys.rightKeys) },
    ],
    joinSchema(left.schema, right.schema, rel.type),
    { kinds: left.kinds, upsertKeys: left.upsertKeys },
  );
}
