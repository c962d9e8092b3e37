/**
 * WindowedRowsOperator: what WindowRank and WindowDeduplicate share: rows kept by window and key, emitted once, when the
 * window is over.
 *
 * In/out:  insert-only rows with their window's bounds → insert-only.
 * State:   that of the subclass, by key, window start and end; timers by the window's end. Nothing is left when a window
 *          has fired.
 * Late:    attached-windows.ts.
 * Errors:  MR4151 for a row that takes back.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { WindowDeduplicateNode, WindowRankNode } from "../../../foundation/plan/exec-node.ts";
import type { EncodedKeys } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { AttachedWindows } from "./attached-windows.ts";
import type { TimerKeys } from "./window-timers.ts";

const INSERT_MASK = 1;

/** Rows by window and key. */
export interface WindowedRows {
  readonly keyBytes: number;
  /** Of a flag byte in an entry's value: the entry has a timer. */
  readonly registeredOffset: number;
  /** u32 entries, one a row. */
  process(batch: BatchPtr): { readonly entries: number; readonly keys: EncodedKeys };
  /** Emits the rows of these windows and forgets them. */
  take(keys: TimerKeys): void;
  close(): void;
}

export abstract class WindowedRowsOperator<
  Node extends WindowDeduplicateNode | WindowRankNode,
> extends BaseOperator {
  protected readonly node: Node;
  #rows: BatchRows | undefined;
  #windowed: WindowedRows | undefined;
  #windows: AttachedWindows | undefined;

  constructor(node: Node, context: OperatorContext) {
    super(context);
    this.node = node;
  }

  protected abstract openRows(): WindowedRows;

  override open(): void {
    const { context } = this;
    const { attached, window } = this.node;
    this.#rows = new BatchRows(context.runtime, context.inputs[0]!);
    this.#windowed = this.openRows();
    const { keyBytes } = this.#windowed;
    const { time } = window;
    this.#windows = new AttachedWindows({ context, time, end: attached.end, keyBytes });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#rows!.ofKinds(batch, INSERT_MASK) !== batch)
      throw operatorErrors.RETRACTION_UNEXPECTED({
        operator: this.node.description,
        kind: "-U, +U or -D",
      });
    const inTime = this.#windows!.inTime(batch);
    if (inTime === undefined) return;
    const { entries, keys } = this.#windowed!.process(inTime);
    this.#windows!.register(inTime, keys, entries, this.#windowed!.registeredOffset);
  }

  override processWatermark(watermark: number): void {
    this.#windows!.watermark(watermark, (keys) => this.#windowed!.take(keys));
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    this.#windows!.processingTime(time, (keys) => this.#windowed!.take(keys));
  }

  override close(): void {
    this.#windowed?.close();
    this.#windowed = undefined;
  }
}
