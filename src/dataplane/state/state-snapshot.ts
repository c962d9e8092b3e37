/**
 * StateSnapshot: one snapshot of a subtask's state on its way to storage.
 *
 * Flow:    barrier → constructor (freezes pages: the pause) → step() between batches copies frozen
 *          pages into a segment → done resolves with the handle when the segment is durable.
 * Pause:   a step ends at its budget of bytes or after STEP_MS, looked at every COPY_BYTES; the index
 *          is hashed as it grows and written in the pieces it came in, so that no step does
 *          something for all pages at once.
 * Kinds:   incremental: dirty pages, upon the chain. full (savepoints): all pages, in a segment of
 *          its own; the chain does not notice.
 * Failure: of writing, or of memory for saving frozen pages: `done` rejects, the pages are dirty
 *          again, the job goes on.
 */
import type { MillraceError } from "../../foundation/base/errors.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { snapshotErrors, stateErrors } from "./errors.ts";
import {
  checksumText,
  encodeTail,
  hashedPart,
  INDEX_RECORD_BYTES,
  SEGMENT_HEADER,
  type SegmentMap,
  setDigest,
} from "./segment-format.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import type { SegmentRef } from "./state-handle.ts";

const COPY_BYTES = 64 * 1024;
/** Pages for a copy, and one for its index and, at its end, the stream that hashes the index. */
const BUFFER_PAGES = COPY_BYTES / 4096 + 1;
const STREAM_BYTES = 80;
const STREAM_OFFSET = BUFFER_PAGES * 4096 - STREAM_BYTES;
const MOST_RECORDS = Math.floor((4096 - STREAM_BYTES) / INDEX_RECORD_BYTES);
/** The longest step, a copy aside, that is not held up by others. */
const STEP_MS = 2;
/** Pieces of the index (of up to MOST_RECORDS pages) that are written between two looks at the clock. */
const PIECES = 16;

export interface StateSnapshotOptions {
  readonly runtime: WorkerRuntime;
  readonly domain: number;
  readonly name: string;
  readonly checkpointId: number;
  /** Number that the written pages are marked with. */
  readonly segment: number;
  readonly full: boolean;
  readonly maps: readonly SegmentMap[];
  readonly writer: SegmentWriter;
  readonly nowMs: () => number;
  /** Of the chain's last segment: when nothing has changed since, there is no new segment. */
  readonly lastLive: Uint8Array | undefined;
}

export interface WrittenSegment {
  /** Undefined when the chain says it all. */
  readonly ref: SegmentRef | undefined;
  readonly live: Uint8Array;
}

export class StateSnapshot {
  readonly done: Promise<WrittenSegment>;
  readonly #options: StateSnapshotOptions;
  readonly #live: Uint8Array = new Uint8Array(0);
  readonly #index: Uint8Array[] = [];
  #snapshot: number;
  /** Of the copies, from the first until the snapshot ends; 0 = none. */
  #buffer = 0;
  #pages = 0;
  /** Pieces of the index that are written already. */
  #pieces = 0;
  #dataBytes = 0;
  #settle!: { resolve: (written: WrittenSegment) => void; reject: (error: unknown) => void };

  constructor(options: StateSnapshotOptions) {
    this.#options = options;
    const { runtime, domain, segment, full, name, lastLive } = options;
    const { kernels, memory } = runtime;
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#snapshot = kernels.snapshotBegin(domain, segment, full ? 1 : 0) >>> 0;
    if (this.#snapshot === 0) {
      this.#settle.reject(snapshotErrors.SNAPSHOT_MEMORY({ name }));
      return;
    }
    const live = kernels.snapshotLive(this.#snapshot) >>> 0;
    const liveBytes = kernels.snapshotLiveBytes(this.#snapshot);
    this.#live = new Uint8Array(memory.buffer, live, liveBytes).slice();
    const unchanged =
      !full &&
      lastLive !== undefined &&
      kernels.snapshotPages(this.#snapshot) === 0 &&
      Buffer.compare(lastLive, this.#live) === 0;
    if (unchanged) {
      this.#end(true);
      this.#settle.resolve({ ref: undefined, live: this.#live });
    } else options.writer.append(SEGMENT_HEADER);
  }

  /**
   * Copies up to about `budgetBytes`, for not much longer than STEP_MS; true when nothing is left to
   * do between batches.
   */
  step(budgetBytes: number): boolean {
    if (this.#snapshot === 0) return true;
    const { runtime, writer, name, nowMs } = this.#options;
    const { kernels } = runtime;
    const untilMs = nowMs() + STEP_MS;
    for (let copied = 0; copied < budgetBytes && nowMs() < untilMs; ) {
      if (writer.failed) {
        this.#fail(undefined);
        return true;
      }
      if (kernels.snapshotFailed(this.#snapshot) !== 0) {
        this.#fail(snapshotErrors.SNAPSHOT_MEMORY({ name }));
        return true;
      }
      if (writer.isFull) return false;
      if (kernels.snapshotLeft(this.#snapshot) === 0) {
        if (this.#writeIndex()) return true;
        copied += PIECES * MOST_RECORDS * INDEX_RECORD_BYTES;
        continue;
      }
      if (!this.#allocate()) {
        this.#fail(snapshotErrors.SNAPSHOT_MEMORY({ name }));
        return true;
      }
      copied += this.#copy();
    }
    return false;
  }

  /** The subtask is closing: the snapshot will never be. */
  abort(): void {
    if (this.#snapshot !== 0)
      this.#fail(snapshotErrors.SNAPSHOT_ABORTED({ name: this.#options.name }));
  }

  /** False when there is no memory to copy through. */
  #allocate(): boolean {
    if (this.#buffer !== 0) return true;
    const { kernels } = this.#options.runtime;
    this.#buffer = kernels.pageAllocate(BUFFER_PAGES) >>> 0;
    if (this.#buffer === 0) return false;
    kernels.hashStreamBegin(this.#buffer + STREAM_OFFSET);
    return true;
  }

  /** Returns the bytes of memory that were copied. */
  #copy(): number {
    const { runtime, writer } = this.#options;
    const { kernels, memory } = runtime;
    const buffer = this.#buffer;
    const index = buffer + COPY_BYTES;
    const bytes = kernels.snapshotNext(this.#snapshot, buffer, COPY_BYTES, index, MOST_RECORDS);
    const pages = kernels.snapshotCopied();
    const indexBytes = pages * INDEX_RECORD_BYTES;
    kernels.hashStreamAdd(buffer + STREAM_OFFSET, index, indexBytes);
    this.#index.push(new Uint8Array(memory.buffer, index, indexBytes).slice());
    writer.append(new Uint8Array(memory.buffer, buffer, bytes));
    this.#pages += pages;
    this.#dataBytes += bytes;
    return pages * 4096;
  }

  /** Some pieces of the index, then what stands behind it; true when all is written or given up. */
  #writeIndex(): boolean {
    const { writer } = this.#options;
    const end = Math.min(this.#pieces + PIECES, this.#index.length);
    for (; this.#pieces < end; this.#pieces++) writer.append(this.#index[this.#pieces]!);
    if (this.#pieces < this.#index.length) return false;
    this.#finish();
    return true;
  }

  #finish(): void {
    const { writer, maps, checkpointId, name, runtime } = this.#options;
    const live = this.#live;
    if (!this.#allocate()) {
      this.#fail(snapshotErrors.SNAPSHOT_MEMORY({ name }));
      return;
    }
    const records = this.#pages;
    const dataBytes = this.#dataBytes;
    const tail = encodeTail({ dataBytes, records, liveBytes: live.length, maps }, checkpointId);
    this.#hash(live);
    this.#hash(hashedPart(tail));
    const stream = this.#buffer + STREAM_OFFSET;
    const digest = BigInt.asUintN(64, runtime.kernels.hashStreamEnd(stream));
    setDigest(tail, digest);
    writer.append(live);
    writer.append(tail);
    this.#end(true);
    writer.finish(checksumText(digest), records).then(
      (ref) => this.#settle.resolve({ ref, live }),
      (error: unknown) => this.#settle.reject(error),
    );
  }

  #hash(bytes: Uint8Array): void {
    const { kernels, memory } = this.#options.runtime;
    for (let from = 0; from < bytes.length; from += COPY_BYTES) {
      const part = bytes.subarray(from, from + COPY_BYTES);
      new Uint8Array(memory.buffer).set(part, this.#buffer);
      kernels.hashStreamAdd(this.#buffer + STREAM_OFFSET, this.#buffer, part.length);
    }
  }

  /** Without an error of our own, the writer's. */
  #fail(error: MillraceError | undefined): void {
    const { writer } = this.#options;
    this.#end(false);
    const failed =
      error === undefined
        ? writer.finish("", 0).then(() => stateErrors.STATE_CLOSED({ name: this.#options.name }))
        : writer.discard().then(() => error);
    failed.then(this.#settle.reject, this.#settle.reject);
  }

  #end(success: boolean): void {
    const { kernels } = this.#options.runtime;
    if (this.#buffer !== 0) kernels.pageFree(this.#buffer, BUFFER_PAGES);
    this.#buffer = 0;
    kernels.snapshotEnd(this.#snapshot, success ? 1 : 0);
    this.#snapshot = 0;
  }
}
