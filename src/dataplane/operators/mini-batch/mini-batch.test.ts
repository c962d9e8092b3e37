import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type {
  DeduplicateNode,
  GroupAggregateNode,
  MiniBatchAssignerNode,
} from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  rows,
  runEvents,
  time,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";
import { OperatorHarness } from "../../../../testkit/operator-harness/operator-harness.ts";

const config = (size: number, more: Record<string, string> = {}) => ({
  "table.exec.mini-batch.enabled": "true",
  "table.exec.mini-batch.allow-latency": "10 s",
  "table.exec.mini-batch.size": String(size),
  ...more,
});
const schema = schemaOf({ k: types.bigint(), v: types.string() });
const output = schemaOf({ k: types.bigint(), n: types.bigint(false), last: types.string() });
const aggregate: GroupAggregateNode = {
  ...nodeBase(output),
  type: "GroupAggregate",
  grouping: [0],
  aggregates: [
    {
      function: "COUNT",
      args: [],
      filter: -1,
      distinct: false,
      retract: true,
      type: types.bigint(false),
      name: "n",
    },
    {
      function: "MAX",
      args: [1],
      filter: -1,
      distinct: false,
      retract: true,
      type: types.string(),
      name: "last",
    },
  ],
  generateUpdateBefore: true,
};

test("one phase: a change a key and bundle; the rest at a watermark", () => {
  const emitted = runEvents({
    node: aggregate,
    inputs: [schema],
    config: config(3, { "table.optimizer.agg-phase-strategy": "ONE_PHASE" }),
    events: [
      rows(["+I", 1, "a"], ["+I", 1, "b"]),
      rows(["+I", 2, "x, a text that is longer than seven bytes"], ["+I", 1, "c"], ["-U", 1, "b"]),
      watermark(5),
      rows(["+U", 1, "bb"], ["-D", 1, "c"]),
      watermark(6),
    ],
  });
  assert.deepEqual(emitted, [
    [],
    ["+I[1, 2, b]", "+I[2, 1, x, a text that is longer than seven bytes]"],
    ["-U[1, 2, b]", "+U[1, 2, c]", "watermark 5"],
    [],
    ["-U[1, 2, c]", "+U[1, 2, bb]", "watermark 6"],
  ]);
});

/** Three keys in the third bundle, of which the order of Java's HashMap lets only 3 into the second phase's first one. */
test("two phases: the second ends after so many keys of the first, in Flink's order", () => {
  const harness = new OperatorHarness({ node: aggregate, inputs: [schema], config: config(5) });
  for (const k of [1, 2, 2, 1, 1, 2, 2, 2, 2, 1, 2, 3, 1, 3, 3]) harness.rows(0, [["+I", k, "v"]]);
  assert.deepEqual(harness.take().sort(), ["+I[1, 4, v]", "+I[2, 6, v]", "+I[3, 3, v]"]);
  const snapshot = harness.snapshot();
  const rest = ["+U[1, 5, v]", "+U[2, 7, v]", "-U[1, 4, v]", "-U[2, 6, v]"];
  assert.deepEqual(harness.take().sort(), rest);
  harness.close();
  const restored = new OperatorHarness(
    { node: aggregate, inputs: [schema], config: config(5) },
    snapshot,
  );
  restored.rows(0, [["+I", 3, "w"]]).end();
  assert.deepEqual(restored.take(), ["-U[3, 3, v]", "+U[3, 4, w]"]);
});

test("without latency and size every batch is a mini-batch", () => {
  const emitted = runEvents({
    node: aggregate,
    inputs: [schema],
    config: { "table.exec.mini-batch.enabled": "true" },
    events: [rows(["+I", 1, "a"], ["+I", 1, "b"])],
  });
  assert.deepEqual(emitted, [["+I[1, 2, b]"]]);
});

const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as LogicalType;
const timed = schemaOf({ k: types.bigint(), v: types.string(), ts: rowtime });
const deduplicate = (keepLast: boolean): DeduplicateNode => ({
  ...nodeBase(timed),
  type: "Deduplicate",
  keys: [0],
  keepLast,
  time: { attribute: "ROWTIME", index: 2, type: rowtime },
  generateUpdateBefore: true,
});
const T = (text: string, ms: number) => `[${text}, 1970-01-01T00:00:00.00${ms}]`;

test("Deduplicate: one change a key and mini-batch when changes are compacted, else each", () => {
  const events = [
    rows(["+I", 1, "a", 2], ["+I", 1, "b", 3], ["+I", 2, "x", 1]),
    rows(["+I", 1, "c", 3], ["+I", 2, "y", 2]),
    watermark(9),
  ];
  const compact = { "table.exec.deduplicate.mini-batch.compact-changes-enabled": "true" };
  const inputs = [timed];
  const common = { inputs, config: config(4, compact), events };
  assert.deepEqual(runEvents({ node: deduplicate(true), ...common }), [
    [],
    [`+I${T("1, c", 3)}`, `+I${T("2, x", 1)}`],
    [`-U${T("2, x", 1)}`, `+U${T("2, y", 2)}`, "watermark 9"],
  ]);
  assert.deepEqual(runEvents({ node: deduplicate(false), ...common })[1], [
    `+I${T("1, a", 2)}`,
    `+I${T("2, x", 1)}`,
  ]);
  const each = runEvents({ node: deduplicate(true), inputs, config: config(4), events });
  assert.equal(each.flat().length, 9);
});

test("MiniBatchAssigner: watermarks of processing time, or one in each interval of event time", () => {
  const node = (mode: "ProcTime" | "RowTime"): MiniBatchAssignerNode => ({
    ...nodeBase(schema),
    type: "MiniBatchAssigner",
    intervalMs: 1_000,
    mode,
  });
  const inputs = [schema];
  assert.deepEqual(
    runEvents({
      node: node("ProcTime"),
      inputs,
      events: [time(2_300), rows(["+I", 1, "a"]), watermark(7), rows(["+I", 1, "b"]), time(3_400)],
    }),
    [["watermark 2000"], ["+I[1, a]"], [], ["+I[1, b]"], ["watermark 3000"]],
  );
  assert.deepEqual(
    runEvents({
      node: node("RowTime"),
      inputs,
      events: [watermark(10), watermark(998), watermark(1_000), watermark(1_500), watermark(2_100)],
    }),
    [[], [], ["watermark 1000"], [], ["watermark 2100"]],
  );
});

test("a bundle of more rows than a batch holds has no row that is lost or NULL", () => {
  const options = {
    node: aggregate,
    inputs: [schema],
    config: config(50_000, { "table.optimizer.agg-phase-strategy": "ONE_PHASE" }),
  };
  const harness = new OperatorHarness(options);
  const part = Array.from({ length: 3_000 }, (_, i) => ["+I", (i % 3) + 1, "text"] as const);
  for (let i = 0; i < 4; i++) harness.rows(0, part);
  harness.watermark(1);
  const counts = ["+I[1, 4000, text]", "+I[2, 4000, text]", "+I[3, 4000, text]"];
  assert.deepEqual(harness.take(), [...counts, "watermark 1"]);
});
