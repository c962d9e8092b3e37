import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { baseErrors, MillraceError } from "../../foundation/base/errors.ts";
import { SimulatedWorld } from "../../foundation/host/simulated-env.ts";
import { Store } from "../store/store.ts";
import { DeploymentController } from "./deployments.ts";
import { runJobStatement } from "./job-statements.ts";
import { SimulatedTarget } from "./simulated-target.test.ts";
import { Workspace } from "./workspace.ts";

const SCRIPT = `CREATE TABLE s (a INT) WITH ('connector' = 'collect');
INSERT INTO s SELECT a FROM (VALUES (1)) AS t(a);`;
const workspace = new Workspace({ ddl: "" });
const code = (expected: string) => (error: unknown) =>
  error instanceof MillraceError && error.code === expected;

function setUp(store = Store.open(":memory:"), target = new SimulatedTarget()) {
  const world = new SimulatedWorld(7);
  const controller = new DeploymentController({
    store,
    target,
    env: world.boot(),
    planScript: (script) => workspace.planScript(script),
  });
  return { store, target, world, controller };
}

/** The store answers in its own time: virtual time passes, then everything that is under way comes to rest. */
async function pass(world: SimulatedWorld, spanMs: number): Promise<void> {
  await sleep(5);
  await world.advance(spanMs);
  await sleep(5);
}

test("a job whose process dies is started again after a delay that grows", async () => {
  const { controller, target, world } = setUp();
  const { id } = await controller.create({ name: "d", script: SCRIPT });
  await controller.start(id);
  const { jobId } = target.started[0]!;
  target.jobs.get(jobId)!.die();
  await pass(world, 900);
  assert.deepEqual(target.revived, []);
  assert.equal((await controller.get(id)).job?.status, "RESTARTING");
  await pass(world, 200);
  assert.deepEqual(target.revived, [jobId]);
  assert.equal((await controller.get(id)).job?.status, "RUNNING");
  target.jobs.get(jobId)!.die();
  await pass(world, 1400);
  assert.equal(target.revived.length, 1);
  await pass(world, 200);
  assert.equal(target.revived.length, 2);
  assert.equal(target.started.length, 1);
  await controller.close();
});

test("what dies after it was stopped, or has failed for good, stays as it is", async () => {
  const { controller, target, world } = setUp();
  const { id } = await controller.create({ name: "d", script: SCRIPT });
  await controller.start(id);
  target.started[0]!.die();
  await sleep(5);
  assert.equal((await controller.stop(id)).desired, "STOPPED");
  await pass(world, 120_000);
  assert.deepEqual(target.revived, []);
  await controller.start(id);
  const failure = baseErrors.INTERNAL({ message: "wrong" }).toObject();
  target.started[1]!.show({ status: "FAILED", endedAt: 3, failure });
  await pass(world, 120_000);
  assert.deepEqual(target.revived, []);
  assert.equal((await controller.get(id)).job?.failure?.code, "MR9901");
  await controller.close();
});

test("a start goes on from the savepoint of the last stop, or from a checkpoint, or afresh", async () => {
  const { controller, target } = setUp();
  const { id } = await controller.create({ name: "d", script: SCRIPT });
  await controller.start(id);
  await controller.stop(id);
  await controller.start(id);
  const [first, second] = target.started;
  assert.equal(second!.request.restoreFrom, `/savepoints/of-${first!.jobId.slice(0, 4)}`);
  assert.equal(second!.request.continues, first!.jobId);
  second!.checkpoint = "/checkpoints/chk-9";
  await controller.stop(id, { savepoint: false });
  await controller.start(id);
  assert.equal(target.started[2]!.request.restoreFrom, "/checkpoints/chk-9");
  assert.equal(target.started[2]!.request.continues, undefined);
  await controller.stop(id);
  await controller.start(id, { fresh: true });
  assert.equal(target.started[3]!.request.restoreFrom, undefined);
  await controller.close();
});

test("two starts at a time make one job", async () => {
  const { controller, target } = setUp();
  const { id } = await controller.create({ name: "d", script: SCRIPT });
  const results = await Promise.allSettled([controller.start(id), controller.start(id)]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
  assert.equal(target.started.length, 1);
  await controller.close();
});

test("a stop that fails leaves the deployment wanted", async () => {
  const { controller, target } = setUp();
  const { id } = await controller.create({ name: "d", script: SCRIPT });
  await controller.start(id);
  target.started[0]!.stopWithSavepoint = async () => {
    throw baseErrors.INTERNAL({ message: "no disk" });
  };
  await assert.rejects(controller.stop(id), /no disk/);
  assert.equal((await controller.get(id)).desired, "RUNNING");
  await controller.close();
});

test("a job that keeps restarting is stopped behind its last checkpoint", async () => {
  const { controller, target } = setUp();
  const { id } = await controller.create({ name: "d", script: SCRIPT });
  await controller.start(id);
  const [job] = target.started;
  job!.checkpoint = "/checkpoints/chk-3";
  job!.show({ status: "RESTARTING", restarts: 5 });
  assert.equal((await controller.stop(id)).job?.status, "CANCELED");
  await controller.start(id);
  assert.equal(target.started[1]!.request.restoreFrom, "/checkpoints/chk-3");
  await controller.close();
});

test("a start that fails is kept as the job's failure", async () => {
  const { controller, target } = setUp();
  const { id } = await controller.create({ name: "d", script: SCRIPT });
  target.failure = baseErrors.INTERNAL({ message: "no process" });
  await assert.rejects(controller.start(id), /no process/);
  const { job } = await controller.get(id);
  assert.equal(job?.status, "FAILED");
  assert.match(job?.failure?.message ?? "", /no process/);
  await controller.close();
});

test("the next control plane adopts what runs, revives what died, starts what was suspended", async () => {
  const { controller, store, target } = setUp();
  const ids: string[] = [];
  for (const name of ["runs", "died", "suspended", "stopped"]) {
    const { id } = await controller.create({ name, script: SCRIPT });
    ids.push(id);
    if (name === "suspended") await controller.start(id);
  }
  assert.deepEqual(await controller.suspendAll(), []);
  for (const id of ids.slice(0, 2)) await controller.start(id);
  await sleep(5);
  await controller.close();
  const dead = target.started[2]!;
  dead.die();

  const next = setUp(store, target);
  await next.controller.recover();
  await pass(next.world, 1100);
  assert.equal(target.started.length, 4);
  assert.equal(target.started[3]!.request.name, "suspended");
  assert.match(target.started[3]!.request.restoreFrom ?? "", /^\/savepoints\//);
  assert.deepEqual(target.revived, [dead.jobId]);
  const states = (await next.controller.list()).map(({ name, job }) => `${name} ${job?.status}`);
  assert.deepEqual(states.sort(), [
    "died RUNNING",
    "runs RUNNING",
    "stopped undefined",
    "suspended RUNNING",
  ]);
  await next.controller.close();
});

test("what cannot be is refused with its code", async () => {
  const { controller } = setUp();
  const { id } = await controller.create({ name: "d", script: SCRIPT });
  await assert.rejects(controller.create({ name: "d", script: SCRIPT }), code("MR6012"));
  await assert.rejects(controller.create({ name: "e", script: "SELECT 1" }), code("MR6015"));
  await assert.rejects(controller.get("x"), code("MR6011"));
  await assert.rejects(controller.stop(id), code("MR6014"));
  await controller.start(id);
  await assert.rejects(controller.start(id), code("MR6013"));
  await assert.rejects(controller.delete(id), code("MR6013"));
  await controller.stop(id, { savepoint: false });
  await controller.delete(id);
  assert.deepEqual(await controller.list(), []);
  await controller.close();
});

test("pipeline.name names the job, as SHOW JOBS tells", async () => {
  const { controller, target } = setUp();
  const script = `SET 'pipeline.name' = 'nightly';\n${SCRIPT}`;
  const { id } = await controller.create({ name: "d", script });
  const { job, jobName } = await controller.start(id);
  assert.deepEqual([target.started[0]!.request.name, jobName], ["nightly", "nightly"]);
  const { rows } = await runJobStatement(controller, { action: "show" });
  assert.deepEqual(rows[0]?.slice(0, 2), [job?.jobId, "nightly"]);
  await controller.close();
});
