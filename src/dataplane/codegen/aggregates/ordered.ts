/**
 * FIRST_VALUE, LAST_VALUE and LISTAGG of rows that may be taken back: the group's values in order of arrival, in one log
 * block (kernels/aggregate-extremes.as.ts). Taking back removes the first equal value.
 *
 * Source:  Flink FirstValueWithRetractAggFunction, LastValueWithRetractAggFunction, ListAggWithRetractAggFunction.
 * Limits:  taking back scans the values of the group.
 */
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  physicalOf,
} from "../../../foundation/columnar/logical-type.ts";
import { LOAD_OF, STORE_OF } from "../batch-columns.ts";
import type { Local } from "../emitter/function-builder.ts";
import { type Part, partTypes, type Value } from "../value.ts";
import { pushPart } from "../value-code.ts";
import { type AggregateCode, type AggregateTarget, kernel, pushHash } from "./aggregate-code.ts";
import { keepSeparator } from "./extremes.ts";

export interface OrderedSpec {
  readonly type: LogicalType;
  readonly end: "first" | "last" | "joined";
  readonly offset: number;
  /** View slot that keeps LISTAGG's separator. */
  readonly separator?: number | undefined;
}

const STATUS_NULL = 12;
/** RESULT of the status struct: where fixed-width values are laid out as bytes. */
const SCRATCH = 32;

export function orderedCode({ type, end, offset, separator }: OrderedSpec): AggregateCode {
  const pushSlot = (target: AggregateTarget, at: number) => {
    target.f.get(target.map);
    pushHash(target);
    target.f.get(target.entry).i32(at).op("i32.add");
  };
  return {
    update: (target, values, direction) => {
      const { f } = target;
      const change = (name: "listAdd" | "listRemove") => {
        pushSlot(target, offset);
        pushBytes(target, values[0]!);
        f.call(kernel(target, name));
      };
      if (separator !== undefined) keepSeparator(target, separator, values[1]);
      if (direction === "add") change("listAdd");
      else
        f.get(direction).if(
          () => change("listAdd"),
          () => change("listRemove"),
        );
    },
    result: (target) => {
      const { f, module } = target;
      const view = f.local("i64");
      pushSlot(target, offset);
      if (separator !== undefined) {
        f.get(target.entry).i32(separator).op("i32.add").call(kernel(target, "listJoin"));
      } else f.i32(end === "last" ? 1 : 0).call(kernel(target, "listEnd"));
      f.set(view);
      const isNull = f.local("i32");
      f.globalGet(module.statusGlobal).load("i32.load", STATUS_NULL).set(isNull);
      f.globalGet(module.statusGlobal).i32(0).store("i32.store", STATUS_NULL);
      return valueOfBytes(target, type, view, isNull);
    },
  };
}

/** Pushes a view of the value's bytes. */
export function pushBytes({ f, module }: AggregateTarget, value: Value): void {
  const { physical } = value;
  if (physical === "view" || physical === "row") {
    pushPart(f, value.parts[0]!);
    return;
  }
  partTypes(physical).forEach((_, part) => {
    f.globalGet(module.statusGlobal);
    pushPart(f, value.parts[part]!).store(STORE_OF[physical], SCRATCH + part * 8);
  });
  f.globalGet(module.statusGlobal).i32(SCRATCH).op("i32.add").op("i64.extend_i32_u");
  f.i64(BigInt(PHYSICAL_WIDTH[physical]) << 32n).op("i64.or");
}

export function valueOfBytes(
  { f }: AggregateTarget,
  type: LogicalType,
  view: Local,
  isNull: Local,
): Value {
  const physical = physicalOf(type);
  if (physical === "view" || physical === "row")
    return { type, physical, parts: [{ kind: "local", local: view }], isNull };
  // Without a value the view is 0: what is read from there is not used.
  const parts = partTypes(physical).map((word, part): Part => {
    const local = f.local(word);
    f.get(view)
      .op("i32.wrap_i64")
      .load(LOAD_OF[physical], part * 8)
      .set(local);
    return { kind: "local", local };
  });
  return { type, physical, parts, isNull };
}
