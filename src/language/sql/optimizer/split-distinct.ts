/**
 * An aggregate over DISTINCT values of a stream in two steps, so that a group with many values is spread over all subtasks:
 *
 *   GROUP BY k: COUNT(DISTINCT d), SUM(v)
 *   → GROUP BY k: $SUM0(c), SUM(s)  of  GROUP BY k, MOD(HASH_CODE(d), buckets): COUNT(DISTINCT d) AS c, SUM(v) AS s
 *
 * Fields:  each argument of DISTINCT, MIN, MAX, FIRST_VALUE and LAST_VALUE that is no key has a bucket. Where calls have buckets of
 *          different fields, each row is there once for each of them (Expand), and calls see those of theirs (FILTER).
 * AVG:     $SUM0 and COUNT, divided behind the second step. Calls share steps that are the same.
 * Option:  table.optimizer.distinct-agg.split.enabled, table.optimizer.distinct-agg.split.bucket-num (1024).
 * Which:   COUNT, SUM, AVG, MIN, MAX, SINGLE_VALUE, and with one argument FIRST_VALUE, LAST_VALUE, LISTAGG. Others stay as they
 *          are, as do windows of processing time, sessions and group windows, and with Expand results that are NOT NULL.
 * Names:   $f and a number, as Flink gives them; the last step's fields keep the query's where it stands alone.
 * Source:  Flink SplitAggregateRule, ExpandUtil.
 */
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import {
  type LogicalType,
  physicalOf,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import { call, type Expression, input, literal } from "../../../foundation/plan/expression.ts";
import { and, equalsCall } from "../rel/expressions.ts";
import { aggregate, extend, isIdentity, project } from "../rel/rel-builder.ts";
import {
  type AggregateRel,
  type RelAggregateCall,
  type RelNode,
  relInputs,
  withInputs,
} from "../rel/rel-node.ts";
import { windowProperties } from "../rel/window-properties.ts";
import { castTo } from "../validator/casts.ts";
import { decimalResult, sumDecimal } from "../validator/type-system.ts";

/** Flink's default of table.optimizer.distinct-agg.split.bucket-num. */
const BUCKETS = 1024;
/** What the steps of a call are; AVG has two of each. */
const STEPS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  AVG: [
    ["$SUM0", "$SUM0"],
    ["COUNT", "$SUM0"],
  ],
  COUNT: [["COUNT", "$SUM0"]],
  SUM: [["SUM", "SUM"]],
  $SUM0: [["$SUM0", "$SUM0"]],
  MIN: [["MIN", "MIN"]],
  MAX: [["MAX", "MAX"]],
  FIRST_VALUE: [["FIRST_VALUE", "FIRST_VALUE"]],
  LAST_VALUE: [["LAST_VALUE", "LAST_VALUE"]],
  LISTAGG: [["LISTAGG", "LISTAGG"]],
  SINGLE_VALUE: [["SINGLE_VALUE", "SINGLE_VALUE"]],
};
const HAS_BUCKET = new Set(["MIN", "MAX", "FIRST_VALUE", "LAST_VALUE"]);
const HAS_ONE_ARGUMENT = new Set(["FIRST_VALUE", "LAST_VALUE", "LISTAGG"]);
const NEVER_NULL = new Set(["COUNT", "$SUM0"]);
const COUNT_TYPE = types.bigint(false);

export function splitDistinct(rel: RelNode, option: (key: string) => string | undefined): RelNode {
  const isSet = (key: string, value: string) => option(key)?.trim().toLowerCase() === value;
  if (!isSet("table.optimizer.distinct-agg.split.enabled", "true")) return rel;
  const buckets = Number(option("table.optimizer.distinct-agg.split.bucket-num") ?? BUCKETS);
  return withNames(splitAll(rel, buckets));
}

function splitAll(rel: RelNode, buckets: number): RelNode {
  const node = withInputs(
    rel,
    relInputs(rel).map((each) => splitAll(each, buckets)),
  );
  if (node.kind !== "aggregate" || node.partialFinal !== undefined) return node;
  const windows = windowsOf(node);
  const isSplit =
    windows === undefined
      ? windowProperties(node.input) === undefined
      : windows.time.attribute === "ROWTIME" && windows.kind !== "SESSION";
  return isSplit && isSplittable(node) ? split(inOrder(node), buckets) : node;
}

/** The windows that an aggregate is of: it groups by their start and end. */
function windowsOf({ input: rows, grouping }: AggregateRel): WindowSpec | undefined {
  const properties = windowProperties(rows);
  const has = (fields: readonly number[]) => grouping.some((field) => fields.includes(field));
  if (properties === undefined || !has(properties.starts) || !has(properties.ends))
    return undefined;
  return properties.window.isGroupWindow === true ? undefined : properties.window;
}

function isSplittable({ calls, input: rows }: AggregateRel): boolean {
  const isHashed = (field: number) => physicalOf(rows.schema.fields[field]!.type) !== "row";
  return (
    calls.some((one) => one.distinct) &&
    calls.every(
      (one) =>
        one.function in STEPS &&
        (!HAS_ONE_ARGUMENT.has(one.function) || one.args.length === 1) &&
        (!hasBucket(one) || one.args.every(isHashed)),
    )
  );
}

const hasBucket = (one: RelAggregateCall) => one.distinct || HAS_BUCKET.has(one.function);

/** Over the fields below a projection that only picks and orders them, in their order there. */
function inOrder(rel: AggregateRel): AggregateRel {
  const { input: rows } = rel;
  if (rows.kind !== "project") return rel;
  const places = rows.expressions.map((e) => (e.kind === "input" ? e.index : -1));
  const order = [...new Set(places)].sort((a, b) => a - b);
  if (order[0] === -1 || order.length < places.length) return rel;
  const { fields } = rows.input.schema;
  const ordered = project(
    rows.input,
    order.map((field) => input(field, fields[field]!.type)),
    order.map((field) => fields[field]!.name),
  );
  const place = (field: number) => order.indexOf(places[field]!);
  return {
    ...rel,
    input: ordered,
    grouping: rel.grouping.map(place),
    calls: rel.calls.map((one) => ({
      ...one,
      args: one.args.map(place),
      filter: one.filter < 0 ? -1 : place(one.filter),
    })),
  };
}

/** A step of a call, and the fields by which it groups beside the keys. */
interface StepCall {
  readonly call: RelAggregateCall;
  readonly merged: string;
  readonly by: readonly number[];
}

/** Of rows that are copied a result may be NULL until all of them have come, which a NOT NULL column does not take. */
function staysNotNull(steps: readonly StepCall[], calls: readonly RelAggregateCall[]): boolean {
  const sets = new Set(steps.flatMap(({ call: one, by }) => (hasBucket(one) ? [by.join()] : [])));
  return sets.size > 1 && calls.some((one) => !NEVER_NULL.has(one.function) && !one.type.nullable);
}

function split(rel: AggregateRel, buckets: number): RelNode {
  const hashed = new Set(rel.calls.filter(hasBucket).flatMap(({ args }) => args));
  const fields = [...hashed].filter((field) => !rel.grouping.includes(field)).sort((a, b) => a - b);
  const width = rel.input.schema.fields.length;
  const bucketOf = new Map(fields.map((field, i) => [field, width + i]));
  const spread = extend(
    rel.input,
    fields.map((field) => bucket(input(field, rel.input.schema.fields[field]!.type), buckets)),
    fields.map((_, i) => `$f${width + i}`),
  );
  const { steps, places } = sharedSteps(rel.calls.map((one) => stepsOf(one, rel.input, bucketOf)));
  if (staysNotNull(steps, rel.calls)) return rel;
  const grouping = [...rel.grouping, ...bucketOf.values()];
  const expanded = expand(spread, steps, [...bucketOf.values()]);
  const step = aggregate(
    expanded.rel,
    grouping,
    named(expanded.calls, grouping.length, expanded.rel, grouping),
    rel.ttl,
  );
  const partial: AggregateRel = { ...(step as AggregateRel), partialFinal: "PARTIAL" };
  return finalStep(rel, partial, steps, places);
}

/** The steps of all calls, each once; `places`: those of each call. */
function sharedSteps(ofCalls: readonly (readonly StepCall[])[]): {
  readonly steps: readonly StepCall[];
  readonly places: readonly (readonly number[])[];
} {
  const known = new Map<string, number>();
  const steps: StepCall[] = [];
  const placeOf = (step: StepCall): number => {
    const { name: _, ...what } = step.call;
    const key = JSON.stringify([what, step.merged, step.by]);
    let place = known.get(key);
    if (place === undefined) {
      place = steps.push(step) - 1;
      known.set(key, place);
    }
    return place;
  };
  return { places: ofCalls.map((all) => all.map(placeOf)), steps };
}

function stepsOf(
  one: RelAggregateCall,
  rows: RelNode,
  bucketOf: ReadonlyMap<number, number>,
): StepCall[] {
  const by = hasBucket(one) ? one.args.flatMap((field) => bucketOf.get(field) ?? []) : [];
  return STEPS[one.function]!.map(([name, merged]) => {
    const type =
      one.function !== "AVG"
        ? one.type
        : name === "COUNT"
          ? COUNT_TYPE
          : sumType(rows.schema.fields[one.args[0]!]!.type);
    return { call: { ...one, function: name, type }, merged, by: [...new Set(by)] };
  });
}

/** Of the sum that AVG divides: it is 0 without values. */
function sumType(type: LogicalType): LogicalType {
  if (type.kind === "DECIMAL") return sumDecimal(type, false);
  if (type.kind === "FLOAT" || type.kind === "DOUBLE") return types.double(false);
  return types.bigint(false);
}

/** Each row once for each set of buckets that calls group by; the calls with the filter that finds theirs. */
function expand(
  spread: RelNode,
  steps: readonly StepCall[],
  buckets: readonly number[],
): { readonly rel: RelNode; readonly calls: readonly RelAggregateCall[] } {
  const numberOf = ({ by }: StepCall) =>
    buckets.reduce((number, field) => number * 2 + (by.includes(field) ? 0 : 1), 0);
  const wanted = steps.filter(({ call: one }) => hasBucket(one)).map(numberOf);
  if (new Set(wanted).size < 2) return { rel: spread, calls: steps.map((step) => step.call) };
  const { fields } = spread.schema;
  const sets = [...new Map(steps.map((step) => [numberOf(step), step.by]))].sort(
    ([a], [b]) => a - b,
  );
  const idType = types.bigint(false);
  const projections = sets.map(([number, by]) => [
    ...fields.map(({ type }, field) =>
      buckets.includes(field) && !by.includes(field)
        ? literal(null, withNullable(type, true))
        : input(field, withNullable(type, type.nullable || buckets.includes(field))),
    ),
    literal(String(number), idType),
  ]);
  const schema = {
    fields: [
      ...fields.map(({ name, type }, field) => ({
        name,
        type: withNullable(type, type.nullable || buckets.includes(field)),
      })),
      { name: "$e", type: idType },
    ],
  };
  const rows: RelNode = { kind: "expand", input: spread, projections, schema };
  return filtered(rows, steps, numberOf);
}

/** `$g_1` …: which of a row's copies a call sees. */
function filtered(
  rows: RelNode,
  steps: readonly StepCall[],
  numberOf: (step: StepCall) => number,
): { readonly rel: RelNode; readonly calls: readonly RelAggregateCall[] } {
  const width = rows.schema.fields.length - 1;
  const id = input(width, rows.schema.fields[width]!.type);
  const places = new Map<string, number>();
  const filters: Expression[] = [];
  const names: string[] = [];
  const calls = steps.map((step) => {
    const number = numberOf(step);
    const key = `${number} ${step.call.filter}`;
    let place = places.get(key);
    if (place === undefined) {
      const own = equalsCall(id, literal(String(number), id.type));
      const given = step.call.filter;
      const flag = rows.schema.fields[given]?.type;
      filters.push(flag === undefined ? own : and([own, input(given, flag)]));
      names.push(`$g_${number}`);
      place = width + filters.length - 1;
      places.set(key, place);
    }
    const { function: name, type: own } = step.call;
    // A group may have none of the rows that a call sees.
    const type = NEVER_NULL.has(name) ? own : withNullable(own, true);
    return { ...step.call, type, filter: place };
  });
  const kept = rows.schema.fields.slice(0, width);
  const expressions = [...kept.map(({ type }, i) => input(i, type)), ...filters];
  const rel = project(rows, expressions, [...kept.map(({ name }) => name), ...names]);
  return { rel, calls };
}

/** The calls with the names that Flink gives them: `$f` and their field, `_0` behind one that a key has. */
function named(
  calls: readonly RelAggregateCall[],
  first: number,
  rows: RelNode,
  grouping: readonly number[],
): RelAggregateCall[] {
  const used = new Set(grouping.map((field) => rows.schema.fields[field]!.name));
  return calls.map((one, i) => {
    const base = `$f${first + i}`;
    let name = base;
    for (let n = 0; used.has(name); n++) name = `${base}_${n}`;
    used.add(name);
    return { ...one, name };
  });
}

function finalStep(
  rel: AggregateRel,
  partial: AggregateRel,
  steps: readonly StepCall[],
  places: readonly (readonly number[])[],
): RelNode {
  const keys = rel.grouping.map((_, i) => i);
  const calls = steps.map(
    ({ call: one, merged }, i): RelAggregateCall => ({
      function: merged,
      args: [partial.grouping.length + i],
      filter: -1,
      distinct: false,
      type: partial.calls[i]!.type,
      name: one.name,
    }),
  );
  const merged = aggregate(partial, keys, named(calls, keys.length, partial, keys), rel.ttl);
  const final: AggregateRel = { ...(merged as AggregateRel), partialFinal: "FINAL" };
  const { fields } = final.schema;
  const results = rel.calls.map((one, i) => {
    const [value, count] = places[i]!.map((place) => keys.length + place);
    const sum = input(value!, fields[value!]!.type);
    return count === undefined ? sum : average(sum, input(count, COUNT_TYPE), one.type);
  });
  const expressions = [...keys.map((i) => input(i, fields[i]!.type)), ...results];
  const names = rel.schema.fields.map(({ name }) => name);
  return project(final, expressions, names);
}

/** The sum by the count, NULL without values. */
function average(sum: Expression, count: Expression, type: LogicalType): Expression {
  const nullable = withNullable(type, true);
  const quotient =
    sum.type.kind === "DECIMAL"
      ? call(
          "DIVIDE",
          [sum, count],
          withNullable(decimalResult("DIVIDE", sum.type, count.type), true),
        )
      : call("DIVIDE", [sum, castTo(count, sum.type)], withNullable(sum.type, true));
  const isEmpty = equalsCall(count, literal("0", COUNT_TYPE));
  return call("IF", [isEmpty, literal(null, nullable), castTo(quotient, nullable)], nullable);
}

/** By what the first step is spread. */
function bucket(value: Expression, buckets: number): Expression {
  const hash = withNullable(types.int(), value.type.nullable);
  return call("MOD", [call("HASH_CODE", [value], hash), literal(buckets, types.int(false))], hash);
}

/** Where the last step's fields are only renamed they have the names themselves. */
function withNames(rel: RelNode): RelNode {
  const node = withInputs(rel, relInputs(rel).map(withNames));
  if (node.kind !== "project" || node.input.kind !== "aggregate") return node;
  const final = node.input;
  if (final.partialFinal !== "FINAL" || !isIdentity(node.expressions, final.schema)) return node;
  const fields = final.schema.fields.map(({ type }, i) => {
    const { name } = node.schema.fields[i]!;
    return { name, type };
  });
  return { ...final, schema: { fields } };
}
