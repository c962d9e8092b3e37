import assert from "node:assert/strict";
import { test } from "node:test";
import type { Env } from "../../foundation/host/env.ts";
import {
  compare,
  type Model,
  modelSpec,
  MapDriver,
  mutate,
  seeded,
} from "../../../testkit/state-fixture.ts";
import { finish, NODE, request, simulate } from "../../../testkit/state-subject.ts";
import { loadTestRuntime } from "../../../testkit/worker-runtime.ts";
import type { StateHandle } from "./state-handle.ts";
import { createSubtaskState } from "./subtask-state.ts";

const FOLDER = "/local/job";
const ALL = { start: 0, end: 127 };

/** The env with a store at s3://store, and how many bytes were read of it. */
function withStore(env: Env) {
  const real = (path: string) => path.replace("s3://store", "/store");
  const counts = { bytes: 0 };
  const { files } = env;
  const counted: Env["files"] = {
    stat: (path) => files.stat(real(path)),
    list: (path) => files.list(real(path)),
    open: async (path) => {
      const file = await files.open(real(path));
      if (real(path) === path) return file;
      return {
        read: async (target, position) => {
          const count = await file.read(target, position);
          counts.bytes += count;
          return count;
        },
        readSync: () => assert.fail("a store cannot be read at once"),
        close: () => file.close(),
      };
    },
    create: (path, options) => files.create(real(path), options),
    readAll: (path) => files.readAll(real(path)),
    writeAtomic: (path, bytes) => files.writeAtomic(real(path), bytes),
    mkdirs: (path) => files.mkdirs(real(path)),
    rename: (from, to) => files.rename(real(from), real(to)),
    remove: (path) => files.remove(real(path)),
    truncate: (path, size) => files.truncate(real(path), size),
  };
  return { env: { ...env, files: counted }, counts };
}

async function subject(env: Env, restored: readonly unknown[], read = true) {
  const runtime = await loadTestRuntime();
  const state = await createSubtaskState({
    runtime,
    env,
    maxParallelism: 128,
    keyGroups: ALL,
    name: "1-0",
    checkpointDirectory: "s3://store/job",
    restored,
    localCopies: { folder: FOLDER, write: true, read },
  });
  return { state, driver: new MapDriver(runtime, state.forOperator(NODE).map(modelSpec("m", 8))) };
}

/** A job that has taken two checkpoints, and whose process is gone. */
async function checkpoints(env: Env) {
  const model: Model = new Map();
  const random = seeded(7);
  const { state, driver } = await subject(env, []);
  let handle: StateHandle | undefined;
  for (let id = 1; id <= 3; id++) {
    mutate(driver, model, random, { count: 6000, keys: 20_000, removePercent: 0 });
    handle = await finish(env, state.beginSnapshot(request(id)));
    state.checkpointCompleted(id);
  }
  return { model, handle: handle!, state, driver };
}

test("a restart reads its state from local disk, not from the store", async () => {
  await simulate(async (base) => {
    const { env, counts } = withStore(base);
    const { model, handle } = await checkpoints(env);
    assert.ok(handle.segments.some(({ file }) => file !== undefined));
    const again = await subject(env, [handle]);
    compare(again.driver, model, ALL);
    assert.equal(counts.bytes, 0);
    const remote = await subject(env, [handle], false);
    compare(remote.driver, model, ALL);
    assert.ok(counts.bytes > 500_000, `${counts.bytes}`);
    // And goes on sharing the store's segments.
    const next = await finish(env, again.state.beginSnapshot(request(4)));
    const named = new Set(handle.segments.map(({ id }) => id));
    assert.ok(next.segments.some(({ id }) => named.has(id)));
    assert.ok(next.segments.every(({ file }) => file?.startsWith("s3://") ?? true));
  });
});

test("copies that are gone, cut, changed or foreign are not believed", async () => {
  await simulate(async (base) => {
    const { env, counts } = withStore(base);
    const { model, handle } = await checkpoints(env);
    const [first, second] = handle.segments.filter(({ file }) => file !== undefined);
    assert.ok(first !== undefined && second !== undefined);
    const path = `${FOLDER}/${first.id}.seg`;
    const whole = (await env.files.readAll(path)).slice();
    const changed = whole.slice();
    changed[5000] = changed[5000]! ^ 1;
    const other = await env.files.readAll(`${FOLDER}/${second.id}.seg`);
    for (const bytes of [undefined, whole.slice(0, 70_000), changed, other]) {
      await env.files.remove(path);
      if (bytes !== undefined) await env.files.writeAtomic(path, bytes);
      counts.bytes = 0;
      compare((await subject(env, [handle])).driver, model, ALL);
      assert.ok(counts.bytes > 0 && counts.bytes <= first.lengthBytes * 1.1, `${counts.bytes}`);
      assert.equal(await env.files.stat(path), undefined, "what is damaged is removed");
    }
    await env.files.writeAtomic(path, whole);
    counts.bytes = 0;
    compare((await subject(env, [handle])).driver, model, ALL);
    assert.equal(counts.bytes, 0);
  });
});

test("copies of segments that checkpoints do without are removed; a full local disk disturbs none", async () => {
  await simulate(async (base, world) => {
    const { env, counts } = withStore(base);
    const { model, driver, state } = await checkpoints(env);
    for (let id = 4; id <= 12; id++) {
      mutate(driver, model, seeded(id), { count: 6000, keys: 20_000, removePercent: 0 });
      const handle = await finish(env, state.beginSnapshot(request(id)));
      state.checkpointCompleted(id);
      await new Promise<void>((resolve) => env.timers.after(50, resolve));
      const named = handle.segments
        .filter(({ file }) => file !== undefined)
        .map(({ id: ref }) => `${ref}.seg`);
      const there = await env.files.list(FOLDER);
      assert.ok(
        there.every((name) => named.includes(name)),
        `${there.join()} of ${named.join()}`,
      );
    }
    world.faults = {
      onOperation: (syscall, path) =>
        syscall === "write" && path.startsWith(FOLDER) ? "ENOSPC" : undefined,
    };
    mutate(driver, model, seeded(99), { count: 6000, keys: 20_000, removePercent: 0 });
    const handle = await finish(env, state.beginSnapshot(request(13)));
    world.faults = {};
    counts.bytes = 0;
    compare((await subject(env, [handle])).driver, model, ALL);
    assert.ok(counts.bytes > 0);
  });
});
