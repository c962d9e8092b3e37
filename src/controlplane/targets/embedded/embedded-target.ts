/**
 * EmbeddedTarget: runs each job with this engine, as an operating-system process with a folder of its own.
 *
 * Flow:    controller → here → runtime/process (JobHandle) → job process. What the process is made of (connectors, operators,
 *          kernels) is its entry's affair, which the composition root hands in.
 * Files:   <jobs>/<jobId>/ job.json, job.log, checkpoints; savepoints in a folder that outlives jobs. Only the owner may enter.
 * Errors:  MR5090 a process died, MR5091 no such job; those of the runtime (MR5012–MR5019).
 */
import { checkpointOptions } from "../../../dataplane/runtime/options.ts";
import { adoptJobProcess, startJobProcess } from "../../../dataplane/runtime/process/job-handle.ts";
import {
  type JobRequest as ProcessRequest,
  readJobFile,
} from "../../../dataplane/runtime/process/job-file.ts";
import { readResultFile, writeResultFile } from "../../../dataplane/runtime/process/result-file.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { assert } from "../../../foundation/base/errors.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { JobRequest, SavepointSample, StateRows, StateVerdict, Target } from "../target.ts";
import { EmbeddedJob, type EmbeddedJobOptions, savepointsFolderOf } from "./embedded-job.ts";
import { embeddedErrors } from "./errors.ts";
import { listSavepoints } from "./savepoint-folder.ts";

/**
 * What holds for jobs whose script does not say: a checkpoint now and then; one that fails, for want of disk for instance,
 * does not fail the job (as the product has it; Flink's own default is none); a canceled job can go on from its last.
 */
const DEFAULT_CONFIG: Readonly<Record<string, string>> = {
  "execution.checkpointing.interval": "10 s",
  "execution.checkpointing.tolerable-failed-checkpoints": "2147483647",
  "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
};

/** What a plan may go on from, and what its state holds: needs the operators, which the composition root has. */
export interface SnapshotTools {
  /** The plan under the uids of the snapshot; refuses to lose state that is not named. */
  prepare(
    path: string,
    plan: ExecPlan,
    options: { readonly allowLoss?: boolean; readonly reset?: readonly string[] },
  ): Promise<ExecPlan>;
  check(path: string, plan: ExecPlan): Promise<readonly StateVerdict[]>;
  /** In pieces; the first one comes always, for its columns. */
  read(path: string, operator: string): AsyncGenerator<StateRows>;
  /** Makes the state there that planned queries read as tables. */
  fillTables(): Promise<void>;
}

export interface EmbeddedTargetOptions {
  /** Without it a snapshot is taken as it is, and none can be looked into. */
  readonly snapshots?: SnapshotTools;
  readonly env: Env;
  /** One folder a job is made below it. */
  readonly jobsFolder: string;
  readonly savepointsFolder: string;
  /** The composition root's entry of job processes; it calls runJobProcess(process.argv[2], …). */
  readonly entry: URL;
  /** Options of Node for job processes. */
  readonly nodeOptions?: readonly string[];
  /** Flink's keys for jobs whose script does not set them. */
  readonly config?: Readonly<Record<string, string>>;
}

export class EmbeddedTarget implements Target {
  readonly name = "embedded";
  readonly #options: EmbeddedTargetOptions;
  readonly #jobs = new Map<string, EmbeddedJob>();

  constructor(options: EmbeddedTargetOptions) {
    this.#options = options;
  }

  async start(request: JobRequest): Promise<EmbeddedJob> {
    const { jobId, name, parallelism, continues } = request;
    const restoreFrom = request.restoreFrom ?? recoveryPath(request.plan);
    const plan = await this.#prepared(request, restoreFrom);
    await this.#options.snapshots?.fillTables();
    if (continues !== undefined) await this.#keepResults(continues, jobId);
    const config = {
      ...DEFAULT_CONFIG,
      "execution.checkpointing.savepoint-dir": this.#options.savepointsFolder,
      ...this.#options.config,
      ...plan.config,
    };
    const { directory } = checkpointOptions(config);
    return this.#run({
      jobId,
      name,
      plan,
      parallelism,
      config,
      ...(directory === undefined ? {} : { checkpointDirectory: directory }),
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
    });
  }

  async savepoints(): Promise<readonly SavepointSample[]> {
    const { files } = this.#options.env;
    const folders = new Set([this.#options.savepointsFolder]);
    for (const jobId of await this.#jobIds()) {
      const request = this.#jobs.get(jobId)?.request;
      const known = request ?? (await readJobFile(files, this.#folder(jobId)))?.request;
      const named = known === undefined ? undefined : savepointsFolderOf(known);
      if (named !== undefined) folders.add(named);
    }
    const lists = [...folders].map((folder) => listSavepoints(files, folder));
    return (await Promise.all(lists)).flat();
  }

  async removeSavepoint(path: string): Promise<void> {
    const { files } = this.#options.env;
    await files.remove(`${path}/_metadata`);
    await files.remove(path);
  }

  checkState(path: string, plan: ExecPlan): Promise<readonly StateVerdict[]> {
    return this.#snapshots().check(path, plan);
  }

  readState(path: string, operator: string): AsyncGenerator<StateRows> {
    return this.#snapshots().read(path, operator);
  }

  #jobOptions(): EmbeddedJobOptions {
    const { env, savepointsFolder } = this.#options;
    const readState = (path: string, operator: string) => this.readState(path, operator);
    return { env, savepointsFolder, readState };
  }

  #snapshots(): SnapshotTools {
    const { snapshots } = this.#options;
    assert(snapshots !== undefined, "this target was made without tools for snapshots");
    return snapshots;
  }

  async #prepared(
    { plan, allowLoss = false, reset = [] }: JobRequest,
    restoreFrom: string | undefined,
  ): Promise<ExecPlan> {
    const { snapshots } = this.#options;
    if (restoreFrom === undefined || snapshots === undefined) return plan;
    return snapshots.prepare(restoreFrom, plan, { allowLoss, reset });
  }

  /** Starts the process of a job again that died: it goes on from the job's newest checkpoint. */
  async revive(jobId: string): Promise<EmbeddedJob> {
    const known = await this.adopt(jobId);
    if (known === undefined) {
      throw embeddedErrors.JOB_UNKNOWN({ jobId, folder: this.#folder(jobId) });
    }
    return known.isAlive ? known : this.#run(known.request);
  }

  async adopt(jobId: string): Promise<EmbeddedJob | undefined> {
    const known = this.#jobs.get(jobId);
    if (known !== undefined) return known;
    const handle = await adoptJobProcess(this.#options.env, this.#folder(jobId));
    if (handle === undefined) return undefined;
    return this.#keep(await EmbeddedJob.open(handle, this.#jobOptions()));
  }

  async remove(jobId: string): Promise<void> {
    const job = await this.adopt(jobId);
    if (job?.isAlive) await job.kill();
    job?.close();
    this.#jobs.delete(jobId);
    if (job !== undefined) await this.#options.env.files.remove(job.checkpointsFolder);
    await this.#options.env.files.remove(this.#folder(jobId));
  }

  async prune(known: ReadonlySet<string>): Promise<void> {
    for (const jobId of await this.#jobIds()) if (!known.has(jobId)) await this.remove(jobId);
  }

  /** Of all jobs that have left a folder. */
  async #jobIds(): Promise<readonly string[]> {
    const { env, jobsFolder } = this.#options;
    if ((await env.files.stat(jobsFolder)) === undefined) return [];
    return env.files.list(jobsFolder);
  }

  async close(): Promise<void> {
    for (const job of this.#jobs.values()) job.close();
    this.#jobs.clear();
  }

  async #run(request: ProcessRequest): Promise<EmbeddedJob> {
    const { env, entry, nodeOptions } = this.#options;
    const folder = this.#folder(request.jobId);
    const handle = await startJobProcess({
      env,
      folder,
      request,
      entry,
      ...(nodeOptions === undefined ? {} : { nodeOptions }),
    });
    this.#jobs.get(request.jobId)?.close();
    return this.#keep(await EmbeddedJob.open(handle, this.#jobOptions()));
  }

  async #keepResults(from: string, to: string): Promise<void> {
    const { files } = this.#options.env;
    const results = await readResultFile(files, this.#folder(from));
    await files.mkdirs(this.#folder(to), { ownerOnly: true });
    await writeResultFile(files, this.#folder(to), results);
  }

  #keep(job: EmbeddedJob): EmbeddedJob {
    this.#jobs.set(job.jobId, job);
    return job;
  }

  #folder(jobId: string): string {
    return `${this.#options.jobsFolder}/${jobId}`;
  }
}

/** Flink's key for where a first start goes on. */
function recoveryPath({ config }: ExecPlan): string | undefined {
  return config["execution.state-recovery.path"]?.replace(/^file:(\/\/)?/i, "");
}
