/**
 * A worker's runtime for tests: kernels are built when their sources have changed, compiled once
 * per process, and each test gets a memory of its own (well under a millisecond).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { WorkerRuntime } from "../src/dataplane/contract/operator.ts";
import {
  instantiateKernels,
  type KernelRuntimeOptions,
} from "../src/dataplane/kernels/instantiate.ts";
import { kernelsFolder } from "../tools/build-files.ts";
import { buildKernels } from "../tools/build-kernels.ts";

let compiled: Promise<WebAssembly.Module> | undefined;

/** The compiled kernels. */
export function loadTestKernels(): Promise<WebAssembly.Module> {
  compiled ??= buildKernels().then(
    () => new WebAssembly.Module(readFileSync(join(kernelsFolder, "kernels.wasm"))),
  );
  return compiled;
}

/** A fresh runtime. */
export async function loadTestRuntime(options: KernelRuntimeOptions = {}): Promise<WorkerRuntime> {
  return instantiateKernels(await loadTestKernels(), options);
}
