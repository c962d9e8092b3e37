/** Runtime filters: where the plan has them, and that the answers are those without them, with one subtask and with two. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import { toMillraceError } from "../../../foundation/base/errors.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";

const KEYS = "table.optimizer.runtime-filter.";
const ON = {
  [`${KEYS}enabled`]: "true",
  [`${KEYS}min-probe-data-size`]: "3 kb",
  [`${KEYS}max-build-data-size`]: "1 kb",
  "table.optimizer.join.broadcast-threshold": "-1",
};

const DIGITS = `(VALUES ${Array.from({ length: 20 }, (_, i) => `(${i})`).join(", ")})`;

/** fact: 8,000 rows, a counts up, b is one of 400 or NULL, c a text; dim: 20 rows, x has a NULL, y a text. */
const VIEWS = [
  `CREATE VIEW fact AS SELECT p * 400 + q * 20 + r AS a, NULLIF(q * 20 + r, 7) AS b,
     CAST(q AS STRING) || 'x' AS c FROM ${DIGITS} AS f(p), ${DIGITS} AS g(q), ${DIGITS} AS h(r)`,
  `CREATE VIEW dim AS SELECT NULLIF(d * 19, 38) AS x, CAST(d AS STRING) || 'x' AS y FROM ${DIGITS} AS t(d)`,
];

type Config = Readonly<Record<string, string>>;

function engineOf(config: Config): Engine {
  const engine = new Engine({ batch: true });
  for (const [key, value] of Object.entries(config)) engine.execute(`SET '${key}' = '${value}'`);
  for (const view of VIEWS) engine.execute(view);
  return engine;
}

function planOf(engine: Engine, sql: string): ExecPlan {
  const result = engine.execute(sql);
  assert.ok(result.kind === "query");
  return result.plan;
}

async function rowsOf(engine: Engine, plan: ExecPlan, parallelism: number): Promise<string[]> {
  const sink = plan.nodes.findLast(({ type }) => type === "Sink");
  assert.ok(sink?.type === "Sink");
  const before = engine.rowsOf(sink.table.name).length;
  await engine.runPlan(plan, { parallelism });
  return engine
    .rowsOf(sink.table.name)
    .slice(before)
    .map(({ text }) => text)
    .sort();
}

const filters = ({ nodes }: ExecPlan) => nodes.filter(({ type }) => type === "RuntimeFilter");

for (const [what, sql, count] of [
  ["INNER", "SELECT * FROM fact JOIN dim ON b = x", 1],
  ["texts as keys", "SELECT a, x FROM fact JOIN dim ON c = y", 1],
  ["two keys", "SELECT a, x FROM fact JOIN dim ON b = x AND c = y", 1],
  ["SEMI", "SELECT * FROM fact WHERE b IN (SELECT x FROM dim)", 1],
  ["NULL = NULL", "SELECT a, x FROM fact JOIN dim ON b IS NOT DISTINCT FROM x", 1],
  ["LEFT, the preserved side builds", "SELECT * FROM dim LEFT JOIN fact ON b = x", 1],
  ["LEFT, the preserved side probes", "SELECT * FROM fact LEFT JOIN dim ON b = x", 0],
  ["ANTI", "SELECT * FROM fact WHERE NOT EXISTS (SELECT 1 FROM dim WHERE x = b)", 0],
  ["FULL", "SELECT * FROM fact FULL JOIN dim ON b = x", 0],
  [
    "below a UNION",
    "SELECT k, y FROM (SELECT a AS k FROM fact UNION ALL SELECT b FROM fact WHERE a > 5) JOIN dim ON k = x",
    2,
  ],
  [
    "below an aggregate",
    "SELECT * FROM (SELECT a, COUNT(*) FROM fact GROUP BY a) AS s(k, n) JOIN dim ON k = x",
    1,
  ],
  [
    "below a join, on both of its sides",
    "SELECT f.a, y FROM fact AS f JOIN (SELECT a FROM fact WHERE a > 1) AS g ON f.a = g.a JOIN dim ON f.a = x",
    2,
  ],
  [
    "a side that is read twice is filtered behind its readers",
    "SELECT COUNT(*) FROM (SELECT b, COUNT(*) AS n FROM fact GROUP BY b) AS s JOIN dim ON b = x JOIN (SELECT b, COUNT(*) AS n FROM fact GROUP BY b) AS t ON s.n = t.n",
    2,
  ],
] as const)
  test(`${what}: ${count} filters`, async () => {
    const plain = engineOf({ "table.optimizer.join.broadcast-threshold": "-1" });
    const expected = await rowsOf(plain, planOf(plain, sql), 1);
    assert.ok(expected.length > 0);
    const engine = engineOf(ON);
    const plan = planOf(engine, sql);
    assert.equal(filters(plan).length, count, plan.nodes.map((n) => n.description).join("\n"));
    for (const parallelism of [1, 2])
      assert.deepEqual(await rowsOf(engine, plan, parallelism), expected, `in ${parallelism}`);
  });

test("EXPLAIN shows the builders and the filter as Flink does", () => {
  const explained = engineOf(ON).execute("EXPLAIN SELECT a, x FROM fact JOIN dim ON b = x");
  assert.ok(explained.kind === "rows");
  const text = String(explained.rows[0]![0]);
  const tree = text.slice(text.indexOf("== Optimized Physical Plan =="));
  const lines = tree.split("\n").filter((line) => /RuntimeFilter/.test(line));
  assert.deepEqual(
    lines.slice(0, 3).map((line) => line.trim().replace(/^[:+\- ]+/, "")),
    [
      "RuntimeFilter(select=[b], estimatedFilterRatio=[0.9975])",
      "GlobalRuntimeFilterBuilder(select=[x], estimatedRowCount=[20], maxRowCount=[256])",
      "LocalRuntimeFilterBuilder(select=[x], estimatedRowCount=[20], maxRowCount=[256])",
    ],
  );
});

test("a filter whose build side has more rows than were allowed lets everything pass", async () => {
  const config = { ...ON, [`${KEYS}max-build-data-size`]: "0 kb" };
  assert.equal(filters(planOf(engineOf(config), "SELECT a FROM fact JOIN dim ON b = x")).length, 0);
  const engine = engineOf(ON);
  const plan = planOf(engine, "SELECT a FROM fact JOIN dim ON b = x");
  const few = plan.nodes.map((node) => ("maxRows" in node ? { ...node, maxRows: 3 } : node));
  const expected = await rowsOf(engine, plan, 1);
  for (const parallelism of [1, 2])
    assert.deepEqual(await rowsOf(engine, { ...plan, nodes: few }, parallelism), expected);
});

test("the sizes of both sides must not overlap", () => {
  const engine = engineOf({ ...ON, [`${KEYS}max-build-data-size`]: "3 kb" });
  assert.throws(
    () => planOf(engine, "SELECT a FROM fact JOIN dim ON b = x"),
    (error) => toMillraceError(error).code === "MR2128",
  );
});
