/**
 * Messages between the job master and its workers that are lost or late, and workers that fall silent: the job notices
 * within its heartbeat's time-out, starts again, and ends with every result once.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedWorld } from "../../src/foundation/host/simulated-env.ts";
import { startLife } from "./campaign.ts";
import { faultyTransport, MESSAGE_ACTIONS, type MessageFault } from "./faulty-transport.ts";
import { difference, fold, SCENARIOS, visibleLines, writeOrders } from "./scenarios.ts";

const SCENARIO = SCENARIOS.find(({ name }) => name === "group-aggregate")!;
const PARALLELISM = 2;
const FILE_DELAY_MS = 20;
const NTH = 2;
/** Longer than the heartbeat's time-out. */
const DELAY_MS = 1500;
/** Of virtual time: several times what the job takes with one restart. */
const MOST_MS = 120_000;

const KINDS = [
  "deploy",
  "splits",
  "start",
  "trigger",
  "completed",
  "report-metrics",
  "deployed",
  "snapshot",
  "finished",
  "metrics",
] as const;

async function run(fault: MessageFault | undefined) {
  const world = new SimulatedWorld(1);
  await world.run(writeOrders(world.boot(), SCENARIO));
  world.faults = { fileDelayMs: FILE_DELAY_MS };
  const env = world.boot();
  let struck = 0;
  const between =
    fault === undefined
      ? undefined
      : faultyTransport(fault, env.timers, () => {
          struck++;
        });
  const master = await world.run(startLife(env, SCENARIO, 0, PARALLELISM, () => {}, between));
  let ended = false;
  void master.ended.then(() => {
    ended = true;
  });
  const until = world.elapsedMs + MOST_MS;
  await world.runUntil(() => ended || world.elapsedMs > until);
  const { status, restarts, failure } = master.view;
  world.faults = {};
  const rows = fold(await world.run(visibleLines(world.boot())), SCENARIO);
  return { status, restarts, code: failure?.code, struck, rows };
}

const expected = run(undefined);

for (const kind of KINDS) {
  for (const action of MESSAGE_ACTIONS) {
    test(`${action}: ${kind}`, async () => {
      const result = await run({ kind, action, nth: NTH, delayMs: DELAY_MS });
      assert.equal(result.struck, 1);
      assert.equal(result.status, "FINISHED");
      const { rows } = await expected;
      assert.ok(rows.size > 0);
      assert.deepEqual(difference(result.rows, rows), { lost: 0, doubled: 0 });
      // A message of the very end may be missed by nobody; one that is only late need not be.
      if (action === "late-message" || kind === "finished") return;
      assert.equal(result.restarts, 1);
      assert.ok(result.code === "MR5005" || result.code === "MR5021", `failed with ${result.code}`);
    });
  }
}

test("whichever message with splits is lost, no row is", async () => {
  let nth = 1;
  for (; ; nth++) {
    const result = await run({ kind: "splits", action: "lost-message", nth, delayMs: 0 });
    if (result.struck === 0) break;
    assert.equal(result.status, "FINISHED");
    const lost = difference(result.rows, (await expected).rows);
    assert.deepEqual(lost, { lost: 0, doubled: 0 }, `splits message ${nth}`);
  }
  assert.ok(nth > PARALLELISM, `only ${nth - 1} messages with splits`);
});
