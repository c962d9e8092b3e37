import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { JoinNode } from "../../../foundation/plan/exec-node.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { end, left, right, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const l = schemaOf({ k: types.int(), v: types.string() });
const r = schemaOf({ k2: types.int(false), w: types.string() });
const both = schemaOf({ k: types.int(), v: types.string(), k2: types.int(), w: types.string() });

function join(options: Partial<JoinNode>): JoinNode {
  const joinType = options.joinType ?? "INNER";
  return {
    ...nodeBase(joinType === "SEMI" || joinType === "ANTI" ? l : both, { inputs: 2 }),
    type: "Join",
    leftKeys: [0],
    rightKeys: [0],
    filterNulls: [true],
    left: { unique: "no-unique-key" },
    right: { unique: "no-unique-key" },
    ...options,
    joinType,
  };
}

test("INNER: carries the kind of the row that came", () => {
  runCase({
    node: join({}),
    inputs: [l, r],
    events: [
      left(["+I", 1, "a"], ["+I", 2, "b"], ["+I", null, "n"]),
      right(["+I", 1, "x"], ["+I", 1, "y"]),
      left(["-U", 1, "a"], ["+U", 1, "c"]),
      right(["-D", 1, "x"]),
    ],
    expected: [
      [],
      ["+I[1, a, 1, x]", "+I[1, a, 1, y]"],
      ["-U[1, a, 1, x]", "-U[1, a, 1, y]", "+U[1, c, 1, x]", "+U[1, c, 1, y]"],
      ["-D[1, c, 1, x]"],
    ],
  });
});

test("LEFT: rows without a match are padded until one comes", () => {
  runCase({
    node: join({ joinType: "LEFT" }),
    inputs: [l, r],
    events: [
      left(["+I", 1, "a"], ["+I", null, "n"]),
      right(["+I", 1, "x"], ["+I", 1, "y"]),
      right(["-D", 1, "x"]),
      right(["-D", 1, "y"]),
      left(["-D", 1, "a"], ["-D", null, "n"]),
    ],
    expected: [
      ["+I[1, a, null, null]", "+I[null, n, null, null]"],
      ["-D[1, a, null, null]", "+I[1, a, 1, x]", "+I[1, a, 1, y]"],
      ["-D[1, a, 1, x]"],
      ["-D[1, a, 1, y]", "+I[1, a, null, null]"],
      ["-D[1, a, null, null]", "-D[null, n, null, null]"],
    ],
  });
});

test("FULL with a condition over both sides", () => {
  const condition = call(
    "LESS_THAN",
    [input(1, types.string()), input(3, types.string())],
    types.boolean(),
  );
  runCase({
    node: join({ joinType: "FULL", condition }),
    inputs: [l, r],
    events: [
      left(["+I", 1, "m"]),
      right(["+I", 1, "a"], ["+I", 1, "z"], ["+I", 1, null]),
      left(["+I", 1, "b"]),
      left(["-D", 1, "m"]),
    ],
    expected: [
      ["+I[1, m, null, null]"],
      ["+I[null, null, 1, a]", "-D[1, m, null, null]", "+I[1, m, 1, z]", "+I[null, null, 1, null]"],
      ["+I[1, b, 1, z]"],
      ["-D[1, m, 1, z]"],
    ],
  });
});

test("SEMI and ANTI follow the first and the last match", () => {
  const events = [
    left(["+I", 1, "a"], ["+I", 2, "b"], ["+I", null, "n"]),
    right(["+I", 1, "x"], ["+I", 1, "y"]),
    right(["-D", 1, "x"]),
    right(["-D", 1, "y"]),
    right(["+I", 2, "z"]),
    left(["-D", 2, "b"], ["+I", 2, "c"], ["-D", null, "n"]),
  ];
  runCase({
    node: join({ joinType: "SEMI" }),
    inputs: [l, r],
    events,
    expected: [[], ["+I[1, a]"], [], ["-D[1, a]"], ["+I[2, b]"], ["-D[2, b]", "+I[2, c]"]],
  });
  runCase({
    node: join({ joinType: "ANTI" }),
    inputs: [l, r],
    events,
    expected: [
      ["+I[1, a]", "+I[2, b]", "+I[null, n]"],
      ["-D[1, a]"],
      [],
      ["+I[1, a]"],
      ["-D[2, b]"],
      ["-D[null, n]"],
    ],
  });
});

test("a unique side replaces rows by its key, and their matches are counted once", () => {
  runCase({
    node: join({ joinType: "LEFT", right: { unique: "join-key-unique" } }),
    inputs: [l, r],
    events: [
      left(["+I", 1, "a"]),
      right(["+I", 1, "x"]),
      right(["+U", 1, "y"]),
      right(["-D", 1, "y"]),
    ],
    expected: [
      ["+I[1, a, null, null]"],
      ["-D[1, a, null, null]", "+I[1, a, 1, x]"],
      ["+I[1, a, 1, y]"],
      ["-D[1, a, 1, y]", "+I[1, a, null, null]"],
    ],
  });
  runCase({
    node: join({ left: { unique: "has-unique-key", uniqueKey: [1] } }),
    inputs: [l, r],
    events: [
      left(["+I", 1, "a"], ["+I", 1, "b"], ["+I", 1, "a"]),
      right(["+I", 1, "x"]),
      left(["-D", 1, "a"]),
      right(["+I", 1, "y"]),
    ],
    unordered: true,
    expected: [[], ["+I[1, a, 1, x]", "+I[1, b, 1, x]"], ["-D[1, a, 1, x]"], ["+I[1, b, 1, y]"]],
  });
});

test("without keys every pair is a candidate; batch mode emits no retractions", () => {
  runCase({
    node: join({ leftKeys: [], rightKeys: [], filterNulls: [] }),
    inputs: [l, r],
    events: [left(["+I", 1, "a"], ["+I", 2, "b"]), right(["+I", 3, "x"])],
    expected: [[], ["+I[1, a, 3, x]", "+I[2, b, 3, x]"]],
  });
  runCase({
    node: join({ joinType: "FULL" }),
    inputs: [l, r],
    mode: "batch",
    unordered: true,
    events: [
      left(["+I", 1, "a"], ["+I", 2, "b"], ["+I", null, "n"]),
      right(["+I", 1, "x"], ["+I", 4, "y"]),
      end,
    ],
    expected: [
      [],
      ["+I[1, a, 1, x]"],
      ["+I[2, b, null, null]", "+I[null, n, null, null]", "+I[null, null, 4, y]"],
    ],
  });
  runCase({
    node: join({ joinType: "ANTI" }),
    inputs: [l, r],
    mode: "batch",
    unordered: true,
    events: [right(["+I", 1, "x"]), left(["+I", 1, "a"], ["+I", 2, "b"]), end],
    expected: [[], [], ["+I[2, b]"]],
  });
});
