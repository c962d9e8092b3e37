import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { baseErrors } from "../../foundation/base/errors.ts";
import { SimulatedWorld } from "../../foundation/host/simulated-env.ts";
import { Store } from "../store/store.ts";
import { DeploymentController } from "./deployments.ts";
import { MaterializedTables } from "./materialized-tables.ts";
import { PreviewRunner } from "./preview.ts";
import { SimulatedTarget } from "./simulated-target.test.ts";
import { Workspace } from "./workspace.ts";

const DDL = `CREATE TABLE numbers (id BIGINT, v INT) WITH ('connector' = 'datagen');
CREATE TABLE files (id BIGINT, v INT) WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json');`;
const HOURS_MS = 3_600_000;

const CONTINUOUS = `CREATE MATERIALIZED TABLE totals WITH ('connector' = 'collect')
  FRESHNESS = INTERVAL '30' SECOND AS SELECT id, SUM(v) AS v FROM numbers GROUP BY id`;
const FULL = `CREATE MATERIALIZED TABLE daily
  WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'json')
  FRESHNESS = INTERVAL '1' HOUR AS SELECT id, SUM(v) AS v FROM files GROUP BY id`;

async function platform(
  store = Store.open(":memory:"),
  target = new SimulatedTarget(),
  world = new SimulatedWorld(3),
) {
  const env = world.boot();
  const workspace = new Workspace({ ddl: DDL, host: { jobs: true, analyses: true } });
  const planScript = (script: string) => workspace.planScript(script);
  const deployments = new DeploymentController({ store, target, env, planScript });
  const materialized = new MaterializedTables({ store, target, env, deployments, workspace });
  await materialized.load();
  await deployments.recover();
  await materialized.schedule();
  const planQuery = (sql: string) => workspace.planQuery(sql);
  const previews = new PreviewRunner({ target, env, planQuery, jobs: deployments, materialized });
  const rows = async (sql: string) => {
    const found: unknown[][] = [];
    const preview = await previews.prepare(sql);
    for await (const event of preview.run(AbortSignal.timeout(5_000)))
      if (event.kind === "rows") for (const { values } of event.rows) found.push([...values]);
    return found;
  };
  const close = async () => {
    materialized.close();
    await deployments.close();
  };
  return { store, target, world, workspace, deployments, rows, close };
}

async function pass(world: SimulatedWorld, spanMs: number): Promise<void> {
  await sleep(5);
  await world.advance(spanMs);
  await sleep(20);
}

test("SUSPEND takes a savepoint, RESUME goes on from it with its options", async () => {
  const { rows, target, store, world, close } = await platform();
  assert.deepEqual(await rows(CONTINUOUS), [["OK"]]);
  const [first] = target.started;
  assert.equal(first!.request.plan.config["execution.checkpointing.interval"], "30000 ms");
  await assert.rejects(rows(CONTINUOUS), /already exists/);
  await assert.rejects(rows("ALTER MATERIALIZED TABLE totals RESUME"), { code: "MR6025" });
  await assert.rejects(rows("ALTER MATERIALIZED TABLE totals REFRESH"), /not supported/);
  await rows("ALTER MATERIALIZED TABLE totals SUSPEND");
  assert.equal(first!.view().status, "FINISHED");
  await assert.rejects(rows("ALTER MATERIALIZED TABLE totals SUSPEND"), { code: "MR6025" });
  const shown = async (again = rows) =>
    String((await again("SHOW CREATE MATERIALIZED TABLE totals"))[0]);
  assert.match(await shown(), /REFRESH_MODE = CONTINUOUS[\s\S]*-- refresh status: SUSPENDED\n/);
  await close();

  const next = await platform(store, target, world);
  assert.equal(target.started.length, 1, "it stays suspended");
  assert.match(await shown(next.rows), /-- refresh status: SUSPENDED\n/);
  target.failure = baseErrors.INTERNAL({ message: "no room" });
  const wrong = next.rows("ALTER MATERIALIZED TABLE totals RESUME WITH ('max-rows' = '5')");
  await assert.rejects(wrong, /no room/);
  target.failure = undefined;
  assert.doesNotMatch((await next.deployments.list())[0]!.script, /RESUME/);
  await next.rows("ALTER MATERIALIZED TABLE totals RESUME WITH ('max-rows' = '7')");
  const { request } = target.started[1]!;
  assert.equal(request.restoreFrom, `/savepoints/of-${first!.jobId.slice(0, 4)}`);
  const sink = request.plan.nodes.at(-1)!;
  assert.ok(sink.type === "Sink" && sink.table.options["max-rows"] === "7");
  const uids = (nodes: readonly { readonly uid?: string; readonly type: string }[]) =>
    nodes.map(({ uid, type }) => `${type} ${uid}`);
  assert.deepEqual(uids(request.plan.nodes), uids(first!.request.plan.nodes));
  assert.match(await shown(next.rows), /-- refresh status: ACTIVATED\n-- refresh job: \w+ RUNNING/);
  assert.deepEqual((await next.rows("DESCRIBE EXTENDED totals")).slice(2, 3), [
    ["# refresh status", "ACTIVATED", null, null, null, null],
  ]);
  await next.close();
});

test("AS starts anew, goes back when it cannot, and only adds columns; DROP stops the job", async () => {
  const { rows, target, deployments, workspace, close } = await platform();
  await rows(CONTINUOUS);
  const grownBy = "ALTER MATERIALIZED TABLE totals AS SELECT id, SUM(v) AS v FROM";
  const problems = (sql: string) => workspace.check(sql).map(({ severity }) => severity);
  assert.deepEqual(problems(`${grownBy} numbers GROUP BY id`), ["warning"], "state that grows");
  assert.deepEqual(problems(`${grownBy} nothing GROUP BY id`), ["error"]);
  assert.match(workspace.catalog().ddl, /CREATE TABLE [^;]*totals/);
  const as = (query: string) => rows(`ALTER MATERIALIZED TABLE totals AS ${query}`);
  await assert.rejects(as("SELECT v, id FROM numbers"), /must keep the columns/);
  const grown = "SELECT id, SUM(v) AS v, COUNT(*) AS n FROM numbers GROUP BY id";
  target.failure = baseErrors.INTERNAL({ message: "no room" });
  const failing = as(grown);
  // The old query starts again when there is room: its start comes behind the one that failed.
  const start = target.start.bind(target);
  let starts = 0;
  target.start = (request) => {
    if (starts++ > 0) target.failure = undefined;
    return start(request);
  };
  await assert.rejects(failing, /no room/);
  assert.deepEqual(await rows("DESCRIBE totals").then((all) => all.length), 2);
  const again = target.started.at(-1)!;
  assert.equal(again.request.restoreFrom, `/savepoints/of-${target.started[0]!.jobId.slice(0, 4)}`);
  await as(grown);
  const last = target.started.at(-1)!;
  assert.equal(last.request.restoreFrom, undefined);
  assert.deepEqual(
    (await rows("DESCRIBE totals")).map(([name]) => name),
    ["id", "v", "n"],
  );
  await assert.rejects(rows("DROP TABLE totals; DROP MATERIALIZED TABLE totals"), /materialized/);
  await rows("DROP MATERIALIZED TABLE totals");
  assert.equal(last.view().status, "CANCELED");
  assert.deepEqual(await deployments.list(), []);
  await assert.rejects(rows("DESCRIBE totals"), /totals/);
  assert.deepEqual(await rows("DROP MATERIALIZED TABLE IF EXISTS totals"), [["OK"]]);
  await close();
});

test("a table in full is refreshed at every period, one at a time; results and errors are seen", async () => {
  const { rows, target, world, store, close } = await platform();
  await rows(FULL);
  assert.equal(target.started.length, 0, "the first comes with the clock");
  await pass(world, HOURS_MS);
  assert.equal(target.started.length, 1);
  assert.equal(target.started[0]!.request.plan.mode, "batch");
  await pass(world, 2 * HOURS_MS);
  assert.equal(target.started.length, 1, "it still runs");
  await assert.rejects(rows("ALTER MATERIALIZED TABLE daily REFRESH"), /under way/);
  const failure = baseErrors.INTERNAL({ message: "disk full" }).toObject();
  target.started[0]!.show({ status: "FAILED", endedAt: 3, failure });
  const shown = async () => String((await rows("SHOW CREATE MATERIALIZED TABLE daily"))[0]);
  await sleep(5);
  assert.match(
    await shown(),
    /REFRESH_MODE = FULL[\s\S]* FAILED\n[\s\S]*-- last error: .*disk full/,
  );
  await pass(world, HOURS_MS);
  assert.equal(target.started.length, 2);
  target.started[1]!.show({ status: "FINISHED", endedAt: 4 });
  target.failure = baseErrors.INTERNAL({ message: "no process" });
  await pass(world, HOURS_MS);
  assert.match(await shown(), /no process/);
  target.failure = undefined;
  await rows("ALTER MATERIALIZED TABLE daily SUSPEND");
  await pass(world, 2 * HOURS_MS);
  assert.equal(target.started.length, 2);
  assert.equal((await rows("ALTER MATERIALIZED TABLE daily REFRESH"))[0]?.length, 1, "by hand");
  assert.equal(target.started.length, 3);
  target.started[2]!.show({ status: "FINISHED", endedAt: 5 });
  await rows("ALTER MATERIALIZED TABLE daily RESUME WITH ('sink.parallelism' = '1')");
  await rows("ALTER MATERIALIZED TABLE daily SET FRESHNESS = INTERVAL '30' MINUTE");
  await close();
  const next = await platform(store, target, world);
  await pass(world, HOURS_MS / 2);
  assert.equal(target.started.length, 4, "the schedule survives a restart");
  const sink = target.started[3]!.request.plan.nodes.at(-1)!;
  assert.ok(sink.type === "Sink" && sink.table.options["sink.parallelism"] === "1");
  assert.doesNotMatch(
    String(await next.rows("SHOW CREATE MATERIALIZED TABLE daily")),
    /last error/,
  );
  await next.close();
});

test("SET, RENAME and changes of the schema stop a running job with a savepoint, and it goes on as it is then", async () => {
  const { rows, target, deployments, close } = await platform();
  await rows(CONTINUOUS);
  const last = () => target.started.at(-1)!;
  const sink = () => {
    const node = last().request.plan.nodes.at(-1)!;
    assert.ok(node.type === "Sink");
    return node;
  };
  const savepoint = () => `/savepoints/of-${target.started.at(-2)!.jobId.slice(0, 4)}`;
  const alter = (what: string) => rows(`ALTER MATERIALIZED TABLE totals ${what}`);
  await alter("SET ('max-rows' = '9')");
  assert.equal(target.started.length, 2);
  assert.equal(sink().table.options["max-rows"], "9");
  assert.equal(last().request.restoreFrom, savepoint());
  target.failure = baseErrors.INTERNAL({ message: "no room" });
  const failing = alter("RESET ('max-rows')");
  const start = target.start.bind(target);
  target.start = (request) => {
    if (sink().table.options["max-rows"] === undefined) target.failure = undefined;
    return start(request);
  };
  await assert.rejects(failing, /no room/);
  target.failure = undefined;
  target.start = start;
  assert.match(String(await rows("SHOW CREATE MATERIALIZED TABLE totals")), /'max-rows' = '9'/);
  const described = async () => (await rows("DESCRIBE totals")).map(([name, type]) => [name, type]);
  await alter("ADD (twice AS v * 2)");
  await alter("MODIFY v BIGINT COMMENT 'sum' FIRST");
  assert.deepEqual(await described(), [
    ["v", "BIGINT"],
    ["id", "BIGINT"],
    ["twice", "BIGINT"],
  ]);
  assert.equal(last().request.restoreFrom, savepoint());
  await alter("DROP twice");
  const jobs = target.started.length;
  await assert.rejects(alter("ADD n INT"), /physical column `n` could not be found in the query/);
  await assert.rejects(alter("DROP v"), /Column\(s\) \('v'\) are used in query/);
  await assert.rejects(alter("MODIFY v AS id"), /Changing of physical column 'v' to computed/);
  await assert.rejects(
    alter("MODIFY v BOOLEAN"),
    /with type BIGINT can not be changed to type BOOL/,
  );
  await assert.rejects(alter("DROP WATERMARK"), /ALTER MATERIALIZED TABLE statement.\nThe base/);
  assert.equal(target.started.length, jobs, "what is wrong stops nothing");
  await alter("RENAME TO sums");
  assert.match(sink().table.name, /sums$/);
  assert.equal(last().request.restoreFrom, savepoint());
  assert.equal((await deployments.list())[0]?.name, "default_catalog.default_database.sums");
  await rows("ALTER MATERIALIZED TABLE sums SUSPEND");
  await rows("ALTER MATERIALIZED TABLE sums SET ('max-rows' = '3')");
  await rows("ALTER MATERIALIZED TABLE sums RESUME");
  assert.equal(sink().table.options["max-rows"], "3");
  await rows("DROP MATERIALIZED TABLE sums");
  assert.deepEqual(await deployments.list(), []);
  await close();
});

test("the freshness says which mode, and which ones a schedule can keep", async () => {
  const { rows, close } = await platform();
  const full = (freshness: string) =>
    rows(`CREATE MATERIALIZED TABLE x WITH ('connector' = 'filesystem', 'path' = '/x', 'format' = 'json')
      FRESHNESS = INTERVAL ${freshness} REFRESH_MODE = FULL AS SELECT id FROM files`);
  for (const [freshness, message] of [
    ["'90' SECOND", /must be less than 60 when the time unit is SECOND/],
    ["'7' MINUTE", /only freshness that are factors of 60 .* when the time unit is MINUTE/],
    ["'5' HOUR", /only freshness that are factors of 24/],
    ["'2' DAY", /freshness must be 1 when the time unit is DAY/],
  ] as const)
    await assert.rejects(full(freshness), message);
  const collected = (freshness: string) =>
    rows(`CREATE MATERIALIZED TABLE y WITH ('connector' = 'collect') FRESHNESS = INTERVAL ${freshness}
      AS SELECT id FROM numbers`);
  await assert.rejects(collected("'30' MINUTE"), /FULL, which this freshness asks for/);
  await assert.rejects(rows(`${CONTINUOUS}; SHOW TABLES`), { code: "MR6024" });
  assert.deepEqual(await collected("'29' MINUTE"), [["OK"]]);
  await close();
});

test("with patterns of partition columns a refresh by the clock replaces the partition before", async () => {
  const { rows, target, world, close } = await platform();
  const create = (columns: string, pattern: string) => `SET 'table.local-time-zone' = 'Asia/Tokyo';
    CREATE MATERIALIZED TABLE days PARTITIONED BY (${columns})
    WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'json',
      'partition.fields.d.date-formatter' = '${pattern}')
    FRESHNESS = INTERVAL '1' DAY AS SELECT v, CAST(id AS STRING) AS d, id FROM files`;
  await assert.rejects(rows(create("d", "yyyy-QQ")), { code: "MR2126" });
  await assert.rejects(rows(create("id", "yyyy")), /isn't a partition column/);
  await rows(create("d", "yyyy-MM-dd''T''HH"));
  assert.match(
    String(await rows("SHOW CREATE MATERIALIZED TABLE days")),
    /partition\.fields\.d\.date-formatter/,
  );
  await pass(world, 24 * HOURS_MS);
  const sink = target.started[0]!.request.plan.nodes.at(-1)!;
  assert.ok(sink.type === "Sink");
  const night = Math.floor(world.boot().clock.nowMs() / (24 * HOURS_MS)) * 24 * HOURS_MS;
  const at = new Date(night - 24 * HOURS_MS + 9 * HOURS_MS).toISOString();
  assert.deepEqual(sink.partition, { d: at.slice(0, 13) });
  assert.equal(sink.overwriteAll, undefined);
  await close();
});

test("RENAME takes the schedule of a table in full along", async () => {
  const { rows, target, world, deployments, close } = await platform();
  await rows(FULL);
  await rows("ALTER MATERIALIZED TABLE daily RENAME TO hourly");
  assert.equal((await deployments.list())[0]?.name, "default_catalog.default_database.hourly");
  await assert.rejects(rows("SHOW CREATE MATERIALIZED TABLE daily"), /daily/);
  assert.match(String(await rows("SHOW CREATE MATERIALIZED TABLE hourly")), /hourly/);
  await pass(world, HOURS_MS);
  assert.equal(target.started.length, 1);
  target.started[0]!.show({ status: "FINISHED", endedAt: 1 });
  await rows("ALTER MATERIALIZED TABLE hourly SET FRESHNESS = INTERVAL '2' HOUR");
  await rows("ALTER MATERIALIZED TABLE hourly RENAME TO daily");
  await rows("ALTER MATERIALIZED TABLE daily REFRESH");
  assert.equal(target.started.length, 2);
  await rows("DROP MATERIALIZED TABLE daily");
  assert.deepEqual(await deployments.list(), []);
  await close();
});

test("START_MODE, the other mode, and what they are refused with", async () => {
  const { rows, close } = await platform();
  const start = (mode: string) => CONTINUOUS.replace("FRESHNESS", `START_MODE = ${mode} FRESHNESS`);
  for (const mode of ["FROM_NOW", "FROM_NOW(INTERVAL '1' DAY)", "RESUME_OR_FROM_NOW"])
    await assert.rejects(rows(start(mode)), /START_MODE = .*is not supported/);
  await assert.rejects(
    rows(`SET 'materialized-table.default-start-mode' = 'FROM_NOW'; ${CONTINUOUS}`),
    { code: "MR2126" },
  );
  await rows(start("RESUME_OR_FROM_BEGINNING"));
  const shown = String(await rows("SHOW CREATE MATERIALIZED TABLE totals"));
  assert.match(shown, /START_MODE = RESUME_OR_FROM_BEGINNING\nFRESHNESS/);
  const alter = "ALTER MATERIALIZED TABLE totals SET";
  await assert.rejects(rows(`${alter} REFRESH_MODE = FULL`), /SET REFRESH_MODE/);
  await assert.rejects(rows(`${alter} START_MODE = FROM_BEGINNING`), /SET START_MODE/);
  await close();
});

test("freshness that nobody gave is the session's default, or Flink's", async () => {
  const { rows, target, close } = await platform();
  const table = (name: string) =>
    CONTINUOUS.replace("totals", name).replace(/FRESHNESS = INTERVAL '30' SECOND/, "");
  const interval = (at: number) =>
    target.started[at]!.request.plan.config["execution.checkpointing.interval"];
  await rows(table("a"));
  assert.equal(interval(0), "180000 ms");
  await rows(`SET 'materialized-table.default-freshness.continuous' = '10 s'; ${table("b")}`);
  assert.equal(interval(1), "10000 ms");
  await rows(`SET 'execution.checkpointing.interval' = '1 s'; ${table("c")}`);
  assert.equal(interval(2), "1 s");
  const full = FULL.replace("INTERVAL '1' HOUR", "x").replace(
    "FRESHNESS = x",
    "REFRESH_MODE = FULL",
  );
  const set = (value: string) => `SET 'materialized-table.default-freshness.full' = '${value}';`;
  await assert.rejects(rows(`${set("7 min")} ${full}`), { code: "MR2126" });
  await rows(`${set("30 min")} ${full}`);
  const threshold = "SET 'materialized-table.refresh-mode.freshness-threshold' = '10 s';";
  await assert.rejects(
    rows(`${threshold} ${CONTINUOUS}`),
    /REFRESH_MODE = FULL, which this freshness/,
  );
  await close();
});
