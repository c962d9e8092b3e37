/** A worker's memory and kernels for tests of formats and connectors; the test below keeps this file honest. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { KernelExports } from "./kernels.generated.ts";

let compiled: WebAssembly.Module | undefined;

export interface TestWorker {
  readonly runtime: {
    readonly memory: WebAssembly.Memory;
    readonly kernels: KernelExports;
    readonly kernelInstance: WebAssembly.Exports;
  };
  readonly metrics: {
    counter(name: string): { value: number };
    gauge(name: string, read: () => number): void;
  };
  readonly gauges: Map<string, () => number>;
  /** Copies bytes into memory that lasts until the test ends. */
  place(bytes: Uint8Array): number;
}

export function createTestWorker(): TestWorker {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./kernels.wasm", import.meta.url)));
  const memory = new WebAssembly.Memory({ initial: 16 });
  const instance = new WebAssembly.Instance(compiled, { env: { memory, spillRead: () => {} } });
  const kernels = instance.exports as unknown as KernelExports;
  const counters = new Map<string, { value: number }>();
  const gauges = new Map<string, () => number>();
  return {
    runtime: { memory, kernels, kernelInstance: instance.exports },
    metrics: {
      counter: (name) => {
        const counter = counters.get(name) ?? { value: 0 };
        counters.set(name, counter);
        return counter;
      },
      gauge: (name, read) => {
        gauges.set(name, read);
      },
    },
    gauges,
    place: (bytes) => {
      const address = kernels.pageAllocate(Math.ceil((bytes.length + 64) / 4096)) >>> 0;
      new Uint8Array(memory.buffer).set(bytes, address);
      return address;
    },
  };
}

test("a test worker has kernels and memory of its own", () => {
  const a = createTestWorker();
  const b = createTestWorker();
  const at = a.place(Uint8Array.of(1, 2, 3));
  assert.deepEqual([...new Uint8Array(a.runtime.memory.buffer, at, 3)], [1, 2, 3]);
  assert.notEqual(a.runtime.memory, b.runtime.memory);
});
