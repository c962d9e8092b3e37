/**
 * DeploymentSavepoints: the savepoints of a deployment's jobs: taken while a job runs, listed, looked into, removed.
 *
 * Flow:    api → here → target, which knows the folder. A savepoint is named by its folder's name; it is a deployment's when
 *          the job that took it was.
 * Errors:  MR6023 no such savepoint; MR6014 nothing runs; those of the target.
 */
import type { SavepointSample, StateRows, StateVerdict, Target } from "../targets/target.ts";
import type { DeploymentController } from "./deployments.ts";
import { controllerErrors } from "./errors.ts";

export type { StateRows };

export class DeploymentSavepoints {
  readonly #deployments: DeploymentController;
  readonly #target: Target;

  constructor(parts: { readonly deployments: DeploymentController; readonly target: Target }) {
    this.#deployments = parts.deployments;
    this.#target = parts.target;
  }

  /** Newest first. */
  async list(id: string): Promise<SavepointSample[]> {
    const jobs = new Set(await this.#deployments.jobIds(id));
    const all = await this.#target.savepoints();
    return all
      .filter(({ jobId }) => jobs.has(jobId))
      .toSorted((a, b) => b.triggeredAt - a.triggeredAt);
  }

  async create(id: string): Promise<SavepointSample> {
    return (await this.#deployments.job(id)).savepoint();
  }

  async remove(id: string, name: string): Promise<void> {
    await this.#target.removeSavepoint((await this.find(id, name)).path);
  }

  /** Whether the deployment's script can go on from it, operator by operator. */
  async check(id: string, name: string): Promise<readonly StateVerdict[]> {
    const { path } = await this.find(id, name);
    return this.#target.checkState(path, await this.#deployments.plan(id));
  }

  /** State of one operator in it, in pieces. */
  async state(id: string, name: string, operator: string): Promise<AsyncGenerator<StateRows>> {
    return this.#target.readState((await this.find(id, name)).path, operator);
  }

  /** What an operator of the running job holds now, in pieces. */
  async liveState(id: string, operator: string): Promise<AsyncGenerator<StateRows>> {
    return (await this.#deployments.job(id)).state(operator);
  }

  async find(id: string, name: string): Promise<SavepointSample> {
    const found = (await this.list(id)).find((savepoint) => savepoint.name === name);
    if (found === undefined) throw controllerErrors.SAVEPOINT_NOT_FOUND({ name });
    return found;
  }
}
