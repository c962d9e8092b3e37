/**
 * Jobs for tests of savepoints: a sequence of numbers is grouped, in this thread, on real files; one job stops at a savepoint on
 * its way, another goes on from it.
 */
import assert from "node:assert/strict";
import type { CollectedRows } from "../../src/dataplane/contract/sink.ts";
import { startJob } from "../../src/dataplane/runtime/run-job.ts";
import {
  prepareRestore,
  type RestoreOptions,
} from "../../src/dataplane/runtime/savepoint/prepare-restore.ts";
import { engineParts } from "../../src/cli/engine.ts";
import { sqlHost } from "../../src/cli/sql-host.ts";
import type { ExecPlan } from "../../src/foundation/plan/exec-node.ts";
import { SqlSession } from "../../src/language/sql/script/sql-session.ts";

export const LAST = 11_000;
/** The source gives a second's rows, 6,000, at once: a job stops behind those, the next one reads the rest at once too. */
/** Groups of MOD(id, GROUPS). */
export const GROUPS = 40;

/** Of the fixtures: keys of two kinds, all forms of accumulators, texts in the log, distinct values. */
export const FIXTURE_QUERY = `SELECT CONCAT('k', CAST(a.k AS STRING)) AS name, COUNT(*) AS n, SUM(a.v) AS s, AVG(a.v) AS mean,
  MAX(CAST(a.id AS STRING)) AS longest, COUNT(DISTINCT MOD(a.v, 3)) AS d FROM numbers a GROUP BY CONCAT('k', CAST(a.k AS STRING))`;

/** A table of the numbers up to LAST with their group; `extra` columns behind it, such as "tag AS CAST(id AS STRING)". */
export function numbers(extra = "", type = "INT"): string {
  return `CREATE TABLE numbers (id BIGINT NOT NULL, k AS MOD(id, ${GROUPS}), v ${type}${extra})
    WITH ('connector' = 'datagen', 'rows-per-second' = '6000', 'fields.id.kind' = 'sequence',
          'fields.id.start' = '1', 'fields.id.end' = '${LAST}', 'fields.v.kind' = 'sequence',
          'fields.v.start' = '1', 'fields.v.end' = '${LAST}');`;
}

export function planOf(query: string, ddl = numbers()): ExecPlan {
  const config = { "execution.runtime-mode": "streaming" };
  const session = new SqlSession({ host: sqlHost(), config });
  session.executeScript(ddl);
  const result = session.execute(query);
  assert.ok(result.kind === "query" || result.kind === "insert", result.kind);
  return result.plan;
}

export interface RunOptions extends RestoreOptions {
  readonly from?: string;
  readonly parallelism?: number;
  /** Stops there at a savepoint once a row has come, with its windows fired or not. */
  readonly stopIn?: string;
  readonly drain?: boolean;
  /** Rows that come before the stop; default one of each group. */
  readonly wanted?: number;
}

/** Runs to the end, or to a savepoint; the last row of each key (the first column). */
export async function run(
  given: ExecPlan,
  folder: string,
  options: RunOptions = {},
): Promise<{
  readonly rows: ReadonlyMap<unknown, readonly unknown[]>;
  readonly savepoint: string;
  /** Rows that were taken back (-U, -D). */
  readonly takenBack: readonly (readonly unknown[])[];
}> {
  const rows = new Map<unknown, readonly unknown[]>();
  const takenBack: (readonly unknown[])[] = [];
  const parts = engineParts({
    collect: ({ kinds, rows: found }: CollectedRows) => {
      for (const [i, row] of (found as readonly (readonly unknown[])[]).entries())
        if (kinds[i] !== 1 && kinds[i] !== 3) rows.set(row[0], row);
        else takenBack.push(row);
    },
  });
  const { from, parallelism = 1, stopIn, drain = false, wanted = GROUPS } = options;
  const plan =
    from === undefined ? given : (await prepareRestore(from, given, parts, options)).plan;
  const job = startJob(plan, {
    ...parts,
    parallelism,
    config: { "execution.checkpointing.dir": `${folder}/checkpoints` },
    ...(from === undefined ? {} : { restoreFrom: from }),
  });
  let savepoint = "";
  if (stopIn !== undefined) {
    while ((rows.size < wanted || job.view.status !== "RUNNING") && job.view.endedMs === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    savepoint = (await job.stopWithSavepoint({ directory: stopIn, drain })).path;
  }
  const result = await job.ended;
  assert.equal(result.failure, null);
  return { rows, savepoint, takenBack };
}

/** What a query over all numbers yields for each group. */
export function expected(of: (ids: readonly number[]) => unknown): ReadonlyMap<string, unknown> {
  const groups = new Map<string, number[]>();
  for (let id = 1; id <= LAST; id++) {
    const key = String(id % GROUPS);
    groups.set(key, [...(groups.get(key) ?? []), id]);
  }
  return new Map([...groups].map(([key, ids]) => [key, of(ids)]));
}
