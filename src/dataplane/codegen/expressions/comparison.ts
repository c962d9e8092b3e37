/**
 * Comparisons of two values of one physical form: = <> < <= > >=, IS [NOT] DISTINCT FROM, GREATEST, LEAST, IN.
 *
 * Floats:  as Java's operators, which Flink's generated code uses: NaN equals nothing, -0.0 = 0.0. GREATEST and LEAST: as Java's
 *          compareTo.
 * Views:   equality of bytes, order of unsigned bytes; a comparison with a short constant is inlined.
 */
import { assert } from "../../../foundation/base/errors.ts";
import {
  physicalOf,
  types,
  typeToString,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import { type Call, call, type Expression, literal } from "../../../foundation/plan/expression.ts";
import type { SimpleOp } from "../emitter/opcodes.ts";
import { codegenErrors } from "../errors.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { FunctionTable } from "../functions/registry.ts";
import type { Value } from "../value.ts";
import { isRow, rowField, rowFields, rowPresent } from "./row-parts.ts";

export type Relation = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

const SIGNED: Readonly<Record<Relation, string>> = {
  eq: "eq",
  ne: "ne",
  lt: "lt_s",
  le: "le_s",
  gt: "gt_s",
  ge: "ge_s",
};
const MAX_INLINE_CONSTANT_BYTES = 32;

/** Pushes an i32: whether a relation b. Neither is NULL. */
export function pushRelation(
  context: ExpressionContext,
  relation: Relation,
  a: Value,
  b: Value,
): void {
  const { f } = context;
  switch (a.physical) {
    case "bool":
    case "i8":
    case "i16":
    case "i32":
      context.push(a);
      context.push(b).op(`i32.${SIGNED[relation]}` as SimpleOp);
      return;
    case "i64":
      context.push(a);
      context.push(b).op(`i64.${SIGNED[relation]}` as SimpleOp);
      return;
    case "f32":
    case "f64":
      context.push(a);
      context.push(b).op(`${a.physical}.${relation}` as SimpleOp);
      return;
    case "view":
      if (relation === "eq" || relation === "ne") {
        pushViewEquals(context, a, b);
        if (relation === "ne") f.op("i32.eqz");
      } else {
        context.push(a);
        context.push(b).call(context.kernel("compareViews"));
        f.i32(0).op(`i32.${SIGNED[relation]}` as SimpleOp);
      }
      return;
    case "i128":
      pushWide(context, relation, [a, 1], [b, 1], [a, 0], [b, 0], "u");
      return;
    case "ts128":
      pushWide(context, relation, [a, 0], [b, 0], [a, 1], [b, 1], "s");
      return;
    case "row":
      throw codegenErrors.TYPE_UNSUPPORTED({ type: "ROW", where: "a comparison" });
  }
}

type PartOf = readonly [Value, number];

/** Compares (high, low) pairs: the high parts are signed, the low ones as `lowSign` says. */
function pushWide(
  context: ExpressionContext,
  relation: Relation,
  highA: PartOf,
  highB: PartOf,
  lowA: PartOf,
  lowB: PartOf,
  lowSign: "u" | "s",
): void {
  const { f } = context;
  const pair = (a: PartOf, b: PartOf, op: SimpleOp) => {
    context.push(...a);
    context.push(...b).op(op);
  };
  if (relation === "eq" || relation === "ne") {
    pair(highA, highB, `i64.${relation}`);
    pair(lowA, lowB, `i64.${relation}`);
    f.op(relation === "eq" ? "i32.and" : "i32.or");
    return;
  }
  // select(low, high, highs equal): strict in the high part, as asked for in the low part.
  pair(lowA, lowB, `i64.${relation}_${lowSign}` as SimpleOp);
  pair(highA, highB, relation === "lt" || relation === "le" ? "i64.lt_s" : "i64.gt_s");
  pair(highA, highB, "i64.eq");
  f.op("select");
}

function pushViewEquals(context: ExpressionContext, a: Value, b: Value): void {
  const { f } = context;
  // Lengths first: they decide most comparisons without touching the bytes.
  context.push(a);
  context.push(b).op("i64.xor").i64(32).op("i64.shr_u").op("i64.eqz");
  f.if(
    () => {
      context.push(a);
      context.push(b).call(context.kernel("equalViews"));
    },
    () => f.i32(0),
    "i32",
  );
}

/** view = constant text of at most MAX_INLINE_CONSTANT_BYTES: length, then words. */
function pushEqualsConstant(context: ExpressionContext, a: Value, text: Uint8Array): void {
  const { f } = context;
  context.push(a).i64(32).op("i64.shr_u").op("i32.wrap_i64").i32(text.length).op("i32.eq");
  if (text.length === 0) return;
  f.if(
    () => {
      const address = f.local("i32");
      context.push(a).op("i32.wrap_i64").set(address);
      const data = new DataView(text.buffer, text.byteOffset, text.length);
      let first = true;
      for (let at = 0; at < text.length; ) {
        f.get(address);
        const rest = text.length - at;
        if (rest >= 8) {
          f.load("i64.load", at).i64(data.getBigInt64(at, true)).op("i64.eq");
          at += 8;
        } else if (rest >= 4) {
          f.load("i32.load", at).i32(data.getInt32(at, true)).op("i32.eq");
          at += 4;
        } else {
          f.load("i32.load8_u", at).i32(data.getUint8(at)).op("i32.eq");
          at += 1;
        }
        if (!first) f.op("i32.and");
        first = false;
      }
      f.release(address);
    },
    () => f.i32(0),
    "i32",
  );
}

function constantText(expression: Expression | undefined): Uint8Array | undefined {
  if (expression?.kind !== "literal" || typeof expression.value !== "string") return undefined;
  if (expression.type.kind !== "CHAR" && expression.type.kind !== "VARCHAR") return undefined;
  const text = new TextEncoder().encode(expression.value);
  return text.length <= MAX_INLINE_CONSTANT_BYTES ? text : undefined;
}

function emitRelation(relation: Relation) {
  return (context: ExpressionContext, node: Call): Value => {
    const [left, right] = node.args as readonly [Expression, Expression];
    const isNullLiteral = (arg: Expression) => arg.kind === "literal" && arg.value === null;
    if (isNullLiteral(left) || isNullLiteral(right)) return context.nullValue(node.type);
    const equality = relation === "eq" || relation === "ne";
    if (isRow(left.type)) {
      if (!equality) throw codegenErrors.TYPE_UNSUPPORTED({ type: "ROW", where: node.function });
      return context.compile(rowEquality(node, left, right));
    }
    const text = equality ? constantText(right) : undefined;
    if (text !== undefined) {
      const a = context.compile(left);
      return context.strict(node.type, [a], { guard: true }, () => {
        pushEqualsConstant(context, a, text);
        if (relation === "ne") context.f.op("i32.eqz");
      });
    }
    if (equality && constantText(left) !== undefined)
      return context.compile({ ...node, args: [right, left] });
    const a = context.compile(left);
    const b = context.compile(right);
    const guard = a.physical === "view";
    return context.strict(node.type, [a, b], { guard }, () =>
      pushRelation(context, relation, a, b),
    );
  };
}

/** Equality of rows: NULL when one is; within them NULLs are values. */
function rowEquality(node: Call, left: Expression, right: Expression): Expression {
  const same = sameFields(left, right);
  const BOOLEAN = types.boolean(false);
  const result = node.function === "EQUALS" ? same : call("NOT", [same], BOOLEAN);
  if (!left.type.nullable && !right.type.nullable) return result;
  const present = call("AND", [rowPresent(left), rowPresent(right)], BOOLEAN);
  return call("CASE", [present, result, literal(null, types.boolean())], types.boolean());
}

function sameFields(left: Expression, right: Expression): Expression {
  const BOOLEAN = types.boolean(false);
  const [own, other] = [rowFields(left.type), rowFields(right.type)];
  if (own.length !== other.length)
    throw codegenErrors.TYPE_UNSUPPORTED({ type: "ROW", where: "a comparison with another ROW" });
  const parts = own.map((field, i): Expression => {
    const [a, b] = [rowField(left, i), rowField(right, i)];
    if (!isRow(field.type)) return call("IS_NOT_DISTINCT_FROM", aligned(a, b), BOOLEAN);
    const [hasA, hasB] = [rowPresent(a), rowPresent(b)];
    const both = call("AND", [hasA, hasB, sameFields(a, b)], BOOLEAN);
    const none = call("NOT", [call("OR", [hasA, hasB], BOOLEAN)], BOOLEAN);
    return call("OR", [none, both], BOOLEAN);
  });
  return parts.length === 1 ? parts[0]! : call("AND", parts, BOOLEAN);
}

/** Fields of different physical form: the right one takes the type of the left. */
function aligned(a: Expression, b: Expression): readonly Expression[] {
  const form = (type: Expression["type"]) =>
    isRow(type) || physicalOf(type) === "view" ? "view" : typeToString(withNullable(type, true));
  if (form(a.type) === form(b.type)) return [a, b];
  return [a, call("CAST", [b], withNullable(a.type, b.type.nullable))];
}

/** NULLs are values here: two of them are not distinct. */
function emitDistinct(distinct: boolean) {
  return (context: ExpressionContext, node: Call): Value => {
    const [a, b] = node.args.map((arg) => context.compile(arg)) as [Value, Value];
    const { f } = context;
    return context.predicate(node.type, () => {
      const either = context.anyNull([a.isNull, b.isNull]);
      context.pushNull(either);
      f.if(
        () => {
          context.pushNull(a.isNull);
          context.pushNull(b.isNull).op(distinct ? "i32.ne" : "i32.eq");
        },
        () => pushRelation(context, distinct ? "ne" : "eq", a, b),
        "i32",
      );
    });
  };
}

/** NULL when any argument is NULL, as Flink's GREATEST and LEAST. */
function emitExtreme(relation: "gt" | "lt") {
  return (context: ExpressionContext, node: Call): Value => {
    const args = node.args.map((arg) => context.compile(arg));
    const [first, ...rest] = args;
    assert(first !== undefined, `${node.function} without arguments`);
    const isNull = context.anyNull(args.map((arg) => arg.isNull));
    if (isNull === "always") return context.nullValue(node.type);
    const result = context.allocate(node.type, isNull);
    context.pushNotNull(isNull);
    context.conditionally(() => {
      context.assign({ ...result, isNull: "never" }, first);
      for (const arg of rest) {
        pushMoreExtreme(context, relation, arg, result);
        context.f.if(() => context.assign({ ...result, isNull: "never" }, arg));
      }
    });
    return result;
  };
}

/** Floats in the order of Java's compareTo: -0.0 below 0.0, NaN above all. */
function pushMoreExtreme(
  context: ExpressionContext,
  relation: "gt" | "lt",
  a: Value,
  b: Value,
): void {
  const { physical } = a;
  if (physical !== "f32" && physical !== "f64") return pushRelation(context, relation, a, b);
  const [larger, smaller] = relation === "gt" ? [a, b] : [b, a];
  const isFloat = physical === "f32";
  const pushBits = (value: Value) =>
    context.push(value).op(isFloat ? "i32.reinterpret_f32" : "i64.reinterpret_f64");
  const { f } = context;
  pushRelation(context, "gt", larger, smaller);
  // Neither is less: equal (zeros differ in their sign), or one is NaN.
  pushBits(larger);
  pushBits(smaller).op(isFloat ? "i32.gt_s" : "i64.gt_s");
  pushRelation(context, "eq", larger, smaller);
  f.op("i32.and").op("i32.or");
  pushRelation(context, "ne", larger, larger);
  pushRelation(context, "eq", smaller, smaller);
  f.op("i32.and").op("i32.or");
}

/** IN(value, literal…) is the OR of its equalities. */
function emitIn(context: ExpressionContext, node: Call): Value {
  const [value, ...list] = node.args as readonly [Expression, ...Expression[]];
  const equals = list.map((item) => call("EQUALS", [value, item], types.boolean()));
  return context.compile(call("OR", equals, node.type));
}

const relation = (name: Relation) => ({ kind: "compiled", emit: emitRelation(name) }) as const;

export const comparisonFunctions: FunctionTable = {
  EQUALS: relation("eq"),
  NOT_EQUALS: relation("ne"),
  LESS_THAN: relation("lt"),
  LESS_THAN_OR_EQUAL: relation("le"),
  GREATER_THAN: relation("gt"),
  GREATER_THAN_OR_EQUAL: relation("ge"),
  IS_DISTINCT_FROM: { kind: "compiled", emit: emitDistinct(true) },
  IS_NOT_DISTINCT_FROM: { kind: "compiled", emit: emitDistinct(false) },
  GREATEST: { kind: "compiled", emit: emitExtreme("gt") },
  LEAST: { kind: "compiled", emit: emitExtreme("lt") },
  IN: { kind: "compiled", emit: emitIn },
};
