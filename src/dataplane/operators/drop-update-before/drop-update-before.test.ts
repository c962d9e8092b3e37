import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const schema = schemaOf({ a: types.int(), s: types.string() });

test("-U is left out, the rest stays in order", () => {
  runCase({
    node: { ...nodeBase(schema), type: "DropUpdateBefore" },
    inputs: [schema],
    events: [
      rows(["+I", 1, "a"], ["-U", 1, "a"], ["+U", 2, null], ["-D", 2, null]),
      rows(["-U", 3, "x"]),
      rows(["+I", 4, "y"]),
    ],
    expected: [["+I[1, a]", "+U[2, null]", "-D[2, null]"], [], ["+I[4, y]"]],
  });
});
