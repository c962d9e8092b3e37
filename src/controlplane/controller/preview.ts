/**
 * Previews: a query of the SQL workspace, run on the target with its rows handed to the one who asked.
 *
 * Flow:    api → here → target. Nothing is stored: the job is canceled when its reader leaves.
 */
import type { Env } from "../../foundation/host/env.ts";
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import type { ResultEvent, Target } from "../targets/target.ts";
import { watchableSinks } from "./deployments.ts";
import { controllerErrors } from "./errors.ts";

const ID_BYTES = 16;

export interface Preview {
  /** Rows until the query ends or the signal aborts. */
  run(signal: AbortSignal): AsyncIterable<ResultEvent>;
}

export class PreviewRunner {
  readonly #target: Target;
  readonly #env: Env;
  readonly #planQuery: (sql: string) => Promise<ExecPlan | undefined>;

  constructor(parts: {
    target: Target;
    env: Env;
    planQuery: (sql: string) => Promise<ExecPlan | undefined>;
  }) {
    this.#target = parts.target;
    this.#env = parts.env;
    this.#planQuery = parts.planQuery;
  }

  /** Checks and plans the query; errors of the language are thrown here, before anything runs. */
  async prepare(sql: string): Promise<Preview> {
    const plan = await this.#planQuery(sql);
    const sink = plan === undefined ? undefined : watchableSinks(plan)[0];
    if (plan === undefined || sink === undefined) {
      throw controllerErrors.NOT_A_QUERY({});
    }
    return { run: (signal) => this.#run(plan, sink, signal) };
  }

  async *#run(plan: ExecPlan, sink: string, signal: AbortSignal): AsyncGenerator<ResultEvent> {
    const jobId = this.#env.random.hex(ID_BYTES);
    const job = await this.#target.start({ jobId, name: "preview", plan, parallelism: 1 });
    try {
      yield* job.results(sink, signal);
    } finally {
      await job.cancel();
    }
  }
}
