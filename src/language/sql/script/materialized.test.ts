import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import { temporaryFolder } from "../../../../testkit/temporary-folder.ts";

function setUp() {
  const folder = temporaryFolder("materialized");
  mkdirSync(`${folder}/in`);
  const sales = (rows: readonly (readonly [string, number])[]) =>
    writeFileSync(
      `${folder}/in/sales.json`,
      rows.map(([day, v]) => `${JSON.stringify({ day, v })}\n`).join(""),
    );
  const engine = new Engine();
  engine.execute(`CREATE TABLE sales (\`day\` STRING, v INT)
    WITH ('connector' = 'filesystem', 'path' = '${folder}/in', 'format' = 'json')`);
  engine.execute(`CREATE MATERIALIZED TABLE totals PARTITIONED BY (\`day\`)
    WITH ('connector' = 'filesystem', 'path' = '${folder}/out', 'format' = 'json')
    FRESHNESS = INTERVAL '1' DAY REFRESH_MODE = FULL
    AS SELECT SUM(v) AS v, \`day\` FROM sales GROUP BY \`day\``);
  const rows = async (sql = "SELECT * FROM totals") => {
    engine.execute("SET 'execution.runtime-mode' = 'batch'");
    const texts = (await engine.query(sql)).rows.map(({ text }) => text).sort();
    engine.execute("RESET 'execution.runtime-mode'");
    return texts;
  };
  const refresh = async (sql: string) => {
    const result = engine.execute(sql);
    assert.ok(result.kind === "insert");
    assert.equal(result.plan.mode, "batch");
    await engine.runPlan(result.plan);
  };
  return { engine, folder, sales, rows, refresh };
}

test("a full refresh replaces what the table holds, of one partition only that", async () => {
  const { folder, sales, rows, refresh } = setUp();
  sales([
    ["a", 1],
    ["a", 2],
    ["b", 5],
  ]);
  await refresh("ALTER MATERIALIZED TABLE totals REFRESH");
  assert.deepEqual(await rows(), ["+I[3, a]", "+I[5, b]"]);
  sales([
    ["a", 10],
    ["c", 7],
  ]);
  await refresh("ALTER MATERIALIZED TABLE totals REFRESH PARTITION (`day` = 'a')");
  assert.deepEqual(await rows(), ["+I[10, a]", "+I[5, b]"]);
  await refresh("ALTER MATERIALIZED TABLE totals REFRESH PARTITION (`day` = 'b')");
  assert.deepEqual(await rows(), ["+I[10, a]"], "nothing comes for b");
  await refresh("ALTER MATERIALIZED TABLE totals REFRESH");
  assert.deepEqual(await rows(), ["+I[10, a]", "+I[7, c]"]);
  assert.deepEqual(readdirSync(`${folder}/out`), ["day=a", "day=c"]);
});

test("AS changes the query; columns may only be added", async () => {
  const { engine, sales, rows, refresh } = setUp();
  sales([["a", 1]]);
  engine.execute(
    "ALTER MATERIALIZED TABLE totals AS SELECT SUM(v) * 2 AS v, `day`, COUNT(*) AS n FROM sales GROUP BY `day`",
  );
  await refresh("ALTER MATERIALIZED TABLE totals REFRESH");
  assert.deepEqual(await rows(), ["+I[2, a, 1]"]);
  assert.throws(
    () => engine.execute("ALTER MATERIALIZED TABLE totals AS SELECT `day` FROM sales"),
    /must keep the columns/,
  );
  for (const [sql, expected] of [
    ["ALTER MATERIALIZED TABLE totals SUSPEND", /is not supported/],
    ["ALTER MATERIALIZED TABLE totals REFRESH PARTITION (v = 1)", /no partition column/],
    ["ALTER MATERIALIZED TABLE sales REFRESH", /Materialized table sales/],
  ] as const)
    assert.throws(() => engine.execute(sql), expected, sql);
});
