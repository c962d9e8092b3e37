/**
 * JobSample: a job's figures of one second, small enough to keep ten minutes of them. Deciding
 * only.
 */
import { MIN_WATERMARK } from "../../contract/operator.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { CheckpointView } from "../master/checkpoint-history.ts";
import type { JobStatus } from "../master/job-status.ts";
import type { JobMetrics } from "../master/metrics-collector.ts";
import type { MetricValues } from "../task/task-metrics.ts";

/** One a second: ten minutes. */
export const SAMPLES_KEPT = 600;

export interface OperatorSample {
  readonly node: number;
  readonly numRecordsIn: number;
  readonly numRecordsOut: number;
  readonly numRecordsInPerSecond: number;
  readonly numRecordsOutPerSecond: number;
  readonly currentWatermark: number | null;
  /** 0..1 of the last second, of the task that it runs in. */
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

export function sampleOf(
  plan: ExecPlan,
  status: JobStatus,
  metrics: JobMetrics,
  checkpoint: CheckpointView | undefined,
): JobSample {
  const sources = new Set<number>();
  const sinks = new Set<number>();
  for (const node of plan.nodes) {
    if (node.type === "TableSourceScan") sources.add(node.id);
    if (node.type === "Sink") sinks.add(node.id);
  }
  const sum = (nodes: ReadonlySet<number>, name: string) =>
    metrics.operators.reduce(
      (total, { node, values }) => total + (nodes.has(node) ? (values[name] ?? 0) : 0),
      0,
    );
  const operators = metrics.operators.map(({ node, task, values }) => {
    const busy = metrics.vertices[task]?.values.busyTimeMsPerSecond ?? 0;
    return operatorSample(node, values, busy / 1000, sinks.has(node));
  });
  const watermarks = operators.filter(({ node }) => sinks.has(node) || !sources.has(node));
  return {
    at: metrics.atMs,
    status,
    rowsIn: sum(sources, "numRecordsOut"),
    rowsOut: sum(sinks, "numRecordsSend"),
    rowsInPerSecond: sum(sources, "numRecordsOutPerSecond"),
    rowsOutPerSecond: sum(sinks, "numRecordsSendPerSecond"),
    watermark: smallest(watermarks.map(({ currentWatermark }) => currentWatermark)),
    lastCheckpoint:
      checkpoint === undefined
        ? null
        : {
            id: checkpoint.id,
            at: checkpoint.endedMs ?? checkpoint.triggeredMs,
            durationMs: checkpoint.durationMs ?? 0,
            bytes: checkpoint.sizeBytes,
          },
    operators,
  };
}

function operatorSample(
  node: number,
  values: MetricValues,
  busyRatio: number,
  isSink: boolean,
): OperatorSample {
  const watermark = values.currentOutputWatermark ?? values.currentInputWatermark;
  const sent = isSink ? "numRecordsSend" : "numRecordsIn";
  return {
    node,
    numRecordsIn: values[sent] ?? 0,
    numRecordsOut: values.numRecordsOut ?? 0,
    numRecordsInPerSecond: values[`${sent}PerSecond`] ?? 0,
    numRecordsOutPerSecond: values.numRecordsOutPerSecond ?? 0,
    currentWatermark: watermark === undefined || watermark <= MIN_WATERMARK ? null : watermark,
    busyRatio,
    stateBytes: values["millrace.stateSizeBytes"] ?? 0,
  };
}

function smallest(watermarks: readonly (number | null)[]): number | null {
  const known = watermarks.filter((watermark) => watermark !== null);
  return known.length === 0 ? null : Math.min(...known);
}
