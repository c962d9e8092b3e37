/**
 * WindowClock: when windows are over: event time by watermarks, processing time by timers.
 *
 * Rules:   a window [start, end) on the wall clock is over when watermark or clock ≥ the instant of end − 1 ms.
 * Source:  Flink TimeWindowUtil.isWindowFired, SlicingWindowOperator.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { TimeAttribute } from "../../../foundation/columnar/logical-type.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { wallClockAfter, wallClockToEpoch } from "./window-times.ts";
import type { WindowTimers } from "./window-timers.ts";

export class WindowClock {
  readonly #context: OperatorContext;
  readonly #timers: WindowTimers;
  readonly #isEventTime: boolean;
  readonly #zone: string;
  #now = MIN_WATERMARK;

  constructor(
    context: OperatorContext,
    timers: WindowTimers,
    time: { readonly attribute: TimeAttribute; readonly type?: LogicalType },
  ) {
    this.#context = context;
    this.#timers = timers;
    this.#isEventTime = time.attribute === "ROWTIME";
    const zoned = !this.#isEventTime || time.type?.kind === "TIMESTAMP_LTZ";
    this.#zone = zoned ? context.timeZone : "UTC";
    if (!this.#isEventTime) for (const moment of timers.waiting) this.#ask(moment);
  }

  /** Windows that end at this wall-clock time or before are over. By processing time no row is late. */
  get overUntil(): number {
    if (!this.#isEventTime) return MIN_WATERMARK;
    return this.wallClockAfter(this.#now);
  }

  /** The wall-clock time up to which windows are over at this instant. */
  wallClockAfter(now: number): number {
    return wallClockAfter(now, this.#zone);
  }

  /** The instant of a wall-clock time of windows. */
  toEpoch(wallClockMs: number): number {
    return wallClockToEpoch(wallClockMs, this.#zone);
  }

  /** After keys were registered: asks for a call when the first window is over. */
  registered(): void {
    const { first } = this.#timers;
    if (!this.#isEventTime && first !== undefined) this.#ask(first);
  }

  /** A watermark: fires the windows that are over by it. */
  watermark(watermark: number, fire: (moment: number) => void): void {
    this.#now = watermark;
    if (this.#isEventTime) this.#fireUntil(watermark, fire);
  }

  processingTime(now: number, fire: (moment: number) => void): void {
    if (this.#isEventTime) return;
    this.#fireUntil(now, fire);
    this.registered();
  }

  /** Fires everything: the end of bounded input. */
  end(fire: (moment: number) => void): void {
    this.#fireUntil(Number.POSITIVE_INFINITY, fire);
  }

  #fireUntil(until: number, fire: (moment: number) => void): void {
    const { kernels } = this.#context.runtime;
    for (let first = this.#timers.first; first !== undefined; first = this.#timers.first) {
      if (until !== Number.POSITIVE_INFINITY && this.toEpoch(first - 1) > until) return;
      const mark = kernels.arenaMark();
      fire(first);
      this.#timers.removeFirst();
      kernels.arenaRelease(mark);
    }
  }

  #ask(moment: number): void {
    this.#context.registerProcessingTimer(this.toEpoch(moment - 1));
  }
}
