import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { IntervalJoinNode } from "../../../foundation/plan/exec-node.ts";
import { call, input, literal } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  end,
  left,
  right,
  runCase,
  time,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const l = schemaOf({ k: types.string(), v: types.int(), t: types.timestamp(3) });
const r = schemaOf({ k2: types.string(), w: types.int(), t2: types.timestamp(3) });
const both = { fields: [...l.fields, ...r.fields] };

const node = (
  joinType: IntervalJoinNode["joinType"],
  options: Partial<IntervalJoinNode> = {},
): IntervalJoinNode => ({
  ...nodeBase(both, { inputs: 2 }),
  type: "IntervalJoin",
  joinType,
  leftKeys: [0],
  rightKeys: [0],
  filterNulls: [true],
  lowerBoundMs: -2000,
  upperBoundMs: 1000,
  leftTime: { attribute: "ROWTIME", index: 2, type: types.timestamp(3) },
  rightTime: { attribute: "ROWTIME", index: 2, type: types.timestamp(3) },
  ...options,
});
const at = (seconds: number) => `1970-01-01T00:00:${String(seconds).padStart(2, "0")}`;
const row = (k: string, v: number, s: number, k2: string, w: number, s2: number) =>
  `+I[${k}, ${v}, ${at(s)}, ${k2}, ${w}, ${at(s2)}]`;
const alone = (k: string | null, v: number, s: number) =>
  `+I[${k}, ${v}, ${at(s)}, null, null, null]`;
const aloneRight = (k: string | null, w: number, s: number) =>
  `+I[null, null, null, ${k}, ${w}, ${at(s)}]`;

// Left time − 1 s ≤ right time ≤ left time + 2 s. A watermark is held back by 2 s + half of 3 s.
const events = [
  left(
    ["+I", "a", 1, 10_000],
    ["+I", "a", 2, 20_000],
    ["+I", "b", 3, 11_000],
    ["+I", null, 4, 10_000],
  ),
  right(
    ["+I", "a", 1, 8_999],
    ["+I", "a", 2, 12_000],
    ["+I", "a", 3, 9_000],
    ["+I", "c", 4, 10_000],
  ),
  right(["+I", "a", 5, 12_001], ["+I", null, 6, 10_000], ["+I", "b", 7, 11_000]),
  watermark(15_000),
  left(["+I", "a", 5, 19_000], ["+I", "a", 6, 13_000], ["+I", "a", 7, 1_000]),
  right(["+I", "a", 8, 19_000]),
  watermark(30_000),
  right(["+I", "a", 9, 20_000]),
  end,
];
const matches = [
  [],
  [row("a", 1, 10, "a", 2, 12), row("a", 1, 10, "a", 3, 9)],
  [row("b", 3, 11, "b", 7, 11)],
  ["watermark 11500"],
  [],
  [row("a", 2, 20, "a", 8, 19), row("a", 5, 19, "a", 8, 19)],
  ["watermark 26500"],
  [],
  [],
];

test("INNER: pairs within the bounds, at both ends", () => {
  runCase({
    node: node("INNER"),
    inputs: [l, r],
    events,
    expected: matches,
    unordered: true,
    rescaleBy: [0],
  });
});

test("FULL: what matched nothing shows up when its time is over", () => {
  runCase({
    node: node("FULL"),
    inputs: [l, r],
    events,
    unordered: true,
    rescaleBy: [0],
    expected: [
      matches[0]!,
      matches[1]!,
      matches[2]!,
      [
        alone(null, 4, 10),
        aloneRight("a", 1, 8).replace("08", "08.999"),
        aloneRight("a", 5, 12).replace("12", "12.001"),
        aloneRight("c", 4, 10),
        aloneRight(null, 6, 10),
        "watermark 11500",
      ],
      // At 13 + 2 s nothing can match any more.
      [alone("a", 6, 13), alone("a", 7, 1)],
      matches[5]!,
      matches[6]!,
      [aloneRight("a", 9, 20)],
      [],
    ],
  });
});

test("LEFT with a further condition: a match that fails it is none", () => {
  const condition = call(
    "LESS_THAN",
    [input(1, types.int()), input(4, types.int())],
    types.boolean(),
  );
  runCase({
    node: node("LEFT", { condition }),
    inputs: [l, r],
    unordered: true,
    rescaleBy: [0],
    events: [
      left(["+I", "a", 1, 10_000], ["+I", "a", 5, 10_000]),
      right(["+I", "a", 3, 10_000]),
      watermark(20_000),
    ],
    expected: [[], [row("a", 1, 10, "a", 3, 10)], [alone("a", 5, 10), "watermark 16500"]],
  });
});

test("bounds that nothing fits: outer rows come out at once", () => {
  runCase({
    node: node("LEFT", { lowerBoundMs: 2000, upperBoundMs: 1000 }),
    inputs: [l, r],
    events: [left(["+I", "a", 1, 10_000]), right(["+I", "a", 1, 8_500]), watermark(20_000)],
    expected: [[alone("a", 1, 10)], [], ["watermark 20000"]],
  });
});

test("processing time: rows meet by the time at which they came", () => {
  const column = { attribute: "PROCTIME", index: 2, type: types.timestamp(3) } as const;
  runCase({
    node: node("INNER", { leftTime: column, rightTime: column }),
    inputs: [l, r],
    unordered: true,
    rescaleBy: [0],
    events: [
      time(10_000),
      left(["+I", "a", 1, null]),
      time(12_000),
      right(["+I", "a", 2, null]),
      time(12_001),
      right(["+I", "a", 3, null]),
      watermark(5),
      time(20_000),
      right(["+I", "a", 4, null]),
      left(["+I", "a", 5, null]),
    ],
    expected: [
      [],
      [],
      [],
      ["+I[a, 1, null, a, 2, null]"],
      [],
      [],
      ["watermark 5"],
      [],
      [],
      ["+I[a, 5, null, a, 4, null]"],
    ],
  });
});

test("more pairs than a call takes", () => {
  const many = Array.from({ length: 3000 }, (_, i) => ["+I", "a", i, 10_000] as const);
  const condition = call(
    "GREATER_THAN_OR_EQUAL",
    [input(1, types.int()), literal(2998, types.int())],
    types.boolean(),
  );
  runCase({
    node: node("RIGHT", { condition }),
    inputs: [l, r],
    unordered: true,
    events: [
      left(...many),
      right(["+I", "a", 1, 10_000], ["+I", "a", 2, 10_500], ["+I", "a", 3, 7_000]),
      watermark(20_000),
    ],
    expected: [
      [],
      [
        row("a", 2998, 10, "a", 1, 10),
        row("a", 2999, 10, "a", 1, 10),
        row("a", 2998, 10, "a", 2, 10).replace(/10\]$/, "10.500]"),
        row("a", 2999, 10, "a", 2, 10).replace(/10\]$/, "10.500]"),
      ],
      [aloneRight("a", 3, 7), "watermark 16500"],
    ],
  });
});
