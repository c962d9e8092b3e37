/** Multi-way joins against a naive model: nested loops over what the inputs hold; restored at random boundaries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { JoinInputUnique, MultiJoinNode } from "../../../foundation/plan/exec-node.ts";
import { call, type Expression, input } from "../../../foundation/plan/expression.ts";
import {
  ChangelogTable,
  seededRandom,
  testSeed,
} from "../../../../testkit/operator-harness/changelog-table.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  type HarnessRow,
  OperatorHarness,
} from "../../../../testkit/operator-harness/operator-harness.ts";

const INPUTS = 4;
const WIDTH = 3;
const BATCHES = 30;
const side = schemaOf({ k: types.string(), v: types.int(), u: types.bigint() });
const output = {
  fields: Array.from({ length: INPUTS }, (_, i) =>
    side.fields.map(({ name, type }) => ({ name: `${name}${i}`, type })),
  ).flat(),
};

interface Row {
  readonly k: string | null;
  readonly v: number | null;
  readonly u: number;
}
type Shape = Pick<MultiJoinNode, "joinTypes"> & {
  /** By join: the input before that it is equated with, and whether `v` of that one must be less. */
  readonly with: readonly { readonly input: number; readonly less: boolean }[];
};

const field = (of: number, at: number): Expression => input(of * WIDTH + at, side.fields[at]!.type);

function nodeOf({ joinTypes, with: partners }: Shape, unique: JoinInputUnique): MultiJoinNode {
  return {
    ...nodeBase(output, { inputs: INPUTS }),
    type: "MultiJoin",
    joinTypes,
    keys: Array.from({ length: INPUTS }, () => [0]),
    conditions: partners.map(({ input: other, less }, i) => {
      const equal = call("EQUALS", [field(other, 0), field(i + 1, 0)], types.boolean());
      if (!less) return equal;
      const lower = call("LESS_THAN", [field(other, 1), field(i + 1, 1)], types.boolean());
      return call("AND", [equal, lower], types.boolean());
    }),
    sides: Array.from({ length: INPUTS }, () => ({
      unique,
      ...(unique === "has-unique-key" ? { uniqueKey: [2] } : {}),
    })),
  };
}

const text = (row: Row | undefined) => (row ? `${row.k}, ${row.v}, ${row.u}` : "null, null, null");

function expectedRows(held: readonly Row[][], { joinTypes, with: partners }: Shape): string[] {
  let tuples: (Row | undefined)[][] = held[0]!.map((row) => [row]);
  joinTypes.forEach((type, i) => {
    const { input: other, less } = partners[i]!;
    tuples = tuples.flatMap((tuple) => {
      const before = tuple[other];
      const found = held[i + 1]!.filter(
        (row) =>
          before !== undefined &&
          before.k !== null &&
          before.k === row.k &&
          (!less || (before.v !== null && row.v !== null && before.v < row.v)),
      );
      if (found.length === 0) return type === "LEFT" ? [[...tuple, undefined]] : [];
      return found.map((row) => [...tuple, row]);
    });
  });
  return tuples.map((tuple) => `[${tuple.map(text).join(", ")}]`).sort();
}

function run(shape: Shape, unique: JoinInputUnique, seed: number): void {
  const random = seededRandom(seed);
  const node = nodeOf(shape, unique);
  const inputs = Array.from({ length: INPUTS }, () => side);
  const held: Row[][] = inputs.map(() => []);
  const table = new ChangelogTable();
  let harness = new OperatorHarness({ node, inputs });
  let next = 0;
  const step = (index: number, rows: readonly HarnessRow[], where: string): void => {
    if (rows.length === 0) return;
    table.apply(harness.rows(index, rows).take(), where);
    assert.deepEqual(table.contents(), expectedRows(held, shape), where);
  };
  for (let batch = 0; batch < BATCHES; batch++) {
    const index = random(INPUTS);
    const own = held[index]!;
    const rows: HarnessRow[] = [];
    for (let i = random(6); i >= 0; i--) {
      if (own.length > 0 && random(5) < 2) {
        const [row] = own.splice(random(own.length), 1) as [Row];
        rows.push([random(2) === 0 ? "-D" : "-U", row.k, row.v, row.u]);
        continue;
      }
      const row: Row = {
        k: random(8) === 0 ? null : random(2) > 0 ? "hot" : `key ${random(3)}`,
        v: random(6) === 0 ? null : random(10),
        u: unique === "no-unique-key" ? random(3) : next++,
      };
      own.push(row);
      rows.push([random(2) === 0 ? "+I" : "+U", row.k, row.v, row.u]);
    }
    step(index, rows, `seed ${seed}, batch ${batch}, input ${index}`);
    const snapshot = harness.snapshot();
    if (random(4) === 0) {
      harness.close();
      harness = new OperatorHarness({ node, inputs }, snapshot);
    }
  }
  for (const [index, own] of held.entries()) {
    const rows = own.splice(0).map(({ k, v, u }): HarnessRow => ["-D", k, v, u]);
    step(index, rows, `seed ${seed}, end of input ${index}`);
  }
  assert.deepEqual(table.contents(), []);
  for (let i = 0; i < INPUTS; i++) assert.equal(harness.size(`join-input-${i}`), 0);
  harness.close();
}

const SHAPES: readonly Shape["joinTypes"][] = [
  ["INNER", "INNER", "INNER"],
  ["LEFT", "LEFT", "LEFT"],
  ["LEFT", "INNER", "LEFT"],
  ["INNER", "LEFT", "INNER"],
];

for (const joinTypes of SHAPES) {
  const seed = testSeed();
  test(`${joinTypes.join(", ")}: MILLRACE_SEED=${seed}`, () => {
    const random = seededRandom(seed + 1);
    for (const unique of ["no-unique-key", "has-unique-key"] as const)
      for (const less of [false, true]) {
        const partners = joinTypes.map((_, i) => ({
          input: random(i + 1),
          less: less && random(3) > 0,
        }));
        run({ joinTypes, with: partners }, unique, seed);
      }
  });
}
