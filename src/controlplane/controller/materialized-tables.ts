/**
 * MaterializedTables: the platform's materialized tables, each with the deployment whose job refreshes it.
 *
 * Flow:    preview (SQL box) → answer() → here → store, DeploymentController, Workspace. CONTINUOUS: one job that runs on; FULL:
 *          one batch job a refresh, at every period (refresh-timers.ts) and at ALTER … REFRESH, one at a time.
 * State:   table `materialized_table`: the statements that made the table, and whether it is ACTIVATED or SUSPENDED. The
 *          deployment's script is those statements and, behind them, the one that its job is for.
 * Source:  Flink MaterializedTableManager: SUSPEND stops with a savepoint, RESUME goes on from it; AS starts anew, and goes back
 *          to the old query when the new one does not start. Errors: MR6024, MR6025; the language's, the controller's.
 */
import type { Env } from "../../foundation/host/env.ts";
import { type ErrorObject, toMillraceError } from "../../foundation/base/errors.ts";
import { identifierText, type ResolvedTable } from "../../language/sql/catalog/catalog-objects.ts";
import type {
  AlterMaterializedTableNode,
  CreateMaterializedTableNode,
  DropNode,
  StatementNode,
} from "../../language/sql/parser/ast.ts";
import { parseScript } from "../../language/sql/parser/parser.ts";
import { stringRows } from "../../language/sql/script/rows.ts";
import type { StatementResult } from "../../language/sql/script/session-types.ts";
import type { MaterializedTableTable as Row, Store } from "../store/store.ts";
import { type Target, TERMINAL } from "../targets/target.ts";
import type { Deployment, DeploymentController } from "./deployments.ts";
import { controllerErrors } from "./errors.ts";
import { JobRecords } from "./job-records.ts";
import { duePartition, jobScript, quotedId, resumed } from "./materialized-scripts.ts";
import { RefreshTimers } from "./refresh-timers.ts";
import type { DefinedTable, Workspace } from "./workspace.ts";

type Rows = Extract<StatementResult, { readonly kind: "rows" }>;
type Statement = CreateMaterializedTableNode | AlterMaterializedTableNode | DropNode;

/** Refreshes whose jobs are kept, for a look at what they did. */
const REFRESHES_KEPT = 10;
const OK: Rows = stringRows(["result"], [["OK"]]);

const ALTERATIONS: ReadonlySet<string> = new Set([
  "suspend",
  "resume",
  "refresh",
  "asQuery",
  "setFreshness",
  "setOptions",
  "resetOptions",
  "renameTable",
  "add",
  "modify",
  "dropColumns",
  "dropConstraint",
  "dropPrimaryKey",
  "dropWatermark",
  "addDistribution",
  "modifyDistribution",
  "dropDistribution",
]);

interface Text {
  readonly sql: string;
  readonly statements: readonly StatementNode[];
}

export class MaterializedTables {
  readonly #store: Store;
  readonly #records: JobRecords;
  readonly #target: Target;
  readonly #env: Env;
  readonly #deployments: DeploymentController;
  readonly #workspace: Workspace;
  readonly #timers: RefreshTimers;
  /** As the last statement left them, without what is observed. */
  readonly #tables = new Map<string, ResolvedTable>();
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(parts: {
    store: Store;
    target: Target;
    env: Env;
    deployments: DeploymentController;
    workspace: Workspace;
  }) {
    this.#store = parts.store;
    this.#records = new JobRecords(parts.store);
    this.#target = parts.target;
    this.#env = parts.env;
    this.#deployments = parts.deployments;
    this.#workspace = parts.workspace;
    this.#timers = new RefreshTimers(parts.env, (id) => this.#exclusive(id, () => this.#due(id)));
  }

  /** What an earlier platform has left; before its deployments are recovered. A table that no longer fits is told of by its job. */
  async load(): Promise<void> {
    for (const row of await this.#rows()) {
      try {
        const defined = this.#defined([row.definition], row.id);
        this.#show(row.id, defined, row.definition);
        if (!isFull(defined) && row.failure !== null) await this.#set(row.id, { failure: null });
      } catch (error) {
        await this.#set(row.id, { failure: JSON.stringify(toMillraceError(error).toObject()) });
      }
    }
  }

  /** Begins with the refreshes in full; behind the recovery of the deployments. */
  async schedule(): Promise<void> {
    for (const { id, status } of await this.#rows()) this.#schedule(id, status);
  }

  close(): void {
    this.#timers.close();
  }

  /** The answer to a text of the SQL box that ends in a statement about a materialized table; undefined: it is about others. */
  async answer(sql: string): Promise<Rows | undefined> {
    const { statements, errors } = parseScript(sql);
    if (errors.length > 0) return undefined;
    const own = statements.filter(isOwn);
    const [node] = own;
    if (node === undefined) {
      if (statements.some(({ kind }) => kind === "showCreate" || kind === "describe")) {
        await this.#observe();
      }
      return undefined;
    }
    if (own.length > 1 || statements.at(-1) !== node) throw controllerErrors.MATERIALIZED_ALONE({});
    const id = this.#workspace.nameOf(statements, sql, node.name);
    return this.#exclusive(id, () => this.#run(id, node, { sql, statements }));
  }

  async #run(id: string, node: Statement, text: Text): Promise<Rows> {
    const row = (await this.#rows()).find((each) => each.id === id);
    if (node.kind === "drop") return this.#drop(row, text);
    if (node.kind === "createMaterializedTable") return this.#create(id, node, text);
    if (row === undefined) {
      // The language says what is wrong with the name, or does what needs no job.
      this.#workspace.define([text.sql]);
      throw this.#refusal(id, "the platform keeps no such table", "CREATE it in the SQL box.");
    }
    return this.#alter(row, node, text);
  }

  // ------------------------------------------------------------------------------------- CREATE, DROP

  async #create(id: string, node: CreateMaterializedTableNode, text: Text): Promise<Rows> {
    if (this.#tables.has(id) && node.ifNotExists) return OK;
    const defined = this.#defined([text.sql]);
    // IF NOT EXISTS has found an ordinary table.
    if (defined.table.materialized === undefined) return OK;
    const definition = upTo(text.sql, node);
    const row: Row = {
      id,
      deployment_id: "",
      definition,
      status: "ACTIVATED",
      options: "{}",
      refreshed_at: null,
      failure: null,
      created_at: this.#env.clock.nowMs(),
    };
    const script = jobScript(row, isFull(defined));
    const deployment = await this.#deployments.create({ name: id, script });
    if (!isFull(defined)) {
      try {
        await this.#deployments.start(deployment.id, { fresh: true });
      } catch (error) {
        await this.#deployments.delete(deployment.id);
        throw error;
      }
    }
    await this.#store.db
      .insertInto("materialized_table")
      .values({ ...row, deployment_id: deployment.id })
      .execute();
    this.#keep({ ...row, definition }, defined);
    return OK;
  }

  async #drop(row: Row | undefined, { sql }: Text): Promise<Rows> {
    if (row === undefined) {
      this.#workspace.planQuery(sql);
      return OK;
    }
    this.#timers.stop(row.id);
    const deployment = await this.#deployment(row);
    if (isAlive(deployment)) await this.#deployments.stop(row.deployment_id, { savepoint: false });
    if (deployment !== undefined) await this.#deployments.delete(row.deployment_id);
    await this.#store.db.deleteFrom("materialized_table").where("id", "=", row.id).execute();
    this.#tables.delete(row.id);
    this.#workspace.remove(row.id);
    return OK;
  }

  // -------------------------------------------------------------------------------------------- ALTER

  async #alter(row: Row, node: AlterMaterializedTableNode, text: Text): Promise<Rows> {
    const { action } = node.action;
    if (!ALTERATIONS.has(action)) {
      // The language says why, where it knows.
      this.#defined([row.definition, text.sql], row.id);
      const remedy = "Drop the table and create it again.";
      throw this.#refusal(row.id, `${action} is not supported`, remedy);
    }
    const defined = this.#defined([row.definition, text.sql], row.id);
    const definition = `${row.definition};\n${upTo(text.sql, node)}`;
    const full = isFull(defined);
    switch (action) {
      case "suspend":
        return this.#suspend(row, full);
      case "resume":
        return this.#resume(row, defined);
      case "refresh":
        if (full) return this.#refreshNow(row, text.sql.slice(node.span.start, node.span.end));
        throw this.#refusal(
          row.id,
          "its job refreshes it continuously",
          "Only tables with REFRESH_MODE = FULL are refreshed by hand here.",
        );
    }
    const id = identifierText(defined.table.identifier);
    const changed = { ...row, id, definition };
    if (full) {
      this.#workspace.planScript(jobScript(changed, full));
      await this.#set(row.id, { definition });
      await this.#setScript(row, jobScript(changed, full));
    } else await this.#changeJob(changed, row, { defined, fresh: action === "asQuery" });
    if (id !== row.id) await this.#rename(id, row);
    this.#keep(changed, defined);
    return OK;
  }

  /** Its rows stay where they are. */
  async #rename(id: string, { id: before, deployment_id: deployment }: Row): Promise<void> {
    this.#workspace.remove(before);
    this.#timers.stop(before);
    this.#tables.delete(before);
    const { db } = this.#store;
    await db.updateTable("deployment").set({ name: id }).where("id", "=", deployment).execute();
    await this.#set(before, { id });
  }

  async #suspend(row: Row, full: boolean): Promise<Rows> {
    if (row.status === "SUSPENDED") {
      throw this.#refusal(row.id, "it has been suspended", "Write ALTER … RESUME.");
    }
    this.#timers.stop(row.id);
    // A refresh in full that is under way comes to its end.
    if (!full && isAlive(await this.#deployment(row))) {
      await this.#deployments.stop(row.deployment_id);
    }
    await this.#set(row.id, { status: "SUSPENDED" });
    return OK;
  }

  async #resume(row: Row, defined: DefinedTable): Promise<Rows> {
    const known = await this.#deployment(row);
    if (row.status === "ACTIVATED" && (isAlive(known) || isFull(defined))) {
      throw this.#refusal(row.id, "it is running", "Write ALTER … SUSPEND first.");
    }
    const options = JSON.stringify(defined.table.materialized?.dynamicOptions ?? {});
    const script = jobScript({ ...row, options }, isFull(defined));
    if (isFull(defined)) this.#workspace.planScript(script);
    await this.#setScript(row, script);
    try {
      if (!isFull(defined)) await this.#deployments.start(row.deployment_id);
    } catch (error) {
      // It stays as it was: the next RESUME may say it better.
      if (known !== undefined) await this.#setScript(row, known.script);
      throw error;
    }
    await this.#set(row.id, { status: "ACTIVATED", options });
    this.#keep({ ...row, status: "ACTIVATED" }, defined);
    return OK;
  }

  /**
   * Stops the job with a savepoint, and lets it go on from there as it is to be. `fresh`: a new query begins with nothing, the old
   * one's state is not its own. If it does not start, the job goes on as it was.
   */
  async #changeJob(
    row: Row,
    before: Row,
    { defined, fresh }: { readonly defined: DefinedTable; readonly fresh: boolean },
  ): Promise<void> {
    const { deployment_id: deployment, definition } = row;
    const { id } = before;
    const script = jobScript(row, isFull(defined));
    this.#workspace.planScript(script);
    const known = await this.#deployment(row);
    const running = isAlive(known);
    if (running) await this.#deployments.stop(deployment);
    const restoreFrom = (await this.#records.last(deployment))?.restore_from ?? undefined;
    await this.#setScript(row, script);
    if (row.status === "SUSPENDED" && fresh) {
      await this.#deployments.delete(deployment);
      const { id: made } = await this.#deployments.create({ name: id, script });
      await this.#set(id, { definition, deployment_id: made });
      return;
    }
    if (row.status === "ACTIVATED") {
      try {
        await this.#deployments.start(deployment, fresh ? { fresh } : {});
      } catch (error) {
        await this.#setScript(row, known?.script ?? before.definition);
        const from = restoreFrom === undefined ? {} : { from: restoreFrom };
        if (running) await this.#deployments.start(deployment, from);
        throw error;
      }
    }
    await this.#set(id, { definition });
  }

  // ---------------------------------------------------------------------------------- refreshes in full

  async #refreshNow(row: Row, statement: string): Promise<Rows> {
    if (isAlive(await this.#deployment(row))) {
      throw this.#refusal(row.id, "a refresh is under way", "Wait until it has ended.");
    }
    const deployment = await this.#refresh(row, statement);
    return stringRows(["job id"], [[deployment.job?.jobId ?? null]]);
  }

  /** Called at every period. A refresh that takes longer leaves the next one out; one that fails is told of, and tried again. */
  async #due(id: string): Promise<void> {
    const row = (await this.#rows()).find((each) => each.id === id);
    if (row === undefined || row.status === "SUSPENDED") return;
    if (isAlive(await this.#deployment(row))) return;
    try {
      const now = this.#env.clock.nowMs();
      const partition = duePartition(this.#tables.get(id), now);
      await this.#refresh(row, `ALTER MATERIALIZED TABLE ${quotedId(id)} REFRESH${partition}`);
    } catch (error) {
      await this.#set(id, { failure: JSON.stringify(toMillraceError(error).toObject()) });
    }
  }

  async #refresh(row: Row, statement: string): Promise<Deployment> {
    await this.#set(row.id, { refreshed_at: this.#env.clock.nowMs() });
    await this.#setScript(row, `${resumed(row)};\n${statement}`);
    const deployment = await this.#deployments.start(row.deployment_id, { fresh: true });
    await this.#set(row.id, { failure: null });
    for (const jobId of await this.#records.older(row.deployment_id, REFRESHES_KEPT)) {
      await this.#target.remove(jobId);
      await this.#records.remove(jobId);
    }
    return deployment;
  }

  // ---------------------------------------------------------------------------------------------- state

  /** Lets SHOW CREATE and DESCRIBE EXTENDED tell how it is now. */
  async #observe(): Promise<void> {
    for (const row of await this.#rows()) {
      const table = this.#tables.get(row.id);
      if (table?.materialized === undefined) continue;
      const observed = observations(row, await this.#deployment(row), this.#timers.nextOf(row.id));
      const { definition } = row;
      const materialized = { ...table.materialized, observed };
      this.#workspace.put({ ...table, materialized }, definition);
    }
  }

  #defined(scripts: readonly string[], known?: string): DefinedTable {
    const defined = this.#workspace.define(scripts, known);
    if (defined === undefined) throw controllerErrors.NOT_A_QUERY({});
    return defined;
  }

  #keep({ id, status, definition }: Row, defined: DefinedTable): void {
    this.#show(id, defined, definition);
    this.#schedule(id, status);
  }

  #show(id: string, { table }: DefinedTable, definition: string): void {
    this.#tables.set(id, table);
    this.#workspace.put(table, definition);
  }

  #schedule(id: string, status: Row["status"]): void {
    const { refreshMode, periodMs } = this.#tables.get(id)?.materialized ?? {};
    if (refreshMode === "FULL" && status === "ACTIVATED" && periodMs !== undefined) {
      this.#timers.start(id, periodMs);
    } else this.#timers.stop(id);
  }

  async #rows(): Promise<Row[]> {
    const { db } = this.#store;
    return db.selectFrom("materialized_table").selectAll().orderBy("created_at").execute();
  }

  async #set(id: string, change: Partial<Row>): Promise<void> {
    const { db } = this.#store;
    await db.updateTable("materialized_table").set(change).where("id", "=", id).execute();
  }

  async #setScript({ deployment_id: id }: Row, script: string): Promise<void> {
    await this.#store.db.updateTable("deployment").set({ script }).where("id", "=", id).execute();
  }

  /** Undefined: somebody has deleted it. */
  async #deployment({ deployment_id: id }: Row): Promise<Deployment | undefined> {
    return (await this.#deployments.list()).find((deployment) => deployment.id === id);
  }

  #refusal(table: string, reason: string, remedy: string): Error {
    return controllerErrors.MATERIALIZED_STATUS({ table, reason, remedy });
  }

  /** Runs one thing at a time for each table. */
  async #exclusive<T>(id: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.#tails.get(id) ?? Promise.resolve()).then(work, work);
    this.#tails.set(id, mine);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(id) === mine) this.#tails.delete(id);
    }
  }
}

function isOwn(node: StatementNode): node is Statement {
  if (node.kind === "drop") return node.object === "MATERIALIZED TABLE";
  return node.kind === "createMaterializedTable" || node.kind === "alterMaterializedTable";
}

const isFull = ({ table }: DefinedTable): boolean => table.materialized?.refreshMode === "FULL";

function isAlive(deployment: Deployment | undefined): boolean {
  const job = deployment?.job ?? null;
  return job !== null && !TERMINAL.has(job.status);
}

/** A text without what stands behind its last statement: another may follow. */
function upTo(sql: string, { span }: StatementNode): string {
  return sql.slice(0, span.end);
}

function observations(
  row: Row,
  deployment: Deployment | undefined,
  nextAt: number | undefined,
): [string, string][] {
  const job = deployment?.job ?? null;
  const failure = row.failure === null ? job?.failure : (JSON.parse(row.failure) as ErrorObject);
  const at = (ms: number) => new Date(ms).toISOString();
  const found: [string, string][] = [["refresh status", row.status]];
  if (job !== null) found.push(["refresh job", `${job.jobId} ${job.status}`]);
  if (row.refreshed_at !== null) found.push(["last refresh", at(row.refreshed_at)]);
  if (nextAt !== undefined) found.push(["next refresh", at(nextAt)]);
  if (failure !== null && failure !== undefined) {
    found.push(["last error", `${failure.code} ${failure.message}`.replaceAll("\n", " ")]);
  }
  return found;
}
