import assert from "node:assert/strict";
import { test } from "node:test";
import { FoldingJudge } from "./folding-judge.ts";

test("rows are passed on where folding saved less than half of them, twice as long when it did not pay again", () => {
  const judge = new FoldingJudge();
  judge.folded(4_000, 4_000);
  assert.equal(judge.passes, false);
  judge.folded(1_000, 0);
  assert.equal(judge.passes, true);
  judge.passed(999_999);
  assert.equal(judge.passes, true);
  judge.passed(1);
  assert.equal(judge.passes, false);
  judge.folded(5_000, 5_000);
  judge.passed(1_000_000);
  assert.equal(judge.passes, true);
  judge.passed(1_000_000);
  assert.equal(judge.passes, false);
  judge.folded(5_000, 2_500);
  assert.equal(judge.passes, false);
});
