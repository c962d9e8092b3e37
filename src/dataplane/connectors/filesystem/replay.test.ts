import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { Env } from "../../../foundation/host/env.ts";
import { realEnv } from "../../../foundation/host/real-env.ts";
import type { SourceSplit } from "../../contract/source.ts";
import { openSource, readTexts } from "../connector-harness.test.ts";
import { temporaryFolder } from "../../../../testkit/temporary-folder.ts";

const table: Schema = {
  fields: [
    { name: "id", type: types.bigint() },
    { name: "at", type: types.timestamp(3) },
  ],
};

/** Time passes only by sleeping. */
function simulatedEnv(): { env: Env; now: () => number } {
  let now = 1000;
  const env: Env = {
    ...realEnv(),
    clock: { nowMs: () => now, monotonicMs: () => now },
    timers: {
      after: (delayMs, callback) => {
        now += delayMs;
        queueMicrotask(callback);
        return () => undefined;
      },
      yield: queueMicrotask,
    },
  };
  return { env, now: () => now };
}

function files(...seconds: number[][]): string {
  const path = temporaryFolder("replay");
  let id = 0;
  seconds.forEach((list, i) => {
    const lines = list.map((second) => {
      const at = new Date(second * 1000).toISOString().slice(0, 19).replace("T", " ");
      return `{"id":${id++},"at":"${at}"}\n`;
    });
    writeFileSync(join(path, `${i}.json`), lines.join(""));
  });
  return path;
}

const options = (path: string) => ({
  connector: "filesystem",
  path,
  format: "json",
  "replay.time-column": "at",
  "replay.speed": "10",
});

test("rows go out when they are due, over all files, and late rows with those before them", async () => {
  const { env, now } = simulatedEnv();
  const source = openSource(table, options(files([0, 0, 60, 30], [100])), {
    env,
    projection: [[0]],
  });
  const due: [number, number][] = [];
  const rows = await readTexts(source, await source.discover(), ({ batch }) => {
    due.push([now() - 1000, source.rows.rows(batch)]);
    return true;
  });
  assert.deepEqual(rows, ["+I[0]", "+I[1]", "+I[2]", "+I[3]", "+I[4]"]);
  assert.deepEqual(due, [
    [0, 2],
    [6000, 2],
    [10_000, 1],
  ]);
});

test("a position within a batch is kept", async () => {
  const path = files(Array.from({ length: 50 }, (_, i) => i));
  const first = openSource(table, options(path), { env: simulatedEnv().env });
  let position: SourceSplit | undefined;
  let batches = 0;
  const head = await readTexts(first, await first.discover(), ({ split }) => {
    position = JSON.parse(JSON.stringify(split));
    return ++batches < 7;
  });
  assert.equal(head.length, 7);
  const second = openSource(table, options(path), { env: simulatedEnv().env });
  const tail = await readTexts(second, [position!]);
  assert.deepEqual(
    [...head, ...tail].map((row) => /\[(\d+)/.exec(row)![1]),
    Array.from({ length: 50 }, (_, i) => String(i)),
  );
});

test("the replay column must be one of time", () => {
  const bad = { ...options("/tmp"), "replay.time-column": "nope" };
  assert.throws(() => openSource(table, bad), { code: "MR3008" });
  const { "replay.time-column": _, ...speedOnly } = options("/tmp");
  assert.throws(() => openSource(table, speedOnly), { code: "MR1002" });
});

test("a watched folder gives new files once, and remembers them", async () => {
  const path = files([1], [2]);
  const watched = {
    connector: "filesystem",
    path,
    format: "json",
    "source.monitor-interval": "5 s",
  };
  const source = openSource(table, watched);
  const enumerator = source.newEnumerator();
  assert.equal(enumerator.discoverMs, 5000);
  assert.equal((await enumerator.discover()).length, 2);
  const state = JSON.parse(JSON.stringify(enumerator.snapshot()));
  writeFileSync(join(path, "2.json"), '{"id":9}\n');
  const again = source.newEnumerator();
  again.restore(state);
  const found = await again.discover();
  assert.deepEqual(
    found.map(({ id }) => id),
    [`${path}/2.json`],
  );
  assert.deepEqual(await readTexts(source, found), ["+I[9, null]"]);
});

test("csv files with headers, line numbers of later ranges", async () => {
  const path = temporaryFolder("csv");
  writeFileSync(join(path, "a.csv"), "id,at\n1,2024-01-01 00:00:00\n");
  writeFileSync(join(path, "b.csv"), "id,at\n2,2024-01-01 00:00:01");
  const csv = openSource(table, {
    connector: "filesystem",
    path,
    format: "csv",
    "csv.header": "true",
  });
  assert.deepEqual(await readTexts(csv, await csv.discover()), [
    "+I[1, 2024-01-01T00:00]",
    "+I[2, 2024-01-01T00:00:01]",
  ]);
  const lines = Array.from({ length: 400_000 }, (_, i) =>
    i === 399_000 ? "{x\n" : `{"id":${i}}\n`,
  );
  writeFileSync(join(path, "c.json"), lines.join(""));
  const big = openSource(
    table,
    { connector: "filesystem", path: `${path}/c.json`, format: "json" },
    { parallelism: 2 },
  );
  const splits = await big.discover();
  assert.equal(splits.length, 2);
  await assert.rejects(readTexts(big, [splits[1]!]), /c\.json, line 399001, column 2/);
});
