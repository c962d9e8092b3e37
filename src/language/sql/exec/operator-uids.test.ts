import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ExecNode } from "../../../foundation/plan/exec-node.ts";
import { SqlSession } from "../script/sql-session.ts";

const DDL = `
  CREATE TABLE o (id BIGINT, c BIGINT, amount INT, tag STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
    WITH ('connector'='datagen');
  CREATE TABLE u (id BIGINT, name STRING) WITH ('connector'='datagen');
  CREATE TABLE a (id BIGINT, n BIGINT) WITH ('connector'='print');
  CREATE TABLE b (id BIGINT, n BIGINT) WITH ('connector'='print');
  CREATE TABLE wide (id BIGINT, n BIGINT, m BIGINT) WITH ('connector'='print');`;

function nodesOf(sql: string): readonly ExecNode[] {
  const session = new SqlSession();
  session.executeScript(DDL);
  const result = session.executeScript(sql).at(-1)!;
  if (result.kind !== "query" && result.kind !== "insert") throw new Error(result.kind);
  return result.plan.nodes;
}

const STATEFUL = /^(TableSourceScan|GroupAggregate|WindowAggregate|Join|Rank|Deduplicate)$/;
const uids = (sql: string) =>
  nodesOf(sql)
    .filter(({ type }) => STATEFUL.test(type))
    .map(({ uid }) => uid);

const set = (...inserts: string[]) => `EXECUTE STATEMENT SET BEGIN ${inserts.join("; ")}; END`;
const COUNT = "INSERT INTO a SELECT c, COUNT(*) FROM o GROUP BY c";
const JOIN = "INSERT INTO a SELECT o.id, o.c FROM o JOIN u ON o.c = u.id";
const BEFORE = uids(COUNT);

describe("uids of operators with state", () => {
  test("stay when something else changes", () => {
    const changed: Readonly<Record<string, string>> = {
      "a filter": "INSERT INTO a SELECT c, COUNT(*) FROM o WHERE amount > 3 GROUP BY c",
      "an alias": "INSERT INTO a SELECT k, n FROM (SELECT c AS k, COUNT(*) AS n FROM o GROUP BY c)",
      "an aggregate": "INSERT INTO a SELECT c, COUNT(*) + SUM(amount) FROM o GROUP BY c",
      "a projection behind it": "INSERT INTO a SELECT c, COUNT(*) * 2 FROM o GROUP BY c",
    };
    for (const [what, sql] of Object.entries(changed)) assert.deepEqual(uids(sql), BEFORE, what);
  });

  test("stay when another statement comes, before or behind", () => {
    const other = "INSERT INTO b SELECT id, COUNT(*) FROM o WHERE tag = 'x' GROUP BY id";
    const same = "INSERT INTO b SELECT c, COUNT(*) FROM o WHERE tag = 'x' GROUP BY c";
    for (const more of [other, same]) {
      const behind = uids(set(COUNT, more));
      const before = uids(set(more, COUNT));
      assert.ok(BEFORE.every((uid) => behind.includes(uid)));
      const aggregate = BEFORE.filter((uid) => uid.startsWith("group"));
      assert.ok(aggregate.every((uid) => before.includes(uid)));
      assert.equal(new Set(behind).size, behind.length);
    }
  });

  test("differ when the key, the input or the table differs", () => {
    const [, aggregate] = BEFORE;
    const others = [
      "INSERT INTO a SELECT c + 1, COUNT(*) FROM o GROUP BY c + 1",
      "INSERT INTO a SELECT id, COUNT(*) FROM o GROUP BY id",
      "INSERT INTO a SELECT id, COUNT(*) FROM u GROUP BY id",
      "INSERT INTO b SELECT c, COUNT(*) FROM o GROUP BY c",
    ];
    for (const sql of others) assert.ok(!uids(sql).includes(aggregate!), sql);
  });

  test("a join keeps its own beside a wider projection", () => {
    const wide = "INSERT INTO wide SELECT o.id, o.c, o.amount FROM o JOIN u ON o.c = u.id";
    const only = (sql: string) => uids(sql).find((uid) => uid.startsWith("join_"));
    const [narrow, wider] = [JOIN, wide.replace("INTO wide", "INTO a").replace(", o.amount", "")];
    assert.equal(only(wider), only(narrow));
    assert.notEqual(only(wide), only(narrow), "it writes to another table");
  });

  test("are all different in a plan, and the same every time", () => {
    const sql = set(COUNT, JOIN, "INSERT INTO b SELECT x.id, y.c FROM o x JOIN o y ON x.c = y.id");
    const all = nodesOf(sql).map(({ uid }) => uid);
    assert.equal(new Set(all).size, all.length);
    assert.deepEqual(
      nodesOf(sql).map(({ uid }) => uid),
      all,
    );
  });

  test("state of aggregates is named by what it is of", () => {
    const sql = "INSERT INTO a SELECT c, SUM(amount) FILTER (WHERE tag = 'x') FROM o GROUP BY c";
    const aggregate = nodesOf(sql).find(({ type }) => type === "GroupAggregate");
    assert.ok(aggregate?.type === "GroupAggregate");
    assert.deepEqual(aggregate.aggregates[0]?.state?.args, ["o.amount"]);
    assert.match(aggregate.aggregates[0]?.state?.name ?? "", /^SUM\(o\.amount\) FILTER \(/);
  });
});
