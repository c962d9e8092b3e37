/**
 * LookupCache: a whole table in the worker's memory, by the fields that it is asked for. Not state: it is read again after
 * a restart.
 *
 * Flow:    TableScan → load() → a new map beside the one in use → swapped in when all is read; find() by batches of keys.
 * Layout:  a map of one key group, key → row set (kernels/row-set.as.ts).
 * Limits:  the worker's memory; while it is read again the table is there twice.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { withNullable } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { TableScan } from "../../contract/lookup.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { ROW_SET_BYTES, RowFormat } from "../rows/row-format.ts";

export class LookupCache {
  readonly format: RowFormat;
  readonly #runtime: WorkerRuntime;
  readonly #keys: KeyCodec;
  readonly #scan: TableScan;
  #map = 0;
  #domain = 0;
  #rows = 0;
  #closed = false;

  constructor(options: {
    readonly runtime: WorkerRuntime;
    /** The columns that are read, and which of them are asked for. */
    readonly schema: Schema;
    readonly keys: readonly number[];
    readonly scan: TableScan;
    readonly operator: string;
  }) {
    const { runtime, schema, keys, scan, operator } = options;
    this.#runtime = runtime;
    this.#scan = scan;
    this.format = new RowFormat(runtime, schema, operator);
    const fields = schema.fields.map((field, index) =>
      keys.includes(index) ? { ...field, type: withNullable(field.type, true) } : field,
    );
    this.#keys = compileKeyCodec({ schema: { fields }, fields: keys, runtime, operator });
  }

  /** The map in use, for kernels; 0 before the first load. */
  get map(): number {
    return this.#map;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Reads the table; what was there before serves until it is complete. */
  async load(): Promise<void> {
    const { kernels } = this.#runtime;
    const domain = kernels.domainCreate() >>> 0;
    const map = kernels.mapCreate(domain, 1, 0, 1, this.#keys.keyBytes, ROW_SET_BYTES, 0) >>> 0;
    let rows = 0;
    let isComplete = false;
    try {
      await this.#scan.read((batch) => {
        rows += this.#add(map, batch);
      });
      isComplete = !this.#closed;
    } finally {
      if (!isComplete) this.#free(map, domain);
    }
    if (!isComplete) return;
    this.#free(this.#map, this.#domain);
    this.#map = map;
    this.#domain = domain;
    this.#rows = rows;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#free(this.#map, this.#domain);
    this.#map = 0;
    this.#domain = 0;
    this.format.close();
    await this.#scan.close();
  }

  #add(map: number, batch: BatchPtr): number {
    if (this.#closed) return 0;
    const { kernels, memory } = this.#runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const { keys, hashes } = this.#keys.encode(batch);
    const views = this.format.encode(batch);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    kernels.mapUpsertBatch(map, rows, hashes, keys, entries);
    kernels.setsAppend(map, rows, hashes, entries, views);
    return rows;
  }

  #free(map: number, domain: number): void {
    if (map === 0) return;
    this.#runtime.kernels.mapDestroy(map);
    this.#runtime.kernels.domainDestroy(domain);
  }
}
