/**
 * `bench restore`: a job with --gb of state (1) stops at a savepoint, and starts again from it: how long until its first result.
 *
 * Does:    COUNT, SUM, MAX and MIN of numbers by a random BIGINT key, two workers, until so many rows have come that 86 %
 *          of the keys have been seen; SIGINT with --savepoint-dir; the same script with --from, at full load, so that its
 *          first batches ask for keys all over the state.
 * Times:   from spawn of the second process to the first byte of results on its standard output: the first row's, and where
 *          only one row in EVERY has a result, which stands behind rows that ask for most key groups. Beside them the same
 *          for an empty start, which is what of it is start-up and planning.
 * Cache:   the savepoint was just written: its pages are in memory. On a cold cache the disk decides; how long it takes to
 *          read the savepoint past the cache stands beside (Linux).
 * Check:   the first results of the restored job continue counts: most keys have been counted more than once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OptionKinds, positiveNumber } from "./arguments.ts";
import { type BenchContext, commonOptions, finish, isTrusted, print } from "./context.ts";
import { cpuSecondsOf, cpuSecondsOfEndedChildren, watchOthers } from "./cpu.ts";
import { benchErrors } from "./errors.ts";
import { summarise } from "./figures.ts";
import { machineLine } from "./machine.ts";
import { millraceCommand } from "./millrace-engine.ts";
import { progress } from "./progress.ts";
import { decimals, formatTable, thousands } from "./table.ts";

export const restoreOptions: OptionKinds = { ...commonOptions, gb: "value" };

const WORKERS = 2;
const EVERY = 64;
/** Of one key in a page: header, key, four aggregates with what tells that they are not NULL. */
const KEY_BYTES = 64;
/** Rows for each key: 1 − e^−2 of the keys are seen. */
const ROWS_PER_KEY = 2;
const SEEN = 1 - Math.exp(-ROWS_PER_KEY);
const LIMIT_MS = 30 * 60_000;
/** Of the results that are looked at, those of keys that had been counted before: 86 % if all is well. */
const LEAST_CONTINUED = 0.7;
/** Of the output that is looked at: a few hundred results. */
const LOOKED_AT_BYTES = 16_384;

interface Started {
  readonly child: ChildProcess;
  readonly firstResult: Promise<{
    readonly ms: number;
    readonly cpuMs: number;
    readonly text: string;
  }>;
  readonly ended: Promise<void>;
  /** Rows that the job has read, as its progress says. */
  readonly rowsIn: () => number;
}

export async function benchRestore(context: BenchContext): Promise<void> {
  const gb = positiveNumber(context.options, "gb", 1);
  const keys = Math.ceil((gb * 1e9) / KEY_BYTES / SEEN);
  const others = watchOthers();
  const cpuBefore = cpuSecondsOfEndedChildren();
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-restore-"));
  try {
    const file = join(folder, "some-results.sql");
    const all = join(folder, "all-results.sql");
    writeFileSync(file, scriptOf(keys, EVERY));
    writeFileSync(all, scriptOf(keys, 1));
    const savepoints = join(folder, "savepoints");
    mkdirSync(savepoints);
    await fill(file, savepoints, keys * ROWS_PER_KEY);
    const savepoint = join(savepoints, readdirSync(savepoints)[0]!);
    const sizeBytes = sizeOf(savepoint);
    progress(`savepoint of ${decimals(sizeBytes / 1e9, 2)} GB`);
    const empty: number[] = [];
    const first: number[] = [];
    const restored: number[] = [];
    const restoredCpu: number[] = [];
    for (let i = 0; i < Math.max(context.repeat, 3); i++) {
      empty.push((await firstResult(all, [])).ms);
      const one = await firstResult(all, ["--from", savepoint]);
      checkContinued(one.text, all);
      first.push(one.ms);
      const { ms, cpuMs, text } = await firstResult(file, ["--from", savepoint]);
      checkContinued(text, file);
      restored.push(ms);
      restoredCpu.push(cpuMs);
      progress(
        `first row's result after ${decimals(one.ms, 0)} ms, of one in ${EVERY} after ${decimals(ms, 0)}; ` +
          `of an empty start ${decimals(empty.at(-1)!, 0)}`,
      );
    }
    const trusted = isTrusted(context, others(cpuSecondsOfEndedChildren() - cpuBefore));
    const diskMs = readPastCache(savepoint);
    report(context, { keys, sizeBytes, empty, first, restored, restoredCpu, diskMs, trusted });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One result in `every` is printed. */
function scriptOf(keys: number, every: number): string {
  return `SET 'execution.checkpointing.interval' = '0';
CREATE TABLE numbers (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000000',
  'fields.k.min' = '0', 'fields.k.max' = '${keys - 1}', 'fields.v.min' = '0', 'fields.v.max' = '1000000');
CREATE TABLE results (k BIGINT, n BIGINT, s BIGINT, h BIGINT, l BIGINT) WITH ('connector' = 'print');
INSERT INTO results SELECT * FROM (
  SELECT k, COUNT(*) AS n, SUM(v) AS s, MAX(v) AS h, MIN(v) AS l FROM numbers GROUP BY k) WHERE MOD(s, ${every}) = 0;
`;
}

/** Runs the job until it has read so many rows, and stops it at a savepoint. */
async function fill(file: string, savepoints: string, rows: number): Promise<void> {
  const job = start(file, ["--savepoint-dir", savepoints]);
  const since = performance.now();
  while (job.rowsIn() < rows) {
    if (performance.now() - since > LIMIT_MS || job.child.exitCode !== null) {
      job.child.kill("SIGKILL");
      throw failed(`read ${job.rowsIn()} of ${rows} rows`, file, "");
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  progress(
    `${thousands(job.rowsIn())} rows read after ${decimals((performance.now() - since) / 1000, 0)} s`,
  );
  job.child.kill("SIGINT");
  await job.ended;
  if (readdirSync(savepoints).length !== 1) throw failed("left no savepoint", file, "");
}

async function firstResult(file: string, args: readonly string[]) {
  const job = start(file, args);
  try {
    return await job.firstResult;
  } finally {
    job.child.kill("SIGKILL");
    await job.ended;
  }
}

function start(file: string, args: readonly string[]): Started {
  const [node, ...words] = millraceCommand();
  const begun = performance.now();
  const all = [...words, "run", file, "-p", String(WORKERS), ...args];
  const child = spawn(node!, all, { stdio: ["ignore", "pipe", "pipe"] });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  let errors = "";
  let rows = 0;
  child.stderr!.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2000);
    for (const [, count] of errors.matchAll(/(\d+) rows in/g)) rows = Number(count);
  });
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => {
      process.removeListener("exit", kill);
      resolve();
    });
  });
  const first = new Promise<{ ms: number; cpuMs: number; text: string }>((resolve, reject) => {
    let text = "";
    let at: { readonly ms: number; readonly cpuMs: number } | undefined;
    child.stdout!.on("data", (chunk: Buffer) => {
      at ??= { ms: performance.now() - begun, cpuMs: cpuSecondsOf(child.pid!) * 1000 };
      if (text.length > LOOKED_AT_BYTES) return;
      text += chunk.toString();
      if (text.length > LOOKED_AT_BYTES) resolve({ ...at, text });
    });
    void ended.then(() => reject(failed("ended without a result", file, errors.trim())));
  });
  // A run that only fills has no use for the first result.
  first.catch(() => {});
  return { child, firstResult: first, ended, rowsIn: () => rows };
}

/** Results are `1> +U[key, count, …]`: after a restore most of the keys have been counted before. */
function checkContinued(text: string, file: string): void {
  const counts = [...text.matchAll(/\+[IU]\[\d+, (\d+)/g)].map(([, count]) => Number(count));
  const continued = counts.filter((count) => count > 1).length;
  if (counts.length === 0 || continued < counts.length * LEAST_CONTINUED)
    throw failed(`continued ${continued} of ${counts.length} counts`, file, text.slice(0, 300));
}

function failed(how: string, script: string, detail: string) {
  return benchErrors.MILLRACE_FAILED({ how, script, detail });
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** How long the disk takes to read all files of `folder`, in ms; undefined where the page cache cannot be passed by. */
function readPastCache(folder: string): number | undefined {
  if (process.platform !== "linux") return undefined;
  // Of a page's alignment, which such reads ask for.
  const chunk = new Uint8Array(new WebAssembly.Memory({ initial: 64 }).buffer);
  const begun = performance.now();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    let file: number;
    try {
      file = openSync(join(entry.parentPath, entry.name), constants.O_RDONLY | constants.O_DIRECT);
    } catch {
      // A file system in memory: there is no disk to compare with.
      return undefined;
    }
    while (readSync(file, chunk) === chunk.length);
    closeSync(file);
  }
  return performance.now() - begun;
}

interface Times {
  readonly keys: number;
  readonly sizeBytes: number;
  readonly empty: readonly number[];
  readonly first: readonly number[];
  readonly restored: readonly number[];
  readonly restoredCpu: readonly number[];
  readonly diskMs: number | undefined;
  readonly trusted: boolean;
}

function report(context: BenchContext, times: Times): void {
  const { keys, sizeBytes, empty, first, restored, restoredCpu, diskMs, trusted } = times;
  const cpu = summarise(restoredCpu);
  const whole = summarise(restored);
  const start = summarise(empty);
  const row = summarise(first);
  const rows = [
    ["keys, savepoint", `${Math.round(keys * SEEN)}, ${decimals(sizeBytes / 1e9, 2)} GB`],
    ["process start to the first row's result, restored, median", `${decimals(row.median, 0)} ms`],
    [`to the first of one row in ${EVERY}`, `${decimals(whole.median, 0)} ms`],
    ["CPU time of that", `${decimals(cpu.median, 0)} ms`],
    ["the same start without state", `${decimals(start.median, 0)} ms`],
    ...(diskMs === undefined
      ? []
      : [["the disk alone, reading the savepoint past the cache", `${decimals(diskMs, 0)} ms`]]),
  ];
  print(
    context,
    `Restore of a job, ${WORKERS} workers; its counts went on\n${machineLine(context.machine)}\n\n` +
      formatTable(["", ""], rows),
  );
  const detail = {
    keys,
    sizeBytes,
    emptyMs: start.median,
    cpuMs: cpu.median,
    workers: WORKERS,
    ...(diskMs === undefined ? {} : { diskMs }),
  };
  finish(context, [
    {
      name: "restore-first-row-ms",
      value: row.median,
      unit: "ms",
      spread: row.spread,
      detail,
      trusted,
    },
    {
      name: "restore-first-result-ms",
      value: whole.median,
      unit: "ms",
      spread: whole.spread,
      detail,
      trusted,
    },
  ]);
}
