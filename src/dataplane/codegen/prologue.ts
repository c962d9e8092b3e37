/**
 * Prologue: what a loop needs but only its body tells: pointers and constants, loaded once before the loop.
 *
 * Use:     const prologue = new Prologue(f) where the loads may go; hoist() while writing the loop; close() at the end.
 */
import type { FunctionBuilder, Local, Mark } from "./emitter/function-builder.ts";
import type { WasmType } from "./emitter/opcodes.ts";

export class Prologue {
  readonly f: FunctionBuilder;
  readonly #mark: Mark;
  readonly #known = new Map<string, Local>();
  readonly #items: (() => void)[] = [];

  constructor(f: FunctionBuilder) {
    this.f = f;
    this.#mark = f.mark();
  }

  /** A local that holds what `emit` pushes; one for each key. Items are written in the order they were asked for. */
  hoist(key: string, type: WasmType, emit: () => void): Local {
    let local = this.#known.get(key);
    if (local === undefined) {
      local = this.f.local(type, key);
      const target = local;
      this.#known.set(key, target);
      this.#items.push(() => {
        emit();
        this.f.set(target);
      });
    }
    return local;
  }

  close(): void {
    this.f.insert(this.#mark, () => {
      for (const item of this.#items) item();
    });
  }
}
