/**
 * Interval and temporal joins over random rows, batches and watermarks against the definition: all pairs within the bounds;
 * for each row the version of its time. Restored once in between.
 *
 * Run: MILLRACE_SEED=n node --test src/dataplane/operators/interval-join/time-joins.prop.test.ts
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { IntervalJoinNode, TemporalJoinNode } from "../../../foundation/plan/exec-node.ts";
import { seededRandom, testSeed } from "../../../../testkit/operator-harness/changelog-table.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  end,
  type HarnessEvent,
  runEvents,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const seed = testSeed();
const RUNS = 20;

interface Row {
  readonly k: number | null;
  readonly id: number;
  readonly t: number;
}

interface Input {
  readonly sides: readonly [Row[], Row[]];
  readonly events: HarnessEvent[];
}

/** Rows of both sides in random batches, each at or behind the watermark before it; times differ on the right side. */
function generate(draw: (n: number) => number): Input {
  const sides: [Row[], Row[]] = [[], []];
  const events: HarnessEvent[] = [];
  const taken = new Set<string>();
  let now = 1_000;
  for (let step = 0; step < 30; step++) {
    const input = draw(2);
    const rows: Row[] = [];
    for (let i = draw(6); i >= 0; i--) {
      const k = draw(8) === 0 ? null : draw(3);
      const t = now + 1 + draw(40);
      if (input === 1 && taken.has(`${k}/${t}`)) continue;
      taken.add(`${input === 1 ? k : "left"}/${t}`);
      rows.push({ k, id: sides[input]!.length + rows.length, t });
    }
    sides[input]!.push(...rows);
    events.push({ input, rows: rows.map(({ k, id, t }) => ["+I", k, id, t] as const) });
    if (draw(2) === 0) {
      now += draw(30);
      events.push(watermark(now));
    }
  }
  events.push(end);
  return { sides, events: events.filter((event) => !("rows" in event) || event.rows.length > 0) };
}

const l = schemaOf({ k: types.int(), id: types.int(), t: types.timestamp(3) });
const r = schemaOf({ k2: types.int(), id2: types.int(), t2: types.timestamp(3) });
const column = { attribute: "ROWTIME", index: 2, type: types.timestamp(3) } as const;
const common = {
  ...nodeBase({ fields: [...l.fields, ...r.fields] }, { inputs: 2 }),
  leftKeys: [0],
  rightKeys: [0],
  filterNulls: [true],
  leftTime: column,
  rightTime: column,
};

const pair = (a: Row | undefined, b: Row | undefined): string => `${a?.id ?? "-"}/${b?.id ?? "-"}`;

/** `left id/right id` of every row that was emitted. */
function pairsOf(emitted: readonly (readonly string[])[]): string[] {
  const texts = emitted.flat().filter((text) => text.startsWith("+I"));
  return texts
    .map((text) => {
      const [, id, , , id2] = text.slice(3, -1).split(", ");
      return `${id === "null" ? "-" : id}/${id2 === "null" ? "-" : id2}`;
    })
    .sort();
}

function check(node: IntervalJoinNode | TemporalJoinNode, input: Input, expected: string[]): void {
  const options = { node, inputs: [l, r], events: input.events, rescaleBy: [0] };
  const middle = Math.floor(input.events.length / 2);
  for (const [restoreAt, parallelism] of [
    [0, 1],
    [middle, 1],
    [middle, 2],
  ] as const)
    assert.deepEqual(
      pairsOf(runEvents(options, restoreAt, parallelism)),
      expected.toSorted(),
      `MILLRACE_SEED=${seed}, restored before event ${restoreAt} with ${parallelism} subtasks`,
    );
}

test("interval joins are all pairs within the bounds", () => {
  for (let run = 0; run < RUNS; run++) {
    const draw = seededRandom(seed + run);
    const input = generate(draw);
    const [lefts, rights] = input.sides;
    const lowerBoundMs = draw(40) - 30;
    const upperBoundMs = lowerBoundMs + draw(40);
    const joinType = (["INNER", "LEFT", "RIGHT", "FULL"] as const)[draw(4)]!;
    const matches = (a: Row, b: Row): boolean =>
      a.k !== null && a.k === b.k && a.t - b.t >= lowerBoundMs && a.t - b.t <= upperBoundMs;
    const expected = lefts.flatMap((a) =>
      rights.filter((b) => matches(a, b)).map((b) => pair(a, b)),
    );
    if (joinType === "LEFT" || joinType === "FULL")
      for (const a of lefts)
        if (!rights.some((b) => matches(a, b))) expected.push(pair(a, undefined));
    if (joinType === "RIGHT" || joinType === "FULL")
      for (const b of rights)
        if (!lefts.some((a) => matches(a, b))) expected.push(pair(undefined, b));
    check(
      { ...common, type: "IntervalJoin", joinType, lowerBoundMs, upperBoundMs },
      input,
      expected,
    );
  }
});

test("temporal joins find the version of each row's time", () => {
  for (let run = 0; run < RUNS; run++) {
    const draw = seededRandom(seed + run);
    const input = generate(draw);
    const [lefts, rights] = input.sides;
    const joinType = draw(2) === 0 ? "INNER" : "LEFT";
    const expected = lefts.flatMap((a) => {
      const versions = rights.filter((b) => a.k !== null && b.k === a.k && b.t <= a.t);
      const last = versions.toSorted((x, y) => y.t - x.t)[0];
      return last === undefined && joinType === "INNER" ? [] : [pair(a, last)];
    });
    check({ ...common, type: "TemporalJoin", joinType, rightUniqueKey: [0] }, input, expected);
  }
});
