/**
 * ExchangeInput: one edge's consumer side in one subtask: frames of all producers, in turn, into
 *                one input of the chain.
 *
 * Flow:    rings → here → (one memcpy into the arena) → WireCodec.decode → target. Watermarks of
 *          channels are combined here.
 * Rules:   a channel behind its barrier is not read until unblock(), or read on where rows need only come at least once; a
 *          channel that has ended needs no barrier.
 * Pieces:  where the worker's memory is limited, a batch comes in pieces, with time for state to make room between them: what
 *          the keys of one piece have in state must fit. Behind a restore of much state the first rows come alone, then more
 *          and more, and what comes of each piece goes on its way before the next: a result need not wait for all that a
 *          whole batch asks for.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Counter } from "../../contract/metrics.ts";
import { MAX_WATERMARK } from "../../contract/operator.ts";
import type { EdgeSpec } from "../graph/job-graph.ts";
import type { ChainTarget } from "../task/chain-target.ts";
import type { HeadStep } from "../task/source-head.ts";
import type { TaskMetricGroup } from "../task/task-metrics.ts";
import { WatermarkCombiner } from "../task/watermarks.ts";
import type { Barrier } from "./barrier.ts";
import { type Frame, FrameKind, type RingReader } from "./ring.ts";
import type { WireCodec } from "./wire-codec.ts";

export interface InputChannel {
  readonly ring: RingReader;
  /** Tells the producer's worker that there is room again. */
  readonly signal: () => void;
}

export interface BatchPieces {
  /** Of the next piece. */
  readonly mostRows: () => number;
  /** Lets state go that the next piece may not need. */
  readonly makeRoom: () => void;
  /** Whether a piece is all that is done at a time: the next one waits for the next poll. */
  readonly alone: () => boolean;
}

export interface ExchangeInputOptions {
  readonly edge: EdgeSpec;
  readonly channels: readonly InputChannel[];
  readonly codec: WireCodec;
  readonly target: ChainTarget;
  readonly metrics: TaskMetricGroup;
  readonly onBarrier: (barrier: Barrier) => void;
  /** Whether channels behind their barrier wait for the others. */
  readonly aligns: boolean;
  readonly pieces?: BatchPieces | undefined;
}

interface ChannelState {
  readonly ring: RingReader;
  readonly signal: () => void;
  /** The last one that came; 0 = none yet. */
  barrierId: number;
  blocked: boolean;
  ended: boolean;
  /** Parts of a block that is longer than a frame. */
  parts: Uint8Array[];
}

export class ExchangeInput {
  readonly edge: EdgeSpec;
  readonly #channels: readonly ChannelState[];
  readonly #codec: WireCodec;
  readonly #target: ChainTarget;
  readonly #combiner: WatermarkCombiner;
  readonly #onBarrier: (barrier: Barrier) => void;
  readonly #aligns: boolean;
  readonly #pieces: BatchPieces | undefined;
  readonly #buffersIn: Counter;
  readonly #bytesIn: Counter;
  /** A block whose rows from `from` on are still to come. */
  #left: { readonly block: Uint8Array; readonly from: number } | undefined;
  #next = 0;
  #idle = false;
  #ended = false;

  constructor(options: ExchangeInputOptions) {
    this.edge = options.edge;
    this.#channels = options.channels.map(({ ring, signal }) => ({
      ring,
      signal,
      barrierId: 0,
      blocked: false,
      ended: false,
      parts: [],
    }));
    this.#codec = options.codec;
    this.#target = options.target;
    this.#combiner = new WatermarkCombiner(options.channels.length);
    this.#onBarrier = options.onBarrier;
    this.#aligns = options.aligns;
    this.#pieces = options.pieces;
    this.#buffersIn = options.metrics.counter("numBuffersIn");
    this.#bytesIn = options.metrics.counter("numBytesIn");
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** True when every channel waits behind its barrier or has ended. */
  get blockedByBarrier(): boolean {
    return this.#channels.every((channel) => channel.blocked || channel.ended);
  }

  /** Whether the barrier of a checkpoint has come, on every channel that has not ended. */
  reached(checkpointId: number): boolean {
    return this.#channels.every((each) => each.ended || each.barrierId >= checkpointId);
  }

  /** The fullest ring, 0..1. */
  get usage(): number {
    return Math.max(...this.#channels.map((channel) => channel.ring.usage));
  }

  /** What waits behind the barrier of a checkpoint is read again. */
  unblock(checkpointId: number): void {
    for (const channel of this.#channels)
      if (channel.barrierId <= checkpointId) channel.blocked = false;
  }

  /** Whether a channel is read now, and nothing lies in its ring: then a batch may come past it. */
  reads(index: number): boolean {
    if (this.#left !== undefined || this.#pieces?.alone() === true) return false;
    const channel = this.#channels[index]!;
    return !channel.blocked && !channel.ended && channel.ring.isEmpty;
  }

  /** A batch that comes past the ring; `bytes`: what the ring would have carried. */
  deliver(batch: BatchPtr, bytes: number): void {
    this.#buffersIn.value++;
    this.#bytesIn.value += bytes;
    this.#receive(batch);
  }

  /** Takes one frame from the next channel that has one, or what is left of the one before. */
  poll(): HeadStep {
    if (this.#ended) return "ended";
    if (this.#left !== undefined) {
      this.#resume(this.#left);
      return "progress";
    }
    const count = this.#channels.length;
    for (let i = 0; i < count; i++) {
      const index = (this.#next + i) % count;
      const channel = this.#channels[index]!;
      if (channel.blocked || channel.ended) continue;
      const frame = channel.ring.peek();
      if (frame === undefined) continue;
      this.#next = (index + 1) % count;
      this.#handle(channel, index, frame);
      return "progress";
    }
    return "idle";
  }

  #handle(channel: ChannelState, index: number, frame: Frame): void {
    if (frame.kind === FrameKind.BATCH) {
      this.#batch(channel, frame);
      return;
    }
    const payload = new Uint8Array(frame.length);
    channel.ring.take(frame, payload);
    channel.signal();
    switch (frame.kind) {
      case FrameKind.PART:
        channel.parts.push(payload);
        break;
      case FrameKind.WATERMARK: {
        const watermark = new DataView(payload.buffer).getFloat64(0, true);
        this.#advanced(this.#combiner.watermark(index, watermark));
        break;
      }
      case FrameKind.IDLE:
        this.#advanced(this.#combiner.setIdle(index, payload[0] === 1));
        this.#passIdle();
        break;
      case FrameKind.BARRIER: {
        const barrier = JSON.parse(new TextDecoder().decode(payload)) as Barrier;
        channel.barrierId = barrier.checkpointId;
        channel.blocked = this.#aligns || barrier.stop !== "none";
        this.#onBarrier(barrier);
        break;
      }
      case FrameKind.END:
        this.#end(channel, index);
        break;
    }
  }

  #batch(channel: ChannelState, frame: Frame): void {
    const before = channel.parts.reduce((sum, part) => sum + part.length, 0);
    const length = before + frame.length;
    const { address, bytes } = this.#codec.allocate(length);
    let at = 0;
    for (const part of channel.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    channel.parts = [];
    channel.ring.take(frame, bytes.subarray(at, length));
    channel.signal();
    this.#buffersIn.value++;
    this.#bytesIn.value += length;
    const block = this.#pieces?.alone() === true ? bytes.slice(0, length) : undefined;
    this.#receive(this.#codec.decode(address), block);
  }

  #resume({ block, from }: { readonly block: Uint8Array; readonly from: number }): void {
    const { address, bytes } = this.#codec.allocate(block.length);
    bytes.set(block);
    this.#receive(this.#codec.decode(address), block, from);
  }

  /** `block`: what the batch is made of, where its rows need not come all at once. */
  #receive(batch: BatchPtr, block?: Uint8Array, from = 0): void {
    if (this.#pieces === undefined) this.#target.receive(batch);
    else {
      const { mostRows, makeRoom, alone } = this.#pieces;
      const next = this.#codec.inPieces(batch, from, mostRows, (piece) => {
        makeRoom();
        this.#target.receive(piece);
        return block === undefined || !alone();
      });
      this.#left = next === undefined || block === undefined ? undefined : { block, from: next };
    }
    if (this.#target.satisfied === true) for (const { ring } of this.#channels) ring.refuse();
  }

  #end(channel: ChannelState, index: number): void {
    channel.ended = true;
    // What has ended holds nobody back.
    this.#advanced(this.#combiner.watermark(index, MAX_WATERMARK));
    this.#advanced(this.#combiner.setIdle(index, false));
    if (!this.#channels.every((other) => other.ended)) {
      this.#passIdle();
      return;
    }
    this.#ended = true;
    this.#target.end();
  }

  #advanced(risen: boolean): void {
    if (risen) this.#target.watermark(this.#combiner.combined);
  }

  #passIdle(): void {
    if (this.#combiner.allIdle === this.#idle) return;
    this.#idle = this.#combiner.allIdle;
    this.#target.idle(this.#idle);
  }
}
