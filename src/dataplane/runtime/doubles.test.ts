/**
 * Test doubles of the runtime's tests: a source of numbers, operators that forward, count and join,
 * a sink that commits in two phases, state and checkpoints in memory. This file is also the entry
 * of worker threads that use them.
 *
 * Rows:    (key BIGINT, value BIGINT). Split s of the source emits value = s · 1,000,000 + i and
 *          key = value mod `keys`.
 */
import { writeFileSync } from "node:fs";
import { isMainThread, workerData } from "node:worker_threads";
import { loadTestKernels } from "../../../testkit/worker-runtime.ts";
import {
  BATCH_HEADER_BYTES,
  BATCH_KINDS,
  BatchView,
  batchBytes,
} from "../../foundation/columnar/batch.ts";
import { types } from "../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { Env } from "../../foundation/host/env.ts";
import type { TableSourceScanNode } from "../../foundation/plan/exec-node.ts";
import type { Operator, OperatorContext, WorkerRuntime } from "../contract/operator.ts";
import type { ConnectorRegistry } from "../contract/registry.ts";
import type { Committable, SinkFactory } from "../contract/sink.ts";
import type { SourceFactory, SourceReader, SourceSplit } from "../contract/source.ts";
import {
  HANDLE_FORMAT,
  HANDLE_VERSION,
  HASH_VERSION,
  type StateHandle,
} from "../state/state-handle.ts";
import type { CheckpointMetadata } from "./master/checkpoint-metadata.ts";
import type { CheckpointStorage } from "./master/checkpoint-storage.ts";
import type { CreateSubtaskState, OperatorFactories } from "./task/task-environment.ts";
import { runJobProcess } from "./process/job-process.ts";
import { runWorkerThread } from "./worker/worker-thread.ts";

export const SCHEMA: Schema = {
  fields: [
    { name: "key", type: types.bigint(false) },
    { name: "value", type: types.bigint(false) },
  ],
};

export type Row = readonly [key: bigint, value: bigint];

export function writeRows({ memory, kernels }: WorkerRuntime, rows: readonly Row[]): number {
  const batch = kernels.arenaAlloc(batchBytes(2)) >>> 0;
  const keys = kernels.arenaAlloc(rows.length * 8) >>> 0;
  const values = kernels.arenaAlloc(rows.length * 8) >>> 0;
  const data = new DataView(memory.buffer);
  data.setUint32(batch, rows.length, true);
  data.setUint32(batch + BATCH_KINDS, 0, true);
  data.setUint32(batch + 8, 2, true);
  for (const [i, column] of [keys, values].entries()) {
    data.setUint32(batch + BATCH_HEADER_BYTES + i * 8, 0, true);
    data.setUint32(batch + BATCH_HEADER_BYTES + i * 8 + 4, column, true);
  }
  rows.forEach(([key, value], i) => {
    data.setBigInt64(keys + i * 8, key, true);
    data.setBigInt64(values + i * 8, value, true);
  });
  return batch;
}

export function readRows({ memory }: WorkerRuntime, batch: number): Row[] {
  const view = new BatchView(memory);
  const value = (column: number, row: number) =>
    view.data.getBigInt64(view.valuePtr(batch, column, row, 8), true);
  return Array.from({ length: view.rows(batch) }, (_, i): Row => [value(0, i), value(1, i)]);
}

/**
 * Options of a source table: rows per split, splits, batch rows, keys, watermarks, pauseMs,
 * unbounded, failAt, dieAt.
 */
const numbersSource: SourceFactory = {
  identifier: "numbers",
  validate: () => {},
  createEnumerator: ({ node, env }) => {
    const options = numberOptions(node);
    let found = 0;
    return {
      discoverMs: options.discoverMs,
      discover: async () => {
        if (failures.discoveries > 0) {
          failures.discoveries--;
          throw new Error("the source system is away");
        }
        if (options.slowDiscoverMs > 0) await sleep(env, options.slowDiscoverMs);
        const all = options.discoverMs === 0 ? options.splits : Math.min(options.splits, found + 1);
        const splits: SourceSplit[] = [];
        for (; found < all; found++) splits.push({ id: String(found), next: 0 });
        return splits;
      },
      snapshot: () => found,
      restore: (state) => {
        found = state as number;
      },
      close: async () => {},
    };
  },
  createReader: ({ node, runtime, env }) => numbersReader(node, runtime, env),
};

function numbersReader(node: TableSourceScanNode, runtime: WorkerRuntime, env: Env): SourceReader {
  const options = numberOptions(node);
  const splits: SourceSplit[] = [];
  let pauseUntilMs = 0;
  return {
    open: async () => {},
    addSplits: (added) => {
      splits.push(...added);
    },
    poll: () => {
      const readable = splits.findIndex((split) => Number(split.next) < options.rows);
      const index = readable === -1 && !options.unbounded ? 0 : readable;
      if (splits.length === 0) return { kind: "empty" };
      if (index === -1 || env.clock.monotonicMs() < pauseUntilMs) return { kind: "idle" };
      const split = splits.splice(index, 1)[0]!;
      const next = split.next as number;
      const base = Number(split.id) * 1_000_000;
      if (next >= options.rows) return { kind: "finished", splitId: split.id };
      pauseUntilMs = env.clock.monotonicMs() + options.pauseMs;
      if (split.watermark === undefined && options.watermarks) {
        const marked = { ...split, watermark: next };
        splits.push(marked);
        return { kind: "watermark", watermark: next, split: marked };
      }
      const rows: Row[] = [];
      for (let i = next; i < Math.min(options.rows, next + options.batch); i++)
        rows.push([BigInt((base + i) % options.keys), BigInt(base + i)]);
      const after = { id: split.id, next: next + rows.length };
      splits.push(after);
      return { kind: "batch", batch: writeRows(runtime, rows), split: after };
    },
    wait: () => sleep(env, Math.max(1, pauseUntilMs - env.clock.monotonicMs())),
    close: async () => {},
  };
}

function sleep(env: Env, ms: number): Promise<void> {
  return new Promise((resolve) => void env.timers.after(ms, resolve));
}

function numberOptions({ table: { options } }: TableSourceScanNode) {
  const number = (key: string, fallback: number) => Number(options[key] ?? fallback);
  return {
    rows: number("rows", 1000),
    splits: number("splits", 1),
    batch: number("batch", 100),
    keys: number("keys", 10),
    pauseMs: number("pauseMs", 0),
    discoverMs: number("discoverMs", 0),
    slowDiscoverMs: number("slowDiscoverMs", 0),
    watermarks: options.watermarks === "true",
    unbounded: options.unbounded === "true",
  };
}

/**
 * What sinks of this process have committed, by table: committable id → rows. Committing twice
 * changes nothing.
 */
export const committed = new Map<string, Map<string, Row[]>>();
/** Commits that must fail, by table: how many. */
export const failingCommits = new Map<string, number>();

export function committedRows(table: string): Row[] {
  return [...(committed.get(table)?.values() ?? [])].flat();
}

const twoPhaseSink: SinkFactory = {
  identifier: "two-phase",
  accepts: "retract",
  validate: () => {},
  createWriter: ({ runtime, node, subtaskIndex, attempt, env }) => {
    const fullAt = Number(node.table.options.fullAt ?? Number.POSITIVE_INFINITY);
    let rows: [string, string][] = [];
    let sinceFlush = 0;
    return {
      open: async () => {},
      write: (batch) => {
        const read = readRows(runtime, batch);
        rows.push(...read.map(([k, v]): [string, string] => [String(k), String(v)]));
        sinceFlush += read.length;
        return sinceFlush < fullAt;
      },
      writeWatermark: () => {},
      flush: async () => {
        if (fullAt < Number.POSITIVE_INFINITY) await sleep(env, 1);
        sinceFlush = 0;
      },
      prepareCommit: async (checkpointId) => {
        const id = `${checkpointId}-${subtaskIndex}-${attempt}-${env.random.hex(4)}`;
        const committables: Committable[] = rows.length === 0 ? [] : [{ id, rows }];
        rows = [];
        return { committables, state: `writer ${subtaskIndex}` };
      },
      close: async () => {},
    };
  },
  createCommitter: ({ node, env }) => ({
    commit: async (committables) => {
      const { name } = node.table;
      const failures = failingCommits.get(name) ?? 0;
      if (failures > 0) {
        failingCommits.set(name, failures - 1);
        throw new Error("the sink system is away");
      }
      const { folder } = node.table.options;
      if (folder !== undefined) {
        for (const { id, rows } of committables)
          await env.files.writeAtomic(`${folder}/${id}`, encodeJson(rows));
        return;
      }
      const table = committed.get(name) ?? new Map<string, Row[]>();
      committed.set(name, table);
      for (const { id, rows } of committables)
        table.set(
          id,
          (rows as [string, string][]).map(([k, v]): Row => [BigInt(k), BigInt(v)]),
        );
    },
    close: async () => {},
  }),
};

const encodeJson = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** What sinks with the option `folder` have committed. */
export async function committedFiles({ files }: Env, folder: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of await files.list(folder)) {
    // What a kill in the middle of a write has left.
    if (name.endsWith(".tmp")) continue;
    const text = new TextDecoder().decode(await files.readAll(`${folder}/${name}`));
    const parsed = JSON.parse(text) as [string, string][];
    rows.push(...parsed.map(([k, v]): Row => [BigInt(k), BigInt(v)]));
  }
  return rows;
}

export const registry: ConnectorRegistry = {
  sources: ["numbers"],
  sinks: ["two-phase"],
  formats: [],
  source: () => numbersSource,
  sink: () => twoPhaseSink,
  format: () => {
    throw new Error("no formats here");
  },
};

/** An operator that does nothing but forward; the doubles change parts of it. */
function forwarding({ output }: OperatorContext): Operator {
  return {
    open: () => {},
    processBatch: (_, batch) => {
      output.emit(batch);
    },
    processWatermark: (watermark) => output.emitWatermark(watermark),
    endInput: () => {},
    onProcessingTime: () => {},
    prepareSnapshot: () => {},
    close: () => {},
  };
}

/**
 * How often Calc still throws at the value of config `fail.value`, and how often splits are not
 * found.
 */
export const failures = { left: 0, discoveries: 0 };

/**
 * Calc: forwards; throws at the value of config `fail.value`; kills its thread at `die.value`, or
 * never returns at `hang.value`, unless it was restored; `hang.file` is there from then on.
 */
function calc(context: OperatorContext): Operator {
  const fail = context.config["fail.value"];
  const die = context.config["die.value"];
  const hang = context.config["hang.value"];
  const attempts = context.state.operatorValue("attempts");
  return {
    ...forwarding(context),
    processBatch: (_, batch) => {
      const rows = readRows(context.runtime, batch);
      const isFirst = attempts.restored.length === 0;
      if (failures.left > 0 && rows.some(([, v]) => String(v) === fail)) {
        failures.left--;
        throw new Error(`value ${fail} hurts`);
      }
      if (hang !== undefined && isFirst && rows.some(([, v]) => String(v) === hang)) {
        writeFileSync(context.config["hang.file"]!, "");
        for (;;);
      }
      if (die !== undefined && isFirst && rows.some(([, v]) => String(v) === die)) process.exit(7);
      context.output.emit(batch);
    },
    prepareSnapshot: () => attempts.set(true),
  };
}

/**
 * GroupAggregate: (key, count so far) for every row; its state is redistributed by key among
 * whatever subtasks there are.
 */
function count(context: OperatorContext): Operator {
  const state = context.state.operatorValue("counts");
  const counts = new Map<string, number>();
  for (const old of state.restored as [string, number][][])
    for (const [key, n] of old) counts.set(key, Math.max(n, counts.get(key) ?? 0));
  return {
    ...forwarding(context),
    processBatch: (_, batch) => {
      const out = readRows(context.runtime, batch).map(([key]): Row => {
        const n = (counts.get(String(key)) ?? 0) + 1;
        counts.set(String(key), n);
        return [key, BigInt(n)];
      });
      context.output.emit(writeRows(context.runtime, out));
    },
    // Every subtask knows all old keys; the largest count of a key is the one of its owner.
    prepareSnapshot: () => state.set([...counts]),
  };
}

/** Values: three rows at the end of its input. */
function values(context: OperatorContext): Operator {
  return {
    ...forwarding(context),
    endInput: () => {
      const rows = [1n, 2n, 3n].map((n): Row => [n, n]);
      context.output.emit(writeRows(context.runtime, rows));
    },
  };
}

/** SortLimit: one row (0, watermark) per watermark it sees, and (1, n) for n batches at the end. */
function spy(context: OperatorContext): Operator {
  let batches = 0;
  return {
    ...forwarding(context),
    processBatch: () => {
      batches++;
    },
    processWatermark: (watermark) => {
      context.output.emit(writeRows(context.runtime, [[0n, BigInt(watermark)]]));
      context.output.emitWatermark(watermark);
    },
    endInput: () => {
      context.output.emit(writeRows(context.runtime, [[1n, BigInt(batches)]]));
    },
  };
}

/** Rank: asks for a timer 50 ms after each batch and emits (-1, its number) when it fires. */
function timed(context: OperatorContext): Operator {
  let fired = 0n;
  return {
    ...forwarding(context),
    processBatch: () => context.registerProcessingTimer(context.clock.nowMs() + 50),
    onProcessingTime: () => {
      context.output.emit(writeRows(context.runtime, [[-1n, ++fired]]));
    },
  };
}

export const operators: OperatorFactories = {
  Calc: (_: never, context) => calc(context),
  GroupAggregate: (_: never, context) => count(context),
  Union: (_: never, context) => forwarding(context),
  Join: (_: never, context) => forwarding(context),
  Values: (_: never, context) => values(context),
  SortLimit: (_: never, context) => spy(context),
  WatermarkAssigner: (_: never, context) => forwarding(context),
  Rank: (_: never, context) => timed(context),
};

/** State in memory: operator values only, snapshots are plain data in the form of a StateHandle. */
export const createState: CreateSubtaskState = async (options) => {
  const { maxParallelism, restored, name, keyGroups } = options;
  const current: Record<string, Record<string, unknown>> = {};
  const shape = { format: HANDLE_FORMAT, version: HANDLE_VERSION, hash: HASH_VERSION } as const;
  return {
    forOperator: ({ uid }) => ({
      maxParallelism,
      map: () => {
        throw new Error("no keyed maps here");
      },
      operatorValue: (valueName) => ({
        restored: (restored as StateHandle[]).flatMap(({ values }) => {
          const found = values[uid]?.[valueName];
          return found === undefined ? [] : [found];
        }),
        set: (value) => {
          current[uid] = { ...current[uid], [valueName]: value };
        },
      }),
    }),
    beginSnapshot: ({ checkpointId }) => {
      const values = structuredClone(current);
      const parts = { name, checkpointId, maxParallelism, keyGroups, maps: [], values };
      const handle: StateHandle = { ...shape, ...parts, segments: [] };
      return { step: () => true, done: Promise.resolve({ sizeBytes: 1, handle }) };
    },
    maintain: () => {},
    operatorBytes: () => ({ stateBytes: 0, memoryBytes: 0 }),
    checkpointCompleted: () => {},
    close: () => {},
  };
};

/** Manifests in memory. */
export class MemoryStorage implements CheckpointStorage {
  readonly stored = new Map<string, CheckpointMetadata>();
  /** Writes that fail, counted down. */
  failures = 0;

  async store(metadata: CheckpointMetadata, directory: string | undefined) {
    if (this.failures > 0) {
      this.failures--;
      throw new Error("disk full");
    }
    const path = `${directory ?? "chk"}/${metadata.checkpointId}`;
    this.stored.set(path, structuredClone(metadata));
    return { path, sizeBytes: 100 };
  }

  async settle() {}

  async load(path: string) {
    const found = this.stored.get(path);
    if (found === undefined) throw new Error(`no checkpoint at ${path}`);
    return found;
  }

  async discard(path: string) {
    this.stored.delete(path);
  }
}

const data = workerData as { millraceWorker?: number } | null;
if (!isMainThread && data?.millraceWorker !== undefined)
  runWorkerThread({ registry, operators, createState });

// Started by startJobProcess(): the entry of a job process.
if (isMainThread && process.env.MILLRACE_JOB_READY === "1" && process.argv[2] !== undefined) {
  if (process.argv[2].endsWith("broken")) process.exit(3);
  await runJobProcess(process.argv[2], {
    registry,
    operators,
    createState,
    kernelsModule: await loadTestKernels(),
    workerEntry: new URL(import.meta.url),
  });
}
