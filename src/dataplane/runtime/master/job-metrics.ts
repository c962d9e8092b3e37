/** Metrics of a job as a whole, under Flink's names. */
import type { MetricValues } from "../task/task-metrics.ts";
import type { CheckpointHistory } from "./checkpoint-history.ts";
import type { JobView } from "./job-view.ts";

export function jobMetrics(
  { restarts, startedMs, endedMs }: JobView,
  history: CheckpointHistory | undefined,
  nowMs: number,
): MetricValues {
  const counts = history?.counts;
  const last = history?.lastCompleted;
  return {
    numRestarts: restarts,
    uptime: (endedMs ?? nowMs) - startedMs,
    totalNumberOfCheckpoints: counts?.total ?? 0,
    numberOfInProgressCheckpoints: counts?.inProgress ?? 0,
    numberOfCompletedCheckpoints: counts?.completed ?? 0,
    numberOfFailedCheckpoints: counts?.failed ?? 0,
    lastCompletedCheckpointId: last?.id ?? 0,
    lastCheckpointSize: last?.sizeBytes ?? -1,
    lastCheckpointDuration: last?.durationMs ?? -1,
    lastCheckpointCompletedTimestamp: last?.endedMs ?? -1,
  };
}
