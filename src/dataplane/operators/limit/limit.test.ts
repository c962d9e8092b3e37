import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { LimitNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const schema = schemaOf({ a: types.int(), s: types.string() });
const limit = (options: Partial<LimitNode>): LimitNode => ({
  ...nodeBase(schema),
  type: "Limit",
  offset: 0,
  limit: 2,
  generateUpdateBefore: true,
  retract: false,
  ...options,
});

test("the first rows after the offset, over batches and restores", () => {
  runCase({
    node: limit({ offset: 1, limit: 3 }),
    inputs: [schema],
    events: [
      rows(["+I", 1, "a"], ["+I", 2, "b"]),
      rows(["+I", 3, "c"]),
      rows(["+I", 4, "d"], ["+I", 5, "e"]),
      rows(["+I", 6, "f"]),
    ],
    expected: [["+I[2, b]"], ["+I[3, c]"], ["+I[4, d]"], []],
  });
});

test("a row that is taken back is replaced by the next", () => {
  runCase({
    node: limit({ retract: true }),
    inputs: [schema],
    events: [
      rows(["+I", 1, "a"], ["+I", 2, "b"], ["+I", 3, "c"]),
      rows(["-D", 1, "a"]),
      rows(["-D", 2, "b"]),
    ],
    expected: [["+I[1, a]", "+I[2, b]"], ["-D[1, a]", "+I[3, c]"], ["-D[2, b]"]],
  });
});
