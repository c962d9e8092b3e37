/** OVER windows of streams: ranks, LAG, DISTINCT, texts, late rows, processing time, TTL. Sums and frames: over-aggregate.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type {
  OverAggregateCall,
  OverAggregateNode,
  OverBound,
} from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  rows,
  runEvents,
  time,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";
import { OperatorHarness } from "../../../../testkit/operator-harness/operator-harness.ts";

const fields = {
  k: types.string(),
  v: types.string(),
  d: types.string(),
  ts: types.timestamp(3),
  p: types.timestampLtz(3),
};
const input = schemaOf(fields);
const call = (
  name: string,
  args: number[],
  type: LogicalType,
  more: Partial<OverAggregateCall> = {},
): OverAggregateCall => ({
  function: name,
  args,
  distinct: false,
  ignoreNulls: false,
  type,
  name,
  ...more,
});
const bigint = types.bigint(false);

function node(
  calls: readonly OverAggregateCall[],
  options: {
    readonly unit?: "ROWS" | "RANGE";
    readonly back?: number;
    readonly proctime?: boolean;
    readonly ttlMs?: number;
  } = {},
): OverAggregateNode {
  const { unit = "RANGE", back, proctime = false, ttlMs } = options;
  const start: OverBound =
    back === undefined ? { kind: "unboundedPreceding" } : { kind: "preceding", offset: back };
  const index = proctime ? 4 : 3;
  const output = schemaOf({
    ...fields,
    ...Object.fromEntries(calls.map(({ type }, i) => [`c${i}`, type])),
  });
  return {
    ...nodeBase(output, ttlMs === undefined ? {} : { stateTtlMs: ttlMs }),
    type: "OverAggregate",
    partitionKeys: [0],
    sort: [{ index, descending: false, nullsFirst: true }],
    time: {
      attribute: proctime ? "PROCTIME" : "ROWTIME",
      index,
      type: Object.values(fields)[index]!,
    },
    unit,
    start,
    end: { kind: "currentRow" },
    aggregates: calls,
    generateUpdateBefore: false,
    retract: false,
  };
}

const row = (k: string, v: string | null, ms: number) => ["+I", k, v, "none", ms, null] as const;
/** Key, value and calls of each row. */
const short = (emitted: readonly (readonly string[])[]) =>
  emitted.map((list) =>
    list
      .filter((text) => !text.startsWith("watermark"))
      .map((text) => text.replace(/, none, [^,]*, [^,]*/, "").replace(/^\+I\[(.*)\]$/, "$1")),
  );
function check(
  over: OverAggregateNode,
  events: Parameters<typeof runEvents>[0]["events"],
  expected: readonly (readonly string[])[],
): void {
  for (let restoreAt = 0; restoreAt < events.length; restoreAt++)
    for (const parallelism of restoreAt === 0 ? [1] : [1, 2]) {
      const options = { node: over, inputs: [input], events, rescaleBy: [0] };
      const emitted = short(runEvents(options, restoreAt, parallelism));
      // Keys of one time come in the order of their key groups.
      const sort = (lists: readonly (readonly string[])[]) => lists.map((list) => list.toSorted());
      const what = `restored before ${restoreAt} into ${parallelism}`;
      assert.deepEqual(sort(emitted), sort(expected), what);
    }
}

const events = [
  rows(row("a", "x", 1), row("a", "y", 1), row("b", "q", 1), row("a", "x", 3)),
  watermark(1),
  rows(row("a", "late", 1), row("a", null, 4), row("a", "y", 4)),
  watermark(10),
];

test("RANK, DENSE_RANK and ROW_NUMBER by rowtime; rows not after the watermark are late", () => {
  const ranks = node(
    [call("RANK", [], bigint), call("DENSE_RANK", [], bigint), call("ROW_NUMBER", [], bigint)],
    { unit: "ROWS" },
  );
  check(ranks, events, [
    [],
    ["a, x, 1, 1, 1", "a, y, 1, 1, 2", "b, q, 1, 1, 1"],
    [],
    ["a, x, 3, 2, 3", "a, null, 4, 3, 4", "a, y, 4, 3, 5"],
  ]);
});

test("running COUNT DISTINCT and MAX of texts: rows of one time together, or one by one", () => {
  const calls = [call("COUNT", [1], bigint, { distinct: true }), call("MAX", [1], types.string())];
  check(node(calls), events, [
    [],
    ["a, x, 2, y", "a, y, 2, y", "b, q, 1, q"],
    [],
    ["a, x, 2, y", "a, null, 2, y", "a, y, 2, y"],
  ]);
  check(node(calls, { unit: "ROWS" }), events, [
    [],
    ["a, x, 1, x", "a, y, 2, y", "b, q, 1, q"],
    [],
    ["a, x, 2, y", "a, null, 2, y", "a, y, 2, y"],
  ]);
});

test("frames of rows and of times: DISTINCT, FIRST_VALUE and a count that slides", () => {
  const calls = [
    call("COUNT", [1], bigint, { distinct: true }),
    call("FIRST_VALUE", [1], types.string()),
    call("COUNT", [1], bigint),
  ];
  check(node(calls, { unit: "ROWS", back: 1 }), events, [
    [],
    ["a, x, 1, x, 1", "a, y, 2, x, 2", "b, q, 1, q, 1"],
    [],
    ["a, x, 2, y, 2", "a, null, 1, x, 1", "a, y, 1, y, 1"],
  ]);
  check(node(calls, { unit: "RANGE", back: 2 }), events, [
    [],
    ["a, x, 2, x, 2", "a, y, 2, x, 2", "b, q, 1, q, 1"],
    [],
    ["a, x, 2, x, 3", "a, null, 2, x, 2", "a, y, 2, x, 2"],
  ]);
});

test("LAG by two rows with a default; passing over NULLs", () => {
  const calls = [
    call("LAG", [1, 1, 2], types.string(), { offset: 2 }),
    call("LAG", [1], types.string(), { ignoreNulls: true }),
  ];
  const input2 = [
    rows(row("a", "x", 1), row("a", null, 2), row("b", "q", 2)),
    watermark(2),
    rows(row("a", "y", 3), row("a", "z", 4)),
    watermark(10),
  ];
  const lag = node(
    calls.map((one) => ({ ...one, ...(one.offset ? { args: [1, 0, 2] } : {}) })),
    {
      unit: "ROWS",
    },
  );
  check(lag, input2, [
    [],
    ["a, x, none, null", "a, null, none, x", "b, q, none, null"],
    [],
    ["a, y, x, x", "a, z, null, y"],
  ]);
});

test("processing time: at once, in order of arrival; RANGE by time when the clock has moved on", () => {
  const count = [call("COUNT", [], bigint)];
  const at = (k: string) => row(k, "v", 0);
  const inputs = [time(100), rows(at("a"), at("b"), at("a")), time(103), rows(at("a")), time(110)];
  check(node(count, { proctime: true, unit: "ROWS", back: 1 }), inputs, [
    [],
    ["a, v, 1", "b, v, 1", "a, v, 2"],
    [],
    ["a, v, 2"],
    [],
  ]);
  check(node(count, { proctime: true }), inputs, [
    [],
    ["a, v, 1", "b, v, 1", "a, v, 2"],
    [],
    ["a, v, 3"],
    [],
  ]);
  check(node(count, { proctime: true, back: 5 }), inputs, [
    [],
    [],
    ["a, v, 2", "a, v, 2", "b, v, 1"],
    [],
    ["a, v, 3"],
  ]);
});

test("history holds the rows that frames need; state of a key begins anew after its TTL", () => {
  const lag = [call("LAG", [1], types.string())];
  const over = node(lag, { unit: "ROWS", ttlMs: 3_600_000 });
  const harness = new OperatorHarness({ node: over, inputs: [input] });
  harness.time(1_000_000);
  for (let i = 1; i <= 50; i++) harness.rows(0, [row("a", `v${i}`, i)]).watermark(i);
  assert.equal(short([harness.take()])[0]!.at(-1), "a, v50, v49");
  const pages = harness.snapshot().state.pages.get("history")!;
  const bytes = [...pages.values()].map((page) => Buffer.from(page.bytes).toString("latin1"));
  assert.ok(bytes.join().includes("v50"));
  harness
    .time(1_000_000 + 7_300_000)
    .rows(0, [row("a", "new", 60)])
    .watermark(60);
  assert.deepEqual(short([harness.take()]), [["a, new, null"]]);
});

test("more rows of one time than a batch holds", () => {
  const over = node([call("COUNT", [1], bigint)], { back: 5 });
  const harness = new OperatorHarness({ node: over, inputs: [input] });
  for (let i = 0; i < 4; i++)
    harness.rows(
      0,
      Array.from({ length: 3_000 }, () => row("a", "x", 7)),
    );
  harness.watermark(7);
  const [emitted] = short([harness.take()]);
  assert.equal(emitted!.length, 12_000);
  assert.deepEqual([...new Set(emitted)], ["a, x, 12000"]);
});
