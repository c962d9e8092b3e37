import assert from "node:assert/strict";
import { test } from "node:test";
import { checkParserCase } from "./parser-case.ts";

test("a canonical text is compared without regard to case", () => {
  assert(checkParserCase({ sql: "show tables", ok: "SHOW TABLES" }).pass);
  assert(!checkParserCase({ sql: "show tables", ok: "SHOW VIEWS" }).pass);
  assert(checkParserCase({ sql: 'use "a"', ok: "USE `a`" }).pass);
});

test("a message must match as a whole, and a text that parses does not fail", () => {
  const failsRegex = '(?s).*Encountered "likes" at line 1, column 13.\n.*';
  assert(checkParserCase({ sql: "show tables ^likes^", failsRegex }).pass);
  assert(!checkParserCase({ sql: "show tables ^likes^", failsRegex: "Encountered" }).pass);
  assert(!checkParserCase({ sql: "show tables", failsRegex: "(?s).*" }).pass);
});

test("a validation error is one of the statement's own rules", () => {
  const sql = "CREATE TABLE t (a INT, UNIQUE (a))";
  const validationError = "UNIQUE constraint is not supported yet";
  assert(checkParserCase({ sql, parses: true, validationError }).pass);
  assert(!checkParserCase({ sql, parses: true, validationError: "another" }).pass);
  assert(checkParserCase({ sql, parses: true }).pass);
  assert(!checkParserCase({ sql: "CREATE", parses: true }).pass);
});
