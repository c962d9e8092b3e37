/**
 * What the name at an offset is: a table, an alias, a column, a function, an option; told by tokens and by the scope there.
 *
 * Flow: hover.ts and definition.ts → here → relations.ts, scope-columns.ts.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { CatalogEntry } from "../catalog/catalog-objects.ts";
import { type Token, tokenize } from "../parser/lexer.ts";
import type { ScriptPart } from "../parser/parser.ts";
import type { SqlSession } from "../script/sql-session.ts";
import { type Cursor, cursorBefore, isOp, nameOf } from "./cursor.ts";
import type { EditorSession } from "./editor-session.ts";
import type { EditorCatalogue, OptionInfo } from "./option-info.ts";
import { findOption } from "./option-info.ts";
import { optionPlace } from "./option-completion.ts";
import type { WithItem } from "./relations.ts";
import { type CursorScope, type ScopedTable, scopeAt } from "./scope-columns.ts";
import { functionInfo, type FunctionInfo } from "./signature-help.ts";

interface At {
  readonly from: number;
  readonly to: number;
}

export type Place = At &
  (
    | { readonly kind: "option"; readonly option: OptionInfo; readonly key: string }
    | {
        readonly kind: "function";
        readonly name: string;
        readonly info: FunctionInfo;
        /** The whole call, where its end is known. */
        readonly call: At | undefined;
        readonly scope: CursorScope;
      }
    | { readonly kind: "table"; readonly entry: CatalogEntry; readonly path: readonly string[] }
    | { readonly kind: "with"; readonly item: WithItem; readonly table: ScopedTable | undefined }
    | { readonly kind: "alias"; readonly table: ScopedTable }
    | {
        readonly kind: "column";
        readonly name: string;
        readonly type: LogicalType;
        readonly table: ScopedTable;
        readonly scope: CursorScope;
        /** False: a field of a column. */
        readonly isColumn: boolean;
      }
  );

export interface PlaceContext {
  readonly text: string;
  readonly parts: readonly ScriptPart[];
  readonly session: SqlSession;
  readonly editor: EditorSession;
  readonly catalogue: EditorCatalogue;
}

/** Undefined: nothing that has a meaning of its own. */
export function placeAt(offset: number, context: PlaceContext): Place | undefined {
  const { text, parts, session, editor } = context;
  const token = tokenAt(offset, text, parts);
  if (token === undefined) return undefined;
  const cursor = cursorBefore(text, token.start, parts);
  const at = { from: token.start, to: token.end };
  if (token.kind === "string") return optionAt(token, cursor, context);
  if (token.kind !== "word" && token.kind !== "quotedName") return undefined;
  const path = pathAt(cursor, token);
  const name = nameOf(text, token);
  const scope = scopeAt(cursor, session, editor);
  const isCall = isOp(behindToken(cursor, token), "(");
  const info =
    isCall || /^(CURRENT_|LOCALTIME)/.test(token.value) ? functionInfo(name, session) : undefined;
  if (info !== undefined && path.length === 1) {
    const call = { from: token.start, to: callEnd(cursor, token) };
    return { kind: "function", name, info, call, scope, ...at };
  }
  return tableAt(token, path, scope, session, at) ?? columnAt(path, scope, at);
}

function tokenAt(offset: number, text: string, parts: readonly ScriptPart[]): Token | undefined {
  const part = parts.find(({ start, end }) => start <= offset && offset <= end);
  if (part === undefined) return undefined;
  const tokens = tokenize(text.slice(part.start, part.end));
  const at = offset - part.start;
  const isName = ({ kind }: Token) => kind === "word" || kind === "quotedName";
  const found =
    tokens.find((token) => token.start <= at && at <= token.end && isName(token)) ??
    tokens.find(({ start, end }) => start <= at && at < end);
  if (found === undefined || found.kind === "eof") return undefined;
  return { ...found, start: found.start + part.start, end: found.end + part.start };
}

function behindToken({ after }: Cursor, token: Token): Token | undefined {
  return after.find(({ start }) => start >= token.end);
}

function callEnd({ after }: Cursor, token: Token): number {
  let depth = 0;
  for (const each of after) {
    if (each.start < token.end) continue;
    if (isOp(each, "(")) depth++;
    else if (isOp(each, ")")) depth--;
    else if (depth === 0) break;
    if (depth === 0) return each.end;
  }
  return token.end;
}

/** The dotted name up to this token. */
function pathAt({ before, text }: Cursor, token: Token): string[] {
  const path = [nameOf(text, token)];
  for (let i = before.length - 1; i > 0 && isOp(before[i], "."); i -= 2) {
    const { kind } = before[i - 1]!;
    if (kind !== "word" && kind !== "quotedName") break;
    path.unshift(nameOf(text, before[i - 1]!));
  }
  return path;
}

function optionAt(token: Token, cursor: Cursor, context: PlaceContext): Place | undefined {
  const place = optionPlace(cursor, context.catalogue, context.session);
  if (place === undefined) return undefined;
  const key = place.key ?? token.value;
  const option = findOption(place.options, key);
  return option && { kind: "option", option, key, from: token.start, to: token.end };
}

function tableAt(
  token: Token,
  path: readonly string[],
  scope: CursorScope,
  session: SqlSession,
  at: At,
): Place | undefined {
  const factor = scope.tables.find(({ start, end }) => start <= token.start && token.end <= end);
  const isAlias = scope.tables.find(({ nameAt }) => nameAt.start === token.start);
  const isName = factor !== undefined && factor.path.length > 0 && token.start < factor.nameAt.end;
  if (isAlias !== undefined && isAlias.path.at(-1) !== isAlias.name) {
    if (isAlias.start !== token.start) return { kind: "alias", table: isAlias, ...at };
  }
  const item = scope.withItems.find(({ name }) => name === path[0]);
  if ((isName || factor === undefined) && item !== undefined && path.length === 1 && isName)
    return { kind: "with", item, table: factor, ...at };
  const isOwner = path.length === 1 ? scope.tables.find(({ name }) => name === path[0]) : undefined;
  const hasColumn = scope.tables.some(({ columns }) =>
    columns.some(({ name }) => name === path[0]),
  );
  if (!isName && isOwner !== undefined && !hasColumn)
    return { kind: "alias", table: isOwner, ...at };
  const entry = isName || !hasColumn ? session.context.catalog.lookup(path) : undefined;
  return entry && { kind: "table", entry, path, ...at };
}

function columnAt(path: readonly string[], scope: CursorScope, at: At): Place | undefined {
  for (let from = 0; from < path.length; from++) {
    const owner = path.slice(0, from);
    const tables = scope.tables.filter(
      ({ name, path: own }) =>
        from === 0 || name === owner.at(-1) || own.join(".") === owner.join("."),
    );
    for (const table of tables) {
      const column = table.columns.find(({ name }) => name === path[from]);
      if (column === undefined) continue;
      const type = fieldType(column.type, path.slice(from + 1));
      if (type === undefined) continue;
      const isColumn = from === path.length - 1;
      return {
        kind: "column",
        name: path.slice(from).join("."),
        type,
        table,
        scope,
        isColumn,
        ...at,
      };
    }
  }
  return undefined;
}

function fieldType(type: LogicalType, path: readonly string[]): LogicalType | undefined {
  let at: LogicalType | undefined = type;
  for (const name of path) {
    if (at?.kind !== "ROW" && at?.kind !== "STRUCTURED") return undefined;
    at = at.fields.find((field) => field.name === name)?.type;
  }
  return at;
}
