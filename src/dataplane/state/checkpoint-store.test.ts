import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedWorld } from "../../foundation/host/simulated-env.ts";
import { compare, type Model, mutate, seeded } from "../../../testkit/state-fixture.ts";
import {
  copyOf,
  DIRECTORY,
  finish,
  manifest,
  request,
  SEED,
  subject,
} from "../../../testkit/state-subject.ts";
import { CheckpointStore } from "./checkpoint-store.ts";

test(`a crash at any moment leaves the last completed checkpoint whole (SEED=${SEED})`, async () => {
  let survived = 0;
  for (let round = 0; round < 12; round++) {
    const world = new SimulatedWorld(SEED + round, { fileDelayMs: 3 });
    const random = seeded(SEED + round);
    let completed: { readonly path: string; readonly model: Model } | undefined;
    const env = world.boot();
    const job = async (): Promise<void> => {
      const { state, drivers } = await subject(env);
      const store = new CheckpointStore(env.files, DIRECTORY);
      const model: Model = new Map();
      for (let id = 1; ; id++) {
        mutate(drivers[0]!, model, random, { count: 700, keys: 2000, removePercent: 10 });
        const frozen = copyOf(model);
        const handle = await finish(env, state.beginSnapshot(request(id)));
        const { path } = await store.store(manifest(id, [handle]), undefined);
        const replaced = completed?.path;
        completed = { path, model: frozen };
        state.checkpointCompleted(id);
        if (replaced !== undefined) await store.discard(replaced);
      }
    };
    job().catch((error: unknown) => assert.fail(String(error)));
    await world.advance(40 + random(200));
    world.crash();
    const { path, model } = completed ?? { path: undefined, model: undefined };
    if (path === undefined || model === undefined) continue;
    const next = world.boot();
    await world.run(
      (async () => {
        const { states } = await new CheckpointStore(next.files, DIRECTORY).load(path);
        const restored = await subject(next, { restored: states });
        compare(restored.drivers[0]!, model, { start: 0, end: 127 });
      })(),
    );
    survived++;
  }
  assert.ok(survived >= 8, `${survived} of 12 crashes came after a completed checkpoint`);
});
