/**
 * Ring: a single-producer single-consumer queue of frames in shared memory, one per pair of
 *       subtasks that exchange rows.
 *
 * Layout (bytes; positions count up modulo 2^32, the offset in the data is position mod capacity):
 *
 *       0  u32  write position      only the producer stores it
 *      64  u32  read position       only the consumer stores it
 *      68  u32  refused             1 = the consumer wants no more batches; only it stores that
 *     128  data, `capacity` bytes (a power of two)
 *
 * Frame (8-byte aligned; header and payload may wrap around the end of the data at any 8-byte
 * step):
 *
 *      +0  u32  kind                FrameKind
 *      +4  u32  length              bytes of payload
 *      +8  payload, padded to 8
 *
 * Limits:  a frame takes at most half of the ring; a longer batch goes as PART frames before its
 *          BATCH frame.
 */
import { assert } from "../../../foundation/base/errors.ts";

export const FrameKind = {
  /** A wire block, or the last part of one. */
  BATCH: 1,
  /** A part of a wire block; more follow. */
  PART: 2,
  /** f64 watermark. */
  WATERMARK: 3,
  /** Barrier as JSON. */
  BARRIER: 4,
  /** u8: 1 idle, 0 active again. */
  IDLE: 5,
  END: 6,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export const RING_HEADER_BYTES = 128;
const FRAME_HEADER_BYTES = 8;
const WRITE_POSITION = 0;
const READ_POSITION = 16;
const REFUSED = 17;

export function ringBytes(capacity: number): number {
  return RING_HEADER_BYTES + capacity;
}

/** Payload that fits into one frame. */
export function maxPayload(capacity: number): number {
  return capacity / 2 - FRAME_HEADER_BYTES;
}

export class RingWriter {
  readonly #positions: Int32Array;
  readonly #data: Uint8Array;
  readonly #words: Uint32Array;
  readonly #capacity: number;
  #write: number;

  constructor(memory: SharedArrayBuffer) {
    this.#capacity = capacityOf(memory);
    this.#positions = new Int32Array(memory, 0, RING_HEADER_BYTES / 4);
    this.#data = new Uint8Array(memory, RING_HEADER_BYTES);
    this.#words = new Uint32Array(memory, RING_HEADER_BYTES);
    this.#write = Atomics.load(this.#positions, WRITE_POSITION) >>> 0;
  }

  get maxPayload(): number {
    return maxPayload(this.#capacity);
  }

  /** Bytes that lie in the ring, unread. */
  get used(): number {
    return (this.#write - (Atomics.load(this.#positions, READ_POSITION) >>> 0)) >>> 0;
  }

  /** The consumer drops whatever batches come. */
  get refused(): boolean {
    return Atomics.load(this.#positions, REFUSED) === 1;
  }

  /** Whether a frame with such a payload finds room. */
  hasRoom(length: number): boolean {
    return this.#capacity - this.used >= FRAME_HEADER_BYTES + align(length);
  }

  /** False when there is no room; nothing is written then. */
  tryWrite(kind: FrameKind, payload: Uint8Array): boolean {
    assert(payload.length <= this.maxPayload, `frame of ${payload.length} bytes`);
    if (!this.hasRoom(payload.length)) return false;
    const total = FRAME_HEADER_BYTES + align(payload.length);
    const mask = this.#capacity - 1;
    const at = this.#write & mask;
    this.#words[at >>> 2] = kind;
    this.#words[(at >>> 2) + 1] = payload.length;
    const start = (at + FRAME_HEADER_BYTES) & mask;
    const first = Math.min(payload.length, this.#capacity - start);
    this.#data.set(first === payload.length ? payload : payload.subarray(0, first), start);
    if (first < payload.length) this.#data.set(payload.subarray(first), 0);
    this.#write = (this.#write + total) >>> 0;
    Atomics.store(this.#positions, WRITE_POSITION, this.#write | 0);
    return true;
  }
}

export interface Frame {
  readonly kind: FrameKind;
  readonly length: number;
}

export class RingReader {
  readonly #positions: Int32Array;
  readonly #data: Uint8Array;
  readonly #words: Uint32Array;
  readonly #capacity: number;
  #read: number;

  constructor(memory: SharedArrayBuffer) {
    this.#capacity = capacityOf(memory);
    this.#positions = new Int32Array(memory, 0, RING_HEADER_BYTES / 4);
    this.#data = new Uint8Array(memory, RING_HEADER_BYTES);
    this.#words = new Uint32Array(memory, RING_HEADER_BYTES);
    this.#read = Atomics.load(this.#positions, READ_POSITION) >>> 0;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#positions, WRITE_POSITION) >>> 0 === this.#read;
  }

  /** Tells the producer that its batches would be dropped. */
  refuse(): void {
    Atomics.store(this.#positions, REFUSED, 1);
  }

  /** Share of the ring that is full, 0..1. */
  get usage(): number {
    const write = Atomics.load(this.#positions, WRITE_POSITION) >>> 0;
    return ((write - this.#read) >>> 0) / this.#capacity;
  }

  /** The next frame, left in the ring; undefined when the ring is empty. */
  peek(): Frame | undefined {
    if (this.isEmpty) return undefined;
    const word = (this.#read & (this.#capacity - 1)) >>> 2;
    return { kind: this.#words[word] as FrameKind, length: this.#words[word + 1]! };
  }

  /**
   * Copies the payload of the peeked frame to `target` (its length or longer) and frees the frame.
   */
  take(frame: Frame, target: Uint8Array): void {
    const mask = this.#capacity - 1;
    const start = (this.#read + FRAME_HEADER_BYTES) & mask;
    const first = Math.min(frame.length, this.#capacity - start);
    target.set(this.#data.subarray(start, start + first));
    if (first < frame.length) target.set(this.#data.subarray(0, frame.length - first), first);
    this.#read = (this.#read + FRAME_HEADER_BYTES + align(frame.length)) >>> 0;
    Atomics.store(this.#positions, READ_POSITION, this.#read | 0);
  }
}

function align(length: number): number {
  return (length + 7) & ~7;
}

function capacityOf(memory: SharedArrayBuffer): number {
  const capacity = memory.byteLength - RING_HEADER_BYTES;
  assert(capacity >= 64 && (capacity & (capacity - 1)) === 0, `ring of ${capacity} bytes`);
  return capacity;
}
