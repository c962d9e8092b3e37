import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const COMMANDS = [
  "tests/faults/main.ts",
  "tests/fuzz/expressions.ts",
  "tests/fuzz/queries.ts",
  "tests/fuzz/sql.ts",
  "tests/properties/main.ts",
];

const run = (...args: string[]) =>
  spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", timeout: 60_000 });

for (const command of COMMANDS)
  test(`${command} says what is wrong with its options`, () => {
    const mistyped = run(command, "--sedes", "3");
    assert.equal(mistyped.status, 2, mistyped.stderr);
    assert.match(mistyped.stderr, /--sedes.*\nUsage: /s);
    const usage = run(command, "--help");
    assert.equal(usage.status, 0, usage.stderr);
    const option = /--(seeds|count|seconds)\b/.exec(usage.stdout)![1]!;
    const worded = run(command, `--${option}`, "many");
    assert.equal(worded.status, 2, worded.stdout);
    assert.match(worded.stderr, new RegExp(`--${option} wants a whole number, not 'many'`));
  });

test("conformance refuses an unknown option", () => {
  const { status, stderr } = run("testkit/conformance/main.ts", "--faild");
  assert.equal(status, 2);
  assert.match(stderr, /Usage: npm run conformance/);
});
