import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { compareRows, countRows, type RowCounts, type RowView, readRows } from "./rows.ts";

function rowsOf(lines: readonly string[], view: RowView = {}): RowCounts {
  const folder = mkdtempSync(join(tmpdir(), "rows-"));
  try {
    writeFileSync(join(folder, "part-0"), lines.map((line) => `${line}\n`).join(""));
    writeFileSync(join(folder, ".part-1.inprogress"), "not JSON");
    return readRows(folder, view);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("rows are equal whatever their order, nulls and the zeros of their timestamps", () => {
  const left = rowsOf(['{"a":1,"t":"2023-11-14 22:13:20.000","n":null}', '{"a":2.50,"t":"x"}']);
  const right = rowsOf(['{"t":"x","a":2.5}', '{"t":"2023-11-14T22:13:20Z","a":1}']);
  assert.deepEqual(compareRows(left, right), { rows: 0, examples: [] });
});

test("a missing duplicate is a difference", () => {
  const difference = compareRows(rowsOf(['{"a":1}', '{"a":1}']), rowsOf(['{"a":1}']));
  assert.equal(difference.rows, 1);
  assert.deepEqual(difference.examples, ['left has 1 more of [["a",1]]']);
});

test("milliseconds count", () => {
  const left = rowsOf(['{"t":"2023-11-14 22:13:20.010"}']);
  assert.equal(compareRows(left, rowsOf(['{"t":"2023-11-14 22:13:20.01"}'])).rows, 0);
  assert.equal(compareRows(left, rowsOf(['{"t":"2023-11-14 22:13:20.001"}'])).rows, 2);
});

test("changes are applied before they are compared", () => {
  const changed = rowsOf([
    '{"before":null,"after":{"k":1,"n":1},"op":"c"}',
    '{"before":{"k":1,"n":1},"after":null,"op":"d"}',
    '{"before":null,"after":{"k":1,"n":2},"op":"c"}',
  ]);
  assert.equal(countRows(changed), 1);
  assert.equal(compareRows(changed, rowsOf(['{"k":1,"n":2}'])).rows, 0);
});

test("columns restrict the comparison", () => {
  const left = rowsOf(['{"a":1,"tie":"x"}'], { columns: ["a"] });
  assert.equal(compareRows(left, rowsOf(['{"a":1,"tie":"y"}'], { columns: ["a"] })).rows, 0);
});

test("with an upsert key the last row counts, whether or not the one before was taken away", () => {
  const lines = [
    '{"before":null,"after":{"k":1,"n":1},"op":"c"}',
    '{"before":null,"after":{"k":1,"n":2},"op":"c"}',
    '{"before":null,"after":{"k":2,"n":5},"op":"c"}',
    '{"before":{"k":2,"n":5},"after":null,"op":"d"}',
  ];
  assert.equal(compareRows(rowsOf(lines, { key: ["k"] }), rowsOf(['{"k":1,"n":2}'])).rows, 0);
});
