/**
 * What an editor asks of the catalog: a session that knows the platform's tables and what the script defines before the cursor, and
 * the columns of queries in it.
 *
 * Flow:    editor-service.ts → here → SqlSession, the validator. Definitions that were run stay; a change before the cursor starts anew.
 * Rule:    a definition that is wrong defines nothing: what is wrong is told by checkScript().
 * Limits:  MAX_DEFINITIONS before the cursor are run, MAX_KNOWN answers are kept.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { RowField } from "../../../foundation/columnar/logical-type.ts";
import type { StatementNode } from "../parser/ast.ts";
import { parseStatement, type ScriptPart } from "../parser/parser.ts";
import type { SqlSession } from "../script/sql-session.ts";
import { queryRel } from "../script/statement-planner.ts";

const MAX_DEFINITIONS = 2000;
const MAX_KNOWN = 500;

const DEFINES: ReadonlySet<StatementNode["kind"]> = new Set<StatementNode["kind"]>([
  "createTable",
  "createMaterializedTable",
  "createView",
  "createCatalog",
  "createDatabase",
  "createFunction",
  "createModel",
  "alterTable",
  "alterView",
  "alterFunction",
  "alterObject",
  "drop",
  "use",
  "useModules",
  "loadModule",
  "unloadModule",
]);

export class EditorSession {
  readonly #make: () => SqlSession;
  /** False: the session is in use, and the script's definitions must not be run in it. */
  readonly #defines: boolean;
  #session: SqlSession | undefined;
  #done: string[] = [];
  readonly #known = new Map<string, readonly RowField[] | undefined>();

  constructor(make: () => SqlSession, defines: boolean) {
    this.#make = make;
    this.#defines = defines;
  }

  /** The session as it is where the offset stands. */
  at(text: string, parts: readonly ScriptPart[], offset: number): SqlSession {
    if (!this.#defines) {
      this.#known.clear();
      return this.#make();
    }
    const wanted = parts.filter(
      ({ end, statement }) =>
        end < offset && statement !== undefined && DEFINES.has(statement.kind),
    );
    const definitions = wanted.slice(0, MAX_DEFINITIONS);
    const texts = definitions.map(({ start, end }) => text.slice(start, end));
    const goesOn = this.#done.every((done, i) => texts[i] === done);
    if (this.#session === undefined || !goesOn) {
      this.#session = this.#make();
      this.#done = [];
      this.#known.clear();
    }
    for (const { statement } of definitions.slice(this.#done.length)) {
      if (statement !== undefined) run(this.#session, statement, text);
      this.#known.clear();
    }
    this.#done = texts;
    return this.#session;
  }

  /** The columns of a query's result; undefined: it cannot be validated. */
  fields(session: SqlSession, sql: string): readonly RowField[] | undefined {
    if (this.#known.has(sql)) return this.#known.get(sql);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    const found = fieldsOf(session, sql);
    this.#known.set(sql, found);
    return found;
  }
}

function run(session: SqlSession, definition: StatementNode, text: string): void {
  try {
    session.execute(definition, text);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
  }
}

function fieldsOf(session: SqlSession, sql: string): readonly RowField[] | undefined {
  try {
    const statement = parseStatement(sql);
    if (statement.kind !== "queryStatement") return undefined;
    session.context.begin(sql);
    return queryRel(session.context, statement.query).schema.fields;
  } catch (error) {
    // Deeper than the stack: no columns, as for any other text that is refused.
    if (error instanceof MillraceError || error instanceof RangeError) return undefined;
    throw error;
  }
}
