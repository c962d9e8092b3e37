/**
 * Aggregates that keep all values of a group in one block of the log, and what they make of them:
 *   lists      ARRAY_AGG, SINGLE_VALUE, JSON_ARRAYAGG, JSON_OBJECTAGG (elements in order of arrival, NULL among them)
 *   multisets  COLLECT, PERCENTILE, BITMAP_BUILD_AGG, and BITMAP_AND_AGG, BITMAP_OR_AGG of rows that may be taken back
 *
 * Blocks:  kernels/aggregate-extremes.as.ts; results: kernels/aggregate-collections.as.ts, bitmaps and JSON objects
 *          host-functions.ts. Taking back removes the first equal element, or lowers its count.
 * Merge:   a temporary accumulator holds the block itself, in the arena.
 * Source:  Flink ArrayAggFunction, CollectAggFunction, JsonArrayAggFunction, JsonObjectAggFunction,
 *          PercentileAggFunction, SingleValueAggFunction, BitmapBuildAggFunction.
 * Limits:  taking back from a list scans it; a result of a group costs its values.
 */
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  physicalOf,
} from "../../../foundation/columnar/logical-type.ts";
import type { KernelName } from "../../kernels/kernels.generated.ts";
import type { Local } from "../emitter/function-builder.ts";
import { type Part, partTypes, type Value } from "../value.ts";
import { pushNullFlag, pushPart } from "../value-code.ts";
import {
  type AggregateCode,
  type AggregateTarget,
  type Direction,
  kernel,
  pushHash,
} from "./aggregate-code.ts";
import { readView } from "./extremes.ts";
import { type HostFunctionName, hostFunction } from "./host-functions.ts";
import { pushBytes, valueOfBytes } from "./ordered.ts";
import { numberForm, pushSortable } from "./sortable.ts";

const STATUS_NULL = 12;
/** As a view: an element that is NULL. */
const NULL_VIEW = 0x80000000n << 32n;

function pushSlot(target: AggregateTarget, offset: number): void {
  target.f.get(target.map);
  pushHash(target);
  target.f.get(target.entry).i32(offset).op("i32.add");
}

/** The view of the block. */
function pushBlock(target: AggregateTarget, offset: number): void {
  pushPart(target.f, readView(target, offset));
}

/** A local with the NULL word of the status struct, which is reset. */
function takeNull({ f, module }: AggregateTarget): Local {
  const isNull = f.local("i32");
  f.globalGet(module.statusGlobal).load("i32.load", STATUS_NULL).set(isNull);
  f.globalGet(module.statusGlobal).i32(0).store("i32.store", STATUS_NULL);
  return isNull;
}

function takeResult(target: AggregateTarget, type: LogicalType, mayBeNull: boolean): Value {
  const { f } = target;
  const physical = physicalOf(type);
  const local = f.local(partTypes(physical)[0] ?? "i64");
  f.set(local);
  const isNull = mayBeNull ? takeNull(target) : "never";
  return { type, physical, parts: [{ kind: "local", local }], isNull };
}

function mergeBlocks(offset: number, combine: KernelName): Required<AggregateCode>["merge"] {
  return (target, other) => {
    const { f, entry } = target;
    const view = f.local("i64");
    pushBlock(target, offset);
    pushBlock(other, offset);
    f.call(kernel(target, combine)).set(view);
    f.get(entry).get(view).store("i64.store", offset);
  };
}

function change(target: AggregateTarget, direction: Direction, add: () => void, take: () => void) {
  if (direction === "add") add();
  else target.f.get(direction).if(add, take);
}

// ------------------------------------------------------------------------------------------------ lists

export interface ListedSpec {
  readonly type: LogicalType;
  readonly offset: number;
  readonly result: "array" | "single" | "json" | "jsonObject";
  /** JSON_OBJECTAGG … ABSENT ON NULL: pairs without a value are left out. */
  readonly absent?: boolean;
}

export function listedCode({ type, offset, result, absent = false }: ListedSpec): AggregateCode {
  return {
    update: (target, values, direction) => {
      const { f } = target;
      const element =
        result === "jsonObject"
          ? { ...pairOf(target, values), isNull: "never" as const }
          : values[0]!;
      const call = (name: "listAdd" | "listRemove") => {
        pushSlot(target, offset);
        pushElement(target, element);
        f.call(kernel(target, name));
      };
      const both = () => {
        change(
          target,
          direction,
          () => call("listAdd"),
          () => call("listRemove"),
        );
      };
      if (!absent) return both();
      pushNullFlag(f, values[1]!.isNull).op("i32.eqz").if(both);
    },
    result: (target) => listResult(target, type, offset, result),
    merge: mergeBlocks(offset, "listConcat"),
  };
}

function listResult(
  target: AggregateTarget,
  type: LogicalType,
  offset: number,
  result: ListedSpec["result"],
): Value {
  const { f } = target;
  pushBlock(target, offset);
  switch (result) {
    case "array": {
      const element = physicalOf((type as LogicalType & { kind: "ARRAY" }).element);
      const variable = element === "view" || element === "row";
      f.i32(variable ? 0 : PHYSICAL_WIDTH[element]).call(kernel(target, "listArray"));
      return takeResult(target, type, true);
    }
    case "json":
      f.call(kernel(target, "listJson"));
      return takeResult(target, type, false);
    case "jsonObject":
      f.call(hostFunction(target.module, "jsonObject"));
      return takeResult(target, type, false);
    case "single": {
      const view = f.local("i64");
      f.call(kernel(target, "listSingle")).set(view);
      return valueOfBytes(target, type, view, takeNull(target));
    }
  }
}

function pushElement(target: AggregateTarget, value: Value): void {
  const { f } = target;
  if (value.isNull === "never") return pushBytes(target, value);
  pushNullFlag(f, value.isNull);
  f.if(
    () => f.i64(NULL_VIEW),
    () => pushBytes(target, value),
    "i64",
  );
}

/** JSON_OBJECTAGG: key and value as one element. */
function pairOf(target: AggregateTarget, [key, value]: readonly Value[]): Value {
  const { f } = target;
  const local = f.local("i64");
  pushPart(f, key!.parts[0]!);
  pushPart(f, value!.parts[0]!);
  pushNullFlag(f, value!.isNull).call(kernel(target, "pairView")).set(local);
  return { ...key!, parts: [{ kind: "local", local }] };
}

// -------------------------------------------------------------------------------------------- multisets

/** COLLECT. `element` is the argument's type. */
export function collectCode({
  type,
  element,
  offset,
}: {
  readonly type: LogicalType;
  readonly element: LogicalType;
  readonly offset: number;
}): AggregateCode {
  const isView = physicalOf(element) === "view";
  return {
    update: (target, values, direction) => addCount(target, offset, values[0]!, direction),
    result: (target) => {
      pushBlock(target, offset);
      if (isView) target.f.call(kernel(target, "viewsMultiset"));
      else target.f.i32(numberForm(element)).call(kernel(target, "numbersMultiset"));
      return takeResult(target, type, false);
    },
    merge: mergeBlocks(offset, isView ? "viewsMerge" : "numbersMerge"),
  };
}

function addCount(
  target: AggregateTarget,
  offset: number,
  value: Value,
  direction: Direction,
  pushDelta: () => void = () => target.f.i64(1),
): void {
  const { f } = target;
  pushSlot(target, offset);
  const isView = value.physical === "view";
  if (isView) pushPart(f, value.parts[0]!);
  else pushSortable(f, value);
  if (direction === "add") pushDelta();
  else {
    const delta = f.local("i64");
    pushDelta();
    f.set(delta).get(delta).i64(0).get(delta).op("i64.sub").get(direction).op("select");
  }
  f.call(kernel(target, isView ? "extremeAddView" : "extremeAdd"));
}

/** PERCENTILE(value, percentage or percentages [, frequency]); values and percentages are DOUBLE. */
export function percentileCode({
  type,
  offset,
  percentage,
}: {
  readonly type: LogicalType;
  readonly offset: number;
  /** Slot of the percentage, or view slot of the percentages. */
  readonly percentage: number;
}): AggregateCode {
  const several = type.kind === "ARRAY";
  const keep = (target: AggregateTarget, value: Value) => {
    const { f, entry } = target;
    const local = f.local(several ? "i64" : "f64");
    pushPart(f, value.parts[0]!).set(local);
    f.get(local).call(kernel(target, several ? "checkPercentages" : "checkPercentage"));
    if (!several) {
      f.get(entry).get(local).store("f64.store", percentage);
      return;
    }
    f.get(entry).load("i64.load", percentage).op("i64.eqz");
    f.if(() => {
      pushSlot(target, percentage);
      f.get(local).call(kernel(target, "slotSetView"));
    });
  };
  return {
    update: (target, [value, fraction, frequency], direction) => {
      const { f } = target;
      keep(target, fraction!);
      if (frequency === undefined) return addCount(target, offset, value!, direction);
      const times = f.local("i64");
      pushPart(f, frequency.parts[0]!);
      if (frequency.physical !== "i64") f.op("i64.extend_i32_s");
      f.set(times).get(times).i64(0).op("i64.gt_s");
      pushNullFlag(f, frequency.isNull).op("i32.eqz").op("i32.and");
      f.if(() => addCount(target, offset, value!, direction, () => f.get(times)));
    },
    result: (target) => {
      const { f, entry } = target;
      pushBlock(target, offset);
      if (several) pushBlock(target, percentage);
      else f.get(entry).load("f64.load", percentage);
      f.call(kernel(target, several ? "percentiles" : "percentile"));
      return takeResult(target, type, true);
    },
    merge: (target, other) => {
      mergeBlocks(offset, "numbersMerge")(target, other);
      const { f, entry } = target;
      if (several) {
        const kept = readView(other, percentage);
        f.get(entry);
        pushPart(f, kept).store("i64.store", percentage);
      } else
        f.get(entry).get(other.entry).load("f64.load", percentage).store("f64.store", percentage);
    },
  };
}

// ---------------------------------------------------------------------------------------------- bitmaps

export interface BitmapSpec {
  readonly type: LogicalType;
  readonly offset: number;
}

/** What a bitmap or the number of its values is as a result: `push` leaves a view of the bitmap. */
function bitmapResult(target: AggregateTarget, type: LogicalType, push: () => void): Value {
  const { f } = target;
  const view = f.local("i64");
  push();
  f.set(view);
  const isNull = f.local("i32");
  f.get(view).op("i64.eqz").set(isNull);
  if (type.kind === "BITMAP")
    return { type, physical: "view", parts: [{ kind: "local", local: view }], isNull };
  const count = f.local("i64");
  f.get(isNull).if(
    () => f.i64(0),
    () => f.get(view).call(hostFunction(target.module, "bitmapCardinality")),
    "i64",
  );
  f.set(count);
  return { type, physical: "i64", parts: [{ kind: "local", local: count }], isNull };
}

/** BITMAP_BUILD_AGG: the values with their counts. */
export function bitmapBuildCode({ type, offset }: BitmapSpec): AggregateCode {
  return {
    update: (target, values, direction) => {
      const { f } = target;
      const value = f.local("i64");
      pushPart(f, values[0]!.parts[0]!).op("i64.extend_i32_u").set(value);
      const unsigned: Value = {
        ...values[0]!,
        physical: "i64",
        parts: [{ kind: "local", local: value }],
      };
      addCount(target, offset, unsigned, direction);
    },
    result: (target) => {
      const { f } = target;
      if (type.kind === "BITMAP")
        return bitmapResult(target, type, () => {
          pushBlock(target, offset);
          f.call(hostFunction(target.module, "bitmapOfNumbers"));
        });
      pushBlock(target, offset);
      f.call(kernel(target, "numbersCount"));
      const count = f.local("i64");
      const isNull = f.local("i32");
      f.set(count).get(count).op("i64.eqz").set(isNull);
      return { type, physical: "i64", parts: [{ kind: "local", local: count }], isNull };
    },
    merge: mergeBlocks(offset, "numbersMerge"),
  };
}

/** BITMAP_AND_AGG, BITMAP_OR_AGG of rows that may be taken back: the bitmaps with their counts. */
export function bitmapFoldCode(
  { type, offset }: BitmapSpec,
  fold: "bitmapAndAll" | "bitmapOrAll",
): AggregateCode {
  return {
    update: (target, values, direction) => addCount(target, offset, values[0]!, direction),
    result: (target) =>
      bitmapResult(target, type, () => {
        pushBlock(target, offset);
        target.f.call(hostFunction(target.module, fold));
      }),
    merge: mergeBlocks(offset, "viewsMerge"),
  };
}

/** A bitmap folded in place; XOR is its own inverse, `pushPresent` says whether there is a value then. */
export function bitmapCode(
  { type, offset }: BitmapSpec,
  combine: Extract<HostFunctionName, "bitmapAnd" | "bitmapOr" | "bitmapXor">,
  presentCounter?: number,
): AggregateCode {
  const combined = (target: AggregateTarget, kept: Part, value: Part): Local => {
    const { f } = target;
    const view = f.local("i64");
    pushPart(f, kept).op("i64.eqz");
    f.if(
      () => pushPart(f, value),
      () => {
        pushPart(f, kept);
        pushPart(f, value).call(hostFunction(target.module, combine));
      },
      "i64",
    );
    f.set(view);
    return view;
  };
  return {
    update: (target, values) => {
      const view = combined(target, readView(target, offset), values[0]!.parts[0]!);
      pushSlot(target, offset);
      target.f.get(view).call(kernel(target, "slotSetView"));
    },
    result: (target) =>
      bitmapResult(target, type, () => {
        const { f, entry } = target;
        pushBlock(target, offset);
        if (presentCounter === undefined) return;
        f.i64(0).get(entry).load("i64.load", presentCounter).op("i64.eqz").op("i32.eqz");
        f.op("select");
      }),
    merge: (target, other) => {
      const { f, entry } = target;
      const from = readView(other, offset);
      pushPart(f, from).op("i64.eqz").op("i32.eqz");
      f.if(() => {
        const view = combined(target, readView(target, offset), from);
        f.get(entry).get(view).store("i64.store", offset);
      });
    },
  };
}
