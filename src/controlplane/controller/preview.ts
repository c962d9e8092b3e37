/**
 * PreviewRunner: a query of the SQL workspace, run on the target with its rows handed to the one who asked.
 *
 * Flow:    api → here → target. Nothing is stored: the job is canceled when its reader leaves, and its folder removed. What
 *          needs no job (SHOW, DESCRIBE, EXPLAIN) is answered at once. Statements about materialized tables go to
 *          materialized-tables.ts; what ANALYZE TABLE finds is kept for later plans.
 * Errors:  the language's, before anything runs; MR6017 nothing to show; the job's own failure.
 */
import type { Env } from "../../foundation/host/env.ts";
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import { stringRows } from "../../language/sql/script/rows.ts";
import type { ResultEvent, Target } from "../targets/target.ts";
import { watchableSinks } from "./deployments.ts";
import { controllerErrors } from "./errors.ts";
import { type JobStatementTarget, runJobStatement } from "./job-statements.ts";
import type { MaterializedTables } from "./materialized-tables.ts";
import type { PlannedQuery } from "./workspace.ts";

const ID_BYTES = 16;
const RUNNING_LIMIT = 4;

type PlannedAnalysis = Extract<PlannedQuery, { readonly kind: "analyze" }>;
type KeepStatistics = (
  found: Pick<PlannedAnalysis, "analysis" | "options"> & {
    readonly rows: readonly (readonly unknown[])[];
  },
) => Promise<void>;

export interface Preview {
  /** Rows until the query ends or the signal aborts. */
  run(signal: AbortSignal): AsyncIterable<ResultEvent>;
}

export class PreviewRunner {
  readonly #target: Target;
  readonly #env: Env;
  readonly #planQuery: (sql: string) => PlannedQuery | undefined;
  readonly #jobs: JobStatementTarget | undefined;
  readonly #materialized: Pick<MaterializedTables, "answer"> | undefined;
  readonly #keepStatistics: KeepStatistics | undefined;
  #running = 0;

  constructor(parts: {
    target: Target;
    env: Env;
    planQuery: (sql: string) => PlannedQuery | undefined;
    /** Answers SHOW JOBS and its kin. */
    jobs?: JobStatementTarget;
    /** Answers statements about materialized tables. */
    materialized?: Pick<MaterializedTables, "answer">;
    /** Keeps what ANALYZE TABLE finds. */
    keepStatistics?: KeepStatistics;
  }) {
    this.#target = parts.target;
    this.#env = parts.env;
    this.#planQuery = parts.planQuery;
    this.#jobs = parts.jobs;
    this.#materialized = parts.materialized;
    this.#keepStatistics = parts.keepStatistics;
  }

  /** Checks and plans the query; errors of the language are thrown here, before anything runs. */
  async prepare(sql: string): Promise<Preview> {
    const done = await this.#materialized?.answer(sql);
    if (done !== undefined) return { run: () => answer(done) };
    const planned = this.#planQuery(sql);
    if (planned?.kind === "analyze") return { run: (signal) => this.#analyze(planned, signal) };
    if (planned?.kind === "rows") return { run: () => answer(planned) };
    if (planned?.kind === "job") {
      if (this.#jobs === undefined) throw controllerErrors.NOT_A_QUERY({});
      const rows = await runJobStatement(this.#jobs, planned.request);
      return { run: () => answer(rows) };
    }
    const sink = planned === undefined ? undefined : watchableSinks(planned.plan)[0];
    if (planned === undefined || sink === undefined) throw controllerErrors.NOT_A_QUERY({});
    if (this.#running >= RUNNING_LIMIT) {
      throw controllerErrors.TOO_MANY_QUERIES({ limit: RUNNING_LIMIT });
    }
    return { run: (signal) => this.#run(planned.plan, sink, signal) };
  }

  /** Runs the analysis to its end; its rows are for the planner, the answer is OK. */
  async *#analyze(planned: PlannedAnalysis, signal: AbortSignal): AsyncGenerator<ResultEvent> {
    const sink = watchableSinks(planned.plan)[0];
    if (sink === undefined || this.#keepStatistics === undefined) {
      throw controllerErrors.NOT_A_QUERY({});
    }
    const rows: (readonly unknown[])[] = [];
    for await (const event of this.#run(planned.plan, sink, signal)) {
      if (event.kind === "rows") rows.push(...event.rows.map(({ values }) => values));
    }
    if (signal.aborted) return;
    const { analysis, options } = planned;
    await this.#keepStatistics({ analysis, options, rows });
    yield* answer(stringRows(["result"], [["OK"]]));
  }

  async *#run(plan: ExecPlan, sink: string, signal: AbortSignal): AsyncGenerator<ResultEvent> {
    const jobId = this.#env.random.hex(ID_BYTES);
    this.#running++;
    try {
      const config = { ...plan.config, "execution.checkpointing.interval": "0 ms" };
      const job = await this.#target.start({
        jobId,
        name: "preview",
        plan: { ...plan, config },
        parallelism: 1,
      });
      yield* job.results(sink, signal);
    } finally {
      this.#running--;
      await this.#target.remove(jobId);
    }
  }
}

async function* answer(
  planned: Extract<PlannedQuery, { readonly kind: "rows" }>,
): AsyncGenerator<ResultEvent> {
  const { schema, rows } = planned;
  yield { kind: "schema", schema, changelogMode: "insert-only", upsertKey: [] };
  yield {
    kind: "rows",
    snapshot: true,
    missed: 0,
    rows: rows.map((values) => ({ kind: 0, values })),
  };
}
