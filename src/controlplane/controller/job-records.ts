/** JobRecords: what the store keeps of a deployment's jobs, for a control plane that starts anew. */
import type { JobTable, Store } from "../store/store.ts";

export class JobRecords {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async add(deploymentId: string, jobId: string, startedAt: number): Promise<void> {
    await this.#store.db
      .insertInto("job")
      .values({
        id: jobId,
        deployment_id: deploymentId,
        status: "INITIALIZING",
        started_at: startedAt,
        ended_at: null,
        restarts: 0,
        failure: null,
        restore_from: null,
      })
      .execute();
  }

  async set(jobId: string, change: Partial<Omit<JobTable, "id" | "deployment_id">>): Promise<void> {
    await this.#store.db.updateTable("job").set(change).where("id", "=", jobId).execute();
  }

  /** The newest job of a deployment. */
  async last(deploymentId: string): Promise<JobTable | undefined> {
    return this.#store.db
      .selectFrom("job")
      .selectAll()
      .where("deployment_id", "=", deploymentId)
      .orderBy("started_at", "desc")
      .orderBy("rowid" as never, "desc")
      .limit(1)
      .executeTakeFirst();
  }

  /** All but the newest. */
  async older(deploymentId: string, keep: number): Promise<string[]> {
    const rows = await this.#store.db
      .selectFrom("job")
      .select("id")
      .where("deployment_id", "=", deploymentId)
      .orderBy("started_at", "desc")
      .orderBy("rowid" as never, "desc")
      .execute();
    return rows.slice(keep).map(({ id }) => id);
  }

  async remove(jobId: string): Promise<void> {
    await this.#store.db.deleteFrom("job").where("id", "=", jobId).execute();
  }

  async ids(deploymentId: string): Promise<string[]> {
    const rows = await this.#store.db
      .selectFrom("job")
      .select("id")
      .where("deployment_id", "=", deploymentId)
      .execute();
    return rows.map(({ id }) => id);
  }

  async allIds(): Promise<ReadonlySet<string>> {
    const rows = await this.#store.db.selectFrom("job").select("id").execute();
    return new Set(rows.map(({ id }) => id));
  }
}
