/**
 * WorkerRuntimes: memories of workers, used again for the next job of the same thread, so that
 *                 small inline jobs start in well
 * under a millisecond. New kernels on a used memory begin from nothing.
 *
 * Limits:  POOL_SIZE memories wait at most; one that has grown beyond REUSE_LIMIT_BYTES is dropped.
 */
import type { WorkerRuntime } from "../../contract/operator.ts";
import { instantiateKernels } from "../../kernels/instantiate.ts";

const REUSE_LIMIT_BYTES = 16 * 1024 * 1024;
const POOL_SIZE = 8;

const pool: WebAssembly.Memory[] = [];

export function acquireRuntime(
  kernelsModule: WebAssembly.Module,
  memoryLimitBytes?: number,
): WorkerRuntime {
  const memory = pool.pop();
  return instantiateKernels(kernelsModule, {
    ...(memory === undefined ? {} : { memory }),
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  });
}

/** Nothing may use the runtime after this. */
export function releaseRuntime({ memory }: WorkerRuntime): void {
  if (memory.buffer.byteLength <= REUSE_LIMIT_BYTES && pool.length < POOL_SIZE) pool.push(memory);
}
