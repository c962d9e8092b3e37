/** Another parallelism while the job runs: nothing lost, nothing doubled, and what the job tells of it. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { loadTestKernels } from "../../../testkit/worker-runtime.ts";
import { SimulatedWorld } from "../../foundation/host/simulated-env.ts";
import {
  committed,
  committedRows,
  createState,
  failures,
  MemoryStorage,
  operators,
  registry,
} from "./doubles.test.ts";
import { hash, node, plan, sink, source } from "./plan-doubles.test.ts";
import { startJob } from "./run-job.ts";

const kernelsModule = await loadTestKernels();
const ROWS = 1000;
const SPLITS = 3;
const KEYS = 30;

function start(world: SimulatedWorld, parallelism: number, config: Record<string, string> = {}) {
  failures.left = config["fail.value"] === undefined ? 0 : 1;
  const table = {
    rows: `${ROWS}`,
    splits: `${SPLITS}`,
    batch: "20",
    keys: `${KEYS}`,
    pauseMs: "1",
  };
  const nodes = [
    source(1, table),
    node(2, "Calc", [1]),
    node(3, "GroupAggregate", [hash(2)]),
    sink(4, hash(3), "t"),
  ];
  const all = {
    "execution.checkpointing.interval": "10 ms",
    "execution.checkpointing.dir": "/checkpoints",
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "3",
    "restart-strategy.fixed-delay.delay": "5 ms",
    "pipeline.max-parallelism": "128",
    ...config,
  };
  const env = world.boot();
  const storage = new MemoryStorage();
  return startJob(plan(nodes, all), {
    registry,
    operators,
    env,
    kernelsModule,
    createState,
    storage,
    parallelism,
  });
}

function expected(): string[] {
  const counts = new Map<number, number>();
  const out: string[] = [];
  for (let split = 0; split < SPLITS; split++) {
    for (let i = 0; i < ROWS; i++) {
      const key = (split * 1_000_000 + i) % KEYS;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      out.push(`${key}:${counts.get(key)}`);
    }
  }
  return out.sort();
}

const written = () =>
  committedRows("t")
    .map(([key, value]) => `${key}:${value}`)
    .sort();

beforeEach(() => committed.clear());

test("a running job gets more workers, fewer, and another parallelism of one operator", async () => {
  for (let seed = 1; seed <= 8; seed++) {
    committed.clear();
    const world = new SimulatedWorld(seed);
    const job = start(world, 1);
    const steps = [{ parallelism: 3 }, { operators: { GroupAggregate: 2 } }, { parallelism: 1 }];
    for (const [index, step] of steps.entries()) {
      await world.runUntil(() => committedRows("t").length > 500 * (index + 1));
      await world.run(job.rescale(step));
      assert.equal(job.view.status, "RUNNING");
    }
    const shapes = job.checkpoints.map(({ tasks }) => tasks.map((task) => task.parallelism).join());
    assert.deepEqual([...new Set(shapes)].slice(0, 3), ["1", "3,3,3", "3,2,3"], `seed ${seed}`);
    const result = await world.run(job.ended);
    assert.equal(result.status, "FINISHED", `seed ${seed}: ${result.failure}`);
    assert.equal(result.restarts, 0);
    const last = job.checkpoints.at(-1)!.tasks.map((task) => task.parallelism);
    assert.deepEqual(last, [1, 2, 1], `seed ${seed}`);
    assert.deepEqual(written(), expected(), `seed ${seed}`);
  }
});

test("a failure after a rescale restarts with the new parallelism", async () => {
  const world = new SimulatedWorld(3);
  const job = start(world, 1, { "fail.value": "2000900" });
  await world.runUntil(() => committedRows("t").length > 300);
  await world.run(job.rescale({ parallelism: 2 }));
  const result = await world.run(job.ended);
  assert.equal(result.status, "FINISHED", String(result.failure));
  assert.equal(result.restarts, 1);
  assert.deepEqual(job.checkpoints.at(-1)!.tasks[0]!.parallelism, 2);
  assert.deepEqual(written(), expected());
});

test("what cannot be is refused, and the job runs on as it was", async () => {
  const world = new SimulatedWorld(4);
  const job = start(world, 2);
  await world.runUntil(() => committedRows("t").length > 100);
  const refused = (asked: Parameters<typeof job.rescale>[0], code: string) =>
    assert.rejects(world.run(job.rescale(asked)), { code });
  await refused({ parallelism: 2 }, "MR5025");
  await refused({ parallelism: 0 }, "MR5003");
  await refused({ parallelism: 200 }, "MR1003");
  await refused({ operators: { Nobody: 2 } }, "MR5024");
  const result = await world.run(job.ended);
  assert.equal(result.status, "FINISHED", String(result.failure));
  assert.deepEqual(written(), expected());
  await assert.rejects(job.rescale({ parallelism: 1 }), { code: "MR5011" });
});

test("each subtask's part of a checkpoint is told", async () => {
  const world = new SimulatedWorld(5);
  const job = start(world, 2);
  await world.runUntil(() => job.checkpoints.some(({ status }) => status === "COMPLETED"));
  const view = job.checkpoints.find(({ status }) => status === "COMPLETED")!;
  assert.deepEqual(
    view.tasks.map(({ name, subtasks }) => [name, subtasks.map(({ subtask }) => subtask).sort()]),
    view.tasks.map(({ name }) => [name, [0, 1]]),
  );
  const parts = view.tasks.flatMap(({ subtasks }) => subtasks);
  assert.equal(view.alignmentMs, Math.max(...parts.map(({ alignmentMs }) => alignmentMs)));
  assert.equal(view.asyncMs, Math.max(...parts.map(({ asyncMs }) => asyncMs)));
  assert.ok(parts.every(({ durationMs }) => durationMs <= view.durationMs!));
  await world.run(job.cancel());
});
