/**
 * A real job process that is killed (SIGKILL) while it runs, with everything real: files, decoding,
 * windows, state, file sink. Every result is in the files exactly once.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { realEnv } from "../../src/foundation/host/real-env.ts";
import { startJobProcess } from "../../src/dataplane/runtime/process/job-handle.ts";
import { Engine } from "../../testkit/conformance/engine.ts";

const ROWS = 3000;
const KILLS = 3;
const env = realEnv();

test("windows over files, killed again and again", async () => {
  const base = await mkdtemp(join(tmpdir(), "millrace-kill-"));
  try {
    const expected = await writeOrders(base);
    let kills = 0;
    for (;;) {
      const handle = await start(base);
      const over = new Promise<string>((resolve) => void handle.onClose(resolve));
      if (kills === KILLS) {
        assert.equal(await over, "ended");
        assert.equal(handle.file.outcome?.status, "FINISHED", JSON.stringify(handle.file.outcome));
        break;
      }
      await handle.request("follow", { topics: ["checkpoints"] });
      await new Promise<void>((resolve) => {
        let left = 2 + kills;
        handle.onEvent((event) => {
          if (event.event === "checkpoint" && event.view.status === "COMPLETED" && --left === 0)
            resolve();
        });
      });
      process.kill(handle.file.process!.pid, "SIGKILL");
      assert.equal(await over, "gone");
      kills++;
    }
    assert.deepEqual(await results(base), expected);
  } finally {
    await rm(base, { recursive: true });
  }
});

function start(base: string) {
  const engine = new Engine();
  engine.execute(`CREATE TABLE orders (id BIGINT, item INT, ts TIMESTAMP(3),
     WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
   ) WITH ('connector' = 'filesystem', 'path' = '${base}/in', 'format' = 'json',
     'replay.time-column' = 'ts', 'replay.speed' = '100')`);
  engine.execute(`CREATE TABLE totals (item INT, starts TIMESTAMP(3), n BIGINT)
     WITH ('connector' = 'filesystem', 'path' = '${base}/out', 'format' = 'json')`);
  const planned = engine.execute(`INSERT INTO totals SELECT item, window_start, COUNT(*)
     FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '5' SECOND))
     GROUP BY item, window_start, window_end`);
  assert.ok(planned.kind === "insert");
  return startJobProcess({
    env,
    folder: join(base, "job"),
    entry: new URL("./job.worker.ts", import.meta.url),
    request: {
      jobId: "c".repeat(32),
      name: "totals",
      plan: planned.plan,
      parallelism: 2,
      config: { "execution.checkpointing.interval": "50 ms" },
    },
  });
}

/** Writes the input; returns what must come out. */
async function writeOrders(base: string): Promise<string[]> {
  await mkdir(join(base, "in"));
  await mkdir(join(base, "out"));
  const first = 1_700_000_000_000;
  const counts = new Map<string, number>();
  const lines = Array.from({ length: ROWS }, (_, id) => {
    const time = first + id * 50;
    const item = id % 7;
    const starts = sqlTime(time - (time % 5000)).slice(0, -4);
    const key = `${item} ${starts}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return JSON.stringify({ id, item, ts: sqlTime(time) });
  });
  await writeFile(join(base, "in", "orders.json"), `${lines.join("\n")}\n`);
  return [...counts].map(([key, n]) => `${key} ${n}`).sort();
}

async function results(base: string): Promise<string[]> {
  const rows: string[] = [];
  for (const name of await readdir(join(base, "out"))) {
    if (name.startsWith(".")) continue;
    for (const line of (await readFile(join(base, "out", name), "utf8")).trim().split("\n")) {
      const { item, starts, n } = JSON.parse(line) as { item: number; starts: string; n: number };
      rows.push(`${item} ${starts} ${n}`);
    }
  }
  return rows.sort();
}

function sqlTime(millis: number): string {
  return new Date(millis).toISOString().slice(0, -1).replace("T", " ");
}
