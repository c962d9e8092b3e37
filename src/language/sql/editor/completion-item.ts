/** What completion answers: see completion.ts. */
import { RESERVED_WORDS } from "../parser/keywords.ts";

export interface CompletionItem {
  readonly label: string;
  readonly kind:
    | "keyword"
    | "type"
    | "table"
    | "view"
    | "catalog"
    | "database"
    | "alias"
    | "column"
    | "function"
    | "argument"
    | "option"
    | "value"
    | "hint";
  /** A type, a signature, a connector: one short line. */
  readonly detail?: string;
  readonly description?: string;
  /** Instead of the label. */
  readonly insert?: string;
  /** Higher comes first. */
  readonly rank: number;
}

export interface CompletionList {
  readonly from: number;
  readonly to: number;
  readonly items: readonly CompletionItem[];
}

/** A name with its backticks where it needs them. */
export function named(name: string): Pick<CompletionItem, "label" | "insert"> {
  const isPlain = /^[A-Za-z_][\w$]*$/.test(name) && !RESERVED_WORDS.has(name.toUpperCase());
  return isPlain ? { label: name } : { label: name, insert: `\`${name.replaceAll("`", "``")}\`` };
}
