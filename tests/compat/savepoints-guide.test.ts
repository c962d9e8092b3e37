/** The commands of docs/guide/savepoints.md, run as a user runs them. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { loadTestKernels } from "../../testkit/worker-runtime.ts";

await loadTestKernels();
const root = fileURLToPath(new URL("../../", import.meta.url));
const guide = readFileSync(join(root, "docs", "guide", "savepoints.md"), "utf8");
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"))].map(
    ([, block]) => block!,
  );
const folder = temporaryFolder("savepoints-guide");
const millrace = join(folder, "millrace");
const command = `"${process.execPath}" "${join(root, "bin", "millrace")}"`;
writeFileSync(millrace, `#!/bin/sh\nexec ${command} "$@"\n`);
chmodSync(millrace, 0o755);
writeFileSync(join(folder, "job.sql"), blocks("sql")[0]!);

const shell = async (block: string) => {
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  return promisify(execFile)("bash", ["-e", "-c", block], { cwd: folder, env });
};

test("the guide's commands do what it says", { timeout: 120_000 }, async () => {
  const { stdout, stderr } = await shell(blocks("sh")[0]!);
  assert.match(stdout, /^savepoint \d+ of job [0-9a-f]{32}/m, stderr);
  assert.match(stdout, /^group-aggregate_[0-9a-f]{10} +4 /m);
  assert.match(stdout, /^whole: \d+ segments, .* 4 entries$/m);
  assert.match(stdout, /^compatible +group-aggregate_[0-9a-f]{10} +4/m);
  assert.equal([...stdout.matchAll(/"k":\d,"n":\d+/g)].length, 4);
  assert.match(stderr, /from savepoint \d+ of job/);
  assert.match(stdout.trim().split("\n").at(-1) ?? "", /^savepoint-/);
});

test("the guide's commands for the platform", { timeout: 120_000 }, async () => {
  const platform = spawn(millrace, ["up", "--port", "0"], { cwd: folder, stdio: "pipe" });
  try {
    await line(platform, /next {5}open the console/);
    const { stdout } = await shell(
      `for i in 1 2 3 4 5 6 7 8; do millrace savepoint create flight-demo && break || sleep 1; done
       ${blocks("sh")[1]!}`,
    );
    assert.ok(stdout.trim().split("\n").length >= 4, stdout);
    assert.match(stdout, /^id +taken +bytes +path$/m);
    assert.match(stdout, /"origin":"[A-Z]{3}","flights":\d+/);
    const after = await shell(blocks("sh")[2]!);
    assert.match(after.stdout, /^\d+ +savepoint +COMPLETED +.* \d+ ms +\d+ +\/.*savepoint-/m);
    assert.match(after.stderr, /^flight-demo has its new parallelism, after \d+\.\d\d s$/m);
  } finally {
    const ended = new Promise((resolve) => platform.once("exit", resolve));
    platform.kill("SIGINT");
    await ended;
  }
});

function line(process: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    process.stdout!.on("data", (bytes: Buffer) => {
      text += bytes.toString();
      if (pattern.test(text)) resolve();
    });
    process.once("exit", () => reject(new Error(text)));
  });
}
