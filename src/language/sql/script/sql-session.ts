/**
 * SqlSession: executes statements against a catalog, without touching anything outside: DDL changes the catalog, SHOW and
 * DESCRIBE answer with rows, queries and INSERTs with a plan to run.
 *
 * Flow:    CLI, gateway, controller and editor → here → plan → engine. One session is one user's connection.
 * Example: const session = new SqlSession(); session.execute("CREATE TABLE t (a INT) WITH ('connector'='datagen')");
 *          session.execute("SELECT a FROM t WHERE a > 1").kind // "query"
 * Errors:  MR20xx parse, MR21xx validate, MR22xx plan; each with its place in the text.
 */
import { MillraceError, toMillraceError } from "../../../foundation/base/errors.ts";
import { identifierText } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import type { CallNode, InsertNode, QueryStatementNode, StatementNode } from "../parser/ast.ts";
import { parseScript, parseStatement } from "../parser/parser.ts";
import { checkStatement } from "../parser/statement-checks.ts";
import type { SinkRel } from "../rel/rel-node.ts";
import { type TableAnalysis, keepStatistics, planAnalysis } from "./analyze-table.ts";
import { tableCreation } from "./create-table.ts";
import { executeDefinition, keepTable } from "./definitions.ts";
import { explainStatement } from "./explain-statement.ts";
import { compilePlan, executePlan } from "./plans.ts";
import { procedureQuery, withResultColumn } from "./procedures.ts";
import { refusal } from "./refusals.ts";
import { refineError } from "./refine-error.ts";
import { rowLevelRel } from "./row-level.ts";
import { executeShow } from "./show.ts";
import { stringRows } from "./rows.ts";
import { SessionContext } from "./session-context.ts";
import type {
  Diagnostic,
  JobRequest,
  SqlSessionOptions,
  StatementResult,
} from "./session-types.ts";
import { collectRel, insertRel, planRels, queryRel } from "./statement-planner.ts";
import { checkSetting, presentKey, settingWarning } from "./session-options.ts";
import { planFindings, planWarnings, toWarning } from "./warnings.ts";

function jobRequest(node: StatementNode): JobRequest | undefined {
  if (node.kind === "show") return node.object === "JOBS" ? { action: "show" } : undefined;
  if (node.kind === "describeJob") return { action: "describe", jobId: node.jobId };
  if (node.kind !== "stopJob") return undefined;
  const { jobId, withSavepoint: savepoint, withDrain: drain } = node;
  return { action: "stop", jobId, savepoint, drain };
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes("call stack");
}

const OK: StatementResult = { kind: "ok" };
type InsertResult = Extract<StatementResult, { kind: "insert" }>;

export class SqlSession {
  readonly context: SessionContext;
  /** Between BEGIN STATEMENT SET and END. */
  #statementSet: SinkRel[] | undefined;
  #setBegin: StatementNode | undefined;

  constructor(options: SqlSessionOptions = {}) {
    this.context = new SessionContext(options);
  }

  /** A text with one statement, or a parsed one with the text it came from. */
  execute(statement: string | StatementNode, text?: string): StatementResult {
    const node = typeof statement === "string" ? parseStatement(statement) : statement;
    this.context.begin(typeof statement === "string" ? statement : (text ?? ""));
    checkStatement(node);
    try {
      return this.#execute(node);
    } catch (error) {
      if (error instanceof MillraceError) throw refineError(error, node).at({ at: node.span });
      // Trees are walked by recursion: what is deeper than the stack is an error of its own.
      if (!isStackOverflow(error)) throw error;
      throw validateErrors.TOO_LARGE(
        { what: "its parts are nested too deeply within each other" },
        { at: node.span },
      );
    }
  }

  /** The rows that the plan of an ANALYZE TABLE gave: plans that follow are made with them. */
  keepStatistics(analysis: TableAnalysis, rows: readonly (readonly unknown[])[]): void {
    keepStatistics(this.context, analysis, rows);
  }

  /** A script is at its end: throws where a statement set is not, since nothing of it has run. */
  finish(): void {
    if (this.#statementSet === undefined) return;
    this.#statementSet = undefined;
    throw validateErrors.STATEMENT_INVALID(
      {
        message: "The statement set that begins here has no end: none of its statements has run.",
        remedy: "Write END behind its last INSERT.",
      },
      { at: this.#setBegin!.span },
    );
  }

  /** Every statement of a script in turn; stops at the first error. */
  executeScript(text: string): StatementResult[] {
    const { statements, errors } = parseScript(text);
    if (errors[0] !== undefined) throw errors[0];
    return statements.map((statement) => this.execute(statement, text));
  }

  #execute(node: StatementNode): StatementResult {
    if (this.#statementSet !== undefined) return this.#collect(node, this.#statementSet);
    switch (node.kind) {
      case "queryStatement":
        return this.#query(node);
      case "insert":
        return this.#insert([insertRel(this.context, node)]);
      case "delete":
      case "update":
      case "truncateTable":
        return this.#insert([rowLevelRel(this.context, node)]);
      case "callProcedure":
        return this.#call(node);
      case "statementSet":
        return this.#insertAll(node.inserts);
      case "execute":
        return this.#execute(node.statement);
      case "beginStatementSet":
        this.#statementSet = [];
        this.#setBegin = node;
        return OK;
      case "endStatementSet":
        throw validateErrors.STATEMENT_INVALID(
          {
            message:
              "No Statement Set to submit. 'END' statement should be used after 'BEGIN STATEMENT SET'.",
            remedy: "Write BEGIN STATEMENT SET first.",
          },
          { at: node.span },
        );
      case "compilePlan":
        return compilePlan(this.context, node, () =>
          node.statement.kind === "insert"
            ? this.#insertAll([node.statement])
            : this.#insertAll(node.statement.inserts),
        );
      case "executePlan":
        return executePlan(this.context, node);
      case "explain":
        return explainStatement(this.context, node);
      case "analyzeTable":
        if (this.context.host.analyses !== true) throw refusal(this.context, node);
        return { kind: "analyze", ...planAnalysis(this.context, node) };
      case "set":
      case "reset":
        return this.#configure(node);
      default: {
        const request = this.context.host.jobs === true ? jobRequest(node) : undefined;
        if (request !== undefined) return { kind: "job", request };
        return executeShow(this.context, node) ?? executeDefinition(this.context, node);
      }
    }
  }

  #call(node: CallNode): StatementResult {
    const query = procedureQuery(this.context, node);
    this.context.calling = true;
    try {
      return withResultColumn(this.#query(query));
    } finally {
      this.context.calling = false;
    }
  }

  #query(node: QueryStatementNode): StatementResult {
    const sink = collectRel(this.context, queryRel(this.context, node.query));
    const planned = planRels(this.context, [sink]);
    const { nodes } = planned.plan;
    const last = nodes[nodes.at(-1)!.inputs[0]!.node - 1]!;
    return {
      kind: "query",
      plan: planned.plan,
      schema: sink.schema,
      changelogMode: last.changelogMode,
      warnings: planWarnings(planned, this.context),
    };
  }

  /** Within a statement set: only what writes. */
  #collect(node: StatementNode, set: SinkRel[]): StatementResult {
    if (node.kind === "insert") {
      set.push(insertRel(this.context, node));
      return OK;
    }
    if (node.kind === "createTable" && (node.query ?? node.sourceTable) !== undefined) {
      const creation = tableCreation(this.context, node);
      if (creation === undefined) return OK;
      keepTable(this.context, creation);
      set.push(creation.fill!);
      return OK;
    }
    if (node.kind !== "endStatementSet")
      throw validateErrors.STATEMENT_INVALID(
        {
          message:
            "Only 'INSERT/CREATE TABLE AS' statement is allowed in Statement Set or use 'END' statement to submit Statement Set.",
          remedy: "Write END first.",
        },
        { at: node.span },
      );
    this.#statementSet = undefined;
    return set.length === 0 ? OK : this.#insert(set);
  }

  #insertAll(nodes: readonly InsertNode[]): InsertResult {
    return this.#insert(nodes.map((node) => insertRel(this.context, node)));
  }

  #insert(rels: readonly SinkRel[]): InsertResult {
    const planned = planRels(this.context, rels);
    return {
      kind: "insert",
      plan: planned.plan,
      sinks: rels.map((rel) => identifierText(rel.table.identifier)),
      warnings: planWarnings(planned, this.context),
    };
  }

  #configure(node: Extract<StatementNode, { kind: "set" | "reset" }>): StatementResult {
    const { config, initialConfig } = this.context;
    if (node.kind === "reset") {
      if (node.key === undefined) {
        config.clear();
        for (const [key, value] of Object.entries(initialConfig)) config.set(key, value);
      } else {
        const key = presentKey(node.key);
        if (initialConfig[key] === undefined) config.delete(key);
        else config.set(key, initialConfig[key]!);
      }
      return OK;
    }
    if (node.option !== undefined) {
      const key = presentKey(node.option.key);
      const { value } = node.option;
      checkSetting(key, value);
      config.set(key, value);
      const warning = settingWarning(key);
      return warning === undefined ? OK : { kind: "ok", warnings: [toWarning(warning)] };
    }
    return stringRows(
      ["key", "value"],
      [...config].sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
}

/**
 * Validates every statement of a script, DDL included, and reports all errors it can find. A `session` that knows
 * tables already may be given; the script then changes its catalog.
 */
export function checkScript(
  text: string,
  options: SqlSessionOptions = {},
  session: SqlSession = new SqlSession(options),
): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const { statements, errors } = parseScript(text);
  for (const error of errors)
    diagnostics.push({ severity: "error", error, statement: error.place.at?.start ?? 0 });
  for (const statement of statements) {
    const found: MillraceError[] = [];
    const refined = (error: MillraceError) => refineError(error, statement, statements);
    session.context.errorListener = (error) => found.push(error);
    try {
      const result = session.execute(statement, text);
      for (const error of warningsOf(session, statement, result))
        diagnostics.push({
          severity: "warning",
          error: refineError(error, statement).at({ at: statement.span }),
          statement: statement.span.start,
        });
    } catch (error) {
      const known = toMillraceError(error);
      if (!found.some((other) => isSame(other, known))) found.push(known);
    }
    for (const error of found)
      diagnostics.push({
        severity: "error",
        error: refined(error).at({ at: statement.span }),
        statement: statement.span.start,
      });
  }
  try {
    session.finish();
  } catch (error) {
    const known = toMillraceError(error);
    if (errors.length === 0)
      diagnostics.push({ severity: "error", error: known, statement: known.place.at?.start ?? 0 });
  }
  const startOf = ({ error, statement }: Diagnostic) => error.place.at?.start ?? statement;
  const errorsAt = new Set(diagnostics.flatMap((each) => (isError(each) ? [startOf(each)] : [])));
  const told = (each: Diagnostic) => !isError(each) && errorsAt.has(startOf(each));
  return diagnostics.filter((each) => !told(each)).sort((a, b) => startOf(a) - startOf(b));
}

const isError = ({ severity }: Diagnostic): boolean => severity === "error";

/** What was collected is thrown again at the end, with its hint refined. */
function isSame(a: MillraceError, b: MillraceError): boolean {
  return a.code === b.code && a.message === b.message && a.place.at?.start === b.place.at?.start;
}

function warningsOf(
  session: SqlSession,
  statement: StatementNode,
  result: StatementResult,
): MillraceError[] {
  if (statement.kind === "set" && statement.option !== undefined) {
    const warning = settingWarning(presentKey(statement.option.key));
    return warning === undefined ? [] : [warning];
  }
  const unusable = unusableTable(session, statement);
  if (result.kind !== "query" && result.kind !== "insert") return unusable;
  return session.context.batch ? unusable : [...unusable, ...planFindings(result.plan)];
}

/** A table that was made but that no statement can use; as in Flink, only its use is an error. */
function unusableTable({ context }: SqlSession, statement: StatementNode): MillraceError[] {
  if (statement.kind !== "createTable" && statement.kind !== "createMaterializedTable") return [];
  const { catalog, host } = context;
  const table = catalog.lookup(statement.name.parts.map(({ name }) => name));
  if (table?.kind !== "table") return [];
  return [...(host.inspect?.(catalog.connections.resolve(table)) ?? [])];
}
