/**
 * Metrics of operators and subtasks under Flink's names: counters are plain numbers that operators
 * add to, gauges are asked for when a report is made, rates come from two reports.
 *
 * Flow:    operators, readers, writers → groups here → worker's report → job master.
 * Source:  Flink MetricNames.
 */
import type { Counter, MetricGroup } from "../../contract/metrics.ts";

/** One report of one group: name → value. */
export type MetricValues = Readonly<Record<string, number>>;

/** Counters that Flink also shows as a rate, and what that is called. */
const RATES: ReadonlyMap<string, string> = new Map([
  ...[
    ...["numRecordsIn", "numRecordsOut", "numBytesIn", "numBytesOut"],
    ...["numBuffersIn", "numBuffersOut", "numRecordsSend", "numBytesSend"],
  ].map((name) => [name, `${name}PerSecond`] as const),
  ["numLateRecordsDropped", "lateRecordsDroppedRate"],
]);

/** Time counters shown as milliseconds of the last second. */
const TIMES: ReadonlySet<string> = new Set(["busyTimeMs", "idleTimeMs", "backPressuredTimeMs"]);

export class TaskMetricGroup implements MetricGroup {
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, () => number>();
  readonly #previous = new Map<string, number>();
  #previousMs: number | undefined;

  counter(name: string): Counter {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = { value: 0 };
      this.#counters.set(name, counter);
    }
    return counter;
  }

  gauge(name: string, read: () => number): void {
    this.#gauges.set(name, read);
  }

  /** All values now; rates over the time since the last report (0 in the first). */
  report(monotonicMs: number): MetricValues {
    const values: Record<string, number> = {};
    const seconds = this.#previousMs === undefined ? 0 : (monotonicMs - this.#previousMs) / 1000;
    for (const [name, { value }] of this.#counters) {
      const isTime = TIMES.has(name);
      const rateName = isTime ? `${name}PerSecond` : RATES.get(name);
      if (rateName !== undefined) {
        const before = this.#previous.get(name) ?? value;
        const rate = seconds > 0 ? (value - before) / seconds : 0;
        values[rateName] = isTime ? Math.min(1000, rate) : rate;
        this.#previous.set(name, value);
      }
      values[isTime ? `accumulate${name[0]!.toUpperCase()}${name.slice(1)}` : name] = value;
    }
    for (const [name, read] of this.#gauges) values[name] = read();
    this.#previousMs = monotonicMs;
    return values;
  }
}
