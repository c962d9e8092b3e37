/**
 * SHOW, SHOW CREATE and DESCRIBE: answers in rows, with Flink's column names.
 *
 * Source: Flink's SQL client output (statements.jsonl of the conformance data).
 */
import { typeToString, types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import type { LiteralValue } from "../../../foundation/plan/expression.ts";
import { builtinFunctionNames } from "../functions/function-catalog.ts";
import {
  type CatalogEntry,
  identifierSummary,
  type ResolvedTable,
  tableSchema,
} from "../catalog/catalog-objects.ts";
import { showCreate } from "../catalog/show-create.ts";
import { validateErrors } from "../errors.ts";
import type {
  DescribeNode,
  IdentifierNode,
  ShowLike,
  ShowNode,
  StatementNode,
} from "../parser/ast.ts";
import { stringRows, typedRows } from "./rows.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";

const namesOf = (name: IdentifierNode): string[] => name.parts.map((part) => part.name);

/** Undefined: not a statement of this kind. */
export function executeShow(
  session: SessionContext,
  node: StatementNode,
): StatementResult | undefined {
  switch (node.kind) {
    case "show":
      return show(session, node);
    case "showCreate": {
      if (node.object !== "TABLE" && node.object !== "VIEW") return undefined;
      const entry = entryOf(session, node.name);
      if ((entry.kind === "table") !== (node.object === "TABLE"))
        throw validateErrors.STATEMENT_INVALID(
          {
            message: `SHOW CREATE ${node.object} is only supported for ${node.object.toLowerCase()}s, but ${identifierSummary(entry.identifier)} is a ${entry.kind}. Please use SHOW CREATE ${entry.kind.toUpperCase()} instead.`,
            remedy: `Use SHOW CREATE ${entry.kind.toUpperCase()}.`,
          },
          { at: node.span },
        );
      return stringRows(["result"], [[showCreate(entry)]]);
    }
    case "describe":
      return describe(session, node);
    default:
      return undefined;
  }
}

function entryOf(session: SessionContext, name: IdentifierNode): CatalogEntry {
  const entry = session.catalog.lookup(namesOf(name));
  if (entry !== undefined) return entry;
  const { catalog, database, object } = session.catalog.qualify(namesOf(name));
  throw validateErrors.TABLE_OR_VIEW_NOT_FOUND(
    { name: `${catalog}.${database}.${object}` },
    { at: name.span },
  );
}

function show(session: SessionContext, node: ShowNode): StatementResult | undefined {
  const { catalog } = session;
  const place = node.name === undefined ? [] : namesOf(node.name);
  const owner = place.length > 1 ? place[0]! : catalog.currentCatalog;
  const database = place.at(-1) ?? catalog.currentDatabase;
  const list = (header: string, names: readonly string[]) =>
    stringRows(
      [header],
      names.filter((name) => likes(name, node.like)).map((name) => [name]),
    );
  switch (node.object) {
    case "CATALOGS":
      return list("catalog name", catalog.catalogs());
    case "CURRENT CATALOG":
      return stringRows(["current catalog name"], [[catalog.currentCatalog]]);
    case "DATABASES":
      return list("database name", catalog.databases(place[0]));
    case "CURRENT DATABASE":
      return stringRows(["current database name"], [[catalog.currentDatabase]]);
    case "TABLES":
      return list("table name", catalog.list(owner, database));
    case "VIEWS":
      return list("view name", catalog.list(owner, database, "view"));
    case "FUNCTIONS":
      return list(
        "function name",
        [...builtinFunctionNames().map((n) => n.toLowerCase()), ...catalog.functionNames()].sort(),
      );
    case "USER FUNCTIONS":
      return list("function name", catalog.functionNames());
    case "MODULES":
      return stringRows(["module name"], [["core"]]);
    case "FULL MODULES":
      return typedRows(
        [
          ["module name", types.string()],
          ["used", types.boolean()],
        ],
        [["core", true]],
      );
    case "COLUMNS":
      return columns(entryOf(session, node.name!), (name) => likes(name, node.like));
    case "JARS":
      return stringRows(["jars"], []);
    default:
      return undefined;
  }
}

function describe(session: SessionContext, node: DescribeNode): StatementResult | undefined {
  if (node.object !== "TABLE") return undefined;
  return columns(entryOf(session, node.name), () => true);
}

function columns(entry: CatalogEntry, wanted: (name: string) => boolean): StatementResult {
  const schema = entry.kind === "table" ? tableSchema(entry) : entry.schema;
  const comments =
    entry.kind === "table" && entry.columns.some((column) => column.comment !== undefined);
  const rows = schema.fields.flatMap((field, i): LiteralValue[][] => {
    if (!wanted(field.name)) return [];
    const column = entry.kind === "table" ? entry.columns[i] : undefined;
    const row: LiteralValue[] = [
      field.name,
      typeToString(withNullable(field.type, true)),
      field.type.nullable,
      entry.kind === "table" ? keyText(entry, field.name) : null,
      column === undefined ? null : extrasOf(column),
      entry.kind === "table" && entry.watermark?.column === i
        ? `\`${field.name}\``.length > 0
          ? entry.watermark.text
          : null
        : null,
    ];
    return [comments ? [...row, column?.comment ?? null] : row];
  });
  return typedRows(
    [
      ["name", types.string()],
      ["type", types.string()],
      ["null", types.boolean()],
      ["key", types.string()],
      ["extras", types.string()],
      ["watermark", types.string()],
      ...(comments ? ([["comment", types.string()]] as const) : []),
    ],
    rows,
  );
}

function keyText(table: ResolvedTable, name: string): string | null {
  const key = table.primaryKey?.columns;
  return key?.includes(name) ? `PRI(${key.join(", ")})` : null;
}

function extrasOf(column: ResolvedTable["columns"][number]): string | null {
  if (column.kind === "computed") return `AS ${column.text}`;
  if (column.kind !== "metadata") return null;
  const from = column.metadataKey === undefined ? "" : ` FROM '${column.metadataKey}'`;
  return `METADATA${from}${column.virtual ? " VIRTUAL" : ""}`;
}

function likes(name: string, like: ShowLike | undefined): boolean {
  if (like === undefined) return true;
  const escaped = like.pattern.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = `^${escaped.replaceAll("%", ".*").replaceAll("_", ".")}$`;
  const matches = new RegExp(pattern, like.operator === "ILIKE" ? "is" : "s").test(name);
  return matches !== like.negated;
}
