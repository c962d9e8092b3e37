/**
 * checkParserCase: one record of parser.jsonl against the parser.
 *
 * Flow:    the conformance runner → here → parser, unparse, statement-checks.
 * Rules:   carets only mark a place; canonical texts are compared without regard to case; a record that fails must fail
 *          with a message that the whole pattern matches; records with standard quotes are read with those.
 */
import { checkStatement } from "../../src/language/sql/parser/statement-checks.ts";
import { parseStatement } from "../../src/language/sql/parser/parser.ts";
import { unparse } from "../../src/language/sql/parser/unparse.ts";

export interface ParserRecord {
  readonly sql: string;
  readonly ok?: string;
  readonly failsRegex?: string;
  readonly parses?: boolean;
  readonly validationError?: string;
}

export interface ParserResult {
  readonly pass: boolean;
  /** The canonical text or the message that came out. */
  readonly got: string;
}

export function checkParserCase(record: ParserRecord): ParserResult {
  const sql = record.sql.replaceAll("^", "");
  const quoting = /(^|[^\w'])"\w+"/.test(sql) ? "doubleQuote" : "backtick";
  let got: string;
  try {
    const statement = parseStatement(sql, { quoting });
    got = unparse(statement);
    if (record.validationError !== undefined) {
      const message = messageOf(() => checkStatement(statement));
      return { pass: message?.includes(record.validationError) === true, got: message ?? got };
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (record.failsRegex === undefined) return { pass: false, got: message };
    return { pass: javaPattern(record.failsRegex).test(message), got: message };
  }
  if (record.failsRegex !== undefined) return { pass: false, got };
  if (record.ok === undefined) return { pass: record.parses === true, got };
  return { pass: sameText(got, record.ok), got };
}

function messageOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A pattern that must match the whole text; `(?s)` lets the dot match line breaks. */
function javaPattern(pattern: string): RegExp {
  const dotAll = pattern.startsWith("(?s)");
  const body = dotAll ? pattern.slice(4) : pattern;
  return new RegExp(`^(?:${body})$`, dotAll ? "s" : "");
}

function sameText(a: string, b: string): boolean {
  return a.trim().toUpperCase() === b.trim().toUpperCase();
}
