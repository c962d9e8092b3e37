/** Sorting of bounded input against Array.sort: ties, NULLs, limits, in memory and in many runs on disk. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom, testSeed } from "../../../../testkit/operator-harness/changelog-table.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { OperatorHarness } from "../../../../testkit/operator-harness/operator-harness.ts";
import { scratchFile } from "../../../../testkit/scratch-file.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { SortLimitNode } from "../../../foundation/plan/exec-node.ts";

type Row = readonly [k: string | null, v: number | null, id: number];

const schema = schemaOf({ k: types.string(), v: types.int(), id: types.int(false) });

interface Options {
  readonly limit: number;
  readonly offset: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  readonly spills: boolean;
}

function nodeOf({ limit, offset, descending, nullsFirst }: Options): SortLimitNode {
  return {
    ...nodeBase(schema, { changelogMode: "insert-only" }),
    type: "SortLimit",
    sort: [
      { index: 0, descending, nullsFirst },
      { index: 1, descending: !descending, nullsFirst: !nullsFirst },
    ],
    offset,
    limit,
    generateUpdateBefore: false,
    retract: false,
  };
}

const order = <T extends string | number>(
  a: T | null,
  b: T | null,
  descending: boolean,
  nullsFirst: boolean,
): number => {
  if (a === b) return 0;
  if (a === null) return nullsFirst ? -1 : 1;
  if (b === null) return nullsFirst ? 1 : -1;
  return a < b === descending ? 1 : -1;
};

function run(options: Options, seed: number, count: number): void {
  const { limit, offset, descending, nullsFirst } = options;
  const random = seededRandom(seed);
  const list = Array.from({ length: count }, (_, id): Row => {
    const text = "prefix that is long, ".slice(0, random(3) * 7) + random(60);
    return [random(20) === 0 ? null : text, random(9) === 0 ? null : random(50) - 25, id];
  });
  let files = 0;
  const createFile = () => {
    files++;
    return scratchFile();
  };
  // A budget that is used up already: every table that is not tiny becomes a run.
  const harness = new OperatorHarness({
    node: nodeOf(options),
    inputs: [schema],
    mode: "batch",
    ...(options.spills ? { spillSpace: { budgetBytes: 512 * 1024, createFile } } : {}),
  });
  for (let at = 0; at < list.length; ) {
    const size = 1 + random(400);
    harness.rows(
      0,
      list.slice(at, at + size).map((row) => ["+I", ...row]),
    );
    at += size;
  }
  harness.endInput(0);
  const expected = list
    .toSorted(
      (a, b) =>
        order(a[0], b[0], descending, nullsFirst) || order(a[1], b[1], !descending, !nullsFirst),
    )
    .slice(offset, limit < 0 ? undefined : offset + limit)
    .map((row) => `+I[${row.join(", ")}]`.replaceAll(/(?<=[[ ]),/g, "null,"));
  const where = `seed ${seed}, ${JSON.stringify(options)}`;
  const texts = list.length === 0 ? [] : harness.take().filter((text) => text.startsWith("+I"));
  assert.deepEqual(texts, expected, where);
  assert.equal(files, options.spills && count > 0 ? 1 : 0, where);
  harness.close();
}

for (const spills of [false, true]) {
  const seed = testSeed();
  test(`${spills ? "in runs on disk" : "in memory"}: MILLRACE_SEED=${seed}`, () => {
    for (const descending of [false, true])
      for (const nullsFirst of [false, true])
        for (const [limit, offset] of [
          [-1, 0],
          [-1, 7],
          [1500, 300],
        ] as const)
          run({ limit, offset, descending, nullsFirst, spills }, seed, spills ? 9000 : 3000);
    run({ limit: -1, offset: 0, descending: false, nullsFirst: true, spills }, seed, 0);
  });
}

test("runs are merged level by level when there are many", () => {
  const seed = testSeed();
  const options = { descending: true, nullsFirst: false, spills: true } as const;
  run({ ...options, limit: -1, offset: 0 }, seed, 40_000);
  run({ ...options, limit: 2000, offset: 5 }, seed, 40_000);
});
