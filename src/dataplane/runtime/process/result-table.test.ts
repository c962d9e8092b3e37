import assert from "node:assert/strict";
import { test } from "node:test";
import { RESULT_ROWS, ResultTable } from "./result-table.ts";

const row = (kind: number, ...values: unknown[]) => ({ kind, values });

test("changes are folded by the upsert key", () => {
  const table = new ResultTable([0]);
  table.apply([row(0, "a", 1), row(0, "b", 1), row(1, "a", 1), row(2, "a", 2), row(2, "c", 5)]);
  table.apply([row(3, "b", 1)]);
  assert.deepEqual(table.contents(), [row(0, "a", 2), row(0, "c", 5)]);
});

test("without a key by whole rows, which may be there several times", () => {
  const table = new ResultTable([]);
  table.apply([row(0, "a"), row(0, "a"), row(0, "b"), row(1, "a"), row(3, "b"), row(3, "x")]);
  assert.deepEqual(table.contents(), [row(0, "a")]);
});

test("keeps no more than its limit, and says how much it misses", () => {
  const table = new ResultTable([]);
  table.apply(
    Array.from({ length: RESULT_ROWS + 5 }, (_, i) => row(0, i)),
    2,
  );
  assert.equal(table.contents().length, RESULT_ROWS);
  assert.equal(table.missed, 7);
  table.clear();
  assert.deepEqual([table.contents().length, table.missed], [0, 0]);
});
