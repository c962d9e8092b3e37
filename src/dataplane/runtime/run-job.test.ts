import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { realEnv } from "../../foundation/host/real-env.ts";
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import { loadTestKernels } from "../../../testkit/worker-runtime.ts";
import {
  committed,
  committedRows,
  createState,
  failures,
  operators,
  registry,
} from "./doubles.test.ts";
import { by, hash, node, plan, sink, source } from "./plan-doubles.test.ts";
import { runJob, type RunJobOptions } from "./run-job.ts";
import { threadTransport } from "./worker/thread-transport.ts";

const kernelsModule = await loadTestKernels();
const env = realEnv();
const entry = new URL("./doubles.test.ts", import.meta.url);

function run(job: ExecPlan, options: Partial<RunJobOptions> & { threads?: boolean } = {}) {
  committed.clear();
  const { threads = false, ...rest } = options;
  return runJob(job, {
    registry,
    operators,
    env,
    kernelsModule,
    createState,
    ...(threads ? { transport: threadTransport({ entry, env, kernelsModule }) } : {}),
    ...rest,
  });
}

const sorted = (table: string) =>
  committedRows(table)
    .map(([key, value]) => `${key}:${value}`)
    .sort();
const numbers = (rows: number, splits = 1, keys = 10) =>
  Array.from({ length: splits }, (_, split) =>
    Array.from(
      { length: rows },
      (_, i) => `${(split * 1_000_000 + i) % keys}:${split * 1_000_000 + i}`,
    ),
  )
    .flat()
    .sort();

describe("a job in one thread", () => {
  test("reads everything and ends", async () => {
    const statuses: string[] = [];
    const result = await run(plan([source(1, { rows: "10000" }), sink(2, 1, "t")]), {
      onStatus: (status) => statuses.push(status),
    });
    assert.equal(result.failure, null);
    assert.equal(result.status, "FINISHED");
    assert.deepEqual(statuses, ["CREATED", "RUNNING", "FINISHED"]);
    assert.deepEqual(sorted("t"), numbers(10_000));
    const [scan, write] = result.metrics.operators;
    assert.equal(scan!.values.numRecordsOut, 10_000);
    assert.equal(write!.values.numRecordsSend, 10_000);
  });

  test("a node with several readers, a union, two sinks", async () => {
    const result = await run(
      plan([
        source(1, { rows: "500" }),
        source(2, { rows: "300", splits: "2" }),
        node(3, "Calc", [1]),
        node(4, "Union", [3, 2]),
        sink(5, 4, "both"),
        sink(6, 3, "one"),
      ]),
    );
    assert.equal(result.failure, null);
    assert.deepEqual(sorted("one"), numbers(500));
    assert.deepEqual(sorted("both"), [...numbers(500), ...numbers(300, 2)].sort());
  });

  test("VALUES emits its rows once", async () => {
    await run(plan([node(1, "Values", []), sink(2, 1, "t")]));
    assert.deepEqual(sorted("t"), ["1:1", "2:2", "3:3"]);
  });

  test("waits for a sink that is full, and a source that pauses", async () => {
    const result = await run(
      plan([source(1, { rows: "1000", pauseMs: "1" }), sink(2, 1, "t", { fullAt: "150" })]),
    );
    assert.equal(result.failure, null);
    assert.deepEqual(sorted("t"), numbers(1000));
  });

  test("is canceled by a signal, even while splits are being found", async () => {
    for (const options of [{ unbounded: "true" }, { slowDiscoverMs: "2000" }]) {
      const abort = new AbortController();
      const running = run(plan([source(1, options), sink(2, 1, "t")]), { signal: abort.signal });
      setTimeout(() => abort.abort(), 20);
      assert.equal((await running).status, "CANCELED");
    }
  });

  test("fails with the operator's name when there is no restart strategy", async () => {
    failures.left = 1;
    const result = await run(
      plan([source(1), node(2, "Calc", [1]), sink(3, 2, "t")], { "fail.value": "77" }),
    );
    assert.equal(result.status, "FAILED");
    assert.equal(result.failure?.code, "MR5008");
    assert.match(result.failure?.message ?? "", /Calc\[2\] failed: value 77 hurts/);
    assert.deepEqual(sorted("t"), []);
  });

  test("many small jobs a second", async () => {
    const small = plan([source(1, { rows: "10" }), node(2, "Calc", [1]), sink(3, 2, "t")]);
    await run(small);
    const start = performance.now();
    for (let i = 0; i < 100; i++) assert.equal((await run(small)).status, "FINISHED");
    const took = performance.now() - start;
    assert.ok(took < 5000, `100 jobs took ${took} ms`);
  });
});

describe("a job of several subtasks", () => {
  const pipeline = plan([
    source(1, { rows: "2000", splits: "3", keys: "50" }),
    node(2, "GroupAggregate", [hash(1)]),
    sink(3, hash(2), "t"),
  ]);
  // 6,000 rows, 50 keys: each key counts from 1 to 120.
  const counts = Array.from({ length: 50 }, (_, key) =>
    Array.from({ length: 120 }, (_, i) => `${key}:${i + 1}`),
  )
    .flat()
    .sort();

  test("inline: rows reach the subtask of their key", async () => {
    const result = await run(pipeline, { parallelism: 3 });
    assert.equal(result.failure, null);
    assert.deepEqual(sorted("t"), counts);
  });

  test("threads: the same", async () => {
    const result = await run(pipeline, { parallelism: 2, threads: true });
    assert.equal(result.failure, null);
    assert.deepEqual(sorted("t"), counts);
  });

  test("broadcast, rebalance and singleton", async () => {
    const job = plan([
      source(1, { rows: "300", splits: "2" }),
      sink(2, by(1, "broadcast"), "all"),
      node(3, "Calc", [by(1, "rebalance")]),
      sink(4, by(3, "singleton"), "one"),
    ]);
    const result = await run(job, { parallelism: 2 });
    assert.equal(result.failure, null);
    assert.deepEqual(sorted("one"), numbers(300, 2));
    assert.deepEqual(sorted("all"), [...numbers(300, 2), ...numbers(300, 2)].sort());
  });

  test("one watermark for all: the smallest, then the end", async () => {
    const job = plan([
      source(1, { rows: "300", splits: "2", watermarks: "true" }),
      node(2, "SortLimit", [by(1, "singleton")]),
      sink(3, 2, "t"),
    ]);
    const result = await run(job, { parallelism: 2 });
    assert.equal(result.failure, null);
    const watermarks = committedRows("t").filter(([kind]) => kind === 0n);
    const rising = watermarks.map(([, watermark]) => watermark);
    assert.deepEqual(
      rising,
      rising.toSorted((a, b) => (a < b ? -1 : 1)),
    );
    assert.equal(rising.at(-1), BigInt(Number.MAX_SAFE_INTEGER));
    assert.equal(committedRows("t").at(-1)?.[0], 1n, "the end comes last");
  });
});
