import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makePalette } from "../render/palette.ts";
import type { Terminal } from "../terminal.ts";
import { fmtCommand } from "./fmt.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-fmt-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function run(...argv: readonly string[]): Promise<{ status: number; said: string }> {
  const said: string[] = [];
  const terminal: Terminal = {
    argv,
    version: "0",
    palette: makePalette(false),
    interactive: false,
    inputInteractive: false,
    columns: 100,
    out: (text) => said.push(text),
    say: (text) => said.push(text),
    progress: (text) => said.push(text),
  };
  return { status: await fmtCommand.run(argv, terminal), said: said.join("\n") };
}

test("fmt formats a file, --check only says so", async () => {
  const path = join(folder, "q.sql");
  writeFileSync(path, "select a from t -- why\n;");
  const before = await run(path, "--check");
  assert.equal(before.status, 1);
  assert.match(
    before.said,
    /q\.sql is not formatted\n1 file: 1 would change, 0 with syntax errors/,
  );
  assert.equal(readFileSync(path, "utf8"), "select a from t -- why\n;");
  assert.equal((await run(path)).status, 0);
  assert.equal(readFileSync(path, "utf8"), "SELECT a FROM t -- why\n;\n");
  assert.equal((await run("--check", path)).status, 0);
});

test("a statement with a syntax error stays, is named, and fails the command", async () => {
  const path = join(folder, "wrong.sql");
  writeFileSync(path, "selec a  from t;\nselect  1;\n");
  const { status, said } = await run(path);
  assert.equal(status, 1);
  assert.match(said, /MR2001/);
  assert.match(said, /wrong\.sql:1:1/);
  assert.equal(readFileSync(path, "utf8"), "selec a  from t;\nSELECT 1;\n");
});

test("what cannot be written is told with its reason", async () => {
  await assert.rejects(run(join(folder, "none.sql")), /cannot read .*none\.sql/);
  await assert.rejects(run(), /name at least one file/);
});
