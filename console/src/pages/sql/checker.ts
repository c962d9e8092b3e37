/**
 * Checks a script in the browser with the platform's own parser and validator, against the platform's tables.
 *
 * Flow:    editor → here → language/sql, a few milliseconds. A script that reads files by name (`FROM 'data.csv'`) is checked by
 *          the platform instead: only there are the files. So are statements about jobs.
 */
import { briefMessage } from "../../../../src/language/sql/parser/brief-message.ts";
import { diagnosticSpan } from "../../../../src/language/sql/script/diagnostic-span.ts";
import { checkScript, SqlSession } from "../../../../src/language/sql/script/sql-session.ts";
import {
  type Catalog,
  checkScript as checkOnPlatform,
  type Diagnostic,
} from "../../api-client/calls.ts";

/** Statements that mean something only where jobs run. */
const OF_PLATFORM = /\b(?:MATERIALIZED\s+TABLE|ANALYZE\s+TABLE|JOBS?)\b/i;

export type Checker = (script: string) => Promise<readonly Diagnostic[]>;

export function createChecker(catalog: Catalog): Checker {
  const operators = new Set(catalog.operators);
  return async (script) => {
    if (OF_PLATFORM.test(script)) return checkOnPlatform(script);
    let readsFiles = false;
    const session = new SqlSession({
      host: {
        operators,
        resolveFile: () => {
          readsFiles = true;
          return undefined;
        },
      },
    });
    session.executeScript(catalog.ddl);
    const found = checkScript(script, {}, session);
    if (readsFiles) return checkOnPlatform(script);
    return found
      .map((finding) => {
        const { code, hint, place } = finding.error;
        const suggestion = place.didYouMean?.length
          ? `Did you mean ${place.didYouMean.join(" or ")}?`
          : hint;
        return {
          severity: finding.severity,
          code,
          message: briefMessage(finding.error),
          hint: suggestion,
          ...diagnosticSpan(finding, script),
        };
      })
      .sort((a, b) => a.from - b.from);
  };
}
