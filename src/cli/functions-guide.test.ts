/** The examples of docs/guide/functions.md, run as a user runs them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("the guide's functions give what the guide says", () => {
  const guide = readFileSync(join(root, "docs", "guide", "functions.md"), "utf8");
  const block = (language: string) => {
    const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1];
    assert.ok(found !== undefined, `no example in ${language}`);
    return found;
  };
  const folder = mkdtempSync(join(tmpdir(), "millrace-guide-"));
  try {
    writeFileSync(join(folder, "functions.ts"), block("ts"));
    writeFileSync(join(folder, "query.sql"), block("sql"));
    const args = [join(root, "bin", "millrace"), "sql", "-o", "csv"];
    const file = join(folder, "query.sql");
    const out = execFileSync(process.execPath, [...args, "-f", file], { encoding: "utf8" });
    assert.equal(out, block("text"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the guide's procedure removes old partitions", () => {
  const guide = readFileSync(join(root, "docs", "guide", "functions.md"), "utf8");
  const source = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)][1]?.[1];
  assert.ok(source !== undefined, "no second example");
  const folder = mkdtempSync(join(tmpdir(), "millrace-guide-"));
  try {
    writeFileSync(join(folder, "procedures.ts"), source);
    const days = ["dt=2023-12-31", "dt=2024-01-01"];
    for (const day of days) mkdirSync(join(folder, "orders", day), { recursive: true });
    const create = /`(CREATE FUNCTION expire [^`]*)`/.exec(guide)?.[1];
    const call = /`(CALL expire[^`]*)`/.exec(guide)?.[1]?.replace("/lake", folder);
    const file = join(folder, "call.sql");
    writeFileSync(file, `${create};\n${call};\n`);
    const args = [join(root, "bin", "millrace"), "sql", "-o", "csv", "-f", file];
    const out = execFileSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(out, "folder\ndt=2023-12-31\n");
    assert.deepEqual(readdirSync(join(folder, "orders")), ["dt=2024-01-01"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
