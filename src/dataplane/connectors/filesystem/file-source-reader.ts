/**
 * FileSourceReader: reads the file ranges given to it, one after the other, straight into columns.
 *
 * Flow:    BlockInput → Decoder (one call per batch) → task. The position in the split is that behind the last batch.
 * Rules:   poll() reads the next block when the one before is decoded; what else takes time is left to wait().
 * Replay:  with replay options the rows of a batch go out when they are due (replay-pacer.ts); what is not due yet is
 *          decoded again later, so nothing is kept between two calls.
 * Errors:  MR3101 of the format is given the file and its line; MR300x the disk.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { BadRecord, Decoder, QuotedRecords } from "../../contract/format.ts";
import type {
  PollResult,
  SourceReader,
  SourceReaderContext,
  SourceSplit,
} from "../../contract/source.ts";
import { BlockInput } from "./block-input.ts";
import type { FixedMemory } from "../fixed-memory.ts";
import { DeadLetters, recordOf } from "./dead-letters.ts";
import { fileError } from "./file-errors.ts";
import { asFileSplit, type FileSplit } from "./file-split.ts";
import { countLines } from "./line-count.ts";
import { RecordScanner } from "./record-scanner.ts";
import type { ReplayPacer } from "./replay-pacer.ts";

/** Bytes decoded at once in a replay: few, because what is not due is decoded again. */
const REPLAY_BYTES = 64 * 1024;
/** UTF-8's byte order mark. */
const RECORD_TOO_LONG = "MR3006";
const MARK = [0xef, 0xbb, 0xbf];

/** One whose rows depend on where their file lies is told of each file. */
export interface FileDecoder extends Decoder {
  startFile?(path: string): void;
  release?(): void;
}
export type FileDecoderFactory = (onBadRecord: (record: BadRecord) => void) => FileDecoder;

export class FileSourceReader implements SourceReader {
  readonly #context: SourceReaderContext;
  readonly #decoder: FileDecoder;
  readonly #base: number;
  readonly #allocate: (sizeBytes: number) => FixedMemory;
  readonly #release: () => void;
  readonly #pacer: ReplayPacer | undefined;
  readonly #quoted: QuotedRecords | undefined;
  readonly #deadLetters: DeadLetters | undefined;
  readonly #queue: FileSplit[] = [];
  #split: FileSplit | undefined;
  #input: BlockInput | undefined;
  #opening: Promise<void> | undefined;
  /** The file before is closed when this resolves. */
  #closing: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(options: {
    readonly context: SourceReaderContext;
    readonly createDecoder: FileDecoderFactory;
    /** BlockInput.memoryBytes() of memory, given back by release(). */
    readonly base: number;
    /** More memory, for a long record. */
    readonly allocate: (sizeBytes: number) => FixedMemory;
    readonly release: () => void;
    readonly pacer: ReplayPacer | undefined;
    /** Absent: every line feed ends a record. */
    readonly quoted: QuotedRecords | undefined;
    readonly deadLetterPath: string | undefined;
  }) {
    this.#context = options.context;
    this.#base = options.base;
    this.#allocate = options.allocate;
    this.#release = options.release;
    this.#pacer = options.pacer;
    this.#quoted = options.quoted;
    const { env, subtaskIndex } = options.context;
    this.#deadLetters =
      options.deadLetterPath === undefined
        ? undefined
        : new DeadLetters(env.files, options.deadLetterPath, subtaskIndex);
    this.#decoder = options.createDecoder((record) => this.#badRecord(record));
  }

  async open(): Promise<void> {
    await this.#deadLetters?.open();
  }

  addSplits(splits: readonly SourceSplit[]): void {
    for (const { letters = [], ...split } of splits.map(asFileSplit)) {
      for (const letter of letters) this.#deadLetters?.add(letter);
      this.#queue.push(split);
    }
  }

  poll(): PollResult {
    if (this.#failure !== undefined) return { kind: "idle" };
    if (this.#split === undefined) {
      const next = this.#queue.shift();
      if (next === undefined) return { kind: "empty" };
      this.#start(next);
    }
    if (this.#opening !== undefined || this.#lettersWait) return { kind: "idle" };
    try {
      return this.#decode(this.#split!, this.#input!);
    } catch (error) {
      // Told by wait(), which may count lines to say where.
      this.#failure = error;
      return { kind: "idle" };
    }
  }

  async wait(): Promise<void> {
    if (this.#failure !== undefined) throw await this.#placed(this.#failure);
    if (this.#lettersWait) await this.#deadLetters!.flush();
    if (this.#opening !== undefined) {
      await this.#opening;
      this.#opening = undefined;
      return;
    }
    if (this.#pacer?.waiting === true) await this.#pacer.wait();
  }

  async placeOf(rows: Parameters<NonNullable<SourceReader["placeOf"]>>[0]): Promise<string> {
    const before = asFileSplit(rows.before);
    const after = asFileSplit(rows.after);
    const { path, start } = after;
    // A split goes on from one file to the next.
    const begin = before.path === path ? before : { line: 0, offset: 0 };
    const lines = after.line - begin.line;
    if (lines <= 0) return `${path}, bytes ${begin.offset} to ${after.offset}`;
    const skipped = start === 0 ? 0 : await countLines(this.#context.env.files, path, start);
    const first = skipped + begin.line + 1;
    if (rows.row !== undefined && lines === rows.count) return `${path}, line ${first + rows.row}`;
    return `${path}, lines ${first} to ${first + lines - 1}`;
  }

  async close(): Promise<void> {
    this.#pacer?.close();
    const input = this.#input;
    this.#input = undefined;
    await this.#opening?.catch(() => undefined);
    await input?.close();
    await this.#closing;
    await this.#deadLetters?.close();
    this.#decoder.release?.();
    this.#release();
  }

  #start(split: FileSplit): void {
    this.#split = split;
    const { env, runtime } = this.#context;
    const input = new BlockInput({
      files: env.files,
      memory: runtime.memory,
      base: this.#base,
      allocate: this.#allocate,
      path: split.path,
      offset: split.offset,
      end: split.end,
      skipToRecord: split.start > 0 && split.offset === split.start,
      scanner:
        this.#quoted &&
        new RecordScanner(runtime, this.#quoted, this.#base + BlockInput.scanOffset()),
    });
    this.#input = input;
    this.#decoder.startAt?.(split.offset);
    this.#opening = this.#closing.then(async () => {
      await input.open();
      this.#decoder.startFile?.(split.path);
    });
    // The error is told by wait(); this only keeps it from being reported as unhandled before that.
    this.#opening.catch(() => undefined);
  }

  #decode(split: FileSplit, input: BlockInput): PollResult {
    if (input.length === 0 && !input.last) input.advance();
    if (input.offset === 0) this.#skipMark(input);
    let { offset, line, skip } = split;
    while (true) {
      if (input.length === 0 && input.last) return this.#finish(split, input);
      const limit = this.#pacer === undefined ? input.length : Math.min(input.length, REPLAY_BYTES);
      const whole = limit === input.length;
      let result = this.#decoder.decode(input.address, limit, whole && input.last);
      if (result.consumedBytes === 0 && result.rows === 0 && !whole)
        result = this.#decoder.decode(input.address, input.length, input.last);
      offset = input.offset + result.consumedBytes;
      line += result.lines;
      if (result.rows > 0) {
        const paced = this.#pacer?.due(result.batch, result.rows, skip);
        if (paced === undefined || paced.complete) {
          input.consume(result.consumedBytes);
          this.#split = { ...split, offset, line, skip: 0 };
          return this.#batch(paced?.batch ?? result.batch, this.#split);
        }
        if (paced.rows === 0) return { kind: "idle" };
        this.#split = {
          ...split,
          offset: input.offset,
          line: line - result.lines,
          skip: skip + paced.rows,
        };
        return this.#batch(paced.batch, this.#split);
      }
      input.consume(result.consumedBytes);
      split = { ...split, offset, line };
      this.#split = split;
      skip = split.skip;
      if (result.consumedBytes === 0 && input.last) input.consume(input.length);
      else if (result.consumedBytes === 0) input.advance();
    }
  }

  /** A file may begin with UTF-8's byte order mark, which is no part of its first record. */
  #skipMark(input: BlockInput): void {
    const { buffer } = this.#context.runtime.memory;
    const start = new Uint8Array(buffer, input.address, Math.min(input.length, MARK.length));
    if (MARK.every((byte, i) => start[i] === byte)) input.consume(MARK.length);
  }

  get #lettersWait(): boolean {
    return this.#deadLetters !== undefined && this.#deadLetters.pending.length > 0;
  }

  #batch(batch: number, split: FileSplit): PollResult {
    if (!this.#lettersWait) return { kind: "batch", batch, split };
    return { kind: "batch", batch, split: { ...split, letters: [...this.#deadLetters!.pending] } };
  }

  #finish(split: FileSplit, input: BlockInput): PollResult {
    if (this.#lettersWait) return { kind: "idle" };
    this.#input = undefined;
    this.#closing = input.close().catch((error: unknown) => {
      this.#failure = fileError(error, "close", split.path);
    });
    const [path, ...rest] = split.rest;
    if (path !== undefined) {
      this.#start({ ...split, path, rest, start: 0, end: -1, offset: 0, line: 0, skip: 0 });
      return { kind: "idle" };
    }
    this.#split = undefined;
    return { kind: "finished", splitId: split.id };
  }

  #badRecord(record: BadRecord): void {
    const split = this.#split;
    const input = this.#input;
    if (this.#deadLetters === undefined || split === undefined || input === undefined) return;
    const start = input.address + record.offset;
    const bytes = new Uint8Array(this.#context.runtime.memory.buffer, start, record.length);
    this.#deadLetters.add({
      source: split.path,
      offset: input.offset + record.offset,
      column: record.column,
      reason: record.reason,
      ...recordOf(bytes),
    });
  }

  /** Adds the file and the line within it to an error of the format. */
  async #placed(error: unknown): Promise<unknown> {
    const split = this.#split;
    if (!(error instanceof MillraceError) || split === undefined) return error;
    const isTooLong = error.code === RECORD_TOO_LONG;
    if (!isTooLong && !("line" in error.params && "source" in error.params)) return error;
    const before =
      split.start === 0 ? 0 : await countLines(this.#context.env.files, split.path, split.start);
    if (isTooLong) return error.at({ source: `${split.path}, line ${before + split.line + 1}` });
    const line = before + split.line + Number(error.params.line);
    const column = Number(error.params.column);
    return new MillraceError(
      error.definition,
      { ...error.params, source: split.path, line },
      { ...error.place, source: split.path, at: { start: 0, end: 0, line, column } },
    );
  }
}
