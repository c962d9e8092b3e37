import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, nearest } from "./text.ts";

test("distance counts an adjacent swap once", () => {
  assert.equal(editDistance("amout", "amount"), 1);
  assert.equal(editDistance("smu", "sum"), 1);
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
});

test("the nearest names come first, far ones not at all", () => {
  assert.deepEqual(nearest("amout", ["order_id", "amount", "ts"]), ["amount"]);
  assert.deepEqual(nearest("SELCT", ["SELECT", "SET", "DELETE"]), ["SELECT"]);
  assert.deepEqual(nearest("x", ["order_id"]), []);
});
