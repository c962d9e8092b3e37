/** BaseOperator: what most operators do with watermarks, ends and barriers: pass them on, or nothing. */
import type { BatchPtr } from "../../foundation/columnar/batch.ts";
import type { FunctionEnvironment } from "../codegen/functions/registry.ts";
import type { Operator, OperatorContext } from "../contract/operator.ts";

export abstract class BaseOperator implements Operator {
  protected readonly context: OperatorContext;

  constructor(context: OperatorContext) {
    this.context = context;
  }

  open(): void {}

  abstract processBatch(input: number, batch: BatchPtr): void;

  processWatermark(watermark: number): void {
    this.context.output.emitWatermark(watermark);
  }

  endInput(_input: number): void {}

  onProcessingTime(_time: number): void {}

  prepareSnapshot(): void {}

  close(): void {}
}

const RANDOM_SCALE = 2 ** -32;

/** What functions may ask about the run; in batch mode the time stands still from here on. */
export function functionEnvironment(context: OperatorContext): FunctionEnvironment {
  const { clock, random, timeZone, mode, config } = context;
  const start = clock.nowMs();
  return {
    timeZone,
    mode,
    config,
    watermark: () => context.currentWatermark(),
    now: mode === "batch" ? () => start : () => clock.nowMs(),
    random: () => random.u32() * RANDOM_SCALE,
    ...(context.userFunction === undefined ? {} : { userFunction: context.userFunction }),
  };
}
