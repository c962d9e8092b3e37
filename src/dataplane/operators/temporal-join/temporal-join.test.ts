import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { TemporalJoinNode } from "../../../foundation/plan/exec-node.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  left,
  right,
  runCase,
  runEvents,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const l = schemaOf({ k: types.string(), v: types.int(), t: types.timestamp(3) });
const r = schemaOf({ k2: types.string(), w: types.int(), t2: types.timestamp(3) });
const both = { fields: [...l.fields, ...r.fields] };

const node = (
  joinType: TemporalJoinNode["joinType"],
  options: Partial<TemporalJoinNode> = {},
): TemporalJoinNode => ({
  ...nodeBase(both, { inputs: 2 }),
  type: "TemporalJoin",
  joinType,
  leftKeys: [0],
  rightKeys: [0],
  filterNulls: [true],
  leftTime: { attribute: "ROWTIME", index: 2, type: types.timestamp(3) },
  rightTime: { attribute: "ROWTIME", index: 2, type: types.timestamp(3) },
  rightUniqueKey: [0],
  ...options,
});
const at = (seconds: number) => `1970-01-01T00:00:${String(seconds).padStart(2, "0")}`;
const row = (k: string, v: number, s: number, w: number, s2: number) =>
  `+I[${k}, ${v}, ${at(s)}, ${k}, ${w}, ${at(s2)}]`;
const alone = (k: string | null, v: number, s: number) =>
  `+I[${k}, ${v}, ${at(s)}, null, null, null]`;

const events = [
  right(["+I", "a", 100, 1_000], ["+U", "a", 110, 5_000], ["+I", "b", 200, 3_000]),
  left(["+I", "a", 1, 6_000], ["+I", "a", 2, 5_000], ["+I", "a", 3, 4_999]),
  left(
    ["+I", "b", 4, 2_999],
    ["+I", "c", 5, 4_000],
    ["+I", null, 6, 4_000],
    ["+I", "a", 7, 20_000],
  ),
  watermark(5_000),
  right(["-D", "b", 200, 7_000], ["+U", "a", 120, 6_000], ["+U", "a", 121, 6_000]),
  left(["+I", "b", 8, 7_000], ["+I", "b", 9, 6_999]),
  watermark(8_000),
  watermark(19_999),
  watermark(20_000),
];
const inner = [
  [],
  [],
  [],
  [row("a", 2, 5, 110, 5), row("a", 3, 5, 100, 1).replace(at(5), `${at(4)}.999`), "watermark 5000"],
  [],
  [],
  [row("a", 1, 6, 121, 6), row("b", 9, 6, 200, 3).replace(at(6), `${at(6)}.999`), "watermark 8000"],
  ["watermark 19999"],
  [row("a", 7, 20, 121, 6), "watermark 20000"],
];

test("INNER: each row with the version of its time", () => {
  runCase({
    node: node("INNER"),
    inputs: [l, r],
    events,
    expected: inner,
    unordered: true,
    rescaleBy: [0],
  });
});

test("LEFT: rows without a version, before the first, after a delete", () => {
  const more: Record<number, string[]> = {
    3: [alone("b", 4, 2).replace(at(2), `${at(2)}.999`), alone("c", 5, 4), alone(null, 6, 4)],
    6: [alone("b", 8, 7)],
  };
  runCase({
    node: node("LEFT"),
    inputs: [l, r],
    events,
    unordered: true,
    rescaleBy: [0],
    expected: inner.map((list, index) => [...list, ...(more[index] ?? [])]),
  });
});

test("a late row finds the versions that are still there, with the next watermark", () => {
  const emitted = runEvents({
    node: node("LEFT"),
    inputs: [l, r],
    events: [
      right(["+I", "a", 1, 1_000], ["+U", "a", 2, 5_000]),
      watermark(8_000),
      left(["+I", "a", 1, 4_000], ["+I", "a", 2, 6_000]),
      watermark(8_001),
    ],
  });
  assert.deepEqual(emitted.at(-1), [alone("a", 1, 4), row("a", 2, 6, 2, 5), "watermark 8001"]);
});

test("LEFT with a further condition, and a left side that takes rows back", () => {
  const condition = call(
    "LESS_THAN",
    [input(1, types.int()), input(4, types.int())],
    types.boolean(),
  );
  runCase({
    node: node("LEFT", { condition }),
    inputs: [l, r],
    rescaleBy: [0],
    events: [
      right(["+I", "a", 10, 1_000]),
      left(["+I", "a", 1, 2_000], ["-U", "a", 1, 2_000], ["+U", "a", 30, 2_000]),
      watermark(3_000),
    ],
    expected: [
      [],
      [],
      [
        row("a", 1, 2, 10, 1),
        row("a", 1, 2, 10, 1).replace("+I", "-U"),
        alone("a", 30, 2).replace("+I", "+U"),
        "watermark 3000",
      ],
    ],
  });
});

test("more due rows than a call takes", () => {
  const many = Array.from({ length: 5000 }, (_, i) => ["+I", "a", i, 2_000 + (i % 3)] as const);
  runCase({
    node: node("INNER", {
      condition: call("EQUALS", [input(1, types.int()), input(4, types.int())], types.boolean()),
    }),
    inputs: [l, r],
    events: [right(["+I", "a", 4_998, 1_000]), left(...many), watermark(3_000)],
    expected: [[], [], [row("a", 4_998, 2, 4_998, 1), "watermark 3000"]],
  });
});
