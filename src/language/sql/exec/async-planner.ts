/**
 * Asynchronous functions: their calls are taken out of a Calc's expressions, innermost first, into nodes that wait for answers.
 *
 * Flow:    PhysicalPlanner.calc, planCorrelate → here → AsyncCorrelate nodes; what needs no answer filters before them, then
 *          what the condition asks for, and then the projection's calls follow.
 * Lazy:    a call in a branch of CASE, COALESCE, AND or OR is made for the rows that get there (needed-calls.ts).
 * Options: table.exec.async-scalar.*, -.async-table.*, -.async-ml-predict.*; answers come in the order of the rows, as in Flink.
 * Errors:  MR1003 values that are none.
 * Source:  Flink AsyncCalcSplitRule, AsyncScalarUtil, AsyncCorrelateSplitRule; FixedDelayRetryStrategy: max-attempts counts
 *          what comes behind the first request.
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import { parseDuration } from "../../../foundation/base/duration.ts";
import { type RowField, withNullable } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { AsyncAsking, AsyncRequest } from "../../../foundation/plan/async-request.ts";
import { type Call, type Expression, input } from "../../../foundation/plan/expression.ts";
import { parseReference } from "../../../foundation/plan/user-function.ts";
import { and, conjuncts, digest, TRUE } from "../rel/expressions.ts";
import type { CorrelateRel, Prediction } from "../rel/rel-node.ts";
import { distributionOf, keptBy } from "./keep-answers.ts";
import { hasAsyncCall, nextCall } from "./needed-calls.ts";
import { type PhysNode, isInsertOnly } from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import type { PlanOptions } from "./plan-options.ts";

interface Parts {
  readonly input: PhysNode;
  readonly projection: readonly Expression[];
  readonly condition: Expression;
}

/** The same Calc over an input that has the answers as further fields. */
export function withAnswers(planner: PhysicalPlanner, calc: Parts): Parts {
  const all = conjuncts(calc.condition);
  const plain = all.filter((part) => !hasAsyncCall(part));
  const later = all.filter(hasAsyncCall);
  let node = plain.length === 0 ? calc.input : filtered(planner, calc.input, and(plain));
  let projection = [...calc.projection];
  let condition = later.length === 0 ? TRUE : and(later);
  for (;;) {
    const next = nextCall([condition, ...projection]);
    if (next === undefined) break;
    if (later.length > 0 && condition !== TRUE && !hasAsyncCall(condition)) {
      node = filtered(planner, node, condition);
      condition = TRUE;
    }
    const { call, when } = next;
    const at = node.schema.fields.length;
    const type = withNullable(call.type, call.type.nullable || when !== undefined);
    node = asyncNode(planner, node, {
      joinType: "INNER",
      request: { kind: "scalar", function: call.function },
      args: call.args,
      ...(when === undefined ? {} : { when }),
      fields: [{ name: `f${at}`, type }],
      asking: askingOf(planner.options, "async-scalar"),
    });
    const found = digest(call);
    const replaced = (e: Expression): Expression => replace(e, found, input(at, type));
    projection = projection.map(replaced);
    condition = replaced(condition);
  }
  return { input: node, projection, condition };
}

function filtered(planner: PhysicalPlanner, node: PhysNode, condition: Expression): PhysNode {
  const same = node.schema.fields.map(({ type }, i) => input(i, type));
  return planner.calc(node, same, condition, node.schema);
}

/** Each row with the rows of an asynchronous table function. */
export function planAsyncTable(planner: PhysicalPlanner, rel: CorrelateRel, call: Call): PhysNode {
  const source = planner.plan(rel.input);
  const own = source.schema.fields.map(({ type }, i) => input(i, type));
  const inner = call.args.some(hasAsyncCall)
    ? withAnswers(planner, { input: source, projection: [...own, ...call.args], condition: TRUE })
    : undefined;
  const args = inner === undefined ? call.args : inner.projection.slice(own.length);
  const base = source.schema.fields.length;
  const node = asyncNode(planner, inner?.input ?? source, {
    joinType: rel.type,
    request: { kind: "table", function: call.function },
    args,
    fields: rel.schema.fields.slice(base).map(({ name, type }) => ({
      name,
      type: withNullable(type, rel.type === "LEFT" || type.nullable),
    })),
    asking: askingOf(planner.options, "async-table"),
  });
  const fields = [
    ...source.schema.fields,
    ...node.schema.fields.slice(-rel.schema.fields.length + base),
  ];
  const width = node.schema.fields.length - (rel.schema.fields.length - base);
  const projection = fields.map(({ type }, i) => input(i < base ? i : width + i - base, type));
  return planner.calc(node, projection, rel.condition ?? TRUE, { fields });
}

/** Each row with a model's answers: synchronously means one request at a time. */
export function planPrediction(
  planner: PhysicalPlanner,
  rel: CorrelateRel,
  { name, options, input: fields, config }: Prediction,
): PhysNode {
  const source = planner.plan(rel.input);
  const key = (last: string) => `table.exec.async-ml-predict.${last}`;
  const mode = planner.options.option(key("output-mode"))?.toUpperCase() ?? "ORDERED";
  if (mode !== "ORDERED" && mode !== "ALLOW_UNORDERED")
    throw baseErrors.OPTION_INVALID({
      key: key("output-mode"),
      value: mode,
      expected: "ORDERED or ALLOW_UNORDERED",
    });
  const several = config.capacity ?? count(planner.options, key("max-concurrent-operations"), 10);
  return asyncNode(planner, source, {
    joinType: "INNER",
    request: { kind: "model", name, options, input: fields },
    args: rel.call.kind === "call" ? rel.call.args : [],
    fields: rel.schema.fields.slice(source.schema.fields.length),
    asking: {
      // Changes of one key must not pass each other.
      unordered: (config.unordered ?? mode !== "ORDERED") && isInsertOnly(source),
      capacity: config.async === false ? 1 : several,
      timeoutMs: config.timeoutMs ?? duration(planner.options, key("timeout"), 180_000),
    },
  });
}

function asyncNode(
  planner: PhysicalPlanner,
  source: PhysNode,
  made: {
    readonly joinType: "INNER" | "LEFT";
    readonly request: AsyncRequest;
    readonly args: readonly Expression[];
    readonly when?: Expression;
    readonly fields: readonly RowField[];
    readonly asking: AsyncAsking;
  },
): PhysNode {
  const schema: Schema = { fields: [...source.schema.fields, ...made.fields] };
  const kept = answersVary(made.request) ? keptBy(planner.options, source) : {};
  return planner.factory.make(
    { type: "AsyncCorrelate", ...made, ...kept },
    [{ node: source, distribution: distributionOf(kept) }],
    schema,
    {
      kinds: source.kinds,
      upsertKeys: made.request.kind === "scalar" ? source.upsertKeys : [],
      unique: true,
    },
  );
}

/** Asked again, it may answer otherwise. */
export function answersVary(request: AsyncRequest): boolean {
  return request.kind === "model" || parseReference(request.function)?.deterministic === false;
}

function replace(e: Expression, found: string, by: Expression): Expression {
  if (!hasAsyncCall(e)) return e;
  if (digest(e) === found) return by;
  if (e.kind === "call") return { ...e, args: e.args.map((arg) => replace(arg, found, by)) };
  if (e.kind === "field") return { ...e, input: replace(e.input, found, by) };
  return e;
}

function askingOf(options: PlanOptions, what: "async-scalar" | "async-table"): AsyncAsking {
  const key = (name: string) => `table.exec.${what}.${name}`;
  const old = options.option(key("buffer-capacity"));
  const capacity = count(options, key("max-concurrent-operations"), Number(old ?? 10));
  const strategy = options.option(key("retry-strategy"))?.toUpperCase() ?? "FIXED_DELAY";
  if (strategy !== "FIXED_DELAY" && strategy !== "NO_RETRY")
    throw baseErrors.OPTION_INVALID({
      key: key("retry-strategy"),
      value: strategy,
      expected: "FIXED_DELAY or NO_RETRY",
    });
  const most = what === "async-scalar" ? "max-attempts" : "max-retries";
  const attempts = 1 + count(options, key(most), 3);
  const delayMs = duration(options, key("retry-delay"), 100);
  return {
    unordered: false,
    capacity,
    timeoutMs: duration(options, key("timeout"), 180_000),
    ...(strategy === "NO_RETRY" ? {} : { retry: { delayMs, attempts } }),
  };
}

function count(options: PlanOptions, key: string, otherwise: number): number {
  const text = options.option(key);
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw baseErrors.OPTION_INVALID({ key, value: text, expected: "a positive integer" });
  return value;
}

function duration(options: PlanOptions, key: string, otherwise: number): number {
  const text = options.option(key);
  if (text === undefined) return otherwise;
  const value = parseDuration(text);
  if (value === undefined)
    throw baseErrors.OPTION_INVALID({ key, value: text, expected: "a duration such as 30 s" });
  return value;
}
