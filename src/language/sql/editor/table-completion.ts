/**
 * Where a table, a database or a catalog is named, and which there are.
 *
 * Flow: completion.ts → here → CatalogManager.
 */
import type { Token } from "../parser/lexer.ts";
import type { SqlSession } from "../script/sql-session.ts";
import { type CompletionItem, named } from "./completion-item.ts";
import { type Cursor, isOp, isWord } from "./cursor.ts";
import type { InScope } from "./relations.ts";
import { WINDOW_FUNCTIONS } from "./window-functions.ts";

type Place = "read" | "write" | "table" | "view" | "database" | "catalog" | "function";

/** Undefined: no such name stands at the cursor. `path`: what stands before the last dot. */
export function tableNameItems(
  cursor: Cursor,
  scope: InScope,
  session: SqlSession,
  path: readonly string[] = [],
): CompletionItem[] | undefined {
  const before = path.length === 0 ? cursor.before : cursor.before.slice(0, -2 * path.length);
  const place = placeBehind(before);
  if (place === undefined) return undefined;
  const { catalog } = session.context;
  const catalogs = () => catalog.catalogs().map((name) => item(name, "catalog", -1));
  if (place === "catalog") return path.length > 0 ? [] : catalogs();
  if (place === "function") return path.length > 0 ? [] : functionNames(session);
  const databasesOf = (name: string) =>
    catalog.hasCatalog(name)
      ? catalog.databases(name).map((each) => item(each, "database", 1))
      : [];
  if (place === "database")
    return path.length > 0
      ? databasesOf(path[0]!)
      : [...databasesOf(catalog.currentCatalog), ...catalogs()];
  if (path.length > 1) return tablesOf(session, path[0]!, path[1]!, place);
  if (path.length === 1) {
    const isDatabase = catalog.databases().includes(path[0]!);
    const tables = isDatabase ? tablesOf(session, catalog.currentCatalog, path[0]!, place) : [];
    return [...databasesOf(path[0]!), ...tables];
  }
  const items = tablesOf(session, catalog.currentCatalog, catalog.currentDatabase, place);
  const withItems = place === "read" ? scope.withItems : [];
  const functions = place === "read" ? tableFunctionItems(before) : [];
  return [
    ...withItems.map(({ name }) => ({ ...item(name, "table", 4), detail: "WITH" })),
    ...items,
    ...databasesOf(catalog.currentCatalog).map((each) => ({ ...each, rank: -1 })),
    ...catalogs(),
    ...functions,
  ];
}

function item(name: string, kind: CompletionItem["kind"], rank: number): CompletionItem {
  return { ...named(name), kind, rank };
}

function tablesOf(
  session: SqlSession,
  catalogName: string,
  database: string,
  place: Place,
): CompletionItem[] {
  const { catalog } = session.context;
  if (!catalog.hasCatalog(catalogName) || !catalog.databases(catalogName).includes(database))
    return [];
  return catalog.list(catalogName, database).flatMap((name) => {
    const entry = catalog.lookup([catalogName, database, name]);
    if (entry === undefined) return [];
    const isView = entry.kind === "view";
    if (isView && (place === "write" || place === "table")) return [];
    if (!isView && place === "view") return [];
    const detail = entry.kind === "view" ? "view" : (entry.options.connector ?? "table");
    return [{ ...item(name, isView ? "view" : "table", 3), detail }];
  });
}

function functionNames(session: SqlSession): CompletionItem[] {
  return session.context.catalog.functionNames().map((name) => item(name, "function", 1));
}

/** TUMBLE and its kin, where a table may stand. */
export function tableFunctionItems(before: readonly Token[]): CompletionItem[] {
  return WINDOW_FUNCTIONS.map(({ name, signature, text }) => ({
    label: name,
    kind: "function",
    insert: isOp(before.at(-1), "(") ? `${name}(TABLE ` : `${name}(`,
    detail: signature.slice(name.length),
    description: text,
    rank: 0,
  }));
}

const AFTER: Readonly<Record<string, Place>> = {
  JOIN: "read",
  INTO: "write",
  OVERWRITE: "write",
  UPDATE: "write",
  DESCRIBE: "read",
  DESC: "read",
  EXTENDED: "read",
  VIEW: "view",
  DATABASE: "database",
  CATALOG: "catalog",
  FUNCTION: "function",
};
const NEW_NAME = new Set(["CREATE", "TEMPORARY", "SYSTEM", "REPLACE", "LOAD"]);
const CLAUSES = new Set(
  "FROM JOIN WHERE GROUP HAVING SELECT ORDER WINDOW QUALIFY LIMIT ON SET".split(" "),
);

function placeBehind(before: readonly Token[]): Place | undefined {
  const last = before.at(-1);
  const first = before[0];
  if (last === undefined || first === undefined) return undefined;
  const previous = before.at(-2);
  if (isOp(last, ",")) return inFromList(before) ? "read" : undefined;
  if (isOp(last, "(") && isWord(previous, "TABLE")) return "read";
  if (last.kind !== "word") return undefined;
  if (last.value === "USE") return "database";
  if (last.value === "EXISTS" && isWord(previous, "IF")) return ifExists(before);
  if (last.value === "FROM" || last.value === "IN") return behindFrom(before);
  if (last.value === "LIKE")
    return isWord(first, "CREATE") && isOp(previous, ")") ? "table" : undefined;
  const isNew =
    isWord(first, "CREATE") && previous?.kind === "word" && NEW_NAME.has(previous.value);
  if (last.value === "TABLE")
    return isNew
      ? undefined
      : isWord(first, "SELECT") || isWord(first, "INSERT")
        ? "read"
        : "table";
  if (last.value === "UPDATE" && before.length > 1) return undefined;
  if ((last.value === "DESC" || last.value === "DESCRIBE") && before.length > 1) return undefined;
  return isNew ? undefined : AFTER[last.value];
}

/** DROP TABLE IF EXISTS, and so on. */
function ifExists(before: readonly Token[]): Place | undefined {
  const object = before.at(-3);
  if (object?.kind !== "word") return undefined;
  return object.value === "TABLE" ? "table" : AFTER[object.value];
}

function behindFrom(before: readonly Token[]): Place | undefined {
  const first = before[0];
  const last = before.at(-1);
  const previous = before.at(-2);
  if (isWord(first, "SHOW")) return isWord(previous, "COLUMNS") ? "read" : "database";
  if (isWord(last, "IN")) return undefined;
  if (isWord(previous, "DELETE")) return "write";
  if (isWord(previous, "METADATA")) return undefined;
  const isDistinct =
    isWord(previous, "DISTINCT") && (isWord(before.at(-3), "IS") || isWord(before.at(-3), "NOT"));
  return isDistinct || withinCall(before) ? undefined : "read";
}

/** EXTRACT(DAY FROM …), TRIM(… FROM …): no SELECT between the parenthesis and FROM. */
function withinCall(before: readonly Token[]): boolean {
  let depth = 0;
  for (let i = before.length - 2; i >= 0; i--) {
    if (isOp(before[i], ")")) depth++;
    else if (isOp(before[i], "(") && --depth < 0) return true;
    else if (depth === 0 && isWord(before[i], "SELECT")) return false;
  }
  return false;
}

function inFromList(before: readonly Token[]): boolean {
  let depth = 0;
  for (let i = before.length - 1; i >= 0; i--) {
    const token = before[i]!;
    if (isOp(token, ")")) depth++;
    else if (isOp(token, "(") && --depth < 0) return false;
    else if (depth === 0 && token.kind === "word" && CLAUSES.has(token.value))
      return (
        (token.value === "FROM" || token.value === "JOIN") && !withinCall(before.slice(0, i + 1))
      );
  }
  return false;
}
