/**
 * KeyCodec: key bytes and hashes of a batch's rows, in the form that keyed maps take (contract/keyed-state.ts).
 *
 * Layout:  row-layout.ts, key form. Fixed keys lie packed, keyBytes each; variable keys are u64[n] views.
 * Lifetime: keys and hashes are in the arena; a variable key of one NOT NULL view is the column itself, not copied.
 * Empty:   no fields (a global aggregate) is one fixed key of 8 zero bytes.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { StateField } from "../state-layout.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import { BatchColumns, pushElement } from "../batch-columns.ts";
import { BatchWriter } from "../batch-writer.ts";
import type { FunctionBuilder, Local } from "../emitter/function-builder.ts";
import { ModuleBuilder } from "../emitter/module-builder.ts";
import { type CodegenRuntime, GeneratedModule } from "../generated-module.ts";
import { Prologue } from "../prologue.ts";
import { fieldColumns, type FieldColumns } from "./field-columns.ts";
import { EncodedColumns, RowLayout } from "./row-layout.ts";

export interface EncodedKeys {
  /** Packed fixed keys, or u64[n] views. */
  readonly keys: number;
  /** u64[n]. */
  readonly hashes: number;
}

export interface KeyCodec {
  /** Bytes of a fixed key, a multiple of 8; -1 for variable keys. */
  readonly keyBytes: number;
  readonly layout: RowLayout;
  /** For KeyedMapSpec.keyFields. */
  readonly keyFields: readonly StateField[];
  /** The key's fields as a schema. */
  readonly schema: Schema;
  encode(batch: BatchPtr): EncodedKeys;
  /**
   * Writes the fields of `n` keys into columns firstColumn… of a batch that has them allocated, rows from `at` on.
   * `keys` as encode() gives them: packed fixed keys, or views. View fields point into the key bytes.
   */
  decode(keys: number, n: number, out: BatchPtr, firstColumn: number, at: number): void;
  toText(): string;
}

/** Keys of rows of `schema` by the fields at these indexes. */
export function compileKeyCodec({
  schema,
  fields,
  runtime,
  operator,
}: {
  readonly schema: Schema;
  readonly fields: readonly number[];
  readonly runtime: CodegenRuntime;
  readonly operator: string;
}): KeyCodec {
  const key = keyShape(schema, fields);
  const builder = new ModuleBuilder();
  const { layout, columns } = key;
  generateEncode(builder, schema, key);
  generateDecode(builder, key);
  const module = new GeneratedModule({ runtime, module: builder, sites: [], operator });
  const encodeKeys = module.exports.encode as (batch: number) => number;
  const decodeKeys = module.exports.decode as (
    keys: number,
    n: number,
    out: number,
    first: number,
    at: number,
  ) => number;
  const { kernels, memory } = runtime;
  return {
    keyBytes: key.keyBytes,
    layout,
    schema: columns.schema,
    keyFields: key.keyFields,
    encode(batch) {
      const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
      const keys = encodeKeys(batch) >>> 0;
      const hashes = kernels.arenaAlloc(rows * 8) >>> 0;
      if (key.keyBytes < 0) kernels.hashViewBatch(rows, keys, hashes);
      else kernels.hashFixedBatch(rows, keys, key.keyBytes, hashes);
      return { keys, hashes };
    },
    decode(keys, n, out, firstColumn, at) {
      decodeKeys(keys, n, out, firstColumn, at);
    },
    toText: () => builder.toText(),
  };
}

export interface KeyShape {
  readonly columns: FieldColumns;
  readonly layout: RowLayout;
  readonly keyBytes: number;
  readonly keyFields: readonly StateField[];
}

export function keyShape(schema: Schema, fields: readonly number[]): KeyShape {
  const columns = fieldColumns(schema, fields);
  const layout = new RowLayout(columns.columns, "key");
  const keyBytes = layout.views.length > 0 ? -1 : Math.max(8, layout.fixedBytes);
  const keyFields = layout.slots.map(({ column, offset }) => ({
    name: column.path.join("."),
    offset: Math.max(0, offset),
    type: column.type,
  }));
  return { columns, layout, keyBytes, keyFields };
}

function generateEncode(builder: ModuleBuilder, schema: Schema, key: KeyShape): void {
  const { layout, columns, keyBytes } = key;
  const f = builder.exportFunction("encode", { params: ["i32"], results: ["i32"] }, ["batch"]);
  const batch = f.params[0]!;
  const rows = f.local("i32", "rows");
  const row = f.local("i32", "row");
  const out = f.local("i32", "out");
  const arenaAlloc = builder.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
  const prologue = new Prologue(f);
  const source = new BatchColumns({
    prologue,
    ones: builder.onesGlobal,
    schema,
    batch,
    row,
    name: "c",
  });
  if (layout.isSingleView) {
    f.get(source.valuesPtr(columns.indexes[0]!));
    prologue.close();
    return;
  }
  f.get(batch).load("i32.load", BATCH_ROWS).set(rows);
  const fixed = keyBytes > 0;
  const width = fixed ? keyBytes : 8;
  f.get(rows).i32(width).op("i32.mul").call(arenaAlloc).set(out);
  if (columns.indexes.length === 0) {
    f.get(out).i32(0).get(rows).i32(width).op("i32.mul").memoryFill();
  } else {
    const to = f.local("i32", "to");
    const copyBytes = builder.importFunction("k", "copyBytes", KERNEL_SIGNATURES.copyBytes);
    f.i32(0).set(row);
    f.for(row, rows, () => {
      const values = columns.indexes.map((index) => source.load(index));
      if (fixed) {
        f.get(out).get(row).i32(keyBytes).op("i32.mul").op("i32.add").set(to);
      } else {
        const size = layout.size(f, values);
        f.get(size).call(arenaAlloc).set(to);
        pushElement(f, out, row, 8);
        pushView(f, to, size);
        f.store("i64.store");
      }
      layout.store(f, { to, values, copyBytes });
    });
  }
  f.get(out);
  prologue.close();
}

/** Pushes the view of `size` bytes at `address`. */
export function pushView(f: FunctionBuilder, address: Local, size: Local): void {
  f.get(address).op("i64.extend_i32_u");
  f.get(size).op("i64.extend_i32_u").i64(32).op("i64.shl").op("i64.or");
}

function generateDecode(builder: ModuleBuilder, { layout, columns, keyBytes }: KeyShape): void {
  const f = builder.exportFunction(
    "decode",
    { params: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
    ["keys", "n", "out", "first", "at"],
  );
  const [keys, n, out, first, at] = f.params as [number, number, number, number, number];
  const row = f.local("i32", "row");
  const address = f.local("i32", "address");
  const view = f.local("i64", "view");
  // The descriptor's columns begin at a run-time index: shift the batch address instead.
  f.get(out).get(first).i32(3).op("i32.shl").op("i32.add").set(out);
  const prologue = new Prologue(f);
  const writer = new BatchWriter({ prologue, columns: columns.columns, batch: out });
  f.i32(0).set(row);
  f.for(row, n, () => {
    if (keyBytes > 0) f.get(keys).get(row).i32(keyBytes).op("i32.mul").op("i32.add").set(address);
    else {
      pushElement(f, keys, row, 8);
      f.load("i64.load").tee(view).op("i32.wrap_i64").set(address);
    }
    const source = new EncodedColumns(f, layout, address, layout.isSingleView ? view : undefined);
    columns.columns.forEach((_, index) => {
      writer.write(index, at, source.load(index));
    });
    f.get(at).i32(1).op("i32.add").set(at);
  });
  prologue.close();
  f.get(n);
}
