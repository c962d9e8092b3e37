import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { SortLimitNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  end,
  rows,
  runCase,
  runEvents,
} from "../../../../testkit/operator-harness/operator-case.ts";

const schema = schemaOf({ a: types.int(), b: types.string(), c: types.int() });
const node = (options: Partial<SortLimitNode> = {}): SortLimitNode => ({
  ...nodeBase(schema),
  type: "SortLimit",
  sort: [{ index: 0, descending: true, nullsFirst: false }],
  offset: 0,
  limit: 3,
  generateUpdateBefore: true,
  retract: false,
  ...options,
});

/** Flink's SortLimitRestoreTest, sort-limit-desc. */
test("stream: the changes of the first rows", () => {
  runCase({
    node: node(),
    inputs: [schema],
    events: [
      rows(["+I", 2, "a", 6], ["+I", 4, "b", 8], ["+I", 6, "c", 10], ["+I", 1, "a", 5]),
      rows(["+I", 3, "b", 7], ["+I", 5, "c", 9]),
      rows(["+I", 2, "a", 6], ["+I", 6, "c", 10], ["+I", 5, "c", 9]),
    ],
    expected: [
      ["+I[2, a, 6]", "+I[4, b, 8]", "+I[6, c, 10]"],
      ["-D[2, a, 6]", "+I[3, b, 7]", "-D[3, b, 7]", "+I[5, c, 9]"],
      ["-D[4, b, 8]", "+I[6, c, 10]"],
    ],
  });
});

test("batch: the final rows in order, with and without a limit", () => {
  const events = [rows(["+I", 2, "a", 6], ["+I", null, "b", 8]), rows(["+I", 6, "c", 10]), end];
  const sorted = ["+I[6, c, 10]", "+I[2, a, 6]", "+I[null, b, 8]"];
  const inputs = [schema];
  runCase({
    node: node({ limit: 1, offset: 1 }),
    inputs,
    mode: "batch",
    events,
    expected: sorted.slice(1, 2),
  });
  // A sort of everything is in no checkpoint: batch jobs begin anew.
  const all = runEvents({ node: node({ limit: -1 }), inputs, mode: "batch", events });
  assert.deepEqual(all.flat(), sorted);
});

test("a stream without a limit: all rows in order when it ends, those taken back left out", () => {
  runCase({
    node: node({ limit: -1, retract: true }),
    inputs: [schema],
    events: [
      rows(["+I", 2, "a", 6], ["+I", 4, "b", 8], ["+I", 6, "c", 10]),
      rows(["-U", 4, "b", 8], ["+U", 1, "b", 9], ["-D", 6, "c", 10]),
      end,
    ],
    expected: [[], [], ["+I[2, a, 6]", "+I[1, b, 9]"]],
  });
});

test("every type sorts by its order, both ways", () => {
  const types_ = {
    b: types.boolean(),
    y: types.tinyint(),
    l: types.bigint(),
    f: types.double(),
    s: types.string(),
    w: types.decimal(30, 0),
  };
  const wide = schemaOf(types_);
  const list: [boolean | null, number, bigint, number, string, bigint][] = [
    [null, -128, -(2n ** 63n), Number.NEGATIVE_INFINITY, "", -(2n ** 90n)],
    [false, -1, -1n, -0.5, "a", -1n],
    [true, 0, 0n, 0, "a\0", 0n],
    [true, 1, 1n, 1e300, "ab", 1n],
    [true, 127, 2n ** 62n, Number.NaN, "ä", 2n ** 90n],
  ];
  Object.keys(types_).forEach((name, index) => {
    for (const descending of [false, true]) {
      const shuffled = [3, 0, 4, 2, 1].map((at) => list[at]!);
      const harnessRows = shuffled.map((row) => ["+I", ...row] as const);
      const sort = [{ index, descending, nullsFirst: !descending }];
      // The first column has ties: they stay in order of arrival.
      const order = name === "b" ? [3, 4, 2] : [0, 1, 2, 3, 4];
      const expected =
        name === "b"
          ? descending
            ? [...order, 1, 0]
            : [0, 1, ...order]
          : descending
            ? order.toReversed()
            : order;
      const emitted = runEvents({
        node: { ...node({ limit: -1, sort }), output: wide },
        inputs: [wide],
        mode: "batch",
        events: [rows(...harnessRows), end],
      });
      const bytes = emitted.flat().map((text) => text.split(", ")[1]);
      assert.deepEqual(
        bytes,
        expected.map((at) => String(list[at]![1])),
        `${name} ${descending}`,
      );
    }
  });
});
