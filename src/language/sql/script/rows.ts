/** Answers of SHOW and DESCRIBE: rows of nullable strings and other columns. */
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { LiteralValue } from "../../../foundation/plan/expression.ts";
import type { StatementResult } from "./session-types.ts";

type RowsResult = Extract<StatementResult, { readonly kind: "rows" }>;

export function stringRows(
  names: readonly string[],
  rows: readonly (readonly (string | null)[])[],
): RowsResult {
  return typedRows(
    names.map((name) => [name, types.string()]),
    rows,
  );
}

export function typedRows(
  columns: readonly (readonly [string, LogicalType])[],
  rows: readonly (readonly LiteralValue[])[],
): RowsResult {
  const fields = columns.map(([name, type]) => ({ name, type }));
  return { kind: "rows", schema: { fields }, rows };
}
