import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlSession } from "../language/sql/script/sql-session.ts";
import { shellCompleter } from "./shell-completion.ts";

const session = new SqlSession();
session.executeScript(
  "CREATE TABLE orders (id BIGINT, price DOUBLE, `date` DATE) WITH ('connector' = 'datagen')",
);
const complete = shellCompleter(session);

test("Tab completes words, names and options, and leaves the session alone", () => {
  const cases: readonly (readonly [string, string, readonly string[], string])[] = [
    ["", "SEL", ["SELECT"], "SEL"],
    ["", "sel", ["select"], "sel"],
    ["", "SELECT * FROM or", ["orders"], "or"],
    ["SELECT *\n", "FROM or", ["orders"], "or"],
    ["", "SELECT o.pr", [], "pr"],
    ["SELECT price\nFROM orders\n", "WHERE pric", ["price"], "pric"],
    ["", "CREATE TABLE t (a INT) WITH ('conn", ["connector"], "conn"],
    ["", "CREATE TABLE t (a INT) WITH ('connector' = 'datag", ["datagen"], "datag"],
    ["", "SET 'execution.runtime-m", ["execution.runtime-mode"], "execution.runtime-m"],
    ["", ".sc", [".schema"], ".sc"],
    ["", ".schema or", ["orders"], "or"],
    ["", "CREATE VIEW v AS SELECT 1; SELECT * FROM ord", ["orders"], "ord"],
  ];
  for (const [before, line, wanted, replaced] of cases)
    assert.deepEqual(complete(before, line), [wanted, replaced], before + line);
  assert.deepEqual(session.context.catalog.list("default_catalog", "default_database"), ["orders"]);
});
