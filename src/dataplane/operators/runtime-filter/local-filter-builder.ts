/**
 * LocalFilterBuilder: the keys of one subtask's rows of a join's build side as a Bloom filter.
 *
 * Flow:    build side (forward) → here → GlobalFilterBuilder.
 * In/out:  +I only → one row (rows BIGINT, filter BYTES) when the input ends; NULL when it had more rows than the plan allows.
 * State:   none: batch jobs begin anew after a failure.
 * Source:  Flink LocalRuntimeFilterBuilderOperator.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { ExecNodeOf } from "../../../foundation/plan/exec-node.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { BloomFilter, filterBytes, filterRow, filterKeys } from "./bloom-filter.ts";

export class LocalFilterBuilderOperator extends BaseOperator {
  readonly #node: ExecNodeOf<"LocalRuntimeFilterBuilder">;
  #keys: KeyCodec | undefined;
  #filter: BloomFilter | undefined;
  #rows = 0;

  constructor(node: ExecNodeOf<"LocalRuntimeFilterBuilder">, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { runtime, inputs } = this.context;
    const { keys: fields, estimatedRows, description: operator } = this.#node;
    this.#keys = filterKeys({ schema: inputs[0]!, fields, runtime, operator });
    this.#filter = new BloomFilter(runtime, filterBytes(this.context, estimatedRows));
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { memory } = this.context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    this.#rows += rows;
    if (this.#rows > this.#node.maxRows) this.close();
    else this.#filter!.add(rows, this.#keys!.encode(batch).hashes);
  }

  override endInput(): void {
    const { runtime, output } = this.context;
    output.emit(this.#filter?.row(this.#rows) ?? filterRow(runtime, this.#rows, undefined));
  }

  override close(): void {
    this.#filter?.close();
    this.#filter = undefined;
  }
}
