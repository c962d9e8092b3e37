/**
 * StateSnapshot: one snapshot of a subtask's state on its way to storage.
 *
 * Flow:    barrier → constructor (freezes pages: the pause) → step() between batches copies frozen
 *          pages into a segment → done resolves with the handle when the segment is durable.
 * Kinds:   incremental: dirty pages, upon the chain. full (savepoints): all pages, in a segment of
 *          its own; the chain does not notice.
 * Failure: of writing, or of memory for saving frozen pages: `done` rejects, the pages are dirty
 *          again, the job goes on.
 */
import type { MillraceError } from "../../foundation/base/errors.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { snapshotErrors, stateErrors } from "./errors.ts";
import {
  encodeSegmentEnd,
  type HashBytes,
  INDEX_RECORD_BYTES,
  SEGMENT_HEADER,
  type SegmentMap,
} from "./segment-format.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import type { SegmentRef } from "./state-handle.ts";

const COPY_BYTES = 256 * 1024;
const COPY_PAGES = COPY_BYTES / 4096;
const INDEX_PAGES = 1;
const MOST_RECORDS = Math.floor((INDEX_PAGES * 4096) / INDEX_RECORD_BYTES);

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
  readonly hash: HashBytes;
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
  #pages = 0;
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
    } else options.writer.append(SEGMENT_HEADER.slice());
  }

  /** Copies up to about `budgetBytes`; true when nothing is left to do between batches. */
  step(budgetBytes: number): boolean {
    if (this.#snapshot === 0) return true;
    const { runtime, writer, name } = this.#options;
    const { kernels } = runtime;
    for (let copied = 0; copied < budgetBytes; ) {
      if (writer.failed) {
        this.#fail(undefined);
        return true;
      }
      if (kernels.snapshotFailed(this.#snapshot) !== 0) {
        this.#fail(snapshotErrors.SNAPSHOT_MEMORY({ name }));
        return true;
      }
      if (kernels.snapshotLeft(this.#snapshot) === 0) {
        this.#finish();
        return true;
      }
      if (writer.isFull) return false;
      const bytes = this.#copy();
      if (bytes === 0) {
        this.#fail(snapshotErrors.SNAPSHOT_MEMORY({ name }));
        return true;
      }
      copied += bytes;
    }
    return false;
  }

  /** The subtask is closing: the snapshot will never be. */
  abort(): void {
    if (this.#snapshot !== 0)
      this.#fail(snapshotErrors.SNAPSHOT_ABORTED({ name: this.#options.name }));
  }

  /** Returns the bytes of memory that were copied; 0 when there is no memory to copy through. */
  #copy(): number {
    const { runtime, writer } = this.#options;
    const { kernels, memory } = runtime;
    const buffer = kernels.pageAllocate(COPY_PAGES + INDEX_PAGES) >>> 0;
    if (buffer === 0) return 0;
    const index = buffer + COPY_BYTES;
    const bytes = kernels.snapshotNext(this.#snapshot, buffer, COPY_BYTES, index, MOST_RECORDS);
    const pages = kernels.snapshotCopied();
    const all = new Uint8Array(memory.buffer);
    this.#index.push(all.slice(index, index + pages * INDEX_RECORD_BYTES));
    if (bytes > 0) writer.append(all.slice(buffer, buffer + bytes));
    kernels.pageFree(buffer, COPY_PAGES + INDEX_PAGES);
    this.#pages += pages;
    return pages * 4096;
  }

  #finish(): void {
    const { writer, maps, checkpointId, hash } = this.#options;
    const live = this.#live;
    const dataBytes = writer.lengthBytes - SEGMENT_HEADER.length;
    const index = Buffer.concat(this.#index);
    let end: ReturnType<typeof encodeSegmentEnd>;
    try {
      end = encodeSegmentEnd({ dataBytes, index, live, maps }, checkpointId, hash);
    } catch (cause) {
      // Hashing goes through the worker's memory, which may be exhausted.
      this.#fail(snapshotErrors.SNAPSHOT_MEMORY({ name: this.#options.name }, { cause }));
      return;
    }
    writer.append(end.bytes);
    this.#end(true);
    writer.finish(end.checksum, this.#pages).then(
      (ref) => this.#settle.resolve({ ref, live }),
      (error: unknown) => this.#settle.reject(error),
    );
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
    this.#options.runtime.kernels.snapshotEnd(this.#snapshot, success ? 1 : 0);
    this.#snapshot = 0;
  }
}
