import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { SqlSession } from "./sql-session.ts";
import type { StatementResult } from "./session-types.ts";

function planOf(result: StatementResult) {
  assert.ok(result.kind === "insert");
  return result.plan;
}

function cells(result: StatementResult): unknown[] {
  assert.ok(result.kind === "rows");
  return result.rows.flat();
}

test("tables share the options of a connection; their own count more; changes of it show", () => {
  const session = new SqlSession();
  const run = (sql: string) => session.execute(sql);
  run(`CREATE CONNECTION lake COMMENT 'all' WITH ('connector' = 'filesystem', 'path' = '/lake',
    'format' = 'json', 'password' = 'x')`);
  run("CREATE TABLE a (x INT) USING CONNECTION lake WITH ('path' = '/lake/a', 'password' = 'y')");
  const options = () => {
    const [scan] = planOf(run("INSERT INTO a SELECT x + 1 FROM a")).nodes;
    assert.ok(scan?.type === "TableSourceScan");
    return scan.table.options;
  };
  const connector = "filesystem";
  assert.deepEqual(options(), { connector, path: "/lake/a", format: "json", password: "y" });
  run("ALTER CONNECTION lake SET ('format' = 'csv')");
  assert.equal(options().format, "csv");
  assert.deepEqual(cells(run("SHOW CONNECTIONS LIKE 'la%'")), ["lake"]);
  const described = cells(run("DESCRIBE CONNECTION lake"));
  assert.ok(described.includes("option:password") && !described.includes("x"));
  assert.match(String(cells(run("SHOW CREATE CONNECTION lake"))), /COMMENT 'all'\nWITH \(/);
  assert.match(
    String(cells(run("SHOW CREATE TABLE a"))),
    /USING CONNECTION `default_catalog`\.`default_database`\.`lake`\nWITH \(\n {2}'password'/,
  );
  run("ALTER CONNECTION lake RENAME TO sea");
  assert.throws(() => options(), { code: "MR2123" });
  run("CREATE TEMPORARY SYSTEM CONNECTION lake WITH ('connector' = 'blackhole')");
  assert.equal(planOf(run("INSERT INTO a VALUES (1)")).nodes.at(-1)!.type, "Sink");
  run("DROP CONNECTION sea");
  run("DROP CONNECTION IF EXISTS sea");
  assert.throws(() => run("DROP CONNECTION sea"), { code: "MR2123" });
  assert.throws(() => run("CREATE TABLE b (x INT) USING CONNECTION sea"), { code: "MR2123" });
});

test("CREATE DATABASE … AS DATABASE makes a table for each, filled by one job", () => {
  const validate = ({ nodes }: ExecPlan) => {
    const bare = (node: ExecPlan["nodes"][number]) =>
      node.type === "Sink" && node.table.options.connector === undefined;
    if (nodes.some(bare)) throw new Error("no connector");
  };
  const session = new SqlSession({ host: { validate } });
  const run = (sql: string) => session.execute(sql);
  for (const name of ["orders_1", "orders_2", "secret"])
    run(`CREATE TABLE ${name} (id INT, PRIMARY KEY (id) NOT ENFORCED)
      WITH ('connector' = 'datagen', 'rows-per-second' = '5')`);
  const plan = planOf(
    run(`CREATE DATABASE copies WITH ('connector' = 'filesystem', 'path' = '/c/', 'format' = 'json')
      AS DATABASE default_database INCLUDING ALL TABLES EXCLUDING TABLE 'secret'
      /*+ OPTIONS('rows-per-second' = '7') */`),
  );
  const sinks = plan.nodes.filter((node) => node.type === "Sink");
  assert.deepEqual(
    sinks.map(({ table }) => [table.name, table.options.path]),
    [1, 2].map((i) => [`default_catalog.copies.orders_${i}`, `/c/orders_${i}`]),
  );
  const scans = plan.nodes.filter((node) => node.type === "TableSourceScan");
  assert.ok(scans.every(({ table }) => table.options["rows-per-second"] === "7"));
  assert.deepEqual(cells(run("SHOW TABLES FROM copies")), ["orders_1", "orders_2"]);
  const again = "CREATE DATABASE IF NOT EXISTS copies AS DATABASE default_database";
  assert.deepEqual(run(`${again} INCLUDING TABLE 'orders_.*'`), { kind: "ok" });
  assert.throws(() => run("CREATE DATABASE other AS DATABASE default_database"), /no connector/);
  assert.ok(!cells(run("SHOW DATABASES")).includes("other"), "what fails leaves nothing");
  assert.throws(() => run(`${again} INCLUDING TABLE 'none'`), { code: "MR2128" });
});
