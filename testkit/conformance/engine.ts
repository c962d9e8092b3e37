/**
 * Engine: SQL in, rows out, in this thread. The only file of the conformance runner that knows the parts: session, runtime,
 * operators, connectors.
 *
 * Flow:    suites → here → SqlSession → plan → runJob → values connector → rows.
 * Rules:   mini-batch is off unless a record sets it, so that every input row shows its own changes, as in Flink.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toMillraceError } from "../../src/foundation/base/errors.ts";
import type { LogicalType } from "../../src/foundation/columnar/logical-type.ts";
import type { Schema } from "../../src/foundation/columnar/schema.ts";
import type { Env } from "../../src/foundation/host/env.ts";
import { realEnv } from "../../src/foundation/host/real-env.ts";
import type { ExecNodeType, ExecPlan } from "../../src/foundation/plan/exec-node.ts";
import { defaultRegistry } from "../../src/dataplane/connectors/registry.ts";
import { operatorFactories } from "../../src/dataplane/operators/index.ts";
import { processTableFunctions } from "../../src/dataplane/operators/process-table-function/process-table-function.ts";
import type { JobMaster } from "../../src/dataplane/runtime/master/job-master.ts";
import { type RunJobOptions, startJob } from "../../src/dataplane/runtime/run-job.ts";
import { inlineTransport } from "../../src/dataplane/runtime/worker/inline-transport.ts";
import type { WorkerTransport } from "../../src/dataplane/runtime/worker/transport.ts";
import { createSubtaskState } from "../../src/dataplane/state/subtask-state.ts";
import type { StatementResult } from "../../src/language/sql/script/session-types.ts";
import type { CatalogFunction } from "../../src/language/sql/catalog/catalog-objects.ts";
import type { FunctionDefinition } from "../../src/language/sql/functions/function-definition.ts";
import { SqlSession } from "../../src/language/sql/script/sql-session.ts";
import { valuesConnector } from "../values/values-connector.ts";
import { type SinkRow, ValuesStore } from "../values/values-store.ts";
import { planFiles } from "../../src/cli/plan-files.ts";
import { userFunctions } from "../../src/cli/user-functions.ts";
import type { UserFunction } from "../../src/foundation/plan/user-function.ts";
import { userFunctionDefinition } from "../../src/language/sql/functions/user-function.ts";
import { processFunction } from "./process-functions.ts";
import * as twins from "./user-functions.ts";
import { kernelsFolder } from "../../tools/build-files.ts";

export interface EngineOptions {
  readonly batch?: boolean;
  readonly config?: Readonly<Record<string, string>>;
  readonly env?: Env;
}

export interface QueryAnswer {
  readonly rows: readonly SinkRow[];
  readonly schema: Schema;
}

/** Jobs of the case in hand; whatever a case leaves running is canceled before the next. */
let running = new AbortController();

export function cancelRunning(): void {
  running.abort();
  running = new AbortController();
}

const operators = {
  ...operatorFactories,
  ProcessTableFunction: processTableFunctions(processFunction),
};

/** The twins of the functions that Flink's tests use. */
function userFunction(definition: CatalogFunction): FunctionDefinition | undefined {
  const { name, className } = definition;
  const twin = processFunction(className);
  if (twin === undefined) return moduleFunction(definition) ?? scalarTwin(definition);
  const process = { ...twin.declaration, className };
  return {
    name,
    category: "table",
    forms: [],
    deterministic: true,
    process,
    bind: () => undefined,
  };
}

const moduleFunction = userFunctions(process.cwd());
const twinModule = fileURLToPath(new URL("./user-functions.ts", import.meta.url));

function scalarTwin({ name, className }: CatalogFunction): FunctionDefinition | undefined {
  const key = className.replaceAll(".", "_");
  const twin = (twins as Readonly<Record<string, UserFunction>>)[key];
  if (twin === undefined) return undefined;
  return userFunctionDefinition({ name, module: twinModule, export: key }, twin);
}

/** Built by the command before it starts this runner. */
const kernels = new WebAssembly.Module(readFileSync(join(kernelsFolder, "kernels.wasm")));
const types = new Map<string, LogicalType>();

export class Engine {
  readonly session: SqlSession;
  readonly store = new ValuesStore();
  readonly #env: Env;

  constructor(options: EngineOptions = {}) {
    this.#env = options.env ?? realEnv();
    this.session = new SqlSession({
      host: {
        operators: new Set(Object.keys(operatorFactories)) as ReadonlySet<ExecNodeType>,
        analyses: true,
        planFiles,
        userFunction,
      },
      collectOptions: { connector: "values" },
      config: {
        "execution.runtime-mode": options.batch === true ? "batch" : "streaming",
        "table.exec.mini-batch.enabled": "false",
        "table.local-time-zone": "UTC",
        ...options.config,
      },
    });
  }

  execute(sql: string): StatementResult {
    return this.session.execute(sql.trim().replace(/;\s*$/, ""));
  }

  /** Plans and runs a SELECT. */
  async query(sql: string): Promise<QueryAnswer> {
    return this.run(this.execute(sql));
  }

  /** Runs what a statement answered with, to its end; rows of a SELECT, or of the table of an INSERT. */
  async run(result: StatementResult): Promise<QueryAnswer> {
    if (result.kind !== "query" && result.kind !== "insert")
      return { rows: [], schema: { fields: [] } };
    const sink = result.plan.nodes.findLast(({ type }) => type === "Sink");
    const table = sink?.type === "Sink" ? sink.table.name : "";
    const before = this.rowsOf(table).length;
    await this.runPlan(result.plan);
    const rows = this.rowsOf(table).slice(result.kind === "query" ? before : 0);
    const schema = result.kind === "query" ? result.schema : (sink?.output ?? { fields: [] });
    return { rows, schema };
  }

  async runPlan(plan: ExecPlan, options: Partial<RunJobOptions> = {}): Promise<void> {
    const { failure } = await this.start(plan, options).ended;
    if (failure !== null) throw toMillraceError(failure);
  }

  /** `between` stands between the job master and its workers. */
  start(
    plan: ExecPlan,
    options: Partial<RunJobOptions> = {},
    between?: (transport: WorkerTransport) => WorkerTransport,
  ): JobMaster {
    const parts = {
      registry: defaultRegistry(valuesConnector(this.store)),
      operators: operators as RunJobOptions["operators"],
      env: this.#env,
      kernelsModule: kernels,
    };
    const { createState = createSubtaskState } = options;
    const transport = between?.(inlineTransport({ ...parts, createState }));
    return startJob(plan, {
      ...parts,
      parallelism: 1,
      signal: running.signal,
      ...(transport === undefined ? {} : { transport }),
      ...options,
    });
  }

  /** What a table was given so far. */
  rowsOf(table: string): readonly SinkRow[] {
    return this.store.rows(table.slice(table.lastIndexOf(".") + 1));
  }
}

/** A type as SQL writes it: `ARRAY<INT NOT NULL>`. */
export function parseType(text: string): LogicalType {
  let type = types.get(text);
  if (type === undefined) {
    const session = new SqlSession();
    session.execute(`CREATE TABLE t (c ${text}) WITH ('connector' = 'values')`);
    const table = session.context.catalog.lookup(["t"]);
    if (table?.kind !== "table") throw new Error(`no type: ${text}`);
    type = table.columns[0]!.type;
    types.set(text, type);
  }
  return type;
}
