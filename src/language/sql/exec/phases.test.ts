/** Streams aggregate in two phases when mini-batches are on: plans, and final rows equal to those of one phase. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import type { ExecNode } from "../../../foundation/plan/exec-node.ts";
import { planText } from "../explain/explain.ts";
import { SqlSession } from "../script/sql-session.ts";

const settings = (strategy: string, size = 100): string[] => [
  "SET 'table.exec.mini-batch.enabled' = 'true'",
  "SET 'table.exec.mini-batch.allow-latency' = '5 s'",
  `SET 'table.exec.mini-batch.size' = '${size}'`,
  `SET 'table.optimizer.agg-phase-strategy' = '${strategy}'`,
];

function explain(sql: string, strategy = "AUTO"): string[] {
  const session = new SqlSession({
    host: { operators: new Set<ExecNode["type"]>(["MiniBatchAssigner"]) },
  });
  session.executeScript(
    `CREATE TABLE t (a INT, b BIGINT, c STRING) WITH ('connector'='datagen');${settings(strategy).join(";")};`,
  );
  const result = session.executeScript(sql).at(-1)!;
  if (result.kind !== "query") throw new Error(result.kind);
  const text = planText(result.plan, { style: "infix", changes: false, collect: true });
  return text.split("\n").map((line) => line.replace(/^[ :+-]+/, ""));
}

test("a local and a global aggregate with the exchange between them, named as in Flink", () => {
  const lines = explain("SELECT a, AVG(b) AS b, COUNT(*) AS n FROM t GROUP BY a");
  assert.deepEqual(lines.slice(0, 3), [
    "GlobalGroupAggregate(groupBy=[a], select=[a, AVG((sum$0, count$1)) AS b, COUNT(count1$2) AS n])",
    "Exchange(distribution=[hash[a]])",
    "LocalGroupAggregate(groupBy=[a], select=[a, AVG(b) AS (sum$0, count$1), COUNT(*) AS count1$2])",
  ]);
});

test("rows that are taken back: the local aggregate counts rows; FIRST_VALUE and ONE_PHASE stay whole", () => {
  const inner = "(SELECT a, COUNT(*) AS n FROM t GROUP BY a)";
  const lines = explain(`SELECT n, SUM(a) AS s FROM ${inner} GROUP BY n`);
  assert.deepEqual(lines.slice(0, 3), [
    "GlobalGroupAggregate(groupBy=[n], select=[n, SUM_RETRACT((sum$0, count$1)) AS s])",
    "Exchange(distribution=[hash[n]])",
    "LocalGroupAggregate(groupBy=[n], select=[n, SUM_RETRACT(a) AS (sum$0, count$1), COUNT_RETRACT(*) AS count1$2])",
  ]);
  const whole = /^GroupAggregate/;
  assert.match(explain("SELECT a, FIRST_VALUE(c), COUNT(*) FROM t GROUP BY a")[0]!, whole);
  assert.match(explain(`SELECT n, LISTAGG(CAST(a AS STRING)) FROM ${inner} GROUP BY n`)[0]!, whole);
  assert.match(explain("SELECT a, COUNT(*) FROM t GROUP BY a", "ONE_PHASE")[0]!, whole);
});

const DIGITS = `(VALUES ${Array.from({ length: 12 }, (_, i) => `(${i})`).join(", ")})`;
const NUMBERS = `CREATE VIEW numbers AS
  SELECT IF(y < 6, 0, x * 12 + z) AS k, NULLIF(y - z, 0) AS v, CAST(x AS STRING) || '-text-' || CAST(y AS STRING) AS t
  FROM ${DIGITS} AS a(x), ${DIGITS} AS b(y), ${DIGITS} AS c(z)`;
const CALLS =
  "COUNT(*) AS n, COUNT(v) AS c, SUM(v) AS s, AVG(v) AS g, SUM(CAST(v AS DECIMAL(20, 2))) AS d, SUM(v) FILTER (WHERE v > 3) AS f";
const QUERIES = [
  `SELECT k, ${CALLS}, MIN(v), MAX(v) FROM numbers GROUP BY k`,
  `SELECT t, v, ${CALLS} FROM numbers GROUP BY t, v`,
  `SELECT ${CALLS}, MAX(v) FROM numbers`,
  `SELECT m, ${CALLS} FROM (SELECT k, COUNT(*) AS m, SUM(v) AS v FROM numbers GROUP BY k) GROUP BY m`,
  "SELECT COUNT(*), SUM(m), AVG(v) FROM (SELECT k, COUNT(*) AS m, SUM(v) AS v FROM numbers GROUP BY k)",
];

async function rowsOf(sql: string, set: readonly string[]): Promise<string[]> {
  const engine = new Engine({});
  for (const statement of set) engine.execute(statement);
  engine.execute(NUMBERS);
  const { rows } = await engine.query(sql);
  const table = new Map<string, number>();
  for (const row of rows) {
    const [kind, fields] = [row.text.slice(0, 2), row.text.slice(2)];
    table.set(fields, (table.get(fields) ?? 0) + (kind.startsWith("+") ? 1 : -1));
  }
  return [...table]
    .filter(([, n]) => n !== 0)
    .map(([text, n]) => `${n} ${text}`)
    .sort();
}

for (const [number, sql] of QUERIES.entries())
  test(`final rows are those of one phase, query ${number + 1}`, async () => {
    const one = await rowsOf(sql, []);
    assert.ok(one.length > 0);
    for (const size of [1, 7, 100, 100_000])
      assert.deepEqual(await rowsOf(sql, settings("TWO_PHASE", size)), one, `size ${size}`);
  });
