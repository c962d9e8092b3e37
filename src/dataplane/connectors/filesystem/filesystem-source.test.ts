import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { RowReader } from "../../../foundation/columnar/value-reader.ts";
import { formatRow } from "../../../foundation/columnar/value-text.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { realEnv } from "../../../foundation/host/real-env.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { SourceReader, SourceSplit } from "../../contract/source.ts";
import type { SinkWriterContext } from "../../contract/sink.ts";
import { createTestWorker } from "../../kernels/test-worker.test.ts";
import { defaultRegistry } from "../registry.ts";
import { temporaryFolder } from "../../../../testkit/temporary-folder.ts";

const table: Schema = {
  fields: [
    { name: "id", type: types.bigint() },
    { name: "name", type: types.string() },
    { name: "at", type: types.timestamp(3) },
  ],
};

function scan(options: Record<string, string>, projection = [[0], [1], [2]]) {
  const output = { fields: projection.map(([i]) => table.fields[i!]!) };
  return {
    type: "TableSourceScan" as const,
    id: 1,
    uid: "1",
    inputs: [],
    output,
    changelogMode: "insert-only" as const,
    upsertKeys: [],
    description: "",
    table: {
      name: "t",
      options: { connector: "filesystem", format: "json", ...options },
      schema: table,
    },
    projection,
    bounded: true,
  };
}

function open(options: Record<string, string>, env: Env = realEnv(), parallelism = 1) {
  const node = scan(options);
  const worker = createTestWorker();
  const factory = defaultRegistry().source("filesystem");
  factory.validate(node);
  const context = { node, env, parallelism, config: {}, timeZone: "UTC" };
  const enumerator = factory.createEnumerator(context);
  const newReader = () =>
    factory.createReader({
      ...context,
      runtime: worker.runtime,
      output: node.output,
      metrics: worker.metrics,
      subtaskIndex: 0,
    });
  return {
    node,
    worker,
    enumerator,
    newReader,
    rows: new RowReader(worker.runtime.memory, node.output),
  };
}

/** Reads until `stop` rows or the end; returns the rows' texts and the last positions. */
async function drain(
  { worker, rows }: ReturnType<typeof open>,
  reader: SourceReader,
  splits: readonly SourceSplit[],
  onBatch: (texts: string[], split: SourceSplit) => boolean = () => true,
): Promise<string[]> {
  await reader.open();
  reader.addSplits(splits);
  const out: string[] = [];
  try {
    await readAll(worker, rows, reader, out, onBatch);
  } finally {
    await reader.close();
  }
  return out;
}

async function readAll(
  worker: ReturnType<typeof createTestWorker>,
  rows: RowReader,
  reader: SourceReader,
  out: string[],
  onBatch: (texts: string[], split: SourceSplit) => boolean,
): Promise<void> {
  while (true) {
    const mark = worker.runtime.kernels.arenaMark();
    const result = reader.poll();
    if (result.kind === "batch") {
      for (let row = 0; row < rows.rows(result.batch); row++)
        out.push(
          formatRow(rows.kind(result.batch, row), rows.read(result.batch, row), rows.schema),
        );
      if (!onBatch(out, result.split)) break;
    }
    worker.runtime.kernels.arenaRelease(mark);
    if (result.kind === "empty") break;
    if (result.kind === "idle") await reader.wait();
  }
}

function folder(files: Record<string, string>): string {
  const path = temporaryFolder("fs");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

const line = (id: number, name = `n${id}`) =>
  `${JSON.stringify({ id, name, at: "2024-01-01 00:00:01.500" })}\n`;
const text = (id: number) => `+I[${id}, n${id}, 2024-01-01T00:00:01.500]`;

test("reads a file of JSON lines into rows", async () => {
  const path = folder({ "a.json": line(1) + line(2) + line(3).trimEnd() });
  const source = open({ path: `${path}/a.json` });
  const rows = await drain(source, source.newReader(), await source.enumerator.discover());
  assert.deepEqual(rows, [text(1), text(2), text(3)]);
});

test("a folder is read whole, without hidden files; patterns choose files", async () => {
  const path = folder({
    "b/2.json": line(2),
    "1.json": line(1),
    ".x.json": line(8),
    _y: line(9),
    "3.txt": line(3),
  });
  const all = open({ path });
  assert.deepEqual((await drain(all, all.newReader(), await all.enumerator.discover())).sort(), [
    text(1),
    text(2),
    text(3),
  ]);
  const some = open({ path: `${path}/**/*.json` });
  assert.deepEqual((await drain(some, some.newReader(), await some.enumerator.discover())).sort(), [
    text(1),
    text(2),
  ]);
});

test("ranges of one big file hold every row once", async () => {
  const lines = Array.from({ length: 200_000 }, (_, i) => line(i)).join("");
  const path = folder({ "big.json": lines });
  const source = open({ path: `${path}/big.json` }, realEnv(), 3);
  const splits = await source.enumerator.discover();
  assert.equal(splits.length, 3);
  const rows: string[] = [];
  for (const split of splits) rows.push(...(await drain(source, source.newReader(), [split])));
  assert.equal(rows.length, 200_000);
  assert.deepEqual(rows.slice(0, 2), [text(0), text(1)]);
  assert.equal(new Set(rows).size, 200_000);
});

test("records longer than a block are read, in ranges too, and the memory for them is given back", async () => {
  const long = (id: number) => line(id, String(id).repeat(3_500_000));
  const path = folder({ "long.json": line(1) + long(2) + line(3) + long(4) + line(5) });
  for (const parallelism of [1, 3]) {
    const source = open({ path: `${path}/long.json` }, realEnv(), parallelism);
    const { kernels } = source.worker.runtime;
    const reader = source.newReader();
    const splits = await source.enumerator.discover();
    const rows = await drain(source, reader, splits);
    const lengths = rows.map((row) => [row.slice(3, 4), row.length]);
    const ends = text(1).length;
    const both = 3_500_000 - 2 + ends;
    assert.deepEqual(lengths, [
      ["1", ends],
      ["2", both],
      ["3", ends],
      ["4", both],
      ["5", ends],
    ]);
    assert.ok(kernels.memoryUsedBytes() - kernels.arenaHeldBytes() < 1_000_000);
  }
});

test("reading goes on from the position of a split", async () => {
  const path = folder({ "a.json": Array.from({ length: 10_000 }, (_, i) => line(i)).join("") });
  const source = open({ path: `${path}/a.json` });
  let position: SourceSplit | undefined;
  const first = await drain(
    source,
    source.newReader(),
    await source.enumerator.discover(),
    (_, split) => {
      position = JSON.parse(JSON.stringify(split));
      return false;
    },
  );
  assert.equal(first.length, MAX_BATCH_ROWS);
  const rest = await drain(source, source.newReader(), [position!]);
  assert.deepEqual(
    [...first, ...rest],
    Array.from({ length: 10_000 }, (_, i) => text(i)),
  );
});

test("an error names file, line and column", async () => {
  const path = folder({ "a.json": `${line(1)}${line(2)}{"id":"x"}\n` });
  const source = open({ path: `${path}/a.json` });
  await assert.rejects(
    source.enumerator.discover().then((splits) => drain(source, source.newReader(), splits)),
    {
      code: "MR3101",
      message: `bad json record in ${path}/a.json, line 3, column 7: field "id": expected BIGINT, the STRING is none`,
    },
  );
});

test("where rows came from: the line of one, the lines of a batch, in any part of a file", async () => {
  const rows = Array.from({ length: 5000 }, (_, i) => line(i)).join("");
  const path = `${folder({ "a.json": rows })}/a.json`;
  const source = open({ path });
  const [whole] = await source.enumerator.discover();
  const reader = source.newReader();
  const position = (lines: number) => ({
    ...whole!,
    offset: lines === 0 ? 0 : Buffer.byteLength(rows.split("\n").slice(0, lines).join("\n")) + 1,
    line: lines,
  });
  const place = { before: position(40), after: position(140), count: 100 };
  assert.equal(await reader.placeOf!({ ...place, row: 7 }), `${path}, line 48`);
  assert.equal(await reader.placeOf!({ ...place, row: undefined }), `${path}, lines 41 to 140`);
  assert.equal(
    await reader.placeOf!({ ...place, count: 99, row: 7 }),
    `${path}, lines 41 to 140`,
    "a line without a row: nobody knows which",
  );
  const start = position(1000).offset;
  const part = { before: { ...position(0), start, offset: start }, count: 5, row: 2 };
  const after = { ...position(1005), start, line: 5 };
  assert.equal(await reader.placeOf!({ ...part, after }), `${path}, line 1003`);
  await reader.close();
});

test("bad records are skipped or go to the dead-letter folder", async () => {
  const path = folder({ "a.json": `${line(1)}{bad\n${line(2)}` });
  const skip = open({ path: `${path}/a.json`, errors: "skip" });
  assert.deepEqual(await drain(skip, skip.newReader(), await skip.enumerator.discover()), [
    text(1),
    text(2),
  ]);
  assert.equal(skip.worker.metrics.counter("numRecordsInErrors").value, 1);
  const dead = open({
    path: `${path}/a.json`,
    errors: "dead-letter",
    "dead-letter.path": `${path}/_dead`,
  });
  assert.deepEqual(await drain(dead, dead.newReader(), await dead.enumerator.discover()), [
    text(1),
    text(2),
  ]);
  const letter = await realEnv().files.readAll(`${path}/_dead/dead-letter-0.jsonl`);
  assert.equal(
    new TextDecoder().decode(letter),
    `{"source":"${path}/a.json","offset":${line(1).length},"column":2,"reason":"expected a key in quotes or \\"}\\"","record":"{bad"}\n`,
  );
});

test("a bad record whose letter is not on disk yet goes with the checkpoint", async () => {
  const path = folder({ "a.json": `${line(1)}{bad\n${line(2)}` });
  writeFileSync(`${path}/b.json`, new Uint8Array([0xff, 0x0a]));
  const options = {
    path: `${path}/a.json`,
    errors: "dead-letter",
    "dead-letter.path": `${path}/_d`,
  };
  const first = open(options);
  const reader = first.newReader();
  await reader.open();
  reader.addSplits(await first.enumerator.discover());
  let result = reader.poll();
  while (result.kind === "idle") {
    await reader.wait();
    result = reader.poll();
  }
  assert.equal(result.kind, "batch");
  if (result.kind !== "batch") return;
  const again = open(options);
  await drain(again, again.newReader(), [result.split!]);
  assert.match(readFileSync(`${path}/_d/dead-letter-0.jsonl`, "utf8"), /"record":"\{bad"/);
  await reader.close();

  const bytes = open({ ...options, path: `${path}/b.json` });
  await drain(bytes, bytes.newReader(), await bytes.enumerator.discover());
  assert.match(readFileSync(`${path}/_d/dead-letter-0.jsonl`, "utf8"), /"recordBase64":"\/w=="/);
});

test("what is not there or not allowed is said", async () => {
  const source = open({ path: "/nowhere/at/all.json" });
  await assert.rejects(source.enumerator.discover(), { code: "MR3002" });
  assert.throws(() => open({ path: "/tmp/x", fromat: "json" }), {
    code: "MR1001",
  });
  assert.throws(() => open({ path: "s3://bucket/x" }), { code: "MR3005" });
});

test("rows flow on into blackhole and print", async () => {
  const path = folder({ "a.json": line(1) + line(2) });
  const source = open({ path: `${path}/a.json` });
  const registry = defaultRegistry();
  let printed = "";
  const context = (connector: string): SinkWriterContext => ({
    node: {
      type: "Sink",
      id: 2,
      uid: "2",
      inputs: [],
      output: source.node.output,
      changelogMode: "insert-only",
      upsertKeys: [],
      description: "",
      table: { name: "s", options: { connector }, schema: source.node.output },
      sinkChangelogMode: "insert-only",
      upsertKey: [],
      upsertMaterialize: false,
      notNullEnforcer: "ERROR",
      notNullFields: [],
    },
    env: realEnv(),
    config: {},
    timeZone: "UTC",
    jobId: "j",
    runtime: source.worker.runtime,
    input: source.node.output,
    metrics: source.worker.metrics,
    subtaskIndex: 0,
    attempt: 1,
    ports: {
      print: (rows) => {
        printed += rows;
      },
    },
  });
  const sinks = ["print", "blackhole"].map((name) =>
    registry.sink(name).createWriter(context(name)),
  );
  const reader = source.newReader();
  await reader.open();
  reader.addSplits(await source.enumerator.discover());
  for (let result = reader.poll(); result.kind !== "empty"; result = reader.poll()) {
    if (result.kind === "batch") for (const sink of sinks) sink.write(result.batch);
    if (result.kind === "idle") await reader.wait();
  }
  for (const sink of sinks) {
    await sink.flush();
    await sink.close();
  }
  await reader.close();
  assert.equal(printed, `${text(1)}\n${text(2)}\n`);
  assert.notEqual(source.worker.gauges.get("blackholeChecksum")!(), 0);
});
