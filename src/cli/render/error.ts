/**
 * Errors on a terminal: code, sentence, the place in the text with a caret, suggestions, what to do. Never a stack.
 *
 *   error MR2101: column 'amout' not found
 *     ┌─ q.sql:3:12
 *   3 │ SELECT SUM(amout) FROM orders
 *     │            ^^^^^ did you mean "amount"?
 *     = List the columns with DESCRIBE.
 */
import type { MillraceError } from "../../foundation/base/errors.ts";
import { briefMessage } from "../../language/sql/parser/brief-message.ts";
import type { Palette } from "./palette.ts";

const MAX_LINE = 160;
const MAX_MESSAGE = 500;
/** Tokens listed of those that a parser would have taken. */
const MAX_EXPECTED = 6;

export interface SourceText {
  readonly name: string;
  readonly text: string;
}

export function renderError(
  error: MillraceError,
  palette: Palette,
  source?: SourceText,
  severity: "error" | "warning" = "error",
): string {
  const { at, didYouMean } = error.place;
  const message = sentence(briefMessage(error));
  const lines = [`${palette[severity](`${severity} ${error.code}`)}: ${message}`];
  const suggestion =
    didYouMean === undefined || didYouMean.length === 0
      ? ""
      : ` did you mean ${didYouMean.map((name) => `"${name}"`).join(" or ")}?`;
  if (at !== undefined && source !== undefined) {
    const line = source.text.split(/\r?\n/)[at.line - 1] ?? "";
    const gutter = String(at.line);
    const pad = " ".repeat(gutter.length);
    const from = Math.max(0, at.column - 1 - MAX_LINE / 2);
    const before = visible(line.slice(from, at.column - 1));
    const shown = `${before}${visible(line.slice(at.column - 1, from + MAX_LINE))}`;
    const rest = Math.min(line.length, from + MAX_LINE) - at.column + 1;
    const length = Math.max(1, Math.min(at.end - at.start, rest));
    const name = error.place.source ?? source.name;
    lines.push(
      palette.dim(`${pad} ┌─ ${name}:${at.line}:${at.column}`),
      `${palette.dim(`${gutter} │`)} ${shown}`,
      `${palette.dim(`${pad} │`)} ${" ".repeat(before.length)}${palette[severity]("^".repeat(length))}${suggestion}`,
      `${palette.dim(`${pad} =`)} ${sentence(error.hint)}`,
    );
  } else {
    const from = error.place.source;
    const where = from === undefined || message.includes(from) ? "" : ` (${from})`;
    if (where !== "") lines[0] += where;
    if (suggestion !== "") lines.push(`  ${suggestion.trim()}`);
    lines.push(`  ${sentence(error.hint)}`);
  }
  const { value } = error.place;
  if (value !== undefined)
    lines.push(palette.dim(`  value: '${visible(value.slice(0, MAX_LINE))}'`));
  return lines.join("\n");
}

/**
 * A message for a terminal: the parser's list of what it expected becomes one line of a few, names of any length are cut,
 * and control characters, which would move the cursor, are shown as escapes.
 */
function sentence(text: string): string {
  const [first = "", list] = text.split(EXPECTED);
  const short = first.length <= MAX_MESSAGE ? first : `${first.slice(0, MAX_MESSAGE)}…`;
  const lines = visible(short.trimEnd(), "\n");
  if (list === undefined) return lines;
  const items = list.split("\n").flatMap((line) => line.trim().replace(/ \.\.\.$/, "") || []);
  const more = items.length - MAX_EXPECTED;
  const tail = more > 0 ? `, … (${more} more)` : "";
  return `${lines}\nExpected: ${visible(items.slice(0, MAX_EXPECTED).join(", "))}${tail}`;
}

function visible(text: string, kept = ""): string {
  return text.replace(CONTROL, (c) => {
    if (c === kept) return c;
    return c === "\t" ? " " : `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;
const EXPECTED = /\nWas expecting(?: one of)?:\s*/;
