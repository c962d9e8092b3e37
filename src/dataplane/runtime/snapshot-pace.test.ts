import assert from "node:assert/strict";
import { test } from "node:test";
import { loadTestKernels } from "../../../testkit/worker-runtime.ts";
import { SimulatedWorld } from "../../foundation/host/simulated-env.ts";
import {
  committed,
  committedRows,
  createState,
  MemoryStorage,
  operators,
  registry,
} from "./doubles.test.ts";
import { hash, node, plan, sink, source } from "./plan-doubles.test.ts";
import { startJob } from "./run-job.ts";

const kernelsModule = await loadTestKernels();
const SLICES = 30;
const BESIDE_ROWS = 256 * 1024;
const ALONE = 1024 * 1024;

/** A job whose snapshots take SLICES steps: bytes and moment of each. */
async function slicesOf(pauseMs: number, interval: string) {
  committed.clear();
  const world = new SimulatedWorld(1);
  const env = world.boot();
  const slices: { readonly bytes: number; readonly ms: number }[] = [];
  const rows = { rows: "1000", splits: "3", batch: "20", keys: "30", pauseMs: String(pauseMs) };
  const nodes = [source(1, rows), node(2, "GroupAggregate", [hash(1)]), sink(3, hash(2), "t")];
  const config = {
    "execution.checkpointing.interval": interval,
    "execution.checkpointing.dir": "/checkpoints",
  };
  const job = startJob(plan(nodes, config), {
    registry,
    operators,
    env,
    kernelsModule,
    storage: new MemoryStorage(),
    parallelism: 1,
    createState: async (options) => {
      const state = await createState(options);
      const beginSnapshot: typeof state.beginSnapshot = (barrier) => {
        const { done } = state.beginSnapshot(barrier);
        const written = Promise.withResolvers<void>();
        let left = SLICES;
        const step = (bytes: number) => {
          slices.push({ bytes, ms: env.clock.monotonicMs() });
          if (--left === 0) written.resolve();
          return left <= 0;
        };
        return { step, done: written.promise.then(() => done) };
      };
      return { ...state, beginSnapshot };
    },
  });
  const result = await world.run(job.ended);
  assert.equal(result.failure, null);
  assert.equal(committedRows("t").length, 3000);
  assert.ok(job.checkpoints.some(({ status }) => status === "COMPLETED"));
  return slices;
}

test("beside rows a snapshot is written in small slices, and rests after each", async () => {
  const slices = await slicesOf(1, "60 ms");
  const beside = slices.filter(({ bytes }) => bytes === BESIDE_ROWS);
  assert.ok(beside.length >= SLICES, `${beside.length} of ${slices.length}`);
  // Of the subtasks of one worker, each takes one slice in a moment at the most.
  const atOnce = Map.groupBy(beside, ({ ms }) => ms);
  const most = Math.max(...[...atOnce.values()].map(({ length }) => length));
  assert.ok(most <= 3, `${most} slices in one millisecond`);
});

test("when no rows come a snapshot goes on without rests", async () => {
  const slices = await slicesOf(200, "1 s");
  const alone = slices.filter(({ bytes }) => bytes === ALONE);
  assert.ok(alone.length > 0);
  const moments = new Set(alone.map(({ ms }) => ms));
  assert.ok(alone.length >= 5 * moments.size, `${alone.length} in ${moments.size} moments`);
});
