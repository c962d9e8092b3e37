/**
 * SqlSession: executes statements against a catalog, without touching anything outside: DDL changes the catalog, SHOW and
 * DESCRIBE answer with rows, queries and INSERTs with a plan to run.
 *
 * Flow:    CLI, gateway, controller and editor → here → plan → engine. One session is one user's connection.
 * Example: const session = new SqlSession(); session.execute("CREATE TABLE t (a INT) WITH ('connector'='datagen')");
 *          session.execute("SELECT a FROM t WHERE a > 1").kind // "query"
 * Errors:  MR20xx parse, MR21xx validate, MR22xx plan; each with its place in the text.
 */
import { type MillraceError, toMillraceError } from "../../../foundation/base/errors.ts";
import { identifierText } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import type { InsertNode, StatementNode } from "../parser/ast.ts";
import { parseScript, parseStatement } from "../parser/parser.ts";
import { checkStatement } from "../parser/statement-checks.ts";
import { executeDefinition } from "./definitions.ts";
import { explainStatement } from "./explain-statement.ts";
import { executeShow } from "./show.ts";
import { stringRows } from "./rows.ts";
import { SessionContext } from "./session-context.ts";
import type { Diagnostic, SqlSessionOptions, StatementResult } from "./session-types.ts";
import { collectRel, insertRel, planRels, queryRel } from "./statement-planner.ts";
import { planWarnings } from "./warnings.ts";

const OK: StatementResult = { kind: "ok" };

export class SqlSession {
  readonly context: SessionContext;
  #statementSet: InsertNode[] | undefined;

  constructor(options: SqlSessionOptions = {}) {
    this.context = new SessionContext(options);
  }

  /** A text with one statement, or a parsed one with the text it came from. */
  execute(statement: string | StatementNode, text?: string): StatementResult {
    const node = typeof statement === "string" ? parseStatement(statement) : statement;
    this.context.text = typeof statement === "string" ? statement : (text ?? "");
    checkStatement(node);
    return this.#execute(node);
  }

  /** Every statement of a script in turn; stops at the first error. */
  executeScript(text: string): StatementResult[] {
    const { statements, errors } = parseScript(text);
    if (errors[0] !== undefined) throw errors[0];
    return statements.map((statement) => this.execute(statement, text));
  }

  #execute(node: StatementNode): StatementResult {
    switch (node.kind) {
      case "queryStatement": {
        const rel = queryRel(this.context, node.query);
        const planned = planRels(this.context, [collectRel(this.context, rel)]);
        const warnings = planWarnings(planned, this.context);
        const sink = planned.plan.nodes.at(-1)!;
        const last = planned.plan.nodes[sink.inputs[0]!.node - 1]!;
        const { schema } = collectRel(this.context, rel);
        return {
          kind: "query",
          plan: planned.plan,
          schema,
          changelogMode: last.changelogMode,
          warnings,
        };
      }
      case "insert":
        if (this.#statementSet === undefined) return this.#insert([node]);
        insertRel(this.context, node);
        this.#statementSet.push(node);
        return OK;
      case "statementSet":
        return this.#insert(node.inserts);
      case "execute":
        return this.#execute(node.statement);
      case "beginStatementSet":
        this.#statementSet = [];
        return OK;
      case "endStatementSet": {
        const inserts = this.#statementSet ?? [];
        this.#statementSet = undefined;
        if (inserts.length === 0)
          throw validateErrors.STATEMENT_INVALID(
            { message: "No statement in the statement set, skip submit.", remedy: "Add INSERTs." },
            { at: node.span },
          );
        return this.#insert(inserts);
      }
      case "explain":
        return explainStatement(this.context, node);
      case "set":
      case "reset":
        return this.#configure(node);
      default:
        return executeShow(this.context, node) ?? executeDefinition(this.context, node);
    }
  }

  #insert(nodes: readonly InsertNode[]): StatementResult {
    const rels = nodes.map((node) => insertRel(this.context, node));
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
      } else if (initialConfig[node.key] === undefined) config.delete(node.key);
      else config.set(node.key, initialConfig[node.key]!);
      return OK;
    }
    if (node.option !== undefined) {
      config.set(node.option.key, node.option.value);
      return OK;
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
    session.context.errorListener = (error) => found.push(error);
    try {
      session.execute(statement, text);
    } catch (error) {
      const known = toMillraceError(error);
      if (!found.includes(known)) found.push(known);
    }
    for (const error of found)
      diagnostics.push({ severity: "error", error, statement: statement.span.start });
  }
  return diagnostics;
}
