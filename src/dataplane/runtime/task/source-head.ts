/**
 * SourceHead: reads the splits of one scan in one subtask and pushes their batches into the chain.
 *
 * Flow:    job master assigns splits → SourceReader.poll → here → targets. Positions are kept per
 *          split, as of the last batch that was pushed, and copied at the moment a barrier is asked
 *          for.
 * Rules:   a subtask without any split is idle while more may come, and ends when none will. An end
 *          emits MAX_WATERMARK first.
 * Errors:  MR5026 a row that is larger than the worker's memory may be.
 */
import type { BatchPtr, BatchView } from "../../../foundation/columnar/batch.ts";
import type { TableSourceScanNode } from "../../../foundation/plan/exec-node.ts";
import type { Counter } from "../../contract/metrics.ts";
import { MAX_WATERMARK, MIN_WATERMARK } from "../../contract/operator.ts";
import type { SourceReader, SourceSplit } from "../../contract/source.ts";
import { runtimeErrors } from "../errors.ts";
import { nodeName } from "../graph/job-graph.ts";
import type { ChainTarget } from "./chain-target.ts";
import { largestRow } from "./largest-row.ts";
import { withOrigin } from "./row-origin.ts";
import type { TaskMetricGroup } from "./task-metrics.ts";

/** What one look at a head did. */
export type HeadStep = "progress" | "idle" | "ended";

/** What the worker uses of its memory, where that has a budget. */
export interface SourceRoom {
  readonly budgetBytes: number;
  readonly usedBytes: () => number;
}

export class SourceHead {
  readonly node: TableSourceScanNode;
  readonly reader: SourceReader;
  readonly #targets: readonly ChainTarget[];
  readonly #view: BatchView;
  readonly #wake: () => void;
  readonly #fail: (error: unknown) => void;
  readonly #recordsOut: Counter;
  readonly #room: SourceRoom | undefined;
  readonly #positions = new Map<string, SourceSplit>();
  #noMoreSplits = false;
  #waiting = false;
  #idle = false;
  #ended = false;
  #watermark = MIN_WATERMARK;
  /** Positions as of the barrier that was asked for last. */
  #atBarrier: readonly SourceSplit[] = [];
  #barrierId = 0;
  #blockedByBarrier = false;

  constructor(options: {
    readonly node: TableSourceScanNode;
    readonly reader: SourceReader;
    readonly targets: readonly ChainTarget[];
    readonly metrics: TaskMetricGroup;
    readonly view: BatchView;
    readonly wake: () => void;
    readonly fail: (error: unknown) => void;
    readonly room: SourceRoom | undefined;
  }) {
    this.node = options.node;
    this.reader = options.reader;
    this.#targets = options.targets;
    this.#view = options.view;
    this.#wake = options.wake;
    this.#fail = options.fail;
    this.#room = options.room;
    this.#recordsOut = options.metrics.counter("numRecordsOut");
    options.metrics.counter("numRecordsInErrors");
    options.metrics.gauge("currentOutputWatermark", () => this.#watermark);
  }

  get ended(): boolean {
    return this.#ended;
  }

  get blockedByBarrier(): boolean {
    return this.#blockedByBarrier;
  }

  /** Adds splits; a split that is known already keeps the position it has. */
  assign(splits: readonly SourceSplit[], noMore: boolean): void {
    const added = splits.filter((split) => !this.#positions.has(split.id));
    for (const split of added) this.#positions.set(split.id, split);
    if (added.length > 0) this.reader.addSplits(added);
    if (noMore) this.#noMoreSplits = true;
    this.#wake();
  }

  poll(): HeadStep {
    if (this.#ended) return "ended";
    if (this.#isUnwanted) {
      this.#end();
      return "progress";
    }
    const result = this.reader.poll();
    switch (result.kind) {
      case "batch": {
        this.#setIdle(false);
        this.#recordsOut.value += this.#view.rows(result.batch);
        const before = this.#positions.get(result.split.id);
        this.#positions.set(result.split.id, result.split);
        try {
          this.#checkRoom(result.batch);
          for (const target of this.#targets) target.receive(result.batch);
        } catch (error) {
          throw withOrigin(error, this.reader, { ...result, before }, this.#view);
        }
        return "progress";
      }
      case "watermark":
        this.#setIdle(false);
        this.#positions.set(result.split.id, result.split);
        this.#emitWatermark(result.watermark);
        return "progress";
      case "finished":
        this.#positions.delete(result.splitId);
        return "progress";
      case "idle":
        this.#await();
        return "idle";
      case "empty":
        if (this.#noMoreSplits) {
          this.#end();
          return "progress";
        }
        this.#setIdle(true);
        return "idle";
    }
  }

  /**
   * The barrier has come to this head. If it waits, nothing is read until unblock(), and its positions are those of the
   * barrier.
   */
  barrier(checkpointId: number, waits: boolean): void {
    this.#barrierId = checkpointId;
    this.#blockedByBarrier = waits;
    this.#atBarrier = [...this.#positions.values()];
  }

  /** Whether the barrier of a checkpoint has come. */
  reached(checkpointId: number): boolean {
    return this.#barrierId >= checkpointId;
  }

  /** Reads again what waits behind the barrier of a checkpoint. */
  unblock(checkpointId: number): void {
    if (this.#barrierId <= checkpointId) this.#blockedByBarrier = false;
  }

  positionsAtBarrier(): readonly SourceSplit[] {
    return this.#atBarrier;
  }

  positions(): readonly SourceSplit[] {
    return [...this.#positions.values()];
  }

  /** A row that is larger than all memory there may be is named before an operator takes it. */
  #checkRoom(batch: BatchPtr): void {
    const room = this.#room;
    if (room === undefined || room.usedBytes() <= room.budgetBytes) return;
    const found = largestRow(this.#view, batch, this.node.output);
    if (found === undefined || found.bytes <= room.budgetBytes) return;
    const { row, bytes, field, fieldBytes, begins: value } = found;
    const { budgetBytes } = room;
    const params = { operator: nodeName(this.node), bytes, field, fieldBytes, budgetBytes };
    throw runtimeErrors.ROW_BEYOND_BUDGET(params, { row: row - 1, batch, value });
  }

  get #isUnwanted(): boolean {
    return this.#targets.length > 0 && this.#targets.every((target) => target.satisfied === true);
  }

  /** MAX_WATERMARK, then the end of input. */
  #end(): void {
    this.#ended = true;
    this.#setIdle(false);
    this.#emitWatermark(MAX_WATERMARK);
    for (const target of this.#targets) target.end();
  }

  /** A stop that drains: event time is over, so that windows fire before the savepoint. */
  drain(): void {
    this.#setIdle(false);
    this.#emitWatermark(MAX_WATERMARK);
  }

  async close(): Promise<void> {
    await this.reader.close();
  }

  #emitWatermark(watermark: number): void {
    if (watermark <= this.#watermark) return;
    this.#watermark = watermark;
    for (const target of this.#targets) target.watermark(watermark);
  }

  #setIdle(idle: boolean): void {
    if (idle === this.#idle) return;
    this.#idle = idle;
    for (const target of this.#targets) target.idle(idle);
  }

  #await(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.reader.wait().then(
      () => {
        this.#waiting = false;
        this.#wake();
      },
      (error: unknown) => {
        this.#waiting = false;
        this.#fail(error);
      },
    );
  }
}
