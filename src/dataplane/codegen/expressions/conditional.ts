/** CASE, IF, COALESCE, IFNULL, NULLIF: each branch is evaluated only for the rows that take it. */
import type { Label } from "../emitter/function-builder.ts";
import type { Call, Expression } from "../../../foundation/plan/expression.ts";
import { call } from "../../../foundation/plan/expression.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { FunctionTable } from "../functions/registry.ts";
import type { Value } from "../value.ts";

/** [condition, result]*, otherwise. IF has the same form with one condition. */
function emitCase(context: ExpressionContext, node: Call): Value {
  const { f } = context;
  const result = context.allocate(node.type);
  const take = (expression: Expression) => context.assign(result, context.compile(expression));
  const branches = (from: number, end: Label): void => {
    for (let i = from; i + 1 < node.args.length; i += 2) {
      const condition = context.compile(node.args[i]!);
      pushTrue(context, condition);
      context.conditionally(() => {
        take(node.args[i + 1]!);
        f.br(end);
      });
      if (i === from && from === 0) {
        // The first condition is always evaluated; what follows is not.
        context.scoped(() => branches(2, end));
        return;
      }
    }
    context.scoped(() => take(node.args.at(-1)!));
  };
  f.block((end) => branches(0, end));
  return result;
}

/** Pushes 1 when a BOOLEAN is TRUE, 0 when it is FALSE or NULL. */
export function pushTrue(context: ExpressionContext, value: Value): void {
  if (value.isNull === "always") context.f.i32(0);
  else {
    context.push(value);
    if (value.isNull !== "never") context.pushNotNull(value.isNull).op("i32.and");
  }
}

function emitCoalesce(context: ExpressionContext, node: Call): Value {
  const { f } = context;
  const [first, ...rest] = node.args.map((arg) => arg);
  const value = context.compile(first!);
  if (rest.length === 0 || value.isNull === "never") return { ...value, type: node.type };
  const result = context.allocate(node.type);
  context.assign(result, value);
  f.block((end) => {
    context.pushNotNull(value.isNull).brIf(end);
    context.scoped(() => {
      for (const arg of rest) {
        const next = context.compile(arg);
        context.assign(result, next);
        if (next.isNull === "never") break;
        context.pushNotNull(next.isNull).brIf(end);
      }
    });
  });
  return result;
}

/** NULL when both are equal, else the first. */
function emitNullIf(context: ExpressionContext, node: Call): Value {
  const [left, right] = node.args as readonly [Expression, Expression];
  const value = context.compile(left);
  const equal = context.compile(call("EQUALS", [left, right], types.boolean()));
  const isNull = context.f.local("i32");
  context.pushNull(value.isNull);
  pushTrue(context, equal);
  context.f.op("i32.or").set(isNull);
  return { ...value, type: node.type, isNull };
}

/** The same bits under another type. */
function emitReinterpret(context: ExpressionContext, node: Call): Value {
  return { ...context.compile(node.args[0]!), type: node.type };
}

export const conditionalFunctions: FunctionTable = {
  CASE: { kind: "compiled", emit: emitCase },
  IF: { kind: "compiled", emit: emitCase },
  COALESCE: { kind: "compiled", emit: emitCoalesce },
  IFNULL: { kind: "compiled", emit: emitCoalesce },
  NULLIF: { kind: "compiled", emit: emitNullIf },
  REINTERPRET: { kind: "compiled", emit: emitReinterpret },
};
