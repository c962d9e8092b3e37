/** JobView and JobResult: a job as its master shows it, while it runs and when it has ended. */
import type { MillraceError } from "../../../foundation/base/errors.ts";
import type { JobStatus } from "./job-status.ts";
import type { JobMetrics } from "./metrics-collector.ts";

export interface JobView {
  readonly status: JobStatus;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly restarts: number;
  /** The last failure, of a running job too. */
  readonly failure: MillraceError | null;
  /** When each status was last entered, epoch ms. */
  readonly timestamps: Readonly<Partial<Record<JobStatus, number>>>;
}

export interface JobResult extends JobView {
  readonly status: "FINISHED" | "FAILED" | "CANCELED";
  /** As of the end of the last attempt. */
  readonly metrics: JobMetrics;
}
