import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { end, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

test("constants of every elementary type, and rows within rows", () => {
  const output = schemaOf({
    b: types.boolean(),
    i: types.int(),
    l: types.bigint(),
    d: types.decimal(10, 2),
    w: types.decimal(30, 3),
    f: types.double(),
    s: types.string(),
    x: types.bytes(),
    t: types.timestamp(3),
    u: types.timestamp(9),
    r: types.row([
      { name: "a", type: types.int() },
      { name: "b", type: types.string() },
    ]),
  });
  const time = { millis: 1_001, nanos: 0 };
  runCase({
    node: {
      ...nodeBase(output, { inputs: 0 }),
      type: "Values",
      rows: [
        [
          true,
          1,
          "-9007199254740993",
          "1.50",
          "-12345678901234567890.125",
          2.5,
          "ä",
          "00ff",
          time,
          { millis: -1, nanos: 7 },
          [1, "n"],
        ],
        [null, null, null, null, null, null, null, null, null, null, null],
      ],
    },
    inputs: [],
    events: [end],
    expected: [
      "+I[true, 1, -9007199254740993, 1.50, -12345678901234567890.125, 2.5, ä, [0, -1], 1970-01-01T00:00:01.001, 1969-12-31T23:59:59.999000007, +I[1, n]]",
      "+I[null, null, null, null, null, null, null, null, null, null, null]",
    ],
  });
});
