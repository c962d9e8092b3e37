/** Batches from rows of plain values (value-reader.ts), in the worker's arena: what the values connector hands to its chain. */
import {
  BATCH_COLUMNS,
  BATCH_KINDS,
  BATCH_ROWS,
  type BatchPtr,
  batchBytes,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../src/foundation/columnar/batch.ts";
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  physicalOf,
} from "../../src/foundation/columnar/logical-type.ts";
import {
  physicalCount,
  physicalColumns,
  type Schema,
} from "../../src/foundation/columnar/schema.ts";
import type {
  DecimalValue,
  TimestampValue,
  Value,
} from "../../src/foundation/columnar/value-reader.ts";
import type { WorkerRuntime } from "../../src/dataplane/contract/operator.ts";

const encoder = new TextEncoder();

/** `kinds`: RowKind bytes; absent: every row is +I. */
export function writeValueBatch(
  runtime: WorkerRuntime,
  schema: Schema,
  rows: readonly (readonly Value[])[],
  kinds?: readonly number[],
): BatchPtr {
  const writer = new ValueBatchWriter(runtime, rows.length);
  const columns = physicalColumns(schema).length;
  const batch = writer.allocate(batchBytes(columns));
  writer.data.setUint32(batch + BATCH_ROWS, rows.length, true);
  writer.data.setUint32(batch + BATCH_COLUMNS, columns, true);
  const kindsAt = kinds?.some((kind) => kind !== 0) ? writer.allocate(rows.length) : 0;
  if (kindsAt !== 0) new Uint8Array(runtime.memory.buffer, kindsAt).set(kinds ?? []);
  writer.data.setUint32(batch + BATCH_KINDS, kindsAt, true);
  let column = 0;
  schema.fields.forEach(({ type }, i) => {
    writer.column(
      batch,
      column,
      type,
      rows.map((row) => row[i] ?? null),
    );
    column += physicalCount(type);
  });
  return batch;
}

class ValueBatchWriter {
  readonly #runtime: WorkerRuntime;
  readonly #rows: number;

  constructor(runtime: WorkerRuntime, rows: number) {
    this.#runtime = runtime;
    this.#rows = rows;
  }

  get data(): DataView {
    return new DataView(this.#runtime.memory.buffer);
  }

  allocate(bytes: number): number {
    return this.#runtime.kernels.arenaAlloc(Math.max(8, bytes)) >>> 0;
  }

  column(batch: BatchPtr, index: number, type: LogicalType, values: readonly Value[]): void {
    const nulls = values.includes(null);
    const validity = nulls ? this.allocate(this.#rows) : 0;
    const physical = physicalOf(type);
    const width = PHYSICAL_WIDTH[physical];
    const at = width === 0 ? 0 : this.allocate(this.#rows * width);
    this.data.setUint32(columnPtr(batch, index) + COLUMN_VALIDITY, validity, true);
    this.data.setUint32(columnPtr(batch, index) + COLUMN_VALUES, at, true);
    values.forEach((value, row) => {
      if (nulls) this.data.setUint8(validity + row, value === null ? 0 : 1);
      if (value !== null && width > 0) this.#write(type, value, at + row * width);
    });
    if (type.kind !== "ROW" && type.kind !== "STRUCTURED") return;
    let child = index + 1;
    type.fields.forEach((field, i) => {
      const own = values.map((value) => (value === null ? null : (value as readonly Value[])[i]!));
      this.column(batch, child, field.type, own);
      child += physicalCount(field.type);
    });
  }

  #write(type: LogicalType, value: Exclude<Value, null>, at: number): void {
    const { data } = this;
    switch (physicalOf(type)) {
      case "bool":
        return data.setUint8(at, value === true ? 1 : 0);
      case "i8":
        return data.setInt8(at, value as number);
      case "i16":
        return data.setInt16(at, value as number, true);
      case "i32":
        return data.setInt32(at, value as number, true);
      case "f32":
        return data.setFloat32(at, value as number, true);
      case "f64":
        return data.setFloat64(at, value as number, true);
      case "i64":
        return data.setBigInt64(at, wide(type, value), true);
      case "i128": {
        const { unscaled } = value as DecimalValue;
        data.setBigInt64(at, BigInt.asIntN(64, unscaled), true);
        return data.setBigInt64(at + 8, unscaled >> 64n, true);
      }
      case "ts128": {
        const { millis, nanos } = value as TimestampValue;
        data.setBigInt64(at, BigInt(millis), true);
        return data.setBigInt64(at + 8, BigInt(nanos), true);
      }
      default:
        return this.#view(
          typeof value === "string" ? encoder.encode(value) : (value as Uint8Array),
          at,
        );
    }
  }

  #view(bytes: Uint8Array, at: number): void {
    const address = this.allocate(bytes.length);
    new Uint8Array(this.#runtime.memory.buffer).set(bytes, address);
    this.data.setUint32(at, address, true);
    this.data.setUint32(at + 4, bytes.length, true);
  }
}

function wide(type: LogicalType, value: Exclude<Value, null>): bigint {
  if (type.kind === "DECIMAL") return (value as DecimalValue).unscaled;
  if (type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ")
    return BigInt((value as TimestampValue).millis);
  return value as bigint;
}
