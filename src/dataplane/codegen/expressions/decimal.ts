/**
 * DECIMAL arithmetic: PLUS MINUS TIMES DIVIDE MOD UNARY_MINUS with the result's precision and scale as the plan gives them.
 *
 * Rules:   exact, then HALF_UP to the result's scale; NULL when the result has too many digits (Flink DecimalDataUtils).
 * Paths:   everything within 18 digits → inline i64; sums of 128 bits at one scale → inline; the rest → kernels/decimal.as.ts.
 * Args:    integers among them count as DECIMALs of scale 0.
 */
import { assert } from "../../../foundation/base/errors.ts";
import type { DecimalType, LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { CompiledFunction } from "../functions/registry.ts";
import type { Value } from "../value.ts";

export const MAX_I64_DIGITS = 18;
const INTEGER_DIGITS: Readonly<Record<string, number>> = {
  TINYINT: 3,
  SMALLINT: 5,
  INTEGER: 10,
  BIGINT: 19,
};

/** Precision and scale of a DECIMAL or integer type. */
export function digitsOf(type: LogicalType): { precision: number; scale: number } | undefined {
  if (type.kind === "DECIMAL") return type;
  const precision = INTEGER_DIGITS[type.kind];
  return precision === undefined ? undefined : { precision, scale: 0 };
}

function shape(call: Call) {
  const [a, b] = call.args.map((arg) => digitsOf(arg.type));
  assert(call.type.kind === "DECIMAL" && a !== undefined, `${call.function} is no DECIMAL`);
  return { result: call.type as DecimalType, a, b: b ?? a };
}

const accepts = (call: Call) =>
  call.type.kind === "DECIMAL" && call.args.every(({ type }) => digitsOf(type) !== undefined);

/** Pushes an integer or DECIMAL of at most 64 bits as i64. */
export function pushI64(context: ExpressionContext, value: Value): void {
  context.push(value);
  if (value.physical !== "i64" && value.physical !== "i128") context.f.op("i64.extend_i32_s");
}

/** Pushes lo, hi of an integer or DECIMAL. */
export function pushI128(context: ExpressionContext, value: Value): void {
  if (value.physical === "i128") {
    context.pushAll(value);
    return;
  }
  pushI64(context, value);
  pushI64(context, value);
  context.f.i64(63).op("i64.shr_s");
}

/**
 * Calls a kernel that leaves a DECIMAL in RESULT (or reports NULL), and takes it as a value of `type`. `push` pushes the
 * kernel's arguments.
 */
export function decimalKernel(
  context: ExpressionContext,
  type: DecimalType,
  args: readonly Value[],
  push: () => void,
): Value {
  return context.strictNullable(type, args, () => {
    push();
    pushDecimalResult(context, type);
  });
}

/** Pushes the parts in RESULT for this type, then the kernel's NULL word. */
export function pushDecimalResult(context: ExpressionContext, type: DecimalType): void {
  if (type.precision > MAX_I64_DIGITS) context.pushKernelResult();
  else context.f.globalGet(context.module.statusGlobal).load("i64.load", 32);
  context.pushKernelNull();
}

export function decimalSum(operation: "add" | "sub"): CompiledFunction {
  return {
    kind: "compiled",
    accepts,
    emit: (context, call) => {
      const { result, a: da, b: db } = shape(call);
      const values = call.args.map((arg) => context.compile(arg)) as [Value, Value];
      const scale = Math.max(da.scale, db.scale);
      const whole = Math.max(da.precision - da.scale, db.precision - db.scale);
      const shifts = [scale - da.scale, scale - db.scale] as const;
      const digits = whole + scale + 1;
      const exact = result.scale === scale && result.precision >= digits;
      if (exact && digits <= MAX_I64_DIGITS) {
        return context.strict(result, values, { guard: false }, () => {
          values.forEach((value, index) => {
            pushScaled(context, value, shifts[index]!);
          });
          context.f.op(`i64.${operation}`);
          widen(context, result);
        });
      }
      if (result.scale === scale && shifts[0] === 0 && shifts[1] === 0 && result.precision > 18)
        return wideSum(context, result, values, operation, exact);
      return decimalKernel(context, result, values, () => {
        pushI128(context, values[0]);
        context.f.i32(shifts[0]);
        pushI128(context, values[1]);
        context.f.i32(shifts[1]).i32(operation === "sub" ? 1 : 0);
        context.f.i32(scale - result.scale).i32(result.precision);
        context.f.call(context.kernel("decimalAdd"));
      });
    },
  };
}

/** The i64 on the stack as lo, hi when the type takes 128 bits. */
function widen(context: ExpressionContext, type: DecimalType): void {
  if (type.precision <= MAX_I64_DIGITS) return;
  const value = context.f.local("i64");
  context.f.tee(value).get(value).i64(63).op("i64.shr_s");
}

function pushScaled(context: ExpressionContext, value: Value, shift: number): void {
  pushI64(context, value);
  if (shift > 0) context.f.i64(10n ** BigInt(shift)).op("i64.mul");
}

/** Both at one scale with a wide result: 10^38 · 2 < 2^127, so 128 bits never wrap; the digits are checked unless exact. */
function wideSum(
  context: ExpressionContext,
  type: DecimalType,
  [a, b]: readonly [Value, Value],
  operation: "add" | "sub",
  exact: boolean,
): Value {
  const { f } = context;
  const compute = () => {
    const [aLo, aHi, bLo, bHi] = [f.local("i64"), f.local("i64"), f.local("i64"), f.local("i64")];
    pushI128(context, a);
    f.set(aHi).set(aLo);
    pushI128(context, b);
    f.set(bHi).set(bLo);
    pushWideSum(context, aLo, aHi, bLo, bHi, operation);
  };
  if (exact) return context.strict(type, [a, b], { guard: false }, compute);
  return context.strictNullable(type, [a, b], () => {
    const [lo, hi] = [f.local("i64"), f.local("i64")];
    compute();
    f.set(hi).set(lo);
    f.get(lo).get(hi);
    pushExceeds(context, lo, hi, type.precision);
  });
}

/** Pushes lo, hi of a ± b. */
export function pushWideSum(
  context: { readonly f: ExpressionContext["f"] },
  aLo: number,
  aHi: number,
  bLo: number,
  bHi: number,
  operation: "add" | "sub",
): void {
  const { f } = context;
  const lo = f.local("i64");
  f.get(aLo).get(bLo).op(`i64.${operation}`).tee(lo);
  f.get(aHi).get(bHi).op(`i64.${operation}`);
  // Carry: the sum is below an addend; borrow: the minuend is below the subtrahend.
  if (operation === "add") f.get(lo).get(aLo).op("i64.lt_u");
  else f.get(aLo).get(bLo).op("i64.lt_u");
  f.op("i64.extend_i32_u").op(`i64.${operation}`);
}

/** Pushes 1 when |value| ≥ 10^precision. */
export function pushExceeds(
  context: { readonly f: ExpressionContext["f"] },
  lo: number,
  hi: number,
  precision: number,
): void {
  const { f } = context;
  const limit = 10n ** BigInt(precision);
  const [limitLo, limitHi] = [BigInt.asIntN(64, limit), limit >> 64n];
  const [negativeLo, negativeHi] = [BigInt.asIntN(64, -limit), -limit >> 64n];
  // value ≥ limit, or value ≤ −limit
  f.get(lo).i64(limitLo).op("i64.ge_u");
  f.get(hi).i64(limitHi).op("i64.gt_s");
  f.get(hi).i64(limitHi).op("i64.eq").op("select");
  f.get(lo).i64(negativeLo).op("i64.le_u");
  f.get(hi).i64(negativeHi).op("i64.lt_s");
  f.get(hi).i64(negativeHi).op("i64.eq").op("select");
  f.op("i32.or");
}

export const decimalProduct: CompiledFunction = {
  kind: "compiled",
  accepts,
  emit: (context, call) => {
    const { result, a, b } = shape(call);
    const values = call.args.map((arg) => context.compile(arg)) as [Value, Value];
    const scale = a.scale + b.scale;
    const digits = a.precision + b.precision;
    if (result.scale === scale && result.precision >= digits && digits <= MAX_I64_DIGITS) {
      return context.strict(result, values, { guard: false }, () => {
        pushI64(context, values[0]);
        pushI64(context, values[1]);
        context.f.op("i64.mul");
        widen(context, result);
      });
    }
    if (result.scale === scale && result.precision >= digits && values.every(fitsI64)) {
      return context.strict(result, values, { guard: false }, () => {
        pushWideProduct(context, values[0], values[1]);
      });
    }
    return decimalKernel(context, result, values, () => {
      pushI128(context, values[0]);
      pushI128(context, values[1]);
      context.f
        .i32(scale - result.scale)
        .i32(result.precision)
        .call(context.kernel("decimalMultiply"));
    });
  },
};

function fitsI64(value: Value): boolean {
  return value.physical !== "i128" || value.narrow === true;
}

/** Pushes lo, hi of the product of two 64-bit factors (Hacker's Delight, mulhs). */
function pushWideProduct(context: ExpressionContext, left: Value, right: Value): void {
  const { f } = context;
  const [a, b] = [f.local("i64"), f.local("i64")];
  const [mid, low] = [f.local("i64"), f.local("i64")];
  for (const [value, local] of [
    [left, a],
    [right, b],
  ] as const) {
    context.push(value);
    if (value.physical !== "i64" && value.physical !== "i128") f.op("i64.extend_i32_s");
    f.set(local);
  }
  const half = (local: number) => f.get(local).i64(0xffffffffn).op("i64.and");
  const top = (local: number) => f.get(local).i64(32).op("i64.shr_s");
  f.get(a).get(b).op("i64.mul");
  top(a);
  half(b).op("i64.mul");
  half(a);
  half(b).op("i64.mul").i64(32).op("i64.shr_u").op("i64.add").set(mid);
  half(a);
  top(b).op("i64.mul");
  half(mid).op("i64.add").set(low);
  top(a);
  top(b).op("i64.mul");
  top(mid).op("i64.add");
  top(low).op("i64.add");
}

function failOnZero(context: ExpressionContext, call: Call, divisor: Value): void {
  const { f } = context;
  context.push(divisor);
  if (divisor.physical === "i128") {
    context.push(divisor, 1).op("i64.or").op("i64.eqz");
  } else f.op(divisor.physical === "i64" ? "i64.eqz" : "i32.eqz");
  f.if(() => context.fail("divisionByZero", call));
}

export const decimalQuotient: CompiledFunction = {
  kind: "compiled",
  accepts,
  emit: (context, call) => {
    const { result, a, b } = shape(call);
    const values = call.args.map((arg) => context.compile(arg)) as [Value, Value];
    return decimalKernel(context, result, values, () => {
      failOnZero(context, call, values[1]);
      pushI128(context, values[0]);
      pushI128(context, values[1]);
      context.f.i32(result.scale + b.scale - a.scale).i32(result.precision);
      context.f.call(context.kernel("decimalDivide"));
    });
  },
};

/** MOD: the sign is the dividend's; an integer result takes the whole part. */
export const decimalModulo: CompiledFunction = {
  kind: "compiled",
  accepts: (call) =>
    digitsOf(call.type) !== undefined &&
    call.args.some(({ type }) => type.kind === "DECIMAL") &&
    call.args.every(({ type }) => digitsOf(type) !== undefined),
  emit: (context, call) => {
    const [a, b] = call.args.map((arg) => digitsOf(arg.type)!) as [DecimalType, DecimalType];
    const values = call.args.map((arg) => context.compile(arg)) as [Value, Value];
    const scale = Math.max(a.scale, b.scale);
    const result: DecimalType =
      call.type.kind === "DECIMAL"
        ? call.type
        : { kind: "DECIMAL", precision: 19, scale: 0, nullable: call.type.nullable };
    const remainder = decimalKernel(context, result, values, () => {
      failOnZero(context, call, values[1]);
      pushI128(context, values[0]);
      context.f.i32(scale - a.scale);
      pushI128(context, values[1]);
      context.f.i32(scale - b.scale);
      context.f.i32(scale - result.scale).i32(result.precision);
      context.f.call(context.kernel("decimalRemainder"));
    });
    if (call.type.kind === "DECIMAL") return remainder;
    return context.strict(call.type, [remainder], { guard: false }, () => {
      context.push(remainder);
      if (call.type.kind !== "BIGINT") context.f.op("i32.wrap_i64");
    });
  },
};

export const decimalNegation: CompiledFunction = {
  kind: "compiled",
  accepts: (call) => call.type.kind === "DECIMAL" && call.args[0]?.type.kind === "DECIMAL",
  emit: (context, call) => {
    const value = context.compile(call.args[0]!);
    const { f } = context;
    return context.strict(call.type, [value], { guard: false }, () => {
      f.i64(0);
      context.push(value).op("i64.sub");
      if (value.physical !== "i128") return;
      f.i64(0);
      context.push(value, 1).op("i64.sub");
      context.push(value).op("i64.eqz").op("i32.eqz").op("i64.extend_i32_u").op("i64.sub");
    });
  },
};
