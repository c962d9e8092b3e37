/**
 * KeptRowReader: the rows that joins, Top-N, deduplication and the like keep, read from a map of a snapshot as typed values.
 *
 * Flow:    readStateRows → here: entry after entry, the blocks of its rows → columns (kernel rowsDecode) → values.
 * Layout:  row-set.as.ts; the form of the rows is what the snapshot says (StateRows).
 */
import { BatchView } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { StateRows } from "../../contract/keyed-state.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { RowFormat } from "../../operators/rows/row-format.ts";
import { renderRow } from "../task/row-render.ts";

const ROWS_AT_ONCE = 1024;
const BLOCK_HEADER = 16;
const SHORT_HEADER = 8;
/** In the word before a block's length. */
const SHORT = 0x20000000;
const BLOCK_IDENTITY = 12;
const IDENTITY_BYTES = 0x7fffffff;

export class KeptRowReader {
  readonly #runtime: WorkerRuntime;
  readonly #map: number;
  readonly #stored: number;
  readonly #rows: StateRows;
  readonly #schema: Schema;
  readonly #format: RowFormat;

  constructor(
    runtime: WorkerRuntime,
    of: { readonly map: number; readonly keyBytes: number; readonly rows: StateRows },
  ) {
    this.#runtime = runtime;
    this.#map = of.map;
    this.#stored = of.keyBytes < 0 ? 8 : of.keyBytes;
    this.#rows = of.rows;
    this.#schema = { fields: of.rows.fields.map(({ name, type }) => ({ name, type })) };
    this.#format = new RowFormat(runtime, this.#schema, "state");
  }

  *group(keyGroup: number): Generator<readonly unknown[]> {
    const { kernels } = this.#runtime;
    let found: number[] = [];
    for (let entry = 0; ; ) {
      entry = kernels.mapIterate(this.#map, keyGroup, entry) >>> 0;
      if (entry === 0) break;
      for (const row of this.#rowsOf(entry)) {
        found.push(row);
        if (found.length < ROWS_AT_ONCE) continue;
        yield* this.#decoded(found);
        found = [];
      }
    }
    if (found.length > 0) yield* this.#decoded(found);
  }

  close(): void {
    this.#format.close();
  }

  /** Addresses of the rows of an entry. */
  *#rowsOf(entry: number): Generator<number> {
    const { kernels, memory } = this.#runtime;
    const data = () => new DataView(memory.buffer);
    const hash = data().getUint32(entry - this.#stored - 8, true);
    const { kind, offset } = this.#rows;
    let handle = data().getUint32(entry + offset, true);
    while (handle !== 0) {
      const block = kernels.logPtr(this.#map, hash, handle) >>> 0;
      if (kind === "one") {
        yield block;
        return;
      }
      const short = (data().getUint32(block - 8, true) & SHORT) !== 0;
      const identity = data().getUint32(block + BLOCK_IDENTITY, true) & IDENTITY_BYTES;
      handle = data().getUint32(block, true);
      yield block + (short ? SHORT_HEADER : BLOCK_HEADER + identity);
    }
  }

  #decoded(rows: readonly number[]): readonly (readonly unknown[])[] {
    const { kernels, memory } = this.#runtime;
    const mark = kernels.arenaMark();
    const list = kernels.arenaAlloc(rows.length * 4) >>> 0;
    const batch = kernels.batchCreate(rows.length, this.#format.columns, 0) >>> 0;
    new Uint32Array(memory.buffer, list, rows.length).set(rows);
    this.#format.decode(list, rows.length, batch, 0);
    const view = new BatchView(memory);
    const values = rows.map((_, row) => renderRow(view, batch, this.#schema, row, "UTC").values);
    kernels.arenaRelease(mark);
    return values;
  }
}
