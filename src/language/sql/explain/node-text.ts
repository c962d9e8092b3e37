/** The text of one physical node as EXPLAIN prints it: `Calc(select=[a], where=[>(a, 1)])`. */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import {
  type AggregateCall,
  REPLICATE_ROWS,
  type SortField,
} from "../../../foundation/plan/expression.ts";
import type { RuntimeFilterSpec } from "../../../foundation/plan/runtime-filter.ts";
import { plainName } from "../../../foundation/plan/user-function.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import type { PhysSpec, PhysSpecOf } from "../exec/phys-node.ts";
import { type TextStyle, expressionText, literalText } from "./expression-text.ts";
import { JOIN_NAMES, joinName, joinText, lookupText, ttlText } from "./join-text.ts";
import { multiJoinText } from "./multi-join-text.ts";
import { phaseName, phaseText } from "./phase-text.ts";
import { processText } from "./process-text.ts";
import { matchText } from "./match-text.ts";
import {
  attachedText,
  windowAggregateName,
  windowAggregateText,
  windowText,
} from "./window-text.ts";

export function describeNode(
  spec: PhysSpec,
  inputs: readonly Schema[],
  output: Schema,
  style: TextStyle = "prefix",
): string {
  return `${nodeName(spec)}(${details(spec, inputs, output, style).join(", ")})`;
}

/** SortLimit that keeps everything is Flink's Sort; copies of rows are a Correlate there. */
function nodeName(spec: PhysSpec): string {
  if (spec.type === "ReplicateRows") return "Correlate";
  if (spec.type === "WindowAggregate") return windowAggregateName(spec);
  if (spec.type === "GroupAggregate" && spec.foldsMiniBatches === true) return phaseName(spec);
  if (spec.type === "GroupAggregate" && spec.sorted !== undefined)
    return `${spec.isLocal === true ? "Local" : ""}${spec.sorted ? "Sort" : "Hash"}Aggregate`;
  if (spec.type === "Join") return joinName(spec);
  return isPlainSort(spec) ? "Sort" : spec.type;
}

const isPlainSort = (spec: PhysSpec): boolean =>
  spec.type === "SortLimit" && spec.limit < 0 && spec.offset === 0;

const names = (schema: Schema): string => schema.fields.map((field) => field.name).join(", ");

function details(
  spec: PhysSpec,
  inputs: readonly Schema[],
  output: Schema,
  style: TextStyle,
): string[] {
  const input = inputs[0] ?? output;
  const name = (index: number): string => input.fields[index]?.name ?? `$${index}`;
  const list = (indexes: readonly number[]) => indexes.map(name).join(", ");
  switch (spec.type) {
    case "TableSourceScan":
      return scanText(spec, output);
    case "Values":
      return [valuesText(spec, output)];
    case "WatermarkAssigner":
      return [
        `rowtime=[${name(spec.rowtime)}]`,
        `watermark=[${expressionText(spec.watermark, name, style)}]`,
      ];
    case "MiniBatchAssigner":
      return [`interval=[${spec.intervalMs}ms]`, `mode=[${spec.mode}]`];
    case "Calc":
      return calcText(spec, name, output, style);
    case "GroupAggregate":
      return spec.foldsMiniBatches === true ? phaseText(spec, name) : groupText(spec, name);
    case "WindowTableFunction":
      return [`window=[${windowText(spec.window, name)}]`];
    case "WindowAggregate":
      return windowAggregateText(spec, name, output);
    case "Join":
    case "WindowJoin":
    case "LateralSnapshotJoin":
    case "IntervalJoin":
    case "TemporalJoin":
      return joinText(spec, inputs, output, style);
    case "Rank":
      return rankText(spec, name, output);
    case "Deduplicate":
      return deduplicateText(spec, list);
    case "Union":
      return ["all=[true]", `union=[${names(output)}]`];
    case "ChangelogNormalize":
      return normalizeText(spec, name, style);
    case "SortLimit":
      return [`orderBy=[${sortText(spec.sort, name)}]`, ...limitText(spec)];
    case "Limit":
      return limitText(spec);
    case "Expand":
      return [
        `projects=[${spec.projections.map((p) => `{${p.map((e, i) => expandedText(e, name, output.fields[i]!.name)).join(", ")}}`).join(", ")}]`,
      ];
    case "Match":
      return [
        `partitionBy=[${list(spec.partitionKeys)}]`,
        `orderBy=[${sortText(spec.sort, name)}]`,
        ...matchText(spec, input, output, style),
      ];
    case "LookupJoin":
      return lookupText(spec, name, output, style);
    case "MultiJoin":
    case "OverAggregate":
    case "ReplicateRows":
    case "Correlate":
    case "WindowRank":
    case "WindowDeduplicate":
    case "TemporalSort":
      return laterText(spec, inputs, output, style);
    case "AsyncCorrelate":
      return asyncText(spec, name, output, style);
    case "VectorSearchTableFunction":
    case "ProcessTableFunction":
    case "Sink":
      return tableText(spec, input, output, style);
    default:
      return spec.type === "DropUpdateBefore" ? [] : filterText(spec, output);
  }
}

function valuesText({ rows }: PhysSpecOf<"Values">, { fields }: Schema): string {
  const text = rows.map(
    (row) => `{ ${row.map((v, i) => literalText(v, fields[i]!.type)).join(", ")} }`,
  );
  return `tuples=[[${text.join(", ")}]]`;
}

function filterText(spec: PhysSpecOf<RuntimeFilterSpec["type"]>, output: Schema): string[] {
  if (spec.type === "RuntimeFilter")
    return [
      `select=[${spec.keys.map((key) => output.fields[key]!.name).join(", ")}]`,
      `estimatedFilterRatio=[${spec.estimatedFilterRatio}]`,
    ];
  return [
    `select=[${spec.keyNames.join(", ")}]`,
    `estimatedRowCount=[${spec.estimatedRows}]`,
    `maxRowCount=[${spec.maxRows}]`,
  ];
}

/** Options of models stay out: they hold secrets. */
function asyncText(
  spec: PhysSpecOf<"AsyncCorrelate">,
  name: (index: number) => string,
  output: Schema,
  style: TextStyle,
): string[] {
  const { request, joinType, asking } = spec;
  const asked = request.kind === "model" ? "ML_PREDICT" : plainName(request.function);
  const model = request.kind === "model" ? [`MODEL ${request.name}`] : [];
  const args = [...model, ...spec.args.map((arg) => expressionText(arg, name, style))];
  const order = asking.unordered ? "UNORDERED" : "ORDERED";
  const when = spec.when === undefined ? [] : [`when=[${expressionText(spec.when, name, style)}]`];
  return [
    `invocation=[${asked}(${args.join(", ")})]`,
    ...when,
    `joinType=[${joinType}]`,
    `async=[${order}, ${asking.timeoutMs}ms, ${asking.capacity}]`,
    `select=[${names(output)}]`,
    ...(spec.keepBy === undefined ? [] : ["upsertMaterialize=[true]"]),
  ];
}

/** Nodes that name a table or a function over tables. */
function tableText(
  spec: PhysSpecOf<"VectorSearchTableFunction" | "ProcessTableFunction" | "Sink">,
  input: Schema,
  output: Schema,
  style: TextStyle,
): string[] {
  if (spec.type === "ProcessTableFunction") return processText(spec, output, style);
  if (spec.type === "Sink")
    return [
      `table=[${spec.table.name}]`,
      `fields=[${names(input)}]`,
      ...(spec.upsertMaterialize ? ["upsertMaterialize=[true]"] : []),
    ];
  const name = (index: number): string => input.fields[index]?.name ?? `$${index}`;
  return [
    `table=[${spec.table.name}]`,
    `joinType=[${JOIN_NAMES[spec.joinType]}]`,
    `columnToSearch=[${spec.table.schema.fields[spec.column]!.name}]`,
    `columnToQuery=[${expressionText(spec.query, name, style)}]`,
    `topK=[${spec.topK}]`,
    `select=[${names(output)}]`,
  ];
}

function limitText(spec: PhysSpecOf<"SortLimit" | "Limit">): string[] {
  if (isPlainSort(spec)) return [];
  return [`offset=[${spec.offset}]`, `fetch=[${spec.limit < 0 ? "all" : spec.limit}]`];
}

/** A field of an Expand: a field as it is or renamed, or a constant. */
function expandedText(e: Expression, name: (index: number) => string, as: string): string {
  if (e.kind === "literal")
    return `${e.value === null ? "null" : literalText(e.value, e.type)} AS ${as}`;
  const text = e.kind === "input" ? name(e.index) : as;
  return text === as ? as : `${text} AS ${as}`;
}

function groupText(spec: PhysSpecOf<"GroupAggregate">, name: (index: number) => string): string[] {
  const keys = spec.grouping.map(name);
  const rows = spec.mergedRows?.fields;
  const half = rows !== undefined ? "Final_" : spec.isLocal === true ? "Partial_" : "";
  const calls = spec.aggregates.map(
    (call) => half + aggregateText(call, (index) => rows?.[index]?.name ?? name(index)),
  );
  return [
    ...(spec.sorted === undefined || spec.isLocal === true
      ? []
      : [`isMerge=[${rows !== undefined}]`]),
    ...(keys.length > 0 ? [`groupBy=[${keys.join(", ")}]`] : []),
    ...(spec.partialFinal === undefined ? [] : [`partialFinalType=[${spec.partialFinal}]`]),
    `select=[${[...keys, ...calls].join(", ")}]`,
    ...ttlText(spec.stateTtlHint === undefined ? "" : `[${spec.stateTtlHint}]`),
  ];
}

function deduplicateText(
  { keepLast, keys, time, outputInsertOnly }: PhysSpecOf<"Deduplicate">,
  list: (indexes: readonly number[]) => string,
): string[] {
  return [
    `keep=[${keepLast ? "LastRow" : "FirstRow"}]`,
    `key=[${list(keys)}]`,
    `order=[${time.attribute}]`,
    `outputInsertOnly=[${outputInsertOnly === true}]`,
  ];
}

function normalizeText(
  spec: PhysSpecOf<"ChangelogNormalize">,
  name: (index: number) => string,
  style: TextStyle,
): string[] {
  const key = `key=[${spec.uniqueKey.map(name).join(", ")}]`;
  if (spec.condition === undefined) return [key];
  return [key, `condition=[${expressionText(spec.condition, name, style)}]`];
}

type LaterSpec = PhysSpecOf<
  | "MultiJoin"
  | "MultiJoin"
  | "OverAggregate"
  | "Correlate"
  | "ReplicateRows"
  | "WindowRank"
  | "WindowDeduplicate"
  | "TemporalSort"
>;

function laterText(
  spec: LaterSpec,
  inputs: readonly Schema[],
  output: Schema,
  style: TextStyle,
): string[] {
  const input = inputs[0] ?? output;
  const name = (index: number): string => input.fields[index]?.name ?? `$${index}`;
  const list = (indexes: readonly number[]) => indexes.map(name).join(", ");
  const select = `select=[${names(output)}]`;
  switch (spec.type) {
    case "MultiJoin":
      return multiJoinText(spec, inputs, output, style);
    case "OverAggregate":
      return [
        `partitionBy=[${list(spec.partitionKeys)}]`,
        `orderBy=[${sortText(spec.sort, name)}]`,
        `window=[${spec.unit} BETWEEN ${boundText(spec.start)} AND ${boundText(spec.end)}]`,
        `select=[${[...input.fields.map((f) => f.name), ...spec.aggregates.map((c) => `${plainName(c.function)}(${list(c.args) || (c.function === "COUNT" ? "*" : "")}) AS ${c.name}`)].join(", ")}]`,
      ];
    case "ReplicateRows": {
      const fields = [spec.count, ...spec.fields];
      return [
        `invocation=[${REPLICATE_ROWS}(${fields.map((index) => `$${index}`).join(", ")})]`,
        `correlate=[table(${REPLICATE_ROWS}(${fields.map(name).join(",")}))]`,
        `select=[${output.fields.map((field) => field.name).join(",")}]`,
        "joinType=[INNER]",
      ];
    }
    case "Correlate":
      return [
        `invocation=[${expressionText(spec.call, name, style)}]`,
        `joinType=[${spec.joinType}]`,
        select,
      ];
    case "WindowRank":
      return [
        `window=[${attachedText(spec.window, spec.attached, name)}]`,
        "rankType=[ROW_NUMBER]",
        `rankRange=[rankStart=${spec.rankStart}, rankEnd=${spec.rankEnd}]`,
        `partitionBy=[${list(spec.partitionKeys)}]`,
        `orderBy=[${sortText(spec.sort, name)}]`,
        select,
      ];
    case "WindowDeduplicate":
      return [
        `window=[${attachedText(spec.window, spec.attached, name)}]`,
        `keep=[${spec.keepLast ? "LastRow" : "FirstRow"}]`,
        `partitionKeys=[${list(spec.keys)}]`,
        `orderKey=[${name(spec.time.index)}]`,
        `order=[${spec.window.time.attribute}]`,
      ];
    default:
      return [`orderBy=[${sortText(spec.sort, name)}]`];
  }
}

function boundText(bound: PhysSpecOf<"OverAggregate">["start"]): string {
  switch (bound.kind) {
    case "currentRow":
      return "CURRENT ROW";
    case "unboundedPreceding":
      return "UNBOUNDED PRECEDING";
    case "unboundedFollowing":
      return "UNBOUNDED FOLLOWING";
    default:
      return `${bound.offset} ${bound.kind.toUpperCase()}`;
  }
}

function scanText(spec: PhysSpecOf<"TableSourceScan">, output: Schema): string[] {
  const { table, projection, filter } = spec;
  const parts = table.name.split(".");
  const whole =
    projection.length === table.schema.fields.length &&
    projection.every((path, i) => path.length === 1 && path[0] === i);
  const extras = [
    ...(filter === undefined
      ? []
      : [`filter=[${expressionText(filter, (i) => table.schema.fields[i]!.name, "prefix")}]`]),
    ...(whole ? [] : [`project=[${names(output)}]`]),
    ...(spec.limit === undefined ? [] : [`limit=[${spec.limit}]`]),
  ];
  return [`table=[[${[...parts, ...extras].join(", ")}]]`, `fields=[${names(output)}]`];
}

function calcText(
  spec: PhysSpecOf<"Calc">,
  name: (index: number) => string,
  output: Schema,
  style: TextStyle,
): string[] {
  const columns = spec.projection.map((e, i) => {
    const text = expressionText(e, name, style);
    const own = output.fields[i]!.name;
    return text === own ? text : `${text} AS ${own}`;
  });
  const select = `select=[${columns.join(", ")}]`;
  if (spec.condition === undefined) return [select];
  return [select, `where=[${expressionText(spec.condition, name, style)}]`];
}

export function aggregateText(call: AggregateCall, name: (index: number) => string): string {
  const args = call.args.length === 0 ? "*" : call.args.map(name).join(", ");
  const distinct = call.distinct ? "DISTINCT " : "";
  const filter = call.filter < 0 ? "" : ` FILTER ${name(call.filter)}`;
  const retract = call.retract ? "_RETRACT" : "";
  return `${plainName(call.function)}${retract}(${distinct}${args})${filter} AS ${call.name}`;
}

function rankText(
  spec: PhysSpecOf<"Rank">,
  name: (index: number) => string,
  output: Schema,
): string[] {
  const strategies = {
    append: "AppendFastStrategy",
    update: "UpdateFastStrategy",
    retract: "RetractStrategy",
  };
  return [
    `strategy=[${strategies[spec.strategy.kind]}]`,
    "rankType=[ROW_NUMBER]",
    `rankRange=[rankStart=${spec.rankStart}, rankEnd=${spec.rankEnd}]`,
    `partitionBy=[${spec.partitionKeys.map(name).join(", ")}]`,
    `orderBy=[${sortText(spec.sort, name)}]`,
    `select=[${names(output)}]`,
  ];
}

export function sortText(sort: readonly SortField[], name: (index: number) => string): string {
  return sort
    .map((field) => {
      const nulls =
        field.nullsFirst === field.descending
          ? ` NULLS ${field.nullsFirst ? "FIRST" : "LAST"}`
          : "";
      return `${name(field.index)} ${field.descending ? "DESC" : "ASC"}${nulls}`;
    })
    .join(", ");
}
