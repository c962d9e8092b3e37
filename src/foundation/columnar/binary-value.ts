/**
 * ARRAY, MAP and MULTISET as bytes: the canonical encoding that a batch's views hold. Equal values are equal bytes, so that
 * hashing, grouping, joining and state treat them like text.
 *
 * Array (little-endian, nothing aligned):
 *      0      u32  count
 *      4      u8[count]   1 = value, 0 = NULL
 *      4 + n  the values: of fixed width packed (zero where NULL), else u32[count] lengths and then the bytes
 * Row as an element: its fields one after the other, each u8 (1 = value) and, if present, its value; values of variable size
 *      have a u32 length in front.
 * Map: u32 length of the key array, the key array, the value array; entries in the order of their keys (numbers and times by
 *      value, everything else by bytes). A MULTISET is a map from element to INT.
 * Values: as value-reader.ts gives them, and for ARRAY an array, for MAP and MULTISET an array of [key, value].
 * VARIANT, BITMAP and RAW have encodings of their own and go in and out as bytes.
 */
import { assert } from "../base/errors.ts";
import {
  type LogicalType,
  type Physical,
  PHYSICAL_WIDTH,
  physicalOf,
  types,
} from "./logical-type.ts";
import type { DecimalValue, TimestampValue, Value } from "./value-reader.ts";

export type NestedType = Extract<LogicalType, { kind: "ARRAY" | "MAP" | "MULTISET" }>;
type Entry = readonly [Value, Value];

export function isNested(type: LogicalType): type is NestedType {
  return type.kind === "ARRAY" || type.kind === "MAP" || type.kind === "MULTISET";
}

export function encodeNested(value: readonly Value[], type: NestedType): Uint8Array {
  const writer = new ByteWriter();
  if (type.kind === "ARRAY") writeArray(writer, value, type.element);
  else writeMap(writer, value as readonly Entry[], type);
  return writer.bytes();
}

export function decodeNested(bytes: Uint8Array, type: NestedType): readonly Value[] {
  const reader = new ByteReader(bytes);
  return type.kind === "ARRAY" ? readArray(reader, type.element) : readMap(reader, type);
}

const keyTypeOf = (type: Exclude<NestedType, { kind: "ARRAY" }>) =>
  type.kind === "MAP" ? type.key : type.element;
const valueTypeOf = (type: Exclude<NestedType, { kind: "ARRAY" }>) =>
  type.kind === "MAP" ? type.value : types.int(false);

function writeArray(writer: ByteWriter, values: readonly Value[], element: LogicalType): void {
  writer.u32(values.length);
  for (const value of values) writer.u8(value === null ? 0 : 1);
  const physical = physicalOf(element);
  if (!isVariable(physical)) {
    for (const value of values) writeFixed(writer, value, physical);
    return;
  }
  const parts = values.map((value) => (value === null ? EMPTY : elementBytes(value, element)));
  for (const part of parts) writer.u32(part.length);
  for (const part of parts) writer.append(part);
}

function writeMap(
  writer: ByteWriter,
  entries: readonly Entry[],
  type: Exclude<NestedType, { kind: "ARRAY" }>,
): void {
  const keyType = keyTypeOf(type);
  const sorted = [...entries].sort(([a], [b]) => compareKeys(a, b, keyType));
  const keys = new ByteWriter();
  writeArray(
    keys,
    sorted.map(([key]) => key),
    keyType,
  );
  const keyBytes = keys.bytes();
  writer.u32(keyBytes.length);
  writer.append(keyBytes);
  writeArray(
    writer,
    sorted.map(([, value]) => value),
    valueTypeOf(type),
  );
}

/** NULL first; numbers and times by value, everything else by its bytes. */
function compareKeys(a: Value, b: Value, type: LogicalType): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (typeof a === "number" || typeof a === "bigint")
    return a < (b as typeof a) ? -1 : a > (b as typeof a) ? 1 : 0;
  if (type.kind === "DECIMAL") {
    const [x, y] = [(a as DecimalValue).unscaled, (b as DecimalValue).unscaled];
    return x < y ? -1 : x > y ? 1 : 0;
  }
  if (type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ") {
    const [x, y] = [a as TimestampValue, b as TimestampValue];
    return x.millis - y.millis || x.nanos - y.nanos;
  }
  return compareBytes(elementBytes(a, type), elementBytes(b, type));
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const isVariable = (physical: Physical) => physical === "view" || physical === "row";

/** One value as its bytes alone: equal values have equal bytes. */
export function elementBytes(value: Exclude<Value, null>, type: LogicalType): Uint8Array {
  const physical = physicalOf(type);
  if (physical === "view") {
    if (typeof value === "string") return encoder.encode(value);
    if (value instanceof Uint8Array) return value;
    assert(isNested(type), `a value of ${type.kind} that is neither text nor bytes`);
    return encodeNested(value as readonly Value[], type);
  }
  const writer = new ByteWriter();
  if (physical === "row") writeRow(writer, value as readonly Value[], type);
  else writeFixed(writer, value, physical);
  return writer.bytes();
}

function writeRow(writer: ByteWriter, values: readonly Value[], type: LogicalType): void {
  assert(type.kind === "ROW" || type.kind === "STRUCTURED", `${type.kind} is no row`);
  for (const [i, field] of type.fields.entries()) {
    const value = values[i] ?? null;
    writer.u8(value === null ? 0 : 1);
    if (value === null) continue;
    const physical = physicalOf(field.type);
    if (!isVariable(physical)) {
      writeFixed(writer, value, physical);
      continue;
    }
    const bytes = elementBytes(value, field.type);
    writer.u32(bytes.length);
    writer.append(bytes);
  }
}

function writeFixed(writer: ByteWriter, value: Value, physical: Physical): void {
  const at = writer.reserve(PHYSICAL_WIDTH[physical]);
  if (value === null) return;
  const { data } = writer;
  switch (physical) {
    case "bool":
      return data.setUint8(at, value === true ? 1 : 0);
    case "i8":
      return data.setInt8(at, value as number);
    case "i16":
      return data.setInt16(at, value as number, true);
    case "i32":
      return data.setInt32(at, value as number, true);
    case "f32":
      return data.setFloat32(at, value as number, true);
    case "f64":
      return data.setFloat64(at, value as number, true);
    case "i64":
      return data.setBigInt64(at, wide(value), true);
    case "i128": {
      const { unscaled } = value as DecimalValue;
      data.setBigInt64(at, BigInt.asIntN(64, unscaled), true);
      return data.setBigInt64(at + 8, unscaled >> 64n, true);
    }
    default: {
      const { millis, nanos } = value as TimestampValue;
      data.setBigInt64(at, BigInt(millis), true);
      data.setBigInt64(at + 8, BigInt(nanos), true);
    }
  }
}

function wide(value: Exclude<Value, null>): bigint {
  if (typeof value === "bigint") return value;
  const { unscaled, millis } = value as Partial<DecimalValue & TimestampValue>;
  return unscaled ?? BigInt(millis ?? 0);
}

function readArray(reader: ByteReader, element: LogicalType): Value[] {
  const count = reader.u32();
  const present = Array.from({ length: count }, () => reader.u8() === 1);
  const physical = physicalOf(element);
  if (!isVariable(physical))
    return present.map((there) => {
      const value = readFixed(reader, element, physical);
      return there ? value : null;
    });
  const lengths = present.map(() => reader.u32());
  return lengths.map((length, i) => {
    const bytes = reader.take(length);
    return present[i] ? valueOfBytes(bytes, element) : null;
  });
}

function readMap(
  reader: ByteReader,
  type: Exclude<NestedType, { kind: "ARRAY" }>,
): readonly (readonly Value[])[] {
  const keys = readArray(new ByteReader(reader.take(reader.u32())), keyTypeOf(type));
  const values = readArray(reader, valueTypeOf(type));
  return keys.map((key, i) => [key, values[i]!]);
}

/** The value that elementBytes() was given, of a type of variable size. */
function valueOfBytes(bytes: Uint8Array, type: LogicalType): Value {
  if (type.kind === "CHAR" || type.kind === "VARCHAR") return decoder.decode(bytes);
  if (isNested(type)) return decodeNested(bytes, type);
  if (type.kind !== "ROW" && type.kind !== "STRUCTURED") return bytes.slice();
  const reader = new ByteReader(bytes);
  return type.fields.map((field): Value => {
    if (reader.u8() === 0) return null;
    const physical = physicalOf(field.type);
    if (!isVariable(physical)) return readFixed(reader, field.type, physical);
    return valueOfBytes(reader.take(reader.u32()), field.type);
  });
}

function readFixed(reader: ByteReader, type: LogicalType, physical: Physical): Value {
  const at = reader.skip(PHYSICAL_WIDTH[physical]);
  const { data } = reader;
  switch (physical) {
    case "bool":
      return type.kind === "NULL" ? null : data.getUint8(at) !== 0;
    case "i8":
      return data.getInt8(at);
    case "i16":
      return data.getInt16(at, true);
    case "i32":
      return data.getInt32(at, true);
    case "f32":
      return data.getFloat32(at, true);
    case "f64":
      return data.getFloat64(at, true);
    case "i64":
      return narrow(data.getBigInt64(at, true), type);
    case "i128": {
      const unscaled = (data.getBigInt64(at + 8, true) << 64n) | data.getBigUint64(at, true);
      return { unscaled, scale: type.kind === "DECIMAL" ? type.scale : 0 };
    }
    default:
      return {
        millis: Number(data.getBigInt64(at, true)),
        nanos: Number(data.getBigInt64(at + 8, true)),
      };
  }
}

function narrow(value: bigint, type: LogicalType): Value {
  if (type.kind === "DECIMAL") return { unscaled: value, scale: type.scale };
  if (type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ")
    return { millis: Number(value), nanos: 0 };
  return value;
}

class ByteWriter {
  #bytes = new Uint8Array(64);
  #length = 0;
  data = new DataView(this.#bytes.buffer);

  /** Zeroed bytes; returns their place. */
  reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.data = new DataView(grown.buffer);
    }
    return at;
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.data.setUint8(at, value);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.data.setUint32(at, value, true);
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

class ByteReader {
  readonly data: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  skip(count: number): number {
    const at = this.#at;
    this.#at += count;
    return at;
  }

  u8(): number {
    return this.data.getUint8(this.skip(1));
  }

  u32(): number {
    return this.data.getUint32(this.skip(4), true);
  }

  take(count: number): Uint8Array {
    const at = this.skip(count);
    return this.#bytes.subarray(at, at + count);
  }
}
