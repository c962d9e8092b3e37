/**
 * KernelWireCodec: the WireCodec that kernels do: rows are sorted by target subtask, and gathered
 *                  into one block each.
 *
 * Flow:    ExchangeOutput / ExchangeInput → here → kernels partitionRows, wireEncode, wireDecode
 *          (partition.as.ts).
 * Hash:    that of the key codec, so that a row arrives where its key group lives.
 */
import { BATCH_ROWS, type BatchPtr, PHYSICAL_CODE } from "../../../foundation/columnar/batch.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { ExchangeKeys } from "../graph/exchange-keys.ts";
import type { WireCodec } from "./wire-codec.ts";

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
  #bytes: Uint8Array;
  #words: Uint32Array;

  constructor(options: KernelWireCodecOptions) {
    const { runtime, schema, keys, operator } = options;
    this.#runtime = runtime;
    this.#maxParallelism = options.maxParallelism;
    this.#keyCodec =
      keys === undefined ? undefined : compileKeyCodec({ ...keys, runtime, operator });
    this.#physical = Uint8Array.from(
      physicalColumns(schema),
      ({ physical }) => PHYSICAL_CODE[physical],
    );
    this.#bytes = new Uint8Array(runtime.memory.buffer);
    this.#words = new Uint32Array(runtime.memory.buffer);
  }

  encode(batch: BatchPtr): Uint8Array {
    const physical = this.#placePhysical();
    const { address, length } = this.#write(batch, physical, 0, this.#rows(batch));
    this.#refresh();
    return this.#bytes.subarray(address, address + length);
  }

  encodePartitioned(batch: BatchPtr, consumers: number): readonly (Uint8Array | undefined)[] {
    const { kernels } = this.#runtime;
    const { hashes } = this.#keyCodec!.encode(batch);
    const physical = this.#placePhysical();
    const n = this.#rows(batch);
    const offsets = kernels.arenaAlloc((consumers + 1) * 4) >>> 0;
    const rows = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.partitionRows(n, hashes, this.#maxParallelism, consumers, offsets, rows);
    this.#refresh();
    const bounds = this.#words.slice(offsets >>> 2, (offsets >>> 2) + consumers + 1);
    const blocks: { readonly address: number; readonly length: number }[] = [];
    for (let i = 0; i < consumers; i++)
      blocks.push(this.#write(batch, physical, rows + bounds[i]! * 4, bounds[i + 1]! - bounds[i]!));
    // Writing one block may grow the memory: views are taken when all are written.
    this.#refresh();
    return blocks.map(({ address, length }) =>
      length === 0 ? undefined : this.#bytes.subarray(address, address + length),
    );
  }

  allocate(length: number): { readonly address: number; readonly bytes: Uint8Array } {
    const address = this.#runtime.kernels.arenaAlloc(length) >>> 0;
    this.#refresh();
    return { address, bytes: this.#bytes.subarray(address, address + length) };
  }

  decode(address: number): BatchPtr {
    return this.#runtime.kernels.wireDecode(address) >>> 0;
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
    if (n === 0) return { address: 0, length: 0 };
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
