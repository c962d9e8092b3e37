/**
 * Where a name was given: an alias or query of WITH in its statement; a table, view, function or column in the script before it.
 *
 * Flow:   editor-service.ts → here → places.ts; trees of the script's statements.
 * Limits: what the platform defined, and no statement of the script, has no place; stars are followed MAX_STEPS times.
 */
import type { IdentifierPart, QueryNode, SelectItemNode, StatementNode } from "../parser/ast.ts";
import type { ScriptPart } from "../parser/parser.ts";
import { type Place, type PlaceContext, placeAt } from "./places.ts";
import type { ScopedTable } from "./scope-columns.ts";

export interface DefinitionPlace {
  readonly from: number;
  readonly to: number;
}

const MAX_STEPS = 20;

export function definitionAt(offset: number, context: PlaceContext): DefinitionPlace | undefined {
  const place = placeAt(offset, context);
  if (place === undefined) return undefined;
  switch (place.kind) {
    case "option":
      return undefined;
    case "function":
      return creationOf("createFunction", [place.name], context.parts, place.from);
    case "table":
      return tableCreation(place.path, context.parts, place.from);
    case "with":
      return spanOf(place.item.nameAt);
    case "alias":
      return spanOf(place.table.nameAt);
    case "column":
      return columnDefinition(place, context);
  }
}

const spanOf = ({ start, end }: { start: number; end: number }): DefinitionPlace => ({
  from: start,
  to: end,
});

type Creation = Extract<
  StatementNode,
  { kind: "createTable" | "createView" | "createFunction" | "createMaterializedTable" }
>;

/** The last statement before the offset that gives this name; else the first behind it. */
function findCreation(
  kinds: readonly StatementNode["kind"][],
  path: readonly string[],
  parts: readonly ScriptPart[],
  before: number,
): Creation | undefined {
  const wanted = path.at(-1);
  const fits = ({ statement }: ScriptPart) =>
    statement !== undefined &&
    kinds.includes(statement.kind) &&
    (statement as Creation).name.parts.at(-1)!.name === wanted;
  const found = parts.findLast((part) => part.end < before && fits(part)) ?? parts.find(fits);
  return found?.statement as Creation | undefined;
}

function creationOf(
  kind: Creation["kind"],
  path: readonly string[],
  parts: readonly ScriptPart[],
  before: number,
): DefinitionPlace | undefined {
  const found = findCreation([kind], path, parts, before);
  return found && spanOf(found.name.span);
}

const TABLES = ["createTable", "createView", "createMaterializedTable"] as const;

function tableCreation(
  path: readonly string[],
  parts: readonly ScriptPart[],
  before: number,
): DefinitionPlace | undefined {
  const found = findCreation(TABLES, path, parts, before);
  return found && spanOf(found.name.span);
}

function columnDefinition(
  { table, name, scope, from }: Extract<Place, { kind: "column" }>,
  context: PlaceContext,
): DefinitionPlace | undefined {
  const column = name.split(".")[0]!;
  const part = context.parts.find(({ start, end }) => start <= from && from <= end);
  const item =
    table.path.length === 1
      ? scope.withItems.find((each) => each.name === table.path[0])
      : undefined;
  if (item !== undefined) {
    const query = withQuery(part?.statement, item.nameAt.start);
    return (query && outputColumn(query, column, context, from)) ?? spanOf(item.nameAt);
  }
  if (table.path.length > 0) return tableColumn(table.path, column, context, from);
  const derived = derivedQuery(part?.statement, table);
  return (derived && outputColumn(derived, column, context, from)) ?? spanOf(table.nameAt);
}

function tableColumn(
  path: readonly string[],
  column: string,
  context: PlaceContext,
  before: number,
  steps = 0,
): DefinitionPlace | undefined {
  const creation = findCreation(TABLES, path, context.parts, before);
  if (creation === undefined || creation.kind === "createFunction") return undefined;
  if (creation.kind === "createView")
    return (
      named(creation.columns, column) ??
      outputColumn(creation.query, column, context, before, steps + 1) ??
      spanOf(creation.name.span)
    );
  for (const element of creation.elements)
    if ("name" in element && element.name !== undefined && "parts" in element.name)
      if (element.name.parts.at(-1)!.name === column) return spanOf(element.name.span);
  const query = creation.query;
  return (
    (query && outputColumn(query, column, context, before, steps + 1)) ?? spanOf(creation.name.span)
  );
}

function named(parts: readonly IdentifierPart[], name: string): DefinitionPlace | undefined {
  const found = parts.find((part) => part.name === name);
  return found && spanOf(found.span);
}

/** The item of a SELECT list that gives a column its name. */
function outputColumn(
  query: QueryNode,
  column: string,
  context: PlaceContext,
  before: number,
  steps = 0,
): DefinitionPlace | undefined {
  if (steps > MAX_STEPS) return undefined;
  switch (query.kind) {
    case "with":
    case "orderedQuery":
      return outputColumn(query.query, column, context, before, steps + 1);
    case "setOperation":
      return outputColumn(query.first, column, context, before, steps + 1);
    case "select":
      break;
    default:
      return undefined;
  }
  for (const item of query.items) {
    const name = itemName(item);
    if (name?.name === column) return spanOf(name.span);
  }
  const hasStar = query.items.some(({ value }) => value.kind === "star");
  if (!hasStar || query.from === undefined) return undefined;
  if (query.from.kind === "derivedTable")
    return outputColumn(query.from.query, column, context, before, steps + 1);
  if (query.from.kind !== "table") return undefined;
  const path = query.from.name.parts.map(({ name }) => name);
  return tableColumn(path, column, context, before, steps + 1);
}

function itemName({ alias, value }: SelectItemNode): IdentifierPart | undefined {
  if (alias !== undefined) return alias;
  return value.kind === "identifier" ? value.parts.at(-1) : undefined;
}

/** The query of the WITH item whose name stands at an offset. */
function withQuery(statement: StatementNode | undefined, at: number): QueryNode | undefined {
  return search(statement, (node) => {
    const item = node as { name?: IdentifierPart; query?: QueryNode };
    return item.name?.span?.start === at && item.query !== undefined ? item.query : undefined;
  });
}

function derivedQuery(
  statement: StatementNode | undefined,
  table: ScopedTable,
): QueryNode | undefined {
  return search(statement, (node) => {
    const derived = node as { kind?: string; query?: QueryNode; alias?: { name: IdentifierPart } };
    if (derived.kind !== "derivedTable") return undefined;
    return derived.alias?.name.span.start === table.nameAt.start ? derived.query : undefined;
  });
}

/** The first answer in a tree, without recursion. */
function search<T>(root: unknown, answer: (node: object) => T | undefined): T | undefined {
  const open: unknown[] = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== "object" || next === null) continue;
    const found = answer(next);
    if (found !== undefined) return found;
    for (const value of Object.values(next))
      if (typeof value === "object" && value !== null) open.push(value);
  }
  return undefined;
}
