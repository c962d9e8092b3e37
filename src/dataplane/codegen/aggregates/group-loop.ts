/**
 * The generated loops of GroupAggregate: each input row in order against its entry, and the changes of the result.
 *
 * Functions of the module:
 *   begin(cursor0, …)                           sets the cursors over the distinct entries (u32 lists)
 *   rows(batch, entries, map, from, to) → out   per-row mode: rows [from, to), changes as Flink emits them, row by row
 *   fold(batch, entries, map) → touched         folded mode: all rows, remembers each key's row and result before
 *   merge(batch, entries, map) → touched        merged mode: the same for what a local half sends (merged-parts.ts)
 *   changes(batch, map, from, to) → out         folded mode: one change for each of the touched keys [from, to)
 *   sweep(map)                                  removes what is to be removed, at the end of the batch
 *   (out is 0 when there is no change)
 *
 * Output:  grouping fields, then aggregates; -U and +U adjacent; at most two rows for each input row or key.
 * Fresh:   an entry with rows = 0. A row that takes back from a fresh entry is ignored (Flink GroupAggFunction).
 * Zero:    rows back at 0: -D, the accumulator is cleared and its handles freed, the entry is removed by sweep().
 * Source:  Flink GroupAggFunction, MiniBatchGroupAggFunction.
 */
import { BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { RowKind } from "../../../foundation/columnar/row-kind.ts";
import {
  type PhysicalColumn,
  physicalColumns,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import { BatchColumns } from "../batch-columns.ts";
import { fieldColumns } from "../codecs/field-columns.ts";
import type { FunctionBuilder, GlobalRef, Label, Local } from "../emitter/function-builder.ts";
import type { ModuleBuilder } from "../emitter/module-builder.ts";
import { OutputColumns } from "../output-columns.ts";
import { Prologue } from "../prologue.ts";
import type { Value } from "../value.ts";
import { ROWS_OFFSET, TOUCHED_OFFSET } from "./accumulator-layout.ts";
import { type AggregateTarget, type Direction, kernel, pushHash } from "./aggregate-code.ts";
import type { AggregatePlan } from "./aggregate-plan.ts";
import { BeforeImages } from "./before-images.ts";
import { DeadList } from "./dead-list.ts";
import { addCounter, emitUpdate, loadIsAdd, skipDistinct } from "./update-code.ts";
import { MergedParts, type MergedPartsSpec } from "./merged-parts.ts";
import { copyView, pushSameValues } from "./value-compare.ts";

export type PartsOfInput = Pick<MergedPartsSpec, "columns" | "sets">;

export interface GroupLoopSpec {
  readonly input: Schema;
  readonly output: Schema;
  readonly grouping: readonly number[];
  readonly plan: AggregatePlan;
  /** In merged mode: what a local half sends. */
  readonly parts?: PartsOfInput | undefined;
  readonly hashDistance: number;
  /** Of the distinct maps. */
  readonly distinctHashDistances: readonly number[];
  readonly generateUpdateBefore: boolean;
  /** Emit an update that changes nothing too (state with TTL). */
  readonly emitUnchanged: boolean;
}

/** +I when the local is 1, +U otherwise. */
/** One row of a loop that remembers which keys it touches. */
interface TouchingRow {
  readonly batch: Local;
  readonly row: Local;
  readonly target: AggregateTarget;
  readonly source: BatchColumns;
  readonly prologue: Prologue;
  readonly cursors: readonly Local[];
  readonly fresh: Local;
  /** The next row. */
  readonly next: Label;
}

interface FreshKind {
  readonly fresh: Local;
}

export class GroupLoops {
  readonly #spec: GroupLoopSpec;
  readonly #module: ModuleBuilder;
  readonly #cursors: readonly GlobalRef[];
  readonly #dead: DeadList;
  readonly #distinctDead: readonly DeadList[];
  /** Folded mode: how many keys; for each u32 first row | fresh << 31, u32 entry; and the results before. */
  readonly #touched: GlobalRef;
  readonly #touchedKeys: GlobalRef;
  readonly #before: BeforeImages;
  readonly #outputColumns: readonly PhysicalColumn[];
  readonly #keyColumns: readonly number[];

  constructor(module: ModuleBuilder, spec: GroupLoopSpec) {
    this.#module = module;
    this.#spec = spec;
    const sets = spec.plan.distinctSets;
    this.#cursors = sets.map((_, index) => module.global(`cursor${index}`, "i32"));
    this.#dead = new DeadList(module, "dead");
    this.#distinctDead = sets.map((_, index) => new DeadList(module, `dead${index}`));
    this.#touched = module.global("touched", "i32");
    this.#touchedKeys = module.global("touchedKeys", "i32");
    const { plan, generateUpdateBefore, emitUnchanged } = spec;
    this.#before = new BeforeImages(module, {
      plan,
      schema: { fields: spec.output.fields.slice(spec.grouping.length) },
      needed: generateUpdateBefore || plan.retract || !(emitUnchanged || plan.countsEveryRow),
    });
    this.#outputColumns = physicalColumns(spec.output);
    this.#keyColumns = fieldColumns(spec.input, spec.grouping).indexes;
  }

  generate(mode: "rows" | "folded"): void {
    const { parts } = this.#spec;
    this.#generateBegin();
    if (mode === "rows" && parts === undefined) this.#generateRows();
    else {
      if (parts !== undefined) this.#generateMerge(parts);
      else this.#generateFold();
      this.#generateChanges();
    }
    this.#generateSweep();
  }

  #generateBegin(): void {
    const params = this.#cursors.map((_, index) => `entries${index}`);
    const type = { params: params.map(() => "i32" as const), results: [] };
    const f = this.#module.exportFunction("begin", type, params);
    this.#cursors.forEach((cursor, index) => {
      f.get(f.params[index]!).globalSet(cursor);
    });
    for (const list of [this.#dead, ...this.#distinctDead]) list.clear(f);
  }

  #generateRows(): void {
    const f = this.#exported("rows", ["batch", "entries", "map", "from", "to"]);
    const [batch, entries, map, row, end] = f.params as [number, number, number, number, number];
    const count = f.local("i32", "count");
    const out = this.#output(f);
    const capacity = f.local("i32", "capacity");
    f.get(end)
      .get(row)
      .op("i32.sub")
      .i32(this.#spec.generateUpdateBefore ? 1 : 0)
      .op("i32.shl");
    f.set(capacity);
    out.allocate(capacity, this.#arenaAlloc(), { kinds: true });
    const cursors = this.#loadCursors(f);
    const prologue = new Prologue(f);
    const source = this.#source(prologue, batch, row);
    const target = this.#target(f, map);
    const isAdd = this.#spec.plan.retract ? f.local("i32", "isAdd") : undefined;
    const fresh = f.local("i32", "fresh");
    f.i32(0).set(count);
    f.for(row, end, (next) => {
      this.#loadEntry(f, entries, row, target.entry);
      f.get(target.entry).load("i64.load", ROWS_OFFSET).op("i64.eqz").set(fresh);
      if (isAdd !== undefined)
        this.#skipUselessRetraction(f, prologue, batch, row, isAdd, fresh, target, next);
      const before = this.#results(target, { keep: true });
      this.#update(target, source, isAdd ?? "add", cursors);
      const write = (kind: number, values: readonly Value[]) =>
        this.#write(f, out, count, kind, source, values, target);
      if (isAdd !== undefined)
        this.#endAtZero(f, target, fresh, next, () => write(RowKind.DELETE, before));
      const after = this.#results(target, { keep: false });
      f.get(fresh).if(
        () => write(RowKind.INSERT, after),
        () => this.#writeUpdate(f, target, before, after, write, next),
      );
    });
    prologue.close();
    this.#storeCursors(f, cursors);
    this.#finish(f, out, count);
  }

  #writeUpdate(
    f: FunctionBuilder,
    target: AggregateTarget,
    before: readonly Value[],
    after: readonly Value[],
    write: (kind: number, values: readonly Value[]) => void,
    unchanged: Label,
  ): void {
    if (!this.#spec.emitUnchanged) {
      pushSameValues(f, kernel(target, "equalViews"), before, after);
      f.brIf(unchanged);
    }
    if (this.#spec.generateUpdateBefore) write(RowKind.UPDATE_BEFORE, before);
    write(RowKind.UPDATE_AFTER, after);
  }

  #generateFold(): void {
    const f = this.#exported("fold", ["batch", "entries", "map"]);
    const isAdd = this.#spec.plan.retract ? f.local("i32", "isAdd") : undefined;
    this.#generateTouching(f, {
      first: ({ prologue, batch, row, fresh, target, next }) => {
        if (isAdd !== undefined)
          this.#skipUselessRetraction(f, prologue, batch, row, isAdd, fresh, target, next);
      },
      each: ({ prologue, batch, row, target, source, cursors }) => {
        if (isAdd !== undefined) loadIsAdd(f, prologue, batch, row, isAdd);
        this.#update(target, source, isAdd ?? "add", cursors);
      },
    });
  }

  /** Accumulators that were made of rows elsewhere. One may have taken back more than it added: `rows` tells in the end. */
  #generateMerge(parts: PartsOfInput): void {
    const f = this.#exported("merge", ["batch", "entries", "map"]);
    const { plan, input } = this.#spec;
    const merged = new MergedParts({ plan, input, ...parts });
    const onEmpty = (set: number, entry: Local) => this.#distinctDead[set]!.add(f, entry);
    this.#generateTouching(f, {
      each: ({ target: into, source, prologue, cursors }) =>
        merged.emit({ into, from: this.#target(f, into.map), source, prologue, cursors, onEmpty }),
    });
  }

  /** `each` row in order against its entry; `first`: the first of its key, before the result is remembered. */
  #generateTouching(
    f: FunctionBuilder,
    code: {
      readonly first?: (row: TouchingRow) => void;
      readonly each: (row: TouchingRow) => void;
    },
  ): void {
    const [batch, entries, map] = f.params as [number, number, number];
    const [row, end] = [f.local("i32", "row"), f.local("i32", "rows")];
    f.get(batch).load("i32.load", BATCH_ROWS).set(end);
    this.#before.allocate(f, end);
    f.get(end).i32(3).op("i32.shl").call(this.#arenaAlloc()).globalSet(this.#touchedKeys);
    const touched = f.local("i32", "touched");
    const cursors = this.#loadCursors(f);
    const prologue = new Prologue(f);
    const source = this.#source(prologue, batch, row);
    const target = this.#target(f, map);
    const fresh = f.local("i32", "fresh");
    f.i32(0).set(row);
    f.for(row, end, (next) => {
      const at = { batch, row, target, source, prologue, cursors, fresh, next };
      this.#loadEntry(f, entries, row, target.entry);
      f.get(target.entry).load("i32.load", TOUCHED_OFFSET).op("i32.eqz");
      f.if(() => {
        f.get(target.entry).load("i64.load", ROWS_OFFSET).op("i64.eqz").set(fresh);
        code.first?.(at);
        this.#remember(f, target, row, touched, fresh);
      });
      code.each(at);
    });
    prologue.close();
    this.#storeCursors(f, cursors);
    f.get(touched).globalSet(this.#touched);
    f.get(touched);
  }

  /** The first row of a key in this batch: its entry, and the result before. */
  #remember(
    f: FunctionBuilder,
    target: AggregateTarget,
    row: Local,
    touched: Local,
    fresh: Local,
  ): void {
    this.#before.keep(target, touched);
    f.globalGet(this.#touchedKeys).get(touched).i32(3).op("i32.shl").op("i32.add");
    f.get(fresh).i32(31).op("i32.shl").get(row).op("i32.or").op("i64.extend_i32_u");
    f.get(target.entry).op("i64.extend_i32_u").i64(32).op("i64.shl").op("i64.or");
    f.store("i64.store");
    f.get(touched).i32(1).op("i32.add").set(touched);
    f.get(target.entry).get(touched).store("i32.store", TOUCHED_OFFSET);
  }

  #generateChanges(): void {
    const f = this.#exported("changes", ["batch", "map", "from", "to"]);
    const [batch, map, index, end] = f.params as [number, number, number, number];
    const count = f.local("i32", "count");
    const row = f.local("i32", "row");
    const out = this.#output(f);
    const capacity = f.local("i32", "capacity");
    f.get(end).get(index).op("i32.sub").i32(1).op("i32.shl").set(capacity);
    out.allocate(capacity, this.#arenaAlloc(), { kinds: true });
    const prologue = new Prologue(f);
    const source = this.#source(prologue, batch, row);
    const target = this.#target(f, map);
    const before = this.#before.open(target, prologue, index);
    const fresh = f.local("i32", "fresh");
    f.i32(0).set(count);
    f.for(index, end, (next) => {
      this.#loadTouched(f, index, row, fresh, target.entry);
      f.get(target.entry).i32(0).store("i32.store", TOUCHED_OFFSET);
      const write = (kind: number | FreshKind, values: readonly Value[]) =>
        this.#write(f, out, count, kind, source, values, target);
      if (this.#spec.plan.retract)
        this.#endAtZero(f, target, fresh, next, () => write(RowKind.DELETE, before()));
      const after = this.#results(target, { keep: false });
      if (this.#before.form === "none") write({ fresh }, after);
      else
        f.get(fresh).if(
          () => write(RowKind.INSERT, after),
          () => this.#writeUpdate(f, target, before(), after, write, next),
        );
    });
    prologue.close();
    this.#finish(f, out, count);
  }

  /** What #remember has written. */
  #loadTouched(f: FunctionBuilder, index: Local, row: Local, fresh: Local, entry: Local): void {
    const key = f.local("i64", "key");
    f.globalGet(this.#touchedKeys).get(index).i32(3).op("i32.shl").op("i32.add");
    f.load("i64.load").tee(key).op("i32.wrap_i64").tee(row).i32(31).op("i32.shr_u").set(fresh);
    f.get(row).i32(0x7fffffff).op("i32.and").set(row);
    f.get(key).i64(32).op("i64.shr_u").op("i32.wrap_i64").set(entry);
  }

  #generateSweep(): void {
    const params = ["map", ...this.#distinctDead.map((_, index) => `map${index}`)];
    const type = { params: params.map(() => "i32" as const), results: [] };
    const f = this.#module.exportFunction("sweep", type, params);
    if (!this.#spec.plan.retract) return;
    this.#dead.sweep(f, f.params[0]!, this.#spec.hashDistance, 1);
    this.#distinctDead.forEach((list, index) => {
      const counts = this.#spec.plan.distinctSets[index]!.filters.length;
      list.sweep(f, f.params[index + 1]!, this.#spec.distinctHashDistances[index]!, counts);
    });
  }

  /** A fresh entry is only there because the row asked for it: a retraction leaves it to be removed. */
  #skipUselessRetraction(
    f: FunctionBuilder,
    prologue: Prologue,
    batch: Local,
    row: Local,
    isAdd: Local,
    fresh: Local,
    target: AggregateTarget,
    next: Label,
  ): void {
    loadIsAdd(f, prologue, batch, row, isAdd);
    f.get(fresh)
      .get(isAdd)
      .op("i32.eqz")
      .op("i32.and")
      .if(() => {
        this.#dead.add(f, target.entry);
        this.#skipCursors(f, prologue, batch, row);
        f.br(next);
      });
  }

  /** A skipped row still has its places in the distinct lists. */
  #skipCursors(f: FunctionBuilder, prologue: Prologue, batch: Local, row: Local): void {
    if (this.#activeCursors.length === 0) return;
    const source = this.#source(prologue, batch, row);
    const { plan } = this.#spec;
    skipDistinct(plan, f, source, this.#activeCursors, (set, entry) =>
      this.#distinctDead[set]!.add(f, entry),
    );
  }

  #activeCursors: readonly Local[] = [];

  /** rows = 0: the change, then an empty accumulator. */
  #endAtZero(
    f: FunctionBuilder,
    target: AggregateTarget,
    fresh: Local,
    next: Label,
    writeDelete: () => void,
  ): void {
    f.get(target.entry).load("i64.load", ROWS_OFFSET).op("i64.eqz");
    f.if(() => {
      f.get(fresh).op("i32.eqz").if(writeDelete);
      for (const offset of this.#spec.plan.layout.handles) {
        f.get(target.map);
        pushHash(target);
        f.get(target.entry).i32(offset).op("i32.add").call(kernel(target, "slotFree"));
      }
      f.get(target.entry).i32(0).i32(this.#spec.plan.layout.valueBytes).memoryFill();
      this.#dead.add(f, target.entry);
      f.br(next);
    });
  }

  #update(
    target: AggregateTarget,
    source: BatchColumns,
    direction: Direction,
    cursors: readonly Local[],
  ): void {
    const { f } = target;
    emitUpdate(this.#spec.plan, target, source, direction, {
      cursors,
      onEmpty: (set, entry) => this.#distinctDead[set]!.add(f, entry),
    });
    addCounter(f, target.entry, ROWS_OFFSET, direction);
  }

  /** `keep`: views must outlive the update, which may free what they point to. */
  #results(target: AggregateTarget, { keep }: { readonly keep: boolean }): Value[] {
    return this.#spec.plan.codes.map((code) => {
      const value = code.result(target);
      return keep && value.physical === "view" ? copyView(target, value) : value;
    });
  }

  #write(
    f: FunctionBuilder,
    out: OutputColumns,
    count: Local,
    kind: number | FreshKind,
    source: BatchColumns,
    values: readonly Value[],
    target: AggregateTarget,
  ): void {
    const keys = this.#keyColumns.length;
    this.#keyColumns.forEach((column, index) => {
      out.write(index, count, source.load(column));
    });
    values.forEach((value, index) => {
      const kept =
        value.physical === "view" && kind !== RowKind.DELETE && kind !== RowKind.UPDATE_BEFORE;
      out.write(keys + index, count, kept ? copyView(target, value) : value);
    });
    f.get(out.kinds).get(count).op("i32.add");
    if (typeof kind === "number") f.i32(kind);
    else f.i32(RowKind.INSERT).i32(RowKind.UPDATE_AFTER).get(kind.fresh).op("select");
    f.store("i32.store8");
    f.get(count).i32(1).op("i32.add").set(count);
  }

  #finish(f: FunctionBuilder, out: OutputColumns, count: Local): void {
    out.setRows(count);
    f.get(out.batch).i32(0).get(count).op("select");
  }

  #output(f: FunctionBuilder): OutputColumns {
    return new OutputColumns(f, {
      count: this.#outputColumns.length,
      columns: new Map(this.#outputColumns.entries()),
    });
  }

  #target(f: FunctionBuilder, map: Local): AggregateTarget {
    const entry = f.local("i32", "entry");
    return { f, module: this.#module, entry, map, hashDistance: this.#spec.hashDistance };
  }

  #source(prologue: Prologue, batch: Local, row: Local): BatchColumns {
    const ones = this.#module.onesGlobal;
    return new BatchColumns({ prologue, ones, schema: this.#spec.input, batch, row, name: "c" });
  }

  #loadEntry(f: FunctionBuilder, entries: Local, row: Local, entry: Local): void {
    f.get(entries).get(row).i32(2).op("i32.shl").op("i32.add").load("i32.load").set(entry);
  }

  #loadCursors(f: FunctionBuilder): readonly Local[] {
    this.#activeCursors = this.#cursors.map((global) => {
      const local = f.local("i32", `at_${global.name}`);
      f.globalGet(global).set(local);
      return local;
    });
    return this.#activeCursors;
  }

  #storeCursors(f: FunctionBuilder, cursors: readonly Local[]): void {
    cursors.forEach((local, index) => {
      f.get(local).globalSet(this.#cursors[index]!);
    });
  }

  #exported(name: string, params: readonly string[]): FunctionBuilder {
    const type = { params: params.map(() => "i32" as const), results: ["i32" as const] };
    return this.#module.exportFunction(name, type, params);
  }

  #arenaAlloc() {
    return this.#module.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
  }
}
