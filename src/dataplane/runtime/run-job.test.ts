import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BatchView, batchBytes, BATCH_HEADER_BYTES } from "../../foundation/columnar/batch.ts";
import { types } from "../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import { realEnv } from "../../foundation/host/real-env.ts";
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import type { ConnectorRegistry } from "../contract/registry.ts";
import { runJob } from "./run-job.ts";

const SCHEMA: Schema = { fields: [{ name: "n", type: types.bigint(false) }] };

function writeBatch(runtime: WorkerRuntime, values: readonly bigint[]): number {
  const batch = runtime.kernels.arenaAlloc(batchBytes(1)) >>> 0;
  const column = runtime.kernels.arenaAlloc(values.length * 8) >>> 0;
  const data = new DataView(runtime.memory.buffer);
  data.setUint32(batch, values.length, true);
  data.setUint32(batch + 4, 0, true);
  data.setUint32(batch + 8, 1, true);
  data.setUint32(batch + BATCH_HEADER_BYTES, 0, true);
  data.setUint32(batch + BATCH_HEADER_BYTES + 4, column, true);
  values.forEach((value, i) => data.setBigInt64(column + i * 8, value, true));
  return batch;
}

function registry(rows: number, out: bigint[]): ConnectorRegistry {
  return {
    sources: ["numbers"],
    sinks: ["list"],
    formats: [],
    format: () => assert.fail(),
    source: () => ({
      identifier: "numbers",
      validate: () => {},
      createEnumerator: () => ({
        discoverMs: 0,
        discover: async () => [{ id: "0", next: 0 }],
        snapshot: () => null,
        restore: () => {},
        close: async () => {},
      }),
      createReader: ({ runtime }) => {
        let next = -1;
        return {
          open: async () => {},
          addSplits: (splits) => {
            next = splits[0]!["next"] as number;
          },
          poll: () => {
            if (next === -1) return { kind: "empty" };
            if (next >= rows) {
              next = -1;
              return { kind: "finished", splitId: "0" };
            }
            const n = Math.min(1000, rows - next);
            const batch = writeBatch(
              runtime,
              Array.from({ length: n }, (_, i) => BigInt(next + i)),
            );
            next += n;
            return { kind: "batch", batch, split: { id: "0", next } };
          },
          wait: async () => {},
          close: async () => {},
        };
      },
    }),
    sink: () => ({
      identifier: "list",
      accepts: "retract",
      validate: () => {},
      createWriter: ({ runtime }) => {
        const view = new BatchView(runtime.memory);
        return {
          open: async () => {},
          write: (batch) => {
            for (let i = 0; i < view.rows(batch); i++)
              out.push(view.data.getBigInt64(view.valuePtr(batch, 0, i, 8), true));
            return true;
          },
          writeWatermark: () => {},
          flush: async () => {},
          prepareCommit: async () => ({ committables: [], state: null }),
          close: async () => {},
        };
      },
    }),
  };
}

const base = {
  output: SCHEMA,
  changelogMode: "insert-only",
  upsertKeys: [],
  description: "",
} as const;
const plan: ExecPlan = {
  version: 1,
  timeZone: "UTC",
  mode: "streaming",
  config: {},
  nodes: [
    {
      ...base,
      type: "TableSourceScan",
      id: 1,
      uid: "1_source",
      inputs: [],
      table: { name: "c.d.t", options: { connector: "numbers" }, schema: SCHEMA },
      projection: [[0]],
      bounded: true,
    },
    {
      ...base,
      type: "Sink",
      id: 2,
      uid: "2_sink",
      inputs: [{ node: 1, distribution: { kind: "forward" } }],
      table: { name: "c.d.s", options: { connector: "list" }, schema: SCHEMA },
      sinkChangelogMode: "insert-only",
      upsertKey: [],
      upsertMaterialize: false,
      notNullEnforcer: "ERROR",
      notNullFields: [],
    },
  ],
};

test("a job in one thread reads everything and ends", async () => {
  const out: bigint[] = [];
  const kernelsModule = new WebAssembly.Module(
    readFileSync(process.env["KERNELS"] ?? new URL("../kernels/kernels.wasm", import.meta.url)),
  );
  const statuses: string[] = [];
  const start = performance.now();
  const result = await runJob(plan, {
    registry: registry(10_000, out),
    operators: {},
    env: realEnv(),
    kernelsModule,
    onStatus: (status) => statuses.push(status),
  });
  console.log(performance.now() - start, JSON.stringify(result.metrics.operators));
  assert.deepEqual(result.failure, null);
  assert.equal(result.status, "FINISHED");
  assert.deepEqual(statuses, ["CREATED", "RUNNING", "FINISHED"]);
  assert.equal(out.length, 10_000);
});
