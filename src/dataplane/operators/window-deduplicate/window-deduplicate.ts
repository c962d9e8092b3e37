/**
 * WindowDeduplicate: the first or last row by event time of each window and key, emitted once, when the window is over.
 *
 * In/out:  insert-only rows with their window's bounds → insert-only.
 * State:   kept-rows.ts by key, window start and end: one row each; timers by the window's end. Nothing is left when a
 *          window has fired.
 * Equal:   of rows of one time the first stays when the first is wanted, the last when the last is.
 * Late:    attached-windows.ts.
 * Errors:  MR4151 for a row that takes back.
 * Source:  Flink StreamExecWindowDeduplicate, RowTimeWindowDeduplicateProcessor.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { WindowDeduplicateNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { KEEP_MODE, KeptRows } from "../rows/kept-rows.ts";
import { AttachedWindows } from "../windows/attached-windows.ts";

const INSERT_MASK = 1;

export class WindowDeduplicateOperator extends BaseOperator {
  readonly #node: WindowDeduplicateNode;
  #rows: BatchRows | undefined;
  #kept: KeptRows | undefined;
  #windows: AttachedWindows | undefined;

  constructor(node: WindowDeduplicateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    const { attached, keys, keepLast, time, window, output, description } = this.#node;
    this.#rows = new BatchRows(context.runtime, context.inputs[0]!);
    this.#kept = new KeptRows({
      context,
      output,
      keys: [...keys, attached.start, attached.end],
      groupFields: keys,
      mode: keepLast ? KEEP_MODE.lastRowtime : KEEP_MODE.firstRowtime,
      rowtime: time.index,
      generateUpdateBefore: false,
      ttlMs: 0,
      operator: description,
    });
    const { keyBytes } = this.#kept;
    this.#windows = new AttachedWindows({
      context,
      time: window.time,
      end: attached.end,
      keyBytes,
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#rows!.ofKinds(batch, INSERT_MASK) !== batch)
      throw operatorErrors.RETRACTION_UNEXPECTED({
        operator: this.#node.description,
        kind: "-U, +U or -D",
      });
    const inTime = this.#windows!.inTime(batch);
    if (inTime === undefined) return;
    const { entries, keys } = this.#kept!.process(inTime);
    this.#windows!.register(inTime, keys, entries, this.#kept!.registeredOffset);
  }

  override processWatermark(watermark: number): void {
    this.#windows!.watermark(watermark, (keys) => this.#kept!.take(keys));
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    this.#windows!.processingTime(time, (keys) => this.#kept!.take(keys));
  }

  override close(): void {
    this.#kept?.close();
    this.#kept = undefined;
  }
}
