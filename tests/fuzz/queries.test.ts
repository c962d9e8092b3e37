/** A short run of the query fuzzer; more: npm run fuzz-queries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadTestKernels } from "../../testkit/worker-runtime.ts";
import { runQueries } from "./queries/query-campaign.ts";

await loadTestKernels();
const COUNT = 20;
const CHAINS = 10;

test(`${COUNT} random queries: as streams and bounded, as DuckDB`, async () => {
  const results = await runQueries({ first: 100_000, count: COUNT });
  const outcomes = results.flatMap(({ seed, sql, outcomes: all }) =>
    all.filter(({ kind }) => kind !== "equal").map((outcome) => ({ seed, sql, outcome })),
  );
  assert.deepEqual(outcomes, []);
  assert.ok(results.every(({ outcomes: all }) => all.length > 0));
});

test(`${CHAINS} random queries with joins in a row as one`, async () => {
  const results = await runQueries({ first: 200_000, count: CHAINS, multiJoin: true });
  const outcomes = results.flatMap(({ seed, sql, outcomes: all }) =>
    all.filter(({ kind }) => kind !== "equal").map((outcome) => ({ seed, sql, outcome })),
  );
  assert.deepEqual(outcomes, []);
});

test(`${CHAINS} random queries over NULLs, hot keys, extremes and long texts`, async () => {
  const results = await runQueries({ first: 300_000, count: CHAINS, hostile: true });
  const different = results.flatMap(({ seed, sql, outcomes: all }) =>
    // The peer refuses products that wrap; memory for a few batches holds few long texts.
    all.filter(({ kind }) => kind === "different").map((outcome) => ({ seed, sql, outcome })),
  );
  assert.deepEqual(different, []);
  assert.ok(results.some(({ outcomes: all }) => all.some(({ kind }) => kind === "equal")));
});

const ONCE_WRONG = [
  // A column that is NOT NULL on one side only.
  "SELECT CAST('x' AS STRING) AS x FROM c EXCEPT ALL SELECT b2 FROM b",
  "SELECT CAST('b' AS STRING) AS x FROM b INTERSECT ALL SELECT a3 FROM a",
  // HAVING takes back what grows.
  `SELECT m FROM (SELECT m, ROW_NUMBER() OVER (ORDER BY m DESC NULLS LAST) AS n
   FROM (SELECT MAX(b1) AS m FROM b HAVING COUNT(*) > 0 AND MIN(b1) >= 0) AS x) AS y WHERE n <= 1`,
  // DISTINCT over two columns that are computed alike.
  "SELECT b2, CAST(SUM(DISTINCT y) AS BIGINT), CAST(SUM(DISTINCT 4) AS BIGINT) FROM (SELECT DISTINCT 4 AS y, b2 FROM b) AS x GROUP BY b2",
  // What is unique before the sets of CUBE is not behind them.
  "SELECT s, k, SUM(k) FROM (SELECT c2 AS k, CAST(SUM(c1) AS BIGINT) AS s FROM c GROUP BY c2) AS x GROUP BY CUBE (s, k) HAVING COUNT(*) > 0",
  // One column in two keys of a join, with NULLs that match and NULLs that do not.
  "SELECT a1 FROM a WHERE a1 = (SELECT MIN(b1) FROM b WHERE b1 IS NOT DISTINCT FROM a1)",
  "SELECT a1, a2 FROM a JOIN (SELECT COALESCE(b1, 1) AS n, b1 FROM b) AS x ON a1 = n AND a1 = b1",
  // Behind OFFSET rows move rank by rank: what tells them apart before does not in between.
  `SELECT x0.k, x0.t, c1 FROM (SELECT * FROM (SELECT DISTINCT ABS(b1) AS k, b2 AS t FROM b WHERE b1 IS NOT NULL) AS y
   ORDER BY k DESC NULLS LAST, t ASC NULLS FIRST LIMIT 3 OFFSET 1) AS x0 LEFT JOIN c ON x0.k = c1`,
].map((text) => ({ text, boundedOnly: false }));

/** A global aggregate over nothing has no value, whatever its argument. */
const OVER_NOTHING = {
  text: "SELECT MIN(4), SUM(COALESCE(b1, 0)), COUNT(*), MAX(CAST('x' AS STRING)) FROM b WHERE b1 > 100",
  boundedOnly: true,
};

test("queries that went wrong once", async () => {
  const queries = [...ONCE_WRONG, OVER_NOTHING];
  const results = [];
  // The tables come with the seed: these for the last of them.
  for (const first of [1, 500_000])
    results.push(...(await runQueries({ first, count: queries.length, queries })));
  for (const { sql, outcomes } of results)
    assert.deepEqual(
      outcomes.filter(({ kind }) => kind !== "equal"),
      [],
      sql,
    );
});
