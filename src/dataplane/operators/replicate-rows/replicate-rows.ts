/**
 * ReplicateRows: Flink's Correlate with $REPLICATE_ROWS$1(n, fields…): each row n times, its fields behind it (INTERSECT ALL and
 * EXCEPT ALL).
 *
 * In/out:  any changelog; copies have the kind of their row, so that a change of the number takes the old copies back.
 * Limits:  MAX_BATCH_ROWS copies a batch; a row with n ≤ 0 or NULL has none.
 * Source:  Flink ReplicateRows.
 */
import {
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import {
  physicalColumns,
  physicalCount,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import type { ReplicateRowsNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";

export class ReplicateRowsOperator extends BaseOperator {
  readonly #input: Schema;
  readonly #fields: readonly number[];
  readonly #countColumn: number;
  #rows: BatchRows | undefined;

  constructor(node: ReplicateRowsNode, context: OperatorContext) {
    super(context);
    this.#input = context.inputs[0]!;
    this.#countColumn = physicalIndex(this.#input, node.count);
    this.#fields = node.fields;
  }

  override open(): void {
    this.#rows = new BatchRows(this.context.runtime, this.#input);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { kernels, memory } = this.context.runtime;
    const rows = this.#rows!;
    const n = rows.rows(batch);
    const at = columnPtr(batch, this.#countColumn);
    const data = new DataView(memory.buffer);
    const counts = data.getUint32(at + COLUMN_VALUES, true);
    const validity = data.getUint32(at + COLUMN_VALIDITY, true);
    const cursor = kernels.arenaAlloc(8) >>> 0;
    new Uint32Array(memory.buffer, cursor, 2).fill(0);
    for (;;) {
      const mark = kernels.arenaMark();
      const list = kernels.arenaAlloc(MAX_BATCH_ROWS * 4) >>> 0;
      const count = kernels.rowsRepeated(n, counts, validity, cursor, list, MAX_BATCH_ROWS) >>> 0;
      if (count > 0) this.context.output.emit(this.#withFields(rows.gather(batch, list, count)));
      kernels.arenaRelease(mark);
      if (count < MAX_BATCH_ROWS) return;
    }
  }

  /** The rows with the replicated fields behind them. */
  #withFields(batch: BatchPtr): BatchPtr {
    const input = this.#input;
    const columns = [
      ...columnsOf(batch, 0, physicalColumns(input).length),
      ...this.#fields.flatMap((index) =>
        columnsOf(batch, physicalIndex(input, index), physicalCount(input.fields[index]!.type)),
      ),
    ];
    const rows = this.#rows!;
    return assembleBatch(this.context.runtime, rows.rows(batch), columns, rows.kinds(batch));
  }
}
