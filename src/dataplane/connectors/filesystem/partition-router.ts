/**
 * PartitionRouter: the rows of a batch by the folder that they belong to, without the columns that the folder tells.
 *
 * Flow:    sink writer → here → one batch a folder → Encoder.
 * Cost:    a row whose keys equal those of the row before costs the comparison of their bytes; another one a look-up by
 *          its bytes; only keys not seen before become text. Batches of one folder are not copied.
 * Limits:  MAX_KNOWN folders are remembered by the bytes of their keys.
 */
import {
  type BatchPtr,
  BATCH_HEADER_BYTES,
  BATCH_KINDS,
  BatchView,
  COLUMN_BYTES,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  MAX_BATCH_ROWS,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalCount,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { readField } from "../../../foundation/columnar/value-reader.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { allocateFixed, type FixedMemory } from "../fixed-memory.ts";
import { type PartitionLayout, partitionFolder } from "./partition-layout.ts";
import { partitionText } from "./partition-value.ts";

const MAX_KNOWN = 10_000;
/** As kernels/rows.as.ts has it. */
const VIEW_WIDTH = 255;
/** One character a byte, each another. */
const BYTES = new TextDecoder("latin1");

export interface RoutedRows {
  readonly folder: string;
  /** Of the columns in files. */
  readonly batch: BatchPtr;
}

interface KeyColumn {
  readonly column: number;
  readonly width: number;
  readonly view: boolean;
}

export class PartitionRouter {
  readonly #runtime: WorkerRuntime;
  readonly #layout: PartitionLayout;
  readonly #schema: Schema;
  readonly #view: BatchView;
  readonly #keys: readonly KeyColumn[];
  /** Physical columns of the table that lie in the files. */
  readonly #columns: readonly number[];
  readonly #widths: FixedMemory;
  /** u32 by key: its physical column; then u8 by key: its width. */
  readonly #keyColumns: FixedMemory;
  readonly #known = new Map<string, string>();
  readonly #folderOfRow = new Uint16Array(MAX_BATCH_ROWS);

  constructor(runtime: WorkerRuntime, schema: Schema, layout: PartitionLayout) {
    this.#runtime = runtime;
    this.#layout = layout;
    this.#schema = schema;
    this.#view = new BatchView(runtime.memory);
    this.#keys = layout.keys.map(({ type, field }) => {
      const physical = physicalOf(type);
      const column = physicalIndex(schema, field);
      return { column, width: PHYSICAL_WIDTH[physical], view: physical === "view" };
    });
    this.#columns = schema.fields.flatMap(({ type }, field) => {
      if (layout.fileFields[field]! < 0) return [];
      const first = physicalIndex(schema, field);
      return Array.from({ length: physicalCount(type) }, (_, i) => first + i);
    });
    const columns = physicalColumns(schema);
    this.#widths = allocateFixed(runtime, this.#columns.length + 1, "filesystem");
    new Uint8Array(runtime.memory.buffer).set(
      this.#columns.map((column) => PHYSICAL_WIDTH[columns[column]!.physical]),
      this.#widths.address,
    );
    this.#keyColumns = allocateFixed(runtime, this.#keys.length * 5, "filesystem");
    const data = new DataView(runtime.memory.buffer, this.#keyColumns.address);
    this.#keys.forEach(({ column, width, view }, i) => {
      data.setUint32(i * 4, column, true);
      data.setUint8(this.#keys.length * 4 + i, view ? VIEW_WIDTH : width);
    });
  }

  route(batch: BatchPtr): RoutedRows[] {
    const rows = this.#view.rows(batch);
    if (rows === 0) return [];
    const { folders, counts } = this.#assign(batch, rows);
    const narrow = this.#narrow(batch, rows);
    if (folders.length === 1) return [{ folder: folders[0]!, batch: narrow }];
    const lists = this.#list(counts, rows);
    const { kernels } = this.#runtime;
    return folders.map((folder, i) => ({
      folder,
      batch: kernels.batchGather(narrow, this.#widths.address, counts[i]!, lists[i]!, 0) >>> 0,
    }));
  }

  close(): void {
    this.#widths.release();
    this.#keyColumns.release();
  }

  #assign(batch: BatchPtr, rows: number): { folders: string[]; counts: number[] } {
    const folders: string[] = [];
    const counts: number[] = [];
    const places = new Map<string, number>();
    const { kernels, memory } = this.#runtime;
    const repeated = kernels.arenaAlloc(rows) >>> 0;
    const columns = this.#keyColumns.address;
    const count = this.#keys.length;
    kernels.rowsLikeBefore(batch, columns, columns + count * 4, count, repeated);
    const marks = new Uint8Array(memory.buffer, repeated, rows);
    let last = 0;
    for (let row = 0; row < rows; row++) {
      if (marks[row] === 0) {
        const folder = this.#folder(batch, row);
        last = places.get(folder) ?? folders.length;
        if (last === folders.length) {
          places.set(folder, last);
          folders.push(folder);
          counts.push(0);
        }
      }
      counts[last]!++;
      this.#folderOfRow[row] = last;
    }
    return { folders, counts };
  }

  #folder(batch: BatchPtr, row: number): string {
    const key = this.#keys.map((column) => this.#bytesText(batch, row, column)).join(";");
    let folder = this.#known.get(key);
    if (folder === undefined) {
      const texts = this.#layout.keys.map(({ type, field }) =>
        partitionText(readField(this.#view, this.#schema, batch, row, field), type),
      );
      folder = partitionFolder(this.#layout, texts);
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      this.#known.set(key, folder);
    }
    return folder;
  }

  #bytesText(batch: BatchPtr, row: number, { column, width, view }: KeyColumn): string {
    if (this.#view.isNull(batch, column, row)) return "";
    const at = this.#view.valuePtr(batch, column, row, width);
    const bytes = view
      ? this.#view.bytes(at)
      : new Uint8Array(this.#runtime.memory.buffer, at, width);
    return `${bytes.length}:${BYTES.decode(bytes)}`;
  }

  /** The batch without its key columns; values are shared. */
  #narrow(batch: BatchPtr, rows: number): BatchPtr {
    const { kernels, memory } = this.#runtime;
    const kinds = this.#view.data.getUint32(batch + BATCH_KINDS, true);
    const out = kernels.batchCreate(rows, this.#columns.length, kinds) >>> 0;
    const data = new DataView(memory.buffer);
    this.#columns.forEach((column, i) => {
      const from = columnPtr(batch, column);
      const to = out + BATCH_HEADER_BYTES + i * COLUMN_BYTES;
      data.setUint32(to, data.getUint32(from + COLUMN_VALIDITY, true), true);
      data.setUint32(to + COLUMN_VALUES, data.getUint32(from + COLUMN_VALUES, true), true);
    });
    return out;
  }

  /** For each folder the numbers of its rows, u32[n]. */
  #list(counts: readonly number[], rows: number): number[] {
    const { kernels, memory } = this.#runtime;
    const lists = counts.map((count) => kernels.arenaAlloc(count * 4) >>> 0);
    const words = new Uint32Array(memory.buffer);
    const next = lists.map((address) => address >>> 2);
    for (let row = 0; row < rows; row++) words[next[this.#folderOfRow[row]!]!++] = row;
    return lists;
  }
}
