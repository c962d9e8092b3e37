/**
 * SIMILAR TO patterns as Java patterns over the whole text: `%` any characters, `_` one, the rest of the operators kept.
 *
 * Escapes: stand only before an operator or themselves. Source: Calcite's SqlFunctions (Like.sqlToRegexSimilar), with its rule
 *          that an escape `:` needs a class such as [:ALPHA:].
 * Errors:  SIMILAR_ESCAPE for an escape that stands elsewhere.
 */
import { codegenErrors } from "../../errors.ts";

const OPERATORS = "[]()|^-+*_%?{}";

/** The dot stays: it stands for any character, as in Calcite. */
const ESCAPED_IN_JAVA = /[\^$\\]/;

export function similarToRegex(pattern: string, escapeText: string | undefined): string {
  if (escapeText === ":" && !/\[:.*:\]/.test(pattern)) throw badEscape(pattern, -1);
  let out = "";
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    if (escapeText !== undefined && char === escapeText) {
      const next = pattern[i + 1];
      if (next === undefined || !(OPERATORS.includes(next) || next === escapeText))
        throw badEscape(pattern, i);
      out += quote(next);
      i++;
    } else if (inClass) {
      out += char;
      inClass = char !== "]";
    } else if (char === "[") {
      inClass = true;
      out += char;
    } else if (char === "%") out += "(?s:.*)";
    else if (char === "_") out += "(?s:.)";
    else out += ESCAPED_IN_JAVA.test(char) ? `\\${char}` : char;
  }
  return `\\A(?:${out.replace(/\[:(\w+):\]/g, (_, name: string) => posix(name))})\\z`;
}

function badEscape(pattern: string, position: number) {
  const value = `'${pattern}', ${position}`;
  return codegenErrors.SIMILAR_ESCAPE({ function: "SIMILAR TO" }, { value });
}

function quote(char: string): string {
  return /[A-Za-z0-9]/.test(char) ? char : `\\${char}`;
}

function posix(name: string): string {
  const names: Readonly<Record<string, string>> = {
    ALPHA: "\\p{Alpha}",
    alpha: "\\p{Alpha}",
    UPPER: "\\p{Upper}",
    upper: "\\p{Upper}",
    LOWER: "\\p{Lower}",
    lower: "\\p{Lower}",
    DIGIT: "\\d",
    digit: "\\d",
    SPACE: " ",
    space: " ",
    WHITESPACE: "\\s",
    whitespace: "\\s",
    ALNUM: "\\p{Alnum}",
    alnum: "\\p{Alnum}",
  };
  return names[name] ?? `[:${name}:]`;
}
