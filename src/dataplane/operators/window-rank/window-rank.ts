/**
 * WindowRank: Top-N of each window and partition, emitted once, when the window is over.
 *
 * In/out:  insert-only rows with their window's bounds → insert-only, ranks rankStart … rankEnd in order, with or without
 *          the rank as a column.
 * State:   rank-engine.ts by partition, window start and end, at most rankEnd rows each; timers by the window's end. Nothing
 *          is left when a window has fired.
 * Late:    attached-windows.ts.
 * Errors:  MR4151 for a row that takes back.
 * Source:  Flink StreamExecWindowRank, WindowRankProcessor.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { WindowRankNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { RankEngine } from "../rank/rank-engine.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { AttachedWindows } from "../windows/attached-windows.ts";

const INSERT_MASK = 1;

export class WindowRankOperator extends BaseOperator {
  readonly #node: WindowRankNode;
  #rows: BatchRows | undefined;
  #engine: RankEngine | undefined;
  #windows: AttachedWindows | undefined;

  constructor(node: WindowRankNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    const { attached, partitionKeys, window, ...node } = this.#node;
    const input = context.inputs[0]!;
    this.#rows = new BatchRows(context.runtime, input);
    this.#engine = new RankEngine(
      {
        input,
        output: node.output,
        partitionKeys: [...partitionKeys, attached.start, attached.end],
        groupFields: partitionKeys,
        sort: node.sort,
        rankStart: node.rankStart,
        rankEnd: node.rankEnd,
        outputRankNumber: node.outputRankNumber,
        strategy: "append",
        generateUpdateBefore: false,
        fastTop1: true,
        ttlMs: 0,
        operator: node.description,
      },
      context,
    );
    const { keyBytes } = this.#engine;
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
    const kept = this.#windows!.inTime(batch);
    if (kept === undefined) return;
    const { entries, keys } = this.#engine!.process(kept);
    this.#windows!.register(kept, keys, entries, this.#engine!.registeredOffset);
  }

  override processWatermark(watermark: number): void {
    this.#windows!.watermark(watermark, (keys) => this.#engine!.take(keys));
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    this.#windows!.processingTime(time, (keys) => this.#engine!.take(keys));
  }

  override close(): void {
    this.#engine?.close();
    this.#engine = undefined;
  }
}
