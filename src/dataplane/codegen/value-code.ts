/** Code that pushes values and NULL flags, for generators that need no expressions. */
import type { FunctionBuilder } from "./emitter/function-builder.ts";
import type { NullFlag, Part } from "./value.ts";

export function pushPart(f: FunctionBuilder, part: Part): FunctionBuilder {
  switch (part.kind) {
    case "local":
      return f.get(part.local);
    case "i32":
      return f.i32(part.value);
    case "i64":
      return f.i64(part.value);
    case "f32":
      return f.f32(part.value);
    case "f64":
      return f.f64(part.value);
  }
}

/** Pushes an i32: 1 when NULL. */
export function pushNullFlag(f: FunctionBuilder, flag: NullFlag): FunctionBuilder {
  return typeof flag === "number" ? f.get(flag) : f.i32(flag === "always" ? 1 : 0);
}

/** Pushes an i32: 1 when not NULL. */
export function pushNotNullFlag(f: FunctionBuilder, flag: NullFlag): FunctionBuilder {
  return typeof flag === "number" ? f.get(flag).op("i32.eqz") : f.i32(flag === "always" ? 0 : 1);
}
