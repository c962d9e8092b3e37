import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_TREE_DEPTH } from "./limits.ts";
import { parseScript } from "./parser.ts";
import { unparse } from "./unparse.ts";

/** Levels of nodes, counted without recursion. */
function levels(root: unknown): number {
  let most = 0;
  const open: [unknown, number][] = [[root, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, level] = next;
    most = Math.max(most, level);
    if (Array.isArray(value)) for (const item of value) open.push([item, level]);
    else if (typeof value === "object" && value !== null) {
      for (const item of Object.values(value)) open.push([item, level + 1]);
    }
  }
  return most;
}

const deep = (start: string, piece: string, count: number) => start + piece.repeat(count);

test("what is nested too deeply is an error of its own, never a stack overflow", () => {
  const cases = [
    deep("SELECT ", "(", 1_000_000),
    deep("SELECT * FROM ", "(", 100_000),
    deep("", "(", 100_000),
    deep("SELECT ", "NOT ", 10_000),
    deep("SELECT ", "- ", 10_000),
    deep("SELECT ", "CASE WHEN ", 10_000),
    deep("SELECT ", "f(", 10_000),
    deep("SELECT ", "CAST(", 10_000),
    deep("SELECT ", "ROW(", 10_000),
    deep("CREATE TABLE t (a ", "ARRAY<", 10_000),
    deep("CREATE TABLE t (a INT", " ARRAY", 10_000),
    deep("SELECT a", "[1]", 10_000),
    deep("SELECT f(x)", ".y", 10_000),
    deep("SELECT a", " + a", 10_000),
    deep("SELECT a", " IS NULL", 10_000),
    deep("SELECT * FROM t", " JOIN t ON a", 10_000),
    deep("SELECT * FROM t", ", t", 10_000),
    deep("", "SELECT * FROM (", 10_000),
    deep("SELECT * FROM t WHERE ", "EXISTS (SELECT * FROM t WHERE ", 10_000),
    deep("", "WITH a AS (", 10_000),
    deep("SELECT a FROM t GROUP BY ", "GROUPING SETS (", 10_000),
    deep("SELECT * FROM t MATCH_RECOGNIZE (PATTERN (", "(", 10_000),
    deep("SELECT ", "JSON_OBJECT(KEY ", 10_000),
    `SELECT ${"(".repeat(150)}a${`${" + a".repeat(60)})`.repeat(150)}`,
  ];
  for (const sql of cases) {
    const { errors } = parseScript(sql);
    assert.equal(errors[0]?.code, "MR2006", sql.slice(0, 60));
  }
});

test("what is allowed makes a tree of bounded depth, and can be written again", () => {
  const cases = [
    deep("SELECT a", " + a", 900),
    deep("SELECT * FROM t", " JOIN t ON a = b", 900),
    `SELECT ${"(a + ".repeat(190)}a${")".repeat(190)}`,
    `SELECT ${"CASE WHEN a THEN f(1, ".repeat(90)}1${") END".repeat(90)}`,
    `${"SELECT * FROM (".repeat(90)}SELECT 1${")".repeat(90)}`,
    Array.from({ length: 5000 }, (_, i) => `SELECT ${i}`).join(" UNION "),
    `SELECT a IN (${"1, ".repeat(50_000)}1)`,
  ];
  for (const sql of cases) {
    const { statements, errors } = parseScript(sql);
    assert.equal(errors[0]?.message, undefined);
    assert(levels(statements[0]) <= 2 * MAX_TREE_DEPTH, sql.slice(0, 60));
    assert(unparse(statements[0]!).length > 0);
  }
});
