/** Equality of results before and after, and copies of views that must outlive the state they point into. */
import type { FunctionBuilder, FunctionRef } from "../emitter/function-builder.ts";
import type { SimpleOp } from "../emitter/opcodes.ts";
import { partTypes, type Value } from "../value.ts";
import { pushNullFlag, pushPart } from "../value-code.ts";
import { type AggregateTarget, kernel } from "./aggregate-code.ts";

/** Pushes 1 when all values are equal, NULL equal to NULL; floats as Java's ==. */
export function pushSameValues(
  f: FunctionBuilder,
  equalViews: FunctionRef,
  before: readonly Value[],
  after: readonly Value[],
): void {
  f.i32(1);
  before.forEach((a, index) => {
    const b = after[index]!;
    if (a.isNull === "never" && b.isNull === "never") pushSame(f, equalViews, a, b);
    else {
      pushNullFlag(f, a.isNull);
      pushNullFlag(f, b.isNull).op("i32.or");
      f.if(
        () => {
          pushNullFlag(f, a.isNull);
          pushNullFlag(f, b.isNull).op("i32.eq");
        },
        () => pushSame(f, equalViews, a, b),
        "i32",
      );
    }
    f.op("i32.and");
  });
}

function pushSame(f: FunctionBuilder, equalViews: FunctionRef, a: Value, b: Value): void {
  if (a.physical === "view") {
    pushPart(f, a.parts[0]!);
    pushPart(f, b.parts[0]!).call(equalViews);
    return;
  }
  f.i32(1);
  partTypes(a.physical).forEach((type, part) => {
    pushPart(f, a.parts[part]!);
    pushPart(f, b.parts[part]!)
      .op(`${type}.eq` as SimpleOp)
      .op("i32.and");
  });
}

/** The same view over a copy in the arena; under NULL the empty view. */
export function copyView(target: AggregateTarget, value: Value): Value {
  const { f } = target;
  if (value.isNull === "always") return value;
  const local = f.local("i64");
  pushNullFlag(f, value.isNull);
  f.if(
    () => f.i64(0),
    () => {
      pushPart(f, value.parts[0]!).call(kernel(target, "copyToArena"));
    },
    "i64",
  );
  f.set(local);
  return { ...value, parts: [{ kind: "local", local }] };
}
