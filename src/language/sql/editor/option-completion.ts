/**
 * Completion of options: keys and values of WITH (…), of OPTIONS hints, of SET and RESET, and the names of hints.
 *
 * Flow:    completion.ts → here first: in a text ('…') nothing else is completed.
 * Shapes:  within quotes, keys and values replace what is between them; outside, they bring their quotes.
 */
import type { Token } from "../parser/lexer.ts";
import type { SqlSession } from "../script/sql-session.ts";
import type { CompletionItem, CompletionList } from "./completion-item.ts";
import { type Cursor, isOp, isWord, nameOf, openParenthesis } from "./cursor.ts";
import {
  type EditorCatalogue,
  findOption,
  type OptionInfo,
  SELECT_HINTS,
  settingOptions,
  TABLE_HINTS,
  tableOptions,
  valuesOf,
} from "./option-info.ts";

/** A list of options around the cursor, and what is given in it. */
export interface OptionPlace {
  readonly options: readonly OptionInfo[];
  readonly given: ReadonlyMap<string, string>;
  /** The key whose value is at the cursor; undefined: a key is. */
  readonly key?: string;
}

/** Undefined: options are not what stands at the cursor. */
export function completeOptions(
  cursor: Cursor,
  catalogue: EditorCatalogue,
  session: SqlSession,
): CompletionList | undefined {
  const hints = hintNames(cursor);
  if (hints !== undefined) return { from: cursor.from, to: cursor.to, items: hints };
  const bare = bareSetting(cursor);
  if (bare !== undefined) return bare;
  const place = optionPlace(cursor, catalogue, session);
  if (place === undefined) return undefined;
  const isQuoted = cursor.within === "string";
  const items = place.key === undefined ? keyItems(place, isQuoted) : valueItems(place, isQuoted);
  return { from: cursor.from, to: cursor.to, items };
}

export function optionPlace(
  cursor: Cursor,
  catalogue: EditorCatalogue,
  session: SqlSession,
): OptionPlace | undefined {
  const { before } = cursor;
  const last = before.at(-1);
  const isValue = isOp(last, "=");
  const key = isValue ? before.at(-2) : undefined;
  const first = before[0];
  if (isWord(first, "SET") || isWord(first, "RESET")) {
    if (before.length === 1) return { options: settingOptions(), given: new Map() };
    return isValue && key?.kind === "string" && before.length === 3
      ? { options: settingOptions(), given: new Map(), key: key.value }
      : undefined;
  }
  const isKey = isOp(last, "(") || isOp(last, ",");
  if (!isKey && !(isValue && key?.kind === "string")) return undefined;
  const open = openParenthesis(before);
  const kind = open < 0 ? undefined : listKind(before, open);
  if (kind === undefined) return undefined;
  const given = new Map([
    ...(kind === "hint" ? optionsOfTable(cursor, session, open) : []),
    ...givenOptions(before.slice(open + 1)),
    ...givenOptions(behindList(cursor.after)),
  ]);
  const options = tableOptions(catalogue, given);
  return { options, given, ...(key === undefined ? {} : { key: key.value }) };
}

function listKind(before: readonly Token[], open: number): "with" | "hint" | undefined {
  const head = before[open - 1];
  const first = before[0];
  if (isWord(head, "OPTIONS") && inHint(before)) return "hint";
  const isTable = before.some((token) => isWord(token, "TABLE"));
  if (!isTable) return undefined;
  if (isWord(head, "WITH") && (isWord(first, "CREATE") || isWord(first, "REPLACE"))) return "with";
  const isAlter = isWord(first, "ALTER") && (isWord(head, "SET") || isWord(head, "RESET"));
  return isAlter ? "with" : undefined;
}

function inHint(before: readonly Token[]): boolean {
  const begin = before.findLastIndex((token) => isOp(token, "/*+"));
  return begin >= 0 && before.findLastIndex((token) => isOp(token, "*/")) < begin;
}

/** `'k' = 'v'` pairs. */
function givenOptions(tokens: readonly Token[]): [string, string][] {
  const given: [string, string][] = [];
  for (let i = 0; i + 2 < tokens.length; i++) {
    const [key, equals, value] = [tokens[i]!, tokens[i + 1]!, tokens[i + 2]!];
    if (key.kind === "string" && isOp(equals, "=") && value.kind === "string")
      given.push([key.value, value.value]);
  }
  return given;
}

function behindList(after: readonly Token[]): readonly Token[] {
  const end = after.findIndex((token) => isOp(token, ")"));
  return end < 0 ? after : after.slice(0, end);
}

/** The options of the table before an OPTIONS hint. */
function optionsOfTable({ before, text }: Cursor, session: SqlSession, open: number) {
  const begin = before.findLastIndex((token, i) => i < open && isOp(token, "/*+"));
  const path: string[] = [];
  for (let i = begin - 1; i >= 0; i -= 2) {
    const token = before[i]!;
    if (token.kind !== "word" && token.kind !== "quotedName") break;
    path.unshift(nameOf(text, token));
    if (!isOp(before[i - 1], ".")) break;
  }
  const entry = path.length === 0 ? undefined : session.context.catalog.lookup(path);
  return entry?.kind === "table" ? Object.entries(entry.options) : [];
}

function keyItems({ options, given }: OptionPlace, isQuoted: boolean): CompletionItem[] {
  return options
    .filter(({ key }) => !given.has(key))
    .map((option) => {
      const { key, type, description, required } = option;
      const text = key.replaceAll("#", "");
      return {
        label: key,
        kind: "option",
        insert: isQuoted ? text : `'${text}' = '`,
        detail: required === true ? "required" : defaultText(option) || type,
        description,
        rank: key === "connector" ? 5 : required === true ? 4 : 1,
      };
    });
}

function valueItems({ options, key }: OptionPlace, isQuoted: boolean): CompletionItem[] {
  const option = findOption(options, key!);
  if (option === undefined) return [];
  return valuesOf(option).map((value) => ({
    label: value,
    kind: "value",
    insert: isQuoted ? value : `'${value}'`,
    ...(value === option.default ? { detail: "default" } : {}),
    description: option.description,
    rank: value === option.default ? 2 : 1,
  }));
}

export function defaultText({ default: value }: OptionInfo): string {
  return value === undefined ? "" : `default ${value === "" ? "''" : value}`;
}

/** `SET execution.run|` without quotes. */
function bareSetting(cursor: Cursor): CompletionList | undefined {
  const { before, text, offset, start } = cursor;
  const first = before[0] ?? undefined;
  if (cursor.within !== "code" || !(isWord(first, "SET") || isWord(first, "RESET")))
    return undefined;
  const typed = /^\s*\w+\s+([\w.-]*)$/.exec(text.slice(Math.max(first!.start, start), offset));
  if (typed === null) return undefined;
  const rest = /^[\w.-]*/.exec(text.slice(offset, offset + 200))?.[0].length ?? 0;
  const items = settingOptions().map(
    ({ key, description }): CompletionItem => ({
      label: key,
      kind: "option",
      insert: first!.value === "SET" ? `'${key}' = '` : `'${key}'`,
      description,
      rank: 1,
    }),
  );
  return { from: offset - typed[1]!.length, to: offset + rest, items };
}

function hintNames(cursor: Cursor): CompletionItem[] | undefined {
  const { before } = cursor;
  const last = before.at(-1);
  if (cursor.within !== "code" || !(isOp(last, "/*+") || (isOp(last, ",") && inHint(before))))
    return undefined;
  if (isOp(last, ",") && openParenthesis(before) > before.findLastIndex((t) => isOp(t, "/*+")))
    return undefined;
  const begin = before.findLastIndex((token) => isOp(token, "/*+"));
  const hints = isWord(before[begin - 1], "SELECT") ? SELECT_HINTS : TABLE_HINTS;
  return hints.map(({ name, insert, description }) => ({
    label: name,
    kind: "hint",
    insert,
    description,
    rank: 1,
  }));
}
