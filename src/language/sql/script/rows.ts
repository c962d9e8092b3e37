/** Answers of SHOW and DESCRIBE: rows of nullable strings and other columns. */
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { LiteralValue } from "../../../foundation/plan/expression.ts";
import type { StatementResult } from "./session-types.ts";

export function stringRows(
  names: readonly string[],
  rows: readonly (readonly (string | null)[])[],
): StatementResult {
  return typedRows(
    names.map((name) => [name, types.string()]),
    rows,
  );
}

export function typedRows(
  columns: readonly (readonly [string, LogicalType])[],
  rows: readonly (readonly LiteralValue[])[],
): StatementResult {
  const fields = columns.map(([name, type]) => ({ name, type }));
  return { kind: "rows", schema: { fields }, rows };
}
