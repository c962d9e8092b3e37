/** A savepoint taken within a window, between aggregation in one phase and in two, at any parallelism: nothing is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import { retracted, rowText } from "../../../../testkit/conformance/row-compare.ts";
import { ended, settled } from "../../../../testkit/conformance/job-time.ts";
import type { ValuesEvent } from "../../../../testkit/values/values-store.ts";
import { SimulatedWorld } from "../../../foundation/host/simulated-env.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";

const ROWS = 240;
/** Within the third window of ten seconds. */
const TAKEN_AT = 130;

const WINDOWED = `SELECT k, CAST(window_start AS STRING) AS s, COUNT(*) AS n, SUM(v) AS total, COUNT(DISTINCT MOD(v, 7)) AS d
FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY k, window_start, window_end`;
const GROUPED = `SELECT k, 'all' AS s, COUNT(*) AS n, SUM(v) AS total, COUNT(DISTINCT MOD(v, 7)) AS d FROM t GROUP BY k`;

const events: ValuesEvent[] = Array.from({ length: ROWS }, (_, i) => ({
  kind: "+I",
  row: [i % 5, i, `2026-01-01T00:00:${String(Math.floor(i / 5)).padStart(2, "0")}.000`],
}));

function planned(env: Env, query: string, phases: string, count: number, last: boolean) {
  const engine = new Engine({
    env,
    config: {
      "table.optimizer.agg-phase-strategy": phases,
      "table.exec.mini-batch.enabled": "true",
      "table.exec.mini-batch.allow-latency": "1 s",
      "table.exec.mini-batch.size": "50",
      "pipeline.max-parallelism": "16",
    },
  });
  engine.execute(`CREATE TABLE t (k INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
    WITH ('connector' = 'values', 'bounded' = 'false')`);
  engine.execute(`CREATE TABLE o (k INT, s STRING, n BIGINT, total INT, d BIGINT)
    WITH ('connector' = 'values', 'sink-insert-only' = 'false')`);
  engine.store.register("t", events.slice(0, count), { ended: last });
  const result = engine.execute(`INSERT INTO o ${query}`);
  assert.equal(result.kind, "insert");
  return { engine, plan: (result as { plan: ExecPlan }).plan };
}

const contents = (engine: Engine) =>
  retracted(engine.rowsOf("o"))
    .map((row) => rowText(row, "plain"))
    .sort();

async function moved(query: string, from: string, to: string, before: number, after: number) {
  const world = new SimulatedWorld(7);
  const first = planned(world.boot(), query, from, TAKEN_AT, false);
  const job = first.engine.start(first.plan, { parallelism: before });
  const isRead = () => first.engine.store.isRead("t");
  await settled(world, job, { isRead, quietMs: 5000 });
  const { path } = await world.run(job.stopWithSavepoint({ directory: "/savepoints" }));
  const second = planned(world.boot(), query, to, ROWS, true);
  second.engine.store.collect("o", first.engine.rowsOf("o"));
  const restored = second.engine.start(second.plan, { parallelism: after, restoreFrom: path });
  await world.run(ended(restored));
  return contents(second.engine);
}

async function straight(query: string): Promise<string[]> {
  const world = new SimulatedWorld(7);
  const { engine, plan } = planned(world.boot(), query, "ONE_PHASE", ROWS, true);
  await world.run(ended(engine.start(plan)));
  return contents(engine);
}

for (const [name, query] of Object.entries({ windows: WINDOWED, groups: GROUPED }))
  test(`${name}: from one phase to two and back, within a window, rescaled`, async () => {
    const expected = await straight(query);
    assert.ok(expected.length >= 5);
    const types = (phases: string) =>
      planned(new SimulatedWorld(7).boot(), query, phases, 0, true).plan.nodes.length;
    assert.ok(types("TWO_PHASE") > types("ONE_PHASE"), "the plans differ");
    for (const [from, to] of [
      ["ONE_PHASE", "TWO_PHASE"],
      ["TWO_PHASE", "ONE_PHASE"],
    ] as const)
      for (const [before, after] of [
        [1, 1],
        [1, 3],
        [3, 1],
        [2, 2],
      ] as const)
        assert.deepEqual(
          await moved(query, from, to, before, after),
          expected,
          `${from} × ${before} to ${to} × ${after}`,
        );
  });
