import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { JoinSideSpec, MultiJoinNode } from "../../../foundation/plan/exec-node.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  type HarnessEvent,
  runCase,
  time,
} from "../../../../testkit/operator-harness/operator-case.ts";
import {
  type HarnessRow,
  OperatorHarness,
} from "../../../../testkit/operator-harness/operator-harness.ts";

const inputs = ["a", "b", "c"].map((name) =>
  schemaOf({ [name]: types.int(), [`${name}v`]: types.string() }),
);
const output = { fields: inputs.flatMap(({ fields }) => fields) };
const of = (index: number, ...list: readonly HarnessRow[]): HarnessEvent => ({
  input: index,
  rows: list,
});
const equals = (a: number, b: number) =>
  call("EQUALS", [input(a, types.int()), input(b, types.int())], types.boolean());
const NO_KEY: JoinSideSpec = { unique: "no-unique-key" };

function multiJoin(
  joinTypes: MultiJoinNode["joinTypes"],
  options: Partial<MultiJoinNode> = {},
): MultiJoinNode {
  return {
    ...nodeBase(output, { inputs: 3 }),
    type: "MultiJoin",
    joinTypes,
    keys: [[0], [0], [0]],
    conditions: [equals(0, 2), equals(0, 4)],
    sides: [NO_KEY, NO_KEY, NO_KEY],
    ...options,
  };
}

test("INNER: rows carry the kind of the row that came, and NULL matches nothing", () => {
  runCase({
    node: multiJoin(["INNER", "INNER"]),
    inputs,
    rescaleBy: [0],
    events: [
      of(0, ["+I", 1, "a"], ["+I", null, "n"]),
      of(1, ["+I", 1, "b"], ["+I", null, "n"]),
      of(2, ["+I", 1, "c"], ["+I", null, "n"], ["+I", 1, "d"]),
      of(1, ["-U", 1, "b"], ["+U", 1, "B"]),
      of(0, ["-D", 1, "a"]),
    ],
    expected: [
      [],
      [],
      ["+I[1, a, 1, b, 1, c]", "+I[1, a, 1, b, 1, d]"],
      [
        "-U[1, a, 1, b, 1, c]",
        "-U[1, a, 1, b, 1, d]",
        "+U[1, a, 1, B, 1, c]",
        "+U[1, a, 1, B, 1, d]",
      ],
      ["-D[1, a, 1, B, 1, c]", "-D[1, a, 1, B, 1, d]"],
    ],
  });
});

test("LEFT: what is padded goes with the first match and comes again behind the last", () => {
  runCase({
    node: multiJoin(["LEFT", "LEFT"], { conditions: [equals(0, 2), equals(2, 4)] }),
    inputs,
    rescaleBy: [0],
    events: [
      of(0, ["+I", 1, "a"], ["+I", null, "n"]),
      of(2, ["+I", 1, "c"]),
      of(1, ["+I", 1, "b"], ["+I", 1, "B"]),
      of(1, ["-D", 1, "b"], ["-D", 1, "B"]),
      of(0, ["-D", null, "n"]),
    ],
    expected: [
      ["+I[1, a, null, null, null, null]", "+I[null, n, null, null, null, null]"],
      [],
      ["-D[1, a, null, null, null, null]", "+I[1, a, 1, b, 1, c]", "+I[1, a, 1, B, 1, c]"],
      ["-D[1, a, 1, b, 1, c]", "-D[1, a, 1, B, 1, c]", "+I[1, a, null, null, null, null]"],
      ["-D[null, n, null, null, null, null]"],
    ],
  });
});

test("LEFT with a condition beside the key: a row that does not match takes nothing back", () => {
  const less = call(
    "LESS_THAN",
    [input(1, types.string()), input(3, types.string())],
    types.boolean(),
  );
  runCase({
    node: multiJoin(["LEFT", "INNER"], {
      conditions: [call("AND", [equals(0, 2), less], types.boolean()), equals(0, 4)],
    }),
    inputs,
    rescaleBy: [0],
    events: [
      of(2, ["+I", 1, "c"]),
      of(0, ["+I", 1, "m"]),
      of(1, ["+I", 1, "a"], ["+I", 1, "x"], ["+I", 1, "z"], ["-D", 1, "x"]),
      of(1, ["-D", 1, "z"]),
      of(1, ["-D", 1, "y"]),
    ],
    expected: [
      [],
      ["+I[1, m, null, null, 1, c]"],
      [
        "-D[1, m, null, null, 1, c]",
        "+I[1, m, 1, x, 1, c]",
        "+I[1, m, 1, z, 1, c]",
        "-D[1, m, 1, x, 1, c]",
      ],
      ["-D[1, m, 1, z, 1, c]", "+I[1, m, null, null, 1, c]"],
      ["-D[1, m, 1, y, 1, c]"],
    ],
  });
});

test("a unique input replaces rows by its key; a deletion of an unseen row brings nothing padded", () => {
  const unique: JoinSideSpec = { unique: "join-key-unique" };
  runCase({
    node: multiJoin(["LEFT", "LEFT"], { sides: [NO_KEY, unique, unique] }),
    inputs,
    events: [
      of(0, ["+I", 1, "a"]),
      of(1, ["+I", 1, "b"], ["+U", 1, "B"]),
      of(2, ["-D", 1, "c"]),
      of(1, ["-D", 1, "B"]),
    ],
    expected: [
      ["+I[1, a, null, null, null, null]"],
      [
        "-D[1, a, null, null, null, null]",
        "+I[1, a, 1, b, null, null]",
        "+U[1, a, 1, B, null, null]",
      ],
      ["-D[1, a, 1, B, 1, c]"],
      ["-D[1, a, 1, B, null, null]", "+I[1, a, null, null, null, null]"],
    ],
  });
});

test("each input's rows go after its own TTL", () => {
  runCase({
    node: multiJoin(["INNER", "LEFT"], {
      sides: [NO_KEY, NO_KEY, { ...NO_KEY, stateTtlMs: 10_000 }],
    }),
    inputs,
    events: [
      time(1_000),
      of(0, ["+I", 1, "a"]),
      of(2, ["+I", 1, "c"]),
      time(5_000),
      of(1, ["+I", 1, "b"]),
      time(30_000),
      of(1, ["+I", 1, "B"]),
      of(2, ["+I", 1, "d"]),
    ],
    expected: [
      [],
      [],
      [],
      [],
      ["+I[1, a, 1, b, 1, c]"],
      [],
      ["+I[1, a, 1, B, null, null]"],
      [
        "-D[1, a, 1, b, null, null]",
        "+I[1, a, 1, b, 1, d]",
        "-D[1, a, 1, B, null, null]",
        "+I[1, a, 1, B, 1, d]",
      ],
    ],
  });
});

test("a key with half of all rows: results come in batches, each row once", () => {
  const node = multiJoin(["INNER", "LEFT"]);
  const harness = new OperatorHarness({ node, inputs });
  const rows = (name: string, count: number) =>
    Array.from({ length: count }, (_, i): HarnessRow => ["+I", i % 2 === 0 ? 0 : i, `${name}${i}`]);
  for (const index of [0, 1]) harness.rows(index, rows("r", 60));
  harness.take();
  const seen = harness.rows(2, rows("c", 40)).take();
  // 30 · 30 pairs of the hot key, each padded once and joined 20 times; 20 other keys.
  const [taken, given] = ["-D", "+I"].map((kind) => seen.filter((row) => row.startsWith(kind)));
  assert.equal(taken!.length, 900 + 20);
  assert.equal(given!.length, 900 * 20 + 20);
  assert.equal(new Set(given).size, given!.length);
  const gone = harness
    .rows(
      0,
      rows("r", 60).map(([, ...row]): HarnessRow => ["-D", ...row] as HarnessRow),
    )
    .take();
  assert.equal(gone.length, 900 * 20 + 30);
  harness.close();
});
