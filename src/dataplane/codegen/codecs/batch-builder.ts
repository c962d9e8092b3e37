/**
 * BatchBuilder: puts an output batch together from encoded rows and rows of other batches, many at a call.
 *
 * Groups:  the output's fields are those of one or more groups, one after the other (a join has two: left and right). Each
 *          group is filled on its own; row k of the output is row k of every group.
 * NULL:    an address 0, or a row number NO_ROW, makes all columns of its group NULL (outer joins).
 * Use:     begin(capacity), fill… for each group, kinds, finish(rows). Views point to where the rows came from.
 */
import {
  BATCH_KINDS,
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { assert } from "../../../foundation/base/errors.ts";
import {
  physicalColumns,
  physicalCount,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import { BatchColumns, type ColumnSource } from "../batch-columns.ts";
import { BatchWriter } from "../batch-writer.ts";
import type { FunctionBuilder, Local } from "../emitter/function-builder.ts";
import { ModuleBuilder } from "../emitter/module-builder.ts";
import { type CodegenRuntime, GeneratedModule } from "../generated-module.ts";
import { OutputColumns } from "../output-columns.ts";
import { Prologue } from "../prologue.ts";
import type { Value } from "../value.ts";
import { EncodedColumns, RowLayout } from "./row-layout.ts";

/** In a list of row numbers: the row whose columns are all NULL. */
export const NO_ROW = 0xffffffff;

export interface BatchBuilder {
  readonly output: Schema;
  /** Allocates the columns in the arena; returns the batch's address. */
  begin(capacity: number): BatchPtr;
  /** Rows `at`… of a group from the encoded rows (row-codec.ts) at the u32[n] addresses. */
  fillEncoded(group: number, at: number, addresses: number, n: number): void;
  /** Rows `at`… of a group from the u32[n] listed rows of a batch with the group's schema. */
  fillRows(group: number, at: number, batch: BatchPtr, rows: number, n: number): void;
  /** Address of the RowKind bytes, one per row of the capacity. */
  readonly kinds: number;
  setKind(row: number, kind: number): void;
  /** Address of a physical column's values or validity (0 = column never NULL), for columns filled by hand. */
  values(column: number): number;
  validity(column: number): number;
  /** `insertOnly`: leaves the RowKind column away. */
  finish(rows: number, options?: { readonly insertOnly?: boolean }): BatchPtr;
  toText(): string;
}

export function compileBatchBuilder({
  output,
  groups,
  runtime,
  operator,
}: {
  readonly output: Schema;
  /** Schemas of what groups are filled from, in order of the output's fields; default: the output itself. */
  readonly groups?: readonly Schema[];
  readonly runtime: CodegenRuntime;
  readonly operator: string;
}): BatchBuilder {
  const builder = new ModuleBuilder();
  generateBegin(builder, output);
  let first = 0;
  (groups ?? [output]).forEach((schema, group) => {
    generateFill(builder, output, schema, first, group);
    first += schema.fields.reduce((sum, { type }) => sum + physicalCount(type), 0);
  });
  assert(first <= physicalColumns(output).length, "groups have more columns than the output");
  const module = new GeneratedModule({ runtime, module: builder, sites: [], operator });
  return new Builder(output, module, builder, runtime);
}

class Builder implements BatchBuilder {
  readonly output: Schema;
  readonly #module: GeneratedModule;
  readonly #source: ModuleBuilder;
  readonly #memory: WebAssembly.Memory;
  #batch = 0;
  #kinds = 0;

  constructor(
    output: Schema,
    module: GeneratedModule,
    source: ModuleBuilder,
    { memory }: CodegenRuntime,
  ) {
    this.output = output;
    this.#module = module;
    this.#source = source;
    this.#memory = memory;
  }

  get kinds(): number {
    return this.#kinds;
  }

  begin(capacity: number): BatchPtr {
    this.#batch = (this.#module.exports.begin as (n: number) => number)(capacity) >>> 0;
    this.#kinds = this.#data().getUint32(this.#batch + BATCH_KINDS, true);
    return this.#batch;
  }

  fillEncoded(group: number, at: number, addresses: number, n: number): void {
    const fill = this.#module.exports[`encoded${group}`] as (...args: number[]) => number;
    fill(this.#batch, at, addresses, n);
  }

  fillRows(group: number, at: number, batch: BatchPtr, rows: number, n: number): void {
    const fill = this.#module.exports[`rows${group}`] as (...args: number[]) => number;
    fill(this.#batch, at, batch, rows, n);
  }

  setKind(row: number, kind: number): void {
    this.#data().setUint8(this.#kinds + row, kind);
  }

  values(column: number): number {
    return this.#data().getUint32(columnPtr(this.#batch, column) + COLUMN_VALUES, true);
  }

  validity(column: number): number {
    return this.#data().getUint32(columnPtr(this.#batch, column) + COLUMN_VALIDITY, true);
  }

  finish(rows: number, options: { readonly insertOnly?: boolean } = {}): BatchPtr {
    const data = this.#data();
    data.setUint32(this.#batch + BATCH_ROWS, rows, true);
    if (options.insertOnly === true) data.setUint32(this.#batch + BATCH_KINDS, 0, true);
    return this.#batch;
  }

  toText(): string {
    return this.#source.toText();
  }

  #data(): DataView {
    return new DataView(this.#memory.buffer);
  }
}

function generateBegin(builder: ModuleBuilder, output: Schema): void {
  const f = builder.exportFunction("begin", { params: ["i32"], results: ["i32"] }, ["capacity"]);
  const columns = physicalColumns(output);
  const out = new OutputColumns(f, {
    count: columns.length,
    columns: new Map(columns.map((column, index) => [index, column])),
  });
  const arenaAlloc = builder.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
  out.allocate(f.params[0]!, arenaAlloc, { kinds: true });
  f.get(out.batch);
}

function generateFill(
  builder: ModuleBuilder,
  output: Schema,
  schema: Schema,
  first: number,
  group: number,
): void {
  const columns = physicalColumns(output).slice(first, first + physicalColumns(schema).length);
  const layout = new RowLayout(physicalColumns(schema), "row");
  const target = { columns, first };
  {
    const f = builder.exportFunction(
      `encoded${group}`,
      { params: ["i32", "i32", "i32", "i32"], results: ["i32"] },
      ["out", "at", "addresses", "n"],
    );
    const [out, at, list, n] = f.params as [number, number, number, number];
    fillLoop(
      f,
      { out, at, list, n, none: 0 },
      target,
      (token) => new EncodedColumns(f, layout, token),
    );
  }
  const f = builder.exportFunction(
    `rows${group}`,
    { params: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
    ["out", "at", "batch", "rows", "n"],
  );
  const [out, at, batch, list, n] = f.params as [number, number, number, number, number];
  fillLoop(f, { out, at, list, n, none: NO_ROW }, target, (token, prologue) => {
    const ones = builder.onesGlobal;
    return new BatchColumns({ prologue, ones, schema, batch, row: token, name: "c" });
  });
}

function fillLoop(
  f: FunctionBuilder,
  args: { out: Local; at: Local; list: Local; n: Local; none: number },
  target: { readonly columns: ReturnType<typeof physicalColumns>; readonly first: number },
  open: (token: Local, prologue: Prologue) => ColumnSource,
): void {
  const { out, at, list, n } = args;
  const index = f.local("i32", "index");
  const token = f.local("i32", "token");
  const prologue = new Prologue(f);
  const writer = new BatchWriter({
    prologue,
    columns: target.columns,
    batch: out,
    first: target.first,
  });
  const source = open(token, prologue);
  f.i32(0).set(index);
  f.for(index, n, () => {
    f.get(list).get(index).i32(2).op("i32.shl").op("i32.add").load("i32.load").tee(token);
    f.i32(args.none | 0).op("i32.eq");
    f.if(
      () => {
        target.columns.forEach(({ type, physical }, column) => {
          const none: Value = { type, physical, parts: [], isNull: "always" };
          writer.write(column, at, none);
        });
      },
      () => {
        target.columns.forEach((_, column) => {
          writer.write(column, at, source.load(column));
        });
      },
    );
    f.get(at).i32(1).op("i32.add").set(at);
  });
  prologue.close();
  f.get(n);
}
