/**
 * The control protocol between a job process and whoever controls it: one JSON object a line over a
 * Unix socket.
 *
 * Flow:    control plane → request → job process → answer; events to connections that follow.
 * Version: CONTROL_VERSION in the greeting; both sides refuse another one (MR5006).
 */
import type { ErrorObject } from "../../../foundation/base/errors.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ChangelogMode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorParallelism } from "../graph/job-graph.ts";
import type { CheckpointView } from "../master/checkpoint-history.ts";
import type { JobStatus } from "../master/job-status.ts";
import type { JobMetrics } from "../master/metrics-collector.ts";
import type { RenderedRow } from "../task/row-render.ts";
import type { JobSample } from "./job-sample.ts";

export const CONTROL_VERSION = 1;

/** JobView with its failure as plain data. */
export interface JobReport {
  readonly status: JobStatus;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly restarts: number;
  readonly failure: ErrorObject | null;
  readonly timestamps: Readonly<Partial<Record<JobStatus, number>>>;
  /** Path of the newest completed checkpoint. */
  readonly lastCheckpoint: string | null;
}

export interface JobFailure {
  readonly atMs: number;
  readonly error: ErrorObject;
}

/** First line from the process. */
export interface Greeting {
  readonly greeting: typeof CONTROL_VERSION;
  readonly jobId: string;
  readonly pid: number;
  readonly nonce: string;
}

export type Topic = "status" | "samples" | "checkpoints";

/** Requests by kind: parameters and result. */
export interface ControlRequests {
  readonly status: { readonly params: object; readonly result: JobReport };
  readonly metrics: { readonly params: object; readonly result: JobMetrics };
  readonly samples: { readonly params: object; readonly result: readonly JobSample[] };
  readonly checkpoints: { readonly params: object; readonly result: readonly CheckpointView[] };
  /** Failures of attempts, oldest first. */
  readonly exceptions: { readonly params: object; readonly result: readonly JobFailure[] };
  readonly checkpoint: { readonly params: object; readonly result: SnapshotPlace };
  /** A checkpoint of now that stays until it is released or the connection ends. */
  readonly holdCheckpoint: { readonly params: object; readonly result: SnapshotPlace };
  readonly releaseCheckpoint: {
    readonly params: { readonly checkpointId: number };
    readonly result: null;
  };
  readonly savepoint: {
    readonly params: { readonly directory?: string };
    readonly result: SnapshotPlace;
  };
  readonly stop: {
    readonly params: { readonly directory?: string; readonly drain?: boolean };
    readonly result: SnapshotPlace;
  };
  readonly cancel: { readonly params: object; readonly result: null };
  /** Another parallelism, in the process that runs; answers when the job runs again. */
  readonly rescale: { readonly params: Rescale; readonly result: null };
  readonly follow: {
    readonly params: { readonly topics: readonly Topic[] };
    readonly result: null;
  };
  /** Contents of a sink now, then `rows` events with what changes. */
  readonly results: { readonly params: { readonly sink: string }; readonly result: ResultContents };
  readonly unfollowResults: { readonly params: { readonly sink: string }; readonly result: null };
}

export type ControlKind = keyof ControlRequests;

export interface Rescale {
  readonly parallelism?: number;
  /** All operators that have a parallelism of their own from now on: uid or type; absent = as before. */
  readonly operators?: OperatorParallelism;
}

export interface SnapshotPlace {
  readonly checkpointId: number;
  readonly path: string;
}

export interface ResultContents {
  readonly sink: string;
  readonly schema: Schema;
  readonly changelogMode: ChangelogMode;
  readonly upsertKey: readonly number[];
  readonly rows: readonly RenderedRow[];
  /** Rows that came before anyone watched, or beyond the limit, and are not in `rows`. */
  readonly missed: number;
}

export type AnswerLine =
  | { readonly answer: number; readonly result: unknown }
  | { readonly answer: number; readonly error: ErrorObject };

export type ControlEvent =
  | { readonly event: "status"; readonly report: JobReport }
  | { readonly event: "sample"; readonly sample: JobSample }
  | { readonly event: "checkpoint"; readonly view: CheckpointView }
  | {
      readonly event: "rows";
      readonly sink: string;
      readonly rows: readonly RenderedRow[];
      /** Changes left out because the reader was too slow. */
      readonly missed: number;
      /** The job started again from nothing: what was shown before is void. */
      readonly reset: boolean;
    };
