import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { ChangelogNormalizeNode } from "../../../foundation/plan/exec-node.ts";
import { call, input as field, literal } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const input = schemaOf({ k: types.int(false), v: types.int() });
const node = (options: Partial<ChangelogNormalizeNode> = {}): ChangelogNormalizeNode => ({
  ...nodeBase(input),
  type: "ChangelogNormalize",
  uniqueKey: [0],
  generateUpdateBefore: true,
  ...options,
});

test("upserts become full changes; a key-only delete emits the kept row", () => {
  runCase({
    node: node(),
    inputs: [input],
    events: [
      rows(["+U", 1, 10], ["+I", 2, 20]),
      rows(["+U", 1, 11], ["+U", 2, 20]),
      rows(["-D", 1, null], ["-D", 3, null]),
      rows(["+I", 1, 5]),
    ],
    expected: [["+I[1, 10]", "+I[2, 20]"], ["-U[1, 10]", "+U[1, 11]"], ["-D[1, 11]"], ["+I[1, 5]"]],
  });
});

test("rows that do not pass the condition count as deleted; equal rows are emitted with a TTL", () => {
  const condition = call(
    "GREATER_THAN",
    [field(1, types.int()), literal(10, types.int(false))],
    types.boolean(),
  );
  runCase({
    node: node({ condition }),
    inputs: [input],
    events: [
      rows(["+I", 1, 11], ["+I", 2, 1]),
      rows(["+U", 1, 2]),
      rows(["+U", 1, 20], ["+U", 1, null]),
    ],
    expected: [["+I[1, 11]"], ["-D[1, 11]"], ["+I[1, 20]", "-D[1, 20]"]],
  });
  runCase({
    node: node({ stateTtlMs: 60_000, generateUpdateBefore: false }),
    inputs: [input],
    events: [rows(["+I", 1, 11]), rows(["+U", 1, 11])],
    expected: [["+I[1, 11]"], ["+U[1, 11]"]],
  });
});
