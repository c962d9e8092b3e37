/**
 * SegmentWriter: takes the bytes of a segment as they come and writes them behind the running job:
 * to a file, or, when they
 * stay few, into the reference itself, which spares a file and its sync.
 *
 * Flow:    snapshot (sync, between batches) → append → queue → file; finish → synced file →
 *          SegmentRef.
 * Limits:  INLINE_BYTES in the reference; QUEUE_BYTES waiting for the disk, then `isFull` asks the
 *          caller to wait.
 * Errors:  MR4201 once, from finish(); what was written is removed then. The caller may look at
 *          `failed` earlier.
 */
import type { KeyGroupRange } from "../../foundation/columnar/key-group.ts";
import type { Files, WritableFile } from "../../foundation/host/env.ts";
import { writeError } from "./errors.ts";
import type { SegmentRef } from "./state-handle.ts";

/** As Flink's state.storage.fs.memory-threshold. */
const INLINE_BYTES = 20 * 1024;
const QUEUE_BYTES = 32 * 1024 * 1024;

export interface SegmentWriterOptions {
  readonly files: Files;
  readonly id: string;
  readonly folder: string;
  readonly file: string;
  readonly keyGroups: KeyGroupRange;
}

export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #lengthBytes = 0;
  #file: WritableFile | undefined;
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

  /** The bytes are the writer's from now on. */
  append(bytes: Uint8Array): void {
    this.#lengthBytes += bytes.length;
    if (this.#failed) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#lengthBytes > INLINE_BYTES) this.#pump ??= this.#write();
  }

  /** Resolves when the segment would survive a crash. */
  async finish(checksum: string, pages: number): Promise<SegmentRef> {
    const { id, file, keyGroups } = this.#options;
    const ref = { id, lengthBytes: this.#lengthBytes, checksum, pages, keyGroups };
    if (!this.#created && this.#pump === undefined && !this.#failed)
      return { ...ref, data: Buffer.concat(this.#waiting).toString("base64") };
    while (this.#pump !== undefined) await this.#pump;
    try {
      if (this.#failed) throw this.#error;
      await this.#file!.sync();
      await this.#file!.close();
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
    if (this.#created) await this.#options.files.remove(this.#options.file).catch(() => {});
  }

  /** Writes what waits, until nothing does. */
  async #write(): Promise<void> {
    const { files, folder, file } = this.#options;
    try {
      if (this.#file === undefined) {
        await files.mkdirs(folder);
        this.#created = true;
        this.#file = await files.create(file);
      }
      while (this.#waiting.length > 0) {
        const bytes = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting);
        this.#waiting = [];
        await this.#file.append(bytes);
        this.#waitingBytes -= bytes.length;
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
