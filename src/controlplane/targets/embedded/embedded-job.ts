/**
 * EmbeddedJob: one job process as the controller sees it: its last status, ten minutes of samples, its checkpoints, its rows.
 *
 * Flow:    job process → JobHandle's events → here → listeners. The view is of this moment while the connection stands;
 *          a connection that breaks without an outcome means that the process is dead: FAILED with MR5090.
 * Limits:  SAMPLES_KEPT samples, CHECKPOINTS_KEPT checkpoints.
 */
import type { CheckpointView } from "../../../dataplane/runtime/master/checkpoint-history.ts";
import { checkpointOptions } from "../../../dataplane/runtime/options.ts";
import type { JobRequest } from "../../../dataplane/runtime/process/job-file.ts";
import type { JobHandle } from "../../../dataplane/runtime/process/job-handle.ts";
import type { ControlEvent, JobReport } from "../../../dataplane/runtime/process/messages.ts";
import { recoveryPoint } from "../../../dataplane/runtime/process/recovery-point.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { assert } from "../../../foundation/base/errors.ts";
import type {
  CheckpointSample,
  JobSample,
  JobView,
  Rescale,
  ResultEvent,
  SavepointSample,
  StateRows,
  TargetJob,
} from "../target.ts";
import { TERMINAL } from "../target.ts";
import { embeddedErrors } from "./errors.ts";
import { jobResults } from "./job-results.ts";
import { savepointAt } from "./savepoint-folder.ts";

const SAMPLES_KEPT = 600;
const CHECKPOINTS_KEPT = 100;

export interface EmbeddedJobOptions {
  readonly env: Env;
  readonly savepointsFolder: string;
  /** The state of one operator in a snapshot. */
  readonly readState: (path: string, operator: string) => AsyncGenerator<StateRows>;
}

/** Where savepoints of a job go, if it says so. */
export function savepointsFolderOf({ config = {} }: JobRequest): string | undefined {
  return checkpointOptions(config).savepointDirectory;
}

export class EmbeddedJob implements TargetJob {
  readonly jobId: string;
  readonly #handle: JobHandle;
  readonly #options: EmbeddedJobOptions;
  readonly #viewListeners = new Set<(view: JobView) => void>();
  readonly #sampleListeners = new Set<(sample: JobSample) => void>();
  readonly #checkpoints = new Map<number, CheckpointSample>();
  #samples: JobSample[] = [];
  #view: JobView;

  private constructor(handle: JobHandle, options: EmbeddedJobOptions) {
    this.#handle = handle;
    this.#options = options;
    this.jobId = handle.file.request.jobId;
    this.#view = this.#endView();
  }

  /** Takes over a handle; what happened before is asked for, what happens from now on is followed. */
  static async open(handle: JobHandle, options: EmbeddedJobOptions): Promise<EmbeddedJob> {
    const job = new EmbeddedJob(handle, options);
    await job.#follow();
    return job;
  }

  get isAlive(): boolean {
    return this.#handle.state === "connected";
  }

  get request(): JobRequest {
    return this.#handle.file.request;
  }

  view(): JobView {
    return this.#view;
  }

  onChange(listener: (view: JobView) => void): () => void {
    this.#viewListeners.add(listener);
    return () => this.#viewListeners.delete(listener);
  }

  samples(): readonly JobSample[] {
    return this.#samples;
  }

  onSample(listener: (sample: JobSample) => void): () => void {
    this.#sampleListeners.add(listener);
    return () => this.#sampleListeners.delete(listener);
  }

  checkpoints(): readonly CheckpointSample[] {
    return [...this.#checkpoints.values()];
  }

  results(sink: string, signal: AbortSignal): AsyncIterable<ResultEvent> {
    return jobResults(this.#options.env, this.#handle.folder, sink, signal);
  }

  async cancel(): Promise<void> {
    if (this.isAlive) await this.#handle.request("cancel", {});
  }

  /** Where its savepoints go: the script's folder, else the platform's. */
  get savepointsFolder(): string {
    return savepointsFolderOf(this.request) ?? this.#options.savepointsFolder;
  }

  /** Of its checkpoints; within the job's folder unless the script names another place. */
  get checkpointsFolder(): string {
    return `${this.#handle.file.checkpointDirectory}/${this.jobId}`;
  }

  async savepoint(): Promise<SavepointSample> {
    const directory = this.savepointsFolder;
    const { path } = await this.#handle.request("savepoint", { directory });
    const taken = await savepointAt(this.#options.env.files, path);
    assert(taken !== undefined, `the savepoint ${path} cannot be read`);
    return taken;
  }

  async *state(operator: string): AsyncGenerator<StateRows> {
    const { path, checkpointId } = await this.#handle.request("holdCheckpoint", {});
    try {
      yield* this.#options.readState(path, operator);
    } finally {
      if (this.isAlive) await this.#handle.request("releaseCheckpoint", { checkpointId });
    }
  }

  async stopWithSavepoint({ drain = false }: { readonly drain?: boolean } = {}): Promise<string> {
    const directory = this.savepointsFolder;
    return (await this.#handle.request("stop", { directory, drain })).path;
  }

  async rescale(asked: Rescale): Promise<void> {
    await this.#handle.request("rescale", asked);
  }

  async lastCheckpoint(): Promise<string | undefined> {
    const { file } = this.#handle;
    if (file.outcome?.status === "FINISHED") return undefined;
    return (await recoveryPoint(this.#options.env.files, file)).restoreFrom;
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    await this.#handle.kill();
  }

  /** Lets go of the job without touching it. */
  close(): void {
    this.#viewListeners.clear();
    this.#sampleListeners.clear();
    this.#handle.close();
  }

  async #follow(): Promise<void> {
    const handle = this.#handle;
    if (!this.isAlive) return;
    handle.onEvent((event) => this.#onEvent(event));
    handle.onClose(() => this.#show(this.#endView()));
    try {
      await handle.request("follow", { topics: ["status", "samples", "checkpoints"] });
      const [report, samples, checkpoints] = await Promise.all([
        handle.request("status", {}),
        handle.request("samples", {}),
        handle.request("checkpoints", {}),
      ]);
      this.#samples = [...samples];
      for (const view of checkpoints) this.#keepCheckpoint(view);
      this.#show(this.#reportView(report));
    } catch (error) {
      // It ended while it was asked: how, is known then.
      if (this.isAlive) throw error;
      this.#show(this.#endView());
    }
  }

  #onEvent(event: ControlEvent): void {
    if (event.event === "status") this.#show(this.#reportView(event.report));
    else if (event.event === "checkpoint") this.#keepCheckpoint(event.view);
    else if (event.event === "sample") {
      this.#samples.push(event.sample);
      if (this.#samples.length > SAMPLES_KEPT) this.#samples.shift();
      for (const listener of this.#sampleListeners) listener(event.sample);
    }
  }

  /** An end is final: a report that was under way when it came changes nothing. */
  #show(view: JobView): void {
    if (TERMINAL.has(this.#view.status) && this.#view.endedAt !== null && !this.isAlive) {
      if (view.status === this.#view.status) return;
    }
    this.#view = view;
    for (const listener of this.#viewListeners) listener(view);
  }

  #keepCheckpoint(view: CheckpointView): void {
    const { id, kind, status, triggeredMs, durationMs, sizeBytes, path, discarded, failure } = view;
    this.#checkpoints.set(id, {
      id,
      kind,
      status,
      triggeredAt: triggeredMs,
      durationMs,
      bytes: status === "COMPLETED" ? sizeBytes : null,
      path,
      discarded,
      failure,
      // A process that an earlier release has started tells of no tasks.
      operators: ((view.tasks as CheckpointView["tasks"] | undefined) ?? []).map(
        ({ name, operators, parallelism, subtasks }) => ({
          name,
          uids: operators,
          parallelism,
          subtasks: subtasks.map(({ sizeBytes: bytes, ...part }) => ({ ...part, bytes })),
        }),
      ),
    });
    if (this.#checkpoints.size > CHECKPOINTS_KEPT) {
      this.#checkpoints.delete(this.#checkpoints.keys().next().value!);
    }
  }

  #reportView({ status, startedMs, endedMs, restarts, failure }: JobReport): JobView {
    return {
      status,
      startedAt: startedMs,
      endedAt: endedMs,
      restarts: restarts + this.#deaths(),
      failure,
    };
  }

  /** The view of a job that has no connection: its outcome, or that its process is dead. */
  #endView(): JobView {
    const { outcome, process } = this.#handle.file;
    const startedAt = process?.startedMs ?? this.#options.env.clock.nowMs();
    if (this.isAlive) {
      return {
        status: "INITIALIZING",
        startedAt,
        endedAt: null,
        restarts: this.#deaths(),
        failure: null,
      };
    }
    if (outcome !== undefined) {
      const { status, startedMs, endedMs, restarts, failure } = outcome;
      return {
        status,
        startedAt: startedMs,
        endedAt: endedMs,
        restarts: restarts + this.#deaths(),
        failure,
      };
    }
    const { jobId } = this;
    return {
      status: "FAILED",
      startedAt,
      endedAt: this.#options.env.clock.nowMs(),
      restarts: this.#deaths(),
      failure: embeddedErrors.PROCESS_DIED({ jobId, folder: this.#handle.folder }).toObject(),
    };
  }

  /** Each process after the first stands for a death. */
  #deaths(): number {
    return Math.max(0, this.#handle.file.starts - 1);
  }
}
