/**
 * Arithmetic functions: elementary ones are kernels, ABS, SIGN, FLOOR and CEIL compiled, what needs exact decimals is a
 * column function over BigInt.
 *
 * Source: Flink SqlFunctionUtils, DecimalDataUtils: HALF_UP on the decimal expansion that Java prints.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import type { KernelName } from "../../kernels/kernels.generated.ts";
import type { ColumnReader, ColumnWriter } from "../column-access.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { Value } from "../value.ts";
import { eachRow } from "./column-rows.ts";
import type { FunctionTable, ScalarFunction } from "./registry.ts";

const kernel = (name: KernelName): ScalarFunction => ({ kind: "kernel", kernel: name });

const isFloat = (type: LogicalType | undefined) =>
  type?.kind === "FLOAT" || type?.kind === "DOUBLE";
const isDecimal = (type: LogicalType | undefined) => type?.kind === "DECIMAL";
const takesFloat = (call: Call) => isFloat(call.args[0]?.type);
const takesDecimal = (call: Call) => isDecimal(call.args[0]?.type);
const takesInteger = (call: Call) =>
  !takesFloat(call) && !takesDecimal(call) && call.args[0]?.type.kind !== "DATE";

/** A float instruction of one operand, in the argument's width. */
const floatOp = (operation: "abs" | "ceil" | "floor"): ScalarFunction => ({
  kind: "compiled",
  accepts: (call) => takesFloat(call) && call.args.length === 1,
  emit: (context, call) => {
    const value = context.compile(call.args[0]!);
    return context.strict(call.type, [value], { guard: false }, () => {
      context.push(value).op(value.physical === "f32" ? `f32.${operation}` : `f64.${operation}`);
    });
  },
});

/** FLOOR and CEIL of a whole number are the number. */
const same: ScalarFunction = {
  kind: "compiled",
  accepts: (call) => takesInteger(call) && call.args.length === 1,
  emit: (context, call) => ({ ...context.compile(call.args[0]!), type: call.type }),
};

const absolute: ScalarFunction = {
  kind: "compiled",
  accepts: takesInteger,
  emit: (context, call) =>
    integer(context, call, (wide) => {
      const { f } = context;
      const value = f.local(wide ? "i64" : "i32");
      f.set(value);
      zero(context, wide);
      f.get(value).op(wide ? "i64.sub" : "i32.sub");
      f.get(value).get(value);
      zero(context, wide);
      f.op(wide ? "i64.lt_s" : "i32.lt_s").op("select");
    }),
};

const sign: ScalarFunction = {
  kind: "compiled",
  accepts: takesInteger,
  emit: (context, call) =>
    integer(context, call, (wide) => {
      const { f } = context;
      const value = f.local(wide ? "i64" : "i32");
      f.set(value).get(value);
      zero(context, wide);
      f.op(wide ? "i64.gt_s" : "i32.gt_s").get(value);
      zero(context, wide);
      f.op(wide ? "i64.lt_s" : "i32.lt_s").op("i32.sub");
      if (wide) f.op("i64.extend_i32_s");
    }),
};

function zero(context: ExpressionContext, wide: boolean): void {
  if (wide) context.f.i64(0n);
  else context.f.i32(0);
}

function integer(context: ExpressionContext, call: Call, body: (wide: boolean) => void): Value {
  const value = context.compile(call.args[0]!);
  return context.strict(call.type, [value], { guard: false }, () => {
    context.push(value);
    body(value.physical === "i64");
    if (value.physical === "i8") context.f.op("i32.extend8_s");
    if (value.physical === "i16") context.f.op("i32.extend16_s");
  });
}

/** A column function of decimals: unscaled value and scale in, unscaled value at the result's scale out. */
const onDecimal = (
  compute: (unscaled: bigint, scale: number, digits: number, target: number) => bigint,
): ScalarFunction => ({
  kind: "column",
  accepts: takesDecimal,
  prepare: (call) => {
    const [type] = call.args.map((arg) => arg.type);
    const scale = type?.kind === "DECIMAL" ? type.scale : 0;
    const { scale: target, precision } =
      call.type.kind === "DECIMAL" ? call.type : { scale: 0, precision: 38 };
    const beyond = 10n ** BigInt(precision);
    return eachRow(({ args: [value, digits], out }, row) => {
      const at = digits === undefined ? 0 : digits.number(row);
      const result = compute(value!.bigint(row), scale, at, target);
      if (result >= beyond || result <= -beyond) out.setNull(row);
      else out.setBigint(row, result);
    });
  },
});

/** ROUND and TRUNCATE of floats and integers, by the decimal text that Java would print. */
const onNumber = (mode: "half-up" | "truncate"): ScalarFunction => ({
  kind: "column",
  accepts: (call) => !takesDecimal(call),
  prepare: (call) => {
    const float = takesFloat(call);
    return eachRow(({ args: [value, digits], out }, row) => {
      const at = digits === undefined ? 0 : digits.number(row);
      if (float) roundFloat(value!, out, row, at, mode);
      else out.setBigint(row, rescale(value!.bigint(row), 0, at, 0, mode));
    });
  },
});

function roundFloat(
  value: ColumnReader,
  out: ColumnWriter,
  row: number,
  digits: number,
  mode: "half-up" | "truncate",
): void {
  const number = value.number(row);
  if (!Number.isFinite(number)) {
    out.setNumber(row, number);
    return;
  }
  const text = value.physical === "f32" ? shortestFloat(number) : String(number);
  const { unscaled, scale } = parseDecimal(text);
  const places = Math.max(digits, 0);
  const rounded = rescale(unscaled, scale, digits, places, mode);
  out.setNumber(row, Number(`${rounded}e${-places}`));
}

/** The fewest digits that still give this FLOAT. */
function shortestFloat(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return text;
  }
  return value.toPrecision(9);
}

function parseDecimal(text: string): { unscaled: bigint; scale: number } {
  const [mantissa = "0", exponent = "0"] = text.split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const scale = fraction.length - Number(exponent);
  const unscaled = BigInt(whole + fraction);
  return scale >= 0
    ? { unscaled, scale }
    : { unscaled: unscaled * 10n ** BigInt(-scale), scale: 0 };
}

/** `unscaled` at `scale`, rounded to `digits` places (negative: before the point), at scale `target`. */
function rescale(
  unscaled: bigint,
  scale: number,
  digits: number,
  target: number,
  mode: "half-up" | "truncate",
): bigint {
  let value = unscaled;
  const drop = scale - digits;
  if (drop > 0) {
    const power = 10n ** BigInt(drop);
    const half = mode === "half-up" ? power / 2n : 0n;
    value = value < 0n ? -((-value + half) / power) : (value + half) / power;
    value *= power;
  }
  const shift = target - scale;
  return shift >= 0 ? value * 10n ** BigInt(shift) : value / 10n ** BigInt(-shift);
}

function floorScale(unscaled: bigint, scale: number, up: boolean): bigint {
  const power = 10n ** BigInt(scale);
  const quotient = unscaled / power;
  const rest = unscaled % power;
  if (rest === 0n) return quotient;
  return up ? (rest > 0n ? quotient + 1n : quotient) : rest < 0n ? quotient - 1n : quotient;
}

const random = (integer: boolean): ScalarFunction => ({
  kind: "column",
  deterministic: false,
  accepts: ({ args }) => args.length === (integer ? 1 : 0),
  prepare: (_call, environment) =>
    eachRow(({ args: [bound], out }, row) => {
      const value = environment.random();
      out.setNumber(row, bound === undefined ? value : Math.floor(value * bound.number(row)));
    }),
});

const constant = (value: number): ScalarFunction => ({
  kind: "compiled",
  emit: (_context, call) => ({
    type: call.type,
    physical: "f64",
    parts: [{ kind: "f64", value }],
    isNull: "never",
  }),
});

export const arithmeticFunctions: FunctionTable = {
  ABS: [floatOp("abs"), onDecimal((value) => (value < 0n ? -value : value)), absolute],
  SIGN: [
    onDecimal((value, scale) => (value === 0n ? 0n : value < 0n ? -1n : 1n) * 10n ** BigInt(scale)),
    { kind: "kernel", kernel: "mathSign", accepts: (call) => call.args[0]?.type.kind === "DOUBLE" },
    sign,
  ],
  FLOOR: [floatOp("floor"), onDecimal((value, scale) => floorScale(value, scale, false)), same],
  CEIL: [floatOp("ceil"), onDecimal((value, scale) => floorScale(value, scale, true)), same],
  ROUND: [
    onDecimal((value, scale, digits, target) => rescale(value, scale, digits, target, "half-up")),
    onNumber("half-up"),
  ],
  TRUNCATE: [
    onDecimal((value, scale, digits, target) => rescale(value, scale, digits, target, "truncate")),
    onNumber("truncate"),
  ],
  SQRT: kernel("mathSqrt"),
  CBRT: kernel("mathCbrt"),
  EXP: kernel("mathExp"),
  LN: kernel("mathLn"),
  LOG10: kernel("mathLog10"),
  LOG2: kernel("mathLog2"),
  LOG: [
    { kind: "kernel", kernel: "mathLn", accepts: ({ args }) => args.length === 1 },
    kernel("mathLog"),
  ],
  POWER: kernel("mathPower"),
  SIN: kernel("mathSin"),
  SINH: kernel("mathSinh"),
  COS: kernel("mathCos"),
  COSH: kernel("mathCosh"),
  TAN: kernel("mathTan"),
  TANH: kernel("mathTanh"),
  COT: kernel("mathCot"),
  ASIN: kernel("mathAsin"),
  ACOS: kernel("mathAcos"),
  ATAN: kernel("mathAtan"),
  ATAN2: kernel("mathAtan2"),
  DEGREES: kernel("mathDegrees"),
  RADIANS: kernel("mathRadians"),
  PI: constant(Math.PI),
  E: constant(Math.E),
  RAND: random(false),
  RAND_INTEGER: random(true),
};
