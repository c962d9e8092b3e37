import { SqlSession } from "./sql-session.ts";
/**
 * What data engineers write when they are new here: the text that is underlined, the error and the help that they read beside it.
 *
 * Table: statement, the text underlined, code, what the message (in one line) must say, what hint or suggestion must say.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { baseErrors } from "../../../foundation/base/errors.ts";
import { briefMessage } from "../parser/brief-message.ts";
import { checkScript } from "./sql-session.ts";

const host = { operators: new Set(["OverAggregate"]) };
const TABLES = `CREATE TABLE orders (id BIGINT, customer STRING, price DECIMAL(10, 2), ts TIMESTAMP(3), txt STRING,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE rates (currency STRING, rate DOUBLE, ts TIMESTAMP(3), WATERMARK FOR ts AS ts,
  PRIMARY KEY (currency) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
CREATE TABLE out_file (customer STRING, n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json');
CREATE TABLE out_print (customer STRING, n BIGINT) WITH ('connector' = 'print');
CREATE VIEW latest AS SELECT customer, MAX(price) AS price FROM orders GROUP BY customer;
`;

type Mistake = readonly [
  sql: string,
  underlined: string,
  code: string,
  message: RegExp,
  help: RegExp,
];

const MISTAKES: readonly Mistake[] = [
  // ------------------------------------------------------------------------------------- names
  ["SELECT custmer FROM orders", "custmer", "MR2102", /'custmer' not found/, /^customer$/],
  ["SELECT Customer FROM orders", "Customer", "MR2102", /not found/, /^customer$/],
  ["SELECT o.price FROM orders", "o", "MR2104", /'o' not found/, /Tables in scope: orders/],
  ["SELECT * FROM order_s", "order_s", "MR2101", /'order_s' not found/, /^orders$/],
  [
    "SELECT o.currency FROM orders o",
    "currency",
    "MR2103",
    /not found in table 'o'/,
    /Columns of the table: id, customer/,
  ],
  [
    "SELECT ts FROM orders JOIN rates ON TRUE",
    "ts",
    "MR2105",
    /ambiguous/,
    /orders\.ts, rates\.ts/,
  ],
  ["SELECT UPER(customer) FROM orders", "UPER", "MR2106", /UPER/, /^UPPER$/],
  ["SELECT NVL(customer, 'x') FROM orders", "NVL", "MR2106", /NVL/, /^COALESCE$/],
  ["SELECT GETDATE()", "GETDATE", "MR2106", /GETDATE/, /^CURRENT_TIMESTAMP$/],
  [
    "CREATE TABLE a (x INTEGR) WITH ('connector' = 'print')",
    "INTEGR",
    "MR2120",
    /INTEGR/,
    /^INTEGER$/,
  ],
  [
    "CREATE TABLE a (x DATETIME) WITH ('connector' = 'print')",
    "DATETIME",
    "MR2002",
    /expected a type/,
    /TIMESTAMP\(3\) instead/,
  ],
  ["CREATE TABLE a (x TEXT) WITH ('connector' = 'print')", "TEXT", "MR2120", /TEXT/, /^STRING$/],
  [
    "SELECT * FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(tss), INTERVAL '1' MINUTE))",
    "tss",
    "MR2102",
    /tss/,
    /^ts$/,
  ],
  // ----------------------------------------------------------------------------------- grammar
  [
    "SELECT a, FROM orders",
    "FROM",
    "MR2002",
    /'FROM' cannot stand here: expected an expression/,
    /Remove the comma/,
  ],
  ["SELECT id FORM orders", "orders", "MR2001", /'orders' cannot stand here/, /^FROM$/],
  ["SELECT id FROM orders WHER id > 1", "id", "MR2001", /cannot stand here/, /^WHERE$/],
  [
    'SELECT * FROM orders WHERE customer = "ann"',
    '"',
    "MR2003",
    /Encountered/,
    /strings with single quotes/,
  ],
  [
    "SELECT 'it FROM orders",
    "'it FROM orders",
    "MR2003",
    /without its closing quote/,
    /Close it with a single quote/,
  ],
  [
    "SELECT customer::INT FROM orders",
    ":",
    "MR2001",
    /':' cannot stand here/,
    /Write CAST\(x AS type\)/,
  ],
  ["SELECT TOP 10 * FROM orders", "10", "MR2001", /'10' cannot stand here/, /LIMIT/],
  ["SELECT * FROM orders WHERE id == 1", "=", "MR2001", /'=' cannot stand here/, /one =/],
  [
    "SELECT * FROM orders LIMIT 10 WHERE id > 1",
    "WHERE",
    "MR2001",
    /'WHERE' cannot stand here/,
    /in this order: SELECT, FROM, WHERE/,
  ],
  [
    "SELECT order FROM orders",
    "order",
    "MR2001",
    /'order' cannot stand here/,
    /reserved word: put it in backticks/,
  ],
  [
    "SELECT CASE WHEN id > 1 THEN 'a' FROM orders",
    "FROM",
    "MR2001",
    /cannot stand here/,
    /Close CASE with END/,
  ],
  ["SELECT COUNT( FROM orders", "FROM", "MR2002", /expected/, /expression is missing|reserved/],
  [
    "SELECT id FROM (SELECT id FROM orders",
    "s",
    "MR2001",
    /ends too early/,
    /closing parenthesis is missing/,
  ],
  [
    "SELECT id\nFROM orders\nSELECT 1",
    "SELECT",
    "MR2002",
    /cannot stand here/,
    /semicolon is missing/,
  ],
  [
    "CREATE TABLE a (x INT, y) WITH ('connector' = 'print')",
    ")",
    "MR2001",
    /expected a type/,
    /A type is missing/,
  ],
  [
    "CREATE TABLE a (x INT,) WITH ('connector' = 'print')",
    ")",
    "MR2001",
    /expected a name/,
    /Remove the comma/,
  ],
  [
    "CREATE TABLE a (x INT) WITH (connector = 'print')",
    "connector",
    "MR2001",
    /a text in single quotes/,
    /'connector'/,
  ],
  [
    "CREATE TABLE a (x INT, PRIMARY KEY (x)) WITH ('connector' = 'print')",
    "PRIMARY KEY (x)",
    "MR2004",
    /NOT ENFORCED/,
    /PRIMARY KEY \(…\) NOT ENFORCED/,
  ],
  // ------------------------------------------------------------------------------ types, grouping
  [
    "SELECT price + customer FROM orders",
    "price + customer",
    "MR2108",
    /Cannot apply '\+'/,
    /CAST/,
  ],
  ["SELECT ts - 5 FROM orders", "ts - 5", "MR2108", /Cannot apply '-'/, /INTERVAL '5' MINUTE/],
  [
    "SELECT * FROM orders WHERE customer",
    "customer",
    "MR2111",
    /must be of type BOOLEAN, but it is STRING/,
    /BOOLEAN/,
  ],
  [
    "SELECT SUM(customer) FROM orders",
    "SUM(customer)",
    "MR2107",
    /SUM\(STRING\)/,
    /SUM\(<NUMERIC>\)/,
  ],
  [
    "SELECT customer, SUM(price) FROM orders",
    "customer",
    "MR2112",
    /'customer' is not being grouped/,
    /GROUP BY/,
  ],
  [
    "SELECT customer FROM orders WHERE SUM(price) > 10",
    "SUM(price)",
    "MR2113",
    /illegal in WHERE/,
    /HAVING/,
  ],
  [
    "SELECT customer, COUNT(*) AS n FROM orders GROUP BY customer HAVING n > 1",
    "n",
    "MR2102",
    /'n' not found/,
    /HAVING comes before SELECT/,
  ],
  [
    "SELECT *, ROW_NUMBER() OVER (ORDER BY ts) AS rn FROM orders WHERE rn = 1",
    "rn",
    "MR2102",
    /'rn' not found/,
    /filter in a query around/,
  ],
  [
    "SELECT ROW_NUMBER() FROM orders",
    "ROW_NUMBER()",
    "MR2115",
    /OVER clause is necessary/,
    /OVER \(PARTITION BY/,
  ],
  [
    "SELECT SUM(SUM(id) OVER (ORDER BY ts)) OVER (ORDER BY ts) FROM orders",
    "SUM(id) OVER (ORDER BY ts)",
    "MR2114",
    /illegal in another OVER call/,
    /subquery/,
  ],
  [
    "SELECT CASE WHEN id > 1 THEN 'a' ELSE 2 END FROM orders",
    "CASE WHEN id > 1 THEN 'a' ELSE 2 END",
    "MR2110",
    /incompatible types/,
    /CAST/,
  ],
  [
    "SELECT TIMESTAMP '2020-13-01 00:00:00'",
    "TIMESTAMP '2020-13-01 00:00:00'",
    "MR2119",
    /Illegal TIMESTAMP literal/,
    /yyyy-MM-dd/,
  ],
  [
    "INSERT INTO out_print SELECT customer FROM orders",
    "SELECT customer FROM orders",
    "MR2125",
    /Different number of columns/,
    /SELECT list/,
  ],
  // --------------------------------------------------------------------------------- streaming
  [
    "SELECT * FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(txt), INTERVAL '1' MINUTE))",
    "DESCRIPTOR(txt)",
    "MR2118",
    /time attribute type, but is STRING/,
    /WATERMARK FOR ts.*TO_TIMESTAMP/,
  ],
  [
    "SELECT * FROM TABLE(TUMBLE(orders, ts, INTERVAL '1' MINUTE))",
    "orders",
    "MR2118",
    /must be a table: TABLE t/,
    /TUMBLE\(TABLE t, DESCRIPTOR\(ts\)/,
  ],
  [
    "CREATE TABLE a (ts STRING, WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka')",
    "ts",
    "MR2121",
    /must be of type TIMESTAMP/,
    /computed column/,
  ],
  [
    "SELECT * FROM orders ORDER BY price",
    "price",
    "MR2205",
    /Sort on a non-time-attribute/,
    /LIMIT/,
  ],
  [
    "INSERT INTO out_file SELECT customer, COUNT(*) FROM orders GROUP BY customer",
    "out_file",
    "MR2202",
    /out_file.*produced by node GroupAggregate/,
    /GROUP BY \(GroupAggregate\) changes.*out_file' takes no updates/,
  ],
  [
    "SELECT COUNT(*) OVER (PARTITION BY customer ORDER BY PROCTIME()) FROM latest",
    "COUNT(*) OVER (PARTITION BY customer ORDER BY PROCTIME())",
    "MR2202",
    /OverAggregate/,
    /GROUP BY \(GroupAggregate\) changes.*OverAggregate takes no updates/,
  ],
  [
    "CREATE VIEW ranks AS SELECT NTILE(3) OVER (ORDER BY ts) AS n FROM orders; SELECT n FROM ranks",
    "ranks",
    "MR2208",
    /NTILE Function is not supported in stream mode/,
    /ROW_NUMBER/,
  ],
  [
    "SELECT a.id FROM orders AS a JOIN orders FOR SYSTEM_TIME AS OF a.ts AS b ON a.id = b.id",
    "orders AS a JOIN orders FOR SYSTEM_TIME AS OF a.ts AS b ON a.id = b.id",
    "MR2201",
    /FOR SYSTEM_TIME AS OF/,
    /regular join/,
  ],
  [
    "SELECT SUM(price) OVER () FROM orders",
    "SUM(price) OVER ()",
    "MR2208",
    /needs ORDER BY/,
    /time attribute/,
  ],
  [
    "SET 'execution.runtime-mode' = 'bach'",
    "SET 'execution.runtime-mode' = 'bach'",
    "MR2126",
    /'bach'/,
    /streaming, batch/,
  ],
];

test("each mistake is underlined where it is, and comes with its remedy", () => {
  const wrong: string[] = [];
  for (const [sql, underlined, code, message, help] of MISTAKES) {
    const text = TABLES + sql;
    const [found] = checkScript(text, { host }).filter(
      ({ severity, statement, error }) =>
        severity === "error" && (error.place.at?.start ?? statement) >= TABLES.length,
    );
    if (found === undefined) {
      wrong.push(`${sql}: nothing found`);
      continue;
    }
    const { error } = found;
    const { at, didYouMean = [] } = error.place;
    const told = didYouMean.length > 0 ? didYouMean.join(" or ") : error.hint;
    const shown = at === undefined ? "" : text.slice(at.start, at.end) || text.slice(-1);
    const fits =
      shown === underlined &&
      error.code === code &&
      message.test(briefMessage(error).replaceAll("\n", " ")) &&
      help.test(told);
    if (!fits) wrong.push(`${sql}\n  ${error.code} «${shown}» ${briefMessage(error)} | ${told}`);
  }
  assert.deepEqual(wrong, []);
});

test("several mistakes of a script are told together, in the order of the text", () => {
  const text = `${TABLES}SELECT custmer, prise FROM orders;\nSELCT 1;\nSELECT * FROM nosuch;\nINSERT INTO out_print SELECT 1`;
  const found = checkScript(text).filter(({ severity }) => severity === "error");
  const lines = found.map(
    ({ error }) => `${error.place.at?.line}:${error.place.at?.column} ${error.code}`,
  );
  assert.deepEqual(lines, [
    "8:8 MR2102",
    "8:17 MR2102",
    "9:1 MR2001",
    "10:15 MR2101",
    "11:23 MR2125",
  ]);
});

test("an option that a connector refuses is underlined in CREATE TABLE", () => {
  const text = `${TABLES}SELECT id FROM orders`;
  const validate = () => {
    throw baseErrors.OPTION_UNKNOWN({ owner: "connector kafka", key: "format", known: "formats" });
  };
  const [found] = checkScript(text, { host: { validate } });
  const { at, didYouMean } = found!.error.place;
  assert.equal(text.slice(at!.start, at!.end), "'format' = 'json'");
  assert.deepEqual(didYouMean, ["formats"]);
});

test("a view is not written into, and is not said to be missing", () => {
  const own = new SqlSession({ config: { "execution.runtime-mode": "batch" } });
  own.executeScript("CREATE VIEW v AS SELECT 1 AS a");
  for (const sql of [
    "INSERT INTO v VALUES (1)",
    "DELETE FROM v",
    "UPDATE v SET a = 2",
    "TRUNCATE TABLE v",
  ])
    assert.throws(() => own.execute(sql), { code: "MR2128", message: /'v' is a view/ }, sql);
});
