/**
 * ExchangeOutput: one edge's producer side in one subtask: rows to the rings of the consumers,
 *                 control frames to all.
 *
 * Flow:    chain → receive → WireCodec → ring of each consumer (or DirectLane, to one of the same worker); what finds its ring full waits
 *          here. The gate is blocked until that is gone and another block like the last one would find room, and the
 *          subtask reads nothing meanwhile.
 * Limits:  OVERFLOW_LIMIT_BYTES wait at most: what one call may emit beyond full rings.
 * Errors:  MR5007 beyond that.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Counter } from "../../contract/metrics.ts";
import { runtimeErrors } from "../errors.ts";
import type { EdgeSpec } from "../graph/job-graph.ts";
import type { ChainTarget, Gate } from "../task/chain-target.ts";
import type { TaskMetricGroup } from "../task/task-metrics.ts";
import type { Barrier } from "./barrier.ts";
import type { DirectLane } from "./direct-lane.ts";
import { FrameKind, type RingWriter } from "./ring.ts";
import type { WireCodec } from "./wire-codec.ts";

export const OVERFLOW_LIMIT_BYTES = 1024 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

export interface OutputChannel {
  readonly ring: RingWriter;
  /** Tells the consumer's worker that there is something to read. */
  readonly signal: () => void;
  /** To a consumer of the same worker; asked for when rows go there, because it may be made later. */
  readonly direct?: () => DirectLane | undefined;
}

interface Waiting {
  readonly kind: FrameKind;
  readonly payload: Uint8Array;
}

export class ExchangeOutput implements ChainTarget {
  readonly edge: EdgeSpec;
  readonly #channels: readonly OutputChannel[];
  readonly #codec: WireCodec;
  readonly #gate: Gate;
  readonly #operator: string;
  readonly #waiting: Waiting[][];
  /** By channel: of the last block's largest frame. */
  readonly #lastLengths: number[];
  readonly #buffersOut: Counter;
  readonly #bytesOut: Counter;
  #waitingBytes = 0;
  #unblock: (() => void) | undefined;
  #next = 0;

  constructor(options: {
    readonly edge: EdgeSpec;
    readonly channels: readonly OutputChannel[];
    readonly codec: WireCodec;
    readonly gate: Gate;
    readonly operator: string;
    readonly metrics: TaskMetricGroup;
  }) {
    this.edge = options.edge;
    this.#channels = options.channels;
    this.#codec = options.codec;
    this.#gate = options.gate;
    this.#operator = options.operator;
    this.#waiting = options.channels.map(() => []);
    this.#lastLengths = options.channels.map(() => 0);
    this.#buffersOut = options.metrics.counter("numBuffersOut");
    this.#bytesOut = options.metrics.counter("numBytesOut");
  }

  /** Every consumer drops what comes. */
  get satisfied(): boolean {
    return this.#channels.every(({ ring }) => ring.refused);
  }

  /** True when nothing waits for room in a ring. */
  get isDrained(): boolean {
    return this.#waiting.every((queue) => queue.length === 0);
  }

  receive(batch: BatchPtr): void {
    if (this.satisfied) return;
    const channels = this.#channels.length;
    const { kind } = this.edge.distribution;
    if (kind === "broadcast") {
      const block = this.#codec.encode(batch);
      for (let i = 0; i < channels; i++) this.#sendBlock(i, block);
    } else if (kind === "hash" && channels > 1) {
      this.#sendParts(batch);
    } else {
      const lane = this.#laneOf(this.#next);
      if (lane !== undefined) this.#deliver(lane, batch);
      else this.#sendBlock(this.#next, this.#codec.encode(batch));
      this.#next = (this.#next + 1) % channels;
    }
  }

  /** What goes to other workers goes first: they need not wait for what is done here. */
  #sendParts(batch: BatchPtr): void {
    const channels = this.#channels.length;
    const part = this.#codec.partition(batch, channels);
    for (let i = 0; i < channels; i++) {
      if (this.#channels[i]!.direct !== undefined) continue;
      const block = this.#codec.encodePart(batch, part, i);
      if (block !== undefined) this.#sendBlock(i, block);
    }
    for (let i = 0; i < channels; i++) {
      if (this.#channels[i]!.direct === undefined) continue;
      const lane = this.#laneOf(i);
      if (lane !== undefined) {
        const rows = this.#codec.gatherPart(batch, part, i);
        if (rows !== undefined) this.#deliver(lane, rows);
        continue;
      }
      const block = this.#codec.encodePart(batch, part, i);
      if (block !== undefined) this.#sendBlock(i, block);
    }
  }

  /** The way past a ring, when it is open and nothing waits for room in the ring. */
  #laneOf(index: number): DirectLane | undefined {
    const lane = this.#channels[index]!.direct?.();
    return lane?.open && this.#waiting[index]!.length === 0 ? lane : undefined;
  }

  #deliver(lane: DirectLane, batch: BatchPtr): void {
    const bytes = this.#codec.bytesOf(batch);
    this.#buffersOut.value++;
    this.#bytesOut.value += bytes;
    lane.deliver(batch, bytes);
  }

  watermark(watermark: number): void {
    const payload = new Uint8Array(8);
    new DataView(payload.buffer).setFloat64(0, watermark, true);
    this.#sendAll(FrameKind.WATERMARK, payload);
  }

  idle(idle: boolean): void {
    this.#sendAll(FrameKind.IDLE, new Uint8Array([idle ? 1 : 0]));
  }

  end(): void {
    this.#sendAll(FrameKind.END, NOTHING);
  }

  barrier(barrier: Barrier): void {
    this.#sendAll(FrameKind.BARRIER, new TextEncoder().encode(JSON.stringify(barrier)));
  }

  /** Moves what waits into rings that have room again; true when something moved. */
  drain(): boolean {
    if (this.#unblock === undefined) return false;
    let moved = false;
    this.#waiting.forEach((queue, index) => {
      let sent = 0;
      const { ring, signal } = this.#channels[index]!;
      while (sent < queue.length && ring.tryWrite(queue[sent]!.kind, queue[sent]!.payload)) {
        this.#waitingBytes -= queue[sent]!.payload.length;
        sent++;
      }
      if (sent === 0) return;
      queue.splice(0, sent);
      moved = true;
      signal();
    });
    if (this.#waiting.every((queue, index) => queue.length === 0 && this.#isRoomy(index))) {
      this.#unblock();
      this.#unblock = undefined;
    }
    return moved;
  }

  /** Whether a block like the last one would find room: what does not is copied to wait. */
  #isRoomy(index: number): boolean {
    return this.#channels[index]!.ring.hasRoom(this.#lastLengths[index]!);
  }

  #sendAll(kind: FrameKind, payload: Uint8Array): void {
    for (let i = 0; i < this.#channels.length; i++) this.#send(i, kind, payload);
  }

  #sendBlock(index: number, block: Uint8Array): void {
    const { maxPayload } = this.#channels[index]!.ring;
    this.#buffersOut.value++;
    this.#bytesOut.value += block.length;
    let offset = 0;
    while (block.length - offset > maxPayload) {
      this.#send(index, FrameKind.PART, block.subarray(offset, offset + maxPayload));
      offset += maxPayload;
    }
    this.#send(index, FrameKind.BATCH, offset === 0 ? block : block.subarray(offset));
    this.#lastLengths[index] = Math.min(block.length, maxPayload);
    if (!this.#isRoomy(index)) this.#unblock ??= this.#gate.block();
  }

  #send(index: number, kind: FrameKind, payload: Uint8Array): void {
    const { ring, signal } = this.#channels[index]!;
    const queue = this.#waiting[index]!;
    if (queue.length === 0 && ring.tryWrite(kind, payload)) {
      signal();
      return;
    }
    if (this.#waitingBytes + payload.length > OVERFLOW_LIMIT_BYTES)
      throw runtimeErrors.OUTPUT_OVERFLOW({
        operator: this.#operator,
        limitBytes: OVERFLOW_LIMIT_BYTES,
      });
    queue.push({ kind, payload: payload.slice() });
    this.#waitingBytes += payload.length;
    this.#unblock ??= this.#gate.block();
  }
}
