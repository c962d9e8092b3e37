/**
 * FROM_CHANGELOG: the code in each row says which change it is.
 *
 * Flow:    one fused loop projects the fields and the kind as bytes; those bytes become the batch's RowKinds.
 * In/out:  insert-only → retract or upsert, as the codes say. No state.
 * Errors:  MR4160 unknown code, MR4161 NULL code; with error_handling SKIP such rows are left out.
 * Source:  Flink FromChangelogFunction.
 */
import {
  type BatchPtr,
  BatchView,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { type Schema, physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import { type FromChangelog, keysFirst } from "../../../foundation/plan/process-table-function.ts";
import { type Expression, call, input, literal } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { operatorErrors } from "../errors.ts";

const KIND_TYPE = types.tinyint(false);
/** The byte of rows without a kind. */
const NO_KIND = 0xff;
const VIEW_BYTES = 8;
const SHOWN_BYTES = 100;

export class FromChangelogOperator extends BaseOperator {
  readonly #node: ProcessTableFunctionNode;
  readonly #spec: FromChangelog;
  readonly #view: BatchView;
  #calc: CompiledCalc | undefined;
  /** Physical columns of the output. */
  #columns = 0;
  /** Physical column of the code in the input. */
  #op = 0;

  constructor(node: ProcessTableFunctionNode, spec: FromChangelog, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#spec = spec;
    this.#view = new BatchView(context.runtime.memory);
  }

  override open(): void {
    const { runtime, inputs } = this.context;
    const [schema] = inputs as [Schema];
    const { output, tables, onTime } = this.#node;
    const { op, kinds, skip } = this.#spec;
    this.#columns = physicalColumns(output).length;
    this.#op = physicalColumns({ fields: schema.fields.slice(0, op) }).length;
    const field = (index: number) => input(index, schema.fields[index]!.type);
    const code = field(op);
    const is = (text: string): Expression =>
      call("EQUALS", [code, literal(text, types.string(false))], types.boolean());
    const known = Object.entries(kinds);
    const values = keysFirst(schema.fields.length, tables[0]!.partitionKeys)
      .filter((index) => index !== op)
      .map(field);
    const branches = known.flatMap(([text, kind]) => [is(text), literal(kind, KIND_TYPE)]);
    const kind = call("CASE", [...branches, literal(-1, KIND_TYPE)], KIND_TYPE);
    const tests = known.map(([text]) => is(text));
    const condition = tests.length > 1 ? call("OR", tests, types.boolean()) : tests[0];
    this.#calc = compileCalc(
      {
        input: schema,
        projection: [...values, ...onTime.map(field), kind],
        ...(skip ? { condition } : {}),
        output: { fields: [...output.fields, { name: "$kind", type: KIND_TYPE }] },
      },
      {
        runtime,
        environment: functionEnvironment(this.context),
        operator: this.#node.description,
      },
    );
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const result = this.#calc!.process(batch);
    if (result === 0) return;
    const { runtime, output } = this.context;
    const rows = this.#view.rows(result);
    const at = columnPtr(result, this.#columns) + COLUMN_VALUES;
    const kinds = this.#view.data.getUint32(at, true);
    const bad = new Uint8Array(runtime.memory.buffer, kinds, rows).indexOf(NO_KIND);
    if (bad >= 0) throw this.#refused(batch, bad);
    const columns = columnsOf(result, 0, this.#columns);
    output.emit(assembleBatch(runtime, rows, columns, kinds));
  }

  /** Without a filter, rows of input and output are the same. */
  #refused(batch: BatchPtr, row: number): Error {
    const column = this.context.inputs[0]!.fields[this.#spec.op]!.name;
    if (this.#view.isNull(batch, this.#op, row)) return operatorErrors.OP_CODE_NULL({ column });
    const view = this.#view.valuePtr(batch, this.#op, row, VIEW_BYTES);
    const value = new TextDecoder().decode(this.#view.bytes(view).subarray(0, SHOWN_BYTES));
    return operatorErrors.OP_CODE_INVALID({ column }, { value: `'${value}'` });
  }
}
