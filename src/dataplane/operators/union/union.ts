/** Union: the rows of all inputs as they come (UNION ALL). Watermarks are combined by the runtime. Source: Flink StreamExecUnion. */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import { BaseOperator } from "../base-operator.ts";

export class UnionOperator extends BaseOperator {
  override processBatch(_input: number, batch: BatchPtr): void {
    this.context.output.emit(batch);
  }
}
