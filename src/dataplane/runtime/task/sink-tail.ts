/**
 * SinkTail: one sink writer at the end of a chain: writes batches, waits while its buffers are
 *           full, flushes when the
 * stream pauses, and collects what a barrier makes committable.
 *
 * Flow:    chain → here → SinkWriter → (barrier) committables → job master → Committer.
 * Rules:   committables are kept until a checkpoint that holds them has committed: one that fails,
 *          and a savepoint, which commits nothing, leave theirs to the next.
 * Limits:  rows are handed on at the latest `execution.buffer-timeout.interval` after they were
 *          written.
 */
import type { BatchPtr, BatchView } from "../../../foundation/columnar/batch.ts";
import type { Clock } from "../../../foundation/host/env.ts";
import type { SinkNode } from "../../../foundation/plan/exec-node.ts";
import type { Counter } from "../../contract/metrics.ts";
import type { Committable, SinkWriter } from "../../contract/sink.ts";
import type { ChainTarget, Gate } from "./chain-target.ts";
import type { RowTap } from "./row-tap.ts";
import type { TaskMetricGroup } from "./task-metrics.ts";

export interface SinkSnapshot {
  /** Of this barrier, and of those before it that no completed checkpoint has committed yet. */
  readonly committables: readonly Committable[];
  readonly state: unknown;
}

export class SinkTail implements ChainTarget {
  readonly node: SinkNode;
  readonly writer: SinkWriter;
  readonly #view: BatchView;
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #bufferTimeoutMs: number;
  readonly #wake: () => void;
  readonly #fail: (error: unknown) => void;
  readonly #recordsSend: Counter;
  readonly tap: RowTap;
  #unblock: (() => void) | undefined;
  #dirtySinceMs: number | undefined;
  #full = false;
  #ended = false;
  /**
   * Prepared, and not known to be committed: a checkpoint that fails leaves its part to the next.
   */
  #prepared: { readonly checkpointId: number; readonly committables: readonly Committable[] }[] =
    [];

  constructor(options: {
    readonly node: SinkNode;
    readonly writer: SinkWriter;
    readonly metrics: TaskMetricGroup;
    readonly view: BatchView;
    readonly gate: Gate;
    readonly clock: Clock;
    readonly bufferTimeoutMs: number;
    readonly tap: RowTap;
    readonly wake: () => void;
    readonly fail: (error: unknown) => void;
  }) {
    this.node = options.node;
    this.writer = options.writer;
    this.#view = options.view;
    this.#gate = options.gate;
    this.#clock = options.clock;
    this.#bufferTimeoutMs = options.bufferTimeoutMs;
    this.#wake = options.wake;
    this.#fail = options.fail;
    this.tap = options.tap;
    this.#recordsSend = options.metrics.counter("numRecordsSend");
  }

  get ended(): boolean {
    return this.#ended;
  }

  receive(batch: BatchPtr): void {
    this.#recordsSend.value += this.#view.rows(batch);
    if (this.tap.active) this.tap.offer(batch);
    this.#dirtySinceMs ??= this.#clock.monotonicMs();
    if (!this.writer.write(batch) && !this.#full) {
      this.#full = true;
      this.#unblock ??= this.#gate.block();
    }
  }

  watermark(watermark: number): void {
    this.writer.writeWatermark(watermark);
  }

  idle(): void {}

  end(): void {
    this.#ended = true;
  }

  /** Starts a flush when the writer is full, its rows are old enough, or the stream has paused. */
  maybeFlush(paused: boolean): void {
    if (this.#dirtySinceMs === undefined && !this.#full) return;
    const old =
      this.#dirtySinceMs !== undefined &&
      this.#clock.monotonicMs() - this.#dirtySinceMs >= this.#bufferTimeoutMs;
    if (this.#full || paused || old) this.#hold(this.writer.flush());
  }

  /** Everything written so far becomes committable; the chain stands still until it has. */
  async prepareCommit(checkpointId: number): Promise<SinkSnapshot> {
    const unblock = this.#unblock ?? this.#gate.block();
    this.#unblock = undefined;
    try {
      if (this.#dirtySinceMs !== undefined) await this.writer.flush();
      this.#dirtySinceMs = undefined;
      this.#full = false;
      const { committables, state } = await this.writer.prepareCommit(checkpointId);
      if (committables.length > 0) this.#prepared.push({ checkpointId, committables });
      return { committables: this.#prepared.flatMap((part) => part.committables), state };
    } catch (error) {
      // What the writer held may be gone: only a restart from the last checkpoint brings it again.
      this.#fail(error);
      throw error;
    } finally {
      unblock();
      this.#wake();
    }
  }

  /** A checkpoint is complete, and what was prepared up to its barrier is committed. */
  confirm(checkpointId: number): void {
    this.#prepared = this.#prepared.filter((part) => part.checkpointId > checkpointId);
  }

  async close(): Promise<void> {
    await this.writer.close();
  }

  #hold(flushed: Promise<void>): void {
    this.#unblock ??= this.#gate.block();
    this.#full = false;
    this.#dirtySinceMs = undefined;
    flushed.then(
      () => {
        this.#unblock?.();
        this.#unblock = undefined;
        this.#wake();
      },
      (error: unknown) => this.#fail(error),
    );
  }
}
