/** A worker thread that never answers again, on a machine that may be busy with other things. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { loadTestKernels } from "../../../testkit/worker-runtime.ts";
import type { Timers } from "../../foundation/host/env.ts";
import { realEnv } from "../../foundation/host/real-env.ts";
import { committedRows, createState, MemoryStorage, operators, registry } from "./doubles.test.ts";
import { hash, node, plan, sink, source } from "./plan-doubles.test.ts";
import { startJob } from "./run-job.ts";
import { threadTransport } from "./worker/thread-transport.ts";

/** An interval that nothing else has: by it the timer of the heartbeat is known. */
const BEAT_MS = 47;
const ROWS = 1000;
const SPLITS = 3;
const KEYS = 30;

/** The heartbeat's time passes only while a worker hangs: one that waits for a busy machine is never taken for it. */
function beatingWhile(timers: Timers, hangs: () => boolean): Timers {
  const beat = (callback: () => void): (() => void) => {
    let cancel = () => {};
    const look = () => {
      cancel = timers.after(BEAT_MS, hangs() ? callback : look);
    };
    look();
    return () => cancel();
  };
  return {
    after: (ms, callback) => (ms === BEAT_MS ? beat(callback) : timers.after(ms, callback)),
    yield: (callback) => timers.yield(callback),
  };
}

test("a worker that does not answer is given up, and the job goes on from its last checkpoint", async () => {
  const kernelsModule = await loadTestKernels();
  const real = realEnv();
  const hangs = join(mkdtempSync(join(tmpdir(), "millrace-hang-")), "hangs");
  const env = { ...real, timers: beatingWhile(real.timers, () => existsSync(hangs)) };
  const rows = { rows: `${ROWS}`, splits: `${SPLITS}`, batch: "20", keys: `${KEYS}`, pauseMs: "1" };
  const nodes = [source(1, rows), node(2, "Calc", [1]), node(3, "GroupAggregate", [hash(2)])];
  const job = startJob(
    plan([...nodes, sink(4, hash(3), "t")], {
      "execution.checkpointing.interval": "10 ms",
      "execution.checkpointing.dir": "/checkpoints",
      "restart-strategy.type": "fixed-delay",
      "restart-strategy.fixed-delay.delay": "5 ms",
      "hang.value": "2000900",
      "hang.file": hangs,
      "millrace.metrics.interval": `${BEAT_MS} ms`,
      "heartbeat.timeout": `${10 * BEAT_MS} ms`,
    }),
    {
      registry,
      operators,
      env,
      kernelsModule,
      createState,
      storage: new MemoryStorage(),
      parallelism: 2,
      transport: threadTransport({
        entry: new URL("./doubles.test.ts", import.meta.url),
        env,
        kernelsModule,
      }),
      onStatus: (status) => {
        if (status === "RESTARTING") rmSync(dirname(hangs), { recursive: true });
      },
    },
  );
  const result = await job.ended;
  assert.equal(result.status, "FINISHED", String(result.failure));
  assert.equal(result.failure?.code, "MR5005");
  assert.equal(result.restarts, 1);
  const written = new Map<number, number[]>();
  for (const [key, count] of committedRows("t")) {
    const counts = written.get(Number(key)) ?? [];
    written.set(Number(key), [...counts, Number(count)]);
  }
  const each = (ROWS * SPLITS) / KEYS;
  for (const [key, counts] of written) {
    const sorted = counts.toSorted((a, b) => a - b);
    const expected = Array.from({ length: counts.length }, (_, i) => i + 1);
    assert.deepEqual(sorted, expected, `key ${key}: each count once`);
  }
  const total = [...written.values()].reduce((sum, counts) => sum + counts.length, 0);
  assert.deepEqual([written.size, total], [KEYS, each * KEYS]);
});
