/**
 * MiniBatchAssigner: says behind a source when a mini-batch ends, by a watermark.
 *
 * ProcTime: a watermark with the begin of the interval of processing time, at its first row or when it has passed; those
 *           from upstream end here, except the last one.
 * RowTime:  of the watermarks from upstream the first one in each interval of event time.
 * State:    none: a mini-batch never lasts beyond a barrier.
 * Source:   Flink ProcTimeMiniBatchAssignerOperator, RowTimeMiniBatchAssginerOperator.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { MiniBatchAssignerNode } from "../../../foundation/plan/exec-node.ts";
import { MAX_WATERMARK, MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";

export class MiniBatchAssignerOperator extends BaseOperator {
  readonly #node: MiniBatchAssignerNode;
  /** ProcTime: the last interval that has begun. */
  #interval = 0;
  /** RowTime: the last one seen, the last one passed on, the next one that is due. */
  #watermark = MIN_WATERMARK;
  #passed = MIN_WATERMARK;
  #due: number;

  constructor(node: MiniBatchAssignerNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#due = node.intervalMs - 1;
  }

  override open(): void {
    if (this.#node.mode === "ProcTime") this.#askAgain();
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#node.mode === "ProcTime") this.#begin();
    this.context.output.emit(batch);
  }

  override processWatermark(watermark: number): void {
    if (watermark === MAX_WATERMARK) this.context.output.emitWatermark(watermark);
    else if (this.#node.mode === "RowTime") this.#advance(watermark);
  }

  override onProcessingTime(): void {
    if (this.#node.mode !== "ProcTime") return;
    this.#begin();
    this.#askAgain();
  }

  override endInput(): void {
    if (this.#watermark > this.#passed) this.context.output.emitWatermark(this.#watermark);
    this.#passed = this.#watermark;
  }

  #begin(): void {
    const now = this.context.clock.nowMs();
    const interval = now - (now % this.#node.intervalMs);
    if (interval <= this.#interval) return;
    this.#interval = interval;
    this.context.output.emitWatermark(interval);
  }

  #askAgain(): void {
    this.context.registerProcessingTimer(this.context.clock.nowMs() + this.#node.intervalMs);
  }

  #advance(watermark: number): void {
    this.#watermark = Math.max(this.#watermark, watermark);
    if (this.#watermark < this.#due) return;
    this.#passed = this.#watermark;
    this.context.output.emitWatermark(this.#watermark);
    const { intervalMs } = this.#node;
    const end = Math.floor(this.#watermark / intervalMs) * intervalMs + intervalMs - 1;
    this.#due = end > this.#watermark ? end : end + intervalMs;
  }
}
