/**
 * JsonDecoder: JSON lines → batches, one kernel call per batch.
 *
 * Flow:    connector's buffer → here → kernels/json.as.ts → task.
 * Shapes:  at most MAX_BATCH_ROWS rows and MAX_BAD_RECORDS bad records per call.
 * Errors:  MR3101 a bad record under `errors` = fail; else it is counted in numRecordsInErrors and handed to onBadRecord.
 */
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { DecodeResult, Decoder, DecoderContext } from "../../contract/format.ts";
import { buildFieldTree } from "../field-tree.ts";
import { RecordDecoder } from "../record-decoder.ts";
import { readJsonOptions } from "./json-options.ts";
import { checkJsonType, writeJsonPlan } from "./json-plan.ts";
import { jsonReason } from "./json-reasons.ts";

const FLAG_FIELD_ERRORS_NULL = 1;
const FLAG_SKIP_BAD = 2;
const FLAG_FAIL_ON_MISSING = 4;
const FLAG_ISO = 8;

export class JsonDecoder implements Decoder {
  readonly #context: DecoderContext;
  readonly #plan: number;
  readonly #records: RecordDecoder;

  constructor(context: DecoderContext) {
    const options = readJsonOptions(context.options);
    this.#context = context;
    const tree = buildFieldTree(context.table, context.projection, context.output);
    for (const node of tree.roots) if (node.wanted) checkJsonType(node.path, node.type);
    const skip = options.errors !== "fail" || options.ignoreParseErrors;
    const flags =
      (options.ignoreParseErrors ? FLAG_FIELD_ERRORS_NULL : 0) |
      (skip ? FLAG_SKIP_BAD : 0) |
      (options.failOnMissingField ? FLAG_FAIL_ON_MISSING : 0) |
      (options.iso ? FLAG_ISO : 0);
    this.#plan = writeJsonPlan(context.runtime, tree, flags, MAX_BATCH_ROWS);
    this.#records = new RecordDecoder(context, {
      format: "json",
      plan: this.#plan,
      skip,
      reason: (code, fieldId, found) => jsonReason(code, tree.nodes[fieldId], found),
    });
  }

  decode(address: number, length: number, last: boolean): DecodeResult {
    const { kernels } = this.#context.runtime;
    return this.#records.finish(kernels.jsonDecode(this.#plan, address, length, last ? 1 : 0));
  }
}
