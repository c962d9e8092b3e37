import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { loadTestKernels } from "../../../testkit/worker-runtime.ts";
import type { Env } from "../../foundation/host/env.ts";
import { realEnv } from "../../foundation/host/real-env.ts";
import { SimulatedWorld } from "../../foundation/host/simulated-env.ts";
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import {
  committed,
  committedRows,
  createState,
  failingCommits,
  failures,
  MemoryStorage,
  operators,
  registry,
} from "./doubles.test.ts";
import { hash, node, plan, sink, source } from "./plan-doubles.test.ts";
import { type RunJobOptions, startJob } from "./run-job.ts";
import { threadTransport } from "./worker/thread-transport.ts";

const kernelsModule = await loadTestKernels();
const entry = new URL("./doubles.test.ts", import.meta.url);

const EVERY_10_MS = {
  "execution.checkpointing.interval": "10 ms",
  "execution.checkpointing.dir": "/checkpoints",
};
const RESTART_FAST = {
  "restart-strategy.type": "fixed-delay",
  "restart-strategy.fixed-delay.attempts": "3",
  "restart-strategy.fixed-delay.delay": "5 ms",
};

function start(env: Env, job: ExecPlan, options: Partial<RunJobOptions> = {}) {
  failures.left = job.config["fail.value"] === undefined ? 0 : 1;
  return startJob(job, {
    registry,
    operators,
    env,
    kernelsModule,
    createState,
    storage: new MemoryStorage(),
    ...options,
  });
}

const sorted = (table: string) =>
  committedRows(table)
    .map(([key, value]) => `${key}:${value}`)
    .sort();

/** rows × splits values, over `keys` keys: each key counts 1, 2, 3 …. */
function countsOf(rows: number, splits: number, keys: number): string[] {
  const counts = new Map<number, number>();
  const out: string[] = [];
  for (let split = 0; split < splits; split++) {
    for (let i = 0; i < rows; i++) {
      const key = (split * 1_000_000 + i) % keys;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      out.push(`${key}:${counts.get(key)}`);
    }
  }
  return out.sort();
}

const counting = (config: Record<string, string>, extra: Record<string, string> = {}) =>
  plan(
    [
      source(1, { rows: "1000", splits: "3", batch: "20", keys: "30", pauseMs: "1", ...extra }),
      node(2, "Calc", [1]),
      node(3, "GroupAggregate", [hash(2)]),
      sink(4, hash(3), "t"),
    ],
    config,
  );
const COUNTS = countsOf(1000, 3, 30);

beforeEach(() => {
  committed.clear();
  failingCommits.clear();
});

describe("checkpoints", () => {
  test("commit while the job runs, and at its end", async () => {
    const world = new SimulatedWorld(1);
    const job = start(world.boot(), counting(EVERY_10_MS), { parallelism: 2 });
    const half = await world.runUntil(() => committedRows("t").length > 1000);
    assert.ok(half && job.view.status === "RUNNING");
    const result = await world.run(job.ended);
    assert.equal(result.failure, null);
    assert.deepEqual(sorted("t"), COUNTS);
    const completed = job.checkpoints.filter(({ status }) => status === "COMPLETED");
    assert.ok(completed.length >= 3, `${completed.length}`);
    const last = completed.at(-1)!;
    assert.equal(last.acknowledged, last.subtasks);
  });

  test("after a failure the job goes on from the last one: exactly once", async () => {
    for (const parallelism of [1, 2, 3]) {
      committed.clear();
      const statuses: string[] = [];
      const world = new SimulatedWorld(parallelism);
      const config = { ...EVERY_10_MS, ...RESTART_FAST, "fail.value": "1000900" };
      const job = start(world.boot(), counting(config), {
        parallelism,
        onStatus: (status) => statuses.push(status),
      });
      const result = await world.run(job.ended);
      assert.equal(result.status, "FINISHED", String(result.failure));
      assert.equal(result.restarts, 1);
      assert.match(result.failure?.message ?? "", /value 1000900 hurts/);
      assert.deepEqual(sorted("t"), COUNTS, `parallelism ${parallelism}`);
      const expected = ["CREATED", "RUNNING", "RESTARTING", "CREATED", "RUNNING", "FINISHED"];
      assert.deepEqual(statuses, expected);
    }
  });

  test("a worker thread that dies takes the job back to the last one: exactly once", async () => {
    const env = realEnv();
    const config = { ...EVERY_10_MS, ...RESTART_FAST, "die.value": "2000900" };
    const job = start(env, counting(config), {
      parallelism: 2,
      transport: threadTransport({ entry, env, kernelsModule }),
    });
    const result = await job.ended;
    assert.equal(result.status, "FINISHED", String(result.failure));
    assert.equal(result.failure?.code, "MR5004");
    assert.deepEqual(sorted("t"), COUNTS);
  });

  test("random schedules: restarts anywhere, exactly once", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      committed.clear();
      const world = new SimulatedWorld(seed);
      const value = ((seed * 37) % 3) * 1_000_000 + ((seed * 211) % 1000);
      const config = { ...EVERY_10_MS, ...RESTART_FAST, "fail.value": String(value) };
      const job = start(world.boot(), counting(config), { parallelism: 1 + (seed % 4) });
      const result = await world.run(job.ended);
      assert.equal(result.status, "FINISHED", `seed ${seed}: ${result.failure}`);
      assert.deepEqual(sorted("t"), COUNTS, `seed ${seed}`);
    }
  });

  test("a commit that fails fails the job; the restart commits what the checkpoint holds", async () => {
    const world = new SimulatedWorld(9);
    failingCommits.set("t", 2);
    const job = start(world.boot(), counting({ ...EVERY_10_MS, ...RESTART_FAST }));
    const result = await world.run(job.ended);
    assert.equal(result.status, "FINISHED", String(result.failure));
    assert.equal(result.failure?.code, "MR5018");
    assert.equal(result.restarts, 2);
    assert.deepEqual(sorted("t"), COUNTS);
  });

  test("one that cannot be stored fails the job only beyond the tolerable number", async () => {
    for (const tolerable of [0, 2]) {
      committed.clear();
      const world = new SimulatedWorld(4);
      const storage = new MemoryStorage();
      storage.failures = 2;
      const key = "execution.checkpointing.tolerable-failed-checkpoints";
      const config = { ...EVERY_10_MS, ...RESTART_FAST, [key]: String(tolerable) };
      const job = start(world.boot(), counting(config), { storage });
      const result = await world.run(job.ended);
      assert.equal(result.status, "FINISHED");
      assert.equal(result.restarts, tolerable === 0 ? 2 : 0);
      if (tolerable === 0) assert.equal(result.failure?.code, "MR4253");
      assert.deepEqual(sorted("t"), COUNTS);
    }
  });

  test("as many are kept as asked for, and none when the job has ended", async () => {
    const world = new SimulatedWorld(4);
    const storage = new MemoryStorage();
    const config = { ...EVERY_10_MS, "execution.checkpointing.num-retained": "2" };
    const job = start(world.boot(), counting(config), { storage });
    await world.runUntil(() => job.checkpoints.filter((c) => c.status === "COMPLETED").length > 4);
    assert.equal(storage.stored.size, 2);
    await world.run(job.ended);
    assert.equal(storage.stored.size, 0);
  });

  test("without restart strategy options the delay grows; none at all without checkpoints", async () => {
    const world = new SimulatedWorld(4);
    const job = start(world.boot(), counting({ ...EVERY_10_MS, "fail.value": "500" }));
    const result = await world.run(job.ended);
    assert.deepEqual([result.status, result.restarts], ["FINISHED", 1]);
    assert.ok(world.elapsedMs > 900 && world.elapsedMs < 1500, `${world.elapsedMs}`);
  });
});

describe("savepoints", () => {
  const endless = counting({ ...EVERY_10_MS, "execution.checkpointing.savepoint-dir": "sp" });

  test("stop with savepoint commits, and another parallelism goes on from it", async () => {
    for (const [before, after] of [
      [1, 3],
      [3, 2],
      [2, 1],
    ] as const) {
      committed.clear();
      const world = new SimulatedWorld(before * 10 + after);
      const storage = new MemoryStorage();
      const first = start(world.boot(), endless, { storage, parallelism: before });
      await world.runUntil(() => committedRows("t").length > 500);
      const savepoint = await world.run(first.stopWithSavepoint());
      assert.equal(first.view.status, "FINISHED");
      const rows = committedRows("t").length;
      assert.ok(rows > 500 && rows < 3000, `${rows}`);
      assert.ok(storage.stored.has(savepoint.path));
      const second = start(world.boot(), endless, {
        storage,
        parallelism: after,
        restoreFrom: savepoint.path,
      });
      const result = await world.run(second.ended);
      assert.equal(result.status, "FINISHED", String(result.failure));
      assert.deepEqual(sorted("t"), COUNTS);
      assert.ok(storage.stored.has(savepoint.path), "a savepoint belongs to the user");
    }
  });

  test("one in passing commits nothing by itself, and loses nothing", async () => {
    const world = new SimulatedWorld(3);
    const config = { ...EVERY_10_MS, "execution.checkpointing.interval": "1 h" };
    const storage = new MemoryStorage();
    const job = start(world.boot(), counting(config), { storage, parallelism: 2 });
    await world.advance(30);
    const savepoint = await world.run(job.triggerSavepoint("mine"));
    assert.match(savepoint.path, /^mine\//);
    assert.deepEqual(committedRows("t"), []);
    const checkpoint = await world.run(job.triggerCheckpoint());
    assert.ok(checkpoint.metadata.checkpointId > savepoint.metadata.checkpointId);
    assert.ok(committedRows("t").length > 0);
    const result = await world.run(job.ended);
    assert.equal(result.failure, null);
    assert.deepEqual(sorted("t"), COUNTS);
  });

  test("several asked for at once are all taken, each a whole state of its own", async () => {
    for (let seed = 1; seed <= 8; seed++) {
      committed.clear();
      const world = new SimulatedWorld(seed);
      const config = { ...EVERY_10_MS, "execution.checkpointing.interval": "1 h" };
      const storage = new MemoryStorage();
      const job = start(world.boot(), counting(config), { storage, parallelism: 3 });
      await world.advance(20 + seed);
      const savepoints = await world.run(
        Promise.all(["a", "b", "c"].map((directory) => job.triggerSavepoint(directory))),
      );
      assert.equal(job.view.status, "RUNNING");
      await world.run(job.cancel());
      for (const { path } of savepoints) {
        committed.clear();
        const restoring = { storage, parallelism: 2, restoreFrom: path };
        const again = start(world.boot(), counting(config), restoring);
        const result = await world.run(again.ended);
        assert.equal(result.failure, null);
        // What counts before the savepoint was not committed, or will be by nobody: the last count of each key is right.
        const counts = new Map<number, number>();
        for (const [key, value] of committedRows("t"))
          counts.set(Number(key), Math.max(counts.get(Number(key)) ?? 0, Number(value)));
        assert.deepEqual(
          [...counts.values()],
          Array.from({ length: 30 }, () => 100),
        );
      }
    }
  });

  test("there is none in batch mode, whatever the interval; rows are committed at the end", async () => {
    const world = new SimulatedWorld(3);
    const batch: ExecPlan = { ...counting(EVERY_10_MS), mode: "batch" };
    const job = start(world.boot(), batch, { parallelism: 2 });
    await world.advance(30);
    const refused = world.run(job.triggerSavepoint("mine"));
    await assert.rejects(refused, { code: "MR5020" });
    const result = await world.run(job.ended);
    assert.equal(result.failure, null);
    assert.deepEqual(sorted("t"), COUNTS);
    assert.equal(job.checkpoints.length, 0);
  });

  test("drain fires what waits for event time", async () => {
    const world = new SimulatedWorld(3);
    const job = start(
      world.boot(),
      plan(
        [
          source(1, { unbounded: "true", watermarks: "true", rows: "100" }),
          node(2, "SortLimit", [1]),
          sink(3, 2, "t"),
        ],
        EVERY_10_MS,
      ),
    );
    await world.advance(50);
    await world.run(job.stopWithSavepoint({ directory: "sp", drain: true }));
    assert.deepEqual(committedRows("t").at(-1), [0n, BigInt(Number.MAX_SAFE_INTEGER)]);
  });

  test("the watermark goes on where it was: what was late stays late", async () => {
    const world = new SimulatedWorld(5);
    const storage = new MemoryStorage();
    const job = plan(
      [
        source(1, { unbounded: "true", watermarks: "true", rows: "1000", pauseMs: "1" }),
        node(2, "SortLimit", [1]),
        sink(3, 2, "t"),
      ],
      EVERY_10_MS,
    );
    const first = start(world.boot(), job, { storage });
    await world.advance(60);
    const { path } = await world.run(first.stopWithSavepoint({ directory: "sp" }));
    const before = committedRows("t").at(-1)![1];
    assert.ok(before > 0n);
    committed.clear();
    const second = start(world.boot(), job, { storage, restoreFrom: path });
    await world.advance(30);
    await world.run(second.cancel());
    assert.equal(committedRows("t")[0]![1], before);
  });

  test("refuses what does not fit", async () => {
    const world = new SimulatedWorld(3);
    const storage = new MemoryStorage();
    const first = start(world.boot(), endless, { storage });
    await world.advance(20);
    const { path } = await world.run(first.stopWithSavepoint());
    const restore = async (job: ExecPlan, restoreFrom: string) => {
      const result = await world.run(start(world.boot(), job, { storage, restoreFrom }).ended);
      return [result.status, result.failure?.code, result.restarts];
    };
    const other = plan([source(7, { rows: "5" }), sink(4, 7, "t")], {});
    assert.deepEqual(await restore(other, path), ["FAILED", "MR4259", 0]);
    const wider = { ...endless, config: { "pipeline.max-parallelism": "256" } };
    assert.deepEqual(await restore(wider, path), ["FAILED", "MR4258", 0]);
    const ignore = { "execution.state-recovery.ignore-unclaimed-state": "true" };
    assert.equal((await restore({ ...other, config: ignore }, path))[0], "FINISHED");
    assert.equal((await restore(endless, "nowhere"))[0], "FAILED");
  });

  test("needs a running job and a folder", async () => {
    const world = new SimulatedWorld(3);
    const job = start(world.boot(), counting({}));
    await assert.rejects(job.triggerSavepoint("x"), { code: "MR5011" });
    await world.advance(20);
    await assert.rejects(job.triggerSavepoint(), { code: "MR4254" });
    await world.run(job.cancel());
    await assert.rejects(job.triggerSavepoint("x"), { code: "MR5011" });
  });
});

describe("sources that end, or find more", () => {
  test("a source that has ended does not stop checkpoints, nor lose its last rows", async () => {
    const world = new SimulatedWorld(2);
    const job = start(
      world.boot(),
      plan(
        [
          source(1, { rows: "50" }),
          source(2, { rows: "1000", batch: "10", pauseMs: "3" }),
          sink(3, 1, "short"),
          sink(4, 2, "long"),
        ],
        { ...EVERY_10_MS, ...RESTART_FAST },
      ),
      { parallelism: 2 },
    );
    await world.runUntil(() => committedRows("long").length > 500);
    assert.equal(committedRows("short").length, 50);
    const result = await world.run(job.ended);
    assert.equal(result.failure, null);
    assert.equal(committedRows("short").length, 50);
    assert.equal(committedRows("long").length, 1000);
  });

  test("VALUES and ended operators emit nothing again after a restart", async () => {
    const world = new SimulatedWorld(2);
    const job = start(
      world.boot(),
      plan(
        [
          node(1, "Values", []),
          node(2, "SortLimit", [1]),
          source(3, { rows: "1000", batch: "10", pauseMs: "1" }),
          node(4, "Calc", [3]),
          node(5, "Union", [2, 4]),
          sink(6, 5, "t"),
        ],
        { ...EVERY_10_MS, ...RESTART_FAST, "fail.value": "700" },
      ),
    );
    const result = await world.run(job.ended);
    assert.deepEqual([result.status, result.restarts], ["FINISHED", 1]);
    // 1,000 of the source; of VALUES' spy one for MAX_WATERMARK and one for the end.
    assert.equal(committedRows("t").length, 1002);
  });

  test("splits that cannot be found fail the start; later they are looked for again", async () => {
    const world = new SimulatedWorld(2);
    failures.discoveries = 2;
    const job = start(world.boot(), counting({ ...EVERY_10_MS, ...RESTART_FAST }));
    const result = await world.run(job.ended);
    assert.deepEqual([result.status, result.restarts], ["FINISHED", 2]);
    assert.equal(result.failure?.code, "MR5017");
    committed.clear();
    const options = { discoverMs: "10", splits: "3", rows: "50", unbounded: "true" };
    const endless = plan([source(1, options), sink(2, 1, "t")], EVERY_10_MS);
    for (const [broken, status] of [
      [4, "RUNNING"],
      [99, "FAILED"],
    ] as const) {
      const next = start(world.boot(), endless);
      await world.advance(15);
      failures.discoveries = broken;
      await world.advance(200);
      failures.discoveries = 0;
      assert.equal(next.view.status === "RUNNING" ? "RUNNING" : "FAILED", status);
      if (status === "RUNNING") assert.equal(committedRows("t").length, 150);
      await world.run(next.cancel());
    }
  });

  test("splits found later are read once, across restarts", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      committed.clear();
      const world = new SimulatedWorld(seed);
      const options = {
        discoverMs: "7",
        slowDiscoverMs: "4",
        splits: "5",
        rows: "100",
        batch: "9",
      };
      const config = {
        ...EVERY_10_MS,
        ...RESTART_FAST,
        "fail.value": String((seed % 5) * 1_000_000 + 50),
      };
      const job = start(
        world.boot(),
        plan(
          [
            source(1, { ...options, pauseMs: "1", unbounded: "true" }),
            node(2, "Calc", [1]),
            sink(3, 2, "t"),
          ],
          config,
        ),
        { parallelism: 2 },
      );
      await world.runUntil(() => committedRows("t").length >= 500 || world.elapsedMs > 10_000);
      assert.equal(job.view.restarts, 1, `seed ${seed}`);
      await world.advance(100);
      await world.run(job.cancel());
      assert.equal(new Set(sorted("t")).size, 500, `seed ${seed}`);
      assert.equal(committedRows("t").length, 500, `seed ${seed}`);
    }
  });
});
