/**
 * What converting a statement needs from around it: catalog, functions, options, hosts, and a place for errors.
 *
 * Flow: script/sql-session.ts makes one per statement; everything below the validator takes it as its first argument.
 */
import type { MillraceError, Span } from "../../../foundation/base/errors.ts";
import type { CatalogEntry, ResolvedTable } from "../catalog/catalog-objects.ts";
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

/** Names at an edit distance small enough to be meant, nearest first, at most three. */
export function nearNames(name: string, known: Iterable<string>): string[] {
  const wanted = name.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const found: { name: string; distance: number }[] = [];
  for (const candidate of new Set(known)) {
    if (Math.abs(candidate.length - wanted.length) > limit) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance <= limit) found.push({ name: candidate, distance });
  }
  found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return found.slice(0, 3).map((entry) => entry.name);
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
