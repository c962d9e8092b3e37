import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { WindowRankNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  rows,
  runCase,
  time,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as LogicalType;
const fields = {
  k: types.string(),
  v: types.int(),
  s: types.timestamp(3, false),
  e: types.timestamp(3, false),
  t: rowtime,
};
const input = schemaOf(fields);
const output = schemaOf({ ...fields, n: types.bigint(false) });
const window = {
  kind: "TUMBLE",
  sizeMs: 10_000,
  offsetMs: 0,
  time: { attribute: "ROWTIME", index: 4, type: rowtime },
} as const;
const node: WindowRankNode = {
  ...nodeBase(output, { changelogMode: "insert-only" }),
  type: "WindowRank",
  window,
  attached: { start: 2, end: 3 },
  partitionKeys: [0],
  sort: [{ index: 1, descending: true, nullsFirst: false }],
  rankStart: 1,
  rankEnd: 2,
  outputRankNumber: true,
};
const row = (key: string, value: number | null, start: number) =>
  ["+I", key, value, start, start + 10_000, start + 9_999] as const;
const T = ["1970-01-01T00:00", "1970-01-01T00:00:10", "1970-01-01T00:00:20"];
const R = (key: string, value: number | null, at: 0 | 1, rank: number) =>
  `+I[${key}, ${value}, ${T[at]}, ${T[at + 1]}, 1970-01-01T00:00:${at === 0 ? "09" : "19"}.999, ${rank}]`;

test("the best rows of each window, in order, when it is over; late rows are dropped", () => {
  runCase({
    node,
    inputs: [input],
    unordered: true,
    rescaleBy: [0],
    events: [
      rows(row("a", 1, 0), row("a", 5, 0), row("b", null, 0), row("a", 7, 10_000)),
      rows(row("a", 3, 0), row("a", 5, 0), row("b a longer key", 2, 10_000)),
      watermark(9_998),
      rows(row("b", 4, 0)),
      watermark(9_999),
      rows(row("a", 100, 0), row("a", 8, 10_000), row("a", 6, 10_000)),
      watermark(30_000),
    ],
    expected: [
      [],
      [],
      ["watermark 9998"],
      [],
      [R("a", 5, 0, 1), R("a", 5, 0, 2), R("b", 4, 0, 1), R("b", null, 0, 2), "watermark 9999"],
      [],
      [R("a", 8, 1, 1), R("a", 7, 1, 2), R("b a longer key", 2, 1, 1), "watermark 30000"],
    ],
  });
});

test("ranks from the second on, without a number, over all keys; by processing time", () => {
  const time0 = { attribute: "PROCTIME", index: 4, type: types.timestampLtz(3) } as const;
  runCase({
    node: {
      ...node,
      output: input,
      window: { ...window, time: time0 },
      partitionKeys: [],
      rankStart: 2,
      rankEnd: 3,
      outputRankNumber: false,
    },
    inputs: [input],
    events: [
      rows(row("a", 1, 0), row("a", 5, 0), row("b", 3, 0), row("c", 2, 0)),
      time(9_998),
      rows(row("d", 4, 0)),
      time(9_999),
    ],
    expected: [
      [],
      [],
      [],
      [R("d", 4, 0, 0), R("b", 3, 0, 0)].map((text) => text.replace(", 0]", "]")),
    ],
  });
});
