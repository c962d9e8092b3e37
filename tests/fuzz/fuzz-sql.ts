/**
 * The fuzzer of parser, validator and planner, and of formatter and editor services (fuzz-editor.ts): random statements in one
 * session after another. Every statement ends with a result or with a catalogue error of the user's domain, within LIMIT_MS; anything
 * else is a finding, as is a plan with something unresolved in it.
 *
 * Errors are counted by code, so that a run shows what it has reached.
 */
import { MillraceError, toMillraceError } from "../../src/foundation/base/errors.ts";
import { SqlSession } from "../../src/language/sql/script/sql-session.ts";
import { SqlEditorService } from "../../src/language/sql/editor/editor-service.ts";
import { operatorFactories } from "../../src/dataplane/operators/index.ts";
import { editorProblem } from "./fuzz-editor.ts";
import { FUZZ_TABLES, mutated, seededRandom, SqlGrammar } from "./sql-grammar.ts";

export const LIMIT_MS = 5000;
/** A session collects tables; a new one now and then keeps statements independent. */
const STATEMENTS_PER_SESSION = 200;
const MAX_FINDINGS = 10;
/** One statement in so many is asked of the formatter and the editor, too. */
const EDITOR_EVERY = 4;

export interface FuzzFinding {
  readonly sql: string;
  readonly problem: string;
}

export interface FuzzReport {
  readonly statements: number;
  readonly accepted: number;
  readonly codes: ReadonlyMap<string, number>;
  readonly slowestMs: number;
  readonly findings: readonly FuzzFinding[];
}

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Hears of every statement before it runs. */
  readonly onStatement?: (sql: string) => void;
}

export function fuzzSql({ seed, seconds, onStatement }: FuzzOptions): FuzzReport {
  const next = seededRandom(seed);
  const grammar = new SqlGrammar(next);
  const codes = new Map<string, number>();
  const findings: FuzzFinding[] = [];
  const endMs = performance.now() + seconds * 1000;
  let [statements, accepted, slowestMs] = [0, 0, 0];
  let session = newSession();
  const editor = new SqlEditorService({ newSession });
  while (performance.now() < endMs && findings.length < MAX_FINDINGS) {
    if (++statements % STATEMENTS_PER_SESSION === 0) session = newSession();
    const made = grammar.statement();
    const sql = next(3) === 0 ? mutated(next, made) : made;
    onStatement?.(sql);
    const startedMs = performance.now();
    const problem = outcome(session, sql, codes);
    const edited = next(EDITOR_EVERY) === 0 ? editorProblem(editor, sql, next) : undefined;
    const tookMs = performance.now() - startedMs;
    slowestMs = Math.max(slowestMs, tookMs);
    if (problem === undefined) accepted++;
    else if (problem !== "") findings.push({ sql, problem });
    if (edited !== undefined) findings.push({ sql, problem: edited });
    if (tookMs > LIMIT_MS) findings.push({ sql, problem: `took ${Math.round(tookMs)} ms` });
  }
  return { statements, accepted, codes, slowestMs, findings };
}

/** What the validator leaves for later must be gone from a plan. */
const PLACEHOLDER = /"function":"\$(?:SUBQUERY|AGGREGATE|OVER|OUTER)[A-Z_]*"/;

function newSession(): SqlSession {
  const session = new SqlSession({ host: { operators: new Set(Object.keys(operatorFactories)) } });
  session.executeScript(FUZZ_TABLES);
  return session;
}

/** Undefined: a result; empty: refused as it should be. */
function outcome(session: SqlSession, sql: string, codes: Map<string, number>): string | undefined {
  try {
    const result = session.execute(sql);
    const planned = result.kind === "query" || result.kind === "insert";
    const left = planned ? PLACEHOLDER.exec(JSON.stringify(result.plan)) : null;
    return left === null ? undefined : `the plan holds ${left[0]}`;
  } catch (error) {
    const known = toMillraceError(error);
    codes.set(known.code, (codes.get(known.code) ?? 0) + 1);
    if (error instanceof MillraceError && known.definition.domain !== "internal") return "";
    const { stack } = error as Error;
    return stack?.split("\n").slice(0, 6).join("\n") ?? String(error);
  }
}
