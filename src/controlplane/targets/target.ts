/**
 * Target: where jobs run. `embedded` is this engine, one process a job; `flink` is a real cluster.
 *
 * Flow:    controller → here → job. The controller keeps what it wants (desired); a target says what it sees (observed).
 * Rules:   a job outlives the control plane; adopt() finds it again by its id. Nothing here blocks on a job.
 */
import type { ErrorObject } from "../../foundation/base/errors.ts";
import type { LogicalType } from "../../foundation/columnar/logical-type.ts";
import type { RowKind } from "../../foundation/columnar/row-kind.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { ChangelogMode, ExecPlan } from "../../foundation/plan/exec-node.ts";

export type JobStatus =
  | "INITIALIZING"
  | "CREATED"
  | "RUNNING"
  | "FAILING"
  | "FAILED"
  | "CANCELLING"
  | "CANCELED"
  | "FINISHED"
  | "RESTARTING"
  | "SUSPENDED"
  | "RECONCILING";

/** Statuses that a job never leaves. */
export const TERMINAL: ReadonlySet<JobStatus> = new Set(["FAILED", "CANCELED", "FINISHED"]);

export interface JobRequest {
  readonly jobId: string;
  readonly name: string;
  readonly plan: ExecPlan;
  readonly parallelism: number;
  /** Checkpoint or savepoint folder to start from. */
  readonly restoreFrom?: string;
  /** The start may lose state of that snapshot; else it is refused. */
  readonly allowLoss?: boolean;
  /** Operators whose state is dropped: uids, types, or all. */
  readonly reset?: readonly string[];
  /** The job that took this savepoint as it ended: what its sinks held for watching is held on. */
  readonly continues?: string;
}

export interface OperatorSample {
  readonly node: number;
  readonly numRecordsIn: number;
  readonly numRecordsOut: number;
  readonly numRecordsInPerSecond: number;
  readonly numRecordsOutPerSecond: number;
  readonly currentWatermark: number | null;
  /** 0..1 of the last second. */
  readonly busyRatio: number;
  readonly stateBytes: number;
}

export interface JobSample {
  readonly at: number;
  readonly status: JobStatus;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly rowsInPerSecond: number;
  readonly rowsOutPerSecond: number;
  readonly watermark: number | null;
  readonly lastCheckpoint: {
    readonly id: number;
    readonly at: number;
    readonly durationMs: number;
    readonly bytes: number;
  } | null;
  readonly operators: readonly OperatorSample[];
}

export interface CheckpointSample {
  readonly id: number;
  readonly kind: "checkpoint" | "savepoint";
  readonly status: "IN_PROGRESS" | "COMPLETED" | "FAILED";
  readonly triggeredAt: number;
  readonly durationMs: number | null;
  readonly bytes: number | null;
  readonly path: string | null;
  /** Replaced by newer ones: its files are gone. */
  readonly discarded: boolean;
  readonly failure: ErrorObject | null;
  /** By operators that run fused. */
  readonly operators: readonly OperatorCheckpoint[];
}

export interface OperatorCheckpoint {
  readonly name: string;
  readonly uids: readonly string[];
  readonly parallelism: number;
  /** Those that have answered. */
  readonly subtasks: readonly {
    readonly subtask: number;
    /** From the trigger to its answer. */
    readonly durationMs: number;
    readonly alignmentMs: number;
    readonly syncMs: number;
    readonly asyncMs: number;
    readonly bytes: number;
  }[];
}

/** Another parallelism of a job, or of operators (uid or type) within it: all that have one of their own. */
export interface Rescale {
  readonly parallelism?: number;
  readonly operators?: Readonly<Record<string, number>>;
}

export interface SavepointSample {
  /** Of its folder: what names it among the target's. */
  readonly name: string;
  readonly path: string;
  readonly jobId: string;
  readonly checkpointId: number;
  readonly triggeredAt: number;
  readonly bytes: number;
}

/** Whether an operator may go on from a snapshot. */
export interface StateVerdict {
  readonly uid: string;
  readonly type: string;
  readonly description: string;
  readonly verdict: "compatible" | "compatible with loss" | "needs rebuild" | "removed" | "new";
  readonly reasons: readonly string[];
  readonly entries: number;
}

/** Keyed state as rows; values are JSON-safe. */
export interface StateRows {
  readonly columns: readonly {
    readonly name: string;
    /** As SQL writes it. */
    readonly type: string;
    readonly logicalType: LogicalType;
  }[];
  readonly rows: readonly (readonly unknown[])[];
}

export interface ResultRow {
  readonly kind: RowKind;
  /** JSON-safe values: BIGINT and DECIMAL as text, timestamps as SQL text. */
  readonly values: readonly unknown[];
}

export type ResultEvent =
  | {
      readonly kind: "schema";
      readonly schema: Schema;
      readonly changelogMode: ChangelogMode;
      readonly upsertKey: readonly number[];
    }
  | {
      readonly kind: "rows";
      /** True for the present contents, which come first. */
      readonly snapshot: boolean;
      readonly rows: readonly ResultRow[];
      /** Rows that are not among them: beyond what is kept, or the reader was too slow. */
      readonly missed: number;
    };

export interface JobView {
  readonly status: JobStatus;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly restarts: number;
  readonly failure: ErrorObject | null;
}

/** A job that this target runs or ran, as seen from the control plane. */
export interface TargetJob {
  readonly jobId: string;
  /** The last observation. */
  view(): JobView;
  /** Called at every change of status; returns the way to stop listening. */
  onChange(listener: (view: JobView) => void): () => void;
  /** The last samples, one a second, oldest first (10 minutes at most). */
  samples(): readonly JobSample[];
  onSample(listener: (sample: JobSample) => void): () => void;
  checkpoints(): readonly CheckpointSample[];
  /** Follows the rows that reach a `collect` sink: present contents first, then changes, until aborted or the job ends. */
  results(sink: string, signal: AbortSignal): AsyncIterable<ResultEvent>;
  cancel(): Promise<void>;
  /** Takes a savepoint and runs on. */
  savepoint(): Promise<SavepointSample>;
  /** What an operator holds now; as readState() of a target. */
  state(operator: string): AsyncGenerator<StateRows>;
  /** Stops at a savepoint and returns its folder; `drain` fires all windows before, as at the end of input. */
  stopWithSavepoint(options?: { readonly drain?: boolean }): Promise<string>;
  /** Goes on with another parallelism from a checkpoint of now, in the process that runs. */
  rescale(asked: Rescale): Promise<void>;
  /** Where another start goes on: the newest completed checkpoint; undefined = from the beginning. */
  lastCheckpoint(): Promise<string | undefined>;
}

export interface Target {
  readonly name: string;
  start(request: JobRequest): Promise<TargetJob>;
  /** Finds a job that was started earlier, running or ended; undefined when nothing is known of it. */
  adopt(jobId: string): Promise<TargetJob | undefined>;
  /** Starts a job again whose process died, from its newest checkpoint; one that runs is left alone. */
  revive(jobId: string): Promise<TargetJob>;
  /** Ends a job if it runs, and removes all it has left behind, savepoints excepted. */
  remove(jobId: string): Promise<void>;
  /** All savepoints that jobs of this target have left. */
  savepoints(): Promise<readonly SavepointSample[]>;
  /** Removes one of them, by its path. */
  removeSavepoint(path: string): Promise<void>;
  checkState(path: string, plan: ExecPlan): Promise<readonly StateVerdict[]>;
  /** `operator`: a uid or type, with `.map` behind it where there are several. In pieces; the first one comes always. */
  readState(path: string, operator: string): AsyncGenerator<StateRows>;
  /** Removes what an earlier control plane left behind: all jobs but the known ones (previews whose reader is gone). */
  prune(known: ReadonlySet<string>): Promise<void>;
  /** Lets go of all jobs without touching them. */
  close(): Promise<void>;
}
