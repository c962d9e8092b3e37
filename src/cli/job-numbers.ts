/** A few numbers of a job's metrics, for progress lines and summaries. */
import { MAX_WATERMARK, MIN_WATERMARK } from "../dataplane/contract/operator.ts";
import type { JobMetrics } from "../dataplane/runtime/master/metrics-collector.ts";
import type { ExecPlan } from "../foundation/plan/exec-node.ts";

export interface JobNumbers {
  /** Rows that came out of the sources. */
  readonly rowsIn: number;
  /** Rows that went into the sinks. */
  readonly rowsOut: number;
  /** Records that the sources left out because they did not decode. */
  readonly badRecords: number;
  /** Epoch ms; null before the first and after the end. */
  readonly watermark: number | null;
}

export function jobNumbers(plan: ExecPlan, metrics: JobMetrics): JobNumbers {
  const types = new Map(plan.nodes.map(({ id, type }) => [id, type]));
  let rowsIn = 0;
  let rowsOut = 0;
  let badRecords = 0;
  let watermark = Number.POSITIVE_INFINITY;
  for (const { node, values } of metrics.operators) {
    const type = types.get(node);
    if (type === "TableSourceScan" || type === "Values") rowsIn += values.numRecordsOut ?? 0;
    badRecords += values.numRecordsInErrors ?? 0;
    if (type === "Sink") {
      rowsOut += values.numRecordsIn ?? values.numRecordsSend ?? 0;
      watermark = Math.min(watermark, values.currentInputWatermark ?? MIN_WATERMARK);
    }
  }
  const known = watermark > MIN_WATERMARK && watermark < MAX_WATERMARK;
  return { rowsIn, rowsOut, badRecords, watermark: known ? watermark : null };
}

/** Undefined when every record could be read. */
export function badRecordsText(badRecords: number): string | undefined {
  if (badRecords === 0) return undefined;
  const what = badRecords === 1 ? "1 record" : `${badRecords} records`;
  return `${what} did not decode and ${badRecords === 1 ? "was" : "were"} left out (numRecordsInErrors)`;
}
