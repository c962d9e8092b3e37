/**
 * ValueSets: what the local half of an aggregate sends as single values with their counts, beside accumulators: the values of
 * DISTINCT, and those of MIN and MAX of rows that are taken back.
 *
 * Flow:    language/sql/exec makes the local half's output of it; dataplane/codegen writes and reads it.
 * Layout:  the grouping fields; for each set its arguments, then an i64 for each filter: how many rows more (or fewer) have the
 *          values; `part`: 0 = the row is an accumulator, k = values of set k - 1; the accumulator as bytes. What belongs to
 *          another part is 0 or empty. Without sets neither they nor `part` are there.
 * Source:  Flink DistinctInfo, MinWithRetractAggFunction, whose accumulators hold a MapView.
 */
import { type LogicalType, types } from "../columnar/logical-type.ts";
import type { Schema } from "../columnar/schema.ts";
import type { AggregateCall } from "./expression.ts";
import { parseReference } from "./user-function.ts";

export interface ValueSet {
  readonly kind: "distinct" | "extremes";
  /** Field indexes of the rows that are aggregated. */
  readonly args: readonly number[];
  /** Field indexes of filters, -1 for none: a count each. */
  readonly filters: readonly number[];
  /** Whether NULL is one of the values. */
  readonly nulls: boolean;
}

export interface PartColumns {
  /** Field index of `part`; -1 without sets. */
  readonly part: number;
  readonly accumulators: number;
  readonly sets: readonly {
    readonly args: readonly number[];
    readonly counts: readonly number[];
  }[];
}

const COUNTS_NULLS = new Set(["ARRAY_AGG", "SINGLE_VALUE", "JSON_ARRAYAGG_NULL_ON_NULL"]);

/** Whether rows count whose (first) argument is NULL. */
export function countsNulls({ function: name }: AggregateCall): boolean {
  return COUNTS_NULLS.has(name) || parseReference(name) !== undefined;
}

/** DISTINCT changes nothing for MIN and MAX. */
export function isDistinctCall({ function: name, distinct }: AggregateCall): boolean {
  return distinct && !isExtreme(name);
}

export function isExtreme(name: string): boolean {
  return name === "MIN" || name === "MAX";
}

/** In order of the calls. `retract`: rows may be taken back. */
export function valueSets(calls: readonly AggregateCall[], retract: boolean): ValueSet[] {
  const sets = new Map<string, ValueSet & { filters: number[] }>();
  for (const call of calls) {
    const distinct = isDistinctCall(call);
    if (!distinct && !(retract && isExtreme(call.function))) continue;
    const nulls = distinct && countsNulls(call);
    const kind = distinct ? "distinct" : "extremes";
    const key = `${kind} ${call.args.join()} ${nulls}`;
    const set = sets.get(key) ?? { kind, args: call.args, filters: [], nulls };
    sets.set(key, set);
    if (!set.filters.includes(call.filter)) set.filters.push(call.filter);
  }
  return [...sets.values()];
}

/** The fields that a local half sends behind those of the grouping. */
export function partFields(rows: Schema, sets: readonly ValueSet[]): Schema["fields"] {
  const values = sets.flatMap(({ args, filters }, set) => [
    ...args.map((field, i) => ({ name: `set${set}_${i}`, type: rows.fields[field]!.type })),
    ...filters.map((_, i) => ({ name: `set${set}_count${i}`, type: types.bigint(false) })),
  ]);
  const part = { name: "part", type: types.int(false) };
  return [
    ...values,
    ...(sets.length === 0 ? [] : [part]),
    { name: "accumulators", type: types.bytes(false) as LogicalType },
  ];
}

/** Where they lie behind `groupCount` grouping fields. */
export function partColumns(groupCount: number, sets: readonly ValueSet[]): PartColumns {
  let next = groupCount;
  const columns = sets.map(({ args, filters }) => ({
    args: args.map(() => next++),
    counts: filters.map(() => next++),
  }));
  const part = sets.length === 0 ? -1 : next++;
  return { part, accumulators: next, sets: columns };
}
