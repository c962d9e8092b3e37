/**
 * JSON lines: bytes encoded and decoded per second, over the wide Nexmark events.
 *
 * Run:     node src/dataplane/formats/json/json.bench.ts [events]
 * Does:    makes events with the nexmark connector, encodes them as JSON lines, decodes these with several projections.
 * Check:   what was decoded is encoded again and must be the same bytes, before a figure is printed.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { realEnv } from "../../../foundation/host/real-env.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { NEXMARK_SCHEMA } from "../../connectors/nexmark/nexmark-columns.ts";
import { nexmarkSource } from "../../connectors/nexmark/nexmark-source.ts";
import { createTestWorker, type TestWorker } from "../../kernels/test-worker.test.ts";
import { jsonFormat } from "./json-format.ts";

const ROUNDS = 7;
const BLOCK_BYTES = 1024 * 1024;
const ALL = NEXMARK_SCHEMA.fields.map((_, i) => [i]);

interface Lines {
  readonly bytes: Uint8Array;
  readonly seconds: number;
}

function encoderOf({ runtime }: TestWorker) {
  return jsonFormat.createEncoder({ runtime, input: NEXMARK_SCHEMA, options: {}, timeZone: "UTC" });
}

async function makeLines(events: number, worker: TestWorker): Promise<Lines> {
  const { runtime, metrics } = worker;
  const options = {
    connector: "nexmark",
    "events.num": String(events),
    "base-time": "1700000000000",
  };
  const node = {
    type: "TableSourceScan" as const,
    id: 1,
    uid: "1",
    inputs: [],
    output: NEXMARK_SCHEMA,
    changelogMode: "insert-only" as const,
    upsertKeys: [],
    description: "",
    table: { name: "t", options, schema: NEXMARK_SCHEMA },
    projection: ALL,
    bounded: true,
  };
  const context = { node, env: realEnv(), parallelism: 1, config: {}, timeZone: "UTC" };
  const own = { runtime, metrics, subtaskIndex: 0, output: NEXMARK_SCHEMA };
  const reader = nexmarkSource.createReader({ ...context, ...own });
  reader.addSplits(await nexmarkSource.createEnumerator(context).discover());
  const encoder = encoderOf(worker);
  const chunks: Uint8Array[] = [];
  let seconds = 0;
  while (true) {
    const mark = runtime.kernels.arenaMark();
    const result = reader.poll();
    if (result.kind !== "batch") break;
    const start = performance.now();
    const { address, length } = encoder.encode(result.batch);
    seconds += (performance.now() - start) / 1000;
    chunks.push(new Uint8Array(runtime.memory.buffer, address, length).slice());
    runtime.kernels.arenaRelease(mark);
  }
  await reader.close();
  return { bytes: Buffer.concat(chunks), seconds };
}

/** Decodes all lines once; `onBatch` sees every batch. Returns seconds. */
function decodeAll(
  worker: TestWorker,
  projection: readonly (readonly number[])[],
  address: number,
  length: number,
  onBatch: (batch: number) => void,
): { readonly seconds: number; readonly rows: number } {
  const { runtime, metrics } = worker;
  const base = { runtime, table: NEXMARK_SCHEMA, options: {}, timeZone: "UTC", metrics };
  const output = outputOf(projection);
  const decoder = jsonFormat.createDecoder({
    ...base,
    projection,
    output,
    onBadRecord: () => undefined,
  });
  let at = 0;
  let rows = 0;
  const start = performance.now();
  while (at < length) {
    const mark = runtime.kernels.arenaMark();
    const size = Math.min(BLOCK_BYTES, length - at);
    const result = decoder.decode(address + at, size, at + size === length);
    onBatch(result.batch);
    at += result.consumedBytes;
    rows += result.rows;
    runtime.kernels.arenaRelease(mark);
  }
  return { seconds: (performance.now() - start) / 1000, rows };
}

function outputOf(projection: readonly (readonly number[])[]): Schema {
  return {
    fields: projection.map(([first, second]) => {
      const field = NEXMARK_SCHEMA.fields[first!]!;
      return second === undefined || field.type.kind !== "ROW" ? field : field.type.fields[second]!;
    }),
  };
}

function checkRoundTrip(worker: TestWorker, bytes: Uint8Array, address: number): void {
  const encoder = encoderOf(worker);
  const hash = createHash("sha256");
  decodeAll(worker, ALL, address, bytes.length, (batch) => {
    const text = encoder.encode(batch);
    hash.update(new Uint8Array(worker.runtime.memory.buffer, text.address, text.length));
  });
  assert.equal(hash.digest("hex"), createHash("sha256").update(bytes).digest("hex"));
}

function rate(bytes: number, seconds: number): string {
  return `${Math.round(bytes / seconds / 1e6)} MB/s`;
}

const events = Number(process.argv[2] ?? 200_000);
const worker = createTestWorker();
const lines = await makeLines(events, worker);
const { length } = lines.bytes;
const address = worker.place(lines.bytes);
checkRoundTrip(worker, lines.bytes, address);
process.stdout.write(`${events} events, ${Math.round(length / events)} bytes a line\n`);
process.stdout.write(`encode, all columns: ${rate(length, lines.seconds)}\n`);
for (const [label, projection] of [
  ["all columns", ALL],
  ["three fields", [[0], [3, 0], [3, 2]]],
  ["one column", [[0]]],
] as const) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const { seconds, rows } = decodeAll(worker, projection, address, length, () => undefined);
    assert.equal(rows, events);
    best = Math.min(best, seconds);
  }
  const rows = (events / best / 1e6).toFixed(2);
  process.stdout.write(`decode, ${label}: ${rate(length, best)}, ${rows} M rows/s\n`);
}
