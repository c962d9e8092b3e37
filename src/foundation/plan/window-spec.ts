/** Windows as a plan says them, and the early and late firings of group windows. */
import type { LogicalType } from "../columnar/logical-type.ts";

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
