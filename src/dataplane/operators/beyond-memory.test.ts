/** Bounded queries whose rows and groups do not fit into the memory they have: the answers are those of enough memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../testkit/conformance/engine.ts";
import { realEnv } from "../../foundation/host/real-env.ts";

const DIGITS = `(VALUES ${Array.from({ length: 40 }, (_, i) => `(${i})`).join(", ")})`;
const BUDGET = "state.backend.rocksdb.memory.fixed-per-slot";

/** 64,000 rows: k counts up in steps that mix, v has NULLs, t is a text of some 80 bytes. */
const VIEWS = [
  `CREATE VIEW big AS SELECT MOD((x * 1600 + y * 40 + z) * 17, 64000) AS k, NULLIF(y - z, 0) AS v, x,
     REPEAT('text ', 15) || CAST(x * 1600 + y * 40 + z AS STRING) AS t
   FROM ${DIGITS} AS a(x), ${DIGITS} AS b(y), ${DIGITS} AS c(z)`,
  "CREATE VIEW few AS SELECT * FROM big WHERE x > 3",
  "CREATE VIEW handful AS SELECT * FROM big WHERE k > 6 AND k < 21",
];

interface Answer {
  readonly rows: string[];
  readonly writtenBytes: number;
}

async function answer(
  sql: string,
  budget: string | undefined,
  options: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  let writtenBytes = 0;
  const env = realEnv();
  const counting = {
    ...env,
    scratch: (folder: string) => {
      const file = env.scratch(folder);
      return {
        readSync: (target: Uint8Array, position: number) => file.readSync(target, position),
        writeSync: (bytes: Uint8Array, position: number) => {
          writtenBytes += bytes.length;
          file.writeSync(bytes, position);
        },
        close: () => file.close(),
      };
    },
  };
  const config = { ...options, ...(budget === undefined ? {} : { [BUDGET]: budget }) };
  const engine = new Engine({ batch: true, config, env: counting });
  for (const view of VIEWS) engine.execute(view);
  const result = engine.execute(sql);
  assert.ok(result.kind === "query");
  const sink = result.plan.nodes.findLast(({ type }) => type === "Sink");
  assert.ok(sink?.type === "Sink");
  await engine.runPlan(result.plan, { parallelism: 1 });
  return { rows: engine.rowsOf(sink.table.name).map(({ text }) => text), writtenBytes };
}

/** What the result is checked by: few rows, so that the test's own table of results is small. */
const SUM = "COUNT(*), SUM(CAST(k AS BIGINT)), MIN(t), MAX(t)";
for (const [what, sql, ordered] of [
  ["ORDER BY", "SELECT k, v FROM big ORDER BY v, t DESC", true],
  ["ORDER BY LIMIT", "SELECT k FROM big ORDER BY t LIMIT 5000 OFFSET 20000", true],
  ["GROUP BY a text", "SELECT t, COUNT(*), SUM(v) FROM big GROUP BY t", false],
  ["GROUP BY with texts as results", "SELECT k, MIN(t), MAX(t) FROM big GROUP BY k", false],
  ["DISTINCT", "SELECT DISTINCT t, v FROM big", false],
  ["COUNT DISTINCT", "SELECT x, COUNT(DISTINCT t) FROM big GROUP BY x", false],
  [
    "COUNT DISTINCT in many groups",
    "SELECT k, COUNT(DISTINCT t), COUNT(DISTINCT v), COUNT(v) FROM big GROUP BY k",
    false,
  ],
  [
    "OVER",
    "SELECT k, SUM(v) OVER (PARTITION BY MOD(k, 1000) ORDER BY k), LAG(t) OVER (PARTITION BY MOD(k, 1000) ORDER BY k) FROM big",
    false,
  ],
  [
    "OVER of one partition",
    "SELECT k, SUM(v) OVER (ORDER BY k), LAG(t) OVER (ORDER BY k), MAX(t) OVER (ORDER BY k ROWS BETWEEN 3 PRECEDING AND CURRENT ROW), RANK() OVER (ORDER BY v) FROM big",
    false,
  ],
  [
    "OVER without an order",
    "SELECT k, SUM(v) OVER (), COUNT(t) OVER (PARTITION BY MOD(k, 2)), t FROM big",
    false,
  ],
  [
    "ROW_NUMBER as Top-N",
    "SELECT k, n FROM (SELECT k, ROW_NUMBER() OVER (PARTITION BY x ORDER BY t) AS n FROM big) WHERE n <= 5000",
    false,
  ],
  [
    "JOIN",
    `SELECT x, ${SUM} FROM (SELECT a.k, a.t, b.x FROM big AS a JOIN big AS b ON a.t = b.t AND a.x <= b.k) GROUP BY x`,
    false,
  ],
  [
    "FULL JOIN",
    `SELECT ${SUM} FROM (SELECT a.k, b.t FROM big AS a FULL JOIN (SELECT * FROM big WHERE x > 3) AS b ON a.t = b.t)`,
    false,
  ],
  [
    "JOIN, sorted and merged",
    `SELECT x, ${SUM} FROM (SELECT /*+ SHUFFLE_MERGE(b) */ a.k, a.t, b.x FROM big AS a JOIN big AS b ON a.t = b.t AND a.x <= b.k) GROUP BY x`,
    false,
  ],
  [
    "FULL JOIN, sorted and merged",
    `SELECT ${SUM} FROM (SELECT /*+ SHUFFLE_MERGE(b) */ a.k, b.t FROM big AS a FULL JOIN few AS b ON a.t = b.t)`,
    false,
  ],
  [
    "JOIN with two keys that have half of all rows each",
    `SELECT ${SUM} FROM (SELECT /*+ SHUFFLE_HASH(a) */ a.k, a.t, b.x FROM big AS a JOIN handful AS b ON MOD(a.k, 2) = MOD(b.k, 2))`,
    false,
  ],
  [
    "LEFT JOIN with one key, on more than it",
    `SELECT ${SUM}, COUNT(x) FROM (SELECT /*+ SHUFFLE_HASH(a) */ b.k, a.t, a.x FROM handful AS b LEFT JOIN big AS a ON MOD(a.k, 1) = MOD(b.k, 1) AND a.x > b.k)`,
    false,
  ],
  [
    "NOT IN, a nested loop",
    "SELECT COUNT(*), MIN(t) FROM big WHERE k NOT IN (SELECT k FROM big WHERE k > 40 AND k < 300)",
    false,
  ],
  ["EXCEPT", "SELECT k, t FROM big EXCEPT SELECT k, t FROM big WHERE x < 30", false],
] as const)
  test(`${what}: 12 MB give what there would be without a budget`, async () => {
    const expected = await answer(sql, undefined);
    assert.equal(expected.writtenBytes, 0);
    assert.ok(expected.rows.length > 0);
    const spilled = await answer(sql, "12mb");
    const sorted = (rows: readonly string[]) => (ordered ? rows : rows.toSorted());
    assert.deepEqual(sorted(spilled.rows), sorted(expected.rows));
    if (/JOIN|GROUP|DISTINCT/.test(what)) {
      const merged = await answer(sql, "12mb", {
        "table.exec.disabled-operators": "BroadcastHashJoin, ShuffleHashJoin, HashAgg",
      });
      assert.deepEqual(sorted(merged.rows), sorted(expected.rows));
      assert.ok(merged.writtenBytes > 0, "nothing was spilled");
    }
    assert.ok(what.includes("nested") || spilled.writtenBytes > 0, "nothing was spilled");
  });
