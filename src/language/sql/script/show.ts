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
  ShowCreateNode,
  ShowLike,
  ShowNode,
  StatementNode,
} from "../parser/ast.ts";
import { describeConnection, showCreateConnection } from "./connections.ts";
import { describeContainer, showCreateCatalog } from "./containers.ts";
import { describeFunction } from "./functions.ts";
import { describeModel, showCreateModel } from "./models.ts";
import { showPartitions } from "./partitions.ts";
import { namesByKind } from "./procedures.ts";
import { refusal } from "./refusals.ts";
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
    case "showCreate":
      return showCreateStatement(session, node);
    case "describe":
      return describe(session, node);
    default:
      return undefined;
  }
}

function showCreateStatement(session: SessionContext, node: ShowCreateNode): StatementResult {
  switch (node.object) {
    case "CATALOG":
      return showCreateCatalog(session, node.name);
    case "MODEL":
      return showCreateModel(session, node.name);
    case "CONNECTION":
      return showCreateConnection(session, node.name);
    default: {
      const entry = entryOf(session, node.name);
      const own = kindOf(entry);
      if (own !== node.object) {
        const words = own.toLowerCase();
        throw validateErrors.STATEMENT_INVALID(
          {
            message: `SHOW CREATE ${node.object} is only supported for ${node.object.toLowerCase()}s, but ${identifierSummary(entry.identifier)} is a ${words}. Please use SHOW CREATE ${own} instead.`,
            remedy: `Use SHOW CREATE ${own}.`,
          },
          { at: node.span },
        );
      }
      return stringRows(["result"], [[showCreate(entry)]]);
    }
  }
}

function kindOf(entry: CatalogEntry): "TABLE" | "VIEW" | "MATERIALIZED TABLE" {
  if (entry.kind === "view") return "VIEW";
  return entry.materialized === undefined ? "TABLE" : "MATERIALIZED TABLE";
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

function show(session: SessionContext, node: ShowNode): StatementResult {
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
    case "MATERIALIZED TABLES":
      return list("table name", materializedNames(session, owner, database));
    case "FUNCTIONS": {
      const builtin = catalog.modules.core ? builtinFunctionNames() : [];
      const own = namesByKind(session, { catalog: owner, database }, false);
      return list("function name", [...builtin.map((n) => n.toLowerCase()), ...own].sort());
    }
    case "USER FUNCTIONS":
      return list("function name", namesByKind(session, { catalog: owner, database }, false));
    case "MODULES":
      return stringRows(
        ["module name"],
        catalog.modules.used.map((name) => [name]),
      );
    case "FULL MODULES":
      return typedRows(
        [
          ["module name", types.string()],
          ["used", types.boolean()],
        ],
        catalog.modules.all.map(({ name, used }) => [name, used]),
      );
    case "COLUMNS":
      return columns(entryOf(session, node.name!), (name) => likes(name, node.like));
    case "PARTITIONS": {
      const entry = entryOf(session, node.name!);
      if (entry.kind === "table") return showPartitions(session, entry, node.partition);
      throw validateErrors.STATEMENT_INVALID(
        { message: "SHOW PARTITIONS is for tables, not for views.", remedy: "Name a table." },
        { at: node.span },
      );
    }
    case "MODELS":
      return list("model name", catalog.modelNames(owner, database));
    case "PROCEDURES":
      catalog.database(owner, database);
      return list("procedure name", namesByKind(session, { catalog: owner, database }, true));
    case "CONNECTIONS":
      catalog.database(owner, database);
      return list("connection name", catalog.connections.names(owner, database));
    case "JARS":
      return stringRows(["jars"], []);
    case "JOBS":
      throw refusal(session, node);
  }
}

function materializedNames(session: SessionContext, owner: string, database: string): string[] {
  return session.catalog.list(owner, database, "table").filter((object) => {
    const entry = session.catalog.lookup([owner, database, object]);
    return entry?.kind === "table" && entry.materialized !== undefined;
  });
}

function describe(session: SessionContext, node: DescribeNode): StatementResult {
  switch (node.object) {
    case "CATALOG":
    case "DATABASE":
      return describeContainer(session, node);
    case "FUNCTION":
      return describeFunction(session, node);
    case "MODEL":
      return describeModel(session, node);
    case "CONNECTION":
      return describeConnection(session, node.name);
    default:
      return described(entryOf(session, node.name), node.extended);
  }
}

/** EXTENDED: what the platform knows of a materialized table's refreshes stands behind the columns. */
function described(entry: CatalogEntry, extended: boolean): StatementResult {
  const answer = columns(entry, () => true);
  const observed = entry.kind === "table" ? entry.materialized?.observed : undefined;
  if (!extended || observed === undefined || answer.kind !== "rows") return answer;
  const rest = answer.schema.fields.slice(2).map(() => null);
  const rows = observed.map(([key, value]) => [`# ${key}`, value, ...rest]);
  return { ...answer, rows: [...answer.rows, ...rows] };
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
      entry.kind === "table" && entry.watermark?.column === i ? entry.watermark.text : null,
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
  const fold = (text: string) => (like.operator === "ILIKE" ? text.toLowerCase() : text);
  return matchesLike(fold(name), fold(like.pattern)) !== like.negated;
}

/** `%` any text, `_` any character, a backslash takes the next one as it is. At most name × pattern steps. */
export function matchesLike(name: string, pattern: string): boolean {
  const tokens = [...pattern.matchAll(/\\([\s\S])|([\s\S])/gu)].map(([, escaped, plain]) => ({
    char: escaped ?? plain!,
    wild: escaped === undefined && (plain === "%" || plain === "_") ? plain : undefined,
  }));
  const chars = [...name];
  let [at, token, restart, marker] = [0, 0, -1, 0];
  while (at < chars.length) {
    const next = tokens[token];
    if (next?.wild === "%") {
      restart = ++token;
      marker = at;
    } else if (next !== undefined && (next.wild === "_" || next.char === chars[at])) {
      token++;
      at++;
    } else if (restart >= 0) {
      token = restart;
      at = ++marker;
    } else return false;
  }
  return tokens.slice(token).every(({ wild }) => wild === "%");
}
