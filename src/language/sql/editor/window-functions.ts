/**
 * The window table functions, whose arguments have names: for completion, signature help and hover.
 *
 * Source: Flink's documentation of windowing table-valued functions; validator/table-functions.ts reads them.
 */
import type { CompletionItem } from "./completion-item.ts";
import { type Cursor, isOp, openParenthesis } from "./cursor.ts";

export interface WindowFunction {
  readonly name: string;
  readonly signature: string;
  readonly parameters: readonly { readonly name: string; readonly text: string }[];
  readonly text: string;
}

const DATA = { name: "DATA", text: "the table: TABLE t, or TABLE t PARTITION BY key" };
const TIMECOL = { name: "TIMECOL", text: "its time attribute: DESCRIPTOR(ts)" };
const OFFSET = {
  name: "OFFSET",
  text: "by how much windows are moved, optional: INTERVAL '1' HOUR",
};
const length = (name: string, text: string) => ({ name, text: `${text}: INTERVAL '1' MINUTE` });

function windowFunction(
  name: string,
  parameters: WindowFunction["parameters"],
  text: string,
): WindowFunction {
  const list = parameters.map((each) =>
    each === OFFSET
      ? "[OFFSET interval]"
      : each === DATA
        ? "TABLE t"
        : each === TIMECOL
          ? "DESCRIPTOR(ts)"
          : `${each.name} interval`,
  );
  return { name, parameters, text, signature: `${name}(${list.join(", ")})` };
}

export const WINDOW_FUNCTIONS: readonly WindowFunction[] = [
  windowFunction(
    "TUMBLE",
    [DATA, TIMECOL, length("SIZE", "length of a window"), OFFSET],
    "Windows of one size, one after the other: adds window_start, window_end and window_time.",
  ),
  windowFunction(
    "HOP",
    [
      DATA,
      TIMECOL,
      length("SLIDE", "distance of window starts"),
      length("SIZE", "length of a window"),
      OFFSET,
    ],
    "Windows of one size that overlap: a row is in every window that covers its time.",
  ),
  windowFunction(
    "CUMULATE",
    [
      DATA,
      TIMECOL,
      length("STEP", "by how much a window grows"),
      length("SIZE", "its greatest length"),
      OFFSET,
    ],
    "Windows that begin together and grow by a step up to a size: results of the day so far, for example.",
  ),
  windowFunction(
    "SESSION",
    [DATA, TIMECOL, length("GAP", "silence that ends a session")],
    "Windows that end when no row has come for a gap; by key with TABLE t PARTITION BY key.",
  ),
];

export function windowFunctionNamed(name: string): WindowFunction | undefined {
  return WINDOW_FUNCTIONS.find((each) => each.name === name.toUpperCase());
}

/** The names of arguments at the cursor: `SIZE => `. */
export function windowArguments(cursor: Cursor): CompletionItem[] {
  const open = openParenthesis(cursor.before);
  const head = cursor.before[open - 1];
  const found = head === undefined || open < 0 ? undefined : windowFunctionNamed(head.value);
  const last = cursor.before.at(-1);
  if (found === undefined || !(isOp(last, "(") || isOp(last, ","))) return [];
  const isFirst = isOp(last, "(");
  const words: CompletionItem[] = found.parameters.map(({ name, text }) => ({
    label: name,
    kind: "argument",
    insert: `${name} => `,
    description: text,
    detail: "=>",
    rank: 4,
  }));
  const table: CompletionItem = { label: "TABLE", kind: "keyword", insert: "TABLE ", rank: 6 };
  const descriptor: CompletionItem = {
    label: "DESCRIPTOR",
    kind: "keyword",
    insert: "DESCRIPTOR(",
    rank: 5,
  };
  return isFirst ? [table, ...words] : [descriptor, ...words];
}
