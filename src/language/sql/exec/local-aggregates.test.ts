/** Two-phase aggregation gives what one phase gives: few groups, more than a table holds, none, and sums beyond their type. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const DIGITS = `(VALUES ${Array.from({ length: 30 }, (_, i) => `(${i})`).join(", ")})`;
const GREAT = "9".repeat(38);

/** 27,000 rows: k counts up, v has NULLs, t is a text. */
const NUMBERS = `CREATE VIEW numbers AS
  SELECT x * 900 + y * 30 + z AS k, NULLIF(y - z, 0) AS v, CAST(x AS STRING) || '-' || CAST(y AS STRING) AS t
  FROM ${DIGITS} AS a(x), ${DIGITS} AS b(y), ${DIGITS} AS c(z)`;

async function rowsOf(sql: string, strategy: "TWO_PHASE" | "ONE_PHASE"): Promise<string[]> {
  const engine = new Engine({ batch: true });
  engine.execute(`SET 'table.optimizer.agg-phase-strategy' = '${strategy}'`);
  engine.execute(NUMBERS);
  const { rows } = await engine.query(sql);
  return rows.map(({ text }) => text).sort();
}

const CALLS =
  "COUNT(*), COUNT(v), SUM(v), AVG(v), MIN(v), MAX(CAST(v AS DECIMAL(20, 2))), SUM(v) FILTER (WHERE v > 3)";

for (const [what, sql, groups] of [
  ["few groups", `SELECT MOD(k, 7), ${CALLS} FROM numbers GROUP BY MOD(k, 7)`, 7],
  ["groups of two fields, one a text", `SELECT t, v, ${CALLS} FROM numbers GROUP BY t, v`, 27_000],
  ["a group a row", `SELECT k, ${CALLS} FROM numbers GROUP BY k`, 27_000],
  ["no keys", `SELECT ${CALLS} FROM numbers`, 1],
  ["no keys and no rows", `SELECT ${CALLS} FROM numbers WHERE k < 0`, 1],
  ["keys and no rows", `SELECT k, ${CALLS} FROM numbers WHERE k < 0 GROUP BY k`, 0],
  ["a text's MIN keeps it whole", "SELECT MIN(t), COUNT(*) FROM numbers", 1],
] as const)
  test(what, async () => {
    const halves = await rowsOf(sql, "TWO_PHASE");
    assert.equal(halves.length, groups);
    assert.deepEqual(halves, await rowsOf(sql, "ONE_PHASE"));
  });

test("a sum beyond its type is NULL in both halves", async () => {
  const sum = `SELECT SUM(CAST('${GREAT}' AS DECIMAL(38, 0))) FROM numbers WHERE k < 2`;
  assert.deepEqual(await rowsOf(sum, "TWO_PHASE"), ["+I[null]"]);
});
