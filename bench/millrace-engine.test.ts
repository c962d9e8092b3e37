/** The harness against stand-ins for the launcher: what it measures, passes on and refuses. */
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { MillraceError } from "../src/foundation/base/errors.ts";
import { MillraceEngine } from "./millrace-engine.ts";

async function runStandIn(program: string, script = "SELECT 1;") {
  const engine = new MillraceEngine([process.execPath, "-e", program, "--"]);
  try {
    return await engine.run(script, 2);
  } finally {
    await engine.stop();
  }
}

test("CPU of a run includes what its children used", async () => {
  const burn = "const end = Date.now() + 300; while (Date.now() < end);";
  const program = `require("node:child_process").execFileSync(process.execPath, ["-e", ${JSON.stringify(burn)}]);`;
  const run = await runStandIn(program);
  assert.ok(run.wallSeconds >= 0.3, `wall ${run.wallSeconds}`);
  assert.ok(run.cpuSeconds > 0.05, `cpu ${run.cpuSeconds}`);
  assert.equal(run.firstOutputMs, undefined);
});

test("the script, its arguments and the metrics line pass through", async () => {
  const program = `
    const [command, file, ...rest] = process.argv.slice(1);
    console.log(command + " " + rest.join(" ") + " " + require("node:fs").readFileSync(file, "utf8"));
    console.log('{"numRecordsIn":7,"numRecordsOut":3,"wallMs":1,"cpuMs":2}');
    if (command !== "run" || rest.join(" ") !== "--json -p 2") process.exit(9);`;
  const run = await runStandIn(program);
  assert.equal(run.metrics?.numRecordsIn, 7);
  assert.equal(run.printedLines, 1);
  assert.ok(run.firstOutputMs! > 0 && run.firstOutputMs! <= run.wallSeconds * 1000);
});

test("a failed run is an error with the end of its standard error", async () => {
  const failing = runStandIn('console.error("no such table"); process.exit(3);');
  await assert.rejects(failing, (error: MillraceError) => {
    assert.ok(error instanceof MillraceError);
    assert.match(error.message, /ended with status 3.*no such table/);
    const script = String(error.params.script);
    assert.ok(existsSync(script), "the script is kept");
    rmSync(dirname(script), { recursive: true });
    return true;
  });
});
