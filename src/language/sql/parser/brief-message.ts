/**
 * A syntax error in one line for people: what cannot stand there, and what may. The error's own message lists every token, in the
 * layout of Flink's parser, for tools that compare it.
 *
 * Flow: console's editor, CLI, the platform's check → here. Other errors keep their message.
 */
import type { MillraceError } from "../../../foundation/base/errors.ts";
import { parseErrors } from "../parse-errors.ts";
import { expectedTokens, IDENTIFIER, QUOTED_STRING } from "./expectations.ts";

const MAX_WORDS = 8;
const MAX_IMAGE = 40;
/** Words that go on with an expression. */
const OPERATOR_WORDS = new Set("AND OR IS NOT LIKE SIMILAR IN BETWEEN OVERLAPS".split(" "));

/** Those that come first where many may stand. */
const LIKELY = "SELECT FROM AS WHERE JOIN GROUP HAVING ORDER LIMIT CREATE INSERT SET WITH".split(
  " ",
);

export function briefMessage(error: MillraceError): string {
  const { definition, params } = error;
  const isSyntax =
    definition === parseErrors.UNEXPECTED_TOKEN.definition ||
    definition === parseErrors.RESERVED_WORD.definition;
  if (!isSyntax) return error.message;
  const expected = describe(expectedTokens(error));
  const image = String(params.image).replace(/\\(.)/g, "$1");
  const shown = image.length > MAX_IMAGE ? `${image.slice(0, MAX_IMAGE)}…` : image;
  const what =
    image === "<EOF>" ? "The statement ends too early" : `${quoted(shown)} cannot stand here`;
  return expected === "" ? what : `${what}: expected ${expected}`;
}

const quoted = (image: string) => (image.includes("'") ? image : `'${image}'`);

function rank(word: string): number {
  const at = LIKELY.indexOf(word);
  return at < 0 ? LIKELY.length : at;
}

function describe(tokens: readonly string[]): string {
  if (tokens.includes("CASE")) return "an expression";
  const parts: string[] = [];
  if (tokens.includes("BIGINT")) return "a type";
  if (tokens.includes(IDENTIFIER)) parts.push("a name");
  if (tokens.includes(QUOTED_STRING)) parts.push("a text in single quotes");
  if (tokens.includes("<UNSIGNED_INTEGER_LITERAL>")) parts.push("a whole number");
  const words = tokens.filter((token) => /^[A-Z_]+$/.test(token));
  const isOperand = words.includes("BETWEEN") && words.includes("OVERLAPS");
  if (isOperand) parts.push("an operator");
  for (const symbol of tokens)
    if (/^[(),=]$/.test(symbol) && !(isOperand && symbol === "=")) parts.push(`'${symbol}'`);
  const keywords = (isOperand ? words.filter((word) => !OPERATOR_WORDS.has(word)) : words).sort(
    (a, b) => rank(a) - rank(b),
  );
  const more = keywords.length > MAX_WORDS ? [...keywords.slice(0, MAX_WORDS), "…"] : keywords;
  parts.push(...more);
  if (tokens.includes("<EOF>")) parts.push("the end of the statement");
  return parts.join(", ").replace(/, ([^,…]+)$/, " or $1");
}
