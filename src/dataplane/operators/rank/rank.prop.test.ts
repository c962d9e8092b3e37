/** Top-N against a naive model: sorted lists per partition; restored at random boundaries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { RankNode } from "../../../foundation/plan/exec-node.ts";
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

const fields = { k: types.int(), v: types.int(), id: types.string() };
const input = schemaOf(fields);
const ranked = schemaOf({ ...fields, rank: types.bigint(false) });
const BATCHES = 25;

interface Row {
  readonly k: number;
  readonly v: number | null;
  readonly id: string;
}

function node(
  strategy: RankNode["strategy"],
  numbered: boolean,
  start: number,
  end: number,
): RankNode {
  return {
    ...nodeBase(numbered ? ranked : input),
    type: "Rank",
    partitionKeys: [0],
    sort: [{ index: 1, descending: true, nullsFirst: false }],
    rankType: "ROW_NUMBER",
    rankStart: start,
    rankEnd: end,
    outputRankNumber: numbered,
    strategy,
    generateUpdateBefore: true,
  };
}

/** Best first, equal keys in order of arrival. */
function insert(list: Row[], row: Row): void {
  const key = (r: Row) => r.v ?? Number.NEGATIVE_INFINITY;
  let at = list.length;
  while (at > 0 && key(list[at - 1]!) < key(row)) at--;
  list.splice(at, 0, row);
}

function expectedRows(model: ReadonlyMap<number, Row[]>, rank: RankNode): string[] {
  return [...model.values()]
    .flatMap((list) =>
      list.slice(rank.rankStart - 1, rank.rankEnd).map(({ k, v, id }, index) => {
        const suffix = rank.outputRankNumber ? `, ${index + rank.rankStart}` : "";
        return `[${k}, ${v}, ${id}${suffix}]`;
      }),
    )
    .sort();
}

function run(rank: RankNode, seed: number): void {
  const random = seededRandom(seed);
  const model = new Map<number, Row[]>();
  const live: Row[] = [];
  const table = new ChangelogTable();
  let harness = new OperatorHarness({ node: rank, inputs: [input] });
  let next = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    const rows: HarnessRow[] = [];
    for (let i = random(30); i >= 0; i--) {
      const remove = rank.strategy.kind === "retract" && live.length > 0 && random(3) === 0;
      if (remove) {
        const [row] = live.splice(random(live.length), 1) as [Row];
        const list = model.get(row.k)!;
        list.splice(
          list.findIndex(({ v, id }) => v === row.v && id === row.id),
          1,
        );
        rows.push(["-D", row.k, row.v, row.id]);
        continue;
      }
      const v = random(8) === 0 ? null : random(12);
      const row: Row = { k: random(3), v, id: `r${random(2) === 0 ? next++ : random(4)}` };
      live.push(row);
      if (!model.has(row.k)) model.set(row.k, []);
      insert(model.get(row.k)!, row);
      rows.push(["+I", row.k, row.v, row.id]);
    }
    const where = `seed ${seed}, batch ${batch}`;
    table.apply(harness.rows(0, rows).take(), where);
    assert.deepEqual(table.contents(), expectedRows(model, rank), where);
    const snapshot = harness.snapshot();
    if (random(4) === 0) {
      harness.close();
      harness = new OperatorHarness({ node: rank, inputs: [input] }, snapshot);
    }
  }
}

for (const kind of ["append", "retract"] as const) {
  for (const numbered of [false, true]) {
    for (const [start, end] of [
      [1, 1],
      [1, 3],
      [2, 5],
      [1, 40],
    ] as const) {
      const seed = testSeed();
      test(`${kind}, ${numbered ? "with" : "without"} rank, ${start} to ${end}: MILLRACE_SEED=${seed}`, () => {
        for (let i = 0; i < 4; i++) run(node({ kind }, numbered, start, end), seed + i);
      });
    }
  }
}

for (const numbered of [false, true]) {
  const seed = testSeed();
  test(`update, ${numbered ? "with" : "without"} rank: MILLRACE_SEED=${seed}`, () => {
    const rank = node({ kind: "update", primaryKey: [0, 2] }, numbered, 1, 3);
    const random = seededRandom(seed);
    const best = new Map<string, number>();
    const table = new ChangelogTable();
    let harness = new OperatorHarness({ node: rank, inputs: [input] });
    for (let batch = 0; batch < BATCHES; batch++) {
      const rows: HarnessRow[] = [];
      for (let i = random(10); i >= 0; i--) {
        const key = `${random(2)}/${random(6)}`;
        // Values rise and never tie: which of two equal rows ranks first depends on who came to the value first.
        const value = (best.get(key) ?? 0) + 1 + random(50);
        if ([...best.values()].includes(value)) continue;
        best.set(key, value);
        const [k, id] = key.split("/") as [string, string];
        rows.push(["+U", Number(k), value, id]);
      }
      if (rows.length === 0) continue;
      const where = `seed ${seed}, batch ${batch}`;
      table.apply(harness.rows(0, rows).take(), where);
      const expected = ["0", "1"].flatMap((k) =>
        [...best]
          .filter(([key]) => key.startsWith(`${k}/`))
          .sort(([, a], [, b]) => b - a)
          .slice(0, 3)
          .map(([key, v], i) => `[${k}, ${v}, ${key.slice(2)}${numbered ? `, ${i + 1}` : ""}]`),
      );
      assert.deepEqual(table.contents(), expected.sort(), where);
      const snapshot = harness.snapshot();
      if (random(4) === 0) {
        harness.close();
        harness = new OperatorHarness({ node: rank, inputs: [input] }, snapshot);
      }
    }
  });
}

/** Upserts are the changes of the retract stream without its -U, row for row; rows of many sizes. */
function runWithoutBefore(rank: RankNode, seed: number): void {
  const random = seededRandom(seed);
  const upserts: RankNode = { ...rank, generateUpdateBefore: false };
  let whole = new OperatorHarness({ node: rank, inputs: [input] });
  let short = new OperatorHarness({ node: upserts, inputs: [input] });
  for (let batch = 0; batch < BATCHES * 2; batch++) {
    const rows: HarnessRow[] = [];
    for (let i = random(6); i >= 0; i--) {
      const v = random(12) === 0 ? null : random(20) + batch;
      rows.push(["+I", random(6), v, `${batch}.${i}`.padEnd(random(40), "x")]);
    }
    const where = `seed ${seed}, batch ${batch}`;
    const expected = whole.rows(0, rows).take();
    const shown = expected.filter((change) => !change.startsWith("-U"));
    assert.deepEqual(short.rows(0, rows).take(), shown, where);
    const snapshots = [whole.snapshot(), short.snapshot()] as const;
    if (random(4) === 0) {
      whole.close();
      short.close();
      whole = new OperatorHarness({ node: rank, inputs: [input] }, snapshots[0]);
      short = new OperatorHarness({ node: upserts, inputs: [input] }, snapshots[1]);
    }
  }
  whole.close();
  short.close();
}

for (const numbered of [false, true]) {
  for (const end of [1, 3, 9]) {
    const seed = testSeed();
    test(`without -U the rest is the same, ${numbered ? "with" : "without"} rank, 1 to ${end}: MILLRACE_SEED=${seed}`, () => {
      for (let i = 0; i < 3; i++)
        runWithoutBefore(node({ kind: "append" }, numbered, 1, end), seed + i);
    });
  }
}
