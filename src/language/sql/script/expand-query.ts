/**
 * The query of a view as SHOW CREATE VIEW prints it: stars written out, columns with their table's alias, tables with their whole
 * name, so that the text means the same wherever it runs.
 *
 * Covers:  SELECT … FROM tables and joins ON, with WHERE, GROUP BY and HAVING. Other queries (subqueries, WITH, window
 *          functions, set operations) stay as they were written.
 * Source:  Calcite's SqlValidator.expand, as Flink stores it.
 */
import { type CatalogEntry, tableSchema } from "../catalog/catalog-objects.ts";
import type {
  ExpressionNode,
  IdentifierNode,
  IdentifierPart,
  QueryNode,
  RelationNode,
  SelectItemNode,
  SelectNode,
} from "../parser/ast.ts";

type Lookup = (parts: readonly string[]) => CatalogEntry | undefined;

interface ScopeTable {
  readonly alias: string;
  readonly columns: readonly string[];
}

/** Undefined: a query that is left as it is. */
export function expandedQuery(query: QueryNode, lookup: Lookup): QueryNode | undefined {
  if (query.kind !== "select" || query.from === undefined) return undefined;
  if (query.windows.length > 0 || query.qualify !== undefined) return undefined;
  const tables: ScopeTable[] = [];
  const from = expandedRelation(query.from, lookup, tables);
  return from === undefined ? undefined : expandedSelect({ ...query, from }, tables);
}

function expandedRelation(
  node: RelationNode,
  lookup: Lookup,
  tables: ScopeTable[],
): RelationNode | undefined {
  if (node.kind === "join") {
    if (node.using !== undefined || node.natural) return undefined;
    const left = expandedRelation(node.left, lookup, tables);
    const right = left && expandedRelation(node.right, lookup, tables);
    if (left === undefined || right === undefined) return undefined;
    const on = node.on === undefined ? undefined : expanded(node.on, tables);
    if (node.on !== undefined && on === undefined) return undefined;
    return { ...node, left, right, ...(on === undefined ? {} : { on }) };
  }
  const plain = node.kind === "table" && node.systemTime === undefined && !node.sample;
  if (!plain || (node.alias?.columns.length ?? 0) > 0) return undefined;
  const entry = lookup(node.name.parts.map((part) => part.name));
  if (entry === undefined) return undefined;
  const { catalog, database, object } = entry.identifier;
  const { span } = node;
  const part = (name: string): IdentifierPart => ({ name, quoted: true, span });
  const alias = node.alias ?? { name: part(object), columns: [], span };
  const schema = entry.kind === "table" ? tableSchema(entry) : entry.schema;
  tables.push({ alias: alias.name.name, columns: schema.fields.map(({ name }) => name) });
  const parts = [catalog, database, object].map(part);
  return { ...node, name: { kind: "identifier", parts, span }, alias };
}

function expandedSelect(node: SelectNode, tables: readonly ScopeTable[]): SelectNode | undefined {
  const items = node.items.flatMap((item) => expandedItem(item, tables) ?? [undefined]);
  const rest = {
    where: node.where,
    groupBy: node.groupBy,
    having: node.having,
  };
  const done = expanded(rest, tables);
  const whole = items.every((item) => item !== undefined);
  if (!whole || done === undefined) return undefined;
  const { where, groupBy, having } = done;
  return {
    ...node,
    items,
    ...(where === undefined ? {} : { where }),
    ...(groupBy === undefined ? {} : { groupBy }),
    ...(having === undefined ? {} : { having }),
  };
}

function expandedItem(
  item: SelectItemNode,
  tables: readonly ScopeTable[],
): SelectItemNode[] | undefined {
  const { value, span } = item;
  if (value.kind !== "star") {
    const own = expanded<ExpressionNode>(value, tables);
    return own === undefined ? undefined : [{ ...item, value: own }];
  }
  const [qualifier, ...more] = value.qualifier;
  if (more.length > 0) return undefined;
  const wanted = tables.filter(({ alias }) => qualifier === undefined || alias === qualifier.name);
  if (wanted.length === 0) return undefined;
  return wanted.flatMap(({ alias, columns }) =>
    columns.map((name): SelectItemNode => {
      const parts = [alias, name].map((part) => ({ name: part, quoted: true, span }));
      return { value: { kind: "identifier", parts, span }, span };
    }),
  );
}

/** Nodes that hold queries of their own, or names that are no columns. */
const OPAQUE = new Set([
  "subquery",
  "exists",
  "tableArgument",
  "select",
  "with",
  "lambda",
  "descriptor",
]);

/** A tree with every column under its table's alias; undefined where a name is not known for certain. */
function expanded<T>(tree: T, tables: readonly ScopeTable[]): T | undefined {
  let certain = true;
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== "object" || value === null) return value;
    const node = value as { readonly kind?: string; readonly query?: unknown };
    if (node.query !== undefined || OPAQUE.has(node.kind ?? "")) certain = false;
    if (!certain) return value;
    if (node.kind === "identifier") {
      const found = qualified(value as IdentifierNode, tables);
      if (found === undefined) certain = false;
      return found ?? value;
    }
    const entries = Object.entries(value).map(([key, inner]) => {
      const isName = key === "span" || key === "type" || (key === "name" && node.kind === "call");
      return [key, isName ? inner : visit(inner)];
    });
    return Object.fromEntries(entries);
  };
  const result = visit(tree) as T;
  return certain ? result : undefined;
}

function qualified(
  node: IdentifierNode,
  tables: readonly ScopeTable[],
): IdentifierNode | undefined {
  const [first, ...rest] = node.parts;
  if (rest.length > 0 && tables.some(({ alias }) => alias === first!.name)) return node;
  const owners = tables.filter(({ columns }) => columns.includes(first!.name));
  if (owners.length !== 1) return undefined;
  const alias = { name: owners[0]!.alias, quoted: true, span: node.span };
  return { ...node, parts: [alias, ...node.parts] };
}
