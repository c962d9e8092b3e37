/** Which joins become one MultiJoin, by which key, and what stays as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const KEY = "table.optimizer.multi-join.enabled";
const DDL = [
  "users (id BIGINT PRIMARY KEY NOT ENFORCED, name STRING, cash INT)",
  "orders (oid BIGINT PRIMARY KEY NOT ENFORCED, uid BIGINT, item STRING)",
  "pays (pid BIGINT, uid BIGINT, item STRING)",
];

function planned(sql: string, enabled = true, batch = false): ExecPlan {
  const engine = new Engine({ batch });
  engine.execute(`SET '${KEY}' = '${enabled}'`);
  for (const table of DDL) {
    const kinds = batch ? "I" : table.startsWith("users") ? "I,UA,D" : "I,UA,UB,D";
    engine.execute(
      `CREATE TABLE ${table} WITH ('connector' = 'values', 'bounded' = '${batch}', 'changelog-mode' = '${kinds}')`,
    );
  }
  for (const name of ["e1", "e2"])
    engine.execute(
      `CREATE TABLE ${name} (k INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'values', 'bounded' = '${batch}')`,
    );
  engine.execute(
    "CREATE TABLE sink (id BIGINT, oid BIGINT, cash INT, PRIMARY KEY (oid) NOT ENFORCED) WITH ('connector' = 'values', 'sink-insert-only' = 'false')",
  );
  const result = engine.execute(sql);
  assert.ok(result.kind === "query" || result.kind === "insert");
  return result.plan;
}

/** Joins in the order of the plan: `MultiJoin(id)`, `Join`. */
function joins(plan: ExecPlan): string[] {
  return plan.nodes.flatMap((node) => {
    if (node.type !== "MultiJoin") return node.type.endsWith("Join") ? [node.type] : [];
    return [/commonJoinKey=\[.*?\], joinTypes=\[.*?\]/.exec(node.description)![0]];
  });
}

const CHAIN = "FROM users u JOIN orders o ON u.id = o.uid LEFT JOIN pays p ON o.uid = p.uid";

test("multi-join.enabled: joins over one key are one node; off, two", () => {
  const sql = `SELECT u.id, o.oid, p.pid ${CHAIN}`;
  assert.deepEqual(joins(planned(sql)), ["commonJoinKey=[id], joinTypes=[INNER, LEFT]"]);
  assert.deepEqual(joins(planned(sql, false)), ["Join", "Join"]);
  assert.deepEqual(joins(planned(sql, true, true)), ["Join", "Join"]);
});

test("the key is what all inputs share; what they do not is a condition", () => {
  const both =
    "SELECT u.id FROM users u JOIN orders o ON u.id = o.uid AND u.name = o.item JOIN pays p ON p.item = o.item AND p.pid > u.cash";
  assert.deepEqual(joins(planned(both)), ["commonJoinKey=[name], joinTypes=[INNER, INNER]"]);
  const none =
    "SELECT u.id FROM users u JOIN orders o ON u.id = o.uid JOIN pays p ON o.oid = p.pid";
  assert.deepEqual(joins(planned(none)), [
    "commonJoinKey=[id], joinTypes=[INNER]",
    "commonJoinKey=[oid], joinTypes=[INNER]",
  ]);
  const computed =
    "SELECT u.id FROM users u JOIN orders o ON u.id = o.uid JOIN pays p ON u.id + 1 = p.uid";
  assert.equal(joins(planned(computed)).length, 2);
});

test("other joins stay what they are", () => {
  for (const sql of [
    "SELECT u.id FROM users u FULL JOIN orders o ON u.id = o.uid",
    "SELECT u.id FROM users u RIGHT JOIN orders o ON u.id = o.uid",
    "SELECT u.id FROM users u JOIN orders o ON u.id > o.uid",
    "SELECT u.id FROM users u JOIN orders o ON u.id IS NOT DISTINCT FROM o.uid",
    "SELECT id FROM users WHERE id IN (SELECT uid FROM orders)",
  ])
    assert.deepEqual(joins(planned(sql)), ["Join"], sql);
  const interval =
    "SELECT e1.k FROM e1 JOIN e2 ON e1.k = e2.k AND e1.ts BETWEEN e2.ts AND e2.ts + INTERVAL '1' MINUTE";
  assert.deepEqual(joins(planned(interval)), ["IntervalJoin"]);
});

test("MULTI_JOIN names what is joined so, whatever the option says", () => {
  const hinted = (hint: string) => joins(planned(`SELECT /*+ ${hint} */ u.id ${CHAIN}`, false));
  assert.deepEqual(hinted("MULTI_JOIN(u, o, p)"), ["commonJoinKey=[id], joinTypes=[INNER, LEFT]"]);
  assert.deepEqual(hinted("MULTI_JOIN(u, o)"), ["commonJoinKey=[id], joinTypes=[INNER]", "Join"]);
  const vain = planned(
    "SELECT /*+ MULTI_JOIN(u, o) */ u.id FROM users u FULL JOIN orders o ON u.id = o.uid",
  );
  assert.match(
    vain.nodes.find(({ type }) => type === "Join")!.description,
    /joinHints=\[\[\[MULTI_JOIN options:\[LEFT, RIGHT\]\]\]\]/,
  );
});

test("STATE_TTL holds for its input, the session's for the others", () => {
  const { nodes } = planned(`SELECT /*+ STATE_TTL('u' = '1d', 'p' = '2h') */ u.id ${CHAIN}`);
  const node = nodes.find(({ type }) => type === "MultiJoin");
  assert.ok(node?.type === "MultiJoin");
  assert.deepEqual(
    node.sides.map(({ stateTtlMs }) => stateTtlMs),
    [86_400_000, undefined, 7_200_000],
  );
  assert.match(node.description, /STATE_TTL options:\[1d, 0s, 2h\]/);
});

test("upsert keys, and updates without what they replace", () => {
  const plan = planned(
    "INSERT INTO sink SELECT u.id, o.id, p.cash FROM users u JOIN users o ON u.id = o.id LEFT JOIN users p ON p.id = o.id",
  );
  const node = plan.nodes.find(({ type }) => type === "MultiJoin")!;
  assert.equal(node.changelogMode, "upsert");
  const conditional = planned(
    "INSERT INTO sink SELECT u.id, o.id, p.cash FROM users u JOIN users o ON u.id = o.id LEFT JOIN users p ON p.id = o.id AND p.cash > o.cash",
  );
  assert.equal(
    conditional.nodes.find(({ type }) => type === "MultiJoin")!.changelogMode,
    "retract",
  );
});

test("the option not set: only joins that the shared key says all of, over rows that stay as they came", () => {
  const logs = (session: string, rest: string): string[] => {
    const engine = new Engine({});
    for (const name of ["a", "b", "c"])
      engine.execute(`CREATE TABLE ${name} (k BIGINT, v INT) WITH ('connector' = 'values')`);
    engine.execute(
      "CREATE TABLE changes (k BIGINT, v INT) WITH ('connector' = 'values', 'changelog-mode' = 'I,UA,UB,D')",
    );
    if (session !== "") engine.execute(session);
    const result = engine.execute(`SELECT a.v FROM a ${rest}`);
    assert.ok(result.kind === "query");
    return joins(result.plan);
  };
  const two = "JOIN b ON a.k = b.k JOIN c ON";
  const one = ["commonJoinKey=[k], joinTypes=[INNER, INNER]"];
  assert.deepEqual(logs("", `${two} b.k = c.k`), one);
  assert.deepEqual(logs("", `${two} a.k = c.k JOIN b AS d ON c.k = d.k`), [
    "commonJoinKey=[k], joinTypes=[INNER, INNER, INNER]",
  ]);
  assert.deepEqual(logs(`SET '${KEY}' = 'false'`, `${two} b.k = c.k`), ["Join", "Join"]);
  assert.deepEqual(logs("SET 'table.exec.state.ttl' = '1 h'", `${two} b.k = c.k`), [
    "Join",
    "Join",
  ]);
  for (const rest of [
    `${two} b.k = c.k AND a.v < c.v`,
    `${two} b.k = c.k AND a.v = c.v`,
    `${two} a.v = c.k`,
    "LEFT JOIN b ON a.k = b.k JOIN c ON a.k = c.k",
    "JOIN b ON a.k = b.k LEFT JOIN c ON a.k = c.k",
    "JOIN b ON a.k = b.k JOIN changes AS c ON b.k = c.k",
    "JOIN changes AS b ON a.k = b.k JOIN c ON b.k = c.k",
  ])
    assert.deepEqual(logs("", rest), ["Join", "Join"], rest);
});
