/** LIMIT of bounded input stops what makes its rows, in its task and in those before: none of these would end in a test's time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const DDL = `CREATE TABLE rows_without_end (k BIGINT, v INT) WITH ('connector' = 'datagen',
  'number-of-rows' = '100000000000', 'rows-per-second' = '1000000000', 'fields.v.min' = '1', 'fields.v.max' = '9')`;
const THOUSAND = `(VALUES ${Array.from({ length: 1000 }, (_, i) => `(${i})`).join(", ")})`;
const MILLION = `(SELECT 1 AS k, a.x * 1000 + b.x AS v FROM ${THOUSAND} AS a(x), ${THOUSAND} AS b(x))`;

for (const [what, sql, count] of [
  ["a scan", "SELECT v FROM rows_without_end WHERE v > 3 LIMIT 20", 20],
  [
    "a UNION",
    "SELECT v FROM (SELECT v FROM rows_without_end UNION ALL SELECT v FROM rows_without_end) LIMIT 5000 OFFSET 10",
    5000,
  ],
  [
    "10¹² pairs of one key",
    `SELECT s.v, t.v FROM ${MILLION} AS s JOIN ${MILLION} AS t ON s.k = t.k LIMIT 10`,
    10,
  ],
  [
    "10¹² pairs without a key",
    `SELECT s.v, t.v FROM ${MILLION} AS s, ${MILLION} AS t WHERE s.v <= t.v LIMIT 7`,
    7,
  ],
  ["no rows at all", "SELECT v FROM rows_without_end LIMIT 0", 0],
] as const)
  test(what, async () => {
    for (const parallelism of [1, 2]) {
      const engine = new Engine({ batch: true });
      engine.execute(DDL);
      const result = engine.execute(sql);
      assert.ok(result.kind === "query");
      const sink = result.plan.nodes.findLast(({ type }) => type === "Sink");
      assert.ok(sink?.type === "Sink");
      await engine.runPlan(result.plan, { parallelism });
      assert.equal(engine.rowsOf(sink.table.name).length, count);
    }
  });
