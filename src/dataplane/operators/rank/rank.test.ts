import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { RankNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const input = schemaOf({ k: types.string(), v: types.int(), id: types.bigint() });
const ranked = schemaOf({
  k: types.string(),
  v: types.int(),
  id: types.bigint(),
  rank: types.bigint(false),
});

function rank(options: Partial<RankNode>): RankNode {
  const outputRankNumber = options.outputRankNumber ?? false;
  return {
    ...nodeBase(outputRankNumber ? ranked : input),
    type: "Rank",
    partitionKeys: [0],
    sort: [{ index: 1, descending: true, nullsFirst: false }],
    rankType: "ROW_NUMBER",
    rankStart: 1,
    rankEnd: 2,
    strategy: { kind: "append" },
    generateUpdateBefore: true,
    ...options,
    outputRankNumber,
  };
}

test("append without rank number: -D of the row that leaves, then +I", () => {
  runCase({
    node: rank({}),
    inputs: [input],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 5, 1], ["+I", "a", 3, 2]),
      rows(["+I", "a", 4, 3], ["+I", "b", 1, 4]),
      rows(["+I", "a", 4, 5], ["+I", "a", 9, 6]),
    ],
    expected: [
      ["+I[a, 5, 1]", "+I[a, 3, 2]"],
      ["-D[a, 3, 2]", "+I[a, 4, 3]", "+I[b, 1, 4]"],
      ["-D[a, 4, 3]", "+I[a, 9, 6]"],
    ],
  });
});

test("append with rank number: rows that shift are updated per rank", () => {
  runCase({
    node: rank({ outputRankNumber: true, rankEnd: 3 }),
    inputs: [input],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 5, 1], ["+I", "a", 3, 2]),
      rows(["+I", "a", 9, 3]),
      rows(["+I", "a", 7, 4]),
      rows(["+I", "a", 1, 5]),
    ],
    expected: [
      ["+I[a, 5, 1, 1]", "+I[a, 3, 2, 2]"],
      ["-U[a, 5, 1, 1]", "+U[a, 9, 3, 1]", "-U[a, 3, 2, 2]", "+U[a, 5, 1, 2]", "+I[a, 3, 2, 3]"],
      ["-U[a, 5, 1, 2]", "+U[a, 7, 4, 2]", "-U[a, 3, 2, 3]", "+U[a, 5, 1, 3]"],
      [],
    ],
  });
});

test("top 1 is updated in place, and without -U when nobody needs it", () => {
  runCase({
    node: rank({ rankEnd: 1, generateUpdateBefore: false }),
    inputs: [input],
    rescaleBy: [0],
    events: [rows(["+I", "a", 5, 1]), rows(["+I", "a", 5, 2], ["+I", "a", 6, 3])],
    expected: [["+I[a, 5, 1]"], ["+U[a, 6, 3]"]],
  });
});

test("retract with and without rank number", () => {
  const events = [
    rows(["+I", "a", 5, 1], ["+I", "a", 3, 2], ["+I", "a", 4, 3]),
    rows(["-D", "a", 5, 1]),
    rows(["-D", "a", 4, 3]),
    rows(["-U", "a", 3, 2], ["+U", "a", 8, 2]),
  ];
  runCase({
    node: rank({ strategy: { kind: "retract" } }),
    inputs: [input],
    rescaleBy: [0],
    events,
    expected: [
      ["+I[a, 5, 1]", "+I[a, 3, 2]", "-D[a, 3, 2]", "+I[a, 4, 3]"],
      ["-D[a, 5, 1]", "+I[a, 3, 2]"],
      ["-D[a, 4, 3]"],
      ["-D[a, 3, 2]", "+I[a, 8, 2]"],
    ],
  });
  runCase({
    node: rank({ strategy: { kind: "retract" }, outputRankNumber: true }),
    inputs: [input],
    rescaleBy: [0],
    events,
    expected: [
      ["+I[a, 5, 1, 1]", "+I[a, 3, 2, 2]", "-U[a, 3, 2, 2]", "+U[a, 4, 3, 2]"],
      ["-U[a, 5, 1, 1]", "+U[a, 4, 3, 1]", "-U[a, 4, 3, 2]", "+U[a, 3, 2, 2]"],
      ["-U[a, 4, 3, 1]", "+U[a, 3, 2, 1]", "-D[a, 3, 2, 2]"],
      ["-D[a, 3, 2, 1]", "+I[a, 8, 2, 1]"],
    ],
  });
});
