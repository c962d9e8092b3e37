/** Simulated time of a job: until it has ended, or until all that its input causes has come. */
import { toMillraceError } from "../../src/foundation/base/errors.ts";
import type { SimulatedWorld } from "../../src/foundation/host/simulated-env.ts";
import type { JobMaster } from "../../src/dataplane/runtime/master/job-master.ts";
import type { JobResult } from "../../src/dataplane/runtime/master/job-view.ts";

/** Throws what the job failed for. */
export async function ended(job: JobMaster): Promise<JobResult> {
  const result = await job.ended;
  if (result.failure !== null) throw toMillraceError(result.failure);
  return result;
}

/** Lets time pass until all is read and nothing more comes for `quietMs`, or there is enough; throws what the job failed for. */
export async function settled(
  world: SimulatedWorld,
  job: JobMaster,
  options: {
    readonly isRead: () => boolean;
    readonly quietMs: number;
    /** How many rows have come; absent = they are not looked at. */
    readonly rows?: () => number;
    /** So many need no waiting. */
    readonly enough?: number;
    /** Of simulated time, in all. */
    readonly limitMs?: number;
  },
): Promise<void> {
  const { isRead, quietMs, rows, enough = 0, limitMs = Number.POSITIVE_INFINITY } = options;
  const startedMs = world.elapsedMs;
  let changedMs = startedMs;
  let last = -1;
  await world.runUntil(() => {
    const { failure, status, endedMs } = job.view;
    if (failure !== null || endedMs !== null) return true;
    const now = rows?.() ?? 0;
    const isStill = isRead() && status === "RUNNING";
    if (now !== last || !isStill) changedMs = world.elapsedMs;
    last = now;
    if (isStill && enough > 0 && now >= enough) return true;
    return world.elapsedMs - changedMs > quietMs || world.elapsedMs - startedMs > limitMs;
  });
  const { failure } = job.view;
  if (failure !== null) throw toMillraceError(failure);
}
