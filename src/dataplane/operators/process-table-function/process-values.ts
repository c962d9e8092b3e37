/** Values of arguments: rows of tables as the author of a function sees them, constants evaluated once. */
import type { RowField } from "../../../foundation/columnar/logical-type.ts";
import type { RowKind } from "../../../foundation/columnar/row-kind.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { RowReader, type Value } from "../../../foundation/columnar/value-reader.ts";
import { formatRow } from "../../../foundation/columnar/value-text.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import type { ProcessTable } from "../../../foundation/plan/process-table-function.ts";
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import { compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import type { ProcessRow } from "../../contract/process-function.ts";
import { functionEnvironment } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { decodedValue } from "../rows/decoded-value.ts";

export class TableRow implements ProcessRow {
  readonly kind: RowKind;
  readonly values: readonly Value[];
  readonly #schema: Schema;

  constructor(schema: Schema, kind: number, values: readonly Value[]) {
    this.#schema = schema;
    this.kind = kind as RowKind;
    this.values = values.map((value, i) => decodedValue(value, schema.fields[i]!.type));
  }

  get(field: string): Value {
    const index = this.#schema.fields.findIndex(({ name }) => name === field);
    if (index >= 0) return this.values[index]!;
    throw operatorErrors.PROCESS_FAILED({ message: `the row has no field '${field}'` });
  }

  toString(): string {
    return formatRow(this.kind, this.values, this.#schema);
  }
}

/** The columns of a table argument, with the names of the statement. */
export function tableFields({ fields }: ProcessTable, schema: Schema): RowField[] {
  return schema.fields.map(({ type }, i) => ({ name: fields[i]!, type }));
}

/** Values of the scalar arguments, by place; undefined for the others. */
export function constants(
  node: ProcessTableFunctionNode,
  context: OperatorContext,
): (Value | undefined)[] {
  const { kernels, memory } = context.runtime;
  const scalars = node.arguments.flatMap((argument): Expression[] =>
    argument.kind === "scalar" ? [argument.value] : [],
  );
  if (scalars.length === 0) return node.arguments.map(() => undefined);
  const output = { fields: scalars.map(({ type }, i) => ({ name: `a${i}`, type })) };
  const mark = kernels.arenaMark();
  const calc = compileCalc(
    { input: { fields: [] }, projection: scalars, output },
    {
      runtime: context.runtime,
      environment: functionEnvironment(context),
      operator: node.description,
    },
  );
  const batch = calc.process(kernels.batchCreate(1, 0, 0) >>> 0);
  const values = new RowReader(memory, output)
    .read(batch, 0)
    .map((value, i) => decodedValue(value, output.fields[i]!.type));
  kernels.arenaRelease(mark);
  let next = 0;
  return node.arguments.map(({ kind }) => (kind === "scalar" ? values[next++] : undefined));
}
