/** DropUpdateBefore: leaves -U out, for readers that take upserts. Source: Flink StreamExecDropUpdateBefore. */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { RowKind } from "../../../foundation/columnar/row-kind.ts";
import { BaseOperator } from "../base-operator.ts";
import { BatchRows } from "../rows/batch-rows.ts";

const KEPT = (1 << RowKind.INSERT) | (1 << RowKind.UPDATE_AFTER) | (1 << RowKind.DELETE);

export class DropUpdateBeforeOperator extends BaseOperator {
  #rows: BatchRows | undefined;

  override open(): void {
    this.#rows = new BatchRows(this.context.runtime, this.context.inputs[0]!);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const kept = this.#rows!.ofKinds(batch, KEPT);
    if (kept !== 0) this.context.output.emit(kept);
  }
}
