import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { end, rows, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const input = schemaOf({ k: types.string(), v: types.int(), s: types.string() });
const output = schemaOf({
  k: types.string(),
  n: types.bigint(false),
  sum: types.int(),
  max: types.string(),
  d: types.bigint(false),
});

const aggregate = (
  name: string,
  args: number[],
  type: AggregateCall["type"],
  retract: boolean,
  distinct = false,
) => ({ function: name, args, filter: -1, distinct, retract, type, name }) satisfies AggregateCall;

const aggregates = (retract: boolean): AggregateCall[] => [
  aggregate("COUNT", [], types.bigint(false), retract),
  aggregate("SUM", [1], types.int(), retract),
  aggregate("MAX", [2], types.string(), retract),
  aggregate("COUNT", [1], types.bigint(false), retract, true),
];

function node(retract: boolean, options: Partial<GroupAggregateNode> = {}): GroupAggregateNode {
  return {
    ...nodeBase(output),
    type: "GroupAggregate",
    grouping: [0],
    aggregates: aggregates(retract),
    generateUpdateBefore: true,
    ...options,
  };
}
const perRow = { "table.exec.mini-batch.enabled": "false" };

test("row by row: every input row shows its own change", () => {
  runCase({
    node: node(true),
    inputs: [input],
    config: perRow,
    events: [
      rows(["+I", "a", 1, "x"], ["+I", "a", 1, "z"]),
      rows(["-D", "a", 1, "z"], ["+I", "b", null, null]),
      rows(["-D", "a", 1, "x"]),
    ],
    expected: [
      ["+I[a, 1, 1, x, 1]", "-U[a, 1, 1, x, 1]", "+U[a, 2, 2, z, 1]"],
      ["-U[a, 2, 2, z, 1]", "+U[a, 1, 1, x, 1]", "+I[b, 1, null, null, 0]"],
      ["-D[a, 1, 1, x, 1]"],
    ],
  });
});

test("folded: one change per key and batch", () => {
  runCase({
    node: node(false, { generateUpdateBefore: false }),
    inputs: [input],
    events: [
      rows(["+I", "a", 1, "x"], ["+I", "a", 2, "z"], ["+I", "b", 5, "q"]),
      rows(["+I", "a", 2, "y"], ["+I", "a", 3, "zz"]),
    ],
    expected: [["+I[a, 2, 3, z, 2]", "+I[b, 1, 5, q, 1]"], ["+U[a, 4, 8, zz, 3]"]],
  });
});

test("batch mode: final results only", () => {
  runCase({
    node: node(false),
    inputs: [input],
    mode: "batch",
    unordered: true,
    events: [
      rows(["+I", "a", 1, "x"], ["+I", "a", 2, "z"], ["+I", "b", 5, "q"]),
      rows(["+I", "a", 2, "y"], ["+I", "c", null, null]),
      end,
    ],
    expected: [[], [], ["+I[a, 3, 5, z, 2]", "+I[b, 1, 5, q, 1]", "+I[c, 1, null, null, 0]"]],
  });
});

test("batch mode without grouping: one row also for no input", () => {
  runCase({
    node: {
      ...node(false),
      grouping: [],
      output: schemaOf({
        n: types.bigint(false),
        sum: types.int(),
        max: types.string(),
        d: types.bigint(false),
      }),
    },
    inputs: [input],
    mode: "batch",
    events: [rows(), end],
    expected: [[], ["+I[0, null, null, 0]"]],
  });
});

test("DISTINCT values of groups with texts in their key: numbers of groups survive restores and rescales", () => {
  const values = schemaOf({
    k: types.string(),
    day: types.string(false),
    v: types.bigint(),
    s: types.string(),
    f: types.boolean(),
  });
  const count = (name: string, args: number[], filter = -1): AggregateCall => ({
    ...aggregate(name, args, types.bigint(false), false, true),
    function: "COUNT",
    filter,
  });
  runCase({
    node: {
      ...node(false, { generateUpdateBefore: false, grouping: [0, 1] }),
      aggregates: [count("v", [2]), count("filtered", [2], 4), count("s", [3], 4)],
      output: schemaOf({
        k: types.string(),
        day: types.string(false),
        v: types.bigint(false),
        filtered: types.bigint(false),
        s: types.bigint(false),
      }),
    },
    inputs: [values],
    rescaleBy: [0, 1],
    unordered: true,
    events: [
      rows(["+I", "a", "1", 7n, "x", true], ["+I", "b", "1", 7n, "x", false]),
      rows(["+I", "a", "2", 7n, null, true], ["+I", null, "1", null, "x", true]),
      rows(["+I", "a", "1", 7n, "x", true], ["+I", "b", "1", 7n, "x", true]),
      rows(["+I", "c", "1", 7n, "x", null], ["+I", "a", "1", 8n, "y", false]),
      rows(["+I", "a", "2", 7n, "", true], ["+I", null, "1", 0n, "x", true]),
    ],
    expected: [
      ["+I[a, 1, 1, 1, 1]", "+I[b, 1, 1, 0, 0]"],
      ["+I[a, 2, 1, 1, 0]", "+I[null, 1, 0, 0, 1]"],
      ["+U[b, 1, 1, 1, 1]"],
      ["+I[c, 1, 1, 0, 0]", "+U[a, 1, 2, 1, 1]"],
      ["+U[a, 2, 1, 1, 1]", "+U[null, 1, 1, 1, 1]"],
    ],
  });
});
