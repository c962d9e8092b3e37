/**
 * Whole jobs on a simulated machine that loses its power: files of orders → windows and joins →
 * files, with checkpoints. The process dies at a random step, unsynced bytes are lost or torn,
 * another parallelism goes on from the newest checkpoint. Whatever the seed: every result is in the
 * files exactly once.
 *
 * Replay:  CRASH_SEED=<n> node --test tests/faults/crash.test.ts
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Env } from "../../src/foundation/host/env.ts";
import { SeededRandom } from "../../src/foundation/host/simulated-random.ts";
import { type SimulatedFaults, SimulatedWorld } from "../../src/foundation/host/simulated-env.ts";
import { completedCheckpoints } from "../../src/dataplane/runtime/process/recovery-point.ts";
import { Engine } from "../../testkit/conformance/engine.ts";

const JOB = "b".repeat(32);
const ROWS = 600;

const DDL = [
  `CREATE TABLE orders (id BIGINT, item INT NOT NULL, amount BIGINT, ts TIMESTAMP(3),
     WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
   ) WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json')`,
  `CREATE TABLE totals (item INT, starts TIMESTAMP(3), n BIGINT, total BIGINT)
     WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'json')`,
  `CREATE TABLE pairs (a BIGINT, b BIGINT)
     WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'json')`,
];
const STATEMENTS = [
  `INSERT INTO totals SELECT item, window_start, COUNT(*), SUM(amount)
     FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '3' SECOND))
     GROUP BY item, window_start, window_end`,
  `INSERT INTO pairs SELECT l.id, r.id FROM orders l JOIN orders r
     ON l.item = r.item AND l.amount = r.amount`,
];

const CONFIG = {
  "execution.checkpointing.interval": "20 ms",
  "execution.checkpointing.dir": "/checkpoints",
  "execution.checkpointing.num-retained": "2",
  "execution.checkpointing.tolerable-failed-checkpoints": "1000",
  "restart-strategy.type": "fixed-delay",
  "restart-strategy.fixed-delay.attempts": "1000",
  "restart-strategy.fixed-delay.delay": "10 ms",
};

async function writeOrders({ files }: Env, count: number): Promise<void> {
  await files.mkdirs("/in");
  await files.mkdirs("/out");
  for (let file = 0; file < count; file++) {
    const lines = Array.from({ length: ROWS / count }, (_, i) => {
      const id = file + i * count;
      const ts = new Date(1_700_000_000_000 + id * 50).toISOString().slice(0, -1).replace("T", " ");
      return JSON.stringify({ id, item: id % 7, amount: (id * 37) % 11, ts });
    });
    await files.writeAtomic(`/in/${file}.json`, new TextEncoder().encode(`${lines.join("\n")}\n`));
  }
}

/** Event time must come in order for windows: they read one file, the join three. */
function filesOf(statement: string): number {
  return statement.includes("TUMBLE") ? 1 : 3;
}

/** One life of the job, from its newest checkpoint on; the promise is of its end. */
async function startLife(
  env: Env,
  statement: string,
  life: number,
  parallelism: number,
  onOutcome: () => void = () => {},
) {
  const engine = new Engine({ env });
  for (const ddl of DDL) engine.execute(ddl);
  const planned = engine.execute(statement);
  assert.ok(planned.kind === "insert");
  const points = (await completedCheckpoints(env.files, `/checkpoints/${JOB}`)).map((p) => p.path);
  const restoreFrom = points.at(-1);
  return engine.start(planned.plan, {
    parallelism,
    jobId: JOB,
    config: CONFIG,
    firstAttempt: 1 + life * 1000,
    // As job.json: what is known to have ended is not started again.
    beforeDiscard: async () => onOutcome(),
    olderCheckpoints: points.slice(0, -1),
    ...(restoreFrom === undefined ? {} : { restoreFrom }),
  });
}

async function results({ files }: Env): Promise<string[]> {
  const lines: string[] = [];
  for (const name of await files.list("/out")) {
    if (name.startsWith(".")) continue;
    lines.push(...new TextDecoder().decode(await files.readAll(`/out/${name}`)).split("\n"));
  }
  return lines.filter((line) => line !== "").sort();
}

async function undisturbed(statement: string): Promise<{ rows: string[]; steps: number }> {
  const world = new SimulatedWorld(0);
  const env = world.boot();
  await world.run(writeOrders(env, filesOf(statement)));
  let steps = 0;
  let done = false;
  void startLife(env, statement, 0, 1)
    .then((job) => job.ended)
    .then(() => {
      done = true;
    });
  await world.runUntil(() => ++steps > 0 && done);
  return { rows: await world.run(results(env)), steps };
}

async function crashing(seed: number, statement: string, steps: number): Promise<string[]> {
  const random = new SeededRandom(seed);
  const faults: SimulatedFaults = {
    ...(random.chance(0.5) ? { fileDelayMs: random.below(20) } : {}),
  };
  const world = new SimulatedWorld(seed);
  await world.run(writeOrders(world.boot(), filesOf(statement)));
  world.faults = faults;
  for (let life = 0; life < 6; life++) {
    const env = world.boot();
    const parallelism = 1 + random.below(3);
    let ended = false;
    const running = startLife(env, statement, life, parallelism, () => {
      ended = true;
    }).then((job) => job.ended);
    const isLast = life === 5;
    if (isLast) {
      world.faults = {};
      const result = await world.run(running);
      assert.equal(result.status, "FINISHED", `seed ${seed}: ${result.failure}`);
      break;
    }
    let left = random.below(steps * 2);
    void running.then(() => {
      ended = true;
    });
    await world.runUntil(() => left-- <= 0 || ended);
    if (ended) break;
    world.crash();
  }
  world.faults = {};
  return await world.run(results(world.boot()));
}

const only = process.env.CRASH_SEED;
const seeds = only === undefined ? Array.from({ length: 10 }, (_, i) => i + 1) : [Number(only)];

for (const statement of STATEMENTS) {
  const name = statement.slice(0, statement.indexOf(" SELECT"));
  test(`${name}: exactly once over crashes`, async () => {
    const expected = await undisturbed(statement);
    assert.ok(expected.rows.length > 50, `${expected.rows.length} rows`);
    for (const seed of seeds) {
      const rows = await crashing(seed, statement, expected.steps);
      assert.deepEqual(
        rows,
        expected.rows,
        `REPRO: CRASH_SEED=${seed} node --test tests/faults/crash.test.ts`,
      );
    }
  });
}
