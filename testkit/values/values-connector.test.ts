import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../src/foundation/columnar/logical-type.ts";
import { realEnv } from "../../src/foundation/host/real-env.ts";
import { defaultRegistry } from "../../src/dataplane/connectors/registry.ts";
import { createTestWorker } from "../../src/dataplane/kernels/test-worker.test.ts";
import { valuesConnector } from "./values-connector.ts";
import { ValuesStore } from "./values-store.ts";

const schema = {
  fields: [
    { name: "a", type: types.bigint() },
    { name: "d", type: types.decimal(5, 2) },
    { name: "t", type: types.timestamp(9) },
    { name: "r", type: types.row([{ name: "x", type: types.string() }]) },
  ],
};
const BASE = { id: 1, uid: "1", inputs: [], upsertKeys: [], description: "" } as const;

function open(store: ValuesStore) {
  const worker = createTestWorker();
  const registry = defaultRegistry(valuesConnector(store));
  const table = { name: "c.d.t", options: { connector: "values" }, schema };
  const node = {
    ...BASE,
    type: "TableSourceScan" as const,
    output: schema,
    changelogMode: "retract" as const,
    table,
    projection: [[0], [1], [2], [3]],
    bounded: true,
  };
  const { runtime, metrics } = worker;
  const context = { node, env: realEnv(), parallelism: 1, config: {}, timeZone: "UTC" };
  const own = { runtime, metrics, subtaskIndex: 0 };
  const sinkNode = {
    ...node,
    type: "Sink" as const,
    sinkChangelogMode: "retract" as const,
    upsertKey: [],
    upsertMaterialize: false,
    notNullEnforcer: "ERROR" as const,
    notNullFields: [],
  };
  return {
    enumerator: registry.source("values").createEnumerator(context),
    reader: registry.source("values").createReader({ ...context, ...own, output: schema }),
    writer: registry
      .sink("values")
      .createWriter({ ...context, ...own, node: sinkNode, input: schema, jobId: "j", attempt: 1 }),
  };
}

test("registered changes and watermarks come out, row by row and only when released", async () => {
  const store = new ValuesStore();
  const row = (a: number) => [
    a,
    { $decimal: "1.5" },
    { $timestamp: "2020-01-01T00:00:00.000000001" },
    { $row: ["x"] },
  ];
  store.register(
    "t",
    [
      { row: row(1) },
      { watermark: 5 },
      { kind: "-D", row: row(1) },
      { row: [2, null, null, null] },
    ],
    {
      rowByRow: true,
      released: false,
      ended: false,
    },
  );
  const { enumerator, reader, writer } = open(store);
  reader.addSplits(await enumerator.discover());
  const step = () => {
    const result = reader.poll();
    if (result.kind === "batch") writer.write(result.batch);
    return result.kind === "watermark" ? `watermark ${result.watermark}` : result.kind;
  };
  assert.equal(step(), "idle");
  const woken = reader.wait();
  store.release("t", 3);
  await woken;
  assert.deepEqual([step(), step(), step(), step()], ["batch", "watermark 5", "batch", "idle"]);
  store.end("t");
  assert.deepEqual([step(), step(), step()], ["batch", "finished", "empty"]);
  const text = "1, 1.50, 2020-01-01T00:00:00.000000001, +I[x]";
  assert.deepEqual(store.results("t"), [`+I[${text}]`, `-D[${text}]`, "+I[2, null, null, null]"]);
  assert.deepEqual(store.materialized("t"), ["2, null, null, null"]);
  assert.deepEqual(store.materialized("t", [0]), ["2, null, null, null"]);
});

test("data that was not registered is an error", async () => {
  const { enumerator, reader } = open(new ValuesStore());
  reader.addSplits(await enumerator.discover());
  assert.throws(() => reader.poll(), { code: "MR3014" });
});
