import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_BACKOFF_MS, RESET_THRESHOLD_MS, restartDelayMs } from "./restart-policy.ts";

test("the delay grows by half with each death, up to a minute", () => {
  assert.equal(restartDelayMs([0]), 1000);
  assert.equal(restartDelayMs([0, 10]), 1500);
  assert.equal(restartDelayMs([0, 10, 20]), 2250);
  assert.equal(restartDelayMs(Array.from({ length: 40 }, (_, i) => i)), MAX_BACKOFF_MS);
});

test("an hour without death starts over", () => {
  assert.equal(restartDelayMs([0, 10, 20, 20 + RESET_THRESHOLD_MS]), 1000);
});
