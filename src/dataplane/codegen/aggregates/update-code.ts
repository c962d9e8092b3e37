/**
 * The code that folds one input row into an accumulator: shared by group aggregates and window slices.
 *
 * Order:   per group of aggregates: test the condition, DISTINCT's own entry, update, shared counter. `rows` is the caller's.
 * DISTINCT: entries of the distinct maps come as dense lists: one for each row that some filter of the set lets through and
 *          whose argument is not NULL (distinct-keys.ts makes them by the same test). A cursor per set walks along.
 */
import { assert } from "../../../foundation/base/errors.ts";
import { BATCH_KINDS } from "../../../foundation/columnar/batch.ts";
import type { ColumnSource } from "../batch-columns.ts";
import type { FunctionBuilder, Local } from "../emitter/function-builder.ts";
import type { Prologue } from "../prologue.ts";
import type { Value } from "../value.ts";
import { ROWS_OFFSET } from "./accumulator-layout.ts";
import { pushNotNullFlag, pushPart } from "../value-code.ts";
import type { AggregateTarget, Direction } from "./aggregate-code.ts";
import type { AggregateGroup, AggregatePlan, DistinctSet } from "./aggregate-plan.ts";

export interface DistinctCursors {
  /** Local with the address of the next u32 EntryPtr, by distinct set. */
  readonly cursors: readonly Local[];
  /** Code: notes an entry (local) that counts nothing any more and is to be removed. */
  readonly onEmpty: (set: number, entry: Local) => void;
}

/** Code for one row. */
export function emitUpdate(
  plan: AggregatePlan,
  target: AggregateTarget,
  source: ColumnSource,
  direction: Direction,
  distinct: DistinctCursors,
): void {
  const { f } = target;
  const values = new Map<number, Value>();
  const load = (field: number): Value => {
    let value = values.get(field);
    if (value === undefined) {
      value = source.load(plan.column(field));
      values.set(field, value);
    }
    return value;
  };
  for (const group of plan.groups) {
    // Arguments are loaded outside the tests, so that every group may use them.
    for (const { call } of group.members) call.args.forEach(load);
    if (group.filter >= 0) load(group.filter);
  }
  plan.distinctSets.forEach((_, set) => {
    emitDistinctSet(plan, target, set, load, direction, distinct);
  });
  for (const group of plan.groups) {
    if (group.distinct >= 0) continue;
    const hasTest = group.filter >= 0 || (group.arg >= 0 && load(group.arg).isNull !== "never");
    if (!hasTest) {
      updateMembers(target, group, load, direction);
      continue;
    }
    pushCondition(f, group, load);
    f.if(() => updateMembers(target, group, load, direction));
  }
}

/** Code: folds another accumulator in, `rows` and the shared counters too. */
export function emitMerge(plan: AggregatePlan, into: AggregateTarget, from: AggregateTarget): void {
  const { f } = into;
  for (const code of plan.codes) {
    assert(code.merge !== undefined, "an aggregate that cannot be merged");
    code.merge(into, from);
  }
  const counters = plan.groups.flatMap(({ counter }) => (counter === undefined ? [] : [counter]));
  for (const offset of [...new Set(counters), ROWS_OFFSET]) {
    f.get(into.entry);
    f.get(into.entry).load("i64.load", offset).get(from.entry).load("i64.load", offset);
    f.op("i64.add").store("i64.store", offset);
  }
}

/** Code: 1 when the row is +I or +U; batches without kinds hold +I alone. */
export function loadIsAdd(
  f: FunctionBuilder,
  prologue: Prologue,
  batch: Local,
  row: Local,
  isAdd: Local,
): void {
  const kinds = prologue.hoist("kinds", "i32", () => f.get(batch).load("i32.load", BATCH_KINDS));
  f.get(kinds).if(
    () =>
      f.get(kinds).get(row).op("i32.add").load("i32.load8_u").i32(1).op("i32.and").op("i32.eqz"),
    () => f.i32(1),
    "i32",
  );
  f.set(isAdd);
}

export function pushCondition(
  f: FunctionBuilder,
  { arg, filter }: { readonly arg: number; readonly filter: number },
  load: (field: number) => Value,
): void {
  if (arg >= 0) pushNotNullFlag(f, load(arg).isNull);
  else f.i32(1);
  if (filter < 0) return;
  const value = load(filter);
  pushPart(f, value.parts[0]!).op("i32.and");
  pushNotNullFlag(f, value.isNull).op("i32.and");
}

export function updateMembers(
  target: AggregateTarget,
  group: AggregateGroup,
  load: (field: number) => Value,
  direction: Direction,
): void {
  for (const { call, code } of group.members) code.update(target, call.args.map(load), direction);
  if (group.counter !== undefined) addCounter(target.f, target.entry, group.counter, direction);
}

/** counter += 1 or −1. */
export function addCounter(
  f: FunctionBuilder,
  entry: Local,
  offset: number,
  direction: Direction,
): void {
  f.get(entry).get(entry).load("i64.load", offset);
  if (direction === "add") f.i64(1);
  else f.i64(1).i64(-1).get(direction).op("select");
  f.op("i64.add").store("i64.store", offset);
}

function emitDistinctSet(
  plan: AggregatePlan,
  target: AggregateTarget,
  index: number,
  load: (field: number) => Value,
  direction: Direction,
  { cursors, onEmpty }: DistinctCursors,
): void {
  const { f } = target;
  const set = plan.distinctSets[index]!;
  const cursor = cursors[index]!;
  const entry = f.local("i32", `distinct${index}`);
  pushCounts(f, set, load);
  f.if(() => {
    f.get(cursor).load("i32.load").set(entry);
    f.get(cursor).i32(4).op("i32.add").set(cursor);
    for (const group of plan.groups.filter((candidate) => candidate.distinct === index)) {
      const update = () => updateMembers(target, group, load, direction);
      const one = () => {
        if (direction === "add") emitBit(f, entry, group.bit, update);
        else emitCount(f, entry, group.bit * 8, direction, update);
      };
      if (group.filter < 0) one();
      else {
        pushCondition(f, { arg: -1, filter: group.filter }, load);
        f.if(one);
      }
    }
    if (direction === "add") return;
    f.i64(0);
    set.filters.forEach((_, bit) => {
      f.get(entry)
        .load("i64.load", bit * 8)
        .op("i64.or");
    });
    f.op("i64.eqz").if(() => onEmpty(index, entry));
  });
}

/** Pushes 1 when a row counts for a distinct set: no argument is NULL and some filter lets it through. */
export function pushCounts(
  f: FunctionBuilder,
  set: Pick<DistinctSet, "args" | "filters" | "nulls">,
  load: (field: number) => Value,
): void {
  pushCondition(f, { arg: set.nulls ? -1 : set.args[0]!, filter: -1 }, load);
  if (set.filters.includes(-1)) return;
  f.i32(0);
  for (const filter of set.filters) {
    pushCondition(f, { arg: -1, filter }, load);
    f.op("i32.or");
  }
  f.op("i32.and");
}

function emitBit(f: FunctionBuilder, entry: Local, bit: number, update: () => void): void {
  const bits = f.local("i64");
  f.get(entry)
    .load("i64.load")
    .tee(bits)
    .i64(1n << BigInt(bit))
    .op("i64.and")
    .op("i64.eqz");
  f.if(() => {
    f.get(entry)
      .get(bits)
      .i64(1n << BigInt(bit))
      .op("i64.or")
      .store("i64.store");
    update();
  });
}

/** The count changes by one; when it leaves or reaches 0, so does the set of distinct values. */
function emitCount(
  f: FunctionBuilder,
  entry: Local,
  offset: number,
  direction: Local,
  update: () => void,
): void {
  const before = f.local("i64");
  const after = f.local("i64");
  f.get(entry).load("i64.load", offset).tee(before);
  f.i64(1).i64(-1).get(direction).op("select").op("i64.add").set(after);
  f.get(entry).get(after).store("i64.store", offset);
  // Added: 0 → 1. Taken back: 1 → 0.
  f.get(before).get(after).get(direction).op("select").op("i64.eqz");
  f.if(update);
}

/** Code for a row that is not folded in: moves the cursors past its entries; fresh ones among them are to be removed. */
export function skipDistinct(
  plan: AggregatePlan,
  f: FunctionBuilder,
  source: ColumnSource,
  cursors: readonly Local[],
  onEmpty: DistinctCursors["onEmpty"],
): void {
  plan.distinctSets.forEach((set, index) => {
    const entry = f.local("i32");
    const cursor = cursors[index]!;
    pushCounts(f, set, (field) => source.load(plan.column(field)));
    f.if(() => {
      f.get(cursor).load("i32.load").set(entry);
      f.get(cursor).i32(4).op("i32.add").set(cursor);
      onEmpty(index, entry);
    });
  });
}
