import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { left, right, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const schema = schemaOf({ a: types.int() });

test("rows of all inputs, as they come", () => {
  runCase({
    node: { ...nodeBase(schema, { inputs: 2 }), type: "Union" },
    inputs: [schema, schema],
    events: [left(["+I", 1]), right(["-D", 1], ["+I", 2])],
    expected: [["+I[1]"], ["-D[1]", "+I[2]"]],
  });
});
