import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlSession } from "../script/sql-session.ts";

const key = "PRIMARY KEY (id) NOT ENFORCED";
const upserts = "'connector' = 'values', 'changelog-mode' = 'I,UA,D'";
const DDL = `
  CREATE TABLE by_key (id INT, name STRING, v INT, ${key}) WITH (${upserts}, 'source.produces-delete-by-key' = 'true');
  CREATE TABLE other (id INT, city STRING, ${key}) WITH (${upserts}, 'source.produces-delete-by-key' = 'true');
  CREATE TABLE whole (id INT, name STRING, v INT, ${key}) WITH (${upserts});
  CREATE TABLE firm (id INT, name STRING NOT NULL, v INT, ${key}) WITH (${upserts}, 'source.produces-delete-by-key' = 'true');
  CREATE TABLE takes_keys (id INT, name STRING, v INT, ${key}) WITH (${upserts}, 'sink.supports-delete-by-key' = 'true');
  CREATE TABLE takes_rows (id INT, name STRING, v INT, ${key}) WITH (${upserts});
  CREATE TABLE takes_all (id INT, name STRING, v INT) WITH ('connector' = 'print');`;

function normalised(sql: string): number {
  const session = new SqlSession();
  session.executeScript(DDL);
  const result = session.executeScript(sql).at(-1)!;
  assert.ok(result.kind === "insert");
  return result.plan.nodes.filter(({ type }) => type === "ChangelogNormalize").length;
}

test("upserts are read as they are when nobody needs more", () => {
  assert.equal(normalised("INSERT INTO takes_keys SELECT * FROM by_key"), 0);
  assert.equal(normalised("INSERT INTO takes_rows SELECT * FROM whole"), 0);
  assert.equal(normalised("INSERT INTO takes_keys SELECT * FROM by_key WHERE id > 3"), 1);
});

test("whole deletions, -U and columns that are never NULL need a ChangelogNormalize", () => {
  assert.equal(normalised("INSERT INTO takes_rows SELECT * FROM by_key"), 1);
  assert.equal(normalised("INSERT INTO takes_all SELECT * FROM whole"), 1);
  assert.equal(normalised("INSERT INTO takes_keys SELECT * FROM firm"), 1);
  const grouped = "SELECT id, CAST(NULL AS STRING), CAST(COUNT(*) AS INT) FROM whole GROUP BY id";
  assert.equal(normalised(`INSERT INTO takes_rows ${grouped}`), 1);
});

test("a table with two readers is normalised for the one that needs it", () => {
  const both = `EXECUTE STATEMENT SET BEGIN
    INSERT INTO takes_keys SELECT * FROM by_key; INSERT INTO takes_rows SELECT * FROM by_key; END`;
  assert.equal(normalised(both), 1);
});

test("deletions by key pass an inner join on the keys of both sides", () => {
  const join = "SELECT b.id, o.city, b.v FROM by_key b JOIN other o ON b.id = o.id";
  assert.equal(normalised(`INSERT INTO takes_keys ${join}`), 0);
  assert.equal(normalised(`INSERT INTO takes_rows ${join}`), 2);
  assert.equal(normalised(`INSERT INTO takes_keys ${join} AND b.v > 1`) > 0, true);
});
