import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { ReplicateRowsNode } from "../../../foundation/plan/exec-node.ts";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { OperatorHarness } from "../../../../testkit/operator-harness/operator-harness.ts";
import { rows, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const counted = schemaOf({ n: types.bigint(), s: types.string() });
const output = schemaOf({ n: types.bigint(), s: types.string(), s0: types.string() });
const node: ReplicateRowsNode = {
  ...nodeBase(output),
  type: "ReplicateRows",
  count: 0,
  fields: [1],
};

test("each row as often as its number says, with its kind", () => {
  runCase({
    node,
    inputs: [counted],
    events: [
      rows(["+I", 2, "a"], ["+I", 0, "b"], ["+I", null, "c"]),
      rows(["-U", 2, "a"], ["+U", 1, "a"], ["+I", -3, "d"]),
    ],
    expected: [
      ["+I[2, a, a]", "+I[2, a, a]"],
      ["-U[2, a, a]", "-U[2, a, a]", "+U[1, a, a]"],
    ],
  });
});

test("more copies than a batch holds", () => {
  const harness = new OperatorHarness({ node, inputs: [counted] });
  harness.rows(0, [
    ["+I", 10_000, "a"],
    ["+I", 1, "b"],
  ]);
  const emitted = harness.take();
  assert.equal(emitted.length, 10_001);
  assert.equal(emitted.at(-1), "+I[1, b, b]");
  harness.close();
});

for (const [sql, expected] of [
  ["SELECT x FROM a INTERSECT ALL SELECT x FROM b", ["+I[1]", "+I[1]", "+I[null]"]],
  ["SELECT x FROM a EXCEPT ALL SELECT x FROM b", ["+I[1]", "+I[3]"]],
  ["SELECT x FROM b EXCEPT ALL SELECT x FROM a", ["+I[2]", "+I[null]"]],
  ["SELECT x FROM a INTERSECT ALL SELECT x FROM b INTERSECT ALL SELECT 1", ["+I[1]"]],
] as const)
  for (const batch of [true, false])
    test(`${sql}, ${batch ? "batch" : "streaming"}`, async () => {
      const engine = new Engine({ batch });
      engine.execute(
        "CREATE VIEW a AS SELECT * FROM (VALUES (1), (1), (1), (3), (CAST(NULL AS INT))) AS v(x)",
      );
      engine.execute(
        "CREATE VIEW b AS SELECT * FROM (VALUES (1), (2), (CAST(NULL AS INT)), (1), (CAST(NULL AS INT))) AS v(x)",
      );
      const answer = await engine.query(sql);
      const left = new Map<string, number>();
      for (const { text } of answer.rows) {
        const row = `+I${text.slice(2)}`;
        left.set(row, (left.get(row) ?? 0) + (text.startsWith("+") ? 1 : -1));
      }
      const final = [...left].flatMap(([row, n]) => Array.from({ length: n }, () => row));
      assert.deepEqual(final.sort(), expected);
    });
