import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_BATCH_ROWS } from "../../foundation/columnar/batch.ts";
import { createTestWorker } from "./test-worker.test.ts";

test("absent validity reads as ones for every row of the largest batch", () => {
  const { kernels, memory } = createTestWorker().runtime;
  kernels.codegenStatus();
  const ones = new Uint8Array(memory.buffer, kernels.codegenOnes() >>> 0, MAX_BATCH_ROWS);
  assert.ok(ones.every((byte) => byte === 1));
});
