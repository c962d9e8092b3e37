/**
 * WindowRows: rows of windows that may be taken back, kept as long as their windows; each firing folds those of its windows.
 *
 * Flow:    emitting-window-aggregate.ts: add(rows) … fold(windows) → the accumulators' results → remove(windows).
 * State:   map "kept": grouping, window start and end → row set; a row and the one that takes it back leave it together,
 *          whichever comes first (kernels/window-rows.as.ts).
 * Cost:    a firing costs the rows of its windows: on every row of a window, the square of their number.
 */
import {
  type BatchPtr,
  BATCH_KINDS,
  BATCH_ROWS,
  COLUMN_VALUES,
  columnPtr,
  MAX_BATCH_ROWS,
} from "../../../foundation/columnar/batch.ts";
import type { EncodedKeys } from "../../codegen/codecs/key-codec.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import type { Accumulators } from "../group-aggregate/accumulators.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";

/** Kind of a window without rows: what was shown of it goes. */
const DELETE = 3;

type Keys = EncodedKeys & { readonly n: number };

export class WindowRows {
  readonly #context: OperatorContext;
  readonly #accumulators: Accumulators;
  readonly #format: RowFormat;
  readonly #map: KeyedMap;

  /** `accumulators`: over the rows with their windows' start and end as two last columns; empty between two calls. */
  constructor(context: OperatorContext, accumulators: Accumulators, operator: string) {
    const { keyBytes, keyFields } = accumulators.keys;
    this.#context = context;
    this.#accumulators = accumulators;
    this.#format = new RowFormat(context.runtime, context.inputs[0]!, operator);
    this.#map = context.state.map({
      name: "kept",
      keyBytes,
      valueBytes: ROW_SET_BYTES,
      keyFields,
      valueFields: ROW_SET_FIELDS,
      ttlMs: 0,
    });
  }

  add(batch: BatchPtr): EncodedKeys {
    const { kernels, memory } = this.#context.runtime;
    const data = new DataView(memory.buffer);
    const n = data.getUint32(batch + BATCH_ROWS, true);
    const kinds = data.getUint32(batch + BATCH_KINDS, true);
    const encoded = this.#accumulators.keys.encode(batch);
    const views = this.#format.encode(batch);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const { ptr } = this.#map;
    kernels.mapUpsertBatch(ptr, n, encoded.hashes, encoded.keys, entries);
    kernels.setsToggle(ptr, n, encoded.hashes, entries, views, kinds);
    return encoded;
  }

  /**
   * Folds the rows of windows into the accumulators. `keyColumns`: the keys as columns, the window's bounds behind `groups`
   * others. Returns kinds, u8[n]: -D of windows without rows, +I of all others.
   */
  fold({ n, keys, hashes }: Keys, keyColumns: BatchPtr, groups: number): number {
    const { kernels, memory } = this.#context.runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const { ptr } = this.#map;
    kernels.mapFindBatch(ptr, n, hashes, keys, entries);
    const out = kernels.arenaAlloc(8) >>> 0;
    const rows = kernels.setsLeft(ptr, n, hashes, entries, 0, out) >>> 0;
    const data = new DataView(memory.buffer);
    const [addresses, owners] = [data.getUint32(out, true), data.getUint32(out + 4, true)];
    const kinds = kernels.arenaAlloc(n) >>> 0;
    const ofWindows = new Uint8Array(memory.buffer, kinds, n).fill(DELETE);
    for (const owner of new Uint32Array(memory.buffer, owners, rows)) ofWindows[owner] = 0;
    const [start, end] = [0, 1].map((bound) =>
      data.getUint32(columnPtr(keyColumns, groups + bound) + COLUMN_VALUES, true),
    );
    for (let from = 0; from < rows; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const count = Math.min(MAX_BATCH_ROWS, rows - from);
      const part = this.#decoded(addresses + from * 4, count);
      const list = owners + from * 4;
      const bounds = [start!, end!].map((values) => ({
        values: kernels.gatherWide(values, 8, count, list) >>> 0,
      }));
      const { columns } = this.#format;
      const all = [...columnsOf(part, 0, columns), ...bounds];
      this.#accumulators.accumulate(assembleBatch(this.#context.runtime, count, all));
      kernels.arenaRelease(mark);
    }
    return kinds;
  }

  remove({ n, keys, hashes }: Keys): void {
    const { kernels } = this.#context.runtime;
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.mapFindBatch(this.#map.ptr, n, hashes, keys, entries);
    kernels.setsRemove(this.#map.ptr, n, hashes, entries);
  }

  close(): void {
    this.#format.close();
  }

  #decoded(addresses: number, n: number): BatchPtr {
    const batch = this.#context.runtime.kernels.batchCreate(n, this.#format.columns, 0) >>> 0;
    this.#format.decode(addresses, n, batch, 0);
    return batch;
  }
}
