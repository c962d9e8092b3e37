import assert from "node:assert/strict";
import { test } from "node:test";
import { type Model, mutate, seeded } from "../../../testkit/state-fixture.ts";
import { finish, request, SEED, simulate, subject } from "../../../testkit/state-subject.ts";
import { loadTestRuntime } from "../../../testkit/worker-runtime.ts";
import { readState } from "./read-state.ts";

test("state is read by name and type without its operator", async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env);
    const random = seeded(SEED);
    const models: Model[] = [new Map(), new Map(), new Map()];
    for (const [i, driver] of drivers.entries())
      mutate(driver, models[i]!, random, { count: 1000, keys: 500, removePercent: 10 });
    const handle = await finish(env, state.beginSnapshot(request(1)));
    const runtime = await loadTestRuntime();
    const read = { runtime, files: env.files, handles: [handle], uid: "agg" };
    const found: Model = new Map();
    for await (const { key, value } of readState({ ...read, map: "m8" })) {
      const { text } = value;
      assert.ok(text === null || text instanceof Uint8Array);
      found.set(Number(key.id), {
        count: Number(value.count),
        text: text === null ? undefined : new TextDecoder().decode(text),
      });
    }
    const sorted = (model: Model) => [...model].toSorted(([a], [b]) => a - b);
    assert.deepEqual(sorted(found), sorted(models[0]!));
    let variable = 0;
    for await (const { key } of readState({ ...read, map: "m-1" })) {
      assert.ok(key.key instanceof Uint8Array);
      variable++;
    }
    assert.equal(variable, models[2]!.size);
    assert.equal(runtime.kernels.memoryUsedBytes() < 2_000_000, true);
  });
});
