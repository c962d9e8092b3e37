/** Aggregates that keep all values of a group: in every phase, with restore at every step and rescaled (runCase). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bitmapOf, encodeBitmap } from "../../../foundation/columnar/bitmap-value.ts";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type {
  GroupAggregateNode,
  OverAggregateNode,
  WindowAggregateNode,
} from "../../../foundation/plan/exec-node.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  end,
  rows,
  runCase,
  runEvents,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const bitmap: LogicalType = { kind: "BITMAP", nullable: true };
const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as LogicalType;
const input = schemaOf({
  k: types.string(),
  v: types.int(),
  s: types.string(),
  d: types.double(),
  p: types.double(false),
  on: types.boolean(),
  ts: rowtime,
});
const V = 1;
const S = 2;
const D = 3;
const P = 4;
const ON = 5;

const aggregate = (
  name: string,
  args: readonly number[],
  type: LogicalType,
  options: Partial<AggregateCall> = {},
): AggregateCall => ({
  function: name,
  args,
  filter: -1,
  distinct: false,
  retract: false,
  type,
  name,
  ...options,
});
const ints = types.array(types.int());
const counted = (element: LogicalType): LogicalType => ({
  kind: "MULTISET",
  element,
  nullable: false,
});
const text = types.string(false);

const CALLS: readonly AggregateCall[] = [
  aggregate("ARRAY_AGG", [V], ints),
  aggregate("ARRAY_AGG_IGNORE_NULLS", [V], ints),
  aggregate("COLLECT", [V], counted(types.int())),
  aggregate("COLLECT", [S], counted(types.string())),
  aggregate("JSON_ARRAYAGG_NULL_ON_NULL", [S], text),
  aggregate("JSON_OBJECTAGG_ABSENT_ON_NULL", [S, S], text),
  aggregate("PERCENTILE", [D, P, V], types.double()),
  aggregate("BITMAP_BUILD_AGG", [V], bitmap),
  aggregate("BITMAP_BUILD_CARDINALITY_AGG", [V], types.bigint()),
  aggregate("$WELFORD_M2$1", [D], types.double()),
];
const columns = Object.fromEntries(CALLS.map(({ type }, i) => [`c${i}`, type]));

function group(calls: readonly AggregateCall[], retract: boolean): GroupAggregateNode {
  const named = Object.fromEntries(calls.map(({ type }, i) => [`c${i}`, type]));
  return {
    ...nodeBase(schemaOf({ k: types.string(), ...named })),
    type: "GroupAggregate",
    grouping: [0],
    aggregates: calls.map((call) => ({ ...call, retract })),
    generateUpdateBefore: false,
  };
}

test("rows added and taken back: what is left", () => {
  runCase({
    node: group(CALLS, true),
    inputs: [input],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 2, '"x"', 1, 0.5, true, 0], ["+I", "a", null, null, 9, 0.5, true, 0]),
      rows(["+I", "a", 3, '"y"', 4, 0.5, true, 0], ["+I", "b", null, null, null, 0.5, true, 0]),
      rows(["-D", "a", 2, '"x"', 1, 0.5, true, 0], ["+I", "a", 3, '"z"', 6, 0.5, null, 0]),
      rows(["-D", "b", null, null, null, 0.5, true, 0]),
    ],
    expected: [
      [
        String.raw`+I[a, [2, null], [2], {2=1}, {"x"=1}, ["x",null], {"\"x\"":"x"}, 1.0, {2}, 1, 32.0]`,
      ],
      [
        String.raw`+U[a, [2, null, 3], [2, 3], {2=1, 3=1}, {"x"=1, "y"=1}, ["x",null,"y"], ` +
          String.raw`{"\"x\"":"x","\"y\"":"y"}, 4.0, {2,3}, 2, 32.666666666666664]`,
        "+I[b, [null], null, {}, {}, [null], {}, null, null, null, null]",
      ],
      [
        String.raw`+U[a, [null, 3, 3], [3, 3], {3=2}, {"y"=1, "z"=1}, [null,"y","z"], ` +
          String.raw`{"\"y\"":"y","\"z\"":"z"}, 5.0, {3}, 1, 12.666666666666663]`,
      ],
      ["-D[b, [null], null, {}, {}, [null], {}, null, null, null, null]"],
    ],
  });
});

const PHASES: readonly AggregateCall[] = [
  aggregate("ARRAY_AGG", [V], ints, { distinct: true }),
  aggregate("ARRAY_AGG", [V], ints, { filter: ON }),
  aggregate("COLLECT", [S], counted(types.string()), { distinct: true, filter: ON }),
  aggregate("PERCENTILE", [D, P], types.double(), { filter: ON }),
  aggregate("$WELFORD_M2$1", [D], types.double(), { distinct: true }),
];

test("DISTINCT and FILTER with retraction: NULL is one value of ARRAY_AGG", () => {
  runCase({
    node: group(PHASES, true),
    inputs: [input],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 1, "x", 1, 0.5, true, 0], ["+I", "a", 1, "x", 1, 0.5, true, 0]),
      rows(["+I", "a", null, "y", 3, 0.5, null, 0], ["+I", "a", null, "y", 3, 0.5, false, 0]),
      rows(["-D", "a", 1, "x", 1, 0.5, true, 0], ["-D", "a", null, "y", 3, 0.5, null, 0]),
      rows(["-D", "a", 1, "x", 1, 0.5, true, 0], ["-D", "a", null, "y", 3, 0.5, false, 0]),
    ],
    expected: [
      ["+I[a, [1], [1, 1], {x=1}, 1.0, 0.0]"],
      ["+U[a, [1, null], [1, 1], {x=1}, 1.0, 2.0]"],
      ["+U[a, [1, null], [1], {x=1}, 1.0, 2.0]"],
      ["-D[a, [1, null], [1], {x=1}, 1.0, 2.0]"],
    ],
  });
});

test("bounded input gives the same, once", () => {
  runCase({
    node: group([...PHASES, ...CALLS], false),
    inputs: [input],
    mode: "batch",
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 1, "1", 1, 0.5, true, 0], ["+I", "a", 1, "3", 1, 0.5, false, 0]),
      rows(["+I", "a", null, "2", 4, 0.5, true, 0]),
      end,
    ],
    expected: [
      [],
      [],
      [
        "+I[a, [1, null], [1, null], {1=1, 2=1}, 2.5, 4.5, [1, 1, null], [1, 1], {1=2}, " +
          '{1=1, 2=1, 3=1}, [1,3,2], {"1":1,"2":2,"3":3}, 1.0, {1}, 1, 6.0]',
      ],
    ],
  });
});

const BITMAPS = ["AND", "OR", "XOR"].flatMap((name) => [
  aggregate(`BITMAP_${name}_AGG`, [1], bitmap),
  aggregate(`BITMAP_${name}_CARDINALITY_AGG`, [1], types.bigint()),
]);
const bits = (...values: number[]) => encodeBitmap(bitmapOf(values));

test("bitmaps, added and taken back", () => {
  runCase({
    node: group(BITMAPS, true),
    inputs: [schemaOf({ k: types.string(), b: bitmap })],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", bits(1, 2, 3)], ["+I", "a", null], ["+I", "b", null]),
      rows(["+I", "a", bits(2, 3, 4)]),
      rows(["-D", "a", bits(1, 2, 3)], ["+I", "a", bits()]),
      rows(["-D", "a", bits(2, 3, 4)], ["-D", "a", bits()]),
    ],
    expected: [
      ["+I[a, {1,2,3}, 3, {1,2,3}, 3, {1,2,3}, 3]", "+I[b, null, null, null, null, null, null]"],
      ["+U[a, {2,3}, 2, {1,2,3,4}, 4, {1,4}, 2]"],
      ["+U[a, {}, 0, {2,3,4}, 3, {2,3,4}, 3]"],
      ["+U[a, null, null, null, null, null, null]"],
    ],
  });
});

const windowed = CALLS.filter(({ distinct }) => !distinct);

function window(kind: "HOP" | "CUMULATE" | "SESSION"): WindowAggregateNode {
  const spec = {
    HOP: { sizeMs: 10_000, slideMs: 5_000 },
    CUMULATE: { sizeMs: 10_000, stepMs: 5_000 },
    SESSION: { sizeMs: 0, gapMs: 4_000, partitionKeys: [0] },
  }[kind];
  return {
    ...nodeBase(schemaOf({ k: types.string(), ...columns })),
    type: "WindowAggregate",
    window: { kind, offsetMs: 0, ...spec, time: { attribute: "ROWTIME", index: 6, type: rowtime } },
    grouping: [0],
    aggregates: windowed,
    properties: [],
  };
}

const ONE = String.raw`+I[a, [2], [2], {2=1}, {"x"=1}, ["x"], {"\"x\"":"x"}, 1.0, {2}, 1, 0.0]`;
const BOTH =
  String.raw`+I[a, [2, 1], [2, 1], {1=1, 2=1}, {"x"=1, "y"=1}, ["x","y"], ` +
  String.raw`{"\"x\"":"x","\"y\"":"y"}, 1.0, {1,2}, 2, 4.5]`;
const OTHER = String.raw`+I[a, [1], [1], {1=1}, {"y"=1}, ["y"], {"\"y\"":"y"}, 4.0, {1}, 1, 0.0]`;

for (const [kind, fired] of [
  ["HOP", [ONE, BOTH, OTHER]],
  ["CUMULATE", [ONE, BOTH]],
  ["SESSION", [BOTH]],
] as const) {
  test(`slices are put together: ${kind}`, () => {
    const events = [
      rows(["+I", "a", 2, '"x"', 1, 0.5, true, 3_000]),
      rows(["+I", "a", 1, '"y"', 4, 0.5, true, 6_000]),
      watermark(60_000),
    ];
    runCase({
      node: window(kind),
      inputs: [input],
      rescaleBy: [0],
      unordered: true,
      events,
      expected: [[], [], [...fired, "watermark 60000"]],
    });
  });
}

test("LISTAGG over slices keeps its separator", () => {
  const calls = [
    aggregate("LISTAGG", [S], types.string()),
    aggregate("LISTAGG", [S, 0], types.string()),
  ];
  runCase({
    node: {
      ...window("HOP"),
      ...nodeBase(schemaOf({ k: types.string(), a: types.string(), b: types.string() })),
      aggregates: calls,
    },
    inputs: [input],
    rescaleBy: [0],
    unordered: true,
    events: [
      rows(["+I", "-", 2, "x", 1, 0.5, true, 3_000], ["+I", "-", 1, null, 4, 0.5, true, 6_000]),
      rows(["+I", "-", 1, "y", 4, 0.5, true, 6_000], ["+I", "-", 1, "z", 4, 0.5, true, 7_000]),
      watermark(60_000),
    ],
    expected: [
      [],
      [],
      ["+I[-, x, x]", "+I[-, x,y,z, x-y-z]", "+I[-, y,z, y-z]", "watermark 60000"],
    ],
  });
});

test("OVER: a frame of two rows", () => {
  const over: OverAggregateNode = {
    ...nodeBase(
      schemaOf({ ...Object.fromEntries(input.fields.map((f) => [f.name, f.type])), ...columns }),
    ),
    type: "OverAggregate",
    partitionKeys: [0],
    sort: [{ index: 6, descending: false, nullsFirst: true }],
    time: { attribute: "ROWTIME", index: 6, type: rowtime },
    unit: "ROWS",
    start: { kind: "preceding", offset: 1 },
    end: { kind: "currentRow" },
    aggregates: CALLS.map(({ function: name, args, type, distinct }) => ({
      function: name,
      args,
      distinct,
      ignoreNulls: false,
      type,
      name,
    })),
    generateUpdateBefore: false,
    retract: false,
  };
  const aggregates = (line: string) => line.replace(/^.*1970-[^,]*, /, "+I[a, ");
  const emitted = [0, 1, 2].map((restoreAt) =>
    runEvents(
      {
        node: over,
        inputs: [input],
        events: [
          rows(["+I", "a", 2, '"x"', 1, 0.5, true, 3_000]),
          rows(
            ["+I", "a", 1, '"y"', 4, 0.5, true, 6_000],
            ["+I", "a", null, null, null, 0.5, true, 7_000],
          ),
          watermark(60_000),
        ],
      },
      restoreAt,
    ).flat(),
  );
  const last = String.raw`+I[a, [1, null], [1], {1=1}, {"y"=1}, ["y",null], {"\"y\"":"y"}, 4.0, {1}, 1, 0.0]`;
  for (const lines of emitted)
    assert.deepEqual(lines.map(aggregates), [ONE, BOTH, last, "watermark 60000"]);
});

test("SINGLE_VALUE: one value, or an error", () => {
  const node = group([aggregate("SINGLE_VALUE", [V], types.int())], true);
  const row = (kind: "+I" | "-D", value: number | null) =>
    [kind, "a", value, "x", 1, 0.5, true, 0] as const;
  runCase({
    node,
    inputs: [input],
    rescaleBy: [0],
    events: [rows(row("+I", null)), rows(row("-D", null), row("+I", 7)), rows(row("-D", 7))],
    expected: [["+I[a, null]"], ["+U[a, 7]"], ["-D[a, 7]"]],
  });
  const events = [rows(row("+I", 1)), rows(row("+I", 1))];
  assert.throws(() => runEvents({ node, inputs: [input], events }), {
    message: /received more than one element/,
  });
});

test("a key twice in JSON_OBJECTAGG, a percentage beyond 1: errors", () => {
  const twice = group([aggregate("JSON_OBJECTAGG_NULL_ON_NULL", [S, S], text)], false);
  const row = ["+I", "a", 1, "1", 1, 1.5, true, 0] as const;
  assert.throws(() => runEvents({ node: twice, inputs: [input], events: [rows(row, row)] }), {
    code: "MR4104",
  });
  const beyond = group([aggregate("PERCENTILE", [D, P], types.double())], false);
  assert.throws(() => runEvents({ node: beyond, inputs: [input], events: [rows(row)] }), {
    message: /should be between \[0.0, 1.0\], but was '1.5'/,
  });
});
