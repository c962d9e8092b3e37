/**
 * ColumnReader and ColumnWriter: batch columns for TypeScript code that runs once per batch (column functions).
 *
 * Flow:    calc → column function over readers → its writer → temporary column that the next generated loop reads.
 * Strings: decoded when asked for; written ones are collected and copied to the arena at the end.
 * Growth:  views over the memory are renewed when the memory has grown.
 */
import { assert } from "../../foundation/base/errors.ts";
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  type Physical,
  physicalOf,
} from "../../foundation/columnar/logical-type.ts";
import type { CodegenRuntime } from "./generated-module.ts";

const utf8Decoder = new TextDecoder();
const utf8Encoder = new TextEncoder();
const GROW = 4096;

/** A view over the whole memory that survives growth. */
export class MemoryView {
  readonly memory: WebAssembly.Memory;
  #data: DataView;
  #bytes: Uint8Array;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#data = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  get data(): DataView {
    if (this.#data.buffer !== this.memory.buffer) this.#renew();
    return this.#data;
  }

  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.memory.buffer) this.#renew();
    return this.#bytes;
  }

  #renew(): void {
    this.#data = new DataView(this.memory.buffer);
    this.#bytes = new Uint8Array(this.memory.buffer);
  }
}

/** One column, row by row. Values of rows that are NULL are unspecified: ask isNull() first. */
export class ColumnReader {
  readonly type: LogicalType;
  readonly physical: Physical;
  readonly #view: MemoryView;
  readonly #validity: number;
  readonly #values: number;
  /** Fields of a ROW. */
  readonly fields: readonly ColumnReader[];

  constructor(
    view: MemoryView,
    type: LogicalType,
    validity: number,
    values: number,
    fields: readonly ColumnReader[] = [],
  ) {
    this.#view = view;
    this.fields = fields;
    this.type = type;
    this.physical = physicalOf(type);
    this.#validity = validity;
    this.#values = values;
  }

  isNull(row: number): boolean {
    return this.#validity !== 0 && this.#view.bytes[this.#validity + row] === 0;
  }

  boolean(row: number): boolean {
    return this.#view.bytes[this.#values + row] !== 0;
  }

  /** Any number as a double; i64 beyond 2^53 loses digits, DECIMAL is scaled. */
  number(row: number): number {
    const { data } = this.#view;
    const at = this.#values + row * PHYSICAL_WIDTH[this.physical];
    switch (this.physical) {
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
      case "bool":
        return data.getUint8(at);
      default:
        return this.type.kind === "DECIMAL" ? Number(this.decimal(row)) : Number(this.bigint(row));
    }
  }

  /** Integers; the unscaled value of DECIMAL; milliseconds of timestamps; intervals. */
  bigint(row: number): bigint {
    const { data } = this.#view;
    const at = this.#values + row * PHYSICAL_WIDTH[this.physical];
    switch (this.physical) {
      case "i64":
      case "ts128":
        return data.getBigInt64(at, true);
      case "i128":
        return data.getBigUint64(at, true) | (data.getBigInt64(at + 8, true) << 64n);
      default:
        return BigInt(this.number(row));
    }
  }

  /** DECIMAL as text with its scale, for example "12.50". */
  decimal(row: number): string {
    assert(this.type.kind === "DECIMAL", `${this.type.kind} is no DECIMAL`);
    const unscaled = this.bigint(row);
    const { scale } = this.type;
    const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
    const point = digits.length - scale;
    const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
    return unscaled < 0n ? `-${text}` : text;
  }

  /** Epoch milliseconds of TIMESTAMP and TIMESTAMP_LTZ. */
  millis(row: number): number {
    return Number(this.bigint(row));
  }

  /** Nanoseconds within the millisecond. */
  nanos(row: number): number {
    if (this.physical !== "ts128") return 0;
    return Number(this.#view.data.getBigInt64(this.#values + row * 16 + 8, true));
  }

  string(row: number): string {
    return utf8Decoder.decode(this.bytes(row));
  }

  /** address | length << 32 of the bytes in place. */
  view(row: number): bigint {
    return this.#view.data.getBigUint64(this.#values + row * 8, true);
  }

  /** The bytes in place: valid during the call, and until the memory grows. */
  bytes(row: number): Uint8Array {
    const { data, bytes } = this.#view;
    const at = this.#values + row * 8;
    const address = data.getUint32(at, true);
    return bytes.subarray(address, address + data.getUint32(at + 4, true));
  }
}

/** Fills a column of `rows` rows; every wanted row is written once, in any order, with one call. */
export class ColumnWriter {
  readonly type: LogicalType;
  readonly physical: Physical;
  readonly validity: number;
  readonly values: number;
  /** Fields of a ROW: each is written for every row that setPresent() is called for. */
  readonly fields: readonly ColumnWriter[];
  readonly #view: MemoryView;
  readonly #runtime: CodegenRuntime;
  #free = 0;
  #freeEnd = 0;

  constructor(runtime: CodegenRuntime, view: MemoryView, type: LogicalType, rows: number) {
    this.#runtime = runtime;
    this.#view = view;
    this.type = type;
    this.physical = physicalOf(type);
    this.validity = runtime.kernels.arenaAlloc(rows) >>> 0;
    const bytes = rows * PHYSICAL_WIDTH[this.physical];
    this.values = bytes === 0 ? 0 : runtime.kernels.arenaAlloc(bytes) >>> 0;
    view.bytes.fill(0, this.validity, this.validity + rows);
    this.fields =
      type.kind === "ROW" || type.kind === "STRUCTURED"
        ? type.fields.map((field) => new ColumnWriter(runtime, view, field.type, rows))
        : [];
  }

  /** A ROW that is there. */
  setPresent(row: number): void {
    this.#valid(row);
  }

  setNull(row: number): void {
    this.#view.bytes[this.validity + row] = 0;
  }

  setBoolean(row: number, value: boolean): void {
    this.#view.bytes[this.values + row] = value ? 1 : 0;
    this.#valid(row);
  }

  /** Integers up to 2^53, FLOAT, DOUBLE, DATE, TIME. */
  setNumber(row: number, value: number): void {
    const { data } = this.#view;
    const at = this.values + row * PHYSICAL_WIDTH[this.physical];
    switch (this.physical) {
      case "i8":
        data.setInt8(at, value);
        break;
      case "i16":
        data.setInt16(at, value, true);
        break;
      case "i32":
        data.setInt32(at, value, true);
        break;
      case "f32":
        data.setFloat32(at, value, true);
        break;
      case "f64":
        data.setFloat64(at, value, true);
        break;
      case "bool":
        data.setUint8(at, value);
        break;
      default:
        this.setBigint(row, BigInt(value));
        return;
    }
    this.#valid(row);
  }

  /** BIGINT, intervals; the unscaled value of DECIMAL. */
  setBigint(row: number, value: bigint): void {
    const { data } = this.#view;
    const at = this.values + row * PHYSICAL_WIDTH[this.physical];
    data.setBigInt64(at, BigInt.asIntN(64, value), true);
    if (this.physical === "i128") data.setBigInt64(at + 8, BigInt.asIntN(64, value >> 64n), true);
    this.#valid(row);
  }

  /** Gives rows 1 … rows − 1 what row 0 has; for all types but ROW. */
  repeatFirst(rows: number): void {
    const { bytes } = this.#view;
    const width = PHYSICAL_WIDTH[this.physical];
    for (let filled = 1; filled < rows; filled *= 2) {
      const more = Math.min(filled, rows - filled);
      bytes.copyWithin(this.values + filled * width, this.values, this.values + more * width);
    }
    bytes.fill(bytes[this.validity] ?? 0, this.validity, this.validity + rows);
  }

  setTimestamp(row: number, millis: number, nanos: number): void {
    const { data } = this.#view;
    const at = this.values + row * PHYSICAL_WIDTH[this.physical];
    data.setBigInt64(at, BigInt(millis), true);
    if (this.physical === "ts128") data.setBigInt64(at + 8, BigInt(nanos), true);
    this.#valid(row);
  }

  setString(row: number, value: string): void {
    const room = value.length * 3;
    const address = this.#reserve(room);
    const { written } = utf8Encoder.encodeInto(
      value,
      this.#view.bytes.subarray(address, address + room),
    );
    this.#setView(row, address, written);
  }

  setBytes(row: number, value: Uint8Array): void {
    const address = this.#reserve(value.length);
    this.#view.bytes.set(value, address);
    this.#setView(row, address, value.length);
  }

  /** Bytes that lie in the arena, or in an argument, already: address | length << 32. */
  setView(row: number, view: bigint): void {
    this.#view.data.setBigUint64(this.values + row * 8, BigInt.asUintN(64, view), true);
    this.#valid(row);
  }

  #setView(row: number, address: number, length: number): void {
    this.#free = address + length;
    const at = this.values + row * 8;
    this.#view.data.setUint32(at, address, true);
    this.#view.data.setUint32(at + 4, length, true);
    this.#valid(row);
  }

  #valid(row: number): void {
    this.#view.bytes[this.validity + row] = 1;
  }

  #reserve(bytes: number): number {
    if (this.#freeEnd - this.#free < bytes) {
      const size = Math.max(bytes, GROW);
      this.#free = this.#runtime.kernels.arenaAlloc(size) >>> 0;
      this.#freeEnd = this.#free + size;
    }
    return this.#free;
  }
}
