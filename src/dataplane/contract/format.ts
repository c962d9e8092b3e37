/**
 * Formats turn bytes in the worker's memory into batches and back. A connector is given one by name (`format` option)
 * through the registry and never imports it.
 *
 * Errors: a record that cannot be decoded is handled by `errors` of the table (fail: MR31xx naming line, column and the
 *         value's type; skip: counted in numRecordsInErrors; dead-letter: handed to onBadRecord).
 */
import type { BatchPtr } from "../../foundation/columnar/batch.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { MetricGroup } from "./metrics.ts";
import type { WorkerRuntime } from "./operator.ts";

/** A record that did not decode: its place within the bytes given, and why. */
export interface BadRecord {
  readonly offset: number;
  readonly length: number;
  /** Lines before the record within the bytes given to this call of decode(). */
  readonly line: number;
  /** 1-based column in the record, in bytes. */
  readonly column: number;
  readonly reason: string;
}

export interface DecodeResult {
  /** 0 when there is no whole record in the bytes. */
  readonly batch: BatchPtr;
  readonly rows: number;
  readonly consumedBytes: number;
  /** Line ends within the consumed bytes (for line-based formats). */
  readonly lines: number;
}

export interface Decoder {
  /**
   * Decodes whole records of memory[address, address + length), at most MAX_BATCH_ROWS. With `last`, an unterminated
   * record at the end is whole. View values point into the given bytes where nothing had to be unescaped.
   */
  decode(address: number, length: number, last: boolean): DecodeResult;
  /** The bytes that follow start at this offset of a file (0: its beginning, where a header may be). */
  startAt?(offset: number): void;
}

export interface Encoder {
  /** Bytes at the beginning of a file, for example names of columns. */
  readonly header?: Uint8Array;
  /** Encodes all rows; returns where the bytes lie in the arena. */
  encode(batch: BatchPtr): { readonly address: number; readonly length: number };
}

export interface DecoderContext {
  readonly runtime: WorkerRuntime;
  /** The table's columns as declared; what the format decodes by name or position. */
  readonly table: Schema;
  /** Output columns as paths into `table` (ExecNode TableSourceScan.projection). */
  readonly projection: readonly (readonly number[])[];
  readonly output: Schema;
  /** All options of the table; the format reads those that start with its own name, and `errors`. */
  readonly options: Readonly<Record<string, string>>;
  readonly timeZone: string;
  readonly metrics: MetricGroup;
  /** Called for each bad record under `errors` = skip or dead-letter; under fail decode() throws. */
  readonly onBadRecord: (record: BadRecord) => void;
}

export interface EncoderContext {
  readonly runtime: WorkerRuntime;
  readonly input: Schema;
  readonly options: Readonly<Record<string, string>>;
  readonly timeZone: string;
}

/** Line feeds end records but between quotes; a quote opens a field at its first byte alone, and is closed by one not doubled. */
export interface QuotedRecords {
  /** Bytes. */
  readonly delimiter: number;
  readonly quote: number;
}

export interface FormatFactory {
  readonly identifier: string;
  /** True when every line feed ends a record, so that a file may be read from any of its lines on. */
  readonly splittable: boolean;
  /**
   * Where records end in files whose line feeds may be data: such files can be read from any of their records on, once all before
   * have been looked through. Absent, or undefined: they are read from their beginning.
   */
  quotedRecords?(options: Readonly<Record<string, string>>): QuotedRecords | undefined;
  /** Ending of the names of files written in it, for example ".json". */
  readonly fileExtension: string;
  /** Keys it understands, for unknown-option checks and completion. */
  readonly options: readonly string[];
  validate(options: Readonly<Record<string, string>>, schema: Schema): void;
  createDecoder(context: DecoderContext): Decoder;
  createEncoder(context: EncoderContext): Encoder;
  /** Column names and types guessed from the first bytes of a file. */
  inferSchema?(sample: Uint8Array, options: Readonly<Record<string, string>>): Schema;
}
