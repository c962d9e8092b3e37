/**
 * JsonDecoder: JSON lines → batches, one kernel call per batch.
 *
 * Flow:    connector's buffer → here → kernels/json.as.ts → task.
 * Shapes:  at most MAX_BATCH_ROWS rows and MAX_BAD_RECORDS bad records per call.
 * Errors:  MR3101 a bad record under `errors` = fail; else it is counted in numRecordsInErrors and handed to onBadRecord.
 */
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { BadRecord, DecodeResult, Decoder, DecoderContext } from "../../contract/format.ts";
import type { Counter } from "../../contract/metrics.ts";
import { formatErrors } from "../errors.ts";
import { buildFieldTree, type FieldTree } from "../field-tree.ts";
import { MemoryWriter } from "../memory-writer.ts";
import { readJsonOptions } from "./json-options.ts";
import {
  BAD_RECORD_BYTES,
  checkJsonType,
  PLAN_BAD_COUNT,
  PLAN_BAD_LIST,
  PLAN_CONSUMED,
  PLAN_LINES,
  PLAN_ROWS,
  writeJsonPlan,
} from "./json-plan.ts";
import { jsonReason } from "./json-reasons.ts";

const FLAG_FIELD_ERRORS_NULL = 1;
const FLAG_SKIP_BAD = 2;
const FLAG_FAIL_ON_MISSING = 4;
const FLAG_ISO = 8;

export class JsonDecoder implements Decoder {
  readonly #context: DecoderContext;
  readonly #tree: FieldTree;
  readonly #plan: number;
  readonly #writer: MemoryWriter;
  readonly #skip: boolean;
  readonly #errors: Counter;

  constructor(context: DecoderContext) {
    const options = readJsonOptions(context.options);
    this.#context = context;
    this.#tree = buildFieldTree(context.table, context.projection, context.output);
    for (const node of this.#tree.roots) if (node.wanted) checkJsonType(node.path, node.type);
    this.#skip = options.errors !== "fail" || options.ignoreParseErrors;
    const flags =
      (options.ignoreParseErrors ? FLAG_FIELD_ERRORS_NULL : 0) |
      (this.#skip ? FLAG_SKIP_BAD : 0) |
      (options.failOnMissingField ? FLAG_FAIL_ON_MISSING : 0) |
      (options.iso ? FLAG_ISO : 0);
    this.#plan = writeJsonPlan(context.runtime, this.#tree, flags, MAX_BATCH_ROWS);
    this.#writer = new MemoryWriter(context.runtime.memory);
    this.#errors = context.metrics.counter("numRecordsInErrors");
  }

  decode(address: number, length: number, last: boolean): DecodeResult {
    const { kernels } = this.#context.runtime;
    const batch = kernels.jsonDecode(this.#plan, address, length, last ? 1 : 0) >>> 0;
    const writer = this.#writer;
    const bad = writer.read(this.#plan + PLAN_BAD_COUNT);
    for (let i = 0; i < bad; i++) this.#report(i);
    return {
      batch,
      rows: writer.read(this.#plan + PLAN_ROWS),
      consumedBytes: writer.read(this.#plan + PLAN_CONSUMED),
      lines: writer.read(this.#plan + PLAN_LINES),
    };
  }

  #report(index: number): void {
    const entry = this.#writer.read(this.#plan + PLAN_BAD_LIST) + index * BAD_RECORD_BYTES;
    const word = (at: number) => this.#writer.read(entry + at);
    const fieldId = word(20);
    const field = fieldId === 0 ? undefined : this.#tree.nodes[fieldId - 1];
    const record: BadRecord = {
      offset: word(0),
      length: word(4),
      line: word(8),
      column: word(12),
      reason: jsonReason(word(16), field, word(24)),
    };
    if (!this.#skip)
      throw formatErrors.RECORD_INVALID({
        format: "json",
        source: "the input",
        line: record.line + 1,
        column: record.column,
        reason: record.reason,
      });
    this.#errors.value++;
    this.#context.onBadRecord(record);
  }
}
