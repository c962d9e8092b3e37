/**
 * JOIN LATERAL TABLE(SNAPSHOT(input => TABLE t, …)): the arguments that say when the build side is loaded.
 *
 * Flow:    from-converter: the call's table is the join's right side, its arguments become JoinHints.snapshot.
 * Errors:  MR2118 arguments that do not fit.
 * Source:  Flink FLIP-579. In batch mode it is a regular join, whatever the arguments say.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import { zoneOffsetMs } from "../../../foundation/columnar/value-text.ts";
import type { ProcessParameter } from "../../../foundation/plan/process-table-function.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import type { FunctionCallNode, RelationNode } from "../parser/ast.ts";
import { isCall } from "../rel/expressions.ts";
import type { RelNode, SnapshotSpec } from "../rel/rel-node.ts";
import { timeAttributeOf } from "./grouping.ts";
import { intervalMillis } from "./literals.ts";
import type { PlannerContext } from "./planner-context.ts";
import { type BoundArguments, badArgument, bindArguments } from "./process-arguments.ts";
import type { QueryEnvironment } from "./query-converter.ts";

const PARAMETERS: readonly ProcessParameter[] = [
  { name: "input", kind: "table", traits: ["row-semantics"] },
  { name: "load_completed_condition", kind: "scalar", optional: true, type: types.string() },
  { name: "load_completed_time", kind: "scalar", optional: true, type: types.null() },
  { name: "load_completed_idle_timeout", kind: "scalar", optional: true, type: types.null() },
  { name: "state_ttl", kind: "scalar", optional: true, type: types.null() },
];

export interface SnapshotCall {
  readonly rel: RelNode;
  readonly spec: SnapshotSpec;
}

/** The call, if the right side of a join is one. */
export function snapshotNode(node: RelationNode): FunctionCallNode | undefined {
  if (node.kind !== "tableFunction" || node.call.kind !== "call") return undefined;
  const { parts } = node.call.name;
  const isSnapshot = parts.length === 1 && parts[0]!.name.toUpperCase() === "SNAPSHOT";
  return isSnapshot ? node.call : undefined;
}

export function snapshotCall(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: FunctionCallNode,
): SnapshotCall {
  const bound = bindArguments(context, environment, node, PARAMETERS);
  const { rel } = bound.tables[0]!;
  if (context.batch) return { rel, spec: {} };
  const watermarked = rel.schema.fields.some(({ type }) => timeAttributeOf(type) === "ROWTIME");
  if (!watermarked)
    throw badArgument(
      "SNAPSHOT requires a time attribute with a watermark in its input table, which says when it is loaded",
      node,
    );
  const idleTimeoutMs = interval(bound, "load_completed_idle_timeout", node);
  const stateTtlMs = interval(bound, "state_ttl", node);
  const loadUntilMs = loadTime(context, bound, node);
  return {
    rel,
    spec: {
      ...(loadUntilMs === undefined ? {} : { loadUntilMs }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
      ...(stateTtlMs === undefined ? {} : { stateTtlMs }),
    },
  };
}

const given = (bound: BoundArguments, name: string): Expression | undefined => {
  const argument = bound.byName.get(name);
  return argument?.kind === "scalar" ? argument.value : undefined;
};

function loadTime(
  context: PlannerContext,
  bound: BoundArguments,
  node: FunctionCallNode,
): number | undefined {
  const condition = textOf(given(bound, "load_completed_condition")) ?? "compile_time";
  const time = given(bound, "load_completed_time");
  if (condition === "compile_time") {
    if (time === undefined) return undefined;
    throw badArgument(
      "load_completed_time needs load_completed_condition => 'user_time' beside it",
      node,
    );
  }
  if (condition !== "user_time")
    throw badArgument("load_completed_condition must be 'compile_time' or 'user_time'", node);
  const millis = time === undefined ? undefined : millisOf(time, context.timeZone);
  if (millis === undefined)
    throw badArgument(
      "load_completed_condition => 'user_time' needs load_completed_time: a constant TIMESTAMP_LTZ",
      node,
    );
  return millis;
}

/** Epoch milliseconds of a constant TIMESTAMP_LTZ, or of a TIMESTAMP that is cast to one. */
function millisOf(e: Expression, timeZone: string): number | undefined {
  if (isCall(e, "CAST")) return millisOf(e.args[0]!, timeZone);
  if (e.kind !== "literal" || typeof e.value !== "object" || e.value === null) return undefined;
  if (!("millis" in e.value)) return undefined;
  const { millis } = e.value;
  return e.type.kind === "TIMESTAMP_LTZ" ? millis : millis - zoneOffsetMs(millis, timeZone);
}

function interval(bound: BoundArguments, name: string, node: FunctionCallNode): number | undefined {
  const value = given(bound, name);
  if (value === undefined) return undefined;
  const millis = intervalMillis(value);
  if (millis !== undefined && millis > 0) return millis;
  throw badArgument(
    `${name} must be a positive constant interval, such as INTERVAL '10' SECOND`,
    node,
  );
}

function textOf(e: Expression | undefined): string | undefined {
  if (e !== undefined && isCall(e, "CAST")) return textOf(e.args[0]);
  return e?.kind === "literal" && typeof e.value === "string" ? e.value : undefined;
}
