/**
 * SeededRandom: sfc32 from one 32-bit seed; the same seed gives the same words for ever. Source:
 * PractRand's sfc32.
 */
import type { Random } from "./env.ts";

export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = 0;
    this.#b = seed | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let i = 0; i < 15; i++) this.u32();
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  hex(count: number): string {
    let text = "";
    for (let i = 0; i < count; i++) text += (this.u32() & 255).toString(16).padStart(2, "0");
    return text;
  }

  /** Uniform whole number below `limit`. */
  below(limit: number): number {
    return Math.floor((this.u32() / 4294967296) * limit);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.u32() / 4294967296 < probability;
  }
}
