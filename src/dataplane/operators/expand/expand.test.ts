import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { ExpandNode } from "../../../foundation/plan/exec-node.ts";
import { input as field, literal } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

test("one row per projection, kinds carried", () => {
  const input = schemaOf({ a: types.string() });
  const set = (id: string) => literal(id, types.bigint(false));
  const node: ExpandNode = {
    ...nodeBase(schemaOf({ a: types.string(), e: types.bigint(false) })),
    type: "Expand",
    projections: [
      [field(0, types.string()), set("0")],
      [literal(null, types.string()), set("1")],
    ],
  };
  runCase({
    node,
    inputs: [input],
    events: [rows(["+I", "x"], ["-D", "y"])],
    expected: ["+I[x, 0]", "-D[y, 0]", "+I[null, 1]", "-D[null, 1]"],
  });
});
