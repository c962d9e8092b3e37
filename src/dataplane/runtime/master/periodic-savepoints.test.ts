import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedWorld } from "../../../foundation/host/simulated-env.ts";
import { checkpointOptions } from "../options.ts";
import { PeriodicSavepoints } from "./periodic-savepoints.ts";

const CONFIG = {
  "millrace.savepoint.interval": "1 min",
  "millrace.savepoint.num-retained": "2",
  "execution.checkpointing.savepoint-dir": "/savepoints",
};

test("one a minute, the oldest goes, a failure is no end, and a stop is", async () => {
  const world = new SimulatedWorld(1);
  const { timers, files } = world.boot();
  const made = files.mkdirs("/savepoints");
  await world.advance(1000);
  await made;
  const jobId = "0123";
  const taken: string[] = [];
  const discarded: string[] = [];
  let failing = false;
  const parts = {
    timers,
    files,
    jobId,
    options: checkpointOptions(CONFIG),
    take: async (directory: string) => {
      if (failing) throw new Error("disk full");
      taken.push(`${directory}/${taken.length}`);
      return taken.at(-1)!;
    },
    discard: async (path: string) => void discarded.push(path),
  };
  const savepoints = new PeriodicSavepoints(parts);
  savepoints.start();
  await world.advance(3.5 * 60_000);
  assert.deepEqual(taken, ["/savepoints/0", "/savepoints/1", "/savepoints/2"]);
  assert.deepEqual(discarded, ["/savepoints/0"]);
  failing = true;
  await world.advance(60_000);
  failing = false;
  await world.advance(60_000);
  assert.equal(taken.length, 4);
  savepoints.stop();
  await world.advance(5 * 60_000);
  assert.equal(taken.length, 4);
  // Another process of the job goes on where this one was; another job does not.
  const other = new PeriodicSavepoints({ ...parts, jobId: "4567" });
  other.start();
  await world.advance(60_000);
  other.stop();
  assert.deepEqual(discarded, ["/savepoints/0", "/savepoints/1"]);
  const next = new PeriodicSavepoints(parts);
  next.start();
  await world.advance(60_000);
  next.stop();
  assert.deepEqual(discarded, ["/savepoints/0", "/savepoints/1", "/savepoints/2"]);
  const { "execution.checkpointing.savepoint-dir": _, ...nowhere } = CONFIG;
  assert.throws(() => checkpointOptions(nowhere), { code: "MR1002" });
});
