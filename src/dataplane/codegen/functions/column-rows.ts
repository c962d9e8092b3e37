/** Loops of column functions: over the wanted rows, with NULL for NULL arguments unless a function takes them. */
import type { Call } from "../../../foundation/plan/expression.ts";
import type { ColumnCall, ColumnFunction, FunctionEnvironment } from "./registry.ts";

type RowBody = (columns: ColumnCall, row: number) => void;

/** Runs `body` for each wanted row whose arguments are all present; the others become NULL. */
export function eachRow(body: RowBody): (columns: ColumnCall) => void {
  return (columns) => {
    const { rows, mask, args, out } = columns;
    for (let row = 0; row < rows; row++) {
      if (mask !== undefined && mask[row] === 0) continue;
      if (args.some((arg) => arg.isNull(row))) out.setNull(row);
      else body(columns, row);
    }
  };
}

/** Runs `body` for each wanted row, NULL arguments or not. */
export function everyRow(body: RowBody): (columns: ColumnCall) => void {
  return (columns) => {
    for (let row = 0; row < columns.rows; row++) {
      if (columns.mask === undefined || columns.mask[row] !== 0) body(columns, row);
    }
  };
}

/** A column function whose body needs no preparation. */
export function rowFunction(
  body: RowBody,
  options: { readonly accepts?: (call: Call) => boolean; readonly deterministic?: boolean } = {},
): ColumnFunction {
  return { kind: "column", ...options, prepare: () => eachRow(body) };
}

/** Text from text: null makes the result NULL. */
export function textFunction(
  compute: (texts: readonly string[], environment: FunctionEnvironment) => string | null,
): ColumnFunction {
  return rowFunction(({ args, out, environment }, row) => {
    const result = compute(
      args.map((arg) => (arg.physical === "view" ? arg.string(row) : String(arg.bigint(row)))),
      environment,
    );
    if (result === null) out.setNull(row);
    else out.setString(row, result);
  });
}
