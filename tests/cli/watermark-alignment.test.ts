/** Options of tables that have a watermark, as a user sets them. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { cli } from "./spawn-cli.ts";

const ALIGNED = `'scan.watermark.alignment.group' = 'g', 'scan.watermark.alignment.max-drift' = '300 ms',
  'scan.watermark.alignment.update-interval' = '20 ms'`;

/** Rows 1 … `rows`, each `stepMs` of event time behind the last, so many a second. */
const table = (name: string, rows: number, perSecond: number, stepMs: number, options: string) =>
  `CREATE TABLE ${name} (id BIGINT, ts AS TO_TIMESTAMP_LTZ(id * ${stepMs}, 3), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'datagen', 'rows-per-second' = '${perSecond}', 'fields.id.kind' = 'sequence',
  'fields.id.start' = '1', 'fields.id.end' = '${rows}'${options === "" ? "" : `, ${options}`});\n`;

async function run(script: string, ...args: string[]) {
  const folder = temporaryFolder("alignment");
  writeFileSync(join(folder, "job.sql"), script);
  return cli(["run", "job.sql", "-q", ...args], { cwd: folder });
}

/** How many rows of the slow table had come when the fast one's last did. */
async function slowBeforeFast(options: string): Promise<number> {
  const { status, stdout, stderr } = await run(
    `${table("slow", 80, 20, 10, options)}${table("fast", 1500, 1000, 1, options)}
CREATE TABLE seen (source STRING, id BIGINT) WITH ('connector' = 'print');
INSERT INTO seen SELECT 'slow', id FROM slow UNION ALL SELECT 'fast', id FROM fast WHERE id = 1500;`,
  );
  assert.equal(status, 0, stderr);
  const lines = stdout.trim().split("\n");
  assert.equal(lines.length, 81);
  return lines.findIndex((line) => line.includes("fast"));
}

test("a source that is ahead of its group waits", async () => {
  // The fast one's last row is 1,200 ms behind its drift of 300 ms, and the batch before was of a second.
  const [aligned, alone] = await Promise.all([slowBeforeFast(ALIGNED), slowBeforeFast("")]);
  assert.ok(aligned >= 70, `${aligned} rows`);
  assert.ok(alone < 60, `${alone} rows`);
});

test("a group needs a drift, a drift a group, and both a right value", async () => {
  const drift = "'scan.watermark.alignment.max-drift' = 'far'";
  for (const [options, code] of [
    ["'scan.watermark.alignment.group' = 'g'", "MR1002"],
    ["'scan.watermark.alignment.max-drift' = '1 s'", "MR1002"],
    [`'scan.watermark.alignment.group' = 'g', ${drift}`, "MR1003"],
    ["'scan.watermark.emit.strategy' = 'on-event'", "MR1001"],
  ] as const) {
    const { status, stderr } = await run(
      `${table("t", 3, 3, 1, options)}CREATE TABLE s (id BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO s SELECT id FROM t;`,
    );
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(code), options);
  }
});

test("a table has an idle timeout of its own", async () => {
  const own = table("t", 3, 3, 1, "'scan.watermark.idle-timeout' = '200 ms'");
  const { status, stderr } = await run(
    `${own}CREATE TABLE s (id BIGINT) WITH ('connector' = 'blackhole');INSERT INTO s SELECT id FROM t;`,
  );
  assert.equal(status, 0, stderr);
});
