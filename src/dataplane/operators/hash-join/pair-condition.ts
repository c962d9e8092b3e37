/** PairCondition: a join's further condition over pairs of rows that are columns already. */
import { COLUMN_VALIDITY, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";

export class PairCondition {
  readonly #context: OperatorContext;
  readonly #calc: CompiledCalc;
  readonly #columns: readonly [number, number];

  constructor(options: {
    readonly context: OperatorContext;
    readonly left: Schema;
    readonly right: Schema;
    readonly condition: Expression;
    readonly operator: string;
  }) {
    const { context, left, right, condition, operator } = options;
    this.#context = context;
    this.#columns = [physicalColumns(left).length, physicalColumns(right).length];
    this.#calc = compileCalc(
      {
        input: { fields: [...left.fields, ...right.fields] },
        projection: [condition],
        output: { fields: [{ name: "match", type: condition.type }] },
      },
      { runtime: context.runtime, environment: functionEnvironment(context), operator },
    );
  }

  /** u8[n] values and validity (0 = never NULL) for n pairs. */
  evaluate(n: number, left: number, right: number): { values: number; validity: number } {
    const { runtime } = this.#context;
    const columns = [
      ...columnsOf(left, 0, this.#columns[0]),
      ...columnsOf(right, 0, this.#columns[1]),
    ];
    const result = this.#calc.process(assembleBatch(runtime, n, columns));
    const data = new DataView(runtime.memory.buffer);
    const column = columnPtr(result, 0);
    return {
      values: data.getUint32(column + COLUMN_VALUES, true),
      validity: data.getUint32(column + COLUMN_VALIDITY, true),
    };
  }
}
