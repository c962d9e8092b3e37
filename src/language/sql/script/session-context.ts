/** SessionContext: the state of one session that statements share, and the PlannerContext made from it. */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { Span } from "../../../foundation/base/errors.ts";
import { CatalogManager } from "../catalog/catalog-manager.ts";
import type { CatalogFunction, ResolvedTable } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import type { PlanOptions } from "../exec/plan-options.ts";
import { builtinFunction } from "../functions/function-catalog.ts";
import type { FunctionDefinition } from "../functions/function-definition.ts";
import type { IdentifierNode } from "../parser/ast.ts";
import { optionStatistics } from "../statistics/source-statistics.ts";
import type { StatisticsSubject, TableStatistics } from "../statistics/table-statistics.ts";
import { parseDuration } from "../../../foundation/base/duration.ts";
import type { PlannerContext } from "../validator/planner-context.ts";
import { defaultSinkTraits, defaultSourceTraits } from "./connector-traits.ts";
import type { SqlHost, SqlSessionOptions } from "./session-types.ts";

/** SELECTs of one statement, those of views as often as they are read: views upon views can double with every step. */
const MAX_SCOPES = 50_000;

export class SessionContext {
  readonly catalog = new CatalogManager();
  readonly host: SqlHost;
  readonly collectOptions: Readonly<Record<string, string>>;
  readonly initialConfig: Readonly<Record<string, string>>;
  readonly config = new Map<string, string>();
  /** Source text of the statement in hand. */
  text = "";
  /** A CALL is being planned: procedures are seen. */
  calling = false;
  /** Hears of every error that validation collects. */
  errorListener: ((error: MillraceError) => void) | undefined;
  #scopes = 0;

  constructor(options: SqlSessionOptions) {
    this.host = options.host ?? {};
    this.initialConfig = options.config ?? {};
    this.collectOptions = options.collectOptions ?? { connector: "collect" };
    for (const [key, value] of Object.entries(this.initialConfig)) this.config.set(key, value);
  }

  get batch(): boolean {
    return this.config.get("execution.runtime-mode")?.toLowerCase() === "batch";
  }
  get timeZone(): string {
    const zone = this.config.get("table.local-time-zone");
    return zone === undefined || zone === "default" ? "UTC" : zone;
  }

  /** `errors` takes what one pass finds; the first is thrown when it ends. */
  plannerContext(errors: MillraceError[]): PlannerContext {
    return this.#contextAt(errors, undefined);
  }

  #contextAt(
    errors: MillraceError[],
    path: { catalog: string; database: string } | undefined,
    at?: Span,
  ): PlannerContext {
    const { catalog } = this;
    const here = () =>
      path ?? { catalog: catalog.currentCatalog, database: catalog.currentDatabase };
    return {
      resolveTable: (name) => {
        const found = catalog.lookup(name, path);
        return found && catalog.connections.resolve(found);
      },
      tableNames: () => catalog.list(here().catalog, here().database),
      resolveFile: (file, options, at) => this.#file(file, options, at),
      resolveModel: (name) => {
        const { catalog: of, database } = here();
        return catalog.model([of, database].slice(0, Math.max(0, 3 - name.length)).concat(name));
      },
      resolveFunction: (name) => this.#function(name, path),
      currentPath: here,
      within: (other, name) => this.#contextAt(errors, other, name),
      place: (span) => (path === undefined ? span : at),
      option: (key) => this.config.get(key),
      batch: this.batch,
      timeZone: this.timeZone,
      report: (error) => {
        errors.push(error);
        this.errorListener?.(error);
      },
      newScopeId: () => this.#newScope(),
      text: (span) => this.text.slice(span.start, span.end),
    };
  }

  /** What a statement may cost is counted from here. */
  begin(text: string): void {
    this.text = text;
    this.#scopes = 0;
  }

  #newScope(): number {
    if (this.#scopes >= MAX_SCOPES)
      throw validateErrors.TOO_LARGE({
        what: `its views and subqueries have more than ${MAX_SCOPES} parts`,
      });
    return this.#scopes++;
  }

  planOptions(): PlanOptions {
    const ttl = parseDuration(this.config.get("table.exec.state.ttl") ?? "0") ?? 0;
    return {
      mode: this.batch ? "batch" : "streaming",
      timeZone: this.timeZone,
      option: (key) => this.config.get(key),
      config: Object.fromEntries([...this.config].sort(([a], [b]) => (a < b ? -1 : 1))),
      source: (table) => this.host.source?.(table) ?? defaultSourceTraits(table),
      sink: (table, query) => this.host.sink?.(table, query) ?? defaultSinkTraits(table, query),
      statistics: (table) => this.#statistics(table),
      hasNode: (type) => this.host.operators?.has(type) ?? false,
      ...(ttl > 0 ? { stateTtlMs: ttl } : {}),
    };
  }

  /** What ANALYZE TABLE found counts more than what a connector guesses. */
  #statistics(table: StatisticsSubject): TableStatistics | undefined {
    const analysed = this.catalog.statistics.of(table.name) ?? this.host.analysed?.(table);
    if (analysed !== undefined) return analysed;
    const reports = this.config.get("table.optimizer.source.report-statistics-enabled");
    if (reports?.toLowerCase() === "false") return undefined;
    return optionStatistics(table) ?? this.host.statistics?.(table);
  }

  #file(path: string, options: Readonly<Record<string, string>>, at: Span): ResolvedTable {
    const inline = this.host.resolveFile?.(path, options);
    if (inline === undefined) throw validateErrors.TABLE_NOT_FOUND({ name: `'${path}'` }, { at });
    return {
      kind: "table",
      identifier: {
        catalog: this.catalog.currentCatalog,
        database: this.catalog.currentDatabase,
        object: path,
      },
      temporary: true,
      inline: true,
      columns: inline.fields.map((f) => ({ kind: "physical", name: f.name, type: f.type })),
      partitionKeys: [],
      options: inline.options,
    };
  }

  #function(
    name: IdentifierNode,
    path: { catalog: string; database: string } | undefined,
  ): FunctionDefinition | undefined {
    const parts = name.parts.map((part) => part.name);
    const single = parts.length === 1 ? parts[0]! : undefined;
    const system = single === undefined ? undefined : this.catalog.systemFunction(single);
    if (system !== undefined) return this.#user(system, name);
    const builtin =
      single === undefined || !this.catalog.modules.core ? undefined : builtinFunction(single);
    if (builtin !== undefined) return builtin;
    if (parts.length > 3) return undefined;
    const own = this.catalog.function(parts, path);
    return own && this.#user(own, name);
  }

  #user(definition: CatalogFunction, name: IdentifierNode): FunctionDefinition {
    const found = this.host.userFunction?.(definition);
    if (found?.procedure === true && !this.calling)
      throw validateErrors.STATEMENT_INVALID(
        {
          message: `${definition.name} is a procedure: it cannot be part of a query.`,
          remedy: `Write CALL ${definition.name}(…).`,
        },
        { at: name.span },
      );
    if (found !== undefined) return found;
    throw validateErrors.NOT_SUPPORTED(
      {
        what: `function ${definition.name} of class '${definition.className}'`,
        remedy: "Its implementation is not available here: register it with the host.",
      },
      { at: name.span },
    );
  }
}

/** Throws what a pass collected: the first error, with the others as its company in `related`. */
export function throwFirst(errors: readonly MillraceError[]): void {
  const [first] = errors;
  if (first instanceof MillraceError) throw first;
}
