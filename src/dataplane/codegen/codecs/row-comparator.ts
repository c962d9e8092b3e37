/**
 * RowComparator: the order of rows by sort fields, over encoded rows (row-codec.ts) or rows of one batch; and stable sorts
 * of lists of them.
 *
 * Order:   as Flink sorts: Double.compare (NaN last, -0.0 before 0.0), FALSE before TRUE, text by unsigned bytes, NULLs where
 *          the field says. compare() gives a negative number, 0, or a positive one.
 * Sort:    bottom-up merge sort, n·log2(n) comparisons at most, one scratch list in the arena.
 * Errors:  TYPE_UNSUPPORTED for a ROW field.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import type { SortField } from "../../../foundation/plan/expression.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import { BatchColumns, type ColumnSource } from "../batch-columns.ts";
import type { FunctionBuilder, FunctionRef, Local } from "../emitter/function-builder.ts";
import { ModuleBuilder } from "../emitter/module-builder.ts";
import { codegenErrors } from "../errors.ts";
import { type CodegenRuntime, GeneratedModule } from "../generated-module.ts";
import { Prologue } from "../prologue.ts";
import type { Value } from "../value.ts";
import { pushNullFlag, pushPart } from "../value-code.ts";
import { EncodedColumns, RowLayout } from "./row-layout.ts";
import { generateSort } from "./sort.ts";

export interface RowComparator {
  /** Of encoded rows at two addresses. */
  compareEncoded(a: number, b: number): number;
  compareRows(batchA: BatchPtr, rowA: number, batchB: BatchPtr, rowB: number): number;
  /** Compares an encoded row with a row of a batch. */
  compareEncodedWithRow(a: number, batch: BatchPtr, row: number): number;
  /** Sorts a u32[n] list of addresses of encoded rows in place; stable. */
  sortEncoded(list: number, n: number): void;
  /** Sorts a u32[n] list of row numbers of one batch in place; stable. */
  sortRows(batch: BatchPtr, list: number, n: number): void;
  toText(): string;
}

export function compileRowComparator({
  schema,
  sort,
  runtime,
  operator,
}: {
  readonly schema: Schema;
  readonly sort: readonly SortField[];
  readonly runtime: CodegenRuntime;
  readonly operator: string;
}): RowComparator {
  const builder = new ModuleBuilder();
  const layout = new RowLayout(physicalColumns(schema), "row");
  const i32s = (n: number) => ({ params: Array<"i32">(n).fill("i32"), results: ["i32"] as const });
  const batchSource = (prologue: Prologue, batch: Local, row: Local, name: string) =>
    new BatchColumns({ prologue, ones: builder.onesGlobal, schema, batch, row, name });

  const compareViews = builder.importFunction("k", "compareViews", KERNEL_SIGNATURES.compareViews);
  const encoded = builder.exportFunction("compareEncoded", i32s(2), ["a", "b"]);
  generateCompare(
    encoded,
    schema,
    sort,
    [
      new EncodedColumns(encoded, layout, encoded.params[0]!),
      new EncodedColumns(encoded, layout, encoded.params[1]!),
    ],
    compareViews,
  );
  const rows = builder.exportFunction("compareRows", i32s(4), ["batchA", "rowA", "batchB", "rowB"]);
  {
    const [batchA, rowA, batchB, rowB] = rows.params as [number, number, number, number];
    const prologue = new Prologue(rows);
    generateCompare(
      rows,
      schema,
      sort,
      [batchSource(prologue, batchA, rowA, "a"), batchSource(prologue, batchB, rowB, "b")],
      compareViews,
    );
    prologue.close();
  }
  const mixed = builder.exportFunction("compareMixed", i32s(3), ["a", "batch", "row"]);
  {
    const [a, batch, row] = mixed.params as [number, number, number];
    const prologue = new Prologue(mixed);
    generateCompare(
      mixed,
      schema,
      sort,
      [new EncodedColumns(mixed, layout, a), batchSource(prologue, batch, row, "b")],
      compareViews,
    );
    prologue.close();
  }
  const arenaAlloc = builder.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
  generateSort(builder, "sortEncoded", arenaAlloc, (f, _batch, a, b) => {
    f.get(a).get(b).call(encoded);
  });
  generateSort(builder, "sortRows", arenaAlloc, (f, batch, a, b) => {
    f.get(batch).get(a).get(batch).get(b).call(rows);
  });
  const { exports } = new GeneratedModule({ runtime, module: builder, sites: [], operator });
  type Numbers = (...args: number[]) => number;
  return {
    compareEncoded: exports.compareEncoded as Numbers,
    compareRows: exports.compareRows as Numbers,
    compareEncodedWithRow: exports.compareMixed as Numbers,
    sortEncoded: (list, n) => {
      (exports.sortEncoded as Numbers)(0, list, n);
    },
    sortRows: (batch, list, n) => {
      (exports.sortRows as Numbers)(batch, list, n);
    },
    toText: () => builder.toText(),
  };
}

/** The body of a compare function: the first field that differs decides. */
function generateCompare(
  f: FunctionBuilder,
  schema: Schema,
  sort: readonly SortField[],
  [left, right]: readonly [ColumnSource, ColumnSource],
  compareViews: FunctionRef,
): void {
  for (const { index, descending, nullsFirst } of sort) {
    const column = physicalIndex(schema, index);
    const { type, physical } = physicalColumns(schema)[column]!;
    if (physical === "row")
      throw codegenErrors.TYPE_UNSUPPORTED({ type: typeToString(type), where: "ORDER BY" });
    const a = left.load(column);
    const b = right.load(column);
    const result = f.local("i32");
    const compare = () => {
      if (descending) pushOrder(f, compareViews, b, a);
      else pushOrder(f, compareViews, a, b);
      f.tee(result).if(() => f.get(result).return());
    };
    if (a.isNull === "never" && b.isNull === "never") {
      compare();
      continue;
    }
    pushNullFlag(f, a.isNull);
    pushNullFlag(f, b.isNull).op("i32.or");
    f.if(() => {
      // Exactly one NULL decides; two are equal.
      pushNullFlag(f, nullsFirst ? b.isNull : a.isNull);
      pushNullFlag(f, nullsFirst ? a.isNull : b.isNull)
        .op("i32.sub")
        .tee(result);
      f.if(() => f.get(result).return());
    }, compare);
  }
  f.i32(0);
}

/** Pushes an i32 with the sign of a − b. */
export function pushOrder(f: FunctionBuilder, compareViews: FunctionRef, a: Value, b: Value): void {
  const part = (value: Value, index: number) => pushPart(f, value.parts[index]!);
  const signs = (word: "i32" | "i64", index: number, unsigned = false) => {
    const s = unsigned ? "u" : "s";
    part(a, index);
    part(b, index).op(`${word}.gt_${s}`);
    part(a, index);
    part(b, index).op(`${word}.lt_${s}`).op("i32.sub");
  };
  switch (a.physical) {
    case "i64":
      signs("i64", 0);
      return;
    case "f32":
    case "f64":
      pushFloatOrder(f, a, b, a.physical);
      return;
    case "view":
      part(a, 0);
      part(b, 0).call(compareViews);
      return;
    case "i128":
    case "ts128": {
      const [high, low] = a.physical === "i128" ? [1, 0] : [0, 1];
      const result = f.local("i32");
      signs("i64", high);
      f.tee(result).if(
        () => f.get(result),
        () => signs("i64", low, a.physical === "i128"),
        "i32",
      );
      return;
    }
    default:
      signs("i32", 0);
  }
}

/** Java's Double.compare and Float.compare: by the bits, turned so that their signed order is the numbers'. */
function pushFloatOrder(f: FunctionBuilder, a: Value, b: Value, type: "f32" | "f64"): void {
  const word = type === "f32" ? "i32" : "i64";
  const keys = [a, b].map((value) => {
    const float = f.local(type);
    const bits = f.local(word);
    pushPart(f, value.parts[0]!).tee(float);
    if (type === "f32") f.f32(Number.NaN);
    else f.f64(Number.NaN);
    f.get(float).get(float).op(`${type}.eq`).op("select");
    f.op(type === "f32" ? "i32.reinterpret_f32" : "i64.reinterpret_f64").tee(bits);
    const constant = (value: number) => (word === "i32" ? f.i32(value) : f.i64(value));
    f.get(bits);
    constant(type === "f32" ? 31 : 63);
    f.op(`${word}.shr_s`);
    constant(1);
    f.op(`${word}.shr_u`).op(`${word}.xor`).set(bits);
    return bits;
  });
  const [x, y] = keys as [number, number];
  f.get(x).get(y).op(`${word}.gt_s`).get(x).get(y).op(`${word}.lt_s`).op("i32.sub");
}
