/**
 * IdlenessDetector: sits before a WatermarkAssigner and marks its output idle when no row has come
 *                   for its timeout.
 *
 * Flow:    head → here → watermark assigner; idleness goes from the assigner's runner to its
 *          targets.
 * Source:  Flink WatermarkAssignerOperator (table.exec.source.idle-timeout).
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Clock } from "../../../foundation/host/env.ts";
import type { ChainTarget } from "./chain-target.ts";
import type { OperatorRunner } from "./operator-runner.ts";

export class IdlenessDetector implements ChainTarget {
  readonly #runner: OperatorRunner;
  readonly #input: ChainTarget;
  readonly #idleTimeoutMs: number;
  readonly #clock: Clock;
  readonly #register: (time: number) => void;
  /** Rows may be there, but are not wanted now. */
  readonly #isHeld: () => boolean;
  #isIdle = false;
  #lastRowMs: number;
  #armed = false;
  #ended = false;

  constructor(options: {
    readonly runner: OperatorRunner;
    readonly input: ChainTarget;
    readonly idleTimeoutMs: number;
    readonly clock: Clock;
    readonly register: (time: number) => void;
    readonly isHeld: () => boolean;
  }) {
    this.#runner = options.runner;
    this.#input = options.input;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#clock = options.clock;
    this.#register = options.register;
    this.#isHeld = options.isHeld;
    this.#lastRowMs = options.clock.nowMs();
  }

  get isIdle(): boolean {
    return this.#isIdle;
  }

  /** Starts watching; called once the chain is open. */
  start(): void {
    this.#lastRowMs = this.#clock.nowMs();
    this.#arm();
  }

  receive(batch: BatchPtr): void {
    this.#lastRowMs = this.#clock.nowMs();
    this.#pass(false);
    this.#arm();
    this.#input.receive(batch);
  }

  watermark(watermark: number): void {
    this.#input.watermark(watermark);
  }

  idle(idle: boolean): void {
    this.#input.idle(idle);
  }

  end(): void {
    this.#ended = true;
    this.#input.end();
  }

  onProcessingTime(): void {
    this.#armed = false;
    if (this.#ended) return;
    if (this.#isHeld()) this.#lastRowMs = this.#clock.nowMs();
    if (this.#clock.nowMs() - this.#lastRowMs >= this.#idleTimeoutMs) this.#pass(true);
    else this.#arm();
  }

  #pass(idle: boolean): void {
    this.#isIdle = idle;
    this.#runner.passIdle(idle);
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#register(this.#lastRowMs + this.#idleTimeoutMs);
  }
}
