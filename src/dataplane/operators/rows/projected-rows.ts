/** ProjectedRows: some fields of a batch as a batch of their own; columns are shared, nothing is copied. */
import {
  BATCH_HEADER_BYTES,
  BATCH_KINDS,
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_BYTES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { physicalCount, physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

export class ProjectedRows {
  readonly schema: Schema;
  readonly #runtime: WorkerRuntime;
  readonly #columns: readonly number[];

  constructor(runtime: WorkerRuntime, input: Schema, fields: readonly number[]) {
    this.#runtime = runtime;
    this.schema = { fields: fields.map((index) => input.fields[index]!) };
    this.#columns = fields.flatMap((index) => {
      const first = physicalIndex(input, index);
      const count = physicalCount(input.fields[index]!.type);
      return Array.from({ length: count }, (_, i) => first + i);
    });
  }

  project(batch: BatchPtr): BatchPtr {
    const { kernels, memory } = this.#runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const kinds = new DataView(memory.buffer).getUint32(batch + BATCH_KINDS, true);
    const out = kernels.batchCreate(rows, this.#columns.length, kinds) >>> 0;
    const bytes = new Uint8Array(memory.buffer);
    this.#columns.forEach((column, index) => {
      const from = columnPtr(batch, column);
      bytes.copyWithin(out + BATCH_HEADER_BYTES + index * COLUMN_BYTES, from, from + COLUMN_BYTES);
    });
    return out;
  }
}
