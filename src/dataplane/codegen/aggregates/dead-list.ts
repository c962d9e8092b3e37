/**
 * DeadList: entries that a batch has emptied. They are removed at its end, for a later row may have filled them again, and
 * the same entry may be listed twice.
 *
 * Layout:  in the arena: u32 list with doubling capacity; globals for its address, length and capacity.
 */
import { KERNEL_SIGNATURES } from "../../kernels/kernels.generated.ts";
import type { FunctionBuilder, GlobalRef, Local } from "../emitter/function-builder.ts";
import type { ModuleBuilder } from "../emitter/module-builder.ts";

const FIRST_CAPACITY = 64;
/** keyed-state.ts: bit 31 of the word at EntryPtr − K − 4 says that the entry is live. */
const META_DISTANCE = 4;

export class DeadList {
  readonly #module: ModuleBuilder;
  readonly #list: GlobalRef;
  readonly #count: GlobalRef;
  readonly #capacity: GlobalRef;
  #append: FunctionBuilder | undefined;

  constructor(module: ModuleBuilder, name: string) {
    this.#module = module;
    this.#list = module.global(`${name}_list`, "i32");
    this.#count = module.global(`${name}_count`, "i32");
    this.#capacity = module.global(`${name}_capacity`, "i32");
  }

  clear(f: FunctionBuilder): void {
    f.i32(0).globalSet(this.#count).i32(0).globalSet(this.#capacity);
  }

  add(f: FunctionBuilder, entry: Local): void {
    this.#append ??= this.#generateAppend();
    f.get(entry).call(this.#append);
  }

  /**
   * Removes the listed entries that still count nothing: their first `counts` i64 are 0. `hashDistance` is the bytes from
   * the entry back to its hash.
   */
  sweep(f: FunctionBuilder, map: Local, hashDistance: number, counts: number): void {
    const at = f.local("i32");
    const end = f.local("i32");
    const entry = f.local("i32");
    const remove = this.#module.importFunction("k", "mapRemove", KERNEL_SIGNATURES.mapRemove);
    f.globalGet(this.#list)
      .tee(at)
      .globalGet(this.#count)
      .i32(2)
      .op("i32.shl")
      .op("i32.add")
      .set(end);
    f.block((exit) => {
      f.loop((again) => {
        f.get(at).get(end).op("i32.ge_u").brIf(exit);
        f.get(at).load("i32.load").set(entry);
        f.get(at).i32(4).op("i32.add").set(at);
        f.i64(0);
        for (let i = 0; i < counts; i++)
          f.get(entry)
            .load("i64.load", i * 8)
            .op("i64.or");
        f.op("i64.eqz");
        f.get(entry)
          .i32(hashDistance - META_DISTANCE)
          .op("i32.sub")
          .load("i32.load");
        f.i32(0).op("i32.lt_s").op("i32.and");
        f.if(() => f.get(map).get(entry).call(remove));
        f.br(again);
      });
    });
  }

  #generateAppend(): FunctionBuilder {
    const f = this.#module.function(`${this.#list.name}_add`, { params: ["i32"], results: [] }, [
      "entry",
    ]);
    const larger = f.local("i32");
    const arenaAlloc = this.#module.importFunction("k", "arenaAlloc", KERNEL_SIGNATURES.arenaAlloc);
    f.globalGet(this.#count).globalGet(this.#capacity).op("i32.eq");
    f.if(() => {
      f.globalGet(this.#capacity).i32(1).op("i32.shl").i32(FIRST_CAPACITY).op("i32.or");
      f.globalSet(this.#capacity);
      f.globalGet(this.#capacity).i32(2).op("i32.shl").call(arenaAlloc).tee(larger);
      f.globalGet(this.#list).globalGet(this.#count).i32(2).op("i32.shl").memoryCopy();
      f.get(larger).globalSet(this.#list);
    });
    f.globalGet(this.#list).globalGet(this.#count).i32(2).op("i32.shl").op("i32.add");
    f.get(f.params[0]!).store("i32.store");
    f.globalGet(this.#count).i32(1).op("i32.add").globalSet(this.#count);
    return f;
  }
}
