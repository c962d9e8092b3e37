/**
 * compileOverFold: the aggregates of OVER windows: rows folded one by one with the result after each.
 *
 * running: accumulators in state begin with the partition; each row is folded in, then its key's result is row i of `out`.
 * frames:  one temporary accumulator goes over the rows of a batch; row i of `out` is the result of rows [froms[i], tos[i]).
 *          A frame that goes on from the one before costs its new rows; with `slides` also those that left it, else it is
 *          folded anew.
 * DISTINCT: the calls see each value once: by a mask of the rows that count (running), or by the row before with the same
 *          value (frames): a row counts when that one is not in the frame.
 * Limits:  slides only for COUNT, SUM and AVG of exact numbers: they can be taken back without a trace.
 * Source:  Flink AbstractRowTimeUnboundedPrecedingOver, RowTimeRowsBoundedPrecedingFunction.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { BatchColumns } from "../batch-columns.ts";
import { BatchWriter } from "../batch-writer.ts";
import type { CompileOptions } from "../calc.ts";
import type { FunctionBuilder, Local } from "../emitter/function-builder.ts";
import { ModuleBuilder } from "../emitter/module-builder.ts";
import { GeneratedModule } from "../generated-module.ts";
import { Prologue } from "../prologue.ts";
import type { StateField } from "../state-layout.ts";
import {
  type AccumulateSpec,
  exported,
  generateAccumulate,
  generateFree,
  generateResults,
  loadListed,
  targetOf,
} from "./accumulate.ts";
import { ROWS_OFFSET } from "./accumulator-layout.ts";
import { type AggregateTarget, type Direction, kernel, pushHash } from "./aggregate-code.ts";
import { AggregatePlan } from "./aggregate-plan.ts";
import { aggregateHostFunctions } from "./host-functions.ts";
import { addCounter, emitUpdate } from "./update-code.ts";
import { copyView } from "./value-compare.ts";

export interface OverFoldSpec extends AccumulateSpec {
  /** Rows are taken out of a frame that moves on (see Limits). */
  readonly slides: boolean;
}

export interface CompiledOverFold {
  readonly valueBytes: number;
  readonly valueFields: readonly StateField[];
  accumulate(batch: BatchPtr, entries: number, map: number): void;
  /** Results of n entries into `out`, rows 0…. */
  results(entries: number, n: number, map: number, out: BatchPtr): void;
  /** mask: u8 a row, 0 = all rows count. */
  running(batch: BatchPtr, entries: number, mask: number, map: number, out: BatchPtr): void;
  /** previous: i32 a row of the batch, 0 = all rows count. `entry`: a zeroed accumulator of no map. */
  frames(
    batch: BatchPtr,
    frames: { readonly n: number; readonly froms: number; readonly tos: number },
    previous: number,
    entry: number,
    map: number,
    out: BatchPtr,
  ): void;
}

const EXACT = new Set(["TINYINT", "SMALLINT", "INT", "INTEGER", "BIGINT", "DECIMAL"]);

/** Whether frames of this call may slide. */
export function slides({ function: name, args }: AggregateCall, schema: Schema): boolean {
  if (name === "COUNT") return true;
  if (name !== "SUM" && name !== "AVG" && name !== "$SUM0" && name !== "SUM0") return false;
  return args.every((field) => EXACT.has(schema.fields[field]!.type.kind));
}

type Numbers = (...args: number[]) => number;

export function compileOverFold(spec: OverFoldSpec, options: CompileOptions): CompiledOverFold {
  const plan = new AggregatePlan(spec.input, spec.aggregates, { retract: spec.slides });
  const builder = new ModuleBuilder();
  generateAccumulate(builder, spec, plan);
  generateResults(builder, spec, plan);
  generateFree(builder, spec, plan);
  generateRunning(builder, spec, plan);
  generateFrames(builder, spec, plan);
  const { runtime, operator } = options;
  const host = aggregateHostFunctions({ ...spec, retract: spec.slides }, options);
  const module = new GeneratedModule({ runtime, module: builder, sites: [], operator, host });
  const run = (name: string, ...args: number[]) => {
    (module.exports[name] as Numbers)(...args);
    module.check();
  };
  return {
    valueBytes: plan.layout.valueBytes,
    valueFields: plan.layout.fields,
    accumulate: (batch, entries, map) => run("accumulate", batch, entries, map),
    results: (entries, n, map, out) => run("results", entries, n, map, out, 0, 0),
    running: (batch, entries, mask, map, out) => run("running", batch, entries, mask, map, out),
    frames: (batch, { n, froms, tos }, previous, entry, map, out) =>
      run("frames", batch, n, froms, tos, previous, entry, map, out),
  };
}

function update(
  plan: AggregatePlan,
  target: AggregateTarget,
  source: BatchColumns,
  direction: Direction,
): void {
  emitUpdate(plan, target, source, direction, { cursors: [], onEmpty: () => undefined });
  addCounter(target.f, target.entry, ROWS_OFFSET, direction);
}

function resultWriter(spec: OverFoldSpec, plan: AggregatePlan, prologue: Prologue, out: Local) {
  const schema = { fields: spec.aggregates.map(({ name, type }) => ({ name, type })) };
  const writer = new BatchWriter({ prologue, columns: physicalColumns(schema), batch: out });
  return (target: AggregateTarget, at: Local) => {
    plan.codes.forEach((code, column) => {
      const value = code.result(target);
      writer.write(column, at, value.physical === "view" ? copyView(target, value) : value);
    });
  };
}

function sourceOf(
  builder: ModuleBuilder,
  spec: OverFoldSpec,
  prologue: Prologue,
  batch: Local,
  row: Local,
): BatchColumns {
  const ones = builder.onesGlobal;
  return new BatchColumns({ prologue, ones, schema: spec.input, batch, row, name: "c" });
}

function generateRunning(builder: ModuleBuilder, spec: OverFoldSpec, plan: AggregatePlan): void {
  const f = exported(builder, "running", ["batch", "entries", "mask", "map", "out"]);
  const [batch, entries, mask, map, out] = f.params as [number, number, number, number, number];
  const [row, rows] = [f.local("i32", "row"), f.local("i32", "rows")];
  f.get(batch).load("i32.load", BATCH_ROWS).set(rows);
  const prologue = new Prologue(f);
  const source = sourceOf(builder, spec, prologue, batch, row);
  const write = resultWriter(spec, plan, prologue, out);
  const target = targetOf(f, builder, map, spec);
  const isAdd = f.local("i32", "isAdd");
  f.i32(1).set(isAdd);
  f.i32(0).set(row);
  f.for(row, rows, () => {
    loadListed(f, entries, row, target.entry);
    f.get(mask).if(
      () => f.get(mask).get(row).op("i32.add").load("i32.load8_u"),
      () => f.i32(1),
      "i32",
    );
    f.if(() => update(plan, target, source, spec.slides ? isAdd : "add"));
    write(target, row);
  });
  prologue.close();
  f.get(rows);
}

function generateFrames(builder: ModuleBuilder, spec: OverFoldSpec, plan: AggregatePlan): void {
  const names = ["batch", "n", "froms", "tos", "previous", "entry", "map", "out"];
  const f = exported(builder, "frames", names);
  const [batch, n, froms, tos, previous, entry, map, out] = f.params as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const i32 = (name: string) => f.local("i32", name);
  const [index, row, from, to] = [i32("index"), i32("row"), i32("from"), i32("to")];
  const [current, until, isAdd] = [i32("current"), i32("until"), i32("isAdd")];
  const prologue = new Prologue(f);
  const source = sourceOf(builder, spec, prologue, batch, row);
  const write = resultWriter(spec, plan, prologue, out);
  const target = targetOf(f, builder, map, spec);
  f.get(entry).set(target.entry);
  f.i32(0).set(index);
  f.for(index, n, () => {
    loadListed(f, froms, index, from);
    loadListed(f, tos, index, to);
    pushGoesOn(f, spec.slides, { from, to, current, until });
    f.if(
      () => {
        if (!spec.slides) return;
        f.i32(0).set(isAdd);
        f.get(current).set(row);
        f.for(row, from, () => update(plan, target, source, isAdd));
      },
      () => {
        clear(target, plan);
        f.get(from).set(until);
      },
    );
    f.get(from).set(current);
    f.i32(1).set(isAdd);
    f.get(until).set(row);
    f.for(row, to, () => {
      f.get(previous).if(
        () => {
          loadListed(f, previous, row, until);
          f.get(until).get(from).op("i32.lt_s");
        },
        () => f.i32(1),
        "i32",
      );
      f.if(() => update(plan, target, source, spec.slides ? isAdd : "add"));
    });
    f.get(to).set(until);
    write(target, index);
  });
  clear(target, plan);
  prologue.close();
  f.get(n);
}

/** Whether the frame [from, to) can be made of the rows [current, until) that are folded in. */
function pushGoesOn(
  f: FunctionBuilder,
  slides: boolean,
  { from, to, current, until }: { from: Local; to: Local; current: Local; until: Local },
): void {
  f.get(to).get(until).op("i32.ge_u");
  if (!slides) {
    f.get(from).get(current).op("i32.eq").op("i32.and");
    return;
  }
  f.get(from).get(current).op("i32.ge_u").op("i32.and");
  f.get(from).get(until).op("i32.le_u").op("i32.and");
}

function clear(target: AggregateTarget, plan: AggregatePlan): void {
  const { f } = target;
  for (const offset of plan.layout.handles) {
    f.get(target.map);
    pushHash(target);
    f.get(target.entry).i32(offset).op("i32.add").call(kernel(target, "slotFree"));
  }
  f.get(target.entry).i32(0).i32(plan.layout.valueBytes).memoryFill();
}
