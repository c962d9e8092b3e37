/**
 * RecordDecoder: what the decoders of the text formats share: the results of a kernel call, and what becomes of bad records.
 *
 * Flow:    JsonDecoder, CsvDecoder → here (after each kernel call) → DecodeResult; bad records → onBadRecord or an error.
 * Errors:  MR3101 a bad record under `errors` = fail; else it is counted in numRecordsInErrors and handed to onBadRecord.
 */
import type { BadRecord, DecodeResult, DecoderContext } from "../contract/format.ts";
import type { Counter } from "../contract/metrics.ts";
import { formatErrors } from "./errors.ts";
import { MemoryWriter } from "./memory-writer.ts";
import {
  BAD_RECORD_BYTES,
  PLAN_BAD_COUNT,
  PLAN_BAD_LIST,
  PLAN_CONSUMED,
  PLAN_LINES,
  PLAN_ROWS,
} from "./record-plan.ts";

export class RecordDecoder {
  readonly #format: string;
  readonly #plan: number;
  readonly #skip: boolean;
  readonly #onBadRecord: (record: BadRecord) => void;
  readonly #reason: (code: number, fieldId: number, found: number) => string;
  readonly #memory: MemoryWriter;
  readonly #errors: Counter;

  constructor(
    context: DecoderContext,
    options: {
      readonly format: string;
      readonly plan: number;
      /** Bad records are left out. */
      readonly skip: boolean;
      /** fieldId −1: of no field. */
      readonly reason: (code: number, fieldId: number, found: number) => string;
    },
  ) {
    this.#format = options.format;
    this.#plan = options.plan;
    this.#skip = options.skip;
    this.#reason = options.reason;
    this.#onBadRecord = context.onBadRecord;
    this.#memory = new MemoryWriter(context.runtime.memory);
    this.#errors = context.metrics.counter("numRecordsInErrors");
  }

  finish(batch: number): DecodeResult {
    const read = (offset: number) => this.#memory.read(this.#plan + offset);
    const bad = read(PLAN_BAD_COUNT);
    for (let i = 0; i < bad; i++) this.#report(read(PLAN_BAD_LIST) + i * BAD_RECORD_BYTES);
    return {
      batch: batch >>> 0,
      rows: read(PLAN_ROWS),
      consumedBytes: read(PLAN_CONSUMED),
      lines: read(PLAN_LINES),
    };
  }

  #report(entry: number): void {
    const word = (offset: number) => this.#memory.read(entry + offset);
    const record: BadRecord = {
      offset: word(0),
      length: word(4),
      line: word(8),
      column: word(12),
      reason: this.#reason(word(16), word(20) - 1, word(24)),
    };
    if (!this.#skip)
      throw formatErrors.RECORD_INVALID({
        format: this.#format,
        source: "the input",
        line: record.line + 1,
        column: record.column,
        reason: record.reason,
      });
    this.#errors.value++;
    this.#onBadRecord(record);
  }
}
