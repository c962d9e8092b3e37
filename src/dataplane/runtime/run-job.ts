/**
 * runJob: runs a plan to its end, in this thread or in worker threads of this process. The entry
 * for the command line, the tests and the job process.
 *
 * Example: const result = await runJob(plan, { registry, operators, env, kernelsModule });
 *          if (result.status === "FAILED") throw result.failure;
 */
import { baseErrors } from "../../foundation/base/errors.ts";
import type { Env } from "../../foundation/host/env.ts";
import type { Logger } from "../../foundation/host/log.ts";
import type { ExecPlan } from "../../foundation/plan/exec-node.ts";
import type { ConnectorRegistry } from "../contract/registry.ts";
import { jobGraph } from "./graph/job-graph-of.ts";
import type { CompletedCheckpoint } from "./master/checkpoint-coordinator.ts";
import type { CheckpointView } from "./master/checkpoint-history.ts";
import type { CheckpointStorage } from "./master/checkpoint-storage.ts";
import { JobMaster } from "./master/job-master.ts";
import type { JobResult, JobView } from "./master/job-view.ts";
import type { JobMetrics } from "./master/metrics-collector.ts";
import type { JobStatus } from "./master/job-status.ts";
import {
  checkpointOptions,
  type Config,
  maxParallelismOption,
  operatorParallelism,
  parallelismOption,
} from "./options.ts";
import type { SinkPorts } from "../contract/sink.ts";
import { CheckpointStore } from "../state/checkpoint-store.ts";
import { createSubtaskState } from "../state/subtask-state.ts";
import type { CreateSubtaskState, OperatorFactories } from "./task/task-environment.ts";
import { inlineTransport } from "./worker/inline-transport.ts";
import type { WorkerMessage } from "./worker/messages.ts";
import type { WorkerTransport } from "./worker/transport.ts";

export interface RunJobOptions {
  readonly registry: ConnectorRegistry;
  readonly operators: OperatorFactories;
  readonly env: Env;
  readonly kernelsModule: WebAssembly.Module;
  /** Default: the plan's `parallelism.default`, else 1. */
  readonly parallelism?: number;
  /** 32 hex digits; drawn when absent. */
  readonly jobId?: string;
  /** Options over those of the plan (Flink's keys). */
  readonly config?: Config;
  /** Default: workers in this thread. */
  readonly transport?: WorkerTransport;
  /** Where rows that sinks print or collect go; a transport that is given has its own. */
  readonly ports?: SinkPorts;
  /** Default: the state backend. */
  readonly createState?: CreateSubtaskState;
  /** Default: files in the checkpoint folder. */
  readonly storage?: CheckpointStorage;
  /** Checkpoint or savepoint to start from. */
  readonly restoreFrom?: string;
  /** Called about every millrace.metrics.interval (default 1 s) while the job runs. */
  readonly onMetrics?: (metrics: JobMetrics) => void;
  /** Number of the first attempt (default 1): a job that was run before must go on counting. */
  readonly firstAttempt?: number;
  /** Awaited before the savepoint of a stop is committed. */
  readonly beforeStopCommit?: (savepoint: CompletedCheckpoint) => Promise<void>;
  /**
   * Completed checkpoints that an earlier process of the same job has left, besides restoreFrom;
   * oldest first.
   */
  readonly olderCheckpoints?: readonly string[];
  /** Called when the job has ended well, before its checkpoints go. */
  readonly beforeDiscard?: (outcome: "FINISHED" | "CANCELED") => Promise<void>;
  readonly onCheckpoint?: (view: CheckpointView) => void;
  readonly log?: Logger;
  /** Rows of taps, and other messages of workers that are not the master's own. */
  readonly onMessage?: (worker: number, message: WorkerMessage) => void;
  readonly onStatus?: (status: JobStatus, view: JobView) => void;
  /** Cancels the job. */
  readonly signal?: AbortSignal;
}

/** Starts a job and returns its master, for callers that want more than its end. */
export function startJob(plan: ExecPlan, options: RunJobOptions): JobMaster {
  const { registry, operators, env, kernelsModule, signal } = options;
  const config = { ...plan.config, ...options.config };
  const jobId = options.jobId ?? env.random.hex(16);
  const maxParallelism = maxParallelismOption(config);
  const graph = jobGraph(plan, {
    parallelism: options.parallelism ?? parallelismOption(config),
    ...(maxParallelism === undefined ? {} : { maxParallelism }),
    operators: operatorParallelism(config),
  });
  const checkpointDirectory = jobCheckpointDirectory(config, jobId);
  const createState = options.createState ?? createSubtaskState;
  const master = new JobMaster({
    jobId,
    plan,
    graph,
    config,
    env,
    registry,
    transport:
      options.transport ??
      inlineTransport({
        env,
        kernelsModule,
        registry,
        operators,
        createState,
        ...pick(options, "ports"),
      }),
    storage: options.storage ?? new CheckpointStore(env.files, checkpointDirectory ?? ""),
    ...(checkpointDirectory === undefined ? {} : { checkpointDirectory }),
    ...pick(options, "restoreFrom", "log"),
    ...pick(options, "onCheckpoint", "onStatus", "onMetrics", "onMessage"),
    ...pick(options, "beforeStopCommit", "beforeDiscard", "firstAttempt", "olderCheckpoints"),
  });
  master.start();
  if (signal !== undefined) {
    const cancel = () => void master.cancel();
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
    void master.ended.then(() => signal.removeEventListener("abort", cancel));
  }
  return master;
}

/** `<execution.checkpointing.dir>/<jobId>`, as Flink lays it out. */
function jobCheckpointDirectory(config: Config, jobId: string): string | undefined {
  const { directory, intervalMs } = checkpointOptions(config);
  if (directory === undefined && intervalMs > 0)
    throw baseErrors.OPTION_MISSING({ key: "execution.checkpointing.dir", owner: "checkpoints" });
  return directory === undefined ? undefined : `${directory}/${jobId}`;
}

/**
 * Runs a job to its end. A job that fails is a result, not an exception; a plan that cannot run
 * throws.
 */
export function runJob(plan: ExecPlan, options: RunJobOptions): Promise<JobResult> {
  return startJob(plan, options).ended;
}

/** The given properties, those that are undefined left out. */
function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): Pick<T, K> {
  const picked = keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]);
  return Object.fromEntries(picked) as Pick<T, K>;
}
