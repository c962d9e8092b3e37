/**
 * SegmentWriter: takes the bytes of a segment as they come and writes them behind the running job:
 * to a file, or, when they stay few, into the reference itself, which spares a file and its sync.
 *
 * Flow:    snapshot (sync, between batches) → append → chunks → file; finish → synced file →
 *          SegmentRef.
 * Chunks:  bytes are copied once, from wherever they lie into a chunk; a chunk that has been
 *          written is filled again: a checkpoint allocates as much as the disk is behind.
 * Limits:  INLINE_BYTES in the reference; QUEUE_BYTES waiting for the disk, then `isFull` asks the
 *          caller to wait.
 * Errors:  MR4201 once, from finish(); what was written is removed then. The caller may look at
 *          `failed` earlier.
 */
import type { KeyGroupRange } from "../../foundation/columnar/key-group.ts";
import type { Files, WritableFile } from "../../foundation/host/env.ts";
import { writeError } from "./errors.ts";
import type { LocalCopies, LocalCopy } from "./local-copies.ts";
import type { SegmentRef } from "./state-handle.ts";

/** As Flink's state.storage.fs.memory-threshold. */
const INLINE_BYTES = 20 * 1024;
const QUEUE_BYTES = 32 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** Of the first chunk: most snapshots are small. */
const FIRST_CHUNK_BYTES = 32 * 1024;

export interface SegmentWriterOptions {
  readonly files: Files;
  readonly id: string;
  readonly folder: string;
  readonly file: string;
  readonly keyGroups: KeyGroupRange;
  /** Beside which a copy is left. */
  readonly copies?: LocalCopies | undefined;
}

export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  /** Full chunks in their order; the one that is being filled is not among them. */
  #waiting: Uint8Array[] = [];
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkUsed = 0;
  readonly #written: Uint8Array[] = [];
  #waitingBytes = 0;
  #lengthBytes = 0;
  #file: WritableFile | undefined;
  #copy: LocalCopy | undefined;
  #created = false;
  #pump: Promise<void> | undefined;
  #error: unknown;
  #failed = false;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
  }

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  get isFull(): boolean {
    return this.#waitingBytes >= QUEUE_BYTES;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Copies the bytes. */
  append(bytes: Uint8Array): void {
    this.#lengthBytes += bytes.length;
    for (let from = 0; from < bytes.length && !this.#failed; ) {
      if (this.#chunkUsed === this.#chunk.length) this.#nextChunk();
      const count = Math.min(bytes.length - from, this.#chunk.length - this.#chunkUsed);
      this.#chunk.set(bytes.subarray(from, from + count), this.#chunkUsed);
      this.#chunkUsed += count;
      from += count;
    }
  }

  #nextChunk(): void {
    this.#queueChunk();
    const first = this.#lengthBytes <= FIRST_CHUNK_BYTES;
    this.#chunk =
      this.#written.pop() ?? Buffer.allocUnsafeSlow(first ? FIRST_CHUNK_BYTES : CHUNK_BYTES);
  }

  #queueChunk(): void {
    if (this.#chunkUsed === 0) return;
    this.#waiting.push(this.#chunk.subarray(0, this.#chunkUsed));
    this.#waitingBytes += this.#chunkUsed;
    this.#chunk = new Uint8Array(0);
    this.#chunkUsed = 0;
    this.#pump ??= this.#write();
  }

  /** Resolves when the segment would survive a crash. */
  async finish(checksum: string, pages: number): Promise<SegmentRef> {
    const { id, file, keyGroups } = this.#options;
    const ref = { id, lengthBytes: this.#lengthBytes, checksum, pages, keyGroups };
    if (this.#lengthBytes <= INLINE_BYTES && !this.#failed) {
      const bytes = Buffer.from(this.#chunk.buffer, this.#chunk.byteOffset, this.#chunkUsed);
      return { ...ref, data: bytes.toString("base64") };
    }
    this.#queueChunk();
    while (this.#pump !== undefined) await this.#pump;
    try {
      if (this.#failed) throw this.#error;
      await this.#file!.sync();
      await this.#file!.close();
      await this.#copy?.close();
    } catch (error) {
      await this.discard();
      throw writeError(file, error);
    }
    return { ...ref, file };
  }

  /**
   * Gives up: closes and removes what was written. Never throws: the reason to give up is what
   * counts.
   */
  async discard(): Promise<void> {
    this.#failed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    while (this.#pump !== undefined) await this.#pump;
    await this.#file?.close().catch(() => {});
    await this.#copy?.discard();
    if (this.#created) await this.#options.files.remove(this.#options.file).catch(() => {});
  }

  /** Writes what waits, until nothing does. */
  async #write(): Promise<void> {
    const { files, folder, file, id, copies } = this.#options;
    try {
      if (this.#file === undefined) {
        await files.mkdirs(folder);
        this.#created = true;
        this.#file = await files.create(file);
        this.#copy = await copies?.create(id);
      }
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        await this.#file.append(next);
        await this.#copy?.append(next);
        this.#waitingBytes -= next.length;
        if (next.length === CHUNK_BYTES) this.#written.push(next);
      }
    } catch (error) {
      this.#error = error;
      this.#failed = true;
      this.#waiting = [];
      this.#waitingBytes = 0;
    } finally {
      this.#pump = undefined;
    }
  }
}
