import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { call, input, literal } from "../../../foundation/plan/expression.ts";
import { temporaryFolder } from "../../../../testkit/temporary-folder.ts";
import { openSink, openSource, readTexts } from "../connector-harness.test.ts";

const table: Schema = {
  fields: [
    { name: "day", type: types.date() },
    { name: "id", type: types.int() },
    { name: "kind", type: types.string() },
  ],
};
const KEYS = [0, 2];
const folderOptions = (path: string, more: Record<string, string> = {}) => ({
  connector: "filesystem",
  path,
  format: "json",
  ...more,
});

const LINES = [
  '{"day":"2024-01-01","id":1,"kind":"a"}',
  '{"day":"2024-01-02","id":2,"kind":"b/c"}',
  '{"day":"2024-01-01","id":3,"kind":"a"}',
  '{"day":null,"id":4,"kind":""}',
];

function setUp(lines = LINES) {
  const input = temporaryFolder("partition-in");
  writeFileSync(`${input}/rows.json`, lines.map((line) => `${line}\n`).join(""));
  return {
    path: temporaryFolder("partition-out"),
    source: openSource(table, folderOptions(input)),
  };
}

/** All files below a folder, sorted. */
const filesOf = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath.slice(path.length + 1)}/${entry.name}`)
    .sort();

async function write(
  source: ReturnType<typeof openSource>,
  writer: { write(batch: number): boolean; flush(): Promise<void> },
): Promise<void> {
  await readTexts(source, await source.discover(), ({ batch }) => {
    writer.write(batch);
    return true;
  });
  await writer.flush();
}

test("rows lie in Hive's folders without their keys, and come back with them", async () => {
  const { path, source } = setUp();
  const { worker } = source;
  const sink = openSink(table, folderOptions(path), { worker, partitionKeys: KEYS });
  await sink.writer.open([]);
  await write(source, sink.writer);
  const { committables } = await sink.writer.prepareCommit(1);
  assert.ok(filesOf(path).every((name) => name.startsWith("/.part-")));
  await sink.committer!.commit(committables);
  await sink.committer!.commit(committables);
  await sink.writer.close();
  const [first, second, third] = ["0-0", "0-1", "0-2"].map((n) => `part-job1-1-1-${n}.json`);
  assert.deepEqual(filesOf(path), [
    `day=2024-01-01/kind=a/${first}`,
    `day=2024-01-02/kind=b%2Fc/${second}`,
    `day=__DEFAULT_PARTITION__/kind=__DEFAULT_PARTITION__/${third}`,
  ]);
  const kept = readFileSync(`${path}/day=2024-01-01/kind=a/${first}`, "utf8");
  assert.equal(kept, '{"id":1}\n{"id":3}\n');
  const projection = [[2], [1], [0]];
  const back = openSource(table, folderOptions(path), { partitionKeys: KEYS, projection });
  assert.deepEqual((await readTexts(back, await back.discover())).sort(), [
    "+I[a, 1, 2024-01-01]",
    "+I[a, 3, 2024-01-01]",
    "+I[b/c, 2, 2024-01-02]",
    "+I[null, 4, null]",
  ]);
});

test("a condition over keys leaves out folders; others and files outside of partitions are not read", async () => {
  const path = temporaryFolder("partition-prune");
  for (const folder of ["day=2024-01-01/kind=a", "day=2024-01-02/kind=a", "day=nonsense", "more"])
    mkdirSync(`${path}/${folder}`, { recursive: true });
  for (const day of ["01", "02"])
    writeFileSync(`${path}/day=2024-01-${day}/kind=a/x.json`, `{"id":${Number(day)}}\n`);
  writeFileSync(`${path}/more/x.json`, '{"id":9}\n');
  const day = (value: number) => literal(value, types.date());
  const [first, second] = [19723, 19724].map(day);
  const is = (name: string, value: ReturnType<typeof day>) =>
    call(name, [input(0, types.date()), value], types.boolean());
  const unknown = call("EQUALS", [input(1, types.int()), literal(7, types.int())], types.boolean());
  for (const [filter, days] of [
    [is("EQUALS", first!), ["01"]],
    [is("GREATER_THAN", first!), ["02"]],
    [call("AND", [is("LESS_THAN", second!), unknown], types.boolean()), ["01"]],
    [call("OR", [is("EQUALS", first!), unknown], types.boolean()), ["01", "02"]],
  ] as const) {
    const found = openSource(table, folderOptions(path), { partitionKeys: KEYS, filter });
    assert.deepEqual(
      (await found.discover()).map(({ id }) => id),
      days.map((each) => `${path}/day=2024-01-${each}/kind=a/x.json`),
    );
  }
});

test("a restart doubles and loses no row of any partition", async () => {
  const { path, source } = setUp();
  const open = (attempt: number) =>
    openSink(table, folderOptions(path), { worker: source.worker, partitionKeys: KEYS, attempt });
  const first = open(1);
  await first.writer.open([]);
  await write(source, first.writer);
  const held = await first.writer.prepareCommit(1);
  await write(source, first.writer);
  await first.writer.prepareCommit(2);
  await write(source, first.writer);
  await first.writer.close();
  // Half of the commit had happened when the process died.
  await first.committer!.commit(held.committables.slice(0, 1));
  const second = open(2);
  await second.writer.open([held.state]);
  await second.committer!.commit(held.committables);
  await write(source, second.writer);
  await second.committer!.commit((await second.writer.prepareCommit(3)).committables);
  await second.writer.close();
  assert.equal(filesOf(path).length, 6);
  const back = openSource(table, folderOptions(path), { partitionKeys: KEYS });
  const rows = await readTexts(back, await back.discover());
  assert.equal(rows.length, 2 * LINES.length);
  assert.deepEqual([...new Set(rows)].length, LINES.length);
});

test("overwriting replaces the partitions that get rows, and no others", async () => {
  const { path, source } = setUp(['{"day":"2024-01-01","id":8,"kind":"a"}']);
  for (const day of ["01", "02"]) {
    mkdirSync(`${path}/day=2024-01-${day}/kind=a`, { recursive: true });
    writeFileSync(`${path}/day=2024-01-${day}/kind=a/old.json`, '{"id":0}\n');
  }
  const { worker } = source;
  const options = { worker, partitionKeys: KEYS, overwrite: true };
  const { writer, committer } = openSink(table, folderOptions(path), options);
  await writer.open([]);
  await write(source, writer);
  await committer!.commit((await writer.prepareCommit(1)).committables);
  await writer.close();
  assert.deepEqual(filesOf(path), [
    "day=2024-01-01/kind=a/part-job1-1-1-0-0.json",
    "day=2024-01-02/kind=a/old.json",
  ]);
});

const commit = {
  "sink.partition-commit.policy.kind": "success-file",
  "sink.partition-commit.trigger": "partition-time",
  "sink.partition-commit.delay": "1 h",
  "partition.time-extractor.timestamp-pattern": "$day 00:00:00",
};

test("a partition is marked when all writers' watermarks have passed its time, also after a restart", async () => {
  const { path, source } = setUp(LINES.slice(0, 3));
  const { worker } = source;
  const open = (subtaskIndex: number, attempt = 1) =>
    openSink(table, folderOptions(path, commit), {
      worker,
      partitionKeys: KEYS,
      subtaskIndex,
      parallelism: 2,
      attempt,
    });
  const [a, b] = [open(0), open(1)];
  await a.writer.open([]);
  await b.writer.open([]);
  await write(source, a.writer);
  const marks = () => filesOf(path).filter((name) => name.endsWith("/_SUCCESS"));
  const barrier = async (id: number, writers: readonly ReturnType<typeof open>[]) => {
    const parts = [];
    for (const { writer } of writers) parts.push(await writer.prepareCommit(id));
    await writers[0]!.committer!.commit(parts.flatMap((part) => part.committables));
    return parts.map((part) => part.state);
  };
  const at = (hours: number) => Date.UTC(2024, 0, 1, hours);
  a.writer.writeWatermark(at(2));
  const states = await barrier(1, [a, b]);
  assert.deepEqual(marks(), []);
  await a.writer.close();
  await b.writer.close();
  const [c, d] = [open(0, 2), open(1, 2)];
  await c.writer.open(states);
  await d.writer.open(states);
  c.writer.writeWatermark(at(2));
  d.writer.writeWatermark(at(1));
  await barrier(2, [c, d]);
  assert.deepEqual(marks(), ["day=2024-01-01/kind=a/_SUCCESS"]);
  c.writer.writeWatermark(Number.MAX_SAFE_INTEGER);
  d.writer.writeWatermark(Number.MAX_SAFE_INTEGER);
  await barrier(3, [c, d]);
  assert.equal(marks().length, 2);
  await c.writer.close();
  await d.writer.close();
});

test("options of partitions are checked", () => {
  const { worker } = setUp().source;
  const check = (options: Record<string, string>, keys: readonly number[], code: string) =>
    assert.throws(
      () => openSink(table, folderOptions("/tmp/x", options), { worker, partitionKeys: keys }),
      { code },
    );
  check({ "partition.default-name": "none" }, [], "MR3009");
  check({ "sink.partition-commit.policy.kind": "metastore" }, KEYS, "MR1003");
  check({ ...commit, "sink.partition-commit.watermark-time-zone": "Mars" }, KEYS, "MR1003");
  assert.throws(() => openSource(table, folderOptions("/tmp/x/*.json"), { partitionKeys: KEYS }), {
    code: "MR1003",
  });
});
