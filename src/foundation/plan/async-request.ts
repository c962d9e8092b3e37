/** Requests whose answers come later: what AsyncCorrelate and lookup joins by key ask, and how. */
import type { RowField } from "../columnar/logical-type.ts";

/** What an asynchronous request asks: a function of the user, or a model. */
export type AsyncRequest =
  | { readonly kind: "scalar" | "table"; readonly function: string }
  | {
      readonly kind: "model";
      readonly name: string;
      readonly options: Readonly<Record<string, string>>;
      readonly input: readonly RowField[];
    };
export interface AsyncAsking {
  /** Answers may pass each other, but no watermark. */
  readonly unordered: boolean;
  /** Requests under way at once. */
  readonly capacity: number;
  /** Of one row, with all its retries. */
  readonly timeoutMs: number;
  /** After an error, or (`onEmpty`) after an answer without rows; `attempts` in all. */
  readonly retry?: { readonly delayMs: number; readonly attempts: number; readonly onEmpty?: true };
}
