import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import type { ProcessImplementation } from "../../../foundation/plan/process-table-function.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const input = schemaOf({ k: types.string(), v: types.bigint() });
const coded = schemaOf({ k: types.string(), op: types.string(), v: types.bigint() });

function nodeOf(
  implementation: ProcessImplementation,
  output: typeof input,
  partitionKeys: readonly number[] = [],
): ProcessTableFunctionNode {
  return {
    ...nodeBase(output),
    type: "ProcessTableFunction",
    function: "f",
    tables: [{ name: "input", fields: [], semantics: "set", partitionKeys, sort: [] }],
    arguments: [{ kind: "table", table: 0 }],
    uidArgument: null,
    onTime: [],
    implementation,
  };
}

const all = ["INSERT", "UPDATE_BEFORE", "UPDATE_AFTER", "DELETE"];
const changes = rows(["+I", "a", 1n], ["-U", "a", 1n], ["+U", "a", 2n], ["-D", null, 3n]);

test("TO_CHANGELOG: each change with its code, batches of insertions too", () => {
  runCase({
    node: nodeOf(
      { kind: "to-changelog", codes: all, fullDeletes: true },
      schemaOf({ op: types.string(false), k: types.string(), v: types.bigint() }),
    ),
    inputs: [input],
    events: [changes, rows(["+I", "b", null])],
    expected: [
      [
        "+I[INSERT, a, 1]",
        "+I[UPDATE_BEFORE, a, 1]",
        "+I[UPDATE_AFTER, a, 2]",
        "+I[DELETE, null, 3]",
      ],
      ["+I[INSERT, b, null]"],
    ],
  });
});

test("TO_CHANGELOG: keys first, deletions by key, changes without a code left out", () => {
  runCase({
    node: nodeOf(
      {
        kind: "to-changelog",
        codes: ["U", null, "U", "D"],
        fullDeletes: false,
        deleteKeeps: [1],
      },
      schemaOf({ v: types.bigint(), op: types.string(false), k: types.string() }),
      [1],
    ),
    inputs: [input],
    events: [changes, rows(["-U", "x", 1n]), rows(["-D", "y", 9n])],
    expected: [["+I[1, U, a]", "+I[2, U, a]", "+I[3, D, null]"], [], ["+I[9, D, null]"]],
    rescaleBy: [1],
  });
});

const kinds = { I: 0, B: 1, A: 2, D: 3 };

test("FROM_CHANGELOG: the code is the kind of the row", () => {
  runCase({
    node: nodeOf({ kind: "from-changelog", op: 1, kinds, skip: false }, input),
    inputs: [coded],
    events: [
      rows(
        ["+I", "a", "I", 1n],
        ["+I", "a", "B", 1n],
        ["+I", "a", "A", 2n],
        ["+I", "b", "D", null],
      ),
      rows(["+I", "c", "I", 3n]),
    ],
    expected: [["+I[a, 1]", "-U[a, 1]", "+U[a, 2]", "-D[b, null]"], ["+I[c, 3]"]],
  });
});

test("FROM_CHANGELOG: rows without a known code are skipped or refused, without their value", () => {
  const events = [rows(["+I", "a", "I", 1n], ["+I", "a", "?", 2n], ["+I", "a", null, 3n])];
  const node = (skip: boolean) => nodeOf({ kind: "from-changelog", op: 1, kinds, skip }, input);
  runCase({ node: node(true), inputs: [coded], events, expected: ["+I[a, 1]"] });
  assert.throws(
    () => runCase({ node: node(false), inputs: [coded], events, expected: [] }),
    (error: Error & { place?: { value?: string } }) =>
      /MR4160/.test((error as { code?: string }).code ?? "") &&
      !error.message.includes("?") &&
      error.place?.value === "'?'",
  );
  const none = [rows(["+I", "a", null, 1n])];
  assert.throws(() => runCase({ node: node(false), inputs: [coded], events: none, expected: [] }), {
    code: "MR4161",
  });
});
