/**
 * BundlingOperator: what holds rows back for a mini-batch lets them go at a watermark, a barrier and the end of input too, so that
 * what is held is no state.
 *
 * Source:  Flink MapBundleOperator.
 */
import { BaseOperator } from "../base-operator.ts";

export abstract class BundlingOperator extends BaseOperator {
  /** What is held goes on; nothing happens when nothing is. */
  protected abstract emitBundle(): void;

  override processWatermark(watermark: number): void {
    this.endBundle();
    super.processWatermark(watermark);
  }

  override prepareSnapshot(): void {
    this.endBundle();
  }

  override endInput(_input: number): void {
    this.endBundle();
  }

  protected endBundle(): void {
    const { kernels } = this.context.runtime;
    const mark = kernels.arenaMark();
    this.emitBundle();
    kernels.arenaRelease(mark);
  }
}
