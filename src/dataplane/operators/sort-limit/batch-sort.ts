/**
 * BatchSort: ORDER BY of bounded input that only inserts: all rows in order, or the first of them, when the input ends.
 *
 * In/out:  +I only; rows offset + 1 … offset + limit in order. Few first rows (MOST_RANKED) are kept in order as they come
 *          instead: sort-limit.ts.
 * Memory:  row-sorter.ts, on disk when there is a budget. In no checkpoint: batch jobs begin anew after a failure.
 * Metrics: spilledBytes.
 * Source:  Flink BatchExecSort, BatchExecSortLimit.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { SortLimitNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { RowSorter } from "../rows/row-sorter.ts";

const MOST_RANKED = 1000;

/** Whether a sort is done here. */
export function sortsAtEnd(node: SortLimitNode, context: OperatorContext): boolean {
  if (context.mode !== "batch" || node.retract || node.limit === 0) return false;
  return node.limit < 0 || node.offset + node.limit > MOST_RANKED;
}

export class BatchSortOperator extends BaseOperator {
  readonly #node: SortLimitNode;
  #sorter: RowSorter | undefined;
  #ended = false;
  #skip: number;

  constructor(node: SortLimitNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#skip = node.offset;
  }

  override open(): void {
    const { sort, offset, limit, description } = this.#node;
    const { context } = this;
    const sorter = new RowSorter({
      context,
      schema: context.inputs[0]!,
      sort,
      ...(limit < 0 ? {} : { limit: offset + limit }),
      operator: description,
    });
    this.#sorter = sorter;
    context.metrics.gauge("spilledBytes", () => sorter.spilledBytes);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    this.#sorter!.add(batch);
  }

  override endInput(): void {
    this.#sorter!.finish();
    this.#ended = true;
  }

  emitPiece(): boolean {
    if (!this.#ended) return false;
    const { output, runtime } = this.context;
    const { format } = this.#sorter!;
    const piece = this.#sorter!.next();
    if (piece === undefined) {
      this.#ended = false;
      return false;
    }
    const skipped = Math.min(this.#skip, piece.count);
    this.#skip -= skipped;
    const count = piece.count - skipped;
    if (count === 0) return true;
    const batch = runtime.kernels.batchCreate(count, format.columns, 0) >>> 0;
    format.decode(piece.rows + skipped * 4, count, batch, 0);
    output.emit(batch);
    return true;
  }

  override close(): void {
    this.#sorter?.close();
    this.#sorter = undefined;
  }
}
