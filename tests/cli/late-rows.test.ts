/** The example of docs/guide/event-time.md, run as a user runs it. */
import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { cli } from "./spawn-cli.ts";

const ROWS = 2500;
const guide = fileURLToPath(new URL("../../docs/guide/event-time.md", import.meta.url));

test("late rows go to a table of their own: each row is in a window or there", async () => {
  const script = /```sql\n([\s\S]*?)```/.exec(readFileSync(guide, "utf8"))?.[1];
  assert.ok(script !== undefined);
  const folder = temporaryFolder("late-rows");
  writeFileSync(join(folder, "late.sql"), script);
  const run = await cli(["run", "late.sql"], { cwd: folder });
  assert.equal(run.status, 0, run.stderr);
  const linesOf = (table: string) =>
    globSync(`out/${table}/**/part-*`, { cwd: folder }).flatMap((file) =>
      readFileSync(join(folder, file), "utf8").trim().split("\n"),
    );
  const late = linesOf("late").map((line) => JSON.parse(line) as Record<string, string>);
  const inTime = linesOf("minutes").reduce((sum, line) => sum + Number(line.split(",")[1]), 0);
  assert.ok(late.length > 0);
  for (const { ts, behind } of late) assert.ok(ts! <= behind!, `${ts} is not behind ${behind}`);
  assert.equal(inTime + late.length, ROWS);
});
