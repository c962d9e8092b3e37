import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../../../foundation/base/errors.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { StatementResult } from "./session-types.ts";
import { SqlSession, checkScript } from "./sql-session.ts";

const TABLE =
  "CREATE TABLE t (a INT, b STRING, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector'='upsert-kafka')";

function rows(result: StatementResult): readonly (readonly unknown[])[] {
  assert.equal(result.kind, "rows");
  return result.kind === "rows" ? result.rows : [];
}

function code(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    return error instanceof MillraceError ? error.code : String(error);
  }
}

test("catalogs, databases, tables and views come, are used and go", () => {
  const session = new SqlSession();
  session.executeScript(`CREATE CATALOG c WITH ('type'='generic_in_memory'); USE CATALOG c;
    CREATE DATABASE d; USE d; ${TABLE}; CREATE VIEW v AS SELECT a FROM t; CREATE TEMPORARY VIEW w (x) AS SELECT b FROM t`);
  assert.deepEqual(rows(session.execute("SHOW TABLES")), [["t"], ["v"], ["w"]]);
  assert.deepEqual(rows(session.execute("SHOW VIEWS LIKE 'v%'")), [["v"]]);
  assert.deepEqual(rows(session.execute("SHOW CURRENT DATABASE")), [["d"]]);
  session.execute("USE default_catalog.default_database");
  assert.equal(session.execute("SELECT x FROM c.d.w").kind, "query");
  assert.equal(
    code(() => session.execute("SELECT x FROM w")),
    "MR2101",
  );
  assert.equal(
    code(() => session.execute("DROP DATABASE c.d")),
    "MR2128",
  );
  session.execute("DROP DATABASE c.d CASCADE");
  assert.equal(
    code(() => session.execute("SELECT 1 FROM c.d.t")),
    "MR2101",
  );
});

test("a view keeps the path it was made in", () => {
  const session = new SqlSession();
  session.executeScript(`CREATE DATABASE d; USE d; ${TABLE}; CREATE VIEW v AS SELECT * FROM t;
    USE default_database`);
  assert.equal(session.execute("SELECT b FROM d.v").kind, "query");
});

test("DESCRIBE and SHOW CREATE TABLE", () => {
  const session = new SqlSession();
  session.execute(`CREATE TABLE t (a INT NOT NULL, ts TIMESTAMP(3), m STRING METADATA FROM 'k' VIRTUAL,
    c AS a + 1, WATERMARK FOR ts AS ts - INTERVAL '1' SECOND, PRIMARY KEY (a) NOT ENFORCED)
    PARTITIONED BY (a) WITH ('connector'='x', 'a'='b')`);
  const described = rows(session.execute("DESCRIBE t"));
  assert.deepEqual(described[0], ["a", "INT", false, "PRI(a)", null, null]);
  assert.equal(described[1]![1], "TIMESTAMP(3) *ROWTIME*");
  assert.equal(described[2]![4], "METADATA FROM 'k' VIRTUAL");
  assert.equal(described[3]![4], "AS `a` + 1");
  const [[text]] = rows(session.execute("SHOW CREATE TABLE t")) as [[string]];
  const again = new SqlSession();
  again.execute(text);
  assert.deepEqual(rows(again.execute("DESCRIBE t")), described);
});

test("SHOW CREATE TABLE shows no secret", () => {
  const session = new SqlSession();
  session.execute(`CREATE TABLE t (a INT) WITH ('connector'='x', 'password'='pw1', 'sasl.secret'='pw2',
    'url'='jdbc://me:pw3@host/db')`);
  const [[text]] = rows(session.execute("SHOW CREATE TABLE t")) as [[string]];
  assert.doesNotMatch(text, /pw\d/);
  assert.match(text, /'password' = '\*{6}'/);
  assert.match(text, /'url' = 'jdbc:\/\/me:\*{6}@host\/db'/);
});

test("LIKE takes over what it includes", () => {
  const session = new SqlSession();
  session.executeScript(`CREATE TABLE base (a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
    WITH ('connector'='kafka', 'topic'='x');
    CREATE TABLE derived (c STRING) WITH ('topic'='y') LIKE base (EXCLUDING WATERMARKS)`);
  const [[text]] = rows(session.execute("SHOW CREATE TABLE derived")) as [[string]];
  assert.match(text, /'topic' = 'y'/);
  assert.match(text, /'connector' = 'kafka'/);
  assert.doesNotMatch(text, /WATERMARK/);
  assert.match(text, /`c` VARCHAR/);
});

test("SET and RESET change the session's options, and plans show them", () => {
  const session = new SqlSession({ config: { x: "1" } });
  session.executeScript(`SET 'table.exec.state.ttl' = '1 d'; SET 'x' = '2'; ${TABLE}`);
  const result = session.execute("SELECT b, COUNT(*) FROM t GROUP BY b");
  assert.equal(result.kind, "query");
  if (result.kind !== "query") return;
  const aggregate = result.plan.nodes.find((node) => node.type === "GroupAggregate");
  assert.equal(aggregate?.stateTtlMs, 86_400_000);
  session.execute("RESET 'x'");
  assert.equal(session.context.config.get("x"), "1");
  session.execute("RESET");
  assert.equal(session.context.config.get("table.exec.state.ttl"), undefined);
});

test("a query says what it yields and how it changes; ids and uids are stable", () => {
  const plan = () => {
    const session = new SqlSession();
    session.execute(TABLE);
    const result = session.execute("SELECT b, COUNT(*) AS n FROM t GROUP BY b");
    if (result.kind !== "query") throw new Error(result.kind);
    return result;
  };
  const first = plan();
  assert.deepEqual(first, plan());
  assert.equal(first.changelogMode, "retract");
  assert.deepEqual(
    first.schema.fields.map((field) => field.name),
    ["b", "n"],
  );
  for (const node of first.plan.nodes) {
    assert.match(node.uid, /^[a-z-]+_[0-9a-f]{10}$/);
    for (const input of node.inputs) assert.ok(input.node < node.id);
  }
});

test("statement sets of both forms become one plan", () => {
  const session = new SqlSession();
  session.executeScript(`${TABLE}; CREATE TABLE o (a INT) WITH ('connector'='blackhole')`);
  const set = session.execute(
    "EXECUTE STATEMENT SET BEGIN INSERT INTO o SELECT a FROM t; INSERT INTO o SELECT a + 1 FROM t; END",
  );
  assert.equal(set.kind, "insert");
  if (set.kind !== "insert") return;
  assert.equal(set.plan.nodes.filter((node) => node.type === "Sink").length, 2);
  assert.equal(set.plan.nodes.filter((node) => node.type === "TableSourceScan").length, 1);
  const results = session.executeScript(
    "BEGIN STATEMENT SET; INSERT INTO o SELECT a FROM t; INSERT INTO o SELECT a FROM t; END",
  );
  assert.equal(results.at(-1)!.kind, "insert");
});

test("an insert must fit its table", () => {
  const session = new SqlSession();
  session.executeScript(
    `${TABLE}; CREATE TABLE o (x BIGINT, y STRING) WITH ('connector'='blackhole')`,
  );
  assert.equal(
    code(() => session.execute("INSERT INTO o SELECT a FROM t")),
    "MR2125",
  );
  assert.equal(
    code(() => session.execute("INSERT INTO o SELECT b, b FROM t")),
    "MR2125",
  );
  assert.equal(session.execute("INSERT INTO o (y) SELECT b FROM t").kind, "insert");
  assert.equal(
    code(() => session.execute("INSERT INTO o (z) SELECT b FROM t")),
    "MR2103",
  );
  const result = session.execute("INSERT INTO o SELECT a, b FROM t");
  if (result.kind !== "insert") throw new Error(result.kind);
  const calc = result.plan.nodes.find((node) => node.type === "Calc");
  assert.equal(calc?.type === "Calc" && calc.projection[0]!.type.kind, "BIGINT");
});

test("a file is a table when the host knows it", () => {
  const session = new SqlSession({
    host: {
      resolveFile: (path) =>
        path.endsWith(".csv")
          ? {
              fields: [{ name: "n", type: types.int() }],
              options: { connector: "filesystem", path },
            }
          : undefined,
    },
  });
  const result = session.execute("SELECT SUM(n) FROM 'data/*.csv'");
  assert.equal(result.kind, "query");
  assert.equal(
    code(() => session.execute("SELECT 1 FROM 'x.bin'")),
    "MR2101",
  );
});

test("checkScript reports several errors, each at its place", () => {
  const text = `${TABLE};\nSELECT nope, a, neither FROM t;\nSELECT c FROM missing;\nSELEC 1;`;
  const found = checkScript(text);
  const codes = found.map((diagnostic) => diagnostic.error.code).sort();
  assert.deepEqual(
    codes.filter((c) => c.startsWith("MR21")),
    ["MR2101", "MR2102", "MR2102"],
  );
  assert.ok(codes.some((c) => c.startsWith("MR20")));
  const places = found.flatMap((d) => (d.error.code === "MR2102" ? [d.error.place.at] : []));
  assert.deepEqual(
    places.map((at) => text.slice(at!.start, at!.end)),
    ["nope", "neither"],
  );
});

test("growing state is warned of once, and not with a TTL or bounded input", () => {
  const session = new SqlSession();
  session.executeScript("CREATE TABLE k (a INT) WITH ('connector'='kafka', 'format'='json')");
  const query = "SELECT a, COUNT(*) FROM k GROUP BY a";
  const warned = session.execute(query);
  assert.equal(warned.kind === "query" && warned.warnings.length, 1);
  session.execute("SET 'table.exec.state.ttl' = '1 h'");
  const calm = session.execute(query);
  assert.equal(calm.kind === "query" && calm.warnings.length, 0);
});

test("EXPLAIN prints three plans", () => {
  const session = new SqlSession();
  session.execute("CREATE TABLE t (a INT, b STRING) WITH ('connector'='datagen')");
  const [[text]] = rows(session.execute("EXPLAIN CHANGELOG_MODE SELECT a FROM t WHERE a > 1")) as [
    [string],
  ];
  assert.match(text, /== Abstract Syntax Tree ==\nLogicalProject\(a=\[\$0\]\)/);
  assert.match(
    text,
    /== Optimized Physical Plan ==\nCalc\(select=\[a\], where=\[>\(a, 1\)\], changelogMode/,
  );
  assert.match(text, /== Optimized Execution Plan ==\nCalc\(select=\[a\], where=\[\(a > 1\)\]\)/);
});
