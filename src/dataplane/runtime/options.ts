/**
 * Options of the runtime under Flink's keys, with Flink's defaults, read once from the job's
 * configuration.
 *
 * Source:  Flink CheckpointingOptions, RestartStrategyOptions, ExecutionOptions.
 * Errors:  MR1003 for a value that does not parse or lies outside its range.
 */
import { parseDuration } from "../../foundation/base/duration.ts";
import { parseMemorySize } from "../../foundation/base/memory-size.ts";
import { baseErrors } from "../../foundation/base/errors.ts";
import { isObjectPath } from "../../foundation/host/object-files.ts";

export type Config = Readonly<Record<string, string>>;

export interface CheckpointOptions {
  /** Whether rows behind a barrier wait until it has come on every way: exactly once, or else at least once. */
  readonly aligns: boolean;
  /** 0 = no periodic checkpoints. */
  readonly intervalMs: number;
  readonly minPauseMs: number;
  readonly timeoutMs: number;
  readonly maxConcurrent: number;
  readonly tolerableFailures: number;
  readonly retained: number;
  /** Whether checkpoints are taken while some tasks have ended, and a last one when all have. */
  readonly afterTasksFinish: boolean;
  readonly directory: string | undefined;
  readonly savepointDirectory: string | undefined;
  /** 0 = no periodic savepoints. */
  readonly savepointIntervalMs: number;
  /** Of the periodic ones; 0 = all. */
  readonly savepointsRetained: number;
  /** What happens to checkpoints when the job is canceled (they stay when it fails). */
  readonly retainOnCancel: boolean;
  readonly localBackup: (jobId: string, temporaryFolder?: string) => LocalBackupOptions | undefined;
}

export type RestartOptions =
  | { readonly kind: "none" }
  | { readonly kind: "fixed-delay"; readonly attempts: number; readonly delayMs: number }
  | {
      readonly kind: "failure-rate";
      readonly maxFailures: number;
      readonly intervalMs: number;
      readonly delayMs: number;
    }
  | {
      readonly kind: "exponential-delay";
      readonly initialMs: number;
      readonly maxMs: number;
      readonly multiplier: number;
      readonly resetMs: number;
      readonly jitter: number;
      readonly attempts: number;
    };

export function durationMs(config: Config, key: string, fallbackMs: number): number {
  const text = config[key];
  if (text === undefined) return fallbackMs;
  const ms = parseDuration(text);
  if (ms === undefined) throw invalid(key, text, 'a duration such as "10 s" or "5 min"');
  return ms;
}

function integer(config: Config, key: string, fallback: number, smallest: number): number {
  const text = config[key];
  if (text === undefined) return fallback;
  const value = Number(text.trim());
  if (!Number.isSafeInteger(value) || value < smallest)
    throw invalid(key, text, `a whole number of at least ${smallest}`);
  return value;
}

function real(config: Config, key: string, fallback: number, low: number, high: number): number {
  const text = config[key];
  if (text === undefined) return fallback;
  const value = Number(text.trim());
  if (!(value >= low && value <= high)) throw invalid(key, text, `a number from ${low} to ${high}`);
  return value;
}

function flag(config: Config, key: string, fallback: boolean): boolean {
  const text = config[key]?.trim().toLowerCase();
  if (text === undefined) return fallback;
  if (text !== "true" && text !== "false") throw invalid(key, text, "true or false");
  return text === "true";
}

function invalid(key: string, value: string, expected: string) {
  return baseErrors.OPTION_INVALID({ key, value, expected });
}

export function checkpointOptions(config: Config): CheckpointOptions {
  const prefix = "execution.checkpointing.";
  const mode = config[`${prefix}mode`] ?? "EXACTLY_ONCE";
  if (mode !== "EXACTLY_ONCE" && mode !== "AT_LEAST_ONCE")
    throw invalid(`${prefix}mode`, mode, "EXACTLY_ONCE or AT_LEAST_ONCE");
  const retention =
    config[`${prefix}externalized-checkpoint-retention`] ?? "NO_EXTERNALIZED_CHECKPOINTS";
  const retentions = [
    "NO_EXTERNALIZED_CHECKPOINTS",
    "DELETE_ON_CANCELLATION",
    "RETAIN_ON_CANCELLATION",
  ];
  if (!retentions.includes(retention))
    throw invalid(`${prefix}externalized-checkpoint-retention`, retention, retentions.join(", "));
  const savepointDirectory = folder(
    config[`${prefix}savepoint-dir`] ?? config["state.savepoints.dir"],
  );
  const savepointIntervalMs = durationMs(config, "millrace.savepoint.interval", 0);
  if (savepointIntervalMs > 0 && savepointDirectory === undefined)
    throw baseErrors.OPTION_MISSING({
      key: `${prefix}savepoint-dir`,
      owner: "periodic savepoints",
    });
  return {
    aligns: mode === "EXACTLY_ONCE",
    intervalMs: durationMs(config, `${prefix}interval`, 0),
    minPauseMs: durationMs(config, `${prefix}min-pause`, 0),
    timeoutMs: durationMs(config, `${prefix}timeout`, 600_000),
    maxConcurrent: integer(config, `${prefix}max-concurrent-checkpoints`, 1, 1),
    tolerableFailures: integer(config, `${prefix}tolerable-failed-checkpoints`, 0, 0),
    retained: integer(config, `${prefix}num-retained`, 1, 1),
    afterTasksFinish: flag(config, `${prefix}checkpoints-after-tasks-finish`, true),
    directory: folder(config[`${prefix}dir`] ?? config["state.checkpoints.dir"]),
    savepointDirectory,
    savepointIntervalMs,
    savepointsRetained: integer(config, "millrace.savepoint.num-retained", 5, 0),
    retainOnCancel: retention === "RETAIN_ON_CANCELLATION",
    localBackup: (jobId, temporaryFolder) => localBackupOptions(config, jobId, temporaryFolder),
  };
}

/** A folder of this machine, as a path or a file: URL, or of an object store; without a slash at its end. */
function folder(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (isObjectPath(text)) return text.replace(/\/+$/, "");
  if (/^(?!file:)[a-z][a-z0-9+.-]+:\/\//i.test(text))
    throw baseErrors.UNSUPPORTED({
      what: `the checkpoint storage ${text}`,
      remedy: "Give a folder of this machine, or one of an object store: s3://… or oss://….",
    });
  const path = text.replace(/^file:(\/\/)?/i, "");
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

/** Flink's default: none without checkpoints, exponential delay with them. */
export function restartOptions(config: Config, checkpointing: boolean): RestartOptions {
  const key = "restart-strategy.type";
  const type = config[key] ?? config["restart-strategy"];
  switch (type?.toLowerCase().replaceAll("delay", "-delay").replaceAll("--", "-")) {
    case undefined:
      return checkpointing ? exponential(config) : { kind: "none" };
    case "none":
    case "off":
    case "disable":
      return { kind: "none" };
    case "fixed-delay":
      return {
        kind: "fixed-delay",
        attempts: integer(config, "restart-strategy.fixed-delay.attempts", 1, 0),
        delayMs: durationMs(config, "restart-strategy.fixed-delay.delay", 1000),
      };
    case "failure-rate":
    case "failurerate":
      return {
        kind: "failure-rate",
        maxFailures: integer(
          config,
          "restart-strategy.failure-rate.max-failures-per-interval",
          1,
          1,
        ),
        intervalMs: durationMs(
          config,
          "restart-strategy.failure-rate.failure-rate-interval",
          60_000,
        ),
        delayMs: durationMs(config, "restart-strategy.failure-rate.delay", 1000),
      };
    case "exponential-delay":
      return exponential(config);
    default:
      throw invalid(key, type ?? "", "none, fixed-delay, failure-rate or exponential-delay");
  }
}

function exponential(config: Config): RestartOptions {
  const prefix = "restart-strategy.exponential-delay.";
  const attempts = config[`${prefix}attempts-before-reset-backoff`];
  return {
    kind: "exponential-delay",
    initialMs: durationMs(config, `${prefix}initial-backoff`, 1000),
    maxMs: durationMs(config, `${prefix}max-backoff`, 60_000),
    multiplier: real(config, `${prefix}backoff-multiplier`, 1.5, 1, 1000),
    resetMs: durationMs(config, `${prefix}reset-backoff-threshold`, 3_600_000),
    jitter: real(config, `${prefix}jitter-factor`, 0.1, 0, 1),
    attempts:
      attempts === undefined || attempts === "infinite"
        ? Number.POSITIVE_INFINITY
        : integer(config, `${prefix}attempts-before-reset-backoff`, 1, 1),
  };
}

export const OPERATOR_PARALLELISM = "pipeline.jobvertex-parallelism-overrides";

/** Flink's map of text, `name:2,name:4`; names are uids or types of operators. */
export function operatorParallelism(config: Config): Readonly<Record<string, number>> {
  const text = config[OPERATOR_PARALLELISM]?.trim() ?? "";
  if (text === "") return {};
  const entries = text.split(",").map((entry): [string, number] => {
    const match = /^\s*(\S+)\s*:\s*(\d+)\s*$/.exec(entry);
    if (match === null) throw invalid(OPERATOR_PARALLELISM, text, "name:number, with commas");
    return [match[1]!, Number(match[2])];
  });
  return Object.fromEntries(entries);
}

/** How long written rows may wait in a sink's buffers while more are coming. */
export function bufferTimeoutMs(config: Config): number {
  return durationMs(config, "execution.buffer-timeout.interval", 100);
}

export function ignoreUnclaimedState(config: Config): boolean {
  const current = "execution.state-recovery.ignore-unclaimed-state";
  const old = "execution.savepoint.ignore-unclaimed-state";
  return flag(config, current, flag(config, old, false));
}

export function maxParallelismOption(config: Config): number | undefined {
  const key = "pipeline.max-parallelism";
  if (config[key] === undefined || config[key] === "-1") return undefined;
  return integer(config, key, 0, 1);
}

/** How long a worker may be silent before it is given up (0 = never). */
export function heartbeatTimeoutMs(config: Config): number {
  return durationMs(config, "heartbeat.timeout", 50_000);
}

/** How often metrics are collected and reported. */
export function metricsIntervalMs(config: Config): number {
  return Math.max(10, durationMs(config, "millrace.metrics.interval", 1000));
}

export interface MemoryOptions {
  /** Bytes of a worker's memory beyond which state is spilled; undefined = it stays in memory. */
  readonly budgetBytes: number | undefined;
  /** Bytes of pages of state that each operator of a worker may have in memory; undefined = no limit of its own. */
  readonly operatorBytes: number | undefined;
  /** The local folder it is spilled to; undefined = the system's for temporary files. */
  readonly folder: string | undefined;
}

/** Below this not even an empty job's memory fits. */
const LEAST_BUDGET_BYTES = 4 * 1024 * 1024;

const LEAST_OPERATOR_BYTES = 1024 * 1024;

/** A worker is a slot: what Flink gives a slot of managed memory is its budget. */
export function memoryOptions(config: Config): MemoryOptions {
  const fixed = "state.backend.rocksdb.memory.fixed-per-slot";
  const managed = "taskmanager.memory.managed.size";
  const key = config[fixed] === undefined ? managed : fixed;
  const slots = key === managed ? integer(config, "taskmanager.numberOfTaskSlots", 1, 1) : 1;
  const bytes = memoryBytes(config, key);
  const budgetBytes = bytes === undefined ? undefined : Math.floor(bytes / slots);
  if (budgetBytes !== undefined && budgetBytes < LEAST_BUDGET_BYTES)
    throw invalid(key, config[key]!, `at least ${LEAST_BUDGET_BYTES} bytes a slot`);
  const share = "millrace.state.operator-memory";
  const operatorBytes = memoryBytes(config, share);
  if (operatorBytes !== undefined && operatorBytes < LEAST_OPERATOR_BYTES)
    throw invalid(share, config[share]!, `at least ${LEAST_OPERATOR_BYTES} bytes`);
  const folders =
    config["state.backend.rocksdb.localdir"] ??
    config["state.backend.gemini.local.dir"] ??
    config["io.tmp.dirs"];
  // Of several, the first: one worker has one file.
  return { budgetBytes, operatorBytes, folder: folder(folders?.split(/[,:]/)[0]) };
}

export interface LocalBackupOptions {
  /** Of the job: segments of its checkpoints besides those in checkpoint storage. */
  readonly folder: string;
  readonly write: boolean;
  readonly read: boolean;
}

/** Undefined when checkpoints leave no copies and none are looked for. */
export function localBackupOptions(
  config: Config,
  jobId: string,
  temporaryFolder: string | undefined,
): LocalBackupOptions | undefined {
  const write = flag(config, "execution.checkpointing.local-backup.enabled", false);
  const read = flag(config, "execution.state-recovery.from-local", write);
  if (!write && !read) return undefined;
  const folders = config["execution.checkpointing.local-backup.dirs"] ?? config["io.tmp.dirs"];
  const parent = folder(folders?.split(/[,:]/)[0]) ?? temporaryFolder ?? "/tmp";
  return { folder: `${parent}/millrace-local-state/${jobId}`, write, read };
}

/** Flink's MemorySize: "512m", "2 gb", bytes without a unit. */
function memoryBytes(config: Config, key: string): number | undefined {
  const text = config[key];
  if (text === undefined) return undefined;
  const bytes = parseMemorySize(text);
  if (bytes === undefined) throw invalid(key, text, 'a size such as "512 mb" or "2 g"');
  return bytes;
}

/** Subtasks of each operator, unless the one who starts the job says it. */
export function parallelismOption(config: Config): number {
  const tables = "table.exec.resource.default-parallelism";
  const ofTables = integer(config, tables, -1, -1);
  return ofTables > 0 ? ofTables : integer(config, "parallelism.default", 1, 1);
}
