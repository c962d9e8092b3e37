/** JobStatus and its legal transitions. Source: Flink JobStatus. */
import { assert } from "../../../foundation/base/errors.ts";

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

const NEXT: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  INITIALIZING: ["CREATED", "FAILED", "CANCELLING"],
  CREATED: ["RUNNING", "RESTARTING", "FAILING", "CANCELLING"],
  RUNNING: ["FINISHED", "RESTARTING", "FAILING", "CANCELLING"],
  FAILING: ["FAILED", "CANCELLING"],
  RESTARTING: ["CREATED", "FAILING", "CANCELLING"],
  CANCELLING: ["CANCELED", "FAILED"],
  FAILED: [],
  CANCELED: [],
  FINISHED: [],
  SUSPENDED: [],
  RECONCILING: ["RUNNING", "FAILED", "CANCELED", "FINISHED", "SUSPENDED"],
};

export function isTerminal(status: JobStatus): boolean {
  return status === "FINISHED" || status === "FAILED" || status === "CANCELED";
}

export function checkTransition(from: JobStatus, to: JobStatus): void {
  assert(NEXT[from].includes(to), `job status ${from} cannot become ${to}`);
}
