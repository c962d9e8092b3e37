import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlSession } from "../script/sql-session.ts";
import { SqlEditorService } from "./editor-service.ts";

const TABLES = `CREATE TABLE orders (
  id BIGINT, customer STRING COMMENT 'who pays', price DECIMAL(10, 2), \`date\` DATE, address ROW<city STRING, zip INT>,
  ts TIMESTAMP(3), proc AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'datagen');
CREATE TABLE customers (customer STRING, country STRING) WITH ('connector' = 'filesystem', 'format' = 'csv');
CREATE VIEW pricey AS SELECT id, price FROM orders WHERE price > 100;`;

const CATALOGUE = {
  connectors: {
    datagen: [
      { key: "connector", type: "string", required: true, description: "datagen" },
      { key: "rows-per-second", type: "integer", default: "10000", description: "Rows a second." },
      { key: "fields.#.kind", type: "enum", values: ["random", "sequence"], description: "How." },
    ],
    filesystem: [
      { key: "path", type: "string", required: true, description: "A file or folder." },
      { key: "format", type: "string", required: true, description: "The format." },
    ],
  },
  formats: {
    csv: [{ key: "csv.header", type: "boolean", default: "false", description: "A first line." }],
    json: [{ key: "json.errors", type: "string", description: "What is done." }],
  },
};

function service(): SqlEditorService {
  const newSession = () => {
    const session = new SqlSession();
    session.executeScript(TABLES);
    return session;
  };
  return new SqlEditorService({ newSession, catalogue: CATALOGUE });
}

const editor = service();

/** `|` marks the cursor. */
function at(marked: string): [string, number] {
  const offset = marked.indexOf("|");
  return [marked.slice(0, offset) + marked.slice(offset + 1), offset];
}

function labels(marked: string, kind?: string): string[] {
  const { items } = editor.complete(...at(marked));
  return items.filter((item) => kind === undefined || item.kind === kind).map(({ label }) => label);
}

/** Text, kind, labels that must be there, labels that must not. */
const COMPLETIONS: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ["|", "keyword", ["SELECT", "CREATE", "INSERT", "SET"], ["WHERE"]],
  ["SELECT | FROM orders", "column", ["id", "customer", "address"], ["country"]],
  ["SELECT pr| FROM orders WHERE", "column", ["price"], []],
  ["SELECT COUNT(| FROM orders", "column", ["price"], []],
  ["SELECT | FROM orders", "function", ["COUNT", "COALESCE", "JSON_VALUE"], ["FLATTEN"]],
  ["SELECT * FROM |", "table", ["orders", "customers"], []],
  ["SELECT * FROM |", "view", ["pricey"], []],
  ["SELECT * FROM |", "function", ["TUMBLE"], []],
  ["SELECT * FROM orders, |", "table", ["customers"], []],
  ["SELECT * FROM orders o JOIN | ON TRUE", "table", ["customers"], []],
  ["SELECT o.| FROM orders o JOIN customers c ON TRUE", "column", ["price"], ["country"]],
  ["SELECT | FROM orders o JOIN customers c ON TRUE", "alias", ["o", "c"], []],
  ["SELECT * FROM orders o JOIN customers c ON o.customer = c.|", "column", ["country"], ["id"]],
  ["SELECT address.| FROM orders", "column", ["city", "zip"], ["id"]],
  ["SELECT o.address.| FROM orders o", "column", ["city", "zip"], ["id"]],
  ["WITH a AS (SELECT id AS n FROM orders) SELECT | FROM a", "column", ["n"], ["price"]],
  ["WITH a AS (SELECT id AS n FROM orders) SELECT * FROM |", "table", ["a", "orders"], []],
  ["SELECT | FROM (SELECT price * 2 AS twice FROM orders) AS s", "column", ["twice"], ["price"]],
  [
    "SELECT * FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE |",
    "column",
    ["country", "price"],
    [],
  ],
  [
    "SELECT window_start, | FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE))",
    "column",
    ["window_end", "price"],
    [],
  ],
  ["SELECT * FROM TABLE(TUMBLE(|", "argument", ["DATA", "TIMECOL", "SIZE"], ["SLIDE"]],
  ["SELECT * FROM TABLE(TUMBLE(TABLE |", "table", ["orders"], []],
  ["SELECT * FROM TABLE(HOP(TABLE orders, DESCRIPTOR(|", "column", ["ts", "proc"], []],
  ["SELECT a FROM orders |", "keyword", ["WHERE", "GROUP BY", "LEFT JOIN"], ["SELECT"]],
  ["SELECT CAST(id AS |", "type", ["STRING", "DECIMAL"], []],
  ["CREATE TABLE t (a |", "type", ["BIGINT", "ROW"], []],
  ["CREATE TABLE t (a BIGINT, ts TIMESTAMP(3), PRIMARY KEY (|", "column", ["a", "ts"], []],
  ["CREATE TABLE t (a BIGINT, ts TIMESTAMP(3), WATERMARK FOR |", "column", ["ts"], []],
  ["CREATE TABLE t (a INT) WITH (|", "option", ["connector"], []],
  ["CREATE TABLE t (a INT) WITH ('con|", "option", ["connector"], []],
  ["CREATE TABLE t (a INT) WITH ('connector' = '|", "value", ["datagen", "filesystem"], []],
  [
    "CREATE TABLE t (a INT) WITH ('connector' = 'datagen', '|')",
    "option",
    ["rows-per-second", "fields.#.kind"],
    ["path", "connector"],
  ],
  [
    "CREATE TABLE t (a INT) WITH ('|', 'connector' = 'filesystem', 'format' = 'csv')",
    "option",
    ["path", "csv.header"],
    ["json.errors"],
  ],
  [
    "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'format' = '|'",
    "value",
    ["csv", "json"],
    [],
  ],
  [
    "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'csv.header' = |",
    "value",
    ["true", "false"],
    [],
  ],
  [
    "CREATE TABLE t (a INT) WITH ('connector' = 'datagen', 'fields.a.kind' = '|",
    "value",
    ["sequence"],
    [],
  ],
  ["SELECT * FROM orders /*+ OPTIONS('|", "option", ["rows-per-second"], ["connector"]],
  ["SELECT * FROM orders /*+ |", "hint", ["OPTIONS"], ["STATE_TTL"]],
  ["SELECT /*+ |", "hint", ["STATE_TTL", "LOOKUP"], ["OPTIONS"]],
  ["SET '|", "option", ["execution.runtime-mode", "table.exec.state.ttl"], []],
  ["SET execution.r|", "option", ["execution.runtime-mode"], []],
  ["SET 'execution.runtime-mode' = '|", "value", ["streaming", "batch"], []],
  ["INSERT INTO |", "table", ["orders"], ["pricey"]],
  ["INSERT INTO orders (|", "column", ["id", "price"], []],
  ["DROP VIEW |", "view", ["pricey"], ["orders"]],
  ["DROP TABLE IF EXISTS |", "table", ["orders"], ["pricey"]],
  ["DESCRIBE |", "table", ["orders"], []],
  ["USE CATALOG |", "catalog", ["default_catalog"], []],
  ["SELECT * FROM default_catalog.|", "database", ["default_database"], []],
  ["SELECT * FROM default_catalog.default_database.|", "table", ["orders"], []],
  ["CREATE TABLE mine (x INT) WITH ('connector'='print'); SELECT | FROM mine", "column", ["x"], []],
  ["SELECT EXTRACT(DAY FROM |) FROM orders", "column", ["ts"], []],
  ["SELECT 1 -- SELECT | FROM orders", "column", [], ["id"]],
  ["SELECT 'SEL|' FROM orders", "column", [], ["id"]],
  ["SELECT a FROM nosuch WHERE |", "function", ["ABS"], []],
];

test("completion offers what may stand at the cursor", () => {
  for (const [marked, kind, wanted, unwanted] of COMPLETIONS) {
    const found = labels(marked, kind);
    for (const label of wanted)
      assert.ok(found.includes(label), `${marked}: ${label} among ${found.slice(0, 40)}`);
    for (const label of unwanted) assert.ok(!found.includes(label), `${marked}: no ${label}`);
  }
});

test("names that are reserved words bring their backticks; strings their quotes", () => {
  const insertOf = (marked: string, label: string) =>
    editor.complete(...at(marked)).items.find((item) => item.label === label)?.insert;
  assert.equal(insertOf("SELECT | FROM orders", "date"), "`date`");
  assert.equal(insertOf("CREATE TABLE t (a INT) WITH (|", "connector"), "'connector' = '");
  assert.equal(insertOf("CREATE TABLE t (a INT) WITH ('|", "connector"), "connector");
  const { from, to } = editor.complete(...at("CREATE TABLE t (a INT) WITH ('con|nec' = 'x')"));
  assert.deepEqual([from, to], [30, 36]);
});

/** Text (the cursor within the name), code, text. */
const HOVERS: readonly (readonly [string, RegExp, RegExp])[] = [
  ["SELECT pr|ice FROM orders", /^price DECIMAL\(10, 2\)$/, /^Column of orders\.$/],
  [
    "SELECT o.cust|omer FROM orders o",
    /^customer (STRING|VARCHAR)/,
    /^Column of orders\. who pays$/,
  ],
  [
    "SELECT address.ci|ty FROM orders",
    /^address\.city (STRING|VARCHAR)/,
    /^Field of a column of orders\.$/,
  ],
  [
    "SELECT * FROM ord|ers",
    /^orders \(\n {2}id BIGINT/,
    /Connector datagen\. Primary key id\. Watermark of ts/,
  ],
  ["INSERT INTO ord|ers SELECT * FROM orders", /^orders \(/, /datagen/],
  ["SELECT o|.id FROM orders o", /^o \(\n/, /^o stands for orders\.$/],
  ["SELECT SU|M(price) FROM orders", /^SUM\(\[DISTINCT\] number\) → DECIMAL\(38, 2\)$/, /^The sum/],
  ["SELECT UPP|ER(customer) FROM orders", /^UPPER\(string\) → (STRING|VARCHAR)/, /upper case/],
  [
    "SELECT * FROM TABLE(TUM|BLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' DAY))",
    /^TUMBLE\(TABLE t/,
    /Windows of one size/,
  ],
  ["SELECT x FROM (SELECT id AS x FROM orders) s WHERE x| > 1", /^x BIGINT/, /^Column of s\.$/],
  ["WITH a AS (SELECT id FROM orders) SELECT * FROM a|", /^a \(\n {2}id BIGINT/, /WITH/],
  [
    "CREATE TABLE t (a INT) WITH ('connector' = 'datagen', 'rows-per-|second' = '1')",
    /^'rows-per-second' {2}integer$/,
    /^Rows a second\. Default: 10000\.$/,
  ],
  ["SET 'execution.runtime-|mode' = 'batch'", /execution\.runtime-mode/, /One of streaming, batch/],
];

test("hover tells types, signatures, tables and options", () => {
  for (const [marked, code, text] of HOVERS) {
    const found = editor.hover(...at(marked));
    assert.ok(found, marked);
    assert.match(found.code, code, marked);
    assert.match(found.text, text, marked);
  }
  assert.equal(editor.hover(...at("SEL|ECT 1")), undefined);
  assert.equal(editor.hover(...at("SELECT nos|uch FROM orders")), undefined);
});

test("signature help knows the argument that is being written", () => {
  const help = (marked: string) => {
    const found = editor.signatureHelp(...at(marked));
    if (found === undefined) return undefined;
    const active = found.parameters[found.active];
    return `${found.label} / ${active === undefined ? "" : found.label.slice(active.from, active.to)}`;
  };
  assert.equal(help("SELECT SUBSTRING(customer, |"), "SUBSTRING(string, start, [length]) / start");
  assert.equal(help("SELECT SUBSTRING(|"), "SUBSTRING(string, start, [length]) / string");
  assert.equal(help("SELECT CONCAT(a, b, c, |"), "CONCAT(string, string...) / string...");
  assert.equal(
    help("SELECT SUBSTRING(customer, (1 + |"),
    "SUBSTRING(string, start, [length]) / start",
  );
  assert.equal(
    help("SELECT * FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), |"),
    "HOP(TABLE t, DESCRIPTOR(ts), SLIDE interval, SIZE interval, [OFFSET interval]) / SLIDE interval",
  );
  assert.equal(help("SELECT (|"), undefined);
  assert.equal(help("SELECT UPPER('a') |"), undefined);
});

/** `|` the cursor, `«…»` where it was given. */
const DEFINITIONS: readonly string[] = [
  "CREATE TABLE «t» (a INT) WITH ('connector'='print'); SELECT * FROM t|",
  "CREATE TABLE t («a» INT) WITH ('connector'='print'); SELECT a| FROM t",
  "CREATE TABLE t («a» INT) WITH ('connector'='print'); SELECT x.a| FROM t AS x",
  "SELECT o|.id FROM orders «o»",
  "WITH «w» AS (SELECT id FROM orders) SELECT * FROM w|",
  "WITH w AS (SELECT id AS «n» FROM orders) SELECT n| FROM w",
  "SELECT twice| FROM (SELECT price * 2 AS «twice» FROM orders) AS s",
  "CREATE TABLE t («a» INT) WITH ('connector'='print'); CREATE VIEW v AS SELECT * FROM t; SELECT a| FROM v",
  "CREATE VIEW «v» AS SELECT 1 AS a; INSERT INTO orders SELECT * FROM v|",
  "CREATE FUNCTION «f» AS 'x'; SELECT f|(1)",
];

test("definitions are found where the script gives the name", () => {
  for (const marked of DEFINITIONS) {
    const plain = marked.replace(/[«»]/g, "");
    const [text, offset] = at(plain);
    const from = marked.replace("|", "").indexOf("«");
    const to = marked.replace("|", "").indexOf("»") - 1;
    // A function of a class that is not there has no signature, so that it is no call to go to.
    if (marked.includes("FUNCTION")) continue;
    assert.deepEqual(editor.definition(text, offset), { from, to }, marked);
  }
  assert.equal(editor.definition(...at("SELECT * FROM orders|")), undefined);
});

test("the outline names the statements", () => {
  const outline = editor.outline(
    "CREATE TABLE a.t (x INT); INSERT INTO t SELECT 1; SELEC; SELECT 1",
  );
  assert.deepEqual(
    outline.map(({ kind, name }) => `${kind} ${name}`),
    ["table a.t", "insert t", "error SELEC; SELECT 1", "query SELECT 1"],
  );
});

test("definitions before the cursor count, as they are now", () => {
  const own = service();
  const complete = (marked: string) => own.complete(...at(marked)).items.map(({ label }) => label);
  assert.ok(complete("CREATE VIEW v AS SELECT 1 AS fst; SELECT | FROM v").includes("fst"));
  assert.ok(complete("CREATE VIEW v AS SELECT 1 AS snd; SELECT | FROM v").includes("snd"));
  assert.ok(!complete("SELECT | FROM v").includes("snd"));
  assert.ok(!complete("SELECT | FROM v; CREATE VIEW v AS SELECT 1 AS snd").includes("snd"));
});
