/** Aggregates that the same rows update: the plain ones first, then those of each DISTINCT (arguments, filter). */
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { countsNulls } from "../../codegen/aggregates/collection-choice.ts";

/** No sum of distinct values differs for these. */
const SAME_WITHOUT_DISTINCT = new Set(["MIN", "MAX"]);

/** Places of the calls; the first list may be empty. */
export function callSets(aggregates: readonly AggregateCall[]): readonly (readonly number[])[] {
  const sets = new Map<string, number[]>([["", []]]);
  aggregates.forEach((aggregate, place) => {
    const distinct = aggregate.distinct && !SAME_WITHOUT_DISTINCT.has(aggregate.function);
    const nulls = countsNulls(aggregate) ? "/NULL" : "";
    const set = distinct ? `${aggregate.args.join()}/${aggregate.filter}${nulls}` : "";
    sets.set(set, [...(sets.get(set) ?? []), place]);
  });
  return [...sets.values()];
}
