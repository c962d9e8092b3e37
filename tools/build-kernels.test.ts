import assert from "node:assert/strict";
import { test } from "node:test";
import { generateInterface } from "./build-kernels.ts";
import { readFunctionExports } from "./wasm-exports.ts";

/**
 * (module (import "env" "memory" (memory 16)) (import "env" "f" (func (param i32)))
 *   (func (export "add") (param i64 i32) (result i64) …) (func (export "wide") (param v128)) (memory exported as "m"))
 */
const MODULE = Uint8Array.from([
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  ...[1, 15, 3, 96, 1, 127, 0, 96, 2, 126, 127, 1, 126, 96, 1, 123, 0],
  ...[2, 23, 2, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 0, 16],
  ...[3, 101, 110, 118, 1, 102, 0, 0],
  ...[3, 3, 2, 1, 2],
  ...[7, 18, 3, 4, 119, 105, 100, 101, 0, 2, 3, 97, 100, 100, 0, 1, 1, 109, 2, 0],
  ...[10, 9, 2, 4, 0, 32, 0, 11, 2, 0, 11],
]);

test("exports are read with their types, behind imports of every kind", () => {
  assert.ok(WebAssembly.validate(MODULE));
  assert.deepEqual(readFunctionExports(MODULE), [
    { name: "add", params: ["i64", "i32"], results: ["i64"] },
    { name: "wide", params: ["v128"], results: [] },
  ]);
});

test("the interface has the sources' names and leaves out what JavaScript cannot call", () => {
  const source = "export function add(value: i64, count: u32 = 1): i64 {\n  return value;\n}\n";
  const text = generateInterface(readFunctionExports(MODULE), new Map([["index.as.ts", source]]));
  assert.match(text, /\/\*\* add\(value: i64, count: u32 = 1\): i64 \*\//);
  assert.match(text, /readonly add: \(value: bigint, count: number\) => bigint;/);
  assert.doesNotMatch(text, /readonly wide/);
  assert.match(text, /wide: \{ params: \["v128"\], results: \[\] \}/);
});
