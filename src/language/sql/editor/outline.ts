/** The statements of a script by name, for an outline: what each is, and where. */
import type { IdentifierNode, StatementNode } from "../parser/ast.ts";
import type { ScriptPart } from "../parser/parser.ts";

export interface OutlineEntry {
  readonly kind: "table" | "view" | "function" | "insert" | "query" | "other" | "error";
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export function outlineOf(parts: readonly ScriptPart[], text: string): OutlineEntry[] {
  return parts.map(({ start, end, statement }) => {
    const place = { from: start, to: end };
    if (statement === undefined) return { kind: "error", name: firstWords(text, start), ...place };
    return { ...titleOf(statement, text, start), ...place };
  });
}

const nameText = ({ parts }: IdentifierNode) => parts.map(({ name }) => name).join(".");

function titleOf(
  statement: StatementNode,
  text: string,
  start: number,
): Pick<OutlineEntry, "kind" | "name"> {
  switch (statement.kind) {
    case "createTable":
    case "createMaterializedTable":
      return { kind: "table", name: nameText(statement.name) };
    case "createView":
      return { kind: "view", name: nameText(statement.name) };
    case "createFunction":
      return { kind: "function", name: nameText(statement.name) };
    case "insert":
      return { kind: "insert", name: nameText(statement.target.name) };
    case "queryStatement":
      return { kind: "query", name: firstWords(text, start) };
    default:
      return { kind: "other", name: firstWords(text, start) };
  }
}

const MAX_TITLE = 40;

function firstWords(text: string, start: number): string {
  const words = text.slice(start, start + 4 * MAX_TITLE).replace(/\s+/g, " ");
  return words.length > MAX_TITLE ? `${words.slice(0, MAX_TITLE - 1)}…` : words;
}
