/**
 * Value: a compiled expression's result within a generated function, held in WebAssembly locals or known as a constant.
 *
 * Forms:   bool, i8, i16, i32 → one i32; i64, view → one i64; f32, f64; i128 → (lo, hi); ts128 → (millis, nanos), each i64.
 *          bool is 0 or 1; i8 and i16 are sign-extended; a view is address | length << 32.
 * NULL:    an i32 local that is 0 or 1, or known beforehand. Under NULL the parts hold anything: never pass them on to
 *          code that may trap or follow a pointer.
 */
import type { LogicalType, Physical } from "../../foundation/columnar/logical-type.ts";
import type { Local } from "./emitter/function-builder.ts";
import type { WasmType } from "./emitter/opcodes.ts";

/** One WebAssembly value: a local, a number, or the address of a constant of the module (a view). */
export type Part =
  | { readonly kind: "local"; readonly local: Local }
  | { readonly kind: "i32"; readonly value: number }
  | { readonly kind: "i64"; readonly value: bigint }
  | { readonly kind: "f32"; readonly value: number }
  | { readonly kind: "f64"; readonly value: number };

/** 1 = NULL in a local; "never" and "always" are known when compiling. */
export type NullFlag = Local | "never" | "always";

export interface Value {
  readonly type: LogicalType;
  readonly physical: Physical;
  readonly parts: readonly Part[];
  readonly isNull: NullFlag;
  /** An i128 whose high part is only the sign of its low part: arithmetic may take the low part alone. */
  readonly narrow?: true;
}

/** WebAssembly types of a physical form's parts. */
export function partTypes(physical: Physical): readonly WasmType[] {
  switch (physical) {
    case "i64":
    case "view":
      return ["i64"];
    case "f32":
      return ["f32"];
    case "f64":
      return ["f64"];
    case "i128":
    case "ts128":
      return ["i64", "i64"];
    case "row":
      return [];
    default:
      return ["i32"];
  }
}
