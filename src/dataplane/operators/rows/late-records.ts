/**
 * LateRecords: what an operator of event time tells of the rows that came too late for it, and of how far behind the clock
 * its watermark is.
 *
 * Metrics: numLateRecordsDropped, from 0 on (and lateRecordsDroppedRate, which the task makes of it), watermarkLatency in
 *          milliseconds: 0 before the first watermark, and behind the last.
 * Source:  Flink WindowAggOperator, WindowOperator, CepOperator.
 */
import type { Counter } from "../../contract/metrics.ts";
import { MAX_WATERMARK, type OperatorContext } from "../../contract/operator.ts";

export class LateRecords {
  readonly #dropped: Counter;

  constructor(context: OperatorContext) {
    const { metrics, clock } = context;
    this.#dropped = metrics.counter("numLateRecordsDropped");
    metrics.gauge("watermarkLatency", () => {
      const watermark = context.currentWatermark();
      return watermark < 0 || watermark === MAX_WATERMARK ? 0 : clock.nowMs() - watermark;
    });
  }

  drop(rows: number): void {
    this.#dropped.value += rows;
  }
}
