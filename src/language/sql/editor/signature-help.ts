/**
 * The signature of the call around a cursor, and which of its arguments is being written.
 *
 * Flow: editor-service.ts → here → function catalogue and its sentences; window functions; functions of users.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import { plainName } from "../../../foundation/plan/user-function.ts";
import { builtinFunction } from "../functions/function-catalog.ts";
import { functionDoc, SPECIAL_FORMS } from "../functions/function-docs.ts";
import type { FunctionDefinition } from "../functions/function-definition.ts";
import type { SqlSession } from "../script/sql-session.ts";
import { type Cursor, isOp, nameOf, openParenthesis } from "./cursor.ts";
import { windowFunctionNamed } from "./window-functions.ts";

export interface SignatureHelp {
  /** `SUBSTRING(string, start, [length])`. */
  readonly label: string;
  /** Offsets of each argument within the label. */
  readonly parameters: readonly {
    readonly from: number;
    readonly to: number;
    readonly text?: string;
  }[];
  readonly active: number;
  readonly description: string;
  /** Offset of the call's name in the script. */
  readonly at: number;
}

const MAX_LEVELS = 20;

export function signatureHelpAt(cursor: Cursor, session: SqlSession): SignatureHelp | undefined {
  if (cursor.within === "comment") return undefined;
  const { before, text } = cursor;
  let open = openParenthesis(before);
  for (let level = 0; level < MAX_LEVELS && open > 0; level++) {
    const head = before[open - 1]!;
    const isName = head.kind === "word" || head.kind === "quotedName";
    const found = isName ? functionInfo(nameOf(text, head), session) : undefined;
    if (found !== undefined) {
      const { label, description, texts } = found;
      const parameters = parametersOf(label, texts);
      const active = activeParameter(cursor, open, parameters.length, label);
      return { label, parameters, active, description, at: head.start };
    }
    open = openParenthesis(before, open - 1);
  }
  return undefined;
}

export interface FunctionInfo {
  readonly label: string;
  readonly description: string;
  readonly texts?: readonly string[];
}

/** By its name alone: a window function, one that is built in, one of the user. */
export function functionInfo(name: string, session: SqlSession): FunctionInfo | undefined {
  const window = windowFunctionNamed(name);
  if (window !== undefined) {
    const texts = window.parameters.map(({ name: key, text }) => `${key}: ${text}`);
    return { label: window.signature, description: window.text, texts };
  }
  const special = SPECIAL_FORMS.includes(name.toUpperCase()) ? functionDoc(name) : undefined;
  if (special !== undefined)
    return { label: `${special.name}(${special.arguments})`, description: special.text };
  const definition = resolve(name, session);
  if (definition === undefined) return undefined;
  const doc = builtinFunction(name) === definition ? functionDoc(name) : undefined;
  if (doc !== undefined)
    return { label: `${name.toUpperCase()}(${doc.arguments})`, description: doc.text };
  const own = plainName(definition.name);
  return {
    label: definition.forms[0]?.replace(definition.name, own) ?? `${own}(…)`,
    description: `A function of the user: ${definition.category}.`,
  };
}

function resolve(name: string, session: SqlSession): FunctionDefinition | undefined {
  const span = { start: 0, end: 0, line: 1, column: 1 };
  const part = { name, quoted: false, span };
  try {
    return session.context
      .plannerContext([])
      .resolveFunction({ kind: "identifier", parts: [part], span });
  } catch (error) {
    // Its class or module cannot be read here: there is nothing to show.
    if (error instanceof MillraceError) return undefined;
    throw error;
  }
}

function parametersOf(label: string, texts: readonly string[] = []): SignatureHelp["parameters"] {
  const found: { from: number; to: number; text?: string }[] = [];
  const end = label.lastIndexOf(")");
  let from = label.indexOf("(") + 1;
  let depth = 0;
  for (let i = from; i <= end; i++) {
    const c = label[i]!;
    if (c === "(" || c === "<") depth++;
    if (c === ")" && i < end) depth--;
    if (c === ">" && depth > 0) depth--;
    if (!(i === end || (c === "," && depth === 0))) continue;
    const text = texts[found.length];
    if (i > from) found.push({ from, to: i, ...(text === undefined ? {} : { text }) });
    from = i + 1 + (label[i + 1] === " " ? 1 : 0);
  }
  return found;
}

function activeParameter(cursor: Cursor, open: number, count: number, label: string): number {
  let depth = 0;
  let active = 0;
  for (const token of cursor.before.slice(open + 1)) {
    if (isOp(token, "(") || isOp(token, "[")) depth++;
    else if (isOp(token, ")") || isOp(token, "]")) depth--;
    else if (depth === 0 && isOp(token, ",")) active++;
  }
  return label.includes("...") ? Math.min(active, count - 1) : active;
}
