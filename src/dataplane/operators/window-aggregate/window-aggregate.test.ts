import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { WindowAggregateNode, WindowSpec } from "../../../foundation/plan/exec-node.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  rows,
  runCase,
  time,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as LogicalType;
const input = schemaOf({ k: types.string(), v: types.int(), ts: rowtime });
const output = schemaOf({
  k: types.string(),
  n: types.bigint(false),
  max: types.string(),
  d: types.bigint(false),
  s: types.timestamp(3, false),
  e: types.timestamp(3, false),
});
const aggregate = (
  name: string,
  args: number[],
  type: LogicalType,
  distinct = false,
): AggregateCall => ({
  function: name,
  args,
  filter: -1,
  distinct,
  retract: false,
  type,
  name,
});

function node(
  window: Partial<WindowSpec>,
  options: Partial<WindowAggregateNode> = {},
): WindowAggregateNode {
  const attribute = window.time?.attribute ?? "ROWTIME";
  return {
    ...nodeBase(output),
    type: "WindowAggregate",
    window: {
      kind: "TUMBLE",
      sizeMs: 10_000,
      offsetMs: 0,
      ...window,
      time: { attribute, index: 2, type: rowtime },
    },
    grouping: [0],
    aggregates: [
      aggregate("COUNT", [], types.bigint(false)),
      aggregate("MAX", [0], types.string()),
      aggregate("COUNT", [1], types.bigint(false), true),
    ],
    properties: ["window_start", "window_end"],
    ...options,
  };
}
const W = (text: string, start: string, end: string) =>
  `+I[${text}, 1970-01-01T00:00${start}, 1970-01-01T00:00${end}]`;

test("TUMBLE: fires once when the watermark reaches end − 1 ms; late rows are dropped", () => {
  runCase({
    node: node({}),
    inputs: [input],
    rescaleBy: [0],
    unordered: true,
    events: [
      rows(["+I", "a", 1, 1_000], ["+I", "a", 1, 2_000], ["+I", "b", 2, 11_000]),
      rows(["+I", "a", 2, 9_999], ["+I", "c", null, 3_000]),
      watermark(9_998),
      watermark(9_999),
      rows(["+I", "a", 1, 5_000], ["+I", "b", 2, 12_000]),
      watermark(30_000),
    ],
    expected: [
      [],
      [],
      ["watermark 9998"],
      [W("a, 3, a, 2", "", ":10"), W("c, 1, c, 0", "", ":10"), "watermark 9999"],
      [],
      [W("b, 2, b, 1", ":10", ":20"), "watermark 30000"],
    ],
  });
});

test("HOP and CUMULATE: a row counts in all its windows that are not over", () => {
  runCase({
    node: node({ kind: "HOP", slideMs: 5_000 }),
    inputs: [input],
    rescaleBy: [0],
    unordered: true,
    events: [
      rows(["+I", "a", 1, 6_000]),
      watermark(10_000),
      rows(["+I", "a", 2, 7_000]),
      watermark(15_000),
    ],
    expected: [
      [],
      [W("a, 1, a, 1", "", ":10"), "watermark 10000"],
      [],
      [W("a, 2, a, 2", ":05", ":15"), "watermark 15000"],
    ],
  });
  runCase({
    node: node({ kind: "CUMULATE", stepMs: 5_000 }),
    inputs: [input],
    rescaleBy: [0],
    unordered: true,
    events: [
      rows(["+I", "a", 1, 1_000], ["+I", "a", 2, 6_000]),
      watermark(5_000),
      watermark(15_000),
    ],
    expected: [
      [],
      [W("a, 1, a, 1", "", ":05"), "watermark 5000"],
      [W("a, 2, a, 2", "", ":10"), "watermark 15000"],
    ],
  });
});

test("processing time: fires by the clock", () => {
  runCase({
    node: node({ time: { attribute: "PROCTIME", index: 2, type: rowtime } }),
    inputs: [input],
    rescaleBy: [0],
    unordered: true,
    events: [
      time(1_000),
      rows(["+I", "a", 1, 0]),
      time(2_000),
      rows(["+I", "a", 1, 0]),
      time(9_999),
      rows(["+I", "a", 7, 0]),
      time(25_000),
    ],
    expected: [[], [], [], [], [W("a, 2, a, 1", "", ":10")], [], [W("a, 1, a, 1", "", ":10")]],
  });
});

test("attached windows: columns of the input", () => {
  const attached = schemaOf({
    k: types.string(),
    v: types.int(),
    ws: types.timestamp(3, false),
    we: types.timestamp(3, false),
  });
  runCase({
    node: node({}, { attached: { start: 2, end: 3 } }),
    inputs: [attached],
    rescaleBy: [0],
    unordered: true,
    events: [
      rows(["+I", "a", 1, 0, 10_000], ["+I", "a", 1, 5_000, 15_000]),
      watermark(9_999),
      rows(["+I", "a", 1, 0, 10_000], ["+I", "a", 2, 5_000, 15_000]),
      watermark(14_999),
    ],
    expected: [
      [],
      [W("a, 1, a, 1", "", ":10"), "watermark 9999"],
      [],
      [W("a, 2, a, 2", ":05", ":15"), "watermark 14999"],
    ],
  });
});

test("HOP and CUMULATE without DISTINCT share slices: a slice is merged into each of its windows", () => {
  const sums = [aggregate("COUNT", [], types.bigint(false)), aggregate("MAX", [0], types.string())];
  const plain = {
    aggregates: sums,
    grouping: [] as number[],
    output: schemaOf({
      n: types.bigint(false),
      max: types.string(),
      s: types.timestamp(3, false),
      e: types.timestamp(3, false),
    }),
  };
  runCase({
    node: node({ kind: "HOP", slideMs: 5_000 }, plain),
    inputs: [input],
    rescaleBy: [],
    events: [
      rows(["+I", "a", 1, 6_000], ["+I", "b", 1, 1_000]),
      watermark(5_000),
      watermark(10_000),
      rows(["+I", "c", 2, 7_000], ["+I", "d", 2, 2_000]),
      watermark(15_000),
      rows(["+I", "e", 2, 31_000]),
      watermark(60_000),
    ],
    expected: [
      [],
      ["+I[1, b, 1969-12-31T23:59:55, 1970-01-01T00:00:05]", "watermark 5000"],
      [W("2, b", "", ":10"), "watermark 10000"],
      [],
      [W("2, c", ":05", ":15"), "watermark 15000"],
      [],
      [W("1, e", ":25", ":35"), W("1, e", ":30", ":40"), "watermark 60000"],
    ],
  });
  runCase({
    node: node({ kind: "CUMULATE", stepMs: 5_000 }, plain),
    inputs: [input],
    rescaleBy: [],
    events: [
      rows(["+I", "a", 1, 1_000], ["+I", "b", 2, 6_000]),
      watermark(5_000),
      rows(["+I", "late but counted", 2, 2_000]),
      watermark(15_000),
      rows(["+I", "late", 2, 2_000], ["+I", "z", 2, 12_000]),
      watermark(30_000),
    ],
    expected: [
      [],
      [W("1, a", "", ":05"), "watermark 5000"],
      [],
      [W("3, late but counted", "", ":10"), "watermark 15000"],
      [],
      [W("1, z", ":10", ":20"), "watermark 30000"],
    ],
  });
  const grouped = {
    ...plain,
    grouping: [0],
    output: schemaOf({
      k: types.string(),
      n: types.bigint(false),
      max: types.string(),
      s: types.timestamp(3, false),
      e: types.timestamp(3, false),
    }),
  };
  runCase({
    node: node({ kind: "HOP", slideMs: 5_000 }, grouped),
    inputs: [input],
    rescaleBy: [0],
    unordered: true,
    events: [
      rows(["+I", "a", 1, 6_000], ["+I", null, 1, 1_000], ["+I", "a", 1, 2_000]),
      watermark(30_000),
    ],
    expected: [
      [],
      [
        "+I[a, 1, a, 1969-12-31T23:59:55, 1970-01-01T00:00:05]",
        "+I[null, 1, null, 1969-12-31T23:59:55, 1970-01-01T00:00:05]",
        W("a, 2, a", "", ":10"),
        W("null, 1, null", "", ":10"),
        W("a, 1, a", ":05", ":15"),
        "watermark 30000",
      ],
    ],
  });
});
