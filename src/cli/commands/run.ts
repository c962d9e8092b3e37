/**
 * `millrace run FILE`: a script's INSERT as a job in the foreground, in worker threads, with a line of progress.
 *
 * Flow:    here → planScript → runtime. Ctrl-C cancels, with --savepoint-dir it stops at a savepoint; the second one ends the
 *          process at once.
 * --json:  one line at the end: { numRecordsIn, numRecordsOut, numRecordsInErrors, wallMs, cpuMs }, cpuMs of this process with its threads.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MillraceError, toMillraceError } from "../../foundation/base/errors.ts";
import {
  IGNORE_UNCLAIMED,
  prepareRestore,
  withPrevious,
} from "../../dataplane/runtime/savepoint/prepare-restore.ts";
import { startJob } from "../../dataplane/runtime/run-job.ts";
import type { JobMaster } from "../../dataplane/runtime/master/job-master.ts";
import { threadTransport } from "../../dataplane/runtime/worker/thread-transport.ts";
import type { Files } from "../../foundation/host/env.ts";
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import { type Flag, flagHelp, parseArgs } from "../args.ts";
import { type EngineParts, engineParts } from "../engine.ts";
import { cliErrors } from "../errors.ts";
import { CheckpointNews } from "../checkpoint-news.ts";
import { badRecordsText, jobNumbers } from "../job-numbers.ts";
import type { Command } from "../main.ts";
import { planScript, type PlannedScript } from "../plan-script.ts";
import { fillSavepointTables } from "../savepoint-tables.ts";
import { readText } from "../read-input.ts";
import { renderError } from "../render/error.ts";
import { snapshotPath } from "../snapshot-path.ts";
import type { Terminal } from "../terminal.ts";

const PROGRESS_MS = 1000;
/** timeout(1) signals a process and then its group: one wish, not two. */
const ONE_INTERRUPT_MS = 300;
const MAX_PARALLELISM = 64;

const FLAGS: readonly Flag[] = [
  {
    name: "parallelism",
    short: "p",
    value: "N",
    help: "worker threads (default: parallelism.default, or 1)",
  },
  {
    name: "state",
    short: "s",
    value: "DIR",
    help: "where checkpoints go (default: a folder that goes with the job)",
  },
  {
    name: "from-savepoint",
    value: "PATH",
    help: "a checkpoint or savepoint to start from (default: execution.state-recovery.path)",
  },
  { name: "from", value: "PATH", help: "the same" },
  {
    name: "allow-non-restored-state",
    help: "start although state of that savepoint is lost",
  },
  {
    name: "reset-state",
    value: "OPERATORS",
    help: "drop the state of these operators (uids or types with commas between them, or all)",
  },
  {
    name: "savepoint-dir",
    value: "DIR",
    help: "Ctrl-C stops the job at a savepoint in this folder",
  },
  {
    name: "drain",
    help: "with --savepoint-dir: windows fire before the stop, as at the end of input",
  },
  { name: "json", help: "print the final numbers as one JSON line on stdout" },
  { name: "quiet", short: "q", help: "no progress" },
];

export const runCommand: Command = {
  usage: "millrace run FILE [options]   (- reads standard input)",
  help: `  millrace run job.sql -p 2

Runs SET and DDL of the script, then its INSERT or STATEMENT SET as one job.

${flagHelp(FLAGS)}`,
  run: async (argv, terminal) => {
    const args = parseArgs("run", argv, FLAGS);
    const [path, ...more] = args.positional;
    if (path === undefined || more.length > 0) {
      throw cliErrors.USAGE({ problem: "name one file", command: "run" });
    }
    const parallelism = args.integer("parallelism", { min: 1, max: MAX_PARALLELISM });
    const text = readText(path);
    let planned: PlannedScript;
    try {
      planned = planScript(path, text);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      terminal.say(renderError(error, terminal.palette, { name: path, text }));
      return 1;
    }
    for (const { code, message, hint } of planned.warnings) {
      terminal.say(`${terminal.palette.warning(`warning ${code}`)}: ${message}\n  ${hint}`);
    }
    return runPlan(planned.plan, parallelism, terminal, {
      json: args.has("json"),
      quiet: args.has("quiet"),
      state: args.text("state"),
      from: args.text("from-savepoint") ?? args.text("from") ?? planned.plan.config[RECOVERY_PATH],
      allowLoss:
        args.has("allow-non-restored-state") || planned.plan.config[IGNORE_UNCLAIMED] === "true",
      reset: args.text("reset-state")?.split(",") ?? [],
      savepoints: args.text("savepoint-dir"),
      drain: args.has("drain"),
    });
  },
};

interface RunOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly state: string | undefined;
  readonly from: string | undefined;
  readonly allowLoss: boolean;
  readonly reset: readonly string[];
  readonly savepoints: string | undefined;
  readonly drain: boolean;
}

async function runPlan(
  given: ExecPlan,
  parallelism: number | undefined,
  terminal: Terminal,
  options: RunOptions,
): Promise<number> {
  const parts = engineParts({ print: (text) => terminal.out(text) });
  const { env, kernelsModule } = parts;
  const from = options.from === undefined ? undefined : snapshotPath(options.from);
  const plan = from === undefined ? given : await restoredPlan(given, from, terminal, options);
  await fillSavepointTables();
  if (options.savepoints !== undefined) await requireWritable(env.files, options.savepoints);
  const startedMs = env.clock.monotonicMs();
  const stop = new AbortController();
  const master = startJob(plan, {
    ...parts,
    ...(parallelism === undefined ? {} : { parallelism }),
    transport: threadTransport({
      entry: new URL("../engine.worker.ts", import.meta.url),
      env,
      kernelsModule,
      ports: parts.ports,
    }),
    config: { [CHECKPOINT_DIR]: checkpointFolder(plan, options.state) },
    ...(from === undefined ? {} : { restoreFrom: from }),
    signal: stop.signal,
    onStatus: (status, { failure }) => {
      if (status === "RESTARTING" && failure !== null)
        terminal.say(`restarting: ${failure.code} ${failure.message}${causeText(failure)}`);
    },
  });
  let stopping = false;
  let interruptedMs = -ONE_INTERRUPT_MS;
  const interrupt = () => {
    const sinceMs = env.clock.monotonicMs() - interruptedMs;
    if (sinceMs < ONE_INTERRUPT_MS) return;
    interruptedMs += sinceMs;
    if (stop.signal.aborted) process.exit(130);
    terminal.say("stopping …");
    if (options.savepoints === undefined || stopping) stop.abort();
    else {
      stopping = true;
      stopAtSavepoint(master, terminal, snapshotPath(options.savepoints), options.drain).catch(() =>
        stop.abort(),
      );
    }
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  const progress = options.quiet ? undefined : showProgress(master, plan, parts, terminal);
  const result = await master.ended;
  progress?.();
  const wallMs = env.clock.monotonicMs() - startedMs;
  const numbers = jobNumbers(plan, result.metrics);
  const seconds = (wallMs / 1000).toFixed(1);
  terminal.say(
    `${result.status.toLowerCase()} after ${seconds} s: ${numbers.rowsIn} rows in, ${numbers.rowsOut} rows out`,
  );
  const bad = badRecordsText(numbers.badRecords);
  if (bad !== undefined) terminal.say(terminal.palette.warning(bad));
  if (result.status === "FAILED" && result.failure !== null) {
    const failure =
      from === undefined ? result.failure : await withPrevious(result.failure, from, env.files);
    terminal.say(renderError(toMillraceError(failure), terminal.palette));
  }
  if (options.json) {
    const { rowsIn: numRecordsIn, rowsOut: numRecordsOut, badRecords } = numbers;
    const counts = { numRecordsIn, numRecordsOut, numRecordsInErrors: badRecords };
    const line = { ...counts, wallMs: Math.round(wallMs), cpuMs: env.cpuMs() };
    terminal.out(`${JSON.stringify(line)}\n`);
  }
  return result.status === "FAILED" ? 1 : result.status === "CANCELED" ? 130 : 0;
}

/** A folder that takes no savepoint is found out at the start, not when the job is to stop. */
async function requireWritable(files: Files, folder: string): Promise<void> {
  const path = snapshotPath(folder);
  const probe = `${path}/.millrace-${process.pid}`;
  try {
    await files.mkdirs(probe);
    await files.remove(probe);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw cliErrors.FILE_UNWRITABLE({ path, reason });
  }
}

/** The first failure behind this one. */
/** The innermost cause, unless the message says it already. */
function causeText({ message, cause }: Error): string {
  let inner = cause;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (!(inner instanceof Error) || message.includes(inner.message)) return "";
  return `: ${inner.message}`;
}

const RECOVERY_PATH = "execution.state-recovery.path";

/** The plan under the uids of the snapshot; says what the restore changes. */
async function restoredPlan(
  plan: ExecPlan,
  from: string,
  terminal: Terminal,
  { allowLoss, reset }: RunOptions,
): Promise<ExecPlan> {
  const parts = engineParts({});
  const prepared = await prepareRestore(from, plan, parts, { allowLoss, reset });
  const { kind, checkpointId } = prepared.metadata;
  terminal.say(`from ${kind} ${checkpointId} of job ${prepared.metadata.jobId}`);
  for (const { uid, verdict, reasons } of prepared.operators)
    if (reasons.length > 0) terminal.say(`  ${verdict}: ${uid}: ${reasons.join("; ")}`);
  return prepared.plan;
}

async function stopAtSavepoint(
  master: JobMaster,
  terminal: Terminal,
  directory: string,
  drain: boolean,
): Promise<void> {
  try {
    const { path } = await master.stopWithSavepoint({ directory, drain });
    terminal.say(`savepoint ${path}`);
  } catch (error) {
    terminal.say(renderError(toMillraceError(error), terminal.palette));
    throw error;
  }
}

const CHECKPOINT_DIR = "execution.checkpointing.dir";

/** As the script or --state says; otherwise a folder that is removed when this process ends. */
function checkpointFolder(plan: ExecPlan, state: string | undefined): string {
  const given = state ?? plan.config[CHECKPOINT_DIR] ?? plan.config["state.checkpoints.dir"];
  if (given !== undefined) return given;
  const folder = mkdtempSync(join(tmpdir(), "millrace-run-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A line a second: rows, rows/s, watermark, lag, checkpoint; and what there is to tell of checkpoints. Returns what stops it. */
function showProgress(
  master: JobMaster,
  plan: ExecPlan,
  { env }: EngineParts,
  terminal: Terminal,
): () => void {
  let stopped = false;
  let cancel: () => void = () => undefined;
  const news = new CheckpointNews();
  let before = { at: env.clock.monotonicMs(), rows: 0 };
  const tick = async () => {
    const metrics = await master.metrics();
    if (stopped) return;
    const { rowsIn, rowsOut, badRecords, watermark } = jobNumbers(plan, metrics);
    const at = env.clock.monotonicMs();
    // After a restart the rows are counted anew.
    const newRows = Math.max(0, rowsIn - before.rows);
    const rate = Math.round((newRows * 1000) / Math.max(at - before.at, 1));
    before = { at, rows: rowsIn };
    for (const line of news.next(master.checkpoints)) terminal.say(line);
    const checkpoint = master.checkpoints.findLast(({ status }) => status === "COMPLETED");
    const { status } = master.view;
    const items = [
      status === "RUNNING" ? "" : status.toLowerCase(),
      `${rowsIn} rows in`,
      `${rate}/s`,
      `${rowsOut} out`,
      badRecords === 0 ? "" : `${badRecords} bad`,
      watermark === null ? "no watermark" : `watermark ${sqlTime(watermark)}`,
      watermark === null ? "" : `lag ${lagText(env.clock.nowMs() - watermark)}`,
      checkpoint === undefined ? "" : `checkpoint ${checkpoint.id} (${checkpoint.durationMs} ms)`,
    ];
    terminal.progress(items.filter((item) => item !== "").join(" · "));
    schedule();
  };
  const schedule = () => {
    cancel = env.timers.after(PROGRESS_MS, () => {
      tick().catch((error: unknown) => {
        if (!stopped) terminal.say(String(error));
      });
    });
  };
  schedule();
  return () => {
    stopped = true;
    cancel();
  };
}

function sqlTime(ms: number): string {
  return new Date(ms).toISOString().replace("T", " ").slice(0, 19);
}

function lagText(ms: number): string {
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
