/**
 * JobMaster: runs one job from INITIALIZING to its end: deploys, takes checkpoints, commits, restarts after failures.
 *
 * Flow:    runJob / job process → here → Execution (one attempt) → workers.
 * Rules:   one thing at a time: starting, failing and ending are steps of one queue, so that a failure during a restart or a
 *          commit is handled after it. A failed attempt is torn down whole before the next starts from the last
 *          completed checkpoint; its committables are committed again first (commit is idempotent).
 * Errors:  the job's failure, with MR5009 around it when the restart strategy gave up.
 */
import { type MillraceError, toMillraceError } from "../../../foundation/base/errors.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { ConnectorRegistry } from "../../contract/registry.ts";
import { runtimeErrors } from "../errors.ts";
import type { JobGraph } from "../graph/job-graph.ts";
import { checkpointOptions, type Config, restartOptions } from "../options.ts";
import type { WorkerMessage } from "../worker/messages.ts";
import type { WorkerTransport } from "../worker/transport.ts";
import { Committers } from "./committers.ts";
import { Execution } from "./execution.ts";
import { checkTransition, isTerminal, type JobStatus } from "./job-status.ts";
import { type JobMetrics, MetricsCollector } from "./metrics-collector.ts";
import { type RestartStrategy, restartStrategy } from "./restart-strategy.ts";

export interface JobMasterOptions {
  readonly jobId: string;
  readonly plan: ExecPlan;
  readonly graph: JobGraph;
  readonly config: Config;
  readonly env: Env;
  readonly registry: ConnectorRegistry;
  readonly transport: WorkerTransport;
  readonly onStatus?: (status: JobStatus, view: JobView) => void;
  readonly onMessage?: (worker: number, message: WorkerMessage) => void;
}

export interface JobView {
  readonly status: JobStatus;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly restarts: number;
  /** The last failure, of a running job too. */
  readonly failure: MillraceError | null;
  /** When each status was last entered, epoch ms. */
  readonly timestamps: Readonly<Partial<Record<JobStatus, number>>>;
}

export interface JobResult extends JobView {
  readonly status: "FINISHED" | "FAILED" | "CANCELED";
  /** As of the end of the last attempt. */
  readonly metrics: JobMetrics;
}

export class JobMaster {
  readonly #options: JobMasterOptions;
  readonly #committers: Committers;
  readonly #restart: RestartStrategy;
  readonly #metrics: MetricsCollector;
  readonly #ended: Promise<JobResult>;
  #resolveEnded: (result: JobResult) => void = () => {};
  #status: JobStatus = "INITIALIZING";
  #timestamps: Partial<Record<JobStatus, number>> = {};
  #execution: Execution | undefined;
  #attempt = 0;
  #restarts = 0;
  #failure: MillraceError | null = null;
  #endedMs: number | null = null;
  #queue: Promise<void> = Promise.resolve();
  #cancelDelay: (() => void) | undefined;
  readonly #startedMs: number;

  constructor(options: JobMasterOptions) {
    this.#options = options;
    const { env, config } = options;
    this.#startedMs = env.clock.nowMs();
    this.#timestamps.INITIALIZING = this.#startedMs;
    this.#committers = new Committers(options);
    const checkpointing = checkpointOptions(config).intervalMs > 0;
    this.#restart = restartStrategy(restartOptions(config, checkpointing), env.random);
    this.#metrics = new MetricsCollector(options.graph, env.clock);
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get view(): JobView {
    return {
      status: this.#status,
      startedMs: this.#startedMs,
      endedMs: this.#endedMs,
      restarts: this.#restarts,
      failure: this.#failure,
      timestamps: { ...this.#timestamps },
    };
  }

  /** Resolves when the job has ended, however it has. */
  get ended(): Promise<JobResult> {
    return this.#ended;
  }

  start(): void {
    this.#enqueue(async () => {
      this.#setStatus("CREATED");
      await this.#launch();
    });
  }

  async cancel(): Promise<void> {
    if (isTerminal(this.#status) || this.#status === "CANCELLING") return;
    this.#setStatus("CANCELLING");
    this.#cancelDelay?.();
    this.#enqueue(async () => {
      await this.#tearDown();
      this.#end("CANCELED");
    });
    await this.#ended;
  }

  /** A fresh report of all workers. */
  async metrics(): Promise<JobMetrics> {
    if (this.#execution !== undefined && this.#status === "RUNNING")
      await this.#metrics.collect(this.#execution);
    return this.#metrics.latest;
  }

  async #launch(): Promise<void> {
    const { jobId, plan, graph, config, env, registry, transport } = this.#options;
    this.#attempt++;
    let current: Execution | undefined;
    const ifCurrent = (action: () => Promise<void>) => {
      this.#enqueue(async () => {
        if (current === this.#execution && current !== undefined) await action();
      });
    };
    const execution = new Execution({
      jobId,
      plan,
      graph,
      config,
      env,
      registry,
      transport,
      attempt: this.#attempt,
      checkpointDirectory: undefined,
      restored: undefined,
      events: {
        onFailed: (error) => ifCurrent(() => this.#failed(error)),
        onSnapshot: () => {},
        onDeclined: () => {},
        onFinished: () => {
          if (execution.allFinished) ifCurrent(() => this.#finish(execution));
        },
        onMessage: (worker, message) => {
          if (message.kind === "metrics") this.#metrics.receive(worker, message);
          else this.#options.onMessage?.(worker, message);
        },
      },
    });
    current = execution;
    this.#execution = execution;
    await execution.start();
    if (this.#status === "CREATED") this.#setStatus("RUNNING");
  }

  async #finish(execution: Execution): Promise<void> {
    if (this.#status !== "RUNNING") return;
    await this.#committers.commit(execution.finished, 0);
    await this.#metrics.collect(execution);
    await this.#tearDown();
    this.#end("FINISHED");
  }

  async #failed(error: unknown): Promise<void> {
    if (isTerminal(this.#status) || this.#status === "CANCELLING") return;
    const failure = toMillraceError(error);
    this.#failure = failure;
    const { clock, timers } = this.#options.env;
    const delayMs = this.#restart.onFailure(clock.nowMs());
    if (delayMs === undefined) {
      const strategy = this.#restart.description;
      await this.#fail(
        this.#restarts === 0 && strategy.startsWith("No")
          ? failure
          : runtimeErrors.RESTART_SUPPRESSED({ strategy }, { cause: failure }),
      );
      return;
    }
    this.#setStatus("RESTARTING");
    await this.#tearDown();
    this.#cancelDelay = timers.after(delayMs, () => {
      this.#enqueue(async () => {
        if (this.#status !== "RESTARTING") return;
        this.#restarts++;
        this.#setStatus("CREATED");
        await this.#launch();
      });
    });
  }

  async #fail(failure: MillraceError): Promise<void> {
    if (this.#status === "INITIALIZING") this.#setStatus("CREATED");
    this.#failure = failure;
    this.#setStatus("FAILING");
    await this.#tearDown();
    this.#end("FAILED");
  }

  async #tearDown(): Promise<void> {
    const execution = this.#execution;
    this.#execution = undefined;
    await execution?.close();
  }

  #end(status: JobResult["status"]): void {
    this.#endedMs = this.#options.env.clock.nowMs();
    this.#setStatus(status);
    this.#enqueue(() => this.#committers.close());
    this.#resolveEnded({ ...this.view, status, metrics: this.#metrics.latest });
  }

  #setStatus(status: JobStatus): void {
    checkTransition(this.#status, status);
    this.#status = status;
    this.#timestamps[status] = this.#options.env.clock.nowMs();
    this.#options.onStatus?.(status, this.view);
  }

  /** Steps run one after the other. A step that fails is a failure of the job; a failure of that ends it. */
  #enqueue(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(step).catch(async (error: unknown) => {
      if (isTerminal(this.#status)) return;
      try {
        await this.#failed(error);
      } catch (second) {
        this.#failure = toMillraceError(second);
        this.#end("FAILED");
      }
    });
  }
}
