/**
 * The tables in scope at a cursor, found by tokens alone, so that an unfinished statement has them, too: FROM and JOIN of its SELECT
 * and of those around it, and the queries of WITH.
 *
 * Flow:    cursor.ts → here → scope-columns.ts asks the validator for their columns.
 * Limits:  MAX_LEVELS of parentheses.
 */
import { RESERVED_WORDS } from "../parser/keywords.ts";
import type { Token } from "../parser/lexer.ts";
import { type Cursor, isOp, isWord, nameOf } from "./cursor.ts";

export interface NamedTable {
  /** Alias, or the last part of its name; undefined: it has none. */
  readonly name: string | undefined;
  readonly path: readonly string[];
  /** Of the whole factor with its alias. */
  readonly start: number;
  readonly end: number;
  /** Where its alias or name stands. */
  readonly nameAt: { readonly start: number; readonly end: number };
  /** Where FROM's list begins: for a factor that needs those before it. */
  readonly listStart: number;
  /** Of FOR SYSTEM_TIME AS OF, which needs the others. */
  readonly systemTime?: { readonly start: number; readonly end: number };
  /** 0 is the innermost SELECT. */
  readonly level: number;
}

export interface WithItem {
  readonly name: string;
  readonly nameAt: { readonly start: number; readonly end: number };
  readonly start: number;
  readonly end: number;
}

export interface InScope {
  readonly tables: readonly NamedTable[];
  /** Those that may be named at the cursor, in the order of the text. */
  readonly withItems: readonly WithItem[];
}

const MAX_LEVELS = 50;
const ENDS_FROM = new Set(
  "WHERE GROUP HAVING WINDOW QUALIFY ORDER LIMIT OFFSET FETCH UNION INTERSECT EXCEPT MINUS SELECT ON".split(
    " ",
  ),
);
const JOINS = new Set("NATURAL INNER LEFT RIGHT FULL OUTER CROSS JOIN LATERAL".split(" "));
const SET_OPERATIONS = new Set("UNION INTERSECT EXCEPT MINUS".split(" "));

export function tablesInScope(cursor: Cursor): InScope {
  const tokens = [...cursor.before, ...cursor.after];
  const at = cursor.before.length;
  const closes = matching(tokens);
  const tables: NamedTable[] = [];
  const withItems: WithItem[] = [];
  let open = enclosing(tokens, at);
  for (let level = 0; level < MAX_LEVELS; level++) {
    const from = open + 1;
    const to = open < 0 ? tokens.length : (closes.get(open) ?? tokens.length);
    withItems.unshift(...itemsOfWith(cursor.text, tokens, closes, from, to, at));
    tables.push(...tablesOfBlock(cursor.text, tokens, closes, from, to, at, level));
    if (open < 0) break;
    open = enclosing(tokens, open);
  }
  return { tables, withItems };
}

/** Closing parenthesis by opening one. */
function matching(tokens: readonly Token[]): Map<number, number> {
  const closes = new Map<number, number>();
  const stack: number[] = [];
  for (const [i, token] of tokens.entries()) {
    if (isOp(token, "(")) stack.push(i);
    else if (isOp(token, ")") && stack.length > 0) closes.set(stack.pop()!, i);
  }
  return closes;
}

function enclosing(tokens: readonly Token[], at: number): number {
  let depth = 0;
  for (let i = at - 1; i >= 0; i--) {
    if (isOp(tokens[i], ")")) depth++;
    else if (isOp(tokens[i], "(") && --depth < 0) return i;
  }
  return -1;
}

/** The index behind a token, or behind the parentheses that it opens: when they are not closed yet, a query in them goes to the end. */
function behind(
  tokens: readonly Token[],
  i: number,
  closes: ReadonlyMap<number, number>,
  to: number,
): number {
  const close = closes.get(i);
  if (close !== undefined) return Math.min(close + 1, to);
  const next = tokens[i + 1];
  const isOpen = isOp(tokens[i], "(") && (isWord(next, "SELECT") || isWord(next, "WITH"));
  return isOpen ? to : Math.min(i + 1, to);
}

function itemsOfWith(
  text: string,
  tokens: readonly Token[],
  closes: ReadonlyMap<number, number>,
  from: number,
  to: number,
  at: number,
): WithItem[] {
  const items: WithItem[] = [];
  for (let i = from; i < Math.min(to, at); i = behind(tokens, i, closes, to)) {
    if (!isWord(tokens[i], "WITH")) continue;
    let next = i + 1;
    while (isName(tokens[next])) {
      const name = tokens[next]!;
      let open = next + 1;
      if (isOp(tokens[open], "(")) open = behind(tokens, open, closes, to);
      if (!isWord(tokens[open], "AS") || !isOp(tokens[open + 1], "(")) break;
      const close = closes.get(open + 1);
      // Within its own query, an item is not there yet.
      if (close === undefined || (open + 1 < at && at <= close)) return items;
      const { start } = name;
      items.push({ name: nameOf(text, name), nameAt: name, start, end: tokens[close]!.end });
      if (!isOp(tokens[close + 1], ",")) break;
      next = close + 2;
    }
  }
  return items;
}

/** FROM of the SELECT, UPDATE or DELETE in which the cursor stands. */
function tablesOfBlock(
  text: string,
  tokens: readonly Token[],
  closes: ReadonlyMap<number, number>,
  from: number,
  to: number,
  at: number,
  level: number,
): NamedTable[] {
  let begin = -1;
  let end = to;
  let fromWord = -1;
  for (let i = from; i < to; i = behind(tokens, i, closes, to)) {
    const token = tokens[i]!;
    if (token.kind !== "word") continue;
    const isBorder = SET_OPERATIONS.has(token.value) && !isWord(tokens[i - 1], "MULTISET");
    if (isBorder && i >= at) {
      end = i;
      break;
    }
    const begins = token.value === "SELECT" || token.value === "DELETE" || token.value === "UPDATE";
    if ((begins || isBorder) && i < at) {
      begin = i;
      fromWord = token.value === "UPDATE" ? i : -1;
    }
    if (token.value === "SELECT" && i >= at && begin >= 0) {
      end = i;
      break;
    }
    if (token.value === "FROM" && fromWord < 0 && begin >= 0 && !isDistinctFrom(tokens, i))
      fromWord = i;
  }
  if (fromWord < 0) return [];
  return factors(text, tokens, closes, fromWord + 1, end, level);
}

function isDistinctFrom(tokens: readonly Token[], i: number): boolean {
  if (!isWord(tokens[i - 1], "DISTINCT")) return false;
  return isWord(tokens[i - 2], "IS") || isWord(tokens[i - 2], "NOT");
}

function factors(
  text: string,
  tokens: readonly Token[],
  closes: ReadonlyMap<number, number>,
  from: number,
  to: number,
  level: number,
): NamedTable[] {
  const found: NamedTable[] = [];
  const listStart = tokens[from]?.start ?? 0;
  let i = from;
  while (i < to) {
    const token = tokens[i]!;
    if (isOp(token, ",") || (token.kind === "word" && JOINS.has(token.value))) i++;
    else if (token.kind === "word" && ENDS_FROM.has(token.value) && token.value !== "ON") break;
    else if (isWord(token, "ON")) i = condition(tokens, closes, i + 1, to);
    else if (isWord(token, "USING")) i = behind(tokens, i + 1, closes, to);
    else {
      const factor = oneFactor(text, tokens, closes, i, to);
      found.push({ ...factor.table, listStart, level });
      i = Math.max(factor.next, i + 1);
    }
  }
  return found;
}

/** Behind a join's condition. */
function condition(
  tokens: readonly Token[],
  closes: ReadonlyMap<number, number>,
  from: number,
  to: number,
): number {
  let i = from;
  while (i < to) {
    const token = tokens[i]!;
    if (isOp(token, ",")) break;
    const isCall = isOp(tokens[i + 1], "(");
    if (token.kind === "word" && !isCall && (JOINS.has(token.value) || ENDS_FROM.has(token.value)))
      break;
    i = behind(tokens, i, closes, to);
  }
  return i;
}

function oneFactor(
  text: string,
  tokens: readonly Token[],
  closes: ReadonlyMap<number, number>,
  from: number,
  to: number,
): { table: Omit<NamedTable, "listStart" | "level">; next: number } {
  const path: string[] = [];
  let i = from;
  let nameAt: { start: number; end: number } = tokens[from]!;
  const isPath = isName(tokens[i]);
  if (isPath)
    for (;;) {
      path.push(nameOf(text, tokens[i]!));
      nameAt = tokens[i]!;
      i++;
      if (!isOp(tokens[i], ".") || !isName(tokens[i + 1])) break;
      i++;
    }
  else if (!isOp(tokens[i], "(")) i++;
  let systemTime: { start: number; end: number } | undefined;
  const isCall = isOp(tokens[i], "(");
  while (i < to) {
    const token = tokens[i]!;
    if (isOp(token, "(") || isWord(token, "MATCH_RECOGNIZE") || isWord(token, "TABLESAMPLE"))
      i = behind(tokens, i, closes, to);
    else if (isOp(token, "/*+")) while (i < to && !isOp(tokens[i++], "*/"));
    else if (isWord(token, "FOR")) {
      const first = i;
      i += 4;
      while (i < to && !endsTime(tokens[i]!)) i = behind(tokens, i, closes, to);
      systemTime = { start: tokens[first]!.start, end: tokens[i - 1]?.end ?? token.end };
    } else break;
  }
  if (isWord(tokens[i], "WITH") && isWord(tokens[i + 1], "ORDINALITY")) i += 2;
  const alias = aliasAt(tokens, i, to);
  let end = tokens[Math.min(i, to) - 1]?.end ?? tokens[from]!.end;
  let name = path.length > 0 && !isCall ? path.at(-1) : undefined;
  if (alias >= 0) {
    nameAt = tokens[alias]!;
    name = nameOf(text, tokens[alias]!);
    i = alias + 1;
    if (isOp(tokens[i], "(") && closes.has(i)) i = behind(tokens, i, closes, to);
    end = tokens[i - 1]!.end;
  }
  const table = { name, path: isCall ? [] : path, start: tokens[from]!.start, end, nameAt };
  return { table: { ...table, ...(systemTime === undefined ? {} : { systemTime }) }, next: i };
}

function endsTime(token: Token): boolean {
  if (isOp(token, ",")) return true;
  if (token.kind !== "word") return false;
  return token.value === "AS" || JOINS.has(token.value) || ENDS_FROM.has(token.value);
}

/** Index of the alias; -1: there is none. */
function aliasAt(tokens: readonly Token[], i: number, to: number): number {
  if (i >= to) return -1;
  if (isWord(tokens[i], "AS")) return i + 1 < to && isName(tokens[i + 1]) ? i + 1 : -1;
  return isName(tokens[i]) ? i : -1;
}

function isName(token: Token | undefined): boolean {
  if (token === undefined) return false;
  return token.kind === "quotedName" || (token.kind === "word" && !RESERVED_WORDS.has(token.value));
}
