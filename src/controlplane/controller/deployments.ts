/**
 * DeploymentController: keeps what the user wants (desired) in the store and makes the target's jobs follow it.
 *
 * Flow:    api, cli → here → store and target. A job that dies with its process is started again from its newest checkpoint
 *          after restartDelayMs(); a job that failed for good stays FAILED until the user acts.
 * Errors:  MR6011…MR6016; the script's own errors (MR20xx–MR22xx) as the language reports them.
 */
import { type ErrorObject, toMillraceError } from "../../foundation/base/errors.ts";
import type { Env } from "../../foundation/host/env.ts";
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import type { DeploymentTable, Store } from "../store/store.ts";
import { type JobView, type Target, type TargetJob, TERMINAL } from "../targets/target.ts";
import { controllerErrors } from "./errors.ts";
import { restartDelayMs } from "./restart-policy.ts";

export type { JobSample, ResultEvent } from "../targets/target.ts";

/** The code with which a target reports that a job's process is gone without having said why. */
export const PROCESS_DIED = "MR5090";
const ID_BYTES = 16;

/** Makes a plan of a deployment's script; undefined when it holds no INSERT. */
export type PlanScript = (script: string) => Promise<ExecPlan | undefined>;

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
}

export interface DeploymentDraft {
  readonly name: string;
  readonly script: string;
  readonly parallelism?: number;
}

interface Running {
  readonly job: TargetJob;
  readonly stopListening: () => void;
}

export class DeploymentController {
  readonly #store: Store;
  readonly #target: Target;
  readonly #env: Env;
  readonly #planScript: PlanScript;
  readonly #jobs = new Map<string, Running>();
  readonly #plans = new Map<string, ExecPlan>();
  readonly #deaths = new Map<string, number[]>();
  readonly #pendingRestarts = new Map<string, () => void>();
  #closed = false;

  constructor(parts: { store: Store; target: Target; env: Env; planScript: PlanScript }) {
    this.#store = parts.store;
    this.#target = parts.target;
    this.#env = parts.env;
    this.#planScript = parts.planScript;
  }

  /** Adopts the jobs of an earlier life of the platform, and starts those that should run and do not. */
  async recover(): Promise<void> {
    const rows = await this.#store.db.selectFrom("deployment").selectAll().execute();
    for (const row of rows) {
      const last = await this.#lastJob(row.id);
      const job = last === undefined ? undefined : await this.#target.adopt(last.id);
      if (job !== undefined) this.#follow(row.id, job);
      const alive = job !== undefined && !TERMINAL.has(job.view().status);
      const ended = last !== undefined && TERMINAL.has(last.status as JobView["status"]);
      if (row.desired === "RUNNING" && !alive && !ended) {
        await this.#restart(row.id, last?.restore_from ?? (await job?.lastCheckpoint()));
      }
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
    await this.#plan(draft.name, draft.script);
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
  }

  async delete(id: string): Promise<void> {
    const row = await this.#row(id);
    if (this.#isAlive(id)) throw controllerErrors.STILL_RUNNING({ name: row.name });
    this.#forget(id);
    await this.#store.db.deleteFrom("deployment").where("id", "=", id).execute();
  }

  /** Starts a new job: from the newest checkpoint of the last one, or with `fresh` from nothing. */
  async start(id: string, options: { readonly fresh?: boolean } = {}): Promise<Deployment> {
    const row = await this.#row(id);
    if (this.#isAlive(id)) throw controllerErrors.STILL_RUNNING({ name: row.name });
    const last = await this.#lastJob(id);
    const previous = last === undefined ? undefined : await this.#target.adopt(last.id);
    const from = options.fresh
      ? undefined
      : (last?.restore_from ?? (await previous?.lastCheckpoint()));
    await this.#setDesired(id, "RUNNING");
    await this.#launch(row, from);
    return this.get(id);
  }

  /** Stops the job, at a savepoint that the next start goes on from, or with `savepoint: false` at once. */
  async stop(id: string, options: { readonly savepoint?: boolean } = {}): Promise<Deployment> {
    const row = await this.#row(id);
    await this.#setDesired(id, "STOPPED");
    this.#pendingRestarts.get(id)?.();
    this.#pendingRestarts.delete(id);
    const running = this.#jobs.get(id);
    if (running === undefined || TERMINAL.has(running.job.view().status)) {
      if (running === undefined) throw controllerErrors.NOT_RUNNING({ name: row.name });
      return this.get(id);
    }
    if (options.savepoint === false) {
      await running.job.cancel();
    } else {
      const folder = await running.job.stopWithSavepoint();
      await this.#store.db
        .updateTable("job")
        .set({ restore_from: folder })
        .where("id", "=", running.job.jobId)
        .execute();
    }
    return this.get(id);
  }

  /** The live job of a deployment, for metrics and results. */
  async job(id: string): Promise<TargetJob> {
    const row = await this.#row(id);
    const running = this.#jobs.get(id);
    if (running === undefined) throw controllerErrors.NOT_RUNNING({ name: row.name });
    return running.job;
  }

  async plan(id: string): Promise<ExecPlan> {
    const row = await this.#row(id);
    return this.#plan(row.name, row.script);
  }

  /** Stops every job at a savepoint, still wanted: the next control plane starts them from there. */
  async suspendAll(): Promise<void> {
    for (const [id, { job }] of this.#jobs) {
      if (!this.#isAlive(id)) continue;
      this.#jobs.get(id)?.stopListening();
      const folder = await job.stopWithSavepoint();
      await this.#store.db
        .updateTable("job")
        .set({ restore_from: folder, status: "SUSPENDED", ended_at: this.#env.clock.nowMs() })
        .where("id", "=", job.jobId)
        .execute();
    }
  }

  /** Lets the jobs run on: they are adopted by the next control plane. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#pendingRestarts.values()) cancel();
    for (const running of this.#jobs.values()) running.stopListening();
    await this.#target.close();
  }

  async #launch(row: DeploymentTable, restoreFrom: string | undefined): Promise<void> {
    const plan = await this.#plan(row.name, row.script);
    const jobId = this.#env.random.hex(ID_BYTES);
    await this.#store.db
      .insertInto("job")
      .values({
        id: jobId,
        deployment_id: row.id,
        status: "INITIALIZING",
        started_at: this.#env.clock.nowMs(),
        ended_at: null,
        restarts: 0,
        failure: null,
        restore_from: null,
      })
      .execute();
    const job = await this.#target.start({
      jobId,
      name: row.name,
      plan,
      parallelism: row.parallelism,
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
    });
    this.#follow(row.id, job);
  }

  #follow(id: string, job: TargetJob): void {
    this.#jobs.get(id)?.stopListening();
    const onChange = (view: JobView) => {
      this.#record(id, job, view).catch((error: unknown) => this.#lost(id, error));
    };
    this.#jobs.set(id, { job, stopListening: job.onChange(onChange) });
    onChange(job.view());
  }

  async #record(id: string, job: TargetJob, view: JobView): Promise<void> {
    if (this.#closed) return;
    await this.#store.db
      .updateTable("job")
      .set({
        status: view.status,
        ended_at: view.endedAt,
        restarts: view.restarts,
        failure: view.failure === null ? null : JSON.stringify(view.failure),
      })
      .where("id", "=", job.jobId)
      .execute();
    const died = view.status === "FAILED" && view.failure?.code === PROCESS_DIED;
    if (died && this.#jobs.get(id)?.job === job) await this.#scheduleRestart(id, job);
  }

  async #scheduleRestart(id: string, job: TargetJob): Promise<void> {
    const row = await this.#row(id);
    if (row.desired !== "RUNNING" || this.#pendingRestarts.has(id)) return;
    const deaths = this.#deaths.get(id) ?? [];
    deaths.push(this.#env.clock.nowMs());
    this.#deaths.set(id, deaths.slice(-64));
    const cancel = this.#env.timers.after(restartDelayMs(deaths), () => {
      this.#pendingRestarts.delete(id);
      job
        .lastCheckpoint()
        .then((from) => this.#restart(id, from))
        .catch((error: unknown) => this.#lost(id, error));
    });
    this.#pendingRestarts.set(id, cancel);
  }

  async #restart(id: string, from: string | undefined): Promise<void> {
    const row = await this.#row(id);
    if (this.#closed || row.desired !== "RUNNING") return;
    await this.#launch(row, from);
  }

  /** A job could not be followed or started again: kept as its failure, for the user to see. */
  #lost(id: string, error: unknown): void {
    if (this.#closed) return;
    const failure: ErrorObject = toMillraceError(error).toObject();
    this.#lastJob(id)
      .then((job) =>
        job === undefined
          ? undefined
          : this.#store.db
              .updateTable("job")
              .set({ status: "FAILED", failure: JSON.stringify(failure) })
              .where("id", "=", job.id)
              .execute(),
      )
      .catch((cause: unknown) => {
        if (!this.#closed) throw cause;
      });
  }

  async #describe(row: DeploymentTable): Promise<Deployment> {
    const running = this.#jobs.get(row.id);
    const last = running === undefined ? await this.#lastJob(row.id) : undefined;
    const plan = await this.#plan(row.name, row.script);
    return {
      id: row.id,
      name: row.name,
      script: row.script,
      target: row.target,
      parallelism: row.parallelism,
      desired: row.desired,
      createdAt: row.created_at,
      job:
        running !== undefined
          ? {
              ...running.job.view(),
              jobId: running.job.jobId,
              observedAt: this.#env.clock.nowMs(),
            }
          : last === undefined
            ? null
            : storedView(last, this.#env.clock.nowMs()),
      sinks: watchableSinks(plan),
    };
  }

  async #plan(name: string, script: string): Promise<ExecPlan> {
    const known = this.#plans.get(script);
    if (known !== undefined) return known;
    const plan = await this.#planScript(script);
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

  async #lastJob(id: string) {
    return this.#store.db
      .selectFrom("job")
      .selectAll()
      .where("deployment_id", "=", id)
      .orderBy("started_at", "desc")
      .limit(1)
      .executeTakeFirst();
  }

  async #setDesired(id: string, desired: "RUNNING" | "STOPPED"): Promise<void> {
    await this.#store.db.updateTable("deployment").set({ desired }).where("id", "=", id).execute();
  }

  #isAlive(id: string): boolean {
    const running = this.#jobs.get(id);
    return running !== undefined && !TERMINAL.has(running.job.view().status);
  }

  #forget(id: string): void {
    this.#jobs.get(id)?.stopListening();
    this.#jobs.delete(id);
    this.#pendingRestarts.get(id)?.();
    this.#pendingRestarts.delete(id);
  }
}

/** Tables of a plan whose rows can be watched: sinks of the `collect` connector. */
export function watchableSinks(plan: ExecPlan): string[] {
  return plan.nodes.flatMap((node) =>
    node.type === "Sink" && node.table.options.connector === "collect" ? [node.table.name] : [],
  );
}

function storedView(
  job: {
    id: string;
    status: string;
    started_at: number;
    ended_at: number | null;
    restarts: number;
    failure: string | null;
  },
  observedAt: number,
): JobView & { jobId: string; observedAt: number } {
  return {
    jobId: job.id,
    observedAt,
    status: job.status as JobView["status"],
    startedAt: job.started_at,
    endedAt: job.ended_at,
    restarts: job.restarts,
    failure: job.failure === null ? null : (JSON.parse(job.failure) as ErrorObject),
  };
}
