/** Batches from rows of JavaScript values (column-values.ts), for operators that run the user's code row by row. */
import {
  BATCH_KINDS,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { type Schema, physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import { ColumnWriter, MemoryView } from "../../codegen/column-access.ts";
import { writeValue } from "../../codegen/functions/column-values.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

/** `kinds`: one RowKind a row; absent: all are +I. */
export function valueBatch(
  runtime: WorkerRuntime,
  schema: Schema,
  rows: readonly (readonly Value[])[],
  kinds?: readonly number[],
): BatchPtr {
  const { kernels, memory } = runtime;
  const view = new MemoryView(memory);
  const writers = schema.fields.map(
    ({ type }) => new ColumnWriter(runtime, view, type, rows.length),
  );
  for (const [at, row] of rows.entries())
    for (const [i, writer] of writers.entries()) writeValue(writer, at, row[i] ?? null);
  const bytes = kinds === undefined ? 0 : kernels.arenaAlloc(rows.length) >>> 0;
  const columns = physicalColumns(schema).length;
  const batch = kernels.batchCreate(rows.length, columns, bytes) >>> 0;
  if (kinds !== undefined) view.bytes.set(kinds, bytes);
  view.data.setUint32(batch + BATCH_KINDS, bytes, true);
  const all = writers.flatMap(withFields);
  all.forEach((writer, i) => {
    view.data.setUint32(columnPtr(batch, i) + COLUMN_VALIDITY, writer.validity, true);
    view.data.setUint32(columnPtr(batch, i) + COLUMN_VALUES, writer.values, true);
  });
  return batch;
}

const withFields = (writer: ColumnWriter): ColumnWriter[] => [
  writer,
  ...writer.fields.flatMap(withFields),
];
