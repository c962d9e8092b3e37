/** Between main.ts and case-thread.worker.ts. Version 1; both are always of one checkout. */
import type { Outcome } from "./suite.ts";

/** What the thread is started with. */
export interface ThreadOrder {
  readonly folder: string;
  readonly file: string;
  /** Index of the first case to run. */
  readonly from: number;
  readonly only?: string;
}

export type ThreadMessage =
  | { readonly kind: "loaded"; readonly cases: number }
  | {
      readonly kind: "start";
      readonly index: number;
      readonly id: string;
      readonly limitMs: number;
    }
  | {
      readonly kind: "result";
      readonly index: number;
      readonly id: string;
      readonly result: Result;
    }
  | { readonly kind: "end" };

export type Result =
  | { readonly verdict: "passed" }
  | { readonly verdict: "failed"; readonly expected: string; readonly got: string }
  | { readonly verdict: "excluded" | "notRun"; readonly reason: string };

export function resultOf(outcome: Outcome): Result {
  if (outcome.passed) return { verdict: "passed" };
  return { verdict: "failed", expected: outcome.expected, got: outcome.got };
}
