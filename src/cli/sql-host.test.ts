import assert from "node:assert/strict";
import { test } from "node:test";
import { checkScript } from "../language/sql/script/sql-session.ts";
import { checkingHost } from "./sql-host.ts";

const check = (script: string) =>
  checkScript(script, { host: checkingHost() }).map(({ severity, error }) => {
    const { at, didYouMean = [] } = error.place;
    return [severity, error.code, script.slice(at?.start, at?.end), ...didYouMean];
  });

test("a table that nobody can use is warned of where it is made, as an error where it is used", () => {
  const create = "CREATE TABLE t (a INT) WITH ('connector' = 'datagn', 'format' = 'jsn');";
  const warnings = [
    ["warning", "MR3001", "'connector' = 'datagn'", "datagen"],
    ["warning", "MR1003", "'format' = 'jsn'", "json"],
  ];
  assert.deepEqual(check(create), warnings);
  const [, format] = warnings;
  const error = ["error", "MR3001", "'connector' = 'datagn'", "datagen"];
  assert.deepEqual(check(`${create} SELECT * FROM t;`), [error, format]);
  assert.deepEqual(check("CREATE TABLE t (a INT) WITH ('connector' = 'print');"), []);
  assert.deepEqual(check("CREATE TABLE t (a INT) WITH ('connector' = 'datagen');"), []);
});

test("options of a connection count as the table's own", () => {
  const script = `CREATE CONNECTION c WITH ('connector' = 'filesytem');
    CREATE TABLE t (a INT) USING CONNECTION c WITH ('path' = '/tmp/x', 'format' = 'json');`;
  const [first, ...more] = checkScript(script, { host: checkingHost() });
  assert.equal(first?.error.code, "MR3001");
  assert.equal(first.severity, "warning");
  assert.deepEqual(more, []);
});
