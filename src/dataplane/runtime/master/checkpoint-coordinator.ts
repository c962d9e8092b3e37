/**
 * CheckpointCoordinator: triggers checkpoints and savepoints, collects the reports of all subtasks,
 *                        stores the manifest, then
 * has the committables committed.
 *
 * Flow:    timer or request → barrier to the workers → reports → CheckpointStorage → Committers →
 *          `completed` to the workers.
 * Rules:   one after the other the manifests are stored and committed, in order of ids. A
 *          checkpoint that does not complete in time is given up; periodic ones that fail in a row
 *          beyond the tolerable number fail the job. A savepoint that is not followed by a stop
 *          commits nothing: writers hand its committables to the next checkpoint too. A subtask
 *          that has ended answers with its last report.
 * Limits:  HISTORY checkpoints are remembered.
 * Errors:  MR4250 … MR4255.
 */
import { type MillraceError, toMillraceError } from "../../../foundation/base/errors.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { Barrier, BarrierStop } from "../exchange/barrier.ts";
import { checkpointErrors } from "../errors.ts";
import type { JobGraph } from "../graph/job-graph.ts";
import type { CheckpointOptions } from "../options.ts";
import type { SubtaskReport } from "../task/subtask.ts";
import {
  assembleCheckpoint,
  type CheckpointMetadata,
  type CommittablesByUid,
  committablesOf,
} from "./checkpoint-metadata.ts";
import { CheckpointHistory, type CheckpointView } from "./checkpoint-history.ts";
import type { CheckpointStorage, StoredCheckpoint } from "./checkpoint-storage.ts";
import type { Execution } from "./execution.ts";
import { PeriodicSavepoints } from "./periodic-savepoints.ts";
import type { EnumeratorSnapshot } from "./split-assigner.ts";

/** Checkpoint storage no longer holds what the last checkpoint has written. */
const SEGMENT_GONE = "MR4217";

export interface CompletedCheckpoint extends StoredCheckpoint {
  readonly metadata: CheckpointMetadata;
}

interface Pending {
  readonly barrier: Barrier;
  readonly enumerators: Readonly<Record<string, EnumeratorSnapshot>>;
  readonly reports: Map<string, SubtaskReport>;
  readonly wanted: number;
  readonly cancelTimeout: () => void;
  readonly resolve: (completed: CompletedCheckpoint) => void;
  readonly reject: (error: MillraceError) => void;
  storing: boolean;
}

export interface CoordinatorOptions {
  readonly jobId: string;
  readonly plan: ExecPlan;
  /** As of now: a rescale changes it. */
  readonly graph: () => JobGraph;
  readonly env: Env;
  readonly options: CheckpointOptions;
  readonly storage: CheckpointStorage;
  readonly commit: (committables: CommittablesByUid, checkpointId: number) => Promise<void>;
  /** Awaited before the savepoint of a stop is committed: recovery must know of it first. */
  readonly beforeStopCommit: (completed: CompletedCheckpoint) => Promise<void>;
  /** The job must fail: too many checkpoints did, or a commit. */
  readonly fail: (error: MillraceError) => void;
  readonly onChange: (view: CheckpointView) => void;
}

export class CheckpointCoordinator {
  readonly history = new CheckpointHistory();
  readonly #options: CoordinatorOptions;
  readonly #pending = new Map<number, Pending>();
  #completed: CompletedCheckpoint[] = [];
  #older: string[] = [];
  #execution: Execution | undefined;
  #nextId = 1;
  #failuresInRow = 0;
  #lastTriggerMs = 0;
  #lastDoneMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #stores: Promise<void> = Promise.resolve();
  #periodic = false;
  #anew = false;
  #restored: CompletedCheckpoint | undefined;
  /** Who reads a checkpoint, by its id; it stays until nobody does. */
  readonly #readers = new Map<number, number>();
  /** Replaced by newer ones while they were read. */
  #outlived: CompletedCheckpoint[] = [];

  readonly #savepoints: PeriodicSavepoints;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    const { env, storage, jobId } = options;
    this.#savepoints = new PeriodicSavepoints({
      timers: env.timers,
      files: env.files,
      jobId,
      options: options.options,
      take: async (directory) =>
        (await this.#begin({ kind: "savepoint", stop: "none", directory })).path,
      discard: (path) => storage.discard(path),
    });
  }

  /** The checkpoint that a restart goes back to. */
  get latest(): CompletedCheckpoint | undefined {
    return this.#completed.at(-1);
  }

  /**
   * A checkpoint or savepoint that the job was started from: restarts use it until there is a newer
   * one. `owned`: it is one of this job's own checkpoints, and goes when newer ones replace it.
   * `older`: what else an earlier process of the job has left, oldest first.
   */
  restoredFrom(
    restored: CompletedCheckpoint,
    { owned, older }: { readonly owned: boolean; readonly older: readonly string[] },
  ): void {
    this.#older = [...older];
    this.#completed = [restored];
    this.#nextId = restored.metadata.checkpointId + 1;
    this.#restored = owned ? undefined : restored;
  }

  /** The execution runs: barriers may go out. */
  start(execution: Execution): void {
    this.#execution = execution;
    this.#failuresInRow = 0;
    this.#lastTriggerMs = this.#options.env.clock.monotonicMs();
    this.#periodic = this.#options.options.intervalMs > 0;
    this.#schedule();
    this.#savepoints.start();
  }

  /**
   * The execution is over: what is pending is given up; resolves when nothing is being stored any
   * more.
   */
  async stop(reason: string): Promise<void> {
    this.#execution = undefined;
    this.#savepoints.stop();
    this.#periodic = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const [checkpointId, pending] of this.#pending) {
      if (!pending.storing)
        this.#giveUp(pending, checkpointErrors.CHECKPOINT_ABORTED({ checkpointId, reason }), false);
    }
    await this.#stores;
  }

  /** Takes a checkpoint or savepoint now, whatever the pauses. Periodic ones end with a stop. */
  trigger(request: {
    readonly kind: "checkpoint" | "savepoint";
    readonly stop: BarrierStop;
    readonly directory?: string;
  }): Promise<CompletedCheckpoint> {
    if (request.stop !== "none") {
      this.#periodic = false;
      this.#savepoints.stop();
      this.#cancelTimer?.();
    }
    return this.#begin(request);
  }

  /** A checkpoint of now that stays, whatever comes after it, until release() is called as often as this. */
  async hold(): Promise<CompletedCheckpoint> {
    for (;;) {
      const completed = await this.#begin({ kind: "checkpoint", stop: "none" });
      const { checkpointId } = completed.metadata;
      // A newer one may have replaced it already.
      if (!this.#completed.includes(completed)) continue;
      this.#readers.set(checkpointId, (this.#readers.get(checkpointId) ?? 0) + 1);
      return completed;
    }
  }

  async release(checkpointId: number): Promise<void> {
    const readers = (this.#readers.get(checkpointId) ?? 0) - 1;
    if (readers > 0) this.#readers.set(checkpointId, readers);
    else this.#readers.delete(checkpointId);
    const outlived = this.#outlived.filter((one) => !this.#readers.has(one.metadata.checkpointId));
    this.#outlived = this.#outlived.filter((one) => !outlived.includes(one));
    for (const completed of outlived) await this.#discard(completed);
  }

  onSnapshot(checkpointId: number, report: SubtaskReport): void {
    const pending = this.#pending.get(checkpointId);
    if (pending !== undefined) this.#add(pending, report);
  }

  onFinished(report: SubtaskReport): void {
    for (const pending of this.#pending.values()) this.#add(pending, report);
  }

  onDeclined(checkpointId: number, task: string, reason: MillraceError): void {
    const pending = this.#pending.get(checkpointId);
    if (pending === undefined || pending.storing) return;
    const { message } = reason;
    const params = { checkpointId, task, reason: message };
    this.#giveUp(pending, checkpointErrors.CHECKPOINT_DECLINED(params, { cause: reason }), true);
  }

  /** The last checkpoint of a job whose subtasks have all ended: needs no barrier. */
  async final(execution: Execution): Promise<void> {
    await this.stop("the job has ended");
    const barrier = this.#barrier({ kind: "checkpoint", stop: "none" });
    const reports = new Map(execution.finished.map((report) => [keyOf(report), report]));
    const enumerators = execution.enumeratorSnapshots();
    this.history.begin(barrier, this.#options.graph().tasks);
    const nowMs = this.#options.env.clock.nowMs();
    for (const report of reports.values())
      this.history.acknowledge(barrier.checkpointId, report, nowMs);
    const completed = await this.#store(barrier, [...reports.values()], enumerators);
    await this.#commit(completed);
  }

  /** At the end of the job: checkpoints that nobody asked to keep go. */
  async discardAll(): Promise<void> {
    for (const path of this.#older.splice(0)) await this.#options.storage.discard(path);
    this.#readers.clear();
    const all = [...this.#outlived.splice(0), ...this.#completed.splice(0)];
    for (const completed of all) await this.#discard(completed);
    const { options, env, jobId } = this.#options;
    const copies = options.localBackup(jobId, env.variables["TMPDIR"]);
    // What cannot be removed is a copy.
    if (copies !== undefined) await env.files.remove(copies.folder).catch(() => {});
  }

  #begin(request: {
    readonly kind: "checkpoint" | "savepoint";
    readonly stop: BarrierStop;
    readonly directory?: string;
  }): Promise<CompletedCheckpoint> {
    const { env, options, graph } = this.#options;
    const execution = this.#execution;
    const barrier = this.#barrier(request);
    const { checkpointId } = barrier;
    if (execution === undefined || execution.allFinished)
      return Promise.reject(
        checkpointErrors.CHECKPOINT_ABORTED({ checkpointId, reason: "the job is not running" }),
      );
    this.#lastTriggerMs = env.clock.monotonicMs();
    const { tasks } = graph();
    const wanted = tasks.reduce((sum, task) => sum + task.parallelism, 0);
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        barrier,
        wanted,
        resolve,
        reject,
        storing: false,
        enumerators: execution.enumeratorSnapshots(),
        reports: new Map(),
        cancelTimeout: env.timers.after(options.timeoutMs, () => {
          const { timeoutMs } = options;
          const error = checkpointErrors.CHECKPOINT_EXPIRED({ checkpointId, timeoutMs });
          if (!pending.storing) this.#giveUp(pending, error, true);
        }),
      };
      this.#pending.set(checkpointId, pending);
      this.#options.onChange(this.history.begin(barrier, tasks));
      execution.broadcast({ kind: "trigger", barrier });
      for (const report of execution.finished) this.#add(pending, report);
    });
  }

  #barrier(request: {
    readonly kind: "checkpoint" | "savepoint";
    readonly stop: BarrierStop;
    readonly directory?: string;
  }): Barrier {
    const triggeredMs = this.#options.env.clock.nowMs();
    const checkpointId = this.#nextId++;
    return { ...request, checkpointId, triggeredMs, ...(this.#anew ? { anew: true } : {}) };
  }

  #add(pending: Pending, report: SubtaskReport): void {
    if (pending.storing) return;
    const key = keyOf(report);
    // A subtask that ends right after its barrier has answered already: that answer stands.
    if (pending.reports.has(key)) return;
    pending.reports.set(key, report);
    const nowMs = this.#options.env.clock.nowMs();
    this.history.acknowledge(pending.barrier.checkpointId, report, nowMs);
    if (pending.reports.size === pending.wanted) this.#complete(pending);
  }

  #complete(pending: Pending): void {
    pending.storing = true;
    pending.cancelTimeout();
    const { barrier, reports, enumerators } = pending;
    const commits = barrier.kind === "checkpoint" || barrier.stop !== "none";
    const execution = this.#execution;
    this.#stores = this.#stores.then(async () => {
      let completed: CompletedCheckpoint;
      try {
        completed = await this.#store(barrier, [...reports.values()], enumerators);
      } catch (error) {
        this.#giveUp(pending, toMillraceError(error), true);
        return;
      }
      this.#pending.delete(barrier.checkpointId);
      this.#failuresInRow = 0;
      if (barrier.kind === "checkpoint") this.#anew = false;
      try {
        if (barrier.kind === "savepoint" && commits)
          await this.#options.beforeStopCommit(completed);
        if (commits) await this.#commit(completed);
        if (commits) execution?.forgetCommittables(new Set(reports.values()));
        pending.resolve(completed);
      } catch (error) {
        const failure = toMillraceError(error);
        pending.reject(failure);
        this.#options.fail(failure);
      }
      this.#done();
    });
  }

  async #store(
    barrier: Barrier,
    reports: readonly SubtaskReport[],
    enumerators: Readonly<Record<string, EnumeratorSnapshot>>,
  ): Promise<CompletedCheckpoint> {
    const { jobId, plan, graph, storage, env } = this.#options;
    const { checkpointId, kind, triggeredMs, directory } = barrier;
    const metadata = assembleCheckpoint({
      jobId,
      checkpointId,
      kind,
      triggeredMs,
      plan,
      graph: graph(),
      enumerators,
      reports,
    });
    const stored = await storage.store(metadata, directory);
    const completed = { ...stored, metadata };
    this.#options.onChange(this.history.complete(checkpointId, stored, env.clock.nowMs()));
    return completed;
  }

  /** What comes after the manifest: commit, tell the workers, let the replaced ones go. */
  async #commit(completed: CompletedCheckpoint): Promise<void> {
    const { commit, options } = this.#options;
    const { metadata } = completed;
    // From here on a restart goes back to this checkpoint, and commits again what may be left.
    this.#completed.push(completed);
    await commit(committablesOf(metadata), metadata.checkpointId);
    const { checkpointId } = metadata;
    this.#execution?.broadcast({ kind: "completed", checkpointId });
    while (this.#older.length + this.#completed.length > options.retained) {
      const older = this.#older.shift();
      if (older !== undefined) await this.#options.storage.discard(older);
      else await this.#discard(this.#completed.shift()!);
    }
  }

  async #discard(completed: CompletedCheckpoint): Promise<void> {
    // What the job was started from, and savepoints, belong to the user.
    if (completed === this.#restored || completed.metadata.kind === "savepoint") return;
    if (this.#readers.has(completed.metadata.checkpointId)) {
      this.#outlived.push(completed);
      return;
    }
    await this.#options.storage.discard(completed.path);
    const view = this.history.discarded(completed.metadata.checkpointId);
    if (view !== undefined) this.#options.onChange(view);
  }

  #giveUp(pending: Pending, error: MillraceError, counts: boolean): void {
    const { barrier } = pending;
    const { checkpointId } = barrier;
    pending.cancelTimeout();
    if (!this.#pending.delete(checkpointId)) return;
    if (error.code === SEGMENT_GONE) this.#anew = true;
    const view = this.history.fail(checkpointId, error.toObject(), this.#options.env.clock.nowMs());
    this.#options.onChange(view);
    this.#execution?.broadcast({ kind: "aborted", checkpointId });
    pending.reject(error);
    if (barrier.stop !== "none" && counts) {
      // Sources have stopped behind the barrier: only a restart sets them going again.
      this.#options.fail(error);
    } else if (counts && barrier.kind === "checkpoint") {
      this.#failuresInRow++;
      const { tolerableFailures } = this.#options.options;
      if (this.#failuresInRow > tolerableFailures) {
        const params = { failures: this.#failuresInRow, tolerable: tolerableFailures };
        const place = { cause: error };
        this.#options.fail(checkpointErrors.TOLERABLE_FAILURES_EXCEEDED(params, place));
      }
    }
    this.#done();
  }

  #done(): void {
    this.#lastDoneMs = this.#options.env.clock.monotonicMs();
    this.#schedule();
  }

  /** Sets the timer for the next periodic checkpoint, if one may be taken. */
  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { env, options } = this.#options;
    if (!this.#periodic || this.#pending.size >= options.maxConcurrent) return;
    const dueMs = Math.max(
      this.#lastTriggerMs + options.intervalMs,
      this.#lastDoneMs + options.minPauseMs,
    );
    const delayMs = Math.max(0, dueMs - env.clock.monotonicMs());
    this.#cancelTimer = env.timers.after(delayMs, () => this.#periodicTrigger());
  }

  #periodicTrigger(): void {
    const { options } = this.#options;
    const execution = this.#execution;
    if (execution === undefined || execution.allFinished) return;
    if (options.afterTasksFinish || execution.finished.length === 0) {
      // The outcome is in the history, and counted in giveUp().
      this.#begin({ kind: "checkpoint", stop: "none" }).catch(() => {});
    } else this.#lastTriggerMs = this.#options.env.clock.monotonicMs();
    this.#schedule();
  }
}

function keyOf(report: SubtaskReport): string {
  return `${report.task}-${report.subtask}`;
}
