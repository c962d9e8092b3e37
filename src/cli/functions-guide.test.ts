/** The examples of docs/guide/functions.md, run as a user runs them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
