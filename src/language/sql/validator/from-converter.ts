/**
 * FROM → logical plan: tables, views, files, subqueries, joins, lateral table functions, UNNEST, window functions.
 *
 * Output:  the rel and the tables that names may refer to (scope.ts); a join's right side sees its left side when LATERAL.
 * Errors:  MR2101 no such table, MR2116 alias lists, MR2206 join conditions, MR2201 what has no node yet.
 */
import { nearest } from "../../../foundation/base/text.ts";
import { placed } from "../rel/rel-place.ts";
import { types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import { type Expression, call, input } from "../../../foundation/plan/expression.ts";
import {
  type CatalogEntry,
  type ResolvedTable,
  identifierSummary,
  identifierText,
  tableSchema,
} from "../catalog/catalog-objects.ts";
import { planErrors, validateErrors } from "../errors.ts";
import type {
  HintNode,
  IdentifierNode,
  JoinNode,
  RelationNode,
  TableAliasNode,
  TableNode,
} from "../parser/ast.ts";
import { unparseExpression } from "../parser/unparse-expressions.ts";
import { decorrelate } from "../rel/decorrelate.ts";
import { TRUE, and, fieldRefs } from "../rel/expressions.ts";
import { join as makeJoin, project } from "../rel/rel-builder.ts";
import type { RelNode } from "../rel/rel-node.ts";
import { ExpressionConverter } from "./expression-converter.ts";
import { BlockHints, dynamicOptions } from "./hints.ts";
import { snapshotCall, snapshotNode } from "./snapshot-call.ts";
import { convertMatch } from "./match-converter.ts";
import { comparison } from "./operators.ts";
import type { PlannerContext } from "./planner-context.ts";
import { type QueryEnvironment, convertQuery } from "./query-converter.ts";
import { type MergedColumn, Scope, type ScopeTable } from "./scope.ts";
import { correlateUnnest, tableFunction } from "./table-functions.ts";

export interface FromResult {
  readonly rel: RelNode;
  readonly tables: readonly ScopeTable[];
  readonly merged: readonly MergedColumn[];
  /** FOR SYSTEM_TIME AS OF: not yet converted, its names are the left side's. */
  readonly systemTime?: TableNode["systemTime"];
}

export function convertRelation(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: RelationNode,
  lateral: Scope | undefined,
): FromResult {
  const here = (from: FromResult): FromResult => ({
    ...from,
    rel: placed(from.rel, context.place(node.span)),
  });
  if (node.sample !== undefined)
    throw validateErrors.NOT_SUPPORTED(
      { what: "TABLESAMPLE", remedy: "Filter with RAND() instead." },
      { at: node.span },
    );
  switch (node.kind) {
    case "table":
      return here(aliased(convertTable(context, environment, node), node.alias, node));
    case "fileTable": {
      const options = dynamicOptions(node.hints, context.option);
      const table = context.resolveFile(node.path, options, node.span);
      return here(aliased(scan(table, {}, undefined), node.alias, node));
    }
    case "derivedTable": {
      const outer = node.lateral ? (lateral ?? environment.outer) : environment.outer;
      const rel = convertQuery(context, node.query, { ...environment, outer });
      return aliased(tableOf(rel, undefined, []), node.alias, node);
    }
    case "tableFunction":
      return here(aliased(tableFunction(context, environment, node, undefined), node.alias, node));
    case "unnest":
      return here(correlateUnnest(context, environment, node, undefined));
    case "join":
      return here(convertJoin(context, environment, node, lateral));
    case "matchRecognize": {
      const from = convertRelation(context, environment, node.input, lateral);
      const matched = tableOf(convertMatch(context, node, from), undefined, []);
      return here(aliased(matched, node.alias, node));
    }
  }
}

export function tableOf(
  rel: RelNode,
  name: string | undefined,
  path: readonly string[],
): FromResult {
  const columns = rel.schema.fields.map((f, index) => ({ name: f.name, type: f.type, index }));
  return { rel, tables: [{ name, path, columns }], merged: [] };
}

/** `AS t (a, b)`. */
export function aliased(
  from: FromResult,
  alias: TableAliasNode | undefined,
  node: { span: RelationNode["span"] },
): FromResult {
  if (alias === undefined) return from;
  const width = from.rel.schema.fields.length;
  const names = alias.columns.map((column) => column.name);
  if (names.length > 0 && names.length !== width)
    throw validateErrors.COLUMN_COUNT(
      { where: `the alias list of ${alias.name.name}`, expected: width, given: names.length },
      { at: node.span },
    );
  const rel = names.length === 0 ? from.rel : project(from.rel, fieldRefs(from.rel.schema), names);
  const single = tableOf(rel, alias.name.name, []);
  return from.systemTime === undefined ? single : { ...single, systemTime: from.systemTime };
}

function convertTable(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: TableNode,
): FromResult {
  if (node.extend.length > 0)
    throw validateErrors.NOT_SUPPORTED(
      { what: "EXTEND", remedy: "Declare the columns in CREATE TABLE." },
      { at: node.span },
    );
  const from = namedTable(context, environment, node.name, node.hints);
  return node.systemTime === undefined ? from : { ...from, systemTime: node.systemTime };
}

/** A name that the host may know as a file, unless there is a table of that name. */
const STANDARD_INPUT = "stdin";

/** A WITH item, table or view. */
export function namedTable(
  context: PlannerContext,
  environment: QueryEnvironment,
  name: IdentifierNode,
  hints: readonly HintNode[] = [],
): FromResult {
  const parts = name.parts.map((part) => part.name);
  const item = parts.length === 1 ? environment.withItems.get(parts[0]!) : undefined;
  if (item !== undefined) return tableOf(item, parts[0], []);
  const entry = context.resolveTable(parts);
  if (entry === undefined) {
    if (parts.length === 1 && parts[0] === STANDARD_INPUT) {
      const table = context.resolveFile(
        STANDARD_INPUT,
        dynamicOptions(hints, context.option),
        name.span,
      );
      return scan(table, {}, STANDARD_INPUT);
    }
    const known = [...environment.withItems.keys(), ...context.tableNames()];
    throw validateErrors.TABLE_NOT_FOUND(
      { name: parts.join(".") },
      { at: name.span, didYouMean: nearest(parts.at(-1)!, known) },
    );
  }
  return catalogEntry(context, entry, dynamicOptions(hints, context.option), name);
}

function catalogEntry(
  context: PlannerContext,
  entry: CatalogEntry,
  options: Record<string, string>,
  node: IdentifierNode,
): FromResult {
  const { name } = node.parts.at(-1)!;
  if (entry.kind === "table") return scan(entry, options, name);
  if (Object.keys(options).length > 0)
    throw validateErrors.STATEMENT_INVALID({
      message: `View '${identifierSummary(entry.identifier)}' cannot be enriched with new options. Hints can only be applied to tables.`,
      remedy: "Put the OPTIONS hint behind a table in the view's query.",
    });
  const inner = context.within(entry.path, context.place(node.span));
  const rel = convertQuery(inner, entry.query, {
    withItems: new Map(),
    outer: undefined,
    hints: BlockHints.none,
  });
  const named = project(rel, fieldRefs(rel.schema), entry.columnNames);
  const { catalog, database, object } = entry.identifier;
  return tableOf(named, name, [catalog, database, object]);
}

function scan(
  table: ResolvedTable,
  options: Record<string, string>,
  name: string | undefined,
): FromResult {
  const rel: RelNode = {
    kind: "scan",
    table,
    schema: tableSchema(table),
    dynamicOptions: options,
  };
  return tableOf(rel, name ?? table.identifier.object, identifierText(table.identifier).split("."));
}

// ------------------------------------------------------------------------------------------------- joins

const JOIN_TYPES = {
  INNER: "INNER",
  LEFT: "LEFT",
  RIGHT: "RIGHT",
  FULL: "FULL",
  CROSS: "INNER",
  COMMA: "INNER",
} as const;

function convertJoin(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: JoinNode,
  lateral: Scope | undefined,
): FromResult {
  const left = convertRelation(context, environment, node.left, lateral);
  const leftScope = new Scope(context.newScopeId(), left.tables, environment.outer, left.merged);
  const type = JOIN_TYPES[node.type];
  const correlated = lateralJoin(context, environment, node, left, leftScope);
  if (correlated !== undefined) return correlated;
  const right = convertRelation(context, environment, node.right, leftScope);
  const width = left.rel.schema.fields.length;
  const decorrelated = decorrelate(right.rel, leftScope.id, left.rel);
  const tables = [...left.tables, ...shiftTables(right.tables, width)];
  const nullableTables = tables.map((table, i) => {
    const isLeft = i < left.tables.length;
    const nullable = isLeft
      ? type === "RIGHT" || type === "FULL"
      : type === "LEFT" || type === "FULL";
    return nullable ? nullableTable(table) : table;
  });
  const merged = mergedColumns(node, left, nullableTables, width);
  const scope = new Scope(context.newScopeId(), tables, environment.outer, left.merged);
  const conditions = [
    decorrelated.condition ?? TRUE,
    ...usingConditions(merged.pairs, tables, node),
    node.on === undefined
      ? TRUE
      : new ExpressionConverter(context, scope, { clause: "ON" }).condition(node.on),
  ];
  const temporal =
    right.systemTime &&
    new ExpressionConverter(context, leftScope, {
      clause: "FOR SYSTEM_TIME AS OF",
    }).convert(right.systemTime);
  const rel = makeJoin(left.rel, decorrelated.rel, type, and(conditions), {
    hints: {
      ...environment.hints.forJoin(left.tables, right.tables),
      ...snapshotHint(context, environment, node),
    },
    ...(temporal === undefined ? {} : { temporal }),
  });
  return aliasJoin({ rel, tables: nullableTables, merged: merged.columns }, node);
}

function snapshotHint(context: PlannerContext, environment: QueryEnvironment, node: JoinNode) {
  const snapshot = snapshotNode(node.right);
  if (snapshot === undefined) return {};
  return { snapshot: snapshotCall(context, environment, snapshot).spec };
}

function aliasJoin(from: FromResult, node: JoinNode): FromResult {
  if (node.alias === undefined) return from;
  return aliased(tableOf(from.rel, undefined, []), node.alias, node);
}

function lateralJoin(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: JoinNode,
  left: FromResult,
  scope: Scope,
): FromResult | undefined {
  const { right } = node;
  if (right.kind !== "unnest" && right.kind !== "tableFunction") return undefined;
  const source = { rel: left.rel, scope };
  const result =
    right.kind === "unnest"
      ? correlateUnnest(context, environment, right, source)
      : tableFunction(context, environment, right, source);
  if (result.rel.kind !== "correlate") return undefined;
  if (node.type === "RIGHT" || node.type === "FULL")
    throw planErrors.JOIN_CONDITION(
      {
        message: `${node.type} JOIN with a lateral table function is not possible`,
        remedy: "Use INNER, CROSS or LEFT JOIN.",
      },
      { at: node.span },
    );
  const type = node.type === "LEFT" ? "LEFT" : "INNER";
  const { on } = node;
  const isTrue = on === undefined || (on.kind === "boolean" && on.value === true);
  if (type === "LEFT" && right.kind === "tableFunction" && !isTrue)
    throw planErrors.JOIN_CONDITION(
      {
        message: `Left outer joins with a table function do not accept a predicate such as ${unparseExpression(on)}. Only literal TRUE is accepted.`,
        remedy: "Write ON TRUE, and filter behind the join.",
      },
      { at: on.span },
    );
  const width = left.rel.schema.fields.length;
  const fields = result.rel.schema.fields.map((field, i) =>
    type === "LEFT" && i >= width ? { ...field, type: withNullable(field.type, true) } : field,
  );
  const [own] = result.tables;
  const names = right.alias?.columns.map((column) => column.name) ?? [];
  const renamed = {
    name: right.alias?.name.name ?? own!.name,
    path: [],
    columns: own!.columns.map((column, i) => ({
      name: names[i] ?? column.name,
      type: fields[column.index]!.type,
      index: column.index,
    })),
  };
  const tables = [...left.tables, renamed];
  const inner = new Scope(context.newScopeId(), tables, environment.outer, left.merged);
  const condition =
    node.on === undefined
      ? undefined
      : new ExpressionConverter(context, inner, { clause: "ON" }).condition(node.on);
  const rel: RelNode = { ...result.rel, type, condition, schema: { fields } };
  return aliasJoin({ rel, tables, merged: left.merged }, node);
}

export function shiftTables(tables: readonly ScopeTable[], by: number): ScopeTable[] {
  return tables.map((table) => ({
    ...table,
    columns: table.columns.map((column) => ({ ...column, index: column.index + by })),
  }));
}

function nullableTable(table: ScopeTable): ScopeTable {
  const columns = table.columns.map((c) => ({ ...c, type: withNullable(c.type, true) }));
  return { ...table, columns };
}

interface Merged {
  readonly columns: readonly MergedColumn[];
  readonly pairs: readonly (readonly [number, number])[];
}

function mergedColumns(
  node: JoinNode,
  left: FromResult,
  tables: readonly ScopeTable[],
  width: number,
): Merged {
  if (!node.natural && node.using === undefined) return { columns: left.merged, pairs: [] };
  const all = tables.flatMap((table) => table.columns);
  const lefts = all.filter((column) => column.index < width);
  const rights = all.filter((column) => column.index >= width);
  const names = node.natural
    ? lefts.map((c) => c.name).filter((name) => rights.some((r) => r.name === name))
    : node.using!.map((part) => part.name);
  const columns: MergedColumn[] = [];
  const pairs: [number, number][] = [];
  for (const name of names) {
    const a = lefts.find((column) => column.name === name);
    const b = rights.find((column) => column.name === name);
    if (a === undefined || b === undefined)
      throw validateErrors.COLUMN_NOT_FOUND(
        { column: name, known: all.map((c) => c.name).join(", ") },
        { at: node.span },
      );
    const one = input(a.index, a.type);
    const other = input(b.index, b.type);
    const expression: Expression =
      node.type === "RIGHT"
        ? other
        : node.type === "FULL"
          ? call("COALESCE", [one, other], withNullable(a.type, a.type.nullable && b.type.nullable))
          : one;
    columns.push({ name, expression, sources: [a.index, b.index] });
    pairs.push([a.index, b.index]);
  }
  return { columns, pairs };
}

function usingConditions(
  pairs: readonly (readonly [number, number])[],
  tables: readonly ScopeTable[],
  node: JoinNode,
): Expression[] {
  const typeOf = (index: number) =>
    tables.flatMap((t) => t.columns).find((c) => c.index === index)?.type ?? types.null();
  return pairs.map(([a, b]) => comparison("=", input(a, typeOf(a)), input(b, typeOf(b)), node));
}
