import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_WATERMARK, MIN_WATERMARK } from "../../contract/operator.ts";
import { GroupWatermarks } from "../master/group-watermarks.ts";
import { AlignedSource } from "./aligned-source.ts";

const alignment = { group: "g", maxDriftMs: 100, updateIntervalMs: 10 };

test("a source is held beyond the drift, and counts for its group until it is idle or has ended", () => {
  const runner = { outputWatermark: MIN_WATERMARK, ended: false };
  let idle = false;
  const source = new AlignedSource(alignment, runner, () => idle);
  assert.equal(source.watermark, MIN_WATERMARK);
  assert.equal(source.holds(), false);
  runner.outputWatermark = 500;
  source.allow(MIN_WATERMARK);
  assert.equal(source.holds(), true);
  source.allow(400);
  assert.equal(source.holds(), false);
  source.allow(399);
  assert.equal(source.holds(), true);
  // One that is held gets no rows: that is not idleness.
  idle = true;
  assert.equal(source.watermark, 500);
  source.allow(MAX_WATERMARK);
  assert.equal(source.holds(), false);
  assert.equal(source.watermark, MAX_WATERMARK);
  idle = false;
  runner.ended = true;
  assert.equal(source.watermark, MAX_WATERMARK);
});

test("a group is as far as the last of its workers", () => {
  const groups = new GroupWatermarks();
  assert.deepEqual(groups.report(0, [{ group: "a", watermark: 5 }]), [
    { group: "a", watermark: 5 },
  ]);
  assert.deepEqual(groups.report(1, [{ group: "a", watermark: 9 }]), []);
  const other = { group: "b", watermark: 1 };
  assert.deepEqual(groups.report(0, [{ group: "a", watermark: 20 }, other]), [
    { group: "a", watermark: 9 },
    other,
  ]);
  assert.deepEqual(groups.report(1, [{ group: "a", watermark: 30 }]), [
    { group: "a", watermark: 20 },
  ]);
});
