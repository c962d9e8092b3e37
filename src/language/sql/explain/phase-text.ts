/**
 * LocalGroupAggregate and GlobalGroupAggregate in Flink's words: what a local one gives on is named by the accumulator's parts.
 *
 *   LocalGroupAggregate(groupBy=[a], select=[a, AVG(b) AS (sum$0, count$1), MAX(c) AS max$2])
 *   GlobalGroupAggregate(groupBy=[a], select=[a, AVG((sum$0, count$1)) AS b, MAX(max$2) AS c])
 *
 * Source:  Flink RelExplainUtil.streamGroupAggregationToString.
 */
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { plainName } from "../../../foundation/plan/user-function.ts";
import type { PhysSpecOf } from "../exec/phys-node.ts";
import { ttlText } from "./join-text.ts";

export function phaseText(
  spec: PhysSpecOf<"GroupAggregate">,
  name: (index: number) => string,
): string[] {
  const keys = spec.grouping.map(name);
  const { aggregates } = spec;
  const parts = accumulatorNames(aggregates);
  const isLocal = spec.isLocal === true;
  const calls = aggregates.map((call, i) =>
    isLocal
      ? `${called(call, argumentsText(call, name))}${filterText(call, name)} AS ${parts[i]}`
      : `${called(call, parts[i]!)} AS ${call.name}`,
  );
  const retracts = aggregates.some(({ retract }) => retract);
  const star = aggregates.findIndex((call) => isCountStar(call) && call.filter < 0);
  const counts = `COUNT_RETRACT(*) AS count1$${partCount(aggregates)}`;
  return [
    ...(keys.length > 0 ? [`groupBy=[${keys.join(", ")}]`] : []),
    `select=[${[...keys, ...calls, ...(isLocal && retracts && star < 0 ? [counts] : [])].join(", ")}]`,
    ...(!isLocal && retracts && star >= 0 ? [`indexOfCountStar=[${star}]`] : []),
    ...(isLocal ? [] : ttlText(spec.stateTtlHint === undefined ? "" : `[${spec.stateTtlHint}]`)),
  ];
}

export const isCountStar = ({ function: name, args }: AggregateCall): boolean =>
  name === "COUNT" && args.length === 0;

function called({ function: name, retract }: AggregateCall, of: string): string {
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
    default:
      return [plainName(call.function).toLowerCase()];
  }
}
