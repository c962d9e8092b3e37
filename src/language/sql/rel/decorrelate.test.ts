import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const TABLES = [
  "CREATE VIEW o AS SELECT * FROM (VALUES (1, 10), (2, 20), (3, 30)) AS v(id, x)",
  "CREATE VIEW t AS SELECT * FROM (VALUES (1, 9, 'a'), (2, 8, 'b'), (4, 16, 'c'), (10, 20, 'd'), (10, 10, 'e')) AS v(k, n, s)",
];

/** The rows as texts, sorted. */
async function rowsOf(sql: string): Promise<string[]> {
  const engine = new Engine({ batch: true });
  for (const statement of TABLES) engine.execute(statement);
  const { rows } = await engine.query(sql);
  return rows.map(({ text }) => text).sort();
}

for (const [what, sql, expected] of [
  [
    "an aggregate by an expression: one row for all its keys",
    "SELECT id, (SELECT COUNT(*) FROM t WHERE t.k + t.n = o.x) FROM o",
    ["+I[1, 2]", "+I[2, 2]", "+I[3, 1]"],
  ],
  [
    "an aggregate below other comparisons",
    "SELECT id, (SELECT SUM(n) FROM t WHERE t.n > o.x) FROM o",
    ["+I[1, 36]", "+I[2, null]", "+I[3, null]"],
  ],
  [
    "COUNT of nothing is 0",
    "SELECT id FROM o WHERE 0 = (SELECT COUNT(*) FROM t WHERE t.n > o.x AND t.k > o.id)",
    ["+I[2]", "+I[3]"],
  ],
  [
    "a grouped aggregate below other comparisons",
    "SELECT id FROM o WHERE EXISTS (SELECT k FROM t WHERE t.n < o.x GROUP BY k HAVING COUNT(*) > 1)",
    ["+I[3]"],
  ],
  [
    "ORDER BY … LIMIT with OFFSET, in a lateral join",
    "SELECT id, s FROM o, LATERAL (SELECT s FROM t WHERE t.k = o.x ORDER BY n LIMIT 1 OFFSET 1)",
    ["+I[1, d]"],
  ],
  [
    "OVER",
    "SELECT id, c FROM o, LATERAL (SELECT COUNT(*) OVER () AS c FROM t WHERE t.k = o.x)",
    ["+I[1, 2]", "+I[1, 2]"],
  ],
  [
    "OR with a common part",
    "SELECT id, (SELECT COUNT(*) FROM t WHERE (t.k = o.id AND t.n > 8) OR (t.k = o.id AND o.x > 15)) FROM o",
    ["+I[1, 1]", "+I[2, 1]", "+I[3, 0]"],
  ],
] as const) {
  test(what, async () => {
    assert.deepEqual(await rowsOf(sql), expected);
  });
}

test("what stays correlated is refused", async () => {
  await assert.rejects(
    rowsOf("SELECT id FROM o, LATERAL (SELECT s FROM t WHERE t.k < o.x ORDER BY n LIMIT 1)"),
    /LIMIT below other than equality/,
  );
});

test("behind GROUP BY a subquery reads the groups; what is not grouped by is refused", async () => {
  const groups = "FROM t GROUP BY n, k HAVING k > 1";
  assert.deepEqual(
    await rowsOf(`SELECT MAX(s), EXISTS (SELECT 1 FROM o WHERE o.x = t.n) ${groups}`),
    ["+I[b, false]", "+I[c, false]", "+I[d, true]", "+I[e, true]"],
  );
  const byKey = "SELECT k, (SELECT SUM(x) FROM o WHERE o.id <= t.k), COUNT(*) FROM t GROUP BY k";
  assert.deepEqual(await rowsOf(byKey), [
    "+I[1, 10, 1]",
    "+I[10, 60, 2]",
    "+I[2, 30, 1]",
    "+I[4, 60, 1]",
  ]);
  const having = "SELECT k FROM t GROUP BY k HAVING EXISTS (SELECT 1 FROM o WHERE o.id = t.k)";
  assert.deepEqual(await rowsOf(having), ["+I[1]", "+I[2]"]);
  for (const clause of ["k", "k, s"])
    await assert.rejects(
      rowsOf(`SELECT EXISTS (SELECT 1 FROM o WHERE o.x = t.n), MAX(n) FROM t GROUP BY ${clause}`),
      { code: "MR2112" },
    );
});
