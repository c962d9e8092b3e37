/** What simplification shows in results, as answered by a real Flink 2.3. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";

async function answer(select: string): Promise<string[]> {
  const engine = new Engine({ batch: true });
  engine.execute(
    "CREATE TABLE t (nan DOUBLE, missing DOUBLE, f FLOAT, d DOUBLE, p TIMESTAMP(3)) WITH ('connector' = 'values')",
  );
  engine.store.register("t", [{ row: [Number.NaN, null, 1.1, 1.1, "1969-12-31 23:59:59.999"] }]);
  return (await engine.query(`SELECT ${select} FROM t`)).rows.map(({ text }) => text);
}

test("a value equals itself, NaN too, unless it is NULL", async () => {
  assert.deepEqual(
    await answer("nan = nan, nan <> nan, nan >= nan, nan < nan, nan IS NOT DISTINCT FROM nan"),
    ["+I[true, false, true, false, true]"],
  );
  assert.deepEqual(
    await answer("missing = missing, missing < missing, missing IS DISTINCT FROM missing"),
    ["+I[null, null, false]"],
  );
  assert.deepEqual(await answer("nan = nan + 0, NULLIF(nan, nan)"), ["+I[false, null]"]);
});

test("FLOOR of FLOOR and CEIL of CEIL roll up to the coarser unit", async () => {
  assert.deepEqual(await answer("FLOOR(FLOOR(p TO DAY) TO QUARTER), FLOOR(p TO QUARTER)"), [
    "+I[1970-01-01T00:00, 1970-01-01T00:00]",
  ]);
  assert.deepEqual(await answer("CEIL(CEIL(p TO HOUR) TO YEAR), FLOOR(FLOOR(p TO YEAR) TO DAY)"), [
    "+I[1970-01-01T00:00, 1970-01-01T00:00]",
  ]);
});

test("of FLOAT and DOUBLE the first counts in arithmetic, CASE, IF and arrays; COALESCE takes DOUBLE", async () => {
  assert.deepEqual(await answer("TYPEOF(f + d), TYPEOF(d + f), TYPEOF(f / d), f + d, d + f"), [
    "+I[FLOAT, DOUBLE, FLOAT, 2.2, 2.200000023841858]",
  ]);
  assert.deepEqual(
    await answer(
      `TYPEOF(CASE WHEN f > 1 THEN f ELSE d END), TYPEOF(IF(f > 1, d, f)), TYPEOF(ARRAY[f, d]), TYPEOF(COALESCE(f, d)),
       TYPEOF(GREATEST(f, d))`,
    ),
    ["+I[FLOAT, DOUBLE, ARRAY<FLOAT>, DOUBLE, DOUBLE]"],
  );
});
