import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "./byte-writer.ts";
import { ModuleBuilder } from "./module-builder.ts";
import { LOAD_OPS, SIMPLE_OPS, STORE_OPS } from "./opcodes.ts";

function instantiate(module: ModuleBuilder, imports: Record<string, unknown> = {}) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const global = (value: number) => new WebAssembly.Global({ value: "i32", mutable: false }, value);
  const env = { memory, data: global(1024), status: global(0), ones: global(0) };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), {
    env,
    k: imports,
  });
  return { exports: instance.exports as Record<string, (...args: unknown[]) => unknown>, memory };
}

test("LEB128 at its borders", () => {
  const s64 = (value: bigint) => {
    const out = new ByteWriter(1);
    out.s64(value);
    return [...out.bytes()];
  };
  assert.deepEqual(s64(0n), [0]);
  assert.deepEqual(s64(63n), [63]);
  assert.deepEqual(s64(64n), [0xc0, 0]);
  assert.deepEqual(s64(-64n), [0x40]);
  assert.deepEqual(s64(-65n), [0xbf, 0x7f]);
  assert.equal(s64(-(2n ** 63n)).length, 10);
  const out = new ByteWriter(1);
  out.u32(0xffffffff);
  out.s32(-1);
  out.fixed32(300);
  assert.deepEqual(
    [...out.bytes()],
    [0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0xac, 0x82, 0x80, 0x80, 0],
  );
});

test("a module with loops, calls, globals, constants and late imports runs", () => {
  const module = new ModuleBuilder();
  const total = module.global("total", "i64", 5n);
  const f = module.exportFunction("sum", { params: ["i32"], results: ["i64"] }, ["n"]);
  const i = f.local("i32", "i");
  const before = f.mark();
  f.for(i, f.params[0]!, (next) => {
    f.get(i).i32(1).op("i32.and").brIf(next);
    f.globalGet(total).get(i).op("i64.extend_i32_u").op("i64.add").globalSet(total);
  });
  const twice = module.importFunction("k", "twice", { params: ["i64"], results: ["i64"] });
  f.globalGet(total).call(twice);
  f.insert(before, () => f.i32(2).set(i));
  const text = module.exportFunction("text", { params: [], results: ["i32"] });
  const offset = module.constant(new TextEncoder().encode("hello"));
  assert.equal(module.constant(new TextEncoder().encode("hello")), offset);
  text.globalGet(module.dataGlobal).i32(offset).op("i32.add");
  const { exports, memory } = instantiate(module, { twice: (x: bigint) => x * 2n });
  assert.equal(exports.sum!(10), 2n * (5n + 2n + 4n + 6n + 8n));
  const at = exports.text!() as number;
  assert.equal(Buffer.from(memory.buffer, at, 5).toString(), "hello");
  const wat = module.toText();
  assert.match(wat, /\(func \$sum \(param \$n i32\) \(result i64\)/);
  assert.match(wat, /call \$twice/);
  assert.match(wat, /\n {4}local\.get \$i\n|local\.get \$i/);
});

test("branches find their depth: if, else, br_table, select", () => {
  const module = new ModuleBuilder();
  const f = module.exportFunction("pick", { params: ["i32"], results: ["i32"] });
  const [n] = f.params;
  const result = f.local("i32");
  f.block((end) => {
    f.block((two) => {
      f.block((one) => {
        f.block((none) => {
          f.get(n!).brTable([none, one, two], end);
        });
        f.i32(10).set(result).br(end);
      });
      f.i32(20).set(result).br(end);
    });
    f.get(n!)
      .i32(2)
      .op("i32.eq")
      .if(
        () => f.i32(30).set(result),
        () => f.i32(-1).set(result),
      );
  });
  f.get(result);
  const { exports } = instantiate(module);
  assert.deepEqual(
    [0, 1, 2, 3].map((x) => exports.pick!(x)),
    [10, 20, 30, 0],
  );
});

test("every instruction of the tables is one that WebAssembly knows", () => {
  const results: Record<string, string> = {
    eq: "i32",
    ne: "i32",
    lt: "i32",
    gt: "i32",
    le: "i32",
    ge: "i32",
  };
  const special: Record<string, [string[], string]> = {
    "v128.bitselect": [["v128", "v128", "v128"], "v128"],
    "v128.any_true": [["v128"], "i32"],
    "i8x16.all_true": [["v128"], "i32"],
    "i8x16.bitmask": [["v128"], "i32"],
    "v128.not": [["v128"], "v128"],
  };
  const push = (f: ReturnType<ModuleBuilder["function"]>, type: string) => {
    if (type === "i32") f.i32(1);
    else if (type === "i64") f.i64(1);
    else if (type === "f32") f.f32(1);
    else if (type === "f64") f.f64(1);
    else f.i64(1).op("i64x2.splat");
  };
  for (const name of Object.keys(SIMPLE_OPS) as (keyof typeof SIMPLE_OPS)[]) {
    if (!name.includes(".")) continue;
    const [prefix = "", operation = ""] = name.split(".");
    const vector = prefix.includes("x") || prefix === "v128";
    let params: string[];
    let result: string;
    const conversion = /_(i32|i64|f32|f64)(_[su])?$/.exec(operation);
    if (special[name] !== undefined) [params, result] = special[name];
    else if (operation === "splat") {
      params = [{ i8x16: "i32", i16x8: "i32", i32x4: "i32", i64x2: "i64", f64x2: "f64" }[prefix]!];
      result = "v128";
    } else if (vector) [params, result] = [["v128", "v128"], "v128"];
    else if (conversion !== null) [params, result] = [[conversion[1]!], prefix];
    else if (/^(eqz|clz|ctz|popcnt|extend|abs|neg|ceil|floor|trunc|nearest|sqrt)/.test(operation))
      [params, result] = [[prefix], operation === "eqz" ? "i32" : prefix];
    else [params, result] = [[prefix, prefix], results[operation.split("_")[0]!] ?? prefix];
    const module = new ModuleBuilder();
    const f = module.exportFunction("f", { params: [], results: [] });
    for (const type of params) push(f, type);
    f.op(name);
    f.set(f.local(result as "i32"));
    assert.ok(WebAssembly.validate(module.toBytes()), name);
  }
  const module = new ModuleBuilder();
  const f = module.exportFunction("f", { params: [], results: [] });
  for (const name of Object.keys(LOAD_OPS) as (keyof typeof LOAD_OPS)[])
    f.i32(0).load(name, 300).op("drop");
  for (const name of Object.keys(STORE_OPS) as (keyof typeof STORE_OPS)[]) {
    f.i32(0);
    push(f, name.split(".")[0]!);
    f.store(name);
  }
  f.i64(0).op("i64x2.splat").lane("i64x2.extract_lane", 1).op("drop");
  f.i32(0).i32(0).i32(0).memoryCopy().i32(0).i32(0).i32(0).memoryFill();
  assert.ok(WebAssembly.validate(module.toBytes()));
});

test("a function of 200 operations takes well under a millisecond", () => {
  const build = () => {
    const module = new ModuleBuilder();
    const f = module.exportFunction("f", { params: ["i64"], results: ["i64"] });
    f.i64(0);
    for (let i = 0; i < 100; i++) f.get(0).op(i % 2 === 0 ? "i64.add" : "i64.mul");
    return module.toBytes();
  };
  for (let i = 0; i < 50; i++) build();
  const times = Array.from({ length: 30 }, () => {
    const start = performance.now();
    build();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  assert.ok(times[0]! < 1, `${times[0]} ms`);
  assert.ok(WebAssembly.validate(build()));
});
