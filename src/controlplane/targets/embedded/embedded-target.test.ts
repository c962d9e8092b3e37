import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { realEnv } from "../../../foundation/host/real-env.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { Workspace } from "../../controller/workspace.ts";
import type { JobView, ResultEvent, TargetJob } from "../target.ts";
import { EmbeddedTarget } from "./embedded-target.ts";

const env = realEnv();
const DDL = `CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '200',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '1000000');`;
const workspace = new Workspace({ ddl: DDL });
let base = "";
before(async () => {
  base = await mkdtemp(join(tmpdir(), "millrace-target-"));
});
after(async () => {
  await newTarget().prune(new Set());
  await rm(base, { recursive: true });
});

function newTarget(): EmbeddedTarget {
  return new EmbeddedTarget({
    env,
    jobsFolder: join(base, "jobs"),
    savepointsFolder: join(base, "savepoints"),
    entry: new URL("../../../cli/job.worker.ts", import.meta.url),
    config: { "execution.checkpointing.interval": "200 ms" },
  });
}

function planOf(sql: string): ExecPlan {
  const planned = workspace.planQuery(sql);
  assert.equal(planned?.kind, "plan");
  return planned?.kind === "plan" ? planned.plan : assert.fail();
}

const request = (jobId: string, sql: string, config: ExecPlan["config"] = {}) => ({
  jobId: jobId.padEnd(32, "0"),
  name: jobId,
  plan: { ...planOf(sql), config },
  parallelism: 1,
});
const SINK = "default_catalog.default_database.*anonymous_collect*";

function until(job: TargetJob, holds: (view: JobView) => boolean): Promise<JobView> {
  return new Promise((resolve) => {
    const look = () => {
      if (holds(job.view())) resolve(job.view());
    };
    job.onChange(look);
    look();
  });
}

async function rowsOf(events: AsyncIterable<ResultEvent>, enough = Number.POSITIVE_INFINITY) {
  const rows: unknown[][] = [];
  for await (const event of events) {
    if (event.kind !== "rows") continue;
    rows.push(...event.rows.map(({ values }) => [...values]));
    if (rows.length >= enough) break;
  }
  return rows;
}

const never = new AbortController().signal;

describe("the embedded target", { timeout: 60_000 }, () => {
  test("rows of a bounded query arrive, however late one looks", async () => {
    const target = newTarget();
    const job = await target.start(request("a", "SELECT a + 1 FROM (VALUES (1), (2)) AS t(a)"));
    const early = await rowsOf(job.results(SINK, never));
    assert.deepEqual(early, [[2], [3]]);
    const { status } = await until(job, (view) => view.endedAt !== null);
    assert.equal(status, "FINISHED");
    assert.deepEqual(await rowsOf(job.results(SINK, never)), early);
    await target.close();
    const again = newTarget();
    const adopted = await again.adopt(job.jobId);
    assert.equal(adopted?.view().status, "FINISHED");
    await again.remove(job.jobId);
    assert.equal(await again.adopt(job.jobId), undefined);
  });

  test("a failure is told with the rows", async () => {
    const target = newTarget();
    const failing = "SELECT CAST(a AS INT) FROM (VALUES ('1'), ('x')) AS t(a)";
    const once = { "restart-strategy.type": "none" };
    const job = await target.start(request("b", failing, once));
    await assert.rejects(rowsOf(job.results(SINK, never)), { name: "MillraceError" });
    await until(job, (view) => view.status === "FAILED");
    assert.notEqual(job.view().failure, null);
    await target.close();
  });

  test("a running job outlives its control plane; killed, it goes on from its checkpoint", async () => {
    const first = newTarget();
    const started = await first.start(request("c", "SELECT MAX(id) AS top FROM numbers"));
    await until(started, (view) => view.status === "RUNNING");
    await rowsOf(started.results(SINK, never), 3);
    await first.close();

    const second = newTarget();
    const job = await second.adopt(started.jobId);
    assert.ok(job?.isAlive);
    assert.equal(job.view().status, "RUNNING");
    while (!job.checkpoints().some(({ status }) => status === "COMPLETED")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [before] = (await rowsOf(job.results(SINK, never), 1)).at(-1)!;
    const diedAt = performance.now();
    const died = until(job, (view) => view.status === "FAILED");
    await job.kill();
    assert.equal((await died).failure?.code, "MR5090");
    assert.ok(performance.now() - diedAt < 1000);
    assert.match((await job.lastCheckpoint()) ?? "", /chk-\d+$/);

    const revived = await second.revive(job.jobId);
    await until(revived, (view) => view.status === "RUNNING");
    assert.equal(revived.view().restarts, 1);
    const [[resumed]] = (await rowsOf(revived.results(SINK, never), 1)) as [[string]];
    // 200 rows come at once: at most those since the last checkpoint come again.
    assert.ok(BigInt(resumed) >= BigInt(before as string) - 200n, `${resumed} after ${before}`);

    const savepoint = await revived.stopWithSavepoint();
    assert.ok(savepoint.startsWith(join(base, "savepoints")));
    const { status } = await until(revived, (view) => view.endedAt !== null);
    assert.equal(status, "FINISHED");
    await second.close();
  });

  test("what nobody knows any more is removed", async () => {
    const target = newTarget();
    const job = await target.start(request("d", "SELECT id FROM numbers"));
    const abort = new AbortController();
    const events = rowsOf(job.results(SINK, abort.signal));
    setTimeout(() => abort.abort(), 200);
    await events;
    const next = newTarget();
    await next.prune(new Set());
    assert.equal(await next.adopt(job.jobId), undefined);
    await until(job, (view) => view.status === "FAILED");
    await target.close();
  });
});
