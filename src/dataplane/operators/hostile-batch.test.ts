/** Bounded queries over hostile files: huge rows, a key with half of all rows, NULLs as keys, folders with an empty and a cut-off file. */
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Engine } from "../../../testkit/conformance/engine.ts";
import { temporaryFolder } from "../../../testkit/temporary-folder.ts";
import { toMillraceError } from "../../foundation/base/errors.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const folder = temporaryFolder("hostile-batch");
const MB = 1024 * 1024;
const SORTED = {
  "table.exec.disabled-operators": "BroadcastHashJoin, ShuffleHashJoin, HashAgg",
};

async function rowsOf(ddl: string, sql: string, config: Readonly<Record<string, string>> = {}) {
  const engine = new Engine({ batch: true, config });
  engine.execute(ddl);
  const result = engine.execute(sql);
  assert.ok(result.kind === "query");
  const sink = result.plan.nodes.findLast(({ type }) => type === "Sink");
  assert.ok(sink?.type === "Sink");
  await engine.runPlan(result.plan, { parallelism: 2 });
  return engine.rowsOf(sink.table.name).map(({ text }) => text);
}

const table = (columns: string, path: string) =>
  `CREATE TABLE t (${columns}) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '${path}')`;

/** Rows 1 to 3, the second with a text of so many MB. */
function longRows(name: string, megabytes: number): string {
  const path = join(folder, name);
  const file = openSync(path, "w");
  writeSync(file, "1,a\n2,");
  const part = Buffer.alloc(MB, "x");
  for (let i = 0; i < megabytes; i++) writeSync(file, part);
  writeSync(file, "\n3,b\n");
  closeSync(file);
  return path;
}

test("a text of 50 MB is sorted, joined, grouped and passed through OVER", async () => {
  const ddl = table("a INT, s STRING", longRows("long.csv", 50));
  const length = 50 * MB;
  const before = process.memoryUsage().rss;
  let most = 0;
  for (const [sql, expected] of [
    ["SELECT a, CHAR_LENGTH(s) FROM t ORDER BY a DESC", ["3, 1", `2, ${length}`, "1, 1"]],
    [
      "SELECT a, CHAR_LENGTH(s) FROM (SELECT * FROM t ORDER BY s DESC LIMIT 2000)",
      [`2, ${length}`, "3, 1", "1, 1"],
    ],
    [
      "SELECT x.a, CHAR_LENGTH(y.s) FROM t AS x JOIN t AS y ON x.s = y.s AND x.a > 1",
      ["3, 1", `2, ${length}`],
    ],
    ["SELECT COUNT(*), MAX(n) FROM (SELECT s, COUNT(*) AS n FROM t GROUP BY s)", ["3, 1"]],
    [
      "SELECT a, CHAR_LENGTH(p) FROM (SELECT a, LAG(s) OVER (PARTITION BY a > 0 ORDER BY a) AS p FROM t)",
      ["1, null", "2, 1", `3, ${length}`],
    ],
  ] as const)
    for (const config of /JOIN|GROUP/.test(sql) ? [{}, SORTED] : [{}]) {
      assert.deepEqual(
        (await rowsOf(ddl, sql, config)).sort(),
        expected.map((text) => `+I[${text}]`).sort(),
        sql,
      );
      most = Math.max(most, process.memoryUsage().rss - before);
      // The memories of engines that are over: when they go by themselves is the collector's affair.
      collectGarbage();
    }
  // Two workers, input, exchange, state and output: 20 times the text was measured, whatever the operators.
  assert.ok(most < 25 * length, `${Math.round(most / MB)} MB more`);
});

test("a record beyond what a file's may be is an error that names the file and the place", async () => {
  const path = join(folder, "too-long.csv");
  writeFileSync(path, "1,a\n2,");
  truncateSync(path, 520 * MB);
  await assert.rejects(rowsOf(table("a INT, s STRING", path), "SELECT a FROM t"), (error) => {
    const { code, message, place } = toMillraceError(error);
    assert.match(place.source ?? "", /too-long\.csv, line 2$/);
    return code === "MR3006" && message.includes("too-long.csv");
  });
});

test("a row larger than the memory there may be is an error that names its place, its size and the remedy", async () => {
  const ddl = table("a INT, s STRING", longRows("beyond-memory.csv", 9));
  const config = { "state.backend.rocksdb.memory.fixed-per-slot": "6mb" };
  await assert.rejects(rowsOf(ddl, "SELECT s, COUNT(*) FROM t GROUP BY s", config), (error) => {
    const { code, message, hint, place } = toMillraceError(error);
    assert.equal(code, "MR5026");
    assert.ok(message.includes(`${9 * MB} bytes, ${9 * MB} of them in 's'`), message);
    assert.ok(message.includes(`${6 * MB} bytes in all`), message);
    assert.match(place.source ?? "", /beyond-memory\.csv, line 2$/);
    return hint.includes("taskmanager.memory.managed.size");
  });
});

test("a key with half of all rows, NULLs as keys: joins, aggregates and OVER within 24 MB", async () => {
  const path = join(folder, "skew.csv");
  const count = 60_000;
  const lines = Array.from({ length: count }, (_, i) => {
    const key = i % 2 === 0 ? "-7" : i % 5 === 0 ? "" : String(i);
    return `${key},${i},some text that makes the row longer\n`;
  });
  writeFileSync(path, lines.join(""));
  const columns = "k INT, v INT, s STRING";
  const ddl = table(columns, path).replace("'format'", "'csv.null-literal' = '', 'format'");
  const config = { "state.backend.rocksdb.memory.fixed-per-slot": "24mb" };
  const sorted = { ...config, ...SORTED };
  const withKey = lines.filter((line) => !line.startsWith(",")).length;
  const groups = new Set(lines.map((line) => line.split(",")[0])).size;
  for (const [sql, expected] of [
    [
      "SELECT COUNT(*) FROM t AS a JOIN (SELECT k, MAX(v) AS v FROM t GROUP BY k) AS b ON a.k = b.k",
      `${withKey}`,
    ],
    [
      "SELECT COUNT(*), COUNT(b.k) FROM t AS a LEFT JOIN (SELECT DISTINCT k FROM t) AS b ON a.k = b.k",
      `${count}, ${withKey}`,
    ],
    [
      "SELECT COUNT(*), MAX(n) FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k)",
      `${groups}, ${count / 2}`,
    ],
    [
      "SELECT COUNT(*), SUM(n) FROM (SELECT a.k, COUNT(*) AS n FROM t AS a JOIN (SELECT DISTINCT k FROM t) AS b ON a.k = b.k GROUP BY a.k)",
      `${groups - 1}, ${withKey}`,
    ],
    [
      "SELECT COUNT(*), MAX(n) FROM (SELECT ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS n FROM t)",
      `${count}, ${count / 2}`,
    ],
  ] as const)
    for (const options of [config, sorted])
      assert.deepEqual(await rowsOf(ddl, sql, options), [`+I[${expected}]`], sql);
});

test("NaN, negative zero, and the extremes of DECIMAL: sorted, grouped and joined by their bits", async () => {
  const path = join(folder, "numbers.csv");
  const great = `${"9".repeat(36)}.99`;
  writeFileSync(path, `NaN,${great}\n-0.0,-${great}\n0.0,0\nNaN,${great}\n-Infinity,\n`);
  const ddl = table("d DOUBLE, n DECIMAL(38, 2)", path).replace(
    "'format'",
    "'csv.null-literal' = '', 'format'",
  );
  const sorted = await rowsOf(ddl, "SELECT d FROM t ORDER BY d");
  assert.deepEqual(
    sorted,
    ["-Infinity", "-0.0", "0.0", "NaN", "NaN"].map((d) => `+I[${d}]`),
  );
  for (const config of [{}, SORTED]) {
    const pairs = await rowsOf(
      ddl,
      "SELECT a.d, COUNT(*) FROM t AS a JOIN t AS b ON a.d = b.d GROUP BY a.d",
      config,
    );
    assert.deepEqual(pairs.sort(), ["+I[-0.0, 1]", "+I[-Infinity, 1]", "+I[0.0, 1]", "+I[NaN, 4]"]);
    const sums = await rowsOf(ddl, "SELECT n, COUNT(*), SUM(n) FROM t GROUP BY n", config);
    assert.deepEqual(
      sums.sort(),
      [
        `+I[-${great}, 1, -${great}]`,
        "+I[0.00, 1, 0.00]",
        `+I[${great}, 2, null]`,
        "+I[null, 1, null]",
      ].sort(),
    );
  }
});

test("a folder with an empty file and one that is cut off", async () => {
  const path = join(folder, "parts");
  mkdirSync(path);
  writeFileSync(join(path, "a.csv"), "1,a\n2,b\n");
  writeFileSync(join(path, "b.csv"), "");
  writeFileSync(join(path, "c.csv"), "3,c\n4");
  const ddl = table("a INT, s STRING", path);
  await assert.rejects(rowsOf(ddl, "SELECT * FROM t"), (error) => {
    const { code, message } = toMillraceError(error);
    return code === "MR3101" && message.includes("c.csv, line 2");
  });
  const lenient = ddl.replace("'format'", "'csv.ignore-parse-errors' = 'true', 'format'");
  const rows = await rowsOf(lenient, "SELECT * FROM t ORDER BY a");
  assert.deepEqual(rows, ["+I[1, a]", "+I[2, b]", "+I[3, c]", "+I[4, null]"]);
});
