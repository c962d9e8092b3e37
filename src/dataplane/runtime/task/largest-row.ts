/**
 * LargestRow: which row of a batch an operator found no room for: errors of memory name it.
 *
 * Flow:    OperatorRunner, when its operator has failed for want of memory → here → MR5022. Never on the way of rows.
 * Shapes:  bytes of a row are those of its views (strings, arrays, maps …); fixed columns do not make a row large.
 * Limits:  a row below LARGE_BYTES is none to name: then it is the number of them that is too much.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { BatchPtr, BatchView } from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { runtimeErrors } from "../errors.ts";

export const LARGE_BYTES = 1024 * 1024;
const SHOWN_BYTES = 160;
/** Memory exhausted; a value beyond 1 GiB. */
const CODES: ReadonlySet<string> = new Set(["MR4001", "MR4003"]);

export interface LargestRow {
  /** From 1 on, as MR4107 counts. */
  readonly row: number;
  readonly rows: number;
  readonly bytes: number;
  /** Its largest field, and how that begins. */
  readonly field: string;
  readonly fieldBytes: number;
  readonly begins: string;
}

export function largestRow(
  view: BatchView,
  batch: BatchPtr,
  schema: Schema,
): LargestRow | undefined {
  const columns = physicalColumns(schema)
    .map(({ path, physical }, index) => ({ path, physical, index }))
    .filter(({ physical }) => physical === "view");
  const rows = view.rows(batch);
  let largest: LargestRow | undefined;
  for (let row = 0; row < rows; row++) {
    let bytes = 0;
    let most = { field: "", length: -1, at: 0 };
    for (const { path, index } of columns) {
      if (view.isNull(batch, index, row)) continue;
      const at = view.valuePtr(batch, index, row, 8);
      const length = view.data.getUint32(at + 4, true);
      bytes += length;
      if (length > most.length) most = { field: path.join("."), length, at };
    }
    if (most.length < 0 || bytes <= (largest?.bytes ?? -1)) continue;
    const address = view.data.getUint32(most.at, true);
    const begin = new Uint8Array(view.data.buffer, address, Math.min(most.length, SHOWN_BYTES));
    const begins = new TextDecoder().decode(begin);
    largest = { row: row + 1, rows, bytes, field: most.field, fieldBytes: most.length, begins };
  }
  return largest;
}

/** An error of memory with the operator and the row it was at; every other error as it is. */
export function withLargestRow(
  error: unknown,
  operator: string,
  find: () => LargestRow | undefined,
): unknown {
  if (!(error instanceof MillraceError) || !CODES.has(error.code)) return error;
  const found = find();
  const reason = error.message;
  if (found === undefined || found.bytes < LARGE_BYTES)
    return runtimeErrors.OPERATOR_MEMORY({ operator, reason }, { cause: error });
  const { begins, ...place } = found;
  const params = { operator, reason, ...place };
  return runtimeErrors.ROW_TOO_LARGE(params, { cause: error, value: begins });
}
