/**
 * Rows of 100 MB: files of JSON and CSV, keys, accumulators, joins, ranks, sorts and sinks take them.
 * Where a worker's memory ends, an error says which row it was: src/dataplane/runtime/task/largest-row.test.ts.
 */
import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Engine } from "../../testkit/conformance/engine.ts";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";

const LONG = 100_000_000;
const folder = temporaryFolder("large-rows");

/** Rows 1 to 3, of which the second has the long text. */
function write(name: string, line: (id: number, text: Buffer) => readonly (string | Buffer)[]) {
  const path = join(folder, name);
  const file = openSync(path, "w");
  for (const id of [1, 2, 3])
    for (const part of line(id, Buffer.alloc(id === 2 ? LONG : 9, "xyz"))) {
      const bytes = Buffer.from(part as Buffer);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    }
  closeSync(file);
  return path;
}

const paths = {
  json: write("rows.json", (id, text) => [`{"id":${id},"s":"`, text, '"}\n']),
  csv: write("rows.csv", (id, text) => [`${id},`, text, "\n"]),
};

function engine(format: "json" | "csv", batch = false): Engine {
  const made = new Engine({ batch });
  made.execute(
    `CREATE TABLE t (id BIGINT, s STRING) WITH
      ('connector' = 'filesystem', 'path' = '${paths[format]}', 'format' = '${format}')`,
  );
  return made;
}

const lengths = (rows: readonly { readonly values: readonly unknown[] }[]) =>
  rows.map(({ values }) => values.map(Number));

for (const format of ["json", "csv"] as const)
  test(`a ${format} file's row of 100 MB is read, grouped by and joined with`, async () => {
    const read = await engine(format).query("SELECT id, CHAR_LENGTH(s) FROM t");
    assert.deepEqual(lengths(read.rows), [
      [1, 9],
      [2, LONG],
      [3, 9],
    ]);
    const grouped = await engine(format, true).query(
      "SELECT CHAR_LENGTH(s), COUNT(*), CHAR_LENGTH(MAX(s)) FROM t GROUP BY s",
    );
    assert.deepEqual(lengths(grouped.rows).sort(), [
      [LONG, 1, LONG],
      [9, 2, 9],
    ]);
  });

test("a join, a rank and a sort keep rows of 100 MB", async () => {
  const joined = await engine("json").query(
    "SELECT l.id, CHAR_LENGTH(r.s) FROM t l JOIN t r ON l.id = r.id WHERE l.id > 1",
  );
  assert.deepEqual(lengths(joined.rows).sort(), [
    [2, LONG],
    [3, 9],
  ]);
  const ranked = await engine("csv").query(
    `SELECT id, CHAR_LENGTH(s) FROM (
      SELECT *, ROW_NUMBER() OVER (ORDER BY s DESC) AS n FROM t) WHERE n <= 1`,
  );
  assert.deepEqual(lengths(ranked.rows).at(-1), [2, LONG]);
  const sorted = await engine("csv", true).query(
    "SELECT id, CHAR_LENGTH(s) FROM (SELECT * FROM t ORDER BY s DESC LIMIT 2)",
  );
  assert.deepEqual(lengths(sorted.rows)[0], [2, LONG]);
});

test("a sink writes a row of 100 MB", async () => {
  const made = engine("json");
  const out = join(folder, "out");
  made.execute(
    `CREATE TABLE o (id BIGINT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${out}', 'format' = 'csv')`,
  );
  await made.run(made.execute("INSERT INTO o SELECT id, s FROM t"));
  const [part] = readdirSync(out).filter((name) => name.startsWith("part-"));
  // As Flink's (Jackson's): a long text is quoted without being looked through.
  assert.equal(statSync(join(out, part!)).size, LONG + '1,\n2,""\n3,\n'.length + 2 * 9);
});
