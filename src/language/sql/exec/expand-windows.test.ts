import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const DDL = `CREATE TABLE t (k STRING, g INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
  WITH ('connector' = 'values', 'bounded' = 'false', 'terminating' = 'true')`;
const second = (at: number) => `2020-01-01 00:00:${String(at).padStart(2, "0")}`;
/** Out of order, some late. */
const ROWS = Array.from({ length: 60 }, (_, i) => [
  "abc"[i % 3],
  i % 7 === 0 ? null : i % 4,
  (i * 31) % 11,
  second(Math.max(0, Math.floor(i / 2) - ((i * 13) % 5))),
]);

async function answers(sql: string, config: Readonly<Record<string, string>> = {}) {
  const engine = new Engine({ config });
  engine.execute(DDL);
  engine.store.register(
    "t",
    ROWS.map((row) => ({ row })),
  );
  const { rows } = await engine.query(sql);
  return rows.map(({ text }) => text).sort();
}

function description(sql: string, config: Readonly<Record<string, string>> = {}): string {
  const engine = new Engine({ config });
  engine.execute(DDL);
  const result = engine.execute(sql);
  assert.ok(result.kind === "query");
  return result.plan.nodes.map((node) => node.type).join(" ");
}

const WINDOWS = [
  "TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND)",
  "HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '6' SECOND)",
  "CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '6' SECOND)",
];
const CALLS = "COUNT(*), SUM(v), MAX(v) FILTER (WHERE g > 1), COUNT(DISTINCT v)";

test("grouping sets of windows: each set is what it is alone, and the windows are the aggregate's", async () => {
  for (const window of WINDOWS) {
    const from = `FROM TABLE(${window}) WHERE v <> 5`;
    const by = "window_start, window_end";
    const sets = `SELECT k, g, ${by}, ${CALLS} ${from} GROUP BY GROUPING SETS ((k, g), (g), ()), ${by}`;
    const alone = (k: string, g: string, keys: string) =>
      `SELECT ${k}, ${g}, ${by}, ${CALLS} ${from} GROUP BY ${keys}${by}`;
    const apart = [
      alone("k", "g", "k, g, "),
      alone("CAST(NULL AS STRING)", "g", "g, "),
      alone("CAST(NULL AS STRING)", "CAST(NULL AS INT)", ""),
    ].join(" UNION ALL ");
    const expected = await answers(apart);
    assert.ok(expected.length > 20);
    for (const phase of ["ONE_PHASE", "TWO_PHASE"]) {
      const config = { "table.optimizer.agg-phase-strategy": phase };
      assert.deepEqual(await answers(sets, config), expected, `${window} ${phase}`);
      assert.doesNotMatch(description(sets, config), /WindowTableFunction/);
    }
  }
});

test("split DISTINCT of windows: the same as in one", async () => {
  for (const window of WINDOWS) {
    const sql = `SELECT k, window_end, ${CALLS} FROM TABLE(${window}) GROUP BY k, window_start, window_end`;
    const split = { "table.optimizer.distinct-agg.split.enabled": "true" };
    assert.deepEqual(await answers(sql, split), await answers(sql));
    assert.doesNotMatch(description(sql, split), /WindowTableFunction/);
  }
});

test("windows stay below where a copy has none of them, or their columns are computed with", async () => {
  const from = `FROM TABLE(${WINDOWS[0]!})`;
  const some = `SELECT k, COUNT(*) ${from} GROUP BY GROUPING SETS ((k, window_start, window_end), (k, window_end))`;
  assert.match(description(some), /WindowTableFunction/);
  const counted = `SELECT k, COUNT(DISTINCT window_time) ${from} GROUP BY CUBE (k), window_start, window_end`;
  assert.match(description(counted), /WindowTableFunction/);
  assert.equal((await answers(counted)).length > 3, true);
});

test("windows by the clock that the aggregate cannot take are grouped by as columns, as in Flink", () => {
  const clock = `(SELECT *, PROCTIME() AS p FROM t)`;
  const windows = `FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(p), INTERVAL '5' SECOND))`;
  const view = `WITH v AS ${clock}`;
  const by = "GROUP BY k, window_start, window_end";
  assert.match(description(`${view} SELECT k, COUNT(*) ${windows} ${by}`), /WindowAggregate/);
  const filtered = `${view} SELECT k, COUNT(*) ${windows} WHERE window_start > TIMESTAMP '2020-01-01 00:00:00' ${by}`;
  assert.match(description(filtered), /WindowTableFunction.*GroupAggregate/);
  const batch = { "execution.runtime-mode": "batch" };
  assert.match(description(filtered.replace("PROCTIME()", "ts"), batch), / WindowAggregate/);
});
