/**
 * WatermarkCombiner: the watermark of several inputs is the smallest of those that are not idle.
 *
 * Rules:   per input a watermark only rises. Inputs that are idle do not hold the others back; one
 *          that becomes active again is counted only from when its watermark has reached the
 *          combined one (as Flink's StatusWatermarkValve), so that the combined watermark never
 *          falls. All inputs idle: the combined watermark rises to the highest of theirs, and
 *          idleness is passed on. An input that has ended counts with MAX_WATERMARK.
 * Source:  Flink StatusWatermarkValve.
 */
import { MIN_WATERMARK } from "../../contract/operator.ts";

export class WatermarkCombiner {
  readonly #watermarks: number[];
  readonly #idle: boolean[];
  /** False from when an input goes idle until it is active with a watermark that has caught up. */
  readonly #aligned: boolean[];
  #combined = MIN_WATERMARK;
  #allIdle = false;

  constructor(inputs: number) {
    this.#watermarks = new Array<number>(inputs).fill(MIN_WATERMARK);
    this.#idle = new Array<boolean>(inputs).fill(false);
    this.#aligned = new Array<boolean>(inputs).fill(true);
  }

  get combined(): number {
    return this.#combined;
  }

  get allIdle(): boolean {
    return this.#allIdle;
  }

  /**
   * The combined watermark of a checkpoint: it does not fall below it again. True when it has
   * risen.
   */
  restore(watermark: number): boolean {
    if (watermark <= this.#combined) return false;
    this.#combined = watermark;
    return true;
  }

  /** Takes an input's watermark; true when the combined one has risen. */
  watermark(input: number, watermark: number): boolean {
    if (watermark <= this.#watermarks[input]!) return false;
    this.#watermarks[input] = watermark;
    if (!this.#idle[input] && watermark >= this.#combined) this.#aligned[input] = true;
    return this.#update();
  }

  /**
   * Takes an input's status; true when the combined watermark has risen. `allIdle` tells the status
   * to pass on.
   */
  setIdle(input: number, idle: boolean): boolean {
    if (idle === this.#idle[input]) return false;
    this.#idle[input] = idle;
    this.#aligned[input] = !idle && this.#watermarks[input]! >= this.#combined;
    return this.#update();
  }

  #update(): boolean {
    let smallest = Number.POSITIVE_INFINITY;
    let highest = MIN_WATERMARK;
    let idle = 0;
    for (let i = 0; i < this.#watermarks.length; i++) {
      const watermark = this.#watermarks[i]!;
      highest = Math.max(highest, watermark);
      if (this.#idle[i]) idle++;
      else if (this.#aligned[i]) smallest = Math.min(smallest, watermark);
    }
    this.#allIdle = idle === this.#watermarks.length && idle > 0;
    const next = this.#allIdle ? highest : smallest;
    if (next <= this.#combined || next === Number.POSITIVE_INFINITY) return false;
    this.#combined = next;
    return true;
  }
}
