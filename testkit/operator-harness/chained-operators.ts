/**
 * chained: operators as one, for the harness: what one emits goes to the next, in the same worker and with the same clock. Their
 * keyed state must have different names.
 */
import type { ExecNode } from "../../src/foundation/plan/exec-node.ts";
import type { OperatorContext, OperatorFactory } from "../../src/dataplane/contract/operator.ts";
import { operatorFactories } from "../../src/dataplane/operators/index.ts";

export function chained(first: ExecNode, ...others: readonly ExecNode[]): OperatorFactory {
  return (_node, context) => {
    const create = (node: ExecNode, own: OperatorContext) =>
      (operatorFactories[node.type] as OperatorFactory)(node, own);
    const [second, ...rest] = others;
    if (second === undefined) return create(first, context);
    const behind = chained(second, ...rest)(second, { ...context, inputs: [first.output] });
    const output = {
      emit: (batch: number) => {
        behind.processBatch(0, batch);
        return true;
      },
      emitWatermark: (watermark: number) => behind.processWatermark(watermark),
    };
    const before = create(first, { ...context, output });
    return {
      open: () => {
        behind.open();
        before.open();
      },
      processBatch: (input, batch) => before.processBatch(input, batch),
      processWatermark: (watermark) => before.processWatermark(watermark),
      endInput: (input) => {
        before.endInput(input);
        behind.endInput(0);
      },
      onProcessingTime: (time) => {
        before.onProcessingTime(time);
        behind.onProcessingTime(time);
      },
      prepareSnapshot: () => {
        before.prepareSnapshot();
        behind.prepareSnapshot();
      },
      close: () => {
        before.close();
        behind.close();
      },
    };
  };
}
