/**
 * JobMaster: runs one job from INITIALIZING to its end: deploys, takes checkpoints, commits,
 *            restarts after failures.
 *
 * Flow:    runJob / job process → here → Execution (one attempt) → workers.
 * Rules:   one thing at a time: starting, failing and ending are steps of one queue, so that a
 *          failure during a restart or a commit is handled after it. A failed attempt is torn down
 *          whole before the next starts from the last completed checkpoint; its committables are
 *          committed again first (commit is idempotent).
 * Errors:  the job's failure, with MR5009 around it when the restart strategy gave up.
 */
import { type MillraceError, toMillraceError } from "../../../foundation/base/errors.ts";
import { type Logger, silentLogger } from "../../../foundation/host/log.ts";
import { checkpointErrors, runtimeErrors } from "../errors.ts";
import type { JobGraph, OperatorParallelism } from "../graph/job-graph.ts";
import { isSameShape, jobGraph, overridesText } from "../graph/job-graph-of.ts";
import {
  type CheckpointOptions,
  checkpointOptions,
  type Config,
  heartbeatTimeoutMs,
  ignoreUnclaimedState,
  metricsIntervalMs,
  OPERATOR_PARALLELISM,
  restartOptions,
} from "../options.ts";
import { CheckpointCoordinator, type CompletedCheckpoint } from "./checkpoint-coordinator.ts";
import type { CheckpointView } from "./checkpoint-history.ts";
import { committablesOf, restorePlan } from "./checkpoint-metadata.ts";
import { Committers } from "./committers.ts";
import { errorFromObject } from "./error-object.ts";
import { Execution, type ExecutionEvents } from "./execution.ts";
import { checkTransition, isTerminal, type JobStatus } from "./job-status.ts";
import type { JobMasterOptions } from "./job-master-options.ts";
import { jobMetrics } from "./job-metrics.ts";
import type { JobResult, JobView } from "./job-view.ts";
import { type JobMetrics, MetricsCollector } from "./metrics-collector.ts";
import { Monitor } from "./monitor.ts";
import { type RestartStrategy, restartStrategy } from "./restart-strategy.ts";

/** State of the checkpoint that the job goes on from cannot be used. */
const SEGMENT_DAMAGED = "MR4211";

export class JobMaster {
  readonly #options: JobMasterOptions;
  readonly #committers: Committers;
  readonly #restart: RestartStrategy;
  #metrics: MetricsCollector;
  /** As of the start, or the last rescale. */
  #graph: JobGraph;
  #config: Config;
  readonly #log: Logger;
  #monitor: Monitor | undefined;
  readonly #taps = new Set<number>();
  readonly #checkpoints: CheckpointOptions;
  readonly #coordinator: CheckpointCoordinator | undefined;
  readonly #ended: Promise<JobResult>;
  #resolveEnded: (result: JobResult) => void = () => {};
  #status: JobStatus = "INITIALIZING";
  #timestamps: Partial<Record<JobStatus, number>> = {};
  #execution: Execution | undefined;
  #attempt: number;
  #restarts = 0;
  #failure: MillraceError | null = null;
  #endedMs: number | null = null;
  #queue: Promise<void> = Promise.resolve();
  #cancelDelay: (() => void) | undefined;
  readonly #startedMs: number;

  constructor(options: JobMasterOptions) {
    this.#options = options;
    const { env, config, firstAttempt = 1 } = options;
    this.#graph = options.graph;
    this.#config = config;
    this.#attempt = firstAttempt - 1;
    this.#startedMs = env.clock.nowMs();
    this.#timestamps.INITIALIZING = this.#startedMs;
    this.#log = (options.log ?? silentLogger).with({ jobId: options.jobId });
    this.#committers = new Committers(options);
    this.#checkpoints = checkpointOptions(config);
    const checkpointing = this.#checkpoints.intervalMs > 0;
    this.#restart = restartStrategy(restartOptions(config, checkpointing), env.random);
    this.#coordinator = this.#createCoordinator();
    this.#metrics = this.#createMetrics();
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
      await this.#load();
      await this.#launch();
    });
  }

  /** Oldest first; those in progress too. */
  get checkpoints(): readonly CheckpointView[] {
    return this.#coordinator?.history.views ?? [];
  }

  /** Path of the newest completed checkpoint. */
  get lastCheckpoint(): string | undefined {
    return this.#coordinator?.latest?.path;
  }

  get lastCompletedView(): CheckpointView | undefined {
    return this.#coordinator?.history.lastCompleted;
  }

  /**
   * Starts or ends copying the rows that reach a sink: they come as `rows` messages. Lasts over
   * restarts.
   */
  tap(node: number, active: boolean): void {
    if (active) this.#taps.add(node);
    else this.#taps.delete(node);
    this.#execution?.broadcast({ kind: "tap", node, active });
  }

  async triggerCheckpoint(): Promise<CompletedCheckpoint> {
    return await this.#running("a checkpoint").trigger({ kind: "checkpoint", stop: "none" });
  }

  /** Takes a checkpoint for someone who reads it: it stays until it is released. */
  async holdCheckpoint(): Promise<CompletedCheckpoint> {
    return await this.#running("a checkpoint").hold();
  }

  async releaseCheckpoint(checkpointId: number): Promise<void> {
    await this.#coordinator?.release(checkpointId);
  }

  /** Takes a savepoint and goes on. */
  async triggerSavepoint(directory?: string): Promise<CompletedCheckpoint> {
    const request = { kind: "savepoint", stop: "none" } as const;
    return await this.#running("a savepoint").trigger({
      ...request,
      directory: this.#savepointDirectory(directory),
    });
  }

  /**
   * Takes a savepoint behind which nothing is read, commits, and ends as FINISHED. `drain` fires
   * all windows before.
   */
  async stopWithSavepoint(
    options: { readonly directory?: string; readonly drain?: boolean } = {},
  ): Promise<CompletedCheckpoint> {
    const completed = await this.#running("a savepoint").trigger({
      kind: "savepoint",
      stop: options.drain === true ? "drain" : "suspend",
      directory: this.#savepointDirectory(options.directory),
    });
    this.#enqueue(async () => {
      if (this.#status !== "RUNNING") return;
      await this.#tearDown("the job has stopped");
      this.#end("FINISHED");
    });
    await this.#ended;
    return completed;
  }

  /**
   * Goes on with another parallelism, in this process: a checkpoint behind which nothing is read, then new workers from it.
   * Resolves when they run.
   */
  async rescale(asked: {
    readonly parallelism?: number;
    readonly operators?: OperatorParallelism;
  }): Promise<void> {
    const coordinator = this.#running("a rescale");
    const { parallelism: before, operators: named, maxParallelism } = this.#graph;
    const { parallelism = before, operators = named } = asked;
    const graph = jobGraph(this.#options.plan, { parallelism, maxParallelism, operators });
    if (isSameShape(graph, this.#graph)) throw runtimeErrors.RESCALE_NOTHING({ parallelism });
    await coordinator.trigger({ kind: "checkpoint", stop: "suspend" });
    await this.#step(async () => {
      if (this.#status !== "RUNNING") return;
      this.#setStatus("RESTARTING");
      await this.#tearDown("the job is rescaled");
      this.#graph = graph;
      this.#config = { ...this.#config, [OPERATOR_PARALLELISM]: overridesText(operators) };
      this.#metrics = this.#createMetrics();
      this.#setStatus("CREATED");
      await this.#launch();
    });
    const status = this.#status;
    if (status !== "RUNNING")
      throw this.#failure ?? runtimeErrors.JOB_NOT_RUNNING({ status, action: "a rescale" });
  }

  async cancel(): Promise<void> {
    if (isTerminal(this.#status) || this.#status === "CANCELLING") return;
    this.#setStatus("CANCELLING");
    this.#cancelDelay?.();
    // A start that waits for an outside system ends at once.
    const closing = this.#execution?.close();
    this.#enqueue(async () => {
      if (isTerminal(this.#status)) return;
      await closing;
      await this.#tearDown("the job was canceled");
      if (!this.#checkpoints.retainOnCancel) await this.#discardAll("CANCELED");
      this.#end("CANCELED");
    });
    await this.#ended;
  }

  /** A fresh report of all workers. */
  async metrics(): Promise<JobMetrics> {
    if (this.#execution !== undefined && this.#status === "RUNNING")
      await Promise.race([this.#metrics.collect(this.#execution), this.#execution.over]);
    return this.#metrics.latest;
  }

  #createCoordinator(): CheckpointCoordinator | undefined {
    const { jobId, plan, env, storage, onCheckpoint } = this.#options;
    if (storage === undefined || plan.mode === "batch") return undefined;
    return new CheckpointCoordinator({
      jobId,
      plan,
      graph: () => this.#graph,
      env,
      storage,
      options: this.#checkpoints,
      commit: (committables, id) => this.#committers.commitAll(committables, id),
      beforeStopCommit: async (savepoint) => {
        await this.#options.beforeStopCommit?.(savepoint);
      },
      fail: (error) => {
        const execution = this.#execution;
        // Without one the job is on its way to the next attempt already, which commits again.
        if (execution === undefined) return;
        this.#enqueue(async () => {
          if (execution === this.#execution) await this.#failed(error);
        });
      },
      onChange: (view) => {
        const { id, kind, durationMs, sizeBytes, failure } = view;
        if (view.status === "FAILED") this.#log.warn(`${kind} failed`, { id, error: failure });
        if (view.status === "COMPLETED" && !view.discarded)
          this.#log.info(`${kind} completed`, { id, durationMs, sizeBytes });
        onCheckpoint?.(view);
      },
    });
  }

  /** Reads the checkpoint that the job is to start from. */
  async #load(): Promise<void> {
    const { restoreFrom, storage, plan, config } = this.#options;
    if (restoreFrom === undefined || this.#coordinator === undefined || storage === undefined)
      return;
    try {
      const metadata = await storage.load(restoreFrom);
      restorePlan(metadata, plan, this.#graph, { ignoreUnclaimed: ignoreUnclaimedState(config) });
      const own = this.#options.checkpointDirectory;
      const owned = own !== undefined && restoreFrom.startsWith(`${own}/`);
      const older = this.#options.olderCheckpoints ?? [];
      const restored = { path: restoreFrom, sizeBytes: 0, metadata };
      this.#coordinator.restoredFrom(restored, { owned, older });
    } catch (error) {
      // Starting again would find the same: no restart.
      await this.#fail(toMillraceError(error));
    }
  }

  async #launch(): Promise<void> {
    if (this.#status !== "CREATED") return;
    const { jobId, plan, env, registry, transport } = this.#options;
    const graph = this.#graph;
    const config = this.#config;
    this.#attempt++;
    await this.#options.storage?.settle();
    const latest = this.#coordinator?.latest;
    if (latest !== undefined)
      await this.#committers.commitAll(
        committablesOf(latest.metadata),
        latest.metadata.checkpointId,
      );
    const restored =
      latest === undefined
        ? undefined
        : restorePlan(latest.metadata, plan, graph, {
            ignoreUnclaimed: ignoreUnclaimedState(config),
          });
    const execution: Execution = new Execution({
      jobId,
      plan,
      graph,
      config,
      env,
      registry,
      transport,
      restored,
      attempt: this.#attempt,
      checkpointDirectory: this.#options.checkpointDirectory,
      events: this.#executionEvents(() => execution),
    });
    this.#execution = execution;
    this.#watch(execution);
    await execution.start();
    if (this.#status !== "CREATED" || !execution.isRunning) return;
    this.#setStatus("RUNNING");
    for (const node of this.#taps) execution.broadcast({ kind: "tap", node, active: true });
    this.#coordinator?.start(execution);
  }

  /** Metrics and heartbeats; workers in this thread need no heartbeat. */
  #watch(execution: Execution): void {
    const { transport, onMetrics, env, config } = this.#options;
    if (!transport.isRemote && onMetrics === undefined) return;
    this.#monitor = new Monitor(execution, {
      timers: env.timers,
      collector: this.#metrics,
      intervalMs: metricsIntervalMs(config),
      heartbeatTimeoutMs: transport.isRemote ? heartbeatTimeoutMs(config) : 0,
      onMetrics: (metrics) => onMetrics?.(metrics),
      fail: (error) => execution.fail(error),
    });
  }

  #createMetrics(): MetricsCollector {
    const { clock } = this.#options.env;
    return new MetricsCollector(this.#graph, clock, () =>
      jobMetrics(this.view, this.#coordinator?.history, clock.nowMs()),
    );
  }

  #executionEvents(source: () => Execution): ExecutionEvents {
    const coordinator = this.#coordinator;
    const ifCurrent = (action: () => Promise<void>) => {
      this.#enqueue(async () => {
        if (source() === this.#execution) await action();
      });
    };
    return {
      onFailed: (error) => ifCurrent(() => this.#failed(error)),
      onSnapshot: (checkpointId, report) => coordinator?.onSnapshot(checkpointId, report),
      onDeclined: (checkpointId, task, error) => {
        const name = this.#graph.tasks[task]?.name ?? String(task);
        coordinator?.onDeclined(checkpointId, name, errorFromObject(error));
      },
      onFinished: (report) => {
        coordinator?.onFinished(report);
        if (source().allFinished) ifCurrent(() => this.#finish(source()));
      },
      onMessage: (worker, message) => {
        if (message.kind === "metrics") this.#metrics.receive(worker, message);
        else this.#options.onMessage?.(worker, message);
      },
    };
  }

  async #finish(execution: Execution): Promise<void> {
    if (this.#status !== "RUNNING") return;
    const { intervalMs, afterTasksFinish } = this.#checkpoints;
    await Promise.race([this.#metrics.collect(execution), execution.over]);
    // The last question shows what a worker has missed: it may have ended without all of its splits.
    if (!execution.isRunning) return;
    if (this.#coordinator !== undefined && intervalMs > 0 && afterTasksFinish)
      await this.#coordinator.final(execution);
    else await this.#committers.commit(execution.finished, 0);
    await this.#tearDown("the job has ended");
    await this.#discardAll("FINISHED");
    this.#end("FINISHED");
  }

  /** The outcome is on record first: without it a crash now would begin the job anew, beside what it has committed. */
  async #discardAll(outcome: "FINISHED" | "CANCELED"): Promise<void> {
    await this.#options.beforeDiscard?.(outcome);
    await this.#coordinator?.discardAll();
  }

  #running(action: string): CheckpointCoordinator {
    const status = this.#status;
    if (this.#options.plan.mode === "batch") throw runtimeErrors.BATCH_WITHOUT_CHECKPOINTS({});
    if (status !== "RUNNING" || this.#coordinator === undefined)
      throw runtimeErrors.JOB_NOT_RUNNING({ status, action });
    return this.#coordinator;
  }

  #savepointDirectory(asked: string | undefined): string {
    const directory = asked ?? this.#checkpoints.savepointDirectory;
    if (directory === undefined) throw checkpointErrors.SAVEPOINT_NO_DIRECTORY({});
    return directory;
  }

  async #failed(error: unknown): Promise<void> {
    if (isTerminal(this.#status) || this.#status === "CANCELLING") return;
    const failure = toMillraceError(error);
    const isKnown = this.#failure?.message === failure.message;
    this.#failure = failure;
    this.#log.error("attempt failed", { error: failure, attempt: this.#attempt });
    // A file that is damaged stays so; twice the same place was no fault of reading it.
    if (isKnown && failure.code === SEGMENT_DAMAGED) {
      await this.#fail(failure);
      return;
    }
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
    await this.#tearDown("the job is restarting");
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
    await this.#tearDown("the job has failed");
    this.#end("FAILED");
  }

  async #tearDown(reason: string): Promise<void> {
    const execution = this.#execution;
    this.#execution = undefined;
    this.#monitor?.stop();
    this.#metrics.abandon();
    await this.#coordinator?.stop(reason);
    const failures = (await execution?.close()) ?? [];
    for (const error of failures) this.#log.warn("closing failed", { error });
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
    this.#log.info("job status", { status, attempt: this.#attempt });
    this.#options.onStatus?.(status, this.view);
  }

  #step(step: () => Promise<void>): Promise<void> {
    this.#enqueue(step);
    return this.#queue;
  }

  /**
   * Steps run one after the other. A step that fails is a failure of the job; a failure of that
   * ends it.
   */
  #enqueue(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(step).catch(async (error: unknown) => {
      if (isTerminal(this.#status)) return;
      try {
        await this.#failed(error);
      } catch (second) {
        this.#failure = toMillraceError(second);
        if (this.#status !== "FAILING" && this.#status !== "INITIALIZING")
          this.#setStatus("FAILING");
        this.#end("FAILED");
      }
    });
  }
}
