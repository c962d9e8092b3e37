import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { JoinType, WindowJoinNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  left,
  right,
  runCase,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const l = schemaOf({ k: types.int(), v: types.string(), e: types.timestamp(3, false) });
const r = schemaOf({ k2: types.int(), w: types.string(), e2: types.timestamp(3, false) });
const nullable = { e: types.timestamp(3), e2: types.timestamp(3) };
const both = schemaOf({
  k: types.int(),
  v: types.string(),
  e: nullable.e,
  k2: types.int(),
  w: types.string(),
  e2: nullable.e2,
});

const node = (joinType: JoinType): WindowJoinNode => ({
  ...nodeBase(joinType === "SEMI" || joinType === "ANTI" ? l : both, { inputs: 2 }),
  type: "WindowJoin",
  joinType,
  leftKeys: [0, 2],
  rightKeys: [0, 2],
  leftWindowEnd: 2,
  rightWindowEnd: 2,
  attribute: "ROWTIME",
});
const events = [
  left(
    ["+I", 1, "a", 10_000],
    ["+I", 2, "b", 10_000],
    ["+I", null, "n", 10_000],
    ["+I", 1, "c", 20_000],
  ),
  right(
    ["+I", 1, "x", 10_000],
    ["+I", 1, "y", 10_000],
    ["+I", 3, "z", 10_000],
    ["+I", null, "m", 10_000],
  ),
  watermark(9_999),
  right(["+I", 1, "late", 10_000], ["+I", 1, "w", 20_000]),
  watermark(19_999),
];
const T = "1970-01-01T00:00:10";
const S = "1970-01-01T00:00:20";
const matches = [`+I[1, a, ${T}, 1, x, ${T}]`, `+I[1, a, ${T}, 1, y, ${T}]`];
const leftOnly = [`+I[2, b, ${T}, null, null, null]`, `+I[null, n, ${T}, null, null, null]`];
const rightOnly = [`+I[null, null, null, 3, z, ${T}]`, `+I[null, null, null, null, m, ${T}]`];
const later = [`+I[1, c, ${S}, 1, w, ${S}]`];

for (const [joinType, first, second] of [
  ["INNER", matches, later],
  ["LEFT", [...matches, ...leftOnly], later],
  ["RIGHT", [...matches, ...rightOnly], later],
  ["FULL", [...matches, ...leftOnly, ...rightOnly], later],
  ["SEMI", [`+I[1, a, ${T}]`], [`+I[1, c, ${S}]`]],
  ["ANTI", [`+I[2, b, ${T}]`, `+I[null, n, ${T}]`], []],
] as const) {
  test(`${joinType}: emitted when the window is over`, () => {
    runCase({
      node: node(joinType),
      inputs: [l, r],
      unordered: true,
      events,
      expected: [[], [], [...first, "watermark 9999"], [], [...second, "watermark 19999"]],
    });
  });
}
