import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_ROWS, ResultRows } from "./result-rows.ts";

type Change = { kind: "+I" | "-U" | "+U" | "-D"; row: unknown[] };
const schema = (upsertKey: number[]) => ({
  type: "schema" as const,
  columns: [
    { name: "k", type: "BIGINT" },
    { name: "v", type: "INT" },
  ],
  changelogMode: "retract" as const,
  upsertKey,
});
const rows = (changes: Change[], snapshot = false, missed = 0) => ({
  type: "rows" as const,
  snapshot,
  changes,
  missed,
});

test("changes replace rows by their key, which orders them as numbers", () => {
  const result = new ResultRows();
  result.apply(schema([0]));
  result.apply(
    rows(
      [
        { kind: "+I", row: ["10", 1] },
        { kind: "+I", row: ["9", 2] },
      ],
      true,
    ),
  );
  result.apply(
    rows([
      { kind: "-U", row: ["10", 1] },
      { kind: "+U", row: ["10", 5] },
      { kind: "-D", row: ["9", 2] },
      { kind: "+I", row: ["2", 7] },
    ]),
  );
  assert.deepEqual(result.rows(), [
    ["2", 7],
    ["10", 5],
  ]);
  assert.equal(result.received, 4);
});

test("without a key equal rows are counted, and the newest comes first", () => {
  const result = new ResultRows();
  result.apply(schema([]));
  const same: Change = { kind: "+I", row: ["1", 1] };
  result.apply(rows([same, same, { kind: "+I", row: ["2", 2] }, { ...same, kind: "-D" }]));
  assert.deepEqual(result.rows(), [
    ["2", 2],
    ["1", 1],
  ]);
});

test("a new schema begins anew; the oldest rows go when there are too many", () => {
  const result = new ResultRows();
  result.apply(schema([0]));
  const many = Array.from(
    { length: MAX_ROWS + 2 },
    (_, i): Change => ({ kind: "+I", row: [i, 0] }),
  );
  result.apply(rows(many, true, 3));
  assert.equal(result.rows().length, MAX_ROWS);
  assert.equal(result.missed, 5);
  result.apply(schema([0]));
  assert.deepEqual([result.rows(), result.missed], [[], 0]);
});
