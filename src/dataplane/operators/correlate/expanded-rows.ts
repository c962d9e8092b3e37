/**
 * ExpandedRows: what a table function made of a batch: for each row that it gave, the row of the batch it belongs to and
 * the function's own columns.
 *
 * Shapes:  list u32[rows], ascending; per physical column validity u8[rows] and the values.
 * Life:    in the arena, as long as the batch.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";

export interface ExpandedColumn {
  readonly validity: number;
  /** 0 for `row` columns. */
  readonly values: number;
  readonly width: number;
}

export interface ExpandedRows {
  readonly rows: number;
  readonly list: number;
  /** In the order of the function's physical columns. */
  readonly columns: readonly ExpandedColumn[];
}

/** A table function at one place of a plan. */
export interface RowExpansion {
  expand(batch: BatchPtr): ExpandedRows;
  close?(): void;
}
