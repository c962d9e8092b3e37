import assert from "node:assert/strict";
import { test } from "node:test";
import { addTotals, formatTotals, parseTotals } from "./test-totals.ts";

test("totals are read from the line they are written to, and from no other", () => {
  const totals = addTotals(
    { passed: 7, failed: 0, skipped: 2 },
    { passed: 5, failed: 1, skipped: 0 },
  );
  assert.deepEqual(totals, { passed: 12, failed: 1, skipped: 2 });
  assert.equal(formatTotals(totals), "12 passed, 1 failed, 2 skipped");
  assert.deepEqual(parseTotals("12 passed, 1 failed, 2 skipped\n"), totals);
  assert.equal(parseTotals("sql: 12 passed, 1 failed, 2 skipped"), undefined);
  assert.equal(parseTotals("12 passed, 1 failed"), undefined);
});
