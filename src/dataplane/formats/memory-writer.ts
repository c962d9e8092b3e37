/**
 * Writes the tables that kernels read (u32 words and byte strings) into the worker's memory.
 *
 * Flow:    decoders and encoders at creation → here. The memory stays taken until the worker ends.
 */
import type { WorkerRuntime } from "../contract/operator.ts";
import { formatErrors } from "./errors.ts";

const PAGE_BYTES = 4096;

/** Memory of the worker that no batch releases, zeroed. */
export function allocateFixed(runtime: WorkerRuntime, sizeBytes: number): number {
  const pages = Math.ceil(sizeBytes / PAGE_BYTES);
  const address = runtime.kernels.pageAllocate(pages) >>> 0;
  if (address === 0) throw formatErrors.MEMORY_EXHAUSTED({ sizeBytes });
  new Uint8Array(runtime.memory.buffer, address, sizeBytes).fill(0);
  return address;
}

export class MemoryWriter {
  readonly #memory: WebAssembly.Memory;
  #view: DataView;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer);
  }

  get view(): DataView {
    if (this.#view.buffer !== this.#memory.buffer) this.#view = new DataView(this.#memory.buffer);
    return this.#view;
  }

  u32(address: number, value: number): void {
    this.view.setUint32(address, value, true);
  }

  words(address: number, values: readonly number[]): void {
    const view = this.view;
    for (let i = 0; i < values.length; i++) view.setUint32(address + i * 4, values[i]!, true);
  }

  bytes(address: number, bytes: Uint8Array): void {
    new Uint8Array(this.#memory.buffer, address, bytes.length).set(bytes);
  }

  read(address: number): number {
    return this.view.getUint32(address, true);
  }
}
