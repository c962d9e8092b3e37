import assert from "node:assert/strict";
import { test } from "node:test";
import { operatorFactories } from "../../../dataplane/operators/index.ts";
import type { AsyncAsking } from "../../../foundation/plan/async-request.ts";
import type { UserFunction } from "../../../foundation/plan/user-function.ts";
import { userFunctionDefinition } from "../functions/user-function.ts";
import { SqlSession } from "../script/sql-session.ts";

const later = async () => "";
const signatures = [{ args: ["STRING"], returns: "STRING" }];
const FUNCTIONS: Readonly<Record<string, UserFunction>> = {
  f: { kind: "async-scalar", signatures, eval: later },
  g: { kind: "async-table", signatures, eval: later },
};
const MAY_DIFFER: UserFunction = { ...FUNCTIONS.f!, deterministic: false } as UserFunction;
const DDL = `CREATE FUNCTION f AS 'f' LANGUAGE TYPESCRIPT; CREATE FUNCTION g AS 'g' LANGUAGE TYPESCRIPT;
  CREATE FUNCTION h AS 'h' LANGUAGE TYPESCRIPT;
  CREATE TABLE t (id INT, s STRING) WITH ('connector' = 'datagen');
  CREATE MODEL m INPUT (s STRING) OUTPUT (r STRING) WITH ('provider' = 'openai');`;
const SCALAR = "SELECT f(s) FROM t";
const TABLE = "SELECT w FROM t, LATERAL TABLE(g(s)) AS l (w)";
const MODEL = "SELECT r FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(s))";

function nodesOf(sql: string, config: Readonly<Record<string, string>> = {}) {
  const session = new SqlSession({
    host: {
      operators: new Set(Object.keys(operatorFactories)),
      userFunction: ({ name }) =>
        userFunctionDefinition(
          { name, module: "/m.ts", export: name },
          FUNCTIONS[name] ?? MAY_DIFFER,
        ),
    },
  });
  for (const [key, value] of Object.entries(config)) session.execute(`SET '${key}' = '${value}'`);
  const result = session.executeScript(`${DDL} ${sql}`).at(-1)!;
  assert.ok(result.kind === "query");
  return result.plan.nodes;
}

function askingOf(sql: string, config: Readonly<Record<string, string>> = {}): AsyncAsking {
  const found = nodesOf(sql, config).filter((node) => node.type === "AsyncCorrelate");
  assert.equal(found.length, 1);
  return found[0]!.asking;
}

const RETRY = { delayMs: 100, attempts: 4 };
const DEFAULT = { unordered: false, capacity: 10, timeoutMs: 180_000 };

test("options of asynchronous functions and models reach the plan; Flink's defaults without them", () => {
  assert.deepEqual(askingOf(SCALAR), { ...DEFAULT, retry: RETRY });
  assert.deepEqual(askingOf(TABLE), { ...DEFAULT, retry: RETRY });
  assert.deepEqual(askingOf(MODEL), DEFAULT);
  const changes: readonly [string, string, string, Partial<AsyncAsking>][] = [
    [SCALAR, "table.exec.async-scalar.max-attempts", "1", { retry: { ...RETRY, attempts: 2 } }],
    [SCALAR, "table.exec.async-scalar.max-concurrent-operations", "3", { capacity: 3 }],
    [SCALAR, "table.exec.async-scalar.retry-delay", "1 s", { retry: { ...RETRY, delayMs: 1000 } }],
    [SCALAR, "table.exec.async-scalar.timeout", "5 s", { timeoutMs: 5000 }],
    [TABLE, "table.exec.async-table.max-retries", "1", { retry: { ...RETRY, attempts: 2 } }],
    [TABLE, "table.exec.async-table.max-concurrent-operations", "3", { capacity: 3 }],
    [TABLE, "table.exec.async-table.retry-delay", "1 s", { retry: { ...RETRY, delayMs: 1000 } }],
    [TABLE, "table.exec.async-table.timeout", "5 s", { timeoutMs: 5000 }],
    [MODEL, "table.exec.async-ml-predict.max-concurrent-operations", "3", { capacity: 3 }],
    [MODEL, "table.exec.async-ml-predict.output-mode", "ALLOW_UNORDERED", { unordered: true }],
    [MODEL, "table.exec.async-ml-predict.timeout", "5 s", { timeoutMs: 5000 }],
  ];
  for (const [sql, key, value, change] of changes) {
    const asking = askingOf(sql, { [key]: value });
    assert.deepEqual(asking, { ...askingOf(sql), ...change }, key);
  }
  const never = { "table.exec.async-scalar.retry-strategy": "NO_RETRY" };
  assert.deepEqual(askingOf(SCALAR, never), DEFAULT);
  const none = { "table.exec.async-table.retry-strategy": "NO_RETRY" };
  assert.deepEqual(askingOf(TABLE, none), DEFAULT);
});

test("what needs no answer filters first; equal calls are one request; nested ones follow each other", () => {
  const types = nodesOf("SELECT f(s), f(s), f(f(s)) FROM t WHERE id < 3 AND f(s) <> 'x'").map(
    ({ type }) => type,
  );
  assert.deepEqual(types.filter((type) => type === "AsyncCorrelate").length, 2);
  assert.ok(types.indexOf("Calc") < types.indexOf("AsyncCorrelate"), types.join());
});

/** Conditions of the requests, in their order; undefined: of all rows. */
function whens(select: string): (string | undefined)[] {
  return nodesOf(`SELECT ${select} FROM t`)
    .filter(({ type }) => type === "AsyncCorrelate")
    .map(({ description }) => /when=\[(.*?)\], joinType/.exec(description)?.[1]);
}

test("calls in branches are made for the rows that get there", () => {
  assert.deepEqual(whens("CASE WHEN id > 1 THEN f(s) ELSE f('x') END"), [
    "IS TRUE(>(id, 1))",
    "IS NOT TRUE(>(id, 1))",
  ]);
  assert.deepEqual(whens("COALESCE(s, f(s)), IF(s = 'a', f('a'), f(s))"), [
    "OR(IS NULL(s), IS NOT TRUE(=(s, 'a')))",
    "IS TRUE(=(s, 'a'))",
  ]);
  assert.deepEqual(whens("id > 1 AND f(s) = 'x'"), ["IS NOT FALSE(>(id, 1))"]);
  assert.deepEqual(whens("CASE WHEN id > 1 THEN f(s) END, id = 1 OR f(s) = 'x'"), [
    "OR(IS TRUE(>(id, 1)), IS NOT TRUE(=(id, 1)))",
  ]);
  // Where a condition asks itself, its answer comes first.
  assert.deepEqual(whens("CASE WHEN f(s) = 'x' THEN f('a') WHEN id > 1 THEN f('b') END"), [
    undefined,
    "IS TRUE(=(f2, 'x'))",
    "AND(IS NOT TRUE(=(f2, 'x')), IS TRUE(>(id, 1)))",
  ]);
});

test("calls are made for every row where one place needs all, and where nobody can tell before", () => {
  assert.deepEqual(whens("CASE WHEN id > 1 THEN f(s) END, f(s)"), [undefined]);
  assert.deepEqual(whens("CASE WHEN RAND() < 0.5 THEN f(s) END"), [undefined]);
  const each = "CASE WHEN f('a') = 'a' THEN f('b') END, CASE WHEN f('b') = 'b' THEN f('a') END";
  assert.deepEqual(whens(each), [undefined, undefined]);
});

test("a condition's calls filter before those of the projection", () => {
  const types = nodesOf("SELECT f('p') FROM t WHERE id < 3 OR f(s) = 'c'").map(({ type }) => type);
  const [first, second] = types.flatMap((type, i) => (type === "AsyncCorrelate" ? [i] : []));
  assert.ok(types.slice(first, second).includes("Calc"), types.join());
});

test("changes of a key do not pass each other, whatever the output mode says", () => {
  const counts = "CREATE VIEW v AS SELECT s, COUNT(*) AS n FROM t GROUP BY s;";
  const sql = `${counts} SELECT r FROM ML_PREDICT(TABLE v, MODEL m, DESCRIPTOR(s))`;
  const unordered = { "table.exec.async-ml-predict.output-mode": "ALLOW_UNORDERED" };
  assert.equal(askingOf(sql, unordered).unordered, false);
});

test("TRY_RESOLVE: answers to rows that may be taken back are kept by their key, or by the whole row", () => {
  const resolve = { "table.optimizer.non-deterministic-update.strategy": "TRY_RESOLVE" };
  const keys = (sql: string, config = resolve) => {
    const found = nodesOf(sql, config).find(({ type }) => type === "AsyncCorrelate");
    assert.ok(found?.type === "AsyncCorrelate");
    return [found.keepBy, found.keepsEqual];
  };
  const counts = "CREATE VIEW v AS SELECT s, COUNT(*) AS n FROM t GROUP BY s;";
  const predicted = `${counts} SELECT r FROM ML_PREDICT(TABLE v, MODEL m, DESCRIPTOR(s))`;
  assert.deepEqual(keys(predicted), [[0], undefined]);
  assert.deepEqual(keys(`${counts} SELECT h(CAST(n AS STRING)) FROM v`), [[0], undefined]);
  const twice = "SELECT h(s) FROM (SELECT s FROM v UNION ALL SELECT s FROM v)";
  assert.deepEqual(keys(`${counts} ${twice}`), [[0], true]);
  assert.deepEqual(keys(`${counts} SELECT f(CAST(n AS STRING)) FROM v`), [undefined, undefined]);
  assert.deepEqual(keys("SELECT h(s) FROM t"), [undefined, undefined]);
  assert.deepEqual(keys(predicted, {} as typeof resolve), [undefined, undefined]);
});
