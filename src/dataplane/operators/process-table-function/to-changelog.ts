/**
 * TO_CHANGELOG: every change becomes an insertion that carries its kind as a code.
 *
 * Flow:    the batch's RowKind bytes are appended as a column, then one fused loop projects and filters by them.
 * In/out:  any changelog → insert-only; changes without a code are left out. No state.
 * Shapes:  at most as many rows as come in.
 * Source:  Flink ToChangelogFunction.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import { RowKind } from "../../../foundation/columnar/row-kind.ts";
import { type Schema, physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import { type ToChangelog, keysFirst } from "../../../foundation/plan/process-table-function.ts";
import { type Expression, call, input, literal } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";

const KIND_TYPE = types.tinyint(false);
const BOOLEAN = types.boolean(false);

export class ToChangelogOperator extends BaseOperator {
  readonly #node: ProcessTableFunctionNode;
  readonly #spec: ToChangelog;
  #calc: CompiledCalc | undefined;
  #rows: BatchRows | undefined;
  #columns = 0;
  /** u8[MAX_BATCH_ROWS] of +I, for batches without kinds. */
  #inserts = 0;

  constructor(node: ProcessTableFunctionNode, spec: ToChangelog, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#spec = spec;
  }

  override open(): void {
    const { runtime, inputs } = this.context;
    const [schema] = inputs as [Schema];
    this.#columns = physicalColumns(schema).length;
    this.#rows = new BatchRows(runtime, schema);
    this.#inserts = runtime.kernels.operatorAllocate(MAX_BATCH_ROWS) >>> 0;
    new Uint8Array(runtime.memory.buffer).fill(0, this.#inserts, this.#inserts + MAX_BATCH_ROWS);
    const kind = input(schema.fields.length, KIND_TYPE);
    const { codes } = this.#spec;
    const mapped = codes.flatMap((code, of) => (code === null ? [] : [isKind(kind, of)]));
    const condition =
      mapped.length === codes.length ? undefined : mapped.length > 1 ? anyOf(mapped) : mapped[0];
    this.#calc = compileCalc(
      {
        input: { fields: [...schema.fields, { name: "$kind", type: KIND_TYPE }] },
        projection: projectionOf(this.#node, this.#spec, schema, kind),
        condition: condition ?? (mapped.length === 0 ? literal(false, BOOLEAN) : undefined),
        output: this.#node.output,
      },
      {
        runtime,
        environment: functionEnvironment(this.context),
        operator: this.#node.description,
      },
    );
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const rows = this.#rows!.rows(batch);
    const kinds = this.#rows!.kinds(batch);
    const columns = columnsOf(batch, 0, this.#columns);
    columns.push({ values: kinds === 0 ? this.#inserts : kinds });
    const result = this.#calc!.process(assembleBatch(this.context.runtime, rows, columns));
    if (result !== 0) this.context.output.emit(result);
  }
}

const isKind = (kind: Expression, of: number): Expression =>
  call("EQUALS", [kind, literal(of, KIND_TYPE)], BOOLEAN);
const anyOf = (conditions: readonly Expression[]): Expression => call("OR", conditions, BOOLEAN);

function projectionOf(
  node: ProcessTableFunctionNode,
  spec: ToChangelog,
  { fields }: Schema,
  kind: Expression,
): Expression[] {
  const keys = node.tables[0]!.partitionKeys;
  const keeps = spec.deleteKeeps ?? fields.map((_, index) => index);
  const values = keysFirst(fields.length, keys).map((index): Expression => {
    const field = input(index, fields[index]!.type);
    if (keeps.includes(index)) return field;
    const type = withNullable(field.type, true);
    return call("CASE", [isKind(kind, RowKind.DELETE), literal(null, type), field], type);
  });
  const text = types.string(false);
  const branches = spec.codes.flatMap((code, of) =>
    code === null ? [] : [isKind(kind, of), literal(code, text)],
  );
  const op = call("CASE", [...branches, literal("", text)], text);
  const rowtime = node.onTime.map((index) => input(index, fields[index]!.type));
  return [...values.slice(0, keys.length), op, ...values.slice(keys.length), ...rowtime];
}
