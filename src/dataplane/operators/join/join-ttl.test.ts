import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { JoinNode, JoinSideSpec, JoinType } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  type HarnessEvent,
  left,
  right,
  runCase,
  time,
} from "../../../../testkit/operator-harness/operator-case.ts";

const l = schemaOf({ k: types.int(), v: types.string() });
const r = schemaOf({ k2: types.int(), w: types.string() });
const both = { fields: [...l.fields, ...r.fields] };
const TTL_MS = 10_000;

function check(options: {
  readonly joinType: JoinType;
  readonly left?: JoinSideSpec;
  readonly right?: JoinSideSpec;
  readonly events: readonly HarnessEvent[];
  readonly expected: readonly (readonly string[])[];
}): void {
  const { joinType, events, expected } = options;
  const semi = joinType === "SEMI" || joinType === "ANTI";
  const node: JoinNode = {
    ...nodeBase(semi ? l : both, { inputs: 2 }),
    type: "Join",
    joinType,
    leftKeys: [0],
    rightKeys: [0],
    filterNulls: [true],
    left: options.left ?? { unique: "no-unique-key", stateTtlMs: TTL_MS },
    right: options.right ?? { unique: "no-unique-key", stateTtlMs: TTL_MS },
  };
  runCase({ node, inputs: [l, r], unordered: true, rescaleBy: [0], events, expected });
}

test("each row of a key goes by itself", () => {
  check({
    joinType: "INNER",
    events: [
      time(1_000),
      left(["+I", 1, "a"]),
      time(9_000),
      left(["+I", 1, "b"]),
      time(11_000),
      right(["+I", 1, "x"]),
      time(12_000),
      right(["+I", 1, "y"]),
      time(20_000),
      right(["+I", 1, "z"]),
    ],
    expected: [
      [],
      [],
      [],
      [],
      [],
      ["+I[1, a, 1, x]", "+I[1, b, 1, x]"],
      [],
      ["+I[1, b, 1, y]"],
      [],
      [],
    ],
  });
});

test("the sides have TTLs of their own: 0 is for ever", () => {
  check({
    joinType: "INNER",
    left: { unique: "no-unique-key", stateTtlMs: 0 },
    events: [
      time(1_000),
      left(["+I", 1, "a"]),
      right(["+I", 1, "x"]),
      time(100_000),
      right(["+I", 1, "y"]),
      left(["+I", 1, "b"]),
      time(200_000),
      left(["+I", 1, "c"]),
    ],
    expected: [[], [], ["+I[1, a, 1, x]"], [], ["+I[1, a, 1, y]"], ["+I[1, b, 1, y]"], [], []],
  });
});

test("LEFT: a row that finds a match lives on from then", () => {
  check({
    joinType: "LEFT",
    events: [
      time(1_000),
      left(["+I", 1, "a"]),
      time(9_000),
      right(["+I", 1, "x"]),
      time(18_000),
      right(["+I", 1, "y"]),
      time(40_000),
      right(["+I", 1, "z"]),
    ],
    expected: [
      [],
      ["+I[1, a, null, null]"],
      [],
      ["-D[1, a, null, null]", "+I[1, a, 1, x]"],
      [],
      ["+I[1, a, 1, y]"],
      [],
      [],
    ],
  });
});

test("rows told apart by a unique key: one that has gone is taken back by nobody", () => {
  const unique: JoinSideSpec = { unique: "has-unique-key", uniqueKey: [1], stateTtlMs: TTL_MS };
  check({
    joinType: "INNER",
    left: unique,
    right: { unique: "join-key-unique", stateTtlMs: TTL_MS },
    events: [
      time(1_000),
      left(["+I", 1, "a"]),
      time(9_000),
      left(["+I", 1, "b"]),
      right(["+I", 1, "x"]),
      time(12_000),
      right(["+U", 1, "y"]),
      left(["-D", 1, "a"]),
      time(23_000),
      left(["+I", 1, "c"]),
    ],
    expected: [
      [],
      [],
      [],
      [],
      ["+I[1, a, 1, x]", "+I[1, b, 1, x]"],
      [],
      ["+U[1, b, 1, y]"],
      ["-D[1, a, 1, y]"],
      [],
      [],
    ],
  });
});

test("SEMI: matches keep a row, no match is none", () => {
  check({
    joinType: "SEMI",
    events: [
      time(1_000),
      left(["+I", 1, "a"]),
      time(5_000),
      right(["+I", 1, "x"]),
      time(16_000),
      left(["+I", 1, "b"]),
      right(["+I", 1, "y"]),
    ],
    expected: [[], [], [], ["+I[1, a]"], [], [], ["+I[1, b]"]],
  });
});
