/**
 * Expand: each input row becomes one row per projection (GROUPING SETS, CUBE, ROLLUP); its kind is carried.
 *
 * Order:   all rows of a batch by the first projection, then by the next: changes of one expanded row stay in order.
 * Source:  Flink StreamExecExpand.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { ExpandNode } from "../../../foundation/plan/exec-node.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";

export class ExpandOperator extends BaseOperator {
  readonly #node: ExpandNode;
  #calcs: readonly CompiledCalc[] = [];

  constructor(node: ExpandNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const environment = functionEnvironment(this.context);
    this.#calcs = this.#node.projections.map((projection) =>
      compileCalc(
        { input: this.context.inputs[0]!, projection, output: this.#node.output },
        { runtime: this.context.runtime, environment, operator: this.#node.description },
      ),
    );
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    for (const calc of this.#calcs) {
      const result = calc.process(batch);
      if (result !== 0) this.context.output.emit(result);
    }
  }
}
