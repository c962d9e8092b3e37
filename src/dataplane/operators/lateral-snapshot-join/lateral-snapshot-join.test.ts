import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { LateralSnapshotJoinNode } from "../../../foundation/plan/exec-node.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  end,
  inputWatermark,
  left,
  right,
  runCase,
  time,
} from "../../../../testkit/operator-harness/operator-case.ts";

const l = schemaOf({ k: types.string(), v: types.int() });
const r = schemaOf({ k2: types.string(), w: types.int() });

const node = (
  joinType: "INNER" | "LEFT",
  options: Partial<LateralSnapshotJoinNode> = {},
): LateralSnapshotJoinNode => ({
  ...nodeBase({ fields: [...l.fields, ...r.fields] }, { inputs: 2 }),
  type: "LateralSnapshotJoin",
  joinType,
  leftKeys: [0],
  rightKeys: [0],
  filterNulls: [true],
  right: { unique: "no-unique-key" },
  loadUntilMs: 10_000,
  ...options,
});

const events = [
  right(["+I", "a", 10], ["+I", "a", 11], ["+I", "b", 20], ["+I", null, 1]),
  left(["+I", "a", 1], ["+I", "c", 2], ["+I", null, 3]),
  inputWatermark(0, 50_000),
  inputWatermark(1, 9_999),
  right(["-D", "a", 10], ["+I", "a", 12]),
  inputWatermark(1, 10_000),
  left(["+I", "b", 4], ["+I", "d", 5]),
  right(["+I", "d", 30]),
  left(["+I", "d", 6]),
  inputWatermark(0, 60_000),
  end,
];
const inner: string[][] = [
  [],
  [],
  [],
  [],
  [],
  ["+I[a, 1, a, 11]", "+I[a, 1, a, 12]"],
  ["+I[b, 4, b, 20]"],
  [],
  ["+I[d, 6, d, 30]"],
  [],
  [],
];

test("INNER: probe rows wait for the build side, then meet what it has", () => {
  const watermarks: Record<number, string[]> = { 5: ["watermark 50000"], 9: ["watermark 60000"] };
  runCase({
    node: node("INNER"),
    inputs: [l, r],
    events: events.filter((event) => !("watermark" in event && event.ofInput === 0)),
    unordered: true,
    rescaleBy: [0],
    expected: inner.filter((_, index) => index !== 2 && index !== 9),
  });
  // The watermark of a restored subtask comes anew from its sources, so that this is run straight only.
  runCase({
    node: node("INNER"),
    inputs: [l, r],
    events: events.slice(0, 10),
    unordered: true,
    expected: inner.slice(0, 10).map((list, index) => [...list, ...(watermarks[index] ?? [])]),
    restore: false,
  });
});

test("LEFT: rows without a match come out alone", () => {
  const more: Record<number, string[]> = {
    5: ["+I[c, 2, null, null]", "+I[null, 3, null, null]"],
    6: ["+I[d, 5, null, null]"],
  };
  runCase({
    node: node("LEFT"),
    inputs: [l, r],
    events: events.filter((event) => !("watermark" in event && event.ofInput === 0)),
    unordered: true,
    rescaleBy: [0],
    expected: inner
      .map((list, index) => [...list, ...(more[index] ?? [])])
      .filter((_, index) => index !== 2 && index !== 9),
  });
});

test("a build side with a key: the last row of each; a further condition", () => {
  const condition = call(
    "LESS_THAN",
    [input(1, types.int()), input(3, types.int())],
    types.boolean(),
  );
  runCase({
    node: node("LEFT", { right: { unique: "join-key-unique" }, condition }),
    inputs: [l, r],
    unordered: true,
    rescaleBy: [0],
    events: [
      right(["+I", "a", 10], ["+U", "a", 3], ["+I", "b", 20], ["-D", "b", 20]),
      left(["+I", "a", 1], ["+I", "a", 5], ["+I", "b", 1]),
      inputWatermark(1, 10_000),
    ],
    expected: [[], [], ["+I[a, 1, a, 3]", "+I[a, 5, null, null]", "+I[b, 1, null, null]"]],
  });
});

test("a build side that stays silent counts as loaded after the idle timeout", () => {
  runCase({
    node: node("INNER", { idleTimeoutMs: 1_000 }),
    inputs: [l, r],
    unordered: true,
    events: [
      right(["+I", "a", 10]),
      left(["+I", "a", 1]),
      time(900),
      right(["+I", "a", 11]),
      time(1_800),
      time(1_900),
    ],
    expected: [[], [], [], [], [], ["+I[a, 1, a, 10]", "+I[a, 1, a, 11]"]],
    restore: false,
  });
});

test("the end of the build side loads it", () => {
  runCase({
    node: node("INNER"),
    inputs: [l, r],
    unordered: true,
    rescaleBy: [0],
    events: [right(["+I", "a", 10]), left(["+I", "a", 1]), end],
    expected: [[], [], ["+I[a, 1, a, 10]"]],
  });
});
