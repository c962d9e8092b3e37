import assert from "node:assert/strict";
import { test } from "node:test";
import { killRepeatedly } from "./kill-job.ts";

test("a job that is killed again and again loses and doubles nothing", {
  timeout: 60_000,
}, async () => {
  const result = await killRepeatedly({ kills: 5, seed: 7 });
  assert.equal(result.kills, 5);
  assert.ok(result.restored >= 4, `only ${result.restored} kills came after a checkpoint`);
  assert.deepEqual([result.lost, result.doubled, result.wrong], [0, 0, 0]);
});
