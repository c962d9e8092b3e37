/** Statements that double, nest or go on: a plan or one error of the user's, each within LIMIT_MS. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../../../foundation/base/errors.ts";
import { SqlSession } from "./sql-session.ts";

const LIMIT_MS = 5000;
const TABLES = `CREATE TABLE t (a INT, b BIGINT, s STRING) WITH ('connector'='kafka');
  CREATE TABLE w (${list(5000, (i) => `c${i} INT`, ", ")}) WITH ('connector'='kafka');`;

function list(count: number, item: (i: number) => string, separator: string): string {
  return Array.from({ length: count }, (_, i) => item(i)).join(separator);
}

const around = (open: string, inner: string, close: string, count: number) =>
  open.repeat(count) + inner + close.repeat(count);

/** Name, statement, and the code of its error or "plan". */
const CASES: readonly (readonly [string, string, string])[] = [
  ["parentheses", `SELECT ${around("(", "1", ")", 500_000)}`, "MR2006"],
  ["20,000 ORs", `SELECT a FROM t WHERE ${list(20_000, (i) => `a = ${i}`, " OR ")}`, "plan"],
  ["5,000 expressions", `SELECT ${list(5000, (i) => `a + ${i} AS c${i}`, ", ")} FROM t`, "plan"],
  ["5,000 columns", "SELECT * FROM w JOIN w AS v ON w.c1 = v.c1", "plan"],
  ["UNION ALL of 5,000", list(5000, (i) => `SELECT ${i} AS a`, " UNION ALL "), "plan"],
  ["UNION of 5,000", list(5000, (i) => `SELECT ${i} AS a`, " UNION "), "plan"],
  ["EXCEPT of 5,000", list(5000, () => "SELECT a FROM t", " EXCEPT "), "MR2138"],
  ["CASE in CASE", `SELECT ${around("CASE WHEN a = 1 THEN ", "1", " END", 150)} FROM t`, "plan"],
  ["EXISTS in EXISTS", nested("EXISTS (SELECT 1 FROM t WHERE "), "plan"],
  ["IN in IN", nested("a IN (SELECT a FROM t WHERE "), "plan"],
  ["WITH that doubles", doubling(40), "MR2138"],
  [
    "conditions that double",
    `${"SELECT a + a AS a FROM (".repeat(30)}SELECT a FROM t${") WHERE a > 1".repeat(30)}`,
    "plan",
  ],
  ["CUBE", `SELECT COUNT(*) FROM w GROUP BY CUBE(${list(40, (i) => `c${i}`, ", ")})`, "MR2130"],
  ["900 joins", `SELECT 1 FROM t AS t0 ${list(900, join, " ")}`, "plan"],
];

function nested(open: string): string {
  return `SELECT * FROM t WHERE ${around(open, "a = 1", ")", 60)}`;
}

function doubling(steps: number): string {
  const step = (i: number) => `c${i + 1} AS (SELECT x.a FROM c${i} x JOIN c${i} y ON x.a = y.a)`;
  return `WITH c0 AS (SELECT a FROM t), ${list(steps, step, ", ")} SELECT * FROM c${steps}`;
}

function join(i: number): string {
  return `JOIN t AS t${i + 1} ON t${i}.a = t${i + 1}.a`;
}

function outcome(session: SqlSession, sql: string): string {
  try {
    return session.execute(sql).kind === "query" ? "plan" : "no plan";
  } catch (error) {
    return error instanceof MillraceError ? error.code : String(error);
  }
}

test("hostile statements end in time, with a plan or a typed error", () => {
  const session = new SqlSession();
  session.executeScript(TABLES);
  for (const [name, sql, expected] of CASES) {
    const startedMs = performance.now();
    assert.equal(outcome(session, sql), expected, name);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < LIMIT_MS, `${name} took ${Math.round(tookMs)} ms`);
  }
});

test("views upon views that double are refused in time", () => {
  const session = new SqlSession();
  session.executeScript(TABLES);
  const startedMs = performance.now();
  const refused: string[] = [];
  for (let i = 0; i < 30 && refused.length === 0; i++) {
    const below = i === 0 ? "t" : `v${i - 1}`;
    const view = `CREATE VIEW v${i} AS SELECT x.a FROM ${below} x JOIN ${below} y ON x.a = y.a`;
    try {
      session.execute(view);
    } catch (error) {
      refused.push(error instanceof MillraceError ? error.code : String(error));
    }
  }
  assert.deepEqual(refused, ["MR2138"]);
  assert.ok(performance.now() - startedMs < LIMIT_MS);
});
