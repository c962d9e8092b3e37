/**
 * `bench state --spill | --dirty | --restore`: state beyond one checkpoint's worth of pages.
 *
 * Spill:   COUNT and SUM beside 32 bytes of other columns, by BIGINT, of `--events` keys (5 M) within a quarter of the memory they take:
 *          rows per second, keys drawn uniformly (each row most likely misses memory) and nine of ten
 *          from a twentieth of the keys.
 * Dirty:   1 GB of such state, of which 5 % is written between two checkpoints: the barrier and every
 *          turn between batches while it is written (p99), and from the barrier until it is durable.
 * Restore: the same state from its checkpoint, in a new worker: until the first batch is through.
 * Check:   counts and sums of a sample of keys against arithmetic, before any figure.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { types } from "../src/foundation/columnar/logical-type.ts";
import { realEnv } from "../src/foundation/host/real-env.ts";
import type { WorkerRuntime } from "../src/dataplane/contract/operator.ts";
import { createSubtaskState, type SubtaskState } from "../src/dataplane/state/subtask-state.ts";
import { loadTestRuntime } from "../testkit/worker-runtime.ts";
import { type BenchContext, finish, isTrusted, print } from "./context.ts";
import { wholeNumber } from "./arguments.ts";
import { benchErrors } from "./errors.ts";
import type { Figure } from "./figures.ts";
import { machineLine } from "./machine.ts";
import { decimals, formatTable } from "./table.ts";

const KEYS = 5_000_000;
const BATCH = 4096;
const VALUE_BYTES = 48;
const KEY_GROUPS = 128;
const SLICE_BYTES = 1024 * 1024;
const DIRTY_SHARE = 0.05;
const CHECKPOINTS = 10;
/** Bytes of pages, index left out. */
const LIVE_BYTES = 1e9;
const ENTRY_BYTES = 8 + 8 + VALUE_BYTES;

interface Subject {
  readonly runtime: WorkerRuntime;
  readonly state: SubtaskState;
  readonly map: number;
}

interface Result {
  readonly rows: readonly (readonly [string, string])[];
  readonly figures: readonly Omit<Figure, "trusted">[];
}

export async function benchLargeState(context: BenchContext): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-state-"));
  const { options } = context;
  const rows: (readonly [string, string])[] = [];
  const figures: Figure[] = [];
  const add = (result: Result) => {
    rows.push(...result.rows);
    figures.push(...result.figures.map((f) => ({ ...f, trusted: isTrusted(context, 0) })));
  };
  try {
    const keys = wholeNumber(options, "events", KEYS);
    if (options.has("spill")) add(await measureSpill(folder, keys));
    if (options.has("dirty") || options.has("restore")) {
      const { handle, result } = await measureDirty(folder);
      if (options.has("dirty")) add(result);
      if (options.has("restore")) add(await measureRestore(folder, handle));
    }
    const title = `Large state; counts and sums of a sample right\n${machineLine(context.machine)}`;
    print(context, `${title}\n\n${formatTable(["", ""], rows)}`);
    finish(context, figures);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureSpill(folder: string, keys: number): Promise<Result> {
  const whole = await open(folder, []);
  fill(whole, keys);
  const sizeBytes = whole.runtime.kernels.memoryUsedBytes();
  whole.state.close();
  const budgetBytes = Math.floor(sizeBytes / 4);
  const small = await open(folder, [], budgetBytes);
  const counts = new Uint32Array(keys);
  const time = (draw: (random: number, n: number) => number, count: number): number => {
    const startedAt = performance.now();
    draws(small, keys, count, draw, counts);
    return (count / (performance.now() - startedAt)) * 1000;
  };
  const filled = time((_, n) => n, keys);
  const uniform = time((random) => Math.floor(random * keys), keys / 4);
  const skewed = time(
    (random) =>
      Math.floor(random < 0.9 ? (random / 0.9) * (keys / 20) : ((random - 0.9) / 0.1) * keys),
    keys / 2,
  );
  check(small, keys, (number) => counts[number]!);
  const spilled = small.state.spillFigures!;
  const usedBytes = small.runtime.kernels.memoryUsedBytes();
  small.state.close();
  const perSecond = (value: number) => `${decimals(value / 1000, 0)} thousand rows/s`;
  return {
    rows: [
      ["keys, memory without a budget", `${keys}, ${decimals(sizeBytes / 1e6, 0)} MB`],
      ["memory of a key, index included", `${decimals(sizeBytes / keys, 1)} bytes`],
      ["budget, used at the end", `${mb(budgetBytes)}, ${mb(usedBytes)}`],
      [
        "spilled, pages read and written",
        `${mb(spilled.spilledBytes)}, ${spilled.readPages}, ${spilled.writtenPages}`,
      ],
      ["new keys", perSecond(filled)],
      ["uniform keys", perSecond(uniform)],
      ["nine of ten from a twentieth", perSecond(skewed)],
    ],
    figures: [
      {
        name: "state-large-bytes-per-key",
        value: sizeBytes / keys,
        unit: "bytes",
        detail: { keys, valueBytes: VALUE_BYTES },
      },
      {
        name: "state-spill-rows-new",
        value: filled,
        unit: "rows/s",
        detail: { keys, budgetBytes },
      },
      {
        name: "state-spill-rows-uniform",
        value: uniform,
        unit: "rows/s",
        detail: { keys, budgetBytes },
      },
      {
        name: "state-spill-rows-skewed",
        value: skewed,
        unit: "rows/s",
        detail: { keys, budgetBytes },
      },
    ],
  };
}

async function measureDirty(folder: string): Promise<{ handle: unknown; result: Result }> {
  const keys = Math.floor(LIVE_BYTES / ENTRY_BYTES);
  const subject = await open(folder, []);
  fill(subject, keys);
  let { handle } = await checkpoint(subject.state, 1, () => {});
  const pauses: number[] = [];
  const totals: number[] = [];
  const part = Math.floor(keys * DIRTY_SHARE);
  for (let id = 2; id < CHECKPOINTS + 2; id++) {
    // Entries lie in pages in the order of their arrival: a piece of the keys is a share of the pages.
    const from = (id - 2) * part;
    for (let at = from; at < from + part; at += BATCH)
      addBatch(subject, Math.min(BATCH, from + part - at), (i) => at + i);
    let next = 0;
    const done = await checkpoint(subject.state, id, () => {
      addBatch(subject, BATCH, (i) => part * CHECKPOINTS + ((next + i) % part));
      next += BATCH;
    });
    handle = done.handle;
    pauses.push(...done.pauses);
    totals.push(done.totalMs);
  }
  check(subject, part * CHECKPOINTS, () => 2);
  subject.state.close();
  pauses.sort((a, b) => a - b);
  totals.sort((a, b) => a - b);
  const pauseMs = pauses[Math.floor(pauses.length * 0.99)]!;
  const totalMs = totals.at(-1)!;
  return {
    handle,
    result: {
      rows: [
        ["keys, live state", `${keys}, ${mb(keys * ENTRY_BYTES)}`],
        [
          `${CHECKPOINTS} checkpoints with 5 % dirty: p99 and longest stop`,
          `${decimals(pauseMs, 2)}, ${decimals(pauses.at(-1)!, 2)} ms`,
        ],
        [
          "barrier to durable, median and longest",
          `${decimals(totals[totals.length >> 1]!, 0)}, ${decimals(totalMs, 0)} ms`,
        ],
      ],
      figures: [
        { name: "state-pause-p99-ms", value: pauseMs, unit: "ms", detail: { keys } },
        { name: "state-checkpoint-e2e-ms", value: totalMs, unit: "ms", detail: { keys } },
      ],
    },
  };
}

async function measureRestore(folder: string, handle: unknown): Promise<Result> {
  const runtime = await loadTestRuntime();
  const startedAt = performance.now();
  const subject = await open(folder, [handle], undefined, runtime);
  addBatch(subject, 1, () => 0);
  const firstMs = performance.now() - startedAt;
  const keys = Math.floor(LIVE_BYTES / ENTRY_BYTES);
  check(subject, Math.floor(keys * DIRTY_SHARE) * CHECKPOINTS, (number) => (number === 0 ? 3 : 2));
  const wholeMs = performance.now() - startedAt;
  subject.state.close();
  return {
    rows: [
      ["restore of it to the first row", `${decimals(firstMs, 0)} ms`],
      ["and until all of it was asked for", `${decimals(wholeMs, 0)} ms`],
    ],
    figures: [{ name: "state-restore-first-row-ms", value: firstMs, unit: "ms", detail: { keys } }],
  };
}

async function open(
  folder: string,
  restored: readonly unknown[],
  budgetBytes?: number,
  runtime?: WorkerRuntime,
): Promise<Subject> {
  const worker = runtime ?? (await loadTestRuntime());
  const state = await createSubtaskState({
    runtime: worker,
    env: realEnv(),
    maxParallelism: KEY_GROUPS,
    keyGroups: { start: 0, end: KEY_GROUPS - 1 },
    name: "bench",
    checkpointDirectory: folder,
    restored,
    ...(budgetBytes === undefined ? {} : { spill: { budgetBytes, folder } }),
  });
  const map = state.forOperator({ uid: "group" }).map({
    name: "accumulators",
    keyBytes: 8,
    valueBytes: VALUE_BYTES,
    keyFields: [{ name: "k", offset: 0, type: types.bigint(false) }],
    valueFields: [
      { name: "count", offset: 0, type: "counter" },
      { name: "sum", offset: 8, type: types.bigint(false) },
    ],
    ttlMs: 0,
  }).ptr;
  return { runtime: worker, state, map };
}

/** One row of every key. */
function fill(subject: Subject, keys: number): void {
  for (let from = 0; from < keys; from += BATCH)
    addBatch(subject, Math.min(BATCH, keys - from), (i) => from + i);
}

function draws(
  subject: Subject,
  keys: number,
  count: number,
  draw: (random: number, n: number) => number,
  counts: Uint32Array,
): void {
  let seed = 88172645;
  const random = (): number => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) / 2 ** 32;
  };
  for (let from = 0; from < count; from += BATCH) {
    addBatch(subject, Math.min(BATCH, Math.floor(count) - from), (i) => {
      const number = Math.min(keys - 1, draw(random(), from + i));
      counts[number] = counts[number]! + 1;
      return number;
    });
    subject.state.maintain();
  }
}

/** count += 1, sum += the key's number; the key is its number and a mixture of it. */
function addBatch({ runtime, map }: Subject, rows: number, keyOf: (i: number) => number): void {
  if (rows <= 0) return;
  const { kernels, memory } = runtime;
  const mark = kernels.arenaMark();
  const keys = kernels.arenaAlloc(rows * 8) >>> 0;
  const hashes = kernels.arenaAlloc(rows * 8) >>> 0;
  const entries = kernels.arenaAlloc(rows * 4) >>> 0;
  const words = new Uint32Array(memory.buffer, keys, rows * 2);
  for (let i = 0; i < rows; i++) {
    const number = keyOf(i);
    words[i * 2] = number;
    words[i * 2 + 1] = Math.imul(number, 0x9e3779b1);
  }
  kernels.hashFixedBatch(rows, keys, 8, hashes);
  kernels.mapUpsertBatch(map, rows, hashes, keys, entries);
  const found = new Uint32Array(memory.buffer, entries, rows);
  const all = new Uint32Array(memory.buffer);
  const numbers = new Uint32Array(memory.buffer, keys, rows * 2);
  for (let i = 0; i < rows; i++) {
    const at = found[i]! >>> 2;
    all[at] = all[at]! + 1;
    const low = all[at + 2]! + numbers[i * 2]!;
    all[at + 2] = low;
    if (low >= 2 ** 32) all[at + 3] = all[at + 3]! + 1;
  }
  kernels.arenaRelease(mark);
}

async function checkpoint(state: SubtaskState, checkpointId: number, work: () => void) {
  const startedAt = performance.now();
  const run = state.beginSnapshot({ checkpointId, triggeredMs: Date.now(), kind: "checkpoint" });
  const pauses = [performance.now() - startedAt];
  let isDone = false;
  const written = run.done.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    const turnAt = performance.now();
    state.maintain();
    run.step(SLICE_BYTES);
    await new Promise((resolve) => setImmediate(resolve));
    pauses.push(performance.now() - turnAt);
    work();
  }
  const { handle } = await written;
  state.checkpointCompleted(checkpointId);
  return { pauses, totalMs: performance.now() - startedAt, handle };
}

/** Every 9973rd key: its count, and count times its number as the sum. */
function check(
  { runtime, map, state }: Subject,
  keys: number,
  countOf: (number: number) => number,
): void {
  const { kernels, memory } = runtime;
  const key = kernels.arenaAlloc(8) >>> 0;
  for (let number = 0; number < keys; number += 9973) {
    const words = new Uint32Array(memory.buffer, key, 2);
    words[0] = number;
    words[1] = Math.imul(number, 0x9e3779b1);
    const entry = kernels.mapFind(map, kernels.hashFixed(key, 8), key, 8) >>> 0;
    const data = new DataView(memory.buffer);
    const wanted = countOf(number);
    const right =
      (entry === 0 && wanted === 0) ||
      (entry !== 0 &&
        data.getUint32(entry, true) === wanted &&
        data.getBigInt64(entry + 8, true) === BigInt(number) * BigInt(wanted));
    if (!right) {
      throw benchErrors.MILLRACE_FAILED({
        how: `kept a wrong count or sum of key ${number}`,
        script: "the benchmark of large state",
        detail: `expected count ${wanted}`,
      });
    }
    state.maintain();
  }
  kernels.arenaRelease(0);
}

const mb = (bytes: number): string => `${decimals(bytes / 1e6, 0)} MB`;
