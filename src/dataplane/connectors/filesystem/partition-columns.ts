/**
 * PartitionedDecoder: decodes the columns that lie in a file, and adds those that its folders tell.
 *
 * Flow:    FileSourceReader → startFile(path) → decode() → batch of all columns of the scan.
 * Memory:  a constant column is filled once a file, MAX_BATCH_ROWS values; a batch costs its descriptor.
 * Errors:  MR3020 a folder that is no value of its column.
 */
import {
  BATCH_HEADER_BYTES,
  COLUMN_BYTES,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  MAX_BATCH_ROWS,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  type Physical,
  physicalOf,
} from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalCount,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import type {
  DecimalValue,
  TimestampValue,
  Value,
} from "../../../foundation/columnar/value-reader.ts";
import type { DecodeResult, Decoder } from "../../contract/format.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { allocateFixed, type FixedMemory } from "../fixed-memory.ts";
import { type PartitionLayout, textsOfPath } from "./partition-layout.ts";
import { parsePartitionText } from "./partition-value.ts";

/** Of the names of folders: POSIX has at most 255 bytes a name. */
const MAX_TEXT_BYTES = 1024;

type Column =
  | { readonly kind: "file"; readonly column: number }
  | { readonly kind: "key"; readonly key: number; readonly memory: FixedMemory };

/** What the decoder of the format is asked for, of a scan with these paths. */
export function fileProjection(
  layout: PartitionLayout,
  projection: readonly (readonly number[])[],
  output: Schema,
): { readonly projection: readonly (readonly number[])[]; readonly output: Schema } {
  const own = projection.map(([first]) => layout.fileFields[first!]! >= 0);
  return {
    projection: projection
      .filter((_, i) => own[i])
      .map(([first, ...rest]) => [layout.fileFields[first!]!, ...rest]),
    output: { fields: output.fields.filter((_, i) => own[i]) },
  };
}

export class PartitionedDecoder implements Decoder {
  readonly #inner: Decoder;
  readonly #runtime: WorkerRuntime;
  readonly #layout: PartitionLayout;
  readonly #root: string;
  readonly #columns: readonly Column[];

  constructor(
    inner: Decoder,
    options: {
      readonly runtime: WorkerRuntime;
      readonly layout: PartitionLayout;
      readonly root: string;
      readonly projection: readonly (readonly number[])[];
      readonly output: Schema;
    },
  ) {
    this.#inner = inner;
    this.#runtime = options.runtime;
    this.#layout = options.layout;
    this.#root = options.root;
    let next = 0;
    this.#columns = options.projection.flatMap(([first], i): Column[] => {
      if (options.layout.fileFields[first!]! >= 0) {
        const count = physicalCount(options.output.fields[i]!.type);
        return Array.from({ length: count }, () => ({ kind: "file", column: next++ }));
      }
      const key = options.layout.keys.findIndex(({ field }) => field === first);
      const { physical } = physicalColumns({ fields: [options.output.fields[i]!] })[0]!;
      const sizeBytes = MAX_BATCH_ROWS * (PHYSICAL_WIDTH[physical] + 1) + MAX_TEXT_BYTES;
      const memory = allocateFixed(options.runtime, sizeBytes, "filesystem");
      return [{ kind: "key", key, memory }];
    });
  }

  /** Fills the columns that the path of a file tells. */
  startFile(path: string): void {
    const texts = textsOfPath(this.#layout, this.#root, path);
    const bytes = new Uint8Array(this.#runtime.memory.buffer);
    for (const column of this.#columns) {
      if (column.kind === "file") continue;
      const { name, type } = this.#layout.keys[column.key]!;
      const text = texts[column.key]!;
      const value = text === null ? null : parsePartitionText(text, type, name);
      fill(bytes, column.memory.address, type, value);
    }
  }

  startAt(offset: number): void {
    this.#inner.startAt?.(offset);
  }

  decode(address: number, length: number, last: boolean): DecodeResult {
    const result = this.#inner.decode(address, length, last);
    if (result.rows === 0) return result;
    const { kernels, memory } = this.#runtime;
    const batch = kernels.batchCreate(result.rows, this.#columns.length, 0) >>> 0;
    const data = new DataView(memory.buffer);
    this.#columns.forEach((column, i) => {
      const to = batch + BATCH_HEADER_BYTES + i * COLUMN_BYTES;
      if (column.kind === "file") {
        const from = columnPtr(result.batch, column.column);
        data.setUint32(to, data.getUint32(from + COLUMN_VALIDITY, true), true);
        data.setUint32(to + COLUMN_VALUES, data.getUint32(from + COLUMN_VALUES, true), true);
        return;
      }
      data.setUint32(to + COLUMN_VALIDITY, column.memory.address, true);
      data.setUint32(to + COLUMN_VALUES, column.memory.address + MAX_BATCH_ROWS, true);
    });
    return { ...result, batch };
  }

  release(): void {
    for (const column of this.#columns) if (column.kind === "key") column.memory.release();
  }
}

/** Memory of a column: u8[MAX_BATCH_ROWS] validity | the values | the bytes of a text. */
function fill(bytes: Uint8Array, address: number, type: LogicalType, value: Value): void {
  const physical = physicalOf(type);
  const width = PHYSICAL_WIDTH[physical];
  bytes.fill(value === null ? 0 : 1, address, address + MAX_BATCH_ROWS);
  const values = address + MAX_BATCH_ROWS;
  const one = bytes.subarray(values, values + width);
  const data = new DataView(bytes.buffer, values, width);
  if (value === null) one.fill(0);
  else if (physical === "view") {
    const text = new TextEncoder().encode(value as string);
    const at = values + MAX_BATCH_ROWS * width;
    bytes.set(text.subarray(0, MAX_TEXT_BYTES), at);
    data.setUint32(0, at, true);
    data.setUint32(4, Math.min(text.length, MAX_TEXT_BYTES), true);
  } else store(data, physical, value);
  for (let i = 1; i < MAX_BATCH_ROWS; i++)
    bytes.copyWithin(values + i * width, values, values + width);
}

function store(data: DataView, physical: Physical, value: Value): void {
  const { millis, nanos } = value as TimestampValue;
  const { unscaled } = value as DecimalValue;
  switch (physical) {
    case "bool":
      return data.setUint8(0, value === true ? 1 : 0);
    case "i8":
      return data.setInt8(0, value as number);
    case "i16":
      return data.setInt16(0, value as number, true);
    case "i32":
      return data.setInt32(0, value as number, true);
    case "f32":
      return data.setFloat32(0, value as number, true);
    case "f64":
      return data.setFloat64(0, value as number, true);
    case "i64":
      return data.setBigInt64(
        0,
        typeof value === "bigint" ? value : (unscaled ?? BigInt(millis)),
        true,
      );
    case "ts128":
      data.setBigInt64(0, BigInt(millis), true);
      return data.setBigInt64(8, BigInt(nanos), true);
    default:
      data.setBigInt64(0, BigInt.asIntN(64, unscaled), true);
      data.setBigInt64(8, unscaled >> 64n, true);
  }
}
