import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { SourceSplit } from "../../contract/source.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { realEnv } from "../../../foundation/host/real-env.ts";
import { openSource, readTexts } from "../connector-harness.test.ts";

const table: Schema = {
  fields: [
    { name: "n", type: types.int() },
    { name: "b", type: types.boolean() },
    { name: "d", type: types.decimal(10, 2) },
    { name: "w", type: types.decimal(30, 5) },
    { name: "s", type: types.string() },
    { name: "t", type: types.timestamp(3) },
    { name: "r", type: types.row([{ name: "x", type: types.tinyint() }]) },
  ],
};
const options = {
  connector: "datagen",
  "rows-per-second": "1000000",
  "number-of-rows": "5000",
  seed: "7",
  "fields.n.min": "1",
  "fields.n.max": "6",
  "fields.d.min": "-5",
  "fields.d.max": "5",
  "fields.s.length": "9",
  "fields.s.var-len": "true",
  "fields.s.null-rate": "0.5",
  "fields.t.max-past": "1 h",
  "fields.r.x.min": "-3",
  "fields.r.x.max": "3",
};

/** The real Env with a clock that stands still. */
const still: Env = {
  ...realEnv(),
  clock: { nowMs: () => 1_700_000_000_000, monotonicMs: () => 0 },
};

test("random values keep to their bounds, and a seed gives the same rows again", async () => {
  const read = async (parallelism: number) => {
    const source = openSource(table, options, { env: still, parallelism });
    return await readTexts(source, await source.discover());
  };
  const rows = await read(1);
  assert.equal(rows.length, 5000);
  for (const row of rows)
    assert.match(
      row,
      /^\+I\[[1-6], (?:true|false), -?[0-5]\.\d\d, \d{1,25}\.\d{5}, (?:null|[0-9a-f]{1,9}), 2023-11-14T2[12]:\S+, \+I\[-?[0-3]\]\]$/,
    );
  const nulls = rows.filter((row) => row.includes("null")).length;
  assert.ok(nulls > 2300 && nulls < 2700, `${nulls} NULLs of 5000`);
  assert.equal(new Set(rows.map((row) => row[3])).size, 6);
  assert.deepEqual(await read(1), rows);
  assert.deepEqual((await read(3)).sort(), rows.sort());
});

test("a sequence ends, goes on where a split says, and pays no heed to projections", async () => {
  const counted = {
    connector: "datagen",
    "rows-per-second": "1000000",
    "fields.n.kind": "sequence",
    "fields.n.start": "-1",
    "fields.n.end": "9998",
    seed: "3",
  };
  const source = openSource(table, counted, { env: still, projection: [[0], [6, 0]] });
  let position: SourceSplit | undefined;
  const splits = await source.discover();
  const head = await readTexts(source, splits, ({ split }) => {
    position = JSON.parse(JSON.stringify(split));
    return false;
  });
  const tail = await readTexts(source, [position!]);
  const all = [...head, ...tail];
  assert.equal(all.length, 10_000);
  all.forEach((row, i) => {
    assert.ok(row.startsWith(`+I[${i - 1}, `), row);
  });
  const whole = openSource(table, counted, { env: still });
  const rows = await readTexts(whole, splits);
  rows.forEach((row, i) => {
    assert.equal(/\[(-?\d+)\]\]$/.exec(row)![1], /, (-?\d+)\]$/.exec(all[i]!)![1]);
  });
});

test("splits of a larger parallelism take turns, so that numbers come in order", async () => {
  const counted = {
    connector: "datagen",
    "rows-per-second": "2000",
    "number-of-rows": "1000",
    "fields.n.kind": "sequence",
    "fields.n.start": "0",
    "fields.n.end": "999",
  };
  const many = openSource(table, counted, { env: still, parallelism: 3, projection: [[0]] });
  const splits = await many.discover();
  assert.equal(splits.length, 3);
  const one = openSource(table, counted, { env: still, projection: [[0]] });
  const rows = await readTexts(one, splits);
  assert.deepEqual(
    rows,
    Array.from({ length: 1000 }, (_, i) => `+I[${i}]`),
  );
});

test("the rate holds: a second's rows at its beginning", async () => {
  let now = 0;
  const sleeps: number[] = [];
  const env: Env = {
    ...realEnv(),
    clock: { nowMs: () => now, monotonicMs: () => now },
    timers: {
      after: (delayMs, callback) => {
        sleeps.push(delayMs);
        now += delayMs;
        queueMicrotask(callback);
        return () => undefined;
      },
      yield: queueMicrotask,
    },
  };
  const slow = { ...options, "rows-per-second": "10", "number-of-rows": "25" };
  const source = openSource(table, slow, { env });
  assert.equal((await readTexts(source, await source.discover())).length, 25);
  assert.deepEqual(sleeps, [1000, 1000]);
});

test("what cannot be generated is refused", () => {
  const one =
    (type: Schema["fields"][number]["type"], more: Record<string, string> = {}) =>
    () =>
      openSource({ fields: [{ name: "f", type }] }, { connector: "datagen", ...more });
  assert.throws(one({ kind: "VARIANT", nullable: true }), { code: "MR3011" });
  assert.throws(one(types.int(), { "fields.f.min": "5", "fields.f.max": "4" }), { code: "MR1003" });
  assert.throws(one(types.int(), { "fields.f.kind": "sequence" }), { code: "MR1002" });
  assert.throws(one(types.int(), { "fields.g.min": "4" }), { code: "MR1001" });
  assert.throws(one(types.tinyint(), { "fields.f.max": "200" }), { code: "MR1003" });
});
