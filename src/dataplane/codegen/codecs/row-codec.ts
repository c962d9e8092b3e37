/**
 * RowCodec: whole rows as bytes in state, and back. Equal rows are equal bytes.
 *
 * Layout:  row-layout.ts, row form: fixedBytes, then the bytes of views.
 * Encode:  all rows of a batch at once, or those listed, as views into the arena; copy them into a log with logAppend.
 * Decode:  through BatchBuilder (batch-builder.ts); views of decoded rows point into the encoded bytes.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import { BatchColumns } from "../batch-columns.ts";
import { ModuleBuilder } from "../emitter/module-builder.ts";
import { type CodegenRuntime, GeneratedModule } from "../generated-module.ts";
import { Prologue } from "../prologue.ts";
import { pushView } from "./key-codec.ts";
import { ReadAhead } from "./read-ahead.ts";
import { RowLayout } from "./row-layout.ts";

export interface RowCodec {
  readonly layout: RowLayout;
  readonly schema: Schema;
  /** Bytes of every row when no column is a view, else -1. */
  readonly rowBytes: number;
  /** u64[n] views (address | length << 32) of the rows' bytes, in the arena. */
  encode(batch: BatchPtr): number;
  /** One row; the view is written at the same place each time: read it before the next call. */
  encodeRow(batch: BatchPtr, row: number): { readonly address: number; readonly length: number };
  toText(): string;
}

export function compileRowCodec({
  schema,
  runtime,
  operator,
}: {
  readonly schema: Schema;
  readonly runtime: CodegenRuntime;
  readonly operator: string;
}): RowCodec {
  const columns = physicalColumns(schema);
  const layout = new RowLayout(columns, "row");
  const builder = new ModuleBuilder();
  generate(builder, schema, layout);
  const module = new GeneratedModule({ runtime, module: builder, sites: [], operator });
  const encodeRange = module.exports.encode as (batch: number, from: number, to: number) => number;
  const rowsOf = (batch: BatchPtr) =>
    new DataView(runtime.memory.buffer).getUint32(batch + BATCH_ROWS, true);
  return {
    layout,
    schema,
    rowBytes: layout.views.length > 0 ? -1 : layout.fixedBytes,
    encode: (batch) => encodeRange(batch, 0, rowsOf(batch)) >>> 0,
    encodeRow(batch, row) {
      const view = encodeRange(batch, row, row + 1) >>> 0;
      const data = new DataView(runtime.memory.buffer);
      return { address: data.getUint32(view, true), length: data.getUint32(view + 4, true) };
    },
    toText: () => builder.toText(),
  };
}

/** encode(batch, from, to) → views of rows [from, to). */
function generate(builder: ModuleBuilder, schema: Schema, layout: RowLayout): void {
  const f = builder.exportFunction("encode", { params: ["i32", "i32", "i32"], results: ["i32"] }, [
    "batch",
    "from",
    "to",
  ]);
  const [batch, row, end] = f.params as [number, number, number];
  const out = f.local("i32", "views");
  const view = f.local("i32", "view");
  const address = f.local("i32", "address");
  const arenaAlloc = builder.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
  f.get(end).get(row).op("i32.sub").i32(3).op("i32.shl").call(arenaAlloc).tee(out).set(view);
  const copyBytes = builder.importFunction("k", "copyBytes", KERNEL_SIGNATURES.copyBytes);
  const fixed = layout.views.length === 0;
  const block = f.local("i32", "block");
  if (fixed) {
    f.get(end).get(row).op("i32.sub").i32(layout.fixedBytes).op("i32.mul");
    f.call(arenaAlloc).set(block);
  }
  const prologue = new Prologue(f);
  const source = new BatchColumns({
    prologue,
    ones: builder.onesGlobal,
    schema,
    batch,
    row,
    name: "c",
  });
  const ahead = new ReadAhead(builder, { f, source, layout, row, end });
  f.for(row, end, () => {
    ahead.code();
    const values = source.columns.map((_, index) => source.load(index));
    const size = layout.size(f, values);
    if (fixed) {
      f.get(block).set(address);
      f.get(block).i32(layout.fixedBytes).op("i32.add").set(block);
    } else f.get(size).call(arenaAlloc).set(address);
    f.get(view);
    pushView(f, address, size);
    f.store("i64.store");
    f.get(view).i32(8).op("i32.add").set(view);
    layout.store(f, { to: address, values, copyBytes });
  });
  prologue.close();
  f.get(out);
}
