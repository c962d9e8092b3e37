import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { WindowAggregateNode, WindowSpec } from "../../../foundation/plan/exec-node.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase, watermark } from "../../../../testkit/operator-harness/operator-case.ts";

const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as LogicalType;
const input = schemaOf({ k: types.string(), v: types.int(), ts: rowtime });
const output = schemaOf({
  k: types.string(),
  n: types.bigint(false),
  d: types.bigint(false),
  max: types.int(),
  s: types.timestamp(3, false),
  e: types.timestamp(3, false),
  t: rowtime,
});
const aggregate = (name: string, args: number[], type: LogicalType): AggregateCall => ({
  function: name,
  args,
  filter: -1,
  distinct: false,
  retract: true,
  type,
  name,
});
const node = (window: Partial<WindowSpec>, retract = true): WindowAggregateNode => ({
  ...nodeBase(output),
  type: "WindowAggregate",
  window: {
    kind: "TUMBLE",
    sizeMs: 10_000,
    offsetMs: 0,
    time: { attribute: "ROWTIME", index: 2, type: rowtime },
    ...window,
  },
  grouping: [0],
  aggregates: [
    aggregate("COUNT", [], types.bigint(false)),
    { ...aggregate("COUNT", [1], types.bigint(false)), distinct: true },
    aggregate("MAX", [1], types.int()),
  ].map((call) => ({ ...call, retract })),
  properties: ["window_start", "window_end", "window_time"],
});
const W = (text: string, start: string, end: string, time: string) =>
  `+I[${text}, 1970-01-01T00:00:${start}, 1970-01-01T00:00:${end}, 1970-01-01T00:00:${time}]`.replace(
    "00:00:00,",
    "00:00,",
  );

test("TUMBLE: rows that were taken back before the end do not count; an empty window shows nothing", () => {
  runCase({
    node: node({}),
    inputs: [input],
    unordered: true,
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 9, 1_000], ["+I", "a", 3, 2_000], ["+I", "b", 1, 3_000]),
      rows(["-U", "a", 9, 1_000], ["+U", "a", 4, 1_000], ["-D", "b", 1, 3_000]),
      rows(["-D", "c", 1, 4_000], ["+I", "a", 3, 5_000], ["+I", "a", 3, 12_000]),
      rows(["+I", "c", 1, 4_000], ["+I", "c", 2, 4_000], ["+I", "c", 1, 4_000]),
      watermark(9_999),
      rows(["-D", "a", 3, 2_000], ["-D", "a", 3, 12_000]),
      watermark(20_000),
    ],
    expected: [
      [],
      [],
      [],
      [],
      [
        W("a, 3, 2, 4", "00", "10", "09.999"),
        W("c, 2, 2, 2", "00", "10", "09.999"),
        "watermark 9999",
      ],
      [],
      ["watermark 20000"],
    ],
  });
});

test("HOP: each window has its own rows", () => {
  runCase({
    node: node({ kind: "HOP", slideMs: 5_000 }),
    inputs: [input],
    events: [
      rows(["+I", "a", 1, 6_000], ["+I", "a", 2, 7_000]),
      watermark(9_999),
      rows(["-D", "a", 2, 7_000]),
      watermark(20_000),
    ],
    expected: [
      [],
      [W("a, 2, 2, 2", "00", "10", "09.999"), "watermark 9999"],
      [],
      [W("a, 1, 1, 1", "05", "15", "14.999"), "watermark 20000"],
    ],
  });
});

test("SESSION: a row is found in whatever fragment; DISTINCT over joined sessions", () => {
  const events = [
    rows(["+I", "a", 1, 11_000], ["+I", "a", 2, 19_000], ["+I", "b", 7, 12_000]),
    rows(["+I", "a", 1, 15_000], ["+I", "a", 5, 40_000]),
    watermark(16_999),
    rows(["+I", "b", 3, 11_500]),
    watermark(50_000),
  ];
  const session = { kind: "SESSION", gapMs: 5_000, partitionKeys: [0] } as const;
  const expected = [
    [],
    [],
    [W("b, 1, 1, 7", "12", "17", "16.999"), "watermark 16999"],
    [],
    [
      W("a, 3, 2, 2", "11", "24", "23.999"),
      W("a, 1, 1, 5", "40", "45", "44.999"),
      "watermark 50000",
    ],
  ];
  const common = { inputs: [input], unordered: true, rescaleBy: [0] };
  runCase({ node: node(session, false), ...common, events, expected });
  const retracted = [
    ...events.slice(0, 2),
    rows(["-U", "a", 2, 19_000], ["+U", "a", 1, 19_000], ["-D", "a", 5, 40_000]),
    ...events.slice(2),
  ];
  runCase({
    node: node(session),
    ...common,
    events: retracted,
    expected: [
      ...expected.slice(0, 2),
      [],
      ...expected.slice(2, 4),
      [W("a, 3, 1, 1", "11", "24", "23.999"), "watermark 50000"],
    ],
  });
});

test("without aggregates: a window whose rows were all taken back shows nothing", () => {
  const keys = schemaOf({ k: types.string(), e: types.timestamp(3, false) });
  runCase({
    node: {
      ...node({}),
      output: keys,
      aggregates: [],
      properties: ["window_end"],
      retracts: true,
    },
    inputs: [input],
    unordered: true,
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 9, 1_000], ["+I", "a", 3, 2_000], ["+I", "b", 1, 3_000]),
      rows(["-U", "a", 9, 1_000], ["-D", "b", 1, 3_000]),
      watermark(20_000),
    ],
    expected: [[], [], ["+I[a, 1970-01-01T00:00:10]", "watermark 20000"]],
  });
});
