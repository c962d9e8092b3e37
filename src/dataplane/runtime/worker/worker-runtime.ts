/**
 * WorkerRuntimes: the memory and kernels of a worker, made from the compiled kernels and used again for the next job of the same
 * thread, so that small inline jobs start in well under a millisecond.
 *
 * Rules:   a runtime that is given back is zeroed and its kernels are instantiated anew on the same memory (allocator and
 *          tables begin from nothing); one whose memory has grown beyond REUSE_LIMIT_BYTES is dropped instead.
 * Limits:  POOL_SIZE runtimes wait at most.
 */
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { KernelExports } from "../../kernels/kernels.generated.ts";

const INITIAL_PAGES = 16;
const REUSE_LIMIT_BYTES = 16 * 1024 * 1024;
const POOL_SIZE = 8;

const pools = new WeakMap<WebAssembly.Module, WebAssembly.Memory[]>();

export function acquireRuntime(kernelsModule: WebAssembly.Module): WorkerRuntime {
  const memory =
    pools.get(kernelsModule)?.pop() ?? new WebAssembly.Memory({ initial: INITIAL_PAGES });
  const instance = new WebAssembly.Instance(kernelsModule, { env: { memory } });
  return {
    memory,
    kernels: instance.exports as unknown as KernelExports,
    kernelInstance: instance.exports,
  };
}

/** Nothing may use the runtime after this. */
export function releaseRuntime(kernelsModule: WebAssembly.Module, runtime: WorkerRuntime): void {
  const { memory } = runtime;
  if (memory.buffer.byteLength > REUSE_LIMIT_BYTES) return;
  let pool = pools.get(kernelsModule);
  if (pool === undefined) {
    pool = [];
    pools.set(kernelsModule, pool);
  }
  if (pool.length >= POOL_SIZE) return;
  new Uint8Array(memory.buffer).fill(0);
  pool.push(memory);
}
