/** What a job master is given. */
import type { Env } from "../../../foundation/host/env.ts";
import type { Logger } from "../../../foundation/host/log.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { ConnectorRegistry } from "../../contract/registry.ts";
import type { JobGraph } from "../graph/job-graph.ts";
import type { Config } from "../options.ts";
import type { WorkerMessage } from "../worker/messages.ts";
import type { WorkerTransport } from "../worker/transport.ts";
import type { CompletedCheckpoint } from "./checkpoint-coordinator.ts";
import type { CheckpointView } from "./checkpoint-history.ts";
import type { CheckpointStorage } from "./checkpoint-storage.ts";
import type { JobStatus } from "./job-status.ts";
import type { JobView } from "./job-view.ts";
import type { JobMetrics } from "./metrics-collector.ts";

export interface JobMasterOptions {
  readonly jobId: string;
  readonly plan: ExecPlan;
  readonly graph: JobGraph;
  readonly config: Config;
  readonly env: Env;
  readonly registry: ConnectorRegistry;
  readonly transport: WorkerTransport;
  /** Absent: the job takes no checkpoints, and savepoints are refused. */
  readonly storage?: CheckpointStorage;
  /** Where the state backend's files of checkpoints go. */
  readonly checkpointDirectory?: string;
  /** Checkpoint or savepoint to start from. */
  readonly restoreFrom?: string;
  readonly log?: Logger;
  /** Called about every millrace.metrics.interval (default 1 s) while the job runs. */
  readonly onMetrics?: (metrics: JobMetrics) => void;
  /** Number of the first attempt; default 1. */
  readonly firstAttempt?: number;
  /** Awaited before the savepoint of a stop is committed, so that a crash after it goes on behind it. */
  readonly beforeStopCommit?: (savepoint: CompletedCheckpoint) => Promise<void>;
  /**
   * Completed checkpoints that an earlier process of the same job has left, besides restoreFrom;
   * oldest first.
   */
  readonly olderCheckpoints?: readonly string[];
  /** Called when the job has ended well, before its checkpoints go: whoever restarts jobs records the outcome here. */
  readonly beforeDiscard?: (outcome: "FINISHED" | "CANCELED") => Promise<void>;
  readonly onCheckpoint?: (view: CheckpointView) => void;
  readonly onStatus?: (status: JobStatus, view: JobView) => void;
  readonly onMessage?: (worker: number, message: WorkerMessage) => void;
}
