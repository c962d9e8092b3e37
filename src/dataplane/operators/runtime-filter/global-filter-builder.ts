/**
 * GlobalFilterBuilder: the filters of all subtasks of a join's build side as one.
 *
 * Flow:    LocalFilterBuilder → here (one subtask) → RuntimeFilter, broadcast.
 * In/out:  rows (rows BIGINT, filter BYTES) → one such row when the input ends; NULL when one of them was, or when they have
 *          more rows together than the plan allows.
 * State:   none: batch jobs begin anew after a failure.
 * Source:  Flink GlobalRuntimeFilterBuilderOperator.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { ExecNodeOf } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { BloomFilter, filterRow, readFilterRow } from "./bloom-filter.ts";

export class GlobalFilterBuilderOperator extends BaseOperator {
  readonly #node: ExecNodeOf<"GlobalRuntimeFilterBuilder">;
  #filter: BloomFilter | undefined;
  #rows = 0;
  #overflown = false;

  constructor(node: ExecNodeOf<"GlobalRuntimeFilterBuilder">, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { runtime } = this.context;
    const n = new DataView(runtime.memory.buffer).getUint32(batch + BATCH_ROWS, true);
    for (let i = 0; i < n; i++) {
      const { rows, filter } = readFilterRow(runtime, batch, i);
      this.#rows += rows;
      if (filter === undefined || this.#rows > this.#node.maxRows) this.#overflown = true;
      else {
        this.#filter ??= new BloomFilter(runtime, filter.bytes);
        this.#filter.merge(filter.address);
      }
    }
  }

  override endInput(): void {
    const { runtime, output } = this.context;
    const known = this.#overflown ? undefined : this.#filter;
    output.emit(known?.row(this.#rows) ?? filterRow(runtime, this.#rows, undefined));
  }

  override close(): void {
    this.#filter?.close();
    this.#filter = undefined;
  }
}
