/**
 * Compiles a table's fields into the list that the kernels csvDecode and csvEncode walk; layouts in kernels/csv.as.ts.
 *
 * Errors:  MR3102 a column of a type that CSV does not carry (ROW, ARRAY, MAP …).
 */
import { type LogicalType, typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { MAX_BAD_RECORDS } from "../error-mode.ts";
import { formatErrors } from "../errors.ts";
import { allocateFixed, MemoryWriter } from "../memory-writer.ts";
import { BAD_RECORD_BYTES, PLAN_BAD_LIST } from "../record-plan.ts";
import { scalarKind } from "../scalar-kind.ts";
import type { CsvOptions } from "./csv-options.ts";

const HEADER_BYTES = 96;
const COLUMN_BYTES = 16;
const FIELD_BYTES = 32;
export const PLAN_FLAGS = 20;

export const CSV_FLAGS = {
  fieldErrorsNull: 1,
  skipBad: 2,
  comments: 4,
  skipFirst: 8,
  plainDecimal: 16,
  keepBlank: 32,
} as const;

export function checkCsvType(name: string, type: LogicalType, format = "csv"): void {
  if (scalarKind(type) === undefined)
    throw formatErrors.TYPE_UNSUPPORTED({ column: name, format, type: typeToString(type) });
}

export interface CsvField {
  readonly type: LogicalType;
  /** Column that it fills; −1 = not wanted. */
  readonly column: number;
}

/** Returns the plan's address. */
export function writeCsvPlan(
  runtime: WorkerRuntime,
  plan: {
    readonly fields: readonly CsvField[];
    /** Bytes per value of each column. */
    readonly widths: readonly number[];
    readonly outputs: readonly number[];
    readonly flags: number;
    readonly maxRows: number;
    readonly options: Pick<CsvOptions, "delimiter" | "quote" | "escape" | "nullLiteral">;
  },
): number {
  const { fields, widths, outputs, options } = plan;
  const nullText = new TextEncoder().encode(options.nullLiteral ?? "");
  const columnsAt = HEADER_BYTES;
  const fieldsAt = columnsAt + widths.length * COLUMN_BYTES;
  const outputsAt = fieldsAt + fields.length * FIELD_BYTES;
  const badAt = (outputsAt + outputs.length * 4 + 15) & ~15;
  const nullAt = badAt + MAX_BAD_RECORDS * BAD_RECORD_BYTES;
  const base = allocateFixed(runtime, nullAt + nullText.length + 16);
  const writer = new MemoryWriter(runtime.memory);
  writer.words(base + 4, [widths.length, base + columnsAt, outputs.length, base + outputsAt]);
  writer.words(base + PLAN_FLAGS, [plan.flags, base + fieldsAt, fields.length, plan.maxRows]);
  writer.words(base + PLAN_BAD_LIST, [base + badAt, MAX_BAD_RECORDS]);
  const nullBytes = options.nullLiteral === undefined ? 0xffffffff : nullText.length;
  const characters = [options.delimiter, options.quote, options.escape];
  writer.words(base + 64, [...characters, base + nullAt, nullBytes]);
  widths.forEach((width, i) => {
    writer.u32(base + columnsAt + i * COLUMN_BYTES, width);
  });
  fields.forEach(({ type, column }, i) => {
    const kind = column < 0 ? 0 : scalarKind(type)!;
    const precision = "precision" in type ? type.precision : 0;
    const scale = "scale" in type ? type.scale : 0;
    const words = [kind, 0, 0, column >>> 0, precision, scale, i];
    writer.words(base + fieldsAt + i * FIELD_BYTES, words);
  });
  writer.words(base + outputsAt, outputs);
  writer.bytes(base + nullAt, nullText);
  return base;
}
