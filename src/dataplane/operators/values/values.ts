/**
 * Values: constant rows, emitted when its (missing) input ends, which the runtime does at once.
 *
 * Limits:  MAX_BATCH_ROWS rows a batch. Rows that hold ARRAY or MAP constants are compiled one by one.
 * Source:  Flink StreamExecValues.
 */
import {
  BATCH_COLUMNS,
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import { type LogicalType, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { ValuesNode } from "../../../foundation/plan/exec-node.ts";
import { type LiteralValue, literal } from "../../../foundation/plan/expression.ts";
import { compileCalc } from "../../codegen/calc.ts";
import { ColumnWriter, MemoryView } from "../../codegen/column-access.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";

export class ValuesOperator extends BaseOperator {
  readonly #node: ValuesNode;

  constructor(node: ValuesNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override processBatch(): void {}

  override endInput(): void {
    const { rows, output } = this.#node;
    if (rows.length === 0) return;
    if (output.fields.some(({ type }) => isComputed(type))) {
      for (const row of rows) this.#emitComputed(row);
      return;
    }
    for (let from = 0; from < rows.length; from += MAX_BATCH_ROWS)
      this.#emit(rows.slice(from, from + MAX_BATCH_ROWS));
  }

  #emit(rows: readonly (readonly LiteralValue[])[]): void {
    const { kernels, memory } = this.context.runtime;
    const columns = physicalColumns(this.#node.output);
    const batch = kernels.batchCreate(rows.length, columns.length, 0) >>> 0;
    const view = new MemoryView(memory);
    let next = 0;
    this.#node.output.fields.forEach(({ type }, index) => {
      const values = rows.map((row) => row[index] ?? null);
      next = this.#writeColumn(view, batch, next, type, values);
    });
    this.context.output.emit(batch);
  }

  /** Writes a field and, for a ROW, those within it; returns the next physical column. */
  #writeColumn(
    view: MemoryView,
    batch: BatchPtr,
    column: number,
    type: LogicalType,
    values: readonly LiteralValue[],
  ): number {
    const writer = new ColumnWriter(this.context.runtime, view, type, values.length);
    view.data.setUint32(columnPtr(batch, column) + COLUMN_VALIDITY, writer.validity, true);
    if (type.kind === "ROW" || type.kind === "STRUCTURED") {
      values.forEach((value, row) => {
        view.bytes[writer.validity + row] = value === null ? 0 : 1;
      });
      let next = column + 1;
      type.fields.forEach((field, index) => {
        const own = values.map(
          (value) => (value as readonly LiteralValue[] | null)?.[index] ?? null,
        );
        next = this.#writeColumn(view, batch, next, field.type, own);
      });
      return next;
    }
    values.forEach((value, row) => {
      if (value === null) writer.setNull(row);
      else writeLiteral(writer, type, row, value);
    });
    view.data.setUint32(columnPtr(batch, column) + COLUMN_VALUES, writer.values, true);
    return column + 1;
  }

  /** A Calc over one row without columns. */
  #emitComputed(row: readonly LiteralValue[]): void {
    const { runtime } = this.context;
    const { output, description } = this.#node;
    const projection = output.fields.map(({ type }, index) => literal(row[index] ?? null, type));
    const calc = compileCalc(
      { input: { fields: [] }, projection, output },
      { runtime, environment: functionEnvironment(this.context), operator: description },
    );
    const batch = runtime.kernels.batchCreate(1, 0, 0) >>> 0;
    const data = new DataView(runtime.memory.buffer);
    data.setUint32(batch + BATCH_ROWS, 1, true);
    data.setUint32(batch + BATCH_COLUMNS, 0, true);
    const result = calc.process(batch);
    if (result !== 0) this.context.output.emit(result);
  }
}

function isComputed(type: LogicalType): boolean {
  if (type.kind === "ROW" || type.kind === "STRUCTURED")
    return type.fields.some((field) => isComputed(field.type));
  if (physicalOf(type) !== "view") return false;
  return !["CHAR", "VARCHAR", "BINARY", "VARBINARY"].includes(type.kind);
}

function writeLiteral(
  writer: ColumnWriter,
  type: LogicalType,
  row: number,
  value: Exclude<LiteralValue, null>,
): void {
  switch (type.kind) {
    case "BOOLEAN":
      writer.setBoolean(row, value === true);
      return;
    case "BIGINT":
    case "INTERVAL_YEAR_MONTH":
    case "INTERVAL_DAY_TIME":
      writer.setBigint(row, BigInt(value as string | number));
      return;
    case "DECIMAL":
      writer.setBigint(row, unscaled(String(value), type.scale));
      return;
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ": {
      const { millis, nanos } = value as { readonly millis: number; readonly nanos: number };
      writer.setTimestamp(row, millis, nanos);
      return;
    }
    case "CHAR":
    case "VARCHAR":
      writer.setString(row, value as string);
      return;
    case "BINARY":
    case "VARBINARY":
      writer.setBytes(row, hexBytes(value as string));
      return;
    default:
      writer.setNumber(row, Number(value));
  }
}

/** "1.5" with scale 2 → 150. The planner has rounded the text to the scale. */
function unscaled(text: string, scale: number): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(scale, "0").slice(0, scale));
}

function hexBytes(text: string): Uint8Array {
  const pairs = text.match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}
