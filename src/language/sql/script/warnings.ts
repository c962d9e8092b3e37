/**
 * Warnings of a plan that runs, each with its fix: state that only grows, columns whose values cannot be taken back, a time
 * column without watermark, a sink's key unlike the query's.
 *
 * Flow:    statement-planner → here → `millrace sql`, check, EXPLAIN PLAN_ADVICE, the console's editor.
 * Source:  Flink StreamNonDeterministicUpdatePlanVisitor, GroupAggregationAnalyzer for what can go wrong.
 */
import type { MillraceError } from "../../../foundation/base/errors.ts";
import type { ExecNode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { children, type Expression } from "../../../foundation/plan/expression.ts";
import { plainName } from "../../../foundation/plan/user-function.ts";
import { answersVary } from "../exec/async-planner.ts";
import { followedHint } from "../exec/hash-join.ts";
import { sqlWarnings } from "../errors.ts";
import { isDeterministic } from "../rel/expressions.ts";
import { settledColumns } from "./settled-columns.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementWarning } from "./session-types.ts";
import type { PlannedStatement } from "./statement-planner.ts";

/** Nodes whose state grows with the keys or rows they have seen. */
const UNBOUNDED: Readonly<Partial<Record<ExecNode["type"], string>>> = {
  GroupAggregate: "keeps one row of state per group",
  Join: "keeps all rows of both inputs",
  MultiJoin: "keeps all rows of every input",
  Rank: "keeps the ranked rows of every partition",
  Deduplicate: "keeps one row per key",
  ChangelogNormalize: "keeps the last row of every key",
};

export function planWarnings(
  planned: PlannedStatement,
  session: SessionContext,
): StatementWarning[] {
  const findings = session.batch ? strategyHints(planned.plan) : planFindings(planned.plan);
  return findings.map(toWarning);
}

export function toWarning(error: MillraceError): StatementWarning {
  const { code, message, hint, place } = error;
  const suggestion = place.didYouMean?.length
    ? `Did you mean ${place.didYouMean.join(" or ")}?`
    : hint;
  return { code, message, hint: suggestion };
}

/** Of a streaming plan. */
export function planFindings(plan: ExecPlan): MillraceError[] {
  const growing = unboundedState(plan);
  return [
    ...growing,
    ...(growing.length > 0 ? missingWatermarks(plan) : []),
    ...nonDeterministicUpdates(plan),
    ...sinkKeys(plan),
    ...strategyHints(plan),
  ];
}

function unboundedState({ nodes }: ExecPlan): MillraceError[] {
  const endless = nodes.some((node) => node.type === "TableSourceScan" && !node.bounded);
  if (!endless) return [];
  const growing = nodes.filter((node) => UNBOUNDED[node.type] !== undefined && growsForEver(node));
  const kinds = [...new Set(growing.map((node) => node.type))];
  return kinds.map((node) => sqlWarnings.UNBOUNDED_STATE({ node, what: UNBOUNDED[node]! }));
}

/** No TTL, be it of the session or of a hint for either side of a join. */
function growsForEver(node: ExecNode): boolean {
  if ((node.stateTtlMs ?? 0) > 0) return false;
  if (node.type === "GroupAggregate" && node.grouping.length === 0) return false;
  if (node.type === "MultiJoin")
    return !node.sides.every(({ stateTtlMs }) => (stateTtlMs ?? 0) > 0);
  if (node.type !== "Join") return true;
  return !((node.left.stateTtlMs ?? 0) > 0 && (node.right.stateTtlMs ?? 0) > 0);
}

/** An endless table whose time column the query reads, but that has no watermark. */
function missingWatermarks({ nodes }: ExecPlan): MillraceError[] {
  const assigned = new Set(
    nodes.flatMap((node) => (node.type === "WatermarkAssigner" ? scansBelow(nodes, node) : [])),
  );
  return nodes.flatMap((node) => {
    if (node.type !== "TableSourceScan" || node.bounded || assigned.has(node.id)) return [];
    const column = node.output.fields.find(
      ({ type }) => type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ",
    );
    if (column === undefined) return [];
    return [sqlWarnings.WATERMARK_MISSING({ table: node.table.name, column: column.name })];
  });
}

function scansBelow(nodes: readonly ExecNode[], node: ExecNode): number[] {
  if (node.type === "TableSourceScan") return [node.id];
  return node.inputs.flatMap(({ node: id }) => scansBelow(nodes, nodes[id - 1]!));
}

/** A row that is taken back must be the row that was given: a value drawn anew is another one. */
export function nonDeterministicUpdates(plan: ExecPlan): MillraceError[] {
  const { nodes } = plan;
  const settled = settledColumns(plan);
  return nodes.flatMap((node) => {
    const input = node.inputs[0];
    const updating = input !== undefined && nodes[input.node - 1]!.changelogMode !== "insert-only";
    if (!updating) return [];
    if ("keepBy" in node && node.keepBy !== undefined) return [];
    if (node.type === "LookupJoin")
      return [sqlWarnings.NON_DETERMINISTIC_LOOKUP({ table: node.table.name })];
    const asked = askedAnew(node);
    if (asked !== undefined) return [sqlWarnings.NON_DETERMINISTIC_ANSWER({ what: asked })];
    if (node.type !== "Calc") return [];
    const columns = node.projection.flatMap((expression, i) =>
      settled.get(node.id)?.has(i) && drawn(expression) ? [node.output.fields[i]!.name] : [],
    );
    if (columns.length > 0)
      return [sqlWarnings.NON_DETERMINISTIC_COLUMN({ columns: columns.join(", ") })];
    return node.condition !== undefined && draws(node.condition)
      ? [sqlWarnings.NON_DETERMINISTIC_FILTER({})]
      : [];
  });
}

/** What is asked again for a row that is taken back, and may answer otherwise. */
function askedAnew(node: ExecNode): string | undefined {
  if (node.type === "AsyncCorrelate" && answersVary(node.request))
    return node.request.kind === "model" ? node.request.name : plainName(node.request.function);
  if (node.type !== "Correlate" || isDeterministic(node.call)) return undefined;
  return node.call.kind === "call" ? plainName(node.call.function) : "The table function";
}

/** A filter by the watermark is meant to let late rows go, also those that are taken back. */
function draws(condition: Expression): boolean {
  if (condition.kind === "call" && condition.function === "CURRENT_WATERMARK") return false;
  const parts = children(condition);
  if (parts.length === 0 || parts.every(isDeterministic)) return !isDeterministic(condition);
  return parts.some(draws);
}

/** PROCTIME() as a time attribute is no value yet: it is drawn where it is used. */
function drawn(expression: Expression): boolean {
  const bare = expression.kind === "call" && expression.function === "PROCTIME";
  return !bare && !isDeterministic(expression);
}

function sinkKeys({ nodes }: ExecPlan): MillraceError[] {
  return nodes.flatMap((node) => {
    if (node.type !== "Sink" || !node.upsertMaterialize) return [];
    const names = (key: readonly number[]) =>
      key.map((index) => node.output.fields[index]!.name).join(", ");
    const upsertKey = node.upsertKeys.map(names).join("; ") || "none";
    const primaryKey = names(node.upsertKey);
    return [sqlWarnings.SINK_KEY({ table: node.table.name, primaryKey, upsertKey })];
  });
}

function strategyHints({ nodes }: ExecPlan): MillraceError[] {
  const hints = nodes.flatMap((node) => {
    if (node.type !== "Join") return [];
    const followed = node.build === undefined ? undefined : followedHint(node);
    return (node.strategyHints ?? []).filter((hint) => hint !== followed?.hint);
  });
  const names = new Set(hints.map((hint) => hint.slice(0, hint.indexOf(" "))));
  return [...names].map((hint) => sqlWarnings.STRATEGY_HINT({ hint }));
}
