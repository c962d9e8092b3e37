/**
 * `bench state`: bytes of memory a key of a two-aggregate GROUP BY costs, and how long a checkpoint of 100 MB stops the rows.
 *
 * Does:    fills one map as GroupAggregate does (BIGINT key, COUNT and SUM), then takes checkpoints of it with every page
 *          dirty, into a folder, in slices as a task does. A stop is the barrier, or the whole of one turn between two
 *          batches: a slice and whatever else the thread does meanwhile for writing and collecting garbage.
 * Keys:    with --keys N the map is filled with so many keys and nothing else is done: bytes a key, rows a second, page
 *          faults. Beyond what one worker's memory holds (64 bytes a key), a quarter of the state stays in memory.
 * Check:   counts and sums of a sample of keys, and of the whole after a restore from the last checkpoint.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { types } from "../src/foundation/columnar/logical-type.ts";
import { realEnv } from "../src/foundation/host/real-env.ts";
import type { WorkerRuntime } from "../src/dataplane/contract/operator.ts";
import { createSubtaskState, type SubtaskState } from "../src/dataplane/state/subtask-state.ts";
import { loadTestRuntime } from "../testkit/worker-runtime.ts";
import { type OptionKinds, wholeNumber } from "./arguments.ts";
import { benchLargeState } from "./state-large.ts";
import { benchStatePeer } from "./state-peer.ts";
import { type BenchContext, commonOptions, finish, isTrusted, print } from "./context.ts";
import { benchErrors } from "./errors.ts";
import { summarise } from "./figures.ts";
import { machineLine } from "./machine.ts";
import { decimals, formatTable } from "./table.ts";

const KEYS = 2_400_000;
const BATCH = 4096;
const VALUE_BYTES = 16;
const KEY_GROUPS = 128;
/** With --keys: what a key is taken to cost when it is decided whether all stay in memory. */
const MOST_KEY_BYTES = 64;
const MOST_MEMORY = 3.5e9;
/** As a task writes between two batches (runtime/task/subtask.ts). */
const SLICE_BYTES = 1024 * 1024;
const SPREAD = 0xd6e8feb86659fd93n;

export const stateOptions: OptionKinds = {
  ...commonOptions,
  spill: "flag",
  dirty: "flag",
  restore: "flag",
  keys: "value",
  peer: "flag",
  rows: "value",
  skew: "flag",
  "budget-mb": "value",
};

export async function benchState(context: BenchContext): Promise<void> {
  if (["spill", "dirty", "restore"].some((name) => context.options.has(name)))
    return await benchLargeState(context);
  if (context.flink || ["peer", "rows", "skew"].some((name) => context.options.has(name)))
    return await benchStatePeer(context);
  if (context.options.has("keys"))
    return await benchKeys(context, wholeNumber(context.options, "keys", KEYS));
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-state-"));
  try {
    const runtime = await loadTestRuntime();
    const before = runtime.kernels.memoryUsedBytes();
    const state = await openState(runtime, folder, []);
    const map = mapOf(state);
    addAll(runtime, map);
    const bytesPerKey = (runtime.kernels.memoryUsedBytes() - before) / KEYS;
    const barriers: number[] = [];
    const turns: number[] = [];
    const totals: number[] = [];
    let handle: unknown;
    for (let i = 1; i <= Math.max(context.repeat, 5); i++) {
      addAll(runtime, map);
      const stopped = await checkpoint(state, i);
      barriers.push(stopped.barrierMs);
      turns.push(stopped.longestTurnMs);
      totals.push(stopped.totalMs);
      handle = stopped.handle;
    }
    state.close();
    await checkRestored(folder, handle, barriers.length + 1);
    report(context, bytesPerKey, { barriers, turns, totals });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchKeys(context: BenchContext, keys: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-state-"));
  try {
    const runtime = await loadTestRuntime();
    const stateBytes = keys * MOST_KEY_BYTES;
    const budgetBytes = stateBytes > MOST_MEMORY ? Math.floor(stateBytes / 4) : undefined;
    const before = runtime.kernels.memoryUsedBytes();
    const state = await openState(runtime, folder, [], budgetBytes);
    const map = mapOf(state);
    const faults = process.resourceUsage().minorPageFault;
    const startedAt = performance.now();
    addAll(runtime, map, { keys, afterBatch: () => state.maintain() });
    const rowsPerSecond = (keys / (performance.now() - startedAt)) * 1000;
    const newFaults = process.resourceUsage().minorPageFault - faults;
    const { spilledBytes } = state.spillFigures;
    const usedBytes = runtime.kernels.memoryUsedBytes() - before;
    const value = (usedBytes + spilledBytes) / keys;
    checkCounts(runtime, map, { keys, wanted: 1n, afterKey: () => state.maintain() });
    state.close();
    const rows = [
      ["keys, memory, spilled", `${keys}, ${usedBytes} bytes, ${spilledBytes} bytes`],
      ["memory budget", budgetBytes === undefined ? "none" : `${budgetBytes} bytes`],
      ["of a key, index included", `${decimals(value, 1)} bytes`],
      ["new keys", `${decimals(rowsPerSecond / 1000, 0)} thousand rows/s`],
      ["page faults", String(newFaults)],
    ];
    const title = `COUNT and SUM by a BIGINT key; a sample is right\n${machineLine(context.machine)}`;
    print(context, `${title}\n\n${formatTable(["", ""], rows)}`);
    const common = { spread: 0, detail: { keys, newFaults }, trusted: isTrusted(context, 0) };
    finish(context, [
      { name: "state-keys-bytes", value, unit: "bytes", ...common },
      { name: "state-keys-rows", value: rowsPerSecond, unit: "rows/s", ...common },
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function openState(
  runtime: WorkerRuntime,
  folder: string,
  restored: readonly unknown[],
  budgetBytes?: number,
): Promise<SubtaskState> {
  return createSubtaskState({
    runtime,
    env: realEnv(),
    maxParallelism: KEY_GROUPS,
    keyGroups: { start: 0, end: KEY_GROUPS - 1 },
    name: "bench",
    checkpointDirectory: folder,
    restored,
    ...(budgetBytes === undefined ? {} : { spill: { budgetBytes, folder } }),
  });
}

function mapOf(state: SubtaskState): number {
  return state.forOperator({ uid: "group" }).map({
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
}

/** One row of every key: count += 1, sum += the key's number. */
function addAll(
  { kernels, memory }: WorkerRuntime,
  map: number,
  { keys: count = KEYS, afterBatch = () => {} } = {},
): void {
  for (let from = 0; from < count; from += BATCH) {
    const rows = Math.min(BATCH, count - from);
    const mark = kernels.arenaMark();
    const keys = kernels.arenaAlloc(rows * 8) >>> 0;
    const hashes = kernels.arenaAlloc(rows * 8) >>> 0;
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    const keyWords = new BigUint64Array(memory.buffer, keys, rows);
    for (let i = 0; i < rows; i++) keyWords[i] = BigInt.asUintN(64, BigInt(from + i) * SPREAD);
    kernels.hashFixedBatch(rows, keys, 8, hashes);
    kernels.mapUpsertBatch(map, rows, hashes, keys, entries);
    const data = new DataView(memory.buffer);
    for (let i = 0; i < rows; i++) {
      const entry = data.getUint32(entries + i * 4, true);
      data.setUint32(entry, data.getUint32(entry, true) + 1, true);
      data.setBigInt64(entry + 8, data.getBigInt64(entry + 8, true) + BigInt(from + i), true);
    }
    kernels.arenaRelease(mark);
    afterBatch();
  }
}

async function checkpoint(state: SubtaskState, checkpointId: number) {
  const startedAt = performance.now();
  const run = state.beginSnapshot({ checkpointId, triggeredMs: Date.now(), kind: "checkpoint" });
  let turnAt = performance.now();
  const barrierMs = turnAt - startedAt;
  let longestTurnMs = 0;
  let isDone = false;
  const written = run.done.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    run.step(SLICE_BYTES);
    await new Promise((resolve) => setImmediate(resolve));
    const now = performance.now();
    longestTurnMs = Math.max(longestTurnMs, now - turnAt);
    turnAt = now;
  }
  const { handle } = await written;
  state.checkpointCompleted(checkpointId);
  return { barrierMs, longestTurnMs, totalMs: performance.now() - startedAt, handle };
}

/** A fresh runtime restores what the last checkpoint holds: every key with its count and sum. */
async function checkRestored(folder: string, handle: unknown, times: number): Promise<void> {
  const runtime = await loadTestRuntime();
  const state = await openState(runtime, folder, [handle]);
  const map = mapOf(state);
  addAll(runtime, map);
  checkCounts(runtime, map, { keys: KEYS, wanted: BigInt(times + 1), afterKey: () => {} });
  state.close();
}

/** Every 9973rd key. */
function checkCounts(
  { kernels, memory }: WorkerRuntime,
  map: number,
  {
    keys,
    wanted,
    afterKey,
  }: { readonly keys: number; readonly wanted: bigint; readonly afterKey: () => void },
): void {
  const key = kernels.arenaAlloc(8) >>> 0;
  for (let number = 0n; number < BigInt(keys); number += 9973n) {
    const data = new DataView(memory.buffer);
    data.setBigUint64(key, BigInt.asUintN(64, number * SPREAD), true);
    const entry = kernels.mapFind(map, kernels.hashFixed(key, 8), key, 8) >>> 0;
    const right =
      entry !== 0 &&
      BigInt(data.getUint32(entry, true)) === wanted &&
      data.getBigInt64(entry + 8, true) === number * wanted;
    if (!right) {
      throw benchErrors.MILLRACE_FAILED({
        how: `holds a wrong count or sum of key ${number}`,
        script: "the state benchmark",
        detail: `expected count ${wanted}`,
      });
    }
    afterKey();
  }
}

function report(
  context: BenchContext,
  bytesPerKey: number,
  times: {
    readonly barriers: readonly number[];
    readonly turns: readonly number[];
    readonly totals: readonly number[];
  },
): void {
  const barrier = summarise(times.barriers);
  const turn = summarise(times.turns);
  const longestMs = Math.max(...times.barriers, ...times.turns);
  const sizeMb = (bytesPerKey * KEYS) / 1e6;
  const both = (median: number, all: readonly number[]) =>
    `${decimals(median, 2)}, ${decimals(Math.max(...all), 2)} ms`;
  const rows = [
    ["memory of a key, index included", `${decimals(bytesPerKey, 1)} bytes`],
    ["state", `${decimals(sizeMb, 0)} MB, ${KEYS} keys, every page dirty`],
    ["checkpoints", String(times.barriers.length)],
    ["stop at the barrier, median and longest", both(barrier.median, times.barriers)],
    ["longest stop while it is written, median and longest", both(turn.median, times.turns)],
    ["barrier to durable, median", `${decimals(summarise(times.totals).median, 0)} ms`],
  ];
  print(
    context,
    `State of COUNT and SUM by a BIGINT key; counts right after a restore\n${machineLine(context.machine)}\n\n${formatTable(["", ""], rows)}`,
  );
  const trusted = isTrusted(context, 0);
  finish(context, [
    {
      name: "state-bytes-per-key",
      value: bytesPerKey,
      unit: "bytes",
      spread: 0,
      detail: { keys: KEYS },
      trusted,
    },
    {
      name: "checkpoint-stop",
      value: longestMs,
      unit: "ms",
      spread: turn.spread,
      detail: { sizeMb, barrierMs: barrier.median, turnMs: turn.median },
      trusted,
    },
  ]);
}
