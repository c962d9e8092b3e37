/** The kernels in a memory of their own, for tests of generated code; the test below keeps this file honest. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { instantiateKernels } from "../kernels/instantiate.ts";
import type { CodegenRuntime } from "./generated-module.ts";

let kernelModule: WebAssembly.Module | undefined;

export function testRuntime(): CodegenRuntime {
  kernelModule ??= new WebAssembly.Module(
    readFileSync(new URL("../kernels/kernels.wasm", import.meta.url)),
  );
  return instantiateKernels(kernelModule);
}

test("each runtime has a memory of its own", () => {
  const [a, b] = [testRuntime(), testRuntime()];
  assert.notEqual(a.memory, b.memory);
  assert.ok(a.kernels.arenaAlloc(16) !== 0);
});
