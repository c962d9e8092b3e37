/**
 * RowWriter: rows of a batch written straight to where they stay in state: the bytes of RowCodec without a copy between.
 *
 * Flow:    sizes(batch) → a kernel decides which rows stay and takes their blocks → store(batch, targets, from, to).
 * Layout:  row-layout.ts, row form; equal to what RowCodec encodes.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import { BatchColumns, pushElement } from "../batch-columns.ts";
import type { Local } from "../emitter/function-builder.ts";
import { ModuleBuilder } from "../emitter/module-builder.ts";
import { type CodegenRuntime, GeneratedModule } from "../generated-module.ts";
import { Prologue } from "../prologue.ts";
import { ReadAhead } from "./read-ahead.ts";
import { RowLayout } from "./row-layout.ts";

export interface RowWriter {
  /** u32[n] bytes of the rows, in the arena. */
  sizes(batch: BatchPtr): number;
  /** Writes the rows from … to - 1 of a batch to their addresses (u32[n], 0 = not at all). */
  store(batch: BatchPtr, targets: number, from: number, to: number): void;
}

export function compileRowWriter({
  schema,
  runtime,
  operator,
}: {
  readonly schema: Schema;
  readonly runtime: CodegenRuntime;
  readonly operator: string;
}): RowWriter {
  const layout = new RowLayout(physicalColumns(schema), "row");
  const builder = new ModuleBuilder();
  generateSizes(builder, schema, layout);
  generateStore(builder, schema, layout);
  const { exports } = new GeneratedModule({ runtime, module: builder, sites: [], operator });
  const sizes = exports.sizes as (batch: number) => number;
  const store = exports.store as (batch: number, to: number, from: number, end: number) => number;
  return {
    sizes: (batch) => sizes(batch) >>> 0,
    store(batch, targets, from, to) {
      store(batch, targets, from, to);
    },
  };
}

function generateSizes(builder: ModuleBuilder, schema: Schema, layout: RowLayout): void {
  const type = { params: ["i32" as const], results: ["i32" as const] };
  const f = builder.exportFunction("sizes", type, ["batch"]);
  const batch = f.params[0]!;
  const row = f.local("i32", "row");
  const rows = f.local("i32", "rows");
  const out = f.local("i32", "out");
  const arenaAlloc = builder.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
  f.get(batch).load("i32.load", BATCH_ROWS).tee(rows).i32(2).op("i32.shl");
  f.call(arenaAlloc).set(out);
  const prologue = new Prologue(f);
  const source = columnsOf(builder, schema, { prologue, batch, row });
  f.i32(0).set(row);
  f.for(row, rows, () => {
    const values = source.columns.map((_, index) => source.load(index));
    const size = layout.size(f, values);
    pushElement(f, out, row, 4);
    f.get(size).store("i32.store");
  });
  prologue.close();
  f.get(out);
}

function generateStore(builder: ModuleBuilder, schema: Schema, layout: RowLayout): void {
  const params = ["batch", "targets", "from", "to"];
  const type = { params: params.map(() => "i32" as const), results: ["i32" as const] };
  const f = builder.exportFunction("store", type, params);
  const [batch, targets, row, end] = f.params as [number, number, number, number];
  const to = f.local("i32", "address");
  const copyBytes = builder.importFunction("k", "copyBytes", KERNEL_SIGNATURES.copyBytes);
  const prologue = new Prologue(f);
  const source = columnsOf(builder, schema, { prologue, batch, row });
  const ahead = new ReadAhead(builder, { f, source, layout, row, end });
  f.for(row, end, () => {
    ahead.code();
    pushElement(f, targets, row, 4);
    f.load("i32.load").tee(to);
    f.if(() => {
      const values = source.columns.map((_, index) => source.load(index));
      layout.store(f, { to, values, copyBytes });
    });
  });
  prologue.close();
  f.get(targets);
}

function columnsOf(
  builder: ModuleBuilder,
  schema: Schema,
  at: { readonly prologue: Prologue; readonly batch: Local; readonly row: Local },
): BatchColumns {
  return new BatchColumns({ ...at, ones: builder.onesGlobal, schema, name: "c" });
}
