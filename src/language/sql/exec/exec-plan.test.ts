import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecNode } from "../../../foundation/plan/exec-node.ts";
import { inputRefs } from "../../../foundation/plan/expression.ts";
import { SqlSession } from "../script/sql-session.ts";

const DDL = `
  CREATE TABLE o (id BIGINT, c BIGINT, amount INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector'='datagen');
  CREATE TABLE u (id BIGINT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='upsert-kafka');
  CREATE TABLE retracts (id BIGINT, n BIGINT) WITH ('connector'='print');
  CREATE TABLE upserts (id BIGINT, n BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='upsert-kafka');`;

function nodesOf(sql: string): readonly ExecNode[] {
  const session = new SqlSession();
  session.executeScript(DDL);
  const result = session.executeScript(sql).at(-1)!;
  if (result.kind !== "query" && result.kind !== "insert") throw new Error(result.kind);
  return result.plan.nodes;
}

function only<T extends ExecNode["type"]>(nodes: readonly ExecNode[], type: T) {
  const found = nodes.filter((node) => node.type === type);
  assert.equal(found.length, 1, `${type} in ${nodes.map((node) => node.type).join(", ")}`);
  return found[0] as Extract<ExecNode, { type: T }>;
}

test("update-before is made only where a reader needs it", () => {
  const upsert = nodesOf("INSERT INTO upserts SELECT c, COUNT(*) FROM o GROUP BY c");
  assert.equal(only(upsert, "GroupAggregate").generateUpdateBefore, false);
  assert.equal(only(upsert, "GroupAggregate").changelogMode, "upsert");
  const retract = nodesOf("INSERT INTO retracts SELECT c, COUNT(*) FROM o GROUP BY c");
  assert.equal(only(retract, "GroupAggregate").generateUpdateBefore, true);
});

test("a shared node serves its strictest reader; the other gets a DropUpdateBefore", () => {
  const nodes = nodesOf(`CREATE VIEW v AS SELECT c, COUNT(*) AS n FROM o GROUP BY c;
    EXECUTE STATEMENT SET BEGIN INSERT INTO upserts SELECT * FROM v; INSERT INTO retracts SELECT * FROM v; END`);
  assert.equal(only(nodes, "GroupAggregate").generateUpdateBefore, true);
  const dropped = only(nodes, "DropUpdateBefore");
  const sink = nodes.find((n) => n.type === "Sink" && n.table.name.endsWith("upserts"));
  assert.equal(sink?.inputs[0]?.node, dropped.id);
  assert.equal(dropped.changelogMode, "upsert");
});

test("aggregates know whether rows are taken back", () => {
  const nodes = nodesOf("SELECT COUNT(*), MAX(n) FROM (SELECT c, COUNT(*) AS n FROM o GROUP BY c)");
  const [inner, outer] = nodes.filter((node) => node.type === "GroupAggregate");
  assert.ok(inner?.type === "GroupAggregate" && outer?.type === "GroupAggregate");
  assert.ok(inner.aggregates.every((call) => !call.retract));
  assert.ok(outer.aggregates.every((call) => call.retract));
  assert.deepEqual(outer.inputs[0]?.distribution, { kind: "singleton" });
});

test("join sides say what is unique; outer keys follow from it", () => {
  const join = only(nodesOf("SELECT o.id, u.name FROM o JOIN u ON o.c = u.id"), "Join");
  assert.equal(join.left.unique, "no-unique-key");
  assert.equal(join.right.unique, "join-key-unique");
  assert.deepEqual(
    join.inputs.map((input) => input.distribution.kind),
    ["hash", "hash"],
  );
  const both = only(nodesOf("SELECT a.name FROM u a JOIN u b ON a.id = b.id"), "Join");
  assert.deepEqual(both.upsertKeys, [[0], [2], [0, 2]]);
});

test("STATE_TTL hints reach joins and aggregates", () => {
  const join = only(
    nodesOf("SELECT /*+ STATE_TTL('o'='1 d', 'u'='2 h') */ o.id FROM o JOIN u ON o.c = u.id"),
    "Join",
  );
  assert.equal(join.left.stateTtlMs, 86_400_000);
  assert.equal(join.right.stateTtlMs, 7_200_000);
  const aggregate = nodesOf("SELECT /*+ STATE_TTL('o'='5 s') */ c, COUNT(*) FROM o GROUP BY c");
  assert.equal(only(aggregate, "GroupAggregate").stateTtlMs, 5000);
});

test("every expression of a plan stays within its input", () => {
  const nodes =
    nodesOf(`SELECT c, n, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY c ORDER BY n DESC) AS rn
    FROM (SELECT o.c, u.name, COUNT(*) AS n FROM o LEFT JOIN u ON o.id = u.id AND o.amount > 3 GROUP BY o.c, u.name))
    WHERE rn <= 2 AND n > 1`);
  const width = (id: number) => nodes[id - 1]!.output.fields.length;
  for (const node of nodes) {
    const inputs = node.inputs.reduce((sum, input) => sum + width(input.node), 0);
    const expressions =
      node.type === "Calc"
        ? [...node.projection, ...(node.condition ? [node.condition] : [])]
        : node.type === "Join" && node.condition
          ? [node.condition]
          : [];
    for (const expression of expressions)
      for (const index of inputRefs(expression)) assert.ok(index < inputs, node.description);
    if (node.type === "Calc") assert.equal(node.projection.length, node.output.fields.length);
    for (const key of node.upsertKeys)
      for (const index of key) assert.ok(index < node.output.fields.length, node.description);
  }
});
