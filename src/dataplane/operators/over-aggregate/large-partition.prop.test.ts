/** OVER partitions on disk against those in memory: random rows, many or few of them alike, every division of the calls. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom, testSeed } from "../../../../testkit/operator-harness/changelog-table.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { OperatorHarness } from "../../../../testkit/operator-harness/operator-harness.ts";
import { scratchFile } from "../../../../testkit/scratch-file.ts";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { OverAggregateCall, OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { divisionOf } from "./large-partition.ts";

type Frame = Pick<OverAggregateNode, "unit" | "start" | "end">;
type Row = readonly [p: number | null, o: number | null, v: number | null, t: string];

const input = schemaOf({
  p: types.int(),
  o: types.int(),
  v: types.int(),
  t: types.string(),
  far: types.int(false),
});
const FAR = 3;

function call(name: string, args: readonly number[], type: LogicalType): OverAggregateCall {
  const offset = args[1] === undefined ? {} : { offset: FAR };
  const distinct = false;
  return { function: name, args, distinct, ignoreNulls: false, type, name, ...offset };
}

const FOLDS = [
  call("SUM", [2], types.int()),
  call("COUNT", [2], types.bigint(false)),
  call("MAX", [3], types.string()),
  call("FIRST_VALUE", [3], types.string()),
];
const SHIFTS = [call("LAG", [3], types.string()), call("LEAD", [2, 4], types.int())];
const RANKS = [
  call("RANK", [], types.bigint(false)),
  call("DENSE_RANK", [], types.bigint(false)),
  call("PERCENT_RANK", [], types.double(false)),
];
const first = { kind: "unboundedPreceding" } as const;
const current = { kind: "currentRow" } as const;
const last = { kind: "unboundedFollowing" } as const;
const CASES: readonly (readonly [string, Frame, readonly OverAggregateCall[]])[] = [
  ["running rows", { unit: "ROWS", start: first, end: current }, [...FOLDS, ...SHIFTS]],
  ["running ranges", { unit: "RANGE", start: first, end: current }, [...FOLDS, ...SHIFTS]],
  ["whole", { unit: "ROWS", start: first, end: last }, [...FOLDS, ...SHIFTS]],
  [
    "ranks",
    { unit: "ROWS", start: first, end: current },
    [call("ROW_NUMBER", [], types.bigint(false)), ...RANKS],
  ],
  [
    "CUME_DIST",
    { unit: "ROWS", start: first, end: current },
    [call("CUME_DIST", [], types.double(false)), ...RANKS],
  ],
  [
    "frames of rows",
    {
      unit: "ROWS",
      start: { kind: "preceding", offset: 5 },
      end: { kind: "following", offset: 2 },
    },
    [...FOLDS, ...SHIFTS],
  ],
];

function run(
  [, frame, aggregates]: (typeof CASES)[number],
  rows: readonly Row[],
  options: { readonly partitioned: boolean; readonly spills: boolean },
): string[] {
  const results = aggregates.map(({ name, type }) => ({ name, type }));
  const output = { fields: [...input.fields, ...results] };
  const node: OverAggregateNode = {
    ...nodeBase(output, { changelogMode: "insert-only" }),
    type: "OverAggregate",
    partitionKeys: options.partitioned ? [0] : [],
    // Texts are all different: the order of rows without LAG's neighbours is known, too.
    sort: [{ index: 1, descending: false, nullsFirst: true }],
    aggregates,
    generateUpdateBefore: false,
    retract: false,
    ...frame,
  };
  assert.ok(divisionOf(node) !== undefined);
  let files = 0;
  const createFile = () => {
    files++;
    return scratchFile();
  };
  const harness = new OperatorHarness({
    node,
    inputs: [input],
    mode: "batch",
    ...(options.spills ? { spillSpace: { budgetBytes: 1024 * 1024, createFile } } : {}),
  });
  for (let from = 0; from < rows.length; from += 700)
    harness.rows(
      0,
      rows.slice(from, from + 700).map((row) => ["+I", ...row, FAR]),
    );
  harness.endInput(0);
  const found = harness.take();
  harness.close();
  if (options.spills) assert.ok(files > 0, "nothing was spilled");
  return found.sort();
}

for (const one of CASES) {
  const seed = testSeed();
  test(`${one[0]}: MILLRACE_SEED=${seed}`, () => {
    const random = seededRandom(seed);
    for (const partitioned of [false, true]) {
      const alike = random(2) === 0 ? 3 : 700;
      // One partition has half of all rows.
      const rows = Array.from({ length: 4000 }, (_, id): Row => {
        const p = random(2) === 0 ? 1 : random(9) === 0 ? null : random(30);
        const o = random(20) === 0 ? null : random(alike);
        return [
          p,
          o,
          random(8) === 0 ? null : random(1000),
          `text ${"of some length ".repeat(4)}${id}`,
        ];
      });
      const expected = run(one, rows, { partitioned, spills: false });
      assert.equal(expected.length, rows.length);
      assert.deepEqual(run(one, rows, { partitioned, spills: true }), expected);
    }
  });
}
