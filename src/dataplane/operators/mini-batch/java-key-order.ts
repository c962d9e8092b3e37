/**
 * JavaKeyOrder: the order in which Flink's bundles give their keys: that of a java.util.HashMap by the hash of a BinaryRowData.
 * It decides which keys fall into which mini-batch when a second phase fills up in the middle of a bundle of the first.
 *
 * Layout:  BinaryRowData: 8 bytes per 56 fields with the NULL bits behind the kind's byte, 8 bytes a field, texts of more
 *          than 7 bytes behind them; hashed by words with seed 42 (MurmurHash3 x86 32).
 * Limits:  keys of numbers, booleans, dates, times and texts; others keep their order of appearance.
 * Source:  Flink BinaryRowData, MurmurHashUtils.hashBytesByWords, AbstractMapBundleOperator; JDK HashMap.
 */
import { type BatchPtr, BatchView } from "../../../foundation/columnar/batch.ts";
import { type LogicalType, typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { readField } from "../../../foundation/columnar/value-reader.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

const SEED = 42;
const FIRST_CAPACITY = 16;
const LOAD_FACTOR = 0.75;
const INLINE_BYTES = 7;
const INTEGERS = new Set(["TINYINT", "SMALLINT", "INTEGER", "INT", "DATE", "TIME"]);
const encoder = new TextEncoder();

export class JavaKeyOrder {
  readonly #view: BatchView;
  readonly #schema: Schema;
  readonly #known: boolean;
  /** Of the table, which never shrinks. */
  #capacity = FIRST_CAPACITY;

  constructor(runtime: WorkerRuntime, schema: Schema) {
    this.#view = new BatchView(runtime.memory);
    this.#schema = schema;
    this.#known = schema.fields.every(({ type }) => isKnown(type));
  }

  /** The numbers 0 … n − 1 of the keys (rows of a batch) in their order. */
  order(keys: BatchPtr, n: number): number[] {
    while (n > this.#capacity * LOAD_FACTOR) this.#capacity *= 2;
    const numbers = Array.from({ length: n }, (_, row) => row);
    if (!this.#known) return numbers;
    const buckets = numbers.map((row) => {
      const hash = murmur(this.#binaryRow(keys, row));
      return (hash ^ (hash >>> 16)) & (this.#capacity - 1);
    });
    return numbers.sort((a, b) => buckets[a]! - buckets[b]! || a - b);
  }

  #binaryRow(batch: BatchPtr, row: number): DataView {
    const { fields } = this.#schema;
    const header = Math.ceil((fields.length + 8) / 64) * 8;
    const texts = fields.map(({ type }, index) => {
      const value = readField(this.#view, this.#schema, batch, row, index);
      return isText(type) && value !== null ? encoder.encode(value as string) : undefined;
    });
    const long = texts.filter((text) => text !== undefined && text.length > INLINE_BYTES);
    const behind = long.reduce((sum, text) => sum + Math.ceil(text!.length / 8) * 8, 0);
    let end = header + fields.length * 8;
    const bytes = new Uint8Array(end + behind);
    const data = new DataView(bytes.buffer);
    fields.forEach(({ type }, index) => {
      const at = header + index * 8;
      const text = texts[index];
      const value = readField(this.#view, this.#schema, batch, row, index);
      if (value === null) bytes[(index + 8) >> 3]! |= 1 << ((index + 8) & 7);
      else if (text === undefined) writeNumber(data, at, type, value);
      else if (text.length <= INLINE_BYTES) {
        bytes.set(text, at);
        bytes[at + 7] = 0x80 | text.length;
      } else {
        data.setUint32(at, text.length, true);
        data.setUint32(at + 4, end, true);
        bytes.set(text, end);
        end += Math.ceil(text.length / 8) * 8;
      }
    });
    return data;
  }
}

function isText({ kind }: LogicalType): boolean {
  return kind === "CHAR" || kind === "VARCHAR";
}

function isKnown(type: LogicalType): boolean {
  const { kind } = type;
  if (isText(type) || INTEGERS.has(kind)) return true;
  return ["BOOLEAN", "BIGINT", "FLOAT", "DOUBLE"].includes(kind);
}

function writeNumber(data: DataView, at: number, type: LogicalType, value: unknown): void {
  if (typeof value === "boolean") data.setUint8(at, value ? 1 : 0);
  else if (typeof value === "bigint") data.setBigInt64(at, value, true);
  else if (type.kind === "FLOAT") data.setFloat32(at, Number(value), true);
  else if (type.kind === "DOUBLE") data.setFloat64(at, Number(value), true);
  else if (type.kind === "TINYINT") data.setInt8(at, Number(value));
  else if (type.kind === "SMALLINT") data.setInt16(at, Number(value), true);
  else if (type.kind === "BIGINT") data.setBigInt64(at, BigInt(Number(value)), true);
  else if (typeof value === "number") data.setInt32(at, value, true);
  else throw new TypeError(`${typeToString(type)} is no key of numbers`);
}

function murmur(data: DataView): number {
  let hash = SEED;
  for (let at = 0; at < data.byteLength; at += 4) {
    let word = Math.imul(data.getInt32(at, true), 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash ^= word;
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  hash ^= data.byteLength;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}
