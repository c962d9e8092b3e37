/**
 * An aggregate over DISTINCT values of a stream in two steps, so that a group with many values is spread over all subtasks:
 *
 *   GROUP BY k: COUNT(DISTINCT d), SUM(v)
 *   → GROUP BY k: $SUM0(c), SUM(s)  of  GROUP BY k, MOD(HASH_CODE(d), buckets): COUNT(DISTINCT d) AS c, SUM(v) AS s
 *
 * Option:  table.optimizer.distinct-agg.split.enabled, table.optimizer.distinct-agg.split.bucket-num (1024); not where
 *          mini-batches are switched off, unless the aggregate is of windows.
 * Which:   one field under DISTINCT, an integer or a text; COUNT, SUM, MIN and MAX beside it. Others stay as they are, as do
 *          windows of processing time, sessions and group windows.
 * Source:  Flink SplitAggregateRule (which also splits by several fields, with AVG, FIRST_VALUE and LISTAGG).
 */
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import { types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import { call, type Expression, input, literal } from "../../../foundation/plan/expression.ts";
import { aggregate, extend, uniqueNames } from "../rel/rel-builder.ts";
import {
  type AggregateRel,
  type RelAggregateCall,
  type RelNode,
  relInputs,
  withInputs,
} from "../rel/rel-node.ts";
import { windowProperties } from "../rel/window-properties.ts";
import { castTo } from "../validator/casts.ts";

/** Flink's default of table.optimizer.distinct-agg.split.bucket-num. */
const BUCKETS = 1024;
/** What merges the results of the first step. */
const MERGED_BY: Readonly<Record<string, string>> = {
  COUNT: "$SUM0",
  SUM: "SUM",
  $SUM0: "$SUM0",
  MIN: "MIN",
  MAX: "MAX",
};

export function splitDistinct(rel: RelNode, option: (key: string) => string | undefined): RelNode {
  const isSet = (key: string, value: string) => option(key)?.trim().toLowerCase() === value;
  if (!isSet("table.optimizer.distinct-agg.split.enabled", "true")) return rel;
  const buckets = Number(option("table.optimizer.distinct-agg.split.bucket-num") ?? BUCKETS);
  return splitAll(rel, buckets, !isSet("table.exec.mini-batch.enabled", "false"));
}

function splitAll(rel: RelNode, buckets: number, miniBatches: boolean): RelNode {
  const node = withInputs(
    rel,
    relInputs(rel).map((each) => splitAll(each, buckets, miniBatches)),
  );
  if (node.kind !== "aggregate") return node;
  const windows = windowsOf(node);
  const isSplit =
    windows === undefined
      ? miniBatches && windowProperties(node.input) === undefined
      : windows.time.attribute === "ROWTIME" && windows.kind !== "SESSION";
  return isSplit ? split(node, buckets) : node;
}

/** The windows that an aggregate is of: it groups by their start and end. */
function windowsOf({ input: rows, grouping }: AggregateRel): WindowSpec | undefined {
  const properties = windowProperties(rows);
  const has = (fields: readonly number[]) => grouping.some((field) => fields.includes(field));
  if (properties === undefined || !has(properties.starts) || !has(properties.ends))
    return undefined;
  return properties.window.isGroupWindow === true ? undefined : properties.window;
}

function split(rel: AggregateRel, buckets: number): RelNode {
  const bucket = bucketOf(rel, buckets);
  if (bucket === undefined) return rel;
  const { fields } = rel.input.schema;
  const names = uniqueNames([...fields.map(({ name }) => name), "$bucket"]);
  const spread = extend(rel.input, [bucket], [names.at(-1)!]);
  const keys = [...rel.grouping, fields.length];
  const step = aggregate(spread, keys, rel.calls, rel.ttl) as AggregateRel;
  const partial: AggregateRel = { ...step, partialFinal: "PARTIAL" };
  const first = rel.grouping.length + 1;
  const calls = rel.calls.map(
    (one, i): RelAggregateCall => ({
      function: MERGED_BY[one.function]!,
      args: [first + i],
      filter: -1,
      distinct: false,
      type: one.type,
      name: one.name,
    }),
  );
  const merged = aggregate(
    partial,
    rel.grouping.map((_, i) => i),
    calls,
    rel.ttl,
  );
  return { ...(merged as AggregateRel), schema: rel.schema, partialFinal: "FINAL" };
}

/** By what the first step is spread; undefined: the aggregate is not split. */
function bucketOf({ calls, input: rows }: AggregateRel, buckets: number): Expression | undefined {
  const distinct = calls.filter((one) => one.distinct);
  const field = distinct[0]?.args[0];
  if (field === undefined || !distinct.every(({ args }) => args.length === 1 && args[0] === field))
    return undefined;
  if (!calls.every((one) => one.function in MERGED_BY)) return undefined;
  const { type } = rows.schema.fields[field]!;
  const value = input(field, type);
  switch (type.kind) {
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT": {
      const wide = withNullable(types.bigint(), type.nullable);
      const divisor = literal(String(buckets), types.bigint(false));
      return call("MOD", [castTo(value, wide), divisor], wide);
    }
    case "CHAR":
    case "VARCHAR": {
      const hash = withNullable(types.int(), type.nullable);
      const divisor = literal(buckets, types.int(false));
      return call("MOD", [call("HASH_CODE", [value], hash), divisor], hash);
    }
    default:
      return undefined;
  }
}
