/** A Target for tests: jobs that do what the test says; also a test that it keeps the interface's promises. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorObject } from "../../foundation/base/errors.ts";
import type {
  CheckpointSample,
  JobRequest,
  JobSample,
  JobView,
  Rescale,
  ResultEvent,
  SavepointSample,
  Target,
  TargetJob,
} from "../targets/target.ts";

function savepointOf(jobId: string): SavepointSample {
  const name = `of-${jobId.slice(0, 4)}`;
  return { name, path: `/savepoints/${name}`, jobId, checkpointId: 1, triggeredAt: 1, bytes: 10 };
}

export class SimulatedJob implements TargetJob {
  readonly jobId: string;
  readonly request: JobRequest;
  #view: JobView = {
    status: "RUNNING",
    startedAt: 1,
    endedAt: null,
    restarts: 0,
    failure: null,
  };
  readonly #listeners = new Set<(view: JobView) => void>();
  checkpoint: string | undefined;

  constructor(request: JobRequest) {
    this.request = request;
    this.jobId = request.jobId;
  }

  show(change: Partial<JobView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener(this.#view);
  }

  die(): void {
    const failure: ErrorObject = {
      code: "MR5090",
      domain: "external",
      message: "died",
      hint: "",
      retryable: true,
    };
    this.show({ status: "FAILED", endedAt: 2, failure });
  }

  view(): JobView {
    return this.#view;
  }
  onChange(listener: (view: JobView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  samples(): readonly JobSample[] {
    return [];
  }
  onSample(): () => void {
    return () => undefined;
  }
  checkpoints(): readonly CheckpointSample[] {
    return [];
  }
  async *results(): AsyncGenerator<ResultEvent> {}
  async cancel(): Promise<void> {
    this.show({ status: "CANCELED", endedAt: 2 });
  }
  async savepoint(): Promise<SavepointSample> {
    return savepointOf(this.jobId);
  }
  async *state() {
    yield { columns: [], rows: [] };
  }
  async stopWithSavepoint(): Promise<string> {
    this.show({ status: "FINISHED", endedAt: 2 });
    return `/savepoints/of-${this.jobId.slice(0, 4)}`;
  }
  /** Parallelisms that were asked for while it ran. */
  readonly rescaled: Rescale[] = [];
  async rescale(asked: Rescale): Promise<void> {
    this.rescaled.push(asked);
  }
  async lastCheckpoint(): Promise<string | undefined> {
    return this.checkpoint;
  }
}

export class SimulatedTarget implements Target {
  readonly name = "simulated";
  readonly started: SimulatedJob[] = [];
  readonly revived: string[] = [];
  readonly jobs = new Map<string, SimulatedJob>();
  /** Thrown by the next starts. */
  failure: Error | undefined;

  async start(request: JobRequest): Promise<SimulatedJob> {
    if (this.failure !== undefined) throw this.failure;
    const job = new SimulatedJob(request);
    this.started.push(job);
    this.jobs.set(request.jobId, job);
    return job;
  }
  async revive(jobId: string): Promise<SimulatedJob> {
    if (this.failure !== undefined) throw this.failure;
    const job = new SimulatedJob(this.jobs.get(jobId)!.request);
    this.revived.push(jobId);
    this.jobs.set(jobId, job);
    return job;
  }
  async adopt(jobId: string): Promise<SimulatedJob | undefined> {
    return this.jobs.get(jobId);
  }
  readonly removed: string[] = [];
  async savepoints(): Promise<readonly SavepointSample[]> {
    return [...this.jobs.keys()]
      .map(savepointOf)
      .filter(({ path }) => !this.removed.includes(path));
  }
  async removeSavepoint(path: string): Promise<void> {
    this.removed.push(path);
  }
  async checkState() {
    return [];
  }
  async *readState() {
    yield { columns: [], rows: [] };
  }
  async remove(jobId: string): Promise<void> {
    this.jobs.delete(jobId);
  }
  async prune(known: ReadonlySet<string>): Promise<void> {
    for (const jobId of this.jobs.keys()) if (!known.has(jobId)) this.jobs.delete(jobId);
  }
  async close(): Promise<void> {}
}

test("a simulated job tells its listeners, until they stop listening", () => {
  const job = new SimulatedJob({
    jobId: "a",
    name: "a",
    parallelism: 1,
    plan: { version: 1, nodes: [], config: {}, timeZone: "UTC", mode: "streaming" },
  });
  const seen: string[] = [];
  const stop = job.onChange(({ status }) => seen.push(status));
  job.die();
  stop();
  job.show({ status: "RUNNING" });
  assert.deepEqual(seen, ["FAILED"]);
});
