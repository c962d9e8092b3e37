import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { fileStatistics } from "./file-statistics.ts";

const folder = temporaryFolder("file-statistics");
const lines = (count: number, length: number) => `${"x".repeat(length - 1)}\n`.repeat(count);
mkdirSync(join(folder, "t", "p=1"), { recursive: true });
writeFileSync(join(folder, "t", "a.csv"), lines(20_000, 10));
writeFileSync(join(folder, "t", "p=1", "b.csv"), lines(500, 10));
writeFileSync(join(folder, "t", "_SUCCESS"), lines(1000, 10));
writeFileSync(join(folder, "t", "c.csv.gz"), "");
writeFileSync(join(folder, "empty.csv"), "");

function rowsOf(path: string, format = "csv", connector = "filesystem"): number | undefined {
  return fileStatistics()({ name: "t", options: { connector, path, format } })?.rowCount;
}

test("sizes by the length of lines: files, folders, patterns, URLs", () => {
  const file = join(folder, "t", "a.csv");
  assert.equal(rowsOf(file), 20_000);
  assert.equal(rowsOf(file, "debezium-json"), 20_000);
  assert.equal(rowsOf(pathToFileURL(file).href), 20_000);
  assert.equal(rowsOf(join(folder, "t", "*.csv")), 20_000);
  assert.equal(rowsOf(join(folder, "t", "p=1")), 500);
  assert.equal(rowsOf(join(folder, "empty.csv")), 0);
});

test("unknown: compressed files, other formats and connectors, what is not there", () => {
  assert.equal(rowsOf(join(folder, "t")), undefined);
  assert.equal(rowsOf(join(folder, "t", "a.csv"), "parquet"), undefined);
  assert.equal(rowsOf(join(folder, "t", "a.csv"), "csv", "kafka"), undefined);
  assert.equal(rowsOf(join(folder, "nothing.csv")), undefined);
});

test("what is known of a path is kept for some seconds", () => {
  let now = 0;
  const statistics = fileStatistics(() => now);
  const path = join(folder, "grows.csv");
  const rows = () =>
    statistics({ name: "t", options: { connector: "filesystem", path, format: "csv" } })?.rowCount;
  writeFileSync(path, lines(10, 10));
  assert.equal(rows(), 10);
  writeFileSync(path, lines(30, 10));
  assert.equal(rows(), 10);
  now = 5_000;
  assert.equal(rows(), 30);
});
