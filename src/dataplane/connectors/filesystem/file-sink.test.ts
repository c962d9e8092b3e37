import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { openSink, openSource, readTexts, type SourceHarness } from "../connector-harness.test.ts";
import { temporaryFolder } from "../../../../testkit/temporary-folder.ts";

const table: Schema = {
  fields: [
    { name: "id", type: types.bigint() },
    { name: "name", type: types.string() },
  ],
};
const numbers = (end: number) => ({
  connector: "datagen",
  "rows-per-second": "1000000",
  "fields.id.kind": "sequence",
  "fields.id.start": "1",
  "fields.id.end": String(end),
  "fields.name.length": "5",
  seed: "1",
});

const newFolder = () => temporaryFolder("sink");
const options = (path: string) => ({ connector: "filesystem", path, format: "json" });

async function feed(
  source: SourceHarness,
  writer: { write(batch: number): boolean; flush(): Promise<void> },
): Promise<string[]> {
  const full: boolean[] = [];
  const rows = await readTexts(source, await source.discover(), ({ batch }) => {
    full.push(!writer.write(batch));
    return true;
  });
  if (full.length > 0) await writer.flush();
  return rows;
}

test("rows are hidden until their checkpoint is complete, then they can be read back", async () => {
  const path = newFolder();
  const source = openSource(table, numbers(10_000));
  const { writer, committer } = openSink(table, options(path), { worker: source.worker });
  await writer.open([]);
  const rows = await feed(source, writer);
  const { committables } = await writer.prepareCommit(1);
  assert.equal(committables.length, 1);
  assert.deepEqual(readdirSync(path), [".part-job1-1-1-0-0.pending"]);
  await committer!.commit(committables);
  await committer!.commit(committables);
  assert.deepEqual(readdirSync(path), ["part-job1-1-1-0-0.json"]);
  const back = openSource(table, options(path));
  assert.deepEqual(await readTexts(back, await back.discover()), rows);
  assert.deepEqual((await writer.prepareCommit(2)).committables, []);
  await writer.close();
});

test("a restart removes what no checkpoint holds and keeps what one holds", async () => {
  const path = newFolder();
  const source = openSource(table, numbers(3));
  const first = openSink(table, options(path), { worker: source.worker });
  await first.writer.open([]);
  await feed(source, first.writer);
  const held = await first.writer.prepareCommit(1);
  await feed(source, first.writer);
  await first.writer.prepareCommit(2);
  await feed(source, first.writer);
  await first.writer.close();
  assert.deepEqual(readdirSync(path), [
    ".part-job1-1-1-0-0.pending",
    ".part-job1-1-1-0-1.pending",
    ".part-job1-1-1-0-2.inprogress",
  ]);
  const second = openSink(table, options(path), { worker: source.worker, attempt: 2 });
  await second.writer.open([held.state]);
  assert.deepEqual(readdirSync(path), [".part-job1-1-1-0-0.pending"]);
  await second.committer!.commit(held.committables);
  await feed(source, second.writer);
  await second.committer!.commit((await second.writer.prepareCommit(3)).committables);
  assert.deepEqual(readdirSync(path), ["part-job1-1-1-0-0.json", "part-job1-1-2-0-0.json"]);
  await second.writer.close();
});

test("parts roll at their size; a lost part is an error", async () => {
  const path = newFolder();
  const source = openSource(table, numbers(3));
  const rolling = { ...options(path), "sink.rolling-policy.file-size": "20b" };
  const { writer, committer } = openSink(table, rolling, { worker: source.worker });
  await writer.open([]);
  await feed(source, writer);
  await feed(source, writer);
  const { committables } = await writer.prepareCommit(1);
  assert.deepEqual(
    committables.map(({ id }) => id),
    ["part-job1-1-1-0-0.json", "part-job1-1-1-0-1.json"],
  );
  await assert.rejects(committer!.commit([{ id: "x", from: `${path}/a`, to: `${path}/b` }]), {
    code: "MR3013",
  });
  await writer.close();
});

test("files hold Flink's JSON", async () => {
  const path = newFolder();
  const source = openSource(table, numbers(2));
  const { writer, committer } = openSink(table, options(path), { worker: source.worker });
  await writer.open([]);
  const rows = await feed(source, writer);
  await committer!.commit((await writer.prepareCommit(1)).committables);
  const names = rows.map((row) => /, (\w+)\]/.exec(row)![1]);
  assert.equal(
    readFileSync(`${path}/part-job1-1-1-0-0.json`, "utf8"),
    `{"id":1,"name":"${names[0]}"}\n{"id":2,"name":"${names[1]}"}\n`,
  );
  await writer.close();
});

test("two sinks of one job write into one folder; overwriting keeps both and removes what was there", async () => {
  const path = newFolder();
  writeFileSync(`${path}/part-job0-1-1-0-0.json`, '{"id":0,"name":"old"}\n');
  const source = openSource(table, numbers(2));
  const writers = [7, 8].map((sinkId) =>
    openSink(table, options(path), { worker: source.worker, sinkId, overwrite: true }),
  );
  for (const { writer } of writers) await writer.open([]);
  const rows = await readTexts(source, await source.discover(), ({ batch }) => {
    for (const { writer } of writers) writer.write(batch);
    return true;
  });
  assert.equal(rows.length, 2);
  for (const { writer, committer } of writers) {
    await writer.flush();
    await committer!.commit((await writer.prepareCommit(1)).committables);
    await writer.close();
  }
  assert.deepEqual(readdirSync(path), ["part-job1-7-1-0-0.json", "part-job1-8-1-0-0.json"]);
});

test("overwriting by no rows leaves nothing", async () => {
  const path = newFolder();
  writeFileSync(`${path}/old.json`, '{"id":0,"name":"old"}\n');
  const { worker } = openSource(table, numbers(2));
  const { writer, committer } = openSink(table, options(path), { worker, overwrite: true });
  await writer.open([]);
  await committer!.commit((await writer.prepareCommit(1)).committables);
  assert.deepEqual(readdirSync(path), []);
  await writer.close();
});
