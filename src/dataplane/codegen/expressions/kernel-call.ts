/** A call of a kernel per row, by the conventions of functions/registry.ts. */
import { physicalOf } from "../../../foundation/columnar/logical-type.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { KernelFunction } from "../functions/registry.ts";
import { partTypes, type Value } from "../value.ts";

export function emitKernelCall(
  context: ExpressionContext,
  call: Call,
  kernel: KernelFunction,
): Value {
  const indexes = kernel.pass ?? call.args.map((_, index) => index);
  const args = indexes.map((index) => context.compile(call.args[index]!));
  const passNull = kernel.nullArguments === "pass";
  const body = () => {
    for (const arg of args) {
      context.pushAll(arg);
      if (passNull) context.pushNull(arg.isNull);
    }
    for (const constant of kernel.extra?.(call) ?? []) context.f.i32(constant);
    context.f.call(context.kernel(kernel.kernel));
    if (partTypes(physicalOf(call.type)).length === 2) context.pushKernelResult();
    if (kernel.mayFail === true) context.checkFailed(call);
    if (kernel.mayBeNull === true) context.pushKernelNull();
  };
  const strictArgs = passNull ? [] : args;
  return kernel.mayBeNull === true
    ? context.strictNullable(call.type, strictArgs, body)
    : context.strict(call.type, strictArgs, { guard: true }, body);
}
