/** Which aggregates of batch mode are sorted, and what EXPLAIN says of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toMillraceError } from "../../../foundation/base/errors.ts";
import { SqlSession } from "../script/sql-session.ts";

const DDL = `
  CREATE TABLE t (a INT, b STRING, c ARRAY<INT>) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
  CREATE TABLE u (a INT, d STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '10');`;
const DISABLED = "table.exec.disabled-operators";

/** The aggregates and what they read: descriptions, with the distribution behind those that are moved. */
function planned(sql: string, disabled = ""): string[] {
  const session = new SqlSession();
  session.execute("SET 'execution.runtime-mode' = 'batch'");
  if (disabled !== "") session.execute(`SET '${DISABLED}' = '${disabled}'`);
  session.executeScript(DDL);
  const result = session.execute(sql);
  assert.ok(result.kind === "query");
  return result.plan.nodes
    .filter(({ type, description }) => type === "GroupAggregate" || description.startsWith("Sort("))
    .map(({ description, inputs }) => `${description} <- ${inputs[0]!.distribution.kind}`);
}

test("hash aggregates, in two phases where accumulators have a fixed size", () => {
  assert.deepEqual(planned("SELECT a, COUNT(*) AS n FROM t GROUP BY a"), [
    "LocalHashAggregate(groupBy=[a], select=[a, Partial_COUNT(*) AS n]) <- forward",
    "HashAggregate(isMerge=[true], groupBy=[a], select=[a, Final_COUNT(*) AS n]) <- hash",
  ]);
  assert.deepEqual(planned("SELECT a, MAX(b) AS m FROM t GROUP BY a"), [
    "HashAggregate(isMerge=[false], groupBy=[a], select=[a, MAX(b) AS m]) <- hash",
  ]);
});

test("without hash aggregates each half is sorted", () => {
  assert.deepEqual(planned("SELECT a, COUNT(*) AS n FROM t GROUP BY a", "HashAgg"), [
    "Sort(orderBy=[a ASC]) <- forward",
    "LocalSortAggregate(groupBy=[a], select=[a, Partial_COUNT(*) AS n]) <- forward",
    "Sort(orderBy=[a ASC]) <- hash",
    "SortAggregate(isMerge=[true], groupBy=[a], select=[a, Final_COUNT(*) AS n]) <- forward",
  ]);
  assert.deepEqual(planned("SELECT MAX(b) AS m FROM t", "HashAgg"), [
    "SortAggregate(isMerge=[false], select=[MAX(b) AS m]) <- singleton",
  ]);
  assert.throws(
    () => planned("SELECT c, COUNT(*) AS n FROM t GROUP BY c", "HashAgg"),
    (error) => toMillraceError(error).code === "MR2139",
  );
});

const MERGED =
  "SELECT /*+ SHUFFLE_MERGE(t) */ t.a, COUNT(*) AS n FROM t JOIN u ON t.a = u.a GROUP BY t.a";

test("rows that come by key are not sorted again, and not moved behind a sort-merge join", () => {
  assert.deepEqual(planned(MERGED), [
    "SortAggregate(isMerge=[false], groupBy=[a], select=[a, COUNT(*) AS n]) <- forward",
  ]);
  assert.deepEqual(
    planned(
      "SELECT b, a, COUNT(*) AS n FROM (SELECT * FROM t ORDER BY a, b LIMIT 9) GROUP BY b, a",
    ),
    ["SortAggregate(isMerge=[false], groupBy=[b, a], select=[b, a, COUNT(*) AS n]) <- hash"],
  );
});

test("other orders are none, nor are those of outer joins; SortAgg may be disabled", () => {
  const isHashed = (sql: string, disabled?: string) =>
    assert.ok(planned(sql, disabled).at(-1)!.startsWith("HashAggregate("), sql);
  isHashed("SELECT b, COUNT(*) AS n FROM (SELECT * FROM t ORDER BY a, b LIMIT 9) GROUP BY b");
  isHashed(MERGED.replace(" JOIN ", " LEFT JOIN "));
  isHashed(MERGED.replaceAll("t.a,", "t.b,").replace("BY t.a", "BY t.b"));
  isHashed(MERGED, "SortAgg");
  // By one key twice, rows would be of key groups of other subtasks.
  isHashed(
    "SELECT a, d, COUNT(*) AS n FROM (SELECT /*+ SHUFFLE_MERGE(t) */ t.a, t.a AS d FROM t JOIN u ON t.a = u.a) GROUP BY a, d",
  );
});
