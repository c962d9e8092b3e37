/** Hash joins and sort-merge joins against a naive model: nested loops; either side builds, rows come in any order, batch by batch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { JoinNode, JoinType } from "../../../foundation/plan/exec-node.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { seededRandom, testSeed } from "../../../../testkit/operator-harness/changelog-table.ts";
import { scratchFile } from "../../../../testkit/scratch-file.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { OperatorHarness } from "../../../../testkit/operator-harness/operator-harness.ts";

type Key = string | number | null;
interface Row {
  readonly k: Key;
  readonly v: number | null;
}

interface Case {
  readonly joinType: JoinType;
  readonly build: "left" | "right";
  readonly conditional: boolean;
  /** NULL = NULL matches. */
  readonly nullsMatch: boolean;
  readonly keyType: LogicalType;
  /** Without keys: every pair is a candidate. */
  readonly theta: boolean;
  /** Sorted and merged. */
  readonly merges?: boolean;
}

function nodeOf({
  joinType,
  build,
  conditional,
  nullsMatch,
  keyType,
  theta,
  merges,
}: Case): JoinNode {
  const fields = { k: keyType, v: types.int() };
  const both = schemaOf({ ...fields, k2: keyType, v2: types.int() });
  const onlyLeft = joinType === "SEMI" || joinType === "ANTI";
  const condition = call(
    "LESS_THAN",
    [input(1, types.int()), input(3, types.int())],
    types.boolean(),
  );
  return {
    ...nodeBase(onlyLeft ? schemaOf(fields) : both, { inputs: 2, changelogMode: "insert-only" }),
    type: "Join",
    joinType,
    build,
    ...(merges === true ? { merges } : {}),
    leftKeys: theta ? [] : [0],
    rightKeys: theta ? [] : [0],
    filterNulls: theta ? [] : [!nullsMatch],
    ...(conditional ? { condition } : {}),
    left: { unique: "no-unique-key" },
    right: { unique: "no-unique-key" },
  };
}

const text = (row: Row | undefined) => (row ? `${row.k}, ${row.v}` : "null, null");

function expectedRows(lefts: readonly Row[], rights: readonly Row[], join: Case): string[] {
  const { joinType } = join;
  const matches = (l: Row, r: Row) =>
    (join.theta || (l.k === r.k && (l.k !== null || join.nullsMatch))) &&
    (!join.conditional || (l.v !== null && r.v !== null && l.v < r.v));
  const out: string[] = [];
  for (const l of lefts) {
    const found = rights.filter((r) => matches(l, r));
    if (joinType === "SEMI" || joinType === "ANTI") {
      if (found.length > 0 === (joinType === "SEMI")) out.push(`+I[${text(l)}]`);
      continue;
    }
    for (const r of found) out.push(`+I[${text(l)}, ${text(r)}]`);
    if (found.length === 0 && (joinType === "LEFT" || joinType === "FULL"))
      out.push(`+I[${text(l)}, ${text(undefined)}]`);
  }
  if (joinType === "RIGHT" || joinType === "FULL")
    for (const r of rights)
      if (!lefts.some((l) => matches(l, r))) out.push(`+I[${text(undefined)}, ${text(r)}]`);
  return out.sort();
}

function run(join: Case, seed: number, most: number, spill?: OperatorContext["spill"]): void {
  const random = seededRandom(seed);
  const held: [Row[], Row[]] = [[], []];
  const isText = join.keyType.kind === "VARCHAR";
  const side = schemaOf({ k: join.keyType, v: types.int() });
  const harness = new OperatorHarness({
    node: nodeOf(join),
    inputs: [side, side],
    mode: "batch",
    ...(spill === undefined ? {} : { spillSpace: spill }),
  });
  const open = [0, 1];
  const rowsOf = () =>
    Array.from({ length: random(most) }, (): Row => {
      const key = random(3) === 0 ? 0 : random(40);
      const k = random(9) === 0 ? null : isText ? "key ".repeat(key % 9) + key : key;
      return { k, v: random(6) === 0 ? null : random(10) };
    });
  while (open.length > 0) {
    const index = open[random(open.length)]! as 0 | 1;
    const enough = spill === undefined ? random(6) === 0 : held[index].length > 500;
    if (enough) {
      open.splice(open.indexOf(index), 1);
      harness.endInput(index);
      continue;
    }
    const rows = rowsOf();
    held[index].push(...rows);
    if (rows.length > 0)
      harness.rows(
        index,
        rows.map(({ k, v }) => ["+I", k, v]),
      );
  }
  const where = `seed ${seed}, ${JSON.stringify(join)}`;
  assert.deepEqual(harness.take().sort(), expectedRows(held[0], held[1], join), where);
  harness.close();
}

const KEY_TYPES = [types.string(), types.int()];

for (const joinType of ["INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"] as const) {
  const seed = testSeed();
  test(`${joinType}: MILLRACE_SEED=${seed}`, () => {
    for (const build of ["left", "right"] as const)
      for (const conditional of [false, true])
        for (const nullsMatch of [false, true])
          for (const keyType of KEY_TYPES) {
            const join = { joinType, build, conditional, nullsMatch, keyType, theta: false };
            run(join, seed, 30);
            run({ ...join, merges: true }, seed, 30);
          }
  });
}

for (const joinType of ["INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"] as const) {
  const seed = testSeed();
  test(`${joinType}, beyond its memory: MILLRACE_SEED=${seed}`, () => {
    let files = 0;
    const createFile = () => {
      files++;
      return scratchFile();
    };
    const keyType = types.string();
    for (const build of ["left", "right"] as const)
      for (const conditional of [false, true]) {
        const join = { joinType, build, conditional, nullsMatch: false, keyType, theta: false };
        run(join, seed, 200, { budgetBytes: 1, createFile });
        run({ ...join, merges: true }, seed, 200, { budgetBytes: 1, createFile });
      }
    // Of the hash join one for its parts and two for each part that is merged.
    assert.ok(files >= 4 * 3, `${files} files`);
  });
}

test("no keys at all, beyond its memory", () => {
  const seed = testSeed();
  const spill = { budgetBytes: 1, createFile: scratchFile };
  const common = {
    nullsMatch: false,
    keyType: types.int(),
    theta: true,
    conditional: true,
  } as const;
  for (const build of ["left", "right"] as const)
    for (const joinType of ["SEMI", "ANTI"] as const)
      run({ joinType, build, ...common }, seed, 200, spill);
  run({ joinType: "FULL", build: "right", ...common }, seed, 200, spill);
});

test("no keys at all, and more pairs than fit into one call", () => {
  const seed = testSeed();
  const common = { nullsMatch: false, keyType: types.int(), theta: true } as const;
  run({ joinType: "INNER", build: "right", conditional: false, ...common }, seed, 60);
  run({ joinType: "LEFT", build: "right", conditional: true, ...common }, seed, 60);
  run({ joinType: "ANTI", build: "left", conditional: true, ...common }, seed, 60);
  const harness = new OperatorHarness({
    node: nodeOf({ joinType: "INNER", build: "left", conditional: true, ...common }),
    inputs: [
      schemaOf({ k: types.int(), v: types.int() }),
      schemaOf({ k: types.int(), v: types.int() }),
    ],
    mode: "batch",
  });
  harness.rows(
    0,
    Array.from({ length: 300 }, (_, i) => ["+I", 1, i % 2]),
  );
  harness.endInput(0);
  harness.rows(
    1,
    Array.from({ length: 100 }, () => ["+I", 1, 1]),
  );
  harness.endInput(1);
  assert.equal(harness.take().length, 150 * 100);
  harness.close();
});
