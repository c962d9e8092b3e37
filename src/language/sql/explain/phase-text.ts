/**
 * LocalGroupAggregate, IncrementalGroupAggregate and GlobalGroupAggregate in Flink's words: what a local one gives on is named by
 * the accumulator's parts, and the values of DISTINCT.
 *
 *   LocalGroupAggregate(groupBy=[a], select=[a, AVG(b) AS (sum$0, count$1), COUNT(distinct$0 c) AS count$2, DISTINCT(c) AS distinct$0])
 *   GlobalGroupAggregate(groupBy=[a], select=[a, AVG((sum$0, count$1)) AS b, COUNT(distinct$0 count$2) AS c])
 *
 * Source:  Flink RelExplainUtil.streamGroupAggregationToString.
 */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { isDistinctCall } from "../../../foundation/plan/value-sets.ts";
import { plainName } from "../../../foundation/plan/user-function.ts";
import type { PhysSpecOf } from "../exec/phys-node.ts";
import { ttlText } from "./join-text.ts";

export interface PhaseFacts {
  /** Rows may be taken back, which DISTINCT without aggregates does not say. */
  readonly retracts?: boolean;
}

export function phaseText(
  spec: PhysSpecOf<"GroupAggregate">,
  name: (index: number) => string,
  facts: PhaseFacts = {},
): string[] {
  const { aggregates, incrementalGrouping } = spec;
  const retracts = facts.retracts ?? aggregates.some(({ retract }) => retract);
  const keys = spec.grouping.map(name);
  const shown = incrementalGrouping === undefined ? keys : incrementalGrouping.map(name);
  const grouping =
    incrementalGrouping === undefined
      ? [
          ...(keys.length > 0 ? [`groupBy=[${keys.join(", ")}]`] : []),
          ...(spec.partialFinal === undefined ? [] : [`partialFinalType=[${spec.partialFinal}]`]),
        ]
      : [`partialAggGrouping=[${keys.join(", ")}]`, `finalAggGrouping=[${shown.join(", ")}]`];
  const star = aggregates.findIndex((call) => isCountStar(call) && call.filter < 0);
  const place = spec.finalFunctions !== undefined && retracts && star >= 0;
  return [
    ...grouping,
    `select=[${[...shown, ...selectText(spec, name, { ...facts, retracts })].join(", ")}]`,
    ...(place ? [`indexOfCountStar=[${star}]`] : []),
    ...(spec.isLocal === true
      ? []
      : ttlText(spec.stateTtlHint === undefined ? "" : `[${spec.stateTtlHint}]`)),
  ];
}

export function phaseName(spec: PhysSpecOf<"GroupAggregate">): string {
  if (spec.isLocal === true) return "LocalGroupAggregate";
  return spec.incrementalGrouping === undefined
    ? "GlobalGroupAggregate"
    : "IncrementalGroupAggregate";
}

/** A node of these phases as a line of EXPLAIN. */
export function describePhase(
  spec: PhysSpecOf<"GroupAggregate">,
  input: Schema,
  facts: PhaseFacts,
): string {
  const name = (index: number): string => input.fields[index]?.name ?? `$${index}`;
  return `${phaseName(spec)}(${phaseText(spec, name, facts).join(", ")})`;
}

function selectText(
  spec: PhysSpecOf<"GroupAggregate">,
  name: (index: number) => string,
  { retracts }: PhaseFacts,
): string[] {
  const { aggregates, finalFunctions } = spec;
  const isLocal = spec.isLocal === true;
  const gives = isLocal || spec.incrementalGrouping !== undefined;
  const parts = accumulatorNames(aggregates);
  const sets = [...new Set(aggregates.filter(isDistinctCall).map(({ args }) => args.join()))];
  const calls = aggregates.map((call, i) => {
    const set =
      isDistinctCall(call) && finalFunctions === undefined ? sets.indexOf(call.args.join()) : -1;
    const of = isLocal ? argumentsText(call, name) : parts[i]!;
    const text = called(
      finalFunctions?.[i] ?? call.function,
      call,
      set < 0 ? of : `distinct$${set} ${of}`,
    );
    const filter = isLocal ? filterText(call, name) : "";
    return `${text}${filter} AS ${gives ? parts[i]! : call.name}`;
  });
  const star = aggregates.some((call) => isCountStar(call) && call.filter < 0);
  const count = `count1$${partCount(aggregates)}`;
  if (gives && retracts === true && !star)
    calls.push(`COUNT_RETRACT(${isLocal ? "*" : count}) AS ${count}`);
  if (!isLocal) return calls;
  const distinct = sets.map((args, set) => {
    const fields = args.split(",").map((field) => name(Number(field)));
    return `DISTINCT(${fields.join(", ")}) AS distinct$${set}`;
  });
  return [...calls, ...distinct];
}

export const isCountStar = ({ function: name, args }: AggregateCall): boolean =>
  name === "COUNT" && args.length === 0;

function called(name: string, { retract }: AggregateCall, of: string): string {
  return `${plainName(name)}${retract ? "_RETRACT" : ""}(${of})`;
}

export function argumentsText({ args }: AggregateCall, name: (index: number) => string): string {
  return args.length === 0 ? "*" : args.map(name).join(", ");
}

export function filterText({ filter }: AggregateCall, name: (index: number) => string): string {
  return filter < 0 ? "" : ` FILTER ${name(filter)}`;
}

/** Each call's fields of the accumulator, numbered through; more than one stands in parentheses. */
export function accumulatorNames(calls: readonly AggregateCall[]): string[] {
  let number = 0;
  return calls.map((call) => {
    const named = partsOf(call).map((part) => `${part}$${number++}`);
    return named.length === 1 ? named[0]! : `(${named.join(", ")})`;
  });
}

function partCount(calls: readonly AggregateCall[]): number {
  return calls.flatMap(partsOf).length;
}

function partsOf(call: AggregateCall): string[] {
  switch (call.function) {
    case "COUNT":
      return [isCountStar(call) ? "count1" : "count"];
    case "AVG":
      return ["sum", "count"];
    case "SUM":
      return call.retract ? ["sum", "count"] : ["sum"];
    case "SUM0":
    case "$SUM0":
      return ["sum"];
    case "LISTAGG":
      return call.retract ? ["listagg"] : ["accDelimiter", "concatAcc"];
    case "SINGLE_VALUE":
      return ["value", "count"];
    default:
      return [plainName(call.function).toLowerCase()];
  }
}
