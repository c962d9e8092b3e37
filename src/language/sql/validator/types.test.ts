import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../../../foundation/base/errors.ts";
import { typeToString, types } from "../../../foundation/columnar/logical-type.ts";
import { parseStatement } from "../parser/parser.ts";
import { SqlSession } from "../script/sql-session.ts";
import { queryRel } from "../script/statement-planner.ts";
import { canCastExplicitly, canCastImplicitly, leastRestrictive } from "./type-system.ts";

const DDL = `CREATE TABLE t (i INT, b BIGINT NOT NULL, d DECIMAL(10, 2), e DECIMAL(19, 0), f FLOAT,
  g DOUBLE, s STRING, c CHAR(5), dt DATE, ts TIMESTAMP(3), l TIMESTAMP_LTZ(3), bo BOOLEAN,
  arr ARRAY<INT>, m MAP<STRING, BIGINT>, r ROW<x INT NOT NULL, y STRING>) WITH ('connector'='x')`;

function typeOf(expression: string): string {
  const session = new SqlSession();
  session.execute(DDL);
  const text = `SELECT ${expression} FROM t`;
  session.context.text = text;
  const node = parseStatement(text);
  assert.equal(node.kind, "queryStatement");
  if (node.kind !== "queryStatement") return "";
  return typeToString(queryRel(session.context, node.query).schema.fields[0]!.type);
}

function codeOf(expression: string): string {
  try {
    return typeOf(expression);
  } catch (error) {
    assert.ok(error instanceof MillraceError, String(error));
    return error.code;
  }
}

test("arithmetic has Flink's result types", () => {
  const expected: Record<string, string> = {
    "i + b": "BIGINT",
    "b + 1": "BIGINT NOT NULL",
    "d + d": "DECIMAL(11, 2)",
    "d * d": "DECIMAL(21, 4)",
    "e / 6": "DECIMAL(30, 11)",
    "e / e": "DECIMAL(38, 19)",
    "d + i": "DECIMAL(13, 2)",
    "d + g": "DOUBLE",
    "f + i": "FLOAT",
    "MOD(b, 7)": "INT NOT NULL",
    "0.908 * b": "DECIMAL(23, 3) NOT NULL",
    "ts + INTERVAL '1' DAY": "TIMESTAMP(3)",
    "-i": "INT",
    "INTERVAL '1' DAY * i": "INTERVAL DAY(2)",
  };
  for (const [expression, type] of Object.entries(expected))
    assert.equal(typeOf(expression), type, expression);
});

test("conditional expressions find the common type and its nullability", () => {
  assert.equal(typeOf("CASE WHEN bo THEN 'dayTime' ELSE 'nightTime' END"), "VARCHAR(9) NOT NULL");
  assert.equal(typeOf("CASE WHEN bo THEN i END"), "INT");
  assert.equal(typeOf("COALESCE(i, b)"), "BIGINT NOT NULL");
  assert.equal(typeOf("IF(bo, i, d)"), "DECIMAL(12, 2)");
  assert.equal(typeOf("NULLIF(b, 3)"), "BIGINT");
  assert.equal(typeOf("GREATEST(b, 1)"), "BIGINT NOT NULL");
});

test("fields of a nullable ROW are nullable, elements of collections always", () => {
  assert.equal(typeOf("r.x"), "INT");
  assert.equal(typeOf("arr[1]"), "INT");
  assert.equal(typeOf("m['k']"), "BIGINT");
  assert.equal(typeOf("t.r.y"), "STRING");
});

test("aggregates: SUM and AVG of decimals, COUNT never NULL, NULL without groups", () => {
  assert.equal(typeOf("SUM(d)"), "DECIMAL(38, 2)");
  assert.equal(typeOf("AVG(d)"), "DECIMAL(38, 6)");
  assert.equal(typeOf("SUM(b)"), "BIGINT");
  assert.equal(typeOf("COUNT(s)"), "BIGINT NOT NULL");
  assert.equal(typeOf("AVG(i)"), "INT");
});

test("what does not fit is refused with its code", () => {
  assert.equal(codeOf("s + 1"), "MR2108");
  assert.equal(codeOf("UPPER(arr)"), "MR2107");
  assert.equal(codeOf("nosuch(i)"), "MR2106");
  assert.equal(codeOf("CAST(dt AS INT)"), "MR2109");
  assert.equal(codeOf("i LIKE 'x'"), "MR2108");
  assert.equal(codeOf("CASE WHEN bo THEN i ELSE 'x' END"), "MR2110");
  assert.equal(codeOf("missing"), "MR2102");
  assert.equal(codeOf("SUM(COUNT(i))"), "MR2113");
  assert.equal(codeOf("ROW_NUMBER()"), "MR2115");
  assert.equal(codeOf("i, SUM(b)"), "MR2112");
});

test("a near name is suggested, at its place", () => {
  const session = new SqlSession();
  session.execute(DDL);
  assert.throws(
    () => session.execute("SELECT arrr FROM t"),
    (error: unknown) =>
      error instanceof MillraceError &&
      error.place.didYouMean?.[0] === "arr" &&
      error.place.at?.column === 8,
  );
});

test("least restrictive types and conversions", () => {
  const common = leastRestrictive([types.int(false), types.decimal(5, 2)]);
  assert.equal(common && typeToString(common), "DECIMAL(12, 2)");
  assert.equal(leastRestrictive([types.int(), types.string()]), undefined);
  assert.ok(canCastImplicitly(types.int(), types.bigint()));
  assert.ok(!canCastImplicitly(types.bigint(), types.int()));
  assert.ok(!canCastImplicitly(types.int(), types.string()));
  assert.ok(canCastExplicitly(types.string(), types.timestamp(3)));
  assert.ok(!canCastExplicitly(types.date(), types.bigint()));
});
