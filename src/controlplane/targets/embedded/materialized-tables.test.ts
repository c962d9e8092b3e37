/** Materialized tables and statistics end to end: this engine's jobs in processes, files as tables, the real clock. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { snapshotTools } from "../../../cli/snapshot-tools.ts";
import { checkingHost } from "../../../cli/sql-host.ts";
import { realEnv } from "../../../foundation/host/real-env.ts";
import { DeploymentController } from "../../controller/deployments.ts";
import { MaterializedTables } from "../../controller/materialized-tables.ts";
import { PreviewRunner } from "../../controller/preview.ts";
import { Workspace } from "../../controller/workspace.ts";
import { Store } from "../../store/store.ts";
import { EmbeddedTarget } from "./embedded-target.ts";

const env = realEnv();
const base = mkdtempSync(join(tmpdir(), "millrace-materialized-"));
const store = Store.open(":memory:");
const WAIT_MS = 30_000;

function newTarget(): EmbeddedTarget {
  return new EmbeddedTarget({
    env,
    jobsFolder: join(base, "jobs"),
    savepointsFolder: join(base, "savepoints"),
    entry: new URL("../../../cli/job.worker.ts", import.meta.url),
    snapshots: snapshotTools(),
  });
}

after(async () => {
  await newTarget().prune(new Set());
  await store.close();
  await rm(base, { recursive: true });
});

async function platform() {
  const target = newTarget();
  const host = { ...checkingHost(), jobs: true, analyses: true };
  const workspace = new Workspace({ ddl: "", host });
  const planScript = (script: string) => workspace.planScript(script);
  const deployments = new DeploymentController({ store, target, env, planScript });
  const materialized = new MaterializedTables({ store, target, env, deployments, workspace });
  await workspace.statistics.load(store);
  await materialized.load();
  await deployments.recover();
  await materialized.schedule();
  const previews = new PreviewRunner({
    target,
    env,
    planQuery: (sql) => workspace.planQuery(sql),
    jobs: deployments,
    materialized,
    keepStatistics: (found) => workspace.statistics.keep(store, found),
  });
  const rows = async (sql: string) => {
    const found: unknown[][] = [];
    const preview = await previews.prepare(sql);
    for await (const event of preview.run(AbortSignal.timeout(WAIT_MS)))
      if (event.kind === "rows") for (const { values } of event.rows) found.push([...values]);
    return found;
  };
  const close = async () => {
    materialized.close();
    await deployments.suspendAll();
    await deployments.close();
  };
  return { rows, close };
}

/** Every row of a table of files. */
function contents(folder: string): Record<string, number>[] {
  const path = join(base, folder);
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".json") && !name.split("/").at(-1)!.startsWith("."))
    .flatMap((name) => readFileSync(join(path, name), "utf8").trim().split("\n"))
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, number>);
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!attempt(holds)) {
    assert.ok(Date.now() < end, "it did not come about in time");
    await sleep(50);
  }
}

/** A folder may not be there yet, or be replaced at this moment. */
function attempt(holds: () => boolean): boolean {
  try {
    return holds();
  } catch {
    return false;
  }
}

const files = (path: string) =>
  `WITH ('connector' = 'filesystem', 'path' = '${join(base, path)}', 'format' = 'json')`;

test("a continuous table goes on from its savepoint: no row is missing, none comes twice", async () => {
  const first = await platform();
  await first.rows(`CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '200',
    'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '1000000');
    CREATE MATERIALIZED TABLE copied ${files("copied")} FRESHNESS = INTERVAL '1' SECOND
    AS SELECT id, id * 2 AS v FROM numbers`);
  await until(() => contents("copied").length > 0);
  await first.rows("ALTER MATERIALIZED TABLE copied SUSPEND");
  const before = contents("copied").length;
  await first.close();
  const next = await platform();
  const shown = String(await next.rows("SHOW CREATE MATERIALIZED TABLE copied"));
  assert.match(shown, /-- refresh status: SUSPENDED/);
  await next.rows("ALTER MATERIALIZED TABLE copied RESUME");
  await until(() => contents("copied").length > before);
  await next.rows("ALTER MATERIALIZED TABLE copied RENAME TO copies");
  const renamed = contents("copied").length;
  await until(() => contents("copied").length > renamed);
  await next.rows("ALTER MATERIALIZED TABLE copies SUSPEND");
  const ids = contents("copied").map(({ id }) => id!);
  assert.deepEqual(
    ids.sort((a, b) => a - b),
    ids.map((_, i) => i + 1),
  );
  await next.rows("DROP MATERIALIZED TABLE copies");
  await next.close();
});

test("a table in full follows its files by the clock; statistics of one are kept", async () => {
  mkdirSync(join(base, "in"));
  const write = (name: string, ids: readonly number[]) =>
    writeFileSync(join(base, "in", name), ids.map((id) => `{"id":${id}}\n`).join(""));
  write("a.json", [1, 2, 2]);
  const SOURCE = `CREATE TABLE source (id INT) ${files("in")}`;
  const first = await platform();
  await first.rows(`${SOURCE};
    CREATE MATERIALIZED TABLE counted ${files("counted")} FRESHNESS = INTERVAL '1' SECOND
    REFRESH_MODE = FULL AS SELECT id, COUNT(*) AS n FROM source GROUP BY id`);
  const total = () => contents("counted").reduce((sum, { n }) => sum + n!, 0);
  await until(() => total() === 3);
  write("b.json", [7]);
  await until(() => total() === 4 && contents("counted").length === 3);
  await first.rows("ALTER MATERIALIZED TABLE counted SUSPEND");
  const BATCH = "SET 'execution.runtime-mode' = 'batch'";
  await first.rows(`${BATCH}; ${SOURCE}; ANALYZE TABLE source COMPUTE STATISTICS FOR ALL COLUMNS`);
  write("b.json", [7, 8, 9, 10, 11]);
  await first.close();
  const next = await platform();
  const estimate = async (table: string) =>
    /rowcount = ([\d.]+)/.exec(
      String(await next.rows(`${BATCH}; ${table}; EXPLAIN ESTIMATED_COST SELECT * FROM source`)),
    )?.[1];
  assert.equal(await estimate(SOURCE), "4.0", "as the analysis found it");
  const other = `CREATE TABLE source (id INT) ${files("in/b.json")}`;
  assert.notEqual(await estimate(other), "4.0", "another table of that name");
  await next.rows("DROP MATERIALIZED TABLE counted");
  await next.close();
});
