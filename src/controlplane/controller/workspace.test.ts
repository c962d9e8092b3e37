import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../../foundation/base/errors.ts";
import { Workspace } from "./workspace.ts";

const DDL = `CREATE TABLE flights (origin STRING, delay INT) WITH (
  'connector' = 'filesystem', 'path' = '/data/flights.jsonl', 'format' = 'json');
CREATE VIEW late AS SELECT origin FROM flights WHERE delay > 15;
`;
const workspace = new Workspace({ ddl: DDL });
const code = (expected: string) => (error: unknown) =>
  error instanceof MillraceError && error.code === expected;

test("the catalog lists tables and views with their columns", () => {
  const { tables, ddl } = workspace.catalog();
  assert.equal(ddl, DDL);
  assert.deepEqual(tables, [
    {
      name: "flights",
      kind: "TABLE",
      connector: "filesystem",
      columns: [
        { name: "origin", type: "STRING" },
        { name: "delay", type: "INT" },
      ],
    },
    {
      name: "late",
      kind: "VIEW",
      connector: null,
      columns: [{ name: "origin", type: "STRING" }],
    },
  ]);
});

test("problems have their places in the user's text", () => {
  assert.deepEqual(workspace.check("SELECT origin FROM flights"), []);
  const script = "SELECT origin FROM flights;\nSELECT dellay FROM flights";
  const [problem, ...more] = workspace.check(script);
  assert.deepEqual(more, []);
  assert.equal(problem?.severity, "error");
  assert.equal(script.slice(problem?.from, problem?.to), "dellay");
  assert.match(problem?.message ?? "", /line 2|dellay/i);
});

test("a problem at the end of the text still has something to underline", () => {
  const [problem] = workspace.check("SELECT origin FROM ");
  assert.ok(problem !== undefined);
  assert.ok(problem.to > problem.from);
});

test("tables of one script are unknown to the next", () => {
  assert.deepEqual(
    workspace.check("CREATE TEMPORARY VIEW v AS SELECT 1 AS a; SELECT a FROM v"),
    [],
  );
  assert.equal(workspace.check("SELECT a FROM v").length, 1);
});

test("a script's INSERT becomes a plan; two are refused", () => {
  const sink = "CREATE TABLE s (origin STRING) WITH ('connector' = 'collect');";
  const insert = "INSERT INTO s SELECT origin FROM late;";
  const plan = workspace.planScript(sink + insert);
  assert.equal(plan?.nodes.at(-1)?.type, "Sink");
  assert.equal(workspace.planScript(sink), undefined);
  assert.throws(() => workspace.planScript(sink + insert + insert), code("MR6018"));
});

test("a query becomes a plan, SHOW becomes rows; two queries are refused", () => {
  const query = workspace.planQuery("SET 'a' = 'b'; SELECT origin FROM flights");
  assert.equal(query?.kind, "plan");
  const shown = workspace.planQuery("SHOW TABLES");
  assert.deepEqual(shown?.kind === "rows" && shown.rows.flat().slice(0, 2), ["flights", "late"]);
  assert.equal(workspace.planQuery("SET 'a' = 'b'"), undefined);
  assert.throws(() => workspace.planQuery("SELECT 1; SELECT 2"), code("MR6019"));
});

test("DDL that is wrong is told at once", () => {
  assert.throws(() => new Workspace({ ddl: "CREATE TABLE t (a INTT)" }), MillraceError);
});

test("a statement set without END is no script", () => {
  const sink = "CREATE TABLE s (origin STRING) WITH ('connector' = 'collect');";
  const open = `${sink} BEGIN STATEMENT SET; INSERT INTO s SELECT origin FROM late`;
  assert.throws(() => workspace.planScript(open), code("MR2128"));
  assert.equal(workspace.check(open)[0]?.code, "MR2128");
  assert.ok(workspace.planScript(`${open}; END`) !== undefined);
});
