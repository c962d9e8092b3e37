/**
 * RowParts: encoded rows in PARTS parts by bits of their keys' hashes, in a file but for what was added last.
 *
 * Flow:    hash-join.ts, when a side outgrows its memory → add(batch) … → flush → chunks(part), each read back into the arena.
 * File:    the chunks of row tables as they lie in memory; records hold no addresses, so they may come back anywhere.
 * Errors:  MR4172 the file cannot be written or read.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { ScratchFile } from "../../../foundation/host/env.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { operatorErrors } from "../errors.ts";
import type { RowFormat } from "../rows/row-format.ts";
import { RowTable } from "./row-table.ts";

export const PARTS = 16;
/** Bits of the hash below those of key groups, above those of slots and tags. */
const FIRST_SHIFT = 36;
const SHIFT_BITS = 4;
export const MOST_LEVELS = 4;
/** Rows in memory, of all parts together, before they are written: a share of the budget, up to so many pages. */
const BUFFERED_PAGES = 2048;
const BUFFERED_SHARE = 1 / 32;
const PAGE_BYTES = 4096;

interface Extent {
  readonly at: number;
  readonly bytes: number;
}

/** The file of one operator, only ever longer. */
export class SpillFile {
  readonly #file: ScratchFile;
  #end = 0;

  constructor(file: ScratchFile) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#end;
  }

  append(bytes: Uint8Array): Extent {
    const at = this.#end;
    try {
      this.#file.writeSync(bytes, at);
    } catch (error) {
      throw operatorErrors.SPILL_FAILED({ action: "written" }, { cause: error });
    }
    this.#end += bytes.length;
    return { at, bytes: bytes.length };
  }

  read(target: Uint8Array, at: number): void {
    for (let done = 0; done < target.length; ) {
      let bytes = 0;
      try {
        bytes = this.#file.readSync(target.subarray(done), at + done);
      } catch (error) {
        throw operatorErrors.SPILL_FAILED({ action: "read" }, { cause: error });
      }
      if (bytes === 0) throw operatorErrors.SPILL_FAILED({ action: "read" });
      done += bytes;
    }
  }

  close(): void {
    this.#file.close();
  }
}

export class RowParts {
  readonly #runtime: WorkerRuntime;
  readonly #file: SpillFile;
  readonly #level: number;
  readonly #bufferedPages: number;
  readonly #tables: readonly RowTable[];
  readonly #extents: readonly Extent[][] = Array.from({ length: PARTS }, () => []);

  constructor(runtime: WorkerRuntime, file: SpillFile, level: number, budgetBytes: number) {
    this.#runtime = runtime;
    this.#bufferedPages = Math.min(
      BUFFERED_PAGES,
      Math.floor((budgetBytes * BUFFERED_SHARE) / PAGE_BYTES),
    );
    this.#file = file;
    this.#level = level;
    this.#tables = Array.from({ length: PARTS }, () => new RowTable(runtime, 0));
  }

  /** hashes and views: u64[n]. */
  add(n: number, hashes: number, views: number): void {
    const { kernels } = this.#runtime;
    const shift = FIRST_SHIFT + this.#level * SHIFT_BITS;
    const rows = kernels.arenaAlloc(n * 4) >>> 0;
    this.#tables.forEach((table, part) => {
      const count = kernels.rowsOfPart(n, hashes, shift, part, rows);
      if (count === 0) return;
      const own = kernels.gatherWide(views, 8, count, rows) >>> 0;
      table.add(count, { keys: 0, hashes: 0, views: own, marks: 0 }, true);
    });
    if (this.#tables.reduce((sum, table) => sum + table.pages, 0) > this.#bufferedPages)
      this.flush();
  }

  /** Everything to the file. */
  flush(): void {
    const { memory } = this.#runtime;
    this.#tables.forEach((table, part) => {
      for (const { address, bytes } of table.chunks())
        this.#extents[part]!.push(this.#file.append(new Uint8Array(memory.buffer, address, bytes)));
      table.clear();
    });
  }

  bytes(part: number): number {
    return this.#extents[part]!.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Number of a part's chunks. */
  chunks(part: number): number {
    return this.#extents[part]!.length;
  }

  /** Reads a chunk into the arena: u32[count] addresses of its rows. */
  read(part: number, chunk: number): { readonly rows: number; readonly count: number } {
    const { kernels, memory } = this.#runtime;
    const { at, bytes } = this.#extents[part]![chunk]!;
    const address = kernels.arenaAlloc(bytes) >>> 0;
    this.#file.read(new Uint8Array(memory.buffer, address, bytes), at);
    // A record has eight bytes at least.
    const rows = kernels.arenaAlloc((bytes >> 3) * 4) >>> 0;
    return { rows, count: kernels.hashRecordsList(address, address + bytes, rows) };
  }

  /** A part's rows as batches in the arena, which is given back between them. */
  *batches(part: number, format: RowFormat): Generator<BatchPtr> {
    const { kernels } = this.#runtime;
    for (let chunk = 0; chunk < this.chunks(part); chunk++) {
      // What was read is gone when the arena was: each batch reads its chunk again.
      for (let from = 0, count = 1; from < count; from += MAX_BATCH_ROWS) {
        const read = this.read(part, chunk);
        count = read.count;
        const rows = Math.min(MAX_BATCH_ROWS, count - from);
        const batch = kernels.batchCreate(rows, format.columns, 0) >>> 0;
        format.decode(read.rows + from * 4, rows, batch, 0);
        yield batch;
      }
    }
  }

  close(): void {
    for (const table of this.#tables) table.close();
  }
}
