/**
 * Reads TypeScript just well enough for tidy: which characters are code, and what a file imports.
 *
 * Shapes:  blanked text has the length and the line breaks of the original; the insides of comments, strings, regular
 *          expressions and template texts are spaces, their quotes stay. `${}` inside a template is code.
 * Limits:  a slash is taken for a regular expression after an operator, an opening bracket or a keyword such as return.
 */

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** No code of the imported file is loaded: `import type`, or every name marked `type`. */
  readonly typeOnly: boolean;
}

const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else))\s*$/;
const NAMED = /^[ \t]*(import|export)\s+(type\s+)?([\w$*{}\s,]+?)\s*\bfrom\s*(["'])( *)\4/gm;
const BARE = /^[ \t]*import\s*(["'])( *)\1/gm;
const DYNAMIC = /\bimport\s*\(\s*(["'])( *)\1/g;

/** The text with everything that is not code replaced by spaces. */
export function blankNonCode(text: string): string {
  const out: string[] = [];
  /** Depth of braces at which each open template substitution ends. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  const keep = (end: number) => {
    out.push(text.slice(at, end));
    at = end;
  };
  const blank = (end: number) => {
    out.push(text.slice(at, end).replaceAll(/[^\n]/g, " "));
    at = end;
  };
  const template = () => {
    const end = endOfTemplate(text, at);
    blank(end);
    if (text[end] === "`") keep(end + 1);
    else {
      keep(Math.min(end + 2, text.length));
      templates.push(depth++);
    }
  };
  while (at < text.length) {
    const char = text[at];
    const next = text[at + 1];
    if (char === "/" && next === "/") blank(indexOrEnd(text, "\n", at));
    else if (char === "/" && next === "*") blank(indexOrEnd(text, "*/", at + 2) + 2);
    else if (char === '"' || char === "'") {
      keep(at + 1);
      blank(endOfQuoted(text, at, char));
      keep(at + 1);
    } else if (char === "`") {
      keep(at + 1);
      template();
    } else if (char === "/" && BEFORE_REGEX.test(out.join("").slice(-40))) {
      keep(at + 1);
      blank(endOfRegex(text, at));
      keep(at + 1);
    } else {
      if (char === "{") depth++;
      if (char === "}") depth--;
      const closesTemplate = char === "}" && templates.at(-1) === depth;
      keep(at + 1);
      if (closesTemplate) {
        templates.pop();
        template();
      }
    }
    // Only the tail is looked at again: joining it keeps that cheap.
    if (out.length > 64) out.splice(0, out.length, out.join(""));
  }
  return out.join("");
}

/** Every static, re-exporting, bare and dynamic import with a literal specifier. */
export function readImports(text: string, code: string): Import[] {
  const imports: Import[] = [];
  for (const match of code.matchAll(NAMED)) {
    const names = match[3] ?? "";
    const inner = /^\{([^}]*)\}$/.exec(names)?.[1]?.split(",") ?? [];
    const listed = inner.map((name) => name.trim()).filter((name) => name !== "");
    const allTypes = listed.length > 0 && listed.every((name) => name.startsWith("type "));
    imports.push(importAt(text, match, match[2] !== undefined || allTypes));
  }
  for (const match of code.matchAll(BARE)) imports.push(importAt(text, match, false));
  for (const match of code.matchAll(DYNAMIC)) imports.push(importAt(text, match, false));
  return imports.sort((a, b) => a.line - b.line);
}

/** The line, counted from 1, of a position in a text. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < index; at = text.indexOf("\n", at + 1))
    line++;
  return line;
}

function importAt(text: string, match: RegExpExecArray, typeOnly: boolean): Import {
  const end = match.index + match[0].length - 1;
  const length = match.at(-1)?.length ?? 0;
  return { specifier: text.slice(end - length, end), line: lineAt(text, end), typeOnly };
}

function indexOrEnd(text: string, wanted: string, from: number): number {
  const index = text.indexOf(wanted, from);
  return index === -1 ? text.length : index;
}

function endOfQuoted(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== "\n") {
    at += text[at] === "\\" ? 2 : 1;
  }
  return Math.min(at, text.length);
}

function endOfRegex(text: string, from: number): number {
  let at = from;
  let inClass = false;
  while (at < text.length && text[at] !== "\n" && (inClass || text[at] !== "/")) {
    if (text[at] === "[") inClass = true;
    if (text[at] === "]") inClass = false;
    at += text[at] === "\\" ? 2 : 1;
  }
  return Math.min(at, text.length);
}

/** At the closing quote of a template, or at the `${` of its next substitution. */
function endOfTemplate(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "`" && !(text[at] === "$" && text[at + 1] === "{")) {
    at += text[at] === "\\" ? 2 : 1;
  }
  return Math.min(at, text.length);
}
