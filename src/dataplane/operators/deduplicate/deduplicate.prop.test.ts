/** First and last row by rowtime against a map, with rows of all sizes; what is kept is read by taking it back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { DeduplicateNode } from "../../../foundation/plan/exec-node.ts";
import { seededRandom, testSeed } from "../../../../testkit/operator-harness/changelog-table.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  type HarnessRow,
  OperatorHarness,
} from "../../../../testkit/operator-harness/operator-harness.ts";

const rowtime = { ...types.timestamp(3, false), timeAttribute: "ROWTIME" } as ReturnType<
  typeof types.timestamp
>;
const input = schemaOf({ k: types.int(), text: types.string(), ts: rowtime });
const BATCHES = 20;
const KEYS = 5;
const MOST_TEXT = 400;
const LATEST = 59_000;

interface Kept {
  readonly text: string | null;
  readonly ts: number;
}

const show = (kind: string, k: number, { text, ts }: Kept) =>
  `${kind}[${k}, ${text}, ${new Date(ts)
    .toISOString()
    .slice(0, 23)
    .replace(/\.000$/, "")}]`;

function node(keepLast: boolean, generateUpdateBefore: boolean): DeduplicateNode {
  return {
    ...nodeBase(input),
    type: "Deduplicate",
    keys: [0],
    keepLast,
    time: { attribute: "ROWTIME", index: 2, type: rowtime },
    generateUpdateBefore,
  };
}

function run(keepLast: boolean, before: boolean, seed: number): void {
  const random = seededRandom(seed);
  const kept = new Map<number, Kept>();
  const apply = (k: number, row: Kept, shows: string[], withBefore = before) => {
    const old = kept.get(k);
    if (old !== undefined && (keepLast ? row.ts < old.ts : row.ts >= old.ts)) return;
    if (old !== undefined && withBefore) shows.push(show("-U", k, old));
    shows.push(show(old === undefined ? "+I" : "+U", k, row));
    kept.set(k, row);
  };
  let harness = new OperatorHarness({ node: node(keepLast, before), inputs: [input] });
  for (let batch = 0; batch < BATCHES; batch++) {
    const rows: HarnessRow[] = [];
    const expected: string[] = [];
    for (let i = random(40); i >= 0; i--) {
      const long = random(3) === 0 ? MOST_TEXT : 40;
      const letter = String.fromCharCode(0x61 + random(26));
      const text = random(9) === 0 ? null : letter.repeat(random(long));
      const row = { text, ts: 20_000 + random(38) * 1000 };
      const k = random(KEYS);
      rows.push(["+I", k, text, row.ts]);
      apply(k, row, expected);
    }
    assert.deepEqual(harness.rows(0, rows).take(), expected, `seed ${seed}, batch ${batch}`);
    if (random(4) !== 0) continue;
    const snapshot = harness.snapshot();
    harness.close();
    harness = new OperatorHarness({ node: node(keepLast, before), inputs: [input] }, snapshot);
  }
  const snapshot = harness.snapshot();
  harness.close();
  harness = new OperatorHarness({ node: node(keepLast, true), inputs: [input] }, snapshot);
  const expected: string[] = [];
  const rows = [...kept.keys()].map((k): HarnessRow => {
    const row = { text: "end", ts: keepLast ? LATEST : 1000 };
    apply(k, row, expected, true);
    return ["+I", k, row.text, row.ts];
  });
  assert.deepEqual(harness.rows(0, rows).take(), expected, `seed ${seed}, what was kept`);
  harness.close();
}

for (const keepLast of [false, true]) {
  for (const before of [false, true]) {
    const seed = testSeed();
    const name = `${keepLast ? "last" : "first"}, ${before ? "with" : "without"} -U`;
    test(`${name}: MILLRACE_SEED=${seed}`, () => {
      for (let i = 0; i < 6; i++) run(keepLast, before, seed + i);
    });
  }
}
