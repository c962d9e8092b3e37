/**
 * Rows that operators of time keep, moved when a column of their table has become wider: the end of the job is that of a run
 * which had the wider table from the start.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { loadTestKernels } from "../../testkit/worker-runtime.ts";
import { engineParts } from "../../src/cli/engine.ts";
import { checkRestore } from "../../src/dataplane/runtime/savepoint/prepare-restore.ts";
import { readStateRows } from "../../src/dataplane/runtime/savepoint/read-rows.ts";
import { numbers, planOf, run } from "./savepoint-jobs.ts";

await loadTestKernels();
const parts = engineParts({});
const TIMED = ", ts AS TO_TIMESTAMP_LTZ(id, 0), WATERMARK FOR ts AS ts - INTERVAL '9' SECOND";

interface Case {
  readonly operator: string;
  readonly map: string;
  /** The first column is unique in the result. */
  readonly query: string;
  /** More statements in front of it. */
  readonly ddl?: string;
}

const CASES: readonly Case[] = [
  {
    operator: "OverAggregate",
    map: "history",
    query: `SELECT id, v, COUNT(*) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS s
            FROM numbers`,
  },
  {
    operator: "OverAggregate",
    map: "pending",
    query: `SELECT id, v, COUNT(*) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '200' SECOND PRECEDING AND CURRENT ROW) AS s
            FROM numbers`,
  },
  {
    operator: "OverAggregate",
    map: "rows",
    query: `SELECT id, v, COUNT(*) OVER (PARTITION BY MOD(id, 5500) ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s
            FROM numbers`,
  },
  {
    operator: "TemporalSort",
    map: "pending",
    query: "SELECT id, v FROM numbers ORDER BY ts, k DESC",
  },
  {
    operator: "Match",
    map: "kept",
    query: `SELECT * FROM numbers MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts
              MEASURES LAST(B.id) AS id, FIRST(A.v) AS a, LAST(A.v) AS l, B.v AS b
              ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A{4} B)
              DEFINE B AS B.id > LAST(A.id)) AS m`,
  },
  {
    operator: "IntervalJoin",
    map: "left",
    query: `SELECT a.id, b.v, a.v AS w FROM numbers a JOIN numbers b
            ON a.k = b.k AND a.id = b.id - ${40} AND a.ts BETWEEN b.ts - INTERVAL '60' SECOND AND b.ts`,
  },
  {
    operator: "TemporalJoin",
    map: "right",
    ddl: `CREATE VIEW versions AS SELECT id, n, v, ts FROM
            (SELECT *, ROW_NUMBER() OVER (PARTITION BY n ORDER BY ts DESC) AS rn FROM (SELECT *, MOD(id, 1000) AS n FROM numbers))
          WHERE rn = 1;`,
    query: `SELECT a.id, b.v FROM (SELECT id, ts, MOD(id + 500, 1000) AS n FROM numbers) a
            JOIN versions FOR SYSTEM_TIME AS OF a.ts AS b ON a.n = b.n`,
  },
];

describe("rows kept in time", { concurrency: true }, () => {
  for (const { operator, map, query, ddl = "" } of CASES) {
    test(`${operator}, ${map}`, async () => {
      const folder = temporaryFolder("kept-time");
      const before = planOf(query, numbers(TIMED) + ddl);
      const first = await run(before, folder, { stopIn: folder });
      const path = first.savepoint;
      const table = await readStateRows({ ...parts, path, operator, map });
      let kept = 0;
      for await (const _ of table.rows()) kept++;
      assert.ok(kept > 0, "no rows are kept");
      const names = table.columns.map(({ name }) => name);
      assert.ok(names.includes("v"), names.join(", "));

      const after = planOf(query, numbers(TIMED, "BIGINT") + ddl);
      const { comparison } = await checkRestore(path, after, parts);
      const found = comparison.operators.find(({ type }) => type === operator);
      const reasons = found?.reasons.join("; ") ?? "";
      assert.equal(found?.verdict, "compatible", reasons);
      assert.match(reasons, /'v' of its rows is converted/);
      const next = await run(after, folder, { from: path });
      const whole = await run(after, folder);
      const rows = new Map([...first.rows, ...next.rows]);
      const text = (all: ReadonlyMap<unknown, readonly unknown[]>) =>
        [...all.values()].map((row) => row.map(String).join()).sort();
      assert.ok(next.rows.size > 0 && first.rows.size > 0);
      assert.deepEqual(text(rows), text(whole.rows));
    });
  }
});
