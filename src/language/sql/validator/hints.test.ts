import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { Engine } from "../../../../testkit/conformance/engine.ts";

function engine(): Engine {
  const made = new Engine();
  for (const name of ["t1", "t2", "t3"])
    made.execute(
      `CREATE TABLE ${name} (a INT, b INT, p AS PROCTIME()) WITH ('connector' = 'values', 'bounded' = 'true', 'disable-lookup' = 'false')`,
    );
  made.execute("CREATE VIEW v AS SELECT t1.a, t2.b FROM t1 JOIN t2 ON t1.a = t2.a");
  return made;
}

function planned(sql: string): { readonly plan: ExecPlan; readonly warnings: readonly string[] } {
  const result = engine().execute(sql);
  assert.ok(result.kind === "query");
  return { plan: result.plan, warnings: result.warnings.map(({ code }) => code) };
}

const descriptions = (sql: string, type: string) =>
  planned(sql)
    .plan.nodes.filter((node) => node.type === type)
    .map(
      ({ description }) =>
        /(?:joinHints|stateTtlHints|retry|async)=.*(?=\)$)/.exec(description)?.[0],
    );

test("STATE_TTL: the first hint, the last value, the sides that are one table", () => {
  const sql = (hint: string) => `SELECT ${hint} t1.a FROM t1 JOIN t2 ON t1.a = t2.a`;
  assert.deepEqual(
    descriptions(sql("/*+ STATE_TTL('t1' = '1d', 't2' = '2d'), STATE_TTL('t2' = '8d') */"), "Join"),
    ["stateTtlHints=[[[STATE_TTL options:{LEFT=1d, RIGHT=2d}]]]"],
  );
  assert.deepEqual(descriptions(sql("/*+ STATE_TTL('t2' = '2d', 't2' = '1d') */"), "Join"), [
    "stateTtlHints=[[[STATE_TTL options:{RIGHT=1d}]]]",
  ]);
  const three =
    "SELECT /*+ STATE_TTL('t3' = '3d', 't1' = '1d') */ * FROM t1, t2, t3 WHERE t1.a = t2.a AND t2.b = t3.b";
  assert.deepEqual(descriptions(three, "Join"), [
    "stateTtlHints=[[[STATE_TTL options:{LEFT=1d}]]]",
    "stateTtlHints=[[[STATE_TTL options:{RIGHT=3d}]]]",
  ]);
});

test("STATE_TTL of an aggregate; not of views and subqueries", () => {
  const { plan } = planned("SELECT /*+ STATE_TTL('t1' = '2d') */ a, COUNT(*) FROM t1 GROUP BY a");
  const node = plan.nodes.find(({ type }) => type === "GroupAggregate")!;
  assert.equal(node.stateTtlMs, 172_800_000);
  assert.match(node.description, /stateTtlHints=\[\[\[STATE_TTL options:\[2d\]\]\]\]/);
  const inner = "SELECT /*+ STATE_TTL('v' = '2d') */ v.a FROM v JOIN t3 ON v.a = t3.a";
  assert.deepEqual(descriptions(inner, "Join"), [
    undefined,
    "stateTtlHints=[[[STATE_TTL options:{LEFT=2d}]]]",
  ]);
});

test("join strategies stand in the plan and are warned of", () => {
  const sql = "SELECT /*+ BROADCAST(t2), NEST_LOOP(t1) */ t1.a FROM t1 JOIN t2 ON t1.a = t2.a";
  assert.deepEqual(descriptions(sql, "Join"), [
    "joinHints=[[[BROADCAST options:[RIGHT]][NEST_LOOP options:[LEFT]]]]",
  ]);
  const { warnings } = planned(sql);
  assert.deepEqual(warnings, ["MR2259", "MR2259"]);
});

test("LOOKUP: retries and asynchronous look-ups stand in the plan", () => {
  const sql = (options: string) =>
    `SELECT /*+ LOOKUP('table' = 't2', ${options}) */ t1.a FROM t1 JOIN t2 FOR SYSTEM_TIME AS OF t1.p ON t1.a = t2.a`;
  assert.deepEqual(
    descriptions(
      sql(
        "'retry-predicate' = 'lookup_miss', 'retry-strategy' = 'fixed_delay', 'fixed-delay' = '10s', 'max-attempts' = '3'",
      ),
      "LookupJoin",
    ),
    ["retry=[lookup_miss, FIXED_DELAY, 10000ms, 3]"],
  );
  assert.deepEqual(
    descriptions(
      sql("'async' = 'true', 'output-mode' = 'allow_unordered', 'capacity' = '9'"),
      "LookupJoin",
    ),
    ["async=[UNORDERED, KEY_ORDERED: false, 180000ms, 9]"],
  );
  const { plan } = planned(sql("'shuffle' = 'true'"));
  const node = plan.nodes.find(({ type }) => type === "LookupJoin")!;
  assert.equal(node.inputs[0]!.distribution.kind, "hash");
});

for (const [hint, message] of [
  ["BROADCAST(t9)", /cannot match the name of input tables or views: `t9` in `BROADCAST`/],
  ["STATE_TTL('t9' = '1d')", /`t9` in `STATE_TTL`/],
  ["LOOKUP('table' = 't9')", /`t9` in `LOOKUP`/],
  ["BROADCAST", /expecting at least one table or view/],
  ["BROADCAST('t1' = '1')", /only names of tables/],
  ["STATE_TTL('t1' = 'soon')", /no duration/],
  ["STATE_TTL", /at least one key-value/],
  ["BRODCAST(t1)", /no hint of that name/],
  ["LOOKUP(t1)", /only support key-value options/],
  ["LOOKUP('async' = 'true')", /incomplete required option/],
  ["LOOKUP('table' = 't1', 'fixed-delay' = '1s')", /all not null/],
  ["LOOKUP('table' = 't1', 'capacity' = '0')", /positive integer/],
  ["LOOKUP('table' = 't1', 'output-mode' = 'any')", /unsupported output-mode/],
  ["LOOKUP('table' = 't1', 'speed' = '2')", /unsupported option 'speed'/],
] as const) {
  test(`refused: ${hint}`, () => {
    const sql = `SELECT /*+ ${hint} */ t1.a FROM t1 JOIN t2 ON t1.a = t2.a`;
    assert.throws(() => engine().execute(sql), message);
  });
}
