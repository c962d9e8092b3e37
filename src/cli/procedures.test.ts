import assert from "node:assert/strict";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Engine } from "../../testkit/conformance/engine.ts";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { SqlSession } from "../language/sql/script/sql-session.ts";
import { sqlHost } from "./sql-host.ts";

const folder = temporaryFolder("procedures");
const MODULE = join(folder, "procedures.ts");
writeFileSync(
  MODULE,
  `
let calls = 0;
export const expire = {
  kind: "table", procedure: true,
  signatures: [{ args: ["STRING", "BIGINT"], returns: "ROW<path STRING, n BIGINT, calls INT>" }],
  *eval(path: string, n: bigint) {
    calls++;
    for (let i = 0n; i < n; i++) yield [path, i, calls];
  },
};
export const tell = {
  kind: "table", procedure: true, signatures: [{ args: [], returns: "STRING" }], eval: () => ["done"],
};
export const plain = {
  kind: "table", signatures: [{ args: [], returns: "STRING" }], eval: () => ["x"],
};
export const wrong = {
  kind: "scalar", procedure: true, signatures: [{ args: [], returns: "STRING" }], eval: () => "x",
};
`,
);

const create = (name: string) =>
  `CREATE FUNCTION ${name} AS '${MODULE}#${name}' LANGUAGE TYPESCRIPT`;

test("CALL runs a procedure once, with converted arguments, and shows its rows", async () => {
  const engine = new Engine();
  for (const name of ["expire", "tell"]) engine.execute(create(name));
  const rows = async (sql: string) => (await engine.query(sql)).rows.map(({ text }) => text);
  assert.deepEqual(await rows("CALL expire('a', 2)"), ["+I[a, 0, 1]", "+I[a, 1, 1]"]);
  assert.deepEqual(await rows("CALL default_database.expire(UPPER('b'), 1)"), ["+I[B, 0, 2]"]);
  assert.deepEqual(await rows("CALL tell()"), ["+I[done]"]);
});

test("procedures are listed apart from functions, and are no part of queries", () => {
  const session = new SqlSession({ host: sqlHost({ functions: folder }) });
  const cells = (sql: string) => {
    const result = session.execute(sql);
    assert.ok(result.kind === "rows");
    return result.rows.flat();
  };
  for (const name of ["expire", "tell", "plain"]) session.execute(create(name));
  assert.deepEqual(cells("SHOW PROCEDURES"), ["expire", "tell"]);
  assert.deepEqual(cells("SHOW PROCEDURES LIKE 't%'"), ["tell"]);
  assert.deepEqual(cells("SHOW USER FUNCTIONS"), ["plain"]);
  const result = session.execute("CALL tell()");
  assert.ok(result.kind === "query");
  assert.deepEqual(
    result.schema.fields.map(({ name }) => name),
    ["result"],
  );
  for (const [sql, expected] of [
    ["SELECT * FROM TABLE(tell())", /tell is a procedure/],
    ["CALL plain()", /Procedure 'plain' does not exist/],
    ["CALL a.b.c(1)", /Procedure 'a\.b\.c' does not exist/],
    ["CALL expire('a')", /Supported form: expire\(STRING, BIGINT\)|Invalid number of arguments/],
  ] as const)
    assert.throws(() => session.execute(sql), expected, sql);
  session.execute(create("wrong"));
  assert.throws(() => session.execute("CALL wrong()"), /procedure: true is for table functions/);
  const bare = new SqlSession({ host: sqlHost() });
  bare.execute(create("tell"));
  assert.throws(() => bare.execute("CALL tell()"), { code: "MR2130" });
});

test("a server loads modules of its folder only, however a path leads out of it", () => {
  const inside = join(folder, "inside");
  mkdirSync(inside);
  symlinkSync(MODULE, join(inside, "link.ts"));
  cpSync(MODULE, join(inside, "own.ts"));
  const call = (path: string) => {
    const server = new SqlSession({ host: sqlHost({ functions: inside, onlyThere: true }) });
    server.execute(`CREATE FUNCTION tell AS '${path}#tell' LANGUAGE TYPESCRIPT`);
    return server.execute("CALL tell()").kind;
  };
  assert.equal(call("own.ts"), "query");
  assert.equal(call(join(inside, "own.ts")), "query");
  for (const path of [MODULE, "../procedures.ts", "x/../../procedures.ts", "link.ts"])
    assert.throws(() => call(path), { code: "MR1021", message: /loaded from .*inside only/ }, path);
  assert.throws(() => call("none.ts"), { code: "MR1021", message: /Cannot find module/ });
});
