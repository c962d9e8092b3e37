import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "./deployments.ts";
import { runJobStatement } from "./job-statements.ts";
import { Workspace } from "./workspace.ts";

const job = {
  jobId: "0a",
  status: "RUNNING",
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  endedAt: null,
  restarts: 0,
  failure: null,
  observedAt: 0,
} as const;
const BASE = { script: "", target: "embedded", parallelism: 1, createdAt: 0, sinks: [] };
const running: Deployment = { ...BASE, id: "d1", name: "orders", desired: "RUNNING", job };
const never: Deployment = { ...BASE, id: "d2", name: "new", desired: "STOPPED", job: null };

function ask(sql: string) {
  const stopped: unknown[] = [];
  const workspace = new Workspace({ ddl: "", host: { jobs: true } });
  const planned = workspace.planQuery(sql);
  assert.ok(planned?.kind === "job", sql);
  const deployments = {
    list: async () => [running, never],
    stop: async (id: string, options: { readonly savepoint?: boolean }) => {
      stopped.push([id, options]);
      return running;
    },
  };
  return { stopped, answer: runJobStatement(deployments, planned.request) };
}

test("SHOW JOBS and DESCRIBE JOB list the deployments' jobs", async () => {
  const row = ["0a", "orders", "RUNNING", "2026-01-02T03:04:05.000"];
  assert.deepEqual((await ask("SHOW JOBS").answer).rows, [row]);
  assert.deepEqual((await ask("DESCRIBE JOB '0a'").answer).rows, [row]);
  await assert.rejects(ask("DESCRIBE JOB 'ff'").answer, { code: "MR6021" });
});

test("STOP JOB stops at once or at a savepoint, WITH DRAIN after its windows have fired", async () => {
  const now = ask("STOP JOB '0a'");
  assert.deepEqual((await now.answer).rows, [["OK"]]);
  assert.deepEqual(now.stopped, [["d1", { savepoint: false }]]);
  const saved = ask("STOP JOB '0a' WITH SAVEPOINT");
  await saved.answer;
  assert.deepEqual(saved.stopped, [["d1", { savepoint: true }]]);
  const drained = ask("STOP JOB '0a' WITH SAVEPOINT WITH DRAIN");
  await drained.answer;
  assert.deepEqual(drained.stopped, [["d1", { savepoint: true, drain: true }]]);
});

test("a job that has ended is not stopped again", async () => {
  const ended: Deployment = { ...running, job: { ...job, status: "FINISHED", endedAt: 1 } };
  const deployments = {
    list: async () => [ended],
    stop: async () => assert.fail("it is asked to stop"),
  };
  const request = { action: "stop", jobId: "0a", savepoint: false, drain: false } as const;
  await assert.rejects(runJobStatement(deployments, request), /orders/);
});
