/** Joins against a naive model: nested loops over what both sides hold; restored at random boundaries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { JoinInputUnique, JoinNode, JoinType } from "../../../foundation/plan/exec-node.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
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

const fields = { k: types.string(), v: types.int(), u: types.bigint(false) };
const side = schemaOf(fields);
const both = schemaOf({ ...fields, k2: types.string(), v2: types.int(), u2: types.bigint() });
const BATCHES = 30;

interface Row {
  readonly k: string | null;
  readonly v: number | null;
  readonly u: number;
}

function node(joinType: JoinType, unique: JoinInputUnique, conditional: boolean): JoinNode {
  const spec = unique === "has-unique-key" ? { unique, uniqueKey: [2] } : { unique };
  const condition = call(
    "LESS_THAN",
    [input(1, types.int()), input(4, types.int())],
    types.boolean(),
  );
  return {
    ...nodeBase(joinType === "SEMI" || joinType === "ANTI" ? side : both, { inputs: 2 }),
    type: "Join",
    joinType,
    leftKeys: [0],
    rightKeys: [0],
    filterNulls: [true],
    ...(conditional ? { condition } : {}),
    left: spec,
    right: spec,
  };
}

const text = (row: Row | undefined) => (row ? `${row.k}, ${row.v}, ${row.u}` : "null, null, null");

function expectedRows(lefts: readonly Row[], rights: readonly Row[], join: JoinNode): string[] {
  const matches = (l: Row, r: Row) =>
    l.k !== null &&
    l.k === r.k &&
    (join.condition === undefined || (l.v !== null && r.v !== null && l.v < r.v));
  const out: string[] = [];
  for (const l of lefts) {
    const found = rights.filter((r) => matches(l, r));
    const { joinType } = join;
    if (joinType === "SEMI" || joinType === "ANTI") {
      if (found.length > 0 === (joinType === "SEMI")) out.push(`[${text(l)}]`);
      continue;
    }
    for (const r of found) out.push(`[${text(l)}, ${text(r)}]`);
    if (found.length === 0 && (joinType === "LEFT" || joinType === "FULL"))
      out.push(`[${text(l)}, ${text(undefined)}]`);
  }
  if (join.joinType === "RIGHT" || join.joinType === "FULL") {
    for (const r of rights)
      if (!lefts.some((l) => matches(l, r))) out.push(`[${text(undefined)}, ${text(r)}]`);
  }
  return out.sort();
}

function run(join: JoinNode, seed: number): void {
  const random = seededRandom(seed);
  const held: [Row[], Row[]] = [[], []];
  const table = new ChangelogTable();
  let harness = new OperatorHarness({ node: join, inputs: [side, side] });
  let next = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    const index = random(2) as 0 | 1;
    const own = held[index];
    const rows: HarnessRow[] = [];
    for (let i = random(20); i >= 0; i--) {
      if (own.length > 0 && random(5) < 2) {
        const [row] = own.splice(random(own.length), 1) as [Row];
        rows.push([random(2) === 0 ? "-D" : "-U", row.k, row.v, row.u]);
        continue;
      }
      const unique = join.left.unique !== "no-unique-key";
      const row: Row = {
        k: random(8) === 0 ? null : random(3) > 0 ? "hot" : `key ${random(4)}`,
        v: random(6) === 0 ? null : random(10),
        u: unique ? next++ : random(3),
      };
      own.push(row);
      rows.push([random(2) === 0 ? "+I" : "+U", row.k, row.v, row.u]);
    }
    const where = `seed ${seed}, batch ${batch}`;
    table.apply(harness.rows(index, rows).take(), where);
    assert.deepEqual(table.contents(), expectedRows(held[0], held[1], join), where);
    const snapshot = harness.snapshot();
    if (random(4) === 0) {
      harness.close();
      harness = new OperatorHarness({ node: join, inputs: [side, side] }, snapshot);
    }
  }
  for (const index of [0, 1] as const) {
    const rows = held[index].map(({ k, v, u }): HarnessRow => ["-D", k, v, u]);
    if (rows.length > 0) table.apply(harness.rows(index, rows).take(), `seed ${seed}, end`);
  }
  assert.deepEqual(table.contents(), []);
  assert.equal(harness.size("left-records") + harness.size("right-records"), 0);
}

for (const joinType of ["INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"] as const) {
  const seed = testSeed();
  test(`${joinType}: MILLRACE_SEED=${seed}`, () => {
    for (const unique of ["no-unique-key", "has-unique-key"] as const)
      for (const conditional of [false, true]) run(node(joinType, unique, conditional), seed);
  });
}
