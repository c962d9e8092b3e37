/** A split DISTINCT aggregate gives the table that the whole one gives, also over rows that are taken back; its plan shows it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const SPLIT = "table.optimizer.distinct-agg.split.enabled";
const NUMBERS = Array.from({ length: 60 }, (_, i) => i);
const ROWS = NUMBERS.map((i) => {
  const v = i % 11 === 0 ? "CAST(NULL AS INT)" : String((i * 7) % 13);
  return `(${i % 4}, ${v}, '${"grün-🎉-x".slice(0, i % 9)}', ${i})`;
});
const TABLE = `CREATE VIEW t AS SELECT k, v, s, NULLIF(n, -1) AS n FROM (VALUES ${ROWS.join(", ")}) AS t (k, v, s, n)`;
/** A group's count grows with every row: what comes first is taken back. */
const COUNTED = "(SELECT k, v, COUNT(*) AS c, MAX(s) AS s FROM t GROUP BY k, v)";

/** What is left when all changes have been applied. */
async function table(sql: string, config: Record<string, string>): Promise<string[]> {
  const engine = new Engine({ config: { "table.exec.mini-batch.enabled": "true", ...config } });
  engine.execute(TABLE);
  const counts = new Map<string, number>();
  for (const { text } of (await engine.query(sql)).rows) {
    const row = text.slice(2);
    const sign = text.startsWith("+") ? 1 : -1;
    counts.set(row, (counts.get(row) ?? 0) + sign);
  }
  return [...counts].flatMap(([row, count]) => (count > 0 ? [row] : [])).sort();
}

function planOf(sql: string, config: Record<string, string>): string {
  const engine = new Engine({ config: { "table.exec.mini-batch.enabled": "true", ...config } });
  engine.execute(TABLE);
  const result = engine.execute(`EXPLAIN ${sql}`);
  assert.ok(result.kind === "rows");
  return String(result.rows[0]![0]);
}

for (const sql of [
  "SELECT k, COUNT(DISTINCT v), SUM(n), COUNT(*), MIN(n), MAX(n) FROM t GROUP BY k",
  "SELECT k, COUNT(DISTINCT v) FILTER (WHERE n > 9), SUM(DISTINCT v), SUM(v) FILTER (WHERE n < 0) FROM t GROUP BY k",
  "SELECT COUNT(DISTINCT s), COUNT(v) FROM t",
  "SELECT k, COUNT(n), COUNT(DISTINCT v), AVG(n), COUNT(n) FILTER (WHERE n > 9), AVG(NULLIF(n, 7)) FROM t GROUP BY k",
  "SELECT COUNT(DISTINCT v), SUM(n), COUNT(*) FROM t WHERE n < 3",
  `SELECT c, COUNT(DISTINCT v), SUM(NULLIF(k, 9)), MAX(NULLIF(k, 9)) FROM ${COUNTED} GROUP BY c`,
  "SELECT k, COUNT(DISTINCT v), COUNT(DISTINCT s), AVG(n), AVG(DISTINCT v), FIRST_VALUE(n) FROM t GROUP BY k",
  `SELECT k, COUNT(DISTINCT s), MIN(NULLIF(c, 9)) FROM ${COUNTED} GROUP BY k`,
])
  test(sql, async () => {
    const whole = await table(sql, {});
    assert.ok(whole.length > 0);
    for (const buckets of ["1024", "2"])
      assert.deepEqual(
        await table(sql, { [SPLIT]: "true", [SPLIT.replace("enabled", "bucket-num")]: buckets }),
        whole,
      );
    assert.match(planOf(sql, { [SPLIT]: "true" }), /partialFinalType=\[PARTIAL\]/);
    assert.doesNotMatch(planOf(sql, {}), /partialFinalType/);
  });

test("calls share the steps that are the same", () => {
  const on = { [SPLIT]: "true" };
  const plan = planOf("SELECT k, COUNT(n), COUNT(DISTINCT v), AVG(n) FROM t GROUP BY k", on);
  const partial = plan.split("\n").find((line) => /partialFinalType=\[PARTIAL\]/.test(line));
  assert.equal(partial?.match(/COUNT\(n\)/g)?.length, 1, plan);
});

test("what cannot be merged, and all with mini-batches off, stays whole", () => {
  const on = { [SPLIT]: "true" };
  for (const sql of [
    "SELECT k, COUNT(DISTINCT v), COLLECT(s) FROM t GROUP BY k",
    "SELECT k, COUNT(DISTINCT v), LISTAGG(DISTINCT s, '#') FROM t GROUP BY k",
    "SELECT k, COUNT(DISTINCT v), MIN(n) FROM (SELECT k, v, COALESCE(n, 0) AS n FROM t) GROUP BY k",
    "SELECT k, COUNT(v) FROM t GROUP BY k",
  ])
    assert.doesNotMatch(planOf(sql, on), /partialFinalType/, sql);
  const off = { ...on, "table.exec.mini-batch.enabled": "false" };
  assert.match(planOf("SELECT COUNT(DISTINCT v) FROM t", off), /partialFinalType/);
});

test("HASH_CODE is Java's", async () => {
  const texts = ["", "hello", "grün €", "🎉x", "a".repeat(500)];
  const javas = texts.map((text) => {
    let hash = 0;
    for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
    return `[${hash}]`;
  });
  const calls = texts.map((text) => `(HASH_CODE('${text}'))`);
  assert.deepEqual(await table(`SELECT * FROM (VALUES ${calls.join(", ")})`, {}), javas.sort());
});
