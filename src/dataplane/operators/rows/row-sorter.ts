/**
 * RowSorter: all rows of a bounded input in order: in memory, or in sorted runs on disk when memory runs short.
 *
 * Flow:    sort-limit, over-aggregate (batch) → add(batch) … → finish() → next() … until it gives nothing.
 * Memory:  rows and their sort keys in a table of their own (kernels/hash-join.as.ts), in no checkpoint: batch jobs begin anew
 *          after a failure. Sorting takes 36 bytes a row more for a moment.
 * Spill:   before the worker's memory comes near its budget the rows are sorted and written to a file as one run. There are never
 *          more than MOST_RUNS of them: so many of one level become one of the next, so that each is in memory with a chunk.
 * Limit:   only the first `limit` rows are wanted: others are dropped from the table when it has twice as many, and from runs.
 * Order:   stable. Errors: MR4172 the file cannot be written or read.
 * Source:  Flink BinaryExternalSorter.
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { SortField } from "../../../foundation/plan/expression.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { SpillFile } from "../hash-join/row-parts.ts";
import { RowTable } from "../hash-join/row-table.ts";
import { RowFormat } from "./row-format.ts";
import { SortKeys } from "./sort-keys.ts";
import { SortedPieces } from "./sorted-pieces.ts";
import { type Extent, type Run, RunReader, RunWriter } from "./sorted-runs.ts";

/** Of the budget: how much may be in use, with what sorting takes, before rows are written. */
const USED_SHARE = 0.6;
const SORT_BYTES = 36;
const MOST_RUNS = 16;
/** A run's rows are read and written in pieces: a share of the budget. */
const CHUNK_SHARE = 1 / 128;
/** Rows that a table with a limit may have beyond twice its limit before some are dropped. */
const SPARE_ROWS = 65_536;
const VARIABLE = -1;

export interface SortedPiece {
  /** u32[count] addresses of encoded rows: good until the next call. */
  readonly rows: number;
  readonly count: number;
}

export interface RowSorterOptions {
  readonly context: OperatorContext;
  readonly schema: Schema;
  /** Of the batches that are sorted by; absent: they are those that are kept. */
  readonly sortSchema?: Schema;
  readonly sort: readonly SortField[];
  /** Absent: all rows. */
  readonly limit?: number;
  readonly operator: string;
}

export class RowSorter {
  readonly format: RowFormat;
  readonly #context: OperatorContext;
  readonly #limit: number;
  readonly #keys: SortKeys;
  readonly #chunkBytes: number;
  #table: RowTable;
  #file: SpillFile | undefined;
  /** By level: a run of level n was made of MOST_RUNS of level n − 1. */
  readonly #runs: Run[][] = [];
  /** In memory: the sorted records, and how many have been given out. */
  #list = 0;
  #listed = 0;
  #given = 0;
  #reader: RunReader | undefined;

  constructor(options: RowSorterOptions) {
    const { context, schema, sortSchema = schema, sort, limit, operator } = options;
    const { runtime, spill } = context;
    this.#context = context;
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
    this.format = new RowFormat(runtime, schema, operator);
    this.#keys = new SortKeys(runtime, sortSchema, sort, operator);
    this.#table = new RowTable(runtime, VARIABLE);
    this.#chunkBytes = Math.floor((spill?.budgetBytes ?? 0) * CHUNK_SHARE);
  }

  /** Written to disk so far. */
  get spilledBytes(): number {
    return this.#file?.bytes ?? 0;
  }

  /** `sorted`: the same rows with the columns that are sorted by. */
  add(batch: BatchPtr, sorted: BatchPtr = batch): void {
    const { runtime } = this.#context;
    const { kernels, memory } = runtime;
    const n = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    this.#makeRoom();
    const identities = this.#keys.encode(sorted, n);
    const keys = kernels.arenaAlloc(n * 8) >>> 0;
    const hashes = kernels.arenaAlloc(n * 8) >>> 0;
    kernels.sortPrefixes(n, identities, keys, hashes);
    this.#table.add(n, { keys, hashes, views: this.format.encode(batch), marks: 0 }, true);
    if (this.#table.rows > 2 * this.#limit + SPARE_ROWS) this.#truncate();
  }

  /** Nothing is added from then on. */
  finish(): void {
    if (this.#file === undefined) {
      this.#sort();
      return;
    }
    this.#writeRun();
    const runs = this.#runs.flat();
    this.#reader = new RunReader(this.#context.runtime, this.#file, this.#oldestFirst(runs));
  }

  /** The same for rows that are read in any order: on disk they are merged into one run first. */
  finishPieces(): SortedPieces {
    const { runtime } = this.#context;
    if (this.#file === undefined) {
      this.#sort();
      return new SortedPieces(runtime, { list: this.#list, count: this.#listed });
    }
    this.#writeRun();
    const runs = this.#oldestFirst(this.#runs.flat());
    const extents = runs.length === 1 ? runs[0]!.extents : this.#mergeRuns(runs);
    return new SortedPieces(runtime, { file: this.#file, extents });
  }

  /** Whether records go with the next call of nextRecords(). */
  get isVolatile(): boolean {
    return this.#reader !== undefined;
  }

  /** The next rows in order, at most a batch of them. */
  next(): SortedPiece | undefined {
    const piece = this.nextRecords();
    if (piece !== undefined) this.#context.runtime.kernels.recordRows(piece.count, piece.rows);
    return piece;
  }

  /** The same with the addresses of their records (kernels/row-sort.as.ts). */
  nextRecords(): SortedPiece | undefined {
    const { kernels, memory } = this.#context.runtime;
    const room = Math.min(MAX_BATCH_ROWS, this.#limit - this.#given);
    if (room <= 0) return undefined;
    const rows = kernels.arenaAlloc(room * 4) >>> 0;
    let count = 0;
    if (this.#reader !== undefined) count = this.#reader.next(rows, room);
    else {
      count = Math.min(room, this.#listed - this.#given);
      const from = this.#list + this.#given * 4;
      new Uint8Array(memory.buffer).copyWithin(rows, from, from + count * 4);
    }
    this.#given += count;
    return count === 0 ? undefined : { rows, count };
  }

  close(): void {
    this.#freeList();
    this.#reader?.close();
    this.#reader = undefined;
    this.#table.close();
    this.#file?.close();
    this.#file = undefined;
    this.format.close();
  }

  #sort(): void {
    const { kernels } = this.#context.runtime;
    this.#listed = this.#table.rows;
    this.#list = kernels.recordsSort(this.#table.ptr) >>> 0;
  }

  #freeList(): void {
    const pages = Math.ceil((this.#listed * 4) / 4096);
    if (this.#list !== 0) this.#context.runtime.kernels.pageFree(this.#list, pages);
    this.#list = 0;
    this.#listed = 0;
  }

  /** The table with its first `limit` rows alone. */
  #truncate(): void {
    const { runtime } = this.#context;
    const { kernels } = runtime;
    this.#sort();
    const kept = new RowTable(runtime, VARIABLE);
    kernels.recordsCopy(Math.min(this.#limit, this.#listed), this.#list, kept.ptr);
    this.#freeList();
    this.#table.close();
    this.#table = kept;
  }

  #makeRoom(): void {
    const { runtime, spill } = this.#context;
    if (spill === undefined || this.#table.rows === 0) return;
    const wanted = runtime.kernels.memoryUsedBytes() + this.#table.rows * SORT_BYTES;
    // A table that holds little is not what the memory went to: runs would be many and short.
    const isSmall = this.#table.pages * 4096 < spill.budgetBytes / 32;
    if (wanted <= spill.budgetBytes * USED_SHARE || isSmall) return;
    this.#file ??= new SpillFile(spill.createFile());
    this.#writeRun();
  }

  /** The table's rows, in order, as a run of the lowest level. */
  #writeRun(): void {
    if (this.#table.rows === 0) return;
    this.#sort();
    const count = Math.min(this.#listed, this.#limit);
    const extents: Extent[] = [];
    this.#write(this.#list, count, extents);
    this.#freeList();
    this.#table.clear();
    this.#addRun(0, extents);
  }

  #addRun(level: number, extents: readonly Extent[]): void {
    this.#runs[level] ??= [];
    this.#runs[level].push({ extents });
    if (this.#runs[level].length < MOST_RUNS) return;
    this.#addRun(level + 1, this.#mergeRuns(this.#runs[level]));
    this.#runs[level] = [];
  }

  #mergeRuns(runs: readonly Run[]): Extent[] {
    const { kernels } = this.#context.runtime;
    const reader = new RunReader(this.#context.runtime, this.#file!, runs);
    const extents: Extent[] = [];
    for (let written = 0; written < this.#limit; ) {
      const mark = kernels.arenaMark();
      const room = Math.min(MAX_BATCH_ROWS, this.#limit - written);
      const records = kernels.arenaAlloc(room * 4) >>> 0;
      const count = reader.next(records, room);
      if (count > 0) this.#write(records, count, extents);
      kernels.arenaRelease(mark);
      if (count === 0) break;
      written += count;
    }
    reader.close();
    return extents;
  }

  #write(records: number, count: number, extents: Extent[]): void {
    const writer = new RunWriter(this.#context.runtime, this.#file!, this.#chunkBytes);
    writer.write(records, count, extents);
  }

  /** Runs of higher levels were written earlier. */
  #oldestFirst(runs: readonly Run[]): Run[] {
    return [...runs].sort((a, b) => a.extents[0]!.at - b.extents[0]!.at);
  }
}
