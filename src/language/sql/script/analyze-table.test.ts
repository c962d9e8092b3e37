import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import { StatisticsStore } from "../statistics/statistics-store.ts";
import { SqlSession } from "./sql-session.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-analyze-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "t.csv");
writeFileSync(
  file,
  "1,aa,1.50,2024-01-01,1970-01-01 00:00:01,true,x\n" +
    "2,bbbb,2.50,2024-01-11,1970-01-01 00:00:02,true,x\n" +
    "2,,-1.00,2024-01-11,1970-01-01 00:00:02,false,y\n" +
    ",bbbb,2.50,2024-01-05,1970-01-01 00:00:01,,y\n",
);

const COLUMNS = "i INT, s STRING, d DECIMAL(10, 2), day_ DATE, t TIMESTAMP(3), b BOOLEAN, p STRING";
const WITH = `WITH ('connector'='filesystem', 'path'='${file}', 'format'='csv', 'csv.null-literal'='')`;

function engine(batch = true): Engine {
  const made = new Engine({ batch });
  made.execute(`CREATE TABLE t (${COLUMNS}, twice AS i * 2) ${WITH}`);
  made.execute(`CREATE TABLE parted (i INT, p INT) PARTITIONED BY (p) WITH ('connector'='datagen', 'number-of-rows'='4',
    'fields.i.kind'='sequence', 'fields.i.start'='10', 'fields.i.end'='13',
    'fields.p.kind'='sequence', 'fields.p.start'='1', 'fields.p.end'='4')`);
  made.execute("CREATE TABLE endless (i INT) WITH ('connector'='datagen')");
  made.execute("CREATE VIEW v AS SELECT i FROM t");
  return made;
}

async function analyze(own: Engine, sql: string): Promise<void> {
  const result = own.execute(sql);
  assert.ok(result.kind === "analyze");
  const { rows } = await own.run({
    ...result,
    kind: "query",
    changelogMode: "insert-only",
    warnings: [],
  });
  own.session.keepStatistics(
    result.analysis,
    rows.map(({ values }) => values),
  );
}

const statisticsOf = (own: Engine, table = "t") =>
  own.session.context.catalog.statistics.of(`default_catalog.default_database.${table}`);

test("FOR ALL COLUMNS: rows, distinct values, NULLs, ranges, lengths", async () => {
  const own = engine();
  await analyze(own, "ANALYZE TABLE t COMPUTE STATISTICS FOR ALL COLUMNS");
  const first = Date.UTC(2024, 0, 1) / 86_400_000;
  assert.deepEqual(statisticsOf(own), {
    rowCount: 4,
    columns: {
      i: { distinctCount: 2, nullCount: 1, min: 1, max: 2 },
      s: { distinctCount: 2, nullCount: 1, averageLength: 10 / 3, maxLength: 4 },
      d: { distinctCount: 3, nullCount: 0, min: -1, max: 2.5 },
      day_: { distinctCount: 3, nullCount: 0, min: first, max: first + 10 },
      t: { distinctCount: 2, nullCount: 0, min: 1000, max: 2000 },
      b: { distinctCount: 2, nullCount: 1 },
      p: { distinctCount: 2, nullCount: 0, averageLength: 1, maxLength: 1 },
    },
  });
});

test("rows alone, then one column: what was known stays; DROP and CREATE forget", async () => {
  const own = engine();
  await analyze(own, "ANALYZE TABLE t COMPUTE STATISTICS FOR COLUMNS i");
  await analyze(own, "ANALYZE TABLE t COMPUTE STATISTICS");
  assert.deepEqual(statisticsOf(own), {
    rowCount: 4,
    columns: { i: { distinctCount: 2, nullCount: 1, min: 1, max: 2 } },
  });
  own.execute("DROP TABLE t");
  own.execute(`CREATE TABLE t (${COLUMNS}) ${WITH}`);
  assert.equal(statisticsOf(own), undefined);
});

test("partitions are counted apart and together", async () => {
  const own = engine();
  const column = (min: number, max: number, partitions: number) => ({
    i: { distinctCount: 1, nullCount: 0, min, max },
    p: { distinctCount: partitions },
  });
  await analyze(own, "ANALYZE TABLE parted PARTITION(p=2) COMPUTE STATISTICS FOR COLUMNS i");
  assert.deepEqual(statisticsOf(own, "parted"), { rowCount: 1, columns: column(11, 11, 1) });
  await analyze(own, "ANALYZE TABLE parted PARTITION(p) COMPUTE STATISTICS FOR COLUMNS i");
  assert.deepEqual(statisticsOf(own, "parted"), { rowCount: 4, columns: column(10, 13, 4) });
});

test("what Flink refuses, in its words", () => {
  const own = engine();
  for (const [sql, expected] of [
    ["ANALYZE TABLE v COMPUTE STATISTICS", /ANALYZE TABLE for a view is not allowed/],
    ["ANALYZE TABLE endless COMPUTE STATISTICS", /does not end/],
    ["ANALYZE TABLE nothing COMPUTE STATISTICS", /Object 'nothing' not found/],
    ["ANALYZE TABLE t COMPUTE STATISTICS FOR COLUMNS i, z", /Column 'z' not found in table 't'/],
    ["ANALYZE TABLE t COMPUTE STATISTICS FOR COLUMNS twice", /Column: twice is a computed column/],
    ["ANALYZE TABLE t PARTITION(p='x') COMPUTE STATISTICS", /is not a partition table/],
    [
      "ANALYZE TABLE parted COMPUTE STATISTICS",
      /given partition keys: \[\] are not match .* \[p\]/,
    ],
  ] as const)
    assert.throws(() => own.execute(sql), expected, sql);
  const sql = "ANALYZE TABLE t COMPUTE STATISTICS";
  assert.throws(() => engine(false).execute(sql), /not supported for streaming mode now/);
  assert.throws(() => new SqlSession().execute(sql), /is not supported/);
});

test("estimates are near the true counts", async () => {
  const own = engine();
  const path = join(folder, "numbers.csv");
  const lines = Array.from({ length: 1000 }, (_, i) => `${i},${i % 20},${i % 7}\n`);
  writeFileSync(path, lines.join(""));
  for (const name of ["n", "m"])
    own.execute(
      `CREATE TABLE ${name} (id INT, g INT, h INT) WITH ('connector'='filesystem', 'path'='${path}', 'format'='csv')`,
    );
  await analyze(own, "ANALYZE TABLE n COMPUTE STATISTICS FOR ALL COLUMNS");
  await analyze(own, "ANALYZE TABLE m COMPUTE STATISTICS FOR COLUMNS id, g");
  for (const [sql, trueRows, factor] of [
    ["SELECT * FROM n", 1000, 1],
    ["SELECT * FROM n WHERE g = 3", 50, 1.01],
    ["SELECT * FROM n WHERE g = 33", 0, 1],
    ["SELECT * FROM n WHERE g IN (3, 5, 7, 9)", 200, 1.01],
    ["SELECT * FROM n WHERE id >= 100 AND id < 300", 200, 1.05],
    ["SELECT * FROM n WHERE id < 100 OR id > 949", 150, 1.1],
    ["SELECT * FROM n WHERE g = 3 AND h = 2", 7, 1.1],
    ["SELECT * FROM n WHERE g <> 3", 950, 1.01],
    ["SELECT * FROM n WHERE g IS NULL", 0, 1],
    ["SELECT g, COUNT(*) FROM n GROUP BY g", 20, 1],
    ["SELECT DISTINCT g, h FROM n", 140, 1],
    ["SELECT n.id FROM n JOIN m ON n.id = m.id", 1000, 1],
    ["SELECT n.id FROM n JOIN m ON n.g = m.g", 50_000, 1.01],
    ["SELECT n.id FROM n JOIN m ON n.g = m.id", 1000, 1.01],
    ["SELECT n.id FROM n JOIN m ON n.id = m.id AND m.g = 3", 50, 1.01],
    ["SELECT n.id FROM n LEFT JOIN m ON n.id = m.id", 1000, 1],
    ["SELECT n.id FROM n WHERE id IN (SELECT g FROM m)", 20, 1.01],
    ["SELECT n.id FROM n WHERE NOT EXISTS (SELECT 1 FROM m WHERE m.g = n.id)", 980, 1.01],
    ["SELECT * FROM n ORDER BY id LIMIT 5", 5, 1],
  ] as const) {
    const result = own.execute(`EXPLAIN ESTIMATED_COST ${sql}`);
    assert.ok(result.kind === "rows");
    const estimate = Number(/rowcount = ([^,]+),/.exec(String(result.rows[0]![0]))![1]);
    const { rows } = await own.query(sql);
    assert.equal(rows.length, trueRows, sql);
    const [low, high] = [trueRows / factor, trueRows * factor];
    assert.ok(
      estimate >= low - 0.5 && estimate <= high + 0.5,
      `${sql}: ${estimate}, not ${trueRows}`,
    );
  }
});

test("merged partitions: sums and extremes, weighted lengths", () => {
  const store = new StatisticsStore();
  const part = (name: string, rowCount: number, averageLength: number, max: number) => ({
    partition: [name],
    statistics: { rowCount, columns: { c: { averageLength, max, nullCount: 1 } } },
  });
  store.keep("t", [part("a", 10, 2, 7), part("b", 30, 6, 5)]);
  assert.deepEqual(store.of("t"), {
    rowCount: 40,
    columns: { c: { nullCount: 2, max: 7, averageLength: 5 } },
  });
  store.keep("t", [part("b", 10, 4, 9)]);
  assert.deepEqual(store.of("t")?.columns.c, { nullCount: 2, max: 9, averageLength: 3 });
});
