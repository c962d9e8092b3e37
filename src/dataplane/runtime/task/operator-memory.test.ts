/** Joins, ranks, windows and aggregates with less memory than their state takes answer as those in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Env } from "../../../foundation/host/env.ts";
import { realEnv } from "../../../foundation/host/real-env.ts";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const ROWS = 40_000;
const KEYS = 15_000;

const QUERIES = {
  aggregate: "SELECT k, COUNT(*), SUM(n), MAX(s) FROM t GROUP BY k",
  join: "SELECT l.n, l.s, r.s FROM t l JOIN t r ON l.n = r.k",
  rank: `SELECT k, n, s FROM (
    SELECT n, k, s, ROW_NUMBER() OVER (PARTITION BY k ORDER BY n DESC) AS r FROM t) WHERE r <= 2`,
  window: `SELECT window_start, k, COUNT(*), MAX(s) FROM TABLE(
    TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, k`,
};

let files = 0;
const env: Env = {
  ...realEnv(),
  scratch: (folder) => {
    files++;
    return realEnv().scratch(folder);
  },
};

async function answer(query: string, config: Readonly<Record<string, string>>): Promise<string[]> {
  const engine = new Engine({ config, env });
  engine.execute(`CREATE TABLE numbers (n BIGINT,
    ts AS TO_TIMESTAMP_LTZ(n * 10, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen',
    'number-of-rows' = '${ROWS}', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0',
    'fields.n.end' = '${ROWS - 1}', 'rows-per-second' = '100000000')`);
  engine.execute(`CREATE TEMPORARY VIEW t AS SELECT n, ts, MOD(n * 7919, ${KEYS}) AS k,
    CONCAT('a text of more than thirty-two bytes for ', CAST(n AS STRING)) AS s FROM numbers`);
  const { rows } = await engine.query(query);
  const last = new Map<string, number>();
  for (const { kind, values } of rows) {
    const row = JSON.stringify(values, (_, value) =>
      typeof value === "bigint" ? `${value}` : value,
    );
    const sum = (last.get(row) ?? 0) + (String(kind).startsWith("-") ? -1 : 1);
    if (sum === 0) last.delete(row);
    else last.set(row, sum);
  }
  return [...last].map(([row, count]) => `${count} ${row}`).sort();
}

for (const [name, query] of Object.entries(QUERIES))
  test(`${name} with 1 MiB for its state`, async () => {
    const whole = await answer(query, {});
    assert.ok(whole.length >= KEYS, `${whole.length} rows`);
    const before = files;
    assert.deepEqual(await answer(query, { "millrace.state.operator-memory": "1m" }), whole);
    assert.ok(files > before, "nothing was spilled");
  });

test("a share that is too small, or no size, is refused by its key", async () => {
  for (const value of ["1000", "much"])
    await assert.rejects(
      answer(QUERIES.aggregate, { "millrace.state.operator-memory": value }),
      /millrace\.state\.operator-memory/,
    );
});
