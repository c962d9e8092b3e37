/** What checkpoints write while the state is changed bit by bit: never much more than what has changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MapDriver } from "../../../testkit/state-fixture.ts";
import { DIRECTORY, finish, NODE, request, simulate } from "../../../testkit/state-subject.ts";
import { loadTestRuntime } from "../../../testkit/worker-runtime.ts";
import { types } from "../../foundation/columnar/logical-type.ts";
import type { Env } from "../../foundation/host/env.ts";
import type { StateHandle } from "./state-handle.ts";
import { createSubtaskState } from "./subtask-state.ts";

await loadTestRuntime();

/** Three entries a page. */
const VALUE_BYTES = 1200;
const KEYS = 45_000;
const PAGES = KEYS / 3;
const PARTS = 12;
/** As in segment-chain.ts. */
const LEAST_SHARE_PAGES = 1024;

async function open(env: Env, restored: readonly unknown[]) {
  const runtime = await loadTestRuntime();
  const keyGroups = { start: 0, end: 127 };
  const state = await createSubtaskState({
    ...{ runtime, env, maxParallelism: 128, keyGroups, name: "1-0", restored },
    checkpointDirectory: DIRECTORY,
  });
  const map = state.forOperator(NODE).map({
    name: "wide",
    keyBytes: 8,
    valueBytes: VALUE_BYTES,
    keyFields: [{ name: "k", offset: 0, type: types.bigint(false) }],
    valueFields: [{ name: "n", offset: 0, type: types.bigint(false) }],
    ttlMs: 0,
  });
  const driver = new MapDriver(runtime, map);
  const each = (from: number, to: number, visit: (view: DataView, entry: number) => void) => {
    for (let id = from; id < to; id += 1000) {
      const ids = Array.from({ length: Math.min(1000, to - id) }, (_, i) => id + i);
      const { entries } = driver.entries(ids);
      const view = new DataView(runtime.memory.buffer);
      for (const entry of entries) visit(view, entry);
    }
  };
  return {
    state,
    count: (from: number, to: number) =>
      each(from, to, (view, at) => view.setUint32(at, view.getUint32(at, true) + 1, true)),
    counts: () => {
      const seen: number[] = [];
      each(0, KEYS, (view, at) => seen.push(view.getUint32(at, true)));
      return seen;
    },
  };
}

test("a segment that is hardly current any more is given up a share at a time", () =>
  simulate(async (env) => {
    await env.files.mkdirs(DIRECTORY);
    const subject = await open(env, []);
    subject.count(0, KEYS);
    let handle: StateHandle | undefined;
    const written: number[] = [];
    const take = async (checkpointId: number) => {
      handle = await finish(env, subject.state.beginSnapshot(request(checkpointId)));
      subject.state.checkpointCompleted(checkpointId);
      written.push(handle.segments.at(-1)!.pages);
    };
    await take(1);
    const [first] = handle!.segments;
    const part = KEYS / PARTS;
    for (let i = 0; i < PARTS; i++) {
      subject.count(i * part, (i + 1) * part);
      await take(i + 2);
    }
    const ids = () => handle!.segments.map((segment) => segment.id);
    assert.ok(written[0]! >= PAGES, `${written[0]}`);
    // A change's pages, a share of as many as the checkpoint before wrote, and the one that each key group has begun.
    for (const [i, pages] of written.entries())
      if (i > 0) assert.ok(pages <= 2 * (PAGES / PARTS) + LEAST_SHARE_PAGES, written.join(" "));
    assert.ok(
      written.slice(1).some((pages) => pages > PAGES / PARTS + 128),
      "none was given up",
    );
    for (let id = PARTS + 2; ids().includes(first!.id); id++) {
      assert.ok(id < 60, "the first segment is never given up");
      subject.count(0, 3);
      await take(id);
    }
    const restored = await open(env, [handle]);
    const counts = restored.counts();
    assert.ok(counts.slice(3).every((n) => n === 2));
    assert.equal(counts.length, KEYS);
  }));
