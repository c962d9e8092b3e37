/**
 * KernelWireCodec: the WireCodec that kernels do: rows are sorted by target subtask, and gathered
 *                  into one block each.
 *
 * Flow:    ExchangeOutput / ExchangeInput → here → kernels partitionRows, wireEncode, wireDecode
 *          (partition.as.ts).
 * Hash:    that of the key codec, so that a row arrives where its key group lives.
 */
import {
  BATCH_KINDS,
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
  PHYSICAL_CODE,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { ExchangeKeys } from "../graph/exchange-keys.ts";
import type { Partition, WireCodec } from "./wire-codec.ts";

export interface KernelWireCodecOptions {
  readonly runtime: WorkerRuntime;
  readonly schema: Schema;
  /** Of a hash exchange; undefined for the others, and on the consumer's side. */
  readonly keys: ExchangeKeys | undefined;
  readonly maxParallelism: number;
  /** For error messages. */
  readonly operator: string;
}

export class KernelWireCodec implements WireCodec {
  readonly #runtime: WorkerRuntime;
  readonly #maxParallelism: number;
  readonly #keyCodec: KeyCodec | undefined;
  /** Physical kinds of the columns. */
  readonly #physical: Uint8Array;
  readonly #widths: Uint8Array;
  #bytes: Uint8Array;
  #words: Uint32Array;

  constructor(options: KernelWireCodecOptions) {
    const { runtime, schema, keys, operator } = options;
    this.#runtime = runtime;
    this.#maxParallelism = options.maxParallelism;
    this.#keyCodec =
      keys === undefined ? undefined : compileKeyCodec({ ...keys, runtime, operator });
    const columns = physicalColumns(schema);
    this.#physical = Uint8Array.from(columns, ({ physical }) => PHYSICAL_CODE[physical]);
    this.#widths = Uint8Array.from(columns, ({ physical }) => PHYSICAL_WIDTH[physical]);
    this.#bytes = new Uint8Array(runtime.memory.buffer);
    this.#words = new Uint32Array(runtime.memory.buffer);
  }

  encode(batch: BatchPtr): Uint8Array {
    const physical = this.#placePhysical();
    const { address, length } = this.#write(batch, physical, 0, this.#rows(batch));
    this.#refresh();
    return this.#bytes.subarray(address, address + length);
  }

  partition(batch: BatchPtr, consumers: number): Partition {
    const { kernels } = this.#runtime;
    const { hashes } = this.#keyCodec!.encode(batch);
    this.#refresh();
    const n = this.#rows(batch);
    const offsets = kernels.arenaAlloc((consumers + 1) * 4) >>> 0;
    const rows = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.partitionRows(n, hashes, this.#maxParallelism, consumers, offsets, rows);
    this.#refresh();
    return { rows, bounds: this.#words.slice(offsets >>> 2, (offsets >>> 2) + consumers + 1) };
  }

  encodePart(
    batch: BatchPtr,
    { rows, bounds }: Partition,
    consumer: number,
  ): Uint8Array | undefined {
    const from = bounds[consumer]!;
    const n = bounds[consumer + 1]! - from;
    if (n === 0) return undefined;
    const { address, length } = this.#write(batch, this.#placePhysical(), rows + from * 4, n);
    this.#refresh();
    return this.#bytes.subarray(address, address + length);
  }

  gatherPart(batch: BatchPtr, { rows, bounds }: Partition, consumer: number): BatchPtr | undefined {
    const from = bounds[consumer]!;
    const n = bounds[consumer + 1]! - from;
    if (n === 0) return undefined;
    const { kernels } = this.#runtime;
    const widths = kernels.arenaAlloc(this.#widths.length) >>> 0;
    this.#refresh();
    this.#bytes.set(this.#widths, widths);
    return kernels.batchGather(batch, widths, n, rows + from * 4, 0) >>> 0;
  }

  bytesOf(batch: BatchPtr): number {
    const physical = this.#placePhysical();
    return this.#runtime.kernels.wireBytes(batch, physical, 0, this.#rows(batch)) >>> 0;
  }

  allocate(length: number): { readonly address: number; readonly bytes: Uint8Array } {
    const address = this.#runtime.kernels.arenaAlloc(length) >>> 0;
    this.#refresh();
    return { address, bytes: this.#bytes.subarray(address, address + length) };
  }

  decode(address: number): BatchPtr {
    return this.#runtime.kernels.wireDecode(address) >>> 0;
  }

  inPieces(
    batch: BatchPtr,
    first: number,
    mostRows: () => number,
    action: (piece: BatchPtr) => boolean,
  ): number | undefined {
    this.#refresh();
    const { kernels } = this.#runtime;
    const rows = this.#rows(batch);
    for (let from = first; from < rows; ) {
      const n = Math.min(mostRows(), rows - from);
      const mark = kernels.arenaMark();
      const goesOn = action(n === rows ? batch : this.#piece(batch, from, n));
      kernels.arenaRelease(mark);
      from += n;
      if (!goesOn && from < rows) return from;
    }
    return undefined;
  }

  /** The descriptor of `n` rows from `from` on; the rows stay where they are. */
  #piece(batch: BatchPtr, from: number, n: number): BatchPtr {
    const columns = this.#widths.length;
    const piece = this.#runtime.kernels.batchCreate(n, columns, 0) >>> 0;
    this.#refresh();
    const moved = (at: number, bytes: number) => {
      const address = this.#words[(batch + at) >>> 2]!;
      this.#words[(piece + at) >>> 2] = address === 0 ? 0 : address + bytes;
    };
    moved(BATCH_KINDS, from);
    for (let column = 0; column < columns; column++) {
      const at = columnPtr(0, column);
      moved(at + COLUMN_VALIDITY, from);
      moved(at + COLUMN_VALUES, from * this.#widths[column]!);
    }
    return piece;
  }

  #rows(batch: BatchPtr): number {
    return this.#words[(batch + BATCH_ROWS) >>> 2]!;
  }

  /** The physical kinds as the kernels want them: u8[columns], in the arena. */
  #placePhysical(): number {
    const address = this.#runtime.kernels.arenaAlloc(this.#physical.length) >>> 0;
    this.#refresh();
    this.#bytes.set(this.#physical, address);
    return address;
  }

  #write(batch: BatchPtr, physical: number, rows: number, n: number) {
    const { kernels } = this.#runtime;
    const size = kernels.wireBytes(batch, physical, rows, n) >>> 0;
    const address = kernels.arenaAlloc(size) >>> 0;
    const length = kernels.wireEncode(batch, physical, rows, n, address) >>> 0;
    return { address, length };
  }

  /** Growing the memory detaches the views on it. */
  #refresh(): void {
    const { buffer } = this.#runtime.memory;
    if (this.#bytes.buffer === buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
  }
}
