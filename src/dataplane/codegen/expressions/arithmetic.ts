/**
 * PLUS MINUS TIMES DIVIDE MOD UNARY_MINUS on integers, FLOAT and DOUBLE, as Java computes them.
 *
 * Integers wrap; TINYINT and SMALLINT are computed in 32 bits and narrowed; MIN / -1 = MIN; division by zero is an error.
 * Floats follow IEEE 754, but a divisor that is the constant 0 is an error, as in Flink; MOD is Java's % (C's fmod).
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Call, Expression } from "../../../foundation/plan/expression.ts";
import type { SimpleOp } from "../emitter/opcodes.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { CompiledFunction } from "../functions/registry.ts";
import type { Value } from "../value.ts";

const INTEGERS = new Set(["TINYINT", "SMALLINT", "INTEGER", "BIGINT"]);
const FLOATS = new Set(["FLOAT", "DOUBLE"]);

export type Arithmetic = "add" | "sub" | "mul" | "div" | "rem";

const isInteger = (type: LogicalType) => INTEGERS.has(type.kind);
const isFloat = (type: LogicalType) => FLOATS.has(type.kind);

export function integerArithmetic(operation: Arithmetic): CompiledFunction {
  return {
    kind: "compiled",
    accepts: (call) => isInteger(call.type) && call.args.every(({ type }) => isInteger(type)),
    emit: (context, call) => {
      const [a, b] = call.args.map((arg) => context.compile(arg)) as [Value, Value];
      const divides = operation === "div" || operation === "rem";
      return context.strict(call.type, [a, b], { guard: divides }, () => {
        const word = call.type.kind === "BIGINT" ? "i64" : "i32";
        if (divides) pushDivision(context, call, word, operation, a, b);
        else {
          pushWord(context, a, word);
          pushWord(context, b, word);
          context.f.op(`${word}.${operation}`);
        }
        narrow(context, call.type);
      });
    },
  };
}

/** An integer argument as the word that is computed in; the planner may leave MOD's arguments of two sizes. */
function pushWord(context: ExpressionContext, value: Value, word: "i32" | "i64"): void {
  context.push(value);
  const has = value.physical === "i64" ? "i64" : "i32";
  if (has === word) return;
  context.f.op(word === "i64" ? "i64.extend_i32_s" : "i32.wrap_i64");
}

/** Wraps the i32 on the stack to TINYINT or SMALLINT. */
export function narrow(context: ExpressionContext, type: LogicalType): void {
  if (type.kind === "TINYINT") context.f.op("i32.extend8_s");
  else if (type.kind === "SMALLINT") context.f.op("i32.extend16_s");
}

function pushDivision(
  context: ExpressionContext,
  call: Call,
  resultWord: "i32" | "i64",
  operation: "div" | "rem",
  a: Value,
  b: Value,
): void {
  const { f } = context;
  // MOD's result has the divisor's type: computed in the wider word, then wrapped.
  const word = a.physical === "i64" || b.physical === "i64" ? "i64" : resultWord;
  const finish = () => {
    if (word !== resultWord) f.op("i32.wrap_i64");
  };
  const divisor = b.parts[0];
  const constant =
    divisor?.kind === "i32" || divisor?.kind === "i64" ? BigInt(divisor.value) : undefined;
  if (constant === undefined) {
    pushWord(context, b, word);
    f.op(`${word}.eqz`).if(() => context.fail("divisionByZero", call));
  } else if (constant === 0n) {
    context.fail("divisionByZero", call);
  }
  const negate = () => {
    if (word === "i64") f.i64(0);
    else f.i32(0);
    pushWord(context, a, word);
    f.op(`${word}.sub`);
  };
  const divide = () => {
    pushWord(context, a, word);
    pushWord(context, b, word);
    f.op(`${word}.${operation}_s`);
  };
  if (operation === "rem" || (constant !== undefined && constant !== -1n)) divide();
  else if (constant === -1n) negate();
  else {
    // WebAssembly traps on MIN / -1, Java wraps.
    pushWord(context, b, word);
    if (word === "i64") f.i64(-1);
    else f.i32(-1);
    f.op(`${word}.eq`).if(negate, divide, word);
  }
  finish();
}

export function floatArithmetic(operation: Arithmetic): CompiledFunction {
  return {
    kind: "compiled",
    accepts: (call) => isFloat(call.type) && call.args.every(({ type }) => isFloat(type)),
    emit: (context, call) => {
      const [a, b] = call.args.map((arg) => context.compile(arg)) as [Value, Value];
      const word = call.type.kind === "FLOAT" ? "f32" : "f64";
      return context.strict(call.type, [a, b], { guard: operation === "rem" }, () => {
        const wide = operation === "rem" ? "f64" : word;
        if (operation === "div" && isZero(call.args[1]!)) context.fail("divisionByZero", call);
        for (const value of [a, b]) {
          context.push(value);
          if (value.physical === "f32" && wide === "f64") context.f.op("f64.promote_f32");
          if (value.physical === "f64" && wide === "f32") context.f.op("f32.demote_f64");
        }
        if (operation === "rem") {
          // The remainder of two floats is a float: computing it in double is exact.
          context.f.call(context.kernel("f64Remainder"));
          if (word === "f32") context.f.op("f32.demote_f64");
        } else context.f.op(`${word}.${operation}` as SimpleOp);
      });
    },
  };
}

/** A literal 0, or a cast of one. */
function isZero(expression: Expression): boolean {
  if (expression.kind === "literal") return Number(expression.value ?? Number.NaN) === 0;
  const isCast = expression.kind === "call" && expression.function === "CAST";
  return isCast && isZero(expression.args[0]!);
}

export const negation: CompiledFunction = {
  kind: "compiled",
  accepts: (call) => isInteger(call.type) || isFloat(call.type),
  emit: (context, call) => {
    const value = context.compile(call.args[0]!);
    return context.strict(call.type, [value], { guard: false }, () => {
      const { f } = context;
      switch (value.physical) {
        case "f32":
        case "f64":
          context.push(value).op(`${value.physical}.neg`);
          break;
        case "i64":
          f.i64(0);
          context.push(value).op("i64.sub");
          break;
        default:
          f.i32(0);
          context.push(value).op("i32.sub");
          narrow(context, call.type);
      }
    });
  },
};
