/** The command line in clumsy hands: wrong words, several errors, interrupted and cut-off output, every output format. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cli, inPairs, isClean, sql } from "./spawn-cli.ts";

const ENDLESS =
  "CREATE TABLE g (a INT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000');";

test("wrong commands and options say what was meant, with status 2", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["sqll"], /MR1011: unknown command 'sqll'\n {2}did you mean "sql"/],
    [["constructor"], /MR1011: unknown command 'constructor'/],
    [
      ["sql", "--outptu", "csv", "-c", "SELECT 1"],
      /MR1012: unknown option --outptu\n {2}did you mean "--output"/,
    ],
    [["sql", "-o", "xml", "-c", "SELECT 1"], /MR1012: --output is one of table/],
    [["sql", "--limit", "0", "-c", "SELECT 1"], /MR1012: --limit takes a whole number/],
    [["sql", "--for", "3parsecs", "-c", "SELECT 1"], /MR1012: '3parsecs' is no duration/],
    [["run"], /MR1012: name one file/],
    [["explain", "a.sql", "b.sql"], /MR1012: name one file/],
  ];
  await inPairs(
    cases.map(([args, message]) => async () => {
      const run = await cli(args);
      assert.equal(run.status, 2, run.stderr);
      assert.match(run.stderr, message);
      assert.ok(isClean(run), run.stderr);
      assert.equal(run.stdout, "");
    }),
  );
});

test("check tells every error of a script with place, caret and suggestion", async () => {
  const script = `CREATE TABLE orders (id INT, amount DOUBLE, item STRING) WITH ('connector' = 'datagen');
SELECT SUM(amout) FROM orders;
SELECT * FROM ordesr;
SELECT UPER(item) FROM orders;
SELCT 1;
INSERT INTO orders2 SELECT * FROM orders;
SELECT id + TRUE FROM orders;`;
  const run = await cli(["check", "-"], { input: script });
  assert.equal(run.status, 1);
  const at = (line: number, column: number, width: number, meant: string) =>
    new RegExp(`┌─ -:${line}:${column}\\n.*\\n.*│ {${column}}\\^{${width}}${meant}\\n`);
  assert.match(run.stderr, at(2, 12, 5, ' did you mean "amount"\\?'));
  assert.match(run.stderr, at(3, 15, 6, ' did you mean "orders"\\?'));
  assert.match(run.stderr, at(4, 8, 4, ' did you mean "UPPER"\\?'));
  assert.match(run.stderr, at(5, 1, 5, ' did you mean "SELECT"\\?'));
  assert.match(run.stderr, at(6, 13, 7, ' did you mean "orders"\\?'));
  assert.match(run.stderr, at(7, 8, 9, ""));
  assert.match(run.stderr, /6 errors, 0 warnings/);
  assert.match(run.stderr, /'SELCT' cannot stand here: expected ('\('|[A-Z]+)(, [A-Z]+){5,}, …/);
  assert.ok(run.stderr.split("\n").length < 45, "one short message for each error");
});

test("check knows the connectors and formats that there are", async () => {
  const input = `CREATE TABLE a (x INT) WITH ('connector' = 'datagn'); SELECT x FROM a;
    CREATE TABLE b (x INT) WITH ('connector' = 'filesystem', 'path' = '/tmp', 'format' = 'jsn'); INSERT INTO b SELECT 1;`;
  const run = await cli(["check", "-"], { input });
  assert.equal(run.status, 1);
  assert.match(
    run.stderr,
    /MR3001: there is no source connector 'datagn'\n[^═]*\^ did you mean "datagen"/,
  );
  assert.match(run.stderr, /MR1003: option 'format' has the invalid value 'jsn'/);
  assert.match(run.stderr, /2 errors, 0 warnings/);
});

test("an option that its connector does not know is refused, not ignored", async () => {
  const tables = `CREATE TABLE g (a INT) WITH ('connector' = 'datagen', 'rows-per-secnd' = '5');
    CREATE TABLE s (a INT) WITH ('connector' = 'blackhole'); INSERT INTO s SELECT a FROM g;`;
  const runs = await inPairs(
    [
      ["sql", "-f", "-"],
      ["run", "-"],
      ["check", "-"],
    ].map((args) => () => cli(args, { input: tables })),
  );
  for (const run of runs) {
    assert.equal(run.status, 1);
    assert.match(run.stderr, /MR1001: [^\n]*rows-per-secnd/);
    assert.match(run.stderr, /did you mean "rows-per-second"/);
  }
});

test("errors with control characters do not reach the terminal as such", async () => {
  const run = await sql("SELECT `\x1b[31mred` FROM (VALUES (1)) AS t(a)");
  assert.equal(run.status, 1);
  assert.ok(!run.stderr.includes("\x1b"), run.stderr);
  assert.match(run.stderr, /\\x1b\[31mred/);
});

test("a reader that goes away, Ctrl-C, --limit and --for end an endless query", async () => {
  const [gone, interrupted, limited, timed, job] = await inPairs([
    () => cli(["sql", "-c", `${ENDLESS} SELECT * FROM g`], { hangUp: true }),
    () =>
      cli(["sql", "-c", `${ENDLESS} SELECT * FROM g`], {
        signal: { name: "SIGINT", afterMs: 100 },
      }),
    () => sql(`${ENDLESS} SELECT * FROM g`, "--limit", "7"),
    () => sql(`${ENDLESS} SELECT * FROM g`, "--for", "300ms"),
    () =>
      cli(["run", "-", "-q"], {
        input: `${ENDLESS} CREATE TABLE p (a INT) WITH ('connector' = 'print'); INSERT INTO p SELECT * FROM g;`,
        signal: { name: "SIGINT", afterMs: 100 },
      }),
  ]);
  assert.deepEqual([gone!.status, gone!.stderr], [0, ""]);
  assert.deepEqual([interrupted!.status, interrupted!.stderr], [130, ""]);
  assert.ok(interrupted!.wallMs < 3000, `${interrupted!.wallMs} ms from Ctrl-C to the end`);
  assert.equal(limited!.status, 0);
  assert.equal(limited!.stdout.trim().split("\n").length, 7);
  assert.equal(timed!.status, 0);
  assert.ok(timed!.stdout.length > 0);
  assert.equal(job!.status, 130);
  assert.match(job!.stderr, /canceled after/);
});

const ODD = `SELECT CAST(9007199254740993 AS BIGINT) AS big, CAST(1.1 AS DECIMAL(20, 4)) AS d,
  TIMESTAMP '2020-01-02 03:04:05.678' AS ts, CAST(NULL AS STRING) AS n,
  CONCAT('a', CHR(9), 'b', CHR(10), 'c', CHR(27), '"x,') AS ctl, '日本語' AS wide, CAST('' AS STRING) AS e`;

test("every output format keeps NULL, empty text, control and wide characters, big numbers and time apart", async () => {
  const [ndjson, csv, table, changelog] = await inPairs(
    ["ndjson", "csv", "table", "changelog"].map((format) => () => sql(ODD, "-o", format)),
  );
  assert.equal(
    ndjson!.stdout,
    '{"big":"9007199254740993","d":"1.1000","ts":"2020-01-02 03:04:05.678","n":null,' +
      '"ctl":"a\\tb\\nc\\u001b\\"x,","wide":"日本語","e":""}\n',
    ndjson!.stderr,
  );
  assert.equal(
    csv!.stdout,
    'big,d,ts,n,ctl,wide,e\n9007199254740993,1.1000,2020-01-02 03:04:05.678,,"a\tb\nc\x1b""x,",日本語,""\n',
  );
  const [names, rule, row, count] = table!.stdout.split("\n");
  assert.match(names!, /^ {14}big │ {6}d │ ts {22}│ n {4}│ ctl/);
  assert.equal([...rule!].indexOf("┼"), [...row!].indexOf("│"));
  assert.match(row!, /NULL │ a\\x09b\\x0ac\\x1b"x, +│ 日本語 │/);
  assert.equal(count, "1 row");
  assert.match(
    changelog!.stdout,
    /^op {2}big \| d[^\n]*\n\+I {2}9007199254740993 \| 1\.1000 \| [^\n]*NULL[^\n]*\n$/,
  );
  assert.ok(!changelog!.stdout.includes("\x1b"));
});

test("an empty result is an empty result, and a plan is shown as it is", async () => {
  const nothing = "SELECT a FROM (VALUES (1)) AS t(a) WHERE a > 5";
  const [ndjson, csv, table, plan] = await inPairs([
    () => sql(nothing, "-o", "ndjson"),
    () => sql(nothing, "-o", "csv"),
    () => sql(nothing, "-o", "table"),
    () => sql("EXPLAIN SELECT 1", "-o", "table"),
  ]);
  assert.equal(ndjson!.stdout, "");
  assert.equal(csv!.stdout, "a\n");
  assert.equal(table!.stdout, " a\n───\n0 rows\n");
  assert.match(plan!.stdout, /^== Abstract Syntax Tree ==\nLogicalProject/);
});

test("the statements that sessions begin with", async () => {
  const run = await sql(
    `CREATE TABLE x (a INT NOT NULL) WITH ('connector' = 'datagen'); SHOW TABLES; DESCRIBE x;
     SET 'parallelism.default' = '1'; SET; RESET; CREATE VIEW v AS SELECT 2 AS b; SELECT b FROM v;
     CREATE TABLE p (b INT) WITH ('connector' = 'print'); INSERT INTO p SELECT b FROM v;
     CREATE TABLE s (b INT) WITH ('connector' = 'blackhole'); INSERT INTO s VALUES (1), (2); DROP TABLE x; SHOW TABLES`,
    "-o",
    "csv",
  );
  assert.equal(run.status, 0, run.stderr);
  assert.equal(
    run.stdout,
    `table name\nx\nname,type,null,key,extras,watermark\na,INT,false,,,\nkey,value\nparallelism.default,1\nb\n2\n+I[2]\ntable name\np\ns\nv\n`,
  );
});
