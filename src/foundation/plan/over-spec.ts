/** Parts of the OverAggregate node: exec-node.ts. */
import type { LogicalType } from "../columnar/logical-type.ts";

export interface OverAggregateCall {
  /** An aggregate function, or ROW_NUMBER, RANK, DENSE_RANK, LEAD, LAG, NTILE, … */
  readonly function: string;
  readonly args: readonly number[];
  readonly distinct: boolean;
  readonly ignoreNulls: boolean;
  readonly type: LogicalType;
  readonly name: string;
  /** LEAD, LAG: how many rows away, when the plan knows: no more rows are kept. */
  readonly offset?: number;
}

/** ROWS: offsets count rows; RANGE: they are milliseconds (or the sort key's unit in bounded mode). */
export type OverBound =
  | { readonly kind: "currentRow" | "unboundedPreceding" | "unboundedFollowing" }
  | { readonly kind: "preceding" | "following"; readonly offset: number };
