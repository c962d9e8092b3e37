/** The example of docs/guide/statistics.md, run as a user runs it. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { cli } from "./spawn-cli.ts";

const guide = fileURLToPath(new URL("../../docs/guide/statistics.md", import.meta.url));

test("the guide's ANALYZE TABLE tells EXPLAIN how many rows there are", async () => {
  const script = /```sql\n([\s\S]*?)```/.exec(readFileSync(guide, "utf8"))?.[1];
  assert.ok(script !== undefined);
  const folder = temporaryFolder("statistics-cli");
  const lines = Array.from({ length: 100 }, (_, i) => `${i},${i % 9},${i % 4 ? "done" : "open"}\n`);
  writeFileSync(join(folder, "orders.csv"), lines.join(""));
  const run = await cli(["sql", "-f", "-"], { cwd: folder, input: script });
  assert.equal(run.status, 0, run.stderr);
  const counts = [...run.stdout.matchAll(/rowcount = ([\d.]+)/g)].map((match) => match[1]);
  assert.deepEqual(counts, ["50.0", "100.0"], run.stdout);
});

test("a job's script refuses ANALYZE TABLE and says where it runs", async () => {
  const folder = temporaryFolder("statistics-cli");
  writeFileSync(
    join(folder, "job.sql"),
    "SET 'execution.runtime-mode' = 'batch'; CREATE TABLE t (a INT) WITH ('connector'='datagen', 'number-of-rows'='1'); ANALYZE TABLE t COMPUTE STATISTICS;",
  );
  const run = await cli(["run", "job.sql"], { cwd: folder });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /millrace sql/);
});
