/**
 * Monitor: asks the workers for their metrics at a steady pace; the same question is their
 *          heartbeat.
 *
 * Rules:   a worker is silent when it has left whole rounds unanswered; rounds are counted, not
 *          clock time, so that a pause of this thread (or a jump of the clock) fails nobody.
 *          Workers are asked from when they are there, while they deploy too.
 * Errors:  MR5005 for the first worker that is silent for longer than heartbeat.timeout.
 */
import type { Timers } from "../../../foundation/host/env.ts";
import { runtimeErrors } from "../errors.ts";
import type { Execution } from "./execution.ts";
import type { JobMetrics, MetricsCollector } from "./metrics-collector.ts";

export interface MonitorOptions {
  readonly timers: Timers;
  readonly collector: MetricsCollector;
  readonly intervalMs: number;
  /** 0 = a silent worker is waited for. */
  readonly heartbeatTimeoutMs: number;
  readonly onMetrics: (metrics: JobMetrics) => void;
  readonly fail: (error: unknown) => void;
}

export class Monitor {
  readonly #options: MonitorOptions;
  readonly #execution: Execution;
  #cancel: (() => void) | undefined;
  #unanswered = 0;
  #open = false;
  #stopped = false;

  constructor(execution: Execution, options: MonitorOptions) {
    this.#execution = execution;
    this.#options = options;
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #schedule(): void {
    const { timers, intervalMs } = this.#options;
    this.#cancel = timers.after(intervalMs, () => this.#round());
  }

  #round(): void {
    if (this.#stopped) return;
    this.#schedule();
    if (this.#execution.workers === 0) return;
    if (this.#open) this.#missed();
    else this.#ask();
  }

  #ask(): void {
    const { collector, onMetrics } = this.#options;
    this.#open = true;
    void collector.collect(this.#execution).then(() => {
      this.#open = false;
      this.#unanswered = 0;
      if (!this.#stopped && this.#execution.isRunning) onMetrics(collector.latest);
    });
  }

  #missed(): void {
    const { intervalMs, heartbeatTimeoutMs, collector, fail } = this.#options;
    const silentMs = ++this.#unanswered * intervalMs;
    if (heartbeatTimeoutMs === 0 || silentMs < heartbeatTimeoutMs) return;
    this.stop();
    const worker = collector.silentWorkers[0] ?? 0;
    fail(runtimeErrors.WORKER_SILENT({ worker, silentMs }));
  }
}
