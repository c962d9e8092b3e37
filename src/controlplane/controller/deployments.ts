/**
 * DeploymentController: keeps what the user wants (desired) in the store and makes the target's jobs follow it.
 *
 * Flow:    api, cli → here → store and target. A job whose process dies is started again after restartDelayMs(), from its
 *          newest checkpoint; a job that failed for good stays FAILED until the user acts.
 * Rules:   calls that change one deployment wait for each other. What a call cannot finish is told, and kept as the job's failure.
 * Errors:  MR6011…MR6016; the script's own errors (MR20xx–MR22xx) as the language reports them.
 */
import { type ErrorObject, toMillraceError } from "../../foundation/base/errors.ts";
import type { Env } from "../../foundation/host/env.ts";
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import type { DeploymentTable, JobTable, Store } from "../store/store.ts";
import {
  type JobRequest,
  type JobView,
  type Rescale,
  type Target,
  type TargetJob,
  TERMINAL,
} from "../targets/target.ts";
import { controllerErrors } from "./errors.ts";
import { JobRecords } from "./job-records.ts";
import { restartDelayMs } from "./restart-policy.ts";
import { storedView } from "./stored-view.ts";

export type { JobSample, ResultEvent } from "../targets/target.ts";

/** The code with which a target reports that a job's process is gone without having said why. */
export const PROCESS_DIED = "MR5090";
const ID_BYTES = 16;
const DEATHS_KEPT = 64;

const JOB_NAME = "pipeline.name";

/** Makes a plan of a deployment's script; undefined when it holds no INSERT. */
export type PlanScript = (script: string) => ExecPlan | undefined;

export interface Deployment {
  readonly id: string;
  readonly name: string;
  readonly script: string;
  readonly target: string;
  readonly parallelism: number;
  readonly desired: "RUNNING" | "STOPPED";
  readonly createdAt: number;
  readonly job: (JobView & { readonly jobId: string; readonly observedAt: number }) | null;
  /** Sinks that keep their rows for watching. */
  readonly sinks: readonly string[];
  /** pipeline.name of its script: what SHOW JOBS calls its job. */
  readonly jobName?: string;
}

export interface DeploymentDraft {
  readonly name: string;
  readonly script: string;
  readonly parallelism?: number;
}

type StartingPoint = Pick<JobRequest, "restoreFrom" | "continues" | "allowLoss" | "reset">;

export interface StartOptions {
  /** From nothing. */
  readonly fresh?: boolean;
  /** A savepoint's folder; default: the state that the last job left. */
  readonly from?: string;
  readonly allowLoss?: boolean;
  readonly reset?: readonly string[];
}

interface Followed {
  readonly job: TargetJob;
  readonly stopListening: () => void;
}

export class DeploymentController {
  readonly #store: Store;
  readonly #records: JobRecords;
  readonly #target: Target;
  readonly #env: Env;
  readonly #planScript: PlanScript;
  readonly #jobs = new Map<string, Followed>();
  readonly #plans = new Map<string, ExecPlan>();
  readonly #deaths = new Map<string, number[]>();
  readonly #pendingRestarts = new Map<string, () => void>();
  readonly #tails = new Map<string, Promise<unknown>>();
  #closed = false;

  constructor(parts: { store: Store; target: Target; env: Env; planScript: PlanScript }) {
    this.#store = parts.store;
    this.#records = new JobRecords(parts.store);
    this.#target = parts.target;
    this.#env = parts.env;
    this.#planScript = parts.planScript;
  }

  /** Adopts the jobs of an earlier life of the platform, and starts those that should run and do not. */
  async recover(): Promise<void> {
    await this.#target.prune(await this.#records.allIds());
    const rows = await this.#store.db.selectFrom("deployment").selectAll().execute();
    for (const row of rows) {
      await this.#exclusive(row.id, async () => {
        try {
          await this.#recover(row);
        } catch (error) {
          await this.#fail(row.id, error);
        }
      });
    }
  }

  async list(): Promise<Deployment[]> {
    const rows = await this.#store.db
      .selectFrom("deployment")
      .selectAll()
      .orderBy("created_at")
      .execute();
    return Promise.all(rows.map((row) => this.#describe(row)));
  }

  async get(id: string): Promise<Deployment> {
    return this.#describe(await this.#row(id));
  }

  async create(draft: DeploymentDraft): Promise<Deployment> {
    this.#plan(draft.name, draft.script);
    return this.#exclusive(`name ${draft.name}`, async () => {
      const taken = await this.#store.db
        .selectFrom("deployment")
        .select("id")
        .where("name", "=", draft.name)
        .executeTakeFirst();
      if (taken !== undefined) throw controllerErrors.NAME_TAKEN({ name: draft.name });
      const row = {
        id: this.#env.random.hex(ID_BYTES),
        name: draft.name,
        script: draft.script,
        target: this.#target.name,
        parallelism: draft.parallelism ?? 1,
        desired: "STOPPED" as const,
        created_at: this.#env.clock.nowMs(),
      };
      await this.#store.db.insertInto("deployment").values(row).execute();
      return this.#describe(row);
    });
  }

  /** Removes a deployment with its jobs and their folders; savepoints stay. */
  async delete(id: string): Promise<void> {
    const row = await this.#row(id);
    await this.#exclusive(id, async () => {
      if (this.#isAlive(id)) throw controllerErrors.STILL_RUNNING({ name: row.name });
      this.#forget(id);
      for (const jobId of await this.#records.ids(id)) await this.#target.remove(jobId);
      await this.#store.db.deleteFrom("deployment").where("id", "=", id).execute();
    });
  }

  /** Starts a new job: from the state that the last one left, or with `fresh` from nothing. */
  async start(id: string, options: StartOptions = {}): Promise<Deployment> {
    const row = await this.#row(id);
    await this.#exclusive(id, async () => {
      if (this.#isAlive(id)) throw controllerErrors.STILL_RUNNING({ name: row.name });
      this.#cancelRestart(id);
      const { fresh, from: folder, allowLoss, reset } = options;
      const latest = folder === undefined ? await this.#latestState(id) : { restoreFrom: folder };
      const from = fresh
        ? {}
        : { ...latest, ...(allowLoss ? { allowLoss } : {}), ...(reset ? { reset } : {}) };
      await this.#setDesired(id, "RUNNING");
      await this.#launch(row, from);
    });
    return this.get(id);
  }

  /**
   * Stops the job, at a savepoint that the next start goes on from, or with `savepoint: false` at once. A job that is not
   * running at the moment (it restarts again and again) cannot take one: it is stopped behind its last checkpoint.
   */
  async stop(
    id: string,
    options: { readonly savepoint?: boolean; readonly drain?: boolean } = {},
  ): Promise<Deployment> {
    const row = await this.#row(id);
    await this.#exclusive(id, async () => {
      const followed = this.#jobs.get(id);
      if (followed === undefined) throw controllerErrors.NOT_RUNNING({ name: row.name });
      await this.#setDesired(id, "STOPPED");
      this.#cancelRestart(id);
      if (!this.#isAlive(id)) return;
      try {
        const canSave = followed.job.view().status === "RUNNING";
        if (options.savepoint === false || !canSave) await followed.job.cancel();
        else {
          const { drain = false } = options;
          const folder = await followed.job.stopWithSavepoint({ drain });
          await this.#records.set(followed.job.jobId, { restore_from: folder });
        }
      } catch (error) {
        // It runs on, and should be watched over as before.
        await this.#setDesired(id, "RUNNING");
        throw error;
      }
    });
    return this.get(id);
  }

  /** Another parallelism: of the job that runs, without a new process, and of every later start. */
  async rescale(id: string, asked: Rescale): Promise<Deployment> {
    const row = await this.#row(id);
    await this.#exclusive(id, async () => {
      const followed = this.#jobs.get(id);
      const isAlive = followed !== undefined && this.#isAlive(id);
      const isStopped = !isAlive && (await this.#row(id)).desired === "STOPPED";
      if (!isAlive && (!isStopped || asked.operators !== undefined))
        throw controllerErrors.NOT_RUNNING({ name: row.name });
      if (isAlive) await followed.job.rescale(asked);
      const { parallelism } = asked;
      if (parallelism === undefined) return;
      await this.#store.db
        .updateTable("deployment")
        .set({ parallelism })
        .where("id", "=", id)
        .execute();
    });
    return this.get(id);
  }

  /** The live job of a deployment, for metrics and results. */
  async job(id: string): Promise<TargetJob> {
    const row = await this.#row(id);
    const followed = this.#jobs.get(id);
    if (followed === undefined) throw controllerErrors.NOT_RUNNING({ name: row.name });
    return followed.job;
  }

  /** All jobs that the deployment has had. */
  jobIds(id: string): Promise<readonly string[]> {
    return this.#records.ids(id);
  }

  async plan(id: string): Promise<ExecPlan> {
    const row = await this.#row(id);
    return this.#plan(row.name, row.script);
  }

  /**
   * Stops every job at a savepoint, still wanted: the next control plane starts them from there. A job that cannot take one
   * now runs on, to be adopted; its name is in the answer.
   */
  async suspendAll(): Promise<string[]> {
    const running: string[] = [];
    await Promise.all(
      [...this.#jobs.keys()].map((id) =>
        this.#exclusive(id, async () => {
          this.#cancelRestart(id);
          const followed = this.#jobs.get(id);
          if (followed === undefined || !this.#isAlive(id)) return;
          try {
            const folder = await followed.job.stopWithSavepoint();
            followed.stopListening();
            await this.#records.set(followed.job.jobId, {
              restore_from: folder,
              status: "SUSPENDED",
              ended_at: this.#env.clock.nowMs(),
            });
          } catch (error) {
            const reason = toMillraceError(error).message;
            running.push(`${(await this.#row(id)).name}: ${reason}`);
          }
        }),
      ),
    );
    return running;
  }

  /** Later plans are made anew: statistics have changed. */
  forgetPlans(): void {
    this.#plans.clear();
  }

  /** Lets the jobs run on: they are adopted by the next control plane. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#pendingRestarts.values()) cancel();
    for (const followed of this.#jobs.values()) followed.stopListening();
    await Promise.allSettled(this.#tails.values());
    await this.#target.close();
  }

  async #recover(row: DeploymentTable): Promise<void> {
    const last = await this.#records.last(row.id);
    const isWanted = row.desired === "RUNNING";
    if (last?.status === "SUSPENDED") {
      if (isWanted) await this.#launch(row, behind(last));
      return;
    }
    const job = last === undefined ? undefined : await this.#target.adopt(last.id);
    // What died meanwhile is started again by following it.
    if (job !== undefined) this.#follow(row.id, job);
    else if (isWanted && !TERMINAL.has(last?.status as JobView["status"])) {
      await this.#launch(row, last === undefined ? {} : behind(last));
    }
  }

  /** What the next start goes on from: the savepoint of the last stop, or the newest checkpoint. */
  async #latestState(id: string): Promise<StartingPoint> {
    const last = await this.#records.last(id);
    if (last === undefined || last.restore_from !== null) {
      return last === undefined ? {} : behind(last);
    }
    const from = await (await this.#target.adopt(last.id))?.lastCheckpoint();
    return from === undefined ? {} : { restoreFrom: from };
  }

  async #launch(row: DeploymentTable, from: StartingPoint): Promise<void> {
    const plan = this.#plan(row.name, row.script);
    const jobId = this.#env.random.hex(ID_BYTES);
    await this.#records.add(row.id, jobId, this.#env.clock.nowMs());
    try {
      const job = await this.#target.start({
        jobId,
        name: plan.config[JOB_NAME] ?? row.name,
        plan,
        parallelism: row.parallelism,
        ...from,
      });
      this.#follow(row.id, job);
    } catch (error) {
      // The next start goes on from where this one should have.
      await this.#records.set(jobId, { restore_from: from.restoreFrom ?? null });
      await this.#fail(row.id, error);
      throw error;
    }
  }

  #follow(id: string, job: TargetJob): void {
    this.#jobs.get(id)?.stopListening();
    const onChange = (view: JobView) => {
      this.#observe(id, job, view).catch((error: unknown) => {
        if (!this.#closed) throw error;
      });
    };
    this.#jobs.set(id, { job, stopListening: job.onChange(onChange) });
    onChange(job.view());
  }

  async #observe(id: string, job: TargetJob, view: JobView): Promise<void> {
    if (this.#closed) return;
    await this.#records.set(job.jobId, {
      status: view.status,
      ended_at: view.endedAt,
      restarts: view.restarts,
      failure: view.failure === null ? null : JSON.stringify(view.failure),
    });
    const died = view.status === "FAILED" && view.failure?.code === PROCESS_DIED;
    if (died && this.#jobs.get(id)?.job === job) await this.#scheduleRestart(id, job.jobId);
  }

  async #scheduleRestart(id: string, jobId: string): Promise<void> {
    const row = await this.#row(id);
    if (this.#closed || row.desired !== "RUNNING" || this.#pendingRestarts.has(id)) return;
    const deaths = [...(this.#deaths.get(id) ?? []), this.#env.clock.nowMs()].slice(-DEATHS_KEPT);
    this.#deaths.set(id, deaths);
    const cancel = this.#env.timers.after(restartDelayMs(deaths), () => {
      this.#pendingRestarts.delete(id);
      this.#exclusive(id, () => this.#revive(id, jobId)).catch((error: unknown) => {
        if (!this.#closed) throw error;
      });
    });
    this.#pendingRestarts.set(id, cancel);
  }

  /** The same job in a new process. One that does not start counts as another death. */
  async #revive(id: string, jobId: string): Promise<void> {
    const row = await this.#row(id);
    if (this.#closed || row.desired !== "RUNNING" || this.#isAlive(id)) return;
    try {
      this.#follow(id, await this.#target.revive(jobId));
    } catch (error) {
      await this.#fail(id, error);
      if (toMillraceError(error).definition.retryable) await this.#scheduleRestart(id, jobId);
    }
  }

  /** A job could not be started or found: kept as its failure, for the user to see. */
  async #fail(id: string, error: unknown): Promise<void> {
    const failure: ErrorObject = toMillraceError(error).toObject();
    const last = await this.#records.last(id);
    if (this.#closed || last === undefined) return;
    this.#jobs.get(id)?.stopListening();
    this.#jobs.delete(id);
    await this.#records.set(last.id, {
      status: "FAILED",
      failure: JSON.stringify(failure),
      ended_at: this.#env.clock.nowMs(),
    });
  }

  async #describe(row: DeploymentTable): Promise<Deployment> {
    const followed = this.#jobs.get(row.id);
    const observedAt = this.#env.clock.nowMs();
    const last = followed === undefined ? await this.#records.last(row.id) : undefined;
    const stored = last === undefined ? null : storedView(last, observedAt);
    return {
      id: row.id,
      name: row.name,
      script: row.script,
      target: row.target,
      parallelism: row.parallelism,
      desired: row.desired,
      createdAt: row.created_at,
      job:
        followed === undefined
          ? stored
          : { ...this.#view(row.id, followed.job), jobId: followed.job.jobId, observedAt },
      ...this.#planned(row),
    };
  }

  /** A job whose process died and that is about to be started again is not lost. */
  #view(id: string, job: TargetJob): JobView {
    const view = job.view();
    return this.#pendingRestarts.has(id) ? { ...view, status: "RESTARTING", endedAt: null } : view;
  }

  /** A script that no longer fits the platform's tables must not hide the others: starting it tells what is wrong. */
  #planned(row: DeploymentTable): Pick<Deployment, "sinks" | "jobName"> {
    try {
      const plan = this.#plan(row.name, row.script);
      const jobName = plan.config[JOB_NAME];
      return { sinks: watchableSinks(plan), ...(jobName === undefined ? {} : { jobName }) };
    } catch {
      return { sinks: [] };
    }
  }

  #plan(name: string, script: string): ExecPlan {
    const known = this.#plans.get(script);
    if (known !== undefined) return known;
    const plan = this.#planScript(script);
    if (plan === undefined) throw controllerErrors.NOTHING_TO_RUN({ name });
    this.#plans.set(script, plan);
    return plan;
  }

  async #row(id: string): Promise<DeploymentTable> {
    const row = await this.#store.db
      .selectFrom("deployment")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    if (row === undefined) throw controllerErrors.DEPLOYMENT_NOT_FOUND({ id });
    return row;
  }

  async #setDesired(id: string, desired: "RUNNING" | "STOPPED"): Promise<void> {
    await this.#store.db.updateTable("deployment").set({ desired }).where("id", "=", id).execute();
  }

  #isAlive(id: string): boolean {
    const followed = this.#jobs.get(id);
    return followed !== undefined && !TERMINAL.has(followed.job.view().status);
  }

  #cancelRestart(id: string): void {
    this.#pendingRestarts.get(id)?.();
    this.#pendingRestarts.delete(id);
  }

  #forget(id: string): void {
    this.#cancelRestart(id);
    this.#jobs.get(id)?.stopListening();
    this.#jobs.delete(id);
    this.#deaths.delete(id);
  }

  /** Runs one thing at a time for each key. */
  async #exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#tails.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(key) === mine) this.#tails.delete(key);
    }
  }
}

/** Tables of a plan whose rows can be watched: sinks of the `collect` connector. */
export function watchableSinks(plan: ExecPlan): string[] {
  return plan.nodes.flatMap((node) =>
    node.type === "Sink" && node.table.options.connector === "collect" ? [node.table.name] : [],
  );
}

/** Behind the savepoint that a job took as it was stopped. */
function behind(job: JobTable): StartingPoint {
  return job.restore_from === null ? {} : { restoreFrom: job.restore_from, continues: job.id };
}
