/**
 * Workspace: the tables that everybody on this platform sees, and what scripts and queries mean against them.
 *
 * Flow:    api, deployments, previews → here → language/sql. The platform's DDL runs first in a session of its own, so that
 *          errors have their places in the user's text alone. Every call has a new session: nothing leaks from one to the next.
 * Errors:  those of the language; MR6018 several INSERTs, MR6019 several queries.
 */
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import { type TableSummary, tableSummaries } from "../../language/sql/catalog/table-summary.ts";
import { type EditorCatalogue, NO_CATALOGUE } from "../../language/sql/editor/option-info.ts";
import { briefMessage } from "../../language/sql/parser/brief-message.ts";
import { parseScript } from "../../language/sql/parser/parser.ts";
import { diagnosticSpan } from "../../language/sql/script/diagnostic-span.ts";
import type { SqlHost, StatementResult } from "../../language/sql/script/session-types.ts";
import { checkScript, SqlSession } from "../../language/sql/script/sql-session.ts";
import { controllerErrors } from "./errors.ts";

export interface WorkspaceOptions {
  /** CREATE statements of the tables that are there from the start. */
  readonly ddl: string;
  readonly host?: SqlHost;
  /** Flink's keys that every session begins with. */
  readonly config?: Readonly<Record<string, string>>;
  /** Options of connectors and formats, for those who write scripts. */
  readonly catalogue?: EditorCatalogue;
}

export interface Catalog {
  /** Run it in a SqlSession to have the same tables. */
  readonly ddl: string;
  readonly tables: readonly TableSummary[];
  /** Operators of this engine beyond the base ones (SqlHost.operators). */
  readonly operators: readonly string[];
  /** By connector and format. */
  readonly options: EditorCatalogue;
}

export interface ScriptProblem {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** UTF-16 offsets into the script. */
  readonly from: number;
  readonly to: number;
}

/** What a text for the SQL workspace amounts to: a plan to run, rows that are there already (SHOW, DESCRIBE, EXPLAIN), or a request about jobs. */
export type PlannedQuery =
  | Extract<StatementResult, { readonly kind: "job" }>
  | { readonly kind: "plan"; readonly plan: ExecPlan }
  | Extract<StatementResult, { readonly kind: "rows" }>;

export class Workspace {
  readonly #ddl: string;
  readonly #host: SqlHost;
  readonly #config: Readonly<Record<string, string>>;
  readonly #catalogue: EditorCatalogue;

  /** Throws the first error of the DDL. */
  constructor(options: WorkspaceOptions) {
    this.#ddl = options.ddl;
    this.#host = options.host ?? {};
    this.#config = options.config ?? {};
    this.#catalogue = options.catalogue ?? NO_CATALOGUE;
    this.#session();
  }

  catalog(): Catalog {
    return {
      ddl: this.#ddl,
      tables: tableSummaries(this.#session().context.catalog),
      operators: [...(this.#host.operators ?? [])].sort(),
      options: this.#catalogue,
    };
  }

  /** All that is wrong with a script, in the order of the text. */
  check(script: string): ScriptProblem[] {
    return checkScript(script, {}, this.#session())
      .map((found) => {
        const { code, hint } = found.error;
        const message = briefMessage(found.error);
        return { severity: found.severity, code, message, hint, ...diagnosticSpan(found, script) };
      })
      .sort((a, b) => a.from - b.from);
  }

  /** The plan of a script's INSERT or STATEMENT SET; undefined when there is none. */
  planScript(script: string): ExecPlan | undefined {
    const plans = this.#execute(script).flatMap((result) =>
      result.kind === "insert" ? [result.plan] : [],
    );
    if (plans.length > 1) throw controllerErrors.SEVERAL_INSERTS({ count: plans.length });
    return plans[0];
  }

  /** SET and DDL, then one statement that yields rows; undefined when none does. */
  planQuery(sql: string): PlannedQuery | undefined {
    const results = this.#execute(sql);
    const answers = results.filter(({ kind }) => ["query", "rows", "job"].includes(kind));
    if (answers.length > 1) throw controllerErrors.SEVERAL_QUERIES({ count: answers.length });
    const [answer] = answers;
    if (answer?.kind === "query") return { kind: "plan", plan: answer.plan };
    return answer?.kind === "rows" || answer?.kind === "job" ? answer : undefined;
  }

  #execute(text: string): StatementResult[] {
    const { statements, errors } = parseScript(text);
    if (errors[0] !== undefined) throw errors[0];
    const session = this.#session();
    return statements.map((statement) => session.execute(statement, text));
  }

  #session(): SqlSession {
    const session = new SqlSession({ host: this.#host, config: this.#config });
    session.executeScript(this.#ddl);
    return session;
  }
}
