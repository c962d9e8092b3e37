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
import type { Palette } from "./palette.ts";

const MAX_LINE = 160;

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
  const lines = [`${palette[severity](`${severity} ${error.code}`)}: ${error.message}`];
  const suggestion =
    didYouMean === undefined || didYouMean.length === 0
      ? ""
      : ` did you mean ${didYouMean.map((name) => `"${name}"`).join(" or ")}?`;
  if (at !== undefined && source !== undefined) {
    const line = source.text.split("\n")[at.line - 1] ?? "";
    const gutter = String(at.line);
    const pad = " ".repeat(gutter.length);
    const from = Math.max(0, at.column - 1 - MAX_LINE / 2);
    const shown = line.slice(from, from + MAX_LINE).replaceAll("\t", " ");
    const length = Math.max(1, Math.min(at.end - at.start, line.length - at.column + 1));
    const name = error.place.source ?? source.name;
    lines.push(
      palette.dim(`${pad} ┌─ ${name}:${at.line}:${at.column}`),
      `${palette.dim(`${gutter} │`)} ${shown}`,
      `${palette.dim(`${pad} │`)} ${" ".repeat(at.column - 1 - from)}${palette[severity]("^".repeat(length))}${suggestion}`,
      `${palette.dim(`${pad} =`)} ${error.hint}`,
    );
  } else {
    const where = error.place.source === undefined ? "" : ` (${error.place.source})`;
    if (where !== "") lines[0] += where;
    if (suggestion !== "") lines.push(`  ${suggestion.trim()}`);
    lines.push(`  ${error.hint}`);
  }
  return lines.join("\n");
}
