/**
 * TemporalSort: a stream in order of its time attribute, then of further fields.
 *
 * In/out:  insert-only → insert-only, one subtask.
 * Rowtime: rows wait for the watermark; rows not after the last time that has fired are late: dropped and counted
 *          in numLateRecordsDropped, as in Flink.
 * Proctime: rows pass as they come; with further fields those of one millisecond are sorted once the clock has moved on.
 * State:   "pending": time → WaitingRows, with "timers"; value "lastTime".
 * Errors:  MR4150 rowtime is NULL.
 * Source:  Flink StreamExecTemporalSort, RowTimeSortOperator, ProcTimeSortOperator.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { TemporalSortNode } from "../../../foundation/plan/exec-node.ts";
import { compileRowComparator, type RowComparator } from "../../codegen/codecs/row-comparator.ts";
import type { OperatorValue } from "../../contract/keyed-state.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { RowFormat } from "../rows/row-format.ts";
import { RowTimes } from "../rows/row-times.ts";
import { WaitingRows } from "../rows/waiting-rows.ts";

export class TemporalSortOperator extends BaseOperator {
  readonly #node: TemporalSortNode;
  readonly #isRowtime: boolean;
  readonly #input: Schema;
  #times: RowTimes | undefined;
  #format: RowFormat | undefined;
  #comparator: RowComparator | undefined;
  #waiting: WaitingRows | undefined;
  #last: OperatorValue | undefined;
  /** The last time that has fired. */
  #lastTime = MIN_WATERMARK;

  constructor(node: TemporalSortNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#isRowtime = node.time.attribute === "ROWTIME";
    this.#input = context.inputs[0]!;
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const operator = this.#node.description;
    const input = this.#input;
    this.#times = new RowTimes(context, {
      input,
      rowtime: this.#isRowtime ? this.#node.time : undefined,
      operator,
    });
    this.#format = new RowFormat(runtime, input, operator);
    const sort = this.#isRowtime ? this.#node.sort : this.#node.sort.slice(1);
    this.#comparator = compileRowComparator({ schema: input, sort, runtime, operator });
    const { schema } = this.#times;
    this.#waiting = new WaitingRows({
      context,
      names: { rows: "pending", timers: "timers" },
      schema,
      fields: [input.fields.length],
      groupFields: [],
      format: this.#format,
      stored: input,
      byClock: !this.#isRowtime,
      operator,
    });
    this.#last = context.state.operatorValue("lastTime");
    for (const time of this.#last.restored)
      if (typeof time === "number") this.#lastTime = Math.max(this.#lastTime, time);
    this.#last.set(this.#lastTime);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (!this.#isRowtime && this.#node.sort.length === 1) {
      this.context.output.emit(batch);
      return;
    }
    const { kernels, memory } = this.context.runtime;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const isLater = (all: number, times: number, list: number) =>
      kernels.rowsAbove(all, times, 8, 0, BigInt(this.#lastTime), list) >>> 0;
    this.#waiting!.add(this.#times!.append(batch, n), this.#isRowtime ? isLater : undefined);
  }

  override processWatermark(watermark: number): void {
    if (this.#isRowtime) this.#release(watermark);
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    if (!this.#isRowtime) this.#release(time - 1);
  }

  override close(): void {
    this.#format?.close();
    this.#format = undefined;
  }

  #release(until: number): void {
    this.#waiting!.releaseBatches(until, this.#comparator, (batch, _rows, moment) => {
      this.context.output.emit(batch);
      this.#lastTime = moment;
      this.#last!.set(moment);
    });
  }
}
