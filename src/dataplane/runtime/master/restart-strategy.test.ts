import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../../foundation/host/simulated-random.ts";
import { checkpointOptions, durationMs, restartOptions } from "../options.ts";
import { restartStrategy } from "./restart-strategy.ts";

const random = new SeededRandom(1);
const strategy = (config: Record<string, string>, checkpointing = true) =>
  restartStrategy(restartOptions(config, checkpointing), random);

test("fixed delay: so many attempts", () => {
  const fixed = strategy({
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "2",
    "restart-strategy.fixed-delay.delay": "3 s",
  });
  assert.deepEqual(
    [0, 1, 2].map((at) => fixed.onFailure(at)),
    [3000, 3000, undefined],
  );
  assert.equal(strategy({ "restart-strategy": "fixeddelay" }).onFailure(0), 1000);
});

test("failure rate: so many within the interval", () => {
  const rate = strategy({
    "restart-strategy.type": "failure-rate",
    "restart-strategy.failure-rate.max-failures-per-interval": "2",
    "restart-strategy.failure-rate.failure-rate-interval": "10 s",
    "restart-strategy.failure-rate.delay": "1s",
  });
  assert.deepEqual(
    [0, 5000, 20_000, 21_000, 22_000].map((at) => rate.onFailure(at)),
    [1000, 1000, 1000, 1000, undefined],
  );
});

test("exponential delay: grows to its limit, begins again after a quiet time, with jitter", () => {
  const config = {
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.jitter-factor": "0",
    "restart-strategy.exponential-delay.max-backoff": "3 s",
    "restart-strategy.exponential-delay.reset-backoff-threshold": "1 min",
  };
  const exact = strategy(config);
  assert.deepEqual(
    [0, 0, 0, 0, 0].map((at) => exact.onFailure(at)),
    [1000, 1500, 2250, 3000, 3000],
  );
  assert.equal(exact.onFailure(100_000), 1000);
  const jittered = strategy({
    ...config,
    "restart-strategy.exponential-delay.jitter-factor": "0.5",
  });
  const steep = strategy({
    ...config,
    "restart-strategy.exponential-delay.initial-backoff": "100 ms",
    "restart-strategy.exponential-delay.backoff-multiplier": "4",
  });
  assert.deepEqual(
    [0, 0, 0, 0].map((at) => steep.onFailure(at)),
    [100, 400, 1600, 3000],
  );
  const first = jittered.onFailure(0)!;
  assert.ok(first >= 500 && first <= 1500 && first !== 1000, String(first));
  const bounded = strategy({
    ...config,
    "restart-strategy.exponential-delay.attempts-before-reset-backoff": "2",
  });
  assert.deepEqual(
    [0, 1, 2].map((at) => bounded.onFailure(at)),
    [1000, 1500, undefined],
  );
});

test("the default: none without checkpoints, exponential with them", () => {
  assert.equal(strategy({}, false).onFailure(0), undefined);
  assert.ok(strategy({}, true).onFailure(0)! >= 900);
  assert.equal(strategy({ "restart-strategy.type": "none" }).onFailure(0), undefined);
  assert.throws(() => strategy({ "restart-strategy.type": "sometimes" }), { code: "MR1003" });
});

test("durations as Flink writes them", () => {
  const parse = (text: string) => durationMs({ k: text }, "k", 0);
  for (const [text, ms] of [
    ["10", 10],
    ["10 s", 10_000],
    ["5min", 300_000],
    [" 2 hours ", 7_200_000],
    ["1 d", 86_400_000],
    ["250ms", 250],
    ["PT1M30S", 90_000],
    ["P1DT2H", 93_600_000],
  ] as const)
    assert.equal(parse(text), ms, text);
  for (const text of ["", "ten", "-5 s", "5 fortnights", "P", "PT"])
    assert.throws(() => parse(text), { code: "MR1003" }, text);
});

test("checkpoint options: Flink's keys and defaults; what is not supported is refused", () => {
  const { localBackup, ...plain } = checkpointOptions({});
  assert.equal(localBackup("job"), undefined);
  assert.deepEqual(plain, {
    aligns: true,
    intervalMs: 0,
    minPauseMs: 0,
    timeoutMs: 600_000,
    maxConcurrent: 1,
    tolerableFailures: 0,
    retained: 1,
    afterTasksFinish: true,
    directory: undefined,
    savepointDirectory: undefined,
    savepointIntervalMs: 0,
    savepointsRetained: 5,
    retainOnCancel: false,
  });
  const set = checkpointOptions({
    "execution.checkpointing.interval": "1 min",
    "execution.checkpointing.dir": "file:///data/checkpoints/",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
  });
  assert.deepEqual(
    [set.intervalMs, set.directory, set.retainOnCancel],
    [60_000, "/data/checkpoints", true],
  );
  const store = checkpointOptions({ "execution.checkpointing.dir": "s3://bucket/checkpoints/" });
  assert.equal(store.directory, "s3://bucket/checkpoints");
  const bad = (config: Record<string, string>, code: string) =>
    assert.throws(() => checkpointOptions(config), { code });
  bad({ "execution.checkpointing.dir": "hdfs://bucket/x" }, "MR1004");
  bad({ "execution.checkpointing.mode": "MAYBE" }, "MR1003");
  bad({ "execution.checkpointing.num-retained": "0" }, "MR1003");
  bad({ "execution.checkpointing.timeout": "soon" }, "MR1003");
});
