/** Buffers of connectors in the worker's memory, which no batch releases. */
import type { WorkerRuntime } from "../contract/operator.ts";
import { connectorErrors } from "./errors.ts";

const PAGE_BYTES = 4096;

export interface FixedMemory {
  readonly address: number;
  /** Idempotent. */
  release(): void;
}

export function allocateFixed(
  runtime: WorkerRuntime,
  sizeBytes: number,
  identifier: string,
): FixedMemory {
  const pages = Math.ceil(sizeBytes / PAGE_BYTES);
  const address = runtime.kernels.pageAllocate(pages) >>> 0;
  if (address === 0) throw connectorErrors.MEMORY_EXHAUSTED({ sizeBytes, identifier });
  let held = true;
  return {
    address,
    release: () => {
      if (held) runtime.kernels.pageFree(address, pages);
      held = false;
    },
  };
}
