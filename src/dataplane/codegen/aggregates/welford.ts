/**
 * $WELFORD_M2$1: the sum of squared differences from the mean, kept by Welford's method; VAR_POP, STDDEV_SAMP and their kin
 * are expressions over it and COUNT (language/sql/optimizer/reduce-aggregates.ts).
 *
 * State:   f64 mean, f64 m2, and the shared counter of values, which is changed after update().
 * NULL:    without values, while more values were taken back than added, and below 0 (a rounding error of taking back).
 * Source:  Flink WelfordM2AggFunction; the parallel form of Chan et al. for merged accumulators.
 */
import { type LogicalType, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import type { FunctionBuilder, Local } from "../emitter/function-builder.ts";
import { MAX_I64_DIGITS } from "../expressions/decimal.ts";
import type { Value } from "../value.ts";
import { pushPart } from "../value-code.ts";
import { type AggregateCode, type AggregateTarget, kernel } from "./aggregate-code.ts";

export interface WelfordSpec {
  readonly type: LogicalType;
  readonly mean: number;
  readonly m2: number;
  readonly counter: number;
}

export function welfordCode(spec: WelfordSpec): AggregateCode {
  const { type, m2, counter } = spec;
  return {
    update: (target, values, direction) => {
      const { f, entry } = target;
      const value = f.local("f64");
      pushDouble(target, values[0]!);
      f.set(value);
      const n = loadCount(f, entry, counter);
      const sign = f.local("f64");
      if (direction === "add") f.f64(1);
      else f.f64(1).f64(-1).get(direction).op("select");
      f.set(sign);
      f.get(n).get(sign).op("i64.trunc_sat_f64_s").op("i64.add").set(n);
      fold(target, spec, value, n, sign);
    },
    result: (target) => {
      const { f, entry } = target;
      const local = load(f, entry, m2);
      const isNull = f.local("i32");
      f.get(entry).load("i64.load", counter).i64(0).op("i64.le_s");
      f.get(local).f64(0).op("f64.lt").op("i32.or").set(isNull);
      return { type, physical: physicalOf(type), parts: [{ kind: "local", local }], isNull };
    },
    merge: (target, other) => merge(target, other.entry, spec),
  };
}

/** One value in or out, n values then; sign is 1 or -1. */
function fold(
  { f, entry }: AggregateTarget,
  { mean, m2 }: WelfordSpec,
  value: Local,
  n: Local,
  sign: Local,
): void {
  f.get(n).i64(0).op("i64.le_s");
  f.if(
    () => {
      for (const at of [mean, m2]) f.get(entry).f64(0).store("f64.store", at);
    },
    () => {
      const [before, square] = [load(f, entry, mean), load(f, entry, m2)];
      const delta = f.local("f64");
      f.get(value).get(before).op("f64.sub").set(delta);
      f.get(before).get(delta).get(n).op("f64.convert_i64_s").op("f64.div");
      f.get(sign).op("f64.mul").op("f64.add").set(before);
      f.get(square).get(delta).get(value).get(before).op("f64.sub").op("f64.mul");
      f.get(sign).op("f64.mul").op("f64.add").set(square);
      f.get(entry).get(before).store("f64.store", mean);
      f.get(entry).get(square).store("f64.store", m2);
    },
  );
}

function merge(
  { f, entry }: AggregateTarget,
  from: Local,
  { mean, m2, counter }: WelfordSpec,
): void {
  const n = loadCount(f, from, counter);
  f.get(n).i64(0).op("i64.gt_s");
  f.if(() => {
    const own = loadCount(f, entry, counter);
    f.get(own).op("i64.eqz");
    f.if(
      () => {
        for (const at of [mean, m2])
          f.get(entry)
            .get(load(f, from, at))
            .store("f64.store", at);
      },
      () => {
        const total = f.local("f64");
        f.get(n).get(own).op("i64.add").op("f64.convert_i64_s").set(total);
        const a = load(f, entry, mean);
        const delta = f.local("f64");
        f.get(load(f, from, mean))
          .get(a)
          .op("f64.sub")
          .set(delta);
        f.get(entry);
        f.get(load(f, entry, m2))
          .get(load(f, from, m2))
          .op("f64.add");
        f.get(own).op("f64.convert_i64_s").get(n).op("f64.convert_i64_s").op("f64.mul");
        f.get(total).op("f64.div").get(delta).op("f64.mul").get(delta).op("f64.mul");
        f.op("f64.add").store("f64.store", m2);
        f.get(entry).get(a);
        f.get(n).op("f64.convert_i64_s").get(total).op("f64.div").get(delta).op("f64.mul");
        f.op("f64.add").store("f64.store", mean);
      },
    );
  });
}

function load(f: FunctionBuilder, entry: Local, offset: number): Local {
  const local = f.local("f64");
  f.get(entry).load("f64.load", offset).set(local);
  return local;
}

function loadCount(f: FunctionBuilder, entry: Local, counter: number): Local {
  const local = f.local("i64");
  f.get(entry).load("i64.load", counter).set(local);
  return local;
}

/** The argument as DOUBLE. */
function pushDouble(target: AggregateTarget, value: Value): void {
  const { f } = target;
  pushPart(f, value.parts[0]!);
  if (value.type.kind === "DECIMAL") {
    const { precision, scale } = value.type;
    if (precision <= MAX_I64_DIGITS)
      f.op("f64.convert_i64_s")
        .f64(10 ** scale)
        .op("f64.div");
    else pushPart(f, value.parts[1]!).i32(scale).call(kernel(target, "decimalToF64"));
    return;
  }
  if (value.physical === "f32") f.op("f64.promote_f32");
  else if (value.physical === "i64") f.op("f64.convert_i64_s");
  else if (value.physical !== "f64") f.op("f64.convert_i32_s");
}
