import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedWorld } from "../../../foundation/host/simulated-env.ts";
import type { TypedJson } from "../../../../testkit/conformance/typed-json.ts";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const SEED = 5;
const TYPES =
  "id INT, a ARRAY<STRING>, n ARRAY<INT>, r ARRAY<ROW<x BIGINT, y STRING>>, m MAP<STRING, INT>";

interface Given {
  readonly kind?: "-D" | "-U" | "+U";
  readonly row: readonly TypedJson[];
}

async function answers(select: string, rows: readonly Given[]): Promise<string[]> {
  const world = new SimulatedWorld(SEED);
  const engine = new Engine({ env: world.boot() });
  engine.execute(
    `CREATE TABLE t (${TYPES}) WITH ('connector' = 'values', 'changelog-mode' = 'I,UA,UB,D')`,
  );
  engine.store.register("t", rows as Parameters<typeof engine.store.register>[1]);
  const answer = await world.run(engine.query(select));
  return answer.rows.map(({ text }) => text);
}

const ROWS: readonly Given[] = [
  { row: [1, ["a", null, ""], [7, null], [[1, "x"], null, [null, "y"]], { k: 1, l: null }] },
  { kind: "-D", row: [2, ["b"], [8], [[2, "z"]], { m: 3 }] },
  { row: [3, [], [], [], {}] },
  { row: [4, null, null, null, null] },
];

test("elements of arrays, with NULLs; changes keep their kinds", async () => {
  assert.deepEqual(await answers("SELECT id, e FROM t CROSS JOIN UNNEST(a) AS u (e)", ROWS), [
    "+I[1, a]",
    "+I[1, null]",
    "+I[1, ]",
    "-D[2, b]",
  ]);
});

test("LEFT JOIN keeps rows whose collection is NULL or empty; ordinality counts from 1", async () => {
  const select = "SELECT id, e, o FROM t LEFT JOIN UNNEST(n) WITH ORDINALITY AS u (e, o) ON TRUE";
  assert.deepEqual(await answers(select, ROWS), [
    "+I[1, 7, 1]",
    "+I[1, null, 2]",
    "-D[2, 8, 1]",
    "+I[3, null, null]",
    "+I[4, null, null]",
  ]);
});

test("LEFT JOIN on a condition keeps rows without an element that meets it, over batches of any size", async () => {
  const select = "SELECT id, e FROM t LEFT JOIN UNNEST(n) AS u (e) ON e > id";
  assert.deepEqual(await answers(select, ROWS), [
    "+I[1, 7]",
    "-D[2, 8]",
    "+I[3, null]",
    "+I[4, null]",
  ]);
  const none =
    "SELECT id, x, o FROM t LEFT JOIN UNNEST(r) WITH ORDINALITY AS u (x, y, o) ON y = 'q'";
  assert.deepEqual(await answers(none, ROWS), [
    "+I[1, null, null]",
    "-D[2, null, null]",
    "+I[3, null, null]",
    "+I[4, null, null]",
  ]);
  const numbers = Array.from({ length: 10_000 }, (_, i) => i);
  const many = [1, 2].map((id) => ({ row: [id, null, numbers, null, null] }));
  const odd = "SELECT id, e FROM t LEFT JOIN UNNEST(n) AS u (e) ON id = 1 AND MOD(e, 2) = 1";
  const found = await answers(odd, many);
  assert.equal(found.length, 5001);
  assert.deepEqual([found[0], ...found.slice(-2)], ["+I[1, 1]", "+I[1, 9999]", "+I[2, null]"]);
});

test("rows as elements become columns", async () => {
  const select = "SELECT id, x, y FROM t, UNNEST(r) AS u (x, y)";
  assert.deepEqual(await answers(select, ROWS), [
    "+I[1, 1, x]",
    "+I[1, null, null]",
    "+I[1, null, y]",
    "-D[2, 2, z]",
  ]);
});

test("entries of maps; a condition of the join filters", async () => {
  const all = await answers("SELECT id, k, v FROM t CROSS JOIN UNNEST(m) AS u (k, v)", ROWS);
  assert.deepEqual(all, ["+I[1, k, 1]", "+I[1, l, null]", "-D[2, m, 3]"]);
  const some = await answers("SELECT id, k FROM t JOIN UNNEST(m) AS u (k, v) ON v > 1", ROWS);
  assert.deepEqual(some, ["-D[2, m]"]);
});

test("elements of a multiset come as often as they are in it", async () => {
  const select = `SELECT e FROM (SELECT COLLECT(v) AS c FROM (VALUES 'p', 'q', 'p', 'p') AS w (v))
    CROSS JOIN UNNEST(c) AS u (e)`;
  const rows = await answers(select, []);
  assert.deepEqual(rows.slice(-4), ["+U[p]", "+U[p]", "+U[p]", "+U[q]"]);
});

test("more rows than a batch holds", async () => {
  const long = Array.from({ length: 10_000 }, (_, i) => i);
  const rows = await answers("SELECT e FROM t CROSS JOIN UNNEST(n) AS u (e)", [
    { row: [1, [], long, [], {}] },
  ]);
  assert.deepEqual(
    rows,
    long.map((i) => `+I[${i}]`),
  );
});
