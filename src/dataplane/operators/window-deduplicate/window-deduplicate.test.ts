import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { WindowDeduplicateNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase, watermark } from "../../../../testkit/operator-harness/operator-case.ts";
import { OperatorHarness } from "../../../../testkit/operator-harness/operator-harness.ts";

const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as LogicalType;
const schema = schemaOf({
  k: types.int(),
  v: types.string(),
  ts: rowtime,
  s: types.timestamp(3, false),
  e: types.timestamp(3, false),
});
const time = { attribute: "ROWTIME", index: 2, type: rowtime } as const;
const node = (keepLast: boolean): WindowDeduplicateNode => ({
  ...nodeBase(schema, { changelogMode: "insert-only" }),
  type: "WindowDeduplicate",
  window: { kind: "TUMBLE", sizeMs: 10_000, offsetMs: 0, time },
  attached: { start: 3, end: 4 },
  keys: [0],
  keepLast,
  time,
});
const row = (key: number, text: string, at: number) => {
  const start = Math.floor(at / 10_000) * 10_000;
  return ["+I", key, text, at, start, start + 10_000] as const;
};
const R = (text: string, second: string, start: string, end: string) =>
  `+I[${text}, 1970-01-01T00:00${second}, 1970-01-01T00:00${start}, 1970-01-01T00:00${end}]`;

test("the last row of each key and window, the later of two of one time", () => {
  runCase({
    node: node(true),
    inputs: [schema],
    unordered: true,
    rescaleBy: [0],
    events: [
      rows(row(1, "a", 1_000), row(1, "b", 3_000), row(2, "x", 4_000), row(1, "n", 11_000)),
      rows(row(1, "c", 3_000), row(1, "d", 2_000)),
      watermark(9_999),
      rows(row(1, "late", 9_000), row(2, "y", 12_000)),
      watermark(19_999),
    ],
    expected: [
      [],
      [],
      [R("1, c", ":03", "", ":10"), R("2, x", ":04", "", ":10"), "watermark 9999"],
      [],
      [R("1, n", ":11", ":10", ":20"), R("2, y", ":12", ":10", ":20"), "watermark 19999"],
    ],
  });
});

test("the first row of each key and window, the earlier of two of one time; nothing is left", () => {
  runCase({
    node: node(false),
    inputs: [schema],
    events: [rows(row(1, "b", 3_000), row(1, "a", 1_000), row(1, "z", 1_000)), watermark(9_999)],
    expected: [[], [R("1, a", ":01", "", ":10"), "watermark 9999"]],
  });
  const harness = new OperatorHarness({ node: node(false), inputs: [schema] });
  harness
    .rows(0, [row(1, "b", 3_000)])
    .watermark(9_999)
    .rows(0, [row(1, "late", 1_000)]);
  assert.equal(harness.size("row"), 0);
  assert.equal(harness.size("timers"), 0);
  assert.equal(harness.counters.get("numLateRecordsDropped")?.value, 1);
});
