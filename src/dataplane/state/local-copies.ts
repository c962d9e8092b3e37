/**
 * LocalCopies: segments of a job's checkpoints on local disk besides those in checkpoint storage, so that a job whose process
 * has died goes on without fetching its state (Flink's local backup and recovery from it).
 *
 * Flow:    SegmentWriter → write() while a checkpoint is written; restore → open() instead of the store's file; a completed
 *          checkpoint → keepOnly(), which removes what it does not name.
 * Names:   <folder>/<segment's id>.seg: an id is never given twice, so a copy is the segment or damaged, never an older one.
 * Trust:   none. A copy is not synced; open() reads all of it and compares length, index digest and every page's hash with
 *          what the manifest says. What is not right is removed, and the store's file is read.
 * Errors:  none: without a copy a restore is slower, not wrong.
 */
import type { Files, ReadableFile, WritableFile } from "../../foundation/host/env.ts";
import {
  type HashBytes,
  INDEX_RECORD_BYTES,
  type ReadRange,
  readSegmentEnd,
  SEGMENT_HEADER,
} from "./segment-format.ts";
import type { ChainSegment } from "./segment-chain.ts";
import type { SegmentRef } from "./state-handle.ts";

export interface LocalCopiesOptions {
  /** Of the job. */
  readonly folder: string;
  /** Whether checkpoints leave copies, and whether a restore looks for them. */
  readonly write: boolean;
  readonly read: boolean;
}

const READ_BYTES = 1024 * 1024;

export class LocalCopies {
  readonly #files: Files;
  readonly #options: LocalCopiesOptions;
  /** Ids of copies that this subtask has written or restored from. */
  #known = new Set<string>();

  constructor(files: Files, options: LocalCopiesOptions) {
    this.#files = files;
    this.#options = options;
  }

  /** A copy that is being written; undefined when none is wanted or can be. */
  async create(id: string): Promise<LocalCopy | undefined> {
    const { folder, write } = this.#options;
    if (!write) return undefined;
    try {
      await this.#files.mkdirs(folder);
      const file = await this.#files.create(this.#path(id));
      this.#known.add(id);
      return new LocalCopy(this.#files, this.#path(id), file);
    } catch {
      return undefined;
    }
  }

  /** The copy of a segment when it is there and whole. */
  async open(ref: SegmentRef, hash: HashBytes): Promise<ReadableFile | undefined> {
    if (!this.#options.read || ref.file === undefined) return undefined;
    const path = this.#path(ref.id);
    let file: ReadableFile | undefined;
    try {
      if ((await this.#files.stat(path))?.sizeBytes === ref.lengthBytes) {
        file = await this.#files.open(path);
        if (await isWhole(ref, file, hash)) {
          this.#known.add(ref.id);
          return file;
        }
      }
    } catch {
      // Damaged: the store has it.
    }
    await file?.close().catch(() => {});
    await this.#files.remove(path).catch(() => {});
    return undefined;
  }

  /** Removes copies that a completed checkpoint, and those after it, do without. */
  async keepOnly(chain: readonly ChainSegment[], completedId: number): Promise<void> {
    const ids = new Set(chain.map(({ ref }) => ref.id));
    for (const id of this.#known) {
      if (ids.has(id) || Number(id.slice(0, id.indexOf("-"))) > completedId) continue;
      this.#known.delete(id);
      await this.#files.remove(this.#path(id)).catch(() => {});
    }
  }

  #path(id: string): string {
    return `${this.#options.folder}/${id}.seg`;
  }
}

/** A copy beside the segment; whatever fails, only the copy is given up. */
export class LocalCopy {
  readonly #files: Files;
  readonly #path: string;
  readonly #file: WritableFile;
  #failed = false;

  constructor(files: Files, path: string, file: WritableFile) {
    this.#files = files;
    this.#path = path;
    this.#file = file;
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#failed) return;
    await this.#file.append(bytes).catch(() => this.discard());
  }

  async close(): Promise<void> {
    if (!this.#failed) await this.#file.close().catch(() => this.discard());
  }

  async discard(): Promise<void> {
    if (this.#failed) return;
    this.#failed = true;
    await this.#file.close().catch(() => {});
    await this.#files.remove(this.#path).catch(() => {});
  }
}

/** Whether a file is what the reference means, to its last page. */
async function isWhole(ref: SegmentRef, file: ReadableFile, hash: HashBytes): Promise<boolean> {
  const read: ReadRange = async (position, length) => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = await file.read(bytes.subarray(done), position + done);
      if (count === 0) throw new Error("it ends too early");
      done += count;
    }
    return bytes;
  };
  const { index } = await readSegmentEnd(ref, read, hash);
  const data = new DataView(index.buffer, index.byteOffset, index.length);
  const records = index.length / INDEX_RECORD_BYTES;
  let at = SEGMENT_HEADER.length;
  for (let r = 0; r < records; ) {
    let bytes = 0;
    let next = r;
    for (; next < records && bytes < READ_BYTES; next++)
      bytes += data.getUint32(next * INDEX_RECORD_BYTES + 20, true);
    const part = await read(at, bytes);
    for (let from = 0; r < next; r++) {
      const length = data.getUint32(r * INDEX_RECORD_BYTES + 20, true);
      const wanted = data.getBigUint64(r * INDEX_RECORD_BYTES + 24, true);
      if (hash(part.subarray(from, from + length)) !== wanted) return false;
      from += length;
    }
    at += bytes;
  }
  return true;
}
