import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../../../foundation/base/errors.ts";
import { parseStatement } from "./parser.ts";
import { checkStatement } from "./statement-checks.ts";
import { unparse } from "./unparse.ts";

/** Text, its canonical form, and back again. */
function check(cases: readonly (readonly [string, string])[]): void {
  for (const [text, canonical] of cases) {
    assert.equal(unparse(parseStatement(text)), canonical, text);
    assert.equal(unparse(parseStatement(canonical)), canonical, `again: ${canonical}`);
  }
}

test("CREATE TABLE with everything", () => {
  check([
    [
      `create temporary table if not exists c.d.t (
        a int not null primary key not enforced comment 'x',
        b as a + 1 comment 'y',
        m timestamp_ltz(3) metadata from 'timestamp' virtual,
        constraint pk primary key (a) not enforced,
        watermark for m as m - interval '5' second
      ) comment 'c' distributed by hash(a) into 4 buckets partitioned by (a, b)
      with ('connector' = 'kafka', 'it''s' = '') like s (including all excluding options)`,
      [
        "CREATE TEMPORARY TABLE IF NOT EXISTS `c`.`d`.`t` (",
        "  `a` INTEGER NOT NULL PRIMARY KEY NOT ENFORCED COMMENT 'x',",
        "  `b` AS (`a` + 1) COMMENT 'y',",
        "  `m` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,",
        "  CONSTRAINT `pk` PRIMARY KEY (`a`) NOT ENFORCED,",
        "  WATERMARK FOR `m` AS (`m` - INTERVAL '5' SECOND)",
        ")",
        "COMMENT 'c'",
        "DISTRIBUTED BY HASH(`a`) INTO 4 BUCKETS",
        "PARTITIONED BY (`a`, `b`)",
        "WITH (",
        "  'connector' = 'kafka',",
        "  'it''s' = ''",
        ")",
        "LIKE `s` (",
        "  INCLUDING ALL",
        "  EXCLUDING OPTIONS",
        ")",
      ].join("\n"),
    ],
    [
      "create or replace table t (a, b) with ('x' = 'y') as select 1, 2",
      "CREATE OR REPLACE TABLE `t` (\n  `a`,\n  `b`\n)\nWITH (\n  'x' = 'y'\n)\nAS\nSELECT 1, 2",
    ],
    [
      "create table t distributed into 3 buckets as table s",
      "CREATE TABLE `t`\nDISTRIBUTED INTO 3 BUCKETS\nAS TABLE `s`",
    ],
  ]);
});

test("materialized tables", () => {
  check([
    [
      "create or alter materialized table m (primary key (a) not enforced) with ('k'='v') start_mode = resume_or_from_now(interval '1' hour) freshness = interval '30' second refresh_mode = full as select a from t",
      "CREATE OR ALTER MATERIALIZED TABLE `m` (\n  PRIMARY KEY (`a`) NOT ENFORCED\n)\nWITH (\n  'k' = 'v'\n)\nSTART_MODE = RESUME_OR_FROM_NOW(INTERVAL '1' HOUR)\nFRESHNESS = INTERVAL '30' SECOND\nREFRESH_MODE = FULL\nAS\nSELECT `a`\nFROM `t`",
    ],
    ["alter materialized table m suspend", "ALTER MATERIALIZED TABLE `m` SUSPEND"],
    [
      "alter materialized table m refresh partition (p = 1)",
      "ALTER MATERIALIZED TABLE `m` REFRESH PARTITION (`p` = 1)",
    ],
  ]);
});

test("ALTER and DROP", () => {
  check([
    ["alter table t rename a.b to a.c", "ALTER TABLE `t` RENAME `a`.`b` TO `a`.`c`"],
    ["alter table t drop (a, b.c)", "ALTER TABLE `t` DROP (\n  `a`,\n  `b`.`c`\n)"],
    ["alter table t modify a int after b", "ALTER TABLE `t` MODIFY (\n  `a` INTEGER AFTER `b`\n)"],
    ["alter table t drop watermark", "ALTER TABLE `t` DROP WATERMARK"],
    ["alter view v as select 1", "ALTER VIEW `v`\nAS\nSELECT 1"],
    ["alter catalog c comment 'x'", "ALTER CATALOG `c` COMMENT 'x'"],
    ["alter database d set ('a'='b')", "ALTER DATABASE `d` SET (\n  'a' = 'b'\n)"],
    ["drop database if exists c.d cascade", "DROP DATABASE IF EXISTS `c`.`d` CASCADE"],
    ["drop temporary view v", "DROP TEMPORARY VIEW `v`"],
    ["drop catalog if exists c", "DROP CATALOG IF EXISTS `c`"],
  ]);
});

test("DML, plans and statement sets", () => {
  check([
    ["insert overwrite t (a, b.c) select 1, 2", "INSERT OVERWRITE `t` (`a`, `b`.`c`)\nSELECT 1, 2"],
    ["insert into t (select 1)", "INSERT INTO `t`\nSELECT 1"],
    ["upsert into t values (1)", "UPSERT INTO `t`\nVALUES (ROW(1))"],
    [
      "update t set a = 1, b = b + 1 where c",
      "UPDATE `t` SET `a` = 1\n, `b` = (`b` + 1)\nWHERE `c`",
    ],
    ["delete from t where a is null", "DELETE FROM `t`\nWHERE (`a` IS NULL)"],
    [
      "explain changelog_mode, plan_advice select 1",
      "EXPLAIN CHANGELOG_MODE, PLAN_ADVICE SELECT 1",
    ],
    ["call sys.run(1, x => 'y')", "CALL `sys`.`run`(1, `x` => 'y')"],
    [
      "compile and execute plan 'p' for insert into t select 1",
      "COMPILE AND EXECUTE PLAN 'p' FOR INSERT INTO `t`\nSELECT 1",
    ],
  ]);
});

test("SHOW, DESCRIBE, USE; words of the grammar may be names", () => {
  check([
    ["show full modules", "SHOW FULL MODULES"],
    ["show materialized tables in d like 'a%'", "SHOW MATERIALIZED TABLES IN `d` LIKE 'a%'"],
    ["show partitions t partition (p = 'x')", "SHOW PARTITIONS `t` PARTITION (`p` = 'x')"],
    ["desc catalog", "DESCRIBE `catalog`"],
    ["describe model", "DESCRIBE `model`"],
    ["describe model extended m", "DESCRIBE MODEL EXTENDED `m`"],
    ["use catalog", "USE `catalog`"],
    ["use catalog c", "USE CATALOG `c`"],
    ["use modules a, b", "USE MODULES `a`, `b`"],
    ["stop job 'x' with savepoint with drain", "STOP JOB 'x' WITH SAVEPOINT WITH DRAIN"],
  ]);
});

test("rules that need nothing but the statement", () => {
  const cases: [string, string][] = [
    [
      "CREATE TABLE t (a INT PRIMARY KEY NOT ENFORCED, PRIMARY KEY (a) NOT ENFORCED)",
      "Duplicate primary key definition",
    ],
    ["CREATE TABLE t (a INT, UNIQUE (a) NOT ENFORCED)", "UNIQUE constraint is not supported yet"],
    ["ALTER TABLE t ADD PRIMARY KEY (a)", "Flink doesn't support ENFORCED mode"],
    [
      "REPLACE TEMPORARY TABLE t AS SELECT 1",
      "REPLACE TABLE AS SELECT syntax does not support temporary",
    ],
  ];
  for (const [sql, message] of cases) {
    const statement = parseStatement(sql);
    assert.throws(
      () => checkStatement(statement),
      (error) => error instanceof MillraceError && error.message.startsWith(message),
      sql,
    );
  }
  checkStatement(parseStatement("CREATE TABLE t (a INT PRIMARY KEY NOT ENFORCED)"));
});
