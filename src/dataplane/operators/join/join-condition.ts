/** JoinCondition: the non-equi condition of a join, evaluated for all candidate pairs at once over the columns it reads. */
import { COLUMN_VALIDITY, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import { physicalCount, physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import { type Expression, inputRefs } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import type { RowFormat } from "../rows/row-format.ts";

export interface Mask {
  /** u8[pairs], 0 = every pair matches. */
  readonly values: number;
  /** u8[pairs], 0 = never NULL. */
  readonly validity: number;
}

export const NO_MASK: Mask = { values: 0, validity: 0 };

export class JoinCondition {
  readonly #context: OperatorContext;
  readonly #left: RowFormat;
  readonly #right: RowFormat;
  readonly #calc: CompiledCalc;
  readonly #wanted: number;

  constructor(options: {
    readonly context: OperatorContext;
    readonly condition: Expression;
    readonly left: RowFormat;
    readonly right: RowFormat;
    readonly operator: string;
  }) {
    const { context, condition, left, right, operator } = options;
    this.#context = context;
    this.#left = left;
    this.#right = right;
    const input = { fields: [...left.schema.fields, ...right.schema.fields] };
    this.#calc = compileCalc(
      {
        input,
        projection: [condition],
        output: { fields: [{ name: "match", type: condition.type }] },
      },
      { runtime: context.runtime, environment: functionEnvironment(context), operator },
    );
    const wanted = wantedColumns(input, condition, left.columns + right.columns);
    this.#wanted = context.runtime.kernels.operatorAllocate(Math.max(1, wanted.length)) >>> 0;
    new Uint8Array(context.runtime.memory.buffer).set(wanted, this.#wanted);
  }

  /** The pairs that joinCollect has listed in `call`. */
  evaluate(call: number, pairs: number): Mask {
    const { kernels, memory } = this.#context.runtime;
    const lefts = kernels.arenaAlloc(pairs * 4) >>> 0;
    const rights = kernels.arenaAlloc(pairs * 4) >>> 0;
    kernels.joinPairRows(call, lefts, rights);
    const batch = kernels.batchCreate(pairs, this.#left.columns + this.#right.columns, 0) >>> 0;
    this.#left.decode(lefts, pairs, batch, 0, this.#wanted);
    this.#right.decode(rights, pairs, batch, this.#left.columns, this.#wanted + this.#left.columns);
    const result = this.#calc.process(batch);
    const data = new DataView(memory.buffer);
    const column = columnPtr(result, 0);
    return {
      values: data.getUint32(column + COLUMN_VALUES, true),
      validity: data.getUint32(column + COLUMN_VALIDITY, true),
    };
  }
}

function wantedColumns(input: Schema, condition: Expression, columns: number): Uint8Array {
  const wanted = new Uint8Array(columns);
  for (const field of inputRefs(condition)) {
    const first = physicalIndex(input, field);
    wanted.fill(1, first, first + physicalCount(input.fields[field]!.type));
  }
  return wanted;
}
