/**
 * Makes a worker's runtime from the compiled kernels: its private memory and the kernels' instance.
 *
 * Flow:    worker start, inline execution, tests → here → WorkerRuntime (contract/operator.ts; the
 *          shape is repeated here because this room imports nothing).
 * Reuse:   memoryReset() forgets all state and the arena: cheaper than a new instance. A new
 *          instance on a used memory begins from nothing as well; the memory need not be cleared.
 * Errors:  a kernel that cannot go on traps (WebAssembly.RuntimeError); kernelFailureOf() then
 *          names the reason. After a trap the worker's state is not to be trusted: the job goes on
 *          from its last checkpoint in a new runtime.
 */
import type { KernelExports } from "./kernels.generated.ts";

export interface KernelRuntime {
  readonly memory: WebAssembly.Memory;
  readonly kernels: KernelExports;
  /** Raw exports, imported by generated modules as module `k`. */
  readonly kernelInstance: WebAssembly.Exports;
}

export interface KernelRuntimeOptions {
  /** A used memory to start on; a new one without it. */
  readonly memory?: WebAssembly.Memory;
  /** Bytes that the memory may grow to, rounded down to 64 KiB; 4 GiB less 64 KiB without it. */
  readonly memoryLimitBytes?: number;
}

/** {u32 slot, u32 address}[count] at `requests`: pages to be read from the spill file into memory. */
export type ReadSpilled = (requests: number, count: number) => void;

interface PageReader {
  read: ReadSpilled;
}

const noReader: ReadSpilled = () => {
  throw new Error("pages are spilled and nobody reads them");
};
const readers = new WeakMap<KernelExports, PageReader>();

/** Who reads pages back; before the first spillSelect. */
export function setSpillReader(kernels: KernelExports, read: ReadSpilled): void {
  readers.get(kernels)!.read = read;
}

const INITIAL_WASM_PAGES = 16;
const WASM_PAGE_BYTES = 65536;

export function instantiateKernels(
  module: WebAssembly.Module,
  options: KernelRuntimeOptions = {},
): KernelRuntime {
  const memory = options.memory ?? new WebAssembly.Memory({ initial: INITIAL_WASM_PAGES });
  const reader: PageReader = { read: noReader };
  const spillRead = (requests: number, count: number) => reader.read(requests >>> 0, count);
  const instance = new WebAssembly.Instance(module, { env: { memory, spillRead } });
  const kernels = instance.exports as unknown as KernelExports;
  readers.set(kernels, reader);
  if (options.memoryLimitBytes !== undefined)
    kernels.memoryLimit(Math.floor(options.memoryLimitBytes / WASM_PAGE_BYTES));
  return { memory, kernels, kernelInstance: instance.exports };
}

/** Why a kernel has trapped. `corrupt`: only a defect of ours leads there. */
export type KernelFailure =
  | "memory-exhausted"
  | "key-group-foreign"
  | "too-long"
  | "spill-damaged"
  | "corrupt";

const FAILURES: readonly (KernelFailure | undefined)[] = [
  undefined,
  "memory-exhausted",
  "key-group-foreign",
  "corrupt",
  "corrupt",
  "too-long",
  "spill-damaged",
];

/**
 * The reason of the last trap, which is forgotten by asking; undefined when the kernels gave none.
 */
export function kernelFailureOf(kernels: KernelExports): KernelFailure | undefined {
  return FAILURES[kernels.kernelFailure()];
}
