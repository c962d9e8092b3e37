/**
 * KeyNumbers: numbers the distinct keys of a batch's rows from 0 in order of appearance.
 *
 * Scratch: a map from key to number, outside state, empty between calls.
 */
import type { BatchPtr } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";

export interface NumberedKeys {
  readonly count: number;
  /** u32 a row. */
  readonly owners: number;
  /** As the key codec gives them, one for each number. */
  readonly keys: number;
}

export class KeyNumbers {
  readonly keys: KeyCodec;
  readonly #runtime: WorkerRuntime;
  readonly #builder: BatchBuilder;
  #map: number;

  constructor(options: {
    readonly runtime: WorkerRuntime;
    readonly schema: Schema;
    readonly fields: readonly number[];
    readonly operator: string;
  }) {
    const { runtime, operator } = options;
    const { kernels } = runtime;
    this.#runtime = runtime;
    this.keys = compileKeyCodec(options);
    this.#builder = compileBatchBuilder({ output: this.keys.schema, runtime, operator });
    this.#map = kernels.mapCreate(kernels.domainCreate(), 1, 0, 1, this.keys.keyBytes, 8, 0) >>> 0;
  }

  number(batch: BatchPtr): NumberedKeys {
    const { kernels, memory } = this.#runtime;
    const n = new DataView(memory.buffer).getUint32(batch, true);
    const width = this.keys.keyBytes < 0 ? 8 : this.keys.keyBytes;
    const { keys, hashes } = this.keys.encode(batch);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const owners = kernels.arenaAlloc(n * 4) >>> 0;
    const ofNumbers = kernels.arenaAlloc(n * width) >>> 0;
    const numbered = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapUpsertBatch(this.#map, n, hashes, keys, entries);
    const count =
      kernels.numberEntries(n, entries, keys, width, 0, owners, ofNumbers, numbered) >>> 0;
    kernels.entriesRemove(this.#map, count, numbered);
    return { count, owners, keys: ofNumbers };
  }

  /** The key fields of the numbers as columns. */
  columns({ count, keys }: NumberedKeys): BatchPtr {
    const out = this.#builder.begin(count);
    this.keys.decode(keys, count, out, 0, 0);
    return this.#builder.finish(count, { insertOnly: true });
  }

  close(): void {
    if (this.#map !== 0) this.#runtime.kernels.mapDestroy(this.#map);
    this.#map = 0;
  }
}
