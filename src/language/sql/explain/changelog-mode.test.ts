/** The kinds of change that EXPLAIN CHANGELOG_MODE tells are those that Flink's inference gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const TABLES = {
  inserts: ["I", "k INT, v INT"],
  changes: ["I,UA,UB,D", "k INT, v INT"],
} as const;

const CASES: Readonly<Record<string, string>> = {
  "SELECT k FROM inserts": "I",
  "SELECT k, COUNT(*) FROM inserts GROUP BY k": "I,UB,UA",
  "SELECT k, COUNT(*) FROM changes GROUP BY k": "I,UB,UA,D",
  "SELECT a.v FROM inserts a JOIN inserts b ON a.k = b.k": "I",
  "SELECT a.v FROM inserts a LEFT JOIN inserts b ON a.k = b.k": "I,UB,UA,D",
  "SELECT n FROM (SELECT k, COUNT(*) n FROM inserts GROUP BY k) UNION ALL SELECT v FROM inserts":
    "I,UB,UA",
  "SELECT k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME()) n FROM inserts) WHERE n = 1":
    "I",
};

for (const [sql, expected] of Object.entries(CASES))
  test(`${sql}: ${expected}`, () => {
    const engine = new Engine();
    for (const [name, [mode, columns]] of Object.entries(TABLES))
      engine.execute(`CREATE TABLE ${name} (${columns}) WITH ('connector' = 'values',
        'bounded' = 'false', 'changelog-mode' = '${mode}')`);
    const result = engine.execute(`EXPLAIN CHANGELOG_MODE ${sql}`);
    assert.equal(result.kind, "rows");
    const text = JSON.stringify(result.kind === "rows" ? result.rows : []);
    const physical = text.slice(text.indexOf("== Optimized Physical Plan =="));
    assert.equal(/changelogMode=\[([^\]]*)\]/.exec(physical)?.[1], expected);
  });
