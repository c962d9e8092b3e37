/**
 * RefreshTimers: calls back at every multiple of a table's period since midnight, UTC, as Flink's cron expressions do.
 *
 * Flow:    materialized-tables.ts → here → Env.timers. A call that fails ends nothing: the next one comes at its time.
 */
import type { Env } from "../../foundation/host/env.ts";

interface Entry {
  readonly periodMs: number;
  readonly nextAt: number;
  readonly cancel: () => void;
}

export class RefreshTimers {
  readonly #env: Env;
  readonly #due: (id: string) => Promise<void>;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  /** `due` keeps its failures itself. */
  constructor(env: Env, due: (id: string) => Promise<void>) {
    this.#env = env;
    this.#due = due;
  }

  /** From now on, instead of what was said before. */
  start(id: string, periodMs: number): void {
    if (this.#entries.get(id)?.periodMs === periodMs) return;
    this.stop(id);
    this.#arm(id, periodMs);
  }

  stop(id: string): void {
    this.#entries.get(id)?.cancel();
    this.#entries.delete(id);
  }

  nextOf(id: string): number | undefined {
    return this.#entries.get(id)?.nextAt;
  }

  close(): void {
    this.#closed = true;
    for (const id of [...this.#entries.keys()]) this.stop(id);
  }

  #arm(id: string, periodMs: number): void {
    const now = this.#env.clock.nowMs();
    const nextAt = (Math.floor(now / periodMs) + 1) * periodMs;
    const cancel = this.#env.timers.after(nextAt - now, () => {
      // A timer may fire a moment early by the clock: the same point must not come twice.
      const early = this.#env.clock.nowMs() < nextAt;
      this.#arm(id, periodMs);
      if (early) return;
      this.#due(id).catch((error: unknown) => {
        if (!this.#closed) throw error;
      });
    });
    this.#entries.set(id, { periodMs, nextAt, cancel });
  }
}
