/**
 * What may stand at a cursor: words by the grammar; tables, columns, functions, options by what is known of them.
 *
 * Flow:    console's editor and the shell → editor-service.ts → here. The client filters by what has been typed.
 * Shapes:  an item replaces [from, to). Ranks order items: the likeliest first.
 * Limits:  MAX_ITEMS.
 */
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import { functionDoc, SPECIAL_FORMS } from "../functions/function-docs.ts";
import { builtinFunction, builtinFunctionNames } from "../functions/function-catalog.ts";
import { RESERVED_WORDS } from "../parser/keywords.ts";
import { expectedAt } from "../parser/parser.ts";
import type { SqlSession } from "../script/sql-session.ts";
import { type CompletionItem, type CompletionList, named } from "./completion-item.ts";
import { type Cursor, isOp, isWord, nameOf, openParenthesis } from "./cursor.ts";
import type { EditorSession } from "./editor-session.ts";
import { completeOptions } from "./option-completion.ts";
import type { EditorCatalogue } from "./option-info.ts";
import { type CursorScope, scopeAt } from "./scope-columns.ts";
import { tableNameItems, tableFunctionItems } from "./table-completion.ts";
import { windowArguments } from "./window-functions.ts";

export interface CompletionContext {
  readonly session: SqlSession;
  readonly editor: EditorSession;
  readonly catalogue: EditorCatalogue;
}

const MAX_ITEMS = 2000;
const WORD = /^[A-Z_]+$/;
const TYPES = new Set(
  "BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL CHAR VARCHAR STRING BINARY VARBINARY BYTES DATE TIME TIMESTAMP TIMESTAMP_LTZ ARRAY MAP ROW MULTISET VARIANT BITMAP".split(
    " ",
  ),
);
/** Words that go on with another one. */
const PHRASES: Readonly<Record<string, string>> = {
  GROUP: "GROUP BY",
  ORDER: "ORDER BY",
  PARTITION: "PARTITION BY",
  INNER: "INNER JOIN",
  LEFT: "LEFT JOIN",
  RIGHT: "RIGHT JOIN",
  FULL: "FULL JOIN",
  CROSS: "CROSS JOIN",
};

export function completeAt(cursor: Cursor, context: CompletionContext): CompletionList {
  const list = (items: readonly CompletionItem[], from = cursor.from): CompletionList => ({
    from,
    to: cursor.to,
    items: distinct(items).slice(0, MAX_ITEMS),
  });
  if (cursor.within === "comment") return list([]);
  const options = completeOptions(cursor, context.catalogue, context.session);
  if (options !== undefined) return { ...options, items: options.items.slice(0, MAX_ITEMS) };
  if (cursor.within === "string") return list([]);
  const scope = scopeAt(cursor, context.session, context.editor);
  if (isOp(cursor.before.at(-1), ".")) return list(behindDot(cursor, scope, context));
  const ofTables = tableNameItems(cursor, scope, context.session);
  const prefix = cursor.text.slice(cursor.start, cursor.from);
  const expected = expectedAt(prefix, prefix.length);
  const keywords = keywordItems(expected);
  if (ofTables !== undefined) return list([...ofTables, ...keywords]);
  const columns = listedColumns(cursor, context);
  if (columns !== undefined) return list([...columns, ...keywords]);
  const isExpression = expected.includes("CASE") || expected.length === 0;
  if (!isExpression || cursor.before.length === 0) return list(keywords);
  return list([
    ...scopeItems(scope),
    ...windowArguments(cursor),
    ...functionItems(context.session),
    ...keywords,
  ]);
}

function distinct(items: readonly CompletionItem[]): CompletionItem[] {
  const seen = new Set<string>();
  return items.filter(({ label, kind }) => {
    const key = `${kind} ${label}`;
    return seen.has(key) ? false : seen.add(key) !== undefined;
  });
}

function keywordItems(expected: readonly string[]): CompletionItem[] {
  return expected
    .filter((token) => WORD.test(token))
    .map((token) => {
      const label = PHRASES[token] ?? token;
      return { label, kind: TYPES.has(token) ? "type" : "keyword", rank: -2 };
    });
}

/** Columns of the tables in scope, their names, and the queries of WITH. */
function scopeItems({ tables }: CursorScope): CompletionItem[] {
  const items: CompletionItem[] = [];
  for (const { name, columns, level, path } of tables) {
    for (const column of columns) {
      const detail = typeToString(column.type);
      items.push({
        ...named(column.name),
        kind: "column",
        detail,
        ...(name === undefined ? {} : { description: `Column of ${name}` }),
        rank: 3 - level / 10,
      });
    }
    if (name !== undefined && tables.length > 1)
      items.push({
        ...named(name),
        kind: "alias",
        detail: path.length > 0 && path.at(-1) !== name ? path.join(".") : "table",
        rank: 2 - level / 10,
      });
  }
  return items;
}

/** `alias.`, `table.`, `row.`, `catalog.`, `database.`. */
function behindDot(
  cursor: Cursor,
  scope: CursorScope,
  { session }: CompletionContext,
): readonly CompletionItem[] {
  const path = pathBefore(cursor);
  const [first, ...rest] = path;
  if (first === undefined) return [];
  const tables = scope.tables.filter(
    ({ name, path: own }) => name === path.at(-1) || own.join(".") === path.join("."),
  );
  if (tables.length > 0 && tables[0]!.columns.length > 0) return columnItems(tables[0]!.columns);
  const row = scope.tables
    .flatMap(({ name, columns }) =>
      name === first && rest.length > 0
        ? columns.filter((column) => column.name === rest[0])
        : columns.filter((column) => column.name === first),
    )
    .at(0);
  if (row?.type.kind === "ROW" || row?.type.kind === "STRUCTURED")
    return columnItems(row.type.fields);
  const ofTables = tableNameItems(cursor, scope, session, path);
  return ofTables ?? [];
}

function columnItems(
  columns: readonly {
    readonly name: string;
    readonly type: CursorScope["tables"][number]["columns"][number]["type"];
  }[],
): CompletionItem[] {
  return columns.map(({ name, type }, i) => ({
    ...named(name),
    kind: "column",
    detail: typeToString(type),
    rank: 3 - i / 10_000,
  }));
}

/** The names before a dot at the end: `a.b.` → [a, b]. */
export function pathBefore({ text, before }: Cursor): string[] {
  const path: string[] = [];
  for (let i = before.length - 1; i > 0 && isOp(before[i], "."); i -= 2) {
    const { kind } = before[i - 1]!;
    if (kind !== "word" && kind !== "quotedName") break;
    path.unshift(nameOf(text, before[i - 1]!));
  }
  return path;
}

/** Within parentheses that list columns: DESCRIPTOR(…), INSERT INTO t (…), PRIMARY KEY (…). */
function listedColumns(cursor: Cursor, context: CompletionContext): CompletionItem[] | undefined {
  const { before, text } = cursor;
  const open = openParenthesis(before);
  const head = before[open - 1];
  if (isWord(before.at(-1), "FOR") && isWord(before.at(-2), "WATERMARK")) return ownColumns(cursor);
  if (head === undefined || open < 0) return undefined;
  if (isWord(head, "DESCRIPTOR")) return tableArgumentColumns(cursor, context, open - 2);
  const isKey = isWord(head, "KEY") || isWord(head, "UNIQUE") || isWord(head, "PARTITIONED");
  if (isKey || (isWord(head, "BY") && isWord(before[open - 2], "PARTITIONED")))
    return ownColumns(cursor);
  if (isWord(head, "USING")) {
    const { tables } = scopeAt(cursor, context.session, context.editor);
    return columnItems(tables.flatMap(({ columns }) => columns));
  }
  const into = before.findIndex((token) => isWord(token, "INTO") || isWord(token, "OVERWRITE"));
  const isInsert =
    into >= 0 && before.slice(into + 1, open).every((t) => isOp(t, ".") || t.kind !== "operator");
  if (!isInsert || before.slice(into, open).some((t) => isWord(t, "SELECT") || isWord(t, "VALUES")))
    return undefined;
  const target = text.slice(before[into + 1]!.start, before[open - 1]!.end);
  return columnItems(context.editor.fields(context.session, `SELECT * FROM ${target}`) ?? []);
}

/** Columns of the table that is being defined, as far as they are written. */
function ownColumns({ before, text }: Cursor): CompletionItem[] {
  const first = before.findIndex((token) => isOp(token, "("));
  const items: CompletionItem[] = [];
  let depth = 0;
  for (let i = first; i >= 0 && i < before.length; i++) {
    const token = before[i]!;
    if (isOp(token, "(") || isOp(token, "<")) depth++;
    if (isOp(token, ")") || isOp(token, ">")) depth--;
    const starts = depth === 1 && (isOp(token, ",") || i === first);
    const name = before[i + 1];
    if (!starts || name === undefined) continue;
    const isName =
      name.kind === "quotedName" || (name.kind === "word" && !RESERVED_WORDS.has(name.value));
    const type = before[i + 2];
    if (isName)
      items.push({
        ...named(nameOf(text, name)),
        kind: "column",
        ...(type === undefined ? {} : { detail: type.value }),
        rank: 3,
      });
  }
  return items;
}

/** Of `TUMBLE(TABLE t, DESCRIPTOR(|`: the columns of t, times first. */
function tableArgumentColumns(
  { before, text }: Cursor,
  { session, editor }: CompletionContext,
  from: number,
): CompletionItem[] {
  const call = openParenthesis(before, from);
  const at = before.findIndex((token, i) => i > call && isWord(token, "TABLE"));
  if (at < 0 || before[at + 1] === undefined) return [];
  let end = at + 1;
  while (isOp(before[end + 1], ".")) end += 2;
  const table = text.slice(before[at + 1]!.start, before[end]?.end ?? before[at + 1]!.end);
  const columns = editor.fields(session, `SELECT * FROM ${table}`) ?? [];
  return columnItems(columns).map((item, i) => {
    const isTime = columns[i]!.type.kind.startsWith("TIMESTAMP");
    return isTime ? { ...item, rank: 5 } : item;
  });
}

const BARE = /^(CURRENT_(DATE|TIME|TIMESTAMP)|LOCALTIME|LOCALTIMESTAMP)$/;
let builtins: readonly CompletionItem[] | undefined;

function functionItems(session: SqlSession): CompletionItem[] {
  const names = builtinFunctionNames().filter((name) => builtinFunction(name) !== undefined);
  builtins ??= [...names, ...SPECIAL_FORMS]
    .filter((name) => /^[A-Z]\w*$/.test(name))
    .map((label): CompletionItem => {
      const doc = functionDoc(label);
      return {
        label,
        kind: "function",
        insert: BARE.test(label) ? label : `${label}(`,
        rank: 0,
        ...(doc === undefined ? {} : { detail: `(${doc.arguments})`, description: doc.text }),
      };
    });
  const own = session.context.catalog
    .functionNames()
    .map((label): CompletionItem => ({ label, kind: "function", insert: `${label}(`, rank: 1 }));
  return [...own, ...builtins, ...tableFunctionItems([])];
}
