/**
 * Messages between a job master and its workers: plain data, sent to a thread or handed over in
 * place.
 *
 * Version: MESSAGES_VERSION is in every deploy; a worker refuses another one (MR5006).
 */
import type { ErrorObject } from "../../../foundation/base/errors.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { CollectedRows } from "../../contract/sink.ts";
import type { SourceSplit } from "../../contract/source.ts";
import type { GroupWatermark } from "../master/group-watermarks.ts";
import type { Barrier } from "../exchange/barrier.ts";
import type { SubtaskReport } from "../task/subtask.ts";
import type { RenderedRow } from "../task/row-render.ts";
import type { MetricValues } from "../task/task-metrics.ts";

export const MESSAGES_VERSION = 3;

/** What a restore gives the subtasks: taken from the checkpoint, the same for every worker. */
export interface RestoredTasks {
  readonly checkpointId: number;
  /** The state backend's handles of all subtasks. */
  readonly states: readonly unknown[];
  /** By uid: the state of every old sink subtask. */
  readonly sinkStates: Readonly<Record<string, readonly unknown[]>>;
  /** By uid: the smallest watermark of the old subtasks. */
  readonly watermarks: Readonly<Record<string, number>>;
  /** Uids of nodes that had ended in all their subtasks. */
  readonly endedNodes: readonly string[];
}

/** Rings of one edge: `rings[producer][consumer]`; undefined where the two do not talk. */
export interface EdgeRings {
  readonly edge: number;
  readonly rings: readonly (readonly (SharedArrayBuffer | undefined)[])[];
}

export interface DeployMessage {
  readonly kind: "deploy";
  readonly version: typeof MESSAGES_VERSION;
  readonly jobId: string;
  readonly attempt: number;
  readonly workerIndex: number;
  readonly plan: ExecPlan;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly config: Readonly<Record<string, string>>;
  readonly checkpointDirectory: string | undefined;
  readonly rings: readonly EdgeRings[];
  readonly restored: RestoredTasks | undefined;
}

type MasterOrder =
  | DeployMessage
  | {
      readonly kind: "splits";
      readonly node: number;
      readonly subtask: number;
      readonly splits: readonly SourceSplit[];
      readonly noMore: boolean;
    }
  | { readonly kind: "start" }
  | { readonly kind: "trigger"; readonly barrier: Barrier }
  | { readonly kind: "aborted"; readonly checkpointId: number }
  | { readonly kind: "completed"; readonly checkpointId: number }
  | { readonly kind: "report-metrics"; readonly request: number }
  | { readonly kind: "tap"; readonly node: number; readonly active: boolean }
  /** The least watermark of groups of aligned sources. */
  | { readonly kind: "align"; readonly groups: readonly GroupWatermark[] }
  | { readonly kind: "close" };

/**
 * `sequence` counts the messages to one worker, from 0 on. A worker that misses one fails before it heeds the next: behind lost
 * splits a barrier must not be answered, for the checkpoint would count them as assigned and nobody would read them.
 */
export type MasterMessage = MasterOrder & { readonly sequence?: number };

export interface NodeMetrics {
  readonly node: number;
  readonly subtask: number;
  readonly values: MetricValues;
}

export interface SubtaskMetrics {
  readonly task: number;
  readonly subtask: number;
  readonly values: MetricValues;
}

export interface WorkerMetrics {
  readonly subtasks: readonly SubtaskMetrics[];
  readonly nodes: readonly NodeMetrics[];
  readonly memoryBytes: number;
}

export type WorkerMessage =
  | { readonly kind: "deployed" }
  | { readonly kind: "failed"; readonly error: ErrorObject }
  | {
      readonly kind: "snapshot";
      readonly checkpointId: number;
      readonly report: SubtaskReport;
    }
  | {
      readonly kind: "declined";
      readonly checkpointId: number;
      readonly task: number;
      readonly subtask: number;
      readonly error: ErrorObject;
    }
  | { readonly kind: "finished"; readonly report: SubtaskReport }
  | {
      readonly kind: "metrics";
      readonly request: number;
      readonly metrics: WorkerMetrics;
      /** Messages that this worker posted before, without what its sinks print and collect. */
      readonly posted: number;
    }
  | {
      readonly kind: "rows";
      readonly node: number;
      readonly subtask: number;
      readonly rows: readonly RenderedRow[];
      readonly skipped: number;
    }
  | { readonly kind: "watermarks"; readonly groups: readonly GroupWatermark[] }
  | { readonly kind: "print"; readonly text: string }
  | { readonly kind: "collected"; readonly rows: CollectedRows }
  | { readonly kind: "closed"; readonly failures: readonly ErrorObject[] };
