/**
 * WorkerAlignment: tells the execution how far the aligned sources of a worker are, group by group, and them how far they may go.
 *
 * Flow:    aligned-source.ts → each update interval, what has changed → execution → "align" → allow().
 */
import type { Timers } from "../../../foundation/host/env.ts";
import type { GroupWatermark } from "../master/group-watermarks.ts";
import type { AlignedSource } from "../task/aligned-source.ts";

export class WorkerAlignment {
  readonly #groups: ReadonlyMap<string, readonly AlignedSource[]>;
  readonly #timers: Timers;
  readonly #report: (groups: readonly GroupWatermark[]) => void;
  readonly #reported = new Map<string, number>();
  readonly #cancels = new Map<string, () => void>();

  constructor(
    sources: readonly AlignedSource[],
    timers: Timers,
    report: (groups: readonly GroupWatermark[]) => void,
  ) {
    this.#groups = Map.groupBy(sources, ({ alignment }) => alignment.group);
    this.#timers = timers;
    this.#report = report;
    for (const group of this.#groups.keys()) this.#tell(group);
  }

  allow(groups: readonly GroupWatermark[]): void {
    for (const { group, watermark } of groups)
      for (const source of this.#groups.get(group) ?? []) source.allow(watermark);
  }

  close(): void {
    for (const cancel of this.#cancels.values()) cancel();
  }

  #tell(group: string): void {
    const sources = this.#groups.get(group)!;
    const watermark = Math.min(...sources.map((source) => source.watermark));
    if (this.#reported.get(group) !== watermark) {
      this.#reported.set(group, watermark);
      this.#report([{ group, watermark }]);
    }
    const interval = Math.min(...sources.map(({ alignment }) => alignment.updateIntervalMs));
    this.#cancels.set(
      group,
      this.#timers.after(interval, () => this.#tell(group)),
    );
  }
}
