/**
 * The message for a token that does not fit: what was found, what would have been right, and what
 * may have been meant.
 *
 * Flow:    token-cursor → here → MR2001, MR2002. The layout is that of Flink's parser, blank by
 *          blank: tools compare it.
 */
import { editDistance } from "../../../foundation/base/text.ts";
import type { MillraceError, Span } from "../../../foundation/base/errors.ts";
import { parseErrors } from "../parse-errors.ts";
import { ALL_KEYWORDS, FLINK_KEYWORDS, RESERVED_WORDS, wordList } from "./keywords.ts";
import type { Token } from "./lexer.ts";
import { remedyFor } from "./remedies.ts";

/** A word, an operator, <EOF>, or one of the groups below. */
export type Expectation = string;

export const IDENTIFIER = "<IDENTIFIER>";
export const QUOTED_STRING = "<QUOTED_STRING>";
/** Any binary or postfix operator of expressions. */
export const OPERATORS = "<operators>";
/** Whatever may begin an expression. */
export const EXPRESSION = "<expression>";

const NAMES_ALONE = [
  "<BRACKET_QUOTED_IDENTIFIER>",
  "<QUOTED_IDENTIFIER>",
  "<BACK_QUOTED_IDENTIFIER>",
  "<BIG_QUERY_BACK_QUOTED_IDENTIFIER>",
  "<HYPHENATED_IDENTIFIER>",
  "<IDENTIFIER>",
  "<UNICODE_QUOTED_IDENTIFIER>",
];
const NAMES_AMONG_OTHERS = [
  "<IDENTIFIER>",
  "<HYPHENATED_IDENTIFIER>",
  "<QUOTED_IDENTIFIER>",
  "<BACK_QUOTED_IDENTIFIER>",
  "<BIG_QUERY_BACK_QUOTED_IDENTIFIER>",
  "<BRACKET_QUOTED_IDENTIFIER>",
  "<UNICODE_QUOTED_IDENTIFIER>",
];
const OPERATOR_TOKENS =
  "= > < <= >= <> + - * / % || AND OR IS NOT LIKE SIMILAR IN BETWEEN OVERLAPS . [".split(" ");
const EXPRESSION_TOKENS = [
  ..."NOT EXISTS CASE CAST ROW ARRAY MAP INTERVAL DATE TIME TIMESTAMP NULL TRUE FALSE ( + -".split(
    " ",
  ),
  QUOTED_STRING,
  "<UNSIGNED_INTEGER_LITERAL>",
  "<DECIMAL_NUMERIC_LITERAL>",
];

const SYMBOLS = "( ) { } [ ] ; . , = > < ? : <= >= <> + - * / % || /*+ */".split(" ");

const MAX_SUGGESTIONS = 3;
const MAX_SUGGESTED_LENGTH = 32;

export function unexpectedToken(
  text: string,
  token: Token,
  expected: readonly Expectation[],
  previous: Token | undefined,
  beforePrevious?: Token,
): MillraceError {
  const raw = token.kind === "eof" ? "<EOF>" : text.slice(token.start, token.end);
  const all = expand(expected);
  const at: Span = {
    start: token.start,
    end: token.end,
    line: token.line,
    column: token.column,
  };
  const place = { at, didYouMean: suggestions(token, previous, beforePrevious, all) };
  const { line, column } = token;
  const expecting = expectingText(all);
  const reserved = token.kind === "word" && RESERVED_WORDS.has(token.value);
  const nameExpected = expected.includes(IDENTIFIER);
  const remedy = remedyFor({ text, token, previous, expected: all });
  // Flink says so only of keywords in upper case; the others get its plain message, and our hint.
  if (reserved && nameExpected && raw === token.value) {
    return parseErrors.RESERVED_WORD({ image: raw, line, column, expecting, remedy }, place);
  }
  const image = escapeImage(shortened(raw));
  return parseErrors.UNEXPECTED_TOKEN({ image, line, column, expecting, remedy }, place);
}

const MAX_IMAGE = 1000;

/** A text of megabytes is named by its beginning. */
function shortened(raw: string): string {
  return raw.length <= MAX_IMAGE ? raw : `${raw.slice(0, MAX_IMAGE)}…`;
}

/** The tokens that an error of the parser says were expected; none for errors of other kinds. */
export function expectedTokens(error: MillraceError): readonly string[] {
  const { expecting } = error.params;
  if (typeof expecting !== "string") return [];
  return Array.from(
    expecting.matchAll(/^ {4}(?:"(.+)" \.\.\.|(<\w+>)(?: \.\.\.| ))$/gm),
    ([, word, group]) => word ?? group!,
  );
}

/** Groups taken apart, each token once, in Flink's order. */
export function expand(expected: readonly Expectation[]): string[] {
  const alone = expected.every((e) => e === IDENTIFIER);
  const all = new Set<string>();
  if (expected.includes("<EOF>")) all.add("<EOF>");
  for (const e of expected) {
    if (e === IDENTIFIER)
      for (const name of alone ? NAMES_ALONE : NAMES_AMONG_OTHERS) all.add(name);
    else if (e === OPERATORS) for (const operator of OPERATOR_TOKENS) all.add(operator);
    else if (e === EXPRESSION) for (const start of EXPRESSION_TOKENS) all.add(start);
    else all.add(e);
  }
  const list = [...all];
  if (alone || !expected.includes(IDENTIFIER))
    list.sort((a, b) => rank(a) - rank(b) || order(a, b));
  return list;
}

/**
 * Flink's order without names: the end, Calcite's keywords, Flink's own, literals, symbols, names.
 */
function rank(e: string): number {
  if (e === "<EOF>") return 0;
  if (/^[A-Z]/.test(e)) return FLINK_KEYWORDS.has(e) ? 2 : 1;
  if (NAMES_ALONE.includes(e)) return 1000 + NAMES_ALONE.indexOf(e);
  return e.startsWith("<") && e.length > 2 ? 3 : 4 + SYMBOLS.indexOf(e);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function expectingText(all: readonly string[]): string {
  if (all.length === 0) return "Was expecting something else here.";
  let text = all.length === 1 ? "Was expecting:\n    " : "Was expecting one of:\n    ";
  for (const e of all) {
    if (e === "<EOF>") text += "<EOF> ";
    else text += e.startsWith("<") && e.length > 2 ? `${e} ...` : `"${e}" ...`;
    text += "\n    ";
  }
  return text;
}

function escapeImage(image: string): string {
  return image
    .replace(/[\\'"]/g, "\\$&")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r");
}

/**
 * Words that were expected here and look like what was written; else keywords that look like the
 * word before, which the grammar took for a name (`SELECT a FORM t`).
 */
function suggestions(
  token: Token,
  previous: Token | undefined,
  beforePrevious: Token | undefined,
  expected: string[],
): string[] {
  if (isMisspelled(previous) && mayEndItem(beforePrevious)) {
    const found = similar(previous.value, CLAUSES);
    if (found.length > 0) return found;
  }
  return isMisspelled(token) ? similar(token.value, expected) : [];
}

const isMisspelled = (token: Token | undefined): token is Token =>
  token?.kind === "word" && !ALL_KEYWORDS.has(token.value);

/** A clause may follow it; behind FROM and the like, what follows is a name that means itself. */
function mayEndItem(token: Token | undefined): boolean {
  if (token === undefined) return false;
  if (token.kind === "word") return !RESERVED_WORDS.has(token.value);
  return token.kind !== "operator" || token.value === "*" || token.value === ")";
}

const CLAUSES = wordList(`
  SELECT FROM WHERE GROUP HAVING ORDER LIMIT OFFSET FETCH JOIN INNER LEFT RIGHT FULL CROSS UNION
  INTERSECT EXCEPT WITH ON USING AS AND OR PARTITIONED COMMENT LIKE VALUES SET`);

function similar(word: string, candidates: readonly string[]): string[] {
  if (word.length > MAX_SUGGESTED_LENGTH) return [];
  const limit = word.length <= 3 ? 1 : 2;
  const found = candidates
    .filter((c) => /^[A-Z_]+$/.test(c))
    .map((c) => ({ c, distance: editDistance(word, c) }))
    .filter(({ distance, c }) => distance > 0 && distance <= limit && c.length > 1);
  const nearest = Math.min(...found.map(({ distance }) => distance));
  const best = found.filter(({ distance }) => distance === nearest).map(({ c }) => c);
  return best.sort().slice(0, MAX_SUGGESTIONS);
}
