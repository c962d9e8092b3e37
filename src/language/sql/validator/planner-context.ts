/**
 * What converting a statement needs from around it: catalog, functions, options, hosts, and a place for errors.
 *
 * Flow: script/sql-session.ts makes one per statement; everything below the validator takes it as its first argument.
 */
import type { MillraceError, Span } from "../../../foundation/base/errors.ts";
import type { CatalogEntry, CatalogModel, ResolvedTable } from "../catalog/catalog-objects.ts";
import type { FunctionDefinition } from "../functions/function-definition.ts";
import type { IdentifierNode } from "../parser/ast.ts";

export interface PlannerContext {
  /** Names of one to three parts; undefined = not there. */
  readonly resolveTable: (name: readonly string[]) => CatalogEntry | undefined;
  /** Names near to `name`, for "did you mean". */
  readonly tableNames: () => readonly string[];
  readonly resolveFile: (
    path: string,
    options: Readonly<Record<string, string>>,
    at: Span,
  ) => ResolvedTable;
  readonly resolveModel: (name: readonly string[]) => CatalogModel | undefined;
  readonly resolveFunction: (name: IdentifierNode) => FunctionDefinition | undefined;
  readonly currentPath: () => { readonly catalog: string; readonly database: string };
  /** Resolves names as in another catalog and database, for views. */
  readonly within: (
    path: { catalog: string; database: string },
    at: Span | undefined,
  ) => PlannerContext;
  /** Where the script says it: within a view, whose text is another, where it names the view. */
  readonly place: (span: Span) => Span | undefined;
  /** The session's value of an option, or undefined. */
  readonly option: (key: string) => string | undefined;
  readonly batch: boolean;
  readonly timeZone: string;
  /** Takes an error and lets validation go on, so that one pass reports several. */
  readonly report: (error: MillraceError) => void;
  readonly newScopeId: () => number;
  /** Source text of a span, for messages and column names. */
  readonly text: (span: Span) => string;
}
