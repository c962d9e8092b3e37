/**
 * PeriodicSavepoints: a savepoint every so often while the job runs, in the folder of savepoints; the oldest of them go.
 *
 * Flow:    timer → coordinator's trigger → next timer. One that fails is told in the history, and the next one is tried.
 * Options: millrace.savepoint.interval (0 = never), millrace.savepoint.num-retained (0 = all).
 * Restart: a list of those taken is kept beside them, as periodic-<job>.json, so that a later process of the job goes on
 *          counting. It is written before the oldest go: a savepoint on it that is not there any more is no error.
 */
import type { Files, Timers } from "../../../foundation/host/env.ts";
import type { CheckpointOptions } from "../options.ts";

export interface PeriodicSavepointsParts {
  readonly timers: Timers;
  readonly files: Files;
  readonly jobId: string;
  readonly options: CheckpointOptions;
  /** Takes one and returns its folder. */
  readonly take: (directory: string) => Promise<string>;
  readonly discard: (path: string) => Promise<void>;
}

export class PeriodicSavepoints {
  readonly #parts: PeriodicSavepointsParts;
  /** Oldest first; undefined until the list of an earlier process has been read. */
  #taken: string[] | undefined;
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
    this.#taken ??= await this.#load(savepointDirectory);
    const taken = this.#taken;
    taken.push(await take(savepointDirectory));
    const surplus = savepointsRetained === 0 ? 0 : Math.max(0, taken.length - savepointsRetained);
    await this.#save(savepointDirectory, taken);
    for (const path of taken.splice(0, surplus)) await discard(path);
    if (surplus > 0) await this.#save(savepointDirectory, taken);
  }

  async #load(directory: string): Promise<string[]> {
    const { files } = this.#parts;
    const file = this.#listFile(directory);
    if ((await files.stat(file)) === undefined) return [];
    const list: unknown = parsed(new TextDecoder().decode(await files.readAll(file)));
    return Array.isArray(list)
      ? list.filter(
          (path): path is string => typeof path === "string" && path.startsWith(directory),
        )
      : [];
  }

  async #save(directory: string, taken: readonly string[]): Promise<void> {
    const bytes = new TextEncoder().encode(`${JSON.stringify(taken)}\n`);
    await this.#parts.files.writeAtomic(this.#listFile(directory), bytes);
  }

  #listFile(directory: string): string {
    return `${directory}/periodic-${this.#parts.jobId}.json`;
  }
}

/** Text that is no JSON names no savepoint: those stay. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
