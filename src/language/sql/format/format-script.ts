/**
 * The formatter: a script, or the statements that a selection touches, with clauses on their lines, words of the grammar in upper
 * case and every comment kept.
 *
 * Flow:    console's editor, `millrace fmt` → here → lexer, parser → pieces → layout → doc.
 * Example: formatScript("select a,b from t where a>1").text === "SELECT a, b FROM t WHERE a > 1\n"
 * Rule:    what is written has the same tokens and the same tree as before (checked for each statement, else it stays as it was), and
 *          formats to itself. A statement with a syntax error stays as it was, and is named in `errors`.
 * Limits:  MAX_FORMATTED characters a statement; longer ones stay as they are.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { StatementNode } from "../parser/ast.ts";
import { type Token, tokenize } from "../parser/lexer.ts";
import { parseParts, type ScriptPart } from "../parser/parser.ts";
import { render } from "./doc.ts";
import { layout } from "./layout.ts";
import { commentsOf, lineEnds, pieces } from "./pieces.ts";
import { sameTree } from "./same-tree.ts";

/** UTF-16 units of one statement. */
const MAX_FORMATTED = 1024 * 1024;

/** Replace [from, to) by `insert`. */
export interface TextEdit {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

export interface Formatted {
  readonly text: string;
  /** In the order of the text, not overlapping. */
  readonly edits: readonly TextEdit[];
  readonly errors: readonly MillraceError[];
}

/** `range`: only the statements that it touches. */
export function formatScript(
  text: string,
  range?: { readonly from: number; readonly to: number },
): Formatted {
  let parts: ScriptPart[];
  try {
    parts = parseParts(text);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    return { text, edits: [], errors: [error] };
  }
  const tokens = tokenize(text);
  const edits: TextEdit[] = [];
  const add = (from: number, to: number, insert: string) => {
    if (text.slice(from, to) !== insert) edits.push({ from, to, insert });
  };
  let at = 0;
  let token = 0;
  for (const part of parts) {
    if (range === undefined) formatGap(text, at, part.start, add);
    const first = tokenFrom(tokens, token, part.start);
    const last = tokenFrom(tokens, first, part.end);
    token = last;
    const wanted = range === undefined || (part.start <= range.to && part.end >= range.from);
    if (wanted && part.statement !== undefined)
      add(part.start, part.end, formatStatement(text, part, tokens.slice(first, last)));
    at = part.end;
  }
  if (range === undefined && !isUnterminated(tokens, text)) formatGap(text, at, text.length, add);
  const errors = parts.flatMap(({ error }) => (error === undefined ? [] : [error]));
  return { text: applied(text, edits), edits, errors };
}

/** A text or comment without its end goes on to the end, a line break behind it included. */
function isUnterminated(tokens: readonly Token[], text: string): boolean {
  const last = tokens.at(-2);
  return last?.kind === "error" && last.end === text.length;
}

function tokenFrom(tokens: readonly Token[], from: number, offset: number): number {
  let at = from;
  while (at < tokens.length && tokens[at]!.start < offset) at++;
  return at;
}

function formatStatement(text: string, part: ScriptPart, tokens: readonly Token[]): string {
  const original = text.slice(part.start, part.end);
  const statement = part.statement!;
  if (original.length > MAX_FORMATTED || isBareSetting(statement, tokens)) return original;
  for (const upperCase of [true, false]) {
    const made = render(layout(pieces(text, tokens, statement, upperCase), statement));
    if (isSame(made, statement, tokens)) return made;
  }
  return original;
}

/** `SET a.b = c`: read from the text, not from tokens. */
function isBareSetting({ kind }: StatementNode, tokens: readonly Token[]): boolean {
  return (
    (kind === "set" || kind === "reset") && tokens[1] !== undefined && tokens[1].kind !== "string"
  );
}

function isSame(made: string, statement: StatementNode, tokens: readonly Token[]): boolean {
  const after = tokenize(made);
  const same =
    after.length === tokens.length + 1 &&
    tokens.every(({ kind, value }, i) => kind === after[i]!.kind && value === after[i]!.value);
  if (!same) return false;
  const [part] = parseParts(made);
  return part?.statement !== undefined && sameTree(part.statement, statement);
}

/** Between statements: semicolons behind what they end, one empty line at most, each comment where it was. */
function formatGap(
  text: string,
  from: number,
  to: number,
  add: (from: number, to: number, insert: string) => void,
): void {
  const gap = text.slice(from, to);
  const isStart = from === 0;
  const isEnd = to === text.length;
  let made = "";
  let rest = 0;
  let wrote = !isStart;
  for (const token of tokenize(gap)) {
    const { start, end, kind } = token;
    const between = gap.slice(rest, kind === "eof" ? gap.length : start);
    const comments = commentsOf(between);
    const last = comments.at(-1);
    const behind =
      last === undefined
        ? between
        : between.slice(between.lastIndexOf(last.text) + last.text.length);
    for (const { text: comment, linesBefore } of comments) {
      made += wrote ? separator(linesBefore) : "";
      made += comment;
      wrote = true;
    }
    if (kind === "eof") {
      if (!isEnd) made += wrote ? "\n".repeat(lineEnds(behind) > 1 ? 2 : 1) : "";
      else if (wrote) made += "\n";
      break;
    }
    made += last === undefined ? ";" : "\n;";
    wrote = true;
    rest = end;
  }
  add(from, to, made);
}

function separator(linesBefore: number): string {
  return linesBefore === 0 ? " " : "\n".repeat(Math.min(linesBefore, 2));
}

function applied(text: string, edits: readonly TextEdit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { from, to, insert } of edits) {
    parts.push(text.slice(at, from), insert);
    at = to;
  }
  parts.push(text.slice(at));
  return parts.join("");
}
