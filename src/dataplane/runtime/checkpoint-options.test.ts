/** What each key of `execution.checkpointing.` does to a running job, under the simulated clock. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { loadTestKernels } from "../../../testkit/worker-runtime.ts";
import type { Env } from "../../foundation/host/env.ts";
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
import type { CheckpointView } from "./master/checkpoint-history.ts";
import type { CheckpointMetadata } from "./master/checkpoint-metadata.ts";
import { hash, node, plan, sink, source } from "./plan-doubles.test.ts";
import { startJob } from "./run-job.ts";
import type { CreateSubtaskState } from "./task/task-environment.ts";

const kernelsModule = await loadTestKernels();
const CHECKPOINTS = "execution.checkpointing.";
const ROWS = 1000;
const SPLITS = 3;

type Config = Readonly<Record<string, string>>;

/** A manifest takes so long to be stored. */
class SlowStorage extends MemoryStorage {
  readonly #env: Env;
  readonly #delayMs: number;

  constructor(env: Env, delayMs: number) {
    super();
    this.#env = env;
    this.#delayMs = delayMs;
  }

  override async store(metadata: CheckpointMetadata, directory: string | undefined) {
    await new Promise<void>((resolve) => void this.#env.timers.after(this.#delayMs, resolve));
    return super.store(metadata, directory);
  }
}

/** The state of a subtask takes so long to be written. */
const slowSnapshots =
  (env: Env, delayMs: number): CreateSubtaskState =>
  async (options) => {
    const state = await createState(options);
    const beginSnapshot: typeof state.beginSnapshot = (barrier) => {
      const { step, done } = state.beginSnapshot(barrier);
      const later = new Promise<void>((resolve) => void env.timers.after(delayMs, resolve));
      return { step, done: later.then(() => done) };
    };
    return { ...state, beginSnapshot };
  };

interface RunOptions {
  readonly storeMs?: number;
  readonly snapshotMs?: number;
  readonly seed?: number;
  /** Two sources, of which one has four times as many rows. */
  readonly long?: boolean;
}

/** Runs a job that counts rows by key; its sources have 1000 rows a split. */
async function run(config: Config, options: RunOptions) {
  committed.clear();
  const { storeMs = 0, snapshotMs = 0, seed = 7, long = false } = options;
  const job = { rows: `${ROWS}`, batch: "20", keys: "30", pauseMs: "1" };
  const two = [
    source(1, { ...job, splits: "2" }),
    source(2, { ...job, rows: `${4 * ROWS}`, splits: "2" }),
    node(3, "Union", [hash(1), hash(2)]),
    sink(4, hash(3), "t"),
  ];
  const one = [
    source(1, { ...job, splits: `${SPLITS}` }),
    node(2, "Calc", [1]),
    node(3, "GroupAggregate", [hash(2)]),
    sink(4, hash(3), "t"),
  ];
  failures.left = config["fail.value"] === undefined ? 0 : 1;
  const world = new SimulatedWorld(seed);
  const env = world.boot();
  const storage = storeMs > 0 ? new SlowStorage(env, storeMs) : new MemoryStorage();
  const settings = { [`${CHECKPOINTS}dir`]: "/c", ...config };
  const handle = startJob(plan(long ? two : one, settings), {
    ...{ registry, operators, env, kernelsModule, storage, parallelism: 2 },
    createState: snapshotMs === 0 ? createState : slowSnapshots(env, snapshotMs),
  });
  const result = await world.run(handle.ended);
  assert.equal(result.status, "FINISHED", String(result.failure));
  return { result, checkpoints: handle.checkpoints };
}

/** How long after the one before each was triggered, and how long after that one's end. */
function pauses(checkpoints: readonly CheckpointView[]) {
  const periodic = checkpoints.slice(0, -1);
  return periodic.slice(1).map((each, i) => ({
    sinceTrigger: each.triggeredMs - periodic[i]!.triggeredMs,
    sinceEnd: each.triggeredMs - periodic[i]!.endedMs!,
  }));
}

const least = (numbers: readonly number[]) => Math.min(...numbers);

beforeEach(() => committed.clear());

test("interval: from trigger to trigger", async () => {
  for (const intervalMs of [5, 10]) {
    const config = { [`${CHECKPOINTS}interval`]: `${intervalMs} ms` };
    const found = pauses((await run(config, {})).checkpoints);
    assert.ok(found.length > 2, `${found.length}`);
    for (const { sinceTrigger } of found)
      assert.ok(sinceTrigger >= intervalMs && sinceTrigger < intervalMs + 4, `${sinceTrigger}`);
  }
});

test("min-pause: from the end of one to the next", async () => {
  const config = { [`${CHECKPOINTS}interval`]: "5 ms" };
  const without = pauses((await run(config, { storeMs: 6 })).checkpoints);
  assert.ok(least(without.map(({ sinceEnd }) => sinceEnd)) < 2);
  const paused = { ...config, [`${CHECKPOINTS}min-pause`]: "8 ms" };
  const found = pauses((await run(paused, { storeMs: 6 })).checkpoints);
  assert.ok(found.length > 1, `${found.length}`);
  assert.ok(least(found.map(({ sinceEnd }) => sinceEnd)) >= 8);
});

test("max-concurrent-checkpoints: how many are under way at once", async () => {
  const most = async (config: Config) => {
    const every = { [`${CHECKPOINTS}interval`]: "3 ms", ...config };
    const { checkpoints } = await run(every, { storeMs: 10 });
    const at = (ms: number) =>
      checkpoints.filter(({ triggeredMs, endedMs }) => triggeredMs <= ms && endedMs! > ms).length;
    return Math.max(...checkpoints.map(({ triggeredMs }) => at(triggeredMs)));
  };
  assert.equal(await most({}), 1);
  assert.equal(await most({ [`${CHECKPOINTS}max-concurrent-checkpoints`]: "3" }), 3);
});

test("timeout: one that takes longer is given up", async () => {
  const config = {
    [`${CHECKPOINTS}interval`]: "5 ms",
    [`${CHECKPOINTS}tolerable-failed-checkpoints`]: "1000",
  };
  for (const timeoutMs of [5, 30]) {
    const short = { ...config, [`${CHECKPOINTS}timeout`]: `${timeoutMs} ms` };
    const { checkpoints } = await run(short, { snapshotMs: 10 });
    // What was under way when the sources ended is answered by their end, or given up.
    const endMs = checkpoints.at(-1)!.triggeredMs;
    const periodic = checkpoints.filter(({ triggeredMs }) => triggeredMs < endMs - 30);
    assert.ok(periodic.length > 2, `${periodic.length}`);
    for (const { failure, durationMs } of periodic) {
      assert.equal(failure?.code, timeoutMs === 5 ? "MR4250" : undefined);
      assert.ok(timeoutMs === 5 ? durationMs === 5 : durationMs! >= 10, `${durationMs}`);
    }
  }
});

test("checkpoints-after-tasks-finish: whether there are any once a source has ended", async () => {
  const config = { [`${CHECKPOINTS}interval`]: "5 ms" };
  const periodic = async (extra: Config) =>
    (await run({ ...config, ...extra }, { long: true })).checkpoints.at(-1)!.id;
  const [on, off] = [
    await periodic({}),
    await periodic({ [`${CHECKPOINTS}checkpoints-after-tasks-finish`]: "false" }),
  ];
  assert.ok(off > 3 && on > 3 * off, `${on} with them, ${off} without`);
});

test("mode: at least once loses nothing, doubles after a failure, and keeps no channel waiting", async () => {
  let doubled = 0;
  for (let seed = 1; seed <= 20; seed++) {
    for (const mode of ["EXACTLY_ONCE", "AT_LEAST_ONCE"]) {
      await run(
        {
          [`${CHECKPOINTS}interval`]: "5 ms",
          [`${CHECKPOINTS}mode`]: mode,
          "restart-strategy.type": "fixed-delay",
          "restart-strategy.fixed-delay.attempts": "3",
          "restart-strategy.fixed-delay.delay": "1 ms",
          "fail.value": `${1_000_000 * (seed % SPLITS) + 300 + 30 * seed}`,
        },
        { seed },
      );
      const rows = committedRows("t").map(([key, value]) => `${key}:${value}`);
      const perKey = (ROWS * SPLITS) / 30;
      for (let key = 0; key < 30; key++)
        for (let count = 1; count <= perKey; count++)
          assert.ok(rows.includes(`${key}:${count}`), `${mode}, seed ${seed}: ${key}:${count}`);
      if (mode === "EXACTLY_ONCE") assert.equal(rows.length, ROWS * SPLITS, `seed ${seed}`);
      else doubled += rows.length - ROWS * SPLITS;
    }
  }
  assert.ok(doubled > 0, "nothing came twice in any of them");
});
