/** NexmarkSplit: one generator of events, and how far it is. All splits run on one event timeline with ids of their own. */
import type { SourceSplit } from "../../contract/source.ts";
import type { NexmarkOptions } from "./nexmark-options.ts";

export interface NexmarkSplit extends SourceSplit {
  readonly firstEventId: number;
  readonly firstEventNumber: number;
  readonly maxEvents: number;
  readonly baseTimeMs: number;
  /** Wall clock at which the event of base time is due (without max-emit-speed). */
  readonly wallClockBaseMs: number;
  /** Microseconds between two events of this generator. */
  readonly delayUs: number;
  readonly produced: number;
  /** State of the random source, hex. */
  readonly random: string;
}

/** Without events.num: (2^63 − 1) / (50 · 500), as the original. */
const UNBOUNDED_EVENTS = 368_934_881_474_191;

export function nexmarkSplits(
  options: NexmarkOptions,
  parallelism: number,
  nowMs: number,
): NexmarkSplit[] {
  const total = options.eventsNum === 0 ? UNBOUNDED_EVENTS : options.eventsNum;
  const share = Math.floor(total / parallelism);
  return Array.from({ length: parallelism }, (_, i) => {
    const events = i === parallelism - 1 ? total - share * i : share;
    const maxEvents = options.stopAt < 0 ? events : Math.min(options.stopAt, events);
    return {
      id: `nexmark-${i}`,
      firstEventId: 1 + i * share,
      firstEventNumber: 1,
      maxEvents,
      baseTimeMs: options.baseTimeMs ?? nowMs,
      wallClockBaseMs: nowMs,
      delayUs: (1e6 / options.rate) * parallelism,
      produced: 0,
      random: BigInt.asUintN(64, BigInt(options.seedGen)).toString(16),
    };
  });
}
