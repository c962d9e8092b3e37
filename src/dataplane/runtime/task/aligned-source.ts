/**
 * AlignedSource: a source whose watermark must not run further ahead of its group than the drift allows: it is not read while it
 * has.
 *
 * Flow:    its watermark → worker → execution (least of the group) → allow(); the subtask asks holds() before it reads.
 * Rules:   a source that is idle or has ended does not hold the others back. What the last batch brought may be further ahead.
 * Source:  Flink SourceOperator, SourceCoordinator (scan.watermark.alignment.*).
 */
import type { WatermarkAlignment } from "../../../foundation/plan/exec-node.ts";
import { MAX_WATERMARK } from "../../contract/operator.ts";

/** What it looks at: the runner of the watermark assigner, and who knows whether it is idle. */
export interface AlignedRunner {
  readonly outputWatermark: number;
  readonly ended: boolean;
}

export class AlignedSource {
  readonly alignment: WatermarkAlignment;
  readonly #runner: AlignedRunner;
  readonly #isIdle: () => boolean;
  #until = Number.POSITIVE_INFINITY;

  constructor(alignment: WatermarkAlignment, runner: AlignedRunner, isIdle: () => boolean) {
    this.alignment = alignment;
    this.#runner = runner;
    this.#isIdle = isIdle;
  }

  /** What the group waits for. */
  get watermark(): number {
    if (this.#runner.ended) return MAX_WATERMARK;
    return this.#isIdle() && !this.holds() ? MAX_WATERMARK : this.#runner.outputWatermark;
  }

  /** The least watermark of the group. */
  allow(least: number): void {
    this.#until =
      least === MAX_WATERMARK ? Number.POSITIVE_INFINITY : least + this.alignment.maxDriftMs;
  }

  readonly holds = (): boolean => this.#runner.outputWatermark > this.#until;
}
