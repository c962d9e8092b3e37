/**
 * A key with half of all rows: every operator that keeps rows of a key must stay about linear in their number.
 *
 * Run:     node tests/bad-input/skewed-key.ts [--rows 1000000] [--only Rank]
 * Out:     a line an operator: CPU seconds for half the rows and for all, and their ratio; 2 is linear, 4 is quadratic.
 * Exit:    1 when a ratio is MOST_RATIO or more (3.5 for OVER by values), or an answer is wrong.
 * Rows:    (id, k, v, ts), in the order of time, ROWS_A_SECOND in a second: k is 0 in every other row, else the row's own number.
 */
import assert from "node:assert/strict";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { commandLine } from "../../testkit/command-line.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";

export const MOST_RATIO = 3;
const ROWS_A_SECOND = 10;
/** OVER by time with a bounded frame drops rows up to 1970, as Flink does. */
const FIRST_MS = 3_600_000;
const ROWS_A_WRITE = 10_000;

interface SkewCase {
  readonly sql: string;
  /** What the sum over the query's last column is, for so many rows. */
  readonly expected: (rows: number) => number;
  /** Above MOST_RATIO, where more is known to be needed. */
  readonly mostRatio?: number;
}

const half = (rows: number) => rows / 2;
/** 1 + 2 + … + n. */
const sumTo = (n: number) => (n * (n + 1)) / 2;
/** Each id comes once more, with a greater value: its first row is taken back. */
const LATEST =
  "SELECT id, MAX(k) AS k, MAX(v) AS v FROM (SELECT id, k, v FROM t UNION ALL SELECT id, k, v + 1 FROM t) GROUP BY id";

/** The last column is summed up. */
export const SKEW_CASES: Readonly<Record<string, SkewCase>> = {
  "Join with keys": {
    sql: "SELECT 1 AS n FROM t JOIN (SELECT DISTINCT k FROM t) d ON t.k = d.k",
    expected: (rows) => rows,
  },
  "Join of rows taken back": {
    sql: `SELECT 1 AS n FROM (SELECT k, v FROM (${LATEST})) a JOIN (SELECT DISTINCT k FROM t) d ON a.k = d.k`,
    expected: (rows) => rows,
  },
  "semi Join": {
    sql: "SELECT 1 AS n FROM t WHERE k IN (SELECT k FROM t WHERE id < 10)",
    expected: (rows) => half(rows) + 5,
  },
  IntervalJoin: {
    sql: "SELECT 1 AS n FROM t a JOIN t b ON a.k = b.k AND a.id = b.id AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' SECOND",
    expected: (rows) => rows,
  },
  "OverAggregate by rows": {
    sql: "SELECT COUNT(*) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS n FROM t",
    expected: (rows) => half(rows) + half(rows) * 3 - 3,
  },
  "OverAggregate by a range": {
    sql: "SELECT COUNT(*) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1' SECOND PRECEDING AND CURRENT ROW) AS n FROM t",
    expected: (rows) => half(rows) + half(rows) * 6 - 15,
  },
  "OverAggregate, unbounded": {
    sql: "SELECT COUNT(*) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS n FROM t",
    expected: (rows) => half(rows) + sumTo(half(rows)),
  },
  "OverAggregate by values": {
    sql: "SELECT COUNT(*) OVER (PARTITION BY k ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS n FROM t",
    expected: (rows) => half(rows) + sumTo(half(rows)),
    // A batch of rows costs the partition's rows once.
    mostRatio: 3.5,
  },
  "Rank, append": {
    sql: "SELECT v AS n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS n FROM t WHERE k = 0) WHERE n <= 2",
    expected: (rows) => 2 * rows - 6,
  },
  "Rank of rows taken back": {
    sql: `SELECT v AS n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS n FROM (${LATEST}) WHERE k = 0) WHERE n <= 2`,
    expected: () => 4,
  },
  "Rank with its number": {
    sql: "SELECT v AS n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS n FROM t WHERE k = 0) WHERE n BETWEEN 2 AND 3",
    expected: (rows) => 2 * rows - 10,
  },
  "COUNT(DISTINCT)": {
    sql: "SELECT n FROM (SELECT k, COUNT(DISTINCT v) AS n FROM t GROUP BY k)",
    expected: (rows) => rows,
  },
  "MIN of rows taken back": {
    sql: `SELECT n FROM (SELECT k, MIN(v) AS n FROM (${LATEST}) WHERE k = 0 GROUP BY k)`,
    expected: () => 1,
  },
  "Session windows": {
    sql: "SELECT COUNT(*) AS n FROM SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND) GROUP BY k, window_start, window_end",
    expected: (rows) => rows,
  },
  "Session windows of a group": {
    sql: "SELECT COUNT(*) AS n FROM t GROUP BY k, SESSION(ts, INTERVAL '5' SECOND)",
    expected: (rows) => rows,
  },
  Deduplicate: {
    sql: "SELECT 1 AS n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) AS n FROM t) WHERE n = 1",
    expected: (rows) => half(rows) + 1,
  },
  Match: {
    sql: `SELECT 1 AS n FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES A.id AS f
      AFTER MATCH SKIP PAST LAST ROW PATTERN (A B) DEFINE B AS B.id > A.id)`,
    expected: (rows) => Math.floor(rows / 4),
  },
  "INTERSECT ALL": {
    sql: "SELECT 1 AS n FROM (SELECT k FROM t INTERSECT ALL SELECT k FROM t)",
    expected: (rows) => rows,
  },
};

export function writeRows(path: string, rows: number): string {
  const file = openSync(path, "w");
  for (let from = 0; from < rows; from += ROWS_A_WRITE) {
    let text = "";
    for (let id = from; id < Math.min(rows, from + ROWS_A_WRITE); id++) {
      const time = new Date(FIRST_MS + (id / ROWS_A_SECOND) * 1000).toISOString().replace("T", " ");
      text += `${id},${id % 2 === 0 ? 0 : id},${id},${time.slice(0, 23)}\n`;
    }
    writeSync(file, text);
  }
  closeSync(file);
  return path;
}

/** CPU seconds of the query over the rows of a file; its answer is looked at. */
export async function secondsOf(of: SkewCase, path: string, rows: number): Promise<number> {
  const engine = new Engine({
    config: {
      "table.exec.mini-batch.enabled": "true",
      "table.exec.mini-batch.allow-latency": "1 s",
      "table.exec.mini-batch.size": "50000",
    },
  });
  engine.execute(`CREATE TABLE t (id BIGINT, k BIGINT, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
    WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '${path}')`);
  const before = process.cpuUsage();
  const answer = await engine.query(`SELECT SUM(n) FROM (${of.sql})`);
  const { user, system } = process.cpuUsage(before);
  assert.equal(Number(answer.rows.at(-1)?.values[0]), of.expected(rows));
  return (user + system) / 1e6;
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const { values } = commandLine({
    usage: "node tests/bad-input/skewed-key.ts [--rows 1000000] [--only Rank]",
    config: {
      options: {
        rows: { type: "string", default: "1000000" },
        only: { type: "string", default: "" },
      },
    },
    numbers: ["rows"],
  });
  const rows = Number(values.rows);
  const folder = temporaryFolder("skewed-key");
  const few = writeRows(join(folder, "few.csv"), rows / 2);
  const all = writeRows(join(folder, "all.csv"), rows);
  for (const [name, of] of Object.entries(SKEW_CASES)) {
    if (!name.includes(values.only)) continue;
    try {
      const less = await secondsOf(of, few, rows / 2);
      const more = await secondsOf(of, all, rows);
      const ratio = more / less;
      if (ratio >= (of.mostRatio ?? MOST_RATIO)) process.exitCode = 1;
      console.log(
        `${name.padEnd(28)} ${less.toFixed(1)} s  ${more.toFixed(1)} s  × ${ratio.toFixed(2)}`,
      );
    } catch (error) {
      process.exitCode = 1;
      console.log(
        `${name.padEnd(28)} ${(error as Error).message.split("\n").slice(0, 6).join(" ")}`,
      );
    }
  }
  rmSync(folder, { recursive: true });
}
