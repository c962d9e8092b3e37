/**
 * What a file of conformance records becomes: cases that each run by themselves and say what they expected and got.
 *
 * Flow:    records → suites/* → case-thread.worker.ts → main.ts.
 * Verdicts: passed · failed (an unbuilt feature too) · excluded (exclusions.jsonl) · notRun (the data's own README says that
 *          the record cannot be run: code of Java in it, a user-defined function, no expectation).
 */
import { MillraceError } from "../../src/foundation/base/errors.ts";

export type Outcome =
  | { readonly passed: true }
  | { readonly passed: false; readonly expected: string; readonly got: string };

export interface ConformanceCase {
  /** Unique within its file. */
  readonly id: string;
  /** What `--only` is matched against besides the id. */
  readonly text: string;
  /** Why the record cannot be run at all. */
  readonly notRun?: string;
  readonly run: () => Outcome | Promise<Outcome>;
  /** Longer than the usual limit, for records with much data. */
  readonly limitMs?: number;
}

/** The cases of one file, given its text. */
export interface Suite {
  readonly file: string;
  load(text: string): readonly ConformanceCase[] | Promise<readonly ConformanceCase[]>;
}

export const passed: Outcome = { passed: true };

export function failed(expected: string, got: string): Outcome {
  return { passed: false, expected, got };
}

/** Passed when the texts are the same. */
export function sameTexts(expected: string, got: string): Outcome {
  return expected === got ? passed : failed(expected, got);
}

/** Lines of JSON. */
export function jsonLines<T>(text: string): T[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as T);
}

/** `name`, `name#2`, …: ids that occur more than once get a number. */
export function uniqueIds(): (id: string) => string {
  const seen = new Map<string, number>();
  return (id) => {
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    return count === 1 ? id : `${id}#${count}`;
  };
}

/** The row's value, as who runs a query at a terminal sees it. */
function rowValue(error: Error): string {
  return error instanceof MillraceError && error.place.value !== undefined
    ? ` ${error.place.value}`
    : "";
}

/** An error with its causes, in one line. */
export function errorText(error: unknown): string {
  const parts: string[] = [];
  for (let e: unknown = error; e !== undefined && e !== null && parts.length < 6; ) {
    if (!(e instanceof Error)) {
      parts.push(String(e));
      break;
    }
    const code = "code" in e && typeof e.code === "string" ? `${e.code} ` : "";
    if (!parts.some((part) => part.includes(e instanceof Error ? e.message : "")))
      parts.push(`${code}${e.message}${rowValue(e)}`);
    e = e.cause;
  }
  return parts.join(" ← ");
}
