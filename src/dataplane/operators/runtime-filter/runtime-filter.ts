/**
 * RuntimeFilter: rows on their way to a join's probe side, without those whose key the build side does not have.
 *
 * Flow:    GlobalFilterBuilder (broadcast) and the probe side's rows → here → exchange or join.
 * In/out:  +I only. Probe rows are left where they are until the filter has come; those that come all the same pass: the join
 *          looks at every row anyway. Without a filter (too many keys) everything passes.
 * Metrics: numRecordsFiltered.
 * State:   none: batch jobs begin anew after a failure.
 * Source:  Flink RuntimeFilterOperator.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { ExecNodeOf } from "../../../foundation/plan/exec-node.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { Counter } from "../../contract/metrics.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { BloomFilter, filterKeys, readFilterRow } from "./bloom-filter.ts";

const FILTER = 0;

export class RuntimeFilterOperator extends BaseOperator {
  readonly #node: ExecNodeOf<"RuntimeFilter">;
  #keys: KeyCodec | undefined;
  /** u8 a physical column. */
  #widths = 0;
  #columns = 0;
  #filter: BloomFilter | undefined;
  #isReady = false;
  #dropped: Counter | undefined;

  constructor(node: ExecNodeOf<"RuntimeFilter">, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { runtime, inputs, metrics } = this.context;
    const { keys: fields, description: operator } = this.#node;
    const rows = inputs[1]!;
    this.#keys = filterKeys({ schema: rows, fields, runtime, operator });
    const widths = physicalColumns(rows).map(({ physical }) => PHYSICAL_WIDTH[physical]);
    this.#columns = Math.max(1, widths.length);
    this.#widths = runtime.kernels.operatorAllocate(this.#columns) >>> 0;
    new Uint8Array(runtime.memory.buffer).set(widths, this.#widths);
    this.#dropped = metrics.counter("numRecordsFiltered");
  }

  wantsInput(input: number): boolean {
    return input === FILTER || this.#isReady;
  }

  override processBatch(input: number, batch: BatchPtr): void {
    if (input === FILTER) this.#take(batch);
    else this.#pass(batch);
  }

  override endInput(input: number): void {
    if (input === FILTER) this.#isReady = true;
  }

  override close(): void {
    this.#filter?.close();
    this.#filter = undefined;
    if (this.#widths !== 0) this.context.runtime.kernels.operatorFree(this.#widths, this.#columns);
    this.#widths = 0;
  }

  #take(batch: BatchPtr): void {
    const { runtime } = this.context;
    const { filter } = readFilterRow(runtime, batch, 0);
    if (filter === undefined) return;
    this.#filter = new BloomFilter(runtime, filter.bytes);
    this.#filter.merge(filter.address);
  }

  #pass(batch: BatchPtr): void {
    const { output, runtime } = this.context;
    if (this.#filter === undefined) {
      output.emit(batch);
      return;
    }
    const { kernels, memory } = runtime;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const marks = kernels.arenaAlloc(n) >>> 0;
    this.#filter.test(n, this.#keys!.encode(batch).hashes, marks);
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    const kept = kernels.rowsWithByte(n, marks, 1, list);
    this.#dropped!.value += n - kept;
    if (kept === n) output.emit(batch);
    else if (kept > 0) output.emit(kernels.batchGather(batch, this.#widths, kept, list, 0) >>> 0);
  }
}
