import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { CalcNode } from "../../../foundation/plan/exec-node.ts";
import { call, input as field, literal } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase, watermark } from "../../../../testkit/operator-harness/operator-case.ts";

const input = schemaOf({ a: types.int(), b: types.string() });
const one = literal(1, types.int(false));

test("projects what passes the condition and carries its kind; watermarks go through", () => {
  const a = field(0, types.int());
  const node: CalcNode = {
    ...nodeBase(schemaOf({ b: types.string(), c: types.int() })),
    type: "Calc",
    projection: [field(1, types.string()), call("PLUS", [a, one], types.int())],
    condition: call("GREATER_THAN", [a, one], types.boolean()),
  };
  runCase({
    node,
    inputs: [input],
    events: [
      rows(["+I", 1, "x"], ["-U", 2, "y"], ["+U", 3, null], ["-D", null, "z"]),
      watermark(7),
      rows(["+I", 0, "none"]),
    ],
    expected: [["-U[y, 3]", "+U[null, 4]"], ["watermark 7"], []],
  });
});
