/**
 * compilePartialRows, compilePartialMerge: what a local and an incremental half make of their input, as batch functions: both
 * fold into scratch accumulators and value sets, which go on as rows (foundation/plan/value-sets.ts).
 *
 * Flow:    operators/group-aggregate/partial-bundle.ts: entries of scratch maps → fold() … → accumulators(), counts(set) → free().
 * Rows:    plain aggregates are updated in their accumulator; for a set the count of its entry changes.
 * Parts:   accumulators are merged; DISTINCT values change their entry in state, and the accumulator when one comes or goes;
 *          counts of extremes are added up.
 * Bytes:   an accumulator goes on as its fixed part, then what its view slots hold: a slot has u32 offset in the bytes and u32
 *          length. Without view slots the bytes are the entry's own.
 */
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { isExtreme, type ValueSet } from "../../../foundation/plan/value-sets.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import { BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { BatchColumns, type ColumnSource } from "../batch-columns.ts";
import type { CompileOptions } from "../calc.ts";
import type { FunctionBuilder, GlobalRef, Local } from "../emitter/function-builder.ts";
import { ModuleBuilder } from "../emitter/module-builder.ts";
import { GeneratedModule } from "../generated-module.ts";
import { Prologue } from "../prologue.ts";
import type { Value } from "../value.ts";
import { exported, generateFree, loadListed, targetOf } from "./accumulate.ts";
import { ROWS_OFFSET } from "./accumulator-layout.ts";
import { type AggregateTarget, type Direction, kernel, pushHash } from "./aggregate-code.ts";
import { AggregatePlan } from "./aggregate-plan.ts";
import { DeadList } from "./dead-list.ts";
import { aggregateHostFunctions } from "./host-functions.ts";
import { MergedParts } from "./merged-parts.ts";
import type { Parts } from "./parts-of-input.ts";
import { addCounter, loadIsAdd, pushCondition, pushCounts, updateMembers } from "./update-code.ts";

export interface PartialSpec {
  /** What the aggregates' arguments refer to. */
  readonly rows: Schema;
  readonly aggregates: readonly AggregateCall[];
  readonly retract: boolean;
  /** Sets whose values go on: of local rows all, of an incremental half those of extremes. */
  readonly sets: readonly ValueSet[];
  readonly hashDistance: number;
}

export interface IncrementalSpec extends PartialSpec {
  readonly input: Schema;
  /** Of the input. */
  readonly parts: Parts;
  /** Of the maps of DISTINCT values in state. */
  readonly distinctHashDistances: readonly number[];
}

export interface CompiledPartial {
  readonly plan: AggregatePlan;
  /** `lists`: for each set u32 entries, one for each row that counts; `distinct`: entries of state, an incremental half's. */
  fold(options: {
    readonly batch: number;
    readonly entries: number;
    readonly map: number;
    readonly lists: readonly number[];
    readonly distinct?: readonly number[];
  }): void;
  /** Removes the DISTINCT values that count nothing any more. */
  sweep(maps: readonly number[]): void;
  /** i64[n] views of the accumulators' bytes. */
  accumulators(entries: number, n: number, map: number): number;
  /** Entries of a set that count: u32 list of their places at `list`, the counts of filter i as i64[n] at `out` + 8·n·i. */
  counts(set: number, entries: number, n: number, list: number, out: number): number;
  free(entries: number, n: number, map: number): void;
}

type Numbers = (...args: number[]) => number;

export function compilePartialRows(spec: PartialSpec, options: CompileOptions): CompiledPartial {
  const plan = new AggregatePlan(spec.rows, spec.aggregates, { retract: spec.retract });
  const builder = new ModuleBuilder();
  generateRows(builder, spec, plan);
  return compiled(builder, spec, plan, options);
}

export function compilePartialMerge(
  spec: IncrementalSpec,
  options: CompileOptions,
): CompiledPartial {
  const plan = new AggregatePlan(spec.rows, spec.aggregates, { retract: spec.retract });
  const builder = new ModuleBuilder();
  const dead = plan.distinctSets.map((_, index) => new DeadList(builder, `dead${index}`));
  generateMerge(builder, spec, plan, dead);
  generateSweep(builder, spec, plan, dead);
  return compiled(builder, spec, plan, options);
}

function compiled(
  builder: ModuleBuilder,
  spec: PartialSpec,
  plan: AggregatePlan,
  options: CompileOptions,
): CompiledPartial {
  const layout = { input: spec.rows, aggregates: spec.aggregates, hashDistance: spec.hashDistance };
  generateBytes(builder, spec, plan);
  for (const [index, set] of spec.sets.entries()) generateCounts(builder, set, index);
  generateFree(builder, layout, plan);
  const { runtime, operator } = options;
  const host = aggregateHostFunctions({ ...layout, retract: spec.retract }, options);
  const module = new GeneratedModule({ runtime, module: builder, sites: [], operator, host });
  const exports = module.exports as Record<string, Numbers>;
  return {
    plan,
    fold({ batch, entries, map, lists, distinct = [] }) {
      exports.begin!(...lists, ...distinct);
      exports.fold!(batch, entries, map);
      module.check();
    },
    sweep: (maps) => void exports.sweep?.(...maps),
    accumulators: (entries, n, map) => exports.bytes!(entries, n, map) >>> 0,
    counts: (set, entries, n, list, out) => exports[`counts${set}`]!(entries, n, list, out),
    free: (entries, n, map) => void exports.free!(entries, n, map),
  };
}

/** begin(list0, …): sets the cursors. */
function generateBegin(builder: ModuleBuilder, count: number): GlobalRef[] {
  const cursors = Array.from({ length: count }, (_, i) => builder.global(`cursor${i}`, "i32"));
  const params = cursors.map(({ name }) => name);
  const type = { params: params.map(() => "i32" as const), results: [] };
  const f = builder.exportFunction("begin", type, params);
  cursors.forEach((cursor, index) => {
    f.get(f.params[index]!).globalSet(cursor);
  });
  return cursors;
}

function loadCursors(f: FunctionBuilder, cursors: readonly GlobalRef[]): Local[] {
  return cursors.map((global) => {
    const local = f.local("i32", `at_${global.name}`);
    f.globalGet(global).set(local);
    return local;
  });
}

/** Pushes nothing; a local with the next entry, behind which the cursor stands then. */
function nextEntry(f: FunctionBuilder, cursor: Local): Local {
  const entry = f.local("i32", "value");
  f.get(cursor).load("i32.load").set(entry);
  f.get(cursor).i32(4).op("i32.add").set(cursor);
  return entry;
}

function generateRows(builder: ModuleBuilder, spec: PartialSpec, plan: AggregatePlan): void {
  const begun = generateBegin(builder, spec.sets.length);
  const f = exported(builder, "fold", ["batch", "entries", "map"]);
  const [batch, entries, map] = f.params as [number, number, number];
  const [row, rows] = [f.local("i32", "row"), f.local("i32", "rows")];
  f.get(batch).load("i32.load", BATCH_ROWS).set(rows);
  const cursors = loadCursors(f, begun);
  const prologue = new Prologue(f);
  const ones = builder.onesGlobal;
  const source = new BatchColumns({ prologue, ones, schema: spec.rows, batch, row, name: "c" });
  const target = targetOf(f, builder, map, layoutOf(spec));
  const isAdd = spec.retract ? f.local("i32", "isAdd") : undefined;
  f.i32(0).set(row);
  f.for(row, rows, () => {
    loadListed(f, entries, row, target.entry);
    if (isAdd !== undefined) loadIsAdd(f, prologue, batch, row, isAdd);
    foldRow(spec, plan, { target, source, cursors, direction: isAdd ?? "add" });
    addCounter(f, target.entry, ROWS_OFFSET, isAdd ?? "add");
  });
  prologue.close();
  f.get(rows);
}

const layoutOf = ({ rows, aggregates, hashDistance }: PartialSpec) => ({
  input: rows,
  aggregates,
  hashDistance,
});

interface FoldedRow {
  readonly target: AggregateTarget;
  readonly source: ColumnSource;
  readonly cursors: readonly Local[];
  readonly direction: Direction;
}

function foldRow(spec: PartialSpec, plan: AggregatePlan, row: FoldedRow): void {
  const { target, source, cursors, direction } = row;
  const { f } = target;
  const values = new Map<number, Value>();
  const load = (field: number): Value => {
    const value = values.get(field) ?? source.load(physicalIndex(spec.rows, field));
    values.set(field, value);
    return value;
  };
  for (const { args, filter } of spec.aggregates) {
    // Loaded outside the tests, so that every group may use them.
    args.forEach(load);
    if (filter >= 0) load(filter);
  }
  spec.sets.forEach((set, index) => {
    pushCounts(f, set, load);
    f.if(() => {
      const entry = nextEntry(f, cursors[index]!);
      set.filters.forEach((filter, bit) => {
        const count = () => addCounter(f, entry, bit * 8, direction);
        if (filter < 0) count();
        else {
          pushCondition(f, { arg: -1, filter }, load);
          f.if(count);
        }
      });
    });
  });
  for (const group of plan.groups) {
    if (group.distinct >= 0) continue;
    const members = group.members.filter(({ call }) => !(spec.retract && isExtreme(call.function)));
    if (members.length === 0 && group.counter === undefined) continue;
    const update = () => updateMembers(target, { ...group, members }, load, direction);
    const isTested = group.filter >= 0 || (group.arg >= 0 && load(group.arg).isNull !== "never");
    if (!isTested) {
      update();
      continue;
    }
    pushCondition(f, group, load);
    f.if(update);
  }
}

function generateMerge(
  builder: ModuleBuilder,
  spec: IncrementalSpec,
  plan: AggregatePlan,
  dead: readonly DeadList[],
): void {
  const { sets, parts, input } = spec;
  const begun = generateBegin(builder, sets.length + plan.distinctSets.length);
  const f = exported(builder, "fold", ["batch", "entries", "map"]);
  const [batch, entries, map] = f.params as [number, number, number];
  const [row, rows] = [f.local("i32", "row"), f.local("i32", "rows")];
  f.get(batch).load("i32.load", BATCH_ROWS).set(rows);
  for (const list of dead) list.clear(f);
  const all = loadCursors(f, begun);
  const cursors = all.slice(sets.length);
  const prologue = new Prologue(f);
  const ones = builder.onesGlobal;
  const source = new BatchColumns({ prologue, ones, schema: input, batch, row, name: "c" });
  const into = targetOf(f, builder, map, layoutOf(spec));
  const from = targetOf(f, builder, map, layoutOf(spec));
  const merged = new MergedParts({ plan, input, ...parts });
  f.i32(0).set(row);
  f.for(row, rows, () => {
    loadListed(f, entries, row, into.entry);
    merged.emit({
      into,
      from,
      source,
      prologue,
      cursors,
      onEmpty: (set, entry) => dead[set]!.add(f, entry),
      passExtremes: (set, count) => {
        const own = parts.sets.slice(0, set).filter(({ kind }) => kind === "extremes").length;
        const entry = nextEntry(f, all[own]!);
        parts.sets[set]!.filters.forEach((_, bit) => {
          f.get(entry)
            .get(entry)
            .load("i64.load", bit * 8)
            .get(count(bit))
            .op("i64.add");
          f.store("i64.store", bit * 8);
        });
      },
    });
  });
  prologue.close();
  f.get(rows);
}

function generateSweep(
  builder: ModuleBuilder,
  spec: IncrementalSpec,
  plan: AggregatePlan,
  dead: readonly DeadList[],
): void {
  const params = dead.map((_, index) => `map${index}`);
  const type = { params: params.map(() => "i32" as const), results: [] };
  const f = builder.exportFunction("sweep", type, params);
  if (!spec.retract) return;
  dead.forEach((list, index) => {
    const counts = plan.distinctSets[index]!.filters.length;
    list.sweep(f, f.params[index]!, spec.distinctHashDistances[index]!, counts);
  });
}

/** bytes(entries, n, map) → i64[n] views. */
function generateBytes(builder: ModuleBuilder, spec: PartialSpec, plan: AggregatePlan): void {
  const f = exported(builder, "bytes", ["entries", "n", "map"]);
  const [entries, n, map] = f.params as [number, number, number];
  const { valueBytes, handles } = plan.layout;
  const arenaAlloc = builder.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
  const target = targetOf(f, builder, map, layoutOf(spec));
  const [index, views, to] = [f.local("i32", "i"), f.local("i32", "views"), f.local("i32", "to")];
  const length = f.local("i32", "length");
  f.get(n).i32(3).op("i32.shl").call(arenaAlloc).set(views);
  f.i32(0).set(index);
  f.for(index, n, () => {
    loadListed(f, entries, index, target.entry);
    f.get(target.entry).set(to);
    f.i32(valueBytes).set(length);
    const kept = handles.map((offset) => viewOfSlot(target, offset));
    if (kept.length > 0) {
      for (const view of kept)
        f.get(view)
          .i64(32)
          .op("i64.shr_u")
          .op("i32.wrap_i64")
          .get(length)
          .op("i32.add")
          .set(length);
      f.get(length).call(arenaAlloc).set(to);
      f.get(to).get(target.entry).i32(valueBytes).memoryCopy();
      f.i32(valueBytes).set(length);
      kept.forEach((view, i) => {
        copyBehind(f, { view, to, length, offset: handles[i]! });
      });
    }
    f.get(views).get(index).i32(3).op("i32.shl").op("i32.add");
    f.get(length).op("i64.extend_i32_u").i64(32).op("i64.shl");
    f.get(to).op("i64.extend_i32_u").op("i64.or").store("i64.store");
  });
  f.get(views);
}

/** A local with the view behind a slot, 0 for none. */
function viewOfSlot(target: AggregateTarget, offset: number): Local {
  const { f, entry } = target;
  const view = f.local("i64", "view");
  f.get(entry).load("i64.load", offset).tee(view).op("i64.eqz").op("i32.eqz");
  f.if(() => {
    f.get(target.map);
    pushHash(target);
    f.get(entry).i32(offset).op("i32.add").call(kernel(target, "slotView")).set(view);
  });
  return view;
}

/** The view's bytes behind what is there, and where they are into the slot. */
function copyBehind(
  f: FunctionBuilder,
  {
    view,
    to,
    length,
    offset,
  }: Record<"view" | "to" | "length", Local> & { readonly offset: number },
): void {
  const bytes = f.local("i32", "bytes");
  f.get(view).op("i64.eqz").op("i32.eqz");
  f.if(() => {
    f.get(view).i64(32).op("i64.shr_u").op("i32.wrap_i64").set(bytes);
    f.get(to).get(length).op("i32.add").get(view).op("i32.wrap_i64").get(bytes).memoryCopy();
    f.get(to).get(length).store("i32.store", offset);
    f.get(to)
      .get(bytes)
      .store("i32.store", offset + 4);
    f.get(length).get(bytes).op("i32.add").set(length);
  });
}

/** countsK(entries, n, list, out) → how many entries count anything. */
function generateCounts(builder: ModuleBuilder, { filters }: ValueSet, set: number): void {
  const f = exported(builder, `counts${set}`, ["entries", "n", "list", "out"]);
  const [entries, n, list, out] = f.params as [number, number, number, number];
  const [index, kept, entry] = [
    f.local("i32", "i"),
    f.local("i32", "kept"),
    f.local("i32", "entry"),
  ];
  f.i32(0).set(index);
  f.for(index, n, (next) => {
    loadListed(f, entries, index, entry);
    f.i64(0);
    for (let bit = 0; bit < filters.length; bit++)
      f.get(entry)
        .load("i64.load", bit * 8)
        .op("i64.or");
    f.op("i64.eqz").brIf(next);
    f.get(list).get(kept).i32(2).op("i32.shl").op("i32.add").get(index).store("i32.store");
    for (let bit = 0; bit < filters.length; bit++) {
      f.get(out)
        .get(n)
        .i32(bit)
        .op("i32.mul")
        .get(kept)
        .op("i32.add")
        .i32(3)
        .op("i32.shl")
        .op("i32.add");
      f.get(entry)
        .load("i64.load", bit * 8)
        .store("i64.store");
    }
    f.get(kept).i32(1).op("i32.add").set(kept);
  });
  f.get(kept);
}
