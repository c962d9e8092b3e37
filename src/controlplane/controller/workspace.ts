/**
 * Workspace: the tables that everybody on this platform sees, and what scripts and queries mean against them.
 *
 * Flow:    api, deployments, previews → here → language/sql. The platform's DDL runs first in a session of its own, so that
 *          errors have their places in the user's text alone. Every call has a new session: nothing leaks from one to the next.
 *          Materialized tables, which the platform keeps, and statistics (kept-statistics.ts) are in each of them.
 * Errors:  those of the language; MR6018 several INSERTs, MR6019 several queries.
 */
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import { identifierText, type ResolvedTable } from "../../language/sql/catalog/catalog-objects.ts";
import { showCreate } from "../../language/sql/catalog/show-create.ts";
import { type TableSummary, tableSummaries } from "../../language/sql/catalog/table-summary.ts";
import { type EditorCatalogue, NO_CATALOGUE } from "../../language/sql/editor/option-info.ts";
import type { IdentifierNode, StatementNode } from "../../language/sql/parser/ast.ts";
import { briefMessage } from "../../language/sql/parser/brief-message.ts";
import { parseScript } from "../../language/sql/parser/parser.ts";
import { diagnosticSpan } from "../../language/sql/script/diagnostic-span.ts";
import type { SqlHost, StatementResult } from "../../language/sql/script/session-types.ts";
import { checkScript, SqlSession } from "../../language/sql/script/sql-session.ts";
import { controllerErrors } from "./errors.ts";
import { KeptStatistics } from "./kept-statistics.ts";

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
  /** ANALYZE TABLE; `options` are those of the table that is read. */
  | (Extract<StatementResult, { readonly kind: "analyze" }> & {
      readonly options: Readonly<Record<string, string>>;
    })
  | Extract<StatementResult, { readonly kind: "rows" }>;

/** What a script makes of a materialized table. */
export interface DefinedTable {
  readonly table: ResolvedTable;
}

interface Materialized {
  readonly table: ResolvedTable;
  /** The statements that made it. */
  readonly definition: string;
}

type MaterializedStatement = Extract<
  StatementNode,
  { readonly kind: "createMaterializedTable" | "alterMaterializedTable" }
>;

export class Workspace {
  readonly #ddl: string;
  readonly #host: SqlHost;
  readonly #config: Readonly<Record<string, string>>;
  readonly #catalogue: EditorCatalogue;
  /** Materialized tables: what everybody sees beside the tables of the DDL. */
  readonly #materialized = new Map<string, Materialized>();
  readonly statistics = new KeptStatistics();

  /** Throws the first error of the DDL. */
  constructor(options: WorkspaceOptions) {
    this.#ddl = options.ddl;
    this.#host = { ...options.host, analysed: (table) => this.statistics.of(table) };
    this.#config = options.config ?? {};
    this.#catalogue = options.catalogue ?? NO_CATALOGUE;
    this.#session();
  }

  catalog(): Catalog {
    return {
      ddl: [this.#ddl, ...this.#plainTables()].join("\n"),
      tables: tableSummaries(this.#session().context.catalog),
      operators: [...(this.#host.operators ?? [])].sort(),
      options: this.#catalogue,
    };
  }

  /** All that is wrong with a script, in the order of the text. */
  check(script: string): ScriptProblem[] {
    return checkScript(script, {}, this.#sessionOf(script))
      .map((found) => {
        const { code, hint } = found.error;
        const message = briefMessage(found.error);
        return { severity: found.severity, code, message, hint, ...diagnosticSpan(found, script) };
      })
      .sort((a, b) => a.from - b.from);
  }

  /** The plan of a script's INSERT or STATEMENT SET; undefined when there is none. */
  planScript(script: string): ExecPlan | undefined {
    const plans: { readonly plan: ExecPlan; readonly sinks: readonly string[] }[] = [];
    const session = this.#session(named(script, "createMaterializedTable"));
    for (const { node, result } of run(session, script)) {
      if (result.kind !== "insert") continue;
      // What alters a materialized table is the plan of its job from then on, whatever it is called then.
      const known =
        node.kind === "alterMaterializedTable" && node.action.action === "renameTable"
          ? identifierText(session.context.catalog.qualify(node.name.parts.map(({ name }) => name)))
          : result.sinks[0];
      const replaced = plans.findIndex(({ sinks }) => sinks[0] === known);
      if (node.kind === "alterMaterializedTable" && replaced >= 0) plans.splice(replaced, 1);
      plans.push(result);
    }
    if (plans.length > 1) throw controllerErrors.SEVERAL_INSERTS({ count: plans.length });
    return plans[0]?.plan;
  }

  /** Everybody sees this table from now on. */
  put(table: ResolvedTable, definition: string): void {
    this.#materialized.set(identifierText(table.identifier), { table, definition });
  }
  remove(id: string): void {
    this.#materialized.delete(id);
  }

  /**
   * The materialized table that scripts, one after the other, make; `known`: the table of an earlier definition, which is not
   * there yet. Errors have their places in the script that they are in.
   */
  define(scripts: readonly string[], known?: string): DefinedTable | undefined {
    const session = this.#session((id) => id === known);
    let defined: DefinedTable | undefined;
    for (const script of scripts) {
      for (const { node } of run(session, script)) {
        if (!isMaterializedStatement(node)) continue;
        const table = session.context.catalog.lookup(nameAfter(node));
        defined = table?.kind === "table" ? { table } : undefined;
      }
    }
    return defined;
  }

  /** The whole name of what the last statement of a text is about. */
  nameOf(statements: readonly StatementNode[], text: string, name: IdentifierNode): string {
    const session = this.#session();
    for (const statement of statements.slice(0, -1)) session.execute(statement, text);
    return identifierText(session.context.catalog.qualify(name.parts.map((part) => part.name)));
  }

  /** SET and DDL, then one statement that yields rows; undefined when none does. */
  planQuery(sql: string): PlannedQuery | undefined {
    const session = this.#session();
    const answers = run(session, sql)
      .map(({ result }) => result)
      .filter(({ kind }) => ["query", "rows", "job", "analyze"].includes(kind));
    if (answers.length > 1) throw controllerErrors.SEVERAL_QUERIES({ count: answers.length });
    const [answer] = answers;
    if (answer?.kind === "query") return { kind: "plan", plan: answer.plan };
    if (answer?.kind === "analyze") {
      const { catalog } = session.context;
      const table = catalog.lookup(answer.analysis.table.split("."));
      const options = table?.kind === "table" ? catalog.connections.resolve(table).options : {};
      return { ...answer, options };
    }
    return answer?.kind === "rows" || answer?.kind === "job" ? answer : undefined;
  }

  /** Materialized tables as those who only read them see them. */
  #plainTables(): string[] {
    return [...this.#materialized.values()].map(({ table: { materialized: _, ...plain } }) => {
      return `${showCreate(plain).trimEnd()};`;
    });
  }

  /** With the tables that the definitions of the altered ones read: a new query may read them too. */
  #sessionOf(script: string): SqlSession {
    const isAltered = named(script, "alterMaterializedTable");
    const session = this.#session(isAltered);
    for (const [id, { table, definition }] of this.#materialized) {
      if (isAltered(id, table)) session.executeScript(definition);
    }
    return session;
  }

  /** `without`: materialized tables that are not there, because the script makes them itself. */
  #session(without: (id: string, table: ResolvedTable) => boolean = () => false): SqlSession {
    const session = new SqlSession({ host: this.#host, config: this.#config });
    session.executeScript(this.#ddl);
    for (const [id, { table }] of this.#materialized) {
      if (!without(id, table)) session.context.catalog.replace(table);
    }
    return session;
  }
}

interface Executed {
  readonly node: StatementNode;
  readonly result: StatementResult;
}

function run(session: SqlSession, text: string): Executed[] {
  const { statements, errors } = parseScript(text);
  if (errors[0] !== undefined) throw errors[0];
  const executed = statements.map((node) => ({ node, result: session.execute(node, text) }));
  session.finish();
  return executed;
}

function isMaterializedStatement(node: StatementNode): node is MaterializedStatement {
  return node.kind === "createMaterializedTable" || node.kind === "alterMaterializedTable";
}

/** What a table is called when the statement is done. */
function nameAfter(node: MaterializedStatement): string[] {
  const isRename = node.kind === "alterMaterializedTable" && node.action.action === "renameTable";
  const { parts } = isRename && "to" in node.action ? node.action.to : node.name;
  return parts.map(({ name }) => name);
}

/** Tables that a script creates (also under a name that it gives them later), or alters. */
function named(script: string, kind: MaterializedStatement["kind"]) {
  const own = parseScript(script).statements.filter(isMaterializedStatement);
  const creates = own.some((node) => node.kind === "createMaterializedTable");
  const names = own.flatMap((node) => [
    ...(node.kind === kind ? [node.name.parts.at(-1)?.name] : []),
    ...(creates ? [nameAfter(node).at(-1)] : []),
  ]);
  return (_id: string, { identifier }: ResolvedTable) => names.includes(identifier.object);
}
