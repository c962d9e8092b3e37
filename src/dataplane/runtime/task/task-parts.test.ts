import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimulatedWorld } from "../../../foundation/host/simulated-env.ts";
import { MAX_WATERMARK, MIN_WATERMARK } from "../../contract/operator.ts";
import { Gate } from "./chain-target.ts";
import { ProcessingTimers } from "./processing-timers.ts";
import { TaskMetricGroup } from "./task-metrics.ts";
import { WatermarkCombiner } from "./watermarks.ts";

describe("WatermarkCombiner", () => {
  test("is the smallest of the active inputs, and only rises", () => {
    const combiner = new WatermarkCombiner(2);
    assert.equal(combiner.combined, MIN_WATERMARK);
    assert.equal(combiner.watermark(0, 10), false);
    assert.equal(combiner.watermark(1, 5), true);
    assert.equal(combiner.combined, 5);
    assert.equal(combiner.watermark(1, 4), false);
    assert.equal(combiner.watermark(1, 20), true);
    assert.equal(combiner.combined, 10);
  });

  test("an idle input holds nobody back, and does not pull back when it wakes", () => {
    const combiner = new WatermarkCombiner(2);
    combiner.watermark(0, 100);
    assert.equal(combiner.setIdle(1, true), true);
    assert.equal(combiner.combined, 100);
    combiner.setIdle(1, false);
    assert.equal(combiner.watermark(1, 50), false);
    assert.equal(combiner.combined, 100);
    assert.equal(combiner.watermark(0, 300), true);
    assert.equal(combiner.combined, 300, "what has not caught up does not count");
    combiner.watermark(1, 300);
    combiner.watermark(0, 500);
    assert.equal(combiner.combined, 300, "what has caught up does");
  });

  test("all idle: the highest, and idleness is told", () => {
    const combiner = new WatermarkCombiner(2);
    combiner.watermark(0, 10);
    combiner.watermark(1, 30);
    combiner.setIdle(0, true);
    assert.equal(combiner.allIdle, false);
    combiner.setIdle(1, true);
    assert.equal(combiner.allIdle, true);
    assert.equal(combiner.combined, 30);
  });

  test("an input that ends counts with the largest watermark; a restored one is a floor", () => {
    const combiner = new WatermarkCombiner(2);
    assert.equal(combiner.restore(40), true);
    combiner.watermark(0, MAX_WATERMARK);
    assert.equal(combiner.watermark(1, 30), false);
    assert.equal(combiner.combined, 40);
    combiner.watermark(1, 41);
    assert.equal(combiner.combined, 41);
  });
});

test("a gate is open when all that blocked it have opened, each once", () => {
  const gate = new Gate();
  const first = gate.block();
  const second = gate.block();
  first();
  first();
  assert.equal(gate.blocked, true);
  second();
  assert.equal(gate.blocked, false);
});

test("processing-time timers fire in order, each once, not before their time", async () => {
  const world = new SimulatedWorld(1);
  const { clock, timers: envTimers } = world.boot();
  let wakes = 0;
  const timers = new ProcessingTimers(clock, envTimers, () => wakes++);
  const start = clock.nowMs();
  for (const delay of [50, 10, 30, 10, 20]) timers.register(1, start + delay);
  timers.register(2, start + 10);
  assert.equal(timers.takeDue(), undefined);
  await world.advance(30);
  assert.ok(wakes > 0);
  const due = [];
  for (let next = timers.takeDue(); next !== undefined; next = timers.takeDue())
    due.push([next.owner, next.time - start]);
  assert.deepEqual(due, [
    [1, 10],
    [2, 10],
    [1, 20],
    [1, 30],
  ]);
  wakes = 0;
  await world.advance(20);
  assert.equal(wakes, 1);
  assert.equal(timers.takeDue()?.time, start + 50);
  timers.register(1, start + 100);
  timers.close();
  wakes = 0;
  await world.advance(100);
  assert.equal(wakes, 0);
});

test("metrics: counters, gauges, rates over the last interval, times as Flink names them", () => {
  const group = new TaskMetricGroup();
  group.counter("numRecordsIn").value = 100;
  group.counter("busyTimeMs").value = 10;
  group.gauge("currentInputWatermark", () => 7);
  assert.equal(group.report(0).numRecordsInPerSecond, 0);
  group.counter("numRecordsIn").value = 300;
  group.counter("busyTimeMs").value = 510;
  assert.deepEqual(group.report(2000), {
    numRecordsInPerSecond: 100,
    numRecordsIn: 300,
    busyTimeMsPerSecond: 250,
    accumulateBusyTimeMs: 510,
    currentInputWatermark: 7,
  });
});
