/**
 * JsonEncoder: batches → JSON lines, as Flink's json format writes them, one kernel call per batch.
 *
 * Flow:    sink writer → here → kernels/json-encode.as.ts → bytes in the arena.
 * Errors:  MR3102 a column of a type that JSON lines do not carry yet.
 */
import type { RowField } from "../../../foundation/columnar/logical-type.ts";
import type { Encoder, EncoderContext } from "../../contract/format.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { allocateFixed, MemoryWriter } from "../memory-writer.ts";
import { readJsonOptions } from "./json-options.ts";
import { checkJsonType, jsonKind } from "./json-plan.ts";

const ENTRY_BYTES = 32;
const FLAG_ISO = 1;
const FLAG_PLAIN_DECIMAL = 2;
const FLAG_SKIP_NULLS = 4;
const FLAG_ENVELOPE = 8;

interface Entry {
  readonly kind: number;
  readonly prefix: Uint8Array;
  readonly precision: number;
  readonly scale: number;
  /** Entries within it, all levels. */
  readonly within: number;
}

export class JsonEncoder implements Encoder {
  readonly #runtime: WorkerRuntime;
  readonly #entries: number;
  readonly #count: number;
  readonly #flags: number;

  /** `envelope`: each row within Debezium's, with its kind. */
  constructor(context: EncoderContext, { envelope = false } = {}) {
    const options = readJsonOptions(context.options);
    for (const { name, type } of context.input.fields) checkJsonType([name], type);
    const entries: Entry[] = [];
    addEntries(context.input.fields, entries);
    this.#runtime = context.runtime;
    this.#count = entries.length;
    this.#entries = writeEntries(context.runtime, entries);
    this.#flags =
      (options.iso ? FLAG_ISO : 0) |
      (options.plainDecimals ? FLAG_PLAIN_DECIMAL : 0) |
      (options.ignoreNullFields ? FLAG_SKIP_NULLS : 0) |
      (envelope ? FLAG_ENVELOPE : 0);
  }

  encode(batch: number): { readonly address: number; readonly length: number } {
    const { kernels } = this.#runtime;
    const length = kernels.jsonEncode(this.#entries, this.#count, this.#flags, batch) >>> 0;
    return { address: kernels.encodedAddress() >>> 0, length };
  }
}

function addEntries(fields: readonly RowField[], out: Entry[]): void {
  for (const { name, type } of fields) {
    const index = out.length;
    const entry: Entry = {
      kind: jsonKind(type) ?? 0,
      prefix: new TextEncoder().encode(`,${JSON.stringify(name)}:`),
      precision: "precision" in type ? type.precision : 0,
      scale: "scale" in type ? type.scale : 0,
      within: 0,
    };
    out.push(entry);
    if (type.kind !== "ROW") continue;
    addEntries(type.fields, out);
    out[index] = { ...entry, within: out.length - index - 1 };
  }
}

function writeEntries(runtime: WorkerRuntime, entries: readonly Entry[]): number {
  const textBytes = entries.reduce((sum, { prefix }) => sum + prefix.length, 0);
  const base = allocateFixed(runtime, entries.length * ENTRY_BYTES + textBytes + 16);
  const writer = new MemoryWriter(runtime.memory);
  let text = base + entries.length * ENTRY_BYTES;
  entries.forEach(({ kind, prefix, precision, scale, within }, column) => {
    writer.bytes(text, prefix);
    const words = [kind, column, text, prefix.length, precision, scale, within, 0];
    writer.words(base + column * ENTRY_BYTES, words);
    text += prefix.length;
  });
  return base;
}
