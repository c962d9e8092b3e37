/**
 * Aggregates in terms of simpler ones, below GROUP BY and in OVER:
 *   VAR_POP(x)     $WELFORD_M2$1(x) / COUNT(x)            STDDEV_POP(x)    POWER(that, 0.5)
 *   VAR_SAMP(x)    $WELFORD_M2$1(x) / (COUNT(x) − 1), NULL for one value   STDDEV_SAMP(x)   POWER(that, 0.5)
 *   JSON_ARRAYAGG(x), JSON_OBJECTAGG(k VALUE x)           over JSON_STRING(x), unless x is JSON already
 *   APPROX_COUNT_DISTINCT(x)                              COUNT(DISTINCT x)
 *   ARRAY_AGG(row), COLLECT(row)                          over $ROW_BYTES(row), an element's canonical encoding
 *   FIRST_VALUE(row), LAST_VALUE(row), SINGLE_VALUE(row)  the same, and $ROW_OF_BYTES of what is kept
 *
 * Types:  computed in DOUBLE, converted to the aggregate's own type.
 * Source: Flink AggregateReduceFunctionsRule, WrapJsonAggFunctionArgumentsRule.
 */
import {
  type LogicalType,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import { call, type Expression, input, literal } from "../../../foundation/plan/expression.ts";
import { equalsCall } from "../rel/expressions.ts";
import { aggregate, extend, project, uniqueNames } from "../rel/rel-builder.ts";
import {
  type AggregateRel,
  type OverRel,
  type RelAggregateCall,
  type RelNode,
  relInputs,
  withInputs,
} from "../rel/rel-node.ts";

const VARIANCES: Readonly<Record<string, { readonly sample: boolean; readonly root: boolean }>> = {
  VAR_POP: { sample: false, root: false },
  VAR_SAMP: { sample: true, root: false },
  VARIANCE: { sample: true, root: false },
  STDDEV_POP: { sample: false, root: true },
  STDDEV_SAMP: { sample: true, root: true },
  STDDEV: { sample: true, root: true },
};

const DOUBLE = types.double();
const COUNT_TYPE = types.bigint(false);

/** What both kinds of calls have. */
type AnyCall = Pick<RelAggregateCall, "function" | "args" | "distinct" | "type" | "name"> & {
  readonly filter?: number;
};

export function reduceAggregates(rel: RelNode): RelNode {
  const node = withInputs(rel, relInputs(rel).map(reduceAggregates));
  if (node.kind === "aggregate")
    return unpackRows(reduceVariances(wrapArguments(exactCounts(node))), node);
  return node.kind === "over" ? wrapOver(reduceOver(node)) : node;
}

/** An exact count is the best approximation. */
function exactCounts(rel: AggregateRel): AggregateRel {
  if (!rel.calls.some((one) => one.function === APPROXIMATE)) return rel;
  const calls = rel.calls.map((one) =>
    one.function === APPROXIMATE ? { ...one, function: "COUNT", distinct: true } : one,
  );
  return { ...rel, calls };
}

const APPROXIMATE = "APPROX_COUNT_DISTINCT";

// -------------------------------------------------------------------------------------------- variances

interface Reduced<Call> {
  readonly calls: readonly Call[];
  /** The written calls over a row whose field `base` + i is the result of calls[i]. */
  readonly results: (base: number) => Expression[];
}

function reduced<Call extends AnyCall>(written: readonly Call[]): Reduced<Call> | undefined {
  if (!written.some((one) => one.function in VARIANCES)) return undefined;
  const calls: Call[] = [];
  const places = new Map<string, number>();
  const place = (one: Call): number => {
    const { name: _, ...rest } = one;
    const key = JSON.stringify(rest);
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, calls.length);
    return calls.push(one) - 1;
  };
  const parts = written.map((one) => {
    if (!(one.function in VARIANCES)) return [place(one)] as const;
    const name = `$f${calls.length}`;
    const m2 = place({ ...one, function: "$WELFORD_M2$1", type: DOUBLE, name });
    const counted = `$f${calls.length}`;
    return [m2, place({ ...one, function: "COUNT", type: COUNT_TYPE, name: counted })] as const;
  });
  const results = (base: number) =>
    written.map((one, i) => {
      const [first, count] = parts[i]!;
      if (count === undefined) return input(base + first, one.type);
      return variance(one, input(base + first, DOUBLE), input(base + count, COUNT_TYPE));
    });
  return { calls, results };
}

function variance(
  { function: name, type }: AnyCall,
  m2: Expression,
  count: Expression,
): Expression {
  const { sample, root } = VARIANCES[name]!;
  const one = literal("1", COUNT_TYPE);
  const divisor = sample
    ? call(
        "CASE",
        [
          equalsCall(count, one),
          literal(null, types.bigint()),
          call("MINUS", [count, one], COUNT_TYPE),
        ],
        types.bigint(),
      )
    : count;
  const nullable = withNullable(DOUBLE, true);
  let result = call("DIVIDE", [m2, call("CAST", [divisor], DOUBLE)], nullable);
  if (root) result = call("POWER", [result, literal(0.5, types.double(false))], nullable);
  return type.kind === "DOUBLE" ? result : call("CAST", [result], withNullable(type, true));
}

function reduceVariances(rel: AggregateRel): RelNode {
  const found = reduced(rel.calls);
  if (found === undefined) return rel;
  const keys = rel.grouping.length;
  const inner = aggregate(rel.input, rel.grouping, found.calls, rel.ttl);
  const fields = rel.schema.fields;
  const expressions = [
    ...fields.slice(0, keys).map((field, i) => input(i, field.type)),
    ...found.results(keys),
  ];
  return retyped(inner, expressions, rel);
}

function reduceOver(rel: OverRel): RelNode {
  const found = reduced(rel.calls);
  if (found === undefined) return rel;
  const width = rel.input.schema.fields.length;
  const own = rel.input.schema.fields;
  const all = [...own, ...found.calls.map(({ name, type }) => ({ name, type }))];
  const names = uniqueNames(all.map(({ name }) => name));
  const inner: RelNode = {
    ...rel,
    calls: found.calls,
    schema: { fields: all.map(({ type }, i) => ({ name: names[i]!, type })) },
  };
  const expressions = [...own.map((field, i) => input(i, field.type)), ...found.results(width)];
  return retyped(inner, expressions, rel);
}

/** A projection with exactly the written node's schema. */
function retyped(inner: RelNode, expressions: readonly Expression[], rel: RelNode): RelNode {
  const names = rel.schema.fields.map(({ name }) => name);
  const result = project(inner, expressions, names);
  return result.kind === "project" ? { ...result, schema: rel.schema } : result;
}

// ------------------------------------------------------------------------------------------- arguments

/** Arguments that are given to the aggregate as text or bytes. */
function wrapArguments(rel: AggregateRel): AggregateRel {
  const { added, calls } = wrappedCalls(rel);
  if (added.length === 0) return rel;
  const width = rel.input.schema.fields.length;
  const names = added.map((_, i) => `$f${width + i}`);
  return aggregate(extend(rel.input, added, names), rel.grouping, calls, rel.ttl) as AggregateRel;
}

/** The same for OVER, whose results stand behind the fields of its input. */
function wrapOver(rel: RelNode): RelNode {
  if (rel.kind !== "over") return withInputs(rel, relInputs(rel).map(wrapOver));
  const { added, calls } = wrappedCalls(rel);
  if (added.length === 0) return rel;
  const own = rel.input.schema.fields;
  const below = extend(
    rel.input,
    added,
    added.map((_, i) => `$f${own.length + i}`),
  );
  const base = below.schema.fields.length;
  const all = [...below.schema.fields, ...calls.map(({ name, type }) => ({ name, type }))];
  const names = uniqueNames(all.map(({ name }) => name));
  const fields = all.map(({ type }, i) => ({ name: names[i]!, type }));
  const inner: RelNode = { ...rel, input: below, calls, schema: { fields } };
  const results = calls.map(({ type }, i) => unpacked(input(base + i, type), rel.calls[i]!.type));
  return retyped(inner, [...own.map((field, i) => input(i, field.type)), ...results], rel);
}

function wrappedCalls<Call extends AnyCall>(rel: {
  readonly input: RelNode;
  readonly calls: readonly Call[];
}): { readonly added: readonly Expression[]; readonly calls: readonly Call[] } {
  const added: Expression[] = [];
  const width = rel.input.schema.fields.length;
  const places = new Map<number, number>();
  const wrapped = (index: number, wrap: (value: Expression) => Expression): number => {
    const known = places.get(index);
    if (known !== undefined) return known;
    added.push(wrap(input(index, rel.input.schema.fields[index]!.type)));
    places.set(index, width + added.length - 1);
    return width + added.length - 1;
  };
  const calls = rel.calls.map((one) => {
    const last = one.args.length - 1;
    const value = one.args[last];
    if (value === undefined) return one;
    const wrap = wrapperOf(one, rel.input, value);
    if (wrap === undefined) return one;
    const type = KEPT_ROWS.has(one.function) ? types.bytes() : one.type;
    return { ...one, type, args: one.args.with(last, wrapped(value, wrap)) };
  });
  return { added, calls };
}

/** Rows that an aggregate kept as bytes are rows again. */
function unpackRows(rel: RelNode, written: AggregateRel): RelNode {
  const { fields } = written.schema;
  if (!rel.schema.fields.some(({ type }, i) => isPacked(type, fields[i]!.type))) return rel;
  const expressions = rel.schema.fields.map(({ type }, i) =>
    unpacked(input(i, type), fields[i]!.type),
  );
  return retyped(rel, expressions, written);
}

function unpacked(kept: Expression, type: LogicalType): Expression {
  return isPacked(kept.type, type) ? call("$ROW_OF_BYTES", [kept], type) : kept;
}

const isPacked = (kept: LogicalType, written: LogicalType) =>
  kept.kind === "VARBINARY" && isRow(written);

const isRow = ({ kind }: LogicalType) => kind === "ROW" || kind === "STRUCTURED";

/** Aggregates that give one of the rows. */
const KEPT_ROWS = new Set(["FIRST_VALUE", "LAST_VALUE", "SINGLE_VALUE"]);
const OF_ROWS = new Set(["ARRAY_AGG", "ARRAY_AGG_IGNORE_NULLS", "COLLECT"]);

function wrapperOf(
  { function: name, args }: AnyCall,
  rel: RelNode,
  value: number,
): ((value: Expression) => Expression) | undefined {
  if (/^JSON_(ARRAY|OBJECT)AGG/.test(name)) {
    if (isJson(rel, value)) return undefined;
    return (json) => call("JSON_STRING", [json], types.string(json.type.nullable));
  }
  if (!OF_ROWS.has(name) && !(KEPT_ROWS.has(name) && args.length === 1)) return undefined;
  if (!isRow(rel.schema.fields[value]!.type)) return undefined;
  return (row) => call("$ROW_BYTES", [row], types.bytes(row.type.nullable));
}

/** Whether a field of a node is JSON text by the function that makes it. */
function isJson(rel: RelNode, index: number): boolean {
  if (rel.kind !== "project") return false;
  const expression = rel.expressions[index]!;
  return expression.kind === "call" && /^JSON(_OBJECT|_ARRAY)?$/.test(expression.function);
}
