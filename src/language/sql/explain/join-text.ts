/**
 * The text of joins as EXPLAIN prints it.
 *
 * Source: Flink StreamPhysicalJoin, IntervalJoin, TemporalJoin, LookupJoin and their explainTerms. The bounds of an interval
 *         join are written as ≥ and ≤ in milliseconds, however the query wrote them.
 */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { JoinedWindow, JoinNode } from "../../../foundation/plan/exec-node.ts";
import type { PhysSpecOf } from "../exec/phys-node.ts";
import { expressionText, type TextStyle } from "./expression-text.ts";
import { attachedText } from "./window-text.ts";

export const JOIN_NAMES = {
  INNER: "InnerJoin",
  LEFT: "LeftOuterJoin",
  RIGHT: "RightOuterJoin",
  FULL: "FullOuterJoin",
  SEMI: "LeftSemiJoin",
  ANTI: "LeftAntiJoin",
} as const;

const SIDES = {
  "join-key-unique": "JoinKeyContainsUniqueKey",
  "has-unique-key": "HasUniqueKey",
  "no-unique-key": "NoUniqueKey",
} as const;

type BinaryJoin = PhysSpecOf<
  "Join" | "WindowJoin" | "LateralSnapshotJoin" | "IntervalJoin" | "TemporalJoin"
>;

const names = (schema: Schema): string => schema.fields.map((field) => field.name).join(", ");

export function joinText(
  spec: BinaryJoin,
  inputs: readonly Schema[],
  output: Schema,
  style: TextStyle,
): string[] {
  const [left, right] = inputs as [Schema, Schema];
  const width = left.fields.length;
  const name = uniqueName([...left.fields, ...right.fields].map((field) => field.name));
  const compare = (symbol: string, a: string, b: string) =>
    style === "infix" ? `(${a} ${symbol} ${b})` : `${symbol}(${a}, ${b})`;
  const windows = spec.type === "WindowJoin" ? spec.windows : undefined;
  const bounds = windows === undefined ? [] : [windows[0].start, windows[0].end];
  const parts = spec.leftKeys.flatMap((key, i) => {
    if (bounds.includes(key)) return [];
    const nulls = "filterNulls" in spec && !spec.filterNulls[i];
    const symbol = nulls ? "IS NOT DISTINCT FROM" : "=";
    return [compare(symbol, name(key), name(width + spec.rightKeys[i]!))];
  });
  if (spec.type === "IntervalJoin") {
    const [a, b] = [name(spec.leftTime.index), name(width + spec.rightTime.index)];
    parts.push(compare(">=", a, shifted(b, spec.lowerBoundMs, compare)));
    parts.push(compare("<=", a, shifted(b, spec.upperBoundMs, compare)));
  }
  if (spec.condition !== undefined) parts.push(expressionText(spec.condition, name, style));
  if (spec.type === "TemporalJoin") parts.push(temporalText(spec, width, name));
  const all = style === "infix" ? `(${parts.join(" AND ")})` : `AND(${parts.join(", ")})`;
  const where = `where=[${parts.length <= 1 ? (parts[0] ?? "true") : all}]`;
  const select = `select=[${names(output)}]`;
  if (spec.type === "Join" && spec.build !== undefined)
    return [`joinType=[${JOIN_NAMES[spec.joinType]}]`, where, select, ...boundedText(spec)];
  return [
    ...(windows === undefined ? [] : windowsText(windows, left, right)),
    `joinType=[${JOIN_NAMES[spec.joinType]}]`,
    ...(spec.type === "IntervalJoin" ? [boundsText(spec)] : []),
    where,
    select,
    ...sidesText(spec),
  ];
}

/** A join of bounded inputs as Flink's batch mode calls it. */
export function joinName({ build, merges, leftKeys }: PhysSpecOf<"Join">): string {
  if (build === undefined) return "Join";
  if (leftKeys.length === 0) return "NestedLoopJoin";
  return merges === true ? "SortMergeJoin" : "HashJoin";
}

function boundedText(spec: PhysSpecOf<"Join">): string[] {
  if (spec.merges === true) return [];
  const { inputs = [] } = spec as Partial<JoinNode>;
  const isCopied = inputs.some(({ distribution }) => distribution.kind === "broadcast");
  const isNamed = isCopied && spec.leftKeys.length > 0;
  return [...(isNamed ? ["isBroadcast=[true]"] : []), `build=[${spec.build}]`];
}

function windowsText(
  [ofLeft, ofRight]: readonly [JoinedWindow, JoinedWindow],
  left: Schema,
  right: Schema,
): string[] {
  const text = (of: JoinedWindow, { fields }: Schema) =>
    attachedText(of.window, of, (index) => fields[index]?.name ?? `$${index}`);
  return [`leftWindow=[${text(ofLeft, left)}]`, `rightWindow=[${text(ofRight, right)}]`];
}

/** Fields by name, those of the right side told apart by a number. */
function uniqueName(all: readonly string[]): (index: number) => string {
  const taken = new Map<string, number>();
  const unique = all.map((name) => {
    const times = taken.get(name);
    taken.set(name, (times ?? -1) + 1);
    return times === undefined ? name : `${name}${times}`;
  });
  return (index) => unique[index] ?? `$${index}`;
}

function shifted(
  time: string,
  ms: number,
  compare: (symbol: string, a: string, b: string) => string,
): string {
  if (ms === 0) return time;
  return compare(ms < 0 ? "-" : "+", time, `${Math.abs(ms)}:INTERVAL SECOND`);
}

function boundsText(spec: PhysSpecOf<"IntervalJoin">): string {
  const { leftTime, rightTime, lowerBoundMs, upperBoundMs } = spec;
  const isRowTime = leftTime.attribute === "ROWTIME";
  return `windowBounds=[isRowTime=${isRowTime}, leftLowerBound=${lowerBoundMs}, leftUpperBound=${upperBoundMs}, leftTimeIndex=${leftTime.index}, rightTimeIndex=${rightTime.index}]`;
}

function temporalText(
  spec: PhysSpecOf<"TemporalJoin">,
  width: number,
  name: (index: number) => string,
): string {
  const list = (indexes: readonly number[], by: number) =>
    indexes.map((index) => name(by + index)).join(", ");
  const parts = [
    name(spec.leftTime.index),
    name(width + spec.rightTime.index),
    `__TEMPORAL_JOIN_CONDITION_PRIMARY_KEY(${list(spec.rightUniqueKey, width)})`,
    `__TEMPORAL_JOIN_LEFT_KEY(${list(spec.leftKeys, 0)})`,
    `__TEMPORAL_JOIN_RIGHT_KEY(${list(spec.rightKeys, width)})`,
  ];
  return `__TEMPORAL_JOIN_CONDITION(${parts.join(", ")})`;
}

function sidesText(spec: BinaryJoin): string[] {
  if (spec.type === "LateralSnapshotJoin") return loadText(spec);
  if (spec.type !== "Join") return [];
  return [
    `leftInputSpec=[${SIDES[spec.left.unique]}]`,
    `rightInputSpec=[${SIDES[spec.right.unique]}]`,
    ...(spec.strategyHints === undefined
      ? []
      : [`joinHints=[[${spec.strategyHints.map((hint) => `[${hint}]`).join("")}]]`]),
    ...ttlText(sideTtls(spec)),
  ];
}

function loadText({ loadUntilMs }: PhysSpecOf<"LateralSnapshotJoin">): string[] {
  return loadUntilMs === undefined
    ? ["loadCompletedCondition=[compile_time]"]
    : ["loadCompletedCondition=[user_time]", `loadCompletedTime=[${loadUntilMs}]`];
}

/** `{LEFT=1d, RIGHT=2d}`, "" without hints. */
function sideTtls({ left, right }: PhysSpecOf<"Join">): string {
  const parts = [
    ...(left.stateTtlHint === undefined ? [] : [`LEFT=${left.stateTtlHint}`]),
    ...(right.stateTtlHint === undefined ? [] : [`RIGHT=${right.stateTtlHint}`]),
  ];
  return parts.length === 0 ? "" : `{${parts.join(", ")}}`;
}

/** Of STATE_TTL hints; none for "". */
export const ttlText = (options: string): string[] =>
  options === "" ? [] : [`stateTtlHints=[[[STATE_TTL options:${options}]]]`];

export function lookupText(
  spec: PhysSpecOf<"LookupJoin">,
  name: (index: number) => string,
  output: Schema,
  style: TextStyle,
): string[] {
  const { async, condition, retry } = spec;
  const keys = spec.lookupKeys.map(
    (k) => `${spec.table.schema.fields[k.field]!.name}=${expressionText(k.value, name, style)}`,
  );
  const outputName = (index: number) => output.fields[index]?.name ?? `$${index}`;
  const order = async?.unordered === true ? "UNORDERED" : "ORDERED";
  return [
    `table=[${spec.table.name}]`,
    `joinType=[${JOIN_NAMES[spec.joinType]}]`,
    `lookup=[${keys.join(", ")}]`,
    ...(condition === undefined ? [] : [`where=[${expressionText(condition, outputName, style)}]`]),
    `select=[${names(output)}]`,
    ...(async === undefined
      ? []
      : [`async=[${order}, KEY_ORDERED: false, ${async.timeoutMs}ms, ${async.capacity}]`]),
    ...(retry === undefined
      ? []
      : [`retry=[lookup_miss, FIXED_DELAY, ${retry.delayMs}ms, ${retry.attempts}]`]),
    ...(spec.keepBy === undefined ? [] : ["upsertMaterialize=[true]"]),
  ];
}
