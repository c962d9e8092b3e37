/**
 * For tests of generated code: a worker runtime in this thread, batches from plain values, and plain values from batches.
 *
 * Values:  null; boolean; number for i8 to i32, f32, f64; bigint for i64 and i128 (DECIMAL: unscaled); string for text,
 *          Uint8Array for bytes; [millis, nanos] as bigints for ts128; an array of fields for ROW.
 */
import { readFileSync } from "node:fs";
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
import { instantiateKernels } from "../kernels/instantiate.ts";
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

let kernelModule: WebAssembly.Module | undefined;

export function testRuntime(): CodegenRuntime {
  kernelModule ??= new WebAssembly.Module(
    readFileSync(new URL("../kernels/kernels.wasm", import.meta.url)),
  );
  return instantiateKernels(kernelModule);
}

export const testEnvironment: FunctionEnvironment = {
  timeZone: "UTC",
  now: () => 0,
  random: () => 0.5,
  mode: "streaming",
  config: {},
};

/** `rows`: one value per field; `kinds`: RowKind bytes. */
export function writeBatch(
  { memory, kernels }: CodegenRuntime,
  schema: Schema,
  rows: readonly (readonly TestValue[])[],
  kinds?: readonly number[],
): number {
  const alloc = (bytes: number) => kernels.arenaAlloc(bytes) >>> 0;
  const count = schema.fields.reduce((sum, { type }) => sum + physicalCount(type), 0);
  const batch = alloc(batchBytes(count));
  const data = () => new DataView(memory.buffer);
  const bytes = (at: number, content: ArrayLike<number>) =>
    new Uint8Array(memory.buffer).set(content, at);
  const column = (index: number, type: LogicalType, values: readonly TestValue[]): void => {
    const validity = alloc(values.length);
    bytes(
      validity,
      values.map((value) => (value === null ? 0 : 1)),
    );
    const physical = physicalOf(type);
    const width = PHYSICAL_WIDTH[physical];
    const address = width === 0 ? 0 : alloc(width * values.length);
    const anyNull = values.includes(null);
    data().setUint32(columnPtr(batch, index), anyNull ? validity : 0, true);
    data().setUint32(columnPtr(batch, index) + 4, address, true);
    values.forEach((value, row) => {
      if (width > 0) {
        if (value === null)
          new Uint8Array(memory.buffer).fill(
            0xab,
            address + row * width,
            address + (row + 1) * width,
          );
        else writeValue(type, value, address + row * width);
      }
    });
    if (type.kind !== "ROW") return;
    let child = index + 1;
    type.fields.forEach((field, i) => {
      const own = values.map((value) => (value === null ? null : (value as TestValue[])[i]!));
      column(child, field.type, own);
      child += physicalCount(field.type);
    });
  };
  const writeValue = (type: LogicalType, value: Exclude<TestValue, null>, at: number): void => {
    switch (physicalOf(type)) {
      case "bool":
      case "i8":
        data().setInt8(at, Number(value));
        break;
      case "i16":
        data().setInt16(at, Number(value), true);
        break;
      case "i32":
        data().setInt32(at, Number(value), true);
        break;
      case "f32":
        data().setFloat32(at, Number(value), true);
        break;
      case "f64":
        data().setFloat64(at, Number(value), true);
        break;
      case "i64":
        data().setBigInt64(at, BigInt(value as bigint), true);
        break;
      case "i128":
        data().setBigInt64(at, BigInt.asIntN(64, value as bigint), true);
        data().setBigInt64(at + 8, (value as bigint) >> 64n, true);
        break;
      case "ts128": {
        const [millis, nanos] = value as readonly [bigint, bigint];
        data().setBigInt64(at, millis, true);
        data().setBigInt64(at + 8, nanos, true);
        break;
      }
      default: {
        const content =
          typeof value === "string" ? new TextEncoder().encode(value) : (value as Uint8Array);
        const address = alloc(content.length);
        bytes(address, content);
        data().setUint32(at, address, true);
        data().setUint32(at + 4, content.length, true);
      }
    }
  };
  data().setUint32(batch + BATCH_ROWS, rows.length, true);
  data().setUint32(batch + BATCH_COLUMNS, count, true);
  data().setUint32(batch + BATCH_KINDS, 0, true);
  if (kinds !== undefined) {
    const address = alloc(kinds.length);
    bytes(address, kinds);
    data().setUint32(batch + BATCH_KINDS, address, true);
  }
  schema.fields.forEach((field, i) => {
    column(
      physicalIndex(schema, i),
      field.type,
      rows.map((row) => row[i]!),
    );
  });
  return batch;
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
