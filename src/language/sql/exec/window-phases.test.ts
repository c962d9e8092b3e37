/** Windows of streams aggregate in two phases: plans in Flink's words, and rows equal to those of one phase. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { planText } from "../explain/explain.ts";

const SEED = 20_261_123;
const EVENTS = 3_000;

/** Rows out of order by up to 4 s, never behind the watermark; NULLs among the values. */
function events(seed: number, keys = 500) {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  return Array.from({ length: keys > EVENTS ? 2 * EVENTS : EVENTS }, (_, i) => {
    const ms = i * 10 + random(8_000) - 4_000;
    const k = random(2) === 0 && keys < EVENTS ? 0 : random(keys);
    const v = random(5) === 0 ? null : random(100);
    return { row: [k, v, `text ${random(7)}`, random(3) === 0, Math.max(0, ms)] };
  });
}

const isLocal = (line: string): boolean => line.startsWith("LocalWindowAggregate");

async function planned(sql: string, strategy: string, set?: string) {
  const engine = new Engine();
  if (set !== undefined) engine.execute(set);
  engine.store.register("t", events(SEED), { batchRows: 100 });
  engine.store.register("many", events(SEED, 1_000_000), { batchRows: 1_000 });
  engine.execute(`SET 'table.optimizer.agg-phase-strategy' = '${strategy}'`);
  engine.execute("CREATE FUNCTION weightedAvg AS 'WeightedAvg'");
  engine.execute("CREATE FUNCTION withoutMerge AS 'WeightedAvgWithoutMerge'");
  for (const name of ["t", "many"])
    engine.execute(`CREATE TABLE ${name} (k INT, v INT, s STRING NOT NULL, f BOOLEAN NOT NULL, ms BIGINT,
      ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts - INTERVAL '8' SECOND)
      WITH ('connector' = 'values', 'data-id' = '${name}')`);
  const result = engine.execute(sql);
  assert.equal(result.kind, "query");
  return { engine, plan: (result as { plan: ExecPlan }).plan };
}

async function rowsOf(
  sql: string,
  strategy: string,
  parallelism: number,
  set?: string,
): Promise<string[]> {
  const { engine, plan } = await planned(sql, strategy, set);
  await engine.runPlan(plan, { parallelism });
  const sink = plan.nodes.find((node) => node.type === "Sink");
  const rows = engine.rowsOf(sink?.type === "Sink" ? sink.table.name : "");
  return rows.map(({ text }) => text).sort();
}

async function explained(sql: string, strategy = "AUTO", set?: string): Promise<string[]> {
  const { plan } = await planned(sql, strategy, set);
  const text = planText(plan, { style: "infix", changes: false, collect: true });
  return text.split("\n").map((line) => line.replace(/^[ :+-]+/, ""));
}

const TUMBLE = "TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND))";
const HOP = "TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '6' SECOND))";
const CUMULATE =
  "TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '6' SECOND))";
const PLAIN =
  "COUNT(*) AS n, COUNT(v) AS c, SUM(v) AS s, AVG(v) AS g, MIN(v) AS a, MAX(v) FILTER (WHERE f) AS z, SUM(CAST(v AS DECIMAL(20, 2))) AS d, STDDEV_POP(v) AS sd";
const DISTINCT =
  "COUNT(*) AS n, COUNT(DISTINCT s) AS d, SUM(DISTINCT v) AS e, COUNT(DISTINCT v) FILTER (WHERE f) AS g, COUNT(DISTINCT f) AS h";
const by = (keys: string, calls: string, from: string) =>
  `SELECT ${keys}${calls}, window_start, window_end FROM ${from} GROUP BY ${keys}window_start, window_end`;

test("a local and a global aggregate with the exchange between them, named as in Flink", async () => {
  assert.deepEqual((await explained(by("k, ", "COUNT(*) AS n, AVG(v) AS g", HOP))).slice(0, 3), [
    "GlobalWindowAggregate(groupBy=[k], window=[HOP(slice_end=[$slice_end], size=[6 s], slide=[2 s])], select=[k, COUNT(count1$0) AS n, AVG((sum$1, count$2)) AS g, start('w$) AS window_start, end('w$) AS window_end])",
    "Exchange(distribution=[hash[k]])",
    "LocalWindowAggregate(groupBy=[k], window=[HOP(time_col=[ts], size=[6 s], slide=[2 s])], select=[k, COUNT(*) AS count1$0, AVG(v) AS (sum$1, count$2), slice_end('w$) AS $slice_end])",
  ]);
  assert.deepEqual((await explained(by("", "COUNT(DISTINCT s) AS d", TUMBLE))).slice(0, 3), [
    "GlobalWindowAggregate(window=[TUMBLE(slice_end=[$slice_end], size=[2 s])], select=[COUNT(distinct$0 count$0) AS d, start('w$) AS window_start, end('w$) AS window_end])",
    "Exchange(distribution=[single])",
    "LocalWindowAggregate(window=[TUMBLE(time_col=[ts], size=[2 s])], select=[COUNT(distinct$0 s) AS count$0, DISTINCT(s) AS distinct$0, slice_end('w$) AS $slice_end])",
  ]);
});

test("one phase: ONE_PHASE, FIRST_VALUE, sessions, group windows", async () => {
  const one = /^(Calc|WindowAggregate|GroupWindowAggregate)/;
  const none = async (sql: string, strategy?: string) => {
    const lines = await explained(sql, strategy);
    assert.match(lines[0]!, one);
    assert.ok(!lines.some(isLocal));
  };
  await none(by("k, ", PLAIN, TUMBLE), "ONE_PHASE");
  await none(by("k, ", "FIRST_VALUE(v) AS v", TUMBLE));
  await none(
    by("", "COUNT(*) AS n", "TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND))"),
  );
  await none(by("k, ", "withoutMerge(ms, v) AS w", TUMBLE));
  const inner = by("k, ", "COUNT(*) AS n", TUMBLE);
  const same = await explained(by("k, ", "MAX(n) AS m", `(${inner})`));
  assert.equal(
    same.filter(isLocal).length,
    1,
    "the outer aggregate's input is distributed by its key",
  );
  await none("SELECT k, COUNT(*) AS n FROM t GROUP BY k, TUMBLE(ts, INTERVAL '2' SECOND)");
});

const QUERIES: readonly (readonly [string, string])[] = [
  ["TUMBLE", by("k, ", PLAIN, TUMBLE)],
  ["TUMBLE by a text", by("s, ", PLAIN, TUMBLE)],
  ["TUMBLE without keys", by("", PLAIN, TUMBLE)],
  ["HOP", by("k, ", PLAIN, HOP)],
  ["CUMULATE", by("k, ", PLAIN, CUMULATE)],
  ["texts", by("k, ", "MIN(s) AS a, MAX(s) AS b, COUNT(*) AS n", HOP)],
  ["a function of the user", by("k, ", "weightedAvg(ms, v) AS w, COUNT(*) AS n", HOP)],
  ["more keys than are worth folding", by("k, ", PLAIN, TUMBLE.replace("TABLE t", "TABLE many"))],
  ["many keys with DISTINCT", by("k, ", DISTINCT, HOP.replace("TABLE t", "TABLE many"))],
  ["TUMBLE with DISTINCT", by("k, ", DISTINCT, TUMBLE)],
  ["HOP with DISTINCT", by("k, ", DISTINCT, HOP)],
  ["CUMULATE with DISTINCT, without keys", by("", DISTINCT, CUMULATE)],
  ["DISTINCT by the key", by("s, ", "COUNT(DISTINCT s) AS d, COUNT(*) AS n", TUMBLE)],
  [
    "windows that rows carry",
    `SELECT MAX(n) AS m, COUNT(DISTINCT n) AS d, window_start, window_end FROM (${by("k, ", "COUNT(*) AS n", CUMULATE)}) GROUP BY window_start, window_end`,
  ],
  [
    "windows that rows carry, filtered",
    by(
      "k, ",
      DISTINCT,
      `(SELECT * FROM ${HOP} WHERE window_end > TIMESTAMP '1970-01-01 00:00:09')`,
    ),
  ],
];

test("DISTINCT that is split: rows are those of the whole", async () => {
  const split = "SET 'table.optimizer.distinct-agg.split.enabled' = 'true'";
  for (const window of [TUMBLE, HOP, CUMULATE]) {
    const sql = by("k, ", "COUNT(*) AS n, SUM(v) AS s, COUNT(DISTINCT s) AS d", window);
    const one = await rowsOf(sql, "ONE_PHASE", 1);
    assert.equal((await explained(sql, "AUTO", split)).filter(isLocal).length, 2);
    for (const strategy of ["ONE_PHASE", "AUTO"])
      assert.deepEqual(await rowsOf(sql, strategy, 2, split), one);
  }
});

for (const [what, sql] of QUERIES)
  test(`rows are those of one phase: ${what}`, async () => {
    const one = await rowsOf(sql, "ONE_PHASE", 1);
    assert.ok(one.length > 0);
    assert.deepEqual(await rowsOf(sql, "AUTO", 2), one);
  });
