import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecNode, ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import type { ProcessParameter } from "../../../foundation/plan/process-table-function.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { CatalogFunction } from "../catalog/catalog-objects.ts";
import type { FunctionDefinition } from "../functions/function-definition.ts";
import { SqlSession } from "../script/sql-session.ts";

const DDL = `
  CREATE TABLE u (id INT NOT NULL, name STRING NOT NULL, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='upsert-kafka');
  CREATE TABLE c (id INT, op STRING, name STRING) WITH ('connector'='datagen');
  CREATE TABLE retracts (id INT, name STRING) WITH ('connector'='print');
  CREATE TABLE upserts (id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='upsert-kafka');`;

/** f(r): keyed; g(r): by row; pair(a, b): two tables; timed(r): needs on_time. */
const FUNCTIONS: Readonly<Record<string, readonly ProcessParameter[]>> = {
  f: [
    { name: "r", kind: "table", traits: ["set-semantics"] },
    { name: "i", kind: "scalar", type: types.bigint(), optional: true },
  ],
  g: [{ name: "r", kind: "table", traits: ["row-semantics", "pass-columns-through"] }],
  pair: [
    { name: "a", kind: "table", traits: ["set-semantics"] },
    { name: "b", kind: "table", traits: ["set-semantics"] },
  ],
  timed: [{ name: "r", kind: "table", traits: ["set-semantics", "require-on-time"] }],
};

function userFunction({ name, className }: CatalogFunction): FunctionDefinition {
  const process = {
    className,
    parameters: FUNCTIONS[name]!,
    state: [],
    output: [{ name: "out", type: types.string() }],
    changelog: "insert-only",
  } as const;
  const rest = { forms: [], deterministic: true, bind: () => undefined };
  return { name, category: "table", ...rest, process };
}

function nodesOf(sql: string): readonly ExecNode[] {
  const session = new SqlSession({ host: { userFunction } });
  for (const name of Object.keys(FUNCTIONS))
    session.execute(`CREATE TEMPORARY SYSTEM FUNCTION ${name} AS '${name}'`);
  session.executeScript(DDL);
  const result = session.executeScript(sql).at(-1)!;
  if (result.kind !== "query" && result.kind !== "insert") throw new Error(result.kind);
  return result.plan.nodes;
}

function process(nodes: readonly ExecNode[]): ProcessTableFunctionNode {
  const found = nodes.find((node) => node.type === "ProcessTableFunction");
  assert.ok(found?.type === "ProcessTableFunction");
  return found;
}

test("EXPLAIN writes the call as Flink does", () => {
  const node = process(
    nodesOf(`SELECT * FROM TO_CHANGELOG(input => TABLE u PARTITION BY id, op => DESCRIPTOR(op),
      op_mapping => MAP['INSERT,UPDATE_AFTER', 'C'])`),
  );
  assert.equal(
    node.description,
    "ProcessTableFunction(invocation=[TO_CHANGELOG(TABLE(#0) PARTITION BY($0), DESCRIPTOR('op'), MAP('INSERT,UPDATE_AFTER', 'C'), DEFAULT(), DEFAULT(), DEFAULT())], uid=[TO_CHANGELOG], select=[id,op,name], rowType=[RecordType(INTEGER id, VARCHAR(2147483647) op, VARCHAR(2147483647) name)])",
  );
  assert.deepEqual(node.inputs[0]!.distribution, { kind: "hash", keys: [0] });
  assert.equal(node.changelogMode, "insert-only");
});

test("TO_CHANGELOG asks for -U only when it has a code", () => {
  const normalise = (sql: string) => {
    const node = nodesOf(sql).find(({ type }) => type === "ChangelogNormalize");
    return node?.type === "ChangelogNormalize" && node.generateUpdateBefore;
  };
  assert.equal(normalise("SELECT * FROM TO_CHANGELOG(TABLE u)"), true);
  const mapping = "MAP['INSERT', 'I', 'UPDATE_AFTER', 'U']";
  assert.equal(normalise(`SELECT * FROM TO_CHANGELOG(TABLE u, op_mapping => ${mapping})`), false);
});

test("deletions that are not full keep the partition's key, or an upsert key, and widen the others", () => {
  for (const partition of ["", "PARTITION BY id"]) {
    const node = process(
      nodesOf(`SELECT * FROM TO_CHANGELOG(TABLE u ${partition}, produces_full_deletes => FALSE)`),
    );
    const { implementation } = node;
    assert.ok(implementation.kind === "to-changelog");
    assert.deepEqual(implementation.deleteKeeps, [0]);
    assert.equal(node.output.fields.at(-1)!.type.nullable, true);
  }
});

test("FROM_CHANGELOG emits pairs, or upserts by its key", () => {
  const pairs = process(nodesOf("INSERT INTO retracts SELECT * FROM FROM_CHANGELOG(TABLE c)"));
  assert.equal(pairs.changelogMode, "retract");
  const upserts = `SELECT * FROM FROM_CHANGELOG(TABLE c PARTITION BY id,
    op_mapping => MAP['c,u', 'UPDATE_AFTER', 'd', 'DELETE'])`;
  const nodes = nodesOf(`INSERT INTO upserts ${upserts}`);
  assert.equal(process(nodes).changelogMode, "upsert");
  assert.deepEqual(process(nodes).upsertKeys, [[0]]);
  assert.equal(
    nodes.some(({ type }) => type === "ChangelogNormalize"),
    false,
  );
});

test("a reader that needs -U behind upserts of a function gets a ChangelogNormalize", () => {
  const nodes = nodesOf(`INSERT INTO retracts SELECT * FROM FROM_CHANGELOG(TABLE c PARTITION BY id,
    op_mapping => MAP['u', 'UPDATE_AFTER', 'd', 'DELETE'])`);
  const node = nodes.find(({ type }) => type === "ChangelogNormalize");
  assert.ok(node?.type === "ChangelogNormalize");
  assert.deepEqual(node.uniqueKey, [0]);
  assert.equal(node.generateUpdateBefore, true);
  assert.deepEqual(node.inputs[0]!.distribution, { kind: "hash", keys: [0] });
});

test("what does not fit is refused", () => {
  const refused = (sql: string, message: RegExp) =>
    assert.throws(() => nodesOf(sql), { code: "MR2118", message });
  refused("SELECT * FROM TO_CHANGELOG(TABLE u, op_mapping => MAP['X', 'x'])", /Unknown change op/);
  refused("SELECT * FROM TO_CHANGELOG(op => DESCRIPTOR(x))", /requires the argument 'input'/);
  refused("SELECT * FROM TO_CHANGELOG(TABLE u, nothing => 1)", /takes the arguments input, op,/);
  refused(
    "SELECT * FROM FROM_CHANGELOG(TABLE c, op_mapping => MAP['u', 'UPDATE_AFTER'])",
    /requires a PARTITION BY/,
  );
  refused("SELECT * FROM FROM_CHANGELOG(TABLE c, error_handling => 'NO')", /'FAIL' or 'SKIP'/);
  assert.throws(() => nodesOf("SELECT * FROM FROM_CHANGELOG(TABLE u)"), { code: "MR2102" });
});

test("a user's function: keys or passed columns first, scalars cast, distribution by PARTITION BY", () => {
  const keyed = process(nodesOf("SELECT * FROM f(r => TABLE c PARTITION BY name, i => 1)"));
  assert.deepEqual(
    keyed.output.fields.map((field) => field.name),
    ["name", "out"],
  );
  assert.deepEqual(keyed.inputs[0]!.distribution, { kind: "hash", keys: [2] });
  assert.equal(keyed.uid, "process-table-function_f");
  assert.match(keyed.description, /f\(TABLE\(#0\) PARTITION BY\(\$2\), /);
  const passed = process(nodesOf("SELECT * FROM g(TABLE c)"));
  assert.deepEqual(
    passed.output.fields.map((field) => field.name),
    ["id", "op", "name", "out"],
  );
  assert.deepEqual(passed.inputs[0]!.distribution, { kind: "forward" });
});

test("equal calls are one node; different ones need names of their own", () => {
  const twice = (one: string, other: string) =>
    nodesOf(`EXECUTE STATEMENT SET BEGIN
      INSERT INTO retracts SELECT 1, \`out\` FROM f(TABLE c PARTITION BY id${one});
      INSERT INTO retracts SELECT 2, \`out\` FROM f(TABLE c PARTITION BY id${other}); END`);
  const count = (nodes: readonly ExecNode[]) =>
    nodes.filter(({ type }) => type === "ProcessTableFunction").length;
  assert.equal(count(twice("", "")), 1);
  assert.throws(() => twice(", 1", ", 2"), { message: /Duplicate unique identifier 'f'/ });
  assert.equal(count(twice(", 1", ", 2, uid => 'second'")), 2);
});

test("what a declaration asks is checked", () => {
  const refused = (call: string, message: RegExp) =>
    assert.throws(() => nodesOf(`SELECT * FROM ${call}`), { message });
  refused("f(TABLE c)", /requires a PARTITION BY clause/);
  refused("g(TABLE c PARTITION BY id)", /Only tables with set semantics may be partitioned/);
  refused("f(TABLE c PARTITION BY id, 'x')", /Invalid argument type at 'i'/);
  refused("timed(TABLE c PARTITION BY id)", /requires a time attribute/);
  refused(
    "pair(TABLE c PARTITION BY id, TABLE c PARTITION BY name)",
    /Invalid PARTITION BY columns/,
  );
  refused("f(TABLE c PARTITION BY id ORDER BY op)", /must begin with a watermarked time attribute/);
  refused("f(TABLE u PARTITION BY id)", /doesn't support consuming update and delete changes/);
});
