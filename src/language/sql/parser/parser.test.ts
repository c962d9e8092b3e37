import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { ExpressionNode, SelectNode, StatementNode } from "./ast.ts";
import {
  expectedAt,
  expectedTokens,
  parseExpression,
  parseScript,
  parseStatement,
} from "./parser.ts";
import { unparse } from "./unparse.ts";

function failure(act: () => unknown): MillraceError {
  try {
    act();
  } catch (error) {
    assert(error instanceof MillraceError, String(error));
    return error;
  }
  return assert.fail("no error");
}

function select(sql: string): SelectNode {
  const statement = parseStatement(sql);
  assert(statement.kind === "queryStatement" && statement.query.kind === "select");
  return statement.query;
}

function checkAll(
  cases: readonly (readonly [string, string])[],
  parse: (s: string) => string,
): void {
  for (const [text, canonical] of cases) {
    assert.equal(parse(text), canonical, text);
    assert.equal(parse(canonical), canonical, `again: ${canonical}`);
  }
}

test("expressions", () => {
  const cases: [string, string][] = [
    ["a or b and not c = d", "(`a` OR (`b` AND (NOT (`c` = `d`))))"],
    ["a = b is null", "((`a` = `b`) IS NULL)"],
    ["a + b * c || d - -1", "((`a` + ((`b` * `c`) || `d`)) - -1)"],
    ["- a % 2", "((- `a`) % 2)"],
    ["a between 1 and 2 and b", "((`a` BETWEEN ASYMMETRIC 1 AND 2) AND `b`)"],
    ["a not between symmetric 1+1 and 2", "(`a` NOT BETWEEN SYMMETRIC (1 + 1) AND 2)"],
    ["a not in (1, 2)", "(`a` NOT IN (1, 2))"],
    ["(a, b) in (select c, d from t)", "((ROW(`a`, `b`)) IN (SELECT `c`, `d`\nFROM `t`))"],
    ["a not like 'x!%' escape '!'", "(`a` NOT LIKE 'x!%' ESCAPE '!')"],
    ["a similar to 'x' = true", "((`a` SIMILAR TO 'x') = TRUE)"],
    ["a is not distinct from b", "(`a` IS NOT DISTINCT FROM `b`)"],
    ["a is not unknown", "(`a` IS NOT UNKNOWN)"],
    ["a > all (select 1)", "(`a` > ALL (SELECT 1))"],
    ["a = any (1, 2)", "(`a` = SOME (1, 2))"],
    ["a[1][b].c", "`a`[1][`b`].`c`"],
    ["f(x).y", "`f`(`x`).`y`"],
    ["(r).y", "(`r`).`y`"],
    ["case a when 1 then 'x' end", "(CASE WHEN (`a` = 1) THEN 'x' ELSE NULL END)"],
    ["case when a then 1 else 2 end", "(CASE WHEN `a` THEN 1 ELSE 2 END)"],
    ["cast(a as decimal(10, 2))", "CAST(`a` AS DECIMAL(10, 2))"],
    ["try_cast(a as row<x int not null>)", "TRY_CAST(`a` AS ROW< `x` INTEGER NOT NULL >)"],
    ["extract(day from a)", "EXTRACT(DAY FROM `a`)"],
    ["floor(a to hour)", "FLOOR(`a` TO HOUR)"],
    ["ceil(a)", "CEIL(`a`)"],
    ["trim(a)", "TRIM(BOTH ' ' FROM `a`)"],
    ["trim(leading 'x' from a)", "TRIM(LEADING 'x' FROM `a`)"],
    ["substring(a from 1 for 2)", "SUBSTRING(`a` FROM 1 FOR 2)"],
    ["substring(a, 1, 2)", "SUBSTRING(`a`, 1, 2)"],
    ["position('a' in b)", "POSITION('a' IN `b`)"],
    ["overlay(a placing b from 1)", "OVERLAY(`a` PLACING `b` FROM 1)"],
    ["timestampadd(sql_tsi_day, 1, a)", "TIMESTAMPADD(DAY, 1, `a`)"],
    ["interval -'1:30' hour to minute", "INTERVAL -'1:30' HOUR TO MINUTE"],
    ["interval '1' days", "INTERVAL '1' DAY"],
    ["interval '1.5' second(2, 3)", "INTERVAL '1.5' SECOND(2, 3)"],
    ["interval (a + 1) day", "INTERVAL (`a` + 1) DAY"],
    ["date '2020-01-01'", "DATE '2020-01-01'"],
    ["timestamp '2020-01-01 00:00:00'", "TIMESTAMP '2020-01-01 00:00:00'"],
    ["array[1, 2]", "(ARRAY[1, 2])"],
    ["array(select 1)", "(ARRAY (SELECT 1))"],
    ["map['a', 1]", "(MAP['a', 1])"],
    ["row(1, 'a')", "(ROW(1, 'a'))"],
    ["count(distinct a) filter (where b)", "COUNT(DISTINCT `a`) FILTER (WHERE `b`)"],
    ["sum(a) over w", "(SUM(`a`) OVER `w`)"],
    [
      "lag(a) ignore nulls over (partition by b order by c desc nulls last rows between 1 preceding and current row)",
      "(LAG(`a`) IGNORE NULLS OVER (PARTITION BY `b` ORDER BY `c` DESC NULLS LAST ROWS BETWEEN 1 PRECEDING AND CURRENT ROW))",
    ],
    ["listagg(a, ',') within group (order by b)", "LISTAGG(`a`, ',') WITHIN GROUP (ORDER BY `b`)"],
    ["f(x => 1, y => default)", "`f`(`x` => 1, `y` => DEFAULT)"],
    [
      "json_value(a, '$.b' returning int null on empty error on error)",
      "JSON_VALUE(`a`, '$.b' RETURNING INTEGER NULL ON EMPTY ERROR ON ERROR)",
    ],
    ["json_query(a, '$' with wrapper)", "JSON_QUERY(`a`, '$' WITH UNCONDITIONAL ARRAY WRAPPER)"],
    ["json_exists(a, '$.b' false on error)", "JSON_EXISTS(`a`, '$.b' FALSE ON ERROR)"],
    [
      "json_object('a': 1, key b value c absent on null)",
      "JSON_OBJECT(KEY 'a' VALUE 1, KEY `b` VALUE `c` ABSENT ON NULL)",
    ],
    ["json_array(1, null null on null)", "JSON_ARRAY(1, NULL NULL ON NULL)"],
    ["json_array(null on null)", "JSON_ARRAY(NULL ON NULL)"],
    ["a is not json object", "(`a` IS NOT JSON OBJECT)"],
    ["(a, b) overlaps (c, d)", "((ROW(`a`, `b`)) OVERLAPS (ROW(`c`, `d`)))"],
    ["current_date", "CURRENT_DATE"],
    ["left(a, 1)", "`left`(`a`, 1)"],
    ["((select 1) + 2)", "((SELECT 1) + 2)"],
    ["((select 1) union (select 2))", "(SELECT 1\nUNION\nSELECT 2)"],
    ["U&'\\00e9!' || U&'!0041' uescape '!'", "('é!' || 'A')"],
    ["'a'\n'b'", "'ab'"],
    ["x'0aFf'", "X'0AFF'"],
  ];
  checkAll(cases, (s) => unparse(parseExpression(s)));
});

test("queries", () => {
  const cases: [string, string][] = [
    [
      "select * from a, b c join d on x cross join e",
      "SELECT *\nFROM `a`,\n`b` AS `c`\nINNER JOIN `d` ON `x`\nCROSS JOIN `e`",
    ],
    ["select t.* from t as t (a, b)", "SELECT `t`.*\nFROM `t` AS `t` (`a`, `b`)"],
    [
      "select a from t natural left join u join v using (k)",
      "SELECT `a`\nFROM `t`\nNATURAL LEFT JOIN `u`\nINNER JOIN `v` USING (`k`)",
    ],
    [
      "select a from (b join c on d) join e on f",
      "SELECT `a`\nFROM `b`\nINNER JOIN `c` ON `d`\nINNER JOIN `e` ON `f`",
    ],
    [
      "select a from b join (c join d on e) on f",
      "SELECT `a`\nFROM `b`\nINNER JOIN (`c`\nINNER JOIN `d` ON `e`) ON `f`",
    ],
    [
      "select a from t for system_time as of p.ts as x",
      "SELECT `a`\nFROM `t` FOR SYSTEM_TIME AS OF `p`.`ts` AS `x`",
    ],
    [
      "select a from t /*+ options('k'='v') */ x",
      "SELECT `a`\nFROM `t` /*+ `options`('k' = 'v') */ AS `x`",
    ],
    [
      "select /*+ broadcast(a), lookup('table'='t') */ a from t",
      "SELECT /*+ `broadcast`(`a`), `lookup`('table' = 't') */ `a`\nFROM `t`",
    ],
    [
      "select a from table(tumble(table t, descriptor(ts), interval '1' minute))",
      "SELECT `a`\nFROM TABLE(TUMBLE((TABLE `t`), DESCRIPTOR(`ts`), INTERVAL '1' MINUTE))",
    ],
    [
      "select a from session(table t partition by (k, l), descriptor(ts), interval '1' minute)",
      "SELECT `a`\nFROM TABLE(SESSION((TABLE `t`) PARTITION BY (`k`, `l`), DESCRIPTOR(`ts`), INTERVAL '1' MINUTE))",
    ],
    [
      "select a from t left join lateral table(f(x)) as s(y) on true",
      "SELECT `a`\nFROM `t`\nLEFT JOIN LATERAL TABLE(`f`(`x`)) AS `s` (`y`) ON TRUE",
    ],
    [
      "select a from t cross join unnest(x) with ordinality as u(v, o)",
      "SELECT `a`\nFROM `t`\nCROSS JOIN UNNEST(`x`) WITH ORDINALITY AS `u` (`v`, `o`)",
    ],
    ["select a from 'data/*.csv' as f", "SELECT `a`\nFROM 'data/*.csv' AS `f`"],
    [
      "select a from ((select 1) union all select 2) x",
      "SELECT `a`\nFROM (SELECT 1\nUNION ALL\nSELECT 2) AS `x`",
    ],
    [
      "select a from t group by grouping sets ((a, b), rollup(c), ())",
      "SELECT `a`\nFROM `t`\nGROUP BY GROUPING SETS((`a`, `b`), ROLLUP(`c`), ())",
    ],
    [
      "select a from t where b group by c having d window w as (order by e) qualify f",
      "SELECT `a`\nFROM `t`\nWHERE `b`\nGROUP BY `c`\nHAVING `d`\nWINDOW `w` AS (ORDER BY `e`)\nQUALIFY `f`",
    ],
    [
      "select 1 union select 2 intersect select 3 except all select 4",
      "(SELECT 1\nUNION\n(SELECT 2\nINTERSECT\nSELECT 3)\nEXCEPT ALL\nSELECT 4)",
    ],
    [
      "select a from t order by a limit 3 offset 1",
      "SELECT `a`\nFROM `t`\nORDER BY `a`\nOFFSET 1 ROWS\nFETCH NEXT 3 ROWS ONLY",
    ],
    ["values (1, 'a'), row(2, 'b'), 3", "VALUES (ROW(1, 'a')),\n(ROW(2, 'b')),\n(ROW(3))"],
    [
      "with x (a) as (select 1), y as (table x) select * from y",
      "WITH `x` (`a`) AS (SELECT 1), `y` AS (TABLE `x`) SELECT *\nFROM `y`",
    ],
    [
      "select * from t match_recognize (partition by k order by ts measures last(a.x) as y one row per match after match skip to first b pattern (a b+? (c | d){2,3}) within interval '1' hour define a as x > 1) as m",
      "SELECT *\nFROM `t` MATCH_RECOGNIZE(\nPARTITION BY `k`\nORDER BY `ts`\nMEASURES LAST(`a`.`x`) AS `y`\nONE ROW PER MATCH\nAFTER MATCH SKIP TO FIRST `b`\nPATTERN ((`a` `b`+? (`c` | `d`){ 2, 3 }))\nWITHIN INTERVAL '1' HOUR\nDEFINE `a` AS (`x` > 1)) AS `m`",
    ],
  ];
  checkAll(cases, (s) => unparse(parseStatement(s)));
});

test("AND and OR chains and set operations are flat", () => {
  const or = parseExpression(Array.from({ length: 20_000 }, (_, i) => `a = ${i}`).join(" OR "));
  assert(or.kind === "logical");
  assert.equal(or.operands.length, 20_000);
  const nested = parseExpression("(a AND b) AND c");
  assert(nested.kind === "logical");
  assert.deepEqual(
    nested.operands.map((o) => o.kind),
    ["logical", "identifier"],
  );
  const text = Array.from({ length: 5000 }, () => "SELECT 1").join(" UNION ALL ");
  const union = parseStatement(text);
  assert(union.kind === "queryStatement" && union.query.kind === "setOperation");
  assert.equal(union.query.branches.length, 4999);
});

test("spans cover the text of a node", () => {
  const sql = "SELECT a + b AS c, f(x) FROM t\nWHERE a = 1 AND b = 2 OR c";
  const query = select(sql);
  const at = (node: ExpressionNode | StatementNode) => sql.slice(node.span.start, node.span.end);
  assert.equal(at(query.items[0]!.value), "a + b");
  assert.equal(at(query.items[1]!.value), "f(x)");
  assert.equal(at(query.where!), "a = 1 AND b = 2 OR c");
  assert(query.where?.kind === "logical");
  assert.equal(at(query.where.operands[0]!), "a = 1 AND b = 2");
  assert.deepEqual(query.where.operands[1]!.span, { start: 56, end: 57, line: 2, column: 26 });
  assert.equal(sql.slice(query.span.start, query.span.end), sql);
});

test("Alibaba's synchronisation of tables and databases", () => {
  const cases: [string, string][] = [
    [
      "create table t with ('a'='b') as table src.t /*+ options('x'='y') */ add column (c as a + 1)",
      "CREATE TABLE `t`\nWITH (\n  'a' = 'b'\n)\nAS TABLE `src`.`t` /*+ `options`('x' = 'y') */\nADD COLUMN (\n  `c` AS (`a` + 1)\n)",
    ],
    [
      "create database if not exists d with ('a'='b') as database src including table 'x', 'y.*' excluding table 'z'",
      "CREATE DATABASE IF NOT EXISTS `d`\nWITH (\n  'a' = 'b'\n)\nAS DATABASE `src` INCLUDING TABLE 'x', 'y.*' EXCLUDING TABLE 'z'",
    ],
    [
      "create database d as database src including all tables",
      "CREATE DATABASE `d`\nAS DATABASE `src` INCLUDING ALL TABLES",
    ],
  ];
  checkAll(cases, (s) => unparse(parseStatement(s)));
});

test("SET and RESET with and without quotes", () => {
  assert.equal(
    unparse(parseStatement("SET execution.runtime-mode = batch;")),
    "SET 'execution.runtime-mode' = 'batch'",
  );
  assert.equal(unparse(parseStatement("set a.b='x y'")), "SET 'a.b' = 'x y'");
  assert.equal(unparse(parseStatement("RESET table.x-y")), "RESET 'table.x-y'");
});

test("data types", () => {
  const cases: [string, string][] = [
    ["timestamp(3) with local time zone not null", "TIMESTAMP(3) WITH LOCAL TIME ZONE NOT NULL"],
    ["timestamp_ltz(3)", "TIMESTAMP_LTZ(3)"],
    ["double precision", "DOUBLE"],
    ["character varying(10)", "VARCHAR(10)"],
    ["numeric(5)", "DECIMAL(5)"],
    ["int array multiset", "INTEGER ARRAY MULTISET"],
    ["map<string, array<int not null>>", "MAP< STRING, ARRAY< INTEGER NOT NULL > >"],
    ["row<>", "ROW<>"],
    ["row(a int 'one', `b` row<c bytes>)", "ROW(`a` INTEGER 'one', `b` ROW< `c` BYTES >)"],
    ["structured<'com.X', a int>", "STRUCTURED< 'com.X', `a` INTEGER >"],
    ["raw('c', 's')", "RAW('c', 's')"],
    ["interval day(3) to second(6)", "INTERVAL DAY(3) TO SECOND(6)"],
    ["variant", "VARIANT"],
    ["db.my_type", "`db`.`my_type`"],
  ];
  checkAll(
    cases.map(([a, b]) => [`CAST(x AS ${a})`, `CAST(\`x\` AS ${b})`]),
    (s) => unparse(parseExpression(s)),
  );
});

test("a script goes on behind an error", () => {
  const { statements, errors } = parseScript("SELECT 1; SELEC 2; ; SELECT a FORM t; SHOW TABLES;");
  assert.deepEqual(
    statements.map((s) => s.kind),
    ["queryStatement", "show"],
  );
  assert.deepEqual(
    errors.map((e) => e.place.didYouMean),
    [["SELECT"], ["FROM"]],
  );
  assert.deepEqual(
    errors.map((e) => e.place.at?.column),
    [11, 36],
  );
});

test("a script reports at most twenty errors", () => {
  assert.equal(parseScript("x;".repeat(100)).errors.length, 20);
});

test("messages in Flink's words", () => {
  const message = (sql: string) => failure(() => parseStatement(sql)).message;
  assert.equal(
    message("SHOW CATALOGS likes"),
    'Encountered "likes" at line 1, column 15.\nWas expecting one of:\n    <EOF> \n    "ILIKE" ...\n    "LIKE" ...\n    "NOT" ...\n    ',
  );
  assert.match(
    message("SELECT ORDER FROM t"),
    /^Incorrect syntax near the keyword 'ORDER' at line 1, column 8\.\nWas expecting/,
  );
  assert.equal(
    message('SELECT "a"'),
    'Lexical error at line 1, column 8.  Encountered: "\\"" (34), after : ""',
  );
  assert.match(message("SELECT a != b"), /^Bang equal '!=' is not allowed/);
  assert.match(
    message("SELECT 1; SELECT 2"),
    /^Encountered "SELECT" at line 1, column 11\.\nWas expecting:\n {4}<EOF>/,
  );
});

test("what Flink does not have is refused by name", () => {
  const cases: [string, RegExp][] = [
    ["SELECT ?", /dynamic parameter/],
    ["SELECT 1 FROM a LEFT SEMI JOIN b ON TRUE", /LEFT SEMI JOIN is not supported/],
    ["SELECT 1 FROM a PIVOT (SUM(x) FOR y IN (1))", /PIVOT is not supported/],
    ["WITH RECURSIVE a AS (SELECT 1) SELECT 1", /WITH RECURSIVE is not supported/],
    ["MERGE INTO t USING s ON TRUE", /MERGE is not supported/],
    ["SELECT a ILIKE b", /operator ILIKE is not supported/],
    ["SELECT 1 LIMIT 1, 2", /LIMIT start, count/],
    ["SELECT 1 MINUS SELECT 2", /MINUS is not allowed/],
    ["SELECT x'abc'", /even number/],
    ["SELECT U&'\\00'", /four digits/],
    ["SELECT ROW()", /Encountered "\)"/],
    ["SELECT EXTRACT(x FROM a)", /'x' is not a valid time frame/],
    ["CREATE TABLE t (a, b)", /Columns identifiers without types/],
  ];
  for (const [sql, pattern] of cases) {
    const error = failure(() => parseStatement(sql));
    assert.match(error.message, pattern);
    assert.match(error.code, /^MR20/);
  }
});

test("an empty text is an error for a statement, and no statement for a script", () => {
  assert.equal(failure(() => parseStatement(" -- nothing\n")).code, "MR2010");
  assert.deepEqual(parseScript(" ;; ").statements, []);
});

test("what may stand at a place, for completion", () => {
  const at = (text: string) => expectedAt(text, text.length);
  assert(at("").includes("SELECT") && at("SEL").includes("SELECT"));
  assert.deepEqual([...at("SHOW CREATE ")].sort(), [
    "CATALOG",
    "CONNECTION",
    "MATERIALIZED",
    "MODEL",
    "OR",
    "TABLE",
    "VIEW",
  ]);
  assert(at("SELECT a FROM t WH").includes("WHERE"));
  assert(at("SELECT 1; DROP ").includes("TABLE"));
  assert(at("SELECT * FROM ").includes("<IDENTIFIER>"));
  assert(at("SELECT a FROM t ").includes("JOIN"));
  assert.deepEqual(at("SELECT a FRM t, x y z "), []);
});

test("the expected tokens of an error", () => {
  const error = failure(() => parseStatement("ALTER MATERIALIZED TABLE t RESUME x"));
  assert.deepEqual(expectedTokens(error), ["<EOF>", "WITH"]);
  assert.deepEqual(expectedTokens(failure(() => parseStatement("SELECT a != b"))), []);
});
