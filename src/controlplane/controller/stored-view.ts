/** What the store remembers of a job that nothing is connected to. */
import type { ErrorObject } from "../../foundation/base/errors.ts";
import type { JobTable } from "../store/store.ts";
import type { JobView } from "../targets/target.ts";

export function storedView(
  job: JobTable,
  observedAt: number,
): JobView & { jobId: string; observedAt: number } {
  return {
    jobId: job.id,
    observedAt,
    status: job.status as JobView["status"],
    startedAt: job.started_at,
    endedAt: job.ended_at,
    restarts: job.restarts,
    failure: job.failure === null ? null : (JSON.parse(job.failure) as ErrorObject),
  };
}
