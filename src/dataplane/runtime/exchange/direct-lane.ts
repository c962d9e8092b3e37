/**
 * DirectLane: from one subtask to a consumer of the same worker, past the ring: a batch is handed over as it lies in memory,
 *             and what the consumer makes of it happens within the producer's call.
 *
 * Flow:    ExchangeOutput → here → ExchangeInput.deliver, as long as the consumer would read its ring now and nothing lies in
 *          it; all else (a full downstream, an alignment, a held input) goes through the ring, in its order.
 * Time:    of the consumer is the consumer's: the producer's busy time is without it.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Clock } from "../../../foundation/host/env.ts";
import type { Counter } from "../../contract/metrics.ts";
import type { ExchangeInput } from "./exchange-input.ts";

/** How a subtask spends its time; `lastMs`: until when that is accounted for. */
export interface SubtaskTimes {
  readonly busy: Counter;
  readonly idle: Counter;
  readonly blocked: Counter;
  lastMs: number;
}

/** What a lane needs of the subtask that it leads to. */
export interface DirectConsumer {
  /** Whether step() would read from this input now. */
  accepts(input: ExchangeInput): boolean;
  /** Runs a piece of its work; its memory is released afterwards. */
  run(work: () => void): void;
}

export class DirectLane {
  readonly #clock: Clock;
  readonly #channel: number;
  readonly #consumer: DirectConsumer;
  readonly #input: ExchangeInput;
  readonly #times: { readonly producer: SubtaskTimes; readonly consumer: SubtaskTimes };

  constructor(options: {
    readonly clock: Clock;
    /** Of the producer, among those of the input. */
    readonly channel: number;
    readonly consumer: DirectConsumer;
    readonly input: ExchangeInput;
    readonly times: { readonly producer: SubtaskTimes; readonly consumer: SubtaskTimes };
  }) {
    this.#clock = options.clock;
    this.#channel = options.channel;
    this.#consumer = options.consumer;
    this.#input = options.input;
    this.#times = options.times;
  }

  /** Whether a batch may go this way now. */
  get open(): boolean {
    return this.#input.reads(this.#channel) && this.#consumer.accepts(this.#input);
  }

  /** Only when open; `bytes`: what a ring would have carried. */
  deliver(batch: BatchPtr, bytes: number): void {
    const { producer, consumer } = this.#times;
    const startMs = this.#clock.monotonicMs();
    this.#consumer.run(() => this.#input.deliver(batch, bytes));
    const elapsedMs = this.#clock.monotonicMs() - startMs;
    consumer.busy.value += elapsedMs;
    // The gap until its next step is that much shorter.
    consumer.lastMs += elapsedMs;
    producer.busy.value -= elapsedMs;
  }
}
