/** OVER windows by values under random changes: the table that the changes make agrees with a naive model, restored anywhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { OverAggregateNode, OverBound } from "../../../foundation/plan/exec-node.ts";
import {
  ChangelogTable,
  seededRandom,
  testSeed,
} from "../../../../testkit/operator-harness/changelog-table.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runEvents } from "../../../../testkit/operator-harness/operator-case.ts";

const fields = { k: types.string(), id: types.int(), at: types.double(), v: types.string() };
const input = schemaOf(fields);
type Row = readonly [k: string | null, id: number, at: number | null, v: string | null];
type Frame = { readonly unit: "ROWS" | "RANGE"; readonly start: OverBound };

function node({ unit, start }: Frame, withText: boolean): OverAggregateNode {
  const calls = [
    { function: "SUM", args: [1], type: types.int() },
    { function: "COUNT", args: [3], type: types.bigint(false) },
    ...(withText ? [{ function: "MAX", args: [3], type: types.string() }] : []),
  ];
  const more = Object.fromEntries(calls.map(({ type }, i) => [`c${i}`, type]));
  return {
    ...nodeBase(schemaOf({ ...fields, ...more })),
    type: "OverAggregate",
    partitionKeys: [0],
    sort: [{ index: 2, descending: false, nullsFirst: true }],
    unit,
    start,
    end: { kind: "currentRow" },
    aggregates: calls.map((one) => ({
      ...one,
      distinct: false,
      ignoreNulls: false,
      name: one.function,
    })),
    generateUpdateBefore: false,
    retract: true,
  };
}

/** NULL first, −0 before 0, NaN last. */
function order(a: number | null, b: number | null): number {
  const rank = (x: number | null) => (x === null ? 0 : Number.isNaN(x) ? 2 : 1);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (rank(a) !== 1) return 0;
  if (a! !== b!) return a! - b!;
  return Object.is(a, b) ? 0 : Object.is(a, -0) ? -1 : 1;
}

/** `table`: rows in the order of their arrival. */
function naive(table: readonly Row[], { unit, start }: Frame, withText: boolean): string[] {
  const keys = [...new Set(table.map(([k]) => k))];
  return keys.flatMap((k) => {
    const own = table.filter((row) => row[0] === k).sort((a, b) => order(a[2], b[2]));
    return own.map((row, i) => {
      const peers = own.filter((other) => order(other[2], row[2]) === 0);
      const before =
        unit === "ROWS" ? own.slice(0, i + 1) : own.slice(0, own.indexOf(peers.at(-1)!) + 1);
      const frame =
        start.kind === "preceding"
          ? before.slice(Math.max(0, i - start.offset))
          : start.kind === "currentRow"
            ? unit === "ROWS"
              ? [row]
              : peers
            : before;
      const texts = frame.flatMap(([, , , v]) => (v === null ? [] : [v]));
      const sum = frame.reduce((total, [, id]) => total + id, 0);
      const max = withText ? [texts.toSorted().at(-1) ?? "null"] : [];
      const [key, id, at, v] = row;
      return `[${[key, id, real(at), v, sum, texts.length, ...max].map(String).join(", ")}]`;
    });
  });
}

/** Of rows that are the same, the one that came first is taken back. */
function rowText([k, id, at, v]: Row): string {
  return [k, id, real(at), v].map(String).join(", ");
}

function real(value: number | null): string | null {
  if (value === null || Number.isNaN(value)) return value === null ? null : "NaN";
  return Object.is(value, -0) ? "-0.0" : value.toFixed(1);
}

const AT = [null, -1, -0, 0, 1, 2, 3, 4, 5, 6, 7, 8, Number.NaN] as const;
const FRAMES: readonly Frame[] = [
  { unit: "ROWS", start: { kind: "unboundedPreceding" } },
  { unit: "RANGE", start: { kind: "unboundedPreceding" } },
  { unit: "RANGE", start: { kind: "currentRow" } },
  { unit: "ROWS", start: { kind: "currentRow" } },
  { unit: "ROWS", start: { kind: "preceding", offset: 2 } },
  { unit: "ROWS", start: { kind: "preceding", offset: 40 } },
];

test("changes of rows ordered by values make the naive model's table, restored anywhere", () => {
  const seed = testSeed();
  console.log(`MILLRACE_SEED=${seed}`);
  const random = seededRandom(seed);
  for (const [number, frame] of FRAMES.entries())
    for (const withText of [false, true]) {
      const table: Row[] = [];
      const events = Array.from({ length: 8 }, () =>
        rows(
          ...Array.from({ length: 25 }, () => {
            if (table.length > 0 && random(5) < 2) {
              const like = rowText(table[random(table.length)]!);
              const [gone] = table.splice(
                table.findIndex((row) => rowText(row) === like),
                1,
              );
              return [random(2) === 0 ? "-D" : "-U", ...gone!] as const;
            }
            const k = ["a", "b", null][random(3)]!;
            const v = [null, "x", "y", "zz"][random(4)]!;
            const row: Row = [k, table.length * 8 + random(8), AT[random(AT.length)]!, v];
            table.push(row);
            return [random(2) === 0 ? "+I" : "+U", ...row] as const;
          }),
        ),
      );
      const restoreAt = random(events.length);
      const what = `frame ${number}, text ${withText}, restored before ${restoreAt}, seed ${seed}`;
      const options = { node: node(frame, withText), inputs: [input], events, rescaleBy: [0] };
      const lines = runEvents(options, restoreAt, 1 + random(2)).flat();
      const made = new ChangelogTable();
      made.apply(lines, what);
      assert.deepEqual(made.contents(), naive(table, frame, withText).toSorted(), what);
    }
});
