/**
 * For tests of generated code: batches from plain values, and plain values from batches. The runtime: test-runtime.test.ts.
 *
 * Values:  null; boolean; number for i8 to i32, f32, f64; bigint for i64 and i128 (DECIMAL: unscaled); string for text,
 *          Uint8Array for bytes; [millis, nanos] as bigints for ts128; an array of fields for ROW.
 */
import {
  BATCH_COLUMNS,
  BATCH_KINDS,
  BATCH_ROWS,
  BatchView,
  batchBytes,
  columnPtr,
} from "../../foundation/columnar/batch.ts";
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  physicalOf,
} from "../../foundation/columnar/logical-type.ts";
import { physicalCount, physicalIndex, type Schema } from "../../foundation/columnar/schema.ts";
import type { FunctionEnvironment } from "./functions/registry.ts";
import type { CodegenRuntime } from "./generated-module.ts";

export type TestValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly [bigint, bigint]
  | readonly TestValue[];

export const testEnvironment: FunctionEnvironment = {
  timeZone: "UTC",
  now: () => 0,
  watermark: () => Number.MIN_SAFE_INTEGER,
  random: () => 0.5,
  mode: "streaming",
  config: {},
};

/** `rows`: one value per field; `kinds`: RowKind bytes. */
export function writeBatch(
  runtime: CodegenRuntime,
  schema: Schema,
  rows: readonly (readonly TestValue[])[],
  kinds?: readonly number[],
): number {
  const count = schema.fields.reduce((sum, { type }) => sum + physicalCount(type), 0);
  const writer = new TestBatchWriter(runtime, count);
  writer.begin(rows.length, kinds);
  schema.fields.forEach(({ type }, i) => {
    const values = rows.map((row) => row[i]!);
    writer.column(physicalIndex(schema, i), type, values);
  });
  return writer.batch;
}

/** Under NULL: bytes that no reader may take for a value. */
const GARBAGE = 0xab;

class TestBatchWriter {
  readonly batch: number;
  readonly #runtime: CodegenRuntime;
  readonly #columns: number;

  constructor(runtime: CodegenRuntime, columns: number) {
    this.#runtime = runtime;
    this.#columns = columns;
    this.batch = this.#alloc(batchBytes(columns));
  }

  begin(rows: number, kinds: readonly number[] | undefined): void {
    const data = this.#data();
    data.setUint32(this.batch + BATCH_ROWS, rows, true);
    data.setUint32(this.batch + BATCH_COLUMNS, this.#columns, true);
    data.setUint32(this.batch + BATCH_KINDS, kinds === undefined ? 0 : this.#bytes(kinds), true);
  }

  column(index: number, type: LogicalType, values: readonly TestValue[]): void {
    const validity = this.#bytes(values.map((value) => (value === null ? 0 : 1)));
    const width = PHYSICAL_WIDTH[physicalOf(type)];
    const address = width === 0 ? 0 : this.#alloc(width * values.length);
    const anyNull = values.includes(null);
    this.#data().setUint32(columnPtr(this.batch, index), anyNull ? validity : 0, true);
    this.#data().setUint32(columnPtr(this.batch, index) + 4, address, true);
    values.forEach((value, row) => {
      const at = address + row * width;
      if (width === 0) return;
      if (value === null) new Uint8Array(this.#memory).fill(GARBAGE, at, at + width);
      else this.#value(type, value, at);
    });
    if (type.kind !== "ROW") return;
    let child = index + 1;
    type.fields.forEach((field, i) => {
      const own = values.map((value) => (value === null ? null : (value as TestValue[])[i]!));
      this.column(child, field.type, own);
      child += physicalCount(field.type);
    });
  }

  #value(type: LogicalType, value: Exclude<TestValue, null>, at: number): void {
    const data = this.#data();
    switch (physicalOf(type)) {
      case "bool":
      case "i8":
        data.setInt8(at, Number(value));
        return;
      case "i16":
        data.setInt16(at, Number(value), true);
        return;
      case "i32":
        data.setInt32(at, Number(value), true);
        return;
      case "f32":
        data.setFloat32(at, Number(value), true);
        return;
      case "f64":
        data.setFloat64(at, Number(value), true);
        return;
      case "i64":
        data.setBigInt64(at, BigInt(value as bigint), true);
        return;
      case "i128":
        data.setBigInt64(at, BigInt.asIntN(64, value as bigint), true);
        data.setBigInt64(at + 8, (value as bigint) >> 64n, true);
        return;
      case "ts128": {
        const [millis, nanos] = value as readonly [bigint, bigint];
        data.setBigInt64(at, millis, true);
        data.setBigInt64(at + 8, nanos, true);
        return;
      }
      default: {
        const content =
          typeof value === "string" ? new TextEncoder().encode(value) : (value as Uint8Array);
        const address = this.#bytes(content);
        this.#data().setUint32(at, address, true);
        this.#data().setUint32(at + 4, content.length, true);
      }
    }
  }

  /** Address of a copy in the arena. */
  #bytes(content: ArrayLike<number>): number {
    const address = this.#alloc(content.length);
    new Uint8Array(this.#memory).set(content, address);
    return address;
  }

  #alloc(bytes: number): number {
    return this.#runtime.kernels.arenaAlloc(bytes) >>> 0;
  }

  get #memory(): ArrayBuffer {
    return this.#runtime.memory.buffer;
  }

  #data(): DataView {
    return new DataView(this.#memory);
  }
}

export interface TestRow {
  readonly kind: number;
  readonly values: readonly TestValue[];
}

/** All rows of a batch; 0 reads as no rows. */
export function readBatch({ memory }: CodegenRuntime, schema: Schema, batch: number): TestRow[] {
  if (batch === 0) return [];
  const view = new BatchView(memory);
  return Array.from({ length: view.rows(batch) }, (_, row) => ({
    kind: view.kind(batch, row),
    values: schema.fields.map(({ type }, i) =>
      readValue(view, batch, type, physicalIndex(schema, i), row),
    ),
  }));
}

export function readRows(runtime: CodegenRuntime, schema: Schema, batch: number): TestValue[][] {
  return readBatch(runtime, schema, batch).map(({ values }) => [...values]);
}

function readValue(
  view: BatchView,
  batch: number,
  type: LogicalType,
  column: number,
  row: number,
): TestValue {
  if (view.isNull(batch, column, row)) return null;
  const physical = physicalOf(type);
  if (type.kind === "ROW") {
    let child = column + 1;
    return type.fields.map((field) => {
      const value = readValue(view, batch, field.type, child, row);
      child += physicalCount(field.type);
      return value;
    });
  }
  const { data } = view;
  const at = view.valuePtr(batch, column, row, PHYSICAL_WIDTH[physical]);
  switch (physical) {
    case "bool":
      return data.getUint8(at) === 1;
    case "i8":
      return data.getInt8(at);
    case "i16":
      return data.getInt16(at, true);
    case "i32":
      return data.getInt32(at, true);
    case "f32":
      return data.getFloat32(at, true);
    case "f64":
      return data.getFloat64(at, true);
    case "i64":
      return data.getBigInt64(at, true);
    case "i128":
      return data.getBigUint64(at, true) | (data.getBigInt64(at + 8, true) << 64n);
    case "ts128":
      return [data.getBigInt64(at, true), data.getBigInt64(at + 8, true)];
    default: {
      const bytes = view.bytes(at);
      return type.kind === "BINARY" || type.kind === "VARBINARY"
        ? bytes
        : new TextDecoder().decode(bytes);
    }
  }
}
