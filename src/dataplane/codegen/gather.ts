/** Generated helpers that copy the listed rows of a column into a new one: (values, list: u32[n], n) → address, 0 for 0. */
import { assert } from "../../foundation/base/errors.ts";
import { KERNEL_SIGNATURES } from "../kernels/kernels.generated.ts";
import type { FunctionBuilder, FunctionRef } from "./emitter/function-builder.ts";
import type { ModuleBuilder } from "./emitter/module-builder.ts";
import type { LoadOp, StoreOp } from "./emitter/opcodes.ts";

const MOVES: Readonly<Record<number, readonly [LoadOp, StoreOp]>> = {
  1: ["i32.load8_u", "i32.store8"],
  2: ["i32.load16_u", "i32.store16"],
  4: ["i32.load", "i32.store"],
  8: ["i64.load", "i64.store"],
  16: ["v128.load", "v128.store"],
};

export class GatherFunctions {
  readonly #module: ModuleBuilder;

  constructor(module: ModuleBuilder) {
    this.#module = module;
  }

  /** The helper for values of `width` bytes; made when first asked for in a module. */
  of(width: number): FunctionRef {
    const name = `gather${width}`;
    const known = this.#module.functions.find((f) => f.name === name);
    return known ?? this.#make(name, width);
  }

  #make(name: string, width: number): FunctionBuilder {
    const move = MOVES[width];
    assert(move !== undefined, `no column is ${width} bytes wide`);
    const f = this.#module.function(name, { params: ["i32", "i32", "i32"], results: ["i32"] }, [
      "values",
      "list",
      "n",
    ]);
    const [values, list, n] = f.params as [number, number, number];
    const out = f.local("i32", "out");
    const to = f.local("i32", "to");
    const end = f.local("i32", "end");
    const shift = Math.log2(width);
    f.get(values)
      .op("i32.eqz")
      .if(() => f.i32(0).return());
    f.get(n).i32(shift).op("i32.shl");
    f.call(this.#module.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc)).tee(out);
    f.set(to);
    f.get(list).get(n).i32(2).op("i32.shl").op("i32.add").set(end);
    f.block((exit) => {
      f.loop((again) => {
        f.get(list).get(end).op("i32.ge_u").brIf(exit);
        f.get(to);
        f.get(values).get(list).load("i32.load").i32(shift).op("i32.shl").op("i32.add");
        f.load(move[0]).store(move[1]);
        f.get(to).i32(width).op("i32.add").set(to);
        f.get(list).i32(4).op("i32.add").set(list).br(again);
      });
    });
    f.get(out);
    return f;
  }
}
