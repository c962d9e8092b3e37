/**
 * WindowSlices: the arithmetic of slices that HOP and CUMULATE windows share: a row is folded into one slice, a window is the sum
 * of its slices.
 *
 * HOP:      slices of gcd(size, slide); windows [o + k·slide, o + k·slide + size).
 * CUMULATE: slices of one step; windows [o + k·size, … + j·step), j = 1 … size / step.
 * Times:    wall-clock milliseconds; a slice is named by its end. All pure functions of the window's numbers.
 * Source:   Flink SliceAssigners.
 */
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";

export class WindowSlices {
  /** Length of a slice. */
  readonly sizeMs: number;
  readonly #window: WindowSpec;
  readonly #isHop: boolean;
  /** Distance of windows' ends. */
  readonly #step: number;

  constructor(window: WindowSpec) {
    this.#window = window;
    this.#isHop = window.kind === "HOP";
    this.#step = (this.#isHop ? window.slideMs : window.stepMs) ?? window.sizeMs;
    this.sizeMs = this.#isHop ? greatestCommonDivisor(window.sizeMs, this.#step) : this.#step;
  }

  /** The first window that holds the slice and ends after `after`; undefined when there is none. */
  nextWindowEnd(sliceEnd: number, after: number): number | undefined {
    const from = Math.max(sliceEnd, after + 1);
    const { sizeMs, offsetMs } = this.#window;
    const base = this.#isHop ? offsetMs + sizeMs : offsetMs;
    const end = base + Math.ceil((from - base) / this.#step) * this.#step;
    return end <= this.lastWindowEnd(sliceEnd) ? end : undefined;
  }

  lastWindowEnd(sliceEnd: number): number {
    const { sizeMs, offsetMs } = this.#window;
    const period = this.#isHop ? this.#step : sizeMs;
    const start = offsetMs + Math.floor((sliceEnd - this.sizeMs - offsetMs) / period) * period;
    return start + sizeMs;
  }

  windowStart(windowEnd: number): number {
    const { sizeMs, offsetMs } = this.#window;
    if (this.#isHop) return windowEnd - sizeMs;
    return offsetMs + Math.floor((windowEnd - 1 - offsetMs) / sizeMs) * sizeMs;
  }

  /** The earliest slice that is still in a window which ends after `overUntil`. */
  firstOpenSliceEnd(overUntil: number): number {
    const { sizeMs, offsetMs } = this.#window;
    const period = this.#isHop ? this.#step : sizeMs;
    const start = (Math.floor((overUntil - sizeMs - offsetMs) / period) + 1) * period;
    return start + offsetMs + this.sizeMs;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
