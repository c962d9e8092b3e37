/**
 * Unnest: the elements of an ARRAY, MAP or MULTISET column as rows, in one pass over the encoded values.
 *
 * Rows:    of an ARRAY its elements in order; of a MAP its keys and values; of a MULTISET each element as often as it is
 *          there. Elements that are ROWs become their fields; a NULL ROW becomes NULLs. A NULL or empty collection gives
 *          nothing, or (`keepsEmpty`, LEFT JOIN) one row of NULLs.
 * Ordinality: an INT behind the other columns that counts the rows of one collection from 1.
 * Source:  Flink UnnestRowsFunction, UnnestRowsWithOrdinalityFunction.
 */
import { assert } from "../../../foundation/base/errors.ts";
import {
  BATCH_ROWS,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { MemoryView } from "../../codegen/column-access.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { ElementColumn } from "./element-column.ts";
import type { ExpandedRows, RowExpansion } from "./expanded-rows.ts";

export interface UnnestOptions {
  readonly runtime: WorkerRuntime;
  readonly collection: LogicalType;
  readonly ordinality: boolean;
  readonly keepsEmpty: boolean;
  /** A batch whose first column holds the collections of `batch`, row by row. */
  readonly collections: (batch: BatchPtr) => BatchPtr;
}

export class Unnest implements RowExpansion {
  readonly #options: UnnestOptions;
  readonly #view: MemoryView;
  readonly #types: readonly LogicalType[];
  readonly #spreads: boolean;

  constructor(options: UnnestOptions) {
    const { collection } = options;
    this.#options = options;
    this.#view = new MemoryView(options.runtime.memory);
    assert(
      collection.kind === "ARRAY" || collection.kind === "MAP" || collection.kind === "MULTISET",
      `UNNEST of ${collection.kind}`,
    );
    this.#types =
      collection.kind === "MAP" ? [collection.key, collection.value] : [collection.element];
    const [first] = this.#types;
    this.#spreads =
      collection.kind !== "MAP" && (first!.kind === "ROW" || first!.kind === "STRUCTURED");
  }

  expand(batch: BatchPtr): ExpandedRows {
    const { runtime, collections, ordinality } = this.#options;
    const { kernels } = runtime;
    const source = collections(batch);
    const rows = this.#view.data.getUint32(batch + BATCH_ROWS, true);
    const counts = kernels.arenaAlloc(Math.max(1, rows * 4)) >>> 0;
    const total = this.#count(source, rows, counts);
    const list = kernels.arenaAlloc(Math.max(1, total * 4)) >>> 0;
    const create = (type: LogicalType) => new ElementColumn(runtime, this.#view, type, total);
    const elements = this.#types.map(create);
    const ordinals = ordinality ? [create(types.int(false))] : [];
    this.#fill({ source, rows, counts, list, elements, ordinals });
    const flat = elements.flatMap((column) => column.flat());
    return { rows: total, list, columns: [...(this.#spreads ? flat.slice(1) : flat), ...ordinals] };
  }

  /** Rows that each collection gives, 0 for NULL; returns how many rows leave. */
  #count(source: BatchPtr, rows: number, counts: number): number {
    const { data } = this.#view;
    const { keepsEmpty, collection } = this.#options;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const address = this.#address(source, row);
      let count = 0;
      if (address !== 0) {
        const keys = collection.kind === "ARRAY" ? address : address + 4;
        count = data.getUint32(keys, true);
        if (collection.kind === "MULTISET") count = this.#occurrences(address, count);
      }
      data.setUint32(counts + row * 4, count, true);
      total += keepsEmpty && count === 0 ? 1 : count;
    }
    return total;
  }

  #fill(place: {
    readonly source: BatchPtr;
    readonly rows: number;
    readonly counts: number;
    readonly list: number;
    readonly elements: readonly ElementColumn[];
    readonly ordinals: readonly ElementColumn[];
  }): void {
    const { source, rows, counts, list, elements, ordinals } = place;
    const { data } = this.#view;
    let out = 0;
    for (let row = 0; row < rows; row++) {
      const count = data.getUint32(counts + row * 4, true);
      if (count > 0) this.#fillOne(this.#address(source, row), count, out, elements);
      else if (this.#options.keepsEmpty) {
        for (const column of elements) column.setNull(out);
        for (const column of ordinals) column.setNull(out);
        data.setUint32(list + out * 4, row, true);
        out++;
      }
      for (let i = 0; i < count; i++) {
        data.setUint32(list + (out + i) * 4, row, true);
        for (const column of ordinals) column.setInt(out + i, i + 1);
      }
      out += count;
    }
  }

  #fillOne(
    address: number,
    count: number,
    out: number,
    [first, second]: readonly ElementColumn[],
  ): void {
    const { kind } = this.#options.collection;
    if (kind === "ARRAY") {
      first!.fillArray(out, address, count);
      return;
    }
    const { data } = this.#view;
    const keys = address + 4;
    const entries = data.getUint32(keys, true);
    first!.fillArray(out, keys, entries);
    const values = keys + data.getUint32(address, true);
    if (kind === "MAP") second!.fillArray(out, values, count);
    else this.#spread(first!, { values, entries, out, count });
  }

  /** From the last element to the first, so that none is overwritten before it has been copied. */
  #spread(
    column: ElementColumn,
    at: { readonly values: number; readonly entries: number; out: number; count: number },
  ): void {
    const { data } = this.#view;
    const first = at.values + 4 + at.entries;
    let end = at.out + at.count;
    for (let i = at.entries - 1; i >= 0; i--) {
      const times = data.getInt32(first + i * 4, true);
      end -= times;
      column.repeat(at.out + i, end, times);
    }
  }

  #occurrences(address: number, entries: number): number {
    const { data } = this.#view;
    const values = address + 4 + data.getUint32(address, true) + 4 + entries;
    let sum = 0;
    for (let i = 0; i < entries; i++) sum += data.getInt32(values + i * 4, true);
    return sum;
  }

  /** Of the collection's bytes; 0 for NULL. */
  #address(source: BatchPtr, row: number): number {
    const { data, bytes } = this.#view;
    const validity = data.getUint32(columnPtr(source, 0) + COLUMN_VALIDITY, true);
    if (validity !== 0 && bytes[validity + row] === 0) return 0;
    const values = data.getUint32(columnPtr(source, 0) + COLUMN_VALUES, true);
    return data.getUint32(values + row * 8, true);
  }
}
