/**
 * Bad input for every stateful operator: each query reads each input row by row and as one batch, ends without an error, and
 * leaves the same final table; of watermarks only the last, so that no row is late, except where the input is about late rows.
 *
 * Answers: NULL is a group and a partition of its own and joins nothing; NaN is equal to itself; −0.0 and 0.0 are two keys; a row
 *          that is taken back and was never there is dropped or shows no row; a key's second row is one more row.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedWorld } from "../../src/foundation/host/simulated-env.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import { retracted } from "../../testkit/conformance/row-compare.ts";
import { QUERIES } from "./stateful-queries.ts";
import type { ValuesEvent } from "../../testkit/values/values-store.ts";

const SEED = 3;
const AT = (second: number) => ({ $timestamp: new Date(second * 1000).toISOString().slice(0, 19) });
const double = (text: string) => ({ $double: text });
/** (id INT, k DOUBLE, s STRING, d DECIMAL(38, 0), ts TIMESTAMP(3)). */
const row = (id: number, k: unknown, s: string | null, d: string | null, second: number) => ({
  row: [id, k, s, d === null ? null : { $decimal: d }, AT(second)],
});
const took = (kind: string, event: { readonly row: readonly unknown[] }): ValuesEvent => ({
  ...event,
  kind,
});

const MOST = "9".repeat(38);
const HALF = Array.from({ length: 400 }, (_, i) =>
  row(i, i % 2 === 0 ? 1 : i, i % 2 === 0 ? "hot" : `s${i}`, String(i), 1 + (i % 50)),
);

interface BadInput {
  readonly events: readonly ValuesEvent[];
  /** It takes rows back; queries that only take inserts leave it out. */
  readonly changes?: boolean;
  /** Which rows are late depends on the batches: only that it ends is checked. */
  readonly late?: boolean;
}

const INPUTS: Readonly<Record<string, BadInput>> = {
  "keys that are NULL everywhere": {
    events: [row(1, null, null, null, 1), row(2, null, null, null, 2), row(3, null, null, "1", 3)],
  },
  "NaN, -0 and infinities": {
    events: [
      row(1, double("NaN"), "a", "1", 1),
      row(2, double("NaN"), "a", "2", 2),
      row(3, double("-0.0"), "b", "3", 3),
      row(4, 0, "b", "4", 4),
      row(5, double("Infinity"), "c", "5", 5),
      row(6, double("-Infinity"), "c", "6", 6),
    ],
  },
  "decimals at their ends": {
    events: [
      row(1, 1, "a", MOST, 1),
      row(2, 1, "a", `-${MOST}`, 2),
      row(3, 2, "b", MOST, 3),
      row(4, 2, "b", "0", 4),
    ],
  },
  "a watermark that jumps by ages": {
    events: [
      row(1, 1, "a", "1", 1),
      row(2, 1, "a", "2", 4_000_000_000),
      row(3, 1, "a", "3", 4_000_000_001),
    ],
  },
  "rows behind any watermark": {
    events: [row(1, 1, "a", "1", 4_000_000_000), row(2, 1, "a", "2", 1), row(3, 2, "b", "3", 0)],
    late: true,
  },
  "the same row and the same key again and again": {
    events: Array.from({ length: 30 }, (_, i) => row(1, 1, "a", "1", 1 + (i % 2))),
  },
  "rows taken back that were never there": {
    events: [
      took("-D", row(1, 1, "a", "1", 1)),
      took("-U", row(2, 2, "b", "2", 2)),
      row(3, 3, "c", "3", 3),
      took("-D", row(4, null, null, null, 4)),
    ],
    changes: true,
  },
  "a key with half of all rows": { events: HALF },
  "a text of a million letters as key": {
    events: [row(1, 1, "x".repeat(1_000_000), "1", 1), row(2, 1, "x".repeat(1_000_000), "2", 2)],
  },
};

/** The last row of each text, by time. */
const VERSIONS = `CREATE VIEW v AS SELECT s, ts, id FROM
  (SELECT *, ROW_NUMBER() OVER (PARTITION BY s ORDER BY ts DESC) n FROM t) WHERE n = 1`;

/** Rows without their kinds: `[1, a]`. What depends on which of equal rows comes first is no column of the queries. */
async function finalRows(sql: string, { events, changes }: BadInput, batchRows: number) {
  const world = new SimulatedWorld(SEED);
  const engine = new Engine({ env: world.boot() });
  const mode = changes === true ? ", 'changelog-mode' = 'I,UA,UB,D'" : "";
  engine.execute(
    `CREATE TABLE t (id INT, k DOUBLE, s STRING, d DECIMAL(38, 0), ts TIMESTAMP(3),
       WATERMARK FOR ts AS ts - INTERVAL '60' SECOND) WITH ('connector' = 'values'${mode})`,
  );
  engine.execute(VERSIONS);
  engine.store.register("t", events, { batchRows });
  const { rows } = await world.run(engine.query(sql));
  return retracted(rows)
    .map((each) => each.text.slice(2))
    .map((text) => (text.length > 200 ? `${text.slice(0, 100)}…${text.length}` : text))
    .sort();
}

for (const [operator, { sql, changes = false }] of Object.entries(QUERIES))
  test(`${operator}: bad input`, async (t) => {
    for (const [name, input] of Object.entries(INPUTS)) {
      if (input.changes === true && !changes) continue;
      await t.test(name, async () => {
        const one = await finalRows(sql, input, 1);
        const all = await finalRows(sql, input, 1_000);
        if (input.late !== true) assert.deepEqual(all, one);
      });
    }
  });

test("the answers that the rules above name", async () => {
  const input = (name: string) => INPUTS[name]!;
  const groups = "SELECT k, COUNT(*) FROM t GROUP BY k";
  assert.deepEqual(await finalRows(groups, input("keys that are NULL everywhere"), 1), [
    "[null, 3]",
  ]);
  assert.deepEqual(await finalRows(groups, input("NaN, -0 and infinities"), 1), [
    "[-0.0, 1]",
    "[-Infinity, 1]",
    "[0.0, 1]",
    "[Infinity, 1]",
    "[NaN, 2]",
  ]);
  const pairs = QUERIES.Join!.sql;
  assert.deepEqual(await finalRows(pairs, input("keys that are NULL everywhere"), 1), []);
  assert.deepEqual(await finalRows(pairs, input("NaN, -0 and infinities"), 1), ["[1, 2]"]);
  const sums = "SELECT s, SUM(d) FROM t GROUP BY s";
  assert.deepEqual(await finalRows(sums, input("decimals at their ends"), 1), [
    "[a, 0]",
    `[b, ${MOST}]`,
  ]);
  assert.deepEqual(await finalRows(groups, input("rows taken back that were never there"), 1), [
    "[3.0, 1]",
  ]);
});
