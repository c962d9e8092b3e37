/** State that expires: what operators show afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { ExecNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { OperatorHarness } from "../../../../testkit/operator-harness/operator-harness.ts";

const schema = schemaOf({ k: types.int(), v: types.string() });
const both = schemaOf({ k: types.int(), v: types.string(), k2: types.int(), v2: types.string() });
const HOUR = 3_600_000;

test("rows of a join side expire by that side's time", () => {
  const node: ExecNode = {
    ...nodeBase(both, { inputs: 2 }),
    type: "Join",
    joinType: "INNER",
    leftKeys: [0],
    rightKeys: [0],
    filterNulls: [true],
    left: { unique: "no-unique-key", stateTtlMs: HOUR },
    right: { unique: "no-unique-key", stateTtlMs: 10 * HOUR },
  };
  const harness = new OperatorHarness({ node, inputs: [schema, schema] });
  harness
    .time(1_000_000)
    .rows(0, [["+I", 1, "a"]])
    .rows(1, [["+I", 1, "x"]]);
  assert.deepEqual(harness.take(), ["+I[1, a, 1, x]"]);
  harness.time(1_000_000 + 2 * HOUR).rows(1, [["+I", 1, "y"]]);
  assert.deepEqual(harness.take(), []);
  harness.rows(0, [["+I", 1, "b"]]);
  assert.deepEqual(harness.take().sort(), ["+I[1, b, 1, x]", "+I[1, b, 1, y]"]);
});

test("a key of Top-N and of Deduplicate begins anew after its time", () => {
  const rank: ExecNode = {
    ...nodeBase(schema, { stateTtlMs: HOUR }),
    type: "Rank",
    partitionKeys: [0],
    sort: [{ index: 1, descending: true, nullsFirst: false }],
    rankType: "ROW_NUMBER",
    rankStart: 1,
    rankEnd: 2,
    outputRankNumber: false,
    strategy: { kind: "append" },
    generateUpdateBefore: true,
  };
  const deduplicate: ExecNode = {
    ...nodeBase(schema, { stateTtlMs: HOUR }),
    type: "Deduplicate",
    keys: [0],
    keepLast: false,
    time: { attribute: "PROCTIME", index: 1, type: types.timestampLtz(3) },
    generateUpdateBefore: true,
  };
  for (const node of [rank, deduplicate]) {
    const harness = new OperatorHarness({ node, inputs: [schema] });
    harness.time(1_000_000).rows(0, [["+I", 1, "z"]]);
    assert.deepEqual(harness.take(), ["+I[1, z]"], node.type);
    harness.time(1_000_000 + 2 * HOUR).rows(0, [["+I", 1, "a"]]);
    assert.deepEqual(harness.take(), ["+I[1, a]"], node.type);
  }
});
