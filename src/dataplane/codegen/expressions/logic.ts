/**
 * Three-valued AND, OR, NOT, and the tests IS [NOT] NULL / TRUE / FALSE.
 *
 * Short circuit: AND stops at the first FALSE, OR at the first TRUE. When every argument is a cheap comparison that cannot
 * be NULL nor fail, all are computed and combined without a branch.
 */
import type { Call, Expression } from "../../../foundation/plan/expression.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { FunctionTable } from "../functions/registry.ts";
import type { Value } from "../value.ts";
import { isRow } from "./row-parts.ts";

const CHEAP_CALLS = new Set([
  "EQUALS",
  "NOT_EQUALS",
  "LESS_THAN",
  "LESS_THAN_OR_EQUAL",
  "GREATER_THAN",
  "GREATER_THAN_OR_EQUAL",
  "PLUS",
  "MINUS",
  "IS_NULL",
  "IS_NOT_NULL",
  "IS_TRUE",
  "IS_FALSE",
  "AND",
  "OR",
  "NOT",
]);
const CHEAP_KINDS = new Set(["BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DATE"]);
const MAX_BRANCHLESS_ARGS = 4;
/**
 * Above it the arguments share no values, and their locals are used again: an engine's compiler copies the state of all
 * locals at each branch, so that time and memory would grow with the square of the arguments.
 */
const MAX_SHARING_ARGS = 64;

function isCheap(expression: Expression): boolean {
  if (!CHEAP_KINDS.has(expression.type.kind) || expression.type.nullable) return false;
  if (expression.kind === "call")
    return CHEAP_CALLS.has(expression.function) && expression.args.every(isCheap);
  return expression.kind !== "field" || isPath(expression);
}

function isPath(expression: Expression): boolean {
  return expression.kind === "field" ? isPath(expression.input) : expression.kind === "input";
}

function emitJunction(kind: "and" | "or") {
  return (context: ExpressionContext, node: Call): Value => {
    const { args } = node;
    if (args.length <= MAX_BRANCHLESS_ARGS && args.every(isCheap)) {
      const values = args.map((arg) => context.compile(arg));
      return context.predicate(node.type, () => {
        values.forEach((value, index) => {
          context.push(value);
          if (index > 0) context.f.op(`i32.${kind}`);
        });
      });
    }
    return emitShortCircuit(context, node, kind);
  };
}

function emitShortCircuit(context: ExpressionContext, node: Call, kind: "and" | "or"): Value {
  const { f } = context;
  const neutral = kind === "and" ? 1 : 0;
  const result = context.allocate(node.type);
  const setResult = (value: number) => {
    f.i32(value);
    context.setParts(result);
  };
  setResult(neutral);
  f.i32(0);
  context.setNull(result);
  /** Evaluates one argument; leaves the block when it decides. */
  const step = (arg: Expression, leave: () => void) => {
    const value = context.compile(arg);
    const decide = () => {
      context.push(value);
      if (kind === "and") f.op("i32.eqz");
      f.if(() => {
        setResult(1 - neutral);
        f.i32(0);
        context.setNull(result);
        leave();
      });
    };
    if (typeof value.isNull !== "number") {
      if (value.isNull === "never") decide();
      else {
        f.i32(1);
        context.setNull(result);
      }
      return;
    }
    context.pushNull(value.isNull);
    f.if(() => {
      f.i32(1);
      context.setNull(result);
    }, decide);
  };
  f.block((end) => {
    const [first, ...rest] = node.args;
    if (first !== undefined) step(first, () => f.br(end));
    // What later arguments compute is known to those behind them only.
    const apart = rest.length > MAX_SHARING_ARGS;
    context.scoped(() => {
      for (const arg of rest) {
        if (apart) f.recycling(() => context.scoped(() => step(arg, () => f.br(end))));
        else step(arg, () => f.br(end));
      }
    });
  });
  return result;
}

function emitNot(context: ExpressionContext, node: Call): Value {
  const value = context.compile(node.args[0]!);
  return context.strict(node.type, [value], { guard: false }, () => {
    context.push(value).op("i32.eqz");
  });
}

function emitIsNull(expected: boolean) {
  return (context: ExpressionContext, node: Call): Value => {
    const arg = node.args[0]!;
    const isNull = isRow(arg.type) ? context.rowNull(arg) : context.compile(arg).isNull;
    return context.predicate(node.type, () => {
      if (expected) context.pushNull(isNull);
      else context.pushNotNull(isNull);
    });
  };
}

/** IS [NOT] TRUE and IS [NOT] FALSE: `truth` is what is asked for, `negated` turns the answer around. */
function emitIs(truth: boolean, negated: boolean) {
  return (context: ExpressionContext, node: Call): Value => {
    const value = context.compile(node.args[0]!);
    return context.predicate(node.type, () => {
      if (value.isNull === "always") context.f.i32(0);
      else {
        context.push(value);
        if (!truth) context.f.op("i32.eqz");
        context.pushNotNull(value.isNull).op("i32.and");
      }
      if (negated) context.f.op("i32.eqz");
    });
  };
}

export const logicFunctions: FunctionTable = {
  AND: { kind: "compiled", emit: emitJunction("and") },
  OR: { kind: "compiled", emit: emitJunction("or") },
  NOT: { kind: "compiled", emit: emitNot },
  IS_NULL: { kind: "compiled", emit: emitIsNull(true) },
  IS_NOT_NULL: { kind: "compiled", emit: emitIsNull(false) },
  IS_TRUE: { kind: "compiled", emit: emitIs(true, false) },
  IS_NOT_TRUE: { kind: "compiled", emit: emitIs(true, true) },
  IS_FALSE: { kind: "compiled", emit: emitIs(false, false) },
  IS_NOT_FALSE: { kind: "compiled", emit: emitIs(false, true) },
};
