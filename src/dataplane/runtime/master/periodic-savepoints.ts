/**
 * PeriodicSavepoints: a savepoint every so often while the job runs, in the folder of savepoints; the oldest of them go.
 *
 * Flow:    timer → coordinator's trigger → next timer. One that fails is told in the history, and the next one is tried.
 * Options: millrace.savepoint.interval (0 = never), millrace.savepoint.num-retained (0 = all).
 * Limits:  only those that this process has taken are removed; what an earlier one left stays.
 */
import type { Timers } from "../../../foundation/host/env.ts";
import type { CheckpointOptions } from "../options.ts";

export interface PeriodicSavepointsParts {
  readonly timers: Timers;
  readonly options: CheckpointOptions;
  /** Takes one and returns its folder. */
  readonly take: (directory: string) => Promise<string>;
  readonly discard: (path: string) => Promise<void>;
}

export class PeriodicSavepoints {
  readonly #parts: PeriodicSavepointsParts;
  readonly #taken: string[] = [];
  #cancel: (() => void) | undefined;
  #running = false;

  constructor(parts: PeriodicSavepointsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#parts.options.savepointIntervalMs > 0;
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    this.#cancel?.();
    if (!this.#running) return;
    const { timers, options } = this.#parts;
    this.#cancel = timers.after(options.savepointIntervalMs, () => {
      // Why one was not taken is in the history.
      void this.#next()
        .catch(() => undefined)
        .then(() => this.#schedule());
    });
  }

  async #next(): Promise<void> {
    const { options, take, discard } = this.#parts;
    const { savepointDirectory, savepointsRetained } = options;
    if (savepointDirectory === undefined) return;
    this.#taken.push(await take(savepointDirectory));
    while (savepointsRetained > 0 && this.#taken.length > savepointsRetained)
      await discard(this.#taken.shift()!);
  }
}
