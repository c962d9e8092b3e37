/**
 * The place of a cursor: its statement's tokens before and behind it, and what is being typed.
 *
 * Flow:    completion, signature help, hover → cursorAt() → lexer, parser (for where statements begin).
 * Shapes:  offsets are UTF-16 units of the whole script. The word or string that ends at the cursor is in neither list.
 */
import { type Token, tokenize } from "../parser/lexer.ts";
import type { ScriptPart } from "../parser/parser.ts";

export interface Cursor {
  readonly text: string;
  readonly offset: number;
  /** Where the statement's first token may stand. */
  readonly start: number;
  readonly before: readonly Token[];
  readonly after: readonly Token[];
  /** Where the word, quoted name or text begins that is being typed (behind its quote). */
  readonly from: number;
  /** Where that word ends, behind the cursor. */
  readonly to: number;
  readonly within: "code" | "string" | "quotedName" | "comment";
}

/** Before a token that is there: it is the first behind the cursor. `parts` are those of the text. */
export function cursorBefore(text: string, offset: number, parts: readonly ScriptPart[]): Cursor {
  const cursor = cursorAt(text, offset, parts);
  return { ...cursor, to: offset, after: tokensBehind(text, offset) };
}

/** `parts` are those of the text. */
export function cursorAt(text: string, offset: number, parts: readonly ScriptPart[]): Cursor {
  const start = statementStart(text, offset, parts);
  const tokens = shifted(tokenize(text.slice(start, offset)), start);
  tokens.pop();
  const last = tokens.at(-1);
  const at = (from: number, within: Cursor["within"], before: readonly Token[]): Cursor => {
    const to = offset + restOf(text, offset, within);
    const behind = within === "string" || within === "quotedName" ? to + 1 : to;
    return { text, offset, start, before, after: tokensBehind(text, behind), from, to, within };
  };
  if (last?.kind === "error" && last.end === offset) {
    const rest = tokens.slice(0, -1);
    if (last.value.startsWith("a string")) return at(last.start + 1, "string", rest);
    if (last.value.startsWith("a quoted name without its"))
      return at(last.start + 1, "quotedName", rest);
    return at(offset, "comment", rest);
  }
  const gap = text.slice(last?.end ?? start, offset);
  if (/(?:--|\/\/)[^\r\n]*$/.test(gap)) return at(offset, "comment", tokens);
  if (last?.kind === "word" && last.end === offset)
    return at(last.start, "code", tokens.slice(0, -1));
  return at(offset, "code", tokens);
}

function statementStart(text: string, offset: number, parts: readonly ScriptPart[]): number {
  let low = 0;
  let high = parts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (parts[middle]!.start <= offset) low = middle + 1;
    else high = middle;
  }
  const part = parts[low - 1];
  if (part === undefined) return 0;
  if (offset <= part.end) return part.start;
  // Behind the statement: after its semicolon a new one begins.
  const separator = tokenize(text.slice(part.end, offset)).find(({ value }) => value === ";");
  return separator === undefined ? part.start : part.end + separator.end;
}

function restOf(text: string, offset: number, within: Cursor["within"]): number {
  const pattern =
    within === "string" ? /[^'\r\n]*/y : within === "quotedName" ? /[^`\r\n]*/y : /[\w$]*/y;
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0].length ?? 0;
}

/** To the end of the statement, or MAX_BEHIND: what is far behind the cursor cannot be meant. */
const MAX_BEHIND = 100_000;

function tokensBehind(text: string, from: number): Token[] {
  const tokens = shifted(tokenize(text.slice(from, from + MAX_BEHIND)), from);
  const end = tokens.findIndex(({ kind, value }) => kind === "eof" || value === ";");
  return tokens.slice(0, end);
}

function shifted(tokens: readonly Token[], by: number): Token[] {
  return tokens.map((token) => ({ ...token, start: token.start + by, end: token.end + by }));
}

export const isOp = (token: Token | undefined, operator: string): boolean =>
  token?.kind === "operator" && token.value === operator;
export const isWord = (token: Token | undefined, word: string): boolean =>
  token?.kind === "word" && token.value === word;

/** Index of the parenthesis that is open at the end of `tokens`; -1: none. */
export function openParenthesis(tokens: readonly Token[], from = tokens.length - 1): number {
  let depth = 0;
  for (let i = from; i >= 0; i--) {
    if (isOp(tokens[i], ")")) depth++;
    else if (isOp(tokens[i], "(") && --depth < 0) return i;
  }
  return -1;
}

/** A name as written in the text. */
export function nameOf(text: string, token: Token): string {
  return token.kind === "quotedName" ? token.value : text.slice(token.start, token.end);
}
