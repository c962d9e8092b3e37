/** Statements that change files: INSERT OVERWRITE, UPDATE, DELETE, TRUNCATE, a statement set into one table, plans as files. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { cli } from "./spawn-cli.ts";

test("files are overwritten, changed row by row, emptied; plans run from their files", async () => {
  const folder = temporaryFolder("statements-cli");
  const script = `SET 'execution.runtime-mode' = 'batch';
    CREATE TABLE f (a INT, b STRING) WITH ('connector'='filesystem', 'path'='${folder}/f', 'format'='csv');
    EXECUTE STATEMENT SET BEGIN
      INSERT INTO f VALUES (1, 'x'), (2, 'y');
      INSERT INTO f VALUES (3, 'z');
    END;
    SELECT COUNT(*) AS inserted FROM f;
    UPDATE f SET b = UPPER(b) WHERE a < 3;
    DELETE FROM f WHERE a = 2;
    SELECT * FROM f ORDER BY a;
    INSERT OVERWRITE f SELECT a + 10, b FROM f WHERE a = 3;
    SELECT * FROM f;
    COMPILE PLAN '${folder}/plans/p.json' FOR INSERT INTO f VALUES (7, 'planned');
    EXECUTE PLAN '${folder}/plans/p.json';
    SELECT COUNT(*) AS with_planned FROM f;
    TRUNCATE TABLE f;
    SELECT COUNT(*) AS left_over FROM f;`;
  const run = await cli(["sql", "-o", "ndjson", "-f", "-"], { input: script });
  assert.equal(run.status, 0, run.stderr);
  assert.equal(
    run.stdout,
    '{"inserted":3}\n{"a":1,"b":"X"}\n{"a":3,"b":"z"}\n{"a":13,"b":"z"}\n{"with_planned":2}\n{"left_over":0}\n',
  );
});

test("options that a connector does not know are refused by EXPLAIN, unknown keys of SET are named", async () => {
  const table = "CREATE TABLE o (a INT) WITH ('connector'='datagen', 'scan.startup.mode'='x');";
  const run = await cli(["sql", "-c", `${table} EXPLAIN SELECT * FROM o`]);
  assert.equal(run.status, 1);
  assert.match(run.stderr, /Unsupported options found for connector datagen: scan\.startup\.mode/);
  const set = await cli(["sql", "-c", "SET 'table.exec.state.tll' = '1 h'"]);
  assert.equal(set.status, 0);
  assert.match(set.stderr, /MR2255[^\n]*unknown[^\n]*\n[^\n]*table\.exec\.state\.ttl/);
});

test("the width of a column cuts what is shown", async () => {
  const query = "SELECT 'abcdefghijklmnop' AS letters";
  const whole = await cli(["sql", "-o", "table", "-c", query]);
  assert.match(whole.stdout, /abcdefghijklmnop/);
  for (const key of ["table.display.max-column-width", "sql-client.display.max-column-width"]) {
    const cut = await cli(["sql", "-o", "table", "-c", `SET '${key}' = '7'; ${query}`]);
    assert.doesNotMatch(cut.stdout, /abcdefgh/, key);
    assert.match(cut.stdout, /abcdef/);
  }
});

test("a statement set without END is told, by sql, run and check: nothing of it runs", async () => {
  const table = "CREATE TABLE b (a INT) WITH ('connector' = 'blackhole');";
  const input = `${table} BEGIN STATEMENT SET; INSERT INTO b VALUES (1);`;
  for (const command of [
    ["sql", "-f", "-"],
    ["check", "-"],
    ["run", "-"],
  ]) {
    const { status, stderr } = await cli(command, { input });
    assert.equal(status, 1, command.join(" "));
    assert.match(stderr, /error MR2128: The statement set that begins here has no end/);
  }
});
