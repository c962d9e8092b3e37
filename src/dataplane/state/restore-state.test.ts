import assert from "node:assert/strict";
import { test } from "node:test";
import { keyGroupRange } from "../../foundation/columnar/key-group.ts";
import type { Env } from "../../foundation/host/env.ts";
import { SimulatedWorld } from "../../foundation/host/simulated-env.ts";
import {
  compare,
  keyGroupOfId,
  MapDriver,
  type Model,
  modelSpec,
} from "../../../testkit/state-fixture.ts";
import { loadTestKernels, loadTestRuntime } from "../../../testkit/worker-runtime.ts";
import type { StateHandle } from "./state-handle.ts";
import { createSubtaskState, type SubtaskState } from "./subtask-state.ts";

await loadTestKernels();

interface Subject {
  readonly state: SubtaskState;
  readonly driver: MapDriver;
  readonly owns: (id: number) => boolean;
}

async function subject(
  env: Env,
  restored: readonly unknown[],
  parallelism = 1,
  index = 0,
): Promise<Subject> {
  const runtime = await loadTestRuntime();
  const keyGroups = keyGroupRange(128, parallelism, index);
  const state = await createSubtaskState({
    runtime,
    env,
    keyGroups,
    restored,
    maxParallelism: 128,
    name: `1-${index}`,
    checkpointDirectory: "/job",
    uids: ["agg"],
  });
  const map = state.forOperator({ uid: "agg" }).map(modelSpec("m", 8));
  const driver = new MapDriver(runtime, map);
  const owns = (id: number) => {
    const group = keyGroupOfId(runtime, map, id);
    return group >= keyGroups.start && group <= keyGroups.end;
  };
  return { state, driver, owns };
}

async function checkpoint({ state }: Subject, checkpointId: number): Promise<StateHandle> {
  const run = state.beginSnapshot({ checkpointId, triggeredMs: 0, kind: "checkpoint" });
  while (!run.step(1_000_000));
  const { handle } = await run.done;
  state.checkpointCompleted(checkpointId);
  return handle;
}

function write({ driver }: Subject, model: Model, ids: readonly number[], text?: string): void {
  const { entries, hashes } = driver.entries(ids);
  for (const [i, id] of ids.entries()) {
    const value = { count: (model.get(id)?.count ?? 0) + 1, text };
    driver.write(entries[i]!, hashes[i]!, value);
    model.set(id, value);
  }
}

async function simulate(body: (env: Env) => Promise<void>): Promise<void> {
  const world = new SimulatedWorld(1);
  await world.run(body(world.boot()));
}

const IDS = Array.from({ length: 8000 }, (_, i) => i);

test("a segment that subtasks share does not bring back what one of them has replaced", async () => {
  await simulate(async (env) => {
    const model: Model = new Map();
    const single = await subject(env, []);
    write(single, model, IDS);
    const whole = await checkpoint(single, 1);

    const left = await subject(env, [whole], 2, 0);
    const right = await subject(env, [whole], 2, 1);
    // The left half is replaced, so that its chain needs the first segment no more; the right
    // half's does.
    write(left, model, IDS.filter(left.owns));
    const handles: StateHandle[] = [];
    for (const id of [2, 3])
      handles.splice(0, 2, await checkpoint(left, id), await checkpoint(right, id));
    const first = whole.segments[0]!.id;
    const names = ({ segments }: StateHandle) => segments.map(({ id }) => id);
    assert.ok(!names(handles[0]!).includes(first) && names(handles[1]!).includes(first));

    const merged = await subject(env, handles);
    compare(merged.driver, model, { start: 0, end: 127 });
    const again = await checkpoint(merged, 4);
    assert.ok(names(again).includes(first), "the first segment is still shared");
    compare((await subject(env, [again])).driver, model, { start: 0, end: 127 });
  });
});

test("what was free before a restore is used again after it", async () => {
  await simulate(async (env) => {
    const model: Model = new Map();
    const before = await subject(env, []);
    const text = "x".repeat(180);
    write(before, model, IDS, text);
    const { kernels } = before.driver.runtime;
    const pages = kernels.mapPages(before.driver.map.ptr);
    const gone = IDS.filter((id) => id % 3 === 0);
    const { entries, hashes } = before.driver.entries(gone, true);
    for (const [i, id] of gone.entries()) {
      before.driver.remove(entries[i]!, hashes[i]!);
      model.delete(id);
    }
    const after = await subject(env, [await checkpoint(before, 1)]);
    // What is free on a page is known when it was read.
    after.state.restoreRest();
    write(after, model, gone, text);
    compare(after.driver, model, { start: 0, end: 127 });
    const grown = after.driver.runtime.kernels.mapPages(after.driver.map.ptr) - pages;
    assert.ok(grown <= 0, `${grown} pages more than before`);
  });
});

test("page numbers are given out again after a restore", async () => {
  await simulate(async (env) => {
    let handle: StateHandle | undefined;
    const model: Model = new Map();
    const sizes: number[] = [];
    for (let id = 1; id <= 6; id++) {
      const now = await subject(env, handle === undefined ? [] : [handle]);
      const { runtime, map } = now.driver;
      const sameGroup = IDS.filter((key) => keyGroupOfId(runtime, map, key) === 77);
      assert.ok(sameGroup.length > 40);
      // Pages for each; all but the last are free again at the checkpoint: only their numbers could
      // be lost.
      write(now, model, sameGroup, "y".repeat(6000));
      write(now, model, sameGroup.slice(0, -1));
      handle = await checkpoint(now, id);
      sizes.push(handle.segments.at(-1)!.lengthBytes);
      now.state.close();
    }
    assert.ok(Math.max(...sizes) <= sizes[0]!, sizes.join());
  });
});

test("of an object store's segment a subtask fetches the pages of its own key groups", async () => {
  await simulate(async (env) => {
    const model: Model = new Map();
    const single = await subject(env, []);
    write(single, model, IDS, "z".repeat(200));
    const handle = await checkpoint(single, 1);
    const stored = {
      ...handle,
      segments: handle.segments.map((ref) => ({ ...ref, file: `s3://store${ref.file}` })),
    };
    const size = handle.segments.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    let bytes = 0;
    const local = (path: string) => path.replace("s3://store", "");
    const files: Env["files"] = {
      ...env.files,
      stat: (path) => env.files.stat(local(path)),
      open: async (path) => {
        const file = await env.files.open(local(path));
        return {
          read: async (target, position) => {
            const count = await file.read(target, position);
            bytes += count;
            return count;
          },
          readSync: () => assert.fail("a store cannot be read at once"),
          close: () => file.close(),
        };
      },
    };
    const read: number[] = [];
    for (const parallelism of [1, 2, 4, 8]) {
      bytes = 0;
      for (let index = 0; index < parallelism; index++) {
        const part = await subject({ ...env, files }, [stored], parallelism, index);
        const range = keyGroupRange(128, parallelism, index);
        compare(part.driver, model, range, part.owns);
        part.state.close();
      }
      read.push(bytes / size);
    }
    // All indexes, and the pages once.
    assert.ok(read.every((times) => times < 1.3) && read[0]! > 0.9, read.join());
  });
});

test("state of nodes that a subtask does not run is not loaded", async () => {
  await simulate(async (env) => {
    const before = await subject(env, []);
    write(before, new Map(), IDS);
    const handle = await checkpoint(before, 1);
    const moved = { ...handle, maps: handle.maps.map((map) => ({ ...map, uid: "other" })) };
    const after = await subject(env, [moved]);
    assert.equal(after.driver.runtime.kernels.mapSize(after.driver.map.ptr), 0);
    assert.equal(after.state.operatorBytes("agg").stateBytes, 0);
  });
});
