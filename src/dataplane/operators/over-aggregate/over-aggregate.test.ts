import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { OverAggregateNode, OverBound } from "../../../foundation/plan/exec-node.ts";
import { seededRandom, testSeed } from "../../../../testkit/operator-harness/changelog-table.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  end,
  type HarnessEvent,
  rows,
  runCase,
  runEvents,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const input = schemaOf({
  k: types.string(),
  v: types.int(),
  at: types.bigint(),
  ts: types.timestamp(3),
});
const output = schemaOf({
  k: types.string(),
  v: types.int(),
  at: types.bigint(),
  ts: types.timestamp(3),
  sum: types.int(),
  low: types.int(),
  n: types.bigint(false),
});
const current: OverBound = { kind: "currentRow" };
const unbounded: OverBound = { kind: "unboundedPreceding" };
const preceding = (offset: number): OverBound => ({ kind: "preceding", offset });
const aggregate = (name: string, args: number[], type = types.int()) => ({
  function: name,
  args,
  distinct: false,
  ignoreNulls: false,
  type,
  name,
});

function node(unit: "ROWS" | "RANGE", start: OverBound, sort = 3): OverAggregateNode {
  const time = { attribute: "ROWTIME" as const, index: 3, type: types.timestamp(3) };
  return {
    ...nodeBase(output),
    type: "OverAggregate",
    partitionKeys: [0],
    sort: [{ index: sort, descending: false, nullsFirst: true }],
    ...(sort === 3 ? { time } : {}),
    unit,
    start,
    end: current,
    aggregates: [
      aggregate("SUM", [1]),
      aggregate("MIN", [1]),
      aggregate("COUNT", [], types.bigint(false)),
    ],
    generateUpdateBefore: false,
    retract: false,
  };
}

const short = (lines: readonly string[]) =>
  lines
    .filter((line) => !line.startsWith("watermark"))
    .map((line) => line.replace(/, 1970[^,]*/, ""));

type Row = readonly ["+I", string, number, number, number];

/** What each row's frame gives, for rows whose times are all different. */
function naive(all: readonly Row[], unit: "ROWS" | "RANGE", start: OverBound): string[] {
  const sorted = all.toSorted((a, b) => a[3] - b[3]);
  return sorted.map((own, at) => {
    const before = sorted.slice(0, at + 1).filter(([, k]) => k === own[1]);
    const offset = "offset" in start ? start.offset : Number.POSITIVE_INFINITY;
    const frame =
      unit === "ROWS"
        ? before.slice(Math.max(0, before.length - 1 - offset))
        : before.filter(([, , , time]) => time >= own[3] - offset);
    const values = frame.map(([, , v]) => v);
    const sum = values.reduce((a, b) => a + b, 0);
    return `+I[${own[1]}, ${own[2]}, ${own[3]}, ${sum}, ${Math.min(...values)}, ${values.length}]`;
  });
}

test("frames by rowtime agree with a naive model, restored anywhere", () => {
  const seed = testSeed();
  console.log(`MILLRACE_SEED=${seed}`);
  const random = seededRandom(seed);
  const all: Row[] = [];
  const events: HarnessEvent[] = [];
  for (let base = 10; base < 170; base += 40) {
    const times = Array.from({ length: 8 }, (_, i) => base + i * 5 + random(5));
    const part = times
      .map((ms): Row => ["+I", random(2) === 0 ? "a" : "b", random(50), ms, ms])
      .toSorted((a, b) => a[2] - b[2]);
    all.push(...part);
    events.push(rows(...part), watermark(base + 20 + random(20)));
  }
  events.push(end);
  const frames = [
    ["ROWS", unbounded],
    ["RANGE", unbounded],
    ["ROWS", preceding(2)],
    ["RANGE", preceding(30)],
  ] as const;
  for (const [unit, start] of frames) {
    const expected = naive(all, unit, start);
    for (let restoreAt = 0; restoreAt < events.length; restoreAt += 3) {
      const emitted = runEvents({ node: node(unit, start), inputs: [input], events }, restoreAt);
      const what = `${unit} ${start.kind}, restored before ${restoreAt}, seed ${seed}`;
      assert.deepEqual(short(emitted.flat()), expected, what);
    }
    const batch = runEvents({
      node: node(unit, start),
      inputs: [input],
      events,
      mode: "batch",
    });
    assert.deepEqual(short(batch.flat()).toSorted(), expected.toSorted(), `batch ${unit}`);
  }
});

test("ordered by values: rows behind a new or removed one change", () => {
  const ts = "1970-01-01T00:00";
  runCase({
    node: node("ROWS", unbounded, 2),
    inputs: [input],
    events: [
      rows(["+I", "a", 1, 1, 0], ["+I", "a", 5, 5, 0]),
      rows(["+I", "a", 3, 3, 0]),
      rows(["-D", "a", 1, 1, 0]),
    ],
    expected: [
      [`+I[a, 1, 1, ${ts}, 1, 1, 1]`, `+I[a, 5, 5, ${ts}, 6, 1, 2]`],
      [`+I[a, 3, 3, ${ts}, 4, 1, 2]`, `-U[a, 5, 5, ${ts}, 6, 1, 2]`, `+U[a, 5, 5, ${ts}, 9, 1, 3]`],
      [
        `-D[a, 1, 1, ${ts}, 1, 1, 1]`,
        `-U[a, 3, 3, ${ts}, 4, 1, 2]`,
        `+U[a, 3, 3, ${ts}, 3, 3, 1]`,
        `-U[a, 5, 5, ${ts}, 9, 1, 3]`,
        `+U[a, 5, 5, ${ts}, 8, 3, 2]`,
      ],
    ],
  });
});
