/** Region: memory outside the arena that grows by doubling; its address moves. */
import type { WorkerRuntime } from "../../contract/operator.ts";

const FIRST_BYTES = 4096;

export class Region {
  readonly #runtime: WorkerRuntime;
  #address = 0;
  #capacity = 0;
  #used = 0;

  constructor(runtime: WorkerRuntime) {
    this.#runtime = runtime;
  }

  get address(): number {
    return this.#address;
  }

  /** Room for so many bytes more: where they begin. */
  grow(bytes: number): number {
    if (this.#used + bytes > this.#capacity) {
      const { kernels, memory } = this.#runtime;
      let capacity = Math.max(FIRST_BYTES, this.#capacity * 2);
      while (capacity < this.#used + bytes) capacity *= 2;
      const to = kernels.operatorAllocate(capacity) >>> 0;
      const from = this.#address;
      new Uint8Array(memory.buffer).copyWithin(to, from, from + this.#used);
      if (from !== 0) kernels.operatorFree(from, this.#capacity);
      this.#address = to;
      this.#capacity = capacity;
    }
    const at = this.#address + this.#used;
    this.#used += bytes;
    return at;
  }

  empty(): void {
    this.#used = 0;
  }

  free(): void {
    if (this.#address !== 0) this.#runtime.kernels.operatorFree(this.#address, this.#capacity);
    this.#address = 0;
    this.#capacity = 0;
    this.#used = 0;
  }
}
