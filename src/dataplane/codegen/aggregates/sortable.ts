/**
 * Values of fixed width as (high i64, low i64) whose signed-unsigned order is the values' order, for sorted multisets
 * (kernels/aggregate-extremes.as.ts); and back.
 */
import { type LogicalType, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import type { FunctionBuilder, Local } from "../emitter/function-builder.ts";
import type { Part, Value } from "../value.ts";
import { pushPart } from "../value-code.ts";

/** How such a number lies in an array: the forms of kernels/aggregate-collections.as.ts. */
export function numberForm(type: LogicalType): number {
  switch (physicalOf(type)) {
    case "bool":
    case "i8":
      return 1;
    case "i16":
      return 2;
    case "i32":
      return 4;
    case "i128":
      return 16;
    case "ts128":
      return 17;
    case "f32":
      return 20;
    case "f64":
      return 24;
    default:
      return 8;
  }
}

/** Pushes (high i64, low i64) in the order of the values. */
export function pushSortable(f: FunctionBuilder, value: Value): void {
  const first = () => pushPart(f, value.parts[0]!);
  switch (value.physical) {
    case "i64":
      first().i64(0);
      return;
    case "i128":
      pushPart(f, value.parts[1]!);
      first();
      return;
    case "ts128":
      first();
      pushPart(f, value.parts[1]!);
      return;
    case "f32":
    case "f64": {
      first();
      if (value.physical === "f32") f.op("f64.promote_f32");
      f.op("i64.reinterpret_f64");
      turnBits(f);
      f.i64(0);
      return;
    }
    default:
      first().op("i64.extend_i32_s").i64(0);
  }
}

/** The order of doubles as the signed order of their bits; its own inverse. */
function turnBits(f: FunctionBuilder): void {
  const bits = f.local("i64");
  f.tee(bits).get(bits).i64(63).op("i64.shr_s").i64(1).op("i64.shr_u").op("i64.xor");
}

/** RESULT holds low at 0 and high at 8. */
export function setFromSortable(
  f: FunctionBuilder,
  physical: string,
  parts: readonly Part[],
  load: (at: number) => void,
): void {
  const set = (part: number) => f.set((parts[part] as { local: Local }).local);
  switch (physical) {
    case "i64":
      load(8);
      set(0);
      return;
    case "i128":
      load(0);
      set(0);
      load(8);
      set(1);
      return;
    case "ts128":
      load(8);
      set(0);
      load(0);
      set(1);
      return;
    case "f32":
    case "f64":
      load(8);
      turnBits(f);
      f.op("f64.reinterpret_i64");
      if (physical === "f32") f.op("f32.demote_f64");
      set(0);
      return;
    default:
      load(8);
      f.op("i32.wrap_i64");
      set(0);
  }
}
