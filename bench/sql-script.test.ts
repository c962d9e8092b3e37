import assert from "node:assert/strict";
import { test } from "node:test";
import { splitStatements } from "./sql-script.ts";

test("statements end at semicolons outside quotes and comments", () => {
  const script =
    "-- first; comment\nSET 'a;b' = 'it''s';\n/* ; */ SELECT `x;y` - 1 / 2, '/*' FROM t;\n\n;";
  assert.deepEqual(splitStatements(script), [
    "SET 'a;b' = 'it''s'",
    "SELECT `x;y` - 1 / 2, '/*' FROM t",
  ]);
});

test("the last statement needs no semicolon", () => {
  assert.deepEqual(splitStatements("SELECT 1;SELECT 2 -- end"), ["SELECT 1", "SELECT 2"]);
});
