/** Aggregates by simpler ones: their plan, and what queries with them give. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRow } from "../../../foundation/columnar/value-text.ts";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const ROWS = [
  [1, "a", 2, "1.50", '{"x": 1}'],
  [1, "b", 4, "2.50", "[1, 2]"],
  [2, "c", 9, "0.00", "null"],
  [2, "c", 9, null, "text"],
];

function engineOf(batch: boolean): Engine {
  const engine = new Engine({ batch });
  engine.execute(
    `CREATE TABLE T (k INT, s STRING, v BIGINT, d DECIMAL(5, 2), j STRING)
     WITH ('connector' = 'values')`,
  );
  engine.store.register(
    "T",
    ROWS.map((row) => ({ row })),
  );
  return engine;
}

async function final(sql: string, batch: boolean): Promise<string[]> {
  const { rows, schema } = await engineOf(batch).query(sql);
  const left: string[] = [];
  for (const { kind, values } of rows) {
    const text = formatRow(0, values, schema);
    if (kind === 0 || kind === 2) left.push(text);
    else left.splice(left.indexOf(text), 1);
  }
  return left.sort();
}

const CASES: readonly (readonly [string, readonly string[]])[] = [
  [
    "SELECT k, FIRST_VALUE(ROW(s, v)), LAST_VALUE(ROW(s, d)), LAST_VALUE(s), VAR_POP(v) FROM T GROUP BY k",
    ["+I[1, +I[a, 2], +I[b, 2.50], b, 1]", "+I[2, +I[c, 9], +I[c, null], c, 0]"],
  ],
  [
    "SELECT APPROX_COUNT_DISTINCT(s), APPROX_COUNT_DISTINCT(d) FILTER (WHERE k = 1) FROM T",
    ["+I[3, 2]"],
  ],
  [
    "SELECT k, VAR_POP(v), VAR_SAMP(v), STDDEV_POP(v), STDDEV(v), VARIANCE(DISTINCT v) FROM T GROUP BY k",
    ["+I[1, 1, 2, 1, 1, 2]", "+I[2, 0, 0, 0, 0, null]"],
  ],
  [
    "SELECT VAR_POP(d), VAR_SAMP(d) FILTER (WHERE k = 1), STDDEV_SAMP(CAST(v AS DOUBLE)) FROM T",
    ["+I[1.055556, 0.500000, 3.559026084010437]"],
  ],
  [
    "SELECT k, JSON_ARRAYAGG(d NULL ON NULL), JSON_OBJECTAGG(s VALUE v) FROM T WHERE v < 9 GROUP BY k",
    ['+I[1, [1.50,2.50], {"a":2,"b":4}]'],
  ],
  ["SELECT JSON_ARRAYAGG(JSON_OBJECT('k' VALUE k)) FROM T WHERE k = 1", ['+I[[{"k":1},{"k":1}]]']],
  [
    "SELECT k, CARDINALITY(ARRAY_AGG(ROW(s, v))), ARRAY_AGG(DISTINCT ROW(s, v)), COLLECT(ROW(k, v)) FROM T GROUP BY k",
    [
      "+I[1, 2, [+I[a, 2], +I[b, 4]], {+I[1, 2]=1, +I[1, 4]=1}]",
      "+I[2, 2, [+I[c, 9]], {+I[2, 9]=2}]",
    ],
  ],
  [
    "SELECT v, VAR_POP(v) OVER (PARTITION BY k ORDER BY s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM T WHERE k = 1",
    ["+I[2, 0]", "+I[4, 1]"],
  ],
];

for (const [sql, expected] of CASES) {
  const overSorted = sql.includes("OVER");
  test(sql.slice(0, 60), async () => {
    assert.deepEqual(await final(sql, true), expected, "bounded");
    if (!overSorted) assert.deepEqual(await final(sql, false), expected, "streaming");
  });
}

test("one count and one M2 serve all variances of an argument", () => {
  const plan = engineOf(false).execute(
    "EXPLAIN PLAN FOR SELECT VAR_POP(v), STDDEV_SAMP(v), COUNT(v) FROM T",
  );
  const text = JSON.stringify(plan).split("Optimized Execution Plan").at(-1)!;
  assert.equal(text.split("$WELFORD_M2$1(v)").length, 2);
  assert.match(text, /POWER\(/);
});

test("VARIANT: access, casts, and what is no JSON", async () => {
  assert.deepEqual(
    await final(
      `SELECT TRY_PARSE_JSON(j), TRY_CAST(TRY_PARSE_JSON(j)['x'] AS INT),
              TRY_PARSE_JSON(j) IS NULL FROM T WHERE k = 1 AND j LIKE '{%'`,
      false,
    ),
    ['+I[{"x":1}, 1, false]'],
  );
  assert.deepEqual(
    await final(
      `SELECT CAST(PARSE_JSON(j) AS ARRAY<INT>), PARSE_JSON(j)[3], CAST(PARSE_JSON(j)[2] AS STRING)
       FROM T WHERE j LIKE '[%'`,
      false,
    ),
    ["+I[[1, 2], null, 2]"],
  );
  assert.deepEqual(
    await final("SELECT COUNT(DISTINCT TRY_PARSE_JSON(j)), COUNT(TRY_PARSE_JSON(j)) FROM T", false),
    ["+I[3, 3]"],
  );
  await assert.rejects(final("SELECT PARSE_JSON(j) FROM T", false), { code: "MR4104" });
  await assert.rejects(final("SELECT PARSE_JSON('1')['x'] FROM T", false), { code: "MR4104" });
});

test("edges: constant 0 as divisor, sums beyond their precision, GROUP BY of a map", async () => {
  await assert.rejects(final("SELECT 1 / CAST(0 AS DOUBLE) FROM T", false), { code: "MR4101" });
  assert.deepEqual(await final("SELECT 1E0 / (v - v) FROM T WHERE s = 'a'", false), [
    "+I[Infinity]",
  ]);
  const great = `CAST('${"9".repeat(38)}' AS DECIMAL(38, 0))`;
  assert.deepEqual(await final(`SELECT SUM(${great}) FROM T WHERE k = 1`, true), ["+I[null]"]);
  // Beyond the precision the sum starts anew with the next value, as Flink's does.
  assert.deepEqual(await final(`SELECT SUM(${great}) FROM T WHERE v <> 2`, true), [
    `+I[${"9".repeat(38)}]`,
  ]);
  const byMap = "SELECT COUNT(*) FROM T GROUP BY MAP[k, s]";
  await assert.rejects(final(byMap, true), /not an orderable data type/);
  assert.deepEqual(await final(byMap, false), ["+I[1]", "+I[1]", "+I[2]"]);
});

test("OVER keeps rows: the first, the last, and all of a frame; what has no order is refused as in Flink", async () => {
  const over = (calls: string) =>
    `SELECT id, ${calls} FROM (SELECT id, ROW(id, 'a') AS r FROM (VALUES (1), (2)) AS t (id))`;
  const calls = `FIRST_VALUE(r) OVER (ORDER BY id), (LAST_VALUE(r) OVER (ORDER BY id)).EXPR$0, COUNT(r) OVER (ORDER BY id),
    ARRAY_AGG(r) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)`;
  assert.deepEqual(await final(over(calls), true), [
    "+I[1, +I[1, a], 1, 1, [+I[1, a]]]",
    "+I[2, +I[1, a], 2, 2, [+I[1, a], +I[2, a]]]",
  ]);
  for (const name of ["LAG", "LEAD", "MAX", "MIN"])
    await assert.rejects(final(over(`${name}(r) OVER (ORDER BY id)`), false), { code: "MR2208" });
});
