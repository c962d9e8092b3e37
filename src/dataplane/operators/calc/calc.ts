/**
 * Calc: condition and projection of each row; its kind is carried.
 *
 * Flow:    runtime/task → compileCalc's loop → next operator. No state.
 * Errors:  those of expressions (codegen/errors.ts).
 * Source:  Flink StreamExecCalc.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { CalcNode } from "../../../foundation/plan/exec-node.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";

export class CalcOperator extends BaseOperator {
  readonly #node: CalcNode;
  #calc: CompiledCalc | undefined;

  constructor(node: CalcNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { projection, condition, output, description } = this.#node;
    this.#calc = compileCalc(
      { input: this.context.inputs[0]!, projection, condition, output },
      {
        runtime: this.context.runtime,
        environment: functionEnvironment(this.context),
        operator: description,
      },
    );
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const result = this.#calc!.process(batch);
    if (result !== 0) this.context.output.emit(result);
  }
}
