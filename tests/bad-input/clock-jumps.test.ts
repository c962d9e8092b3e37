/**
 * Operators that go by the clock, when the clock is set: a day on or an hour back, in the middle of a query's rows, and with
 * a restore behind the jump. No row is lost or counted twice, nothing waits for ever.
 *
 * Rows:    six of one key, `id` from 1; the clock is set behind the third. Then time passes, two days at the most.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedWorld } from "../../src/foundation/host/simulated-env.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import { retracted } from "../../testkit/conformance/row-compare.ts";
import type { SinkRow } from "../../testkit/values/values-store.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const ROWS = 6;
const PAUSE_MS = 1500;

interface ClockCase {
  readonly sql: string;
  readonly config?: Readonly<Record<string, string>>;
  /** Rows that are wanted in the end, as texts without kinds; or a look at them. */
  readonly rows:
    | readonly string[]
    | ((rows: readonly (readonly string[])[], jumpMs: number) => void);
}

const firstField = (rows: readonly (readonly string[])[]) =>
  rows.reduce((sum, [first]) => sum + Number(first), 0);
/** Each row is in so many windows: the counts say so. */
const counted = (times: number) => (rows: readonly (readonly string[])[]) =>
  assert.equal(firstField(rows), ROWS * times, JSON.stringify(rows));
const tvf = (window: string) =>
  `SELECT COUNT(*), window_start FROM TABLE(${window}) GROUP BY k, window_start, window_end`;
const ids = (from = 1) => Array.from({ length: ROWS + 1 - from }, (_, i) => `[${from + i}]`);

const CASES: Readonly<Record<string, ClockCase>> = {
  TUMBLE: {
    sql: tvf("TUMBLE(TABLE t, DESCRIPTOR(p), INTERVAL '10' SECOND)"),
    rows: counted(1),
  },
  HOP: {
    sql: tvf("HOP(TABLE t, DESCRIPTOR(p), INTERVAL '5' SECOND, INTERVAL '10' SECOND)"),
    rows: counted(2),
  },
  SESSION: {
    sql: tvf("SESSION(TABLE t PARTITION BY k, DESCRIPTOR(p), INTERVAL '10' SECOND)"),
    rows: (rows) => {
      counted(1)(rows);
      assert.equal(rows.length, 2, "one on each side of the jump");
    },
  },
  "group window": {
    sql: "SELECT COUNT(*) FROM t GROUP BY k, TUMBLE(p, INTERVAL '10' SECOND)",
    rows: counted(1),
  },
  "group window, early firings": {
    sql: "SELECT COUNT(*) FROM t GROUP BY k, TUMBLE(p, INTERVAL '10' SECOND)",
    config: {
      "table.exec.emit.early-fire.enabled": "true",
      "table.exec.emit.early-fire.delay": "1 s",
    },
    rows: counted(1),
  },
  "group window, sessions": {
    sql: "SELECT COUNT(*) FROM t GROUP BY k, SESSION(p, INTERVAL '10' SECOND)",
    rows: (rows) => {
      counted(1)(rows);
      assert.equal(rows.length, 2, "one on each side of the jump");
    },
  },
  "OVER, all before": {
    sql: "SELECT COUNT(*) OVER (PARTITION BY k ORDER BY p) FROM t",
    rows: ids(),
  },
  "OVER, rows": {
    sql: "SELECT SUM(id) OVER (PARTITION BY k ORDER BY p ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
    rows: ["[1]", "[11]", "[3]", "[5]", "[7]", "[9]"],
  },
  "OVER, a range": {
    sql: "SELECT id, COUNT(*) OVER (PARTITION BY k ORDER BY p RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW) FROM t",
    rows: (rows) => {
      assert.deepEqual(rows.map(([id]) => Number(id)).sort(), [1, 2, 3, 4, 5, 6]);
      for (const [id, n] of rows)
        assert.ok(Number(n) >= 1 && Number(n) <= Number(id), `${id}: ${n}`);
    },
  },
  "the first row": {
    sql: "SELECT id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY p) n FROM t) WHERE n = 1",
    rows: ["[1]"],
  },
  "the last row": {
    sql: "SELECT id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY p DESC) n FROM t) WHERE n = 1",
    rows: ["[6]"],
  },
  "interval join": {
    sql: "SELECT DISTINCT a.id FROM t a, t b WHERE a.k = b.k AND a.id = b.id AND a.p BETWEEN b.p - INTERVAL '5' SECOND AND b.p + INTERVAL '5' SECOND",
    rows: ids(),
  },
  Match: {
    sql: `SELECT * FROM t MATCH_RECOGNIZE (ORDER BY p MEASURES A.id AS a, B.id AS b
      ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW PATTERN (A B) DEFINE B AS B.id = A.id + 1)`,
    rows: ["[1, 2]", "[2, 3]", "[3, 4]", "[4, 5]", "[5, 6]"],
  },
  "state TTL": {
    sql: "SELECT COUNT(*) FROM t GROUP BY k",
    config: { "table.exec.state.ttl": "2 h" },
    rows: (rows, jumpMs) => {
      // What is older than two hours is forgotten, and counted anew: the row of before is not taken back.
      const texts = rows.map(([n]) => n).sort();
      assert.deepEqual(texts, jumpMs > 0 ? ["3", "3"] : ["6"]);
    },
  },
  "mini-batches": {
    sql: "SELECT COUNT(*) FROM t GROUP BY k",
    config: {
      "table.exec.mini-batch.enabled": "true",
      "table.exec.mini-batch.allow-latency": "4 s",
      "table.exec.mini-batch.size": "100",
    },
    rows: ["[6]"],
  },
};

async function run(of: ClockCase, jumpMs: number, restored: boolean): Promise<readonly SinkRow[]> {
  const world = new SimulatedWorld(5);
  let given: readonly SinkRow[] = [];
  let restoreFrom: string | undefined;
  for (const share of restored ? [0, 1] : [1]) {
    const env = world.boot();
    const engine = new Engine({ env, ...(of.config ? { config: of.config } : {}) });
    engine.execute(`CREATE TABLE t (id INT, k STRING, p AS PROCTIME())
      WITH ('connector' = 'values', 'bounded' = 'false', 'terminating' = 'true')`);
    const rows = Array.from({ length: ROWS }, (_, i) => ({ row: [i + 1, "a"] }));
    engine.store.register("t", rows, { rowByRow: true, released: false, ended: false });
    const planned = engine.execute(of.sql);
    assert.ok(planned.kind === "query");
    const sink = planned.plan.nodes.findLast(({ type }) => type === "Sink");
    const name = sink?.type === "Sink" ? sink.table.name : "";
    engine.store.collect(name.slice(name.lastIndexOf(".") + 1), given);
    const job = engine.start(planned.plan, {
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
    });
    const pass = (ms: number) =>
      world.run(new Promise<void>((resolve) => void env.timers.after(ms, resolve)));
    await world.runUntil(() => job.view.status === "RUNNING" || job.view.failure !== null);
    if (restoreFrom !== undefined) engine.store.release("t", ROWS / 2);
    for (let row = restoreFrom === undefined ? 0 : ROWS / 2; row < ROWS; row++) {
      if (row === ROWS / 2 && restoreFrom === undefined) world.jumpClock(jumpMs);
      if (row === ROWS / 2 && share === 0) break;
      engine.store.release("t");
      await pass(PAUSE_MS);
    }
    if (share === 0) {
      restoreFrom = (await world.run(job.stopWithSavepoint({ directory: "/savepoints" }))).path;
    } else {
      await pass(2 * HOUR_MS);
      assert.equal(job.view.status, "RUNNING", String(job.view.failure?.message));
      await world.run(job.cancel());
    }
    given = engine.rowsOf(name);
  }
  return given;
}

for (const [name, of] of Object.entries(CASES))
  for (const [what, jumpMs] of [
    ["a day on", DAY_MS],
    ["an hour back", -HOUR_MS],
  ] as const)
    for (const restored of [false, true])
      test(`${name}: the clock is set ${what}${restored ? ", and the job restored" : ""}`, async () => {
        const rows = retracted(await run(of, jumpMs, restored));
        const fields = rows.map(({ fields }) => fields);
        if (typeof of.rows === "function") of.rows(fields, jumpMs);
        else assert.deepEqual(rows.map(({ text }) => text.slice(2)).sort(), [...of.rows].sort());
      });
