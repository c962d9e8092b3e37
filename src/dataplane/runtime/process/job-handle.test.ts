import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { realEnv } from "../../../foundation/host/real-env.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { committedFiles } from "../doubles.test.ts";
import { hash, node, plan, sink, source } from "../plan-doubles.test.ts";
import type { JobRequest } from "./job-file.ts";
import { adoptJobProcess, type JobHandle, startJobProcess } from "./job-handle.ts";
import type { ControlEvent } from "./messages.ts";

const env = realEnv();
const entry = new URL("../doubles.test.ts", import.meta.url);
let base = "";
before(async () => {
  base = await mkdtemp(join(tmpdir(), "millrace-jobs-"));
});
after(async () => {
  await rm(base, { recursive: true });
});

const FAST = {
  "execution.checkpointing.interval": "20 ms",
  "millrace.metrics.interval": "20 ms",
};

function start(name: string, job: ExecPlan, extra: Partial<JobRequest> = {}) {
  const request = { jobId: "a".repeat(32), name, plan: job, parallelism: 2, ...extra };
  return startJobProcess({ env, folder: join(base, name), request, entry });
}

/** The first event that fits. */
function event<E extends ControlEvent["event"]>(
  handle: JobHandle,
  kind: E,
  fits: (event: Extract<ControlEvent, { event: E }>) => boolean = () => true,
): Promise<Extract<ControlEvent, { event: E }>> {
  return new Promise((resolve) => {
    const stop = handle.onEvent((found) => {
      const typed = found as Extract<ControlEvent, { event: E }>;
      if (found.event !== kind || !fits(typed)) return;
      stop();
      resolve(typed);
    });
  });
}

const closed = (handle: JobHandle) =>
  new Promise<string>((resolve) => void handle.onClose((state) => resolve(state)));

const endless = plan(
  [
    source(1, { rows: "1000000", pauseMs: "1", splits: "2" }),
    node(2, "GroupAggregate", [hash(1)]),
    sink(3, 2, "t"),
  ],
  FAST,
);

describe("a job process", () => {
  test("answers, sends events and rows, takes savepoints, ends", async () => {
    const handle = await start("one", endless);
    assert.equal(handle.state, "connected");
    await handle.request("follow", { topics: ["status", "samples", "checkpoints"] });
    const sample = await event(handle, "sample", ({ sample: { rowsIn } }) => rowsIn > 0);
    assert.equal(sample.sample.status, "RUNNING");
    assert.equal(sample.sample.operators.length, 3);
    const checkpoint = await event(handle, "checkpoint", ({ view }) => view.status === "COMPLETED");
    assert.equal((await handle.request("status", {})).status, "RUNNING");
    const contents = await handle.request("results", { sink: "t" });
    assert.deepEqual(
      contents.schema.fields.map((field) => field.name),
      ["key", "value"],
    );
    const rows = await event(handle, "rows", (found) => found.rows.length > 0);
    assert.equal(typeof rows.rows[0]!.values[1], "string");
    await handle.request("unfollowResults", { sink: "t" });
    const { vertices } = await handle.request("metrics", {});
    assert.equal(vertices.length, 2);
    const savepoint = await handle.request("savepoint", { directory: join(base, "sp") });
    assert.ok(savepoint.checkpointId > checkpoint.view.id);
    assert.ok((await env.files.stat(join(savepoint.path, "_metadata"))) !== undefined);
    await assert.rejects(handle.request("results", { sink: "x" }), { code: "MR5019" });
    await assert.rejects(handle.request("nonsense" as "status", {}), { code: "MR5015" });
    const over = closed(handle);
    const stopped = await handle.request("stop", { directory: join(base, "sp") });
    assert.ok(stopped.checkpointId > savepoint.checkpointId);
    assert.equal(await over, "ended");
    assert.equal(handle.file.outcome?.status, "FINISHED");
    await assert.rejects(handle.request("status", {}), { code: "MR5012" });
  });

  test("a checkpoint that is read stays until it is released, or its reader is gone", async () => {
    const handle = await start("held", endless);
    await handle.request("follow", { topics: ["samples"] });
    await event(handle, "sample", ({ sample: { rowsIn } }) => rowsIn > 0);
    const other = (await adoptJobProcess(env, join(base, "held")))!;
    const [held, left] = [
      await handle.request("holdCheckpoint", {}),
      await other.request("holdCheckpoint", {}),
    ];
    const isThere = async (path: string) =>
      (await env.files.stat(join(path, "_metadata"))) !== undefined;
    const { checkpointId: next } = await handle.request("checkpoint", {});
    await handle.request("checkpoint", {});
    assert.ok(next > left.checkpointId && left.checkpointId > held.checkpointId);
    assert.deepEqual([await isThere(held.path), await isThere(left.path)], [true, true]);
    await handle.request("releaseCheckpoint", held);
    assert.deepEqual([await isThere(held.path), await isThere(left.path)], [false, true]);
    other.close();
    while (await isThere(left.path)) await handle.request("checkpoint", {});
    const over = closed(handle);
    await handle.request("cancel", {});
    assert.equal(await over, "ended");
  });

  test("outlives its control plane, and is found again", async () => {
    const first = await start("two", endless);
    const { pid } = first.file.process!;
    await assert.rejects(start("two", endless), { code: "MR5013" });
    first.close();
    const second = await adoptJobProcess(env, join(base, "two"));
    assert.equal(second?.file.process?.pid, pid);
    assert.equal((await second!.request("status", {})).restarts, 0);
    const over = closed(second!);
    await second!.request("cancel", {});
    assert.equal(await over, "ended");
    const third = await adoptJobProcess(env, join(base, "two"));
    assert.deepEqual([third?.state, third?.file.outcome?.status], ["ended", "CANCELED"]);
    assert.equal(await adoptJobProcess(env, join(base, "none")), undefined);
  });

  test("killed again and again it goes on from its last checkpoint: exactly once", async () => {
    const out = join(base, "out");
    await env.files.mkdirs(out);
    const job = plan(
      [
        source(1, { rows: "3000", splits: "2", batch: "10", keys: "7", pauseMs: "1" }),
        node(2, "GroupAggregate", [hash(1)]),
        sink(3, 2, "t", { folder: out }),
      ],
      FAST,
    );
    let kills = 0;
    for (;;) {
      const handle = await start("three", job);
      const over = closed(handle);
      if (kills < 3) {
        const target = await handle.recoveryPoint();
        await handle.request("follow", { topics: ["checkpoints"] });
        let completed = 0;
        await event(handle, "checkpoint", ({ view }) => {
          completed += view.status === "COMPLETED" ? 1 : 0;
          return completed > kills;
        });
        assert.equal(target !== undefined, kills > 0);
        const started = performance.now();
        process.kill(handle.file.process!.pid, "SIGKILL");
        assert.equal(await over, "gone");
        assert.ok(performance.now() - started < 1000);
        kills++;
        continue;
      }
      assert.equal(await over, "ended");
      assert.equal(handle.file.outcome?.status, "FINISHED", JSON.stringify(handle.file.outcome));
      break;
    }
    assert.deepEqual(await env.files.list(join(base, "three/checkpoints", "a".repeat(32))), []);
    const rows = await committedFiles(env, out);
    const counts = new Map<string, bigint[]>();
    for (const [key, count] of rows)
      counts.set(String(key), [...(counts.get(String(key)) ?? []), count]);
    for (const [key, found] of counts) {
      const expected = found.map((_, i) => BigInt(i + 1));
      assert.deepEqual(
        found.toSorted((a, b) => Number(a - b)),
        expected,
        `key ${key}`,
      );
    }
    assert.equal(rows.length, 6000);
  });

  test("tells why it did not start", async () => {
    await assert.rejects(start("broken", endless), (error: Error & { code: string }) => {
      assert.equal(error.code, "MR5013");
      assert.match(error.message, /ended with code 3/);
      return true;
    });
  });

  test("kill() ends it", async () => {
    const handle = await start("four", endless);
    const over = closed(handle);
    await handle.kill();
    assert.equal(await over, "gone");
    const again = await adoptJobProcess(env, join(base, "four"));
    assert.equal(again?.state, "gone");
  });
});
