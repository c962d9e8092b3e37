/** Aggregate functions of the user, with restore at every step and rescaled (runCase). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import {
  referenceText,
  type UserAggregateFunction,
} from "../../../foundation/plan/user-function.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase } from "../../../../testkit/operator-harness/operator-case.ts";

const input = schemaOf({
  k: types.string(),
  s: types.string(),
  d: types.decimal(30, 2),
  t: types.timestamp(9),
  ok: types.boolean(),
});
const texts: LogicalType = types.array(types.string());
type Texts = (string | null)[];

const shown = (args: readonly unknown[]) =>
  JSON.stringify(args, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part));

/** All that it was given, as texts, behind a NULL. */
const gathered: UserAggregateFunction = {
  kind: "aggregate",
  signatures: [
    { args: ["STRING", "DECIMAL(30, 2)", "TIMESTAMP(9)", "BOOLEAN"], returns: "STRING" },
  ],
  accumulator: "ARRAY<STRING>",
  create: () => [null],
  accumulate: (all: Texts, ...args: unknown[]) => {
    all.push(shown(args));
  },
  retract: (all: Texts, ...args: unknown[]) => {
    const at = all.indexOf(shown(args));
    return all.filter((_, i) => i !== at);
  },
  value: (all: Texts) => (all.length === 1 ? null : all.join(";")),
};
const { retract: _, ...appended } = gathered;

function node(retract: boolean): GroupAggregateNode {
  const name = referenceText({
    name: "gathered",
    module: "/functions#1.ts",
    export: "gathered",
    deterministic: true,
    accumulator: texts,
  });
  const type = types.string();
  const call = { function: name, args: [1, 2, 3, 4], filter: -1, distinct: false, name: "g" };
  return {
    ...nodeBase(schemaOf({ k: types.string(), g: type })),
    type: "GroupAggregate",
    grouping: [0],
    aggregates: [{ ...call, type, retract }],
    generateUpdateBefore: false,
  };
}

const A = ["a", "x", -150n, [1577836800000n, 7n], true] as const;
const A_TEXT = '["x",{"unscaled":"-150","scale":2},{"millis":1577836800000,"nanos":7},true]';
const NULLS = "[null,null,null,null]";

test("arguments of every width, NULLs, rows taken back", () => {
  runCase({
    node: node(true),
    inputs: [input],
    rescaleBy: [0],
    userFunction: () => gathered,
    events: [
      rows(["+I", ...A], ["+I", "b", null, null, null, null]),
      rows(["+I", "a", null, null, null, null]),
      rows(["-D", ...A], ["+I", "b", "", null, null, false]),
    ],
    expected: [
      [`+I[a, ;${A_TEXT}]`, `+I[b, ;${NULLS}]`],
      [`+U[a, ;${A_TEXT};${NULLS}]`],
      [`+U[a, ;${NULLS}]`, `+U[b, ;${NULLS};["",null,null,false]]`],
    ],
  });
});

test("without retract() rows are added alone", () => {
  const one = (retract: boolean) =>
    runCase({
      node: node(retract),
      inputs: [input],
      userFunction: () => appended,
      events: [rows(["+I", "b", null, null, null, null])],
      expected: [[`+I[b, ;${NULLS}]`]],
    });
  one(false);
  assert.throws(() => one(true), { code: "MR4105", message: /gathered .* it has no retract\(\)/ });
});
