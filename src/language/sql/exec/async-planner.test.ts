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
const DDL = `CREATE FUNCTION f AS 'f' LANGUAGE TYPESCRIPT; CREATE FUNCTION g AS 'g' LANGUAGE TYPESCRIPT;
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
        userFunctionDefinition({ name, module: "/m.ts", export: name }, FUNCTIONS[name]!),
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

test("changes of a key do not pass each other, whatever the output mode says", () => {
  const counts = "CREATE VIEW v AS SELECT s, COUNT(*) AS n FROM t GROUP BY s;";
  const sql = `${counts} SELECT r FROM ML_PREDICT(TABLE v, MODEL m, DESCRIPTOR(s))`;
  const unordered = { "table.exec.async-ml-predict.output-mode": "ALLOW_UNORDERED" };
  assert.equal(askingOf(sql, unordered).unordered, false);
});
