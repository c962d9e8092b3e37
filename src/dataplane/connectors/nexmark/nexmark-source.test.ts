import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { realEnv } from "../../../foundation/host/real-env.ts";
import {
  RowReader,
  type TimestampValue,
  type Value,
} from "../../../foundation/columnar/value-reader.ts";
import type { SourceReader, SourceSplit } from "../../contract/source.ts";
import { createTestWorker } from "../../kernels/test-worker.test.ts";
import { NEXMARK_SCHEMA } from "./nexmark-columns.ts";
import { nexmarkSource } from "./nexmark-source.ts";

const FIELDS = NEXMARK_SCHEMA.fields
  .slice(1)
  .map(({ type }) => (type.kind === "ROW" ? type.fields : []));
const NAMES = ["person", "auction", "bid"];

function scan(options: Record<string, string>, projection: number[][]) {
  const output = {
    fields: projection.map(([first, second]) => {
      const field = NEXMARK_SCHEMA.fields[first!]!;
      return second === undefined || field.type.kind !== "ROW" ? field : field.type.fields[second]!;
    }),
  };
  return {
    type: "TableSourceScan" as const,
    id: 1,
    uid: "1",
    inputs: [],
    output,
    changelogMode: "insert-only" as const,
    upsertKeys: [],
    description: "",
    table: { name: "t", options: { connector: "nexmark", ...options }, schema: NEXMARK_SCHEMA },
    projection,
    bounded: true,
  };
}

function open(options: Record<string, string>, projection: number[][], parallelism = 1) {
  const node = scan({ "base-time": "1700000000000", ...options }, projection);
  nexmarkSource.validate(node);
  const worker = createTestWorker();
  const context = { node, env: realEnv(), parallelism, config: {}, timeZone: "UTC" };
  return {
    worker,
    enumerator: nexmarkSource.createEnumerator(context),
    reader: nexmarkSource.createReader({
      ...context,
      runtime: worker.runtime,
      output: node.output,
      metrics: worker.metrics,
      subtaskIndex: 0,
    }),
    rows: new RowReader(worker.runtime.memory, node.output),
  };
}

function each(
  { worker, rows }: ReturnType<typeof open>,
  reader: SourceReader,
  limit: number,
  onRow: (row: Value[], index: number) => void,
): SourceSplit | undefined {
  let count = 0;
  let split: SourceSplit | undefined;
  while (count < limit) {
    const mark = worker.runtime.kernels.arenaMark();
    const result = reader.poll();
    if (result.kind !== "batch") break;
    split = result.split;
    const n = rows.rows(result.batch);
    for (let row = 0; row < n && count < limit; row++) onRow(rows.read(result.batch, row), count++);
    worker.runtime.kernels.arenaRelease(mark);
  }
  return split;
}

/** SHA-256 of the reference's JSON lines. */
async function referenceHash(
  events: number,
  options: Record<string, string>,
  parallelism = 1,
  index = 0,
): Promise<string> {
  const source = open(options, [[0], [1], [2], [3]], parallelism);
  const splits = await source.enumerator.discover();
  const split = splits[index]!;
  source.reader.addSplits([split]);
  const { firstEventId, delayUs } = split as unknown as { firstEventId: number; delayUs: number };
  const group = Number(options["out-of-order.group-size"] ?? 1);
  const time = (n: number) => 1700000000000 + Math.trunc(Math.trunc(n * delayUs) / 1000);
  const hash = createHash("sha256");
  each(source, source.reader, events, (row, k) => {
    const n = 1 + k;
    const start = Math.floor(n / group) * group;
    const adjusted = start + ((n * 953) % group);
    const kind = row[0] as number;
    const object: Record<string, unknown> = {};
    FIELDS[kind]!.forEach(({ name, type }, i) => {
      const value = (row[1 + kind] as Value[])[i]!;
      object[name] =
        type.kind === "BIGINT"
          ? Number(value)
          : type.kind === "TIMESTAMP"
            ? (value as TimestampValue).millis
            : value;
    });
    assert.equal(row[1 + ((kind + 1) % 3)], null);
    const event = {
      n: firstEventId + adjusted,
      event_type: kind,
      ts: time(adjusted),
      watermark: time(start),
      [NAMES[kind]!]: object,
    };
    hash.update(`${JSON.stringify(event)}\n`);
  });
  await source.reader.close();
  return hash.digest("hex");
}

test("the events are the reference's, byte for byte", async () => {
  assert.equal(
    await referenceHash(1000, {}),
    "1f407e9fdccb99e410a159d741fa516c057c91fe54630b38f16d5c208c853647",
  );
  assert.equal(
    await referenceHash(200_000, {}),
    "cb3cc1aceac0ff35fa2d3e7e74613ea79779bfa14afa8ee466f49577ed6684d2",
  );
});

test("rates, splits and out-of-order groups are the reference's", async () => {
  const fast = { "first-event.rate": "10000000", "events.num": "100000000" };
  assert.equal(
    await referenceHash(200_000, fast),
    "9aa032ab504a861a412424bbc285676efad8f48aaafd3f2a913d8a9224d4145c",
  );
  assert.equal(
    await referenceHash(200_000, fast, 2, 1),
    "3d5e6e81a1eb849d53e2e2e628da54235b3ce6e52147f9b44a93ae2b27b4ab8b",
  );
  assert.equal(
    await referenceHash(200_000, { "first-event.rate": "10000000" }, 8, 3),
    "6a0f8729435d5756d4ffea012f016821e97ce0f7f5d390f33305f0fe2bd7143c",
  );
  assert.equal(
    await referenceHash(200_000, { "out-of-order.group-size": "1000" }),
    "b2f129aef59736218ae7070a249155823bb2610d696fd5979f6917ba61d8002f",
  );
});

test("a projection gives the same values, and a restore goes on with the same events", async () => {
  const whole = open({ "events.num": "20000" }, [[0], [1], [2], [3]]);
  const splits = await whole.enumerator.discover();
  whole.reader.addSplits(splits);
  const prices: unknown[] = [];
  each(whole, whole.reader, 20_000, (row) => {
    const bid = row[3] as Value[] | null;
    const person = row[1] as Value[] | null;
    prices.push([bid?.[2] ?? null, bid?.[6] ?? null, person?.[2] ?? null]);
  });
  assert.equal(prices.length, 20_000);
  const few = open({ "events.num": "20000" }, [
    [3, 2],
    [3, 6],
    [1, 2],
  ]);
  few.reader.addSplits(splits);
  const some: unknown[] = [];
  const position = each(few, few.reader, 8192, (row) => some.push(row));
  const again = open({ "events.num": "20000" }, [
    [3, 2],
    [3, 6],
    [1, 2],
  ]);
  again.reader.addSplits([JSON.parse(JSON.stringify(position))]);
  each(again, again.reader, 20_000, (row) => some.push(row));
  assert.deepEqual(some, prices);
  assert.deepEqual(again.reader.poll(), { kind: "empty" });
});

test("columns and options that are none are refused", () => {
  const bad = (fields: typeof NEXMARK_SCHEMA.fields) => {
    const node = scan({}, [[0]]);
    nexmarkSource.validate({ ...node, table: { ...node.table, schema: { fields } } });
  };
  assert.throws(() => bad([{ name: "x", type: NEXMARK_SCHEMA.fields[0]!.type }]), {
    code: "MR3012",
  });
  assert.throws(() => bad([{ name: "bid", type: NEXMARK_SCHEMA.fields[0]!.type }]), {
    code: "MR3011",
  });
  assert.throws(() => open({ "events.nun": "1" }, [[0]]), { code: "MR1001" });
  assert.throws(() => open({ "next-event.rate": "5" }, [[0]]), { code: "MR1004" });
});
