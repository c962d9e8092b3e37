/**
 * compileAccumulate: the aggregates of append-only input as batch functions, for operators that keep accumulators themselves:
 * window slices, local aggregates, over aggregates.
 *
 * Flow:    entries = mapUpsertBatch(…) → accumulate(); at the end of a window results(), or merge() of several slices into
 *          temporary accumulators (valueBytes zero bytes each, in the arena), then results().
 * Entries: u32[n] lists of EntryPtr. `map` is the KeyedMap's ptr of those entries (used for texts kept behind handles).
 * Temporary: accumulators outside a map. Texts in them point into the slices' state: read the results (with any map)
 *          before that state is changed.
 * Removal: free(entries) frees what accumulators keep in the log; then mapRemove.
 * DISTINCT: refused here (AGGREGATE_UNSUPPORTED): a window operator that wants it keys a GroupAggregate by the window.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import type { StateField } from "../state-layout.ts";
import { BatchColumns } from "../batch-columns.ts";
import { BatchWriter } from "../batch-writer.ts";
import type { CompileOptions } from "../calc.ts";
import type { FunctionBuilder, Local } from "../emitter/function-builder.ts";
import { ModuleBuilder } from "../emitter/module-builder.ts";
import { codegenErrors } from "../errors.ts";
import { GeneratedModule } from "../generated-module.ts";
import { Prologue } from "../prologue.ts";
import { ROWS_OFFSET } from "./accumulator-layout.ts";
import { type AggregateTarget, kernel, pushHash } from "./aggregate-code.ts";
import { AggregatePlan } from "./aggregate-plan.ts";
import { aggregateHostFunctions } from "./host-functions.ts";
import { generateMergeInto } from "./merge-into.ts";
import { addCounter, emitMerge, emitUpdate, loadIsAdd } from "./update-code.ts";
import { copyView } from "./value-compare.ts";

export interface AccumulateSpec {
  readonly input: Schema;
  readonly aggregates: readonly AggregateCall[];
  /** Bytes from an EntryPtr back to the entry's hash: hashDistance(keyBytes) of group-aggregate.ts. */
  readonly hashDistance: number;
  /** Rows may be taken back: of aggregates that can count down. */
  readonly retract?: boolean;
}

export interface CompiledAccumulate {
  /** Of an accumulator; a multiple of 8. All zero = no rows. */
  readonly valueBytes: number;
  readonly valueFields: readonly StateField[];
  /** Offsets of what is kept in the log. */
  readonly handles: readonly number[];
  /** Folds row i of the batch into entries[i]; an entry may occur many times. */
  accumulate(batch: BatchPtr, entries: number, map: number): void;
  /** Folds sources[i] (entries of `map`) into targets[i] (temporary accumulators); a target may occur many times. */
  merge(targets: number, sources: number, n: number, map: number): void;
  /**
   * Folds sources[i] (temporary accumulators) into entries[i] of `map`; an entry may occur many times. `scratch`: an entry's
   * hash, key and value have room there.
   */
  mergeInto(entries: number, sources: number, n: number, map: number, scratch: number): void;
  /**
   * Writes results into columns firstColumn… of a batch that has them allocated, rows `at`…. Texts are copied to the arena.
   */
  results(
    entries: number,
    n: number,
    map: number,
    out: BatchPtr,
    firstColumn: number,
    at: number,
  ): void;
  /** Frees what the accumulators keep in the log and zeroes them. */
  free(entries: number, n: number, map: number): void;
  toText(): string;
}

type Numbers = (...args: number[]) => number;

export function compileAccumulate(
  spec: AccumulateSpec,
  options: CompileOptions,
): CompiledAccumulate {
  const plan = new AggregatePlan(spec.input, spec.aggregates, { retract: spec.retract === true });
  if (plan.distinctSets.length > 0)
    throw codegenErrors.AGGREGATE_UNSUPPORTED({
      function: spec.aggregates.find(({ distinct }) => distinct)!.function,
      reason: "DISTINCT is not available for accumulators that are merged",
    });
  const builder = new ModuleBuilder();
  generateAccumulate(builder, spec, plan);
  generateMerge(builder, spec, plan);
  generateMergeInto(builder, spec, plan);
  generateResults(builder, spec, plan);
  generateFree(builder, spec, plan);
  const { runtime, operator } = options;
  const host = aggregateHostFunctions({ ...spec, retract: spec.retract === true }, options);
  const module = new GeneratedModule({ runtime, module: builder, sites: [], operator, host });
  const { exports } = module;
  const names = ["accumulate", "merge", "mergeInto", "results", "free"] as const;
  const [accumulate, merge, mergeInto, results, free] = names.map(
    (name) => exports[name] as Numbers,
  ) as [Numbers, Numbers, Numbers, Numbers, Numbers];
  return {
    valueBytes: plan.layout.valueBytes,
    valueFields: plan.layout.fields,
    handles: plan.layout.handles,
    accumulate(batch, entries, map) {
      accumulate(batch, entries, map);
      module.check();
    },
    merge(targets, sources, n, map) {
      merge(targets, sources, n, map);
      module.check();
    },
    mergeInto(entries, sources, n, map, scratch) {
      mergeInto(entries, sources, n, map, scratch);
      module.check();
    },
    results(entries, n, map, out, first, at) {
      results(entries, n, map, out, first, at);
      module.check();
    },
    free: (entries, n, map) => void free(entries, n, map),
    toText: () => builder.toText(),
  };
}

/** Reads accumulators of any operator, also those that rows are taken back from: results() of CompiledAccumulate alone. */
export function compileResults(
  spec: AccumulateSpec & { readonly retract: boolean },
  options: CompileOptions,
): CompiledAccumulate["results"] {
  const { retract } = spec;
  const plan = new AggregatePlan(spec.input, spec.aggregates, { retract });
  const builder = new ModuleBuilder();
  generateResults(builder, spec, plan);
  const { runtime, operator } = options;
  const host = aggregateHostFunctions(spec, options);
  const module = new GeneratedModule({ runtime, module: builder, sites: [], operator, host });
  const results = module.exports.results as Numbers;
  return (entries, n, map, out, first, at) => {
    results(entries, n, map, out, first, at);
    module.check();
  };
}

export function exported(
  builder: ModuleBuilder,
  name: string,
  params: readonly string[],
): FunctionBuilder {
  const type = { params: params.map(() => "i32" as const), results: ["i32" as const] };
  return builder.exportFunction(name, type, params);
}

export function targetOf(
  f: FunctionBuilder,
  module: ModuleBuilder,
  map: Local,
  { hashDistance }: AccumulateSpec,
): AggregateTarget {
  return { f, module, entry: f.local("i32", "entry"), map, hashDistance };
}

export function loadListed(f: FunctionBuilder, list: Local, index: Local, to: Local): void {
  f.get(list).get(index).i32(2).op("i32.shl").op("i32.add").load("i32.load").set(to);
}

export function generateAccumulate(
  builder: ModuleBuilder,
  spec: AccumulateSpec,
  plan: AggregatePlan,
): void {
  const f = exported(builder, "accumulate", ["batch", "entries", "map"]);
  const [batch, entries, map] = f.params as [number, number, number];
  const [row, rows] = [f.local("i32", "row"), f.local("i32", "rows")];
  f.get(batch).load("i32.load", BATCH_ROWS).set(rows);
  const prologue = new Prologue(f);
  const ones = builder.onesGlobal;
  const source = new BatchColumns({ prologue, ones, schema: spec.input, batch, row, name: "c" });
  const target = targetOf(f, builder, map, spec);
  const isAdd = plan.retract ? f.local("i32", "isAdd") : undefined;
  f.i32(0).set(row);
  f.for(row, rows, () => {
    loadListed(f, entries, row, target.entry);
    if (isAdd !== undefined) loadIsAdd(f, prologue, batch, row, isAdd);
    emitUpdate(plan, target, source, isAdd ?? "add", { cursors: [], onEmpty: () => undefined });
    addCounter(f, target.entry, ROWS_OFFSET, isAdd ?? "add");
  });
  prologue.close();
  f.get(rows);
}

function generateMerge(builder: ModuleBuilder, spec: AccumulateSpec, plan: AggregatePlan): void {
  const f = exported(builder, "merge", ["targets", "sources", "n", "map"]);
  const [targets, sources, n, map] = f.params as [number, number, number, number];
  const index = f.local("i32", "index");
  const into = targetOf(f, builder, map, spec);
  const from = targetOf(f, builder, map, spec);
  f.i32(0).set(index);
  f.for(index, n, () => {
    loadListed(f, targets, index, into.entry);
    loadListed(f, sources, index, from.entry);
    emitMerge(plan, into, from);
  });
  f.get(n);
}

export function generateResults(
  builder: ModuleBuilder,
  spec: AccumulateSpec,
  plan: AggregatePlan,
): void {
  const f = exported(builder, "results", ["entries", "n", "map", "out", "first", "at"]);
  const [entries, n, map, out, first, at] = f.params as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const index = f.local("i32", "index");
  const schema = { fields: spec.aggregates.map(({ name, type }) => ({ name, type })) };
  // The first column is known at run time: shift the descriptor instead.
  f.get(out).get(first).i32(3).op("i32.shl").op("i32.add").set(out);
  const prologue = new Prologue(f);
  const writer = new BatchWriter({ prologue, columns: physicalColumns(schema), batch: out });
  const target = targetOf(f, builder, map, spec);
  f.i32(0).set(index);
  f.for(index, n, () => {
    loadListed(f, entries, index, target.entry);
    plan.codes.forEach((code, column) => {
      const value = code.result(target);
      writer.write(column, at, value.physical === "view" ? copyView(target, value) : value);
    });
    f.get(at).i32(1).op("i32.add").set(at);
  });
  prologue.close();
  f.get(n);
}

export function generateFree(
  builder: ModuleBuilder,
  spec: AccumulateSpec,
  plan: AggregatePlan,
): void {
  const f = exported(builder, "free", ["entries", "n", "map"]);
  const [entries, n, map] = f.params as [number, number, number];
  const index = f.local("i32", "index");
  const target = targetOf(f, builder, map, spec);
  f.i32(0).set(index);
  f.for(index, n, () => {
    loadListed(f, entries, index, target.entry);
    for (const offset of plan.layout.handles) {
      f.get(map);
      pushHash(target);
      f.get(target.entry).i32(offset).op("i32.add").call(kernel(target, "slotFree"));
    }
    f.get(target.entry).i32(0).i32(plan.layout.valueBytes).memoryFill();
  });
  f.get(n);
}
