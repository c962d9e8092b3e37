/**
 * SortedPieces: sorted rows by pieces that may be read again: parts of a list in memory, or the extents of one run on disk.
 *
 * Flow:    row-sorter.ts (finishPieces) → load(piece) …, one piece at a time → close. On disk one piece is in memory.
 */
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { SpillFile } from "../hash-join/row-parts.ts";
import type { Extent } from "./sorted-runs.ts";

export type SortedSource =
  | { readonly list: number; readonly count: number }
  | { readonly file: SpillFile; readonly extents: readonly Extent[] };

export interface LoadedPiece {
  /** u32[count] records: good until another piece is loaded. */
  readonly list: number;
  readonly count: number;
  /** Rows of the pieces before. */
  readonly base: number;
}

interface Held {
  readonly piece: number;
  readonly address: number;
  readonly bytes: number;
  readonly list: number;
  readonly listBytes: number;
}

export class SortedPieces {
  readonly count: number;
  readonly rows: number;
  readonly #runtime: WorkerRuntime;
  readonly #source: SortedSource;
  /** Rows before each piece. */
  readonly #bases: readonly number[];
  #held: Held | undefined;

  constructor(runtime: WorkerRuntime, source: SortedSource) {
    this.#runtime = runtime;
    this.#source = source;
    const sizes =
      "file" in source
        ? source.extents.map(({ rows }) => rows)
        : Array.from({ length: Math.ceil(source.count / MAX_BATCH_ROWS) }, (_, index) =>
            Math.min(MAX_BATCH_ROWS, source.count - index * MAX_BATCH_ROWS),
          );
    let rows = 0;
    this.#bases = sizes.map((size) => {
      rows += size;
      return rows - size;
    });
    this.count = sizes.length;
    this.rows = rows;
  }

  /** Numbers of the first row of a piece, and of the one behind its last. */
  range(piece: number): { readonly first: number; readonly behind: number } {
    return { first: this.#bases[piece]!, behind: this.#bases[piece + 1] ?? this.rows };
  }

  load(piece: number): LoadedPiece {
    const { first: base, behind } = this.range(piece);
    const count = behind - base;
    const source = this.#source;
    if (!("file" in source)) return { list: source.list + base * 4, count, base };
    if (this.#held?.piece !== piece) {
      this.#release();
      this.#held = this.#read(source.file, source.extents[piece]!, piece);
    }
    return { list: this.#held.list, count, base };
  }

  close(): void {
    this.#release();
  }

  #read(file: SpillFile, { at, bytes, rows }: Extent, piece: number): Held {
    const { kernels, memory } = this.#runtime;
    const address = kernels.operatorAllocate(bytes) >>> 0;
    const listBytes = rows * 4;
    const list = kernels.operatorAllocate(listBytes) >>> 0;
    file.read(new Uint8Array(memory.buffer, address, bytes), at);
    kernels.mergeList(address, address + bytes, list);
    return { piece, address, bytes, list, listBytes };
  }

  #release(): void {
    const held = this.#held;
    if (held === undefined) return;
    const { kernels } = this.#runtime;
    kernels.operatorFree(held.address, held.bytes);
    kernels.operatorFree(held.list, held.listBytes);
    this.#held = undefined;
  }
}
