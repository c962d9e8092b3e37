import assert from "node:assert/strict";
import { test } from "node:test";
import { loadTestRuntime } from "../../../testkit/worker-runtime.ts";
import {
  compare,
  MapDriver,
  type Model,
  MODEL_VALUE_BYTES,
  modelSpec,
  mutate,
  seeded,
} from "../../../testkit/state-fixture.ts";
import { kernelFailureOf } from "./instantiate.ts";

const ALL = { start: 0, end: 127 };
const SEED = Number(process.env.SEED ?? (Date.now() % 1_000_000) + 1);

for (const keyBytes of [8, 16, 40, -1]) {
  test(`a map of ${keyBytes} key bytes is a Map (SEED=${SEED})`, async () => {
    const runtime = await loadTestRuntime();
    const { kernels } = runtime;
    const random = seeded(SEED);
    const domain = kernels.domainCreate();
    const before = kernels.memoryUsedBytes();
    const map = kernels.mapCreate(domain, 128, 0, 128, keyBytes, MODEL_VALUE_BYTES, 0);
    const driver = new MapDriver(runtime, { spec: modelSpec("m", keyBytes), ptr: map });
    const model: Model = new Map();
    for (const [keys, removePercent] of [
      [20_000, 10],
      [20_000, 60],
      [50, 50],
      [100_000, 0],
    ] as const) {
      mutate(driver, model, random, { count: 12_000, keys, removePercent });
      kernels.mapTrim(map);
      compare(driver, model, ALL);
    }
    const held = kernels.arenaHeldBytes();
    kernels.mapDestroy(map);
    // What is left are slabs of small blocks, which are used again.
    const left = kernels.memoryUsedBytes() - before - held;
    assert.ok(left < 600_000, `${left} bytes are left`);
  });
}

test("a map without key bytes holds one entry", async () => {
  const { kernels } = await loadTestRuntime();
  const map = kernels.mapCreate(kernels.domainCreate(), 128, 0, 128, 0, 16, 0);
  const hash = kernels.hash64(0n);
  const entry = kernels.mapUpsert(map, hash, 0, 0);
  assert.equal(kernels.mapUpsert(map, hash, 0, 0), entry);
  assert.equal(kernels.mapSize(map), 1);
  kernels.mapRemove(map, entry);
  assert.equal(kernels.mapFind(map, hash, 0, 0), 0);
});

test("a map with ten keys takes little memory", async () => {
  const runtime = await loadTestRuntime();
  const { kernels } = runtime;
  const domain = kernels.domainCreate();
  const before = kernels.memoryUsedBytes();
  const map = kernels.mapCreate(domain, 128, 0, 128, 8, 32, 0);
  const spec = { ...modelSpec("m", 8), valueBytes: 32 };
  new MapDriver(runtime, { spec, ptr: map }).entries([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const used = kernels.memoryUsedBytes() - before - kernels.arenaHeldBytes();
  assert.ok(used <= 16 * 4096, `${used} bytes`);
});

test("entries expire, start anew, and are swept with what they refer to", async () => {
  const runtime = await loadTestRuntime();
  const { kernels, memory } = runtime;
  const map = kernels.mapCreate(kernels.domainCreate(), 128, 0, 128, 8, MODEL_VALUE_BYTES, 10);
  const offsets = kernels.arenaAlloc(4);
  new DataView(memory.buffer).setUint32(offsets, 16, true);
  kernels.mapSetHandles(map, offsets, 1);
  const driver = new MapDriver(runtime, { spec: modelSpec("m", 8, 10_000), ptr: map });
  kernels.stateSetTime(1000);
  const ids = Array.from({ length: 500 }, (_, i) => i);
  const { entries, hashes } = driver.entries(ids);
  for (const i of ids) driver.write(entries[i]!, hashes[i]!, { count: 5, text: "x".repeat(200) });
  kernels.stateSetTime(1008);
  driver.entries(ids.slice(0, 100));
  kernels.stateSetTime(1010);
  assert.ok(driver.entries(ids, true).entries.every((entry) => entry !== 0));
  kernels.stateSetTime(1012);
  const found = driver.entries(ids, true).entries;
  assert.equal(found.filter((entry) => entry !== 0).length, 100);
  assert.equal(driver.read(found[0]!, hashes[0]!).count, 5);
  const pages = kernels.mapPages(map);
  const again = driver.entries([200]);
  assert.deepEqual(driver.read(again.entries[0]!, again.hashes[0]!), { count: 0, text: undefined });
  let removed = 0;
  for (let calls = 0; calls < 20; calls++) removed += kernels.mapSweep(map, 50);
  assert.equal(removed, 399);
  assert.equal(kernels.mapSize(map), 101);
  kernels.mapTrim(map);
  assert.ok(kernels.mapPages(map) < pages, "log pages went with the entries");
  // A clock that goes back expires nothing.
  kernels.stateSetTime(5);
  assert.equal(kernels.mapSweep(map, 1000), 0);
});

test("linked log blocks are freed together", async () => {
  const { kernels, memory } = await loadTestRuntime();
  const map = kernels.mapCreate(kernels.domainCreate(), 128, 0, 128, 8, 8, 0);
  const hash = 12345;
  let handle = 0;
  for (let i = 0; i < 1000; i++) {
    const next = kernels.logAllocateLinked(map, hash, 100 + i) >>> 0;
    new DataView(memory.buffer).setUint32(kernels.logPtr(map, hash, next) >>> 0, handle, true);
    handle = next;
  }
  assert.ok(kernels.mapPages(map) > 140);
  kernels.logFreeChain(map, hash, handle);
  assert.ok(kernels.mapPages(map) <= 1);
});

test("an exhausted memory is a named failure, and nothing is handed out twice", async () => {
  const { kernels, memory } = await loadTestRuntime({ memoryLimitBytes: 4 * 1024 * 1024 });
  const runs: { readonly run: number; readonly pages: number }[] = [];
  for (let i = 0; i < 5000; i++) {
    const run = kernels.pageAllocate(1 + (i % 7)) >>> 0;
    if (run === 0) break;
    runs.push({ run, pages: 1 + (i % 7) });
  }
  const sorted = runs.toSorted((a, b) => a.run - b.run);
  for (const [i, { run }] of sorted.entries())
    assert.ok(i === 0 || sorted[i - 1]!.run + sorted[i - 1]!.pages * 4096 <= run);
  assert.ok(memory.buffer.byteLength <= 4 * 1024 * 1024);
  assert.throws(() => kernels.arenaAlloc(1_000_000), WebAssembly.RuntimeError);
  assert.equal(kernelFailureOf(kernels), "memory-exhausted");
  for (const { run, pages } of runs) kernels.pageFree(run, pages);
  assert.equal(kernels.memoryUsedBytes(), 0);
  assert.ok(kernels.arenaAlloc(1_000_000) !== 0);
  assert.throws(() => kernels.pageFree(runs[0]!.run, 99), WebAssembly.RuntimeError);
  assert.equal(kernelFailureOf(kernels), "corrupt");
});

test(`the arena gives back what was allocated since the mark (SEED=${SEED})`, async () => {
  const { kernels, memory } = await loadTestRuntime();
  const random = seeded(SEED);
  const marks: { mark: number; live: { at: number; size: number }[] }[] = [];
  let live: { at: number; size: number }[] = [];
  for (let i = 0; i < 5000; i++) {
    const action = random(10);
    if (action === 0) marks.push({ mark: kernels.arenaMark(), live: [...live] });
    else if (action === 1 && marks.length > 0) {
      const { mark, live: then } = marks.pop()!;
      kernels.arenaRelease(mark);
      live = then;
    } else {
      const size = random(100) === 0 ? random(3_000_000) : random(2000);
      const at = kernels.arenaAlloc(size) >>> 0;
      assert.equal(at % 16, 0);
      for (const other of live)
        assert.ok(at + size <= other.at || other.at + other.size <= at, "blocks overlap");
      live.push({ at, size });
      if (live.length > 60 && marks.length === 0) {
        kernels.arenaRelease(0);
        live = [];
      }
    }
  }
  const held = kernels.arenaHeldBytes();
  kernels.arenaRelease(0);
  assert.ok(kernels.arenaHeldBytes() <= Math.min(held, 64 * 1024 * 1024));
  assert.ok(memory.buffer.byteLength < 300_000_000);
});

test("hashBytes is XXH64, and top bits of dense keys spread", async () => {
  const { kernels, memory } = await loadTestRuntime();
  const at = kernels.arenaAlloc(64);
  const hash = (text: string): string => {
    new Uint8Array(memory.buffer).set(new TextEncoder().encode(text), at);
    return BigInt.asUintN(64, kernels.hashBytes(at, text.length)).toString(16);
  };
  assert.equal(hash(""), "ef46db3751d8e999");
  assert.equal(hash("abc"), "44bc2cf5ad770999");
  assert.equal(hash("Nobody inspects the spammish repetition"), "fbcea83c8a378bf1");
  const counts = new Uint32Array(128);
  for (let i = 0; i < 128_000; i++)
    counts[Number(BigInt.asUintN(64, kernels.hash64(BigInt(i))) >> 57n)]!++;
  for (const count of counts) assert.ok(count > 850 && count < 1150, `${count} of about 1,000`);
});

test("hashes of hashes spread keys of one subtask over the whole range", async () => {
  const { kernels, memory } = await loadTestRuntime();
  const rows = 4096;
  const hashes = kernels.arenaAlloc(rows * 8) >>> 0;
  const words = new BigUint64Array(memory.buffer, hashes, rows);
  const upperHalf = 1n << 63n;
  for (let i = 0; i < rows; i++)
    words[i] = BigInt.asUintN(64, kernels.hash64(BigInt(i))) | upperHalf;
  kernels.hashAgainBatch(rows, hashes);
  const above = words.filter((hash) => hash >= upperHalf).length;
  assert.ok(above > rows * 0.45 && above < rows * 0.55, `${above} of ${rows}`);
  assert.equal(new Set(words).size, rows);
});

test(`a stream in pieces has the hash of the whole (SEED=${SEED})`, async () => {
  const { kernels, memory } = await loadTestRuntime();
  const random = seeded(SEED);
  const at = kernels.arenaAlloc(4096) >>> 0;
  const stream = kernels.arenaAlloc(80) >>> 0;
  const bytes = new Uint8Array(memory.buffer, at, 4096);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random(256);
  for (let run = 0; run < 500; run++) {
    const length = random(run < 250 ? 80 : 4096);
    kernels.hashStreamBegin(stream);
    for (let from = 0; from < length; ) {
      const piece = Math.min(length - from, random(run % 2 === 0 ? 50 : 700));
      kernels.hashStreamAdd(stream, at + from, piece);
      from += piece;
    }
    assert.equal(kernels.hashStreamEnd(stream), kernels.hashBytes(at, length), `${length} bytes`);
  }
});
