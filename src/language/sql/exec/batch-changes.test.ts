/** Bounded runs: tables whose rows change are refused, and ON CONFLICT is obeyed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlSession } from "../script/sql-session.ts";

function session(mode: "batch" | "streaming"): SqlSession {
  const own = new SqlSession({ config: { "execution.runtime-mode": mode } });
  own.execute(`CREATE TABLE c (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED)
    WITH ('connector' = 'values', 'changelog-mode' = 'I,UA,D', 'bounded' = 'true')`);
  own.execute(`CREATE TABLE i (id INT, v STRING) WITH ('connector' = 'values')`);
  own.execute(`CREATE TABLE s (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED)
    WITH ('connector' = 'values', 'sink-insert-only' = 'false')`);
  return own;
}

test("a bounded run refuses a table whose rows change: it would read every change as a row", () => {
  assert.throws(() => session("batch").execute("SELECT * FROM c"), {
    code: "MR2208",
    message: /only possible for INSERT-only table sources.*'default_catalog.default_database.c'/,
  });
  assert.equal(session("streaming").execute("SELECT * FROM c").kind, "query");
});

test("ON CONFLICT DO NOTHING and DO ERROR keep rows of bounded runs apart, too", () => {
  const materializes = (behaviour: string) => {
    const result = session("batch").execute(`INSERT INTO s SELECT * FROM i ${behaviour}`);
    if (result.kind !== "insert") return assert.fail("no INSERT");
    const sink = result.plan.nodes.find((node) => node.type === "Sink");
    return sink?.type === "Sink" && sink.upsertMaterialize;
  };
  assert.equal(materializes("ON CONFLICT DO NOTHING"), true);
  assert.equal(materializes("ON CONFLICT DO ERROR"), true);
  assert.equal(materializes("ON CONFLICT DO DEDUPLICATE"), false);
  assert.equal(materializes(""), false);
});
