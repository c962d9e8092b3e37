/**
 * BlockInput: one file range, block by block, in the worker's memory.
 *
 * Flow:    ReadableFile → memory → FileSourceReader.
 * Layout:  memory at `base`: [ room for the start of a record that the block before did not finish | block | 64 bytes ]
 *          The bytes not yet decoded are always [address, address + length).
 * Reads:   synchronous, straight into the memory, which cannot grow meanwhile: no copy, and no trip over the event loop.
 * Limits:  BLOCK_BYTES a read. For a record that is longer the block doubles, in memory of its own, until it fits or would
 *          exceed MAX_RECORD_BYTES, and is as it was behind it.
 * Errors:  MR3002 … MR3004 opening and reading, MR3006 a record beyond MAX_RECORD_BYTES, MR3007 a file that shrank.
 */
import type { Files, ReadableFile } from "../../../foundation/host/env.ts";
import { connectorErrors } from "../errors.ts";
import type { FixedMemory } from "../fixed-memory.ts";
import { fileError, onFile } from "./file-errors.ts";
import { type RecordScanner, SCAN_BYTES } from "./record-scanner.ts";

const BLOCK_BYTES = 1024 * 1024;
export const MAX_RECORD_BYTES = 256 * BLOCK_BYTES;
const SLACK_BYTES = 64;
const LINE_FEED = 10;

export class BlockInput {
  readonly path: string;
  readonly #files: Files;
  readonly #memory: WebAssembly.Memory;
  readonly #base: number;
  readonly #allocate: (sizeBytes: number) => FixedMemory;
  readonly #end: number;
  /** Of a block, and where it lies when it is larger than others. */
  #blockBytes = BLOCK_BYTES;
  #grown: FixedMemory | undefined;
  #file: ReadableFile | undefined;
  /** Where the next read starts. */
  #readAt: number;
  #exhausted = false;
  /** The bytes before the range's first record end belong to the range before. */
  #skipToRecord: boolean;
  readonly #scanner: RecordScanner | undefined;

  address = 0;
  length = 0;
  /** File offset of `address`. */
  offset: number;
  /** True when [address, address + length) is the rest of the range. */
  last = false;

  static memoryBytes(): number {
    return 2 * BLOCK_BYTES + SLACK_BYTES + SCAN_BYTES;
  }

  /** Of these bytes: where those for the scanner are. */
  static scanOffset(): number {
    return 2 * BLOCK_BYTES + SLACK_BYTES;
  }

  /** `base`: memoryBytes() of memory; `allocate`: more, for a long record. Reading starts at `offset`, or behind the record that holds offset − 1. */
  constructor(options: {
    readonly files: Files;
    readonly memory: WebAssembly.Memory;
    readonly base: number;
    readonly allocate: (sizeBytes: number) => FixedMemory;
    readonly path: string;
    readonly offset: number;
    readonly end: number;
    readonly skipToRecord: boolean;
    /** Finds the ends of records; absent: every line feed is one. */
    readonly scanner?: RecordScanner | undefined;
  }) {
    this.path = options.path;
    this.#files = options.files;
    this.#memory = options.memory;
    this.#base = options.base;
    this.#allocate = options.allocate;
    this.#end = options.end;
    this.#skipToRecord = options.skipToRecord;
    this.#scanner = options.scanner;
    this.#readAt = options.skipToRecord ? options.offset - 1 : options.offset;
    this.offset = this.#readAt;
    this.address = this.#base + BLOCK_BYTES;
  }

  /** Opens the file; the first advance() reads. */
  async open(): Promise<void> {
    const stat = await onFile("read", this.path, () => this.#files.stat(this.path));
    if (stat === undefined) throw connectorErrors.PATH_MISSING({ path: this.path });
    if (stat.sizeBytes < this.offset)
      throw connectorErrors.FILE_CHANGED({ path: this.path, offset: this.offset });
    this.#file = await onFile("open", this.path, () => this.#files.open(this.path));
    if (this.#scanner !== undefined && this.#skipToRecord) this.#seek(this.#scanner, this.offset);
  }

  /** The decoder has taken the first `bytes`. */
  consume(bytes: number): void {
    this.address += bytes;
    this.offset += bytes;
    this.length -= bytes;
  }

  /** Puts the next block behind what is left. */
  advance(): void {
    while (!this.last && !this.#append());
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#grown?.release();
    this.#grown = undefined;
    await file?.close();
  }

  /** Fills the block as far as the file goes. */
  #read(block: Uint8Array): Uint8Array {
    const file = this.#file;
    if (file === undefined) return block.subarray(0, 0);
    let filled = 0;
    try {
      while (filled < block.length) {
        const bytes = file.readSync(block.subarray(filled), this.#readAt);
        if (bytes === 0) {
          this.#exhausted = true;
          break;
        }
        filled += bytes;
        this.#readAt += bytes;
      }
    } catch (error) {
      throw fileError(error, "read", this.path);
    }
    return block.subarray(0, filled);
  }

  /** Moves the rest to the room before a block that is as long; returns where the block begins. */
  #makeRoom(): number {
    let blockBytes = BLOCK_BYTES;
    while (this.length > blockBytes) blockBytes *= 2;
    const before = this.#grown;
    if (blockBytes > MAX_RECORD_BYTES)
      throw connectorErrors.RECORD_TOO_LONG({
        path: this.path,
        offset: this.offset,
        limitBytes: MAX_RECORD_BYTES,
      });
    if (blockBytes !== this.#blockBytes)
      this.#grown =
        blockBytes === BLOCK_BYTES ? undefined : this.#allocate(2 * blockBytes + SLACK_BYTES);
    this.#blockBytes = blockBytes;
    const start = (this.#grown?.address ?? this.#base) + blockBytes;
    const whole = new Uint8Array(this.#memory.buffer);
    whole.copyWithin(start - this.length, this.address, this.address + this.length);
    if (before !== this.#grown) before?.release();
    return start;
  }

  /** Reads the next block behind the rest. False: only foreign bytes so far. */
  #append(): boolean {
    const start = this.#makeRoom();
    const whole = new Uint8Array(this.#memory.buffer);
    let bytes = this.#read(whole.subarray(start, start + this.#blockBytes));
    this.address = start - this.length;
    if (this.#skipToRecord) {
      const at = bytes.indexOf(LINE_FEED);
      const skipped = at < 0 ? bytes.length : at + 1;
      this.offset += skipped;
      bytes = bytes.subarray(skipped);
      this.address += skipped;
      if (at >= 0) this.#skipToRecord = false;
    }
    this.length += this.#cut(bytes, this.offset + this.length).length;
    this.last ||= this.#exhausted;
    return !this.#skipToRecord || this.last;
  }

  /** Looks through the file from its beginning, to the first record end at or behind `target`. */
  #seek(scanner: RecordScanner, target: number): void {
    scanner.begin(true);
    const whole = new Uint8Array(this.#memory.buffer);
    const start = this.#base + BLOCK_BYTES;
    for (this.#readAt = 0; !this.#exhausted; ) {
      const at = this.#readAt;
      const { length } = this.#read(whole.subarray(start, start + BLOCK_BYTES));
      const end = scanner.find(start, length, Math.max(0, target - at));
      if (end < 0) continue;
      this.#readAt = at + end + 1;
      break;
    }
    this.offset = this.#readAt;
    this.#skipToRecord = false;
  }

  /** Leaves out what follows the last record that starts before the range's end. */
  #cut(bytes: Uint8Array, at: number): Uint8Array {
    const { length } = bytes;
    if (this.#end < 0) return bytes;
    // The last record ends with the first record end at or after end − 1.
    const from = Math.max(0, this.#end - 1 - at);
    // A range whose first line start lies beyond its end holds no record.
    if (this.offset >= this.#end && this.length === 0) {
      this.last = true;
      return bytes.subarray(0, 0);
    }
    if (from >= length) return bytes;
    const lineEnd =
      this.#scanner === undefined
        ? bytes.indexOf(LINE_FEED, from)
        : this.#recordEnd(this.#scanner, bytes, from);
    if (lineEnd < 0) return bytes;
    this.last = true;
    return bytes.subarray(0, lineEnd + 1);
  }

  /** Of what lies behind the rest, which begins with a record. */
  #recordEnd(scanner: RecordScanner, bytes: Uint8Array, from: number): number {
    scanner.begin(this.offset === 0);
    const found = scanner.find(this.address, this.length + bytes.length, this.length + from);
    return found < 0 ? found : found - this.length;
  }
}
