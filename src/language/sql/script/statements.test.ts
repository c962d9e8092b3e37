import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../../../foundation/base/errors.ts";
import { matchesLike } from "./show.ts";
import type { StatementResult } from "./session-types.ts";
import { checkScript, SqlSession } from "./sql-session.ts";

const SOURCE = `CREATE TABLE s (id INT, v DOUBLE, ts TIMESTAMP(3), p AS PROCTIME(), PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector'='upsert-kafka')`;
const FILES =
  "CREATE TABLE f (a INT, b STRING) WITH ('connector'='filesystem','path'='/tmp/f','format'='csv')";

function rows(result: StatementResult): readonly (readonly unknown[])[] {
  assert.equal(result.kind, "rows");
  return result.kind === "rows" ? result.rows : [];
}

function message(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    return error instanceof MillraceError ? error.message : String(error);
  }
}

function session(...statements: string[]): SqlSession {
  const made = new SqlSession();
  for (const statement of statements) made.execute(statement);
  return made;
}

test("LIKE of SHOW: wildcards, escapes, no exponential time", () => {
  assert.equal(matchesLike("orders", "o%r_"), true);
  assert.equal(matchesLike("orders", "%x%"), false);
  assert.equal(matchesLike("a%b", "a\\%b"), true);
  assert.equal(matchesLike("axb", "a\\%b"), false);
  assert.equal(matchesLike("", "%"), true);
  assert.equal(matchesLike("a".repeat(5000), `${"%a".repeat(500)}%b`), false);
});

test("ALTER TABLE before computed columns and a watermark; references are kept or refused", () => {
  const own = session(
    "CREATE TABLE t (a INT, ts TIMESTAMP(3), c AS a + 1, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector'='datagen')",
    "ALTER TABLE t ADD (x STRING FIRST, y BIGINT AFTER a)",
  );
  const names = () => rows(own.execute("DESCRIBE t")).map(([name]) => name);
  assert.deepEqual(names(), ["x", "a", "y", "ts", "c"]);
  const scan = own.execute("SELECT c FROM t");
  assert.ok(scan.kind === "query" && scan.plan.nodes[0]!.output.fields[0]!.name === "a");
  assert.match(
    message(() => own.execute("ALTER TABLE t DROP a")),
    /referenced by computed column `c`/,
  );
  assert.match(
    message(() => own.execute("ALTER TABLE t DROP ts")),
    /referenced by watermark/,
  );
  assert.match(
    message(() => own.execute("ALTER TABLE t RENAME a TO b")),
    /referenced by computed/,
  );
  own.execute("ALTER TABLE t DROP (a, c)");
  assert.deepEqual(names(), ["x", "y", "ts"]);
  assert.match(
    message(() => own.execute("ALTER TABLE t DROP PRIMARY KEY")),
    /does not define any/,
  );
});

test("partitions, as the catalog keeps them", () => {
  const own = session(
    "CREATE TABLE t (a INT, d STRING, h INT) PARTITIONED BY (d, h) WITH ('connector'='filesystem')",
    "ALTER TABLE t ADD PARTITION (d='x', h=1) PARTITION (d='y', h=2)",
    "ALTER TABLE t ADD IF NOT EXISTS PARTITION (d='x', h=1)",
  );
  assert.deepEqual(rows(own.execute("SHOW PARTITIONS t")), [["d=x/h=1"], ["d=y/h=2"]]);
  assert.deepEqual(rows(own.execute("SHOW PARTITIONS t PARTITION (d='y')")), [["d=y/h=2"]]);
  assert.match(
    message(() => own.execute("ALTER TABLE t DROP PARTITION (d='x', h=9)")),
    /not exist/,
  );
  own.execute("ALTER TABLE t DROP PARTITION (d='x', h=1)");
  assert.deepEqual(rows(own.execute("SHOW PARTITIONS t")), [["d=y/h=2"]]);
});

test("models are created, altered, described, shown and dropped", () => {
  const own = session(
    "CREATE MODEL m INPUT (x STRING) OUTPUT (y DOUBLE) COMMENT 'c' WITH ('provider'='p','api-key'='s3')",
    "ALTER MODEL m SET ('endpoint'='e')",
    "ALTER MODEL m RENAME TO n",
  );
  assert.deepEqual(rows(own.execute("SHOW MODELS LIKE 'n%'")), [["n"]]);
  assert.deepEqual(rows(own.execute("DESCRIBE MODEL n")), [
    ["x", "STRING", true, true],
    ["y", "DOUBLE", true, false],
  ]);
  const text = String(rows(own.execute("SHOW CREATE MODEL n"))[0]![0]);
  assert.match(text, /INPUT \(`x` STRING\)\nOUTPUT \(`y` DOUBLE\)\nCOMMENT 'c'/);
  assert.doesNotMatch(text, /s3/);
  own.execute("DROP MODEL n");
  assert.match(
    message(() => own.execute("DROP MODEL n")),
    /does not exist/,
  );
});

test("modules: without core there are operators only", () => {
  const own = session("UNLOAD MODULE core");
  assert.match(
    message(() => own.execute("SELECT ABS(-1)")),
    /No match found/,
  );
  assert.equal(own.execute("SELECT 1 + 1").kind, "query");
  own.execute("LOAD MODULE core");
  assert.equal(own.execute("SELECT ABS(-1)").kind, "query");
});

test("UPDATE, DELETE and TRUNCATE of files overwrite them in batch mode; others are refused", () => {
  const own = session(FILES, SOURCE);
  assert.match(
    message(() => own.execute("DELETE FROM f")),
    /not supported for streaming mode/,
  );
  own.execute("SET 'execution.runtime-mode' = 'batch'");
  for (const sql of [
    "DELETE FROM f WHERE a > 1",
    "UPDATE f SET b = 'x' WHERE a = 1",
    "TRUNCATE TABLE f",
    "INSERT OVERWRITE f SELECT 1, 'x'",
  ]) {
    const result = own.execute(sql);
    assert.ok(result.kind === "insert", sql);
    const sink = result.plan.nodes.at(-1)!;
    assert.ok(sink.type === "Sink" && sink.overwrite === true, sql);
  }
  assert.match(
    message(() => own.execute("DELETE FROM s")),
    /SupportsRowLevelDelete/,
  );
  assert.match(
    message(() => own.execute("UPDATE f SET z = 1")),
    /Column 'z' not found/,
  );
});

test("plans go to files and come back; what is there is not overwritten unasked", () => {
  const files = new Map<string, string>();
  const planFiles = {
    exists: (path: string) => files.has(path),
    read: (path: string) => files.get(path)!,
    write: (path: string, text: string) => void files.set(path, text),
  };
  const own = new SqlSession({ host: { planFiles } });
  own.execute("CREATE TABLE p (a INT) WITH ('connector'='print')");
  own.execute("COMPILE PLAN 'file:///x.json' FOR INSERT INTO p SELECT 1");
  assert.deepEqual([...files.keys()], ["/x.json"]);
  const again = "COMPILE PLAN '/x.json' FOR INSERT INTO p SELECT 2";
  assert.match(
    message(() => own.execute(again)),
    /Cannot overwrite the plan file/,
  );
  own.execute("COMPILE PLAN '/x.json' IF NOT EXISTS FOR INSERT INTO p SELECT 2");
  const run = own.execute("EXECUTE PLAN '/x.json'");
  assert.ok(run.kind === "insert");
  assert.deepEqual(run.plan, JSON.parse(files.get("/x.json")!));
  assert.deepEqual(run.sinks, ["default_catalog.default_database.p"]);
  own.execute("SET 'table.plan.force-recompile' = 'true'");
  const both = own.execute("COMPILE AND EXECUTE PLAN '/x.json' FOR INSERT INTO p SELECT 2");
  assert.equal(both.kind, "insert");
  files.set("/x.json", '{"version": 99, "nodes": []}');
  assert.match(
    message(() => own.execute("EXECUTE PLAN '/x.json'")),
    /newer/,
  );
  files.set("/x.json", '{"flinkVersion": "2.3"}');
  assert.match(
    message(() => own.execute("EXECUTE PLAN '/x.json'")),
    /plans of Flink itself/,
  );
});

test("CREATE TABLE AS fills columns by name, OR REPLACE replaces, AS TABLE takes the key over", () => {
  const own = session(SOURCE);
  const made = own.execute(
    "CREATE TABLE c (extra STRING, v2 DOUBLE) WITH ('connector'='print') AS SELECT v AS v2, id FROM s",
  );
  assert.ok(made.kind === "insert");
  assert.deepEqual(
    made.plan.nodes.at(-1)!.output.fields.map(({ name }) => name),
    ["extra", "v2", "id"],
  );
  assert.match(
    message(() => own.execute("REPLACE TABLE n WITH ('connector'='print') AS SELECT 1 AS a")),
    /to be replaced doesn't exist/,
  );
  own.execute("CREATE OR REPLACE TABLE c WITH ('connector'='print') AS SELECT 1 AS a");
  assert.deepEqual(
    rows(own.execute("DESCRIBE c")).map(([name]) => name),
    ["a"],
  );
  own.execute("CREATE TABLE d WITH ('connector'='jdbc') AS TABLE s ADD COLUMN (w AS v * 2)");
  assert.match(String(rows(own.execute("SHOW CREATE TABLE d"))[0]![0]), /PRIMARY KEY \(`id`\)/);
});

test("a continuous materialized table is a table and its job", () => {
  const own = session(SOURCE);
  const made = own.execute(
    `CREATE MATERIALIZED TABLE m (PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='jdbc')
     FRESHNESS = INTERVAL '30' SECOND AS SELECT id, SUM(v) AS t FROM s GROUP BY id`,
  );
  assert.ok(made.kind === "insert");
  assert.equal(made.plan.config["execution.checkpointing.interval"], "30000 ms");
  assert.deepEqual(rows(own.execute("SHOW MATERIALIZED TABLES")), [["m"]]);
  const text = String(rows(own.execute("SHOW CREATE MATERIALIZED TABLE m"))[0]![0]);
  assert.match(text, /FRESHNESS = INTERVAL '30' SECOND\nREFRESH_MODE = CONTINUOUS\nAS SELECT/);
  assert.match(
    message(() => own.execute("ALTER MATERIALIZED TABLE m SUSPEND")),
    /not supported/,
  );
  assert.match(
    message(() => own.execute("DROP TABLE m")),
    /is a materialized table/,
  );
  own.execute("DROP MATERIALIZED TABLE m");
  assert.match(
    message(() =>
      own.execute(
        "CREATE MATERIALIZED TABLE m WITH ('connector'='jdbc') REFRESH_MODE = FULL AS SELECT 1 AS a",
      ),
    ),
    /REFRESH_MODE = FULL of a table with connector 'jdbc' is not supported/,
  );
});

test("SET: values are checked, keys without effect and unknown ones are named", () => {
  const own = new SqlSession();
  const warned = (sql: string) => {
    const result = own.execute(sql);
    return result.kind === "ok" ? (result.warnings ?? []).map(({ code }) => code) : [];
  };
  assert.deepEqual(warned("SET 'table.exec.state.ttl' = '1 h'"), []);
  assert.deepEqual(warned("SET 'table.exec.stat.ttl' = '1 h'"), ["MR2255"]);
  assert.throws(() => own.execute("SET 'table.exec.rank.topn-cache-size' = '5'"), {
    code: "MR2139",
  });
  assert.deepEqual(warned("SET 'taskmanager.memory.size' = '5'"), ["MR2256"]);
  assert.match(
    message(() => own.execute("SET 'execution.runtime-mode' = 'batched'")),
    /Could not parse value 'batched'/,
  );
});

test("warnings of plans: growing state, missing watermark, values drawn over updates, sink keys", () => {
  const script = `${SOURCE};
    CREATE TABLE e (k INT, ts TIMESTAMP(3)) WITH ('connector'='kafka');
    CREATE TABLE o (id INT, x STRING) WITH ('connector'='print');
    CREATE TABLE u (x STRING, id INT, PRIMARY KEY (x) NOT ENFORCED) WITH ('connector'='jdbc');
    SELECT ts, COUNT(*) FROM e GROUP BY ts;
    INSERT INTO o SELECT id, UUID() FROM s;
    INSERT INTO u SELECT CAST(v AS STRING), id FROM s ON CONFLICT DO DEDUPLICATE`;
  const found = checkScript(script);
  assert.deepEqual(
    found.filter(({ severity }) => severity === "error"),
    [],
  );
  const codes = found.map(({ error }) => error.code);
  for (const code of ["MR2251", "MR2252", "MR2253", "MR2257"])
    assert.ok(codes.includes(code), code);
  const bounded =
    checkScript(`SET 'table.exec.state.ttl' = '1 d'; CREATE TABLE e (k INT) WITH ('connector'='kafka');
    SELECT k, COUNT(*) FROM e GROUP BY k`);
  assert.deepEqual(bounded, []);
});

test("EXPLAIN PLAN_ADVICE tells them too", () => {
  const own = session("CREATE TABLE e (k INT) WITH ('connector'='kafka')");
  const advice = (sql: string) => String(rows(own.execute(`EXPLAIN PLAN_ADVICE ${sql}`))[0]![0]);
  assert.match(advice("SELECT k, COUNT(*) FROM e GROUP BY k"), /advice\[1\]: \[WARNING\] GroupAgg/);
  assert.match(advice("SELECT k FROM e"), /No available advice\.\.\./);
});

test("statements that make no sense here are refused with the way", () => {
  const own = new SqlSession();
  for (const sql of [
    "ADD JAR '/x.jar'",
    "SHOW JOBS",
    "STOP JOB 'x' WITH SAVEPOINT WITH DRAIN",
    "DESCRIBE JOB 'x'",
  ])
    assert.match(
      message(() => own.execute(sql)),
      /is not supported/,
      sql,
    );
});

test("SHOW CREATE VIEW writes stars, columns and tables out, and leaves what it does not know", () => {
  const own = session(
    FILES,
    SOURCE,
    "CREATE VIEW j AS SELECT f.*, v + 1 AS w FROM f JOIN s AS x ON a = x.id WHERE UPPER(b) = 'A'",
    "CREATE VIEW o AS SELECT a FROM (SELECT * FROM f)",
  );
  const text = (name: string) => String(rows(own.execute(`SHOW CREATE VIEW ${name}`))[0]![0]);
  assert.match(
    text("j"),
    /AS SELECT `f`\.`a`, `f`\.`b`, \(?`x`\.`v` \+ 1\)? AS `w`\nFROM `default_catalog`\.`default_database`\.`f` AS `f`\n?.*JOIN `default_catalog`\.`default_database`\.`s` AS `x` ON/,
  );
  assert.match(text("o"), /AS SELECT a FROM \(SELECT \* FROM f\)/);
});

test("EXPLAIN ESTIMATED_COST, in Flink's form", () => {
  const own = session(
    `CREATE TABLE orders (\`user\` BIGINT NOT NULL, product VARCHAR(32), amount INT, ts TIMESTAMP(3))
     WITH ('connector'='datagen')`,
  );
  const cost = (sql: string) =>
    String(rows(own.execute(`EXPLAIN ESTIMATED_COST ${sql}`))[0]![0]).match(/rowcount.*/)![0];
  assert.equal(
    cost("SELECT * FROM orders"),
    "rowcount = 1.0E8, cumulative cost = {1.0E8 rows, 1.0E8 cpu, 3.6E9 io, 0.0 network, 0.0 memory}",
  );
  assert.match(cost("SELECT * FROM orders WHERE amount = 1"), /^rowcount = 1\.5E7/);
  assert.match(cost("SELECT COUNT(*) FROM orders"), /^rowcount = 1\.0, /);
});

test("subqueries in arguments of aggregates and OVER are joined; in GROUP BY they are refused", () => {
  const own = session(
    SOURCE,
    "CREATE TABLE e (a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector'='kafka')",
  );
  for (const sql of [
    "SELECT a, SUM(a + (SELECT MAX(id) FROM s)) FROM e GROUP BY a",
    "SELECT COUNT(*) FILTER (WHERE EXISTS (SELECT * FROM s)) FROM e",
  ]) {
    const result = own.execute(sql);
    assert.ok(result.kind === "query");
    assert.ok(!JSON.stringify(result.plan).includes("$SUBQUERY"), sql);
    assert.ok(
      result.plan.nodes.some(({ type }) => type === "Join"),
      sql,
    );
  }
  assert.match(
    message(() => own.execute("SELECT COUNT(*) FROM e GROUP BY EXISTS (SELECT * FROM s)")),
    /a subquery in GROUP BY is not supported/,
  );
});
