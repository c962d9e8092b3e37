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

test("CURRENT_WATERMARK: NULL before the first, then the one that was passed on", () => {
  const ts = types.timestamp(3);
  const events = schemaOf({ ts });
  runCase({
    node: {
      ...nodeBase(schemaOf({ w: ts })),
      type: "Calc",
      projection: [call("CURRENT_WATERMARK", [field(0, ts)], ts)],
    } as CalcNode,
    inputs: [events],
    events: [rows(["+I", 5]), watermark(3), rows(["+I", 9], ["+I", null])],
    expected: [
      ["+I[null]"],
      ["watermark 3"],
      ["+I[1970-01-01T00:00:00.003]", "+I[1970-01-01T00:00:00.003]"],
    ],
  });
});
