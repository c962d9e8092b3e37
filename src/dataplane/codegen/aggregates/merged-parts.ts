/**
 * MergedParts: the code that folds one row of a local half (foundation/plan/value-sets.ts) into an accumulator of state.
 *
 * Rows:    an accumulator: its plain aggregates and counters are merged; or values of a set with their counts: they change the
 *          entry of the DISTINCT values in state, and the aggregates when a value comes or goes; or the values of extremes.
 * Views:   of an accumulator lie behind its fixed part (partial-code.ts); what state is to keep is copied into its log.
 * DISTINCT: entries come as lists, one for each row of the set (a cursor each).
 * Source:  Flink DistinctAggCodeGen (merge), MiniBatchGlobalGroupAggFunction.
 */
import { assert } from "../../../foundation/base/errors.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import {
  isDistinctCall,
  isExtreme,
  type PartColumns,
  type ValueSet,
} from "../../../foundation/plan/value-sets.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import type { ColumnSource } from "../batch-columns.ts";
import type { Local } from "../emitter/function-builder.ts";
import type { Prologue } from "../prologue.ts";
import { pushPart } from "../value-code.ts";
import type { Value } from "../value.ts";
import { ROWS_OFFSET } from "./accumulator-layout.ts";
import { type AggregateCode, type AggregateTarget, setView } from "./aggregate-code.ts";
import type { AggregateGroup, AggregatePlan } from "./aggregate-plan.ts";
import { updateMembers } from "./update-code.ts";

export interface MergedPartsSpec {
  readonly plan: AggregatePlan;
  /** Of the rows that the local half sends. */
  readonly input: Schema;
  readonly columns: PartColumns;
  readonly sets: readonly ValueSet[];
}

export interface MergedRow {
  /** Its `entry` is set to the accumulator in the row. */
  readonly from: AggregateTarget;
  readonly into: AggregateTarget;
  readonly source: ColumnSource;
  readonly prologue: Prologue;
  /** Address of the next entry, by DISTINCT set. */
  readonly cursors: readonly Local[];
  readonly onEmpty: (set: number, entry: Local) => void;
  /** Instead of the aggregates that keep extremes: what is done with a row of theirs. */
  readonly passExtremes?: (set: number, count: (bit: number) => Local) => void;
}

/** Of the rows that have the values of a DISTINCT entry, for the aggregates of a filter. */
interface DistinctChange {
  readonly into: AggregateTarget;
  readonly entry: Local;
  readonly group: AggregateGroup;
  readonly delta: Local;
  readonly load: (field: number) => Value;
}

const HANDLE_WORD = 8;

export class MergedParts {
  readonly #spec: MergedPartsSpec;
  /** Aggregates that come as values, or have come so before. */
  readonly #asValues = new Set<AggregateCode>();

  constructor(spec: MergedPartsSpec) {
    this.#spec = spec;
    const { plan, sets } = spec;
    const kinds = new Set(sets.map(({ kind }) => kind));
    for (const { members } of plan.groups)
      for (const { call, code } of members) {
        if (isDistinctCall(call) && kinds.has("distinct")) this.#asValues.add(code);
        if (plan.retract && isExtreme(call.function)) this.#asValues.add(code);
      }
  }

  /** Code for one row. */
  emit(row: MergedRow): void {
    const { columns, sets } = this.#spec;
    const { f } = row.into;
    if (columns.part < 0) {
      this.#mergeAccumulator(row);
      return;
    }
    const part = this.#column(row, columns.part);
    const branch = (set: number): void => {
      if (set === sets.length) return;
      pushPart(f, part.parts[0]!)
        .i32(set + 1)
        .op("i32.eq");
      f.if(
        () => this.#mergeValues(row, set),
        () => branch(set + 1),
      );
    };
    pushPart(f, part.parts[0]!).op("i32.eqz");
    f.if(
      () => this.#mergeAccumulator(row),
      () => branch(0),
    );
  }

  #column({ source }: MergedRow, field: number): Value {
    return source.load(physicalIndex(this.#spec.input, field));
  }

  #mergeAccumulator(row: MergedRow): void {
    const { plan, columns } = this.#spec;
    const { into, from } = row;
    const { f } = into;
    pushPart(f, this.#column(row, columns.accumulators).parts[0]!).op("i32.wrap_i64");
    f.set(from.entry);
    const { handles } = plan.layout;
    if (handles.length > 0) this.#openViews(row);
    const kept = handles.map((offset) => {
      const before = f.local("i64");
      f.get(into.entry).load("i64.load", offset).set(before);
      return { offset, before };
    });
    for (const code of plan.codes) {
      if (this.#asValues.has(code)) continue;
      assert(code.merge !== undefined, "an aggregate that cannot be merged");
      code.merge(into, from);
    }
    for (const each of kept) keepView(into, each);
    const counters = plan.groups.flatMap(({ counter }) => (counter === undefined ? [] : [counter]));
    for (const offset of new Set([...counters, ROWS_OFFSET])) {
      f.get(into.entry).get(into.entry).load("i64.load", offset);
      f.get(from.entry).load("i64.load", offset).op("i64.add").store("i64.store", offset);
    }
  }

  /** A copy of the fixed part whose view slots hold addresses. */
  #openViews({ from, prologue }: MergedRow): void {
    const { f, module } = from;
    const { valueBytes, handles } = this.#spec.plan.layout;
    const arenaAlloc = module.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
    const copy = prologue.hoist("accumulator", "i32", () => f.i32(valueBytes).call(arenaAlloc));
    f.get(copy).get(from.entry).i32(valueBytes).memoryCopy();
    for (const offset of handles) {
      f.get(copy).load("i64.load", offset).op("i64.eqz").op("i32.eqz");
      f.if(() => {
        f.get(copy).get(copy).load("i32.load", offset).get(from.entry).op("i32.add");
        f.store("i32.store", offset);
      });
    }
    f.get(copy).set(from.entry);
  }

  #mergeValues(row: MergedRow, set: number): void {
    const { sets, columns } = this.#spec;
    const { kind, args } = sets[set]!;
    const values = new Map<number, Value>();
    const load = (field: number): Value => {
      const known =
        values.get(field) ?? this.#column(row, columns.sets[set]!.args[args.indexOf(field)]!);
      values.set(field, known);
      return known;
    };
    for (const field of args) load(field);
    if (kind === "distinct") this.#changeDistinct(row, set, load);
    else if (row.passExtremes !== undefined)
      row.passExtremes(set, (bit) => this.#count(row, set, bit));
    else this.#changeExtremes(row, set, load);
  }

  /** A local with how many rows more have the values, by the number of the filter. */
  #count(row: MergedRow, set: number, bit: number): Local {
    const { f } = row.into;
    const delta = f.local("i64", "delta");
    pushPart(f, this.#column(row, this.#spec.columns.sets[set]!.counts[bit]!).parts[0]!).set(delta);
    return delta;
  }

  #changeExtremes(row: MergedRow, set: number, load: (field: number) => Value): void {
    const { plan, sets } = this.#spec;
    const { args, filters } = sets[set]!;
    const { f } = row.into;
    for (const { filter, members } of plan.groups)
      for (const { call, code } of members) {
        if (!isExtreme(call.function) || call.args.join() !== args.join()) continue;
        const delta = this.#count(row, set, filters.indexOf(filter));
        f.get(delta).op("i64.eqz").op("i32.eqz");
        f.if(() => code.change!(row.into, call.args.map(load), delta));
      }
  }

  #changeDistinct(row: MergedRow, set: number, load: (field: number) => Value): void {
    const { plan, sets } = this.#spec;
    const { f } = row.into;
    // DISTINCT sets of the plan are in the same order.
    const own = sets.slice(0, set).filter(({ kind }) => kind === "distinct").length;
    const cursor = row.cursors[own]!;
    const entry = f.local("i32", "distinct");
    f.get(cursor).load("i32.load").set(entry);
    f.get(cursor).i32(4).op("i32.add").set(cursor);
    for (const group of plan.groups.filter(({ distinct }) => distinct === own)) {
      const delta = this.#count(row, set, sets[set]!.filters.indexOf(group.filter));
      const change = { into: row.into, entry, group, delta, load };
      if (plan.retract) this.#changeCount(change);
      else this.#setBit(change);
    }
    if (!plan.retract) return;
    f.i64(0);
    plan.distinctSets[own]!.filters.forEach((_, bit) => {
      f.get(entry)
        .load("i64.load", bit * HANDLE_WORD)
        .op("i64.or");
    });
    f.op("i64.eqz").if(() => row.onEmpty(own, entry));
  }

  /** From none (or fewer) to some the value comes, the other way it goes. */
  #changeCount({ into, entry, group, delta, load }: DistinctChange): void {
    const { f } = into;
    const offset = group.bit * HANDLE_WORD;
    const [before, after] = [f.local("i64"), f.local("i64")];
    const comes = f.local("i32");
    f.get(entry).load("i64.load", offset).tee(before).get(delta).op("i64.add").set(after);
    f.get(entry).get(after).store("i64.store", offset);
    f.get(after).i64(0).op("i64.gt_s").set(comes);
    f.get(before).i64(0).op("i64.gt_s").get(comes).op("i32.ne");
    f.if(() => updateMembers(into, group, load, comes));
  }

  #setBit({ into, entry, group, delta, load }: DistinctChange): void {
    const { f } = into;
    const mask = 1n << BigInt(group.bit);
    f.get(entry).load("i64.load").i64(mask).op("i64.and").op("i64.eqz");
    f.get(delta).op("i64.eqz").op("i32.eqz").op("i32.and");
    f.if(() => {
      f.get(entry).get(entry).load("i64.load").i64(mask).op("i64.or").store("i64.store");
      updateMembers(into, group, load, "add");
    });
  }
}

/** A merge leaves a view in the slot: its bytes go to the log, in place of what was there. */
function keepView(
  target: AggregateTarget,
  { offset, before }: { readonly offset: number; readonly before: Local },
): void {
  const { f, entry } = target;
  const after = f.local("i64");
  f.get(entry).load("i64.load", offset).tee(after).get(before).op("i64.ne");
  f.if(() => {
    f.get(entry).get(before).store("i64.store", offset);
    f.get(after).op("i64.eqz").op("i32.eqz");
    f.if(() => setView(target, offset, () => f.get(after)));
  });
}
