import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../../foundation/base/errors.ts";
import {
  compare,
  keyGroupOfId,
  type Model,
  modelSpec,
  mutate,
  seeded,
} from "../../../testkit/state-fixture.ts";
import {
  check,
  codeIs,
  copyOf,
  DIRECTORY,
  finish,
  manifest,
  NODE,
  request,
  SEED,
  simulate,
  subject,
} from "../../../testkit/state-subject.ts";
import { loadTestRuntime } from "../../../testkit/worker-runtime.ts";
import { CheckpointStore, handlesOf, loadManifest } from "./checkpoint-store.ts";
import { HANDLE_VERSION, type StateHandle } from "./state-handle.ts";
import { createSubtaskState } from "./subtask-state.ts";

for (const budgetBytes of [undefined, 0]) {
  const how = budgetBytes === 0 ? "all of it spilled" : "in memory";
  test(`checkpoints restore what was there at the barrier, at any parallelism, ${how} (SEED=${SEED})`, () =>
    restoresAtAnyParallelism(budgetBytes === undefined ? {} : { budgetBytes }));
}

async function restoresAtAnyParallelism(spill: { readonly budgetBytes?: number }): Promise<void> {
  await simulate(async (env) => {
    const random = seeded(SEED);
    const store = new CheckpointStore(env.files, DIRECTORY);
    let subtasks = [await subject(env, spill)];
    const models: Model[] = [new Map(), new Map(), new Map()];
    let restoredFrom: readonly unknown[] = [];
    const stored: string[] = [];
    for (let id = 1; id <= (spill.budgetBytes === undefined ? 14 : 9); id++) {
      const change = (count: number): void => {
        if (spill.budgetBytes !== undefined && random(4) === 0)
          for (const { state } of subtasks) state.maintain();
        for (const { drivers, range } of subtasks) {
          for (const [i, driver] of drivers.entries()) {
            const owns = (key: number) => {
              const group = keyGroupOfId(driver.runtime, driver.map, key);
              return group >= range.start && group <= range.end;
            };
            const removePercent = id % 4 === 0 ? 70 : 15;
            mutate(driver, models[i]!, random, { count, keys: 2500, removePercent, owns });
          }
        }
      };
      for (let round = 0; round < 3; round++) change(id === 1 ? 1500 : 200);
      for (const { state } of subtasks) state.maintain();
      const frozen = models.map(copyOf);
      const runs = subtasks.map(({ state }) => state.beginSnapshot(request(id)));
      const states: StateHandle[] = [];
      for (const run of runs) states.push(await finish(env, run, () => change(100)));
      // Some checkpoints are given up after they were written.
      if (id % 5 === 3) continue;
      const { path } = await store.store(manifest(id, states), undefined);
      stored.push(path);
      for (const { state } of subtasks) state.checkpointCompleted(id);
      while (stored.length > 2) await store.discard(stored.shift()!);
      if (id % 3 !== 1) continue;
      // Fall back to the checkpoint, at another parallelism; what came after the barrier is lost.
      for (const { state } of subtasks) state.close();
      restoredFrom = (await store.load(path)).states;
      const parallelism = 1 + random(4);
      subtasks = [];
      for (let index = 0; index < parallelism; index++)
        subtasks.push(await subject(env, { restored: restoredFrom, parallelism, index, ...spill }));
      for (const [i, model] of frozen.entries()) models[i] = model;
      for (const subtask of subtasks) check(subtask, models);
    }
    for (const subtask of subtasks) check(subtask, models);
    const needed = new Set<string>();
    for (const path of stored)
      for (const handle of handlesOf((await store.load(path)).states))
        for (const { file } of handle.segments) if (file !== undefined) needed.add(file);
    const files = await env.files.list(`${DIRECTORY}/shared`);
    assert.deepEqual(
      files.map((name) => `${DIRECTORY}/shared/${name}`),
      [...needed].sort(),
      "files in shared are those that manifests name",
    );
    for (const { state, drivers } of subtasks) {
      state.close();
      state.close();
      const { kernels } = drivers[0]!.runtime;
      assert.ok(kernels.memoryUsedBytes() - kernels.arenaHeldBytes() < 1_500_000);
    }
  });
}

test("a small change makes a small checkpoint, none makes none, and chains stay short", async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env);
    const store = new CheckpointStore(env.files, DIRECTORY);
    const random = seeded(SEED);
    const model: Model = new Map();
    mutate(drivers[0]!, model, random, { count: 30_000, keys: 20_000, removePercent: 0 });
    const known = [...model.keys()];
    let before: StateHandle | undefined;
    for (let id = 1; id <= 100; id++) {
      if (id > 1) drivers[0]!.entries([known[random(known.length)]!]);
      const handle = await finish(env, state.beginSnapshot(request(id)));
      await store.store(manifest(id, [handle]), undefined);
      state.checkpointCompleted(id);
      if (id > 1) {
        const added = handle.segments.filter(
          ({ id: ref }) => !before!.segments.some((s) => s.id === ref),
        );
        assert.ok(added.length <= 1 && handle.segments.length <= 40, `${handle.segments.length}`);
      }
      before = handle;
    }
    const again = await finish(env, state.beginSnapshot(request(101)));
    const ids = (handle: StateHandle) => handle.segments.map(({ id }) => id);
    // What was evicted at the last completion may be written; then nothing changes any more.
    await store.store(manifest(101, [again]), undefined);
    state.checkpointCompleted(101);
    const idle = await finish(env, state.beginSnapshot(request(102)));
    state.checkpointCompleted(102);
    const idler = await finish(env, state.beginSnapshot(request(103)));
    assert.deepEqual(ids(idler), ids(idle));
    const restored = await subject(env, { restored: [idler] });
    compare(restored.drivers[0]!, model, { start: 0, end: 127 });
  });
});

test("when checkpoint storage has lost segments, the next checkpoint is whole again", async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env);
    const store = new CheckpointStore(env.files, DIRECTORY);
    const random = seeded(SEED);
    const model: Model = new Map();
    const change = (count: number) =>
      mutate(drivers[0]!, model, random, { count, keys: 20_000, removePercent: 0 });
    change(30_000);
    const first = await finish(env, state.beginSnapshot(request(1)));
    await store.store(manifest(1, [first]), undefined);
    state.checkpointCompleted(1);
    for (const { file } of first.segments) await env.files.remove(file!);
    change(10);
    const second = await finish(env, state.beginSnapshot(request(2)));
    await assert.rejects(store.store(manifest(2, [second]), undefined), codeIs("MR4217"));
    change(10);
    const third = await finish(env, state.beginSnapshot({ ...request(3), anew: true }));
    await store.store(manifest(3, [third]), undefined);
    state.checkpointCompleted(3);
    change(10);
    const fourth = await finish(env, state.beginSnapshot(request(4)));
    await store.store(manifest(4, [fourth]), undefined);
    assert.equal(fourth.segments[0]!.id, third.segments[0]!.id, "incremental again");
    const restored = await subject(env, { restored: [fourth] });
    compare(restored.drivers[0]!, model, { start: 0, end: 127 });
  });
});

test(`a savepoint stands for itself, may be moved, and leaves the chain alone (SEED=${SEED})`, async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env);
    const store = new CheckpointStore(env.files, DIRECTORY);
    const random = seeded(SEED);
    const models: Model[] = [new Map(), new Map(), new Map()];
    const change = (count: number): void => {
      for (const [i, driver] of drivers.entries())
        mutate(driver, models[i]!, random, { count, keys: 3000, removePercent: 20 });
    };
    change(3000);
    const first = await finish(env, state.beginSnapshot(request(1)));
    await store.store(manifest(1, [first]), undefined);
    state.checkpointCompleted(1);
    change(1000);
    const frozen = models.map(copyOf);
    const run = state.beginSnapshot({ ...request(2, "savepoint"), directory: "/savepoints" });
    const states = [await finish(env, run, () => change(100))];
    const { path } = await store.store(manifest(2, states, "savepoint"), "/savepoints");
    state.checkpointCompleted(2);
    await env.files.mkdirs("/elsewhere");
    await env.files.rename(path, "/elsewhere/moved");
    const moved = await loadManifest(env.files, "/elsewhere/moved");
    const subtask = await subject(env, { restored: moved.states, directory: "/job2" });
    check(subtask, frozen);
    // The first checkpoint after a savepoint elsewhere holds everything itself.
    const own = await finish(env, subtask.state.beginSnapshot(request(3)));
    assert.ok(own.segments.every(({ file }) => file?.startsWith("/job2/") ?? true));

    const third = await finish(env, state.beginSnapshot(request(3)));
    await store.store(manifest(3, [third]), undefined);
    check(await subject(env, { restored: [third] }), models);
  });
});

test("every changed byte of a checkpoint is noticed", async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env);
    const random = seeded(SEED);
    const models: Model[] = [new Map(), new Map(), new Map()];
    for (const [i, driver] of drivers.entries())
      mutate(driver, models[i]!, random, { count: 200, keys: 200, removePercent: 10 });
    // Beyond what goes into the manifest itself.
    const run = state.beginSnapshot({ ...request(1, "savepoint"), directory: "/sp" });
    const handle = await finish(env, run);
    const store = new CheckpointStore(env.files, DIRECTORY);
    const { path } = await store.store(manifest(1, [handle], "savepoint"), "/sp");
    const names = await env.files.list(path);
    assert.ok(names.length === 2, names.join());
    const attempt = async (): Promise<number> => {
      // After a failure in the middle of reading, a worker begins anew.
      const runtime = await loadTestRuntime();
      const { states } = await loadManifest(env.files, path);
      const restoring = { runtime, env, maxParallelism: 128, keyGroups: { start: 0, end: 127 } };
      const rest = { name: "1-0", checkpointDirectory: DIRECTORY, restored: states };
      const state = await createSubtaskState({ ...restoring, ...rest });
      try {
        state.restoreRest();
      } finally {
        state.close();
      }
      return runtime.kernels.memoryUsedBytes();
    };
    await attempt();
    for (const name of names) {
      const file = `${path}/${name}`;
      const whole = (await env.files.readAll(file)).slice();
      // Every byte of the manifest, and of the segment's head and end; samples of its pages.
      const dense = name === "_metadata" ? whole.length : 64;
      const denseEnd = name === "_metadata" ? 0 : 2500;
      for (let at = 0; at < whole.length; at++) {
        if (at >= dense && at < whole.length - denseEnd)
          at = Math.min(at + random(400), whole.length - denseEnd);
        if (at >= whole.length) break;
        const flipped = whole.slice();
        flipped[at] = flipped[at]! ^ (1 << random(8));
        await env.files.writeAtomic(file, flipped);
        await assert.rejects(
          attempt,
          (error) => {
            assert.ok(error instanceof MillraceError && /^MR42/.test(error.code), String(error));
            if (name !== "_metadata") assert.ok(error.message.includes(file), error.message);
            return true;
          },
          `byte ${at} of ${name}`,
        );
      }
      for (const length of [0, 1, whole.length >> 1, whole.length - 1]) {
        await env.files.writeAtomic(file, whole.slice(0, length));
        await assert.rejects(attempt, (error) => error instanceof MillraceError);
      }
      await env.files.writeAtomic(file, whole);
    }
    assert.ok((await attempt()) < 1_000_000);
  });
});

test("foreign files, newer versions, other layouts and other maxParallelism are refused", async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env);
    const random = seeded(SEED);
    const big = { count: 3000, keys: 3000, removePercent: 0 };
    mutate(drivers[0]!, new Map(), random, big);
    const first = await finish(env, state.beginSnapshot(request(1)));
    const other = await subject(env);
    mutate(other.drivers[0]!, new Map(), random, big);
    const second = await finish(env, other.state.beginSnapshot(request(1)));
    const swapped = {
      ...first,
      segments: first.segments.map((ref) => {
        const { file, lengthBytes } = second.segments[0]!;
        return { ...ref, file: file!, lengthBytes };
      }),
    };
    await assert.rejects(subject(env, { restored: [swapped] }), codeIs("MR4211"));
    await assert.rejects(
      subject(env, { restored: [{ ...first, version: HANDLE_VERSION + 1 }] }),
      codeIs("MR4212"),
    );
    await assert.rejects(subject(env, { restored: [{ ...first, format: "x" }] }), codeIs("MR4215"));
    const more = { ...first, maxParallelism: 256 };
    await assert.rejects(subject(env, { restored: [more] }), codeIs("MR4216"));
    await env.files.remove(first.segments[0]!.file!);
    await assert.rejects(subject(env, { restored: [first] }), codeIs("MR4210"));
    const store = new CheckpointStore(env.files, DIRECTORY);
    await assert.rejects(store.store(manifest(1, [first]), undefined), codeIs("MR4217"));
    await assert.rejects(store.load("/nowhere"), codeIs("MR4214"));

    const runtime = await loadTestRuntime();
    const restored = await createSubtaskState({
      runtime,
      env,
      maxParallelism: 128,
      keyGroups: { start: 0, end: 127 },
      name: "1-0",
      checkpointDirectory: DIRECTORY,
      restored: [second],
    });
    const backend = restored.forOperator(NODE);
    const changed = { ...modelSpec("m8", 8), valueBytes: 32 };
    assert.throws(() => backend.map(changed), codeIs("MR4007"));
    const renamed = modelSpec("m8", 8);
    const fields = renamed.valueFields.map((field) => ({ ...field, name: `${field.name}2` }));
    assert.throws(() => backend.map({ ...renamed, valueFields: fields }), codeIs("MR4007"));
    assert.ok(backend.map(modelSpec("m8", 8)).ptr !== 0);
    assert.throws(() => backend.map({ ...modelSpec("odd", 8), keyBytes: 7 }), codeIs("MR4005"));
    restored.close();
    assert.throws(() => backend.map(modelSpec("late", 8)), codeIs("MR4008"));
  });
});

test("a full disk fails the checkpoint, not the job, and the next one is whole", async () => {
  await simulate(async (env, world) => {
    const { state, drivers } = await subject(env);
    const random = seeded(SEED);
    const model: Model = new Map();
    mutate(drivers[0]!, model, random, { count: 5000, keys: 5000, removePercent: 0 });
    for (const faults of [{ diskBytes: 50_000 }, { fileErrorRate: 1 }]) {
      world.faults = faults;
      await assert.rejects(finish(env, state.beginSnapshot(request(1))), codeIs("MR4201"));
      mutate(drivers[0]!, model, random, { count: 100, keys: 5000, removePercent: 0 });
    }
    world.faults = {};
    const handle = await finish(env, state.beginSnapshot(request(2)));
    const restored = await subject(env, { restored: [handle] });
    compare(restored.drivers[0]!, model, { start: 0, end: 127 });
  });
});

test("without memory to save frozen pages the snapshot fails, not the job", async () => {
  await simulate(async (env) => {
    const { state, drivers } = await subject(env, { memoryLimitBytes: 8 * 1024 * 1024 });
    const driver = drivers[0]!;
    const { kernels } = driver.runtime;
    const random = seeded(SEED);
    const model: Model = new Map();
    mutate(driver, model, random, { count: 10_000, keys: 8000, removePercent: 0, longest: 20 });
    const run = state.beginSnapshot(request(1));
    run.done.catch(() => {});
    const taken: number[] = [];
    for (let page = kernels.pageAllocate(1); page !== 0; page = kernels.pageAllocate(1))
      taken.push(page);
    const ids = [...model.keys()];
    for (let from = 0; from < ids.length; from += 100) {
      const part = ids.slice(from, from + 100);
      const { entries, hashes } = driver.entries(part);
      for (const [i, id] of part.entries()) {
        const value = { count: model.get(id)!.count + 1, text: undefined };
        driver.write(entries[i]!, hashes[i]!, value);
        model.set(id, value);
      }
    }
    await assert.rejects(finish(env, run), codeIs("MR4202"));
    // Nor is there memory for the list of another one.
    for (let page = kernels.pageAllocate(1); page !== 0; page = kernels.pageAllocate(1))
      taken.push(page);
    await assert.rejects(finish(env, state.beginSnapshot(request(1))), codeIs("MR4202"));
    for (const page of taken) kernels.pageFree(page, 1);
    compare(driver, model, { start: 0, end: 127 });
    const handle = await finish(env, state.beginSnapshot(request(2)));
    const restored = await subject(env, { restored: [handle] });
    compare(restored.drivers[0]!, model, { start: 0, end: 127 });
  });
});

test("operator values come back from every old subtask, and a closed state gives its snapshot up", async () => {
  await simulate(async (env) => {
    const handles: StateHandle[] = [];
    for (const index of [0, 1]) {
      const { state } = await subject(env, { parallelism: 2, index });
      const value = state.forOperator({ uid: "wm" }).operatorValue("timers");
      assert.deepEqual(value.restored, []);
      value.set({ next: [index, 5] });
      const run = state.beginSnapshot(request(1));
      value.set("after the barrier");
      handles.push(await finish(env, run));
    }
    const { state } = await subject(env, { restored: [...handles].reverse() });
    const backend = state.forOperator({ uid: "wm" });
    const expected = [{ next: [0, 5] }, { next: [1, 5] }];
    assert.deepEqual(backend.operatorValue("timers").restored, expected);
    assert.deepEqual(backend.operatorValue("other").restored, []);
    const run = state.beginSnapshot(request(2));
    state.close();
    await assert.rejects(run.done, codeIs("MR4204"));
  });
});
