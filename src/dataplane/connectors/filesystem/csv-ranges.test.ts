/** CSV files in ranges: wherever they are cut, the ranges hold the rows of the whole file, each once and in order. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { seededRandom, testSeed } from "../../../../testkit/operator-harness/changelog-table.ts";
import { temporaryFolder } from "../../../../testkit/temporary-folder.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { RowReader } from "../../../foundation/columnar/value-reader.ts";
import { formatRow } from "../../../foundation/columnar/value-text.ts";
import { realEnv } from "../../../foundation/host/real-env.ts";
import type { SourceReader } from "../../contract/source.ts";
import { createTestWorker } from "../../kernels/test-worker.test.ts";
import { defaultRegistry } from "../registry.ts";
import { cutFile, wholeFile } from "./file-split.ts";

const schema: Schema = {
  fields: [
    { name: "a", type: types.string() },
    { name: "b", type: types.string() },
  ],
};
const folder = temporaryFolder("csv-ranges");

function open(path: string, mode: "streaming" | "batch" = "batch") {
  const node = {
    type: "TableSourceScan" as const,
    id: 1,
    uid: "1",
    inputs: [],
    output: schema,
    changelogMode: "insert-only" as const,
    upsertKeys: [],
    description: "",
    table: { name: "t", options: { connector: "filesystem", format: "csv", path }, schema },
    projection: [[0], [1]],
    bounded: true,
  };
  const worker = createTestWorker();
  const { runtime, metrics } = worker;
  const context = { node, env: realEnv(), parallelism: 3, config: {}, timeZone: "UTC", mode };
  const factory = defaultRegistry().source("filesystem");
  const reader = factory.createReader({
    ...context,
    runtime,
    output: schema,
    metrics,
    subtaskIndex: 0,
  });
  const rows = new RowReader(runtime.memory, schema);
  const text = (batch: number, row: number) =>
    formatRow(rows.kind(batch, row), rows.read(batch, row), schema);
  return { reader, text, enumerator: factory.createEnumerator(context), worker };
}

const rangesOf = (path: string, cuts: readonly number[]) => {
  const edges = [0, ...cuts];
  return edges.map((start, i) => {
    const end = edges[i + 1] ?? -1;
    return { id: `${path}#${start}`, path, start, end, offset: start, line: 0, skip: 0, rest: [] };
  });
};

async function readAll(
  { reader, text, worker }: ReturnType<typeof open>,
  splits: Parameters<SourceReader["addSplits"]>[0],
): Promise<string[]> {
  reader.addSplits(splits);
  const found: string[] = [];
  const { kernels, memory } = worker.runtime;
  for (let left = splits.length; left > 0; ) {
    const mark = kernels.arenaMark();
    const polled = reader.poll();
    if (polled.kind === "batch") {
      const n = new DataView(memory.buffer).getUint32(polled.batch, true);
      for (let row = 0; row < n; row++) found.push(text(polled.batch, row));
    }
    kernels.arenaRelease(mark);
    if (polled.kind === "finished") left--;
    if (polled.kind === "idle") await reader.wait();
  }
  return found;
}

/** Lines of two fields, some quoted, with delimiters, line ends, quotes and nothing in them. */
function csvText(seed: number, lines: number): string {
  const random = seededRandom(seed);
  const pieces = ["", "a", "bc", ",", "\n", '""', "\r\n", " ", "long text ", '"",""'];
  const plain = ["", "x", 'in"ch', "y z", 'a""b', "é", "'"];
  const field = () =>
    random(2) === 0
      ? plain[random(plain.length)]!
      : `"${Array.from({ length: random(5) }, () => pieces[random(pieces.length)]!).join("")}"`;
  return Array.from(
    { length: lines },
    () => `${field()},${field()}${random(4) === 0 ? "\r\n" : "\n"}`,
  ).join("");
}

test("cut at every byte", async () => {
  const seed = testSeed();
  for (const [index, mark] of ["", "\uFEFF"].entries()) {
    const path = join(folder, `small-${index}.csv`);
    const content = mark + csvText(seed + index, 60);
    writeFileSync(path, content);
    const opened = open(path);
    const whole = await readAll(opened, [wholeFile(path)]);
    assert.ok(whole.length > 40);
    const bytes = Buffer.byteLength(content);
    for (let cut = 1; cut < bytes; cut++) {
      const found = await readAll(opened, rangesOf(path, [cut]));
      assert.deepEqual(found, whole, `MILLRACE_SEED=${seed}, cut at ${cut}`);
    }
    const many = Array.from({ length: Math.floor(bytes / 7) }, (_, i) => (i + 1) * 7 - 1);
    assert.deepEqual(await readAll(opened, rangesOf(path, many)), whole, `MILLRACE_SEED=${seed}`);
    await opened.reader.close();
  }
});

test("beyond a block, with a quoted field that is longer than one", async () => {
  const seed = testSeed();
  const path = join(folder, "large.csv");
  const long = `"${'text, with "" and\n'.repeat(100_000)}",end\n`;
  const content = csvText(seed, 60_000) + long + csvText(seed + 1, 60_000);
  writeFileSync(path, content);
  const opened = open(path);
  const whole = await readAll(opened, [wholeFile(path)]);
  const block = 1024 * 1024;
  const inLong = content.indexOf(long) + 5;
  for (const cuts of [
    [block - 1],
    [block],
    [block + 1],
    [inLong],
    [inLong + block, inLong + block + 9],
  ])
    assert.deepEqual(await readAll(opened, rangesOf(path, cuts)), whole, `${seed}, ${cuts}`);
  const splits = await opened.enumerator.discover();
  assert.equal(splits.length, Math.min(3, Math.floor(Buffer.byteLength(content) / 2 ** 21)));
  assert.deepEqual(await readAll(opened, splits), whole);
  assert.equal((await open(path, "streaming").enumerator.discover()).length, 1);
  await opened.reader.close();
});

test("later ranges are shorter by what is looked through before them", () => {
  const size = 300 * 1024 * 1024;
  const [a, b, c] = cutFile("f", size, { parallelism: 3, quoted: true });
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const cost = (start: number, end: number) => end - start + 0.15 * start;
  const costs = [cost(0, a.end), cost(b.start, b.end), cost(c.start, size)];
  assert.ok(Math.max(...costs) - Math.min(...costs) < 10, String(costs));
});
