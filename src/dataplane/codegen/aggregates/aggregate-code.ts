/**
 * AggregateCode: how one aggregate function reads, updates and merges its part of an accumulator; generated inline.
 *
 * Flow:    aggregate-functions.ts makes one for each AggregateCall; group-aggregate.ts and accumulate.ts put them together.
 * Order:   update() is called within the test that the row counts for this aggregate (argument not NULL, filter TRUE),
 *          before the shared counter is changed; `rows` is changed last.
 */
import type { FunctionBuilder, FunctionRef, Local } from "../emitter/function-builder.ts";
import type { ModuleBuilder } from "../emitter/module-builder.ts";
import type { KernelName } from "../../kernels/kernels.generated.ts";
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import type { NullFlag, Value } from "../value.ts";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import { type Flag, ROWS_OFFSET } from "./accumulator-layout.ts";

/** The generated function that the aggregates are part of. */
export interface AggregateTarget {
  readonly f: FunctionBuilder;
  readonly module: ModuleBuilder;
  /** Address of the accumulator. */
  readonly entry: Local;
  /** The KeyedMap's ptr, for aggregates with view slots; 0 for temporary accumulators. */
  readonly map: Local;
  /** Bytes from the entry back to its hash (key and header). */
  readonly hashDistance: number;
}

/** What happens to the accumulator: rows are only added, or a local says (1 = add, 0 = take back). */
export type Direction = "add" | Local;

export interface AggregateCode {
  /** Code: folds the arguments' values in. */
  update(target: AggregateTarget, values: readonly Value[], direction: Direction): void;
  /** Code: so many (an i64 local, negative: fewer) rows more have the values; of extremes that rows are taken back from. */
  change?(target: AggregateTarget, values: readonly Value[], delta: Local): void;
  /** Code: the result in fresh locals. */
  result(target: AggregateTarget): Value;
  /** Code: folds the accumulator at `other` in; absent for rows that may be taken back. */
  merge?(target: AggregateTarget, other: AggregateTarget): void;
}

export function kernel(target: AggregateTarget, name: KernelName): FunctionRef {
  return target.module.importFunction("k", name, KERNEL_SIGNATURES[name]);
}

/** Pushes the upper half of the entry's hash. */
export function pushHash({ f, entry, hashDistance }: AggregateTarget): void {
  f.get(entry).i32(hashDistance).op("i32.sub").load("i32.load");
}

/** The bytes of a view go to the log, in place of what the slot at `offset` held. */
export function setView(target: AggregateTarget, offset: number, pushView: () => void): void {
  const { f, entry, map } = target;
  f.get(map);
  pushHash(target);
  f.get(entry).i32(offset).op("i32.add");
  pushView();
  f.call(kernel(target, "slotSetView"));
}

/** How an aggregate knows whether it has a value. */
export type Presence =
  /** With every row: its argument is never NULL and there is no filter. */
  | { readonly kind: "rows" }
  | { readonly kind: "counter"; readonly offset: number }
  | { readonly kind: "flag"; readonly flag: Flag };

/** Code: an i32 local that is 1 when there is no value, before the row is folded in. */
export function emptyFlag({ f, entry }: AggregateTarget, presence: Presence): Local {
  const empty = f.local("i32");
  switch (presence.kind) {
    case "rows":
      f.get(entry).load("i64.load", ROWS_OFFSET).op("i64.eqz");
      break;
    case "counter":
      f.get(entry).load("i64.load", presence.offset).op("i64.eqz");
      break;
    case "flag":
      f.get(entry).load("i32.load", presence.flag.offset);
      f.i32(presence.flag.mask).op("i32.and").op("i32.eqz");
  }
  f.set(empty);
  return empty;
}

/** The NULL flag of a result of this type: without GROUP BY a bounded query has a row over no rows, too. */
export function resultNull(
  target: AggregateTarget,
  presence: Presence,
  type: LogicalType,
): NullFlag {
  return presence.kind === "rows" && !type.nullable ? "never" : emptyFlag(target, presence);
}

/** Code: remembers that there is a value, or (with `pushPresent`) whether there is. */
export function setPresent(
  { f, entry }: AggregateTarget,
  presence: Presence,
  pushPresent?: () => void,
): void {
  if (presence.kind !== "flag") return;
  const { offset, mask } = presence.flag;
  f.get(entry).get(entry).load("i32.load", offset);
  if (pushPresent === undefined) f.i32(mask).op("i32.or");
  else {
    f.i32(~mask).op("i32.and").i32(mask).i32(0);
    pushPresent();
    f.op("select").op("i32.or");
  }
  f.store("i32.store", offset);
}
