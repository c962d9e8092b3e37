/** Windows as a plan says them: aggregates and joins of them, and the early and late firings of group windows. */
import type { LogicalType } from "../columnar/logical-type.ts";
import type { AggregateCall } from "./expression.ts";

export interface WindowSpec {
  readonly kind: "TUMBLE" | "HOP" | "CUMULATE" | "SESSION";
  readonly sizeMs: number;
  readonly slideMs?: number;
  readonly stepMs?: number;
  readonly gapMs?: number;
  readonly offsetMs: number;
  readonly partitionKeys?: readonly number[];
  readonly time: TimeColumn;
  /** Written as GROUP BY TUMBLE(…), the older form: early and late fire are for these alone. Not in plans. */
  readonly isGroupWindow?: boolean;
}
export interface TimeColumn {
  readonly attribute: "ROWTIME" | "PROCTIME";
  /** Field index of the time attribute. */
  readonly index: number;
  readonly type: LogicalType;
}
/** Firings of a group window beside that at its end: delays of processing time, 0 = on every row; absent = none. */
export interface WindowEmit {
  readonly earlyMs?: number;
  readonly lateMs?: number;
  /** For how long behind its end a window takes late rows. */
  readonly latenessMs: number;
}
export type WindowProperty = "window_start" | "window_end" | "window_time";
export interface WindowAggregateSpec {
  readonly window: WindowSpec;
  /** Set when the input already carries windows (second level): field indexes of window_start and window_end. */
  readonly attached?: { readonly start: number; readonly end: number };
  readonly grouping: readonly number[];
  readonly aggregates: readonly AggregateCall[];
  readonly properties: readonly WindowProperty[];
  /** Written as GROUP BY TUMBLE(…), the older form. */
  readonly isGroupWindow?: boolean;
  /** Set: the results are updated. */
  readonly emit?: WindowEmit;
  readonly generateUpdateBefore?: boolean;
  /** Its rows may be taken back; said here where there is `emit`, or no aggregate to say it. */
  readonly retracts?: boolean;
  /**
   * First half of two phases: folds rows by key and slice. Its output: the grouping fields, the slice's end (of attached windows
   * start and end), an accumulator as bytes, then the other fields that aggregates refer to.
   */
  readonly isLocal?: boolean;
  /**
   * Second half: the field with accumulators. Everything refers to its input, the output of a first half; the window's time
   * column is the slice's end.
   */
  readonly accumulators?: number;
}
/** Of one side of a join. */
export interface JoinedWindow {
  readonly window: WindowSpec;
  /** Fields of that side. */
  readonly start: number;
  readonly end: number;
}
