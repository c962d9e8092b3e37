import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { MatchNode } from "../../../foundation/plan/exec-node.ts";
import { type Expression, call, input, literal } from "../../../foundation/plan/expression.ts";
import type { MatchExpressions, MatchReference } from "../../../foundation/plan/match.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  end,
  rows,
  runCase,
  time,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const INPUT = schemaOf({ k: types.string(), price: types.int(), ts: types.timestamp(3) });
const PRICE = 1;
const INT = types.int();
const asc = (index: number) => ({ index, descending: false, nullsFirst: true });
const last = (position: number, offset = 0): MatchReference => ({
  position,
  first: false,
  offset,
  field: PRICE,
});
const condition = (references: MatchReference[], expression: Expression): MatchExpressions => ({
  references,
  aggregates: [],
  expressions: [expression],
});
const compare = (name: string, a: Expression, b: Expression) => call(name, [a, b], types.boolean());
const int = (value: number) => literal(value, types.int(false));

/** DOWN{2,} UP: DOWN falls below the DOWN before it, UP rises above the last DOWN. */
const DOWN = condition(
  [last(0), last(0, 1)],
  call(
    "OR",
    [
      compare("LESS_THAN", input(0, INT), input(1, INT)),
      call("IS_NULL", [input(1, INT)], types.boolean(false)),
    ],
    types.boolean(),
  ),
);
const UP = condition([last(1), last(0)], compare("GREATER_THAN", input(0, INT), input(1, INT)));
const MEASURES: MatchExpressions = {
  references: [{ ...last(0), first: true }, last(0), last(1)],
  aggregates: [{ position: 0, function: "SUM", args: [PRICE], type: INT }],
  expressions: [input(0, INT), input(1, INT), input(2, INT), input(3, INT)],
};
const output = schemaOf({ k: types.string(), first: INT, bottom: INT, up: INT, sum: INT });

const falling = (
  attribute: "ROWTIME" | "PROCTIME",
  changes: Partial<MatchNode> = {},
): MatchNode => ({
  ...nodeBase(output, { changelogMode: "insert-only" }),
  type: "Match",
  partitionKeys: [0],
  sort: attribute === "ROWTIME" ? [asc(2), asc(1)] : [asc(2)],
  time: { attribute, index: 2, type: types.timestamp(3) },
  pattern: [
    { variable: "DOWN", min: 2, max: -1, greedy: true },
    { variable: "UP", min: 1, max: 1, greedy: false },
  ],
  after: { skip: "PAST_LAST_ROW" },
  withinMs: 0,
  define: [DOWN, UP],
  measures: MEASURES,
  ...changes,
});

test("by processing time a match goes out with its last row; restored and rescaled anywhere", () => {
  runCase({
    node: falling("PROCTIME"),
    inputs: [INPUT],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 19, 1], ["+I", "b", 18, 2], ["+I", "a", 17, 3]),
      rows(["+I", "a", 13, 4]),
      rows(["+I", "b", 16, 5], ["+I", "a", 20, 6]),
      rows(["+I", "b", 22, 7], ["+I", "a", 15, 8], ["+I", "a", 16, 9]),
      rows(["+I", "a", 10, 10]),
      rows(["+I", "a", 11, 11]),
    ],
    expected: [
      [],
      [],
      ["+I[a, 19, 13, 20, 49]"],
      ["+I[b, 18, 16, 22, 34]"],
      [],
      ["+I[a, 16, 10, 11, 26]"],
    ],
  });
});

test("by event time rows wait for the watermark, in order of time and value; late rows are dropped", () => {
  runCase({
    node: falling("ROWTIME"),
    inputs: [INPUT],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 13, 3000], ["+I", "a", 19, 1000], ["+I", "b", 5, 4000]),
      watermark(1500),
      rows(["+I", "a", 99, 1000], ["+I", "a", 17, 2000], ["+I", "b", 4, 5000]),
      watermark(3000),
      rows(["+I", "a", 20, 6000], ["+I", "b", 7, 5000], ["+I", "b", 6, 6000]),
      watermark(7000),
    ],
    expected: [
      [],
      ["watermark 1500"],
      [],
      ["watermark 3000"],
      [],
      ["+I[b, 5, 4, 7, 9]", "+I[a, 19, 13, 20, 49]", "watermark 7000"],
    ],
  });
});

test("WITHIN forgets what began too long ago", () => {
  runCase({
    node: falling("ROWTIME", { withinMs: 3000 }),
    inputs: [INPUT],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 19, 1000], ["+I", "a", 17, 2000], ["+I", "a", 13, 3000]),
      watermark(3000),
      rows(["+I", "a", 20, 4000]),
      watermark(9000),
    ],
    expected: [[], ["watermark 3000"], [], ["+I[a, 17, 13, 20, 30]", "watermark 9000"]],
  });
});

test("a greedy variable takes each row that fits it; a reluctant one gives way, the shortest match first", () => {
  const above = (position: number, limit: number) =>
    condition([last(position)], compare("GREATER_THAN", input(0, INT), int(limit)));
  const node = (greedy: boolean) =>
    falling("PROCTIME", {
      pattern: [
        { variable: "A", min: 1, max: -1, greedy },
        { variable: "B", min: 1, max: 1, greedy: false },
      ],
      define: [above(0, 10), above(1, 5)],
    });
  const events = [rows(["+I", "a", 20, 1], ["+I", "a", 21, 2], ["+I", "a", 7, 3]), time(9)];
  runCase({ node: node(true), inputs: [INPUT], events, expected: [["+I[a, 20, 21, 7, 41]"], []] });
  runCase({
    node: node(false),
    inputs: [INPUT],
    events,
    expected: [["+I[a, 20, 20, 21, 20]"], []],
  });
});

test("AFTER MATCH SKIP decides where the next match may begin", () => {
  const events = [rows(["+I", "a", 9, 1], ["+I", "a", 8, 2], ["+I", "a", 7, 3], ["+I", "a", 9, 4])];
  const matches = (after: MatchNode["after"]) => ({
    node: falling("PROCTIME", { after }),
    inputs: [INPUT],
    events,
  });
  runCase({
    ...matches({ skip: "TO_NEXT_ROW" }),
    expected: [["+I[a, 9, 7, 9, 24]", "+I[a, 8, 7, 9, 15]"]],
  });
  runCase({ ...matches({ skip: "TO_LAST", position: 0 }), expected: [["+I[a, 9, 7, 9, 24]"]] });
  assert.throws(() => runCase({ ...matches({ skip: "TO_FIRST", position: 0 }), expected: [] }), {
    code: "MR4154",
  });
});

test("in batch mode a partition is sorted and matched at the end of input", () => {
  runCase({
    node: falling("ROWTIME"),
    inputs: [INPUT],
    mode: "batch",
    events: [
      rows(["+I", "a", 20, 6000], ["+I", "a", 13, 3000]),
      rows(["+I", "a", 19, 1000], ["+I", "a", 17, 2000]),
      end,
    ],
    expected: [[], [], ["+I[a, 19, 13, 20, 49]"]],
  });
});

/** The price of A, then any that are not far below, then one that is: A B* C within 5 ms. */
const dropping = (attribute: "ROWTIME" | "PROCTIME"): MatchNode => {
  const below = (name: string, own: number) =>
    condition(
      [last(own), last(0)],
      compare(name, input(0, INT), call("MINUS", [input(1, INT), int(50)], INT)),
    );
  return {
    ...falling(attribute),
    sort: [asc(2)],
    output: schemaOf({ k: types.string(), from: INT, to: INT }),
    pattern: [
      { variable: "A", min: 1, max: 1, greedy: false },
      { variable: "B", min: 0, max: -1, greedy: true },
      { variable: "C", min: 1, max: 1, greedy: false },
    ],
    withinMs: 5,
    define: [
      condition([], literal(true, types.boolean(false))),
      below("GREATER_THAN", 1),
      below("LESS_THAN", 2),
    ],
    measures: {
      references: [last(0), last(2)],
      aggregates: [],
      expressions: [input(0, INT), input(1, INT)],
    },
  };
};

test("WITHIN ends matches in the making without another row of theirs: what they kept back goes out", () => {
  const drop = [
    ["+I", "a", 7, 1] as const,
    ["+I", "a", 300, 2] as const,
    ["+I", "a", 10, 3] as const,
  ];
  runCase({
    node: dropping("ROWTIME"),
    inputs: [INPUT],
    rescaleBy: [0],
    events: [
      rows(...drop, ["+I", "b", 100, 3], ["+I", "b", 1, 8]),
      watermark(3),
      watermark(5),
      watermark(6),
      rows(["+I", "a", 60, 9], ["+I", "a", 1, 11]),
      watermark(13),
    ],
    expected: [
      [],
      ["watermark 3"],
      ["watermark 5"],
      ["+I[a, 300, 10]", "watermark 6"],
      [],
      ["+I[a, 60, 1]", "watermark 13"],
    ],
  });
  runCase({
    node: dropping("PROCTIME"),
    inputs: [INPUT],
    events: [rows(...drop), time(4), time(5)],
    expected: [[], [], ["+I[a, 300, 10]"]],
  });
  runCase({
    node: dropping("ROWTIME"),
    inputs: [INPUT],
    mode: "batch",
    events: [rows(...drop, ["+I", "b", 100, 3], ["+I", "b", 1, 8]), end],
    expected: [[], ["+I[a, 300, 10]"]],
  });
});
