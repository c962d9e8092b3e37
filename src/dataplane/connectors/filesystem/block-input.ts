/**
 * BlockInput: one file range, block by block, in the worker's memory.
 *
 * Flow:    ReadableFile → (read ahead into a spare block while the other is decoded) → memory → FileSourceReader.
 * Layout:  memory at `base`: [ room for the start of a record that the block before did not finish | block | 64 bytes ]
 *          The bytes not yet decoded are always [address, address + length).
 * Limits:  blockBytes a read; a record is at most blockBytes long.
 * Why a spare block: while a read is under way the memory may grow, which would detach the bytes it is written to.
 * Errors:  MR3002 … MR3004 opening and reading, MR3006 a record longer than a block, MR3007 a file that shrank.
 */
import type { Files, ReadableFile } from "../../../foundation/host/env.ts";
import { connectorErrors } from "../errors.ts";
import { onFile } from "./file-errors.ts";

export const BLOCK_BYTES = 1024 * 1024;
/** Files of at most one block are read in one synchronous step. */
const SLACK_BYTES = 64;
const LINE_FEED = 10;

export class BlockInput {
  readonly path: string;
  readonly #files: Files;
  readonly #memory: WebAssembly.Memory;
  readonly #base: number;
  readonly #end: number;
  #file: ReadableFile | undefined;
  /** Where the next read starts. */
  #readAt: number;
  #ready: Uint8Array | undefined;
  readonly #spares: [Uint8Array, Uint8Array];
  #turn = 0;
  #pending: Promise<void> | undefined;
  #exhausted = false;
  /** The bytes before the range's first line end belong to the range before. */
  #skipToLine: boolean;

  address = 0;
  length = 0;
  /** File offset of `address`. */
  offset: number;
  /** True when [address, address + length) is the rest of the range. */
  last = false;

  static memoryBytes(): number {
    return 2 * BLOCK_BYTES + SLACK_BYTES;
  }

  /** `base`: memoryBytes() of memory. Reading starts at `offset`, or behind the line that holds offset − 1. */
  constructor(options: {
    readonly files: Files;
    readonly memory: WebAssembly.Memory;
    readonly base: number;
    readonly spares: [Uint8Array, Uint8Array];
    readonly path: string;
    readonly offset: number;
    readonly end: number;
    readonly skipToLine: boolean;
  }) {
    this.path = options.path;
    this.#files = options.files;
    this.#memory = options.memory;
    this.#base = options.base;
    this.#spares = options.spares;
    this.#end = options.end;
    this.#skipToLine = options.skipToLine;
    this.#readAt = options.skipToLine ? options.offset - 1 : options.offset;
    this.offset = this.#readAt;
    this.address = this.#base + BLOCK_BYTES;
  }

  /** Opens the file and reads the first block. */
  async open(): Promise<void> {
    const stat = await onFile("read", this.path, () => this.#files.stat(this.path));
    if (stat === undefined) throw connectorErrors.PATH_MISSING({ path: this.path });
    if (stat.sizeBytes < this.offset)
      throw connectorErrors.FILE_CHANGED({ path: this.path, offset: this.offset });
    this.#file = await onFile("open", this.path, () => this.#files.open(this.path));
    await this.#read();
  }

  /** The decoder has taken the first `bytes`. */
  consume(bytes: number): void {
    this.address += bytes;
    this.offset += bytes;
    this.length -= bytes;
  }

  /** Puts the next block behind what is left; false when it has not been read yet. */
  advance(): boolean {
    while (!this.last) {
      const block = this.#ready;
      if (block === undefined) return false;
      this.#ready = undefined;
      if (!this.#exhausted) this.#readAhead();
      if (this.#append(block)) return true;
    }
    return true;
  }

  /** Resolves when advance() may go on. */
  async wait(): Promise<void> {
    await this.#pending;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await this.#pending?.catch(() => undefined);
    await file?.close();
  }

  #readAhead(): void {
    this.#pending = this.#read();
    // The error is taken by wait(); this only keeps it from being reported as unhandled before that.
    this.#pending.catch(() => undefined);
  }

  async #read(): Promise<void> {
    const spare = this.#spares[this.#turn]!;
    this.#turn ^= 1;
    const file = this.#file;
    if (file === undefined) return;
    let filled = 0;
    while (filled < spare.length) {
      const target = spare.subarray(filled);
      const bytes = await onFile("read", this.path, () => file.read(target, this.#readAt));
      if (bytes === 0) {
        this.#exhausted = true;
        break;
      }
      filled += bytes;
      this.#readAt += bytes;
    }
    this.#ready = spare.subarray(0, filled);
  }

  /** Moves the rest to the room before the block, and the block behind it. False: only foreign bytes so far. */
  #append(block: Uint8Array): boolean {
    let bytes = block;
    if (this.#skipToLine) {
      const at = bytes.indexOf(LINE_FEED);
      const skipped = at < 0 ? bytes.length : at + 1;
      this.offset += skipped;
      bytes = bytes.subarray(skipped);
      if (at >= 0) this.#skipToLine = false;
    }
    const whole = new Uint8Array(this.#memory.buffer);
    const start = this.#base + BLOCK_BYTES;
    if (this.length > BLOCK_BYTES)
      throw connectorErrors.RECORD_TOO_LONG({
        path: this.path,
        offset: this.offset,
        limitBytes: BLOCK_BYTES,
      });
    whole.copyWithin(start - this.length, this.address, this.address + this.length);
    this.address = start - this.length;
    const cut = this.#cut(bytes, this.offset + this.length);
    whole.set(cut, start);
    this.length += cut.length;
    this.last ||= this.#exhausted && this.#ready === undefined;
    return !this.#skipToLine || this.last;
  }

  /** Leaves out what follows the last record that starts before the range's end. */
  #cut(bytes: Uint8Array, at: number): Uint8Array {
    const { length } = bytes;
    if (this.#end < 0) return bytes;
    // The last record ends with the first line feed at or after end − 1.
    const from = Math.max(0, this.#end - 1 - at);
    // A range whose first line start lies beyond its end holds no record.
    if (this.offset >= this.#end && this.length === 0) {
      this.last = true;
      return bytes.subarray(0, 0);
    }
    if (from >= length) return bytes;
    const lineEnd = bytes.indexOf(LINE_FEED, from);
    if (lineEnd < 0) return bytes;
    this.last = true;
    return bytes.subarray(0, lineEnd + 1);
  }
}
